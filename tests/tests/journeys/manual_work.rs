//! What people do with records: assign by hand, close, reopen (API.md "Records").

use journeys::client::Client;
use journeys::organisation::{round_robin, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const LEAD: &str = "/v1/records/lead/L-1";

async fn consumed(client: &Client, seller: &str) -> anyhow::Result<Value> {
    let seller = client.get(&format!("/v1/sellers/{seller}")).await?.expect(200)?;
    Ok(seller["capacity"]["consumed"].clone())
}

async fn organisation() -> anyhow::Result<RunningStack> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["miriam", "susana"]).await?;
    round_robin(&client, "lead").await?;
    Ok(stack)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_by_hand_moves_the_record_and_its_capacity() -> anyhow::Result<()> {
    // DIST-03, CAP-01
    let stack = organisation().await?;
    let client = stack.administrator();
    client.post("/v1/records/lead", &json!({"id": "L-1", "fields": {}})).await?.expect(201)?;
    assert_eq!(stack.processed(LEAD).await?["owner"]["id"], "miriam", "never assigned: by seller id (DIST-05)");
    let owner = json!({"owner": {"kind": "seller", "id": "susana"}});
    let assigned = client.post(&format!("{LEAD}/assign"), &owner).await?.expect(200)?;
    assert_eq!(assigned["owner"], owner["owner"]);
    assert_eq!((consumed(&client, "miriam").await?, consumed(&client, "susana").await?), (json!(0), json!(1)));
    let runs = client.get(&format!("{LEAD}/runs")).await?.expect(200)?;
    assert_eq!(runs["items"][0]["trigger"], "manual");
    assert_eq!(runs["items"][0]["assignment"]["previousOwner"]["id"], "miriam");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_assignment_by_hand_wins_over_the_run_that_is_pending() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    stack.pause_assignment().await?;
    client.post("/v1/records/lead", &json!({"id": "L-1", "fields": {}})).await?.expect(201)?;
    let owner = json!({"owner": {"kind": "seller", "id": "susana"}});
    client.post(&format!("{LEAD}/assign"), &owner).await?.expect(200)?;
    stack.resume_assignment().await?;
    let record = stack.processed(LEAD).await?;
    assert_eq!(record["owner"], owner["owner"]);
    assert_eq!(record["segmentId"], "lead-default", "the pending run still segments");
    let runs = client.get(&format!("{LEAD}/runs")).await?.expect(200)?;
    assert_eq!(runs["items"][0]["segmentation"]["status"], "succeeded");
    assert_eq!(runs["items"][0]["assignment"]["status"], "notApplicable");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_record_frees_its_seller_and_a_reopened_one_is_routed_again() -> anyhow::Result<()> {
    // CAP-04, SEG-60
    let stack = organisation().await?;
    let client = stack.administrator();
    client.post("/v1/records/lead", &json!({"id": "L-1", "fields": {}})).await?.expect(201)?;
    stack.processed(LEAD).await?;
    let closed = client.post(&format!("{LEAD}/close"), &json!({"outcome": "qualified"})).await?.expect(200)?;
    assert_eq!((&closed["state"], &closed["work"]["status"]), (&json!("inactive"), &json!("none")));
    assert_eq!(consumed(&client, "miriam").await?, 0);
    let wrong = client.post(&format!("{LEAD}/close"), &json!({"outcome": "won"})).await?;
    assert!([409, 422].contains(&wrong.status), "a lead is not won: {wrong:?}");
    client.post(&format!("{LEAD}/reopen"), &json!({})).await?.expect(200)?;
    let record = stack.processed(LEAD).await?;
    assert_eq!((&record["state"], &record["work"]["status"]), (&json!("active"), &json!("succeeded")));
    let runs = client.get(&format!("{LEAD}/runs")).await?.expect(200)?;
    assert_eq!(runs["items"][0]["trigger"], "reopened");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_pending_record_ends_its_waiting() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    stack.pause_assignment().await?;
    client.post("/v1/records/lead", &json!({"id": "L-1", "fields": {}})).await?.expect(201)?;
    let closed = client.post(&format!("{LEAD}/close"), &json!({"outcome": "disqualified"})).await?.expect(200)?;
    assert_eq!(closed["work"]["status"], "none");
    let pending = client.get("/v1/monitor/lead/pending").await?.expect(200)?;
    assert_eq!(pending["items"], json!([]));
    stack.resume_assignment().await?;
    client.post("/v1/records/lead", &json!({"id": "L-2", "fields": {}})).await?.expect(201)?;
    stack.processed("/v1/records/lead/L-2").await?;
    let runs = client.get(&format!("{LEAD}/runs")).await?.expect(200)?;
    assert_eq!(runs["items"], json!([]), "its stream record found nothing to do");
    let found = stack.settled(journeys::until::LONG).await?.recount(|key| usize::from(key == "lead#L-2"));
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
