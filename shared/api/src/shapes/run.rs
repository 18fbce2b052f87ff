//! Routing runs. Answers are `domain`'s own runs; these describe them.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::explanation::{self, Names};
use domain::reason::Reason;
use utoipa::openapi::schema::{SchemaType, Type};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::owner::Owner;

/// One processing of one record, with its trace.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RoutingRun {
    /// Opaque.
    pub id: String,
    /// The record.
    pub record_id: String,
    /// Its type.
    pub record_type: String,
    /// What set it going.
    #[schema(schema_with = trigger)]
    pub trigger: String,
    /// Failed when one of the outcomes failed.
    #[schema(schema_with = run_status)]
    pub status: String,
    /// Version of the segments and rules it was decided by.
    pub rulebook_version: u64,
    /// Which segment the record is in.
    pub segmentation: Segmentation,
    /// Who owns the record.
    pub assignment: Assignment,
    /// Which sequence the record was connected to.
    pub sequence: Sequence,
    /// When it began.
    #[schema(format = DateTime)]
    pub started_at: String,
    /// When it ended.
    #[schema(format = DateTime)]
    pub finished_at: String,
    /// What went wrong on our side.
    #[schema(required)]
    pub error_details: Option<String>,
    /// What it did and why, in plain English.
    pub explanation: String,
    /// Every segment and rule tried, every candidate and what dropped it. Lists of the monitor leave it out.
    pub trace: Option<Trace>,
}

/// The run that would result: a [`RoutingRun`] in which what there is not has no id.
#[derive(Debug)]
pub struct SimulatedRun;

impl PartialSchema for SimulatedRun {
    fn schema() -> RefOr<Schema> {
        let RefOr::T(Schema::Object(mut run)) = RoutingRun::schema() else { unreachable!("a run is an object") };
        run.description = Some("The run that would result at that instant. Nothing of it is stored.".to_owned());
        for (name, about) in [("id", "Always null: no run was committed."), ("recordId", "Null for a draft.")] {
            let Some(RefOr::T(Schema::Object(id))) = run.properties.get_mut(name) else { unreachable!("it has ids") };
            id.schema_type = SchemaType::Array(vec![Type::String, Type::Null]);
            id.description = Some(about.to_owned());
            id.examples = vec![serde_json::Value::Null];
        }
        run.properties.insert("trace".to_owned(), Ref::from_schema_name("Trace").into());
        run.required.push("trace".to_owned());
        Schema::Object(run).into()
    }
}

impl ToSchema for SimulatedRun {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("SimulatedRun")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        RoutingRun::schemas(schemas);
    }
}

/// The outcome of segmentation.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Segmentation {
    /// How it ended.
    #[schema(schema_with = status)]
    pub status: String,
    /// Why it failed.
    #[schema(required, schema_with = reason)]
    pub reason: Option<String>,
    /// The same in words.
    #[schema(required)]
    pub reason_text: Option<String>,
    /// The segment.
    #[schema(required)]
    pub segment_id: Option<String>,
    /// Its name as it was then.
    #[schema(required)]
    pub segment_name: Option<String>,
    /// The segment before.
    #[schema(required)]
    pub previous_segment_id: Option<String>,
    /// How the record came into its segment; null when it was in it already.
    #[schema(required, schema_with = joined)]
    pub joined: Option<String>,
}

/// The outcome of assignment.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Assignment {
    /// How it ended.
    #[schema(schema_with = status)]
    pub status: String,
    /// Why it failed.
    #[schema(required, schema_with = reason)]
    pub reason: Option<String>,
    /// The same in words.
    #[schema(required)]
    pub reason_text: Option<String>,
    /// The rule that decided.
    #[schema(required)]
    pub rule_id: Option<String>,
    /// The owner before.
    #[schema(required)]
    pub previous_owner: Option<Owner>,
    /// The owner after.
    #[schema(required)]
    pub owner: Option<Owner>,
    /// When it should have been assigned.
    #[schema(required, format = DateTime)]
    pub due_at: Option<String>,
    /// Whether that instant had passed.
    pub overdue: bool,
}

/// The outcome of connecting a sequence.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Sequence {
    /// How it ended.
    #[schema(schema_with = status)]
    pub status: String,
    /// Why it failed.
    #[schema(required, schema_with = reason)]
    pub reason: Option<String>,
    /// The same in words.
    #[schema(required)]
    pub reason_text: Option<String>,
    /// The sequence.
    #[schema(required)]
    pub sequence_id: Option<String>,
    /// The record's passage through it.
    #[schema(required)]
    pub target_id: Option<String>,
}

