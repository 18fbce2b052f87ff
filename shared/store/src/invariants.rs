//! The operator's check of invariants (`domain::invariant`): reads both tables by pages while others write, and writes
//! nothing.
//!
//! A check goes through all records, then through all runs and the sellers' moving parts. What moves while it is looked
//! at is looked at again a minute later: sellers by the recount's two looks, the monitor's counters and memberships of
//! missing segments by a second way through all records, which also meets the records that may disagree with their last
//! run. A check is a value that can be put down after each step and taken up by another process.
//!
//! What it keeps grows with what is configured (16 numbers for each counter) and with sellers under suspicion, not with
//! records or runs: for those there are some thousand sums (`last_runs`). Beside that there is the page being looked at,
//! and in one process the runs that chains have reached before their page came (`histories`), of which there are at most
//! some hundred thousand.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{RecordType, SegmentId, SellerId};
use domain::invariant::counter::{self, Counted, Kept, Unsettled};
use domain::invariant::{Invariant, Report};
use domain::recount::Look;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::store::Store;

mod counters;
mod histories;
mod last_runs;
mod records;
mod runs;
mod scan;
mod sellers;

use histories::Histories;
use last_runs::LastRuns;
use scan::{PARTS, Place};

/// Between the end of the first looks and the second ones: what two looks of the recount are apart.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// For how many minutes a record may wait unless somebody says otherwise. The minute sweep touches a mark that is older
/// than five minutes, again after five and after ten more, and gives the record up five minutes later if three decisions
/// were begun and none was committed: after 21 minutes it has been decided one way or another, unless nobody decides at
/// all. The rest is room for sweeps that were missed.
pub const PENDING_MINUTES: u32 = 30;

/// A check, as far as it has come.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Check {
    pending_minutes: u32,
    part: Part,
    /// The types whose counters are looked at.
    types: BTreeSet<RecordType>,
    /// The counters as kept before the records are counted, and the count.
    before: Kept,
    counted: Counted,
    /// What the first look at counters left open.
    unsettled: BTreeMap<String, Unsettled>,
    /// Segments that records name and that the first look did not find.
    missing: BTreeSet<SegmentId>,
    /// Sellers of whom the first look did not prove that they are right; without a look when they moved.
    suspects: BTreeMap<SellerId, Option<Look>>,
    /// Whether records and their last runs agree.
    last_runs: LastRuns,
    report: Report,
    #[serde(skip)]
    segments: Option<BTreeSet<SegmentId>>,
    #[serde(skip)]
    histories: Histories,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Part {
    Records(Place),
    Work(Place),
    /// Sellers without a moving part, behind this one.
    Sellers(Option<SellerId>),
    Pause(Timestamp),
    RecordsAgain(Place),
    SellersAgain,
    Done,
}

impl Check {
    /// Begins a check.
    pub async fn begin(store: &Store, pending_minutes: u32, now: Timestamp) -> Result<Self> {
        let types = store.record_types().await?;
        let types = types.iter().filter(|definition| definition.holds_records());
        let types: BTreeSet<RecordType> = types.map(|definition| definition.record_type.clone()).collect();
        Ok(Self {
            pending_minutes,
            part: Part::Records(Place::default()),
            before: store.kept_counters(&types).await?,
            types,
            counted: Counted::new(),
            unsettled: BTreeMap::new(),
            missing: BTreeSet::new(),
            suspects: BTreeMap::new(),
            last_runs: LastRuns::default(),
            report: Report::begin(now),
            segments: None,
            histories: Histories::default(),
        })
    }

    /// Goes on by a page.
    pub async fn step(&mut self, store: &Store, now: Timestamp) -> Result<()> {
        self.part = match self.part.clone() {
            Part::Records(place) => match self.records(store, &place, now).await? {
                Some(place) => Part::Records(place),
                None => {
                    let after = store.kept_counters(&self.types).await?;
                    let counters = counter::how_many(&after, &self.counted);
                    self.report.figures(Invariant::MonitorCounters).looked_at = counters;
                    self.unsettled = counter::look(&self.before, &self.counted, &after);
                    Part::Work(Place::default())
                }
            },
            Part::Work(place) => match self.work(store, &place, now).await? {
                Some(place) => Part::Work(place),
                None => Part::Sellers(None),
            },
            Part::Sellers(behind) => match self.sellers(store, behind.as_ref(), now).await? {
                Some(behind) => Part::Sellers(Some(behind)),
                None if self.stood_still() => self.again(store).await?,
                None => Part::Pause(now + PAUSE),
            },
            Part::Pause(until) if now < until => Part::Pause(until),
            Part::Pause(_) => self.again(store).await?,
            Part::RecordsAgain(place) => match self.records_again(store, &place, now).await? {
                Some(place) => Part::RecordsAgain(place),
                None => {
                    let after = store.kept_counters(&self.types).await?;
                    let second = counter::look(&self.before, &self.counted, &after);
                    let (breaches, void) = counter::judge(&self.unsettled, &second);
                    self.report.figures(Invariant::MonitorCounters).void += void;
                    self.report.note(breaches);
                    Part::SellersAgain
                }
            },
            Part::SellersAgain if self.suspects.is_empty() => Part::Done,
            Part::SellersAgain => {
                self.sellers_again(store, now).await?;
                Part::SellersAgain
            }
            Part::Done => Part::Done,
        };
        Ok(())
    }

    /// Begins the second looks.
    async fn again(&mut self, store: &Store) -> Result<Part> {
        for segment in self.missing.clone() {
            if store.segment(&segment).await?.is_some() || store.is_being_left(&segment).await? {
                self.missing.remove(&segment);
            }
        }
        if self.unsettled.is_empty() && self.missing.is_empty() && self.last_runs.is_settled() {
            return Ok(Part::SellersAgain);
        }
        self.before = store.kept_counters(&self.types).await?;
        self.counted = Counted::new();
        Ok(Part::RecordsAgain(Place::default()))
    }

    /// Whether there is nothing that only a look a minute later can prove.
    fn stood_still(&self) -> bool {
        self.unsettled.is_empty() && self.missing.is_empty() && self.suspects.is_empty()
    }

    /// Until when there is nothing to do but wait for the second looks.
    #[must_use]
    pub fn waits_until(&self) -> Option<Timestamp> {
        if let Part::Pause(until) = self.part { Some(until) } else { None }
    }

    /// Whether it has come to its end.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.part == Part::Done
    }

    /// How far it has come, in steps of about the same size, and how many there are if everything must be looked at twice.
    #[must_use]
    pub fn progress(&self) -> (u32, u32) {
        let parts = PARTS.unsigned_abs();
        let part = |place: &Place| place.part.unsigned_abs();
        let of = 3 * parts + 2;
        let done = match &self.part {
            Part::Records(place) => part(place),
            Part::Work(place) => parts + part(place),
            Part::Sellers(_) => 2 * parts,
            Part::Pause(_) => 2 * parts + 1,
            Part::RecordsAgain(place) => 2 * parts + 1 + part(place),
            Part::SellersAgain => 3 * parts + 1,
            Part::Done => of,
        };
        (done, of)
    }

    /// What it has found so far.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// Adds to the time that it was at work.
    pub fn took(&mut self, milliseconds: u64) {
        self.report.looked_at.milliseconds += milliseconds;
    }
}
