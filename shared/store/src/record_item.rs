//! A record as an item of the table `records`, and back.
//!
//! Client's data: `type`, `fields`. Everything else is reserved to the engine and only written by this module (listed in
//! the README). An item needs its key, `type` and `fields` and nothing else: without `revision` it is another program's
//! (API.md section 5). Index keys are derived from the record, so they can't contradict it.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{Owner, RuleId, RunId, SegmentRunId};
use domain::mark::{Cause, Columns, Mark};
use domain::reason::Reason;
use domain::record::{LastRun, Record, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::item::{Item, from_attribute, number, text, to_attribute};
use crate::keys;

/// The mark, apart from its instant, which is the sort key of the index `pending`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct StoredMark {
    #[serde(default = "adopted")]
    cause: Cause,
    #[serde(default = "Columns::all", skip_serializing_if = "is_all")]
    columns: Columns,
    #[serde(default, skip_serializing_if = "is_zero")]
    attempt: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touched: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    tried: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    owner_given: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    run: Option<SegmentRunId>,
}

fn adopted() -> Cause {
    Cause::Updated
}

fn is_all(columns: &Columns) -> bool {
    *columns == Columns::all()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(attempt: &u32) -> bool {
    *attempt == 0
}

/// The item of a record, index keys included.
pub(crate) fn item_of(record: &Record) -> Result<Item> {
    let mut item = keys::record(&record.key).attributes();
    let mut put = |name: &str, value: AttributeValue| {
        item.insert(name.to_owned(), value);
    };
    let shard = keys::shard(record.key.id.as_str());
    let by_creation = |prefix: &str| text(format!("{prefix}{:013}", record.created_on.as_millisecond()));
    put("type", text(record.key.record_type.as_str()));
    put("fields", to_attribute(&record.fields)?);
    put("createdOn", instant(record.created_on));
    put("modifiedOn", instant(record.modified_on));
    put("version", number(record.version));
    put("revision", number(record.revision));
    if record.state == State::Inactive {
        put("state", text("inactive"));
    }
    if let Some(owner) = &record.owner {
        put("owner", to_attribute(owner)?);
    }
    for (name, value) in
        [("statusReason", &record.status_reason), ("createdBy", &record.created_by), ("tag", &record.tag)]
    {
        if let Some(value) = value {
            put(name, text(value));
        }
    }
    if let Some(score) = record.score {
        put("score", number(score));
    }
    if let Some(segment) = &record.segment {
        put("segmentId", text(segment.as_str()));
        put("member", text(keys::members(segment, shard)));
        put("memberSort", by_creation(keys::looks(record.is_unassigned())));
    }
    if let Some(mark) = &record.mark {
        let stored = StoredMark {
            cause: mark.cause,
            columns: mark.columns.clone(),
            attempt: mark.attempt,
            touched: mark.touched,
            tried: mark.tried,
            owner_given: mark.owner_given,
            run: mark.run.clone(),
        };
        put("pending", text(keys::pending(&record.key.record_type, shard)));
        put("pendingAt", instant(mark.since));
        put("mark", to_attribute(&stored)?);
    }
    if let Some(last) = &record.last {
        put("run", text(last.id.as_str()));
        put("runAt", instant(last.at));
        put("unassigned", AttributeValue::Bool(last.unassigned));
        if let Some(reason) = last.reason {
            put("reason", text(reason.code()));
        }
        if let Some(rule) = &last.sought_by {
            put("soughtBy", text(rule.as_str()));
        }
    }
    if let Some(sought) = record.sought() {
        put("waiting", text(keys::waiting(&record.key.record_type, shard)));
        put("waitingSort", by_creation(&keys::sought(&sought)));
    }
    // Another program's item is listed from its adoption on.
    if record.revision > 0 {
        put("listed", text(keys::listed(&record.key.record_type, shard)));
        put("listedSort", by_creation(&keys::state(record.state)));
    }
    if needs_attention(record) {
        put("attention", text(keys::listed(&record.key.record_type, shard)));
        put("attentionSort", by_creation(""));
    }
    let of_type_and_state = keys::type_and_state(&record.key.record_type, record.state);
    let in_queue = record.queue.clone().map(Owner::Queue);
    if let Some(queue) = &record.queue {
        put("queue", text(queue.as_str()));
    }
    // A queue's list shows what nobody owns yet.
    if let Some(owner) = record.owner.as_ref().or(in_queue.as_ref()) {
        put("ownedBy", text(keys::owned(owner, shard)));
        put("ownedSort", by_creation(&of_type_and_state));
    }
    if let Some(unit) = &record.business_unit {
        put("businessUnit", text(unit));
        put("unit", text(keys::unit(unit, shard)));
        put("unitSort", by_creation(&of_type_and_state));
    }
    Ok(item)
}

/// Whether its last run left something to be looked at; it stays so while it waits for the next one.
fn needs_attention(record: &Record) -> bool {
    record.state == State::Active && record.last.as_ref().is_some_and(|last| last.reason.is_some())
}

/// Attributes of `records` that are reserved to the engine. Other programs must not write them, but for `pending` and
/// `pendingAt`, which ask for a run, and `revision`, which they may remove (API.md section 5).
pub const RESERVED: [&str; 34] = [
    "queue",
    "attention",
    "attentionSort",
    "businessUnit",
    "createdBy",
    "createdOn",
    "listed",
    "listedSort",
    "mark",
    "member",
    "memberSort",
    "modifiedOn",
    "ownedBy",
    "ownedSort",
    "owner",
    "pending",
    "pendingAt",
    "reason",
    "revision",
    "run",
    "runAt",
    "score",
    "segmentId",
    "soughtBy",
    "state",
    "statusReason",
    "tag",
    "unassigned",
    "unit",
    "unitSort",
    "version",
    "waiting",
    "waitingSort",
    "type",
];

/// A record as it was read, with the item it was read from: what a write relies on.
#[derive(Debug, Clone)]
pub struct Stored {
    /// The record. Attributes that can't be understood are taken as absent.
    pub record: Record,
    /// The attributes that can't be understood. They are left as they are; a record with any can't be decided.
    pub unreadable: Vec<&'static str>,
    item: Item,
}

impl Stored {
    /// The record of an item, ours or another program's; `None` when the key is none of a record. `seen_at` stands for
    /// the instants that another program left out.
    pub(crate) fn read(item: Item, seen_at: Timestamp) -> Option<Self> {
        let key = keys::record_of(item.get("pk")?.as_s().ok()?)?;
        let mut reader = Reader { item: &item, unreadable: Vec::new() };
        if reader.text("type").as_deref() != Some(key.record_type.as_str()) {
            reader.unreadable.push("type");
        }
        let fields = reader.value::<serde_json::Map<String, serde_json::Value>>("fields");
        if fields.is_none() && !reader.unreadable.contains(&"fields") {
            reader.unreadable.push("fields");
        }
        let created_on = reader.instant("createdOn").unwrap_or(seen_at);
        let record = Record {
            key,
            fields: fields.unwrap_or_default(),
            owner: reader.value("owner"),
            business_unit: reader.text("businessUnit"),
            queue: reader.value("queue"),
            state: reader.value("state").unwrap_or(State::Active),
            status_reason: reader.text("statusReason"),
            created_on,
            created_by: reader.text("createdBy"),
            modified_on: reader.instant("modifiedOn").unwrap_or(created_on),
            segment: reader.value("segmentId"),
            score: reader.value("score"),
            version: reader.number("version").unwrap_or(1),
            revision: reader.number("revision").unwrap_or(0),
            // Written with the first revision, and left there by who takes the revision away.
            counted: item.contains_key("revision") || item.contains_key("listed"),
            mark: reader.mark(seen_at),
            last: reader.last_run(),
            tag: reader.text("tag"),
        };
        let unreadable = reader.unreadable;
        Some(Self { record, unreadable, item })
    }

    /// A record that is in no table, as it would be read if it were.
    pub fn unwritten(record: &Record) -> Result<Self> {
        let stored = Self::read(item_of(record)?, record.created_on);
        Ok(stored.expect("the item of a record has the key of a record"))
    }

    /// Whether an attribute of ours is absent or can be understood.
    pub(crate) fn readable(&self, attribute: &str) -> bool {
        !self.unreadable.contains(&attribute)
    }

    /// Where the index `owned` has the item, and where it belongs by what the record says; none = nowhere.
    pub(crate) fn places(&self) -> Result<[Option<String>; 2]> {
        let place = |item: &Item| {
            let part = |name: &str| item.get(name)?.as_s().ok().cloned();
            Some(format!("{} {}", part("ownedBy")?, part("ownedSort")?))
        };
        Ok([place(&self.item), place(&item_of(&self.record)?)])
    }

    /// What has to be written so that the item holds `after`.
    pub(crate) fn difference(&self, after: &Record) -> Result<Difference> {
        let ours = |name: &String| RESERVED.contains(&name.as_str()) || name == "fields" || name == "pk";
        let readable = |name: &String| !self.unreadable.contains(&name.as_str()) || name == "revision";
        let mut before = self.item.clone();
        before.retain(|name, _| ours(name) && readable(name));
        let mut after = item_of(after)?;
        after.retain(|name, _| readable(name));
        Ok(Difference::between(&before, &after))
    }

    /// The condition under which the item is as it was read, as far as a decision relied on it: our revision, whether
    /// it waits, and the client's columns, which another program may change without our revision.
    pub(crate) fn unchanged(&self) -> (String, HashMap<String, String>, Item) {
        let mut clauses = Vec::new();
        let (mut names, mut values) = (HashMap::new(), Item::new());
        for (n, name) in ["revision", "pendingAt", "fields"].into_iter().enumerate() {
            names.insert(format!("#s{n}"), name.to_owned());
            match self.item.get(name) {
                Some(value) => {
                    clauses.push(format!("#s{n} = :s{n}"));
                    values.insert(format!(":s{n}"), value.clone());
                }
                None => clauses.push(format!("attribute_not_exists(#s{n})")),
            }
        }
        clauses.push("attribute_exists(pk)".to_owned());
        (clauses.join(" AND "), names, values)
    }
}

/// Reads attributes one by one and keeps the names of those that can't be understood.
struct Reader<'a> {
    item: &'a Item,
    unreadable: Vec<&'static str>,
}

