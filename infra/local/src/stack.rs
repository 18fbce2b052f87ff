//! The whole local stack as one value: started from options, stopped by `shutdown`.
//!
//! Wires the parts together and does nothing else. Tests start as many as they like in one process, each on free ports.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, ensure};
use jiff::Timestamp;
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, RwLock, broadcast, mpsc, watch};
use tokio::task::JoinHandle;

use crate::clock;
use crate::control;
use crate::decisions::Decision;
use crate::docs;
use crate::engine::{Engine, EngineOptions};
use crate::event_source::{DEFAULT_SHARDS, EventSources};
use crate::gateway::{Gateway, Settings, route::Route};
use crate::invoke::Now;
use crate::lambda_api;
use crate::metrics::Metrics;
use crate::processes::{OutputLine, Processes, Program, functions_dir};
use crate::running::Running;
use crate::schedule::Schedules;
use crate::template::{Function, REGION, Template};
use crate::token::{self, Key};

/// Processes of one function at most, unless it reads a stream with more shards.
const DEFAULT_MAX_PROCESSES: usize = 4;
/// Decisions that a slow listener may be behind before it misses some.
const DECISIONS_KEPT: usize = 4_096;

/// How a stack is started. `StackOptions::default()` is what tests want: in memory, on a free port, everything real.
#[derive(Debug, Clone, Default)]
pub struct StackOptions {
    /// The gateway's port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Where data, clock and logs are kept between starts; `None` keeps everything in memory.
    pub data_dir: Option<PathBuf>,
    /// The instant at which the clock starts if there is none yet in the data directory; `None` means real time.
    pub at: Option<Timestamp>,
    /// Where each function's log file goes; `None` means `logs` in the data directory or in a temporary one.
    pub log_dir: Option<PathBuf>,
    /// Where the function binaries are; `None` means `BATON_FUNCTIONS_DIR`, else beside the running executable.
    pub functions_dir: Option<PathBuf>,
    /// What functions use as DynamoDB instead of the engine itself: a fault proxy, for instance.
    pub function_endpoint: Option<String>,
    /// Processes of one function at most; `None` means four, or one per shard of a stream if those are more.
    pub max_processes: Option<usize>,
    /// Logical shards of each stream; `None` means [`DEFAULT_SHARDS`].
    pub shards: Option<usize>,
    /// Requests a second that the gateway lets through, as on a throttled API; `None` is no limit.
    pub requests_per_second: Option<u32>,
}

/// A running stack. Dropped without [`Stack::shutdown`], it ends with its process, and so do its functions.
pub struct Stack {
    running: Arc<Running>,
    engine: Engine,
    gateway: Gateway,
    following: JoinHandle<()>,
    listening: JoinHandle<()>,
    decisions: broadcast::Sender<Decision>,
    key: Key,
    log_dir: PathBuf,
    table_names: Vec<String>,
    // Declared last: without another place the logs lie in it.
    _temporary: Option<TempDir>,
}

