//! The local stack: what a newcomer starts instead of an AWS account.
//!
//! One process: embedded DynamoDB, gateway, Lambda runtime API with the real function binaries behind it, event sources,
//! schedules and a movable clock. Tables, routes, schedules and event-source settings are read from
//! `infra/template.yaml`, so they can't drift from what is deployed. It is for developing and testing and never part of
//! a deployment.

use std::path::{Path, PathBuf};

pub mod api_client;
pub mod check_invariants;
pub mod clock;
pub mod control;
pub mod decisions;
pub mod demo;
pub mod docs;
pub mod engine;
pub mod event_source;
pub mod gateway;
pub mod invocations;
pub mod invoke;
pub mod lambda_api;
pub mod metrics;
pub mod names;
pub mod outbox;
pub mod processes;
pub mod running;
pub mod runtime_api;
pub mod schedule;
pub mod stack;
pub mod stream_filter;
pub mod template;
pub mod token;

/// The checkout this was built from.
#[must_use]
pub fn checkout() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.ancestors().nth(2).expect("this package is two folders below the checkout").to_owned()
}
