//! The monitor: what waits, what was processed, how many.

use std::collections::BTreeMap;

use domain::id::{Owner, RecordId, RecordType, SegmentId};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::{owner, record, run};

/// Whom to give which records.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "recordIds": ["L-1", "L-2"], "owner": {"kind": "seller", "id": "susana"}
}))]
pub struct AssignManyBody {
    /// Different ones.
    #[schema(min_items = 1, max_items = 200)]
    pub record_ids: Vec<String>,
    /// To whom.
    #[schema(value_type = owner::Owner)]
    pub owner: Owner,
}

/// A record that waits to be processed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingRecord {
    /// Its id.
    #[schema(value_type = String)]
    pub id: RecordId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// Its name or topic.
    #[schema(required)]
    pub name: Option<String>,
    /// Who owns it.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub owner: Option<Owner>,
    /// The segment it is in.
    #[schema(required, value_type = Option<String>)]
    pub segment_id: Option<SegmentId>,
    /// Since when it waits.
    #[schema(value_type = String, format = DateTime)]
    pub pending_since: Timestamp,
    /// Why.
    #[schema(schema_with = run::trigger)]
    pub trigger: String,
}

/// A record that was processed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessedRecord {
    /// Its id.
    #[schema(value_type = String)]
    pub id: RecordId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// Its name or topic.
    #[schema(required)]
    pub name: Option<String>,
    /// Who owns it.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub owner: Option<Owner>,
    /// The segment it is in.
    #[schema(required, value_type = Option<String>)]
    pub segment_id: Option<SegmentId>,
    /// The segment's name; null when there is none or it was deleted.
    #[schema(required)]
    pub segment_name: Option<String>,
    /// Whether one of the operations of its last run failed.
    #[schema(schema_with = processed)]
    pub status: String,
    /// The rule that decided; null when there was none or it is not in force any more.
    #[schema(required)]
    pub rule_name: Option<String>,
    /// Its last run without trace.
    #[schema(required, value_type = Option<run::RoutingRun>)]
    pub run: Option<Value>,
}

/// A record with what its last run left.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MonitoredRecord {
    /// Its id.
    #[schema(value_type = String)]
    pub id: RecordId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// Its name or topic.
    #[schema(required)]
    pub name: Option<String>,
    /// Where it stands; `none` = never routed, or inactive.
    #[schema(schema_with = record::work_status)]
    pub status: String,
    /// Since when it waits to be processed; null when it does not.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub pending_since: Option<Timestamp>,
    /// Who owns it.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub owner: Option<Owner>,
    /// When it came into being.
    #[schema(value_type = String, format = DateTime)]
    pub created_on: Timestamp,
    /// The segment it is in.
    #[schema(required, value_type = Option<String>)]
    pub segment_id: Option<SegmentId>,
    /// The segment's name; null when there is none or it was deleted.
    #[schema(required)]
    pub segment_name: Option<String>,
    /// The rule that decided; null when there was none or it is not in force any more.
    #[schema(required)]
    pub rule_name: Option<String>,
    /// To whom the last run gave it.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub assigned_to: Option<Owner>,
    /// Who had it before.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub previous_owner: Option<Owner>,
    /// When it should be assigned at the latest.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub assignment_due: Option<Timestamp>,
    /// Whether it should have been assigned by now and is not.
    pub overdue: bool,
    /// Why the first operation that failed did; the run tells of all.
    #[schema(required, schema_with = run::reason)]
    pub reason: Option<String>,
    /// The same in words.
    #[schema(required)]
    pub reason_text: Option<String>,
    /// What went wrong on our side.
    #[schema(required)]
    pub error_details: Option<String>,
    /// Its last run without trace.
    #[schema(required, value_type = Option<run::RoutingRun>)]
    pub run: Option<Value>,
}

/// How many records of a type stand where.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Summary {
    /// Those that wait to be processed.
    pub pending: PendingSummary,
    /// Those that were.
    pub processed: ProcessedSummary,
    /// Those that need attention, by reason.
    pub reasons: BTreeMap<String, u64>,
    /// Those in each segment of the type, also where there are none.
    pub segments: BTreeMap<String, SegmentSummary>,
}

/// Records that wait to be processed.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PendingSummary {
    /// How many.
    pub count: u64,
    /// Since when the oldest waits.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub oldest_since: Option<Timestamp>,
}

/// Records that were processed, by the status of their last run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProcessedSummary {
    /// No outcome failed.
    pub succeeded: u64,
    /// One failed.
    pub needs_attention: u64,
}

/// Records of a segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct SegmentSummary {
    /// Records in it.
    pub members: u64,
    /// Those without an owner.
    pub unassigned: u64,
}

fn processed() -> RefOr<Schema> {
    super::words(STATUSES)
}

/// The words for how a record was processed.
pub(crate) const STATUSES: &[&str] = &["succeeded", "needsAttention"];
