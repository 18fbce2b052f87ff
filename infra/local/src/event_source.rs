//! Lambda's event source mappings for DynamoDB streams, as AWS documents them: who reads the tables' streams and calls
//! the functions.
//!
//! One worker per shard reads, filters, batches and delivers in order; what follows from an outcome is decided in
//! [`delivery`]. The engine has one shard for ever; here its keys are divided among several, so that batches run at
//! once as they do on AWS while the changes of one key stay in order. `README.md` beside this crate names the page
//! behind each behaviour.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};
use tokio::{sync::watch, task::JoinHandle, time};

use crate::{
    clock::Clock,
    engine::{ChangeLog, Engine, Shard},
    invoke::Invoke,
    template::{StartingPosition, StreamSource, Table, Template},
};

mod checkpoint;
mod delivery;
mod on_failure;
mod worker;

use checkpoint::Checkpoints;
pub use on_failure::FailureMessage;
use on_failure::FailureQueues;
use worker::Worker;

/// Logical shards of each stream unless told otherwise: enough that two batches run at once.
pub const DEFAULT_SHARDS: usize = 2;
/// How often [`EventSources::settled`] looks.
const SETTLED_POLL: Duration = Duration::from_millis(5);

/// The running event sources of a stack. Dropped without [`EventSources::shutdown`], they stop after the invocation
/// they are in.
pub struct EventSources {
    sources: Vec<Arc<Source>>,
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
}

/// What all workers of a stack share.
struct Shared {
    changes: Arc<ChangeLog>,
    checkpoints: Checkpoints,
    failures: FailureQueues,
    invoke: Invoke,
    clock: Arc<Clock>,
}

/// One event source mapping.
struct Source {
    settings: StreamSource,
    function: String,
    view_type: String,
    shards: usize,
    mode: watch::Sender<Mode>,
    counters: Counters,
}

#[derive(Clone, Copy, Debug)]
struct Mode {
    paused: bool,
    twice: bool,
}

#[derive(Debug, Default)]
struct Counters {
    invocations: AtomicU64,
    delivered: AtomicU64,
    succeeded: AtomicU64,
    filtered: AtomicU64,
    failed: AtomicU64,
    retried: AtomicU64,
    bisected: AtomicU64,
    discarded: AtomicU64,
}

/// What one event source is doing and has done since the stack started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EventSourceStatus {
    /// The mapping's name in the template.
    pub id: String,
    /// The function it calls.
    pub function: String,
    /// The table whose stream it reads.
    pub table: String,
    /// Batches that may run at once.
    pub shards: usize,
    /// Whether it has been told to pause.
    pub paused: bool,
    /// Whether it delivers every batch twice.
    pub delivers_twice: bool,
    /// Invocations, the repeated ones included.
    pub invocations: u64,
    /// Changes handed to the function, the repeated ones included.
    pub delivered: u64,
    /// Changes that the function dealt with.
    pub succeeded: u64,
    /// Changes that the filter kept from the function.
    pub filtered: u64,
    /// Invocations that ended in an error, a crash, a time-out or a report of failed items.
    pub failed: u64,
    /// Batches (or what was left of them) that were delivered again.
    pub retried: u64,
    /// Batches that were split in two.
    pub bisected: u64,
    /// Changes that were given up: too many attempts, or too old.
    pub discarded: u64,
}

/// What an event source can be told, such as `{"command": "pause"}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(tag = "command", rename_all = "camelCase", deny_unknown_fields)]
pub enum Command {
    /// Finish the invocations under way and begin no others.
    Pause,
    /// Go on.
    Resume,
    /// From now on deliver every batch twice, one after the other; the second outcome counts.
    DeliverTwice,
    /// Deliver once again.
    DeliverOnce,
}

impl EventSources {
    /// Starts every event source of the template with so many logical `shards` per stream.
    pub fn start(engine: &Engine, template: &Template, shards: usize, invoke: Invoke) -> Result<Self> {
        ensure!(shards > 0, "a stream has at least one shard");
        let changes = engine.changes();
        let checkpoints = Checkpoints::open(engine.data_dir())?;
        let clock = Arc::clone(engine.clock());
        let shared = Arc::new(Shared { changes, checkpoints, failures: FailureQueues::default(), invoke, clock });
        let (stop, stopped) = watch::channel(false);
        let mut running = Self { sources: vec![], shared, stop, workers: vec![] };
        for function in &template.functions {
            for settings in &function.streams {
                let table = template.tables.iter().find(|table| table.name == settings.table);
                let table = table.with_context(|| format!("{}: no table {}", settings.id, settings.table))?;
                running.add(settings.clone(), function.name.clone(), table, shards, &stopped)?;
            }
        }
        Ok(running)
    }

