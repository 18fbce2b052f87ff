//! Who may not read records is given none (SEC-47), from the very next record after a role was edited.

use journeys::organisation::{record, round_robin, runs, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const ROLE: &str = "/v1/roles/salesperson";

#[tokio::test(flavor = "multi_thread")]
async fn sec_47_mon_26_mon_61_who_may_not_read_records_is_given_none() -> anyhow::Result<()> {
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
    assert_eq!(run["trace"]["candidates"][0]["explanation"], "miriam has no role that may read the record.");
    let told = "The record came into segment \u{201c}Default segment\u{201d}. Rule \u{201c}Everyone in turn\u{201d} gave it to nobody: \
                record unassigned as seller doesn't have the necessary permissions.";
    assert_eq!(run["explanation"], told);
    // Nor is one by a person (MON-61).
    let miriam = json!({"kind": "seller", "id": "miriam"});
    for (path, body) in [
        ("/v1/records/lead/L-1/assign", json!({"owner": miriam})),
        ("/v1/monitor/lead/assign", json!({"owner": miriam, "recordIds": ["L-1"]})),
    ] {
        let refused = client.post(path, &body).await?;
        assert_eq!(
            (refused.status, &refused.body["type"]),
            (409, &json!("/problems/owner-lacks-permission")),
            "{path}"
        );
    }

    client.put(ROLE, &json!({"privileges": all})).await?.expect(200)?;
    record(&client, "lead", json!({"id": "L-2", "fields": {}})).await?;
    assert_eq!(stack.processed("/v1/records/lead/L-2").await?["owner"]["id"], "miriam");
    stack.shutdown().await
}
