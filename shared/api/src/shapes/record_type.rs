//! Record types. Answers are `domain`'s own definitions; these describe them.

use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// What records of one type look like: at most 200 KiB as JSON, with what exists from the start.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "label": "Deal", "columns": [{"name": "topic", "label": "Topic", "type": "text"}]
}))]
pub struct RecordTypeBody {
    /// For people.
    #[schema(max_length = 100)]
    pub label: Option<String>,
    /// The columns of `fields`; those that exist from the start stay, whether they are named or not.
    #[schema(max_items = 500)]
    pub columns: Option<Vec<Column>>,
    /// Which other records its records are related to.
    pub relations: Option<Vec<Relation>>,
    /// Whether queues may hold its records.
    pub enabled_for_queues: Option<bool>,
    /// Stages in order.
    #[schema(max_items = 50)]
    pub stages: Option<Vec<String>>,
}

/// A record type.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct RecordType {
    /// Its name.
    pub r#type: String,
    /// For people.
    pub label: String,
    /// The columns of `fields`.
    pub columns: Vec<Column>,
    /// Which other records its records are related to.
    pub relations: Vec<Relation>,
    /// Whether queues may hold its records.
    pub enabled_for_queues: bool,
    /// Stages in order.
    pub stages: Vec<String>,
}

/// What one field of a record may hold.
#[derive(Debug, ToSchema)]
pub struct Column {
    /// Its name in `fields`.
    #[schema(pattern = "^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    pub name: String,
    /// For people.
    #[schema(max_length = 100)]
    pub label: Option<String>,
    /// What it holds.
    #[schema(schema_with = column_type)]
    pub r#type: String,
    /// What may be chosen; only for choices, absent = any text.
    #[schema(max_items = 1000)]
    pub options: Option<Vec<String>>,
    /// The type of the record that a lookup names.
    #[schema(max_length = 64)]
    pub target: Option<String>,
}

/// A way to related records.
#[derive(Debug, ToSchema)]
pub struct Relation {
    /// Its name in conditions.
    #[schema(pattern = "^[A-Za-z][A-Za-z0-9_]{0,63}$")]
    pub name: String,
    /// The type of the related records.
    pub r#type: String,
    /// The lookup column that makes the relation.
    pub column: String,
}

fn column_type() -> RefOr<Schema> {
    super::words(&domain::column::ColumnType::WORDS.map(|(word, _)| word))
}