    fn add(
        &mut self,
        settings: StreamSource,
        function: String,
        table: &Table,
        shards: usize,
        stopped: &watch::Receiver<bool>,
    ) -> Result<()> {
        // Lambda runs this many batches of a shard at once and keeps the changes of one key in order, which is what a
        // further division of the keys does.
        let shards = shards * settings.parallelization_factor;
        let mode = watch::Sender::new(Mode { paused: !settings.enabled, twice: false });
        let view_type =
            table.create_table["StreamSpecification"]["StreamViewType"].as_str().unwrap_or_default().to_owned();
        let source = Arc::new(Source { settings, function, view_type, shards, mode, counters: Counters::default() });
        let id = &source.settings.id;
        let start = match source.settings.starting_position {
            StartingPosition::TrimHorizon => 0,
            StartingPosition::Latest => self.shared.changes.newest(&table.name)?,
        };
        let positions = self.shared.checkpoints.begin(id, shards, start);
        let partition_key = table.create_table["KeySchema"][0]["AttributeName"].as_str().unwrap_or_default();
        for (index, position) in positions.into_iter().enumerate() {
            let shard =
                Shard { table: table.name.clone(), partition_key: partition_key.to_owned(), index, count: shards };
            let worker = Worker::new(Arc::clone(&source), Arc::clone(&self.shared), shard, position, stopped.clone());
            self.workers.push(tokio::spawn(worker.run()));
        }
        self.sources.push(source);
        Ok(())
    }

    /// What each event source is doing.
    #[must_use]
    pub fn status(&self) -> Vec<EventSourceStatus> {
        self.sources.iter().map(|source| source.status()).collect()
    }

    /// Tells the event source with this id, or of this function, what to do.
    pub fn command(&self, id_or_function: &str, command: Command) -> Result<EventSourceStatus> {
        let named = |source: &&Arc<Source>| source.settings.id == id_or_function || source.function == id_or_function;
        let source = self.sources.iter().find(named).with_context(|| format!("no event source {id_or_function}"))?;
        source.mode.send_modify(|mode| match command {
            Command::Pause => mode.paused = true,
            Command::Resume => mode.paused = false,
            Command::DeliverTwice => mode.twice = true,
            Command::DeliverOnce => mode.twice = false,
        });
        Ok(source.status())
    }

    /// The messages in the on-failure queues, oldest first.
    #[must_use]
    pub fn failures(&self) -> Vec<FailureMessage> {
        self.shared.failures.messages()
    }

    /// Waits until every change that the streams hold now is dealt with: delivered, filtered out or given up. An error
    /// where one is paused, for that would never be.
    pub async fn settled(&self) -> Result<()> {
        for source in &self.sources {
            let newest = self.shared.changes.newest(&source.settings.table)?;
            while self.shared.checkpoints.position(&source.settings.id).is_some_and(|position| position < newest) {
                if source.mode.borrow().paused {
                    bail!("{} is paused", source.settings.id);
                }
                ensure!(!self.workers.iter().any(JoinHandle::is_finished), "an event source has stopped");
                time::sleep(SETTLED_POLL).await;
            }
        }
        Ok(())
    }

    /// Stops reading, gives invocations under way a moment to end and returns when every worker has stopped. What was
    /// not dealt with is delivered again by the next start with the same data directory.
    pub async fn shutdown(self) {
        self.stop.send_replace(true);
        for worker in self.workers {
            if let Err(error) = worker.await {
                tracing::error!("an event source stopped in disorder: {error}");
            }
        }
    }
}

