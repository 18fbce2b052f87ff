//! What requests cost: counted by caller and operation, write units by kind of item, and when which item was written.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use serde_json::Value;

use crate::fault_proxy::call::{Call, Write};
use crate::fault_proxy::size;

/// One capacity unit of writing, in bytes.
const UNIT: usize = 1024;

/// Who does what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Operation {
    /// The access key id that signed: in the local stack the function's name.
    pub caller: String,
    /// Such as `TransactWriteItems`.
    pub name: String,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Charge {
    /// By whom and how.
    pub by: Operation,
    /// Into which table.
    pub table: String,
    /// The kind of item: its partition key up to the first `#`; or `index NAME`.
    pub kind: String,
}

/// An item that was written, and when the engine had answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// When.
    pub at: Instant,
    /// By whom and how.
    pub by: Operation,
    /// Into which table.
    pub table: String,
    /// The partition key as text.
    pub key: String,
}

/// Figures of all requests since the last [`Meter::start`].
#[derive(Debug, Clone, Default)]
pub struct Figures {
    /// Requests that the engine carried out.
    pub requests: BTreeMap<Operation, u64>,
    /// Write units as the engine counts them. The sum over the items of one table is as counted; among the items of one
    /// request it is split by the computed size of puts, and what remains goes to updates and deletes in equal parts.
    pub write_units: BTreeMap<Charge, f64>,
    /// Read units as the engine counts them.
    pub read_units: BTreeMap<Operation, f64>,
    /// Every item written, in order.
    pub written: Vec<Written>,
}

/// Counts what passes through the proxy while it runs.
#[derive(Debug, Default)]
pub struct Meter {
    running: AtomicBool,
    figures: Mutex<Figures>,
}

impl Meter {
    /// Begins to count, from nothing.
    pub fn start(&self) {
        *self.figures.lock().expect("nothing panics while it is held") = Figures::default();
        self.running.store(true, Ordering::Relaxed);
    }

    /// Stops counting and gives the figures.
    pub fn stop(&self) -> Figures {
        self.running.store(false, Ordering::Relaxed);
        std::mem::take(&mut self.figures.lock().expect("nothing panics while it is held"))
    }

    /// The figures so far.
    pub fn figures(&self) -> Figures {
        self.figures.lock().expect("nothing panics while it is held").clone()
    }

    pub(crate) fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    /// Counts a request that the engine carried out.
    pub(crate) fn count(&self, call: &Call, answer: &Value, at: Instant) {
        let by = Operation { caller: call.caller.clone(), name: call.operation.clone() };
        let writes = carried_out(call, answer);
        let mut figures = self.figures.lock().expect("nothing panics while it is held");
        *figures.requests.entry(by.clone()).or_default() += 1;
        for consumed in each(&answer["ConsumedCapacity"]) {
            let table = consumed["TableName"].as_str().unwrap_or_default();
            if !call.is_write() {
                *figures.read_units.entry(by.clone()).or_default() += units(consumed);
                continue;
            }
            let here: Vec<&Write> = writes.iter().filter(|write| write.table == table).collect();
            let factor = if call.is_transaction() { 2 } else { 1 };
            let charges = split(units(&consumed["Table"]), factor, &here);
            let indexes = consumed["GlobalSecondaryIndexes"].as_object().into_iter().flatten();
            let indexes = indexes.map(|(name, index)| (format!("index {name}"), units(index)));
            for (kind, units) in charges.into_iter().chain(indexes) {
                let charge = Charge { by: by.clone(), table: table.to_owned(), kind };
                *figures.write_units.entry(charge).or_default() += units;
            }
        }
        figures.written.extend(writes.into_iter().map(|write| {
            let key = partition(&write).to_owned();
            Written { at, by: by.clone(), table: write.table, key }
        }));
    }
}

