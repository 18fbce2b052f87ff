//! A local stack that runs for one test: real function processes, the embedded engine, optionally a fault proxy between
//! the two. Everything stops when it is dropped or shut down.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use domain::invariant::Report;
use jiff::{SignedDuration, Timestamp};
use local::decisions::Decision;
use local::invoke::InvokeOutcome;
use local::stack::{Stack, StackOptions};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::client::Client;
use crate::dynamodb::{Attributes, DynamoDb};
use crate::fault_proxy::{FaultProxy, RIGHTS_VARIABLE};
use crate::recount::{Recount, Stored};
use crate::until::{LONG, found};

/// The table of records, as the template names it in a local stack.
pub const RECORDS: &str = "baton-records";
/// The table of everything else.
pub const WORK: &str = "baton-work";

/// A stack and everything a test needs of it.
pub struct RunningStack {
    stack: Stack,
    proxy: Option<FaultProxy>,
    /// The engine itself, past the proxy, as another AWS client sees it.
    pub dynamodb: DynamoDb,
}

impl RunningStack {
    /// Starts an empty stack on free ports.
    ///
    /// # Errors
    /// When it can't start; function binaries that were not built are named.
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(StackOptions::default(), None).await
    }

    /// Starts an empty stack whose clock shows an instant, in the past or in the future.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_at(instant: Timestamp) -> anyhow::Result<Self> {
        Self::with(StackOptions { at: Some(instant), ..StackOptions::default() }, None).await
    }

    /// Starts an empty stack at noon of a Wednesday: for what a midnight or the end of a week would change.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn start_at_noon() -> anyhow::Result<Self> {
        Self::start_at("2026-01-07T12:00:00Z".parse()?).await
    }

    /// Starts an empty stack with a fault proxy between functions and engine, which injects nothing yet.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn with_proxy(seed: u64) -> anyhow::Result<Self> {
        Self::with(StackOptions::default(), Some(FaultProxy::start(seed).await?)).await
    }

    /// Starts a stack from options; with a proxy, functions use it as their DynamoDB. Where somebody wants to know which
    /// rights functions use, there always is one.
    ///
    /// # Errors
    /// As [`Self::start`].
    pub async fn with(mut options: StackOptions, proxy: Option<FaultProxy>) -> anyhow::Result<Self> {
        let proxy = match proxy {
            None if std::env::var_os(RIGHTS_VARIABLE).is_some() => Some(FaultProxy::start(0).await?),
            proxy => proxy,
        };
        if let Some(proxy) = &proxy {
            options.function_endpoint = Some(proxy.endpoint());
        }
        let stack = Stack::start(options).await.context("the local stack does not start")?;
        if let Some(proxy) = &proxy {
            proxy.connect(stack.endpoint());
        }
        let dynamodb = DynamoDb::new(stack.endpoint());
        Ok(Self { stack, proxy, dynamodb })
    }

    /// The proxy between functions and engine.
    ///
    /// # Panics
    /// When the stack was started without one.
    #[must_use]
    pub fn proxy(&self) -> &FaultProxy {
        self.proxy.as_ref().expect("this stack was started with a proxy")
    }

    /// Where the engine listens.
    #[must_use]
    pub fn engine(&self) -> &str {
        self.stack.endpoint()
    }

    /// What `assignment` decides from now on, as it says after each commit.
    #[must_use]
    pub fn decisions(&self) -> broadcast::Receiver<Decision> {
        self.stack.decisions()
    }

    /// Where the gateway listens, such as `http://127.0.0.1:8080`.
    #[must_use]
    pub fn url(&self) -> String {
        self.stack.url()
    }

    /// Where the log files of the functions are.
    #[must_use]
    pub fn log_dir(&self) -> &Path {
        self.stack.log_dir()
    }

    /// A bearer token for a caller with a role.
    #[must_use]
    pub fn token(&self, role: &str, sub: &str) -> String {
        self.stack.token(sub, &[role])
    }

    /// A caller with a role.
    #[must_use]
    pub fn client(&self, role: &str, sub: &str) -> Client {
        Client::new(&self.stack.url(), Some(self.token(role, sub)))
    }

    /// A caller who may do everything.
    #[must_use]
    pub fn administrator(&self) -> Client {
        self.client("system-administrator", "administrator")
    }

    /// A caller without a token.
    #[must_use]
    pub fn nobody(&self) -> Client {
        Client::new(&self.stack.url(), None)
    }

    /// Waits until a record was processed and returns it.
    ///
    /// # Errors
    /// When it still waits after a minute, or can't be read.
    pub async fn processed(&self, path: &str) -> anyhow::Result<Value> {
        let client = self.administrator();
        found(&format!("{path} is processed"), LONG, async || {
            let record = client.get(path).await?.expect(200)?;
            Ok((record["work"]["status"] != "pending").then_some(record))
        })
        .await
    }

    /// Waits until no record waits any more, and returns what is stored then.
    ///
    /// # Errors
    /// When records still wait after that time.
    pub async fn settled(&self, within: Duration) -> anyhow::Result<Stored> {
        // The event source is asked first: reading all that is stored over and over would slow down what is waited for.
        // Where it is paused or gave something up, only the tables tell.
        let _ = tokio::time::timeout(within, self.stack.running().settled()).await;
        found("no record waits any more", within, async || {
            let stored = Stored::read(&self.dynamodb, RECORDS, WORK).await?;
            Ok((!stored.anything_waits()).then_some(stored))
        })
        .await
    }

    /// Both tables as they are now, in an order that compares; without the round of the recount, the last sweep and the things
    /// to do, which schedules and the function `waiting` go on with whatever clients do.
    ///
    /// # Errors
    /// When a table can't be read.
    pub async fn everything_stored(&self) -> anyhow::Result<BTreeMap<String, Attributes>> {
        let mut stored = BTreeMap::new();
        for table in [RECORDS, WORK] {
            let keyed = |item: Attributes| (format!("{table} {:?} {:?}", item.get("pk"), item.get("sk")), item);
            let own = |pk: &str, sk: &str| pk == "recount" || pk.starts_with("todo#") || sk == "lastSweep";
            let part =
                |item: &Attributes, name: &str| item.get(name).and_then(|key| key["S"].as_str().map(str::to_owned));
            let of_clients =
                |item: &Attributes| !own(&part(item, "pk").unwrap_or_default(), &part(item, "sk").unwrap_or_default());
            stored.extend(self.dynamodb.scan(table).await?.into_iter().filter(of_clients).map(keyed));
        }
        Ok(stored)
    }

    /// What is stored now, held against the promises; see [`Stored::recount`].
    ///
    /// # Errors
    /// When a table can't be read.
    pub async fn recount(&self, changes: impl Fn(&str) -> usize) -> anyhow::Result<Recount> {
        Ok(Stored::read(&self.dynamodb, RECORDS, WORK).await?.recount(changes))
    }

    /// Holds back what the stream of `records` would deliver to `assignment`.
    ///
    /// # Errors
    /// When the stack refuses the command, as with those that follow.
    pub async fn pause_assignment(&self) -> anyhow::Result<()> {
        self.event_source("pause").await
    }

    /// Delivers again, from where it was paused.
    ///
    /// # Errors
    /// As [`Self::pause_assignment`].
    pub async fn resume_assignment(&self) -> anyhow::Result<()> {
        self.event_source("resume").await
    }

    /// Delivers every batch a second time after it was processed, or stops doing so.
    ///
    /// # Errors
    /// As [`Self::pause_assignment`].
    pub async fn deliver_twice(&self, on: bool) -> anyhow::Result<()> {
        self.event_source(if on { "deliverTwice" } else { "deliverOnce" }).await
    }

    async fn event_source(&self, command: &str) -> anyhow::Result<()> {
        let body = json!({"command": command});
        self.nobody().post("/_local/event-sources/assignment", &body).await?.expect(200).map(drop)
    }

    /// Kills the process of a function that gets the n-th invocation from now on, some milliseconds into it.
    ///
    /// # Errors
    /// When the stack refuses the command.
    pub async fn kill_in(&self, function: &str, deliveries: u64, milliseconds: u64) -> anyhow::Result<()> {
        let order = json!({"afterDeliveries": deliveries, "delayMilliseconds": milliseconds});
        let path = format!("/_local/functions/{function}/kill");
        self.nobody().post(&path, &order).await?.expect(200).map(drop)
    }

    /// Takes the answers out of all receipts of idempotency keys, as if the requests had not been answered, and lets their
    /// leases end at an instant in epoch milliseconds: past for requests that a crash cut short, future for those that
    /// still run.
    ///
    /// # Errors
    /// When the table can't be read or written.
    pub async fn unanswer(&self, lease: i64) -> anyhow::Result<()> {
        for mut item in self.dynamodb.scan(WORK).await? {
            if item["pk"]["S"].as_str().is_some_and(|pk| pk.starts_with("receipt#")) {
                item.remove("answer");
                item.remove("body");
                item.insert("lease".to_owned(), json!({"N": lease.to_string()}));
                self.dynamodb.put(WORK, &Value::Object(item)).await?;
            }
        }
        Ok(())
    }

    /// How a function stands: its processes and what became of its invocations.
    ///
    /// # Errors
    /// When the stack does not know the function.
    pub async fn function(&self, name: &str) -> anyhow::Result<Value> {
        let functions = self.nobody().get("/_local/functions").await?.expect(200)?;
        let found = functions["items"].as_array().into_iter().flatten().find(|function| function["name"] == name);
        found.cloned().with_context(|| format!("the stack has no function {name}"))
    }

    /// Calls a function with an event, as somebody with the right to does, and returns its answer.
    ///
    /// # Errors
    /// When it fails or can't be called.
    pub async fn invoke(&self, function: &str, event: &Value) -> anyhow::Result<Value> {
        match (self.stack.running().invoke)(function, event.to_string().into_bytes()).await? {
            InvokeOutcome::Ok(answer) => Ok(serde_json::from_slice(&answer)?),
            other => bail!("{function} failed: {other:?}"),
        }
    }

    /// Has the function `check-invariants` check everything that is stored, from beginning to end; its report. The clock is
    /// moved on where the check waits for a second look.
    ///
    /// # Errors
    /// When a call fails.
    pub async fn check_invariants(&self) -> anyhow::Result<Report> {
        let mut event = json!({"seconds": 1});
        loop {
            let mut answer = self.invoke("check-invariants", &event).await?;
            if answer["done"] == true {
                return Ok(serde_json::from_value(answer["report"].take())?);
            }
            if !answer["progress"]["waitsUntil"].is_null() {
                self.advance(1).await?;
            }
            event = json!({"seconds": 1, "next": answer["next"]});
        }
    }

    /// The instant that the clock shows.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.stack.now()
    }

    /// Moves the clock of all functions, schedules and timers.
    ///
    /// # Errors
    /// When the stack refuses it.
    pub async fn advance(&self, minutes: u64) -> anyhow::Result<()> {
        self.nobody().post("/_local/clock", &json!({"advanceMinutes": minutes})).await?.expect(200).map(drop)
    }

    /// Moves the clock until it shows an instant, with one call of each schedule on the way or, where it is further than
    /// `apart`, as many as fit; nothing when the instant has passed.
    ///
    /// # Errors
    /// When the stack refuses it.
    pub async fn advance_to(&self, instant: Timestamp, apart: SignedDuration) -> anyhow::Result<()> {
        let left = instant.duration_since(self.stack.now());
        if !left.is_positive() {
            return Ok(());
        }
        // Whole minutes, so that the instant is reached.
        let minutes = (left.as_millis() + 59_999) / 60_000;
        let body = json!({"advanceMinutes": i64::try_from(minutes)?, "minutesBetweenCalls": apart.as_mins()});
        self.nobody().post("/_local/clock", &body).await?.expect(200).map(drop)
    }

    /// Waits until every change of a record so far was delivered and dealt with.
    ///
    /// # Errors
    /// When the event source is paused or does not get there in time.
    pub async fn delivered(&self, within: Duration) -> anyhow::Result<()> {
        tokio::time::timeout(within, self.stack.running().settled())
            .await
            .context("changes are not dealt with in time")?
    }

    /// Stops everything.
    ///
    /// # Errors
    /// When a process is left behind.
    pub async fn shutdown(self) -> anyhow::Result<()> {
        self.stack.shutdown().await
    }
}
