//! Every key of both tables, built in one place from typed ids.
//!
//! `records`: `pk = {type}#{record id}`. `work`: `pk`, `sk` as below. A key whose values are few carries a shard
//! number, because one partition takes 1,000 write units a second (DESIGN.md "Partitions").

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::freed::{Freed, Sought};
use domain::id::{
    Owner, QueueId, RecordId, RecordKey, RecordType, RuleId, SegmentId, SegmentRunId, SellerAttributeId, SellerId,
    TeamId,
};
use domain::reason::Reason;
use domain::record::{Record, State};
use domain::seller::Role;
use domain::value::fold;

/// How many shards an index key with few values is spread over.
pub const SHARDS: u8 = 16;

/// The sort key of an item that is alone under its partition key.
pub const ALONE: &str = "-";

/// The primary key of an item: of `records` (no sort key) or of `work`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// Partition key.
    pub pk: String,
    /// Sort key; the table `records` has none.
    pub sk: Option<String>,
}

impl Key {
    fn work(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self { pk: pk.into(), sk: Some(sk.into()) }
    }

    /// The key as the SDK takes it.
    #[must_use]
    pub fn attributes(&self) -> HashMap<String, AttributeValue> {
        let pk = ("pk".to_owned(), AttributeValue::S(self.pk.clone()));
        let sk = self.sk.iter().map(|sk| ("sk".to_owned(), AttributeValue::S(sk.clone())));
        std::iter::once(pk).chain(sk).collect()
    }
}

/// A record, in `records`.
#[must_use]
pub fn record(key: &RecordKey) -> Key {
    Key { pk: key.to_string(), sk: None }
}

/// The record that a partition key of `records` names; `None` for a key of another form.
#[must_use]
pub fn record_of(pk: &str) -> Option<RecordKey> {
    let (record_type, id) = pk.split_once('#')?;
    let complete = !record_type.is_empty() && !id.is_empty();
    complete.then(|| RecordKey { record_type: RecordType::from(record_type), id: RecordId::from(id) })
}

/// FNV-1a, 32 bits: spreads ids over shards the same way in every process.
#[must_use]
pub fn shard(text: &str) -> u8 {
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    u8::try_from(hash % u32::from(SHARDS)).expect("a remainder by 16 fits a byte")
}

/// Index `pending`: one shard of the records of a type that wait to be processed.
#[must_use]
pub fn pending(record_type: &RecordType, shard: u8) -> String {
    format!("{record_type}#{shard:x}")
}

/// Indexes `listed` and `attention`: one shard of all records of a type, or of those that need attention.
#[must_use]
pub fn listed(record_type: &RecordType, shard: u8) -> String {
    format!("{record_type}#{shard:x}")
}

/// What the sort keys of the index `listed` begin with.
#[must_use]
pub fn state(state: State) -> String {
    format!("{}#", state_letter(state))
}

fn state_letter(state: State) -> char {
    match state {
        State::Active => 'a',
        State::Inactive => 'i',
    }
}

/// What the sort keys of the index `members` begin with: whether a record looks for an owner.
#[must_use]
pub fn looks(unassigned: bool) -> &'static str {
    if unassigned { "u#" } else { "a#" }
}

/// Index `members`: one shard of the members of a segment.
#[must_use]
pub fn members(segment: &SegmentId, shard: u8) -> String {
    format!("{segment}#{shard:x}")
}

/// Index `waiting`: one shard of the records of a type that wait for a seller.
#[must_use]
pub fn waiting(record_type: &RecordType, shard: u8) -> String {
    format!("{record_type}#{shard:x}")
}

/// What the sort keys of the index `waiting` begin with: for what a record waits. None of what follows is in a rule's id.
#[must_use]
pub fn sought(Sought { rule, reason, .. }: &Sought) -> String {
    format!("{rule}#{}#", reason.code())
}

/// For what a record waits, by its sort key in the index `waiting`.
#[must_use]
pub fn sought_at(record_type: &RecordType, sort_key: &str) -> Option<Sought> {
    let mut parts = sort_key.split('#');
    let (rule, reason) = (RuleId::from(parts.next()?), Reason::from_code(parts.next()?)?);
    Some(Sought { record_type: record_type.clone(), rule, reason })
}

