//! Records.

use std::fmt::Display;

use domain::id::{Owner, QueueId, RecordId, RecordType, RunId, SegmentId};
use domain::import::ImportStatus;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::schema::{AnyOfBuilder, ArrayBuilder, ObjectBuilder, SchemaType};
use utoipa::openapi::{Ref, RefOr, Schema};

use domain::word::word;

use super::owner;
use crate::problem::Problem;

/// What a client says about a record.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "id": "L-17", "fields": {"topic": "New store", "country": "US", "estimatedValue": 1200.5}
}))]
pub struct RecordBody {
    /// Chosen by the server when absent.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub id: Option<String>,
    /// Columns of the record type; at most 256 KiB as JSON.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Absent = nobody. A given owner counts as an assignment now.
    #[schema(value_type = Option<owner::Owner>)]
    pub owner: Option<Value>,
    /// Absent = now.
    #[schema(format = DateTime)]
    pub created_on: Option<String>,
    /// False: not routed.
    #[schema(default = true)]
    pub route: Option<bool>,
}

/// Columns to change; null empties one, absent ones stay as they are.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"fields": {"country": "CA", "topic": null}}))]
pub struct RecordPatch {
    /// Columns of the record type; with those that stay, at most 256 KiB as JSON.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
}

/// Records to create.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"records": [{"id": "L-18", "fields": {"country": "US"}}, {"fields": {"country": "CA"}}]}))]
pub struct BatchBody {
    /// Each is judged by itself.
    #[schema(schema_with = elements)]
    pub records: Vec<RecordBody>,
}

/// Who is to own the record.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"owner": {"kind": "seller", "id": "susana"}}))]
pub struct AssignBody {
    /// The new owner.
    pub owner: owner::Owner,
}

/// A record to try out.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"record": {"fields": {"topic": "New store", "country": "US"}}}))]
pub struct RecordSimulationBody {
    /// Which.
    pub record: TriedRecord,
    /// When it would be routed: what is relative to the present is seen from then, and a draft would be created then. What
    /// is configured, records and what sellers hold are taken as they are now. Absent = now; at most 30 days ahead or
    /// behind.
    #[schema(format = DateTime)]
    pub at: Option<String>,
}

/// One that is stored, or a draft of one.
#[derive(Debug, ToSchema)]
#[serde(untagged)]
pub enum TriedRecord {
    /// One that is stored. If it waits it is routed by its mark; if it was never processed as if it were new; otherwise as
    /// if a column that conditions use had changed.
    Stored {
        /// Its id.
        #[schema(min_length = 1, max_length = 64)]
        id: String,
    },
    /// One that is not stored; it is routed as if it were posted.
    Draft {
        /// Columns of the record type; at most 256 KiB as JSON.
        #[schema(value_type = Object)]
        fields: Map<String, Value>,
        /// Absent = nobody. A given owner counts as an assignment at that instant.
        #[schema(value_type = Option<owner::Owner>)]
        owner: Option<Value>,
    },
}

/// How the record ended.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"outcome": "won"}))]
pub struct CloseBody {
    /// `won` and `lost` for opportunities, `qualified` and `disqualified` for leads, `deactivated` for all.
    #[schema(schema_with = outcome)]
    pub outcome: String,
}

/// A record.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// Its id within the type.
    #[schema(value_type = String)]
    pub id: RecordId,
    /// Its type.
    #[serde(rename = "type")]
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// Columns of the record type.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Only active records are routed and count.
    #[schema(schema_with = state)]
    pub state: String,
    /// How it ended, or why it is as it is.
    #[schema(required)]
    pub status_reason: Option<String>,
    /// Who owns it; null = nobody.
    #[schema(required, value_type = Option<owner::Owner>)]
    pub owner: Option<Owner>,
    /// The queue it waits in for a member to pick it; its owner stays who it was.
    #[schema(required, value_type = Option<String>)]
    pub queue_id: Option<QueueId>,
    /// When it came into being.
    #[schema(value_type = String, format = DateTime)]
    pub created_on: Timestamp,
    /// Who created it.
    #[schema(required)]
    pub created_by: Option<String>,
    /// When a client last changed it.
    #[schema(value_type = String, format = DateTime)]
    pub modified_on: Timestamp,
    /// The segment it is in.
    #[schema(required, value_type = Option<String>)]
    pub segment_id: Option<SegmentId>,
    /// 0 to 100.
    #[schema(required, maximum = 100)]
    pub score: Option<u8>,
    /// Counts the changes that clients made.
    pub version: u64,
    /// Where it stands in work assignment.
    pub work: Work,
}

