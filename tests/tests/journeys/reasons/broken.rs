//! Failures of ours: what is stored is damaged by another AWS client, or the engine fails.

use anyhow::{Context as _, ensure};
use journeys::client::Client;
use journeys::dynamodb::typed_item;
use journeys::fault_proxy::{Fault, Rule};
use journeys::organisation::{add_rule, everything, record, retried, rule_for, runs, segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use journeys::until::{LONG, until};
use serde_json::{Value, json};

use super::proof::{Reason, Row, shows, shows_no};
use super::show;

const SERVER: Reason = Reason { id: "MON-20", code: "serverError", text: "There was an issue with the server" };
const SEGMENT: Reason =
    Reason { id: "MON-40", code: "segmentError", text: "Something went wrong while the record was segmented" };

/// A column that clients add and another program takes away.
const COLUMN: &str = "grade";

/// Adds the column to a type.
async fn extended(client: &Client, record_type: &str) -> anyhow::Result<()> {
    let path = format!("/v1/record-types/{record_type}");
    let mut definition = client.get(&path).await?.expect(200)?;
    let column = json!({"name": COLUMN, "label": "Grade", "type": "text"});
    definition["columns"].as_array_mut().context("a type has columns")?.push(column);
    client.put(&path, &definition).await?.expect(200).map(drop)
}

/// Takes the column out of the stored definition of a type, as another AWS client would, and has functions load it again;
/// answers with the item as it was.
async fn damaged(stack: &RunningStack, record_type: &str) -> anyhow::Result<Value> {
    let key = json!({"pk": {"S": "org"}, "sk": {"S": format!("type#{record_type}")}});
    let before = stack.dynamodb.item(WORK, &key).await?.context("the type was changed, so it has an item")?;
    let mut definition: Value = serde_json::from_str(before["document"]["S"].as_str().unwrap_or_default())?;
    let columns = definition["columns"].as_array_mut().context("a type has columns")?;
    let count = columns.len();
    columns.retain(|column| column["name"] != COLUMN);
    ensure!(columns.len() + 1 == count, "the column was there");
    let mut item = before.clone();
    item.insert("document".to_owned(), json!({"S": definition.to_string()}));
    stored(stack, &Value::Object(item)).await?;
    Ok(Value::Object(before))
}

async fn stored(stack: &RunningStack, definition: &Value) -> anyhow::Result<()> {
    stack.dynamodb.put(WORK, definition).await?;
    let moved = json!({
        "TableName": WORK, "Key": {"pk": {"S": "org"}, "sk": {"S": "versions"}},
        "UpdateExpression": "ADD definitions :one", "ExpressionAttributeValues": {":one": {"N": "1"}},
    });
    stack.dynamodb.call("UpdateItem", &moved).await.map(drop)
}

/// Which condition names the column.
struct Damage {
    reason: Reason,
    record_type: &'static str,
    /// The type that loses the column.
    damaged: &'static str,
    /// The condition of the segment, that of the rule, and the matcher of its sellers.
    conditions: [Option<Value>; 3],
    situation: &'static str,
    /// What the details name.
    names: &'static str,
}

fn damages() -> [Damage; 3] {
    let graded = || Some(json!({"field": COLUMN, "op": "hasNoValue"}));
    [
        Damage {
            reason: SERVER,
            record_type: "opportunity",
            damaged: "opportunity",
            conditions: [None, graded(), None],
            situation: "the rule's condition names a column that the stored type has lost",
            names: "rule ",
        },
        Damage {
            reason: SERVER,
            record_type: "contact",
            damaged: "seller",
            conditions: [None, None, graded()],
            situation: "the matcher names a column that sellers have lost",
            names: "rule ",
        },
        Damage {
            reason: SEGMENT,
            record_type: "account",
            damaged: "account",
            conditions: [graded(), None, None],
            situation: "the segment's condition names a column that the stored type has lost",
            names: "segment ",
        },
    ]
}

async fn play(stack: &RunningStack, damage: Damage) -> anyhow::Result<Row> {
    let client = stack.administrator();
    let Damage { reason, record_type, situation, conditions: [of_segment, of_rule, matcher], .. } = damage;
    extended(&client, damage.damaged).await?;
    let segment = segment(&client, record_type, "Graded", &of_segment.unwrap_or_else(everything)).await?;
    let mut rule = rule_for("Graded", &of_rule.unwrap_or_else(everything), &["ana".to_owned()]);
    if let Some(matcher) = matcher {
        rule["target"] = json!({"kind": "sellers", "pick": "matching", "source": "fields", "match": matcher});
    }
    add_rule(&client, &segment, &rule).await?;

    let whole = damaged(stack, damage.damaged).await?;
    record(&client, record_type, json!({"id": "R-1", "fields": {}})).await?;
    let details = shows(stack, record_type, "R-1", reason).await?.unwrap_or_default();
    let told = format!(": the condition can no longer be read at '/field': {} has no column", damage.damaged);
    ensure!(details.starts_with(damage.names) && details.contains(&told), "{details}");
    stored(stack, &whole).await?;
    record(&client, record_type, json!({"id": "R-2", "fields": {}})).await?;
    let then = shows_no(stack, record_type, "R-2", reason).await?;
    ensure!(then == "ana", "{then}");
    retried(&client, record_type, json!({"reason": reason.code})).await?;
    ensure!(shows_no(stack, record_type, "R-1", reason).await? == "ana", "tried again");
    Ok(reason.row(situation, "it has it", "ana; so does the first one, tried again"))
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_20_mon_40_damaged_configuration_and_items_end_in_errors_that_go_with_the_damage() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    let mut rows = Vec::new();
    for damage in damages() {
        let situation = damage.situation;
        rows.push(play(&stack, damage).await.map_err(|error| error.context(situation))?);
    }

    add_rule(&client, "lead-default", &rule_for("All", &everything(), &["ana".to_owned()])).await?;
    let items = [("P-1", json!("no map")), ("P-2", json!({"topic": "a map"}))];
    for (id, fields) in items {
        let item = json!({"pk": format!("lead#{id}"), "type": "lead", "fields": fields});
        stack.dynamodb.put(RECORDS, &typed_item(&item)).await?;
    }
    let details = shows(&stack, "lead", "P-1", SERVER).await?;
    assert_eq!(details.as_deref(), Some("the record's attributes fields can't be understood"));
    assert_eq!(shows_no(&stack, "lead", "P-2", SERVER).await?, "ana");
    rows.push(SERVER.row("another program's item holds its columns as a text", "as a map", "ana"));

    show(&rows)?;
    let twice = |key: &str| if key.ends_with("#R-1") { 2 } else { 1 };
    let found = stack.settled(LONG).await?.recount(twice);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_20_a_record_is_given_up_when_the_engine_has_failed_too_long_and_not_before() -> anyhow::Result<()> {
    let stack = RunningStack::with_proxy(20).await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    add_rule(&client, "lead-default", &rule_for("All", &everything(), &["ana".to_owned()])).await?;
    // It comes as far as deciding, and can't commit.
    let failing = || vec![Rule::new(Fault::LostRequest, 1.0).on("TransactWriteItems").caller("assignment")];

    stack.proxy().inject(failing());
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    until("it is given up", LONG * 2, async || {
        stack.advance(5).await?;
        Ok(client.get("/v1/monitor/lead/records/L-1").await?.expect(200)?["status"] == "needsAttention")
    })
    .await?;
    let details = shows(&stack, "lead", "L-1", SERVER).await?;
    assert_eq!(details.as_deref(), Some("not processed in 3 attempts since the record was marked"));

    record(&client, "lead", json!({"id": "L-2", "fields": {}})).await?;
    stack.advance(7).await?;
    let waits = client.get("/v1/monitor/lead/records/L-2").await?.expect(200)?;
    assert_eq!((&waits["status"], &waits["run"]), (&json!("pending"), &Value::Null));
    stack.proxy().calm();
    // Whether the event source still tries it or has given it up: the next sweep brings it.
    stack.advance(6).await?;
    assert_eq!(shows_no(&stack, "lead", "L-2", SERVER).await?, "ana");
    assert_eq!(runs(&client, "lead", "L-2").await?.len(), 1);
    retried(&client, "lead", json!({"reason": SERVER.code})).await?;
    assert_eq!(shows_no(&stack, "lead", "L-1", SERVER).await?, "ana");
    show(&[SERVER.row(
        "what the engine decides can't be committed, three times over",
        "for seven minutes",
        "ana; so does the first one, tried again",
    )])?;
    let found = stack.settled(LONG).await?.recount(|key| if key == "lead#L-1" { 2 } else { 1 });
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