/// Sorts behind every record that waits for this, and before all that wait for something else.
#[must_use]
pub fn behind_sought(sought: &Sought) -> String {
    let mut key = self::sought(sought);
    key.pop();
    key.push('$');
    key
}

/// What the sort keys of the indexes `owned` and `units` begin with: a type's active or inactive records.
#[must_use]
pub fn type_and_state(record_type: &RecordType, state: State) -> String {
    format!("{record_type}#{}#", state_letter(state))
}

/// Index `units`: one shard of the records of a business unit.
#[must_use]
pub fn unit(unit: &str, shard: u8) -> String {
    format!("{unit}#{shard:x}")
}

/// Index `owned`: the records of a seller, or one shard of those of a team or queue (`team#{id}`).
#[must_use]
pub fn owned(owner: &Owner, shard: u8) -> String {
    match owner {
        Owner::Seller(id) => format!("seller#{id}"),
        other => format!("{}#{}#{shard:x}", other.kind(), other.id()),
    }
}

/// Partition of everything an organisation has once.
pub const ORGANISATION: &str = "org";

/// The versions of everything that functions keep between invocations.
#[must_use]
pub fn versions() -> Key {
    Key::work(ORGANISATION, "versions")
}

/// The organisation's settings.
#[must_use]
pub fn settings() -> Key {
    Key::work(ORGANISATION, "settings")
}

/// Limits in use: how many segments are active.
#[must_use]
pub fn limits() -> Key {
    Key::work(ORGANISATION, "limits")
}

/// What the sort keys of record types begin with.
pub const RECORD_TYPES: &str = "type#";

/// A record type's definition; absent means the built-in one.
#[must_use]
pub fn record_type(record_type: &RecordType) -> Key {
    Key::work(ORGANISATION, format!("{RECORD_TYPES}{record_type}"))
}

/// The tree of business units, all of them in one item.
#[must_use]
pub fn business_units() -> Key {
    Key::work(ORGANISATION, "businessUnits")
}

/// What the sort keys of role definitions begin with.
pub const ROLES: &str = "role#";

/// A role definition that an administrator edited; absent means the predefined one.
#[must_use]
pub fn role(role: Role) -> Key {
    let (name, _) = Role::ALL.iter().find(|(_, known)| *known == role).expect("every role is in the list of all");
    Key::work(ORGANISATION, format!("{ROLES}{name}"))
}

/// Partition of the teams.
pub const TEAMS: &str = "teams";

/// A team with its members.
#[must_use]
pub fn team(id: &TeamId) -> Key {
    Key::work(TEAMS, id.as_str())
}

/// Partition of the queues.
pub const QUEUES: &str = "queues";

/// A queue with its members.
#[must_use]
pub fn queue(id: &QueueId) -> Key {
    Key::work(QUEUES, id.as_str())
}

/// Partition of a record type's segments, rules and their order.
#[must_use]
pub fn rulebook(record_type: &RecordType) -> String {
    format!("rulebook#{record_type}")
}

/// The ordered list of a record type's segments.
#[must_use]
pub fn segment_order(record_type: &RecordType) -> Key {
    Key::work(rulebook(record_type), "order")
}

/// What the sort keys of segments begin with.
pub const SEGMENTS: &str = "segment#";

/// A segment.
#[must_use]
pub fn segment(record_type: &RecordType, id: &SegmentId) -> Key {
    Key::work(rulebook(record_type), format!("{SEGMENTS}{id}"))
}

/// What the sort keys of the lists of rules begin with.
pub const RULE_ORDERS: &str = "rules#";

/// The ordered list of a segment's rules.
#[must_use]
pub fn rule_order(record_type: &RecordType, segment: &SegmentId) -> Key {
    Key::work(rulebook(record_type), format!("{RULE_ORDERS}{segment}"))
}

/// What the sort keys of rules begin with.
pub const RULES: &str = "rule#";

/// A rule, next to the segment that owns it.
#[must_use]
pub fn rule(record_type: &RecordType, id: &RuleId) -> Key {
    Key::work(rulebook(record_type), format!("{RULES}{id}"))
}

