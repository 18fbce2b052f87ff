//! What one transaction writes: records, the sellers and counters that follow from them, and the runs.
//!
//! Sellers' held records and all counters are differences of tallies (`domain::tally`), so they can't be forgotten on
//! one of the ways a record may change.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_dynamodb::types::{Delete, Put, Update};
use domain::id::{RecordType, SellerId};
use domain::record::Record;
use domain::route::Touched;
use domain::run::{RoutingRun, Trigger};
use domain::segment_run;
use domain::tally::{self, Counter};
use domain::turn::Turn;

use crate::counters::{self, RowChanges};
use crate::error::Result;
use crate::freed;
use crate::item::Item;
use crate::keys;
use crate::record_item::{Stored, item_of};
use crate::runs;
use crate::seller_states::SellerChange;
use crate::store::Store;
use crate::timelines::{self, StateChange};
use crate::transaction::{Transaction, WITH_OLD};

/// Collects the writes of one transaction.
#[derive(Debug, Default)]
pub(crate) struct Writes {
    transaction: Transaction,
    sellers: BTreeMap<SellerId, SellerChange>,
    rows: BTreeMap<RecordType, RowChanges>,
    runs: Vec<RoutingRun>,
}

impl Writes {
    /// A record that must not exist yet.
    pub(crate) fn create(&mut self, store: &Store, record: &Record) -> Result<()> {
        self.count(None, Some(record));
        self.transaction.put(put_new(store, record)?);
        Ok(())
    }

    /// A record as it will be, if it still is as it was read.
    pub(crate) fn replace(&mut self, store: &Store, before: &Stored, after: &Record) -> Result<()> {
        self.count(Some(&before.record), Some(after));
        if let Some(run) = after.waited_for_by().filter(|run| before.record.waited_for_by() != Some(run)) {
            self.add(&after.key.record_type, keys::run_counts(run), counters::CONSIDERED.to_owned(), 1);
        }
        self.transaction.update(update(store, before, after)?);
        if let Some(change) = StateChange::between(&before.record, after) {
            self.note(store, change.item(after)?);
        }
        Ok(())
    }

    /// An item of a record's timeline.
    fn note(&mut self, store: &Store, item: Item) {
        let put = Put::builder().table_name(&store.work_table).set_item(Some(item));
        self.transaction.put(put.build().expect("table and item are given"));
    }

    /// A record that shall be gone, if it still is as it was read.
    pub(crate) fn delete(&mut self, store: &Store, before: &Stored) {
        self.count(Some(&before.record), None);
        let (condition, names, values) = before.unchanged();
        let delete = Delete::builder()
            .table_name(&store.records_table)
            .set_key(Some(keys::record(&before.record.key).attributes()))
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
            .build();
        self.transaction.delete(delete.expect("table and key are given"));
        self.note(store, timelines::deletion(&before.record));
    }

    /// A run of a record as it was before; its index among the runs of this transaction.
    pub(crate) fn run(&mut self, before: &Record, run: RoutingRun) {
        // What a person does meanwhile is none of the run's doing.
        if let Some(waited_for_by) = before.waited_for_by().filter(|_| run.trigger != Trigger::Manual) {
            let (assigned, failed) = segment_run::outcome(&run);
            for (attribute, counts) in [(counters::ASSIGNED, assigned), (counters::FAILED, failed)] {
                self.add(&run.record_type, keys::run_counts(waited_for_by), attribute.to_owned(), i64::from(counts));
            }
        }
        if let (Some(rule), Some(segment), Some(_)) =
            (&run.assignment.rule_id, &run.segmentation.segment_id, &run.assignment.owner)
        {
            self.add(&run.record_type, keys::segment_counts(segment), counters::routed(rule), 1);
        }
        self.runs.push(run);
    }

    fn add(&mut self, record_type: &RecordType, row: String, attribute: String, change: i64) {
        let rows = self.rows.entry(record_type.clone()).or_default();
        *rows.entry(row).or_default().entry(attribute).or_insert(0) += change;
    }

    /// An assignment that was decided, before the write of its record: it relies on the seller as seen by the first
    /// decision of this transaction, without what the transaction has moved to or from the seller by then.
    pub(crate) fn touch(&mut self, record_type: &RecordType, touched: &Touched) {
        let change = self.sellers.entry(touched.seller.clone()).or_default();
        if change.seen.is_none() {
            change.seen = Some((touched.seen_turn, touched.seen_generation));
            change.seen_held.clone_from(&touched.seen_held);
            for (record_type, moved) in &change.held {
                change.seen_held.entry(record_type.clone()).and_modify(|held| *held -= moved);
            }
        }
        change.capacity_mattered |= touched.capacity_mattered;
        change.in_periods = Some(touched.in_periods.clone());
        change.turns.insert(record_type.clone(), touched.turn);
    }

