//! The replay: the first 1,000 opportunities of a public CRM data set through the HTTP contract of a running stack,
//! with what came of it and what it cost.
//!
//! It shows, it does not judge alone: it fails when a promise is broken, and says which targets were missed.

mod crm;
mod engine_rate;
mod figures;
mod organisation;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use journeys::client::Client;
use journeys::recount::Stored;
use journeys::running_stack::RunningStack;
use local::decisions::Decision;
use local::demo::generate::{Crm, Opportunity};
use serde_json::{Value, json};
use tokio::sync::broadcast;

use crate::crm::Source;
use crate::figures::{Figures, Timed};

/// How many opportunities are fed.
const RECORDS: usize = 1_000;
/// How many in one request.
const BATCH: usize = 100;
/// How long all of them may take, at the most.
const END: Duration = Duration::from_mins(3);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let (crm, source) = crm::load(&crm::folder())?;
    match source {
        Source::Folder(folder) => println!("Data: {}", folder.display()),
        Source::Generated(folder) => {
            println!("!!! There is no CRM data in {} (BATON_CRM_DATA names another folder).", folder.display());
            println!("!!! The figures below come from generated data of the same shape.");
        }
    }
    let opportunities = &crm.opportunities[..RECORDS.min(crm.opportunities.len())];

    println!("Timed: nothing between functions and engine");
    let stack = RunningStack::start().await?;
    let organisation = prepare(&stack, &crm).await?;
    let decisions = stack.decisions();
    let begun = Instant::now();
    let fed = tokio::spawn(watch(decisions, opportunities.len()));
    feed(&stack.administrator(), &organisation, opportunities).await?;
    let decided = tokio::time::timeout(END, fed).await.context("not all records are decided in time")???;
    let length = begun.elapsed();
    let stored = stack.settled(END).await?;
    let engine = engine_rate::measure(stack.engine()).await?;
    let timed = Timed::new(length, latencies(&stored, &decided));
    let clean = recounted(&stored);
    stack.shutdown().await?;

    println!("Measured: a proxy that asks the engine what each request costs");
    let measured_stack = RunningStack::with_proxy(0).await?;
    let organisation = prepare(&measured_stack, &crm).await?;
    measured_stack.proxy().meter().start();
    feed(&measured_stack.administrator(), &organisation, opportunities).await?;
    let measured_stored = measured_stack.settled(END).await?;
    let measured = measured_stack.proxy().meter().stop();
    measured_stack.shutdown().await?;

    println!("\n{}", Figures::new(&stored, timed, &measured, &crm.sales_team, engine));
    ensure!(clean & recounted(&measured_stored), "a promise is broken");
    Ok(())
}

/// Creates accounts, sellers, segments and rules, and waits until all of them are dealt with.
async fn prepare(stack: &RunningStack, crm: &Crm) -> anyhow::Result<organisation::Organisation> {
    let organisation = organisation::create(&stack.administrator(), crm).await;
    stack.settled(END).await.context("the accounts are not processed")?;
    organisation.context("the organisation can't be created")
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

/// Holds what is stored against the promises; says what is broken.
fn recounted(stored: &Stored) -> bool {
    let found = stored.recount(|key| usize::from(key.starts_with("opportunity#")));
    println!(
        "Recount: {} records, {} lost, {} decided twice, {} other breaches",
        found.records,
        found.lost.len(),
        found.doubled.len(),
        found.breaches.len()
    );
    found.breaches.iter().for_each(|breach| println!("  {breach}"));
    found.is_clean()
}

/// Feeds the opportunities in batches; every record must be accepted.
async fn feed(client: &Client, organisation: &organisation::Organisation, rows: &[Opportunity]) -> anyhow::Result<()> {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} fed, {per_sec}, {elapsed}")
        .expect("the template names known parts");
    let bar = ProgressBar::new(rows.len() as u64).with_style(style);
    for (number, batch) in rows.chunks(BATCH).enumerate() {
        let records: Vec<Value> = batch.iter().map(|row| organisation.opportunity(row)).collect();
        let answer = client.post("/v1/records/opportunity/batch", &json!({"records": records})).await?.expect(200)?;
        let refused = answer["results"].as_array().into_iter().flatten().find(|result| result["status"] != "ok");
        ensure!(refused.is_none(), "batch {number}: {}", refused.unwrap_or(&Value::Null));
        bar.inc(batch.len() as u64);
    }
    bar.finish();
    Ok(())
}
