//! The model's own book: what waits and how it ended, who was assigned a record last, and what a period has brought.

use std::collections::BTreeMap;

use domain::capacity::CapacityPeriod;
use domain::id::SellerId;
use domain::mark::Cause;
use domain::record::Record;
use domain::run::Status;
use domain::settings::Settings;
use jiff::Timestamp;
use jiff::civil::Date;

/// What is remembered of a record beside the record itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Memory {
    /// A change waits to be processed, and which.
    pub(crate) wanted: Option<Cause>,
    /// A person gave the owner while it waited.
    pub(crate) owner_given: bool,
    /// How the latest assignment ended; none where none was tried, or the owner moved on with the record (SEG-58).
    pub(crate) ended: Option<Status>,
    /// How many runs it had.
    pub(crate) runs: usize,
}

/// When an assignment was decided: the instant, the number within its batch and the writer.
pub(crate) type Place = (Timestamp, usize, u8);

/// A period of a seller, by its kind and first day.
pub(crate) type Period = (u8, Date);

/// What moves with every assignment of a seller.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) held: BTreeMap<&'static str, i64>,
    pub(crate) last: BTreeMap<&'static str, Place>,
    pub(crate) in_periods: BTreeMap<Period, u32>,
}

pub(crate) type Desk = BTreeMap<SellerId, Facts>;

impl Memory {
    /// RULE-51.
    pub(crate) fn is_unassigned(&self, record: &Record) -> bool {
        match self.ended {
            Some(Status::Failed) => true,
            Some(Status::Succeeded) => false,
            Some(Status::NotApplicable) | None => record.owner.is_none(),
        }
    }
}

impl Facts {
    /// An automatic assignment: the latest, and one more of its period.
    pub(crate) fn automatic(&mut self, kind: &'static str, place: Place, settings: &Settings) {
        self.last.insert(kind, place);
        for length in [CapacityPeriod::Day, CapacityPeriod::Week, CapacityPeriod::Month] {
            let now = period(length, place.0, settings).unwrap();
            // One other is remembered, the latest.
            let others = || self.in_periods.keys().filter(|known| known.0 == now.0 && **known != now);
            if let (2.., Some(oldest)) = (others().count(), others().min_by_key(|known| known.1).copied()) {
                self.in_periods.remove(&oldest);
            }
            *self.in_periods.entry(now).or_insert(0) += 1;
        }
    }
}

/// The period that an instant lies in (CAP-11).
pub(crate) fn period(of: CapacityPeriod, now: Timestamp, settings: &Settings) -> Option<Period> {
    let today = now.to_zoned(settings.time_zone.clone()).date();
    let first = match of {
        CapacityPeriod::None => return None,
        CapacityPeriod::Day => today,
        CapacityPeriod::Week => {
            let mut day = today;
            while day.weekday() != settings.first_weekday {
                day = day.yesterday().unwrap();
            }
            day
        }
        CapacityPeriod::Month => today.first_of_month(),
    };
    Some((of as u8, first))
}