impl Reader<'_> {
    fn with<T>(&mut self, name: &'static str, read: impl Fn(&AttributeValue) -> Option<T>) -> Option<T> {
        let value = read(self.item.get(name)?);
        if value.is_none() {
            self.unreadable.push(name);
        }
        value
    }

    fn value<T: serde::de::DeserializeOwned>(&mut self, name: &'static str) -> Option<T> {
        self.with(name, |value| from_attribute(value.clone()).ok())
    }

    fn text(&mut self, name: &'static str) -> Option<String> {
        self.with(name, |value| value.as_s().ok().cloned())
    }

    fn number(&mut self, name: &'static str) -> Option<u64> {
        self.with(name, |value| value.as_n().ok()?.parse().ok())
    }

    fn instant(&mut self, name: &'static str) -> Option<Timestamp> {
        self.with(name, |value| Timestamp::from_millisecond(value.as_n().ok()?.parse().ok()?).ok())
    }

    fn mark(&mut self, seen_at: Timestamp) -> Option<Mark> {
        self.text("pending")?;
        let stored = self.value::<StoredMark>("mark").unwrap_or(StoredMark {
            cause: Cause::Updated,
            columns: Columns::all(),
            attempt: 0,
            touched: None,
            tried: false,
            owner_given: false,
            run: None,
        });
        let mut mark = Mark::new(stored.cause, stored.columns, self.instant("pendingAt").unwrap_or(seen_at));
        mark.attempt = stored.attempt;
        (mark.touched, mark.tried) = (stored.touched, stored.tried);
        mark.owner_given = stored.owner_given;
        mark.run = stored.run;
        Some(mark)
    }

    fn last_run(&mut self) -> Option<LastRun> {
        let id: RunId = self.value("run")?;
        let at = self.instant("runAt")?;
        let reason: Option<Reason> = self.value("reason");
        let unassigned = self.value("unassigned").unwrap_or(false);
        let sought_by: Option<RuleId> = self.value("soughtBy");
        Some(LastRun { id, at, reason, unassigned, sought_by })
    }
}

