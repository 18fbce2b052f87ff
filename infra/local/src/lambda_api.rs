//! The one call of Lambda's API that people and their tools make of a function: `Invoke`. So `aws lambda invoke
//! --endpoint-url` reaches the functions of the stack.
//! <https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>
//!
//! Like everything beside the API it needs no credentials, because only this machine can reach it.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;

use crate::invoke::InvokeOutcome;
use crate::running::Running;

/// The largest event of a call that is waited for: 6 MB.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;

/// The routes of Lambda's API.
pub fn routes(running: Arc<Running>) -> Router {
    Router::new()
        .route("/2015-03-31/functions/{name}/invocations", post(invoke))
        .layer(DefaultBodyLimit::max(MAX_EVENT_BYTES))
        .with_state(running)
}

async fn invoke(
    State(running): State<Arc<Running>>,
    Path(name): Path<String>,
    headers: HeaderMap,
    event: Bytes,
) -> Response {
    if !running.processes.has(&name) {
        return refusal(StatusCode::NOT_FOUND, "ResourceNotFoundException", &format!("Function not found: {name}"));
    }
    let kind = headers.get("x-amz-invocation-type").and_then(|kind| kind.to_str().ok()).unwrap_or("RequestResponse");
    if kind != "RequestResponse" {
        let message = format!("the local stack waits for every call: {kind} is not done here");
        return refusal(StatusCode::BAD_REQUEST, "InvalidParameterValueException", &message);
    }
    let event = if event.is_empty() { b"{}".to_vec() } else { event.to_vec() };
    let failed = |error: Vec<u8>| answer(Some("Unhandled"), error);
    match (running.invoke)(&name, event).await {
        Ok(InvokeOutcome::Ok(bytes)) => answer(None, bytes),
        Ok(InvokeOutcome::FunctionError(error)) => failed(error),
        Ok(InvokeOutcome::Crashed) => failed(json!({"errorMessage": "the process ended"}).to_string().into_bytes()),
        Ok(InvokeOutcome::TimedOut) => failed(json!({"errorMessage": "Task timed out"}).to_string().into_bytes()),
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, "ServiceException", &format!("{error:#}")),
    }
}

fn answer(function_error: Option<&'static str>, body: Vec<u8>) -> Response {
    let mut response = ([("x-amz-executed-version", "$LATEST")], body).into_response();
    if let Some(error) = function_error {
        response.headers_mut().insert("x-amz-function-error", error.parse().expect("a word is good in a header"));
    }
    response
}

fn refusal(status: StatusCode, kind: &'static str, message: &str) -> Response {
    let body = json!({"Type": "User", "Message": message}).to_string();
    (status, [("content-type", "application/json"), ("x-amzn-errortype", kind)], body).into_response()
}
