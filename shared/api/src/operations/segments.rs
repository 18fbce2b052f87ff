//! Segments (API.md section 3; SEG-*).

use crate::operation::Access::Organisation;
use crate::operation::Method::{self, Delete, Get, Post, Put};
use crate::operation::{Access, Answer, Function, Operation, Parameter, Values};
use crate::shapes::record::Record;
use crate::shapes::segment::{CopyBody, PriorityBody, STATES, Segment, SegmentBody, SimulationBody, SimulationResult};
use crate::shapes::segment_run::{RunSchedule, RunScheduleBody, SegmentRun};
use domain::privilege::{
    COPY_SEGMENT, MANAGE_SEGMENTS, RUN_RULES, SIMULATE, VIEW_MEMBERS, VIEW_MONITOR, VIEW_SEGMENTS,
};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::Segments, method, path, id, access, answer)
}

const FILTER: &[Parameter] = &[
    Parameter { name: "recordType", about: "Only segments of this record type.", values: Values::Text },
    Parameter { name: "state", about: "Only segments in this state.", values: Values::Words(STATES) },
];

const ALL: &str = "/v1/segments";
const ONE: &str = "/v1/segments/{id}";
const RUNS: &str = "/v1/segments/{id}/runs";
const SCHEDULE: &str = "/v1/segments/{id}/schedule";
const RUN: Access = Organisation(&RUN_RULES);
const MANAGE: Access = Organisation(&MANAGE_SEGMENTS);
const VIEW: Access = Organisation(&VIEW_SEGMENTS);

pub(super) const OPERATIONS: &[Operation] = &[
    operation(Post, ALL, "createSegment", MANAGE, Answer::created::<Segment>())
        .about("Creates a segment, inactive.")
        .takes::<SegmentBody>(),
    operation(Get, ALL, "listSegments", VIEW, Answer::page::<Segment>())
        .about("Lists segments, in the order in which records are matched.")
        .query(FILTER),
    operation(Get, ONE, "getSegment", VIEW, Answer::resource::<Segment>()).about("Reads a segment."),
    operation(Put, ONE, "replaceSegment", MANAGE, Answer::resource::<Segment>())
        .about("Replaces a segment; on an active one it takes effect at once.")
        .takes::<SegmentBody>()
        .conflicts(),
    operation(Delete, ONE, "deleteSegment", MANAGE, Answer::Nothing)
        .about("Deletes a segment and its rules.")
        .conflicts(),
    operation(Post, "/v1/segments/{id}/activate", "activateSegment", MANAGE, Answer::resource::<Segment>())
        .about("Makes a segment take records.")
        .conflicts(),
    operation(Post, "/v1/segments/{id}/deactivate", "deactivateSegment", MANAGE, Answer::resource::<Segment>())
        .about("Makes a segment take no more records.")
        .conflicts(),
    operation(Post, "/v1/segments/{id}/pause", "pauseSegment", MANAGE, Answer::resource::<Segment>())
        .about("Sets an active segment aside.")
        .conflicts(),
    operation(Put, "/v1/segments/{id}/priority", "prioritizeSegment", MANAGE, Answer::resource::<Segment>())
        .about("Moves a segment to another rank; the others make room.")
        .takes::<PriorityBody>()
        .conflicts(),
    operation(Post, "/v1/segments/{id}/copy", "copySegment", Organisation(&COPY_SEGMENT), Answer::created::<Segment>())
        .about("Copies a segment, inactive and without its members, with or without its rules.")
        .takes::<CopyBody>(),
    operation(
        Post,
        "/v1/segments/simulate",
        "simulateSegment",
        Organisation(&SIMULATE),
        Answer::resource::<SimulationResult>(),
    )
    .about("Lists records that satisfy conditions which are not saved; writes nothing.")
    .takes::<SimulationBody>(),
    operation(
        Get,
        "/v1/segments/{id}/records",
        "listSegmentRecords",
        Organisation(&VIEW_MEMBERS),
        Answer::page::<Record>(),
    )
    .about("Lists the records of a segment."),
    operation(Post, RUNS, "runSegment", RUN, Answer::accepted::<SegmentRun>())
        .about("Runs the segment's rules over its records without an owner, the oldest first; one run at a time.")
        .conflicts(),
    operation(Get, RUNS, "listSegmentRuns", Organisation(&VIEW_MONITOR), Answer::page::<SegmentRun>())
        .about("Lists the runs of a segment, the latest first."),
    operation(
        Get,
        "/v1/segments/{id}/runs/{runId}",
        "getSegmentRun",
        Organisation(&VIEW_MONITOR),
        Answer::resource::<SegmentRun>(),
    )
    .about("Tells how far a run is."),
    operation(Post, "/v1/segments/{id}/runs/{runId}/cancel", "cancelSegmentRun", RUN, Answer::resource::<SegmentRun>())
        .about("Ends a run; what it has asked for by then is decided nevertheless.")
        .conflicts(),
    operation(Get, SCHEDULE, "getSegmentSchedule", Organisation(&VIEW_MONITOR), Answer::resource::<RunSchedule>())
        .about("Tells when the segment's rules run by themselves."),
    operation(Put, SCHEDULE, "replaceSegmentSchedule", RUN, Answer::resource::<RunSchedule>())
        .about("Has the segment's rules run by themselves once or twice on chosen weekdays.")
        .takes::<RunScheduleBody>(),
    operation(Delete, SCHEDULE, "deleteSegmentSchedule", RUN, Answer::Nothing)
        .about("Has the segment's rules run by themselves no more."),
];
