//! The proxy itself: accepts connections, draws a fault for each request, and carries it out.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

use anyhow::Context;
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::SetOnce;
use tokio::task::{JoinHandle, JoinSet};

use crate::fault_proxy::answer::{self, Answer, Reason};
use crate::fault_proxy::call::{Call, access_key};
use crate::fault_proxy::draw::Draw;
use crate::fault_proxy::engine::Engine;
use crate::fault_proxy::fault::Fault;
use crate::fault_proxy::gate::{Gate, Gates};
use crate::fault_proxy::history::History;
use crate::fault_proxy::meter::Meter;
use crate::fault_proxy::rewind::Past;
use crate::fault_proxy::rights::Rights;
use crate::fault_proxy::rule::Rule;

/// A running proxy; it stops when this is dropped.
#[derive(Debug)]
pub struct FaultProxy {
    inner: Arc<Inner>,
    address: SocketAddr,
    serving: JoinHandle<()>,
}

#[derive(Debug)]
struct Inner {
    engine: SetOnce<Engine>,
    seed: u64,
    plan: RwLock<Vec<Rule>>,
    requests: AtomicU64,
    injected: Mutex<BTreeMap<Fault, u64>>,
    history: Mutex<History>,
    meter: Meter,
    gates: Gates,
    rights: Rights,
}

/// The connection closes without an answer.
#[derive(Debug)]
struct Closed;

impl std::fmt::Display for Closed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the connection closes without an answer")
    }
}

impl std::error::Error for Closed {}

impl FaultProxy {
    /// Starts a proxy on a free loopback port. It injects nothing yet, and requests wait until [`Self::connect`] tells
    /// the engine: a stack wants to know the proxy before it starts its engine.
    ///
    /// # Errors
    /// When no port can be had.
    pub async fn start(seed: u64) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("no loopback port for the fault proxy")?;
        let address = listener.local_addr()?;
        let inner = Arc::new(Inner {
            engine: SetOnce::new(),
            seed,
            plan: RwLock::default(),
            requests: AtomicU64::new(0),
            injected: Mutex::default(),
            history: Mutex::default(),
            meter: Meter::default(),
            gates: Gates::default(),
            rights: Rights::from_environment().context("the file of rights can't be opened")?,
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&inner)));
        Ok(Self { inner, address, serving })
    }

    /// Names the engine that requests go to.
    ///
    /// # Panics
    /// When it is already connected.
    pub fn connect(&self, engine: &str) {
        self.inner.engine.set(Engine::new(engine)).expect("a proxy stands before one engine");
    }

    /// Where functions should find their DynamoDB.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Replaces the plan; requests under way keep what they drew.
    pub fn inject(&self, plan: Vec<Rule>) {
        *self.inner.plan.write().expect("nothing panics while it is held") = plan;
    }

    /// Injects nothing any more.
    pub fn calm(&self) {
        self.inject(Vec::new());
    }

    /// Holds the next request of this operation by this caller until the gate is opened.
    #[must_use]
    pub fn hold(&self, caller: &str, operation: &str) -> Gate {
        self.inner.gates.close(caller, operation)
    }

    /// How often each fault was injected since the start or the last [`Self::reset`].
    #[must_use]
    pub fn injected(&self) -> BTreeMap<Fault, u64> {
        self.inner.injected.lock().expect("nothing panics while it is held").clone()
    }

    /// How many requests came in since the start or the last [`Self::reset`].
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.inner.requests.load(Ordering::Relaxed)
    }

    /// Counts from nothing again: the next request has the number 0 and draws as the first one did.
    pub fn reset(&self) {
        self.inner.requests.store(0, Ordering::Relaxed);
        self.inner.injected.lock().expect("nothing panics while it is held").clear();
    }

    /// What the requests cost.
    #[must_use]
    pub fn meter(&self) -> &Meter {
        &self.inner.meter
    }
}

