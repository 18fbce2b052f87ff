//! API Gateway's HTTP API on 127.0.0.1: routes and authorizer of the template, payload format 2.0, AWS's own refusals.
//!
//! What answers is always a function; this module has no opinion about the contract behind the routes. Paths below
//! `/_local` are not the API's: they belong to the stack and are handed in as a router. Limits:
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rand::RngExt;
use serde_json::{Map, Value};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::invoke::{Invoke, InvokeOutcome};
use crate::token::{self, Key};

pub mod answer;
pub mod event;
pub mod route;

use answer::message;
use route::Route;

/// The largest body that API Gateway takes: 10 MB.
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;
/// The largest event that Lambda takes: 6 MB.
const MAX_EVENT_BYTES: usize = 6 * 1024 * 1024;
/// How long an integration may take.
const INTEGRATION_LIMIT: Duration = Duration::from_secs(30);
/// How long requests in progress may take to end when the gateway stops.
const FAREWELL: Duration = Duration::from_secs(5);

/// What the gateway goes by.
pub struct Settings {
    /// The routes of all functions.
    pub routes: Vec<Route>,
    /// The key of the tokens that it accepts.
    pub key: Key,
    /// Requests a second, and as many at once; `None` is no limit.
    pub requests_per_second: Option<u32>,
    /// How functions are called.
    pub invoke: Invoke,
}

struct Shared {
    settings: Settings,
    throttle: Option<Throttle>,
}

/// The running gateway.
pub struct Gateway {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
}

