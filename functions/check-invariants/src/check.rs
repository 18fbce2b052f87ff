//! Goes on with a check (`store::invariants`) until it is done or time is up, and then answers where to go on.

use std::time::{Duration, Instant, SystemTime};

use domain::invariant::Report;
use jiff::Timestamp;
use lambda_runtime::Error;
use lambda_runtime::tracing::{info, warn};
use serde::{Deserialize, Serialize};
use store::invariants::{Check, PENDING_MINUTES};
use store::{Clock, Store};

/// No page is begun when less time than this is left, so that the timeout never cuts one short.
const RESERVE: Duration = Duration::from_secs(20);

/// While a check waits for its second looks it looks at the clock so often.
const TICK: Duration = Duration::from_millis(500);

/// The event: `{}`, or the `next` of the answer before.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Ask {
    /// How long a record may wait, in minutes; [`PENDING_MINUTES`] when absent. Read when a check begins.
    pending_minutes: Option<u32>,
    /// How long this invocation may take, in seconds, for a caller who wants to hear of the progress; as long as the
    /// function's timeout allows when absent.
    seconds: Option<u64>,
    /// A check to go on with.
    next: Option<Check>,
}

/// The answer.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answer {
    /// Whether the check has come to its end.
    done: bool,
    /// Whether nothing is broken, as far as it has come.
    clean: bool,
    progress: Progress,
    /// What it has found since its beginning.
    report: Report,
    /// What to call the function with to go on; none when it is done.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Check>,
}

/// How far it has come.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Progress {
    done: u32,
    of: u32,
    /// It waits until then for its second looks.
    #[serde(skip_serializing_if = "Option::is_none")]
    waits_until: Option<Timestamp>,
}

/// Begins a check or goes on with one.
pub(crate) async fn go_on(store: &Store, clock: &Clock, ask: Ask, deadline: SystemTime) -> Result<Answer, Error> {
    let began = Instant::now();
    let left = deadline.duration_since(SystemTime::now()).unwrap_or_default().saturating_sub(RESERVE);
    let ends = began + ask.seconds.map_or(left, |seconds| left.min(Duration::from_secs(seconds)));
    let mut check = match ask.next {
        Some(check) => check,
        None => Check::begin(store, ask.pending_minutes.unwrap_or(PENDING_MINUTES), clock.now()).await?,
    };
    // One step at least: whoever calls again and again comes to the end.
    loop {
        if check.waits_until().is_some_and(|until| clock.now() < until) {
            tokio::time::sleep(TICK).await;
        } else {
            check.step(store, clock.now()).await?;
        }
        if check.is_done() || Instant::now() >= ends {
            break;
        }
    }
    check.took(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX));
    Ok(answer(check))
}

fn answer(check: Check) -> Answer {
    let report = check.report().clone();
    let (done, of) = check.progress();
    let answer = Answer {
        done: check.is_done(),
        clean: report.is_clean(),
        progress: Progress { done, of, waits_until: check.waits_until() },
        next: (!check.is_done()).then_some(check),
        report,
    };
    if answer.done {
        tell(&answer.report);
    }
    answer
}

/// One line for the log, and one for each breach that is told.
fn tell(report: &Report) {
    for breach in &report.breaches {
        warn!(item = breach.item, "{}", breach.sentence);
    }
    let sum = |of: fn(&domain::invariant::Figures) -> u64| report.invariants.values().map(of).sum::<u64>();
    info!(
        records = report.looked_at.records,
        runs = report.looked_at.runs,
        sellers = report.looked_at.sellers,
        breaches = sum(|figures| figures.breaches),
        void = sum(|figures| figures.void),
        milliseconds = report.looked_at.milliseconds,
        "check of invariants"
    );
}
