//! Lambda function: records over HTTP. This file wires; the others answer.

mod change;
mod create;
mod import;
mod read;
mod scope;
mod simulate;

use std::sync::Arc;

use api::{Edge, Function};
use store::knowledge::{Knowledge, Memory};
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct Records {
    store: Store,
    clock: Clock,
    memory: Memory,
}

impl Records {
    /// What is configured now.
    async fn knowledge(&self) -> api::Result<Arc<Knowledge>> {
        Ok(self.store.knowledge(&self.memory).await?)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (store, clock) = (Store::from_environment().await?, Clock::from_environment());
    let records = Arc::new(Records { store: store.clone(), clock: clock.clone(), memory: Memory::default() });
    Edge::new(Function::Records, store, clock, records)
        .on("createRecord", create::one)
        .on("createRecords", create::many)
        .on("importRecords", import::import)
        .on("listImports", import::list)
        .on("getImport", import::read)
        .on("simulateRecord", simulate::simulate)
        .on("listRecords", read::list)
        .on("getRecord", read::one)
        .on("listRuns", read::runs)
        .on("getRun", read::run)
        .on("getTimeline", read::timeline)
        .on("changeRecord", change::patch)
        .on("deleteRecord", change::delete)
        .on("assignRecord", change::assign)
        .on("closeRecord", change::close)
        .on("reopenRecord", change::reopen)
        .run()
        .await
}