fn instant(at: Timestamp) -> AttributeValue {
    number(at.as_millisecond())
}

/// What turns one item into another: attributes to set and to remove, `fields` column by column, so that a column that
/// somebody else added meanwhile stays.
#[derive(Debug, Default)]
pub(crate) struct Difference {
    set: Vec<(String, AttributeValue)>,
    remove: Vec<String>,
    names: HashMap<String, String>,
}

impl Difference {
    /// The difference between the item as read and the item as it shall be. Attributes of other programs, which stand
    /// in neither form of a record, are left alone.
    pub(crate) fn between(before: &Item, after: &Item) -> Self {
        let mut difference = Self::default();
        for (name, value) in after {
            match (name.as_str(), before.get(name), value) {
                (_, Some(old), new) if old == new => {}
                ("fields", Some(AttributeValue::M(old)), AttributeValue::M(new)) => difference.columns(old, new),
                _ => {
                    let path = difference.path(&[name]);
                    difference.set.push((path, value.clone()));
                }
            }
        }
        for name in before.keys().filter(|name| !after.contains_key(*name)) {
            let path = difference.path(&[name]);
            difference.remove.push(path);
        }
        difference
    }

    fn columns(&mut self, before: &Item, after: &Item) {
        for (column, value) in after {
            if before.get(column) != Some(value) {
                let path = self.path(&["fields", column]);
                self.set.push((path, value.clone()));
            }
        }
        for column in before.keys().filter(|column| !after.contains_key(*column)) {
            let path = self.path(&["fields", column]);
            self.remove.push(path);
        }
    }

