//! The engine behind the proxy: requests passed on as they are, and items read for the proxy's own use.

use std::collections::HashMap;

use hyper::HeaderMap;
use hyper::body::Bytes;

use crate::dynamodb::{DynamoDb, Schema};
use crate::fault_proxy::answer::Answer;
use crate::fault_proxy::call::{Attributes, Write};
use crate::fault_proxy::history::{Before, Name};

/// Headers that belong to one connection, or that the client sets anew.
const NOT_PASSED_ON: [&str; 5] = ["host", "connection", "content-length", "transfer-encoding", "keep-alive"];

/// The engine that requests are passed on to.
#[derive(Debug)]
pub(crate) struct Engine(DynamoDb);

impl Engine {
    pub(crate) fn new(endpoint: &str) -> Self {
        Self(DynamoDb::new(endpoint))
    }

    /// Passes a request on; `None` when the engine gives no answer.
    pub(crate) async fn forward(&self, headers: &HeaderMap, body: Bytes) -> Option<Answer> {
        let response = self.0.send(without_connection(headers), body).await.ok()?;
        let (status, headers) = (response.status(), without_connection(response.headers()));
        Some(Answer { status, headers, body: response.bytes().await.ok()? })
    }

    /// The keys of a table; empty for a table that does not exist.
    pub(crate) async fn schema(&self, table: &str) -> Schema {
        self.0.schema(table).await.unwrap_or_default()
    }

    /// The items that are about to be written, as they are now. What can't be read is left out.
    pub(crate) async fn before(&self, writes: &[Write]) -> HashMap<Name, Before> {
        let mut items: HashMap<Name, Before> = HashMap::new();
        let mut keys: HashMap<&str, Vec<Attributes>> = HashMap::new();
        for write in writes {
            let schema = self.schema(&write.table).await;
            let Some(name) = Name::new(&write.table, &schema.key, &write.attributes) else { continue };
            if items.insert(name, None).is_none() {
                let key = schema.key.iter().map(|name| (name.clone(), write.attributes[name].clone())).collect();
                keys.entry(&write.table).or_default().push(key);
            }
        }
        for (table, keys) in keys {
            let key_names = self.schema(table).await.key;
            match self.0.items(table, &keys).await {
                Ok(found) => items.extend(
                    found.into_iter().filter_map(|item| Some((Name::new(table, &key_names, &item)?, Some(item)))),
                ),
                Err(_) => items.retain(|name, _| name.table != table),
            }
        }
        items
    }
}

fn without_connection(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in NOT_PASSED_ON {
        headers.remove(name);
    }
    headers
}