/// Where a record stands in work assignment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Work {
    /// `pending` ends only with a run; `none` = never routed, or inactive.
    #[schema(schema_with = work_status)]
    pub status: String,
    /// The last run.
    #[schema(required, value_type = Option<String>)]
    pub run_id: Option<RunId>,
}

/// How each thing of a batch fared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BatchResults {
    /// In the order of the request.
    pub results: Vec<BatchResult>,
}

/// How one thing of a batch fared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct BatchResult {
    /// Its place in the request, from 0.
    pub index: usize,
    /// Its id; null when it has none because it failed.
    #[schema(required)]
    pub id: Option<String>,
    /// Whether what was asked for is done.
    #[schema(schema_with = result)]
    pub status: &'static str,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<super::problem::Problem>)]
    pub problem: Option<Problem>,
}

impl BatchResult {
    /// What was asked for the thing at this place of the request is done.
    #[must_use]
    pub fn ok(index: usize, id: impl Display) -> Self {
        Self { index, id: Some(id.to_string()), status: "ok", problem: None }
    }

    /// What was asked for the thing at this place of the request was refused.
    #[must_use]
    pub fn failed(index: usize, id: Option<impl Display>, problem: Problem) -> Self {
        Self { index, id: id.map(|id| id.to_string()), status: "failed", problem: Some(problem) }
    }
}

/// How the rows of an import fared.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportResult {
    /// How many rows there were.
    pub received: usize,
    /// How many of them are records now.
    pub created: usize,
    /// How many of them were refused.
    pub failed: usize,
    /// The first thousand that were refused.
    #[schema(max_items = 1000)]
    pub failures: Vec<ImportFailure>,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ImportFailure {
    /// Its place among the rows, from 0; the header is none.
    pub index: usize,
    /// Why.
    #[schema(value_type = super::problem::Problem)]
    pub problem: Problem,
}

/// How far an import has come.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Import {
    /// Its id.
    pub id: String,
    /// What it imports.
    #[schema(value_type = String)]
    pub record_type: RecordType,
    /// `interrupted`: nothing was heard of it for a minute; the same request under its key completes it.
    #[schema(schema_with = import_status)]
    pub status: ImportStatus,
    /// How many rows there are.
    pub received: u64,
    /// How many of them became records so far.
    pub created: u64,
    /// How many of them were refused so far.
    pub failed: u64,
    /// Who began it.
    pub created_by: String,
    /// When it began.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
}

impl From<domain::import::Import> for Import {
    fn from(import: domain::import::Import) -> Self {
        Self {
            id: import.id,
            record_type: import.record_type,
            status: import.status,
            received: import.received,
            created: import.created,
            failed: import.failed,
            created_by: import.created_by,
            started_at: import.started_at,
            finished_at: import.finished_at,
        }
    }
}

fn import_status() -> RefOr<Schema> {
    super::words(&["running", "done", "interrupted"])
}

impl From<domain::record::Record> for Record {
    fn from(record: domain::record::Record) -> Self {
        let work =
            Work { status: word(record.work_status()), run_id: record.last.as_ref().map(|last| last.id.clone()) };
        Self {
            id: record.key.id,
            record_type: record.key.record_type,
            fields: record.fields,
            state: word(record.state),
            status_reason: record.status_reason,
            owner: record.owner,
            queue_id: record.queue,
            created_on: record.created_on,
            created_by: record.created_by,
            modified_on: record.modified_on,
            segment_id: record.segment,
            score: record.score.and_then(|score| u8::try_from(score).ok()),
            version: record.version,
            work,
        }
    }
}

/// The words for a record's state.
pub(crate) const STATES: &[&str] = &["active", "inactive"];
/// The words for where a record stands in work assignment.
pub(crate) const WORK_STATUSES: &[&str] = &["pending", "succeeded", "needsAttention", "none"];

/// What is no record fails alone and not the batch, so anything may stand there.
fn elements() -> RefOr<Schema> {
    let record = Ref::from_schema_name("RecordBody");
    let element = AnyOfBuilder::new().item(record).item(ObjectBuilder::new().schema_type(SchemaType::AnyValue));
    Schema::from(ArrayBuilder::new().items(element).min_items(Some(1)).max_items(Some(1000)).build()).into()
}

fn state() -> RefOr<Schema> {
    super::words(STATES)
}

pub(super) fn work_status() -> RefOr<Schema> {
    super::words(WORK_STATUSES)
}

fn outcome() -> RefOr<Schema> {
    super::words(&["won", "lost", "qualified", "disqualified", "deactivated"])
}

fn result() -> RefOr<Schema> {
    super::words(&["ok", "failed"])
}
