//! What the event source between the table `records` and the function `assignment` makes of faults, row by row: nothing
//! lost, nothing decided twice, the changes of one record in their order. The emulator of AWS does not do this part of
//! Lambda, so the local stack's poller has to show it; its rules are those of the documentation (infra/local/README.md).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};
use journeys::dynamodb::typed_item;
use journeys::fault_proxy::{Fault, FaultProxy, Rule};
use journeys::organisation::{change, everything, rule, runs, sellers};
use journeys::recount::Stored;
use journeys::running_stack::{RECORDS, RunningStack};
use journeys::until::{LONG, until};
use local::stack::StackOptions;
use serde_json::{Value, json};

const SELLERS: [&str; 3] = ["miriam", "sanjay", "susana"];
/// How many leads come in with each fault.
const LEADS: usize = 60;
/// The function's timeout in the template, and room for what comes after it.
const HANG: Duration = Duration::from_secs(100);

/// What can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// Items that nobody can decide lie among the others.
    PoisonImage,
    /// DynamoDB refuses every request for a while.
    ThrottledForAWhile,
    /// It does so for longer than a batch is tried.
    ThrottledTooLong,
    /// The process dies in the middle of a batch.
    Crash,
    /// The process stands still until its time is up.
    Hang,
    /// Every batch comes again after it was dealt with.
    DeliveredTwice,
}

impl Trouble {
    /// All but the hang.
    const PROMPT: [Self; 5] =
        [Self::PoisonImage, Self::ThrottledForAWhile, Self::ThrottledTooLong, Self::Crash, Self::DeliveredTwice];

    fn words(self) -> &'static str {
        match self {
            Self::PoisonImage => "poison image",
            Self::ThrottledForAWhile => "throttled for a while",
            Self::ThrottledTooLong => "throttled too long",
            Self::Crash => "crash",
            Self::Hang => "hang past the time-out",
            Self::DeliveredTwice => "delivered twice",
        }
    }

    /// What of the event source's counters proves that it happened, and how often at the least.
    fn proof(self) -> &'static [(&'static str, usize)] {
        match self {
            Self::PoisonImage => &[],
            // The function says from where on it could not go on; the event source comes back from there.
            Self::ThrottledForAWhile => &[("failed", 1), ("retried", 1)],
            Self::ThrottledTooLong => &[("failed", 1), ("retried", 1), ("discarded", 1)],
            // Nobody says anything: one of the batch is at fault, for all it knows, so it halves it.
            Self::Crash | Self::Hang => &[("failed", 1), ("bisected", 1)],
            Self::DeliveredTwice => &[("delivered", 2 * LEADS)],
        }
    }
}

/// One row of the table.
struct Row {
    trouble: Trouble,
    /// The event source's own counters.
    source: Value,
    /// The messages in the queue of what was given up.
    given_up: usize,
    /// Records that ended as failed runs.
    failed: i64,
    lost: usize,
    doubled: usize,
    breaches: Vec<String>,
}

async fn source(stack: &RunningStack) -> anyhow::Result<Value> {
    let sources = stack.nobody().get("/_local/event-sources").await?.expect(200)?;
    let found = sources["items"].as_array().into_iter().flatten().find(|source| source["function"] == "assignment");
    found.cloned().context("assignment has no event source")
}

async fn given_up(stack: &RunningStack) -> anyhow::Result<Vec<Value>> {
    let failures = stack.nobody().get("/_local/event-sources/failures").await?.expect(200)?;
    Ok(failures["items"].as_array().cloned().unwrap_or_default())
}

async fn arrive(stack: &RunningStack) -> anyhow::Result<()> {
    let leads: Vec<Value> = (0..LEADS).map(|n| json!({"id": format!("L-{n}"), "fields": {"city": "Bern"}})).collect();
    let answer = stack.administrator().post("/v1/records/lead/batch", &json!({"records": leads})).await?.expect(200)?;
    let failed = answer["results"].as_array().into_iter().flatten().filter(|result| result["status"] != "ok");
    ensure!(failed.count() == 0, "{answer}");
    Ok(())
}

/// Stops the process of `assignment` that is at work, as if it waited for something that never comes.
async fn freeze(stack: &RunningStack) -> anyhow::Result<()> {
    until("assignment is at work", LONG, async || {
        let function = stack.function("assignment").await?;
        let processes = function["processes"].as_array().cloned().unwrap_or_default();
        let busy = processes.into_iter().find(|process| process["activity"] == "busy");
        let Some(pid) = busy.and_then(|process| process["pid"].as_u64()) else { return Ok(false) };
        Ok(Command::new("kill").args(["-STOP", &pid.to_string()]).status()?.success())
    })
    .await
}

