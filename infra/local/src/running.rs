//! What runs inside a started stack, as far as it can be asked or told something while it runs.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use jiff::SignedDuration;
use serde_json::Value;
use tokio::sync::{Mutex, RwLock, watch};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::event_source::{Command, EventSourceStatus, EventSources, FailureMessage};
use crate::invoke::{Invoke, InvokeOutcome};
use crate::metrics::Metrics;
use crate::outbox;
use crate::processes::Processes;
use crate::schedule::Schedules;

/// How long one move of the clock waits for changes to be dealt with, in all.
const SETTLING_LIMIT: Duration = Duration::from_secs(10);

/// The parts that answer to [`crate::control`] and to tests.
pub struct Running {
    /// The clock of functions, schedules and event sources.
    pub clock: Arc<Clock>,
    /// The processes of all functions.
    pub processes: Processes,
    /// How functions are called.
    pub invoke: Invoke,
    /// When functions are called by themselves.
    pub schedules: Schedules,
    /// What functions have counted.
    pub metrics: Metrics,
    /// Held while the clock is moved: two moves add up.
    pub moving: Mutex<()>,
    /// Gone once the stack stops.
    pub event_sources: RwLock<Option<EventSources>>,
    /// Turns true when the stack begins to stop.
    pub stopping: watch::Sender<bool>,
    /// The engine's address.
    pub endpoint: String,
    /// The table where effects are left.
    pub work_table: String,
    /// For requests to the engine.
    pub client: reqwest::Client,
}

impl Running {
    /// Moves the clock forward; what falls due in between happens in order, each call with the clock at its instant.
    /// Calls of one schedule are at least `apart` from each other, or as far as a jump of that length has them by itself.
    ///
    /// Before the clock moves on, changes of records that are already made are dealt with, so that they are decided at
    /// the instant they belong to. A paused or failing event source does not hold the clock up for long.
    pub async fn advance(self: &Arc<Self>, minutes: u32, apart: Option<SignedDuration>) -> Result<()> {
        let _one_at_a_time = self.moving.lock().await;
        let patience_ends = Instant::now() + SETTLING_LIMIT;
        self.settle_until(patience_ends).await;
        let offset = self.clock.offset_milliseconds() + i64::from(minutes) * 60_000;
        let set_clock = |instant| {
            if let Err(error) = self.clock.advance_to(instant) {
                tracing::error!("{error:#}");
            }
        };
        let this = Arc::clone(self);
        let call_and_settle = InvokeOutcome::from_fn(move |function, payload| {
            let this = Arc::clone(&this);
            async move {
                let outcome = (this.invoke)(&function, payload).await;
                this.settle_until(patience_ends).await;
                outcome
            }
        });
        let to = self.clock.now() + SignedDuration::from_mins(minutes.into());
        self.schedules.advance(to, apart, &set_clock, &call_and_settle).await?;
        // Exactly that far ahead, however long the calls took.
        self.clock.set_offset(offset)
    }

    /// Settled or not, the clock moves on.
    async fn settle_until(&self, patience_ends: Instant) {
        let _ = tokio::time::timeout_at(patience_ends, self.settled()).await;
    }

    /// What would have been sent.
    pub async fn outbox(&self) -> Result<Vec<Value>> {
        outbox::effects(&self.client, &self.endpoint, &self.work_table).await
    }

    /// What each event source is doing.
    pub async fn event_sources(&self) -> Vec<EventSourceStatus> {
        self.event_sources.read().await.as_ref().map(EventSources::status).unwrap_or_default()
    }

    /// Tells an event source, by its id or its function, what to do.
    pub async fn tell(&self, id_or_function: &str, command: Command) -> Result<EventSourceStatus> {
        let event_sources = self.event_sources.read().await;
        event_sources.as_ref().context("the stack is stopping")?.command(id_or_function, command)
    }

    /// Waits until every change of a record so far is dealt with; an error where an event source is paused.
    pub async fn settled(&self) -> Result<()> {
        let event_sources = self.event_sources.read().await;
        let event_sources = event_sources.as_ref().context("the stack is stopping")?;
        let mut stopping = self.stopping.subscribe();
        tokio::select! {
            settled = event_sources.settled() => settled,
            _ = stopping.wait_for(|stopping| *stopping) => bail!("the stack is stopping"),
        }
    }

    /// The messages about changes that were given up, oldest first.
    pub async fn failures(&self) -> Vec<FailureMessage> {
        self.event_sources.read().await.as_ref().map(EventSources::failures).unwrap_or_default()
    }
}
