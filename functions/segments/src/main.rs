//! Lambda function: segments over HTTP. This file wires; `handler` answers.

mod copy;
mod handler;
mod runs;
mod simulate;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use api::{Edge, Function};
use store::{Clock, Store};

use crate::handler::Segments;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    edge(Store::from_environment().await?, Clock::from_environment()).run().await
}

/// The function's operations, each with its handler.
fn edge(store: Store, clock: Clock) -> Edge<Arc<Segments>> {
    let segments = Arc::new(Segments { store: store.clone(), clock: clock.clone() });
    Edge::new(Function::Segments, store, clock, segments)
        .on("createSegment", handler::create)
        .on("listSegments", handler::list)
        .on("getSegment", handler::read)
        .on("replaceSegment", handler::replace)
        .on("deleteSegment", handler::delete)
        .on("activateSegment", handler::activate)
        .on("deactivateSegment", handler::deactivate)
        .on("pauseSegment", handler::pause)
        .on("prioritizeSegment", handler::prioritize)
        .on("copySegment", copy::copy)
        .on("simulateSegment", simulate::simulate)
        .on("listSegmentRecords", handler::records)
        .on("runSegment", runs::begin)
        .on("listSegmentRuns", runs::list)
        .on("getSegmentRun", runs::read)
        .on("cancelSegmentRun", runs::cancel)
        .on("getSegmentSchedule", runs::schedule)
        .on("replaceSegmentSchedule", runs::replace_schedule)
        .on("deleteSegmentSchedule", runs::delete_schedule)
}