/// Makes it happen while leads come in; ends when they have come in.
async fn befall(stack: &RunningStack, trouble: Trouble) -> anyhow::Result<()> {
    let throttled = || Rule::new(Fault::Throttle, 1.0).caller("assignment");
    match trouble {
        Trouble::PoisonImage => {
            arrive(stack).await?;
            for (id, image) in [("P-1", json!("no map at all")), ("P-2", json!({"employees": ["many"]}))] {
                let item = json!({"pk": format!("lead#{id}"), "type": "lead", "fields": image});
                stack.dynamodb.put(RECORDS, &typed_item(&item)).await?;
            }
        }
        Trouble::ThrottledForAWhile => {
            stack.proxy().inject(vec![throttled()]);
            arrive(stack).await?;
            until("a batch has failed", LONG, async || Ok(source(stack).await?["failed"].as_u64() >= Some(1))).await?;
            stack.proxy().inject(Vec::new());
        }
        Trouble::ThrottledTooLong => {
            stack.proxy().inject(vec![throttled()]);
            arrive(stack).await?;
            until("batches are given up", LONG, async || Ok(!given_up(stack).await?.is_empty())).await?;
            stack.proxy().inject(Vec::new());
        }
        Trouble::Crash => {
            stack.pause_assignment().await?;
            arrive(stack).await?;
            stack.kill_in("assignment", 1, 0).await?;
            stack.resume_assignment().await?;
        }
        Trouble::Hang => {
            // It stands still while its commit is under way: the commit happens, and nobody is there to say so.
            stack.pause_assignment().await?;
            arrive(stack).await?;
            let mut commit = stack.proxy().hold("assignment", "TransactWriteItems");
            stack.resume_assignment().await?;
            commit.reached().await?;
            freeze(stack).await?;
            commit.open();
        }
        Trouble::DeliveredTwice => {
            stack.deliver_twice(true).await?;
            arrive(stack).await?;
        }
    }
    Ok(())
}

/// Waits until nothing waits. What was given up the sweep marks again, once the mark is five minutes old.
async fn settled(stack: &RunningStack) -> anyhow::Result<Stored> {
    if given_up(stack).await?.is_empty() {
        return stack.settled(HANG).await;
    }
    for _ in 0..6 {
        stack.advance(6).await?;
        if let Ok(stored) = stack.settled(Duration::from_secs(20)).await {
            return Ok(stored);
        }
    }
    stack.settled(LONG).await
}

