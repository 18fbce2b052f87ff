//! Lambda as one function sees it: a runtime API that hands out one event, and the process that asks.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use tokio::net::TcpListener;
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// How far a process had come at an instant.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Started {
    /// What it had computed.
    pub(crate) cpu: Duration,
    /// Since it was started.
    pub(crate) wall: Duration,
    /// What it held in memory.
    pub(crate) resident_kilobytes: u64,
}

/// What the process has done.
enum Said {
    AsksForWork,
    Answered,
    Failed(String),
}

struct RuntimeApi {
    said: mpsc::UnboundedSender<Said>,
    events: Mutex<mpsc::UnboundedReceiver<Bytes>>,
}

/// A process of a function under a runtime API of its own.
pub(crate) struct Lambda {
    process: Child,
    begun: Instant,
    said: mpsc::UnboundedReceiver<Said>,
    events: mpsc::UnboundedSender<Bytes>,
    server: JoinHandle<()>,
}

impl Lambda {
    /// Starts it.
    pub(crate) async fn start(binary: &Path, name: &str, environment: &[(&str, &str)]) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?.to_string();
        let (say, said) = mpsc::unbounded_channel();
        let (events, handed_out) = mpsc::unbounded_channel();
        let api = Arc::new(RuntimeApi { said: say, events: Mutex::new(handed_out) });
        let routes = Router::new()
            .route("/2018-06-01/runtime/invocation/next", get(next))
            .route("/2018-06-01/runtime/invocation/{id}/response", post(answered))
            .route("/2018-06-01/runtime/invocation/{id}/error", post(failed))
            .route("/2018-06-01/runtime/init/error", post(failed))
            .with_state(api);
        let server = tokio::spawn(async move {
            // Ends with the task.
            let _ = axum::serve(listener, routes).await;
        });
        let mut command = Command::new(binary);
        command
            .env_clear()
            .env("AWS_LAMBDA_RUNTIME_API", address)
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "1024")
            .env("AWS_LAMBDA_LOG_FORMAT", "JSON")
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", name)
            .env("AWS_SECRET_ACCESS_KEY", "measured")
            .env("RECORDS_TABLE", "baton-records")
            .env("WORK_TABLE", "baton-work")
            .env("STACK_NAME", "measured")
            .envs(environment.iter().copied())
            .stdout(Stdio::null())
            .kill_on_drop(true);
        let begun = Instant::now();
        let process = command.spawn().with_context(|| format!("{} can't be started", binary.display()))?;
        Ok(Self { process, begun, said, events, server })
    }

    /// Waits until it asks for its next invocation: how far it has come by then.
    pub(crate) async fn asked(&mut self) -> anyhow::Result<Started> {
        self.until(|said| matches!(said, Said::AsksForWork)).await
    }

    /// Hands it an event and waits for the answer.
    pub(crate) async fn invoke(&mut self, event: &str) -> anyhow::Result<Started> {
        self.events.send(Bytes::copy_from_slice(event.as_bytes())).context("nobody hands events out")?;
        self.until(|said| matches!(said, Said::Answered)).await
    }

    async fn until(&mut self, wanted: impl Fn(&Said) -> bool) -> anyhow::Result<Started> {
        loop {
            let said = tokio::time::timeout(PATIENCE, self.said.recv()).await.context("it says nothing")?;
            match said.context("its runtime API has ended")? {
                Said::Failed(why) => bail!("it failed: {why}"),
                said if wanted(&said) => return self.now(),
                _ => {}
            }
        }
    }

    fn now(&self) -> anyhow::Result<Started> {
        let wall = self.begun.elapsed();
        let pid = self.process.id().context("it has ended")?;
        let mut nanoseconds: u64 = 0;
        for thread in std::fs::read_dir(format!("/proc/{pid}/task"))? {
            // Nanoseconds on a processor come first in the line.
            let scheduled = std::fs::read_to_string(thread?.path().join("schedstat"))?;
            nanoseconds += scheduled.split_whitespace().next().context("the kernel does not count")?.parse::<u64>()?;
        }
        let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
        let resident_kilobytes = resident.split_whitespace().next().unwrap_or_default().parse()?;
        Ok(Started { cpu: Duration::from_nanos(nanoseconds), wall, resident_kilobytes })
    }

    /// Ends it.
    pub(crate) async fn stop(mut self) -> anyhow::Result<()> {
        self.process.kill().await?;
        self.server.abort();
        Ok(())
    }
}

async fn next(State(api): State<Arc<RuntimeApi>>) -> Response {
    let _ = api.said.send(Said::AsksForWork);
    let Some(event) = api.events.lock().await.recv().await else {
        return StatusCode::GONE.into_response();
    };
    let deadline = std::time::SystemTime::now() + PATIENCE;
    let deadline = deadline.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis().to_string();
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json".to_owned()),
        ("Lambda-Runtime-Aws-Request-Id", "1".to_owned()),
        ("Lambda-Runtime-Deadline-Ms", deadline),
        ("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:us-east-1:000000000000:function:measured".to_owned()),
    ];
    (headers, event).into_response()
}

async fn answered(State(api): State<Arc<RuntimeApi>>) -> StatusCode {
    let _ = api.said.send(Said::Answered);
    StatusCode::ACCEPTED
}

async fn failed(State(api): State<Arc<RuntimeApi>>, body: String) -> StatusCode {
    let _ = api.said.send(Said::Failed(body));
    StatusCode::ACCEPTED
}
