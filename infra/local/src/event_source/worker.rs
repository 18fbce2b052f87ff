//! One shard of one event source: reads, filters, batches, calls the function, and goes on as [`super::delivery`]
//! decides.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::Result;
use serde_json::json;
use tokio::{sync::watch, time};

use super::{
    Mode, Shared, Source,
    delivery::{Batch, Delivery, Verdict, judge, record},
    on_failure::{Condition, message},
};
use crate::{engine::Shard, invoke::InvokeOutcome};

/// Between looks at an empty stream. Lambda looks four times a second; a developer waits for the answer.
const POLL: Duration = Duration::from_millis(10);
/// Stream records read at once, as `GetRecords` does at most.
const READ_AT_ONCE: usize = 1000;
/// Most bytes of one invocation's event (Lambda's quota for synchronous invocations).
const MAXIMUM_PAYLOAD: usize = 6 * 1024 * 1024;
/// What a record needs in the event besides its keys and images.
const RECORD_OVERHEAD: usize = 512;
/// The pause after a failure, doubled with each one that follows, and its limit. Lambda documents that it backs off
/// exponentially and not how long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long an invocation under way may take at shutdown.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(2);

pub(super) struct Worker {
    source: Arc<Source>,
    stack: Arc<Shared>,
    shard: Shard,
    shard_id: String,
    mode: watch::Receiver<Mode>,
    stopped: watch::Receiver<bool>,
    /// Read and let through by the filter, not yet in a batch.
    waiting: VecDeque<Delivery>,
    /// Since when the first of them waits.
    waiting_since: Instant,
    /// How far the stream has been read.
    read_to: i64,
    failures_in_a_row: u32,
}

/// The stack is going down.
struct Stopping;

impl Worker {
    pub(super) fn new(
        source: Arc<Source>,
        stack: Arc<Shared>,
        shard: Shard,
        position: i64,
        stopped: watch::Receiver<bool>,
    ) -> Self {
        let shard_id = format!("shardId-{:020}-{:08}", shard.index, shard.count);
        let mode = source.mode.subscribe();
        let worker = Self {
            source,
            stack,
            shard,
            shard_id,
            mode,
            stopped,
            waiting: VecDeque::new(),
            waiting_since: Instant::now(),
            read_to: position,
            failures_in_a_row: 0,
        };
        // Before the first look already, so that nothing is removed that this one has yet to read.
        worker.tell_position(position);
        worker
    }

    pub(super) async fn run(mut self) {
        while self.step().await.is_ok() {}
    }

    /// One look at the stream, and the batch that came of it.
    async fn step(&mut self) -> Result<(), Stopping> {
        self.wait_while_paused().await?;
        if let Err(error) = self.read().await {
            tracing::warn!("{}: the stream cannot be read: {error:#}", self.source.settings.id);
            self.failures_in_a_row += 1;
            return self.back_off().await;
        }
        if let Some(batch) = self.next_batch() {
            return self.work_off(batch).await;
        }
        self.pass();
        self.pause(POLL).await
    }

    /// Reads on unless a whole batch waits already.
    async fn read(&mut self) -> Result<()> {
        let settings = &self.source.settings;
        if self.waiting.len() >= settings.batch_size {
            return Ok(());
        }
        let (changes, shard, after) = (Arc::clone(&self.stack.changes), self.shard.clone(), self.read_to);
        let page = tokio::task::spawn_blocking(move || changes.read(&shard, after, READ_AT_ONCE)).await??;
        let read = page.changes.len();
        if self.waiting.is_empty() {
            self.waiting_since = Instant::now();
        }
        let before = self.waiting.len();
        for change in page.changes {
            let created = self.stack.clock.then(change.created);
            let delivery = record(change, created, &settings.table, &self.source.view_type);
            if settings.filter.matches(&delivery.record) {
                self.waiting.push_back(delivery);
            }
        }
        count(&self.source.counters.filtered, read - (self.waiting.len() - before));
        self.read_to = page.end;
        Ok(())
    }

    /// A batch if one is due: full, or its window is over.
    fn next_batch(&mut self) -> Option<Batch> {
        let settings = &self.source.settings;
        let full = self.waiting.len() >= settings.batch_size;
        if self.waiting.is_empty() || (!full && self.waiting_since.elapsed() < settings.batching_window) {
            return None;
        }
        let mut payload = 0;
        let fits = |delivery: &&Delivery| {
            payload += delivery.size_bytes + RECORD_OVERHEAD;
            payload <= MAXIMUM_PAYLOAD
        };
        let fitting = self.waiting.iter().take(settings.batch_size).take_while(fits).count().max(1);
        self.waiting_since = Instant::now();
        Some(Batch { deliveries: self.waiting.drain(..fitting).collect(), attempts: 0 })
    }

