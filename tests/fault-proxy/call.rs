//! One request of DynamoDB's JSON protocol, read as far as faults and figures need it.

use serde_json::{Map, Value};

use crate::fault_proxy::partiql;

/// Attributes by name, each in DynamoDB's typed form.
pub(crate) type Attributes = Map<String, Value>;

/// A request that was understood.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    /// Such as `TransactWriteItems`.
    pub(crate) operation: String,
    /// The access key id that signs the request; empty when there is none.
    pub(crate) caller: String,
    /// The body.
    pub(crate) body: Value,
}

/// One item that a request writes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Write {
    pub(crate) table: String,
    /// The whole item of a put, or the key of an update or delete.
    pub(crate) attributes: Attributes,
    /// Whether `attributes` is the whole item.
    pub(crate) whole: bool,
}

/// The access key id in a Signature Version 4 `Authorization` header; empty when there is none.
pub(crate) fn access_key(authorization: &str) -> String {
    let credential = authorization.split("Credential=").nth(1).unwrap_or_default();
    credential.split('/').next().unwrap_or_default().to_owned()
}

impl Call {
    /// Whether it reads or writes items, as opposed to describing tables.
    pub(crate) fn is_data(&self) -> bool {
        self.is_write()
            || matches!(self.operation.as_str(), "GetItem" | "BatchGetItem" | "TransactGetItems" | "Query" | "Scan")
    }

    /// Whether it writes items.
    pub(crate) fn is_write(&self) -> bool {
        match self.operation.as_str() {
            "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems" => true,
            "ExecuteStatement" => partiql::is_write(self.text("Statement")),
            "BatchExecuteStatement" | "ExecuteTransaction" => {
                self.statements().iter().any(|s| partiql::is_write(statement_text(s)))
            }
            _ => false,
        }
    }

    pub(crate) fn is_transaction(&self) -> bool {
        matches!(self.operation.as_str(), "TransactWriteItems" | "TransactGetItems" | "ExecuteTransaction")
    }

    pub(crate) fn is_consistent(&self) -> bool {
        self.body["ConsistentRead"] == Value::Bool(true)
    }

    /// The index a Query reads.
    pub(crate) fn index(&self) -> Option<&str> {
        self.body["IndexName"].as_str()
    }

    fn text(&self, member: &str) -> &str {
        self.body[member].as_str().unwrap_or_default()
    }

    fn statements(&self) -> &[Value] {
        let member = if self.operation == "ExecuteTransaction" { "TransactStatements" } else { "Statements" };
        self.body[member].as_array().map_or(&[], Vec::as_slice)
    }

    /// The actions of a transaction; of anything else none.
    pub(crate) fn actions(&self) -> &[Value] {
        match self.operation.as_str() {
            "ExecuteTransaction" => self.statements(),
            _ => self.body["TransactItems"].as_array().map_or(&[], Vec::as_slice),
        }
    }

    /// How many entries a batch has; 0 for what is no batch.
    pub(crate) fn batch_length(&self) -> usize {
        let requested = || self.body["RequestItems"].as_object().into_iter().flat_map(Map::values);
        match self.operation.as_str() {
            "BatchWriteItem" => requested().filter_map(Value::as_array).map(Vec::len).sum(),
            "BatchGetItem" => requested().filter_map(|entry| entry["Keys"].as_array()).map(Vec::len).sum(),
            "BatchExecuteStatement" => self.statements().len(),
            _ => 0,
        }
    }

    /// The tables it touches, each once.
    pub(crate) fn tables(&self) -> Vec<String> {
        let mut tables: Vec<String> = match self.operation.as_str() {
            "BatchGetItem" | "BatchWriteItem" => {
                self.body["RequestItems"].as_object().map(|o| o.keys().cloned().collect()).unwrap_or_default()
            }
            "TransactGetItems" | "TransactWriteItems" => self
                .actions()
                .iter()
                .filter_map(|action| action.as_object()?.values().next()?["TableName"].as_str())
                .map(str::to_owned)
                .collect(),
            "ExecuteStatement" => partiql::table(self.text("Statement")).into_iter().collect(),
            "BatchExecuteStatement" | "ExecuteTransaction" => {
                self.statements().iter().filter_map(|s| partiql::table(statement_text(s))).collect()
            }
            _ => vec![self.text("TableName").to_owned()],
        };
        tables.sort_unstable();
        tables.dedup();
        tables
    }

    /// The texts in the keys that it names: of items that it reads, writes or checks, and in the condition of a Query.
    pub(crate) fn keys(&self) -> Vec<String> {
        let read = match self.operation.as_str() {
            "GetItem" => vec![&self.body["Key"]],
            "BatchGetItem" => {
                let tables = self.body["RequestItems"].as_object().into_iter().flat_map(Map::values);
                tables.flat_map(|entry| entry["Keys"].as_array().into_iter().flatten()).collect()
            }
            "TransactGetItems" => self.actions().iter().map(|action| &action["Get"]["Key"]).collect(),
            "TransactWriteItems" => self.actions().iter().map(|action| &action["ConditionCheck"]["Key"]).collect(),
            _ => Vec::new(),
        };
        let named = read.into_iter().filter_map(Value::as_object).flat_map(key_texts);
        let written = self.writes();
        let written = written.iter().flat_map(|write| key_texts(&write.attributes));
        let sought = self.body["ExpressionAttributeValues"].as_object().filter(|_| self.operation == "Query");
        let sought =
            sought.into_iter().flat_map(Map::values).filter_map(|value| value["S"].as_str().map(str::to_owned));
        named.chain(written).chain(sought).collect()
    }

