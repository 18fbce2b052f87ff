//! What must hold of everything stored, whatever has happened, and in which words a breach of it is told.
//!
//! The store reads, by pages and while others write; this judges. What one look can prove (a record contradicts itself or
//! its last run) is a breach at once. What moves while it is counted is one only when two looks agree, as with the
//! recount ([`crate::recount`]); what kept moving is void, which is neither.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::record::Record;
use crate::recount::Look;

pub mod counter;
pub mod history;
pub mod owner;

/// So many breaches of one invariant are told one by one; all are counted.
pub const MOST_TOLD: u64 = 100;

/// What must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Invariant {
    /// A record has at most one owner: who its last run left it to, in whose index it stands.
    OneOwner,
    /// No change was decided twice: the runs of a record are one chain, and its last run is the end of it.
    DecidedOnce,
    /// What is kept as held by a seller are the active records that the seller owns.
    HeldCounters,
    /// The monitor's counters are the records that they count.
    MonitorCounters,
    /// No record has waited for longer than the sweep lets any wait.
    NoOverdueMark,
    /// A run is of a record that exists, or that was deleted by the product.
    RunHasRecord,
    /// A record is a member of a segment that exists, or of none.
    SegmentExists,
}

impl Invariant {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 7] = [
        Self::OneOwner,
        Self::DecidedOnce,
        Self::HeldCounters,
        Self::MonitorCounters,
        Self::NoOverdueMark,
        Self::RunHasRecord,
        Self::SegmentExists,
    ];

    /// What it promises, and what is looked at for it.
    #[must_use]
    pub fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::OneOwner => ("a record has one owner at most", "records"),
            Self::DecidedOnce => ("no change is decided twice", "runs"),
            Self::HeldCounters => ("what sellers hold equals a count", "sellers"),
            Self::MonitorCounters => ("the monitor's counters equal a count", "counters"),
            Self::NoOverdueMark => ("no mark is overdue", "marks"),
            Self::RunHasRecord => ("no run without record", "runs"),
            Self::SegmentExists => ("no membership without segment", "memberships"),
        }
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Breach {
    /// What must hold.
    pub invariant: Invariant,
    /// What it was found at: the key of a record, the id of a run, the partition key of a seller's moving part, a counter.
    pub item: String,
    /// What was found and what was expected.
    pub sentence: String,
}

impl Breach {
    pub(crate) fn of(invariant: Invariant, item: impl Into<String>, sentence: String) -> Self {
        Self { invariant, item: item.into(), sentence }
    }
}

/// How one invariant fared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Figures {
    /// How many things were looked at.
    pub looked_at: u64,
    /// How many of them are not as they must be; of a record or seller more than one thing may be wrong.
    pub breaches: u64,
    /// How many of them kept moving, so that nothing was proved of them.
    pub void: u64,
}

/// What a check looked at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct LookedAt {
    /// Records.
    pub records: u64,
    /// Routing runs.
    pub runs: u64,
    /// Sellers, deleted ones who are still counted for among them.
    pub sellers: u64,
    /// Segments.
    pub segments: u64,
    /// Pages of both tables.
    pub pages: u64,
    /// How long it was at work, in milliseconds, pauses between two looks included.
    pub milliseconds: u64,
}

/// What a check has found so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// When it began.
    pub started_at: Timestamp,
    /// What it looked at.
    pub looked_at: LookedAt,
    /// How each invariant fared.
    pub invariants: BTreeMap<Invariant, Figures>,
    /// What is not as it must be, up to [`MOST_TOLD`] of each invariant.
    pub breaches: Vec<Breach>,
}

impl Report {
    /// Nothing was looked at yet.
    #[must_use]
    pub fn begin(started_at: Timestamp) -> Self {
        let invariants = Invariant::ALL.map(|invariant| (invariant, Figures::default())).into();
        Self { started_at, looked_at: LookedAt::default(), invariants, breaches: Vec::new() }
    }

    /// The figures of an invariant.
    pub fn figures(&mut self, invariant: Invariant) -> &mut Figures {
        self.invariants.entry(invariant).or_default()
    }

    /// Counts breaches, and keeps them to be told.
    pub fn note(&mut self, breaches: impl IntoIterator<Item = Breach>) {
        for breach in breaches {
            let figures = self.figures(breach.invariant);
            figures.breaches += 1;
            if figures.breaches <= MOST_TOLD {
                self.breaches.push(breach);
            }
        }
    }

    /// Whether everything is as it must be, as far as it could be proved.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.invariants.values().all(|figures| figures.breaches == 0)
    }
}

