//! What a record counts for: a pure function of the record, so every counter can be proven by a recount.
//!
//! A write that turns one image of a record into another changes each counter by the difference of the two tallies.
//! How many records a rule has routed is the one counter that is not here: it counts runs, not records.

use std::collections::BTreeMap;

use crate::id::{RecordType, SegmentId, SegmentRunId, SellerId};
use crate::record::{Record, State};

/// One counter.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counter {
    /// Active records of the type whose last run needs no attention.
    Succeeded,
    /// Active records of the type whose last run needs attention.
    NeedsAttention,
    /// Of those: by the code of the reason.
    Reason(&'static str),
    /// Members of a segment.
    Members(SegmentId),
    /// Members of a segment that look for an owner (RULE-51).
    Unassigned(SegmentId),
    /// Active records of the type that a seller owns: consumed capacity (CAP-01).
    Held(SellerId),
    /// Records that a segment's run waits for.
    Waiting(SegmentRunId),
}

/// Counters of one record type, and by how much they change.
pub type Changes = BTreeMap<Counter, i64>;

impl Record {
    /// The counters this record counts in, each by one. Inactive records and other programs' items count nowhere.
    #[must_use]
    pub fn tally(&self) -> Vec<Counter> {
        if self.state == State::Inactive || !self.counted {
            return Vec::new();
        }
        let mut counters = Vec::with_capacity(5);
        if let Some(last) = &self.last {
            match last.reason {
                None => counters.push(Counter::Succeeded),
                Some(reason) => counters.extend([Counter::NeedsAttention, Counter::Reason(reason.code())]),
            }
        }
        if let Some(segment) = &self.segment {
            counters.push(Counter::Members(segment.clone()));
            if self.is_unassigned() {
                counters.push(Counter::Unassigned(segment.clone()));
            }
        }
        if let Some(seller) = self.owner.as_ref().and_then(|owner| owner.seller()) {
            counters.push(Counter::Held(seller.clone()));
        }
        counters.extend(self.waited_for_by().cloned().map(Counter::Waiting));
        counters
    }
}

/// By how much the counters of the record's type change when one image of a record becomes another. Counters that stay
/// as they are don't appear.
#[must_use]
pub fn changes(before: Option<&Record>, after: Option<&Record>) -> Changes {
    let mut changes = Changes::new();
    for (record, sign) in [(before, -1), (after, 1)] {
        for counter in record.into_iter().flat_map(Record::tally) {
            *changes.entry(counter).or_insert(0) += sign;
        }
    }
    changes.retain(|_, change| *change != 0);
    changes
}

/// How many active records of each type a seller owns.
pub type Held = BTreeMap<RecordType, i64>;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::Owner;
    use crate::record::tests::{at, new_lead};

    #[test]
    fn cap_04_seg_60_closing_a_record_frees_its_owner_and_takes_it_out_of_its_segment() {
        let mut record = new_lead("L-1", &json!({})).into_record(at(1));
        record.owner = Some(Owner::Seller("susana".into()));
        record.segment = Some("lead-default".into());
        record.mark = None;
        let closed = record.clone().closed("qualified", at(2));
        let expected = [(Counter::Members("lead-default".into()), -1), (Counter::Held("susana".into()), -1)];
        assert_eq!(changes(Some(&record), Some(&closed)), expected.into());
    }

    #[test]
    fn handing_a_record_over_changes_two_sellers_and_nothing_else() {
        let mut before = new_lead("L-1", &json!({})).into_record(at(1));
        before.owner = Some(Owner::Seller("susana".into()));
        let mut after = before.clone();
        after.owner = Some(Owner::Seller("miriam".into()));
        let expected = [(Counter::Held("susana".into()), -1), (Counter::Held("miriam".into()), 1)];
        assert_eq!(changes(Some(&before), Some(&after)), expected.into());
    }

    #[test]
    fn another_programs_item_counts_from_its_adoption_on() {
        let mut foreign = new_lead("L-1", &json!({})).into_record(at(1));
        foreign.owner = Some(Owner::Seller("susana".into()));
        (foreign.revision, foreign.counted) = (0, false);
        let adopted = Record { revision: 1, counted: true, ..foreign.clone() };
        assert_eq!(changes(Some(&foreign), Some(&adopted)), [(Counter::Held("susana".into()), 1)].into());
        // Asked for again by taking the revision away, it stands in the counters already.
        let again = Record { revision: 0, ..adopted.clone() };
        assert_eq!(changes(Some(&again), Some(&adopted)), Changes::new());
    }
}
