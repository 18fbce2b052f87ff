//! Lambda function: assignment rules over HTTP. This file wires; `handler` answers.

mod handler;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::{Edge, Function};
use store::knowledge::Memory;
use store::{Clock, Store};

use crate::handler::AssignmentRules;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    edge(Store::from_environment().await?, Clock::from_environment()).run().await
}

/// The function's operations, each with its handler.
fn edge(store: Store, clock: Clock) -> Edge<Arc<AssignmentRules>> {
    let rules = Arc::new(AssignmentRules { store: store.clone(), clock: clock.clone(), memory: Memory::default() });
    Edge::new(Function::AssignmentRules, store, clock, rules)
        .on("createRule", handler::create)
        .on("listRules", handler::list)
        .on("orderRules", handler::order)
        .on("getRule", handler::read)
        .on("replaceRule", handler::replace)
        .on("deleteRule", handler::delete)
        .on("activateRule", handler::activate)
        .on("deactivateRule", handler::deactivate)
}