/// How a decision came about. Names fields and ids, never the values of fields.
#[derive(Debug, ToSchema)]
pub struct Trace {
    /// Segments in the order they were tried.
    pub segments: Vec<Tried>,
    /// Rules in the order they were tried.
    pub rules: Vec<Tried>,
    /// Up to 50 candidates; of more, the 25 best ranked.
    pub candidates: Vec<Candidate>,
    /// How many candidates each gate dropped.
    pub gates: BTreeMap<String, u32>,
}

/// A segment or rule that was tried.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Tried {
    /// Its id.
    pub id: String,
    /// Whether the record matched.
    pub matched: bool,
    /// JSON pointer to the test in the condition that failed.
    #[schema(required)]
    pub failed_on: Option<String>,
}

/// A seller who could have been chosen.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Candidate {
    /// The seller.
    pub seller_id: String,
    /// Chosen, ranked, or the gate that dropped the seller.
    #[schema(schema_with = verdict)]
    pub verdict: String,
    /// Available capacity.
    #[schema(required)]
    pub available: Option<i64>,
    /// How soon the seller works.
    #[schema(required)]
    pub bucket: Option<u32>,
    /// The last assignment as the decision saw it.
    #[schema(required, format = DateTime)]
    pub last_assigned_at: Option<String>,
    /// Place in the order, from 1.
    #[schema(required)]
    pub rank: Option<u32>,
    /// Why the seller got the record or did not, in plain English.
    pub explanation: String,
}

/// The codes of reasons, for query parameters.
pub(crate) const REASONS: &[&str] = &[
    "serverError",
    "noConditionMet",
    "noSellerMatches",
    "noAvailability",
    "noCapacity",
    "noActiveRule",
    "sellerLacksPermission",
    "recordTooOld",
    "severalTeams",
    "noTeam",
    "severalQueues",
    "noQueue",
    "rulesDoNotRunOnMove",
    "servicePermission",
    "segmentError",
    "noSegment",
    "sequenceInactive",
    "sequenceSellerPermission",
    "sequenceError",
];

/// What sets a run going.
pub(super) const TRIGGERS: &[&str] = &[
    "created",
    "updated",
    "moved",
    "reopened",
    "imported",
    "runNow",
    "scheduled",
    "retried",
    "capacityFreed",
    "manual",
];

pub(super) fn trigger() -> RefOr<Schema> {
    super::words(TRIGGERS)
}

pub(super) fn joined() -> RefOr<Schema> {
    super::words_or_null(&["created", "updated", "moved"])
}

fn run_status() -> RefOr<Schema> {
    super::words(&["succeeded", "failed"])
}

fn status() -> RefOr<Schema> {
    super::words(&["succeeded", "failed", "notApplicable"])
}

pub(super) fn reason() -> RefOr<Schema> {
    let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    super::words_or_null(&codes)
}

fn verdict() -> RefOr<Schema> {
    super::words(&[
        "chosen",
        "ranked",
        "role",
        "switchedOff",
        "disabled",
        "notMatched",
        "noPermission",
        "noCapacity",
        "notAvailable",
        "laterBucket",
    ])
}

/// A run as it is answered: with its status and in words, and with its trace where `trace` says so.
#[must_use]
pub fn answer(run: &domain::run::RoutingRun, trace: bool, names: &impl Names) -> serde_json::Value {
    let mut json = serde_json::to_value(run).unwrap_or_default();
    if let Some(members) = json.as_object_mut() {
        let status = if run.needs_attention() { "failed" } else { "succeeded" };
        members.insert("status".to_owned(), status.into());
        members.insert("explanation".to_owned(), explanation::of_run(run, names).into());
        members.shift_remove("previous");
        let reasons = [
            ("segmentation", run.segmentation.reason),
            ("assignment", run.assignment.reason),
            ("sequence", run.sequence.reason),
        ];
        for (operation, reason) in reasons {
            if let Some(outcome) = members.get_mut(operation) {
                outcome["reasonText"] = reason.map(Reason::text).into();
            }
        }
        if !trace {
            members.shift_remove("trace");
        }
    }
    let candidates = json.pointer_mut("/trace/candidates").and_then(serde_json::Value::as_array_mut);
    for (shown, candidate) in candidates.into_iter().flatten().zip(&run.trace.candidates) {
        shown["explanation"] = explanation::of_candidate(candidate, names).into();
    }
    json
}

/// A run that was only tried out; that of a draft has no record.
#[must_use]
pub fn simulated(run: &domain::run::RoutingRun, of_draft: bool, names: &impl Names) -> serde_json::Value {
    let mut json = answer(run, true, names);
    json["id"] = serde_json::Value::Null;
    if of_draft {
        json["recordId"] = serde_json::Value::Null;
    }
    json
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_codes_of_reasons_are_the_domains() {
        let codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(REASONS, codes);
    }
}
