//! Batches of waiting records: decided by a view of the organisation and committed as the store would commit them, under
//! the same conditions. A commit that is refused is decided again.

use std::collections::BTreeMap;
use std::ops::Range;
use std::rc::Rc;

use domain::id::{RecordKey, RunId, SellerId};
use domain::mark::Cause;
use domain::reason::Reason;
use domain::record::Record;
use domain::route::{Arrival, Decision, Present, Touched, route};
use domain::run::Status;
use domain::tally::{Counter, Held, changes};

use crate::book::{Desk, Memory};
use crate::figures::promise;
use crate::known::Known;
use crate::reference::{Expected, Reference, kind_of};
use crate::step::{Batch, Step};
use crate::support;
use crate::world::{Outcome, World};

/// A batch that is refused more often would be given back to the event source.
const MOST_REFUSALS: usize = 40;

/// A batch, what was known when it was decided, and what was decided.
pub(crate) struct View {
    pub(crate) known: Rc<Known>,
    pub(crate) stale: bool,
    pub(crate) present: Present,
    pub(crate) read: Vec<Record>,
    pub(crate) memories: Vec<Memory>,
    pub(crate) decisions: Vec<Decision>,
    pub(crate) expected: Vec<Expected>,
}

/// What a transaction relies on about a seller, and what it moves.
#[derive(Default)]
struct Reliance<'a> {
    first: Option<(&'a Touched, Held)>,
    capacity_mattered: bool,
    moved: Held,
}

impl World {
    /// Hands over records until none of them waits.
    pub(crate) fn deliver(&mut self, keys: &[RecordKey], batch: Batch, stale: bool) -> Outcome<bool> {
        if !keys.is_empty() {
            self.batches.push(keys.to_vec());
        }
        let any = keys.iter().any(|key| self.records.get(key).is_some_and(Record::waits));
        let marked = self.figures.marked_again;
        let mut stale = stale;
        for refusals in 0.. {
            promise!(self.figures, refusals <= MOST_REFUSALS, "a batch is committed in the end");
            let view = self.view(keys, batch, stale)?;
            if self.commit_all(&view, batch.most)? {
                break;
            }
            stale = false;
        }
        if self.figures.marked_again == marked {
            for key in keys {
                let waits = self.records.get(key).is_some_and(Record::waits);
                promise!(self.figures, !waits, "{key} was handed over and waits no longer");
            }
        }
        Ok(any)
    }

    /// Other things happen between the decision and its commit. A decision on what was before is no part of a round.
    pub(crate) fn race(&mut self, keys: &[RecordKey], batch: Batch, between: &[Step]) -> Outcome<bool> {
        let view = self.view(keys, batch, false)?;
        let any = !view.read.is_empty();
        for step in between {
            self.take(step)?;
        }
        self.tick();
        self.round.clear();
        let finished = self.commit_all(&view, batch.most)?;
        self.round.clear();
        if !finished {
            self.deliver(keys, batch, false)?;
        }
        Ok(any)
    }

    /// Those of the records that wait, decided by what is configured and held now, or by stale rules.
    fn view(&mut self, keys: &[RecordKey], batch: Batch, stale: bool) -> Outcome<View> {
        self.tick();
        let known = Rc::clone(if stale { &self.previous } else { &self.known });
        let stale = known.config.version != self.known.config.version;
        let waiting = keys.iter().filter_map(|key| self.records.get(key)).filter(|record| record.waits());
        let read: Vec<Record> = waiting.cloned().collect();
        let memories = read.iter().map(|record| self.memories[&record.key].clone()).collect();
        self.decide(known, stale, read, memories, batch.writer, batch.drawn)
    }

