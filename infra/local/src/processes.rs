//! The real function binaries as processes: started, watched, replaced, killed on demand and stopped.
//!
//! As on AWS a process handles one invocation at a time; further ones are started when invocations wait, up to a
//! maximum of each function. A process that ends is replaced at once if it had ever worked, else with the next
//! invocation. What a function prints goes to its log file. How invocations and processes find each other is in
//! [`crate::invocations`].

use std::collections::{BTreeMap, HashMap};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;

use crate::invocations::{Invocations, KillOrder, ProcessNumber, View};
use crate::invoke::{Invoke, InvokeOutcome};
use crate::runtime_api::{RuntimeApi, Served};

/// The environment variable that names another folder of function binaries.
pub const FUNCTIONS_DIR_VARIABLE: &str = "BATON_FUNCTIONS_DIR";

/// How long a process may take until it asks for its first invocation, as on AWS.
const INIT_LIMIT: Duration = Duration::from_secs(10);

/// Variables of the stack's own environment that functions see too: they tune logs and nothing else.
const PASSED_ON: [&str; 3] = ["RUST_LOG", "RUST_BACKTRACE", "AWS_LAMBDA_LOG_LEVEL"];

/// What a function needs to run.
#[derive(Debug, Clone)]
pub struct Program {
    /// The function's name.
    pub name: String,
    /// Its Amazon resource name.
    pub arn: String,
    /// The binary.
    pub binary: PathBuf,
    /// Its own environment.
    pub environment: BTreeMap<String, String>,
    /// Its memory in megabytes, which it is only told.
    pub memory_megabytes: u32,
    /// How long an invocation may take.
    pub timeout: Duration,
    /// How many processes at most.
    pub maximum: usize,
}

/// A line that a function printed on its standard output.
#[derive(Debug, Clone)]
pub struct OutputLine {
    /// The function's name.
    pub function: String,
    /// The line without its end.
    pub text: String,
}

/// One function at an instant, for people and tests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FunctionView {
    /// Its name.
    pub name: String,
    /// How many processes it may have.
    pub maximum: usize,
    /// Its invocations and processes.
    #[serde(flatten)]
    pub view: View,
}

/// All processes of all functions.
#[derive(Clone)]
pub struct Processes {
    shared: Arc<Shared>,
}

struct Shared {
    functions: BTreeMap<String, Arc<Function>>,
    runtime_api: RuntimeApi,
    watchers: Mutex<JoinSet<()>>,
    stopping: AtomicBool,
    output: mpsc::UnboundedSender<OutputLine>,
}

struct Function {
    program: Program,
    invocations: Arc<Invocations>,
    log: Mutex<File>,
    last_number: AtomicU64,
}

impl Processes {
    /// Starts one process of each program. Lines they print also go to `output`.
    pub async fn start(
        programs: Vec<Program>,
        log_dir: &Path,
        output: mpsc::UnboundedSender<OutputLine>,
    ) -> Result<Self> {
        let missing: Vec<_> =
            programs.iter().filter(|program| !program.binary.is_file()).map(|program| program.name.as_str()).collect();
        if !missing.is_empty() {
            let folder = programs[0].binary.parent().unwrap_or(Path::new("."));
            bail!("no binary of {} in {}: `make binaries` builds them", missing.join(", "), folder.display());
        }
        std::fs::create_dir_all(log_dir).with_context(|| format!("cannot write logs to {}", log_dir.display()))?;
        let mut functions = BTreeMap::new();
        let mut served = HashMap::new();
        for program in programs {
            let path = log_dir.join(format!("{}.log", program.name));
            let log = OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .with_context(|| format!("cannot write the log {}", path.display()))?;
            let invocations = Invocations::new(program.timeout);
            let name = program.name.clone();
            let arn = program.arn.clone();
            served.insert(name.clone(), Served { arn, invocations: Arc::clone(&invocations) });
            let function = Function { program, invocations, log: Mutex::new(log), last_number: AtomicU64::new(0) };
            functions.insert(name, Arc::new(function));
        }
        let runtime_api = RuntimeApi::start(served).await?;
        let shared =
            Shared { functions, runtime_api, watchers: Mutex::default(), stopping: AtomicBool::new(false), output };
        let processes = Self { shared: Arc::new(shared) };
        for function in processes.shared.functions.values() {
            processes.spawn(function)?;
        }
        Ok(processes)
    }

