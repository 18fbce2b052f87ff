//! What a date is tested to lie in: fixed and relative periods in the organisation's zone (COND-28, COND-31).

use jiff::civil::{self, Weekday};
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use crate::value::Date;

/// The largest number of units in an [`Amount`].
pub(super) const MAX_AMOUNT: u32 = 10_000;

/// A period of time that a date can lie in.
///
/// A day reaches from its first instant in the organisation's zone to the first instant of the next, 23 to 25 hours
/// where clocks change. A date without a time lies in a period of days by its place in the calendar; among minutes and
/// hours it counts from its first instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Period {
    /// The day of the date.
    On(Date),
    /// Not before the date; two instants compare as instants, otherwise days compare.
    From(Date),
    /// Not after the date, in the same manner.
    Until(Date),
    /// A day, week, month or year of the calendar, `shift` away from the present one.
    Calendar {
        /// -1, 0 or 1 for last, this and next.
        shift: i8,
        /// What is counted.
        span: Span,
    },
    /// From so long ago until now. In minutes and hours exactly; in longer units from the first instant of the day that
    /// lies so far back, so that "last 3 days" on a Thursday begins on Monday and includes today.
    Last(Amount),
    /// From now on for so long; in days and longer units until the end of the day that lies so far ahead.
    Next(Amount),
    /// Before what [`Period::Last`] of the same amount begins with.
    OlderThan(Amount),
}

/// A unit of the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Span {
    /// One day.
    Day,
    /// Seven days from the organisation's first weekday.
    Week,
    /// One month.
    Month,
    /// One year.
    Year,
}

/// A length of time: `{"n": 3, "unit": "days"}`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Amount {
    /// 1 to 10,000.
    pub n: u32,
    /// What is counted.
    pub unit: TimeUnit,
}

/// A unit of an [`Amount`]. Months and years go by the calendar: a month before 31 March is the last day of February.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "each is the word of the contract")]
pub enum TimeUnit {
    Minutes,
    Hours,
    Days,
    Weeks,
    Months,
    Years,
}

/// The days and instants of a period, both ends included; empty when the first is later than the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    days: (civil::Date, civil::Date),
    instants: (Timestamp, Timestamp),
}

impl TimeUnit {
    /// Every unit with its word.
    pub const WORDS: [(&'static str, Self); 6] = [
        ("minutes", Self::Minutes),
        ("hours", Self::Hours),
        ("days", Self::Days),
        ("weeks", Self::Weeks),
        ("months", Self::Months),
        ("years", Self::Years),
    ];

    /// The word for it, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).expect("every unit has a word").0
    }
}

impl Amount {
    /// The length as whole units of the clock, or `None` when it is counted in days.
    fn on_the_clock(self) -> Option<jiff::Span> {
        let n = i64::from(self.n.min(MAX_AMOUNT));
        match self.unit {
            TimeUnit::Minutes => Some(n.minutes()),
            TimeUnit::Hours => Some(n.hours()),
            _ => None,
        }
    }

    /// The length as units of the calendar.
    fn in_the_calendar(self) -> jiff::Span {
        let n = i64::from(self.n.min(MAX_AMOUNT));
        match self.unit {
            TimeUnit::Minutes | TimeUnit::Hours => 0.days(),
            TimeUnit::Days => n.days(),
            TimeUnit::Weeks => n.weeks(),
            TimeUnit::Months => n.months(),
            TimeUnit::Years => n.years(),
        }
    }
}

impl Range {
    /// True when the date lies in it.
    #[must_use]
    pub fn contains(&self, date: &Date) -> bool {
        match date {
            Date::Day(day) => self.days.0 <= *day && *day <= self.days.1,
            Date::Instant(instant) => self.instants.0 <= *instant && *instant <= self.instants.1,
        }
    }
}

/// Now, as clocks and calendars of the organisation show it.
pub(super) struct Present<'a> {
    pub(super) now: Timestamp,
    pub(super) time_zone: &'a TimeZone,
    pub(super) first_weekday: Weekday,
}

