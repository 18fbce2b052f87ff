//! What would have been sent: the effects that decisions left in the work table, read straight from the engine.

use anyhow::{Context, Result};
use serde_json::{Map, Value, json};

/// The effects as they lie in the table (attribute values in DynamoDB's own JSON), in no particular order.
pub async fn effects(client: &reqwest::Client, endpoint: &str, work_table: &str) -> Result<Vec<Value>> {
    let mut effects = Vec::new();
    let mut start = None;
    loop {
        let mut scan = json!({
            "TableName": work_table,
            "FilterExpression": "begins_with(pk, :effect)",
            "ExpressionAttributeValues": { ":effect": { "S": "effect#" } },
        });
        if let Some(key) = start {
            scan["ExclusiveStartKey"] = key;
        }
        let request = client
            .post(endpoint)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.Scan")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .header("x-amz-date", "20260101T000000Z")
            .body(scan.to_string());
        let response = request.send().await.and_then(reqwest::Response::error_for_status);
        let mut page: Map<String, Value> = response
            .context("the engine does not answer")?
            .json()
            .await
            .context("the engine's answer cannot be read")?;
        if let Some(Value::Array(items)) = page.remove("Items") {
            effects.extend(items);
        }
        start = page.remove("LastEvaluatedKey");
        if start.is_none() {
            return Ok(effects);
        }
    }
}