    /// Calls a function and waits for what becomes of it.
    pub async fn invoke(&self, function: &str, payload: Vec<u8>) -> Result<InvokeOutcome> {
        let function = self.function(function)?;
        let outcome = function.invocations.submit(payload);
        self.start_wanted(function);
        outcome.await.context("the stack is stopping")
    }

    /// The same as a closure for event sources and schedules.
    #[must_use]
    pub fn invoker(&self) -> Invoke {
        let processes = self.clone();
        InvokeOutcome::from_fn(move |function, payload| {
            let processes = processes.clone();
            async move { processes.invoke(&function, payload).await }
        })
    }

    /// Whether there is a function of this name.
    #[must_use]
    pub fn has(&self, function: &str) -> bool {
        self.shared.functions.contains_key(function)
    }

    /// All functions at this instant, by name.
    #[must_use]
    pub fn view(&self) -> Vec<FunctionView> {
        self.shared.functions.values().map(|function| function.view()).collect()
    }

    /// Kills one process of a function now, or the one that gets the n-th invocation from now on.
    pub fn kill(&self, function: &str, order: Option<KillOrder>) -> Result<FunctionView> {
        let function = self.function(function)?;
        match order {
            Some(order) => function.invocations.order_kill(order),
            None if function.invocations.kill_one() => {}
            None => bail!("{} has no process now", function.program.name),
        }
        Ok(function.view())
    }

    /// Kills every process; none is left when this returns. Whoever waits for an outcome gets an error.
    pub async fn stop(&self) {
        self.shared.stopping.store(true, Ordering::SeqCst);
        for function in self.shared.functions.values() {
            function.invocations.stop();
        }
        let mut watchers = std::mem::take(&mut *self.shared.watchers.lock().expect("nothing panics under this lock"));
        while watchers.join_next().await.is_some() {}
    }

    fn function(&self, name: &str) -> Result<&Arc<Function>> {
        self.shared.functions.get(name).with_context(|| format!("the template names no function {name}"))
    }

    fn start_wanted(&self, function: &Arc<Function>) {
        for _ in 0..function.invocations.processes_wanted(function.program.maximum) {
            if let Err(error) = self.spawn(function) {
                function.log(&format!("local stack: {error:#}"));
            }
        }
    }

    fn spawn(&self, function: &Arc<Function>) -> Result<()> {
        if self.shared.stopping.load(Ordering::SeqCst) {
            return Ok(());
        }
        let number = function.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        let base = self.shared.runtime_api.base(&function.program.name, number);
        let child = function.command(&base).spawn().with_context(|| {
            format!("cannot start {} ({})", function.program.name, function.program.binary.display())
        })?;
        let kill = Arc::new(Notify::new());
        function.invocations.admit(number, child.id(), Arc::clone(&kill));
        let (processes, function) = (self.clone(), Arc::clone(function));
        let watcher = async move { processes.watch(&function, number, child, &kill).await };
        let mut watchers = self.shared.watchers.lock().expect("nothing panics under this lock");
        // Forgets the watchers of processes that ended long ago.
        while watchers.try_join_next().is_some() {}
        watchers.spawn(watcher);
        Ok(())
    }

    async fn watch(&self, function: &Arc<Function>, number: ProcessNumber, mut child: Child, kill: &Notify) {
        // A stop that came between the check above and `admit` has not reached this process.
        if self.shared.stopping.load(Ordering::SeqCst) {
            kill.notify_one();
        }
        let printed = child.stdout.take().map(|stdout| function.copy(stdout, Some(&self.shared.output)));
        let complained = child.stderr.take().map(|stderr| function.copy(stderr, None));
        let copying = async {
            tokio::join!(maybe(printed), maybe(complained));
        };
        let living = async {
            let id = child.id();
            let killed = async {
                let init_limit = async {
                    tokio::time::sleep(INIT_LIMIT).await;
                    if !function.invocations.is_starting(number) {
                        std::future::pending::<()>().await;
                    }
                };
                tokio::select! {
                    () = kill.notified() => "killed by the local stack",
                    () = init_limit => "killed: it asked for no invocation within ten seconds",
                }
            };
            let end = tokio::select! {
                status = child.wait() => status.map_or_else(|error| error.to_string(), |status| status.to_string()),
                reason = killed => {
                    // It may have ended by itself in this very moment.
                    let _ = child.kill().await;
                    reason.to_owned()
                }
            };
            (id, end)
        };
        let ((id, end), ()) = tokio::join!(living, copying);
        let ended = function.invocations.ended(number);
        if self.shared.stopping.load(Ordering::SeqCst) {
            return;
        }
        let with = match ended {
            Some(ended) if ended.held_an_invocation => " with an invocation in hand",
            _ => "",
        };
        function.log(&format!("local stack: process {number} (pid {}) ended{with}: {end}", id.unwrap_or_default()));
        if ended.is_some_and(|ended| ended.was_ready)
            && function.invocations.view().processes.is_empty()
            && let Err(error) = self.spawn(function)
        {
            function.log(&format!("local stack: {error:#}"));
        }
        self.start_wanted(function);
    }
}

