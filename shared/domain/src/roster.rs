//! The roster: the sellers that one batch may choose from, each with the part of it that moves.
//!
//! `route` works on a roster of its own and moves it on with each record, so the hundredth record of a batch meets the
//! sellers as the ninety-nine before it left them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::capacity::MaximumCapacity;
use crate::id::{Owner, RecordType, SellerId};
use crate::in_periods::InPeriods;
use crate::record::Record;
use crate::seller::Seller;
use crate::settings::Settings;
use crate::subject::Subject;
use crate::tally::Held;
use crate::turn::Turn;

/// The part of a seller that moves with every assignment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SellerState {
    /// The mark of the last assignment, per record type (DIST-04).
    pub turns: BTreeMap<RecordType, Turn>,
    /// Grows with every change of the seller's static part that routing can see (DIST-18).
    pub generation: u64,
    /// Active records the seller owns, of every type, counting or not (CAP-03).
    pub held: Held,
    /// Automatic assignments of the latest periods (CAP-11).
    pub in_periods: InPeriods,
    /// Grows with every transaction that changes what the seller holds or gives it a turn: two reads with the same
    /// number had no such transaction in between (CAP-09).
    pub changes: u64,
}

impl SellerState {
    /// The last assignment of any type: what a commit checks.
    #[must_use]
    pub fn turn(&self) -> Option<Turn> {
        self.turns.values().max().copied()
    }

    /// The last assignment among the types that count (DIST-04).
    #[must_use]
    pub fn last_assigned(&self, counting: &BTreeSet<RecordType>) -> Option<Turn> {
        self.turns.iter().filter(|(record_type, _)| counting.contains(*record_type)).map(|(_, turn)| *turn).max()
    }

    /// How many automatic assignments the present period of a seller with this capacity has brought so far; none without
    /// periods (CAP-11).
    #[must_use]
    pub fn in_period(&self, capacity: &MaximumCapacity, now: Timestamp, settings: &Settings) -> Option<u32> {
        let period = capacity.period.at(now, &settings.time_zone, settings.first_weekday)?;
        Some(self.in_periods.of(&period))
    }

    /// What is known of periods with the present one of a seller with this capacity, where that has begun and is not
    /// known yet (CAP-11). Opening it changes no decision: a period that is not known has brought nothing.
    #[must_use]
    pub fn opened(&self, capacity: &MaximumCapacity, now: Timestamp, settings: &Settings) -> Option<InPeriods> {
        let present = capacity.period.at(now, &settings.time_zone, settings.first_weekday)?;
        self.in_periods.opened(&present)
    }

    /// Consumed capacity: records held of the types that count (CAP-01, CAP-03).
    #[must_use]
    pub fn consumed(&self, counting: &BTreeSet<RecordType>) -> i64 {
        self.held.iter().filter(|(record_type, _)| counting.contains(*record_type)).map(|(_, held)| held).sum()
    }
}

/// A seller in the roster.
#[derive(Debug, Clone)]
pub struct Member {
    /// What managers configure.
    pub seller: Arc<Seller>,
    /// What assignments move.
    pub state: SellerState,
    /// The seller as matchers test one; none when a stored value is not of its column's type any more.
    pub subject: Option<Arc<Subject>>,
}

/// The sellers of a batch, in the order of their ids.
#[derive(Debug, Clone, Default)]
pub struct Roster {
    members: Vec<Member>,
}

impl Roster {
    /// A roster of these sellers.
    #[must_use]
    pub fn new(mut members: Vec<Member>) -> Self {
        members.sort_by(|a, b| a.seller.id.cmp(&b.seller.id));
        Self { members }
    }

    /// All sellers, in the order of their ids.
    #[must_use]
    pub fn members(&self) -> &[Member] {
        &self.members
    }

    /// Where a seller stands in the list.
    #[must_use]
    pub fn position(&self, id: &SellerId) -> Option<usize> {
        self.members.binary_search_by(|member| member.seller.id.cmp(id)).ok()
    }

    /// The latest assignment of all, whatever its type.
    #[must_use]
    pub fn largest_turn(&self) -> Option<Turn> {
        self.members.iter().filter_map(|member| member.state.turn()).max()
    }

    /// Moves it on by a record that is created with an owner: a seller was assigned it at that moment (DIST-03) and holds
    /// it (CAP-04). `writer` as in [`crate::route::Present`].
    pub fn take_in(&mut self, created: &Record, now: Timestamp, writer: u8) {
        let Some(position) = self.hold(created.owner.as_ref(), &created.key.record_type, 1) else { return };
        let state = self.state_mut(position);
        let turn = Turn::after(state.turn(), now, writer);
        state.turns.insert(created.key.record_type.clone(), turn);
    }

    /// Records of a type more or fewer, if their owner is one of these sellers; then where that one stands.
    pub(crate) fn hold(&mut self, owner: Option<&Owner>, record_type: &RecordType, change: i64) -> Option<usize> {
        let position = self.position(owner.and_then(Owner::seller)?)?;
        *self.state_mut(position).held.entry(record_type.clone()).or_insert(0) += change;
        Some(position)
    }

    /// How matchers see the seller who is an owner, to move it on.
    pub(crate) fn subject_mut(&mut self, owner: &Owner) -> Option<&mut Subject> {
        let position = self.position(owner.seller()?)?;
        self.members[position].subject.as_mut().map(Arc::make_mut)
    }

    /// The moving part of a seller, to move it.
    pub(crate) fn state_mut(&mut self, position: usize) -> &mut SellerState {
        &mut self.members[position].state
    }
}

#[cfg(test)]
mod tests {
    use jiff::tz::TimeZone;

    use super::*;
    use crate::capacity::CapacityPeriod;

    /// Clocks go forward in Berlin on 29 March 2026, so that day begins at 23:00 UTC and the next one at 22:00.
    #[test]
    fn cap_11_a_period_opens_at_the_organisations_midnight() {
        let settings = Settings { time_zone: TimeZone::get("Europe/Berlin").unwrap(), ..Settings::default() };
        let of = |period| MaximumCapacity { period, period_maximum: Some(1), ..MaximumCapacity::default() };
        let (day, month) = (of(CapacityPeriod::Day), of(CapacityPeriod::Month));
        let opens = |known: &str, capacity: &MaximumCapacity, now: &str| {
            let in_periods = InPeriods::default().with_one_more([known]);
            let state = SellerState { in_periods, ..SellerState::default() };
            let opened = state.opened(capacity, now.parse().unwrap(), &settings)?;
            opened.iter().find(|(_, assigned)| *assigned == 0).map(|(period, _)| period.to_owned())
        };
        let period = |text: &str| Some(text.to_owned());
        assert_eq!(opens("2026-03-28", &day, "2026-03-28T22:59:59Z"), None);
        assert_eq!(opens("2026-03-28", &day, "2026-03-28T23:00:00Z"), period("2026-03-29"));
        assert_eq!(opens("2026-03-29", &day, "2026-03-29T21:59:59Z"), None, "a day of 23 hours");
        assert_eq!(opens("2026-03-29", &day, "2026-03-29T22:00:00Z"), period("2026-03-30"));
        assert_eq!(opens("2026-03-30", &month, "2026-03-29T22:00:00Z"), period("2026-03"));
        assert_eq!(opens("2026-03", &month, "2026-03-31T21:59:59Z"), None);
        assert_eq!(opens("2026-03", &month, "2026-03-31T22:00:00Z"), period("2026-04"));
        assert_eq!(opens("2026-03", &MaximumCapacity::default(), "2026-03-31T22:00:00Z"), None, "no periods");
    }
}