impl Period {
    /// What the period comes to at present.
    pub(super) fn range(self, present: &Present<'_>) -> Range {
        let today = present.day_of(present.now);
        match self {
            Self::On(date) => {
                let day = present.day(date);
                present.days(day, day)
            }
            Self::From(date) => {
                let range = present.days(present.day(date), civil::Date::MAX);
                let first = if let Date::Instant(instant) = date { instant } else { range.instants.0 };
                Range { instants: (first, Timestamp::MAX), ..range }
            }
            Self::Until(date) => {
                let range = present.days(civil::Date::MIN, present.day(date));
                let last = if let Date::Instant(instant) = date { instant } else { range.instants.1 };
                Range { instants: (Timestamp::MIN, last), ..range }
            }
            Self::Calendar { shift, span } => {
                let (first, last) = present.calendar(today, i64::from(shift), span);
                present.days(first, last)
            }
            Self::Last(amount) => {
                if let Some(length) = amount.on_the_clock() {
                    return present.instants(present.now.saturating_sub(length).unwrap_or(Timestamp::MIN), present.now);
                }
                let range = present.days(today.saturating_sub(amount.in_the_calendar()), today);
                Range { instants: (range.instants.0, present.now), ..range }
            }
            Self::Next(amount) => {
                if let Some(length) = amount.on_the_clock() {
                    return present.instants(present.now, present.now.saturating_add(length).unwrap_or(Timestamp::MAX));
                }
                let range = present.days(today, today.saturating_add(amount.in_the_calendar()));
                Range { instants: (present.now, range.instants.1), ..range }
            }
            Self::OlderThan(amount) => {
                let last = Self::Last(amount).range(present);
                let (day, instant) = (last.days.0, last.instants.0);
                Range { days: (civil::Date::MIN, before_day(day)), instants: (Timestamp::MIN, before(instant)) }
            }
        }
    }
}

impl Present<'_> {
    /// The day that an instant belongs to: the last whose first instant is not later.
    ///
    /// That is the date on the wall, but where clocks are set back across midnight and show the earlier date twice.
    fn day_of(&self, instant: Timestamp) -> civil::Date {
        let day = self.time_zone.to_datetime(instant).date();
        let next = day.tomorrow().ok().filter(|next| self.first_instant(*next) <= instant);
        next.unwrap_or(day)
    }

    fn day(&self, date: Date) -> civil::Date {
        match date {
            Date::Day(day) => day,
            Date::Instant(instant) => self.day_of(instant),
        }
    }

    /// The first instant of a day: midnight, the earlier one of two, or the end of a gap in which midnight falls.
    fn first_instant(&self, day: civil::Date) -> Timestamp {
        let midnight = self.time_zone.to_ambiguous_timestamp(day.at(0, 0, 0, 0)).compatible();
        // Only at the ends of the time line is there no such instant.
        midnight.unwrap_or(if day.year() < 0 { Timestamp::MIN } else { Timestamp::MAX })
    }

    /// Whole days from the first to the last one.
    fn days(&self, first: civil::Date, last: civil::Date) -> Range {
        let end = last.tomorrow().map_or(Timestamp::MAX, |next| before(self.first_instant(next)));
        Range { days: (first, last), instants: (self.first_instant(first), end) }
    }

    /// All instants from the first to the last one, and the days whose first instants are among them.
    fn instants(&self, first: Timestamp, last: Timestamp) -> Range {
        let mut day = self.day_of(first);
        if self.first_instant(day) < first {
            day = day.saturating_add(1.day());
        }
        Range { days: (day, self.day_of(last)), instants: (first, last) }
    }

    /// The first and last day of a unit of the calendar, `shift` away from the one that `today` lies in.
    fn calendar(&self, today: civil::Date, shift: i64, span: Span) -> (civil::Date, civil::Date) {
        match span {
            Span::Day => {
                let day = today.saturating_add(shift.days());
                (day, day)
            }
            Span::Week => {
                let passed = i64::from(today.weekday().since(self.first_weekday));
                let first = today.saturating_add((shift * 7 - passed).days());
                (first, first.saturating_add(6.days()))
            }
            Span::Month => {
                let first = today.first_of_month().saturating_add(shift.months());
                (first, first.last_of_month())
            }
            Span::Year => {
                let first = today.first_of_year().saturating_add(shift.years());
                (first, first.last_of_year())
            }
        }
    }
}

fn before(instant: Timestamp) -> Timestamp {
    instant.saturating_sub(1.nanosecond()).unwrap_or(Timestamp::MIN)
}

fn before_day(day: civil::Date) -> civil::Date {
    day.saturating_sub(1.day())
}

