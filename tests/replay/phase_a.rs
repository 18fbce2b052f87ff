//! Phase A: all opportunities in batches, as quickly as they are taken, none closed. Twice: timed with nothing between
//! functions and engine, and a part of them again through a proxy that asks the engine what each request costs.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use journeys::client::Client;
use journeys::recount::Stored;
use journeys::running_stack::RunningStack;
use local::decisions::Decision;
use local::demo::generate::{Crm, Opportunity};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::figures::{Figures, Timed};
use crate::organisation::{Organisation, post};
use crate::outcome::Outcome;
use crate::{END, engine_rate, prepare, progress};

/// How many opportunities in one request.
const BATCH: usize = 100;
/// How many are fed again to be measured: costs per record do not depend on how many there are.
const MEASURED: usize = 1_000;
/// How many a seller holds at once, at the most: nobody gets there, but loads are balanced by what is left.
const MAXIMUM: i64 = 1_000;

/// Runs the phase and prints what came of it; whether every promise was kept.
pub(crate) async fn run(crm: &Crm) -> anyhow::Result<bool> {
    println!("Phase A, timed: nothing between functions and engine");
    let stack = RunningStack::start().await?;
    let organisation = prepare(&stack, crm, MAXIMUM).await?;
    let fed = tokio::spawn(watch(stack.decisions(), crm.opportunities.len()));
    let begun = Instant::now();
    feed(&stack.administrator(), &organisation, &crm.opportunities).await?;
    let decided = tokio::time::timeout(END, fed).await.context("not all records are decided in time")???;
    let length = begun.elapsed();
    let stored = stack.settled(END).await?;
    let engine = engine_rate::measure(stack.engine()).await?;
    let timed = Timed::new(length, latencies(&stored, &decided));
    let outcome = Outcome::of(&stored, &organisation)?;
    stack.shutdown().await?;

    println!("Phase A, measured: a proxy that asks the engine what each request costs");
    let stack = RunningStack::with_proxy(0).await?;
    let organisation = prepare(&stack, crm, MAXIMUM).await?;
    let part = &crm.opportunities[..MEASURED.min(crm.opportunities.len())];
    stack.proxy().meter().start();
    feed(&stack.administrator(), &organisation, part).await?;
    let stored = stack.settled(END).await?;
    let measured = stack.proxy().meter().stop();
    let measured_outcome = Outcome::of(&stored, &organisation)?;
    stack.shutdown().await?;

    println!("\n{outcome}\n\n{}", Figures::new(timed, &measured, measured_outcome.assigned(), engine));
    for outcome in [&outcome, &measured_outcome].into_iter().filter(|outcome| !outcome.is_fair()) {
        println!("Sellers who are candidates of the same rules got unequally many:\n{outcome}");
    }
    if !measured_outcome.is_clean() {
        println!("What was measured is not as promised:\n{measured_outcome}");
    }
    Ok([outcome, measured_outcome].iter().all(|outcome| outcome.is_clean() && outcome.is_fair()))
}

/// Feeds the opportunities in batches, each created when the data set says it was engaged.
async fn feed(client: &Client, organisation: &Organisation, rows: &[Opportunity]) -> anyhow::Result<()> {
    let bar = progress(rows.len()).with_message("fed");
    for batch in rows.chunks(BATCH) {
        let record = |row: &Opportunity| -> Value {
            let mut record = organisation.opportunity(row);
            if let Some(date) = row.engage_date {
                record["createdOn"] = json!(format!("{date}T00:00:00Z"));
            }
            record
        };
        post(client, "opportunity", batch.iter().map(record).collect()).await?;
        bar.inc(batch.len() as u64);
    }
    bar.finish();
    Ok(())
}

/// When the decision about each opportunity was in force, as `assignment` says after each commit.
async fn watch(
    mut decisions: broadcast::Receiver<Decision>,
    expected: usize,
) -> anyhow::Result<BTreeMap<String, Timestamp>> {
    let mut decided = BTreeMap::new();
    while decided.len() < expected {
        let decision = decisions.recv().await.context("decisions came faster than they were read")?;
        if decision.record_type == "opportunity" {
            decided.insert(decision.record_id, decision.at);
        }
    }
    Ok(decided)
}

/// From the instant a record was stamped as modified, just before its put, until its decision was in force.
fn latencies(stored: &Stored, decided: &BTreeMap<String, Timestamp>) -> Vec<Duration> {
    let latency = |(id, at): (&String, &Timestamp)| {
        let created = stored.records.get(&format!("opportunity#{id}"))?["modifiedOn"].as_i64()?;
        Some(Duration::from_millis(u64::try_from(at.as_millisecond() - created).unwrap_or(0)))
    };
    decided.iter().filter_map(latency).collect()
}