impl Source {
    fn status(&self) -> EventSourceStatus {
        let Mode { paused, twice } = *self.mode.borrow();
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EventSourceStatus {
            id: self.settings.id.clone(),
            function: self.function.clone(),
            table: self.settings.table.clone(),
            shards: self.shards,
            paused,
            delivers_twice: twice,
            invocations: count(&self.counters.invocations),
            delivered: count(&self.counters.delivered),
            succeeded: count(&self.counters.succeeded),
            filtered: count(&self.counters.filtered),
            failed: count(&self.counters.failed),
            retried: count(&self.counters.retried),
            bisected: count(&self.counters.bisected),
            discarded: count(&self.counters.discarded),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeMap, sync::Mutex};

    use serde_json::{Value, json};

    use super::*;
    use crate::{
        engine::{EngineOptions, request},
        invoke::InvokeOutcome,
        stream_filter::StreamFilter,
    };

    const FUNCTION: &str = "assignment";

    /// What the function saw: per invocation the keys of its batch.
    type Seen = Arc<Mutex<Vec<Vec<String>>>>;

    struct Bench {
        engine: Engine,
        sources: EventSources,
        seen: Seen,
    }

    /// The template's event source with a setting changed and any change let through.
    fn template(change: impl Fn(&mut StreamSource)) -> Template {
        let mut template = Template::builtin().unwrap();
        let source = template.functions.iter_mut().flat_map(|function| &mut function.streams).next().unwrap();
        source.filter = StreamFilter::default();
        change(source);
        template
    }

    fn keys(payload: &[u8]) -> Vec<String> {
        let event: Value = serde_json::from_slice(payload).unwrap();
        let key = |record: &Value| record["dynamodb"]["Keys"]["pk"]["S"].as_str().unwrap().to_owned();
        event["Records"].as_array().unwrap().iter().map(key).collect()
    }

    fn sequence_of(payload: &[u8], key: &str) -> String {
        let event: Value = serde_json::from_slice(payload).unwrap();
        let record = event["Records"].as_array().unwrap().iter().find(|r| r["dynamodb"]["Keys"]["pk"]["S"] == key);
        record.unwrap()["dynamodb"]["SequenceNumber"].as_str().unwrap().to_owned()
    }

    fn on(
        engine: Engine,
        template: &Template,
        shards: usize,
        answer: impl Fn(&[u8]) -> InvokeOutcome + Send + Sync + 'static,
    ) -> Bench {
        let seen = Seen::default();
        let answer = Arc::new(answer);
        let invoke = InvokeOutcome::from_fn({
            let seen = Arc::clone(&seen);
            move |function, payload| {
                assert_eq!(function, FUNCTION);
                seen.lock().unwrap().push(keys(&payload));
                let answer = Arc::clone(&answer);
                async move { Ok(answer(&payload)) }
            }
        });
        let sources = EventSources::start(&engine, template, shards, invoke).unwrap();
        Bench { engine, sources, seen }
    }

    async fn engine(data_dir: Option<&std::path::Path>) -> Engine {
        let options = EngineOptions { data_dir: data_dir.map(Into::into), ..EngineOptions::default() };
        Engine::start(options, &Template::builtin().unwrap().tables).await.unwrap()
    }

    fn put(engine: &Engine, key: &str, round: u32) {
        let item = json!({"pk": {"S": key}, "round": {"N": round.to_string()}});
        engine.database().put_item(request(json!({"TableName": "baton-records", "Item": item})).unwrap()).unwrap();
    }

    fn fine(_: &[u8]) -> InvokeOutcome {
        InvokeOutcome::Ok(br#"{"batchItemFailures":[]}"#.to_vec())
    }

    impl Bench {
        async fn settled(&self) -> Vec<Vec<String>> {
            time::timeout(Duration::from_secs(30), self.sources.settled()).await.unwrap().unwrap();
            self.seen.lock().unwrap().clone()
        }

        fn status(&self) -> EventSourceStatus {
            self.sources.status().remove(0)
        }

        async fn stop(self) {
            self.sources.shutdown().await;
            self.engine.shutdown().await.unwrap();
        }
    }

    #[tokio::test]
    async fn every_change_is_delivered_once_and_those_of_one_key_in_order() {
        let engine = engine(None).await;
        for round in 0..3 {
            for n in 0..60 {
                put(&engine, &format!("lead#{n}"), round);
            }
        }
        let rounds: Arc<Mutex<BTreeMap<String, Vec<String>>>> = Arc::default();
        let noted = Arc::clone(&rounds);
        let bench = on(engine, &template(|_| ()), 3, move |payload| {
            let event: Value = serde_json::from_slice(payload).unwrap();
            for record in event["Records"].as_array().unwrap() {
                let image = &record["dynamodb"]["NewImage"];
                let text = |attribute: &Value| attribute.as_str().unwrap().to_owned();
                noted.lock().unwrap().entry(text(&image["pk"]["S"])).or_default().push(text(&image["round"]["N"]));
            }
            fine(payload)
        });
        let seen = bench.settled().await;
        assert!(seen.iter().all(|batch| batch.len() <= 100));
        let rounds = rounds.lock().unwrap().clone();
        assert_eq!(rounds.len(), 60);
        assert!(rounds.values().all(|rounds| *rounds == ["0", "1", "2"]), "{rounds:?}");
        let status = bench.status();
        assert_eq!((status.delivered, status.succeeded, status.failed, status.shards), (180, 180, 0, 3));
        bench.stop().await;
    }

    #[tokio::test]
    async fn the_filter_and_the_batch_size_decide_what_one_invocation_gets() {
        let engine = engine(None).await;
        for n in 0..10 {
            put(&engine, &format!("lead#{n}"), n % 2);
        }
        let template = template(|source| {
            source.batch_size = 2;
            source.filter =
                StreamFilter::parse(&[r#"{"dynamodb":{"NewImage":{"round":{"N":["1"]}}}}"#.to_owned()]).unwrap();
        });
        let bench = on(engine, &template, 1, fine);
        let seen = bench.settled().await;
        assert_eq!(seen, [vec!["lead#1", "lead#3"], vec!["lead#5", "lead#7"], vec!["lead#9"]]);
        assert_eq!((bench.status().filtered, bench.status().succeeded), (5, 5));
        bench.stop().await;
    }

    #[tokio::test]
    async fn a_window_waits_for_a_batch_to_fill() {
        let engine = engine(None).await;
        let template = template(|source| {
            source.batch_size = 4;
            source.batching_window = Duration::from_mins(5);
        });
        let bench = on(engine, &template, 1, fine);
        for n in 0..4 {
            put(&bench.engine, &format!("lead#{n}"), 0);
            // Longer than a poll: without the window each change would have come alone.
            time::sleep(Duration::from_millis(30)).await;
        }
        assert_eq!(bench.settled().await.len(), 1);
        bench.stop().await;
    }

    #[tokio::test]
    async fn what_is_reported_is_delivered_again_from_there_on() {
        let engine = engine(None).await;
        for n in 0..4 {
            put(&engine, &format!("lead#{n}"), 0);
        }
        let calls = AtomicU64::new(0);
        let bench = on(engine, &template(|_| ()), 1, move |payload| {
            if calls.fetch_add(1, Ordering::Relaxed) == 0 {
                let identifier = sequence_of(payload, "lead#2");
                return InvokeOutcome::Ok(
                    json!({"batchItemFailures": [{"itemIdentifier": identifier}]}).to_string().into_bytes(),
                );
            }
            fine(payload)
        });
        let seen = bench.settled().await;
        assert_eq!(seen, [vec!["lead#0", "lead#1", "lead#2", "lead#3"], vec!["lead#2", "lead#3"]]);
        let status = bench.status();
        assert_eq!((status.failed, status.retried, status.succeeded, status.delivered), (1, 1, 4, 6));
        bench.stop().await;
    }

    #[tokio::test]
    async fn a_poisonous_change_is_given_up_alone_and_its_position_goes_to_the_queue() {
        let engine = engine(None).await;
        for n in 0..6 {
            put(&engine, &format!("lead#{n}"), 0);
        }
        let template = template(|source| source.retries = Some(1));
        let bench = on(engine, &template, 1, |payload| {
            if keys(payload).contains(&"lead#3".to_owned()) { InvokeOutcome::Crashed } else { fine(payload) }
        });
        bench.settled().await;
        let status = bench.status();
        assert_eq!((status.succeeded, status.discarded), (5, 1));
        let failures = bench.sources.failures();
        assert_eq!(failures.len(), 1);
        assert_eq!(failures[0].queue, "baton-given-up");
        assert_eq!(failures[0].body["requestContext"]["condition"], "RetryAttemptsExhausted");
        assert_eq!(failures[0].body["requestContext"]["approximateInvokeCount"], 2);
        assert_eq!(failures[0].body["DDBStreamBatchInfo"]["batchSize"], 1);
        bench.stop().await;
    }

    #[tokio::test]
    async fn changes_grow_old_on_the_movable_clock_and_are_given_up_unseen() {
        let engine = engine(None).await;
        let template = template(|source| {
            source.record_age = Some(Duration::from_mins(1));
            source.retries = None;
            source.bisects = false;
        });
        let invoke = InvokeOutcome::from_fn({
            let clock = Arc::clone(engine.clock());
            move |_, _| {
                // Two minutes pass while the function fails.
                clock.set_offset(clock.offset_milliseconds() + 120_000).unwrap();
                async { Ok(InvokeOutcome::FunctionError(b"{}".to_vec())) }
            }
        });
        put(&engine, "lead#1", 0);
        let sources = EventSources::start(&engine, &template, 1, invoke).unwrap();
        time::timeout(Duration::from_secs(30), sources.settled()).await.unwrap().unwrap();
        let status = sources.status().remove(0);
        assert_eq!((status.invocations, status.discarded), (1, 1));
        assert_eq!(sources.failures()[0].body["requestContext"]["condition"], "RecordAgeExceeded");
        // Read after the clock was moved, a change is as old as its distance to now, not to then.
        put(&engine, "lead#2", 0);
        time::timeout(Duration::from_secs(30), sources.settled()).await.unwrap().unwrap();
        assert_eq!(sources.status().remove(0).invocations, 2);
        sources.shutdown().await;
        engine.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn paused_it_delivers_nothing_and_resumed_everything() {
        let engine = engine(None).await;
        let bench = on(engine, &template(|_| ()), 2, fine);
        assert!(bench.sources.command(FUNCTION, Command::Pause).unwrap().paused);
        bench.settled().await;
        put(&bench.engine, "lead#1", 0);
        assert!(bench.sources.settled().await.unwrap_err().to_string().contains("paused"));
        assert_eq!(bench.status().delivered, 0);
        bench.sources.command("AssignmentFunctionRecords", Command::Resume).unwrap();
        assert_eq!(bench.settled().await, [["lead#1"]]);
        assert!(bench.sources.command("nobody", Command::Pause).is_err());
        bench.stop().await;
    }

    #[tokio::test]
    async fn told_to_it_delivers_every_batch_twice() {
        let engine = engine(None).await;
        let bench = on(engine, &template(|_| ()), 1, fine);
        let command: Command = serde_json::from_str(r#"{"command": "deliverTwice"}"#).unwrap();
        assert!(bench.sources.command(FUNCTION, command).unwrap().delivers_twice);
        put(&bench.engine, "lead#1", 0);
        assert_eq!(bench.settled().await, [["lead#1"], ["lead#1"]]);
        assert_eq!((bench.status().delivered, bench.status().succeeded), (2, 1));
        bench.stop().await;
    }

    #[tokio::test]
    async fn a_restart_delivers_what_was_not_dealt_with_and_nothing_else() {
        let directory = tempfile::tempdir().unwrap();
        let bench = on(engine(Some(directory.path())).await, &template(|_| ()), 2, fine);
        put(&bench.engine, "lead#1", 0);
        bench.settled().await;
        bench.sources.shutdown().await;
        put(&bench.engine, "lead#2", 0);
        bench.engine.shutdown().await.unwrap();

        let bench = on(engine(Some(directory.path())).await, &template(|_| ()), 2, fine);
        assert_eq!(bench.settled().await, [["lead#2"]]);
        bench.stop().await;
    }

    #[tokio::test]
    async fn two_shards_run_their_batches_at_once() {
        let engine = engine(None).await;
        for n in 0..20 {
            put(&engine, &format!("lead#{n}"), 0);
        }
        let both = Arc::new(tokio::sync::Barrier::new(2));
        let invoke = InvokeOutcome::from_fn(move |_, _| {
            let both = Arc::clone(&both);
            // Neither ends before the other has begun.
            async move {
                both.wait().await;
                Ok(InvokeOutcome::Ok(vec![]))
            }
        });
        let sources = EventSources::start(&engine, &template(|_| ()), 2, invoke).unwrap();
        time::timeout(Duration::from_secs(30), sources.settled()).await.unwrap().unwrap();
        assert_eq!(sources.status()[0].invocations, 2);
        sources.shutdown().await;
        engine.shutdown().await.unwrap();
    }
}