/// The writes of a request without the statements that failed or came back unprocessed.
fn carried_out(call: &Call, answer: &Value) -> Vec<Write> {
    let writes = call.writes();
    match (call.operation.as_str(), answer["Responses"].as_array()) {
        // The i-th answer belongs to the i-th statement, and a batch of inserts has one write for each.
        ("BatchExecuteStatement", Some(answers)) if answers.len() == writes.len() => {
            writes.into_iter().zip(answers).filter(|(_, answer)| answer["Error"].is_null()).map(|(w, _)| w).collect()
        }
        _ => writes,
    }
}

fn each(consumed: &Value) -> &[Value] {
    match consumed {
        Value::Array(list) => list,
        Value::Object(_) => std::slice::from_ref(consumed),
        _ => &[],
    }
}

fn units(of: &Value) -> f64 {
    of["CapacityUnits"].as_f64().unwrap_or(0.0)
}

fn partition(write: &Write) -> &str {
    write.attributes.get("pk").and_then(|pk| pk["S"].as_str()).unwrap_or_default()
}

/// Splits what writing one table cost among the items written, by kind.
fn split(total: f64, factor: u32, writes: &[&Write]) -> BTreeMap<String, f64> {
    let computed = |write: &Write| {
        let units = u32::try_from(size::item(&write.attributes).div_ceil(UNIT)).unwrap_or(u32::MAX);
        f64::from(units.max(1)) * f64::from(factor)
    };
    let puts: f64 = writes.iter().filter(|write| write.whole).map(|write| computed(write)).sum();
    let others = u32::try_from(writes.iter().filter(|write| !write.whole).count()).unwrap_or(u32::MAX);
    // Without updates the puts carry everything; with them never more than there is.
    let scale = if puts > 0.0 && (others == 0 || puts > total) { total / puts } else { 1.0 };
    let share = if others > 0 { (total - puts * scale) / f64::from(others) } else { 0.0 };
    let mut kinds = BTreeMap::new();
    for write in writes {
        let kind = partition(write).split('#').next().unwrap_or_default().to_owned();
        *kinds.entry(kind).or_default() += if write.whole { computed(write) * scale } else { share };
    }
    kinds
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn write(pk: &str, filler: usize, whole: bool) -> Write {
        let attributes = json!({"pk": {"S": pk}, "t": {"S": "x".repeat(filler)}});
        Write { table: "work".to_owned(), attributes: attributes.as_object().unwrap().clone(), whole }
    }

    #[test]
    fn the_parts_sum_up_to_what_the_engine_counted() {
        let (runs, state) = (write("runs#1", 2_000, true), write("state#a", 0, false));
        let kinds = split(8.0, 2, &[&runs, &state, &state]);
        assert_eq!(kinds, BTreeMap::from([("runs".to_owned(), 4.0), ("state".to_owned(), 4.0)]));
        assert_eq!(split(6.0, 2, &[&runs]), BTreeMap::from([("runs".to_owned(), 6.0)]));
        let kinds = split(3.0, 2, &[&runs, &state]);
        assert_eq!(kinds, BTreeMap::from([("runs".to_owned(), 3.0), ("state".to_owned(), 0.0)]));
    }

    #[test]
    fn statements_that_failed_wrote_nothing() {
        let statement =
            |id: &str| json!({"Statement": "INSERT INTO records VALUE {'pk': ?}", "Parameters": [{"S": id}]});
        let call = Call {
            operation: "BatchExecuteStatement".to_owned(),
            caller: "records".to_owned(),
            body: json!({"Statements": [statement("lead#1"), statement("lead#2")]}),
        };
        let meter = Meter::default();
        meter.start();
        meter.count(&call, &json!({"Responses": [{"Error": {"Code": "DuplicateItem"}}, {}]}), Instant::now());
        let figures = meter.stop();
        assert_eq!(figures.written.len(), 1);
        assert_eq!(figures.written[0].key, "lead#2");
        assert_eq!(figures.requests.values().sum::<u64>(), 1);
    }
}
