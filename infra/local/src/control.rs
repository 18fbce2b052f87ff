//! What only the local stack has, below `/_local`: the clock, the outbox, metrics, event sources and processes.
//!
//! Outside the API and without a token, because only this machine can reach it. Bad requests are answered with
//! `application/problem+json` as the API does.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::event_source::Command;
use crate::invocations::KillOrder;
use crate::running::Running;

/// The furthest the clock may be moved by one request: ten years, in minutes.
const MAX_ADVANCE_MINUTES: u32 = 10 * 366 * 24 * 60;
/// So often one schedule may be called on the way: half a year of minutes.
const MAX_CALLS: u32 = 183 * 24 * 60;

/// The routes below `/_local`.
pub fn routes(running: Arc<Running>) -> Router {
    Router::new()
        .route("/_local/clock", get(clock).post(advance))
        .route("/_local/outbox", get(outbox))
        .route("/_local/metrics", get(metrics))
        .route("/_local/event-sources", get(event_sources))
        .route("/_local/event-sources/{id}", post(tell))
        .route("/_local/event-sources/failures", get(failures))
        .route("/_local/event-sources/settled", get(settled))
        .route("/_local/functions", get(functions))
        .route("/_local/functions/{name}/kill", post(kill))
        .with_state(running)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    advance_minutes: u32,
    /// How far apart the calls of one schedule are on the way, at the least; left to the stack when absent.
    minutes_between_calls: Option<u32>,
}

async fn clock(State(running): State<Arc<Running>>) -> Json<Value> {
    Json(shown(&running))
}

fn shown(running: &Running) -> Value {
    json!({ "now": running.clock.now().to_string(), "offsetMilliseconds": running.clock.offset_milliseconds() })
}

async fn advance(State(running): State<Arc<Running>>, body: Bytes) -> Result<Json<Value>, Problem> {
    let Advance { advance_minutes, minutes_between_calls } = parse(&body)?;
    if advance_minutes > MAX_ADVANCE_MINUTES {
        return Err(Problem::bad_request(format!("advanceMinutes is at most {MAX_ADVANCE_MINUTES}")));
    }
    let fewest = advance_minutes.div_ceil(MAX_CALLS).max(1);
    if minutes_between_calls.is_some_and(|minutes| minutes < fewest) {
        return Err(Problem::bad_request(format!("minutesBetweenCalls is at least {fewest} for {advance_minutes}")));
    }
    let apart = minutes_between_calls.map(|minutes| SignedDuration::from_mins(minutes.into()));
    running.advance(advance_minutes, apart).await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(shown(&running)))
}

async fn outbox(State(running): State<Arc<Running>>) -> Result<Json<Value>, Problem> {
    let items = running.outbox().await.map_err(|error| Problem::internal(&error))?;
    Ok(Json(json!({ "items": items })))
}

async fn metrics(State(running): State<Arc<Running>>) -> Json<Value> {
    let reported = running.metrics.since_start();
    let item = |(key, statistics)| {
        let (mut item, statistics) = (json!(key), json!(statistics));
        if let (Some(item), Value::Object(statistics)) = (item.as_object_mut(), statistics) {
            item.extend(statistics);
        }
        item
    };
    Json(json!({ "items": reported.iter().map(item).collect::<Vec<Value>>() }))
}

async fn event_sources(State(running): State<Arc<Running>>) -> Json<Value> {
    Json(json!({ "items": running.event_sources().await }))
}

/// The event source is named by its id in the template or by its function.
async fn tell(
    State(running): State<Arc<Running>>,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let command: Command = parse(&body)?;
    let status = running.tell(&id, command).await.map_err(|error| Problem::not_found(error.to_string()))?;
    Ok(Json(json!(status)))
}

async fn failures(State(running): State<Arc<Running>>) -> Json<Value> {
    Json(json!({ "items": running.failures().await }))
}

/// Answers when every change so far is dealt with.
async fn settled(State(running): State<Arc<Running>>) -> Result<Json<Value>, Problem> {
    running.settled().await.map_err(|error| Problem::conflict(error.to_string()))?;
    Ok(Json(json!({ "items": running.event_sources().await })))
}

async fn functions(State(running): State<Arc<Running>>) -> Json<Value> {
    Json(json!({ "items": running.processes.view() }))
}

/// An empty body kills a process now.
async fn kill(
    State(running): State<Arc<Running>>,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let order: Option<KillOrder> = if body.is_empty() { None } else { Some(parse(&body)?) };
    if order.is_some_and(|order| order.after_deliveries == 0) {
        return Err(Problem::bad_request("afterDeliveries counts from 1".to_owned()));
    }
    let view = running.processes.kill(&name, order).map_err(|error| Problem::not_found(error.to_string()))?;
    Ok(Json(json!(view)))
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body).map_err(|error| Problem::bad_request(error.to_string()))
}

/// A refusal as RFC 9457 has it.
struct Problem {
    status: StatusCode,
    word: &'static str,
    detail: String,
}

impl Problem {
    fn bad_request(detail: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, word: "bad-request", detail }
    }

    fn not_found(detail: String) -> Self {
        Self { status: StatusCode::NOT_FOUND, word: "not-found", detail }
    }

    fn conflict(detail: String) -> Self {
        Self { status: StatusCode::CONFLICT, word: "conflict", detail }
    }

    /// The stack belongs to whoever asks: it says what went wrong.
    fn internal(error: &anyhow::Error) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, word: "internal", detail: format!("{error:#}") }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = json!({
            "type": format!("/problems/{}", self.word),
            "title": self.status.canonical_reason(),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        (self.status, [(header::CONTENT_TYPE, "application/problem+json")], body.to_string()).into_response()
    }
}
