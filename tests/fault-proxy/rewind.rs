//! Answers turned back to how things were some moments ago.
//!
//! What the engine answers now is corrected by the recent history of the items in question: an item written since is
//! shown as it was before, or not at all when it was not there yet. A Query also shows again what has left it since,
//! as long as its answer is one whole page without a filter; beyond that only what came too early is hidden.

use std::time::Instant;

use serde_json::{Value, json};

use crate::dynamodb::{Index, Schema};
use crate::fault_proxy::call::{Attributes, Call};
use crate::fault_proxy::history::{History, Name};
use crate::fault_proxy::key_condition::{self, KeyCondition};

/// A moment ago, as far as it is known.
pub(crate) struct Past<'a> {
    pub(crate) history: &'a History,
    pub(crate) instant: Instant,
}

impl Past<'_> {
    /// Turns the answer to a `GetItem` back.
    pub(crate) fn get_item(&self, call: &Call, schema: &Schema, answer: &mut Value) {
        let (Some(table), Some(key)) = (call.body["TableName"].as_str(), call.body["Key"].as_object()) else { return };
        let name = Name::new(table, &schema.key, key);
        let Some(before) = name.and_then(|name| self.history.as_of(&name, self.instant)) else { return };
        let Some(answer) = answer.as_object_mut() else { return };
        match before.as_ref().map(|item| projected(&call.body, item)) {
            None => drop(answer.remove("Item")),
            Some(Some(item)) => drop(answer.insert("Item".to_owned(), Value::Object(item))),
            // A path into an item: left as it is now.
            Some(None) => {}
        }
    }

    /// Turns the part of a `BatchGetItem`'s answer that concerns one table back, unless it was read consistently or only
    /// in part.
    pub(crate) fn batch_get_item(&self, call: &Call, table: &str, schema: &Schema, answer: &mut Value) {
        let request = &call.body["RequestItems"][table];
        if request["ConsistentRead"] == true || !request["ProjectionExpression"].is_null() {
            return;
        }
        let Some(items) = answer["Responses"][table].as_array_mut() else { return };
        for key in request["Keys"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            let Some(name) = Name::new(table, &schema.key, key) else { continue };
            let Some(before) = self.history.as_of(&name, self.instant) else { continue };
            items.retain(|item| self.name(table, schema, item).as_ref() != Some(&name));
            items.extend(before.clone().map(Value::Object));
        }
    }

    /// Turns the answer to a Query, of a table or of one of its indexes, back.
    pub(crate) fn query(&self, call: &Call, schema: &Schema, answer: &mut Value) {
        let Some(table) = call.body["TableName"].as_str() else { return };
        let index = call.index().map(|name| schema.indexes.get(name));
        let whole_page = ["ExclusiveStartKey", "FilterExpression", "ProjectionExpression"]
            .iter()
            .all(|member| call.body[member].is_null())
            && answer["LastEvaluatedKey"].is_null();
        let Some(items) = answer["Items"].as_array_mut() else { return };
        items.retain(|item| {
            let name = self.name(table, schema, item);
            name.is_none_or(|name| self.history.as_of(&name, self.instant).is_none())
        });
        if let (true, Some(condition)) = (whole_page, KeyCondition::of_query(&call.body)) {
            let key = match &index {
                None => &schema.key,
                Some(Some(index)) => &index.key,
                Some(None) => return,
            };
            let limit = call.body["Limit"].as_u64().and_then(|limit| usize::try_from(limit).ok());
            let left = self
                .history
                .changed_since(table, self.instant)
                .filter(|(_, item)| key.iter().all(|name| item.contains_key(name)) && condition.holds_for(item));
            for (_, item) in left {
                if limit.is_none_or(|limit| items.len() < limit) {
                    items.push(Value::Object(shown(item, schema, index.flatten())));
                }
            }
            if let Some(sort) = key.get(1) {
                items.sort_by(|a, b| key_condition::order(&a[sort], &b[sort]).unwrap_or(std::cmp::Ordering::Equal));
                if call.body["ScanIndexForward"] == false {
                    items.reverse();
                }
            }
        }
        let count = items.len();
        answer["Count"] = json!(count);
        answer["ScannedCount"] = json!(answer["ScannedCount"].as_u64().unwrap_or(0).max(count as u64));
    }

    #[expect(clippy::unused_self, reason = "reads as a part of the past")]
    fn name(&self, table: &str, schema: &Schema, item: &Value) -> Option<Name> {
        Name::new(table, &schema.key, item.as_object()?)
    }
}

/// What an index shows of an item; without an index the whole of it.
fn shown(item: &Attributes, schema: &Schema, index: Option<&Index>) -> Attributes {
    let Some(index) = index else { return item.clone() };
    let Some(included) = &index.included else { return item.clone() };
    let names = schema.key.iter().chain(&index.key).chain(included);
    names.filter_map(|name| Some((name.clone(), item.get(name)?.clone()))).collect()
}

/// What a `ProjectionExpression` of plain names shows; `None` when it holds a path.
fn projected(body: &Value, item: &Attributes) -> Option<Attributes> {
    let Some(expression) = body["ProjectionExpression"].as_str() else { return Some(item.clone()) };
    let mut shown = Attributes::new();
    for name in expression.split(',').map(str::trim) {
        if name.contains(['.', '[']) {
            return None;
        }
        let name = body["ExpressionAttributeNames"][name].as_str().unwrap_or(name);
        if let Some(value) = item.get(name) {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    Some(shown)
}
