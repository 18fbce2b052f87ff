//! What people do with records: assign by hand, close, reopen (API.md "Records").

use journeys::client::{Client, shown};
use journeys::organisation::{close, give, record, round_robin, runs, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const LEAD: &str = "/v1/records/lead/L-1";

async fn consumed(client: &Client, seller: &str) -> anyhow::Result<Value> {
    Ok(shown(client.api.get_seller().id(seller).send().await?)["capacity"]["consumed"].clone())
}

async fn organisation() -> anyhow::Result<RunningStack> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["miriam", "susana"]).await?;
    round_robin(&client, "lead").await?;
    Ok(stack)
}

#[tokio::test(flavor = "multi_thread")]
async fn dist_03_cap_01_an_assignment_by_hand_moves_the_record_and_its_capacity() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    assert_eq!(stack.processed(LEAD).await?["owner"]["id"], "miriam", "never assigned: by seller id (DIST-05)");
    let assigned = give(&client, "lead", "L-1", "susana").await?;
    assert_eq!(assigned["owner"], json!({"kind": "seller", "id": "susana"}));
    assert_eq!((consumed(&client, "miriam").await?, consumed(&client, "susana").await?), (json!(0), json!(1)));
    let runs = runs(&client, "lead", "L-1").await?;
    assert_eq!(runs[0]["trigger"], "manual");
    assert_eq!(runs[0]["assignment"]["previousOwner"]["id"], "miriam");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn elig_05_who_is_switched_off_or_not_eligible_can_still_be_given_a_record_by_hand() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    client.put("/v1/settings", &json!({"eligibleRoles": ["sales-manager"]})).await?.expect(200)?;
    client.put("/v1/sellers/miriam/assign-records", &json!({"on": false})).await?.expect(200)?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    assert_eq!(stack.processed(LEAD).await?["owner"], Value::Null, "no rule gives it to anybody");
    for seller in ["miriam", "susana"] {
        assert_eq!(give(&client, "lead", "L-1", seller).await?["owner"]["id"], seller);
    }
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_by_hand_wins_over_the_run_that_is_pending() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    stack.pause_assignment().await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    give(&client, "lead", "L-1", "susana").await?;
    stack.resume_assignment().await?;
    let lead = stack.processed(LEAD).await?;
    assert_eq!(lead["owner"], json!({"kind": "seller", "id": "susana"}));
    assert_eq!(lead["segmentId"], "lead-default", "the pending run still segments");
    let runs = runs(&client, "lead", "L-1").await?;
    assert_eq!(runs[0]["segmentation"]["status"], "succeeded");
    assert_eq!(runs[0]["assignment"]["status"], "notApplicable");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn cap_04_seg_60_a_closed_record_frees_its_seller_and_a_reopened_one_is_routed_again() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    stack.processed(LEAD).await?;
    let closed = close(&client, "lead", "L-1", "qualified").await?;
    assert_eq!((&closed["state"], &closed["work"]["status"]), (&json!("inactive"), &json!("none")));
    assert_eq!(consumed(&client, "miriam").await?, 0);
    assert!(close(&client, "lead", "L-1", "won").await.is_err(), "a lead is not won");
    client.api.reopen_record().type_("lead").id("L-1").send().await?;
    let lead = stack.processed(LEAD).await?;
    assert_eq!((&lead["state"], &lead["work"]["status"]), (&json!("active"), &json!("succeeded")));
    let runs = runs(&client, "lead", "L-1").await?;
    assert_eq!(runs[0]["trigger"], "reopened");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_pending_record_ends_its_waiting() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    stack.pause_assignment().await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    let closed = close(&client, "lead", "L-1", "disqualified").await?;
    assert_eq!(closed["work"]["status"], "none");
    assert!(client.api.list_pending().type_("lead").send().await?.items.is_empty());
    stack.resume_assignment().await?;
    record(&client, "lead", json!({"id": "L-2", "fields": {}})).await?;
    stack.processed("/v1/records/lead/L-2").await?;
    let runs = runs(&client, "lead", "L-1").await?;
    assert_eq!(runs, Vec::<Value>::new(), "its stream record found nothing to do");
    let found = stack.settled(journeys::until::LONG).await?.recount(|key| usize::from(key == "lead#L-2"));
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
