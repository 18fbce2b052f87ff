//! Lives of leads in a running stack, with a meter before DynamoDB.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use journeys::client::Client;
use journeys::fault_proxy::Figures;
use journeys::organisation::{everything, rule, segment, sellers};
use journeys::running_stack::RunningStack;
use journeys::until::{LONG, found};
use serde_json::{Value, json};

/// How many leads live.
const LEADS: usize = 1_000;
/// How many come in one request.
const BATCH: usize = 100;
/// How many come alone, each decided before the next one comes.
const ALONE: usize = 200;
/// How often the seller looks at a lead.
pub(crate) const READS: u32 = 3;
/// How often the seller changes it.
pub(crate) const CHANGES: u32 = 2;
/// Minutes in which nothing happens.
const IDLE_MINUTES: u64 = 60;
/// Who owns leads.
const SELLERS: usize = 20;

/// What something used, for each lead or each minute.
#[derive(Debug, Clone, Default)]
pub(crate) struct Used {
    /// Invocations by function.
    pub(crate) invocations: BTreeMap<String, f64>,
    /// Requests to DynamoDB by function.
    pub(crate) requests: BTreeMap<String, f64>,
    /// Write units by function.
    pub(crate) writes: BTreeMap<String, f64>,
    /// Read units by function.
    pub(crate) reads: BTreeMap<String, f64>,
    /// Requests to the API.
    pub(crate) api_requests: f64,
    /// Bytes of logs.
    pub(crate) log_bytes: f64,
}

/// Everything that the page tells of.
#[derive(Debug)]
pub(crate) struct Measured {
    /// Coming in, in batches, until it is assigned.
    pub(crate) arriving: Used,
    /// The same where each lead is decided alone.
    pub(crate) alone: Used,
    /// From there until it is closed.
    pub(crate) living: Used,
    /// A minute without anything to do.
    pub(crate) idle: Used,
    /// What a lead leaves in the tables, in bytes.
    pub(crate) stored_bytes: f64,
}

impl Measured {
    /// Runs a stack and measures.
    pub(crate) async fn take() -> anyhow::Result<Self> {
        let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}").expect("known parts");
        let bar = ProgressBar::new(4).with_style(style);
        let stack = RunningStack::with_proxy(0).await?;
        let client = stack.administrator();
        organisation(&client).await?;
        stack.delivered(LONG).await?;

        bar.set_message("leads arrive");
        let before = stack.everything_stored().await?;
        let arriving = used(&stack, LEADS, async |client| {
            for first in (0..LEADS).step_by(BATCH) {
                let leads: Vec<Value> = (first..first + BATCH).map(lead).collect();
                let answer = client.post("/v1/records/lead/batch", &json!({"records": leads})).await?.expect(200)?;
                let failed = answer["results"].as_array().into_iter().flatten().find(|result| result["status"] != "ok");
                ensure!(failed.is_none(), "{failed:?}");
            }
            stack.delivered(LONG).await?;
            Ok(LEADS / BATCH)
        })
        .await?;
        bar.inc(1);
        bar.set_message("sellers work");
        let living = used(&stack, LEADS, async |client| {
            let mut requests = 0;
            for n in 0..LEADS {
                let path = format!("/v1/records/lead/L-{n}");
                for _ in 0..READS {
                    client.get(&path).await?.expect(200)?;
                }
                for n in 0..CHANGES {
                    let body = json!({"fields": {"jobTitle": format!("Buyer, asked {n} times")}});
                    client.patch(&path, &body).await?.expect(200)?;
                }
                client.post(&format!("{path}/close"), &json!({"outcome": "qualified"})).await?.expect(200)?;
                requests += READS as usize + CHANGES as usize + 1;
            }
            stack.delivered(LONG).await?;
            Ok(requests)
        })
        .await?;

        let after = stack.everything_stored().await?;
        let bytes =
            |stored: &BTreeMap<String, _>| stored.values().map(|item| json!(item).to_string().len()).sum::<usize>();
        let stored_bytes = number(bytes(&after) - bytes(&before)) / number(LEADS);

        bar.inc(1);
        bar.set_message("leads come alone");
        let alone = used(&stack, ALONE, async |client| {
            for n in LEADS..LEADS + ALONE {
                client.post("/v1/records/lead", &lead(n)).await?.expect(201)?;
                stack.delivered(LONG).await?;
            }
            Ok(ALONE)
        })
        .await?;

