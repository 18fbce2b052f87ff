//! What a cold start costs: from the start of a function's process until it asks for its first invocation, beside a
//! function that does nothing, in the same run; and for `assignment` on to its first committed run, with a rulebook of 250
//! segments.
//!
//! Processor time is what a start costs wherever it runs, so that is what is compared. It is read from the kernel in
//! nanoseconds at the instant the request comes in. What Lambda adds before the process starts is not in it.

mod lambda;
mod rulebook;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use local::template::Template;

use crate::lambda::{Lambda, Started};

/// The function that does nothing.
const BARE: &str = "bare";
/// So often each function is started.
const STARTS: usize = 25;
/// A start may cost so many times that of the bare function.
const TARGET: f64 = 2.0;

/// A function's starts.
struct Figures {
    function: String,
    bytes: u64,
    cpu: Duration,
    wall: Duration,
    resident_kilobytes: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = PathBuf::from(std::env::var("BATON_MEASURED").context("BATON_MEASURED names the folder of binaries")?);
    let names = Template::builtin()?.functions.into_iter().map(|function| function.name);
    let names: Vec<String> = std::iter::once(BARE.to_owned()).chain(names).collect();
    let missing: Vec<&String> = names.iter().filter(|name| !folder.join(name).is_file()).collect();
    ensure!(missing.is_empty(), "no binary of {missing:?} in {}", folder.display());
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} starts of {msg}").expect("known parts");
    let bar = ProgressBar::new((STARTS * names.len()) as u64).with_style(style);
    // In turn, so that what else the machine does meets all of them.
    let mut starts: Vec<Vec<Started>> = names.iter().map(|_| Vec::new()).collect();
    for _ in 0..STARTS {
        for (name, starts) in names.iter().zip(&mut starts) {
            bar.set_message(name.clone());
            starts.push(start(&folder, name).await.with_context(|| format!("{name} does not start"))?);
            bar.inc(1);
        }
    }
    bar.finish_and_clear();
    let figures: Vec<Figures> =
        names.iter().zip(&starts).map(|(name, starts)| Figures::of(&folder, name, starts)).collect::<Result<_, _>>()?;
    println!("{}", table(&figures));
    first_run(&folder).await
}

async fn start(folder: &Path, name: &str) -> anyhow::Result<Started> {
    let mut lambda = Lambda::start(&folder.join(name), name, &[]).await?;
    let started = lambda.asked().await?;
    lambda.stop().await?;
    Ok(started)
}

impl Figures {
    fn of(folder: &Path, name: &str, starts: &[Started]) -> anyhow::Result<Self> {
        Ok(Self {
            function: name.to_owned(),
            bytes: std::fs::metadata(folder.join(name))?.len(),
            cpu: median(starts.iter().map(|start| start.cpu)),
            wall: median(starts.iter().map(|start| start.wall)),
            resident_kilobytes: median(starts.iter().map(|start| start.resident_kilobytes)),
        })
    }
}

fn median<T: Ord + Copy>(values: impl Iterator<Item = T>) -> T {
    let mut values: Vec<T> = values.collect();
    values.sort_unstable();
    values[values.len() / 2]
}

fn table(figures: &[Figures]) -> String {
    let mut table = format!(
        "From the start of the process to the first request for an invocation, medians of {STARTS} starts\n\
         {:<17} {:>8} {:>9} {:>9} {:>7} {:>9}\n",
        "function", "size MB", "cpu ms", "wall ms", "x bare", "memory MB"
    );
    let bare = figures[0].cpu.as_secs_f64();
    let mut missed = Vec::new();
    for Figures { function, bytes, cpu, wall, resident_kilobytes } in figures {
        let ratio = cpu.as_secs_f64() / bare;
        let megabytes = |bytes: u64| u32::try_from(bytes / 1024).map_or(f64::MAX, f64::from) / 1024.0;
        let (cpu, wall) = (cpu.as_secs_f64() * 1e3, wall.as_secs_f64() * 1e3);
        let (size, memory) = (megabytes(*bytes), megabytes(resident_kilobytes * 1024));
        let _ = writeln!(table, "{function:<17} {size:>8.1} {cpu:>9.2} {wall:>9.2} {ratio:>7.2} {memory:>9.1}");
        if ratio > TARGET {
            missed.push(function.as_str());
        }
    }
    let verdict = if missed.is_empty() { "kept by all".to_owned() } else { format!("missed by {}", missed.join(", ")) };
    let _ = write!(table, "Target: at most {TARGET} times the bare function: {verdict}");
    table
}

/// `assignment` from its start until the first lead is assigned, by a rulebook that it has to read and compile.
async fn first_run(folder: &Path) -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    stack.pause_assignment().await?;
    rulebook::create(&stack.administrator()).await?;
    println!("\nFrom the start of assignment to its first committed run, {} segments, medians", rulebook::SEGMENTS);
    let mut runs = Vec::new();
    for n in 0..STARTS {
        let event = rulebook::lead(&stack, n).await?;
        let environment =
            [("AWS_ENDPOINT_URL_DYNAMODB", stack.engine()), ("RECORDS_TABLE", RECORDS), ("WORK_TABLE", WORK)];
        let mut lambda = Lambda::start(&folder.join("assignment"), "assignment", &environment).await?;
        let started = lambda.asked().await?;
        let finished = lambda.invoke(&event).await?;
        lambda.stop().await?;
        ensure!(rulebook::is_assigned(&stack, n).await?, "the lead was not assigned");
        runs.push((started, finished));
    }
    let milliseconds = |duration: Duration| duration.as_secs_f64() * 1e3;
    println!(
        "{:.1} ms of processor and {:.1} ms in all, of which {:.1} and {:.1} to the first request",
        milliseconds(median(runs.iter().map(|(_, finished)| finished.cpu))),
        milliseconds(median(runs.iter().map(|(_, finished)| finished.wall))),
        milliseconds(median(runs.iter().map(|(started, _)| started.cpu))),
        milliseconds(median(runs.iter().map(|(started, _)| started.wall))),
    );
    stack.shutdown().await
}
