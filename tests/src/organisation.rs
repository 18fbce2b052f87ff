//! Small organisations for journeys: sellers, segments, rules and records through the HTTP contract.

use ::client::types;
use serde_json::{Value, json};

use crate::client::{Client, shaped, shown};
use crate::until::{LONG, found};

/// Creates sellers whose ids are their names, all salespersons.
///
/// # Errors
/// When the contract refuses one.
pub async fn sellers(client: &Client, ids: &[&str]) -> anyhow::Result<()> {
    for id in ids {
        let seller = json!({
            "id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"],
        });
        client.api.create_seller().body(shaped::<types::SellerBody>(seller)?).send().await?;
    }
    Ok(())
}

/// The body of a rule that gives records meeting the condition to any seller in turn.
#[must_use]
pub fn rule(name: &str, condition: &Value) -> Value {
    json!({
        "name": name, "condition": condition,
        "target": {"kind": "sellers", "pick": "any"},
        "distribution": {"method": "roundRobin"},
    })
}

/// The body of a rule that gives records to these sellers in turn.
#[must_use]
pub fn rule_for(name: &str, condition: &Value, sellers: &[String]) -> Value {
    let mut rule = rule(name, condition);
    rule["target"] = json!({"kind": "sellers", "pick": "specific", "ids": sellers});
    rule
}

/// A condition that every record meets.
#[must_use]
pub fn everything() -> Value {
    json!({"all": []})
}

/// Adds a rule to a segment.
///
/// # Errors
/// When the contract refuses it.
pub async fn add_rule(client: &Client, segment: &str, rule: &Value) -> anyhow::Result<Value> {
    let body: types::AssignmentRuleBody = shaped(rule.clone())?;
    Ok(shown(client.api.create_rule().id(segment).body(body).send().await?))
}

/// Adds a rule for any seller to the default segment of a type.
///
/// # Errors
/// When the contract refuses it.
pub async fn round_robin(client: &Client, record_type: &str) -> anyhow::Result<Value> {
    add_rule(client, &format!("{record_type}-default"), &rule("Everyone in turn", &everything())).await
}

/// Creates a segment and activates it.
///
/// # Errors
/// When the contract refuses it.
pub async fn segment(client: &Client, record_type: &str, name: &str, condition: &Value) -> anyhow::Result<String> {
    let body = json!({"name": name, "recordType": record_type, "condition": condition});
    let created = client.api.create_segment().body(shaped::<types::SegmentBody>(body)?).send().await?;
    client.api.activate_segment().id(&created.id).send().await?;
    Ok(created.into_inner().id)
}

/// A segment of the leads of one campaign, with one rule; the rule's id.
///
/// # Errors
/// When the contract refuses either.
pub async fn campaign(client: &Client, name: &str, target: Value, distribution: Value) -> anyhow::Result<String> {
    let of_campaign = json!({"field": "campaign", "op": "equals", "value": name});
    let segment = segment(client, "lead", name, &of_campaign).await?;
    let rule = json!({"name": name, "condition": everything(), "target": target, "distribution": distribution});
    let rule = add_rule(client, &segment, &rule).await?;
    Ok(rule["id"].as_str().unwrap_or_default().to_owned())
}

/// Creates a record.
///
/// # Errors
/// When the contract refuses it.
pub async fn record(client: &Client, record_type: &str, body: Value) -> anyhow::Result<Value> {
    let body: types::RecordBody = shaped(body)?;
    Ok(shown(client.api.create_record().type_(record_type).body(body).send().await?))
}

/// The runs of a record, newest first.
///
/// # Errors
/// When the record can't be read.
pub async fn runs(client: &Client, record_type: &str, id: &str) -> anyhow::Result<Vec<Value>> {
    let runs = shown(client.api.list_runs().type_(record_type).id(id).send().await?);
    Ok(runs["items"].as_array().cloned().unwrap_or_default())
}

/// Gives a record to a seller by hand.
///
/// # Errors
/// When the contract refuses it.
pub async fn give(client: &Client, record_type: &str, id: &str, seller: &str) -> anyhow::Result<Value> {
    let body: types::AssignBody = shaped(json!({"owner": {"kind": "seller", "id": seller}}))?;
    Ok(shown(client.api.assign_record().type_(record_type).id(id).body(body).send().await?))
}

/// Ends a record.
///
/// # Errors
/// When the contract refuses it.
pub async fn close(client: &Client, record_type: &str, id: &str, outcome: &str) -> anyhow::Result<Value> {
    let body: types::CloseBody = shaped(json!({"outcome": outcome}))?;
    Ok(shown(client.api.close_record().type_(record_type).id(id).body(body).send().await?))
}

/// Changes columns of a record.
///
/// # Errors
/// When the contract refuses it.
pub async fn change(client: &Client, record_type: &str, id: &str, fields: &Value) -> anyhow::Result<Value> {
    let body: types::RecordPatch = shaped(json!({"fields": fields}))?;
    Ok(shown(client.api.change_record().type_(record_type).id(id).body(body).send().await?))
}

/// Has records that need attention decided once more, by id, by reason or by segment, and waits until it is done.
///
/// # Errors
/// When the contract refuses it, or it does not end.
pub async fn retried(client: &Client, record_type: &str, which: Value) -> anyhow::Result<Value> {
    let begun = client.post(&format!("/v1/monitor/{record_type}/retry"), &which).await?;
    let path = begun.header("location").to_owned();
    begun.expect(202)?;
    found("the retry ends", LONG, async || {
        let run = client.get(&path).await?.expect(200)?;
        Ok((run["status"] != "running").then_some(run))
    })
    .await
}