        bar.inc(1);
        bar.set_message("nothing happens");
        let minutes = usize::try_from(IDLE_MINUTES)?;
        let idle = used(&stack, minutes, async |_| {
            for _ in 0..IDLE_MINUTES {
                stack.advance(1).await?;
            }
            Ok(0)
        })
        .await?;
        bar.finish_and_clear();
        stack.shutdown().await?;
        Ok(Self { arriving, alone, living, idle, stored_bytes })
    }
}

async fn organisation(client: &Client) -> anyhow::Result<()> {
    let names: Vec<String> = (0..SELLERS).map(|n| format!("s{n}")).collect();
    sellers(client, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    for city in ["Bern", "Genf", "Chur"] {
        let here = json!({"field": "city", "op": "equals", "value": city});
        let segment = segment(client, "lead", city, &here).await?;
        let body = rule("All in turn", &everything());
        client.post(&format!("/v1/segments/{segment}/rules"), &body).await?.expect(201)?;
    }
    Ok(())
}

/// A lead as a form on a web site fills it.
fn lead(n: usize) -> Value {
    let city = ["Bern", "Genf", "Chur"][n % 3];
    json!({"id": format!("L-{n}"), "fields": {
        "topic": format!("Twelve touring bicycles, {n}"), "firstName": "Ada", "lastName": format!("Byron-{n}"),
        "email": format!("ada-{n}@example.com"), "phone": "+41 31 000 00 00", "companyName": format!("Tours {n}"),
        "city": city, "country": "CH", "employees": n % 500, "leadSource": "web",
    }})
}

/// What happens while `doing` runs, for each of `count`; it tells how many requests it made to the API.
async fn used(
    stack: &RunningStack,
    count: usize,
    doing: impl AsyncFnOnce(Client) -> anyhow::Result<usize>,
) -> anyhow::Result<Used> {
    let (invocations, logs) = (invocations(stack).await?, log_bytes(stack)?);
    stack.proxy().meter().start();
    let requests = doing(stack.administrator()).await?;
    settled(stack).await?;
    let figures = stack.proxy().meter().stop();
    let each = |total: f64| total / number(count);
    let mut used = Used { api_requests: each(number(requests)), ..Used::default() };
    used.log_bytes = each(number(log_bytes(stack)?) - number(logs));
    for (function, total) in self::invocations(stack).await? {
        used.invocations.insert(function.clone(), each(total - invocations.get(&function).copied().unwrap_or(0.0)));
    }
    add(&mut used, &figures, each);
    Ok(used)
}

/// Waits until nothing has set anything going any more: what one function writes may call another one.
async fn settled(stack: &RunningStack) -> anyhow::Result<()> {
    let mut before = BTreeMap::new();
    found("functions have nothing left to do", LONG, async || {
        stack.delivered(LONG).await?;
        let now = invocations(stack).await?;
        let same = now == before;
        before = now;
        Ok(same.then_some(()))
    })
    .await
}

fn add(used: &mut Used, figures: &Figures, each: impl Fn(f64) -> f64) {
    for (by, count) in &figures.requests {
        *used.requests.entry(by.caller.clone()).or_default() +=
            each(f64::from(u32::try_from(*count).unwrap_or(u32::MAX)));
    }
    for (charge, units) in &figures.write_units {
        *used.writes.entry(charge.by.caller.clone()).or_default() += each(*units);
    }
    for (by, units) in &figures.read_units {
        *used.reads.entry(by.caller.clone()).or_default() += each(*units);
    }
}

async fn invocations(stack: &RunningStack) -> anyhow::Result<BTreeMap<String, f64>> {
    let functions = stack.nobody().get("/_local/functions").await?.expect(200)?;
    let items = functions["items"].as_array().context("the stack tells its functions")?;
    let delivered = |item: &Value| Some((item["name"].as_str()?.to_owned(), item["counts"]["delivered"].as_f64()?));
    Ok(items.iter().filter_map(delivered).collect())
}

fn log_bytes(stack: &RunningStack) -> anyhow::Result<usize> {
    let mut bytes = 0;
    for file in std::fs::read_dir(stack.log_dir())? {
        bytes += usize::try_from(file?.metadata()?.len())?;
    }
    Ok(bytes)
}

/// A count, as prices want it.
pub(crate) fn number(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
