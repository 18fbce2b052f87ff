//! Which run each record names as its last, against the runs that are the last of their record and agree with it.
//!
//! To read its last run with each record would read every chunk once for each of the records it decided. So the records
//! are looked through first and the runs after them, and of each pair a fingerprint is added by the one and taken away by
//! the other, in one of some thousand sums by the record's key. A sum that is not zero at the end tells that of its
//! records one disagrees, or has moved meanwhile: those records are looked at one by one, with their runs. That is all it
//! decides, so a fingerprint need not be the same in another build.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use domain::id::{RecordKey, RunId};
use domain::record::Record;
use serde::{Deserialize, Serialize};

/// So many sums there are.
const SUMS: u64 = 4_096;

/// The sums that are not zero.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct LastRuns(BTreeMap<u64, u64>);

impl LastRuns {
    /// A record names its last run.
    pub(super) fn named(&mut self, record: &Record) {
        if let Some(last) = record.last.as_ref().filter(|_| record.counted) {
            self.add(&record.key, fingerprint(&(&record.key, &last.id)));
        }
    }

    /// A run is the last of its record and agrees with it.
    pub(super) fn met(&mut self, record: &RecordKey, run: &RunId) {
        self.add(record, fingerprint(&(record, run)).wrapping_neg());
    }

    fn add(&mut self, record: &RecordKey, number: u64) {
        let place = fingerprint(record) % SUMS;
        let sum = self.0.entry(place).or_default();
        *sum = sum.wrapping_add(number);
        if *sum == 0 {
            self.0.remove(&place);
        }
    }

    /// Whether every record has met its last run.
    pub(super) fn is_settled(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether this record may be one that did not.
    pub(super) fn leave_open(&self, record: &RecordKey) -> bool {
        self.0.contains_key(&(fingerprint(record) % SUMS))
    }
}

fn fingerprint(of: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}