    /// Decides, and compares every decision with what the specification says.
    fn decide(
        &mut self,
        known: Rc<Known>,
        stale: bool,
        read: Vec<Record>,
        memories: Vec<Memory>,
        writer: u8,
        drawn: u64,
    ) -> Outcome<View> {
        let present = Present { now: self.now, writer, drawn };
        let organisation = &known.organisation;
        let arrivals: Vec<Arrival> = read.iter().map(|record| support::arrival(organisation, record.clone())).collect();
        let (mut roster, mut again) = (known.roster(&self.states), known.roster(&self.states));
        let decisions = route(organisation, &mut roster, &arrivals, present);
        let desk = self.desk_now();
        let mut reference = Reference { config: &known.config, desk, now: self.now, writer, given: 0 };
        let mut expected = Vec::with_capacity(read.len());
        for (number, (record, decision)) in read.iter().zip(&decisions).enumerate() {
            let alone = route(organisation, &mut again, &arrivals[number..=number], present).remove(0);
            let same = alone.run == decision.run && alone.touched == decision.touched;
            promise!(self.figures, same, "{}: alone it is decided as in its batch", record.key);
            let expects = reference.decide(record, &memories[number]);
            reference.check(record, &memories[number], decision, &expects, &mut self.figures)?;
            reference.go_on(record, decision.run.assignment.owner.as_ref());
            expected.push(expects);
        }
        for member in roster.members() {
            let facts = reference.desk.get(&member.seller.id);
            for (kind, held) in &member.state.held {
                let noted = facts.and_then(|facts| facts.held.get(kind.as_str())).copied().unwrap_or(0);
                let seller = &member.seller.id;
                promise!(self.figures, *held == noted, "{seller} is left with {held} of {kind}, should be {noted}");
            }
        }
        Ok(View { known, stale, present, read, memories, decisions, expected })
    }

    /// The model's book with what sellers hold, counted record by record (CAP-01, CAP-05).
    fn desk_now(&self) -> Desk {
        let mut desk = self.desk.clone();
        for record in self.records.values().filter(|record| crate::promises::counts(record)) {
            if let Some(seller) = record.owner.as_ref().and_then(|owner| owner.seller()) {
                *desk.entry(seller.clone()).or_default().held.entry(kind_of(record).1).or_insert(0) += 1;
            }
        }
        desk
    }

    /// Commits transaction by transaction; false when one is refused.
    fn commit_all(&mut self, view: &View, most: usize) -> Outcome<bool> {
        let mut done = 0;
        while done < view.read.len() {
            let chunk = done..view.read.len().min(done + most);
            let sought = view.decisions[chunk.clone()].iter().any(|decision| decision.run.found_nobody());
            let changed = view.known.config.version != self.known.config.version;
            if (sought && changed) || !self.holds(view, chunk.clone()) {
                self.figures.refusals += 1;
                return Ok(false);
            }
            self.figures.commits += 1;
            let number = self.next();
            let mut runs = vec![];
            for index in chunk.clone() {
                let id = RunId::new(format!("C{number}.{}", index - chunk.start));
                self.land(view, index, id.clone())?;
                runs.push(id);
            }
            self.seek_again(view, chunk.clone(), &runs)?;
            done = chunk.end;
        }
        Ok(true)
    }

    /// Whether everything that a transaction relies on still is as it was seen.
    fn holds(&self, view: &View, chunk: Range<usize>) -> bool {
        let mut sellers: BTreeMap<SellerId, Reliance<'_>> = BTreeMap::new();
        for index in chunk {
            let (read, decision) = (&view.read[index], &view.decisions[index]);
            let unchanged = self
                .records
                .get(&read.key)
                .is_some_and(|now| (now.revision, &now.mark, &now.fields) == (read.revision, &read.mark, &read.fields));
            if !unchanged {
                return false;
            }
            if let Some(touched) = &decision.touched {
                let reliance = sellers.entry(touched.seller.clone()).or_default();
                let Reliance { first, moved, .. } = &mut *reliance;
                first.get_or_insert_with(|| {
                    let before = |(kind, held): (_, &i64)| {
                        let moved = moved.get(&kind).copied().unwrap_or(0);
                        (kind, held - moved)
                    };
                    (touched, touched.seen_held.iter().map(|(kind, held)| (kind.clone(), held)).map(before).collect())
                });
                reliance.capacity_mattered |= touched.capacity_mattered;
            }
            let after = read.clone().routed(&decision.run, None);
            for (counter, change) in changes(Some(read), Some(&after)) {
                if let Counter::Held(seller) = counter {
                    let moved = &mut sellers.entry(seller).or_default().moved;
                    *moved.entry(read.key.record_type.clone()).or_insert(0) += change;
                }
            }
        }
        sellers.iter().all(|(id, reliance)| {
            let Some((touched, seen_held)) = &reliance.first else { return true };
            let state = self.states.get(id).cloned().unwrap_or_default();
            let holds_no_more =
                seen_held.iter().all(|(kind, seen)| state.held.get(kind).copied().unwrap_or(0) <= *seen);
            state.turn() == touched.seen_turn
                && state.generation == touched.seen_generation
                && (!reliance.capacity_mattered || holds_no_more)
        })
    }

