//! Refusals (RFC 9457).

use utoipa::ToSchema;

use super::role::{Entity, Privilege};

/// Why a request is refused.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "type": "/problems/invalid", "title": "This can never succeed", "status": 422,
    "detail": "must have 1 to 100 characters",
    "errors": [{"pointer": "/name", "code": "tooLong", "message": "must have 1 to 100 characters"}]
}))]
pub struct Problem {
    /// Stable path of the broken rule.
    #[schema(example = "/problems/invalid")]
    pub r#type: String,
    /// The rule in short.
    pub title: String,
    /// The status of the answer.
    pub status: u16,
    /// What is the matter this time.
    pub detail: String,
    /// All faults of the request at once.
    pub errors: Option<Vec<Fault>>,
    /// What a privilege is missing on (403).
    pub entity: Option<Entity>,
    /// The missing privilege (403).
    pub privilege: Option<Privilege>,
}

/// One thing that is wrong with the request.
#[derive(Debug, ToSchema)]
pub struct Fault {
    /// JSON pointer into the body; empty for the whole, a query parameter or a header.
    pub pointer: String,
    /// Stable word.
    pub code: String,
    /// The rule that is broken.
    pub message: String,
}

/// What AWS's gateway refuses by itself: 401, 413, 429.
#[derive(Debug, ToSchema)]
pub struct GatewayMessage {
    /// What is the matter.
    #[schema(example = "Unauthorized")]
    pub message: String,
}
