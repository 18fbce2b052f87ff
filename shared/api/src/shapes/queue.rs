//! Queues. Answers are `domain`'s own queues; these describe them.

use serde_json::{Map, Value};
use utoipa::ToSchema;

/// What a client says about a queue.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "id": "inbound", "name": "Inbound leads", "recordTypes": ["lead"], "memberIds": ["susana"],
    "fields": {"product": "Printers"}
}))]
pub struct QueueBody {
    /// Chosen by the server when absent.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub id: Option<String>,
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// A disabled queue gets no record.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// Types of the records it may hold, each enabled for queues.
    pub record_types: Option<Vec<String>>,
    /// Ids of the sellers who may pick from it.
    #[schema(max_items = 2000)]
    pub member_ids: Option<Vec<String>>,
    /// Columns of the record type `queue`; at most 256 KiB as JSON.
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
}

/// A queue.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Queue {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// A disabled queue gets no record.
    pub enabled: bool,
    /// Types of the records it may hold.
    pub record_types: Vec<String>,
    /// Ids of the sellers who may pick from it.
    pub member_ids: Vec<String>,
    /// Columns of the record type `queue`.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Counts the changes that clients made.
    pub version: u64,
}
