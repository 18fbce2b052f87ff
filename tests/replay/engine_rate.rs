//! What the engine itself can do, measured in the same run: the yardstick that makes records per second comparable
//! between machines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use journeys::dynamodb::DynamoDb;
use serde_json::{Value, json};

/// How long is measured.
const LENGTH: Duration = Duration::from_secs(2);
/// One writer, and as many as function processes write at once.
const WRITERS: [usize; 2] = [1, 4];
/// Table with a stream, as `records` has one, and table without.
const TABLES: [(&str, bool); 2] = [("replay-streamed", true), ("replay-plain", false)];

/// Transactions per second of three puts of about 600 bytes (one into a table with a stream, two into one without):
/// the best over the numbers of writers.
pub(crate) async fn measure(engine: &str) -> anyhow::Result<f64> {
    let dynamodb = Arc::new(DynamoDb::new(engine));
    for (table, streamed) in TABLES {
        dynamodb.call("CreateTable", &table_of(table, streamed)).await?;
    }
    let mut best: f64 = 0.0;
    for writers in WRITERS {
        best = best.max(rate(&dynamodb, writers).await?);
    }
    for (table, _) in TABLES {
        dynamodb.call("DeleteTable", &json!({"TableName": table})).await?;
    }
    Ok(best)
}

async fn rate(dynamodb: &Arc<DynamoDb>, writers: usize) -> anyhow::Result<f64> {
    let begun = Instant::now();
    let mut running = tokio::task::JoinSet::new();
    for writer in 0..writers {
        let dynamodb = Arc::clone(dynamodb);
        running.spawn(async move {
            let mut done = 0_u32;
            while begun.elapsed() < LENGTH {
                dynamodb.call("TransactWriteItems", &transaction(&format!("{writers}-{writer}-{done}"))).await?;
                done += 1;
            }
            anyhow::Ok(done)
        });
    }
    let mut done = 0;
    while let Some(writer) = running.join_next().await {
        done += writer??;
    }
    Ok(f64::from(done) / begun.elapsed().as_secs_f64())
}

fn table_of(name: &str, streamed: bool) -> Value {
    let mut table = json!({
        "TableName": name, "BillingMode": "PAY_PER_REQUEST",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    });
    if streamed {
        table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"});
    }
    table
}

fn transaction(id: &str) -> Value {
    let put = |table: &str, kind: &str| json!({"Put": {"TableName": table, "Item": {"pk": {"S": format!("{kind}#{id}")}, "text": {"S": "x".repeat(580)}}}});
    let ([(streamed, _), (plain, _)], kinds) = (TABLES, ["state", "runs"]);
    json!({"TransactItems": [put(streamed, "record"), put(plain, kinds[0]), put(plain, kinds[1])]})
}
