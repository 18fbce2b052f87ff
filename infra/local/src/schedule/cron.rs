//! EventBridge's cron expressions: `minutes hours day-of-month month day-of-week year`.
//!
//! Only the calendar: whether a civil minute is due. Time zones and instants are [`super`]'s concern.

use anyhow::{Context, Result, bail, ensure};
use jiff::civil::{Date, DateTime, Weekday};

const MONTHS: [&str; 12] = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
/// In EventBridge's order: SUN is 1.
const WEEKDAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const FIRST_YEAR: i16 = 1970;
const LAST_YEAR: i16 = 2199;

/// A cron expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cron {
    minutes: Vec<i16>,
    hours: Vec<i16>,
    days: Days,
    months: Vec<i16>,
    years: Vec<i16>,
}

/// The days of a month; one of the two fields for days is always `?`.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Days {
    OfMonth(Vec<i16>),
    /// `L`
    LastOfMonth,
    /// `3W`: the weekday nearest to the 3rd, within the month.
    NearestWeekday(i16),
    /// 1 (Sunday) to 7.
    OfWeek(Vec<i16>),
    /// `6L`: the last Friday.
    LastWeekday(i16),
    /// `3#2`: the second Tuesday.
    NthWeekday(i16, i16),
}

impl Cron {
    /// Reads what stands between the parentheses of `cron(...)`.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let fields: Vec<&str> = text.split_whitespace().collect();
        let &[minutes, hours, day_of_month, month, day_of_week, year] = fields.as_slice() else {
            bail!("cron needs six fields and has {}", fields.len());
        };
        let days = match (day_of_month, day_of_week) {
            ("?", "?") => bail!("one of day-of-month and day-of-week must say something"),
            (_, "?") => days_of_month(day_of_month).context("day-of-month")?,
            ("?", _) => days_of_week(day_of_week).context("day-of-week")?,
            _ => bail!("one of day-of-month and day-of-week must be ?"),
        };
        Ok(Self {
            minutes: values(minutes, 0, 59, &[]).context("minutes")?,
            hours: values(hours, 0, 23, &[]).context("hours")?,
            days,
            months: values(month, 1, 12, &MONTHS).context("month")?,
            years: values(year, FIRST_YEAR, LAST_YEAR, &[]).context("year")?,
        })
    }

    /// The civil minutes that are due from `start` on, in order; ends with the last year.
    pub(super) fn minutes_from(&self, start: DateTime) -> impl Iterator<Item = DateTime> {
        let days = start.date().series(jiff::Span::new().days(1)).take_while(|day| day.year() <= LAST_YEAR);
        days.filter(move |day| self.is_due_on(*day))
            .flat_map(move |day| {
                self.hours.iter().flat_map(move |hour| {
                    self.minutes.iter().map(move |minute| {
                        let (hour, minute) = (i8::try_from(*hour), i8::try_from(*minute));
                        day.at(hour.expect("is under 24"), minute.expect("is under 60"), 0, 0)
                    })
                })
            })
            .skip_while(move |minute| *minute < start)
    }

    fn is_due_on(&self, day: Date) -> bool {
        self.years.contains(&day.year()) && self.months.contains(&day.month().into()) && self.days.contain(day)
    }
}

impl Days {
    fn contain(&self, day: Date) -> bool {
        let of_month = i16::from(day.day());
        let of_week = i16::from(day.weekday().to_sunday_one_offset());
        match self {
            Self::OfMonth(days) => days.contains(&of_month),
            Self::LastOfMonth => day == day.last_of_month(),
            Self::NearestWeekday(target) => nearest_weekday(day, *target) == Some(day),
            Self::OfWeek(days) => days.contains(&of_week),
            Self::LastWeekday(weekday) => of_week == *weekday && of_month + 7 > i16::from(day.days_in_month()),
            Self::NthWeekday(weekday, nth) => of_week == *weekday && (of_month - 1) / 7 + 1 == *nth,
        }
    }
}

/// The weekday nearest to the day `target` of `day`'s month, never in another month.
fn nearest_weekday(day: Date, target: i16) -> Option<Date> {
    let target = Date::new(day.year(), day.month(), i8::try_from(target).ok()?).ok()?;
    let (first, last) = (target.first_of_month(), target.last_of_month());
    match target.weekday() {
        Weekday::Saturday if target == first => target.checked_add(jiff::Span::new().days(2)).ok(),
        Weekday::Saturday => target.yesterday().ok(),
        Weekday::Sunday if target == last => target.checked_sub(jiff::Span::new().days(2)).ok(),
        Weekday::Sunday => target.tomorrow().ok(),
        _ => Some(target),
    }
}

fn days_of_month(text: &str) -> Result<Days> {
    if text == "L" {
        return Ok(Days::LastOfMonth);
    }
    if let Some(day) = text.strip_suffix('W') {
        return Ok(Days::NearestWeekday(value(day, 1, 31, &[])?));
    }
    Ok(Days::OfMonth(values(text, 1, 31, &[])?))
}

