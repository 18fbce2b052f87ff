//! What Baton decides, and nothing else.
//!
//! This crate takes values (the present instant and random numbers among them) and returns values. It does no I/O,
//! reads no clock, draws no random number, and deciding can't fail: a surprising input is an outcome with a reason.
//! Believing what a client proposes can fail; it ends in [`fault::Fault`]s, all at once.

pub mod assignment_rule;
pub mod business_unit;
pub mod calendar;
pub mod capacity;
pub mod column;
pub mod condition;
pub mod decide;
mod distribution;
pub mod draft;
pub mod explanation;
pub mod fault;
pub mod freed;
mod group;
pub mod id;
pub mod import;
pub mod in_periods;
pub mod invariant;
mod lineup;
pub mod mark;
pub mod members;
pub mod obstacle;
pub mod privilege;
pub mod queue;
pub mod reason;
pub mod record;
pub mod record_draft;
pub mod record_type;
pub mod recount;
pub mod role_definition;
pub mod roster;
pub mod route;
pub mod rulebook;
pub mod run;
pub mod run_schedule;
pub mod segment;
pub mod segment_run;
pub mod seller;
pub mod seller_attribute;
pub mod settings;
mod shared_text;
pub mod subject;
pub mod tally;
pub mod team;
pub mod turn;
pub mod value;
pub mod word;
