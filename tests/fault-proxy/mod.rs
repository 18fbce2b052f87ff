//! A proxy between functions and the DynamoDB engine that injects what the embedded engine can't show by itself:
//! conflicts, throttling, lost answers, server errors, lacking privileges, unprocessed parts of batches, late indexes and
//! stale reads.
//!
//! Faults are drawn at seeded rates: the same seed, rules and request number draw the same fault. Without rules it
//! passes everything through and can measure ([`Meter`]). It speaks DynamoDB's JSON protocol only; it is not an engine
//! and keeps no items but the recent history that late and stale answers are made of.

mod answer;
mod call;
mod draw;
mod engine;
mod fault;
mod gate;
mod history;
mod key_condition;
mod meter;
mod partiql;
mod proxy;
mod rewind;
mod rights;
mod rule;
mod size;

pub use fault::Fault;
pub use gate::Gate;
pub use meter::{Charge, Figures, Meter, Operation, Written};
pub use proxy::FaultProxy;
pub use rights::FILE_VARIABLE as RIGHTS_VARIABLE;
pub use rule::Rule;

#[cfg(test)]
mod tests;