impl Stack {
    /// Starts everything and returns when requests can be answered. Every error is one sentence for the person at the
    /// terminal.
    pub async fn start(options: StackOptions) -> Result<Self> {
        let template = Template::builtin()?;
        check_authorizer(&template)?;
        let listener = TcpListener::bind(("127.0.0.1", options.port)).await.map_err(|error| match error.kind() {
            ErrorKind::AddrInUse => {
                anyhow!("port {} on 127.0.0.1 is in use: stop what uses it or choose another with PORT", options.port)
            }
            _ => anyhow!("port {} on 127.0.0.1 cannot be used: {error}", options.port),
        })?;
        let key = Key::of_checkout()?;
        let engine_options = EngineOptions { data_dir: options.data_dir.clone(), port: 0, at: options.at };
        let engine = Engine::start(engine_options, &template.tables).await?;
        let clock = Arc::clone(engine.clock());
        let (log_dir, temporary) = log_dir(&options)?;

        let shards = options.shards.unwrap_or(DEFAULT_SHARDS);
        let local = Surroundings {
            endpoint: options.function_endpoint.clone().unwrap_or_else(|| engine.endpoint().to_owned()),
            clock_file: clock.file().to_owned(),
            functions_dir: options.functions_dir.clone().map_or_else(functions_dir, Ok)?,
            shards,
            max_processes: options.max_processes,
        };
        let programs = template.functions.iter().map(|function| local.program(function)).collect();
        let (output, lines) = mpsc::unbounded_channel();
        let processes = Processes::start(programs, &log_dir, output).await?;

        let work_table = environment_of_all(&template, "WORK_TABLE")?;
        let invoke = processes.invoker();
        let schedules = Schedules::new(&template, clock.now())?;
        let running = Arc::new(Running {
            clock,
            processes,
            invoke: Arc::clone(&invoke),
            schedules,
            metrics: Metrics::default(),
            moving: Mutex::default(),
            event_sources: RwLock::new(None),
            stopping: watch::Sender::new(false),
            endpoint: engine.endpoint().to_owned(),
            work_table,
            client: reqwest::Client::new(),
        });
        let now: Now = {
            let running = Arc::clone(&running);
            Arc::new(move || running.clock.now())
        };
        let event_sources = EventSources::start(&engine, &template, shards, Arc::clone(&invoke))?;
        *running.event_sources.write().await = Some(event_sources);
        let following = {
            let (running, invoke) = (Arc::clone(&running), Arc::clone(&invoke));
            tokio::spawn(async move { running.schedules.follow(now, invoke).await })
        };

        let decisions = broadcast::Sender::new(DECISIONS_KEPT);
        let listening = tokio::spawn(listen(lines, Arc::clone(&running), decisions.clone()));
        let routes = template
            .functions
            .iter()
            .flat_map(|function| function.routes.iter().map(|route| Route::new(&function.name, route)))
            .collect();
        let settings = Settings { routes, key: key.clone(), requests_per_second: options.requests_per_second, invoke };
        let local = control::routes(Arc::clone(&running)).merge(lambda_api::routes(Arc::clone(&running)));
        let local = local.merge(docs::routes());
        let gateway = Gateway::start(listener, settings, local)?;
        let table_names = template.tables.into_iter().map(|table| table.name).collect();
        Ok(Self {
            running,
            engine,
            gateway,
            following,
            listening,
            decisions,
            key,
            log_dir,
            table_names,
            _temporary: temporary,
        })
    }

    /// Where the gateway listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.gateway.address()
    }

    /// The gateway's address as `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// The engine's address as `http://127.0.0.1:PORT`: DynamoDB for any other client.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        self.engine.endpoint()
    }

    /// The names of the tables, such as `baton-records`.
    #[must_use]
    pub fn table_names(&self) -> &[String] {
        &self.table_names
    }

    /// Where the log files of the functions are.
    #[must_use]
    pub fn log_dir(&self) -> &Path {
        &self.log_dir
    }

    /// A bearer token for a caller with these roles.
    #[must_use]
    pub fn token(&self, sub: &str, roles: &[&str]) -> String {
        token::sign(&self.key, sub, roles)
    }

    /// The instant that functions, schedules and timers of this stack see.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.running.clock.now()
    }

    /// Every decision from now on, as `assignment` logs it.
    #[must_use]
    pub fn decisions(&self) -> broadcast::Receiver<Decision> {
        self.decisions.subscribe()
    }

    /// The clock, the processes and the event sources: what `/_local` tells and takes, without HTTP.
    #[must_use]
    pub fn running(&self) -> &Arc<Running> {
        &self.running
    }

    /// Stops everything; no process is left when this returns.
    pub async fn shutdown(self) -> Result<()> {
        self.running.stopping.send_replace(true);
        self.following.abort();
        // No further requests, no further batches; what is under way may end.
        let event_sources = self.running.event_sources.write().await.take();
        let stop_event_sources = async {
            if let Some(event_sources) = event_sources {
                event_sources.shutdown().await;
            }
        };
        tokio::join!(self.gateway.stop(), stop_event_sources);
        self.running.processes.stop().await;
        self.listening.abort();
        self.engine.shutdown().await
    }
}

