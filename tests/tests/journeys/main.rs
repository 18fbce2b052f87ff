//! Journeys through HTTP on a running stack, each on a stack of its own.

mod adoption;
mod availability;
mod bad_input;
mod capacity_reset;
mod changes;
mod concurrency;
mod configuration;
mod explain;
mod imports;
mod logs;
mod manual_work;
mod monitor;
mod permission;
mod privileges;
mod reasons;
mod round_robin;
mod segment_runs;
mod simulate;
mod tokens;
