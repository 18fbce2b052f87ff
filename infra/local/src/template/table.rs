//! A table of the template as the request that makes it.

use anyhow::{Result, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Table;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct TableProperties {
    #[serde(rename = "TableName")]
    _table_name: Option<String>,
    billing_mode: String,
    attribute_definitions: Value,
    key_schema: Value,
    global_secondary_indexes: Option<Value>,
    stream_specification: Option<StreamSpecification>,
    time_to_live_specification: Option<TimeToLive>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct StreamSpecification {
    stream_view_type: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct TimeToLive {
    attribute_name: String,
    enabled: bool,
}

pub(super) fn table(logical_id: &str, name: &str, properties: TableProperties) -> Result<Table> {
    ensure!(properties.billing_mode == "PAY_PER_REQUEST", "BillingMode: only PAY_PER_REQUEST is understood locally");
    let mut create_table = json!({
        "TableName": name,
        "BillingMode": properties.billing_mode,
        "AttributeDefinitions": properties.attribute_definitions,
        "KeySchema": properties.key_schema,
    });
    if let Some(indexes) = properties.global_secondary_indexes {
        create_table["GlobalSecondaryIndexes"] = indexes;
    }
    if let Some(stream) = &properties.stream_specification {
        create_table["StreamSpecification"] = json!({"StreamEnabled": true, "StreamViewType": stream.stream_view_type});
    }
    Ok(Table {
        logical_id: logical_id.to_owned(),
        name: name.to_owned(),
        create_table,
        time_to_live: properties.time_to_live_specification.filter(|ttl| ttl.enabled).map(|ttl| ttl.attribute_name),
        stream: properties.stream_specification.is_some(),
    })
}
