//! The monitor's counters: as they are kept, and as a record counts in them.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::RecordType;
use domain::invariant::counter::{Counted, Kept};
use domain::record::Record;

use crate::counters;
use crate::error::Result;
use crate::keys;
use crate::store::Store;

/// What a counter is called: the record type, the row and the attribute, as they lie in the table.
fn name(record_type: &RecordType, row: &str, attribute: &str) -> String {
    format!("{record_type} {row} {attribute}")
}

/// Counts a record.
pub(super) fn count(record: &Record, counted: &mut Counted) {
    for (row, attribute) in record.tally().iter().filter_map(counters::place) {
        // What a segment's run counts expires and has no end to be held against.
        if keys::run_of_counts(&row).is_none() {
            *counted.entry(name(&record.key.record_type, &row, &attribute)).or_default() += 1;
        }
    }
}

impl Store {
    /// The counters of these types as they are kept, read consistently, though not at one instant.
    pub(super) async fn kept_counters(&self, types: &BTreeSet<RecordType>) -> Result<Kept> {
        let mut kept = Kept::new();
        for record_type in types {
            for item in self.counter_rows(record_type, None).await? {
                let text = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
                let (Some(partition), Some(row)) = (text("pk"), text("sk")) else { continue };
                let shard = (0..keys::SHARDS).find(|shard| keys::counts(record_type, *shard) == partition);
                for (attribute, value) in &item {
                    let AttributeValue::N(digits) = value else { continue };
                    let (Some(shard), Ok(count)) = (shard, digits.parse()) else { continue };
                    // How many records a rule has routed counts runs, not records.
                    if !attribute.starts_with(counters::ROUTED) {
                        let shards = kept.entry(name(record_type, row, attribute));
                        shards.or_insert_with(|| vec![0; usize::from(keys::SHARDS)])[usize::from(shard)] = count;
                    }
                }
            }
        }
        Ok(kept)
    }
}