    /// Delivers a batch and whatever becomes of it until nothing is left, in order.
    async fn work_off(&mut self, batch: Batch) -> Result<(), Stopping> {
        let mut left = VecDeque::from([batch]);
        while let Some(mut batch) = left.pop_front() {
            if let Some(expired) = batch.take_expired(&self.source.settings, self.stack.clock.now()) {
                self.give_up(&expired, Condition::RecordAgeExceeded, None);
            }
            if batch.deliveries.is_empty() {
                continue;
            }
            let outcome = self.deliver(&batch).await?;
            let size = batch.deliveries.len();
            let verdict = judge(&self.source.settings, batch, &outcome);
            let counters = &self.source.counters;
            match verdict {
                Verdict::Done => {
                    count(&counters.succeeded, size);
                    self.failures_in_a_row = 0;
                }
                Verdict::Again { done, parts } => {
                    count(&counters.succeeded, done);
                    count(&counters.failed, 1);
                    count(if parts.len() > 1 { &counters.bisected } else { &counters.retried }, 1);
                    self.failures_in_a_row += 1;
                    for part in parts.into_iter().rev() {
                        left.push_front(part);
                    }
                    self.pass_up_to(left.front());
                    self.back_off().await?;
                }
                Verdict::GivenUp { done, rest } => {
                    count(&counters.succeeded, done);
                    count(&counters.failed, 1);
                    self.give_up(&rest, Condition::RetryAttemptsExhausted, Some(&outcome));
                    self.failures_in_a_row = 0;
                }
            }
            self.pass_up_to(left.front());
        }
        self.pass();
        Ok(())
    }

    /// One invocation with the batch (two if so told) and its outcome. A stack that cannot call the function at all is
    /// no failed attempt: it is tried until it can.
    async fn deliver(&mut self, batch: &Batch) -> Result<InvokeOutcome, Stopping> {
        let records: Vec<_> = batch.deliveries.iter().map(|delivery| &delivery.record).collect();
        let payload = json!({"Records": records}).to_string().into_bytes();
        loop {
            self.wait_while_paused().await?;
            let deliveries = if self.mode.borrow().twice { 2 } else { 1 };
            let mut last = None;
            for _ in 0..deliveries {
                count(&self.source.counters.invocations, 1);
                count(&self.source.counters.delivered, batch.deliveries.len());
                last = Some(self.invoke(payload.clone()).await?);
            }
            match last {
                Some(Ok(outcome)) => return Ok(outcome),
                Some(Err(error)) => {
                    tracing::warn!("{}: {} cannot be called: {error:#}", self.source.settings.id, self.source.function);
                    self.failures_in_a_row += 1;
                    self.back_off().await?;
                }
                None => {}
            }
        }
    }

    async fn invoke(&mut self, payload: Vec<u8>) -> Result<Result<InvokeOutcome>, Stopping> {
        let call = (self.stack.invoke)(&self.source.function, payload);
        let stopped = self.stopped.wait_for(|stop| *stop);
        let grace = async {
            let _ = stopped.await;
            time::sleep(SHUTDOWN_PATIENCE).await;
        };
        tokio::select! {
            outcome = call => Ok(outcome),
            () = grace => Err(Stopping),
        }
    }

    fn give_up(&self, batch: &Batch, condition: Condition, outcome: Option<&InvokeOutcome>) {
        let source = &self.source;
        count(&source.counters.discarded, batch.deliveries.len());
        tracing::warn!("{}: {} changes given up ({condition:?})", source.settings.id, batch.deliveries.len());
        let now = self.stack.clock.now();
        let body = message(&source.settings, &source.function, &self.shard_id, batch, condition, outcome, now);
        self.stack.failures.send(&source.settings, body);
    }

    /// Everything read and not waiting is dealt with.
    fn pass(&self) {
        let position = self.waiting.front().map_or(self.read_to, |delivery| delivery.sequence - 1);
        self.tell_position(position);
    }

    /// Everything before the front of what is left is dealt with.
    fn pass_up_to(&self, front: Option<&Batch>) {
        if let Some(first) = front.and_then(|batch| batch.deliveries.first()) {
            self.tell_position(first.sequence - 1);
        }
    }

    fn tell_position(&self, position: i64) {
        let id = &self.source.settings.id;
        self.stack.changes.passed(&self.shard.table, &format!("{id}/{}", self.shard.index), position);
        if let Err(error) = self.stack.checkpoints.pass(id, self.shard.index, position) {
            tracing::warn!("{id}: {error:#}");
        }
    }

    async fn wait_while_paused(&mut self) -> Result<(), Stopping> {
        tokio::select! {
            biased;
            _ = self.stopped.wait_for(|stop| *stop) => Err(Stopping),
            _ = self.mode.wait_for(|mode| !mode.paused) => Ok(()),
        }
    }

    async fn back_off(&mut self) -> Result<(), Stopping> {
        let doublings = self.failures_in_a_row.saturating_sub(1).min(16);
        self.pause((FIRST_PAUSE * 2_u32.pow(doublings)).min(LONGEST_PAUSE)).await
    }

    async fn pause(&mut self, length: Duration) -> Result<(), Stopping> {
        tokio::select! {
            _ = self.stopped.wait_for(|stop| *stop) => Err(Stopping),
            () = time::sleep(length) => Ok(()),
        }
    }
}

fn count(counter: &AtomicU64, by: usize) {
    counter.fetch_add(by as u64, Ordering::Relaxed);
}
