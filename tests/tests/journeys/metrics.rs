//! What functions count, each by a situation: the metrics that the alarms and the dashboard of `infra/template.yaml` look
//! at, as the local stack tells them.

use domain::reason::Reason;
use journeys::fault_proxy::{Fault, Rule};
use journeys::organisation::{everything, rule, sellers};
use journeys::running_stack::{RunningStack, WORK};
use journeys::until::{LONG, until};
use local::stack::StackOptions;
use serde_json::{Value, json};

/// What a metric says of one dimension, or of none.
#[derive(Debug, Default)]
struct Values {
    samples: u64,
    sum: f64,
    maximum: f64,
}

async fn reported(stack: &RunningStack, name: &str, reason: Option<&str>) -> anyhow::Result<Values> {
    let metrics = stack.nobody().get("/_local/metrics").await?.expect(200)?;
    let found = metrics["items"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|metric| metric["name"] == name && metric["dimensions"]["Reason"].as_str() == reason);
    let number = |value: &Value| value.as_f64().unwrap_or_default();
    Ok(found.map_or_else(Values::default, |metric| Values {
        samples: metric["samples"].as_u64().unwrap_or_default(),
        sum: number(&metric["sum"]),
        maximum: number(&metric["maximum"]),
    }))
}

/// How many of what a counter counts.
async fn count(stack: &RunningStack, name: &str, reason: Option<&str>) -> anyhow::Result<String> {
    Ok(format!("{:.0}", reported(stack, name, reason).await?.sum))
}

/// Waits until a counter has counted so many: lines are read as they come.
async fn counted(stack: &RunningStack, name: &str, reason: Option<&str>, times: &str) -> anyhow::Result<()> {
    until(&format!("{name} is {times}"), LONG, async || Ok(count(stack, name, reason).await? == times)).await
}

async fn leads(stack: &RunningStack, ids: std::ops::Range<u32>) -> anyhow::Result<()> {
    let leads: Vec<Value> = ids.map(|n| json!({"id": format!("L-{n}"), "fields": {}})).collect();
    stack.administrator().post("/v1/records/lead/batch", &json!({"records": leads})).await?.expect(200).map(drop)
}

#[test]
fn the_dashboard_shows_each_reason() -> anyhow::Result<()> {
    let template = std::fs::read_to_string(local::checkout().join("infra/template.yaml"))?;
    for reason in Reason::ALL.iter().map(|reason| reason.code()) {
        let shown = format!("- [Baton, Unassigned, Stack, !Ref AWS::StackName, Reason, {reason}, ");
        assert!(template.contains(&shown), "{reason}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn decisions_are_counted_by_outcome_and_reason() -> anyhow::Result<()> {
    // In one shard nobody takes a seller's last place while another batch is decided.
    let stack = RunningStack::with(StackOptions { shards: Some(1), ..StackOptions::default() }, None).await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    client.put("/v1/sellers/ana/capacity", &json!({"maximum": 3})).await?.expect(200)?;
    let mut everybody = rule("Everybody", &everything());
    everybody["distribution"]["respectCapacity"] = json!(true);
    client.post("/v1/segments/lead-default/rules", &everybody).await?.expect(201)?;
    leads(&stack, 0..5).await?;
    stack.settled(LONG).await?;
    counted(&stack, "Assigned", None, "3").await?;
    counted(&stack, "Unassigned", Some("noCapacity"), "2").await?;
    until("batches are timed", LONG, async || Ok(reported(&stack, "BatchLatency", None).await?.sum > 0.0)).await?;
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_too_long_is_told_by_each_sweep() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    stack.advance(1).await?;
    let told = async || reported(&stack, "OldestPending", None).await;
    until("a sweep is told", LONG, async || Ok(told().await?.samples >= 1)).await?;
    let before = told().await?;
    assert!(before.maximum < 0.5, "nothing waits: {before:?}");
    stack.pause_assignment().await?;
    leads(&stack, 0..1).await?;
    stack.advance(4).await?;
    until("four more sweeps are told", LONG, async || Ok(told().await?.samples >= before.samples + 4)).await?;
    // The lead came a moment after a sweep, and the last of them is four minutes after that one.
    let after = told().await?;
    assert!((150.0..330.0).contains(&after.maximum) && after.sum > 2.0 * after.maximum, "{after:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn conflicts_and_batches_that_are_given_back_are_counted() -> anyhow::Result<()> {
    let stack = RunningStack::with_proxy(3).await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    client.post("/v1/segments/lead-default/rules", &rule("Everybody", &everything())).await?.expect(201)?;
    // While a batch is decided, somebody is assigned a record by hand: the commit relies on a turn that has passed.
    let mut commit = stack.proxy().hold("assignment", "TransactWriteItems");
    leads(&stack, 0..1).await?;
    commit.reached().await?;
    client.post("/v1/records/lead", &json!({"id": "M-1", "fields": {}, "route": false})).await?.expect(201)?;
    for seller in ["ana", "ben"] {
        let owner = json!({"owner": {"kind": "seller", "id": seller}});
        client.post("/v1/records/lead/M-1/assign", &owner).await?.expect(200)?;
    }
    commit.open();
    stack.settled(LONG).await?;
    counted(&stack, "Conflicts", None, "1").await?;
    assert_eq!(count(&stack, "Retries", None).await?, "0");

    stack.proxy().inject(vec![Rule::new(Fault::Throttle, 1.0).caller("assignment")]);
    leads(&stack, 1..2).await?;
    until("a batch is given back", LONG, async || Ok(reported(&stack, "Retries", None).await?.sum >= 1.0)).await?;
    stack.proxy().calm();
    stack.settled(LONG).await?;
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn cap_09_what_drifted_is_counted_when_it_is_put_right() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    sellers(&stack.administrator(), &["ana"]).await?;
    let update = json!({
        "TableName": WORK, "Key": {"pk": {"S": "state#ana"}, "sk": {"S": "-"}}, "UpdateExpression": "ADD #held :by",
        "ExpressionAttributeNames": {"#held": "held:lead"}, "ExpressionAttributeValues": {":by": {"N": "2"}},
    });
    stack.dynamodb.call("UpdateItem", &update).await?;
    let done = stack.invoke("capacity-reset", &json!({"recount": "now"})).await?;
    assert_eq!(done["repaired"], 0, "one look proves nothing: {done}");
    stack.advance(3).await?;
    counted(&stack, "Drift", None, "1").await?;
    stack.shutdown().await
}
