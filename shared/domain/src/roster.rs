//! The roster: the sellers that one batch may choose from, each with the part of it that moves.
//!
//! `route` works on a roster of its own and moves it on with each record, so the hundredth record of a batch meets the
//! sellers as the ninety-nine before it left them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;

use crate::capacity::{MaximumCapacity, has_begun_since};
use crate::id::{Owner, RecordType, SellerId};
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
    /// Automatic assignments in the last period that had one (CAP-11).
    pub in_period: Option<InPeriod>,
    /// Grows with every transaction that changes what the seller holds or gives it a turn: two reads with the same
    /// number had no such transaction in between (CAP-09).
    pub changes: u64,
}

/// How many automatic assignments one period brought a seller (CAP-11).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InPeriod {
    /// Which period ([`crate::capacity::CapacityPeriod::at`]).
    pub period: String,
    /// How many.
    pub assigned: u32,
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

    /// The present period of a seller with this capacity and how many automatic assignments it has brought so far; none
    /// without periods (CAP-11).
    #[must_use]
    pub fn in_period_of(&self, capacity: &MaximumCapacity, now: Timestamp, settings: &Settings) -> Option<InPeriod> {
        let period = capacity.period.at(now, &settings.time_zone, settings.first_weekday)?;
        Some(InPeriod { assigned: self.assigned_in(&period), period })
    }

    /// Automatic assignments in a period.
    pub(crate) fn assigned_in(&self, period: &str) -> u32 {
        self.in_period.as_ref().filter(|known| known.period == period).map_or(0, |known| known.assigned)
    }

    /// The period that has begun for a seller with this capacity and that the moving part does not know yet; none
    /// without periods (CAP-11). Opening it changes no decision: what is known of another period counts as nothing.
    #[must_use]
    pub fn period_to_open(&self, capacity: &MaximumCapacity, now: Timestamp, settings: &Settings) -> Option<String> {
        let present = capacity.period.at(now, &settings.time_zone, settings.first_weekday)?;
        let begun = self.in_period.as_ref().is_none_or(|known| has_begun_since(&known.period, &present));
        begun.then_some(present)
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

impl Member {
    /// The present period and how many automatic assignments it has brought so far; none without periods (CAP-11).
    #[must_use]
    pub fn in_period(&self, now: Timestamp, settings: &Settings) -> Option<InPeriod> {
        self.state.in_period_of(&self.seller.capacity, now, settings)
    }
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
    fn cap_11_a_period_opens_once_at_the_organisations_midnight_and_never_backwards() {
        let settings = Settings { time_zone: TimeZone::get("Europe/Berlin").unwrap(), ..Settings::default() };
        let of = |period| MaximumCapacity { period, period_maximum: Some(1), ..MaximumCapacity::default() };
        let known = |period: &str| SellerState {
            in_period: Some(InPeriod { period: period.to_owned(), assigned: 1 }),
            ..SellerState::default()
        };
        let (never, day) = (SellerState::default(), of(CapacityPeriod::Day));
        let opens = |state: &SellerState, capacity: &MaximumCapacity, now: &str| {
            state.period_to_open(capacity, now.parse().unwrap(), &settings)
        };
        let period = |text: &str| Some(text.to_owned());
        assert_eq!(opens(&never, &day, "2026-03-28T22:59:59Z"), period("2026-03-28"));
        assert_eq!(opens(&known("2026-03-28"), &day, "2026-03-28T22:59:59Z"), None);
        assert_eq!(opens(&known("2026-03-28"), &day, "2026-03-28T23:00:00Z"), period("2026-03-29"));
        assert_eq!(opens(&known("2026-03-29"), &day, "2026-03-29T21:59:59Z"), None, "a day of 23 hours");
        assert_eq!(opens(&known("2026-03-29"), &day, "2026-03-29T22:00:00Z"), period("2026-03-30"));
        assert_eq!(opens(&known("2026-03-30"), &day, "2026-03-29T21:59:59Z"), None, "on a clock that is behind");
        let month = of(CapacityPeriod::Month);
        assert_eq!(opens(&known("2026-03-30"), &month, "2026-03-29T22:00:00Z"), period("2026-03"));
        assert_eq!(opens(&known("2026-03"), &month, "2026-03-31T21:59:59Z"), None);
        assert_eq!(opens(&known("2026-03"), &month, "2026-03-31T22:00:00Z"), period("2026-04"));
        assert_eq!(opens(&never, &MaximumCapacity::default(), "2026-03-28T22:59:59Z"), None, "no periods");
    }
}