/// Where the logs go, and the temporary directory if it is that.
fn log_dir(options: &StackOptions) -> Result<(PathBuf, Option<TempDir>)> {
    if let Some(folder) = &options.log_dir {
        return Ok((folder.clone(), None));
    }
    if let Some(folder) = &options.data_dir {
        return Ok((std::path::absolute(folder).context("DATA_DIR is no path")?.join("logs"), None));
    }
    let temporary = tempfile::tempdir().context("no temporary directory can be made")?;
    Ok((temporary.path().join("logs"), Some(temporary)))
}

/// What all functions have around them.
struct Surroundings {
    endpoint: String,
    clock_file: PathBuf,
    functions_dir: PathBuf,
    shards: usize,
    max_processes: Option<usize>,
}

impl Surroundings {
    fn program(&self, function: &Function) -> Program {
        let mut environment = function.environment.clone();
        let local = [
            ("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint.clone()),
            ("AWS_REGION", REGION.to_owned()),
            ("AWS_DEFAULT_REGION", REGION.to_owned()),
            // Each function signs under its own name, so that what stands between it and the engine can tell them apart.
            ("AWS_ACCESS_KEY_ID", function.name.clone()),
            ("AWS_SECRET_ACCESS_KEY", "local".to_owned()),
            (clock::FILE_VARIABLE, self.clock_file.display().to_string()),
            (token::KEY_FILE_VARIABLE, token::key_file().display().to_string()),
        ];
        environment.extend(local.map(|(name, value)| (name.to_owned(), value)));
        // A shard's batch never waits for a process.
        let batches_at_once: usize =
            function.streams.iter().map(|stream| self.shards * stream.parallelization_factor).sum();
        Program {
            name: function.name.clone(),
            arn: function.arn(),
            binary: self.functions_dir.join(&function.name),
            environment,
            memory_megabytes: function.memory_megabytes,
            timeout: function.timeout,
            maximum: self.max_processes.unwrap_or_else(|| DEFAULT_MAX_PROCESSES.max(batches_at_once)),
        }
    }
}

/// Takes decisions and metrics out of what functions print.
async fn listen(
    mut lines: mpsc::UnboundedReceiver<OutputLine>,
    running: Arc<Running>,
    decisions: broadcast::Sender<Decision>,
) {
    while let Some(line) = lines.recv().await {
        running.metrics.read(&line.text);
        if let Some(decision) = Decision::parse(&line.text, running.clock.now()) {
            // Nobody has to listen.
            let _ = decisions.send(decision);
        }
    }
}

/// The gateway verifies development tokens, so the template must ask for what they say.
fn check_authorizer(template: &Template) -> Result<()> {
    let authorizer = template.authorizer.as_ref().context("infra/template.yaml has no authorizer for its API")?;
    ensure!(
        authorizer.issuer == token::ISSUER && authorizer.audience.iter().any(|audience| audience == token::AUDIENCE),
        "the authorizer in infra/template.yaml does not take its issuer and audience from the parameters"
    );
    Ok(())
}

/// A variable that every function has, with one value.
fn environment_of_all(template: &Template, name: &str) -> Result<String> {
    let mut values: BTreeMap<&str, &str> = BTreeMap::new();
    for function in &template.functions {
        let value = function.environment.get(name).with_context(|| format!("{} has no {name}", function.name))?;
        values.insert(value, &function.name);
    }
    ensure!(values.len() == 1, "{name} differs between functions in infra/template.yaml");
    Ok(values.into_keys().map(str::to_owned).collect())
}