    /// The action that a policy must allow, and the resource it is about: of a transaction those of the first part, or of
    /// the first one whose key has this text in it.
    pub(crate) fn action(&self, key: Option<&str>) -> (String, String) {
        let meant = |part: &Value| key.is_none_or(|text| part.to_string().contains(text));
        let place = self.actions().iter().position(meant).unwrap_or_default();
        self.rights().into_iter().nth(place).unwrap_or_default()
    }

    /// The actions that a policy must allow, each with the resource it is about: of a transaction one for each part, in
    /// order, of anything else one for each table.
    pub(crate) fn rights(&self) -> Vec<(String, String)> {
        let right = |action: &str, table: &str| {
            let index = self.index().map(|index| format!("/index/{index}")).unwrap_or_default();
            (format!("dynamodb:{action}"), format!("table/{table}{index}"))
        };
        match self.operation.as_str() {
            "TransactWriteItems" | "TransactGetItems" => {
                let parts = self.actions().iter().filter_map(|part| part.as_object()?.iter().next());
                let table = |part: &Value| part["TableName"].as_str().unwrap_or_default().to_owned();
                parts.map(|(kind, part)| right(&format!("{kind}Item"), &table(part))).collect()
            }
            "ExecuteStatement" | "BatchExecuteStatement" | "ExecuteTransaction" => {
                let action = if self.is_write() { "PartiQLInsert" } else { "PartiQLSelect" };
                self.tables().iter().map(|table| right(action, table)).collect()
            }
            operation => self.tables().iter().map(|table| right(operation, table)).collect(),
        }
    }

    /// The items it writes, in order.
    pub(crate) fn writes(&self) -> Vec<Write> {
        let single = |member: &str, whole: bool| {
            write(self.text("TableName"), &self.body[member], whole).into_iter().collect::<Vec<_>>()
        };
        match self.operation.as_str() {
            "PutItem" => single("Item", true),
            "UpdateItem" | "DeleteItem" => single("Key", false),
            "BatchWriteItem" => {
                let tables = self.body["RequestItems"].as_object().into_iter().flatten();
                tables
                    .flat_map(|(table, entries)| entries.as_array().into_iter().flatten().map(move |e| (table, e)))
                    .filter_map(|(table, entry)| {
                        write(table, &entry["PutRequest"]["Item"], true)
                            .or_else(|| write(table, &entry["DeleteRequest"]["Key"], false))
                    })
                    .collect()
            }
            "TransactWriteItems" => self
                .actions()
                .iter()
                .filter_map(|action| {
                    let (kind, action) = action.as_object()?.iter().next()?;
                    let table = action["TableName"].as_str()?;
                    match kind.as_str() {
                        "Put" => write(table, &action["Item"], true),
                        "Update" | "Delete" => write(table, &action["Key"], false),
                        _ => None,
                    }
                })
                .collect(),
            "ExecuteStatement" => statement_write(&self.body).into_iter().collect(),
            "BatchExecuteStatement" | "ExecuteTransaction" => {
                self.statements().iter().filter_map(statement_write).collect()
            }
            _ => Vec::new(),
        }
    }
}

/// The texts in key attributes, which in Baton's tables are called so.
fn key_texts(attributes: &Attributes) -> impl Iterator<Item = String> {
    ["pk", "sk"].into_iter().filter_map(|name| attributes.get(name)?["S"].as_str().map(str::to_owned))
}

fn write(table: &str, attributes: &Value, whole: bool) -> Option<Write> {
    Some(Write { table: table.to_owned(), attributes: attributes.as_object()?.clone(), whole })
}

fn statement_text(statement: &Value) -> &str {
    statement["Statement"].as_str().unwrap_or_default()
}

/// What an `INSERT` writes. Baton's store uses no other `PartiQL`; of an `UPDATE` or `DELETE` the key is not read.
fn statement_write(statement: &Value) -> Option<Write> {
    let text = statement_text(statement);
    let parameters = statement["Parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let attributes = partiql::inserted(text, parameters)?;
    Some(Write { table: partiql::table(text)?, attributes, whole: true })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn call(operation: &str, body: Value) -> Call {
        Call { operation: operation.to_owned(), caller: String::new(), body }
    }

    #[test]
    fn the_access_key_names_the_caller() {
        let header = "AWS4-HMAC-SHA256 Credential=assignment/20260101/eu-central-1/dynamodb/aws4_request, Signature=0";
        assert_eq!(access_key(header), "assignment");
        assert_eq!(access_key("Bearer x"), "");
    }

    #[test]
    fn a_transaction_names_what_it_writes_but_not_what_it_checks() {
        let key = json!({"pk": {"S": "lead#1"}});
        let call = call(
            "TransactWriteItems",
            json!({"TransactItems": [
                {"Update": {"TableName": "records", "Key": key}},
                {"ConditionCheck": {"TableName": "work", "Key": key}},
                {"Put": {"TableName": "work", "Item": key}},
            ]}),
        );
        let writes = call.writes();
        assert_eq!(writes.len(), 2);
        assert!(!writes[0].whole && writes[1].whole);
        assert_eq!(call.tables(), ["records", "work"]);
    }

    #[test]
    fn batches_and_statements_name_what_they_write() {
        let item = json!({"pk": {"S": "lead#1"}});
        let batch = call("BatchWriteItem", json!({"RequestItems": {"records": [{"PutRequest": {"Item": item}}]}}));
        assert_eq!(batch.writes().len(), 1);
        assert_eq!(batch.batch_length(), 1);
        let statements = call(
            "BatchExecuteStatement",
            json!({"Statements": [
                {"Statement": "INSERT INTO \"records\" VALUE {'pk': ?}", "Parameters": [{"S": "lead#1"}]}
            ]}),
        );
        assert!(statements.is_write());
        assert_eq!(statements.writes()[0].attributes, *item.as_object().unwrap());
        assert_eq!(statements.tables(), ["records"]);
    }
}
