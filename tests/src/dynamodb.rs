//! Plain calls of DynamoDB's JSON protocol to the embedded engine, as any other AWS client could make them.
//!
//! This is no SDK: it signs with a dummy signature, which the embedded engine accepts, and does not retry.

use std::collections::HashMap;
use std::sync::Mutex;

use anyhow::{Context, bail};
use reqwest::header::HeaderMap;
use serde_json::{Map, Value, json};

/// Attributes by name, each in DynamoDB's typed form such as `{"S": "text"}`.
pub type Attributes = Map<String, Value>;

/// How many items one `BatchGetItem` may name.
const MAX_GET: usize = 100;

/// The key of a table and of its indexes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Schema {
    /// Names of the key attributes, partition key first.
    pub key: Vec<String>,
    /// Secondary indexes by name.
    pub indexes: HashMap<String, Index>,
}

/// The key of an index and what it shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Index {
    /// Names of the key attributes, partition key first.
    pub key: Vec<String>,
    /// Attributes that it shows beside all keys; `None` = all attributes.
    pub included: Option<Vec<String>>,
}

/// A client of one endpoint.
#[derive(Debug)]
pub struct DynamoDb {
    http: reqwest::Client,
    url: String,
    schemas: Mutex<HashMap<String, Schema>>,
}

impl DynamoDb {
    /// A client of the endpoint, such as `http://127.0.0.1:8000`.
    #[must_use]
    pub fn new(endpoint: &str) -> Self {
        let url = format!("{}/", endpoint.trim_end_matches('/'));
        Self { http: reqwest::Client::new(), url, schemas: Mutex::default() }
    }

    /// Sends a request as it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn send(&self, headers: HeaderMap, body: impl Into<reqwest::Body>) -> reqwest::Result<reqwest::Response> {
        self.http.post(&self.url).headers(headers).body(body).send().await
    }

    /// Calls an operation and returns the answer's body.
    ///
    /// # Errors
    /// When there is no answer or it is an error; the text then holds the error's type and message.
    pub async fn call(&self, operation: &str, body: &Value) -> anyhow::Result<Value> {
        let response = self
            .http
            .post(&self.url)
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", format!("DynamoDB_20120810.{operation}"))
            .header("x-amz-date", "20260101T000000Z")
            .header(
                "authorization",
                "AWS4-HMAC-SHA256 Credential=journeys/20260101/eu-central-1/dynamodb/aws4_request, \
                 SignedHeaders=host;x-amz-date;x-amz-target, Signature=0",
            )
            .body(body.to_string())
            .send()
            .await
            .with_context(|| format!("{operation} got no answer"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("the answer to {operation} broke off"))?;
        if !status.is_success() {
            bail!("{operation} was refused with {status}: {text}");
        }
        serde_json::from_str(&text).with_context(|| format!("the answer to {operation} is no JSON: {text}"))
    }

    /// Puts a whole item.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn put(&self, table: &str, item: &Value) -> anyhow::Result<()> {
        self.call("PutItem", &json!({"TableName": table, "Item": item})).await.map(drop)
    }

    /// Reads one item, consistently.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn item(&self, table: &str, key: &Value) -> anyhow::Result<Option<Attributes>> {
        let body = json!({"TableName": table, "Key": key, "ConsistentRead": true});
        let answer = self.call("GetItem", &body).await?;
        Ok(answer["Item"].as_object().cloned())
    }

    /// Reads items by key, consistently; absent ones are left out.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn items(&self, table: &str, keys: &[Attributes]) -> anyhow::Result<Vec<Attributes>> {
        let mut items = Vec::new();
        for chunk in keys.chunks(MAX_GET) {
            let mut wanted = json!({table: {"Keys": chunk, "ConsistentRead": true}});
            while wanted.as_object().is_some_and(|tables| !tables.is_empty()) {
                let mut answer = self.call("BatchGetItem", &json!({"RequestItems": wanted})).await?;
                items.extend(objects(&mut answer["Responses"][table]));
                wanted = answer["UnprocessedKeys"].take();
            }
        }
        Ok(items)
    }

    /// Every item of a table, consistently read page by page. A table that is written meanwhile is not seen at one
    /// instant.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn scan(&self, table: &str) -> anyhow::Result<Vec<Attributes>> {
        let mut items = Vec::new();
        let mut body = json!({"TableName": table, "ConsistentRead": true});
        loop {
            let mut page = self.call("Scan", &body).await?;
            items.extend(objects(&mut page["Items"]));
            match page["LastEvaluatedKey"].take() {
                Value::Null => return Ok(items),
                position => body["ExclusiveStartKey"] = position,
            }
        }
    }

    /// The keys of a table and of its indexes, read once.
    ///
    /// # Errors
    /// As [`Self::call`].
    pub async fn schema(&self, table: &str) -> anyhow::Result<Schema> {
        let known = self.schemas.lock().expect("nothing panics while it is held").get(table).cloned();
        if let Some(schema) = known {
            return Ok(schema);
        }
        let answer = self.call("DescribeTable", &json!({"TableName": table})).await?;
        let schema = schema(&answer["Table"]);
        self.schemas.lock().expect("nothing panics while it is held").insert(table.to_owned(), schema.clone());
        Ok(schema)
    }
}

