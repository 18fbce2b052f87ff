//! Freed sellers: which of the waiting records somebody could take now (DESIGN.md "Waiting records and long work").
//!
//! A look decides waiting records exactly as `assignment` would, against a roster that it moves on, and says which of
//! them would leave the list. It commits nothing: those are asked for again and decided with all others.

use std::collections::BTreeSet;

use jiff::Timestamp;

use crate::assignment_rule::{Distribution, SellerPick, Target};
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

/// What every seller is held against, at one instant.
struct Gates<'a> {
    organisation: &'a Organisation,
    moment: Moment,
    counting: BTreeSet<RecordType>,
}

impl<'a> Gates<'a> {
    fn at(organisation: &'a Organisation, now: Timestamp) -> Self {
        let settings = &organisation.settings;
        let moment = Moment::new(now, settings.time_zone.clone(), settings.first_weekday);
        Self { organisation, moment, counting: organisation.counting() }
    }

    fn lineup(&self, members: &[Member]) -> Lineup<'_> {
        Lineup::new(self.organisation, &self.counting, &self.moment, members.len())
    }
}

/// An active rule that chooses one of several sellers.
struct ForSellers<'r> {
    rule: &'r OfType,
    pick: &'r SellerPick,
    distribution: Distribution,
}

impl<'r> ForSellers<'r> {
    fn of(organisation: &'r Organisation, rule: &'r OfType) -> Option<Self> {
        let ready = organisation.rulebooks.get(&rule.0)?.rule(&rule.1)?;
        let Target::Sellers(pick) = &ready.rule.target else { return None };
        Some(Self { rule, pick, distribution: ready.rule.distribution? })
    }

    fn is_open(&self, lineup: &Lineup<'_>, position: usize, member: &Member) -> bool {
        let picked = match self.pick {
            SellerPick::Any | SellerPick::Matching { .. } => true,
            SellerPick::Specific { ids } => ids.contains(&member.seller.id),
        };
        picked && lineup.is_open(position, member, self.distribution)
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
    let gates = Gates::at(organisation, now);
    let lineup = gates.lineup(members);
    let rules = rules.into_iter().filter_map(|rule| ForSellers::of(organisation, rule));
    let open = rules.filter(|rule| members.iter().enumerate().any(|(at, member)| rule.is_open(&lineup, at, member)));
    open.map(|rule| rule.rule).collect()
}

/// The sellers to whom one of these rules has opened between two instants, by nothing but the hour: a shift has begun or come
/// within reach, a period has begun.
#[must_use]
pub fn newly_open(
    organisation: &Organisation,
    roster: &Roster,
    rules: &BTreeSet<OfType>,
    then: Timestamp,
    now: Timestamp,
) -> Vec<SellerId> {
    let (before, after) = (Gates::at(organisation, then), Gates::at(organisation, now));
    let (before, after) = (before.lineup(roster.members()), after.lineup(roster.members()));
    let rules: Vec<ForSellers<'_>> = rules.iter().filter_map(|rule| ForSellers::of(organisation, rule)).collect();
    let has_come = |(at, member): &(usize, &Member)| {
        rules.iter().any(|rule| rule.is_open(&after, *at, member) && !rule.is_open(&before, *at, member))
    };
    let come = roster.members().iter().enumerate().filter(has_come);
    come.map(|(_, member)| member.seller.id.clone()).collect()
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

    /// Those of the rules under which the freed could still be given a record; for anybody also those that choose teams.
    #[must_use]
    pub fn open_rules<'r>(
        &self,
        organisation: &'r Organisation,
        now: Timestamp,
        rules: impl IntoIterator<Item = &'r OfType>,
    ) -> BTreeSet<&'r OfType> {
        let rules: Vec<&OfType> = rules.into_iter().collect();
        let mut open = open_rules(organisation, self.freed.among(&self.roster), now, rules.iter().copied());
        if self.freed == Freed::Anybody {
            // Whether a team may be given a record depends on its roles and members.
            open.extend(rules.into_iter().filter(|rule| ForSellers::of(organisation, rule).is_none()));
        }
        open
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
