//! Lambda function: sellers over HTTP. This file wires; `handler` answers.

mod handler;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::{Edge, Function};
use store::knowledge::Memory;
use store::{Clock, Store};

use crate::handler::Sellers;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    edge(Store::from_environment().await?, Clock::from_environment()).run().await
}

/// The function's operations, each with its handler.
fn edge(store: Store, clock: Clock) -> Edge<Arc<Sellers>> {
    let sellers = Arc::new(Sellers { store: store.clone(), clock: clock.clone(), memory: Memory::default() });
    Edge::new(Function::Sellers, store, clock, sellers)
        .on("createSeller", handler::create)
        .on("listSellers", handler::list)
        .on("getSeller", handler::read)
        .on("replaceSeller", handler::replace)
        .on("deleteSeller", handler::delete)
        .on("switchAssignRecords", handler::switch)
}