    fn path(&mut self, parts: &[&str]) -> String {
        let placeholders = parts.iter().map(|part| {
            let known = self.names.iter().find(|(_, name)| name == part).map(|(placeholder, _)| placeholder.clone());
            known.unwrap_or_else(|| {
                let placeholder = format!("#a{}", self.names.len());
                self.names.insert(placeholder.clone(), (*part).to_owned());
                placeholder
            })
        });
        placeholders.collect::<Vec<_>>().join(".")
    }

    /// Update expression, names and values.
    pub(crate) fn expression(self) -> (String, HashMap<String, String>, Item) {
        let mut values = Item::new();
        let mut clauses = Vec::new();
        if !self.set.is_empty() {
            let set = self.set.into_iter().enumerate().map(|(n, (path, value))| {
                values.insert(format!(":v{n}"), value);
                format!("{path} = :v{n}")
            });
            clauses.push(format!("SET {}", set.collect::<Vec<_>>().join(", ")));
        }
        if !self.remove.is_empty() {
            clauses.push(format!("REMOVE {}", self.remove.join(", ")));
        }
        (clauses.join(" "), self.names, values)
    }
}

#[cfg(test)]
mod tests {
    use domain::id::{Owner, RecordKey};
    use domain::record::NewRecord;
    use serde_json::json;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn lead() -> Record {
        let new = NewRecord {
            key: RecordKey::new("lead", "L-1"),
            fields: json!({"city": "Bern", "budget": 12.5, "doNotCall": true, "tags": ["a"]})
                .as_object()
                .unwrap()
                .clone(),
            owner: Some(Owner::Seller("susana".into())),
            business_unit: Some("north".to_owned()),
            created_on: None,
            route: true,
            imported: false,
            created_by: "susana".to_owned(),
            tag: Some("t".to_owned()),
        };
        new.into_record(at(1_000))
    }

    fn read(item: Item) -> Stored {
        Stored::read(item, at(7)).unwrap()
    }

    #[test]
    fn a_record_reads_back_as_it_was_written() {
        let mut record = lead();
        record.mark.as_mut().unwrap().owner_given = true;
        assert_eq!(read(item_of(&record).unwrap()).record, record);
        let closed = record.closed("lost", at(2_000));
        let stored = read(item_of(&closed).unwrap());
        assert_eq!((stored.record, stored.unreadable), (closed, Vec::new()));
    }

    #[test]
    fn another_programs_item_needs_only_key_type_and_fields() {
        // API.md section 5
        let item: Item = [
            ("pk".to_owned(), text("lead#X")),
            ("type".to_owned(), text("lead")),
            ("fields".to_owned(), AttributeValue::M(HashMap::new())),
        ]
        .into();
        let Stored { record, unreadable, .. } = read(item);
        assert_eq!((record.revision, record.created_on, record.state), (0, at(7), State::Active));
        assert!(record.waits() && unreadable.is_empty());
    }

    #[test]
    fn what_cannot_be_read_is_named_and_left_as_it_is() {
        let mut item = item_of(&lead()).unwrap();
        item.insert("fields".to_owned(), text("no map"));
        item.insert("theirs".to_owned(), text("another program's"));
        let stored = read(item);
        assert_eq!(stored.unreadable, ["fields"]);
        let (expression, names, _) = stored.difference(&stored.record.clone().swept(at(9))).unwrap().expression();
        assert!(!names.values().any(|name| name == "fields" || name == "theirs"), "{expression} {names:?}");
    }

    #[test]
    fn every_attribute_that_is_written_is_reserved() {
        let mut record = lead();
        record.segment = Some("lead-default".into());
        record.status_reason = Some("x".to_owned());
        record.queue = Some("desk".into());
        record.score = Some(1);
        record.last = Some(LastRun {
            id: "c.0".into(),
            at: at(1),
            reason: Some(Reason::NoCapacity),
            unassigned: true,
            sought_by: Some("lead-1-1".into()),
        });
        record.state = State::Inactive;
        let inactive = item_of(&record).unwrap();
        record.state = State::Active;
        let mut written: Vec<String> = inactive.into_keys().chain(item_of(&record).unwrap().into_keys()).collect();
        written.retain(|name| name != "pk" && name != "fields");
        written.sort();
        written.dedup();
        let mut reserved = RESERVED.map(str::to_owned).to_vec();
        reserved.sort();
        assert_eq!(written, reserved);
    }

    #[test]
    fn a_difference_writes_only_what_changed() {
        let before = lead();
        let mut after = before.clone();
        after.fields.insert("city".to_owned(), json!("Basel"));
        after.fields.remove("budget");
        let (expression, names, _) =
            Difference::between(&item_of(&before).unwrap(), &item_of(&after).unwrap()).expression();
        assert_eq!(names.len(), 3, "{names:?}");
        assert!(expression.starts_with("SET ") && expression.contains(" REMOVE "), "{expression}");
    }
}