/// Partition of one sixteenth of the sellers' static part.
#[must_use]
pub fn roster(shard: u8) -> String {
    format!("roster#{shard:x}")
}

/// A seller's static part: profile, attributes, toggle.
#[must_use]
pub fn seller(id: &SellerId) -> Key {
    Key::work(roster(shard(id.as_str())), id.as_str())
}

/// A seller's moving part: held records, turns, generation, period. Under a key of its own, apart from the static part.
#[must_use]
pub fn seller_state(id: &SellerId) -> Key {
    Key::work(format!("{SELLER_STATES}{id}"), ALONE)
}

/// What the partition keys of the sellers' moving parts begin with.
pub const SELLER_STATES: &str = "state#";

/// Partition of the recount: its round and the sellers under suspicion.
pub const RECOUNT: &str = "recount";

/// The round of the recount.
#[must_use]
pub fn round() -> Key {
    Key::work(RECOUNT, "round")
}

/// What the sort keys of sellers under suspicion begin with.
pub const SUSPECTS: &str = "suspect#";

/// The look that raised suspicion against what is kept of a seller.
#[must_use]
pub fn suspect(id: &SellerId) -> Key {
    Key::work(RECOUNT, format!("{SUSPECTS}{id}"))
}

/// Partition of the seller attributes.
pub const SELLER_ATTRIBUTES: &str = "attributes";

/// A seller attribute.
#[must_use]
pub fn seller_attribute(id: &SellerAttributeId) -> Key {
    Key::work(SELLER_ATTRIBUTES, id.as_str())
}

/// A name that only one thing of a kind may bear, whatever its case.
#[must_use]
pub fn unique(kind: &str, name: &str) -> Key {
    Key::work(format!("unique#{kind}#{}", fold(name)), ALONE)
}

/// The runs of one commit, packed.
#[must_use]
pub fn runs(chunk: &str) -> Key {
    Key::work(format!("{RUNS}{chunk}"), ALONE)
}

/// What the partition keys of runs begin with.
pub const RUNS: &str = "runs#";

/// Partition of one shard of a record type's counters.
#[must_use]
pub fn counts(record_type: &RecordType, shard: u8) -> String {
    format!("counts#{record_type}#{shard:x}")
}

/// Counters of a type: records per status and reason.
pub const STATUS_COUNTS: &str = "status";

/// Counters of one segment: members, unassigned, records routed by each rule. The sort key below [`counts`].
#[must_use]
pub fn segment_counts(segment: &SegmentId) -> String {
    format!("{SEGMENT_COUNTS}{segment}")
}

/// What the sort keys of the counters of segments begin with.
pub const SEGMENT_COUNTS: &str = "segment#";

/// What the counters of a segment's run are called: records it asked for, waits for, that got an owner, that did not.
#[must_use]
pub fn run_counts(run: &SegmentRunId) -> String {
    format!("{RUN_COUNTS}{run}")
}

const RUN_COUNTS: &str = "run#";

/// A row of counters. Those of a segment's run lie apart, because they expire.
#[must_use]
pub fn counts_row(record_type: &RecordType, shard: u8, row: &str) -> Key {
    match run_of_counts(row) {
        Some(_) => Key::work(row, format!("{shard:x}")),
        None => Key::work(counts(record_type, shard), row),
    }
}

/// The run that a row of counters is of, if it is one's.
#[must_use]
pub fn run_of_counts(row: &str) -> Option<&str> {
    row.strip_prefix(RUN_COUNTS)
}

/// Partition of the runs of a segment, or of the retries of a type's records.
#[must_use]
pub fn segment_runs(record_type: &RecordType, segment: Option<&SegmentId>) -> String {
    match segment {
        Some(segment) => format!("segmentRuns#{segment}"),
        None => format!("retries#{record_type}"),
    }
}

/// A run of a segment, or a retry.
#[must_use]
pub fn segment_run(record_type: &RecordType, segment: Option<&SegmentId>, id: &SegmentRunId) -> Key {
    Key::work(segment_runs(record_type, segment), id.as_str())
}

