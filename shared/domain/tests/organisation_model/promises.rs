//! What must hold whatever happened: of every decision, of every commit, and of the organisation after every step.

use std::collections::{BTreeMap, BTreeSet};

use domain::id::{Owner, RecordType, SellerId};
use domain::mark::Cause;
use domain::reason::Reason;
use domain::record::{Record, State};
use domain::route::Decision;
use domain::run::{Candidate, Joined, RoutingRun, Status, Trace, Tried, Trigger, Verdict};
use domain::tally::Counter;

use crate::book::{Memory, period};
use crate::delivery::View;
use crate::figures::{Figures, promise};
use crate::reference::{Considered, Expected, Reference, kind_of};
use crate::world::{Outcome, World};

/// Inactive records and other programs' items count nowhere.
pub(crate) fn counts(record: &Record) -> bool {
    record.state == State::Active && record.revision > 0
}

fn tried<Id: Clone>(tried: &[Tried<Id>]) -> Vec<(Id, bool)> {
    tried.iter().map(|tried| (tried.id.clone(), tried.matched)).collect()
}

impl Reference<'_> {
    /// A decision is the one that the specification asks for, and its trace tells all of it.
    pub(crate) fn check(
        &self,
        record: &Record,
        memory: &Memory,
        Decision { run, touched }: &Decision,
        expected: &Expected,
        figures: &mut Figures,
    ) -> Outcome {
        let key = &record.key;
        let found = (run.segmentation.status, run.segmentation.reason, run.segmentation.segment_id.clone());
        promise!(figures, found == expected.segmentation, "{key}: {found:?}, expected {expected:?}");
        let (segments, rules) = (tried(&run.trace.segments), tried(&run.trace.rules));
        promise!(figures, segments == expected.segments, "{key}: tried {segments:?}, expected {expected:?}");
        promise!(figures, rules == expected.rules, "{key}: tried {rules:?}, expected {expected:?}");
        let explained = run.trace.segments.iter().all(|tried| tried.matched != tried.failed_on.is_some())
            && run.trace.rules.iter().all(|tried| tried.matched != tried.failed_on.is_some());
        promise!(figures, explained, "{key}: every test that failed names the place where it did");
        let assignment = &run.assignment;
        let found = (assignment.status, assignment.reason);
        promise!(figures, found == expected.assignment, "{key}: {found:?}, expected {expected:?}");
        promise!(figures, assignment.rule_id == expected.rule, "{key}: {:?}, {expected:?}", assignment.rule_id);
        promise!(figures, assignment.due_at == expected.due, "{key}: {:?}, {expected:?}", assignment.due_at);
        promise!(figures, assignment.previous_owner == record.owner, "{key}: the previous owner is the one before");
        let late = expected.due.is_some_and(|due| due < self.now) || found.1 == Some(Reason::NoAvailability);
        promise!(figures, assignment.overdue == (found.0 == Status::Failed && late), "{key}: overdue");
        let owners = &expected.owners;
        let fits = assignment.owner.as_ref().map_or(owners.is_empty(), |owner| owners.contains(owner));
        promise!(figures, fits, "{key}: goes to {:?}, expected {owners:?}", assignment.owner);
        for (status, reason) in [(run.segmentation.status, run.segmentation.reason), found] {
            promise!(figures, reason.is_some() == (status == Status::Failed), "{key}: a reason exactly for a failure");
        }
        let given = assignment.owner.is_some();
        promise!(figures, given == (assignment.status == Status::Succeeded), "{key}: an owner exactly for a success");
        let seller = assignment.owner.as_ref().and_then(Owner::seller);
        promise!(figures, seller == touched.as_ref().map(|touched| &touched.seller), "{key}: who is touched gets it");
        promise!(figures, run.rulebook_version == self.config.version, "{key}: the run names the version");
        let trigger = match memory.wanted {
            Some(Cause::Created) => Some(Trigger::Created),
            Some(Cause::Imported) => Some(Trigger::Imported),
            Some(Cause::Reopened) => Some(Trigger::Reopened),
            Some(Cause::Updated) if run.segmentation.joined == Some(Joined::Moved) => Some(Trigger::Moved),
            Some(Cause::Updated) => Some(Trigger::Updated),
            Some(Cause::RunNow) => Some(Trigger::RunNow),
            Some(Cause::Scheduled) => Some(Trigger::Scheduled),
            Some(Cause::Retried) => Some(Trigger::Retried),
            Some(Cause::CapacityFreed) => Some(Trigger::CapacityFreed),
            None => None,
        };
        promise!(figures, Some(run.trigger) == trigger, "{key}: {:?}, expected {trigger:?}", run.trigger);
        let nobody = [
            Reason::NoSellerMatches,
            Reason::SellerLacksPermission,
            Reason::NoCapacity,
            Reason::NoAvailability,
            Reason::NoTeam,
            Reason::NoQueue,
        ];
        let unlucky = assignment.reason.is_some_and(|reason| nobody.contains(&reason));
        promise!(figures, run.found_nobody() == unlucky, "{key}: a run that found nobody is verified");
        let nobody = Considered::default();
        self.check_trace(&run.trace, expected.sellers.as_ref().unwrap_or(&nobody), figures)
            .map_err(|broken| format!("{key}: {broken}; expected {expected:?}, found {:?}", run.trace))
    }

    /// Every candidate has exactly one verdict; of many the best are shown and the others counted.
    fn check_trace(&self, trace: &Trace, considered: &Considered, figures: &mut Figures) -> Outcome {
        let Considered { order, dropped, .. } = considered;
        let all = order.len() + dropped.len();
        let shown = if all <= Trace::ONE_BY_ONE { order.len() } else { order.len().min(Trace::BEST) };
        promise!(figures, trace.candidates.len() >= shown, "those who were ranked are shown");
        let (ranked, others) = trace.candidates.split_at(shown);
        for (number, (candidate, (id, available, bucket))) in ranked.iter().zip(order).enumerate() {
            let expected = Candidate {
                seller_id: id.clone(),
                verdict: if number == 0 { Verdict::Chosen } else { Verdict::Ranked },
                available: *available,
                bucket: *bucket,
                last_assigned_at: self.last(id).map(|(at, ..)| at),
                rank: Some(u32::try_from(number).unwrap() + 1),
            };
            promise!(figures, *candidate == expected, "{candidate:?} should be {expected:?}");
        }
        if all > Trace::ONE_BY_ONE {
            let mut gates: BTreeMap<String, u32> = BTreeMap::new();
            for verdict in dropped.values() {
                *gates.entry(verdict.gate().to_owned()).or_insert(0) += 1;
            }
            promise!(figures, others.is_empty() && trace.gates == gates, "the dropped are counted by gate: {gates:?}");
            return Ok(());
        }
        let verdicts: BTreeMap<_, _> = others.iter().map(|other| (other.seller_id.clone(), other.verdict)).collect();
        promise!(figures, trace.gates.is_empty() && others.len() == dropped.len(), "each is listed once");
        promise!(figures, verdicts == *dropped, "the gates dropped {verdicts:?}");
        let seen = others.iter().all(|other| {
            other.rank.is_none() && other.last_assigned_at == self.last(&other.seller_id).map(|(at, ..)| at)
        });
        promise!(figures, seen, "the dropped have no rank and their own last assignment");
        Ok(())
    }
}

