//! Lambda function: the organisation over HTTP: settings, record types, and the service itself. This file wires; the
//! others answer.

mod record_types;
mod service;
mod settings;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::{Edge, Function};
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct Organization {
    pub(crate) store: Store,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    edge(Store::from_environment().await?, Clock::from_environment()).run().await
}

/// The function's operations, each with its handler.
fn edge(store: Store, clock: Clock) -> Edge<Arc<Organization>> {
    let organization = Arc::new(Organization { store: store.clone() });
    Edge::new(Function::Organization, store, clock, organization)
        .on("getSettings", settings::read)
        .on("changeSettings", settings::change)
        .on("listRecordTypes", record_types::list)
        .on("getRecordType", record_types::read)
        .on("replaceRecordType", record_types::replace)
        .on("getHealth", service::health)
        .on("getOpenapi", service::document)
}
