//! The Lambda runtime API for custom runtimes, as the function binaries know it from AWS.
//!
//! One listener serves every process of every function; a process is known by the prefix of its paths
//! (`/rt/{function}/{process}`), which is part of its `AWS_LAMBDA_RUNTIME_API`. Behaviour and headers:
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>. This module speaks HTTP only; who holds what is
//! decided in [`crate::invocations`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use jiff::Timestamp;
use rand::RngExt;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::invocations::{Invocations, ProcessNumber};
use crate::invoke::InvokeOutcome;

/// The largest answer of a function, in bytes: 6 MB and the 100 bytes that Lambda allows on top.
pub const MAX_RESPONSE_BYTES: usize = 6 * 1024 * 1024 + 100;

const VERSION: &str = "2018-06-01";

/// One function as the runtime API serves it.
#[derive(Clone)]
pub struct Served {
    /// Its Amazon resource name, told to each invocation.
    pub arn: String,
    /// Its invocations.
    pub invocations: Arc<Invocations>,
}

type Functions = Arc<HashMap<String, Served>>;

/// The running listener.
pub struct RuntimeApi {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl RuntimeApi {
    /// Starts to listen on a free port of 127.0.0.1 for these functions, by name.
    pub async fn start(functions: HashMap<String, Served>) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot open a port for the runtime API")?;
        let address = listener.local_addr().context("cannot tell the runtime API's port")?;
        let prefix = format!("/rt/{{function}}/{{process}}/{VERSION}/runtime");
        let router = Router::new()
            .route(&format!("{prefix}/invocation/next"), get(next))
            .route(&format!("{prefix}/invocation/{{id}}/response"), post(response))
            .route(&format!("{prefix}/invocation/{{id}}/error"), post(error))
            .route(&format!("{prefix}/init/error"), post(init_error))
            .with_state(Arc::new(functions));
        let server = tokio::spawn(async move {
            // Serving ends only with the task.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { address, server })
    }

    /// What `AWS_LAMBDA_RUNTIME_API` has to be for a process.
    #[must_use]
    pub fn base(&self, function: &str, process: ProcessNumber) -> String {
        format!("http://{}/rt/{function}/{process}", self.address)
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn next(
    State(functions): State<Functions>,
    Path((function, process)): Path<(String, ProcessNumber)>,
) -> Response {
    let Some(served) = functions.get(&function) else { return unknown_function() };
    let Some(delivery) = served.invocations.next(process).await else {
        return refusal(StatusCode::GONE, "Runtime.ProcessGone", "This process is no longer one of the function's.");
    };
    let timeout = i64::try_from(served.invocations.timeout().as_millis()).expect("time-outs are minutes at most");
    let random = rand::rng().random::<[u64; 3]>();
    let now = Timestamp::now();
    let trace = format!(
        "Root=1-{:08x}-{:08x}{:016x};Parent={:016x};Sampled=0",
        now.as_second(),
        random[0] >> 32,
        random[1],
        random[2]
    );
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("lambda-runtime-aws-request-id", delivery.id),
        ("lambda-runtime-deadline-ms", (now.as_millisecond() + timeout).to_string()),
        ("lambda-runtime-invoked-function-arn", served.arn.clone()),
        ("lambda-runtime-trace-id", trace),
    ];
    (headers, delivery.payload).into_response()
}

async fn response(
    State(functions): State<Functions>,
    Path((function, process, id)): Path<(String, ProcessNumber, String)>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(served) = functions.get(&function) else { return unknown_function() };
    if let Ok(bytes) = to_bytes(body, MAX_RESPONSE_BYTES).await {
        return accepted(served.invocations.answer(process, &id, InvokeOutcome::Ok(bytes.into())));
    }
    let size = headers.get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let message = format!(
        "Response payload size{} exceeded maximum allowed payload size ({MAX_RESPONSE_BYTES} bytes).",
        size.map(|size| format!(" ({size} bytes)")).unwrap_or_default()
    );
    let document = error_document("Function.ResponseSizeTooLarge", &message);
    served.invocations.answer(process, &id, InvokeOutcome::FunctionError(document.into_bytes()));
    refusal(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge", &message)
}

async fn error(
    State(functions): State<Functions>,
    Path((function, process, id)): Path<(String, ProcessNumber, String)>,
    body: Body,
) -> Response {
    let Some(served) = functions.get(&function) else { return unknown_function() };
    let document = match to_bytes(body, MAX_RESPONSE_BYTES).await {
        Ok(bytes) => bytes.into(),
        Err(_) => error_document("Function.ErrorTooLarge", "The error could not be read.").into_bytes(),
    };
    accepted(served.invocations.answer(process, &id, InvokeOutcome::FunctionError(document)))
}

/// The process says why it can't start and then ends; its end is what counts.
async fn init_error(
    State(functions): State<Functions>,
    Path((function, _)): Path<(String, ProcessNumber)>,
) -> Response {
    if functions.contains_key(&function) { accepted(true) } else { unknown_function() }
}

fn accepted(known: bool) -> Response {
    if known {
        let headers = [(header::CONTENT_TYPE, "application/json")];
        (StatusCode::ACCEPTED, headers, r#"{"status":"OK"}"#).into_response()
    } else {
        refusal(StatusCode::BAD_REQUEST, "InvalidRequestID", "Invalid request ID")
    }
}

fn unknown_function() -> Response {
    refusal(StatusCode::NOT_FOUND, "Runtime.UnknownFunction", "The template names no such function.")
}

fn refusal(status: StatusCode, error_type: &str, message: &str) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], error_document(error_type, message)).into_response()
}

fn error_document(error_type: &str, message: &str) -> String {
    serde_json::json!({ "errorMessage": message, "errorType": error_type }).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    async fn start() -> (RuntimeApi, Arc<Invocations>, String) {
        let invocations = Invocations::new(Duration::from_secs(5));
        invocations.admit(1, None, Arc::default());
        let served = Served { arn: "arn:aws:lambda:eu:1:function:echo".into(), invocations: Arc::clone(&invocations) };
        let api = RuntimeApi::start(HashMap::from([("echo".to_owned(), served)])).await.unwrap();
        let base = format!("{}/{VERSION}/runtime", api.base("echo", 1));
        (api, invocations, base)
    }

    #[tokio::test]
    async fn a_function_takes_an_event_with_its_headers_and_answers_it() {
        let (_api, invocations, base) = start().await;
        let outcome = invocations.submit(br#"{"n":1}"#.to_vec());
        let client = reqwest::Client::new();
        let event = client.get(format!("{base}/invocation/next")).send().await.unwrap();
        let header = |name: &str| event.headers()[name].to_str().unwrap().to_owned();
        let id = header("lambda-runtime-aws-request-id");
        let left = header("lambda-runtime-deadline-ms").parse::<i64>().unwrap() - Timestamp::now().as_millisecond();
        assert!((1..=5_000).contains(&left), "{left}");
        assert_eq!(header("lambda-runtime-invoked-function-arn"), "arn:aws:lambda:eu:1:function:echo");
        assert!(header("lambda-runtime-trace-id").starts_with("Root=1-"));
        assert_eq!(event.text().await.unwrap(), r#"{"n":1}"#);
        let answer = client.post(format!("{base}/invocation/{id}/response")).body("done").send().await.unwrap();
        assert_eq!(answer.status(), 202);
        assert_eq!(outcome.await.unwrap(), InvokeOutcome::Ok(b"done".to_vec()));
        let again = client.post(format!("{base}/invocation/{id}/response")).body("done").send().await.unwrap();
        assert_eq!(again.status(), 400, "an invocation is answered once");
    }

    #[tokio::test]
    async fn an_error_and_an_oversized_answer_are_function_errors() {
        let (_api, invocations, base) = start().await;
        let client = reqwest::Client::new();
        let take = async || {
            let event = client.get(format!("{base}/invocation/next")).send().await.unwrap();
            event.headers()["lambda-runtime-aws-request-id"].to_str().unwrap().to_owned()
        };
        let failed = invocations.submit(b"{}".to_vec());
        let id = take().await;
        client.post(format!("{base}/invocation/{id}/error")).body(r#"{"errorType":"E"}"#).send().await.unwrap();
        assert_eq!(failed.await.unwrap(), InvokeOutcome::FunctionError(br#"{"errorType":"E"}"#.to_vec()));

        let large = invocations.submit(b"{}".to_vec());
        let id = take().await;
        let body = vec![b'x'; MAX_RESPONSE_BYTES + 1];
        // The refusal may reach the client while it is still sending.
        let _ = client.post(format!("{base}/invocation/{id}/response")).body(body).send().await;
        let InvokeOutcome::FunctionError(document) = large.await.unwrap() else { panic!("a function error") };
        assert!(String::from_utf8(document).unwrap().contains("Function.ResponseSizeTooLarge"));
    }

    #[tokio::test]
    async fn a_process_or_function_that_is_not_ours_gets_nothing() {
        let (api, invocations, _) = start().await;
        let _waiting = invocations.submit(b"{}".to_vec());
        let status = async |base: String| {
            reqwest::get(format!("{base}/{VERSION}/runtime/invocation/next")).await.unwrap().status()
        };
        assert_eq!(status(api.base("echo", 2)).await, 410);
        assert_eq!(status(api.base("other", 1)).await, 404);
        assert_eq!(invocations.view().waiting, 1);
    }
}