impl World {
    /// A decision may come into force now.
    pub(crate) fn check_landing(&mut self, view: &View, index: usize, run: &RoutingRun, after: &Record) -> Outcome {
        let (before, expected, decision) = (&view.read[index], &view.expected[index], &view.decisions[index]);
        let (key, memory) = (&before.key, self.memories[&before.key].clone());
        promise!(self.figures, memory.wanted.is_some(), "{key}: is decided once for a change");
        let previous = before.last.as_ref().map(|last| &last.id);
        promise!(self.figures, run.previous.as_ref() == previous, "{key}: the run names the one before");
        promise!(self.figures, after.revision == before.revision + 1, "{key}: every write counts");
        let owner = match &run.assignment.owner {
            None | Some(Owner::Queue(_)) => &before.owner,
            given => given,
        };
        promise!(self.figures, after.owner == *owner, "{key}: belongs to {:?}, should to {owner:?}", after.owner);
        if run.trigger == Trigger::Updated && !memory.is_unassigned(before) {
            let same = after.owner == before.owner && run.assignment.status == Status::NotApplicable;
            promise!(self.figures, same, "{key}: an update takes no record from its owner");
        }
        let unit =
            before.business_unit.as_deref().or_else(|| view.known.unit_of(run.assignment.owner.as_ref()?.seller()?));
        promise!(self.figures, after.business_unit.as_deref() == unit, "{key}: keeps its first owner's unit");
        let Some(touched) = &decision.touched else { return Ok(()) };
        let seller = &touched.seller;
        let (plan, config) = (&view.known.config.sellers[seller], &view.known.config);
        if !view.stale {
            let now = self.known.config.sellers.get(seller);
            promise!(self.figures, now == Some(plan), "{key}: {seller} is as when {seller} was chosen");
        }
        let state = self.states.get(seller).cloned().unwrap_or_default();
        let later = state.turns.values().all(|turn| *turn < touched.turn);
        promise!(self.figures, later && !self.turns.contains(&touched.turn), "{key}: {seller}'s turns only grow");
        let rules = config.segments.iter().flatten().flat_map(|segment| &segment.rules);
        let rule = rules.into_iter().find(|rule| Some(&rule.id) == expected.rule.as_ref()).unwrap();
        promise!(self.figures, rule.respect_capacity == touched.capacity_mattered, "{key}: the commit relies on room");
        if rule.respect_capacity {
            let counting = config.counting();
            let held = self.records.values().filter(|record| {
                counts(record)
                    && counting.contains(kind_of(record).1)
                    && record.owner.as_ref().and_then(Owner::seller) == Some(seller)
            });
            let (held, maximum) = (held.count(), config.maximum(plan));
            let room = maximum.is_none_or(|maximum| held < maximum as usize);
            promise!(self.figures, room, "{key}: {seller} holds {held} of at most {maximum:?} and gets one more");
            let of = |at| period(plan.capacity.period, at, &config.settings);
            let brought = self.brought.get(seller).into_iter().flatten();
            let brought = brought.filter(|at| of(**at).is_some() && of(**at) == of(view.present.now)).count();
            let most = plan.capacity.period_maximum;
            let room = view.stale || most.is_none_or(|most| brought < most as usize);
            promise!(self.figures, room, "{key}: {seller} got {brought} of at most {most:?} in the period");
        }
        self.check_round(view, index, seller)
    }