fn days_of_week(text: &str) -> Result<Days> {
    if text == "L" {
        return Ok(Days::OfWeek(vec![7]));
    }
    if let Some((day, nth)) = text.split_once('#') {
        return Ok(Days::NthWeekday(value(day, 1, 7, &WEEKDAYS)?, value(nth, 1, 5, &[])?));
    }
    if let Some(day) = text.strip_suffix('L') {
        return Ok(Days::LastWeekday(value(day, 1, 7, &WEEKDAYS)?));
    }
    Ok(Days::OfWeek(values(text, 1, 7, &WEEKDAYS)?))
}

/// A list of values, ranges and steps as the values it stands for, in order.
fn values(text: &str, low: i16, high: i16, names: &[&str]) -> Result<Vec<i16>> {
    let mut all = vec![];
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, Some(value(step, 1, high, &[])?)),
            None => (part, None),
        };
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (value(first, low, high, names)?, value(last, low, high, names)?),
            None if step.is_some() => (value(range, low, high, names)?, high),
            None => (value(range, low, high, names)?, value(range, low, high, names)?),
        };
        ensure!(first <= last, "{part} runs backwards");
        all.extend((first..=last).step_by(usize::from(step.unwrap_or(1).unsigned_abs())));
    }
    all.sort_unstable();
    all.dedup();
    Ok(all)
}

fn value(text: &str, low: i16, high: i16, names: &[&str]) -> Result<i16> {
    let by_name = names.iter().position(|name| name.eq_ignore_ascii_case(text));
    let value = match by_name {
        Some(index) => i16::try_from(index)? + 1,
        None => text.parse().with_context(|| format!("{text:?} is no value"))?,
    };
    ensure!((low..=high).contains(&value), "{value} is not {low} to {high}");
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first minutes that are due from a start on.
    fn due(expression: &str, start: &str, count: usize) -> Vec<String> {
        let cron = Cron::parse(expression).unwrap();
        cron.minutes_from(start.parse().unwrap())
            .take(count)
            .map(|minute| minute.strftime("%F %R").to_string())
            .collect()
    }

    /// The examples of the EventBridge Scheduler user guide, and the calendar's corners.
    #[test]
    fn expressions_mean_what_the_user_guide_says() {
        for (expression, start, expected) in [
            ("0 10 * * ? *", "2026-03-01T10:00", &["2026-03-01 10:00", "2026-03-02 10:00"][..]),
            ("15 12 * * ? *", "2026-03-01T13:00", &["2026-03-02 12:15"]),
            ("0 18 ? * MON-FRI *", "2026-03-06T19:00", &["2026-03-09 18:00"]),
            ("0 8 1 * ? *", "2026-03-02T00:00", &["2026-04-01 08:00", "2026-05-01 08:00"]),
            ("0/15 * * * ? *", "2026-03-01T10:46", &["2026-03-01 11:00", "2026-03-01 11:15"]),
            ("0/10 * ? * MON-FRI *", "2026-03-06T23:51", &["2026-03-09 00:00"]),
            ("0/5 8-17 ? * MON-FRI *", "2026-03-06T17:56", &["2026-03-09 08:00"]),
            ("15 10 ? * 6L 2022-2023", "2022-01-29T00:00", &["2022-02-25 10:15"]),
            ("0 9 ? * 3#2 *", "2026-03-01T00:00", &["2026-03-10 09:00", "2026-04-14 09:00"]),
            ("0 9 L * ? *", "2028-02-01T00:00", &["2028-02-29 09:00", "2028-03-31 09:00"]),
            ("0 9 1W * ? *", "2026-08-01T00:00", &["2026-08-03 09:00", "2026-09-01 09:00"]),
            ("0 9 31W * ? *", "2026-05-01T00:00", &["2026-05-29 09:00", "2026-07-31 09:00"]),
            ("0 9 ? JAN,jul L 2027", "2026-01-01T00:00", &["2027-01-02 09:00"]),
            ("5,10 0 29 2 ? *", "2026-01-01T00:00", &["2028-02-29 00:05", "2028-02-29 00:10", "2032-02-29 00:05"]),
            ("0 0 ? * 5#5 *", "2026-03-01T00:00", &["2026-04-30 00:00"]),
        ] {
            assert_eq!(due(expression, start, expected.len()), expected, "{expression}");
        }
    }

    #[test]
    fn an_expression_that_can_never_be_due_ends() {
        assert!(due("0 0 31 2 ? *", "2026-01-01T00:00", 1).is_empty());
        assert!(due("0 0 1 1 ? 2025", "2026-01-01T00:00", 1).is_empty());
    }

    #[test]
    fn what_is_no_cron_expression_is_refused() {
        for expression in [
            "* * * * *",
            "0 0 * * * *",
            "0 0 ? * ? *",
            "0 0 1 * 2 *",
            "60 0 * * ? *",
            "0 24 * * ? *",
            "0 0 0 * ? *",
            "0 0 * 13 ? *",
            "0 0 ? * 8 *",
            "0 0 ? * 2#6 *",
            "0 0 ? * FRI-MON *",
            "0/0 0 * * ? *",
            "a 0 * * ? *",
            "0 0 * * ? 1969",
            "0 0 32W * ? *",
            "0 0 , * ? *",
        ] {
            assert!(Cron::parse(expression).is_err(), "{expression}");
        }
    }
}
