//! Changes of a record before and after it was routed (DESIGN.md "The journey of a lead", step 1).

use journeys::organisation::{add_rule, change, record, rule, segment, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const LEAD: &str = "/v1/records/lead/L-1";

/// Two sellers, a segment of the records that have a city, and in it one rule for Bern: `city` is used, nothing else.
async fn organisation() -> anyhow::Result<RunningStack> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["miriam", "susana"]).await?;
    let with_city = json!({"all": [{"field": "city", "op": "hasValue"}]});
    let segment = segment(&client, "lead", "With a city", &with_city).await?;
    let bern = rule("Bern", &json!({"field": "city", "op": "equals", "value": "Bern"}));
    add_rule(&client, &segment, &bern).await?;
    Ok(stack)
}

async fn runs(stack: &RunningStack) -> anyhow::Result<Vec<Value>> {
    journeys::organisation::runs(&stack.administrator(), "lead", "L-1").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_while_the_creation_is_pending_is_routed_once_and_as_created() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    stack.pause_assignment().await?;
    let created = record(&client, "lead", json!({"id": "L-1", "fields": {"city": "Basel"}})).await?;
    assert_eq!(created["work"]["status"], "pending");
    let patched = change(&client, "lead", "L-1", &json!({"city": "Bern"})).await?;
    assert_eq!(patched["work"]["status"], "pending");
    stack.resume_assignment().await?;

    let lead = stack.processed(LEAD).await?;
    assert_eq!(lead["work"]["status"], "succeeded", "the rule for Bern holds: {lead}");
    let runs = runs(&stack).await?;
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(runs[0]["trigger"], "created");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_no_condition_uses_makes_no_run() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    record(&client, "lead", json!({"id": "L-1", "fields": {"city": "Bern"}})).await?;
    let before = stack.processed(LEAD).await?;
    let after = change(&client, "lead", "L-1", &json!({"phone": "+41 31 000 00 00"})).await?;
    assert_eq!(after["work"], before["work"], "nothing about the work has changed");
    assert_eq!(after["owner"], before["owner"]);
    assert_eq!(after["version"], json!(2));
    // A later record that is processed shows that nothing of L-1 is still on its way.
    record(&client, "lead", json!({"id": "L-2", "fields": {"city": "Bern"}})).await?;
    stack.processed("/v1/records/lead/L-2").await?;
    assert_eq!(runs(&stack).await?.len(), 1);
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_used_column_that_changes_later_makes_a_second_run() -> anyhow::Result<()> {
    // RULE-50: the segment stays, so the owner stays.
    let stack = organisation().await?;
    let client = stack.administrator();
    record(&client, "lead", json!({"id": "L-1", "fields": {"city": "Bern"}})).await?;
    let before = stack.processed(LEAD).await?;
    change(&client, "lead", "L-1", &json!({"city": "Basel"})).await?;
    let after = stack.processed(LEAD).await?;
    assert_eq!(after["owner"], before["owner"]);
    let runs = runs(&stack).await?;
    assert_eq!(runs.len(), 2);
    assert_eq!(runs[0]["trigger"], "updated");
    assert_eq!(runs[0]["assignment"]["status"], "notApplicable");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
