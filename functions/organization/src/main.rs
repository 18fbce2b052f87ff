//! Lambda function: the organisation over HTTP: settings, record types, teams, queues, business units, roles, and the
//! service itself. This file wires; the others answer.

mod business_units;
mod queues;
mod record_types;
mod roles;
mod service;
mod settings;
mod teams;
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
        .on("createTeam", teams::create)
        .on("listTeams", teams::list)
        .on("getTeam", teams::read)
        .on("replaceTeam", teams::replace)
        .on("deleteTeam", teams::delete)
        .on("createQueue", queues::create)
        .on("listQueues", queues::list)
        .on("getQueue", queues::read)
        .on("replaceQueue", queues::replace)
        .on("deleteQueue", queues::delete)
        .on("createBusinessUnit", business_units::create)
        .on("listBusinessUnits", business_units::list)
        .on("getBusinessUnit", business_units::read)
        .on("replaceBusinessUnit", business_units::replace)
        .on("deleteBusinessUnit", business_units::delete)
        .on("listRoles", roles::list)
        .on("getRole", roles::read)
        .on("replaceRole", roles::replace)
        .on("getHealth", service::health)
        .on("getOpenapi", service::document)
}
