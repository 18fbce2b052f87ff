//! The monitor (API.md section 3; MON-*).

use crate::operation::Access::Organisation;
use crate::operation::Method::Get;
use crate::operation::{Answer, Function, Operation, Parameter, Values};
use crate::shapes::monitor::{PendingRecord, ProcessedRecord, STATUSES, Summary};
use crate::shapes::run::REASONS;
use domain::privilege::VIEW_MONITOR;

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
];
