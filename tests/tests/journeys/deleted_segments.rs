//! A segment is deleted: its members leave it, and who owns them stays.

use journeys::organisation::{add_rule, everything, rule, segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use journeys::until::{LONG, until};
use serde_json::{Value, json};

/// More than a page of them.
const MEMBERS: usize = 230;

#[tokio::test(flavor = "multi_thread")]
async fn seg_05_the_members_of_a_deleted_segment_leave_it_and_their_runs_keep_its_name() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    let bern = segment(&client, "lead", "Bern", &json!({"field": "city", "op": "equals", "value": "Bern"})).await?;
    add_rule(&client, &bern, &rule("Everyone in turn", &everything())).await?;
    let leads: Vec<Value> = (0..MEMBERS).map(|n| json!({"id": format!("L-{n}"), "fields": {"city": "Bern"}})).collect();
    client.post("/v1/records/lead/batch", &json!({ "records": leads })).await?.expect(200)?;
    stack.settled(LONG).await?;
    let members = async || {
        let stored = stack.dynamodb.scan(RECORDS).await?;
        anyhow::Ok(stored.iter().filter(|lead| lead.contains_key("segmentId") || lead.contains_key("member")).count())
    };
    assert_eq!(members().await?, MEMBERS);

    client.delete(&format!("/v1/segments/{bern}")).await?.expect(204)?;
    let lead = client.get("/v1/records/lead/L-7").await?.expect(200)?;
    assert_eq!((&lead["segmentId"], &lead["owner"]["id"]), (&Value::Null, &json!("ana")), "at once");
    until("all have left", LONG, async || Ok(members().await? == 0)).await?;
    let run = &client.get("/v1/records/lead/L-7/runs").await?.expect(200)?["items"][0];
    assert_eq!(run["segmentation"]["segmentName"], "Bern");
    let found = stack.settled(LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    // It is looked after until nobody can put a record into it any more, and then forgotten.
    let remembered = async || {
        let stored = stack.dynamodb.scan(WORK).await?;
        let stands_for = |item: &Value| item["S"].as_str().is_some_and(|sort| sort == format!("formerSegment#{bern}"));
        anyhow::Ok(stored.iter().any(|item| item.get("sk").is_some_and(stands_for)))
    };
    assert!(remembered().await?);
    stack.advance(3).await?;
    assert!(!remembered().await?);
    stack.shutdown().await
}