async fn run(trouble: Trouble) -> anyhow::Result<Row> {
    let options = StackOptions { shards: Some(1), ..StackOptions::default() };
    let stack = RunningStack::with(options, Some(FaultProxy::start(7).await?)).await?;
    let client = stack.administrator();
    sellers(&client, &SELLERS).await?;
    client.post("/v1/segments/lead-default/rules", &rule("all", &everything())).await?.expect(201)?;
    befall(&stack, trouble).await?;
    let stored = settled(&stack).await?;
    let found = stored.recount(|_| 1);
    let poison = if trouble == Trouble::PoisonImage { 2 } else { 0 };
    let mut breaches = found.breaches;
    let held = stored.held("lead");
    if held.values().sum::<i64>() != i64::try_from(LEADS)? {
        breaches.push(format!("{held:?} of {LEADS} leads are held"));
    }
    let row = Row {
        trouble,
        source: source(&stack).await?,
        given_up: given_up(&stack).await?.len(),
        failed: stored.reasons("lead").values().sum(),
        lost: found.lost.len() + (LEADS + poison).saturating_sub(found.records),
        doubled: found.doubled.len(),
        breaches,
    };
    stack.shutdown().await?;
    Ok(row)
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_the_event_source_meets_nothing_is_lost_or_doubled() -> anyhow::Result<()> {
    // The hang mostly waits, so it does that beside the others.
    let others = async {
        let mut rows = Vec::new();
        for trouble in Trouble::PROMPT {
            rows.push(run(trouble).await.with_context(|| format!("{trouble:?}"))?);
        }
        anyhow::Ok(rows)
    };
    let (mut rows, hang) = tokio::try_join!(others, run(Trouble::Hang))?;
    rows.push(hang);
    let mut table = format!(
        "{:<23} {:>7} {:>6} {:>5} {:>6} {:>8} {:>8} {:>12} {:>4} {:>7}\n",
        "fault", "batches", "failed", "again", "halved", "given up", "messages", "in attention", "lost", "doubled"
    );
    for row in &rows {
        let Row { source, given_up, failed, lost, doubled, .. } = row;
        let count = |name: &str| source[name].as_u64().unwrap_or(0);
        writeln!(
            table,
            "{:<23} {:>7} {:>6} {:>5} {:>6} {:>8} {given_up:>8} {failed:>12} {lost:>4} {doubled:>7}",
            row.trouble.words(),
            count("invocations"),
            count("failed"),
            count("retried"),
            count("bisected"),
            count("discarded"),
        )?;
    }
    // Past the capture of test output: the table is meant to be read.
    writeln!(std::io::stderr(), "\n{table}")?;
    for row in &rows {
        let trouble = row.trouble;
        assert!(row.breaches.is_empty(), "{trouble:?}: {:?}\n{table}", row.breaches);
        assert_eq!((row.lost, row.doubled), (0, 0), "{trouble:?}\n{table}");
        for (counter, least) in trouble.proof() {
            let counted = row.source[counter].as_u64().unwrap_or(0);
            assert!(counted >= *least as u64, "{trouble:?}: {counter} is {counted}\n{table}");
        }
        assert_eq!(row.given_up > 0, trouble == Trouble::ThrottledTooLong, "{trouble:?}\n{table}");
        assert_eq!(row.failed, if trouble == Trouble::PoisonImage { 2 } else { 0 }, "{trouble:?}\n{table}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_up_is_told_by_position_and_never_by_contents() -> anyhow::Result<()> {
    let stack = RunningStack::with_proxy(7).await?;
    let client = stack.administrator();
    sellers(&client, &SELLERS).await?;
    client.post("/v1/segments/lead-default/rules", &rule("all", &everything())).await?.expect(201)?;
    befall(&stack, Trouble::ThrottledTooLong).await?;
    let messages = given_up(&stack).await?;
    for message in &messages {
        assert_eq!(message["queue"], "baton-given-up");
        let body = &message["body"];
        assert_eq!(body["requestContext"]["condition"], "RetryAttemptsExhausted", "{message}");
        assert!(body["DDBStreamBatchInfo"]["startSequenceNumber"].is_string(), "{message}");
        assert!(!message.to_string().contains("Bern"), "{message}");
    }
    // The marks stay, and the sweep has them delivered again.
    let found = settled(&stack).await?.recount(|_| 1);
    assert!(found.is_clean() && found.records == LEADS, "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_one_record_are_decided_in_their_order_also_when_batches_fail() -> anyhow::Result<()> {
    const CITIES: [&str; 4] = ["Bern", "Genf", "Chur", "Thun"];
    const ROUNDS: usize = 5;
    let stack = RunningStack::with_proxy(11).await?;
    let client = stack.administrator();
    sellers(&client, &SELLERS).await?;
    let mut segments = BTreeMap::new();
    for city in CITIES {
        let here = json!({"field": "city", "op": "equals", "value": city});
        let body = json!({
            "name": city, "recordType": "lead", "condition": here, "movePreviouslySegmented": true,
        });
        let created = client.post("/v1/segments", &body).await?.expect(201)?;
        let id = created["id"].as_str().unwrap_or_default().to_owned();
        client.post(&format!("/v1/segments/{id}/activate"), &json!({})).await?.expect(200)?;
        segments.insert(city, id);
    }
    let mut faults = vec![
        Rule::new(Fault::Throttle, 0.3).caller("assignment"),
        Rule::new(Fault::LostAnswer, 0.1).caller("assignment"),
    ];
    stack.proxy().inject(faults.clone());
    arrive(&stack).await?;
    let ids: Vec<String> = (0..LEADS).step_by(6).map(|n| format!("L-{n}")).collect();
    let mut changes: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for round in 0..ROUNDS {
        if round == ROUNDS / 2 {
            faults.insert(0, Rule::new(Fault::Throttle, 1.0).caller("assignment"));
            stack.proxy().inject(faults.clone());
        }
        for (n, id) in ids.iter().enumerate() {
            let city = CITIES[(n + round) % CITIES.len()];
            change(&client, "lead", id, &json!({"city": city})).await?;
            changes.entry(id.clone()).or_default().push(segments[city].as_str());
        }
    }
    until("a batch has failed", LONG, async || Ok(source(&stack).await?["failed"].as_u64() >= Some(1))).await?;
    stack.proxy().calm();
    let stored = stack.settled(LONG).await?;
    for (id, changes) in changes {
        // Several changes may be decided at once, but none before an earlier one.
        let runs = runs(&client, "lead", &id).await?;
        let mut decided = runs.iter().rev().filter_map(|run| run["segmentation"]["segmentId"].as_str()).skip(1);
        let last = changes.last().copied();
        assert_eq!(stored.records[&format!("lead#{id}")]["segmentId"].as_str(), last, "{id}");
        let mut changes = changes.iter();
        assert!(decided.all(|segment| changes.any(|change| *change == segment)), "{id}: {runs:?}");
    }
    stack.shutdown().await
}
