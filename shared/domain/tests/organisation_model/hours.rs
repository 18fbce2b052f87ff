//! When a seller works, as a person would note it down, and when that is next: half hour by half hour on the clock of the
//! wall. Zones here are whole half hours apart, and nothing begins or ends in an hour that clocks skip or repeat.

use domain::calendar::{Calendar, EntryDraft};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Span, Timestamp};
use proptest::prelude::*;
use serde_json::json;

use crate::plan::ZONES;

const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
const HALF_HOUR: i64 = 30 * 60 * 1_000;
/// How far ahead somebody is looked for, in half hours (AVAIL-10).
const SEARCHED: i64 = 240;

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Hours {
    zone: &'static str,
    /// Half hours since midnight.
    begin: u8,
    end: u8,
    /// Days after Monday.
    days: Vec<usize>,
    /// Away from so many days after the start of the organisation, for so many days.
    away: Option<(u8, u8)>,
    /// Busy from eleven to one so many days after the start.
    busy: Option<u8>,
}

pub(crate) fn hours() -> impl Strategy<Value = Hours> {
    let day = prop_oneof![3 => (12_u8..32, 2_u8..17), 1 => (Just(0_u8), 8_u8..20)];
    let days = prop_oneof![Just((0..5).collect()), prop::sample::subsequence((0..7).collect::<Vec<_>>(), 1..=7)];
    let away = prop::option::weighted(0.3, (0_u8..40, 1_u8..6));
    (prop::sample::select(ZONES.to_vec()), day, days, away, prop::option::weighted(0.3, 0_u8..40)).prop_map(
        |(zone, (begin, length), days, away, busy)| Hours { zone, begin, end: begin + length, days, away, busy },
    )
}

pub(crate) fn zone(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap()
}

fn on(start: Date, days: u8) -> Date {
    start.checked_add(Span::new().days(i64::from(days))).unwrap()
}

impl Hours {
    /// The calendar that a client would send.
    pub(crate) fn calendar(&self, start: Date) -> Calendar {
        let time = |half: u8| format!("{:02}:{:02}", half / 2, half % 2 * 30);
        let days: Vec<&str> = self.days.iter().map(|day| WEEKDAYS[*day]).collect();
        let working = json!({
            "kind": "workingHours", "from": "2026-01-01", "repeat": "everyDay", "days": days, "timeZone": self.zone,
            "intervals": [{"start": time(self.begin), "end": time(self.end)}]
        });
        let away = self.away.map(|(from, length)| {
            let (from, to) = (on(start, from), on(start, from + length - 1));
            json!({"kind": "timeOff", "from": from.to_string(), "to": to.to_string(), "timeZone": self.zone})
        });
        let busy = self.busy.map(|day| {
            json!({"kind": "nonWorkingHours", "from": on(start, day).to_string(), "timeZone": self.zone,
                   "intervals": [{"start": "11:00", "end": "13:00"}]})
        });
        let bodies = [Some(working), away, busy].into_iter().flatten();
        let entries = bodies.enumerate().map(|(number, body)| {
            EntryDraft::parse(&body, None).unwrap().into_entry(format!("E-{number}").as_str().into())
        });
        entries.collect::<Vec<_>>().into()
    }

    fn works(&self, zone: &TimeZone, start: Date, at: Timestamp) -> bool {
        let local = zone.to_datetime(at);
        let (date, half) = (local.date(), local.hour() * 2 + local.minute() / 30);
        let half = u8::try_from(half).unwrap();
        let weekday = usize::try_from(date.weekday().to_monday_zero_offset()).unwrap();
        let away = self.away.is_some_and(|(from, length)| date >= on(start, from) && date < on(start, from + length));
        let busy = self.busy.is_some_and(|day| date == on(start, day) && (22..26).contains(&half));
        self.days.contains(&weekday) && (self.begin..self.end).contains(&half) && !away && !busy
    }

    /// How long it takes until the seller works.
    pub(crate) fn waits(&self, start: Date, now: Timestamp) -> Option<SignedDuration> {
        let zone = zone(self.zone);
        let first = now.as_millisecond().div_euclid(HALF_HOUR);
        let instants = (1..=SEARCHED).map(|n| Timestamp::from_millisecond((first + n) * HALF_HOUR).unwrap());
        let found = std::iter::once(now).chain(instants).find(|at| self.works(&zone, start, *at));
        found.map(|at| at.duration_since(now))
    }
}
