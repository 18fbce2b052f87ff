//! The recount, asked for over and over while the replay goes on, and then drifts put in by hand: the first must find
//! nothing, the second must be put right.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::ensure;
use jiff::SignedDuration;
use journeys::running_stack::{RunningStack, WORK};
use serde::Deserialize;
use serde_json::json;

/// Between two calls, so that the replay gets on.
const PAUSE: Duration = Duration::from_millis(200);
/// By how many records sellers are made to drift.
const DRIFTS: [i64; 2] = [3, -2];

/// What `capacity-reset` answers.
#[derive(Debug, Default, Clone, Copy, Deserialize)]
pub(crate) struct Recounted {
    /// Sellers that were looked at.
    looks: u64,
    /// Looks that proved nothing, because the seller was changed meanwhile.
    void: u64,
    /// Looks that found a difference.
    suspected: u64,
    /// Sellers that were put right.
    repaired: u64,
}

impl Recounted {
    /// Whether it put something right, though nothing drifted.
    pub(crate) fn found_a_drift(&self) -> bool {
        self.repaired > 0
    }
}

impl fmt::Display for Recounted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { looks, void, suspected, repaired } = self;
        write!(f, "{looks} looks, {void} void, {suspected} suspected, {repaired} repaired")
    }
}

/// Recounts until `done` says so, as if somebody asked each time the last recount was answered.
pub(crate) async fn in_a_loop(stack: &RunningStack, done: &AtomicBool) -> anyhow::Result<Recounted> {
    let mut all = Recounted::default();
    while !done.load(Ordering::Relaxed) {
        all = add(all, call(stack, "now").await?);
        tokio::time::sleep(PAUSE).await;
    }
    Ok(all)
}

/// Makes sellers drift by hand and lets the recount find it: what it found.
pub(crate) async fn of_drifts(stack: &RunningStack, sellers: [&String; 2]) -> anyhow::Result<Recounted> {
    for (seller, by) in sellers.into_iter().zip(DRIFTS) {
        let update = json!({
            "TableName": WORK, "Key": {"pk": {"S": format!("state#{seller}")}, "sk": {"S": "-"}},
            "UpdateExpression": "ADD #held :by", "ExpressionAttributeNames": {"#held": "held:opportunity"},
            "ExpressionAttributeValues": {":by": {"N": by.to_string()}},
        });
        stack.dynamodb.call("UpdateItem", &update).await?;
    }
    let first = call(stack, "now").await?;
    ensure!(first.repaired == 0, "a drift was repaired at first sight: {first}");
    // The second look by the schedule, which is called on the way, and what is left by hand.
    let before = repairs(stack)?;
    ensure!(before == 0, "{before} sellers were put right though nothing had drifted");
    stack.advance_to(stack.now() + SignedDuration::from_mins(3), SignedDuration::from_mins(1)).await?;
    call(stack, "due").await?;
    let repaired = repairs(stack)? - before;
    ensure!(repaired == DRIFTS.len(), "{repaired} of {} drifts were repaired", DRIFTS.len());
    Ok(Recounted { repaired: repaired as u64, ..first })
}

async fn call(stack: &RunningStack, when: &str) -> anyhow::Result<Recounted> {
    Ok(serde_json::from_value(stack.invoke("capacity-reset", &json!({"recount": when})).await?)?)
}

/// The repairs that the function has logged.
fn repairs(stack: &RunningStack) -> anyhow::Result<usize> {
    let log = std::fs::read_to_string(stack.log_dir().join("capacity-reset.log"))?;
    Ok(log.lines().filter(|line| line.contains("what a seller holds was put right")).count())
}

fn add(one: Recounted, other: Recounted) -> Recounted {
    Recounted {
        looks: one.looks + other.looks,
        void: one.void + other.void,
        suspected: one.suspected + other.suspected,
        repaired: one.repaired + other.repaired,
    }
}
