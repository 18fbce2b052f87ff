//! The embedded DynamoDB: the template's tables in one SQLite file, served over HTTP on the loopback address.
//!
//! In memory means a file in a RAM-backed directory, because the stream's index and trimming ([`ChangeLog`]) need a
//! second connection to the same database, which a database in memory does not allow.

use std::{
    fs::{self, File, TryLockError},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail, ensure};
use dynoxide::{Database, DynoxideError};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::watch, task::JoinHandle, time};

use crate::{clock::Clock, template::Table};

pub(crate) mod change_log;

pub(crate) use change_log::{Change, ChangeLog, Shard};

/// A directory in memory on Linux; elsewhere the system's temporary directory has to do.
const RAM_DIRECTORY: &str = "/dev/shm";
/// Begins the name of every directory of a stack in memory; the process's id follows.
const DIRECTORY_PREFIX: &str = "baton-";
/// How often stream records that nobody needs any more are removed.
const TRIM_EVERY: Duration = Duration::from_secs(1);
/// How often expired items are removed. DynamoDB promises no more than "within a few days".
const EXPIRE_EVERY: Duration = Duration::from_mins(5);
/// How long requests under way may take at shutdown.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

/// Where an engine keeps its data and listens.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// The directory that keeps the data; `None` keeps it in memory.
    pub data_dir: Option<PathBuf>,
    /// The port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where the clock starts if the data has none yet; `None` means real time.
    pub at: Option<Timestamp>,
}

/// A running engine. Dropped without [`Engine::shutdown`], it stops with its runtime.
pub struct Engine {
    endpoint: String,
    database: Database,
    changes: Arc<ChangeLog>,
    clock: Arc<Clock>,
    stop: watch::Sender<bool>,
    server: JoinHandle<Result<(), String>>,
    upkeep: JoinHandle<()>,
    // Declared last: fields drop in this order, and the files must outlive whoever has them open.
    home: Home,
}

/// The directory of the data, and what keeps it ours.
struct Home {
    path: PathBuf,
    temporary: Option<TempDir>,
    _lock: Option<File>,
}

impl Engine {
    /// Opens or makes the database and its tables and serves it. Every error is one sentence for the person at the
    /// terminal: an unwritable or occupied directory, an occupied port, tables of another template.
    pub async fn start(options: EngineOptions, tables: &[Table]) -> Result<Self> {
        let home = match &options.data_dir {
            Some(directory) => Home::kept(directory)?,
            None => Home::in_memory()?,
        };
        // Beside the data that is stamped with it.
        let folder = std::path::absolute(&home.path).context("DATA_DIR is no path")?;
        let clock = Arc::new(Clock::open(folder.join("clock"), options.at)?);
        let file = home.path.join("dynamodb.sqlite");
        let file = file.to_str().with_context(|| format!("{} is not a UTF-8 path", file.display()))?;
        let database = Database::new(file).with_context(|| format!("cannot open the database {file}"))?;
        // Without these settings SQLite waits for the disk at each commit (200 writes a second). With data in memory
        // there is nothing to wait for; in a directory the log is still written in order, so a killed stack loses
        // nothing and a power failure at most the last moments.
        if home.temporary.is_some() { database.enable_bulk_loading() } else { database.disable_bulk_loading() }
            .context("cannot set up the database")?;
        for table in tables {
            ensure_table(&database, table).with_context(|| format!("table {}", table.name))?;
        }
        let streams = tables.iter().filter(|table| table.stream).map(|table| table.name.clone()).collect();
        let changes = Arc::new(ChangeLog::open(file, streams)?);

        let listener = TcpListener::bind(("127.0.0.1", options.port))
            .await
            .with_context(|| format!("port {} on 127.0.0.1 cannot be used for DynamoDB", options.port))?;
        let endpoint = format!("http://{}", listener.local_addr()?);
        let (stop, stopped) = watch::channel(false);
        let server =
            tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database.clone(), until(stopped.clone())));
        let upkeep = tokio::spawn(keep_up(database.clone(), Arc::clone(&changes), Arc::clone(&clock), stopped));
        Ok(Self { endpoint, database, changes, clock, stop, server, upkeep, home })
    }

    /// Its address as `http://127.0.0.1:PORT`, for any DynamoDB client.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// The engine itself, for callers in this process.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// The clock of everybody who works with this data.
    #[must_use]
    pub fn clock(&self) -> &Arc<Clock> {
        &self.clock
    }

    /// The directory that outlives the stack; `None` when everything is in memory.
    #[must_use]
    pub fn data_dir(&self) -> Option<&Path> {
        self.home.temporary.is_none().then_some(self.home.path.as_path())
    }

    pub(crate) fn changes(&self) -> Arc<ChangeLog> {
        Arc::clone(&self.changes)
    }

    /// Lets the requests under way finish, closes the database and, in memory, removes it.
    pub async fn shutdown(self) -> Result<()> {
        self.stop.send_replace(true);
        let mut server = self.server;
        let finished = time::timeout(SHUTDOWN_PATIENCE, &mut server).await;
        self.upkeep.await.context("the upkeep of DynamoDB stopped in disorder")?;
        if let Ok(finished) = finished {
            return finished.context("the DynamoDB server stopped in disorder")?.map_err(|error| anyhow!(error));
        }
        server.abort();
        Ok(())
    }
}

