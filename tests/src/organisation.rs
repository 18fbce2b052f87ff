//! Small organisations for journeys: sellers, segments and rules through the HTTP contract.

use serde_json::{Value, json};

use crate::client::Client;

/// Creates sellers whose ids are their names, all salespersons.
///
/// # Errors
/// When the contract refuses one.
pub async fn sellers(client: &Client, ids: &[&str]) -> anyhow::Result<()> {
    for id in ids {
        let seller = json!({
            "id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"],
        });
        client.post("/v1/sellers", &seller).await?.expect(201)?;
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

/// Adds a rule for any seller to the default segment of a type.
///
/// # Errors
/// When the contract refuses it.
pub async fn round_robin(client: &Client, record_type: &str) -> anyhow::Result<Value> {
    let path = format!("/v1/segments/{record_type}-default/rules");
    client.post(&path, &rule("Everyone in turn", &everything())).await?.expect(201)
}

/// Creates a segment and activates it.
///
/// # Errors
/// When the contract refuses it.
pub async fn segment(client: &Client, record_type: &str, name: &str, condition: &Value) -> anyhow::Result<String> {
    let body = json!({"name": name, "recordType": record_type, "condition": condition});
    let created = client.post("/v1/segments", &body).await?.expect(201)?;
    let id = created["id"].as_str().unwrap_or_default().to_owned();
    client.post(&format!("/v1/segments/{id}/activate"), &json!({})).await?.expect(200)?;
    Ok(id)
}
