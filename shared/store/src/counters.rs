//! Counters of records per status, reason, segment and rule: sharded rows, summed on read.
//!
//! A row lies under `counts#{type}#{shard}`: `status` (attributes `succeeded`, `needsAttention`, `reason.{code}`) and
//! `segment#{id}` (`members`, `unassigned`, `routed.{rule id}`). A transaction adds to the rows of one shard, drawn at
//! random, so transactions on unrelated records rarely meet.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::Update;
use domain::id::{RecordType, RuleId, SegmentId};
use domain::tally::Counter;
use ulid::Ulid;

use crate::error::Result;
use crate::item::{Item, number, text};
use crate::keys;
use crate::store::Store;

/// How long the counters of a segment's run are kept, in seconds from its beginning: 30 days.
const KEPT: u64 = 30 * 24 * 60 * 60;

/// Rows and by how much their attributes change.
pub(crate) type RowChanges = BTreeMap<String, BTreeMap<String, i64>>;

/// The row and attribute of a counter; none for what lies with the seller.
pub(crate) fn place(counter: &Counter) -> Option<(String, String)> {
    let status = || keys::STATUS_COUNTS.to_owned();
    Some(match counter {
        Counter::Succeeded => (status(), "succeeded".to_owned()),
        Counter::NeedsAttention => (status(), "needsAttention".to_owned()),
        Counter::Reason(code) => (status(), format!("reason.{code}")),
        Counter::Members(segment) => (keys::segment_counts(segment), "members".to_owned()),
        Counter::Unassigned(segment) => (keys::segment_counts(segment), "unassigned".to_owned()),
        Counter::Waiting(run) => (keys::run_counts(run), WAITING.to_owned()),
        Counter::Held(_) => return None,
    })
}

/// The attributes that count for a segment's run.
pub(crate) const WAITING: &str = "waiting";
pub(crate) const CONSIDERED: &str = "considered";
pub(crate) const ASSIGNED: &str = "assigned";
pub(crate) const FAILED: &str = "failed";

/// What the attributes that count what rules have routed begin with.
pub(crate) const ROUTED: &str = "routed.";

/// The attribute that counts what a rule has routed, in the row of its segment.
pub(crate) fn routed(rule: &RuleId) -> String {
    format!("{ROUTED}{rule}")
}

/// The write that adds to one row.
pub(crate) fn add(
    table: &str,
    record_type: &RecordType,
    shard: u8,
    row: &str,
    changes: &BTreeMap<String, i64>,
) -> Update {
    let mut update =
        Update::builder().table_name(table).set_key(Some(keys::counts_row(record_type, shard, row).attributes()));
    let mut clauses = Vec::with_capacity(changes.len());
    for (n, (attribute, change)) in changes.iter().enumerate() {
        clauses.push(format!("#c{n} :c{n}"));
        update = update
            .expression_attribute_names(format!("#c{n}"), attribute)
            .expression_attribute_values(format!(":c{n}"), number(change));
    }
    let mut expression = format!("ADD {}", clauses.join(", "));
    if let Some(began) = keys::run_of_counts(row).and_then(|run| Ulid::from_string(run).ok()) {
        let expires = began.timestamp_ms() / 1_000 + KEPT;
        expression += " SET #expires = :expires";
        update = update
            .expression_attribute_names("#expires", "expires")
            .expression_attribute_values(":expires", number(expires));
    }
    update.update_expression(expression).build().expect("table, key and expression are given")
}

/// Counters of one segment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SegmentCounts {
    /// Its members.
    pub members: i64,
    /// Members that look for an owner (RULE-51).
    pub unassigned: i64,
    /// Records that each rule has routed to somebody, ever (RULE-08).
    pub routed: BTreeMap<RuleId, i64>,
}

