//! What a condition is tested in: the present, who is looking, and the record that is routed. Not what is tested.

use std::cell::RefCell;
use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Weekday;
use jiff::tz::TimeZone;

use super::period::{Period, Present, Range};
use crate::id::{SellerId, TeamId};
use crate::subject::Subject;

/// The circumstances of one test.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The present instant in the organisation's calendar.
    pub moment: &'a Moment,
    /// Who is looking; nobody when a record is routed (COND-32).
    pub current_user: Option<&'a CurrentUser>,
    /// The record that is routed, where the subject is somebody who may get it (COND-09).
    pub routed: Option<&'a Subject>,
}

/// The seller for whom a list is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentUser {
    /// The seller.
    pub id: SellerId,
    /// The seller's teams.
    pub teams: Vec<TeamId>,
}

/// An instant as the organisation's calendar shows it. Make one for all tests at that instant: it remembers what
/// relative dates come to.
#[derive(Debug)]
pub struct Moment {
    now: Timestamp,
    time_zone: TimeZone,
    first_weekday: Weekday,
    ranges: RefCell<BTreeMap<Period, Range>>,
}

impl Moment {
    /// An instant in a zone where weeks start on a given day (COND-31).
    #[must_use]
    pub fn new(now: Timestamp, time_zone: TimeZone, first_weekday: Weekday) -> Self {
        Self { now, time_zone, first_weekday, ranges: RefCell::default() }
    }

    /// The instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// What a period comes to at this moment.
    #[must_use]
    pub fn range(&self, period: Period) -> Range {
        let Self { now, time_zone, first_weekday, .. } = self;
        period.range(&Present { now: *now, time_zone, first_weekday: *first_weekday })
    }

    /// The same for a period of a condition, of which there are few: worked out once.
    pub(super) fn remembered_range(&self, period: Period) -> Range {
        *self.ranges.borrow_mut().entry(period).or_insert_with(|| self.range(period))
    }
}

impl<'a> Context<'a> {
    /// The circumstances of routing: nobody is looking.
    #[must_use]
    pub fn at(moment: &'a Moment) -> Self {
        Self { moment, current_user: None, routed: None }
    }

    /// The same while a record is routed.
    #[must_use]
    pub fn routing(self, routed: &'a Subject) -> Self {
        Self { routed: Some(routed), ..self }
    }

    /// The same while somebody is looking.
    #[must_use]
    pub fn seen_by(self, current_user: &'a CurrentUser) -> Self {
        Self { current_user: Some(current_user), ..self }
    }
}