fn objects(list: &mut Value) -> Vec<Attributes> {
    let values = list.as_array_mut().map(std::mem::take).unwrap_or_default();
    values.into_iter().filter_map(|value| if let Value::Object(item) = value { Some(item) } else { None }).collect()
}

fn schema(table: &Value) -> Schema {
    let key = |of: &Value| texts(&of["KeySchema"], |part| &part["AttributeName"]);
    let indexes = table["GlobalSecondaryIndexes"].as_array().into_iter().flatten().filter_map(|index| {
        let projection = &index["Projection"];
        let included = match projection["ProjectionType"].as_str() {
            Some("ALL") => None,
            _ => Some(texts(&projection["NonKeyAttributes"], |name| name)),
        };
        Some((index["IndexName"].as_str()?.to_owned(), Index { key: key(index), included }))
    });
    Schema { key: key(table), indexes: indexes.collect() }
}

fn texts(list: &Value, text: impl Fn(&Value) -> &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|entry| text(entry).as_str().map(str::to_owned)).collect()
}

/// A typed value as plain JSON: numbers as numbers, sets as lists, binary as its base64 text.
#[must_use]
pub fn plain(value: &Value) -> Value {
    let Some((kind, content)) = value.as_object().and_then(|o| o.iter().next()) else { return Value::Null };
    let number = |text: &Value| text.as_str().and_then(|n| serde_json::from_str(n).ok()).unwrap_or(Value::Null);
    match kind.as_str() {
        "N" => number(content),
        "NS" => content.as_array().into_iter().flatten().map(number).collect(),
        "L" => content.as_array().into_iter().flatten().map(plain).collect(),
        "M" => content.as_object().map_or(Value::Null, plain_item),
        "NULL" => Value::Null,
        _ => content.clone(),
    }
}

/// A whole item as a plain JSON object.
#[must_use]
pub fn plain_item(item: &Attributes) -> Value {
    item.iter().map(|(name, value)| (name.clone(), plain(value))).collect()
}

/// Plain JSON as a typed value; the reverse of [`plain`] but for sets and binary.
#[must_use]
pub fn typed(value: &Value) -> Value {
    match value {
        Value::Null => json!({"NULL": true}),
        Value::Bool(flag) => json!({"BOOL": flag}),
        Value::Number(number) => json!({"N": number.to_string()}),
        Value::String(text) => json!({"S": text}),
        Value::Array(list) => json!({"L": list.iter().map(typed).collect::<Vec<_>>()}),
        Value::Object(_) => json!({"M": typed_item(value)}),
    }
}

/// A plain JSON object as a whole item.
#[must_use]
pub fn typed_item(value: &Value) -> Value {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.clone(), typed(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_survive_the_way_there_and_back() {
        let value = json!({"text": "a", "number": 1.5, "yes": true, "none": null, "list": [1, {"deep": "b"}]});
        assert_eq!(plain_item(typed_item(&value).as_object().unwrap()), value);
        assert_eq!(plain(&json!({"NS": ["1", "2"]})), json!([1, 2]));
    }

    #[test]
    fn a_schema_tells_keys_and_projections() {
        let schema = schema(&json!({
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "GlobalSecondaryIndexes": [{
                "IndexName": "pending",
                "KeySchema": [{"AttributeName": "pending"}, {"AttributeName": "pendingAt"}],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
        }));
        assert_eq!(schema.key, ["pk"]);
        let pending = Index { key: vec!["pending".to_owned(), "pendingAt".to_owned()], included: Some(Vec::new()) };
        assert_eq!(schema.indexes["pending"], pending);
    }
}