/// What two looks that agree prove of a seller.
#[must_use]
pub fn held(look: &Look) -> Vec<Breach> {
    let item = format!("state#{}", look.seller);
    let differences = look.differences.iter().map(|(record_type, difference)| {
        let (kept, counted) = (difference.kept.unwrap_or(0), difference.counted);
        let sentence = format!(
            "Seller {} is kept with {kept} held records of type {record_type}, but owns {counted} active ones.",
            look.seller
        );
        Breach::of(Invariant::HeldCounters, item.clone(), sentence)
    });
    differences.collect()
}

/// A record that has waited for longer than a bound.
#[must_use]
pub fn overdue(record: &Record, bound: SignedDuration, now: Timestamp) -> Option<Breach> {
    let mark = record.mark.as_ref()?;
    let waited = now.duration_since(mark.since);
    (waited > bound).then(|| {
        let sentence = format!(
            "{} has waited since {}, for {} minutes; none may wait for more than {}.",
            record.key,
            mark.since,
            waited.as_mins(),
            bound.as_mins()
        );
        Breach::of(Invariant::NoOverdueMark, record.key.to_string(), sentence)
    })
}

/// A record in a segment that two looks did not find.
#[must_use]
pub fn homeless(record: &Record) -> Option<Breach> {
    let segment = record.segment.as_ref()?;
    let sentence = format!("{} is a member of segment {segment}, which does not exist.", record.key);
    Some(Breach::of(Invariant::SegmentExists, record.key.to_string(), sentence))
}

/// A chunk of runs that can't be understood: nobody can tell what was decided there.
#[must_use]
pub fn unreadable_runs(chunk: &str) -> Breach {
    let sentence = format!("The runs of chunk {chunk} can't be read; nothing is proved of them.");
    Breach::of(Invariant::DecidedOnce, format!("runs#{chunk}"), sentence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record::NewRecord;
    use crate::record::tests::{at, new_lead};
    use crate::roster::SellerState;

    #[test]
    fn a_mark_is_overdue_only_beyond_the_bound() {
        let record = new_lead("L-1", &json!({})).into_record(at(0));
        let bound = SignedDuration::from_mins(20);
        assert_eq!(overdue(&record, bound, at(1_200)), None);
        let breach = overdue(&record, bound, at(1_320)).unwrap();
        assert_eq!((breach.invariant, breach.item.as_str()), (Invariant::NoOverdueMark, "lead#L-1"));
        assert!(breach.sentence.contains("for 22 minutes; none may wait for more than 20"), "{}", breach.sentence);
        let unmarked = NewRecord { route: false, ..new_lead("L-2", &json!({})) }.into_record(at(0));
        assert_eq!(overdue(&unmarked, bound, at(9_000)), None);
    }

    #[test]
    fn what_a_seller_holds_is_told_for_each_type_that_differs() {
        let kept = SellerState { held: [("lead".into(), 6)].into(), changes: 4, ..SellerState::default() };
        let look = Look::differing(&"susana".into(), at(0), &kept, &[("lead".into(), 3), ("account".into(), 1)].into());
        let told: Vec<String> = held(&look.unwrap()).into_iter().map(|breach| breach.sentence).collect();
        assert_eq!(
            told,
            [
                "Seller susana is kept with 0 held records of type account, but owns 1 active ones.",
                "Seller susana is kept with 6 held records of type lead, but owns 3 active ones.",
            ]
        );
    }

    #[test]
    fn some_hundreds_of_breaches_are_told_and_all_are_counted() {
        let mut record = new_lead("L-1", &json!({})).into_record(at(0));
        let mut report = Report::begin(at(0));
        assert_eq!(homeless(&record), None);
        record.segment = Some("lead-gone".into());
        report.note((0..250).filter_map(|_| homeless(&record)));
        report.note([unreadable_runs("c")]);
        assert_eq!(report.figures(Invariant::SegmentExists).breaches, 250);
        assert_eq!(report.breaches.len(), 101, "another invariant has room of its own");
        assert!(!report.is_clean());
        assert_eq!(report.breaches[0].sentence, "lead#L-1 is a member of segment lead-gone, which does not exist.");
    }

    #[test]
    fn every_invariant_is_told_once_and_a_new_report_is_clean() {
        let report = Report::begin(at(0));
        assert!(report.is_clean());
        assert_eq!(report.invariants.len(), Invariant::ALL.len());
        let words: std::collections::BTreeSet<_> = Invariant::ALL.iter().map(|invariant| invariant.words().0).collect();
        assert_eq!(words.len(), Invariant::ALL.len());
        let read: Report = serde_json::from_value(json!(report)).unwrap();
        assert_eq!(read, report);
    }
}
