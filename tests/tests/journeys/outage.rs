//! An outage: nobody decides anything for hours, longer than the stream keeps its records for the function. Nothing is
//! given up meanwhile, and everything is decided afterwards, once.

use std::io::Write as _;
use std::time::{Duration, Instant};

use jiff::SignedDuration;
use journeys::organisation::{round_robin, sellers};
use journeys::running_stack::RunningStack;
use journeys::until::LONG;
use serde_json::{Value, json};

/// How many leads arrive.
const ARRIVE: usize = 10_000;

/// The stream's records are given to the function for six hours.
const PAST_THE_AGE: SignedDuration = SignedDuration::from_hours(7);

async fn arrive(stack: &RunningStack, count: usize) -> anyhow::Result<()> {
    let leads: Vec<Value> =
        (0..count).map(|n| json!({"id": format!("L-{n:05}"), "fields": {"city": "Bern"}})).collect();
    for leads in leads.chunks(500) {
        let client = stack.administrator();
        let answer = client.post("/v1/records/lead/batch", &json!({ "records": leads })).await?.expect(200)?;
        let failed = answer["results"].as_array().into_iter().flatten().filter(|result| result["status"] != "ok");
        anyhow::ensure!(failed.count() == 0, "{answer}");
    }
    Ok(())
}

async fn waiting(stack: &RunningStack) -> anyhow::Result<usize> {
    let stored = stack.everything_stored().await?;
    Ok(stored.values().filter(|item| item.contains_key("pending")).count())
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_02_what_arrives_while_nobody_decides_is_decided_afterwards_and_once() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben", "cleo"]).await?;
    round_robin(&client, "lead").await?;
    stack.pause_assignment().await?;
    arrive(&stack, ARRIVE).await?;
    stack.advance_to(stack.now() + PAST_THE_AGE, PAST_THE_AGE).await?;
    assert_eq!(waiting(&stack).await?, ARRIVE, "whatever the sweep has done");

    let begun = Instant::now();
    stack.resume_assignment().await?;
    // What the stream has given up the next sweeps bring back.
    let stored = loop {
        // Not before it has dealt with all that came: a sweep brings back whatever still waits.
        stack.delivered(LONG * 3).await?;
        match stack.settled(Duration::from_secs(5)).await {
            Ok(stored) => break stored,
            Err(error) if begun.elapsed() > LONG * 4 => return Err(error),
            Err(_) => stack.advance(6).await?,
        }
    };
    let seconds = begun.elapsed().as_secs_f64();
    let found = stored.recount(|_| 1);
    let failures = client.get("/_local/event-sources/failures").await?.expect(200)?;
    let given_up = failures["items"].as_array().map_or(0, Vec::len);
    let out = &mut std::io::stderr().lock();
    writeln!(
        out,
        "outage of 7 hours: {} leads routed in {seconds:.1} s, {} lost, {} decided twice; {given_up} messages of \
         batches that the event source gave up",
        found.records,
        found.lost.len(),
        found.doubled.len()
    )?;
    assert!(found.is_clean() && found.records == ARRIVE, "{found:?}");
    assert!(given_up > 0, "the event source had nothing to give up: the outage was too short");
    assert!(stored.reasons("lead").is_empty(), "{:?}", stored.reasons("lead"));
    let held = stored.held("lead");
    let (least, most) = (held.values().min().copied(), held.values().max().copied());
    assert!(least.zip(most).is_some_and(|(least, most)| most - least <= 1), "{held:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_20_no_record_is_given_up_as_long_as_nobody_tries_to_decide_it() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    round_robin(&client, "lead").await?;
    stack.pause_assignment().await?;
    arrive(&stack, 20).await?;
    for _ in 0..8 {
        stack.advance(6).await?;
    }
    assert_eq!(waiting(&stack).await?, 20);
    stack.resume_assignment().await?;
    let stored = stack.settled(LONG).await?;
    let found = stored.recount(|_| 1);
    assert!(found.is_clean() && stored.reasons("lead").is_empty(), "{found:?} {:?}", stored.reasons("lead"));
    stack.shutdown().await
}