impl Gateway {
    /// Starts to answer on a listener; `local` answers what lies outside the API.
    pub fn start(listener: TcpListener, settings: Settings, local: Router) -> Result<Self> {
        let address = listener.local_addr().context("cannot tell the gateway's port")?;
        let throttle = settings.requests_per_second.map(Throttle::new);
        let api = Router::new().fallback(handle).with_state(Arc::new(Shared { settings, throttle }));
        let router = api.merge(local);
        let (stop, stopped) = oneshot::channel();
        let server = tokio::spawn(async move {
            let service = router.into_make_service_with_connect_info::<SocketAddr>();
            let stopped = async {
                let _ = stopped.await;
            };
            // Serving ends only on request.
            let _ = axum::serve(listener, service).with_graceful_shutdown(stopped).await;
        });
        Ok(Self { address, stop, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no further requests and waits a little for those in progress.
    pub async fn stop(self) {
        let _ = self.stop.send(());
        let abort = self.server.abort_handle();
        if tokio::time::timeout(FAREWELL, self.server).await.is_err() {
            abort.abort();
        }
    }
}

async fn handle(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let id = STANDARD.encode(rand::rng().random::<[u8; 11]>());
    let mut response = answer(&shared, client, request, &id).await.unwrap_or_else(|refusal| *refusal);
    let id = HeaderValue::from_str(&id).expect("base64 is good in a header");
    response.headers_mut().insert("apigw-requestid", id);
    response
}

async fn answer(shared: &Shared, client: SocketAddr, request: Request, id: &str) -> Result<Response, Box<Response>> {
    let refuse = |status| Err(Box::new(message(status)));
    let Shared { settings, throttle } = shared;
    if throttle.as_ref().is_some_and(|throttle| !throttle.admits(Instant::now())) {
        return refuse(StatusCode::TOO_MANY_REQUESTS);
    }
    let (parts, body) = request.into_parts();
    let path = event::decode_path(parts.uri.path());
    let Some(found) = route::choose(&settings.routes, parts.method.as_str(), &path) else {
        return refuse(StatusCode::NOT_FOUND);
    };
    let claims = if found.route.authorized { Some(authorize(&settings.key, &parts.headers)?) } else { None };
    let Ok(body) = to_bytes(body, MAX_BODY_BYTES).await else { return refuse(StatusCode::PAYLOAD_TOO_LARGE) };
    let request = event::Request {
        method: &parts.method,
        version: parts.version,
        path: &path,
        query: parts.uri.query().unwrap_or_default(),
        headers: &parts.headers,
        body: &body,
        client: client.ip(),
        at: Timestamp::now(),
        id,
    };
    let payload = event::event(&request, &found, claims.as_ref()).to_string().into_bytes();
    if payload.len() > MAX_EVENT_BYTES {
        return refuse(StatusCode::PAYLOAD_TOO_LARGE);
    }
    let call = (settings.invoke)(&found.route.function, payload);
    match tokio::time::timeout(INTEGRATION_LIMIT, call).await {
        Ok(Ok(InvokeOutcome::Ok(bytes))) => Ok(answer::response(&bytes)),
        Ok(Ok(InvokeOutcome::FunctionError(_) | InvokeOutcome::Crashed | InvokeOutcome::TimedOut)) => {
            refuse(StatusCode::INTERNAL_SERVER_ERROR)
        }
        Ok(Err(_)) | Err(_) => refuse(StatusCode::SERVICE_UNAVAILABLE),
    }
}

/// The claims of the token in the header `Authorization`, with or without `Bearer` before it, as AWS has it.
fn authorize(key: &Key, headers: &HeaderMap) -> Result<Map<String, Value>, Box<Response>> {
    let header = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default().trim();
    let token = match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => header,
    };
    let challenge = if token.is_empty() {
        "Bearer".to_owned()
    } else {
        match token::verify(key, token) {
            Ok(claims) => return Ok(claims),
            Err(refusal) => format!(r#"Bearer scope="" error="invalid_token" error_description="{refusal}""#),
        }
    };
    let mut response: Response<Body> = message(StatusCode::UNAUTHORIZED);
    let challenge = HeaderValue::from_str(&challenge).expect("the descriptions are plain words");
    response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
    Err(Box::new(response))
}

/// A bucket that holds as many requests as a second may bring and fills at that rate.
struct Throttle {
    rate: f64,
    left: Mutex<(f64, Instant)>,
}

impl Throttle {
    fn new(requests_per_second: u32) -> Self {
        let rate = f64::from(requests_per_second);
        Self { rate, left: Mutex::new((rate, Instant::now())) }
    }

    fn admits(&self, now: Instant) -> bool {
        let mut bucket = self.left.lock().expect("nothing panics under this lock");
        let (left, filled_at) = *bucket;
        let left = (left + now.saturating_duration_since(filled_at).as_secs_f64() * self.rate).min(self.rate);
        let admitted = left >= 1.0;
        *bucket = (if admitted { left - 1.0 } else { left }, now);
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template;
    use crate::token::Claims;
    use serde_json::json;

    struct Fixture {
        gateway: Gateway,
        key: Key,
        _folder: tempfile::TempDir,
    }

    /// A gateway whose functions `echo` the event, `fail`, or `crash`.
    async fn start(requests_per_second: Option<u32>) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::load_or_create(&folder.path().join("key")).unwrap();
        let route = |function: &str, path: &str, authorized| {
            Route::new(function, &template::Route { method: "ANY".into(), path: path.into(), authorized })
        };
        let settings = Settings {
            routes: vec![
                route("echo", "/echo/{proxy+}", true),
                route("echo", "/open", false),
                route("fail", "/fail", false),
                route("crash", "/crash", false),
            ],
            key: key.clone(),
            requests_per_second,
            invoke: InvokeOutcome::from_fn(|function, payload| async move {
                Ok(match function.as_str() {
                    "echo" => InvokeOutcome::Ok(payload),
                    "fail" => InvokeOutcome::FunctionError(b"{}".to_vec()),
                    _ => InvokeOutcome::Crashed,
                })
            }),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = Router::new().route("/_local/ping", axum::routing::get(|| async { "pong" }));
        Fixture { gateway: Gateway::start(listener, settings, local).unwrap(), key, _folder: folder }
    }

    impl Fixture {
        fn url(&self, path: &str) -> String {
            format!("http://{}{path}", self.gateway.address())
        }

        async fn get(&self, path: &str, authorization: &str) -> (u16, String, String) {
            let request = reqwest::Client::new().get(self.url(path));
            let request =
                if authorization.is_empty() { request } else { request.header("authorization", authorization) };
            let response = request.send().await.unwrap();
            assert!(path.starts_with("/_local") || response.headers().contains_key("apigw-requestid"));
            let challenge = response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned());
            (response.status().as_u16(), challenge.unwrap_or_default(), response.text().await.unwrap())
        }
    }

    #[tokio::test]
    async fn a_good_token_reaches_the_function_as_claims() {
        let stack = start(None).await;
        let token = token::sign(&stack.key, "susana", &["sales-manager", "salesperson"]);
        for authorization in [format!("Bearer {token}"), format!("bearer {token}"), token.clone()] {
            let (status, _, body) = stack.get("/echo/a/b?x=1", &authorization).await;
            assert_eq!(status, 200);
            let event: Value = serde_json::from_str(&body).unwrap();
            let claims = &event["requestContext"]["authorizer"]["jwt"]["claims"];
            assert_eq!((&claims["sub"], &claims["roles"]), (&json!("susana"), &json!("[sales-manager salesperson]")));
            assert_eq!(event["pathParameters"], json!({ "proxy": "a/b" }));
        }
        stack.gateway.stop().await;
    }

    #[tokio::test]
    async fn a_bad_token_is_refused_with_awss_own_body() {
        let stack = start(None).await;
        let expired = Claims { exp: 1_000_000, ..Claims::new("susana", &["sales-manager"]) };
        let expired = token::sign_claims(&stack.key, &expired);
        for (authorization, challenge) in [
            (String::new(), "Bearer"),
            (
                "Bearer".into(),
                r#"Bearer scope="" error="invalid_token" error_description="signing method or signature is invalid""#,
            ),
            (
                "Bearer a.b.c".into(),
                r#"Bearer scope="" error="invalid_token" error_description="signing method or signature is invalid""#,
            ),
            (expired, r#"Bearer scope="" error="invalid_token" error_description="the token has expired""#),
        ] {
            let answer = stack.get("/echo/a", &authorization).await;
            assert_eq!(answer, (401, challenge.to_owned(), r#"{"message":"Unauthorized"}"#.to_owned()));
        }
        assert_eq!(stack.get("/open", "").await.0, 200, "a route without authorizer needs no token");
        stack.gateway.stop().await;
    }

    #[tokio::test]
    async fn what_has_no_route_or_a_broken_function_gets_awss_own_body() {
        let stack = start(None).await;
        for (path, status, text) in [
            ("/nothing", 404, r#"{"message":"Not Found"}"#),
            ("/_local/nothing", 404, r#"{"message":"Not Found"}"#),
            ("/fail", 500, r#"{"message":"Internal Server Error"}"#),
            ("/crash", 500, r#"{"message":"Internal Server Error"}"#),
            ("/_local/ping", 200, "pong"),
        ] {
            assert_eq!(stack.get(path, "").await, (status, String::new(), text.to_owned()), "{path}");
        }
        stack.gateway.stop().await;
    }

    #[tokio::test]
    async fn a_body_beyond_lambdas_six_megabytes_is_413() {
        let stack = start(None).await;
        let post = async |bytes: usize| {
            let body = "x".repeat(bytes);
            reqwest::Client::new()
                .post(stack.url("/open"))
                .body(body)
                .send()
                .await
                .map(|answer| answer.status().as_u16())
        };
        assert_eq!(post(5 * 1024 * 1024).await.unwrap(), 200);
        assert_eq!(post(7 * 1024 * 1024).await.unwrap(), 413);
        stack.gateway.stop().await;
    }

    #[test]
    fn the_throttle_lets_a_burst_through_and_then_the_rate() {
        let throttle = Throttle::new(2);
        let start = Instant::now();
        let admitted = |milliseconds| throttle.admits(start + Duration::from_millis(milliseconds));
        assert_eq!([admitted(0), admitted(0), admitted(0)], [true, true, false]);
        assert_eq!([admitted(400), admitted(1_000), admitted(1_000)], [false, true, true]);
    }

    #[tokio::test]
    async fn beyond_the_rate_it_answers_429() {
        let stack = start(Some(1)).await;
        let get = || stack.get("/open", "");
        let answers: [_; 4] = tokio::join!(get(), get(), get(), get()).into();
        let told = |status| answers.iter().find(|answer| answer.0 == status).map(|answer| answer.2.as_str());
        assert!(told(200).is_some());
        assert_eq!(told(429), Some(r#"{"message":"Too Many Requests"}"#));
        stack.gateway.stop().await;
    }
}
