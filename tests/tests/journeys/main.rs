//! Journeys through HTTP on a running stack, each on a stack of its own.

mod adoption;
mod availability;
mod bad_input;
mod capacity_reset;
mod changes;
mod concurrency;
mod configuration;
mod deleted_segments;
mod explain;
mod freed_sellers;
mod imports;
mod invariants;
mod logs;
mod manual_work;
mod monitor;
mod outage;
mod permission;
mod privileges;
mod reasons;
mod round_robin;
mod segment_runs;
mod sellers_day;
mod simulate;
mod tokens;
