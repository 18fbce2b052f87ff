//! The replay: the first 1,000 opportunities of a public CRM data set through the HTTP contract of a running stack,
//! with what came of it and what it cost.
//!
//! It shows, it does not judge alone: it fails when a promise is broken, and says which targets were missed.

mod crm;
mod engine_rate;
mod figures;
mod organisation;

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use journeys::client::Client;
use journeys::running_stack::RunningStack;
use local::demo::generate::Opportunity;
use serde_json::{Value, json};

use crate::crm::Source;
use crate::figures::Figures;

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
    let stack = RunningStack::with_proxy(0).await?;
    let client = stack.administrator();
    let organisation = organisation::create(&client, &crm).await.context("the organisation can't be created")?;
    stack.settled(END).await.context("the accounts are not processed")?;

    stack.proxy().meter().start();
    let begun = Instant::now();
    let opportunities = &crm.opportunities[..RECORDS.min(crm.opportunities.len())];
    feed(&client, &organisation, opportunities).await?;
    let stored = stack.settled(END).await?;
    let measured = stack.proxy().meter().stop();
    let engine = engine_rate::measure(stack.engine()).await?;

    let figures = Figures::new(&stored, &measured, begun, &crm.sales_team, engine);
    println!("\n{figures}");
    let found = stored.recount(|key| usize::from(key.starts_with("opportunity#")));
    println!(
        "Recount: {} records, {} lost, {} decided twice, {} other breaches",
        found.records,
        found.lost.len(),
        found.doubled.len(),
        found.breaches.len()
    );
    found.breaches.iter().for_each(|breach| println!("  {breach}"));
    stack.shutdown().await?;
    ensure!(found.is_clean(), "a promise is broken");
    Ok(())
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