impl Drop for FaultProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// Accepts connections until the task is aborted, which also ends the connections.
async fn serve(listener: TcpListener, inner: Arc<Inner>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // A connection that breaks while it is accepted is the client's loss.
                let Ok((stream, _)) = accepted else { continue };
                let _ = stream.set_nodelay(true);
                let inner = Arc::clone(&inner);
                connections.spawn(async move {
                    let service = service_fn(|request| inner.answer(request));
                    // It ends in an error whenever a fault closes it.
                    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

impl Inner {
    async fn answer(&self, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
        let (head, body) = request.into_parts();
        let body = body.collect().await.map_err(|_| Closed)?.to_bytes();
        let answer = match understood(&head.headers, &body) {
            Some(call) => {
                self.rights.note(&call);
                self.carry_out(call, &head.headers, body).await?
            }
            None => self.engine.wait().await.forward(&head.headers, body).await.ok_or(Closed)?,
        };
        let mut response = Response::new(Full::new(answer.body));
        *response.status_mut() = answer.status;
        *response.headers_mut() = answer.headers;
        Ok(response)
    }

    /// The rule whose fault this request meets, the delay, and the chance that goes with it.
    fn draw(&self, call: &Call) -> Option<(Rule, Duration, Draw)> {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let plan = self.plan.read().expect("nothing panics while it is held");
        let (rule, delay, draw) = plan.iter().zip(0..).find_map(|(rule, place)| {
            let mut draw = Draw::new(self.seed, number, place);
            let hit = rule.applies_to(call) && draw.share() < rule.rate;
            hit.then(|| (rule.clone(), rule.delay.mul_f64(draw.share()), draw))
        })?;
        *self.injected.lock().expect("nothing panics while it is held").entry(rule.fault).or_default() += 1;
        Some((rule, delay, draw))
    }

    async fn carry_out(&self, call: Call, headers: &HeaderMap, body: Bytes) -> Result<Answer, Closed> {
        self.gates.pass(&call).await;
        let Some((rule, delay, mut draw)) = self.draw(&call) else { return self.forward(&call, headers, body).await };
        match rule.fault {
            Fault::Conflict if call.operation == "BatchExecuteStatement" => {
                self.first_half(call, headers, Reason::Conflict).await
            }
            Fault::Conflict => Ok(answer::conflict(&call, &mut draw)),
            Fault::Throttle => Ok(answer::throttle(&call, &mut draw)),
            Fault::Unprocessed => self.first_half(call, headers, Reason::Throttle).await,
            Fault::LostAnswer => {
                self.forward(&call, headers, body).await?;
                Err(Closed)
            }
            Fault::LostRequest => Err(Closed),
            Fault::Denied => Ok(answer::denied(&call, rule.key.as_deref())),
            Fault::ServerError => {
                if draw.coin() {
                    self.forward(&call, headers, body).await?;
                }
                Ok(answer::server_error())
            }
            Fault::LateIndex | Fault::StaleRead => self.look_back(call, headers, delay).await,
            Fault::Slow => {
                tokio::time::sleep(delay).await;
                self.forward(&call, headers, body).await
            }
        }
    }

    /// Passes a request on, remembers what it changed if someone may look back, and measures it if someone wants to
    /// know.
    async fn forward(&self, call: &Call, headers: &HeaderMap, body: Bytes) -> Result<Answer, Closed> {
        let keep = self.longest_look_back();
        let before = match (call.is_write(), keep) {
            (true, Some(keep)) => Some((self.engine.wait().await.before(&call.writes()).await, keep)),
            _ => None,
        };
        let measured = self.meter.is_running() && call.is_data();
        let body = if measured { measuring(call) } else { body };
        let answer = self.engine.wait().await.forward(headers, body).await.ok_or(Closed)?;
        let at = Instant::now();
        if let (true, Some((before, keep))) = (answer.status.is_success(), before) {
            let mut history = self.history.lock().expect("nothing panics while it is held");
            for (name, before) in before {
                history.remember(name, at, before, keep);
            }
        }
        if let (true, Some(body)) = (measured, answer.json()) {
            self.meter.count(call, &body, at);
        }
        Ok(answer)
    }

    fn longest_look_back(&self) -> Option<Duration> {
        let plan = self.plan.read().expect("nothing panics while it is held");
        plan.iter().filter(|rule| rule.looks_back()).map(|rule| rule.delay).max()
    }

    /// Carries out the first half of a batch; the second half is answered as not done.
    async fn first_half(&self, mut call: Call, headers: &HeaderMap, reason: Reason) -> Result<Answer, Closed> {
        let rest = split_off_half(&mut call);
        let answer = if call.body["Statements"].as_array().is_some_and(Vec::is_empty) {
            answer::success(&json!({"Responses": []}))
        } else {
            let body = Bytes::from(call.body.to_string());
            self.forward(&call, headers, body).await?
        };
        let Some(mut body) = answer.json() else { return Ok(answer) };
        match rest {
            Rest::Entries(member, entries) => {
                let unprocessed = &mut body[member];
                if !unprocessed.is_object() {
                    *unprocessed = json!({});
                }
                for (table, entry) in entries {
                    add(&mut unprocessed[table], entry);
                }
            }
            Rest::Statements(count) => {
                if let Some(responses) = body["Responses"].as_array_mut() {
                    responses.extend((0..count).map(|_| reason.of_statement()));
                }
            }
        }
        Ok(answer.with_json(&body))
    }

    /// Carries out a read and answers with how it would have been a moment ago.
    async fn look_back(&self, mut call: Call, headers: &HeaderMap, delay: Duration) -> Result<Answer, Closed> {
        // Which items were counted is only known when they are read.
        let counts = call.body["Select"] == "COUNT";
        if let (true, Some(body)) = (counts, call.body.as_object_mut()) {
            body.remove("Select");
        }
        let mut schemas = BTreeMap::new();
        for table in call.tables() {
            let schema = self.engine.wait().await.schema(&table).await;
            schemas.insert(table, schema);
        }
        let instant = Instant::now().checked_sub(delay).unwrap_or_else(Instant::now);
        let answer = self.forward(&call, headers, Bytes::from(call.body.to_string())).await?;
        let Some(mut body) = answer.json() else { return Ok(answer) };
        {
            let history = self.history.lock().expect("nothing panics while it is held");
            let past = Past { history: &history, instant };
            for (table, schema) in &schemas {
                match call.operation.as_str() {
                    "GetItem" => past.get_item(&call, schema, &mut body),
                    "BatchGetItem" => past.batch_get_item(&call, table, schema, &mut body),
                    _ => past.query(&call, schema, &mut body),
                }
            }
        }
        if let (true, Some(body)) = (counts, body.as_object_mut()) {
            body.remove("Items");
        }
        Ok(answer.with_json(&body))
    }
}

/// A request for DynamoDB's tables that can be read; streams and anything else pass through untouched.
fn understood(headers: &HeaderMap, body: &[u8]) -> Option<Call> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let operation = text("x-amz-target")?.strip_prefix("DynamoDB_20120810.")?.to_owned();
    let caller = text("authorization").map(access_key).unwrap_or_default();
    Some(Call { operation, caller, body: serde_json::from_slice(body).ok()? })
}

fn measuring(call: &Call) -> Bytes {
    let mut body = call.body.clone();
    body["ReturnConsumedCapacity"] = json!("INDEXES");
    Bytes::from(body.to_string())
}

/// What is left out of a batch.
enum Rest {
    /// Entries by table, and the member of the answer that gives them back.
    Entries(&'static str, Vec<(String, Value)>),
    /// So many statements at the end.
    Statements(usize),
}

/// Keeps the first half of a batch, rounded down, and gives back the rest.
fn split_off_half(call: &mut Call) -> Rest {
    let mut keep = call.batch_length() / 2;
    let mut take = |entries: &mut Vec<Value>| {
        let rest = entries.split_off(keep.min(entries.len()));
        keep -= entries.len();
        rest
    };
    if let Some(statements) = call.body["Statements"].as_array_mut() {
        return Rest::Statements(take(statements).len());
    }
    let reads = call.operation == "BatchGetItem";
    let mut left_out = Vec::new();
    let Some(tables) = call.body["RequestItems"].as_object_mut() else { return Rest::Statements(0) };
    for (table, request) in tables.iter_mut() {
        let mut entry = request.clone();
        let (kept, entries) = if reads { (&mut request["Keys"], &mut entry["Keys"]) } else { (request, &mut entry) };
        let rest = kept.as_array_mut().map(&mut take).unwrap_or_default();
        if !rest.is_empty() {
            *entries = Value::Array(rest);
            left_out.push((table.clone(), entry));
        }
    }
    let is_empty =
        |request: &Value| if reads { &request["Keys"] } else { request }.as_array().is_none_or(Vec::is_empty);
    tables.retain(|_, request| !is_empty(request));
    Rest::Entries(if reads { "UnprocessedKeys" } else { "UnprocessedItems" }, left_out)
}

/// Adds what was left out to what the engine itself left undone.
fn add(unprocessed: &mut Value, mut entry: Value) {
    match (unprocessed, &mut entry) {
        (Value::Array(list), Value::Array(more)) => list.append(more),
        (Value::Object(own), Value::Object(more)) => {
            if let (Some(Value::Array(list)), Some(Value::Array(more))) = (own.get_mut("Keys"), more.get_mut("Keys")) {
                list.append(more);
            }
        }
        (absent, entry) => *absent = entry.take(),
    }
}
