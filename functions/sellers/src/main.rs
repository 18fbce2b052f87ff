//! Lambda function: sellers over HTTP. This file wires; the modules named after nouns answer.

mod attributes;
mod bulk;
mod calendar;
mod capacity;
mod reach;
mod search;
mod seller_attributes;
mod sellers;
mod service;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::{Edge, Function};
use store::knowledge::Memory;
use store::{Clock, Store};

use crate::service::Sellers;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    edge(Store::from_environment().await?, Clock::from_environment()).run().await
}

/// The function's operations, each with its handler.
fn edge(store: Store, clock: Clock) -> Edge<Arc<Sellers>> {
    let sellers = Arc::new(Sellers { store: store.clone(), clock: clock.clone(), memory: Memory::default() });
    Edge::new(Function::Sellers, store, clock, sellers)
        .on("createSeller", sellers::create)
        .on("listSellers", sellers::list)
        .on("searchSellers", search::search)
        .on("changeSellers", bulk::change)
        .on("getSeller", sellers::read)
        .on("replaceSeller", sellers::replace)
        .on("deleteSeller", sellers::delete)
        .on("switchAssignRecords", capacity::switch)
        .on("setCapacity", capacity::set)
        .on("applyAttributes", attributes::apply)
        .on("listCalendarEntries", calendar::list)
        .on("createCalendarEntry", calendar::create)
        .on("replaceCalendarEntry", calendar::replace)
        .on("deleteCalendarEntry", calendar::delete)
        .on("createSellerAttribute", seller_attributes::create)
        .on("listSellerAttributes", seller_attributes::list)
        .on("getSellerAttribute", seller_attributes::read)
        .on("replaceSellerAttribute", seller_attributes::replace)
        .on("deleteSellerAttribute", seller_attributes::delete)
}
