//! Successful answers: a resource with its version, a created or begun one with its place, nothing after a deletion.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::etag::etag;
use crate::problem::Problem;

/// What a handler returns.
pub type Result<T> = std::result::Result<T, Problem>;

/// 201 with `Location`, `ETag` and the resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Created<T> {
    /// Path of the resource, such as `/v1/segments/lead-4k7q`.
    pub location: String,
    /// Its version.
    pub version: u64,
    /// The whole of it.
    pub resource: T,
}

/// 202 with `Location` and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Accepted<T> {
    /// Path under which it can be read how far it is.
    pub location: String,
    /// What was begun.
    pub resource: T,
}

/// 200 with `ETag` and the resource.
#[derive(Debug, Clone, PartialEq)]
pub struct Versioned<T> {
    /// Its version.
    pub version: u64,
    /// The whole of it.
    pub resource: T,
}

/// 204.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deleted;

impl<T: Serialize> IntoResponse for Created<T> {
    fn into_response(self) -> Response {
        let Ok(location) = HeaderValue::try_from(self.location) else {
            return Problem::internal("a location holds characters that no id has").into_response();
        };
        let headers = [(header::LOCATION, location), (header::ETAG, etag(self.version))];
        (StatusCode::CREATED, headers, Json(self.resource)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Accepted<T> {
    fn into_response(self) -> Response {
        let Ok(location) = HeaderValue::try_from(self.location) else {
            return Problem::internal("a location holds characters that no id has").into_response();
        };
        (StatusCode::ACCEPTED, [(header::LOCATION, location)], Json(self.resource)).into_response()
    }
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        ([(header::ETAG, etag(self.version))], Json(self.resource)).into_response()
    }
}

impl IntoResponse for Deleted {
    fn into_response(self) -> Response {
        StatusCode::NO_CONTENT.into_response()
    }
}
