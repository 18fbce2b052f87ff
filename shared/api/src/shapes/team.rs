//! Teams. Answers are `domain`'s own teams; these describe them.

use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};

use super::seller::role_words;

/// What a client says about a team.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "id": "north", "name": "Team North", "memberIds": ["susana"], "roles": ["salesperson"],
    "fields": {"region": "North"}
}))]
pub struct TeamBody {
    /// Chosen by the server when absent.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub id: Option<String>,
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// Ids of sellers, who see the team among their `teamIds`.
    #[schema(max_items = 2000)]
    pub member_ids: Option<Vec<String>>,
    /// They decide whether the team can be assigned records; it may have none.
    #[schema(schema_with = roles)]
    pub roles: Option<Vec<String>>,
    /// Columns of the record type `team`; at most 256 KiB as JSON.
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
}

/// A team.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Team {
    /// Its id.
    pub id: String,
    /// For people.
    pub name: String,
    /// Ids of sellers.
    pub member_ids: Vec<String>,
    /// They decide whether the team can be assigned records.
    #[schema(schema_with = roles)]
    pub roles: Vec<String>,
    /// Columns of the record type `team`.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Counts the changes that clients made.
    pub version: u64,
}

fn roles() -> RefOr<Schema> {
    Schema::from(ArrayBuilder::new().items(super::words(&role_words())).build()).into()
}
