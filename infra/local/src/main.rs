//! The command `local`: the stack for people at a terminal.
//!
//! Parses arguments, prints, waits for Ctrl-C. What a stack is and how it starts is in the library.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::builder::PossibleValuesParser;
use clap::{Args, Parser, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use local::api_client::ApiClient;
use local::check_invariants::{self, Place, Progress, Shown};
use local::clock;
use local::decisions::Decision;
use local::demo;
use local::docs;
use local::engine::{Engine, EngineOptions};
use local::names::Names;
use local::stack::{Stack, StackOptions};
use local::template::{REGION, Template};
use local::token::{self, Key, ROLES};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The local stack of Baton.
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The stack with a demonstration organisation; shows each decision as a line.
    Run(StackArguments),
    /// The stack, empty.
    Stack(StackArguments),
    /// A bearer token for the stacks of this checkout.
    Token {
        /// The caller's roles, separated by commas.
        #[arg(long, required = true, value_delimiter = ',', value_parser = PossibleValuesParser::new(ROLES))]
        role: Vec<String>,
        /// The caller: a seller's id, or any other name. Without it, the first role.
        #[arg(long)]
        sub: Option<String>,
    },
    /// Has a running stack check its invariants; fails when one is broken.
    CheckInvariants(CheckArguments),
    /// DynamoDB with the tables and nothing else, for functions under `cargo lambda watch`.
    Engine {
        /// The port on 127.0.0.1.
        #[arg(long, default_value_t = 8000)]
        port: u16,
        /// Where data and clock are kept between starts.
        #[arg(long, env = "DATA_DIR")]
        data_dir: Option<PathBuf>,
        /// The instant at which a new clock starts; see `local stack --help`.
        #[arg(long, env = "AT")]
        at: Option<Timestamp>,
    },
}

#[derive(Args)]
struct StackArguments {
    /// The port on 127.0.0.1.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// Where data, clock and logs are kept between starts; without it everything is in memory.
    #[arg(long, env = "DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// The instant at which a new clock starts, such as 2016-10-01T00:00:00Z; without it, real time. A clock that is
    /// kept in the data directory goes on where it was.
    #[arg(long, env = "AT")]
    at: Option<Timestamp>,
    /// Requests a second that the gateway lets through; without it there is no limit.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    requests_per_second: Option<u32>,
}

