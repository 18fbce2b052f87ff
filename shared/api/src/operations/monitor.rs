//! The monitor (API.md section 3; MON-*).

use crate::operation::Access::Organisation;
use crate::operation::Method::{Get, Post};
use crate::operation::{Answer, Function, Operation, Parameter, Values};
use crate::shapes::monitor::{AssignManyBody, MonitoredRecord, PendingRecord, ProcessedRecord, STATUSES, Summary};
use crate::shapes::record::BatchResults;
use crate::shapes::run::REASONS;
use crate::shapes::segment_run::{RetryBody, SegmentRun};
use domain::privilege::{ASSIGN_FROM_MONITOR, RUN_RULES, VIEW_MONITOR};

const fn operation(path: &'static str, id: &'static str, answer: Answer) -> Operation {
    Operation::new(Function::Monitor, Get, path, id, Organisation(&VIEW_MONITOR), answer)
}

const FILTER: &[Parameter] = &[
    Parameter { name: "status", about: "Only records processed so; absent = all.", values: Values::Words(STATUSES) },
    Parameter { name: "reason", about: "Only records with this reason.", values: Values::Words(REASONS) },
    Parameter { name: "segmentId", about: "Only records in this segment.", values: Values::Text },
];

pub(super) const OPERATIONS: &[Operation] = &[
    operation("/v1/monitor/{type}/pending", "listPending", Answer::page::<PendingRecord>())
        .about("Lists the records that wait to be processed, oldest first."),
    operation("/v1/monitor/{type}/processed", "listProcessed", Answer::page::<ProcessedRecord>())
        .about("Lists the processed records, newest first.")
        .query(FILTER),
    operation("/v1/monitor/{type}/summary", "getSummary", Answer::resource::<Summary>())
        .about("Counts records by status, reason and segment."),
    operation("/v1/monitor/{type}/records/{id}", "getMonitoredRecord", Answer::resource::<MonitoredRecord>())
        .about("Tells of one record what its last run left, and whether it is overdue."),
    Operation::new(
        Function::Monitor,
        Post,
        "/v1/monitor/{type}/assign",
        "assignRecords",
        Organisation(&ASSIGN_FROM_MONITOR),
        Answer::resource::<BatchResults>(),
    )
    .about("Gives records to a seller or team, and tells of each whether it was done.")
    .takes::<AssignManyBody>()
    .conflicts(),
    Operation::new(
        Function::Monitor,
        Post,
        "/v1/monitor/{type}/retry",
        "retryRecords",
        Organisation(&RUN_RULES),
        Answer::accepted::<SegmentRun>(),
    )
    .about("Has records that need attention decided once more: named ones, those with a reason, those of a segment.")
    .takes::<RetryBody>()
    .conflicts(),
    operation("/v1/monitor/{type}/retries", "listRetries", Answer::page::<SegmentRun>())
        .about("Lists the retries that are not about one segment, the latest first."),
    operation("/v1/monitor/{type}/retries/{runId}", "getRetry", Answer::resource::<SegmentRun>())
        .about("Tells how far a retry is."),
];