/// One shard of what the function `waiting` is to see to at once; the template's filter names what they begin with.
/// There are several, because the changes of one partition are delivered one after the other.
#[must_use]
pub fn to_do(shard: u8) -> String {
    format!("todo#{shard:x}")
}

/// That somebody may have come to take waiting records. One of a seller at a time.
#[must_use]
pub fn freed(who: &Freed) -> Key {
    let seller = match who {
        Freed::Seller(id) => id.as_str(),
        Freed::Anybody => "",
    };
    Key::work(to_do(shard(seller)), format!("{FREED}{seller}"))
}

/// The last sweep over the waiting records.
#[must_use]
pub fn last_sweep() -> Key {
    Key::work(ORGANISATION, "lastSweep")
}

/// What the sort keys of [`freed`] begin with.
pub const FREED: &str = "freed#";

/// That the members of a segment, which was deleted, are to leave it.
#[must_use]
pub fn former_segment(id: &SegmentId) -> Key {
    Key::work(to_do(shard(id.as_str())), format!("{FORMER_SEGMENTS}{id}"))
}

/// What the sort keys of [`former_segment`] begin with.
pub const FORMER_SEGMENTS: &str = "formerSegment#";

/// That a run goes on. One of a segment at a time (RUN-04).
#[must_use]
pub fn running(segment: Option<&SegmentId>, id: &SegmentRunId) -> Key {
    let what = segment.map_or(id.as_str(), SegmentId::as_str);
    Key::work(to_do(shard(what)), format!("{RUNNING}{what}"))
}

/// What the sort keys of runs that go on begin with.
pub const RUNNING: &str = "run#";

/// An item among the things to do, by its sort key.
#[must_use]
pub fn to_do_at(sort_key: &str) -> Key {
    let what = sort_key.split_once('#').map_or(sort_key, |(_, what)| what);
    Key::work(to_do(shard(what)), sort_key)
}

/// Partition of the schedules of segments.
pub const SCHEDULES: &str = "schedules";

/// A segment's schedule.
#[must_use]
pub fn schedule(segment: &SegmentId) -> Key {
    Key::work(SCHEDULES, segment.as_str())
}

/// Partition of the imports of records of a type.
#[must_use]
pub fn imports(record_type: &RecordType) -> String {
    format!("imports#{record_type}")
}

/// An import; ids sort by the instant it began.
#[must_use]
pub fn import(record_type: &RecordType, id: &str) -> Key {
    Key::work(imports(record_type), id)
}

/// What runs do not tell of a record.
#[must_use]
pub fn timeline(record: &RecordKey) -> String {
    format!("timeline#{record}")
}

/// A change of a record's state. The instant at which the record was created comes first: a deleted record that had the
/// same id has a timeline of its own.
#[must_use]
pub fn state_change(record: &Record) -> Key {
    let changed = record.modified_on.as_millisecond();
    Key::work(timeline(&record.key), format!("{}{changed:015}#{:010}", first_state_change(record), record.revision))
}

/// What the sort keys of the changes of a record's state begin with.
#[must_use]
pub fn first_state_change(record: &Record) -> String {
    format!("{:015}#", record.created_on.as_millisecond())
}

/// Sorts behind every change of a record's state.
#[must_use]
pub fn latest_state_change(record: &Record) -> String {
    format!("{}~", first_state_change(record))
}

/// What an idempotency key stands for; `scope` is a hash of caller, method, path and key.
#[must_use]
pub fn receipt(scope: &str) -> Key {
    Key::work(format!("receipt#{scope}"), ALONE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_key_reads_back_whatever_stands_in_the_id() {
        let key = RecordKey::new("lead", "L-17");
        assert_eq!(record_of(&record(&key).pk), Some(key));
        assert_eq!(record_of("a#b#c"), Some(RecordKey::new("a", "b#c")));
        for foreign in ["lead", "#x", "lead#"] {
            assert_eq!(record_of(foreign), None);
        }
    }

    #[test]
    fn ids_spread_over_all_shards() {
        let mut hits = [0_u32; SHARDS as usize];
        (0..1600).for_each(|n| hits[usize::from(shard(&format!("L-{n}")))] += 1);
        assert!(hits.iter().all(|&n| (50..200).contains(&n)), "{hits:?}");
    }
}
