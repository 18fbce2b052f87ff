//! The body of a request: JSON, not yet believed. What it proposes is believed by the drafts of `domain`.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::authorized::Authorized;
use crate::operation::Operation;
use crate::problem::Problem;

const JSON: &str = "application/json";
const CSV: &str = "text/csv";

/// Extractor: the body as JSON. 415 when it isn't declared as JSON, 400 when it can't be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Body(pub Value);

impl<S: Send + Sync> FromRequest<S> for Body {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !declares_json(request.headers()) {
            return Err(Problem::unsupported_media_type(JSON));
        }
        let (parts, body) = request.into_parts();
        // The gateway and Lambda bound the size (413).
        let bytes = axum::body::to_bytes(body, usize::MAX).await;
        let bytes = bytes.map_err(|error| Problem::unreadable_json(error.to_string()))?;
        let value = serde_json::from_slice(&bytes).map_err(|error| Problem::unreadable_json(error.to_string()))?;
        if let Some(operation) = parts.extensions.get::<&'static Operation>() {
            demand_beyond(operation, parts.extensions.get(), &value)?;
        }
        Ok(Self(value))
    }
}

/// The largest table that an import takes, in bytes (API.md "Records").
const MAX_CSV: usize = 4 * 1024 * 1024;

/// Extractor: the body as bytes of `text/csv`. 415 when it isn't declared as that, 413 when it is too large.
#[derive(Debug, Clone, PartialEq)]
pub struct Csv(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Csv {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        if essence(request.headers()) != CSV {
            return Err(Problem::unsupported_media_type(CSV).into_response());
        }
        let bytes = axum::body::to_bytes(request.into_body(), usize::MAX).await;
        let unreadable = |error| Problem::unreadable_json(format!("the table can't be read: {error}")).into_response();
        let bytes = bytes.map_err(unreadable)?;
        if bytes.len() > MAX_CSV {
            // As the gateway answers what is too large for it.
            let message = Json(json!({"message": "Request Entity Too Large"}));
            return Err((StatusCode::PAYLOAD_TOO_LARGE, message).into_response());
        }
        Ok(Self(bytes))
    }
}

/// Demands what the members of the body take beyond the operation's own task.
fn demand_beyond(operation: &Operation, authorized: Option<&Authorized>, body: &Value) -> Result<(), Problem> {
    let (Some(beyond), Some(members)) = (operation.beyond, body.as_object()) else { return Ok(()) };
    if members.keys().all(|name| beyond.members.contains(&name.as_str())) {
        return Ok(());
    }
    let authorized = authorized.ok_or_else(|| Problem::internal("a public operation can't demand a task"))?;
    authorized.demand(beyond.task)
}

/// The media type without its parameters.
fn essence(headers: &HeaderMap) -> String {
    let declared = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    declared.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// True for `application/json` and `application/*+json`, with whatever parameters.
fn declares_json(headers: &HeaderMap) -> bool {
    let essence = essence(headers);
    essence == JSON || (essence.starts_with("application/") && essence.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(content_type: Option<&str>, body: &'static str) -> Result<Value, StatusCode> {
        let request = content_type
            .into_iter()
            .fold(Request::builder(), |builder, declared| builder.header(header::CONTENT_TYPE, declared));
        let request = request.body(axum::body::Body::from(body)).unwrap();
        Body::from_request(request, &()).await.map(|Body(value)| value).map_err(|problem| problem.status())
    }

    #[tokio::test]
    async fn a_body_is_json_declared_as_json() {
        for declared in ["application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            assert_eq!(read(Some(declared), r#"{"a":1}"#).await, Ok(serde_json::json!({"a": 1})), "{declared}");
        }
        for declared in [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("json")] {
            assert_eq!(read(declared, "{}").await, Err(StatusCode::UNSUPPORTED_MEDIA_TYPE), "{declared:?}");
        }
        for unreadable in ["", "{", "{} {}", "{'a':1}"] {
            assert_eq!(read(Some("application/json"), unreadable).await, Err(StatusCode::BAD_REQUEST), "{unreadable}");
        }
    }

    #[tokio::test]
    async fn who_declares_something_else_is_told_what_is_expected() {
        let request = || Request::builder().header(header::CONTENT_TYPE, "text/plain").body("a".into()).unwrap();
        let refused = Body::from_request(request(), &()).await.unwrap_err();
        assert_eq!(json!(refused)["detail"], "the header Content-Type must be application/json");
        let refused = Csv::from_request(request(), &()).await.unwrap_err();
        let told = axum::body::to_bytes(refused.into_body(), usize::MAX).await.unwrap();
        let told: Value = serde_json::from_slice(&told).unwrap();
        assert_eq!(
            (&told["status"], &told["detail"]),
            (&json!(415), &json!("the header Content-Type must be text/csv"))
        );
    }
}
