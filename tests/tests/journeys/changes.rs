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
async fn rule_50_a_used_column_that_changes_later_makes_a_second_run() -> anyhow::Result<()> {
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

#[tokio::test(flavor = "multi_thread")]
async fn seg_59_seg_60_ent_22_the_timeline_tells_of_each_membership_and_owner() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["miriam"]).await?;
    let mut segments = vec![];
    for (name, rating) in [("Hot", "Hot"), ("Cold", "Cold")] {
        let condition = json!({"all": [{"field": "rating", "op": "equals", "value": rating}]});
        let body = json!({"name": name, "recordType": "lead", "condition": condition, "movePreviouslySegmented": true});
        let made = client.post("/v1/segments", &body).await?.expect(201)?;
        let id = made["id"].as_str().unwrap_or_default().to_owned();
        client.post(&format!("/v1/segments/{id}/activate"), &json!({})).await?.expect(200)?;
        segments.push(id);
    }
    let (hot, cold) = (json!(segments[0]), json!(segments[1]));
    record(&client, "lead", json!({"id": "L-1", "fields": {"rating": "Hot"}})).await?;
    stack.processed(LEAD).await?;
    for rating in ["Cold", "Hot"] {
        change(&client, "lead", "L-1", &json!({"rating": rating})).await?;
        stack.processed(LEAD).await?;
    }
    journeys::organisation::give(&client, "lead", "L-1", "miriam").await?;
    journeys::organisation::close(&client, "lead", "L-1", "qualified").await?;
    client.post(&format!("{LEAD}/reopen"), &json!({})).await?.expect(200)?;
    stack.processed(LEAD).await?;

    let whole = client.get(&format!("{LEAD}/timeline")).await?.expect(200)?;
    let told: Vec<Value> = whole["items"].as_array().into_iter().flatten().cloned().collect();
    let said = |entry: &Value| {
        json!([entry["kind"], entry["trigger"], entry["previousSegmentId"], entry["segmentId"], entry["joined"]])
    };
    let expected = [
        json!(["routed", "reopened", null, hot, "created"]),
        json!(["reopened", null, null, null, null]),
        json!(["closed", null, hot, null, null]),
        json!(["assigned", "manual", hot, hot, null]),
        json!(["routed", "moved", cold, hot, "moved"]),
        json!(["routed", "moved", hot, cold, "moved"]),
        json!(["routed", "created", null, hot, "created"]),
        json!(["created", null, null, null, null]),
    ];
    assert_eq!(told.iter().map(said).collect::<Vec<_>>(), expected);
    assert_eq!(told[2]["statusReason"], "qualified");
    assert_eq!(told[3]["owner"], json!({"kind": "seller", "id": "miriam"}));
    assert!(told[7]["by"].is_string());

    // Page by page it is the same, and nothing stands twice.
    for limit in [1, 3] {
        let (mut paged, mut next) = (vec![], String::new());
        loop {
            let page = client.get(&format!("{LEAD}/timeline?limit={limit}{next}")).await?.expect(200)?;
            paged.extend(page["items"].as_array().into_iter().flatten().cloned());
            match page["next"].as_str() {
                Some(token) => next = format!("&next={token}"),
                None => break,
            }
        }
        assert_eq!(paged, told, "by {limit}");
    }

    // Another record of the same id begins anew, also when it is as old as the one before.
    client.delete(LEAD).await?.expect(204)?;
    let created_on = &told[7]["at"];
    record(&client, "lead", json!({"id": "L-1", "fields": {}, "createdOn": created_on})).await?;
    stack.processed(LEAD).await?;
    let anew = client.get(&format!("{LEAD}/timeline")).await?.expect(200)?;
    let kinds: Vec<&Value> = anew["items"].as_array().into_iter().flatten().map(|entry| &entry["kind"]).collect();
    assert_eq!(kinds, ["routed", "created"]);
    stack.shutdown().await
}
