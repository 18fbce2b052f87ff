//! Who may not read records is given none (SEC-47), from the very next record after a role was edited.

use journeys::organisation::{record, round_robin, runs, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const ROLE: &str = "/v1/roles/salesperson";

#[tokio::test(flavor = "multi_thread")]
async fn sec_47_mon_26_who_may_not_read_records_is_given_none() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["miriam", "susana"]).await?;
    round_robin(&client, "lead").await?;
    let role = client.get(ROLE).await?.expect(200)?;
    let all: Vec<Value> = role["privileges"].as_array().into_iter().flatten().cloned().collect();
    let reads = |grant: &Value| grant["entity"] == "record" && grant["privilege"] == "read";
    let without: Vec<&Value> = all.iter().filter(|grant| !reads(grant)).collect();
    assert_eq!(without.len() + 1, all.len(), "a salesperson may read records at first");

    client.put(ROLE, &json!({"privileges": without})).await?.expect(200)?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    let lead = stack.processed("/v1/records/lead/L-1").await?;
    assert_eq!((&lead["owner"], &lead["work"]["status"]), (&Value::Null, &json!("needsAttention")));
    let run = &runs(&client, "lead", "L-1").await?[0];
    assert_eq!(run["assignment"]["reason"], "sellerLacksPermission");
    let verdicts: Vec<&Value> =
        run["trace"]["candidates"].as_array().into_iter().flatten().map(|candidate| &candidate["verdict"]).collect();
    assert_eq!(verdicts, ["noPermission", "noPermission"]);

    client.put(ROLE, &json!({"privileges": all})).await?.expect(200)?;
    record(&client, "lead", json!({"id": "L-2", "fields": {}})).await?;
    assert_eq!(stack.processed("/v1/records/lead/L-2").await?["owner"]["id"], "miriam");
    stack.shutdown().await
}
