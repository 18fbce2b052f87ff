//! The records table as an interface: another AWS client puts an item, and Baton takes it up (API.md section 5).

use journeys::dynamodb::typed_item;
use journeys::organisation::{close, round_robin, runs, sellers};
use journeys::running_stack::{RECORDS, RunningStack};
use journeys::until::{LONG, until};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn an_item_of_another_client_is_adopted_as_created() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["susana"]).await?;
    round_robin(&client, "lead").await?;
    let item = json!({"pk": "lead#theirs", "type": "lead", "fields": {"city": "Bern"}, "theirs": "stays"});
    stack.dynamodb.put(RECORDS, &typed_item(&item)).await?;

    let record = stack.processed("/v1/records/lead/theirs").await?;
    assert_eq!(record["owner"], json!({"kind": "seller", "id": "susana"}));
    assert_eq!(record["work"]["status"], "succeeded");
    assert_eq!(record["fields"], json!({"city": "Bern"}));
    let runs = runs(&client, "lead", "theirs").await?;
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["trigger"], "created");
    let stored = stack.dynamodb.item(RECORDS, &json!({"pk": {"S": "lead#theirs"}})).await?.unwrap();
    assert_eq!(stored["theirs"], json!({"S": "stays"}), "what is not Baton's is left alone");
    let found = stack.recount(|_| 1).await?;
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_change_by_another_client_is_picked_up_when_it_asks_for_it() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["susana"]).await?;
    round_robin(&client, "lead").await?;
    let item = json!({"pk": "lead#theirs", "type": "lead", "fields": {"city": "Bern"}});
    stack.dynamodb.put(RECORDS, &typed_item(&item)).await?;
    stack.processed("/v1/records/lead/theirs").await?;

    let change = json!({
        "TableName": RECORDS, "Key": {"pk": {"S": "lead#theirs"}},
        "UpdateExpression": "SET #f.city = :city REMOVE revision",
        "ExpressionAttributeNames": {"#f": "fields"}, "ExpressionAttributeValues": {":city": {"S": "Basel"}},
    });
    stack.dynamodb.call("UpdateItem", &change).await?;
    until("the second run is there", LONG, async || Ok(runs(&client, "lead", "theirs").await?.len() == 2)).await?;
    let record = stack.processed("/v1/records/lead/theirs").await?;
    assert_eq!(record["fields"]["city"], "Basel");
    let found = stack.settled(LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "asked for again it counts once: {found:?}");

    // Closed, it is decided to be at rest: nobody gets it.
    close(&client, "lead", "theirs", "qualified").await?;
    stack.dynamodb.call("UpdateItem", &change).await?;
    until("the third run is there", LONG, async || Ok(runs(&client, "lead", "theirs").await?.len() == 3)).await?;
    let closed = client.get("/v1/records/lead/theirs").await?.expect(200)?;
    assert_eq!((&closed["state"], &closed["segmentId"]), (&json!("inactive"), &Value::Null));
    let run = &runs(&client, "lead", "theirs").await?[0];
    assert_eq!(
        (&run["segmentation"]["status"], &run["assignment"]["status"]),
        (&json!("notApplicable"), &json!("notApplicable"))
    );
    let found = stack.settled(LONG).await?.recount(|_| 3);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
