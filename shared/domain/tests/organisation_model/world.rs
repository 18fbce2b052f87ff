//! The organisation as it is: what is configured, the records and what moves, each changed as the store would change it.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use domain::id::{RecordKey, RecordType, SellerId};
use domain::record::Record;
use domain::record_type::RecordTypes;
use domain::roster::SellerState;
use domain::tally::{self, Counter};
use domain::turn::Turn;
use jiff::{SignedDuration, Timestamp};

use crate::book::{Desk, Memory};
use crate::figures::Figures;
use crate::known::Known;
use crate::plan::{Config, TYPES};
use crate::step::Step;

pub(crate) type Outcome<T = ()> = Result<T, String>;

pub(crate) struct World {
    pub(crate) figures: Figures,
    pub(crate) now: Timestamp,
    pub(crate) known: Rc<Known>,
    /// What was configured before the latest change.
    pub(crate) previous: Rc<Known>,
    pub(crate) records: BTreeMap<RecordKey, Record>,
    pub(crate) memories: BTreeMap<RecordKey, Memory>,
    pub(crate) states: BTreeMap<SellerId, SellerState>,
    pub(crate) counters: BTreeMap<(RecordType, Counter), i64>,
    /// The model's own book of last assignments and periods; what sellers hold is counted when it is needed.
    pub(crate) desk: Desk,
    pub(crate) turns: BTreeSet<Turn>,
    /// Automatic assignments since what a period is was changed for the seller.
    pub(crate) brought: BTreeMap<SellerId, Vec<Timestamp>>,
    /// Assignments by turn among the same sellers since anything else happened to them.
    pub(crate) round: BTreeMap<SellerId, u64>,
    /// The batches that were handed over.
    pub(crate) batches: Vec<Vec<RecordKey>>,
    pub(crate) record_types: RecordTypes,
    next: usize,
}

/// One of these, by a number that is taken modulo what there is.
pub(crate) fn one_of<T: Clone>(of: &[T], number: usize) -> Option<T> {
    (!of.is_empty()).then(|| of[number % of.len()].clone())
}

impl World {
    pub(crate) fn new(mut config: Config, now: Timestamp) -> Self {
        let record_types = RecordTypes::built_in();
        let mut next = 0;
        for (kind, segments) in TYPES.iter().zip(&mut config.segments) {
            for segment in segments {
                if segment.id.as_str().is_empty() {
                    next += 1;
                    segment.id = format!("{kind}-{next}").as_str().into();
                }
                for rule in &mut segment.rules {
                    next += 1;
                    rule.id = format!("{}-{next}", segment.id).as_str().into();
                }
            }
        }
        let known = Known::of(config, &record_types);
        Self {
            figures: Figures { cases: 1, ..Figures::default() },
            now,
            previous: Rc::clone(&known),
            known,
            records: BTreeMap::new(),
            memories: BTreeMap::new(),
            states: BTreeMap::new(),
            counters: BTreeMap::new(),
            desk: Desk::new(),
            turns: BTreeSet::new(),
            brought: BTreeMap::new(),
            round: BTreeMap::new(),
            batches: vec![],
            record_types,
            next,
        }
    }

    /// A millisecond passes: no two things happen at the same instant.
    pub(crate) fn tick(&mut self) -> Timestamp {
        self.now += SignedDuration::from_millis(1);
        self.now
    }

    pub(crate) fn next(&mut self) -> usize {
        self.next += 1;
        self.next
    }

    /// Takes a step.
    pub(crate) fn take(&mut self, step: &Step) -> Outcome {
        self.tick();
        let done = match step {
            Step::Arrive { .. } | Step::Foreign { .. } => self.arrive(step),
            Step::Patch { .. }
            | Step::Close(_)
            | Step::Reopen(_)
            | Step::Delete(_)
            | Step::Sweep(_)
            | Step::Ask(..) => self.change(step),
            Step::Assign { record, to, writer } => self.assign(*record, *to, *writer),
            Step::NewSeller(..) | Step::ChangeSeller(..) | Step::DeleteSeller(_) => self.change_sellers(step),
            Step::ChangeSettings(settings) => {
                self.brought.clear();
                self.configure(|config| config.settings = settings.clone())
            }
            Step::NewSegment { .. } | Step::ChangeSegment { .. } => self.change_segments(step),
            Step::NewRule { .. } | Step::ChangeRule { .. } => self.change_rules(step),
            Step::ChangeTeam(number, plan) => self.configure(|config| config.teams[*number] = plan.clone()),
            Step::ChangeQueue(number, plan) => self.configure(|config| config.queues[*number] = plan.clone()),
            Step::Wait(minutes) => {
                self.now += SignedDuration::from_mins(*minutes);
                true
            }
            Step::Deliver(batch) => {
                let keys = self.waiting(batch.take);
                self.deliver(&keys, *batch, false)?
            }
            Step::DeliverByStaleRules(batch) => {
                let keys = self.waiting(batch.take);
                self.deliver(&keys, *batch, true)?
            }
            Step::DeliverAgain(which, batch) => {
                let keys = one_of(&self.batches, *which).unwrap_or_default();
                self.deliver(&keys, *batch, false)?
            }
            Step::Race(batch, between) => {
                let keys = self.waiting(batch.take);
                self.race(&keys, *batch, between)?
            }
        };
        *self.figures.steps.entry(step.name()).or_insert(0) += 1;
        self.figures.idle += u64::from(!done);
        Ok(())
    }

    /// The records that wait, as many of them from the first on.
    pub(crate) fn waiting(&self, take: usize) -> Vec<RecordKey> {
        self.records.values().filter(|record| record.waits()).map(|record| record.key.clone()).take(take).collect()
    }

    /// Writes a record, or deletes it, and moves every counter that follows from it.
    pub(crate) fn write(&mut self, before: Option<&Record>, after: Option<Record>) {
        let Some(key) = after.as_ref().or(before).map(|record| record.key.clone()) else { return };
        for (counter, change) in tally::changes(before, after.as_ref()) {
            if let Counter::Held(seller) = &counter {
                let state = self.states.entry(seller.clone()).or_default();
                *state.held.entry(key.record_type.clone()).or_insert(0) += change;
            }
            *self.counters.entry((key.record_type.clone(), counter)).or_insert(0) += change;
        }
        match after {
            Some(record) => drop(self.records.insert(key, record)),
            None => drop(self.records.remove(&key)),
        }
    }

    /// One of the sellers.
    pub(crate) fn seller(&self, number: usize) -> Option<SellerId> {
        let ids: Vec<SellerId> = self.known.config.sellers.keys().cloned().collect();
        one_of(&ids, number)
    }
}
