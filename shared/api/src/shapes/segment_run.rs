//! Runs of a segment's rules, retries, and schedules.

use domain::id::{RecordType, SegmentId};
use domain::segment_run::{RunStatus, RunTrigger, SegmentRun as Run};
use domain::settings::WEEKDAYS;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::ArrayBuilder;
use utoipa::openapi::{RefOr, Schema};

/// One run of a segment's rules over its records without an owner, or a further try of records that need attention.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "id": "01KAHQ3B4F0000000000000000", "segmentId": "lead-default", "recordType": "lead", "trigger": "manual",
    "status": "done", "considered": 12, "assigned": 9, "failed": 3, "startedAt": "2026-03-02T08:00:00Z",
    "finishedAt": "2026-03-02T08:00:02Z"
}))]
pub struct SegmentRun {
    /// Its id.
    pub id: String,
    /// The segment; null for a retry that is not about one.
    #[schema(required, value_type = Option<String>)]
    pub segment_id: Option<SegmentId>,
    /// The type of its records.
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// What set it going.
    #[schema(schema_with = trigger)]
    pub trigger: RunTrigger,
    /// How far it is.
    #[schema(schema_with = status)]
    pub status: RunStatus,
    /// Records that were decided once more, or are about to be.
    pub considered: u64,
    /// Of those, got an owner.
    pub assigned: u64,
    /// Of those, got none.
    pub failed: u64,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl From<Run> for SegmentRun {
    fn from(run: Run) -> Self {
        Self {
            id: run.id.to_string(),
            segment_id: run.wanted.segment().cloned(),
            record_type: run.record_type,
            trigger: run.trigger,
            status: run.status,
            considered: run.counts.considered,
            assigned: run.counts.assigned,
            failed: run.counts.failed,
            started_at: run.started_at,
            finished_at: run.finished_at,
        }
    }
}

/// Which records to try once more: exactly one of the members.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"reason": "noCapacity"}))]
pub struct RetryBody {
    /// These.
    #[schema(min_items = 1, max_items = 1000)]
    pub record_ids: Option<Vec<String>>,
    /// Those with this reason.
    #[schema(schema_with = reason)]
    pub reason: Option<String>,
    /// Those in this segment that need attention.
    pub segment_id: Option<String>,
}

/// When a segment's rules run by themselves.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "startDate": "2026-03-02", "days": ["monday"], "times": ["06:00", "14:00"], "timeZone": null
}))]
pub struct RunSchedule {
    /// First day.
    #[schema(format = Date)]
    pub start_date: String,
    /// Weekdays by their English names, at least one.
    #[schema(schema_with = days)]
    pub days: Vec<String>,
    /// One or two different times of day.
    #[schema(min_items = 1, max_items = 2)]
    pub times: Vec<String>,
    /// The zone of the times; null = the organisation's.
    #[schema(required)]
    pub time_zone: Option<String>,
}

/// What a client says about a schedule.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "startDate": "2026-03-02", "days": ["monday", "friday"], "times": ["06:00", "14:00"], "timeZone": "Europe/Berlin"
}))]
pub struct RunScheduleBody {
    /// First day.
    #[schema(format = Date)]
    pub start_date: String,
    /// Weekdays by their English names, at least one.
    #[schema(schema_with = days)]
    pub days: Vec<String>,
    /// One or two different times of day.
    #[schema(min_items = 1, max_items = 2)]
    pub times: Vec<String>,
    /// The zone of the times; absent = the organisation's.
    pub time_zone: Option<String>,
}

fn trigger() -> RefOr<Schema> {
    super::words(&["manual", "scheduled", "capacityFreed", "backfill"])
}

fn status() -> RefOr<Schema> {
    super::words(&["running", "done", "cancelled", "failed"])
}

fn reason() -> RefOr<Schema> {
    super::words(super::run::REASONS)
}

fn days() -> RefOr<Schema> {
    let words = WEEKDAYS.map(|(word, _)| word);
    let list = ArrayBuilder::new().items(super::words(&words)).min_items(Some(1)).unique_items(true);
    Schema::from(list.build()).into()
}