/// Resolves when the stop signal was given or its sender is gone.
async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}

/// Trims the streams and removes expired items until the engine stops.
async fn keep_up(database: Database, changes: Arc<ChangeLog>, clock: Arc<Clock>, stopped: watch::Receiver<bool>) {
    let mut trim = time::interval(TRIM_EVERY);
    let mut expire = time::interval(EXPIRE_EVERY);
    let stop = until(stopped);
    tokio::pin!(stop);
    loop {
        let (work, database, changes) = tokio::select! {
            () = &mut stop => return,
            _ = trim.tick() => ("trim the streams", None, Some(Arc::clone(&changes))),
            _ = expire.tick(), if expires(&clock) => ("remove expired items", Some(database.clone()), None),
        };
        let done = tokio::task::spawn_blocking(move || -> Result<()> {
            database.map(|database| database.sweep_ttl()).transpose()?;
            changes.map(|changes| changes.trim()).transpose()?;
            Ok(())
        });
        if let Ok(Err(error)) = done.await {
            tracing::warn!("cannot {work}: {error:#}");
        }
    }
}

/// Whether expired items are removed: the engine judges by real time, so where the clock is behind it that would be
/// early. An expired item may stay as long as it likes; one that is still needed may not go.
fn expires(clock: &Clock) -> bool {
    clock.offset_milliseconds() >= 0
}

impl Home {
    /// `directory`, made if it is missing, writable and ours alone.
    fn kept(directory: &Path) -> Result<Self> {
        let lock = fs::create_dir_all(directory)
            .and_then(|()| File::create(directory.join("lock")))
            .with_context(|| format!("DATA_DIR {} cannot be written", directory.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: directory.to_owned(), temporary: None, _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => bail!("DATA_DIR {} is used by another stack", directory.display()),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("DATA_DIR {} cannot be locked", directory.display()))
            }
        }
    }

    fn in_memory() -> Result<Self> {
        remove_leftovers(Path::new(RAM_DIRECTORY));
        let mut builder = tempfile::Builder::new();
        let prefix = format!("{DIRECTORY_PREFIX}{}-", std::process::id());
        let directory = builder.prefix(&prefix).tempdir_in(RAM_DIRECTORY).or_else(|_| builder.tempdir());
        let directory = directory.context("no temporary directory can be made")?;
        Ok(Self { path: directory.path().to_owned(), temporary: Some(directory), _lock: None })
    }
}

