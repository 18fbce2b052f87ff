//! Who owns a record.

use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// A seller, team or queue.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"kind": "seller", "id": "susana"}))]
pub struct Owner {
    /// What kind of owner.
    #[schema(schema_with = kind)]
    pub kind: String,
    /// Its id.
    #[schema(min_length = 1, max_length = 64)]
    pub id: String,
}

fn kind() -> RefOr<Schema> {
    super::words(&["seller", "team", "queue"])
}
