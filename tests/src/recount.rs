//! A recount of everything stored, held against Baton's promises: no record lost, none decided twice for one change,
//! none with another owner than its last assignment says, and every counter as the records themselves say.
//!
//! It reads both tables directly and shares no code with what it checks.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use anyhow::Context;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::DeflateDecoder;
use serde_json::Value;

use crate::dynamodb::{DynamoDb, plain_item};

/// Both tables as they were read, one after the other. Only meaningful when nothing is written meanwhile.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Items of `records` by partition key, as plain JSON.
    pub records: BTreeMap<String, Value>,
    /// Items of `work`, as plain JSON.
    pub work: Vec<Value>,
    /// All routing runs that were ever committed.
    pub runs: Vec<Value>,
}

/// What a recount found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recount {
    /// How many records there are.
    pub records: usize,
    /// Records that still wait, or were decided less often than they changed.
    pub lost: BTreeSet<String>,
    /// Records that were decided more often than they changed.
    pub doubled: BTreeSet<String>,
    /// Everything else that is not as promised.
    pub breaches: Vec<String>,
}

/// Counters by name, such as `held lead susana`; those that are zero are left out.
type Counters = BTreeMap<String, i64>;

impl Stored {
    /// Reads both tables.
    ///
    /// # Errors
    /// When a table can't be read or a chunk of runs can't be understood.
    pub async fn read(dynamodb: &DynamoDb, records: &str, work: &str) -> anyhow::Result<Self> {
        let records = dynamodb.scan(records).await?;
        let records = records.iter().map(plain_item).map(|item| (text(&item, "pk").to_owned(), item)).collect();
        let work: Vec<Value> = dynamodb.scan(work).await?.iter().map(plain_item).collect();
        let mut runs = Vec::new();
        for item in work.iter().filter(|item| text(item, "pk").starts_with("runs#")) {
            runs.extend(unpacked(text(item, "runs")).with_context(|| format!("chunk {}", item["pk"]))?);
        }
        Ok(Self { records, work, runs })
    }

    /// Whether some record still waits to be processed.
    #[must_use]
    pub fn anything_waits(&self) -> bool {
        self.records.values().any(waits)
    }

    /// Holds everything against the promises. `changes` tells for a record, by its partition key, how often it should
    /// have been decided.
    #[must_use]
    pub fn recount(&self, changes: impl Fn(&str) -> usize) -> Recount {
        let mut found = Recount { records: self.records.len(), ..Recount::default() };
        let mut runs: BTreeMap<String, BTreeMap<&str, &Value>> = BTreeMap::new();
        for run in &self.runs {
            let record = format!("{}#{}", text(run, "recordType"), text(run, "recordId"));
            if runs.entry(record).or_default().insert(text(run, "id"), run).is_some() {
                found.breaches.push(format!("run {} is stored twice", run["id"]));
            }
        }
        for (key, record) in &self.records {
            let runs = runs.remove(key).unwrap_or_default();
            let expected = changes(key);
            if waits(record) || runs.len() < expected {
                found.lost.insert(key.clone());
            }
            if runs.len() > expected {
                found.doubled.insert(key.clone());
            }
            found.breaches.extend(chain_breach(key, record, &runs));
        }
        let deleted = |key: &String| {
            let timeline = format!("timeline#{key}");
            self.work.iter().any(|item| item["deleted"] == true && text(item, "pk") == timeline)
        };
        let orphaned = runs.into_keys().filter(|key| !deleted(key));
        found.breaches.extend(orphaned.map(|key| format!("{key} has runs but is not stored")));
        let (counted, kept) = (self.counted(), self.kept());
        let names: BTreeSet<&String> = counted.keys().chain(kept.keys()).collect();
        for name in names {
            let (counted, kept) = (counted.get(name).unwrap_or(&0), kept.get(name).unwrap_or(&0));
            if counted != kept {
                found.breaches.push(format!("{name} is kept as {kept} and counted as {counted}"));
            }
        }
        found
    }

    /// How many active records of a type each seller owns.
    #[must_use]
    pub fn held(&self, record_type: &str) -> BTreeMap<String, i64> {
        let prefix = format!("held {record_type} ");
        let counted = self.counted().into_iter();
        counted.filter_map(|(name, count)| Some((name.strip_prefix(&prefix)?.to_owned(), count))).collect()
    }