/// A stack that was killed could not remove its directory, and here that is memory: do it for every one whose process
/// is gone. Failures are somebody else's directories.
fn remove_leftovers(parent: &Path) {
    for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner =
            name.to_str().and_then(|name| name.strip_prefix(DIRECTORY_PREFIX)).and_then(|rest| rest.split('-').next());
        let owner = owner.and_then(|owner| owner.parse::<u32>().ok());
        if owner.is_some_and(|owner| !Path::new("/proc").join(owner.to_string()).exists()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

/// Makes the table if it is missing; one that was made otherwise is an error, never changed.
fn ensure_table(database: &Database, table: &Table) -> Result<()> {
    let named = || json!({"TableName": table.name});
    match database.describe_table(request(named())?) {
        Ok(found) => {
            let found = serde_json::to_value(found.table)?;
            ensure!(
                shape(&found) == shape(&table.create_table),
                "the data was made with another version of the template; move the directory away or use another one"
            );
        }
        Err(DynoxideError::ResourceNotFoundException(_)) => {
            database.create_table(request(table.create_table.clone())?)?;
        }
        Err(error) => return Err(error.into()),
    }
    if let Some(attribute) = &table.time_to_live {
        let known = database.describe_time_to_live(request(named())?)?.time_to_live_description;
        if known.attribute_name.as_ref() != Some(attribute) {
            let specification = json!({"AttributeName": attribute, "Enabled": true});
            let update = json!({"TableName": table.name, "TimeToLiveSpecification": specification});
            database.update_time_to_live(request(update)?)?;
        }
    }
    Ok(())
}

/// What makes two tables the same to a program: keys, indexes and stream, in an order of their own.
fn shape(table: &Value) -> Value {
    let sorted = |value: &Value, by: &str| {
        let mut elements = value.as_array().cloned().unwrap_or_default();
        elements.sort_by_key(|element| element[by].as_str().map(str::to_owned));
        elements
    };
    let index = |index: &Value| {
        let mut projection = index["Projection"].clone();
        if let Some(Value::Array(attributes)) = projection.get_mut("NonKeyAttributes") {
            attributes.sort_by_key(|name| name.as_str().map(str::to_owned));
        }
        json!([index["IndexName"], index["KeySchema"], projection])
    };
    let indexes: Vec<Value> = sorted(&table["GlobalSecondaryIndexes"], "IndexName").iter().map(index).collect();
    let stream = &table["StreamSpecification"]["StreamViewType"];
    json!([table["KeySchema"], sorted(&table["AttributeDefinitions"], "AttributeName"), indexes, stream])
}

/// A request of the engine from its JSON.
pub(crate) fn request<T: DeserializeOwned>(body: Value) -> Result<T> {
    serde_json::from_value(body).context("the engine does not understand a request")
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::template::Template;

    fn tables() -> Vec<Table> {
        Template::builtin().unwrap().tables
    }

    fn put(engine: &Engine, key: &str) {
        let item = json!({"pk": {"S": key}, "type": {"S": "lead"}, "text": {"S": "x".repeat(200)}});
        engine.database().put_item(request(json!({"TableName": "baton-records", "Item": item})).unwrap()).unwrap();
    }

    fn stored(engine: &Engine, key: &str) -> bool {
        let get = json!({"TableName": "baton-records", "Key": {"pk": {"S": key}}});
        engine.database().get_item(request(get).unwrap()).unwrap().item.is_some()
    }

    #[tokio::test]
    async fn the_tables_of_the_template_answer_over_http() {
        let engine = Engine::start(EngineOptions::default(), &tables()).await.unwrap();
        let answer = reqwest::Client::new()
            .post(engine.endpoint())
            .header("X-Amz-Target", "DynamoDB_20120810.DescribeTable")
            .header("Content-Type", "application/x-amz-json-1.0")
            .header(
                "Authorization",
                "AWS4-HMAC-SHA256 Credential=a/20260101/r/dynamodb/aws4_request, SignedHeaders=host, Signature=0",
            )
            .header("X-Amz-Date", "20260101T000000Z")
            .body(r#"{"TableName": "baton-records"}"#)
            .send()
            .await
            .unwrap();
        let table: Value = serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        let names: Vec<&str> = table["Table"]["GlobalSecondaryIndexes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|index| index["IndexName"].as_str().unwrap())
            .collect();
        assert_eq!(names, ["pending", "listed", "attention", "members", "owned", "units", "waiting"]);
        let directory = engine.home.path.clone();
        assert!(directory.exists());
        engine.shutdown().await.unwrap();
        assert!(!directory.exists());
    }

    #[tokio::test]
    async fn a_directory_keeps_the_data_and_belongs_to_one_stack() {
        let directory = tempfile::tempdir().unwrap();
        let options = EngineOptions { data_dir: Some(directory.path().join("data")), ..EngineOptions::default() };
        let engine = Engine::start(options.clone(), &tables()).await.unwrap();
        put(&engine, "lead#1");
        let second = Engine::start(options.clone(), &tables()).await.err().unwrap();
        assert!(format!("{second:#}").contains("used by another stack"), "{second:#}");
        engine.shutdown().await.unwrap();

        let engine = Engine::start(options.clone(), &tables()).await.unwrap();
        assert!(stored(&engine, "lead#1"));
        engine.shutdown().await.unwrap();

        let mut others = tables();
        others[0].create_table["GlobalSecondaryIndexes"].as_array_mut().unwrap().pop();
        others[0].create_table["AttributeDefinitions"]
            .as_array_mut()
            .unwrap()
            .retain(|a| !a["AttributeName"].as_str().unwrap().starts_with("owned"));
        let other = Engine::start(options, &others).await.err().unwrap();
        assert!(format!("{other:#}").contains("another version of the template"), "{other:#}");
    }

    #[tokio::test]
    async fn what_prevents_a_start_is_said_in_one_sentence() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let options = EngineOptions { data_dir: Some(file.path().join("data")), ..EngineOptions::default() };
        let error = Engine::start(options, &tables()).await.err().unwrap();
        assert!(error.to_string().starts_with("DATA_DIR "), "{error:#}");

        let holder = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = holder.local_addr().unwrap().port();
        let error = Engine::start(EngineOptions { port, ..EngineOptions::default() }, &tables()).await.err().unwrap();
        assert!(error.to_string().contains(&port.to_string()), "{error:#}");
    }

    #[tokio::test]
    async fn an_expired_item_is_removed_by_the_sweep() {
        let engine = Engine::start(EngineOptions::default(), &tables()).await.unwrap();
        let item = json!({"pk": {"S": "a"}, "sk": {"S": "b"}, "expires": {"N": "1"}});
        engine.database().put_item(request(json!({"TableName": "baton-work", "Item": item})).unwrap()).unwrap();
        assert_eq!(engine.database().sweep_ttl().unwrap(), 1);
        engine.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn items_expire_in_real_time_and_never_while_the_clock_is_behind_it() {
        let put_and_restart = async |at: Option<&str>| {
            let directory = tempfile::tempdir().unwrap();
            let at = at.map(|at| at.parse().unwrap());
            let options = EngineOptions { data_dir: Some(directory.path().to_owned()), at, ..EngineOptions::default() };
            let engine = Engine::start(options.clone(), &tables()).await.unwrap();
            // Expired in real time, and a day from now where it is October 2016.
            let item = json!({"pk": {"S": "a"}, "sk": {"S": "b"}, "expires": {"N": "1475366400"}});
            let put = request(json!({"TableName": "baton-work", "Item": item})).unwrap();
            engine.database().put_item(put).unwrap();
            engine.shutdown().await.unwrap();
            // A start looks for expired items at once.
            (Engine::start(options, &tables()).await.unwrap(), directory)
        };
        let stored = |engine: &Engine| {
            let get = json!({"TableName": "baton-work", "Key": {"pk": {"S": "a"}, "sk": {"S": "b"}}});
            engine.database().get_item(request(get).unwrap()).unwrap().item.is_some()
        };
        let (behind, _kept) = put_and_restart(Some("2016-10-01T00:00:00Z")).await;
        let (real, _also_kept) = put_and_restart(None).await;
        let removed = async {
            while stored(&real) {
                time::sleep(Duration::from_millis(10)).await;
            }
        };
        time::timeout(Duration::from_secs(20), removed).await.unwrap();
        assert!(stored(&behind));
        behind.shutdown().await.unwrap();
        real.shutdown().await.unwrap();
    }

    #[test]
    fn the_directory_of_a_killed_stack_is_removed_and_that_of_a_living_one_kept() {
        let parent = tempfile::tempdir().unwrap();
        let living = parent.path().join(format!("{DIRECTORY_PREFIX}{}-x", std::process::id()));
        // Above the largest process id that Linux gives.
        let killed = parent.path().join(format!("{DIRECTORY_PREFIX}4194305-x"));
        let foreign = parent.path().join("baton-x");
        for directory in [&living, &killed, &foreign] {
            fs::create_dir(directory).unwrap();
        }
        remove_leftovers(parent.path());
        assert!(living.exists() && foreign.exists() && !killed.exists());
    }

    /// The engine alone scans all stream records at each write: without the index this grows more than tenfold.
    #[tokio::test]
    async fn writes_stay_quick_after_twelve_thousand_stream_records() {
        let engine = Engine::start(EngineOptions::default(), &tables()).await.unwrap();
        let quickest = |from: usize| {
            let batch = |start: usize| {
                let begun = Instant::now();
                for n in start..start + 100 {
                    put(&engine, &format!("lead#{n}"));
                }
                begun.elapsed()
            };
            // The quickest of several, so that a busy machine does not decide.
            (0..10).map(|n| batch(from + n * 100)).min().unwrap()
        };
        let early = quickest(0);
        for n in 0..11_000 {
            put(&engine, &format!("filler#{n}"));
        }
        let late = quickest(20_000);
        assert!(late < early * 3, "100 writes took {early:?} at first and {late:?} after 12,000 stream records");
        engine.shutdown().await.unwrap();
    }
}