#[derive(Args)]
struct CheckArguments {
    /// The port of the stack on 127.0.0.1.
    #[arg(long, env = "PORT", default_value_t = 8080)]
    port: u16,
    /// The name of the function on AWS, which the command `aws` then calls, instead of that of a local stack.
    #[arg(long, env = "FUNCTION")]
    function: Option<String>,
    /// How long a record may wait, in minutes.
    #[arg(long, env = "PENDING_MINUTES")]
    pending_minutes: Option<u32>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // Of this stack only: the engine warns of every condition that does not hold, which is everyday business.
    let ours = Targets::new().with_target("local", tracing::Level::WARN);
    let to_stderr = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .without_time();
    tracing_subscriber::registry().with(to_stderr.with_filter(ours)).init();
    let done = match Cli::parse().command {
        Command::Run(arguments) => run(arguments).await,
        Command::Stack(arguments) => stack(arguments).await,
        Command::Token { role, sub } => print_token(&role, sub.as_deref()),
        Command::CheckInvariants(arguments) => check(arguments).await,
        Command::Engine { port, data_dir: folder, at } => {
            engine(EngineOptions { data_dir: data_dir(folder), port, at }).await
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: StackArguments) -> Result<()> {
    let stop = stop_signal()?;
    let stack = start(&arguments).await?;
    let shown = tokio::select! {
        shown = demonstrate(&stack, arguments.at, data_dir(arguments.data_dir)) => shown,
        () = stop => Ok(()),
    };
    stack.shutdown().await.and(shown)
}

async fn stack(arguments: StackArguments) -> Result<()> {
    let stop = stop_signal()?;
    let stack = start(&arguments).await?;
    introduce(&stack, arguments.at);
    println!("Tokens: make token ROLE=sales-manager SUB=susana\nStop with Ctrl-C.");
    stop.await;
    stack.shutdown().await
}

fn print_token(roles: &[String], sub: Option<&str>) -> Result<()> {
    let roles: Vec<&str> = roles.iter().map(String::as_str).collect();
    let sub = sub.filter(|sub| !sub.is_empty()).unwrap_or(roles[0]);
    println!("{}", token::sign(&Key::of_checkout()?, sub, &roles));
    Ok(())
}

async fn check(arguments: CheckArguments) -> Result<()> {
    let here = || Place::Local(format!("http://127.0.0.1:{}", arguments.port));
    let place = arguments.function.filter(|name| !name.is_empty()).map_or_else(here, Place::Aws);
    let bar = ProgressBar::new(1);
    bar.set_style(ProgressStyle::with_template("{bar:40} {percent:>3} % {msg}").expect("the template is well formed"));
    bar.set_message("looks");
    let told = |progress: Progress| {
        bar.set_length(progress.of);
        bar.set_position(progress.done);
        let waits = |until| format!("looks again at {until:.0}");
        bar.set_message(progress.waits_until.map_or_else(|| "looks".to_owned(), waits));
    };
    let report = check_invariants::check(&place, arguments.pending_minutes, told).await;
    bar.finish_and_clear();
    let report = report?;
    println!("{}", Shown(&report));
    ensure!(report.is_clean(), "breaches: {}", check_invariants::how_many(&report));
    Ok(())
}

async fn engine(options: EngineOptions) -> Result<()> {
    let stop = stop_signal()?;
    // The key is made now: functions only read it.
    Key::of_checkout()?;
    let template = Template::builtin()?;
    let engine = Engine::start(options, &template.tables).await?;
    println!("# DynamoDB with the tables of infra/template.yaml; in another shell:");
    for (name, value) in &template.function("assignment").context("the template has no assignment")?.environment {
        println!("export {name}={value}");
    }
    println!("export AWS_ENDPOINT_URL_DYNAMODB={}", engine.endpoint());
    println!("export {}={}", clock::FILE_VARIABLE, engine.clock().file().display());
    println!("export AWS_REGION={REGION} AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local");
    println!("PATH=\"$PWD/.tools/venv/bin:$PATH\" cargo lambda watch -A 127.0.0.1\n# Stop with Ctrl-C.");
    stop.await;
    engine.shutdown().await
}

async fn start(arguments: &StackArguments) -> Result<Stack> {
    let data_dir = data_dir(arguments.data_dir.clone());
    // In memory the logs still outlive the stack; with a data directory they lie there.
    let log_dir = data_dir.is_none().then(|| local::checkout().join(".local/logs"));
    Stack::start(StackOptions {
        port: arguments.port,
        data_dir,
        log_dir,
        at: arguments.at,
        requests_per_second: arguments.requests_per_second,
        ..StackOptions::default()
    })
    .await
}

/// An empty `DATA_DIR` is none.
fn data_dir(argument: Option<PathBuf>) -> Option<PathBuf> {
    argument.filter(|path| !path.as_os_str().is_empty())
}

fn introduce(stack: &Stack, at: Option<Timestamp>) {
    println!("Baton answers on {}", stack.url());
    if let (Some(at), true) = (at, stack.running().clock.is_kept()) {
        println!("Its clock is kept in DATA_DIR and goes on from there: it does not start at {at}");
    }
    if stack.running().clock.offset_milliseconds() != 0 {
        println!("Its clock shows {:.0}", stack.now());
    }
    println!("What it can do: {}{}", stack.url(), docs::PATH);
    println!("Logs of the functions: {}", stack.log_dir().display());
    println!("DynamoDB: {} ({})\n", stack.endpoint(), stack.table_names().join(", "));
}

/// Seeds, prints what to try and shows decisions until somebody stops it.
async fn demonstrate(stack: &Stack, at: Option<Timestamp>, data_dir: Option<PathBuf>) -> Result<()> {
    introduce(stack, at);
    let administrator = stack.token("demonstration", &["system-administrator"]);
    let api = ApiClient::new(stack.url(), administrator)?;
    let decisions = stack.decisions();
    // What somebody removed from a kept demonstration stays removed.
    let seeded = data_dir.map(|folder| folder.join("demonstration-is-seeded"));
    let fresh = !seeded.as_ref().is_some_and(|marker| marker.exists());
    if fresh {
        demo::seed(&api).await.context("the demonstration organisation could not be made")?;
        if let Some(marker) = &seeded {
            std::fs::write(marker, "").with_context(|| format!("cannot write {}", marker.display()))?;
        }
    }
    println!("A bearer token per role:");
    let seller = demo::a_seller();
    for role in ROLES {
        let sub = if matches!(role, "salesperson" | "sales-team-member") { seller.as_str() } else { role };
        println!("  {role} ({sub})\n    {}", stack.token(sub, &[role]));
    }
    println!("\nTry:\n{}", demo::invitation(&stack.url(), &stack.token("sales-manager", &["sales-manager"])));
    println!("Decisions (Ctrl-C stops the stack):");
    let show = show(stack, decisions, Names::new(api.clone()));
    if fresh {
        let leads = async { demo::put_leads(&api).await.context("the first leads could not be put") };
        tokio::try_join!(leads, show).map(|_| ())
    } else {
        show.await
    }
}

/// Shows each decision and, where anything was counted, the metrics of each minute.
async fn show(stack: &Stack, mut decisions: broadcast::Receiver<Decision>, mut names: Names) -> Result<()> {
    let colours = std::io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let (faint, plain) = if colours { ("\u{1b}[2m", "\u{1b}[0m") } else { ("", "") };
    let mut minutes = tokio::time::interval(Duration::from_mins(1));
    minutes.tick().await;
    loop {
        let decision = tokio::select! {
            decision = decisions.recv() => decision,
            _ = minutes.tick() => {
                let metrics = stack.running().metrics.since_last_told();
                // Each sweep says that nothing waits, which is nothing to tell.
                if metrics.iter().any(|(_, statistics)| statistics.sum > 0.0) {
                    println!("{faint}{}  metrics of this minute: {metrics}{plain}", stack.now().strftime("%H:%M:%S"));
                }
                continue;
            }
        };
        match decision {
            Ok(decision) => {
                let told = decision.told(&mut names).await;
                if colours { println!("{told:#}") } else { println!("{told}") }
            }
            Err(RecvError::Lagged(missed)) => println!("... and {missed} more, too quick to show"),
            Err(RecvError::Closed) => return Ok(()),
        }
    }
}

/// Resolves at Ctrl-C, SIGTERM or when the terminal closes. Listening begins at once.
fn stop_signal() -> Result<impl Future<Output = ()>> {
    let listen = |kind| signal(kind).context("cannot listen for signals");
    let mut interrupt = listen(SignalKind::interrupt())?;
    let mut terminate = listen(SignalKind::terminate())?;
    let mut hang_up = listen(SignalKind::hangup())?;
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hang_up.recv() => {}
        }
    })
}