    /// An assignment given by hand; it relies on the seller's last turn only to come after it.
    pub(crate) fn give(&mut self, record_type: &RecordType, seller: &SellerId, seen: (Option<Turn>, u64), turn: Turn) {
        let change = self.sellers.entry(seller.clone()).or_default();
        change.seen = Some(seen);
        change.turns.insert(record_type.clone(), turn);
    }

    fn count(&mut self, before: Option<&Record>, after: Option<&Record>) {
        let Some(record) = after.or(before) else { return };
        let record_type = &record.key.record_type;
        for (counter, change) in tally::changes(before, after) {
            if let Counter::Held(seller) = &counter {
                *self.sellers.entry(seller.clone()).or_default().held.entry(record_type.clone()).or_insert(0) += change;
            } else if let Some((row, attribute)) = counters::place(&counter) {
                self.add(record_type, row, attribute, change);
            }
        }
    }

    /// How many of a transaction's hundred places it would take with one more record, at the most.
    pub(crate) fn places_with(
        &self,
        before: &Record,
        after: &Record,
        touched: Option<&Touched>,
        run: &RoutingRun,
    ) -> usize {
        let mut sellers: BTreeSet<&SellerId> = self.sellers.keys().collect();
        sellers.extend(touched.map(|touched| &touched.seller));
        let no_rows = RowChanges::new();
        let mut rows: BTreeSet<String> =
            self.rows.get(&after.key.record_type).unwrap_or(&no_rows).keys().cloned().collect();
        let changes = tally::changes(Some(before), Some(after));
        for counter in changes.keys() {
            match (counter, counters::place(counter)) {
                (Counter::Held(seller), _) => drop(sellers.insert(seller)),
                (_, Some((row, _))) => drop(rows.insert(row)),
                (_, None) => {}
            }
        }
        rows.extend(run.segmentation.segment_id.as_ref().map(keys::segment_counts));
        let other_rows: usize = self
            .rows
            .iter()
            .filter(|(record_type, _)| **record_type != after.key.record_type)
            .map(|(_, rows)| rows.len())
            .sum();
        let making_room = self.sellers.values().filter(|change| change.makes_room()).count();
        let one_more = changes.iter().any(|(counter, change)| matches!(counter, Counter::Held(_)) && *change < 0);
        self.transaction.len() + 1 + sellers.len() + making_room + usize::from(one_more) + rows.len() + other_rows + 1
    }

    /// The transaction; the runs lie under the chunk's id.
    pub(crate) fn into_transaction(mut self, store: &Store, chunk: &str) -> Result<Transaction> {
        for (id, change) in self.sellers.iter().filter(|(_, change)| !change.is_empty()) {
            self.transaction.update(change.update(&store.work_table, id));
            if change.makes_room() {
                self.transaction.update(freed::has_room(&store.work_table, id));
            }
        }
        let shard = rand::random_range(0..keys::SHARDS);
        for (record_type, rows) in &mut self.rows {
            for (row, changes) in rows {
                changes.retain(|_, change| *change != 0);
                if !changes.is_empty() {
                    self.transaction.update(counters::add(&store.work_table, record_type, shard, row, changes));
                }
            }
        }
        if !self.runs.is_empty() {
            self.transaction.put(runs::put(&store.work_table, chunk, &self.runs)?);
        }
        Ok(self.transaction)
    }
}

/// The write of a new record.
pub(crate) fn put_new(store: &Store, record: &Record) -> Result<Put> {
    Ok(Put::builder()
        .table_name(&store.records_table)
        .set_item(Some(item_of(record)?))
        .condition_expression("attribute_not_exists(pk)")
        .return_values_on_condition_check_failure(WITH_OLD)
        .build()
        .expect("table and item are given"))
}

/// The write of a changed record.
pub(crate) fn update(store: &Store, before: &Stored, after: &Record) -> Result<Update> {
    let (expression, mut names, mut values) = before.difference(after)?.expression();
    let (condition, condition_names, condition_values) = before.unchanged();
    names.extend(condition_names);
    values.extend(condition_values);
    Ok(Update::builder()
        .table_name(&store.records_table)
        .set_key(Some(keys::record(&after.key).attributes()))
        .update_expression(expression)
        .condition_expression(condition)
        .set_expression_attribute_names(Some(names))
        .set_expression_attribute_values(Some(values).filter(|values| !values.is_empty()))
        .return_values_on_condition_check_failure(WITH_OLD)
        .build()
        .expect("table, key and expression are given"))
}