/// Counters of one record type.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Counts {
    /// Active records whose last run needs no attention.
    pub succeeded: i64,
    /// Active records whose last run needs attention.
    pub needs_attention: i64,
    /// Of those, by the code of the reason; none that is zero.
    pub reasons: BTreeMap<String, i64>,
    /// By segment.
    pub segments: BTreeMap<SegmentId, SegmentCounts>,
}

impl Store {
    /// All counters of a type: sixteen queries, their rows summed. The rows are not read at one instant.
    pub async fn counts(&self, record_type: &RecordType) -> Result<Counts> {
        let mut counts = Counts::default();
        for row in self.counter_rows(record_type, None).await? {
            counts.add(&row);
        }
        counts.reasons.retain(|_, count| *count != 0);
        Ok(counts)
    }

    /// The counters of one segment.
    pub async fn segment_counts(&self, record_type: &RecordType, segment: &SegmentId) -> Result<SegmentCounts> {
        let mut counts = Counts::default();
        for row in self.counter_rows(record_type, Some(&keys::segment_counts(segment))).await? {
            counts.add(&row);
        }
        Ok(counts.segments.remove(segment).unwrap_or_default())
    }

    pub(crate) async fn counter_rows(&self, record_type: &RecordType, row: Option<&str>) -> Result<Vec<Item>> {
        if let Some(row) = row {
            let wanted = (0..keys::SHARDS).map(|shard| keys::counts_row(record_type, shard, row)).collect();
            return self.batch_get(&self.work_table, wanted, crate::batch_get::Consistency::Strong).await;
        }
        let mut queries = tokio::task::JoinSet::new();
        for shard in 0..keys::SHARDS {
            let (store, partition) = (self.clone(), keys::counts(record_type, shard));
            queries.spawn(async move { store.query_all(&partition, None).await });
        }
        let mut rows = Vec::new();
        while let Some(answer) = queries.join_next().await {
            rows.extend(answer.expect("a query neither panics nor is cancelled")?);
        }
        Ok(rows)
    }

    /// All items under a partition key of `work`, read consistently, page by page; with a prefix only those whose sort
    /// key begins with it.
    pub(crate) async fn query_all(&self, partition: &str, prefix: Option<&str>) -> Result<Vec<Item>> {
        let condition = if prefix.is_some() { "pk = :pk AND begins_with(sk, :sk)" } else { "pk = :pk" };
        let mut request = self
            .client
            .query()
            .table_name(&self.work_table)
            .consistent_read(true)
            .key_condition_expression(condition)
            .expression_attribute_values(":pk", text(partition));
        if let Some(prefix) = prefix {
            request = request.expression_attribute_values(":sk", text(prefix));
        }
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let page = request.clone().set_exclusive_start_key(start).send().await.map_err(crate::error::failure)?;
            items.extend(page.items.unwrap_or_default());
            match page.last_evaluated_key {
                Some(last) => start = Some(last),
                None => return Ok(items),
            }
        }
    }
}

impl Counts {
    fn add(&mut self, row: &Item) {
        let sort = row.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str).unwrap_or_default();
        let segment = sort.strip_prefix(keys::SEGMENT_COUNTS).map(SegmentId::from);
        for (attribute, value) in row {
            let Some(count) = value.as_n().ok().and_then(|digits| digits.parse::<i64>().ok()) else { continue };
            if let Some(segment) = &segment {
                let counts = self.segments.entry(segment.clone()).or_default();
                match attribute.as_str() {
                    "members" => counts.members += count,
                    "unassigned" => counts.unassigned += count,
                    other => {
                        if let Some(rule) = other.strip_prefix(ROUTED) {
                            *counts.routed.entry(RuleId::from(rule)).or_insert(0) += count;
                        }
                    }
                }
            } else {
                match attribute.as_str() {
                    "succeeded" => self.succeeded += count,
                    "needsAttention" => self.needs_attention += count,
                    other => {
                        if let Some(code) = other.strip_prefix("reason.") {
                            *self.reasons.entry(code.to_owned()).or_insert(0) += count;
                        }
                    }
                }
            }
        }
    }
}