impl Function {
    fn view(&self) -> FunctionView {
        let Program { name, maximum, .. } = &self.program;
        FunctionView { name: name.clone(), maximum: *maximum, view: self.invocations.view() }
    }

    /// The command with the environment that Lambda gives. A process group of its own keeps a terminal's Ctrl-C for the
    /// stack, which then stops processes in order; were the stack itself killed, its runtime API is gone and they end.
    fn command(&self, runtime_api: &str) -> Command {
        let Program { name, binary, environment, memory_megabytes, .. } = &self.program;
        let mut command = Command::new(binary);
        command
            .env_clear()
            .envs(PASSED_ON.iter().filter_map(|&variable| Some((variable, std::env::var_os(variable)?))))
            .env("TZ", ":UTC")
            .env("LANG", "en_US.UTF-8")
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", memory_megabytes.to_string())
            .env("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand")
            .env("AWS_LAMBDA_LOG_GROUP_NAME", format!("/aws/lambda/{name}"))
            .env("AWS_LAMBDA_LOG_STREAM_NAME", "local")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .envs(environment)
            .env("AWS_LAMBDA_RUNTIME_API", runtime_api)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    async fn copy(&self, from: impl AsyncRead + Unpin, output: Option<&mpsc::UnboundedSender<OutputLine>>) {
        let mut lines = BufReader::new(from).lines();
        // A line that is not text ends the copying, not the process.
        while let Ok(Some(text)) = lines.next_line().await {
            self.log(&text);
            if let Some(output) = output {
                // Nobody has to listen.
                let _ = output.send(OutputLine { function: self.program.name.clone(), text });
            }
        }
    }

    fn log(&self, line: &str) {
        let mut log = self.log.lock().expect("nothing panics under this lock");
        // A full disk must not stop the functions.
        let _ = writeln!(log, "{line}");
    }
}

async fn maybe(future: Option<impl Future<Output = ()>>) {
    if let Some(future) = future {
        future.await;
    }
}

/// The folder of the function binaries: `BATON_FUNCTIONS_DIR`, else where the running executable is. Test executables
/// stand in `deps` below it.
pub fn functions_dir() -> Result<PathBuf> {
    if let Some(folder) = std::env::var_os(FUNCTIONS_DIR_VARIABLE).filter(|folder| !folder.is_empty()) {
        return Ok(folder.into());
    }
    let executable = std::env::current_exe().context("cannot tell where this executable is")?;
    let folder = executable.parent().context("an executable is in a folder")?;
    let folder = if folder.ends_with("deps") { folder.parent().unwrap_or(folder) } else { folder };
    Ok(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    /// A function in a few lines of Python: it answers with the process id, crashes or hangs as the event says.
    const SCRIPT: &str = r#"#!/usr/bin/env -S python3 -u
import json, os, time, urllib.request
base = os.environ["AWS_LAMBDA_RUNTIME_API"] + "/2018-06-01/runtime/invocation/"
while True:
    event = urllib.request.urlopen(base + "next")
    what = json.load(event)
    print("got", what)
    if what == "crash": os._exit(7)
    if what == "hang": time.sleep(600)
    if what == "slow": time.sleep(0.5)
    path = base + event.headers["Lambda-Runtime-Aws-Request-Id"] + "/response"
    urllib.request.urlopen(path, data=str(os.getpid()).encode())
"#;

    struct Fixture {
        processes: Processes,
        lines: mpsc::UnboundedReceiver<OutputLine>,
        folder: tempfile::TempDir,
    }

    async fn start(maximum: usize, timeout: Duration) -> Fixture {
        let folder = tempfile::tempdir().unwrap();
        let binary = folder.path().join("probe");
        std::fs::write(&binary, SCRIPT).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
        let path = std::env::var("PATH").unwrap();
        let program = Program {
            name: "probe".into(),
            arn: "arn".into(),
            binary,
            environment: BTreeMap::from([("PATH".into(), path)]),
            memory_megabytes: 128,
            timeout,
            maximum,
        };
        let (output, lines) = mpsc::unbounded_channel();
        let processes = Processes::start(vec![program], &folder.path().join("logs"), output).await.unwrap();
        Fixture { processes, lines, folder }
    }

    impl Fixture {
        async fn invoke(&self, what: &str) -> InvokeOutcome {
            self.processes.invoke("probe", serde_json::to_vec(what).unwrap()).await.unwrap()
        }

        async fn process_id(&self, what: &str) -> u32 {
            let InvokeOutcome::Ok(bytes) = self.invoke(what).await else { panic!("answered") };
            String::from_utf8(bytes).unwrap().parse().unwrap()
        }
    }

    fn lives(process_id: u32) -> bool {
        std::path::Path::new(&format!("/proc/{process_id}")).exists()
    }

    #[tokio::test]
    async fn a_process_serves_many_invocations_and_none_is_left_after_stopping() {
        let mut stack = start(4, Duration::from_mins(1)).await;
        let first = stack.process_id("a").await;
        assert_eq!(stack.process_id("b").await, first);
        assert_eq!(stack.lines.recv().await.unwrap().text, "got a");
        assert!(lives(first));
        stack.processes.stop().await;
        assert!(!lives(first));
        let log = std::fs::read_to_string(stack.folder.path().join("logs/probe.log")).unwrap();
        assert_eq!(log, "got a\ngot b\n");
    }

    #[tokio::test]
    async fn invocations_that_wait_get_further_processes_up_to_the_maximum() {
        let stack = start(2, Duration::from_mins(1)).await;
        let ids = tokio::join!(stack.process_id("slow"), stack.process_id("slow"), stack.process_id("slow"));
        let different = std::collections::HashSet::from([ids.0, ids.1, ids.2]);
        assert_eq!(different.len(), 2);
        stack.processes.stop().await;
    }

    #[tokio::test]
    async fn a_crash_loses_one_invocation_and_the_next_finds_a_new_process() {
        let stack = start(1, Duration::from_mins(1)).await;
        let first = stack.process_id("a").await;
        assert_eq!(stack.invoke("crash").await, InvokeOutcome::Crashed);
        assert_ne!(stack.process_id("b").await, first);
        stack.processes.stop().await;
    }

    #[tokio::test]
    async fn an_invocation_that_hangs_times_out_and_its_process_is_gone() {
        let stack = start(1, Duration::from_secs(3)).await;
        let first = stack.process_id("a").await;
        assert_eq!(stack.invoke("hang").await, InvokeOutcome::TimedOut);
        assert_ne!(stack.process_id("b").await, first);
        assert!(!lives(first));
        stack.processes.stop().await;
    }

    #[tokio::test]
    async fn a_process_can_be_killed_when_it_gets_its_nth_invocation() {
        let stack = start(1, Duration::from_mins(1)).await;
        let order = KillOrder { after_deliveries: 2, delay_milliseconds: 0 };
        stack.processes.kill("probe", Some(order)).unwrap();
        stack.process_id("a").await;
        assert_eq!(stack.invoke("hang").await, InvokeOutcome::Crashed);
        stack.process_id("c").await;
        stack.processes.stop().await;
    }

    #[tokio::test]
    async fn missing_binaries_are_named_in_one_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let program = |name: &str| Program {
            name: name.into(),
            arn: String::new(),
            binary: folder.path().join(name),
            environment: BTreeMap::new(),
            memory_megabytes: 128,
            timeout: Duration::from_secs(1),
            maximum: 1,
        };
        let (output, _) = mpsc::unbounded_channel();
        let started = Processes::start(vec![program("a"), program("b")], folder.path(), output).await;
        let message = started.err().unwrap().to_string();
        assert!(
            message.starts_with("no binary of a, b in ") && message.ends_with("`make binaries` builds them"),
            "{message}"
        );
    }
}
