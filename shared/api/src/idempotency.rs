//! `Idempotency-Key`: a POST under a key happens once (API.md "Idempotency-Key").
//!
//! The first request leaves a receipt before it runs and its answer after. A repetition is answered from the receipt;
//! while the first still runs it is refused; after a crash it runs again with the same [`Seed`]. A receipt belongs to
//! caller, method, path and key, and stands for one body and query.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};
use store::receipt::{Begun, KeptAnswer};
use store::{Clock, Store};

use crate::edge::answer;
use crate::problem::Problem;
use crate::seed::Seed;

const KEY: &str = "idempotency-key";
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const MAX_KEY_LENGTH: usize = 128;

/// Headers that are part of an answer.
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

/// The key of a request, if it has one; 422 when it can't be one.
pub(crate) fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let mut values = headers.get_all(KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let printable = value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte));
    match value.to_str().map(str::trim) {
        Ok(key) if values.next().is_none() && printable && (1..=MAX_KEY_LENGTH).contains(&key.len()) => {
            Ok(Some(key.to_owned()))
        }
        _ => Err(Problem::parameter("Idempotency-Key", "invalid", "one text of 1 to 128 printable ASCII characters")),
    }
}

/// Runs a request once under its key.
pub(crate) async fn once(
    store: &Store,
    clock: &Clock,
    caller: &str,
    key: &str,
    request: Request,
    next: Next,
) -> Response {
    let (parts, body) = request.into_parts();
    let bytes = match to_bytes(body, usize::MAX).await {
        Ok(bytes) => bytes,
        Err(error) => return Problem::unreadable_json(error.to_string()).into_response(),
    };
    let scope = scope(caller, parts.method.as_str(), parts.uri.path(), key);
    let content = content(parts.uri.query().unwrap_or_default(), &bytes);
    let lease = match store.begin_receipt(&scope, &content, clock.now()).await {
        Ok(Begun::Leased(lease)) => lease,
        Ok(Begun::Finished(kept)) => return replay(kept),
        Ok(Begun::Running) => return in_flight(),
        Ok(Begun::OtherContent) => return Problem::key_reused().into_response(),
        Err(error) => return Problem::from(error).into_response(),
    };
    let mut request = Request::from_parts(parts, Body::from(bytes));
    request.extensions_mut().insert(Seed::keyed(lease.first_begun(), &scope));
    let response = answer(request, next).await;
    if response.status().is_server_error() {
        // Not kept: the client may try again at once, with the same seed.
        return match store.release_receipt(&lease).await {
            Ok(()) => response,
            Err(error) => logged(&error, response),
        };
    }
    let (parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.expect("a handler's answer is in memory");
    let finished = store.finish_receipt(&lease, kept(parts.status, &parts.headers, &bytes)).await;
    let response = Response::from_parts(parts, Body::from(bytes));
    match finished {
        Ok(()) => response,
        // The work is done. A repetition runs again under the same seed and finds it done.
        Err(error) => logged(&error, response),
    }
}

fn logged(error: &store::Error, response: Response) -> Response {
    tracing::error!(cause = %error, "receipt not written");
    response
}

fn kept(status: StatusCode, headers: &HeaderMap, body: &Bytes) -> KeptAnswer {
    let headers = KEPT_HEADERS.iter().filter_map(|name| {
        let value = headers.get(name)?.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    KeptAnswer { status: status.as_u16(), headers: headers.collect(), body: Some(body.to_vec()) }
}

fn replay(kept: KeptAnswer) -> Response {
    let mut response = match (kept.body, StatusCode::from_u16(kept.status)) {
        (Some(body), Ok(status)) => (status, body).into_response(),
        (None, Ok(status)) => {
            let message = format!("it was answered {status}, with a body too large to keep");
            Problem::conflict("answerNotKept", message).into_response()
        }
        (_, Err(_)) => return Problem::internal("a receipt holds no status").into_response(),
    };
    if kept.status == response.status().as_u16() {
        // What `into_response` guessed about bytes makes way for what the first answer said.
        response.headers_mut().remove(header::CONTENT_TYPE);
        for (name, value) in kept.headers {
            if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
                response.headers_mut().insert(name, value);
            }
        }
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn in_flight() -> Response {
    let problem = Problem::conflict("requestInFlight", "the first request under this Idempotency-Key still runs");
    let mut response = problem.into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    response
}

/// What a receipt belongs to.
fn scope(caller: &str, method: &str, path: &str, key: &str) -> String {
    hash(&[caller, method, path, key].map(str::as_bytes))
}

/// What a receipt stands for.
fn content(query: &str, body: &[u8]) -> String {
    hash(&[query.as_bytes(), body])
}

/// SHA-256 in hex over parts, each with its length so that they can't run into each other.
fn hash(parts: &[&[u8]]) -> String {
    let hash =
        parts.iter().fold(Sha256::new(), |hash, part| hash.chain_update(part.len().to_be_bytes()).chain_update(part));
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        use std::fmt::Write as _;
        write!(text, "{byte:02x}").expect("writing to a text can't fail");
        text
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use axum::Router;
    use jiff::{SignedDuration, Timestamp};
    use serde_json::{Value, json};
    use store::receipt::{KEPT, LEASE};

    use super::*;
    use crate::answer::{Created, Deleted};
    use crate::edge::Edge;
    use crate::operation::Function;
    use crate::operations;
    use crate::testing::{Answered, engine, request, send};

    const PATH: &str = "/v1/sellers";

    /// A function whose creation of sellers counts how often it runs and answers with what its seed makes.
    struct Subject {
        store: Store,
        router: Router,
        runs: Arc<AtomicU32>,
    }

    impl Subject {
        async fn new() -> Self {
            let store = engine::store().await;
            let runs = Arc::new(AtomicU32::new(0));
            let nothing = || async { Deleted };
            let edge = Edge::new(Function::Sellers, store.clone(), Clock::default(), Arc::clone(&runs));
            let others = operations::of(Function::Sellers).filter(|operation| operation.id != "createSeller");
            let edge = others.fold(edge, |edge, operation| edge.on(operation.id, nothing));
            Self { store, router: edge.on("createSeller", create).into_router(), runs }
        }

        async fn post(&self, caller: &str, key: &str, body: &Value) -> Answered {
            let mut request = request("POST", PATH, caller, "[system-administrator]", Some(body));
            request.headers_mut().insert(KEY, HeaderValue::from_bytes(key.as_bytes()).unwrap());
            send(&self.router, request).await
        }

        fn runs(&self) -> u32 {
            self.runs.load(Ordering::SeqCst)
        }

        /// What the edge leaves when a request of susana's under `key` was begun `ago`.
        async fn begin(&self, key: &str, body: &Value, ago: SignedDuration) -> (Begun, Timestamp) {
            let begun = Timestamp::from_millisecond((Timestamp::now() - ago).as_millisecond()).unwrap();
            let (scope, content) = (scope("susana", "POST", PATH, key), content("", body.to_string().as_bytes()));
            (self.store.begin_receipt(&scope, &content, begun).await.unwrap(), begun)
        }
    }

    async fn create(
        axum::extract::State(runs): axum::extract::State<Arc<AtomicU32>>,
        seed: Seed,
        crate::body::Body(body): crate::body::Body,
    ) -> crate::answer::Result<Created<Value>> {
        let run = runs.fetch_add(1, Ordering::SeqCst);
        match body["name"].as_str() {
            Some("fail once") if run == 0 => Err(Problem::internal("the first time")),
            Some("panic once") if run == 0 => panic!("the first time"),
            Some("taken") => Err(Problem::conflict("exists", "this id is taken")),
            Some("much") => {
                let resource = json!({"padding": "x".repeat(500_000)});
                Ok(Created { location: "/v1/sellers/much".to_owned(), version: 1, resource })
            }
            _ => {
                let resource = json!({"id": seed.id(0), "at": seed.at.to_string(), "tag": seed.tag()});
                Ok(Created { location: format!("/v1/sellers/{}", seed.id(0)), version: 1, resource })
            }
        }
    }

    #[tokio::test]
    async fn a_repetition_gets_the_first_answer() {
        let subject = Subject::new().await;
        let first = subject.post("susana", "k-1", &json!({"name": "a"})).await;
        let second = subject.post("susana", "k-1", &json!({"name": "a"})).await;
        assert_eq!(subject.runs(), 1);
        assert_eq!((first.status.as_u16(), first.header("idempotency-replayed")), (201, ""));
        assert_eq!((second.status.as_u16(), second.header("idempotency-replayed")), (201, "true"));
        assert_eq!(second.body, first.body);
        for name in ["location", "etag", "content-type"] {
            assert!(!first.header(name).is_empty(), "{name}");
            assert_eq!(second.header(name), first.header(name), "{name}");
        }
    }

    #[tokio::test]
    async fn a_key_belongs_to_its_caller_and_stands_for_one_body() {
        let subject = Subject::new().await;
        let body = json!({"name": "a"});
        let first = subject.post("susana", "k-1", &body).await;
        let of_another = subject.post("boris", "k-1", &body).await;
        assert_ne!(of_another.body["id"], first.body["id"]);
        let other_body = subject.post("susana", "k-1", &json!({"name": "b"})).await;
        assert_eq!(other_body.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(other_body.body["type"], "/problems/idempotency-key-reused");
        assert_eq!(subject.runs(), 2);
    }

    #[tokio::test]
    async fn a_refusal_is_kept_and_a_failure_of_ours_is_not() {
        let subject = Subject::new().await;
        for _ in 0..2 {
            assert_eq!(subject.post("susana", "k-1", &json!({"name": "taken"})).await.status, StatusCode::CONFLICT);
        }
        assert_eq!(subject.runs(), 1);
        for (key, name) in [("k-2", "fail once"), ("k-3", "panic once")] {
            let subject = Subject::new().await;
            assert_eq!(subject.post("susana", key, &json!({"name": name})).await.status.as_u16(), 500);
            let again = subject.post("susana", key, &json!({"name": name})).await;
            assert_eq!((again.status.as_u16(), again.header("idempotency-replayed")), (201, ""));
        }
    }

    #[tokio::test]
    async fn a_repetition_while_the_first_runs_is_refused() {
        let subject = Subject::new().await;
        let body = json!({"name": "a"});
        assert!(matches!(subject.begin("k-1", &body, SignedDuration::ZERO).await.0, Begun::Leased(_)));
        let answered = subject.post("susana", "k-1", &body).await;
        assert_eq!((answered.status.as_u16(), subject.runs()), (409, 0));
        assert_eq!(answered.body["type"], "/problems/request-in-flight");
    }

    #[tokio::test]
    async fn after_a_crash_the_request_runs_again_from_the_same_seed() {
        let subject = Subject::new().await;
        let body = json!({"name": "a"});
        let (_, begun) = subject.begin("k-1", &body, LEASE + SignedDuration::from_secs(1)).await;
        let answered = subject.post("susana", "k-1", &body).await;
        let expected = Seed::keyed(begun, &scope("susana", "POST", PATH, "k-1"));
        assert_eq!(answered.status, StatusCode::CREATED);
        assert_eq!(answered.body["id"], expected.id(0));
        assert_eq!(answered.body["tag"], json!(expected.tag()));
        assert_eq!(answered.body["at"], begun.to_string());
    }

    #[tokio::test]
    async fn whoever_lost_the_lease_does_not_overwrite_the_answer() {
        let subject = Subject::new().await;
        let body = json!({"name": "a"});
        let (begun, _) = subject.begin("k-1", &body, LEASE + SignedDuration::from_secs(1)).await;
        let Begun::Leased(lost) = begun else { panic!("{begun:?}") };
        let answered = subject.post("susana", "k-1", &body).await;
        let late = KeptAnswer { status: 200, headers: vec![], body: Some(b"{}".to_vec()) };
        subject.store.finish_receipt(&lost, late).await.unwrap();
        assert_eq!(subject.post("susana", "k-1", &body).await.body, answered.body);
    }

    #[tokio::test]
    async fn a_key_is_forgotten_after_72_hours() {
        let subject = Subject::new().await;
        let (old, body) = (json!({"name": "old"}), json!({"name": "new"}));
        let (begun, _) = subject.begin("k-1", &old, KEPT + SignedDuration::from_secs(2)).await;
        let Begun::Leased(lease) = begun else { panic!("{begun:?}") };
        let kept = KeptAnswer { status: 200, headers: vec![], body: Some(b"{}".to_vec()) };
        subject.store.finish_receipt(&lease, kept).await.unwrap();
        let answered = subject.post("susana", "k-1", &body).await;
        assert_eq!((answered.status.as_u16(), answered.header("idempotency-replayed")), (201, ""));
    }

    #[tokio::test]
    async fn a_large_answer_is_kept_whole() {
        let subject = Subject::new().await;
        let first = subject.post("susana", "k-1", &json!({"name": "much"})).await;
        let second = subject.post("susana", "k-1", &json!({"name": "much"})).await;
        assert_eq!((second.header("idempotency-replayed"), &second.body), ("true", &first.body));
    }

    #[tokio::test]
    async fn an_answer_too_large_to_keep_is_said_to_be_so() {
        let subject = Subject::new().await;
        let (begun, _) = subject.begin("k-1", &json!({}), SignedDuration::ZERO).await;
        let Begun::Leased(lease) = begun else { panic!("{begun:?}") };
        let kept = KeptAnswer { status: 201, headers: vec![], body: None };
        subject.store.finish_receipt(&lease, kept).await.unwrap();
        let answered = subject.post("susana", "k-1", &json!({})).await;
        assert_eq!((answered.status.as_u16(), answered.header("idempotency-replayed")), (409, "true"));
        assert_eq!(answered.body["type"], "/problems/answer-not-kept");
    }

    #[tokio::test]
    async fn a_key_is_one_printable_text_of_at_most_128_characters() {
        let subject = Subject::new().await;
        for key in ["", " ", "k\u{e9}", &"k".repeat(129)] {
            assert_eq!(subject.post("susana", key, &json!({})).await.status.as_u16(), 422, "{key}");
        }
        assert_eq!(subject.post("susana", &"k".repeat(128), &json!({})).await.status.as_u16(), 201);
        assert_eq!(subject.runs(), 1);
    }

    #[tokio::test]
    async fn without_a_key_every_request_runs() {
        let subject = Subject::new().await;
        let post = || request("POST", PATH, "susana", "[system-administrator]", Some(&json!({"name": "a"})));
        let (first, second) = (send(&subject.router, post()).await, send(&subject.router, post()).await);
        assert_eq!(subject.runs(), 2);
        assert_ne!(first.body["id"], second.body["id"]);
        assert_ne!(first.body["tag"], second.body["tag"]);
    }
}
