//! The lineup: what follows for each seller of a roster from what one batch has in common, worked out once.
//!
//! It is worked out when a rule first asks, because a rule may look at a few sellers only, and again for a seller whom
//! the batch has moved on. Not who fits a record: that is `distribution`.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::iter;

use jiff::{SignedDuration, Timestamp};

use crate::assignment_rule::Distribution;
use crate::calendar::SEARCHED;
use crate::capacity::CapacityPeriod;
use crate::condition::Moment;
use crate::id::RecordType;
use crate::roster::Member;
use crate::route::Organisation;
use crate::run::Verdict;
use crate::seller::Role;
use crate::settings::Settings;
use crate::turn::Turn;

/// The figures of a batch's sellers, by their positions in the roster.
pub(crate) struct Lineup<'a> {
    settings: &'a Settings,
    /// The roles that may read records (SEC-47).
    receiving: &'a BTreeSet<Role>,
    /// The types whose records count (DIST-04, CAP-03).
    pub(crate) counting: &'a BTreeSet<RecordType>,
    /// The instant at which the batch is decided.
    pub(crate) moment: &'a Moment,
    ineligible: Vec<OnceCell<Option<Verdict>>>,
    permitted: Vec<OnceCell<bool>>,
    figures: Vec<OnceCell<Figures>>,
    earliest: Vec<OnceCell<Option<Timestamp>>>,
    /// The present ones of each length, as text.
    periods: [OnceCell<Option<String>>; CapacityPeriod::WORDS.len()],
}

/// How a seller stands before the next assignment, whatever the record.
#[derive(Debug)]
pub(crate) struct Figures {
    /// The last assignment that counts (DIST-04).
    pub(crate) turn: Option<Turn>,
    /// Available capacity; none without a maximum (CAP-07).
    pub(crate) available: Option<i64>,
    /// Whether the seller may be given one record more (DIST-08, CAP-11).
    pub(crate) has_room: bool,
}

impl<'a> Lineup<'a> {
    /// The lineup of a roster with so many sellers.
    pub(crate) fn new(
        Organisation { settings, receiving, .. }: &'a Organisation,
        counting: &'a BTreeSet<RecordType>,
        moment: &'a Moment,
        sellers: usize,
    ) -> Self {
        Self {
            settings,
            receiving,
            counting,
            moment,
            ineligible: unasked(sellers),
            permitted: unasked(sellers),
            figures: unasked(sellers),
            earliest: unasked(sellers),
            periods: Default::default(),
        }
    }

    /// The first gate of the profile that drops the seller at a position; none for an eligible one (ELIG-01, ELIG-03).
    pub(crate) fn ineligible(&self, position: usize, Member { seller, .. }: &Member) -> Option<Verdict> {
        *self.ineligible[position].get_or_init(|| {
            if !self.settings.eligible_roles.admit(&seller.roles) {
                Some(Verdict::Role)
            } else if !seller.assign_records {
                Some(Verdict::SwitchedOff)
            } else if !seller.enabled {
                Some(Verdict::Disabled)
            } else {
                None
            }
        })
    }

    /// Whether the seller at a position may read records (SEC-47).
    pub(crate) fn permitted(&self, position: usize, Member { seller, .. }: &Member) -> bool {
        *self.permitted[position].get_or_init(|| seller.roles.iter().any(|role| self.receiving.contains(role)))
    }

    /// The figures of the seller at a position.
    pub(crate) fn figures(&self, position: usize, member: &Member) -> &Figures {
        self.figures[position].get_or_init(|| {
            let maximum = member.seller.maximum(self.settings);
            let available = maximum.map(|maximum| i64::from(maximum) - member.state.consumed(self.counting));
            Figures {
                turn: member.state.last_assigned(self.counting),
                available,
                has_room: available.is_none_or(|available| available > 0) && self.has_period_room(member),
            }
        })
    }

    /// The next working instant of the seller at a position, as far ahead as one is sought (AVAIL-10).
    pub(crate) fn earliest(&self, position: usize, member: &Member) -> Option<Timestamp> {
        *self.earliest[position].get_or_init(|| member.seller.calendar.earliest(self.moment.now(), SEARCHED))
    }

    /// Whether a rule with this distribution could choose the seller at a position for some record (DIST-15).
    pub(crate) fn is_open(&self, position: usize, member: &Member, distribution: Distribution) -> bool {
        let is_there = |hours: u32| {
            let ahead = self.earliest(position, member).map(|earliest| earliest.duration_since(self.moment.now()));
            ahead.is_some_and(|ahead| ahead <= SignedDuration::from_hours(i64::from(hours)))
        };
        self.ineligible(position, member).is_none()
            && self.permitted(position, member)
            && (!distribution.respect_capacity || self.figures(position, member).has_room)
            && distribution.available_within_hours.is_none_or(is_there)
    }

    /// Says that the seller at a position has moved on.
    pub(crate) fn forget(&mut self, position: usize) {
        self.figures[position].take();
    }

    /// Whether the present period may bring one more (CAP-11).
    fn has_period_room(&self, Member { seller, state, .. }: &Member) -> bool {
        let Some(most) = seller.capacity.period_maximum else { return true };
        self.period(seller.capacity.period).is_none_or(|period| state.in_periods.of(period) < most)
    }

    /// The present period of every length in which assignments are counted (CAP-11).
    pub(crate) fn periods(&self) -> impl Iterator<Item = &str> {
        CapacityPeriod::COUNTED.into_iter().filter_map(|length| self.period(length))
    }

    fn period(&self, length: CapacityPeriod) -> Option<&str> {
        let Settings { time_zone, first_weekday, .. } = self.settings;
        let present = || length.at(self.moment.now(), time_zone, *first_weekday);
        self.periods[length as usize].get_or_init(present).as_deref()
    }
}

fn unasked<T>(sellers: usize) -> Vec<OnceCell<T>> {
    iter::repeat_with(OnceCell::new).take(sellers).collect()
}