    /// How many active records of a type need attention, by the code of the reason.
    #[must_use]
    pub fn reasons(&self, record_type: &str) -> BTreeMap<String, i64> {
        let prefix = format!("status {record_type} reason.");
        let counted = self.counted().into_iter();
        counted.filter_map(|(name, count)| Some((name.strip_prefix(&prefix)?.to_owned(), count))).collect()
    }

    /// The counters as the records and runs say.
    fn counted(&self) -> Counters {
        let mut counters = Counters::new();
        let mut count = |name: String| *counters.entry(name).or_default() += 1;
        for record in self.records.values() {
            if record["revision"].is_null() || record["state"] == "inactive" {
                continue;
            }
            let record_type = text(record, "type");
            if !record["run"].is_null() {
                match record["reason"].as_str() {
                    None => count(format!("status {record_type} succeeded")),
                    Some(reason) => {
                        count(format!("status {record_type} needsAttention"));
                        count(format!("status {record_type} reason.{reason}"));
                    }
                }
            }
            if let Some(segment) = record["segmentId"].as_str() {
                count(format!("segment {record_type} {segment} members"));
                let unassigned =
                    if record["run"].is_null() { record["owner"].is_null() } else { record["unassigned"] == true };
                if unassigned {
                    count(format!("segment {record_type} {segment} unassigned"));
                }
            }
            if record["owner"]["kind"] == "seller" {
                count(format!("held {record_type} {}", text(&record["owner"], "id")));
            }
        }
        for run in &self.runs {
            let (rule, segment) = (&run["assignment"]["ruleId"], &run["segmentation"]["segmentId"]);
            if let (Some(rule), Some(segment), false) =
                (rule.as_str(), segment.as_str(), run["assignment"]["owner"].is_null())
            {
                count(format!("segment {} {segment} routed.{rule}", text(run, "recordType")));
            }
        }
        counters
    }

    /// The counters as they are kept.
    fn kept(&self) -> Counters {
        let mut counters = Counters::new();
        for item in &self.work {
            let pk: Vec<&str> = text(item, "pk").split('#').collect();
            let sk = text(item, "sk");
            let numbers = item.as_object().into_iter().flatten().filter_map(|(n, v)| Some((n, v.as_i64()?)));
            for (name, number) in numbers {
                let name = match (pk[0], sk.split_once('#')) {
                    ("state", _) => match name.strip_prefix("held:") {
                        Some(record_type) => format!("held {record_type} {}", pk[1..].join("#")),
                        None => continue,
                    },
                    ("counts", Some(("segment", segment))) => format!("segment {} {segment} {name}", pk[1]),
                    ("counts", _) => format!("{sk} {} {name}", pk[1]),
                    _ => continue,
                };
                *counters.entry(name).or_default() += number;
            }
        }
        counters
    }
}

impl Recount {
    /// Whether all promises are kept.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.breaches.is_empty()
    }
}

/// What is wrong with the way from a record to its last run and from each run to the one before.
fn chain_breach(key: &str, record: &Value, runs: &BTreeMap<&str, &Value>) -> Option<String> {
    let mut next = &record["run"];
    let mut walked = BTreeSet::new();
    let mut assigned = None;
    while let Some(id) = next.as_str() {
        let Some(run) = runs.get(id) else { return Some(format!("{key} points to run {id}, which is not its own")) };
        if !walked.insert(id) {
            return Some(format!("the runs of {key} go in a circle"));
        }
        // A queue leaves the owner as it is (RULE-41).
        let given = Some(&run["assignment"]["owner"]).filter(|owner| !owner.is_null() && owner["kind"] != "queue");
        assigned = assigned.or(given);
        next = &run["previous"];
    }
    if walked.len() != runs.len() {
        return Some(format!("{key} has {} runs but leads to {}", runs.len(), walked.len()));
    }
    match assigned {
        Some(owner) if *owner != record["owner"] => {
            Some(format!("{key} is owned by {} but was last assigned to {owner}", record["owner"]))
        }
        _ => None,
    }
}

/// Whether it waits to be processed: it is marked, or another program's item that was not adopted yet.
fn waits(record: &Value) -> bool {
    !record["pending"].is_null() || record["revision"].is_null()
}

fn text<'a>(item: &'a Value, member: &str) -> &'a str {
    item[member].as_str().unwrap_or_default()
}

