//! Freed sellers: which of the waiting records somebody could take now (DESIGN.md "Waiting records and long work").
//!
//! A look decides waiting records exactly as `assignment` would, against a roster that it moves on, and says which of
//! them would leave the list. It commits nothing: those are asked for again and decided with all others.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::assignment_rule::{SellerPick, Target};
use crate::condition::Moment;
use crate::decide::decide;
use crate::id::{RecordType, RuleId, SellerId};
use crate::lineup::Lineup;
use crate::mark::Cause;
use crate::reason::Reason;
use crate::record::{Record, State};
use crate::roster::{Member, Roster};
use crate::route::{Arrival, Organisation, Present};
use crate::run::{Assignment, Status};

/// What a record waits for: a seller under this rule, whom this reason keeps away.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sought {
    /// The type of the record.
    pub record_type: RecordType,
    /// The rule that was applied.
    pub rule: RuleId,
    /// Why it found nobody.
    pub reason: Reason,
}

impl Record {
    /// What it waits for, where a seller would help.
    #[must_use]
    pub fn sought(&self) -> Option<Sought> {
        let last = self.last.as_ref().filter(|last| last.unassigned && self.state == State::Active)?;
        let (rule, reason) = (last.sought_by.clone()?, last.reason?);
        Some(Sought { record_type: self.key.record_type.clone(), rule, reason })
    }
}

/// A rule of a record type.
pub type OfType = (RecordType, RuleId);

/// Who may have come to take waiting records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Freed {
    /// A seller.
    Seller(SellerId),
    /// Nobody in particular: something that concerns all sellers was changed.
    Anybody,
}

impl Freed {
    fn among<'r>(&self, roster: &'r Roster) -> &'r [Member] {
        match self {
            Self::Seller(id) => roster.position(id).map_or(&[], |at| &roster.members()[at..=at]),
            Self::Anybody => roster.members(),
        }
    }
}

/// Those of the rules under which one of these sellers could be given a record now, as far as that does not depend on the
/// record.
#[must_use]
pub fn open_rules<'r>(
    organisation: &'r Organisation,
    members: &[Member],
    now: Timestamp,
    rules: impl IntoIterator<Item = &'r OfType>,
) -> BTreeSet<&'r OfType> {
    let settings = &organisation.settings;
    let counting = organisation.counting();
    let moment = Moment::new(now, settings.time_zone.clone(), settings.first_weekday);
    let lineup = Lineup::new(organisation, &counting, &moment, members.len());
    let is_open = |(record_type, rule): &&OfType| {
        let ready = organisation.rulebooks.get(record_type).and_then(|rulebook| rulebook.rule(rule));
        let Some((Target::Sellers(pick), Some(distribution))) =
            ready.map(|ready| (&ready.rule.target, ready.rule.distribution))
        else {
            return false;
        };
        members.iter().enumerate().any(|(position, member)| {
            let picked = match pick {
                SellerPick::Any | SellerPick::Matching { .. } => true,
                SellerPick::Specific { ids } => ids.contains(&member.seller.id),
            };
            picked && lineup.is_open(position, member, distribution)
        })
    };
    rules.into_iter().filter(is_open).collect()
}

/// A look at waiting records, a page after the other.
#[derive(Debug)]
pub struct Look {
    freed: Freed,
    /// As the pages so far would leave it.
    roster: Roster,
}

impl Look {
    /// Begins at the roster as it is now.
    #[must_use]
    pub fn new(freed: Freed, roster: Roster) -> Self {
        Self { freed, roster }
    }

    /// Those of the rules under which the freed could still be given a record.
    #[must_use]
    pub fn open_rules<'r>(
        &self,
        organisation: &'r Organisation,
        now: Timestamp,
        rules: impl IntoIterator<Item = &'r OfType>,
    ) -> BTreeSet<&'r OfType> {
        open_rules(organisation, self.freed.among(&self.roster), now, rules)
    }

    /// Which of these records are to be asked for, in their order: each that would find an owner, or that no seller could
    /// help any more. One that waits to be decided is decided too, for it will take its place, and is not asked for again.
    #[must_use]
    pub fn at(&mut self, organisation: &Organisation, page: Vec<Arrival>, present: Present) -> Vec<Record> {
        let before: Vec<Record> = page.iter().map(|arrival| arrival.record.clone()).collect();
        let asked = page.into_iter().map(|arrival| Arrival {
            record: arrival.record.asked(Cause::CapacityFreed, None, present.now),
            ..arrival
        });
        let asked: Vec<Arrival> = asked.collect();
        let decisions = decide(organisation, &mut self.roster, &asked, present);
        let leaves = |(record, assignment): &(Record, &Assignment)| !record.waits() && leaves(record, assignment);
        let decided = before.into_iter().zip(decisions.iter().map(|decision| &decision.run.assignment));
        decided.filter(leaves).map(|(record, _)| record).collect()
    }
}

/// Whether a record would wait for a seller under the same rule no more. What only fails because of us stays where it is.
fn leaves(record: &Record, assignment: &Assignment) -> bool {
    match (assignment.status, assignment.reason) {
        (Status::Failed, Some(Reason::ServerError | Reason::ServicePermission)) => false,
        (Status::Failed, _) => assignment.sought_by() != record.sought().as_ref().map(|sought| &sought.rule),
        (Status::Succeeded | Status::NotApplicable, _) => true,
    }
}
