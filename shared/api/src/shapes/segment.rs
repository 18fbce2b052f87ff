//! Segments.

use domain::id::{RecordType, SegmentId};
use domain::segment::SegmentState;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::condition::Condition;
use super::record::Record;
use super::segment_run::{RunSchedule, SegmentRun};

/// What a client says about a segment.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "name": "North American leads", "recordType": "lead", "priority": 1,
    "condition": {"all": [{"field": "country", "op": "equals", "value": ["US", "CA"]}]}
}))]
pub struct SegmentBody {
    /// For people.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S")]
    pub name: String,
    /// What it is for.
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Never changes.
    #[schema(example = "lead", min_length = 1, max_length = 64)]
    pub record_type: String,
    /// Rank within the record type, from 1; absent or too large = last before the default segment.
    #[schema(minimum = 1)]
    pub priority: Option<u32>,
    /// Which records it takes.
    #[schema(value_type = Condition)]
    pub condition: Value,
    /// May take records that are in another segment already.
    #[schema(default = false)]
    pub move_previously_segmented: Option<bool>,
    /// Runs its rules on records that move into it.
    #[schema(default = false)]
    pub run_rules_on_move: Option<bool>,
}

/// What a client says about a copy of a segment.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"name": "South American leads", "copyRules": true}))]
pub struct CopyBody {
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Rank within the record type, from 1; absent or too large = last before the default segment.
    #[schema(minimum = 1)]
    pub priority: Option<u32>,
    /// Whether its rules are copied too, inactive; that takes the privileges on assignment rules as well.
    #[schema(default = false)]
    pub copy_rules: Option<bool>,
}

/// Conditions to try out.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "recordType": "lead", "condition": {"field": "country", "op": "equals", "value": ["US", "CA"]}, "limit": 10
}))]
pub struct SimulationBody {
    /// Of which type records are tested.
    #[schema(example = "lead")]
    pub record_type: String,
    /// The conditions.
    #[schema(value_type = Condition)]
    pub condition: Value,
    /// How many of the records that fit are shown.
    #[schema(minimum = 1, maximum = 100, default = 100)]
    pub limit: Option<u32>,
}

/// The records that satisfy some conditions. Indicative: priority, other segments and membership play no part.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SimulationResult {
    /// Some of them, the newest first.
    pub items: Vec<Record>,
    /// How many there are.
    #[schema(maximum = 5000)]
    pub total: u64,
    /// There may be more: counting ended before all records were tested.
    pub total_is_capped: bool,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// `{type}-{suffix}`.
    #[schema(value_type = String)]
    pub id: SegmentId,
    /// For people.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// Which records it takes.
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// Rank within the record type, from 1.
    pub priority: u32,
    /// Which records it takes.
    #[schema(value_type = Condition)]
    pub condition: Value,
    /// May take records that are in another segment already.
    pub move_previously_segmented: bool,
    /// Runs its rules on records that move into it.
    pub run_rules_on_move: bool,
    /// Whether it takes records.
    #[schema(schema_with = state)]
    pub state: SegmentState,
    /// The one of its type that always ranks last.
    pub is_default: bool,
    /// The sequence its records are connected to.
    #[schema(required)]
    pub sequence_id: Option<String>,
    /// How many rules it has.
    pub rule_count: u64,
    /// How many records are in it.
    pub member_count: u64,
    /// How many of them have no owner.
    pub unassigned_count: u64,
    /// Its last run over waiting records.
    #[schema(required)]
    pub last_run: Option<SegmentRun>,
    /// When it runs by itself.
    #[schema(required, value_type = Option<RunSchedule>)]
    pub schedule: Option<domain::run_schedule::RunSchedule>,
    /// Counts the changes that clients made.
    pub version: u64,
    /// When it was created.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
    /// When a client last changed it.
    #[schema(value_type = String, format = DateTime)]
    pub modified_at: Timestamp,
}

/// A segment's new rank.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"priority": 1}))]
pub struct PriorityBody {
    /// From 1; too large = last before the default segment.
    #[schema(minimum = 1)]
    pub priority: u32,
}

/// The words for a segment's state.
pub(crate) const STATES: &[&str] = &["inactive", "active", "paused"];

fn state() -> RefOr<Schema> {
    super::words(STATES)
}