fn unpacked(packed: &str) -> anyhow::Result<Vec<Value>> {
    let packed = STANDARD.decode(packed)?;
    let mut json = String::new();
    DeflateDecoder::new(packed.as_slice()).read_to_string(&mut json)?;
    Ok(serde_json::from_str(&json)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Two leads: one with susana, one that nobody could take.
    fn stored() -> Stored {
        let run = |id: &str, record: &str, assignment: Value| {
            json!({"id": id, "recordType": "lead", "recordId": record, "previous": null,
                   "segmentation": {"segmentId": "lead-default"}, "assignment": assignment})
        };
        let owner = json!({"kind": "seller", "id": "susana"});
        let records = [
            json!({"pk": "lead#1", "type": "lead", "revision": 2, "run": "c.0", "segmentId": "lead-default",
                   "unassigned": false, "owner": owner}),
            json!({"pk": "lead#2", "type": "lead", "revision": 2, "run": "c.1", "segmentId": "lead-default",
                   "unassigned": true, "reason": "noSellerMatches"}),
        ];
        Stored {
            records: records.into_iter().map(|record| (text(&record, "pk").to_owned(), record)).collect(),
            work: vec![
                json!({"pk": "state#susana", "sk": "-", "held:lead": 1, "turn": 77, "turn:lead": 77}),
                json!({"pk": "counts#lead#3", "sk": "status", "succeeded": 1, "needsAttention": 1}),
                json!({"pk": "counts#lead#4", "sk": "status", "reason.noSellerMatches": 1}),
                json!({"pk": "counts#lead#3", "sk": "segment#lead-default", "members": 2, "unassigned": 1,
                       "routed.lead-default-1": 1}),
            ],
            runs: vec![
                run("c.0", "1", json!({"ruleId": "lead-default-1", "owner": owner})),
                run("c.1", "2", json!({"ruleId": "lead-default-1", "owner": null})),
            ],
        }
    }

    #[test]
    fn what_is_as_promised_is_clean() {
        assert_eq!(stored().recount(|_| 1), Recount { records: 2, ..Recount::default() });
        assert_eq!(stored().held("lead"), BTreeMap::from([("susana".to_owned(), 1)]));
    }

    #[test]
    fn a_record_that_waits_or_lacks_a_run_is_lost() {
        let mut stored = stored();
        stored.records.get_mut("lead#1").unwrap()["pending"] = json!("lead#0");
        assert!(stored.anything_waits());
        let expected = BTreeSet::from(["lead#1".to_owned(), "lead#2".to_owned()]);
        assert_eq!(stored.recount(|key| if key == "lead#2" { 2 } else { 1 }).lost, expected);
    }

    #[test]
    fn a_second_run_for_one_change_is_doubled() {
        let mut stored = stored();
        let mut second = stored.runs[0].clone();
        second["id"] = json!("d.0");
        stored.runs.push(second);
        let found = stored.recount(|_| 1);
        assert_eq!(found.doubled, BTreeSet::from(["lead#1".to_owned()]));
        assert!(found.breaches.iter().any(|breach| breach.contains("leads to 1")), "{found:?}");
    }

    #[test]
    fn an_owner_whom_nobody_assigned_is_a_breach() {
        let mut stored = stored();
        stored.records.get_mut("lead#1").unwrap()["owner"] = json!({"kind": "seller", "id": "miriam"});
        let found = stored.recount(|_| 1);
        assert!(found.breaches.iter().any(|breach| breach.contains("was last assigned to")), "{found:?}");
        assert!(found.breaches.contains(&"held lead miriam is kept as 0 and counted as 1".to_owned()), "{found:?}");
    }

    #[test]
    fn every_counter_is_recounted() {
        for (place, attribute) in [(0, "held:lead"), (1, "succeeded"), (2, "reason.noSellerMatches"), (3, "members")] {
            let mut stored = stored();
            stored.work[place][attribute] = json!(5);
            assert_eq!(stored.recount(|_| 1).breaches.len(), 1, "{attribute}");
        }
        for attribute in ["unassigned", "routed.lead-default-1"] {
            let mut stored = stored();
            stored.work[3].as_object_mut().unwrap().remove(attribute);
            assert_eq!(stored.recount(|_| 1).breaches.len(), 1, "{attribute}");
        }
    }

    #[test]
    fn a_closed_record_counts_nowhere() {
        let mut stored = stored();
        stored.records.get_mut("lead#1").unwrap()["state"] = json!("inactive");
        assert_eq!(stored.recount(|_| 1).breaches.len(), 3, "held, succeeded and members are one too many");
    }
}
