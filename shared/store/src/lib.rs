//! What Baton keeps: the only crate that knows the DynamoDB SDK.
//!
//! It loads what a decision needs and commits what a decision says. It decides nothing: a rule of the business found
//! here is in the wrong place. Its seam for tests is the endpoint, not a trait: tests run the real client against an
//! engine in the same process.

pub mod arrivals;
pub mod assignment_rules;
mod batch_get;
pub mod business_units;
pub mod clock;
pub mod commit;
pub mod counters;
mod document;
pub mod error;
pub mod former_segments;
pub mod freed;
mod groups;
pub mod imports;
pub mod intake;
pub mod invariants;
mod item;
pub mod keys;
pub mod knowledge;
pub mod listing;
mod memberships;
pub mod queues;
pub mod receipt;
pub mod record_item;
pub mod record_types;
pub mod records;
pub mod recount;
pub mod roles;
pub mod rounds;
pub mod rulebooks;
pub mod runs;
pub mod schedules;
pub mod segment_runs;
pub mod segments;
pub mod seller_attributes;
pub mod seller_states;
pub mod seller_subjects;
pub mod sellers;
pub mod settings;
pub mod store;
pub mod subjects;
pub mod sweeps;
pub mod teams;
pub mod timelines;
pub mod to_do;
mod transaction;
pub mod versions;
mod writes;

pub use clock::Clock;
pub use error::{Error, Result};
pub use store::Store;
