//! Business units. Answers are `domain`'s own business units; these describe them.

use utoipa::ToSchema;

/// What a client says about a business unit.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"id": "iberia", "name": "Iberia", "parentId": null}))]
pub struct BusinessUnitBody {
    /// Chosen by the server when absent.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub id: Option<String>,
    /// For people.
    #[schema(min_length = 1, max_length = 100)]
    pub name: String,
    /// The one it is a part of; absent for a root.
    pub parent_id: Option<String>,
}

/// A business unit.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct BusinessUnit {
    /// Its id; the sellers' column `businessUnit` names it.
    pub id: String,
    /// For people.
    pub name: String,
    /// The one it is a part of; null for a root.
    #[schema(required)]
    pub parent_id: Option<String>,
    /// Counts the changes that clients made.
    pub version: u64,
}
