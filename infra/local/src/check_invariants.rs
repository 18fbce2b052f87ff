//! The check of invariants for people at a terminal: calls the function until it is done, here or on AWS, and shows what
//! it found as a table.

use std::fmt;
use std::process::Stdio;

use anyhow::{Context, Result, bail, ensure};
use domain::invariant::{Invariant, Report};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::process::Command;

/// The function, by the name of its binary.
const FUNCTION: &str = "check-invariants";

/// How long one call may take, in seconds, so that the progress is seen.
const SECONDS_HERE: u64 = 1;
/// On AWS each call starts a command of its own.
const SECONDS_ON_AWS: u64 = 30;

/// Where the function is.
#[derive(Debug, Clone)]
pub enum Place {
    /// In a local stack at this address, such as `http://127.0.0.1:8080`.
    Local(String),
    /// On AWS, under this name; the command `aws` knows the account and the region.
    Aws(String),
}

/// How far a check has come.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// Steps that are done.
    pub done: u64,
    /// Steps there are, if everything must be looked at twice.
    pub of: u64,
    /// It waits until then for its second looks.
    pub waits_until: Option<Timestamp>,
}

#[derive(Deserialize)]
struct Answer {
    done: bool,
    progress: Progress,
    report: Report,
    next: Option<Value>,
}

/// Has the invariants checked from beginning to end. `told` hears how far it has come.
pub async fn check(place: &Place, pending_minutes: Option<u32>, told: impl Fn(Progress)) -> Result<Report> {
    let seconds = if matches!(place, Place::Local(_)) { SECONDS_HERE } else { SECONDS_ON_AWS };
    let mut event = json!({"seconds": seconds, "pendingMinutes": pending_minutes});
    loop {
        let answer = place.invoke(&event).await?;
        let answer: Answer = serde_json::from_slice(&answer).context("the function's answer can't be understood")?;
        told(answer.progress);
        if answer.done {
            return Ok(answer.report);
        }
        event = json!({"seconds": seconds, "next": answer.next.context("the function does not say how to go on")?});
    }
}

impl Place {
    async fn invoke(&self, event: &Value) -> Result<Vec<u8>> {
        match self {
            Self::Local(url) => invoke_here(url, event).await,
            Self::Aws(function) => invoke_on_aws(function, event).await,
        }
    }
}

async fn invoke_here(url: &str, event: &Value) -> Result<Vec<u8>> {
    let path = format!("{url}/2015-03-31/functions/{FUNCTION}/invocations");
    let response = reqwest::Client::new().post(path).json(event).send().await;
    let response = response.with_context(|| format!("no stack answers on {url}: start one with `make run`"))?;
    let failed = !response.status().is_success() || response.headers().contains_key("x-amz-function-error");
    let body = response.bytes().await.context("the stack broke off")?;
    ensure!(!failed, "{FUNCTION} failed: {}", String::from_utf8_lossy(&body));
    Ok(body.to_vec())
}

async fn invoke_on_aws(function: &str, event: &Value) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("no temporary directory can be made")?;
    let (payload, answer) = (folder.path().join("event.json"), folder.path().join("answer.json"));
    std::fs::write(&payload, event.to_string()).context("the event can't be written")?;
    let mut aws = Command::new("aws");
    aws.args(["lambda", "invoke", "--function-name", function]);
    aws.args(["--cli-read-timeout", "0", "--output", "json", "--payload"]);
    aws.arg(format!("fileb://{}", payload.display())).arg(&answer).stdin(Stdio::null());
    let output = aws.output().await.context("the command `aws` can't be started")?;
    if !output.status.success() {
        bail!("`aws lambda invoke` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    let body = std::fs::read(&answer).context("`aws lambda invoke` left no answer")?;
    let outcome: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    ensure!(outcome.get("FunctionError").is_none(), "{function} failed: {}", String::from_utf8_lossy(&body));
    Ok(body)
}

/// A report as it is shown.
#[derive(Debug)]
pub struct Shown<'a>(pub &'a Report);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(report) = self;
        writeln!(f, "{:38} {:>20} {:>14} {:>8}", "invariant", "looked at", "breaches", "void")?;
        for invariant in Invariant::ALL {
            let figures = report.invariants.get(&invariant).copied().unwrap_or_default();
            let (promise, things) = invariant.words();
            let looked_at = format!("{} {things}", figures.looked_at);
            let breaches = format!("{}/{}", figures.breaches, figures.looked_at);
            writeln!(f, "{promise:38} {looked_at:>20} {breaches:>14} {:>8}", figures.void)?;
        }
        let looked_at = &report.looked_at;
        write!(
            f,
            "\n{} records, {} runs, {} sellers and {} segments on {} pages in {}.{:03} s",
            looked_at.records,
            looked_at.runs,
            looked_at.sellers,
            looked_at.segments,
            looked_at.pages,
            looked_at.milliseconds / 1_000,
            looked_at.milliseconds % 1_000
        )?;
        if report.invariants.values().any(|figures| figures.void > 0) {
            write!(
                f,
                "\nvoid: changed whenever it was looked at, so nothing is proved of it; ask again in a quiet hour"
            )?;
        }
        for breach in &report.breaches {
            write!(f, "\n- {}", breach.sentence)?;
        }
        let untold = how_many(report) - u64::try_from(report.breaches.len()).unwrap_or(0);
        if untold > 0 {
            write!(f, "\n- and {untold} more")?;
        }
        Ok(())
    }
}

/// How many breaches there are, told or not.
#[must_use]
pub fn how_many(report: &Report) -> u64 {
    report.invariants.values().map(|figures| figures.breaches).sum()
}

#[cfg(test)]
mod tests {
    use domain::invariant::unreadable_runs;

    use super::*;

    #[test]
    fn a_report_is_shown_as_a_table_with_every_breach() {
        let mut report = Report::begin("2026-03-02T10:00:00Z".parse().unwrap());
        report.figures(Invariant::OneOwner).looked_at = 1_204;
        report.figures(Invariant::DecidedOnce).looked_at = 9;
        report.looked_at.milliseconds = 1_050;
        let clean = Shown(&report).to_string();
        let line = |shown: &str, begin: &str| shown.lines().find(|line| line.starts_with(begin)).unwrap().to_owned();
        let words = |line: String| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
        assert_eq!(words(line(&clean, "a record has")), "a record has one owner at most 1204 records 0/1204 0");
        assert!(clean.ends_with("on 0 pages in 1.050 s"), "{clean}");
        report.note((0..102).map(|n| unreadable_runs(&n.to_string())));
        report.figures(Invariant::HeldCounters).void = 1;
        let broken = Shown(&report).to_string();
        assert_eq!(words(line(&broken, "no change")), "no change is decided twice 9 runs 102/9 0");
        assert!(broken.contains("\nvoid: "), "{broken}");
        assert!(broken.ends_with("\n- The runs of chunk 99 can't be read; nothing is proved of them.\n- and 2 more"));
        assert_eq!(how_many(&report), 102);
    }
}