    /// A decision comes into force.
    fn land(&mut self, view: &View, index: usize, id: RunId) -> Outcome {
        let (before, decision) = (&view.read[index], &view.decisions[index]);
        let mut run = decision.run.clone();
        (run.id, run.finished_at) = (id, self.now);
        let unit = decision.touched.as_ref().and_then(|touched| touched.business_unit.as_deref());
        let after = before.clone().routed(&run, unit);
        self.check_landing(view, index, &run, &after)?;
        self.write(Some(before), Some(after));
        if let Some(touched) = &decision.touched {
            let (_, kind) = kind_of(before);
            let state = self.states.entry(touched.seller.clone()).or_default();
            state.turns.insert(kind.into(), touched.turn);
            state.in_periods.clone_from(&touched.in_periods);
            self.turns.insert(touched.turn);
            let given = view.decisions[..index].iter().filter(|decision| decision.touched.is_some()).count();
            let place = (view.present.now, given, view.present.writer);
            let facts = self.desk.entry(touched.seller.clone()).or_default();
            facts.automatic(kind, place, &view.known.config.settings);
            // What was decided by other settings was counted in a period of those.
            let brought = self.brought.entry(touched.seller.clone()).or_default();
            if view.known.config.settings == self.known.config.settings {
                brought.push(view.present.now);
            } else {
                brought.clear();
            }
        }
        let memory = self.memories.get_mut(&before.key).unwrap();
        let looked =
            before.owner.is_none() || !memory.owner_given && (memory.runs == 0 || memory.is_unassigned(before));
        (memory.wanted, memory.owner_given) = (None, false);
        memory.ended = match run.assignment.reason {
            Some(Reason::RulesDoNotRunOnMove) => None,
            // Nobody was sought.
            Some(Reason::ServerError) => Some(if looked { Status::Failed } else { Status::Succeeded }),
            _ => Some(run.assignment.status),
        };
        memory.runs += 1;
        let outcome = run.reason().map_or("succeeded", Reason::code);
        let outcome = if run.assignment.owner.is_some() { "assigned" } else { outcome };
        *self.figures.runs.entry(outcome).or_insert(0) += 1;
        Ok(())
    }

    /// Runs that found nobody touch no seller, so no condition notices somebody who became eligible meanwhile: they are
    /// tried again by what is now, and records that would find somebody are marked again.
    fn seek_again(&mut self, view: &View, chunk: Range<usize>, runs: &[RunId]) -> Outcome {
        let same = view.known.config.version == self.known.config.version;
        let doubtful = |index: &usize| {
            let run = &view.decisions[*index].run;
            run.found_nobody() && (!same || run.assignment.reason == Some(Reason::NoCapacity))
        };
        let first = chunk.start;
        let doubtful: Vec<usize> = chunk.filter(doubtful).collect();
        if doubtful.is_empty() {
            return Ok(());
        }
        self.tick();
        let read = doubtful.iter().map(|index| view.read[*index].clone()).collect();
        let memories = doubtful.iter().map(|index| view.memories[*index].clone()).collect();
        let known = Rc::clone(&self.known);
        let again = self.decide(known, false, read, memories, view.present.writer, view.present.drawn)?;
        for (index, decision) in doubtful.iter().zip(&again.decisions) {
            let record = self.records[&view.read[*index].key].clone();
            let last = record.last.as_ref().map(|last| &last.id);
            if decision.run.assignment.owner.is_some() && last == Some(&runs[index - first]) {
                self.memories.get_mut(&record.key).unwrap().wanted = Some(Cause::Updated);
                self.write(Some(&record), Some(record.clone().marked_again(self.now)));
                self.figures.marked_again += 1;
            }
        }
        Ok(())
    }
}
