//! Records (API.md section 3; ENT-20, SEC-73, SEC-74).

use crate::operation::Access::{Organisation, Scoped};
use crate::operation::Method::{self, Delete, Get, Patch, Post};
use crate::operation::{Access, Answer, Function, Operation, Parameter, Values};
use crate::shapes::record::{
    AssignBody, BatchBody, BatchResults, CloseBody, Import, ImportResult, Record, RecordBody, RecordPatch,
    RecordSimulationBody, STATES, WORK_STATUSES,
};
use crate::shapes::run::{RoutingRun, SimulatedRun};
use crate::shapes::timeline::TimelineEntry;
use domain::privilege::{
    ASSIGN_RECORD, CHANGE_RECORD, CREATE_RECORD, DELETE_RECORD, IMPORT_RECORDS, SIMULATE, VIEW_RECORDS, VIEW_RUNS,
};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::Records, method, path, id, access, answer)
}

const FILTER: &[Parameter] = &[
    Parameter { name: "segmentId", about: "Only records in this segment.", values: Values::Text },
    Parameter {
        name: "owner",
        about: "Only records of this owner: a seller's id, or `seller:{id}`, `team:{id}`, `queue:{id}`.",
        values: Values::Text,
    },
    Parameter { name: "state", about: "Only records in this state.", values: Values::Words(STATES) },
    Parameter {
        name: "workStatus",
        about: "Only records that stand so in work assignment.",
        values: Values::Words(WORK_STATUSES),
    },
];

const OF_IMPORT: &[Parameter] = &[
    Parameter {
        name: "map",
        about: "Which column fills what, `column:field,...`; a column that it doesn't name fills the field of its own \
                name or is left out. Absent = every column fills the field of its name.",
        values: Values::Text,
    },
    Parameter {
        name: "route",
        about: "`true`: rows with an owner are routed too; `false`: no row is. Absent = rows without an owner are.",
        values: Values::Words(&["true", "false"]),
    },
];

const ALL: &str = "/v1/records/{type}";
const IMPORT: &str = "/v1/records/{type}/import";
const ONE: &str = "/v1/records/{type}/{id}";

pub(super) const OPERATIONS: &[Operation] = &[
    operation(Post, ALL, "createRecord", Scoped(&CREATE_RECORD), Answer::created::<Record>())
        .about("Creates a record and marks it to be routed.")
        .takes::<RecordBody>()
        .conflicts(),
    operation(Get, ALL, "listRecords", Scoped(&VIEW_RECORDS), Answer::page::<Record>())
        .about("Lists records of a type.")
        .query(FILTER),
    operation(
        Post,
        "/v1/records/{type}/batch",
        "createRecords",
        Organisation(&IMPORT_RECORDS),
        Answer::resource::<BatchResults>(),
    )
    .about("Creates up to 1,000 records; one that fails doesn't stop the others.")
    .takes::<BatchBody>(),
    operation(Post, IMPORT, "importRecords", Organisation(&IMPORT_RECORDS), Answer::resource::<ImportResult>())
        .about("Creates a record of each row of a table; a row that fails doesn't stop the others.")
        .query(OF_IMPORT)
        .takes_text("text/csv"),
    operation(Get, IMPORT, "listImports", Organisation(&IMPORT_RECORDS), Answer::page::<Import>())
        .about("Lists imports of records of a type and how far they have come, the latest first."),
    operation(
        Get,
        "/v1/records/{type}/import/{importId}",
        "getImport",
        Organisation(&IMPORT_RECORDS),
        Answer::resource::<Import>(),
    )
    .about("Tells how far an import has come."),
    operation(
        Post,
        "/v1/records/{type}/simulate",
        "simulateRecord",
        Organisation(&SIMULATE),
        Answer::resource::<SimulatedRun>(),
    )
    .about(
        "Tells the routing run that would result at an instant, drawing anew what is left to chance; writes nothing.",
    )
    .takes::<RecordSimulationBody>()
    .conflicts(),
    operation(Get, ONE, "getRecord", Scoped(&VIEW_RECORDS), Answer::resource::<Record>()).about("Reads a record."),
    operation(Patch, ONE, "changeRecord", Scoped(&CHANGE_RECORD), Answer::resource::<Record>())
        .about("Changes the columns that the body names; the others stay.")
        .takes::<RecordPatch>()
        .conflicts(),
    operation(Delete, ONE, "deleteRecord", Organisation(&DELETE_RECORD), Answer::Nothing)
        .about("Deletes a record.")
        .conflicts(),
    operation(
        Post,
        "/v1/records/{type}/{id}/assign",
        "assignRecord",
        Organisation(&ASSIGN_RECORD),
        Answer::resource::<Record>(),
    )
    .about("Gives a record to an owner by hand.")
    .takes::<AssignBody>()
    .conflicts(),
    operation(
        Post,
        "/v1/records/{type}/{id}/close",
        "closeRecord",
        Scoped(&CHANGE_RECORD),
        Answer::resource::<Record>(),
    )
    .about("Makes a record inactive; it leaves the process.")
    .takes::<CloseBody>()
    .conflicts(),
    operation(
        Post,
        "/v1/records/{type}/{id}/reopen",
        "reopenRecord",
        Scoped(&CHANGE_RECORD),
        Answer::resource::<Record>(),
    )
    .about("Makes a record active again and marks it to be routed.")
    .conflicts(),
    operation(Get, "/v1/records/{type}/{id}/runs", "listRuns", Scoped(&VIEW_RUNS), Answer::page::<RoutingRun>())
        .about("Lists the routing runs of a record, newest first, with their traces."),
    operation(
        Get,
        "/v1/records/{type}/{id}/runs/{runId}",
        "getRun",
        Scoped(&VIEW_RUNS),
        Answer::resource::<RoutingRun>(),
    )
    .about("Reads a routing run of a record, with its trace."),
    operation(
        Get,
        "/v1/records/{type}/{id}/timeline",
        "getTimeline",
        Scoped(&VIEW_RUNS),
        Answer::page::<TimelineEntry>(),
    )
    .about("Lists what happened to a record, newest first: segments it joined and left, owners, closings."),
];