/// Zones by rule, so that tests don't depend on what the machine knows: Greenwich, London, New York, Havana (clocks
/// change at midnight), the old rule of Newfoundland (set back across midnight) and Kolkata.
#[cfg(test)]
pub(super) const ZONES: [&str; 6] = [
    "UTC0",
    "GMT0BST,M3.5.0/1,M10.5.0",
    "EST5EDT,M3.2.0,M11.1.0",
    "CST5CDT,M3.2.0/0,M11.1.0/1",
    "NST3:30NDT,M3.2.0/0:01,M11.1.0/0:01",
    "IST-5:30",
];

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn range(period: Period, now: &str, zone: &str, first_weekday: Weekday) -> Range {
        let time_zone = TimeZone::posix(zone).unwrap();
        period.range(&Present { now: now.parse().unwrap(), time_zone: &time_zone, first_weekday })
    }

    fn date(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn amount(n: u32, unit: TimeUnit) -> Amount {
        Amount { n, unit }
    }

    /// First and last day, first instant and the first instant after, of a period at an instant in a zone.
    fn check(period: Period, now: &str, zone: &str, days: [&str; 2], instants: [&str; 2]) {
        let found = range(period, now, zone, Weekday::Sunday);
        let shown = (found.days.0.to_string(), found.days.1.to_string());
        assert_eq!(shown, (days[0].to_owned(), days[1].to_owned()), "days of {period:?}");
        let after = found.instants.1.saturating_add(1.nanosecond()).unwrap();
        let shown = (found.instants.0.to_string(), after.to_string());
        assert_eq!(shown, (instants[0].to_owned(), instants[1].to_owned()), "instants of {period:?}");
    }

    #[test]
    fn cond_28_cond_31_calendar_periods_are_whole_days_of_the_organisations_zone() {
        // COND-28, COND-31. It is Thursday 5 March 02:00 in Greenwich, still Wednesday in New York.
        let (now, zone) = ("2026-03-05T02:00:00Z", ZONES[2]);
        let calendar = |shift, span| Period::Calendar { shift, span };
        check(
            calendar(0, Span::Day),
            now,
            zone,
            ["2026-03-04", "2026-03-04"],
            ["2026-03-04T05:00:00Z", "2026-03-05T05:00:00Z"],
        );
        check(
            calendar(-1, Span::Day),
            now,
            zone,
            ["2026-03-03", "2026-03-03"],
            ["2026-03-03T05:00:00Z", "2026-03-04T05:00:00Z"],
        );
        check(
            calendar(1, Span::Day),
            now,
            zone,
            ["2026-03-05", "2026-03-05"],
            ["2026-03-05T05:00:00Z", "2026-03-06T05:00:00Z"],
        );
        check(
            calendar(0, Span::Week),
            now,
            zone,
            ["2026-03-01", "2026-03-07"],
            ["2026-03-01T05:00:00Z", "2026-03-08T05:00:00Z"],
        );
        // The clocks change on 8 March: the next week has 167 hours.
        check(
            calendar(1, Span::Week),
            now,
            zone,
            ["2026-03-08", "2026-03-14"],
            ["2026-03-08T05:00:00Z", "2026-03-15T04:00:00Z"],
        );
        check(
            calendar(-1, Span::Week),
            now,
            zone,
            ["2026-02-22", "2026-02-28"],
            ["2026-02-22T05:00:00Z", "2026-03-01T05:00:00Z"],
        );
        check(
            calendar(-1, Span::Month),
            now,
            zone,
            ["2026-02-01", "2026-02-28"],
            ["2026-02-01T05:00:00Z", "2026-03-01T05:00:00Z"],
        );
        check(
            calendar(0, Span::Month),
            now,
            zone,
            ["2026-03-01", "2026-03-31"],
            ["2026-03-01T05:00:00Z", "2026-04-01T04:00:00Z"],
        );
        check(
            calendar(1, Span::Month),
            now,
            zone,
            ["2026-04-01", "2026-04-30"],
            ["2026-04-01T04:00:00Z", "2026-05-01T04:00:00Z"],
        );
        check(
            calendar(-1, Span::Year),
            now,
            zone,
            ["2025-01-01", "2025-12-31"],
            ["2025-01-01T05:00:00Z", "2026-01-01T05:00:00Z"],
        );
        check(
            calendar(1, Span::Year),
            now,
            zone,
            ["2027-01-01", "2027-12-31"],
            ["2027-01-01T05:00:00Z", "2028-01-01T05:00:00Z"],
        );
    }

    #[test]
    fn cond_31_weeks_start_on_the_organisations_first_weekday() {
        // COND-31. 2026-03-01 is a Sunday.
        let week = |now, first_weekday| {
            let range = range(Period::Calendar { shift: 0, span: Span::Week }, now, "UTC0", first_weekday);
            (range.days.0.to_string(), range.days.1.to_string())
        };
        let days = |first: &str, last: &str| (first.to_owned(), last.to_owned());
        assert_eq!(week("2026-03-01T12:00:00Z", Weekday::Sunday), days("2026-03-01", "2026-03-07"));
        assert_eq!(week("2026-03-01T12:00:00Z", Weekday::Monday), days("2026-02-23", "2026-03-01"));
        assert_eq!(week("2026-03-07T12:00:00Z", Weekday::Sunday), days("2026-03-01", "2026-03-07"));
        assert_eq!(week("2026-03-07T12:00:00Z", Weekday::Saturday), days("2026-03-07", "2026-03-13"));
    }

    #[test]
    fn days_where_clocks_change_last_23_or_25_hours() {
        let day = |text| Period::On(date(text));
        let now = "2026-01-01T00:00:00Z";
        check(
            day("2026-03-29"),
            now,
            ZONES[1],
            ["2026-03-29", "2026-03-29"],
            ["2026-03-29T00:00:00Z", "2026-03-29T23:00:00Z"],
        );
        check(
            day("2026-10-25"),
            now,
            ZONES[1],
            ["2026-10-25", "2026-10-25"],
            ["2026-10-24T23:00:00Z", "2026-10-26T00:00:00Z"],
        );
        // Havana: midnight of 8 March doesn't exist; that of 1 November comes once, its first hour twice.
        check(
            day("2026-03-08"),
            now,
            ZONES[3],
            ["2026-03-08", "2026-03-08"],
            ["2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"],
        );
        check(
            day("2026-11-01"),
            now,
            ZONES[3],
            ["2026-11-01", "2026-11-01"],
            ["2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"],
        );
        // Newfoundland's old rule: at 00:01 on 1 November clocks go back to 23:01 of the day before, which is over.
        check(
            day("2026-11-01"),
            now,
            ZONES[4],
            ["2026-11-01", "2026-11-01"],
            ["2026-11-01T02:30:00Z", "2026-11-02T03:30:00Z"],
        );
        let late = date("2026-11-01T03:00:00Z");
        check(
            Period::On(late),
            now,
            ZONES[4],
            ["2026-11-01", "2026-11-01"],
            ["2026-11-01T02:30:00Z", "2026-11-02T03:30:00Z"],
        );
    }

    #[test]
    fn last_and_next_days_begin_and_end_with_whole_days_but_stop_at_now() {
        // Thursday 5 March 10:30 in London.
        let (now, zone) = ("2026-03-05T10:30:00Z", ZONES[1]);
        let after_now = "2026-03-05T10:30:00.000000001Z";
        let last = |n, unit| Period::Last(amount(n, unit));
        let next = |n, unit| Period::Next(amount(n, unit));
        check(last(3, TimeUnit::Days), now, zone, ["2026-03-02", "2026-03-05"], ["2026-03-02T00:00:00Z", after_now]);
        check(last(2, TimeUnit::Weeks), now, zone, ["2026-02-19", "2026-03-05"], ["2026-02-19T00:00:00Z", after_now]);
        check(last(1, TimeUnit::Years), now, zone, ["2025-03-05", "2026-03-05"], ["2025-03-05T00:00:00Z", after_now]);
        check(next(3, TimeUnit::Days), now, zone, ["2026-03-05", "2026-03-08"], [now, "2026-03-09T00:00:00Z"]);
        check(next(1, TimeUnit::Months), now, zone, ["2026-03-05", "2026-04-05"], [now, "2026-04-05T23:00:00Z"]);
        // A month before the 31st is the last day of a shorter month.
        check(
            last(1, TimeUnit::Months),
            "2026-03-31T12:00:00Z",
            zone,
            ["2026-02-28", "2026-03-31"],
            ["2026-02-28T00:00:00Z", "2026-03-31T12:00:00.000000001Z"],
        );
    }

    #[test]
    fn minutes_and_hours_are_exact_and_a_day_counts_from_its_first_instant() {
        let (now, zone) = ("2026-03-05T02:30:00Z", ZONES[0]);
        let after_now = "2026-03-05T02:30:00.000000001Z";
        let last = |n, unit| Period::Last(amount(n, unit));
        check(last(2, TimeUnit::Hours), now, zone, ["2026-03-06", "2026-03-05"], ["2026-03-05T00:30:00Z", after_now]);
        check(
            last(150, TimeUnit::Minutes),
            now,
            zone,
            ["2026-03-05", "2026-03-05"],
            ["2026-03-05T00:00:00Z", after_now],
        );
        check(last(27, TimeUnit::Hours), now, zone, ["2026-03-04", "2026-03-05"], ["2026-03-03T23:30:00Z", after_now]);
        let next = Period::Next(amount(22, TimeUnit::Hours));
        check(next, now, zone, ["2026-03-06", "2026-03-06"], [now, "2026-03-06T00:30:00.000000001Z"]);
    }

    #[test]
    fn instants_compare_as_instants_and_days_as_days() {
        let (now, zone) = ("2026-01-01T00:00:00Z", ZONES[2]);
        let instant = date("2026-03-05T03:00:00Z");
        let from = range(Period::From(instant), now, zone, Weekday::Sunday);
        assert!(from.contains(&instant) && !from.contains(&date("2026-03-05T02:59:59Z")));
        assert!(from.contains(&date("2026-03-04")) && !from.contains(&date("2026-03-03")), "it is 4 March in New York");
        let until = range(Period::Until(instant), now, zone, Weekday::Sunday);
        assert!(until.contains(&instant) && !until.contains(&date("2026-03-05T03:00:01Z")));
        assert!(until.contains(&date("2026-03-04")) && !until.contains(&date("2026-03-05")));
        let day = range(Period::Until(date("2026-03-04")), now, zone, Weekday::Sunday);
        assert!(day.contains(&date("2026-03-05T04:59:59Z")) && !day.contains(&date("2026-03-05T05:00:00Z")));
    }

    #[test]
    fn the_ends_of_the_time_line_are_not_overrun() {
        let ends = [Timestamp::MIN, Timestamp::MAX];
        let periods = [
            Period::On(date("0000-01-01")),
            Period::On(date("9999-12-31")),
            Period::From(date("9999-12-31")),
            Period::Until(date("0000-01-01")),
            Period::Calendar { shift: -1, span: Span::Year },
            Period::Calendar { shift: 1, span: Span::Week },
            Period::Last(amount(MAX_AMOUNT, TimeUnit::Years)),
            Period::Next(amount(MAX_AMOUNT, TimeUnit::Hours)),
            Period::OlderThan(amount(MAX_AMOUNT, TimeUnit::Minutes)),
        ];
        for zone in ZONES {
            let time_zone = TimeZone::posix(zone).unwrap();
            for now in ends {
                let present = Present { now, time_zone: &time_zone, first_weekday: Weekday::Monday };
                for period in periods {
                    let range = period.range(&present);
                    assert!(range.instants.0 <= range.instants.1 || range.days.0 >= range.days.1);
                }
            }
        }
    }

    proptest! {
        /// Two years around a change of the clocks, by the second.
        #[test]
        fn each_instant_lies_in_exactly_one_day_and_each_past_one_is_either_last_or_older(
            zone in 0..ZONES.len(),
            now in 1_740_000_000_i64..1_800_000_000,
            other in 1_740_000_000_i64..1_800_000_000,
            n in 1_u32..400,
            unit in 0..TimeUnit::WORDS.len(),
        ) {
            let time_zone = TimeZone::posix(ZONES[zone]).unwrap();
            let instant = Timestamp::from_second(other).unwrap();
            let now = Timestamp::from_second(now).unwrap();
            let present = Present { now, time_zone: &time_zone, first_weekday: Weekday::Sunday };
            let wall = time_zone.to_datetime(instant).date();
            let around = [wall.yesterday().unwrap(), wall, wall.tomorrow().unwrap()];
            let on: Vec<_> = around.map(|day| Period::On(Date::Day(day)).range(&present)).into();
            let instant = Date::Instant(instant);
            prop_assert_eq!(on.iter().filter(|range| range.contains(&instant)).count(), 1);
            // Only where clocks go back across midnight is it not the date on the wall.
            prop_assert!(ZONES[zone].contains("/0:01") || on[1].contains(&instant));

            let amount = Amount { n, unit: TimeUnit::WORDS[unit].1 };
            let last = Period::Last(amount).range(&present).contains(&instant);
            let older = Period::OlderThan(amount).range(&present).contains(&instant);
            prop_assert_eq!(u8::from(last) + u8::from(older), u8::from(instant <= Date::Instant(now)));
        }
    }
}
