//! The service itself: that it answers, and what it can do. Both without a token.

use api::openapi::DOCUMENT;
use api::shapes::service::Health;
use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;

/// `GET /v1/health`.
pub(crate) async fn health() -> Json<Health> {
    Json(Health { status: "ok" })
}

/// `GET /v1/openapi.json`.
pub(crate) async fn document() -> impl IntoResponse {
    ([(CONTENT_TYPE, "application/json")], DOCUMENT)
}
