//! Roles. Answers are the store's definitions of [`Grant`]s; these describe them.

use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::seller::role_words;
use crate::privilege::Grant;

/// What a role may do.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "privileges": [
        {"entity": "record", "privilege": "read", "level": "businessUnit"},
        {"entity": "record", "privilege": "write", "level": "own"}
    ]
}))]
pub struct RoleBody {
    /// Everything it may do; each privilege on an entity once.
    pub privileges: Vec<Grant>,
}

/// A role.
#[derive(Debug, ToSchema)]
pub struct Role {
    /// Its name as tokens have it.
    #[schema(schema_with = name)]
    pub name: String,
    /// Everything it may do.
    pub privileges: Vec<Grant>,
    /// Counts the changes that clients made.
    pub version: u64,
}

fn name() -> RefOr<Schema> {
    super::words(&role_words())
}