    /// Among sellers who stay eligible, assignments by turn differ by one at the most.
    fn check_round(&mut self, view: &View, index: usize, seller: &SellerId) -> Outcome {
        let Some(considered) = view.expected[index].sellers.as_ref().filter(|_| !view.stale) else {
            self.round.clear();
            return Ok(());
        };
        let among: BTreeSet<&SellerId> = considered.order.iter().map(|(id, ..)| id).collect();
        let same = among.iter().copied().eq(self.round.keys());
        if !considered.by_turn || !same {
            self.round = among.into_iter().map(|id| (id.clone(), 0)).collect();
        }
        if !considered.by_turn {
            self.round.clear();
            return Ok(());
        }
        *self.round.get_mut(seller).unwrap() += 1;
        self.figures.longest_round = self.figures.longest_round.max(self.round.values().sum());
        let (least, most) = (self.round.values().min(), self.round.values().max());
        let even = most.zip(least).is_none_or(|(most, least)| most - least <= 1);
        promise!(self.figures, even, "assignments by turn are spread as {:?}", self.round);
        Ok(())
    }

    /// The organisation after a step.
    pub(crate) fn check(&mut self) -> Outcome {
        let mut recount: BTreeMap<(RecordType, Counter), i64> = BTreeMap::new();
        for (key, record) in &self.records {
            let memory = &self.memories[key];
            let waits = record.waits() == memory.wanted.is_some();
            promise!(self.figures, waits, "{key}: waits exactly while a change is not processed, {memory:?}");
            if let Some(mark) = &record.mark {
                let same = (Some(mark.cause), mark.owner_given) == (memory.wanted, memory.owner_given);
                promise!(self.figures, same, "{key}: {mark:?} should be {memory:?}");
            }
            let unassigned = record.is_unassigned() == memory.is_unassigned(record);
            promise!(self.figures, unassigned, "{key}: looks for an owner, {memory:?}");
            promise!(self.figures, record.last.is_some() == (memory.runs > 0), "{key}: tells its last run");
            let left = record.state == State::Active || (record.segment.is_none() && record.mark.is_none());
            promise!(self.figures, left, "{key}: has left the process");
            if !counts(record) {
                continue;
            }
            let mut counters = vec![];
            match record.last.as_ref().map(|last| last.reason) {
                None => {}
                Some(None) => counters.push(Counter::Succeeded),
                Some(Some(reason)) => counters.extend([Counter::NeedsAttention, Counter::Reason(reason.code())]),
            }
            if let Some(segment) = &record.segment {
                counters.push(Counter::Members(segment.clone()));
                counters.extend(memory.is_unassigned(record).then(|| Counter::Unassigned(segment.clone())));
            }
            let seller = record.owner.as_ref().and_then(Owner::seller);
            counters.extend(seller.map(|seller| Counter::Held(seller.clone())));
            for counter in counters {
                *recount.entry((key.record_type.clone(), counter)).or_insert(0) += 1;
            }
        }
        self.counters.retain(|_, count| *count != 0);
        promise!(self.figures, self.counters == recount, "counters {:?} should be {recount:?}", self.counters);
        for (seller, state) in &self.states {
            for (kind, held) in &state.held {
                let counted = recount.get(&(kind.clone(), Counter::Held(seller.clone()))).copied().unwrap_or(0);
                promise!(self.figures, *held == counted, "{seller} holds {held}, counted {counted}");
            }
        }
        Ok(())
    }
}
