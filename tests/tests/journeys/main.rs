//! Journeys through HTTP on a running stack, each on a stack of its own.

mod adoption;
mod availability;
mod bad_input;
mod capacity_reset;
mod changes;
mod concurrency;
mod configuration;
mod imports;
mod invariants;
mod logs;
mod manual_work;
mod permission;
mod privileges;
mod round_robin;
mod segment_runs;
mod simulate;
mod tokens;
