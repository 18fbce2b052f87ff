//! A rulebook of a size that few organisations reach, and the leads that it is asked about.

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use journeys::client::Client;
use journeys::organisation::{everything, rule, sellers};
use journeys::running_stack::{RECORDS, RunningStack};
use serde_json::{Value, json};

/// How many segments leads have.
pub(crate) const SEGMENTS: usize = 250;
/// How many rules each of them has.
const RULES: usize = 4;

/// Makes sellers, segments and rules.
pub(crate) async fn create(client: &Client) -> anyhow::Result<()> {
    let names: Vec<String> = (0..50).map(|n| format!("s{n}")).collect();
    sellers(client, &names.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} segments").expect("known parts");
    let bar = ProgressBar::new(SEGMENTS as u64).with_style(style);
    for n in 0..SEGMENTS {
        segment(client, n).await?;
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

async fn segment(client: &Client, n: usize) -> anyhow::Result<()> {
    let here = json!({"field": "city", "op": "equals", "value": format!("city {n}")});
    let large = json!({"field": "employees", "op": "greaterThan", "value": n});
    let body = json!({"name": format!("City {n}"), "recordType": "lead", "condition": {"all": [here, large]}});
    let created = client.post("/v1/segments", &body).await?.expect(201)?;
    let id = created["id"].as_str().context("a segment has an id")?;
    for n in 0..RULES {
        let condition =
            if n + 1 == RULES { everything() } else { json!({"field": "employees", "op": "lessThan", "value": n}) };
        client.post(&format!("/v1/segments/{id}/rules"), &rule(&format!("Rule {n}"), &condition)).await?.expect(201)?;
    }
    client.post(&format!("/v1/segments/{id}/activate"), &json!({})).await?.expect(200)?;
    Ok(())
}

/// A new lead of the last segment, and the event that tells of it.
pub(crate) async fn lead(stack: &RunningStack, n: usize) -> anyhow::Result<String> {
    let fields = json!({"city": format!("city {}", SEGMENTS - 1), "employees": 1_000});
    let client = stack.administrator();
    client.post("/v1/records/lead", &json!({"id": format!("L-{n}"), "fields": fields})).await?.expect(201)?;
    let image = item(stack, n).await?;
    let dynamodb = json!({
        "Keys": {"pk": image["pk"]}, "NewImage": image, "SequenceNumber": format!("{:021}", n + 1), "SizeBytes": 1,
        "StreamViewType": "NEW_AND_OLD_IMAGES", "ApproximateCreationDateTime": 1_772_445_600,
    });
    let record = json!({
        "eventID": n.to_string(), "eventName": "INSERT", "eventSource": "aws:dynamodb", "eventVersion": "1.1",
        "awsRegion": "us-east-1", "dynamodb": dynamodb,
    });
    Ok(json!({"Records": [record]}).to_string())
}

/// Whether the lead has an owner.
pub(crate) async fn is_assigned(stack: &RunningStack, n: usize) -> anyhow::Result<bool> {
    Ok(item(stack, n).await?.get("owner").is_some())
}

async fn item(stack: &RunningStack, n: usize) -> anyhow::Result<Value> {
    let key = json!({"TableName": RECORDS, "Key": {"pk": {"S": format!("lead#L-{n}")}}, "ConsistentRead": true});
    let answer = stack.dynamodb.call("GetItem", &key).await?;
    answer.get("Item").cloned().context("the lead is stored")
}
