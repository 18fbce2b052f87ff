//! Lambda function: the monitor over HTTP. This file wires; `handler` answers.

mod assign;
mod details;
mod handler;
mod retry;

use std::sync::Arc;

use api::{Edge, Function};
use store::knowledge::Memory;
use store::{Clock, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    let (store, clock) = (Store::from_environment().await?, Clock::from_environment());
    let monitor = Arc::new(handler::Monitor { store: store.clone(), clock: clock.clone(), memory: Memory::default() });
    Edge::new(Function::Monitor, store, clock, monitor)
        .on("listPending", handler::pending)
        .on("listProcessed", handler::processed)
        .on("getMonitoredRecord", details::read)
        .on("getSummary", handler::summary)
        .on("assignRecords", assign::assign)
        .on("retryRecords", retry::begin)
        .on("listRetries", retry::list)
        .on("getRetry", retry::read)
        .run()
        .await
}
