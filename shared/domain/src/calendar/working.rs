//! What a calendar comes to in instants: when the seller works next, and for how long.
//!
//! Only the dates that matter are looked at, and nothing is allocated while the next working instant is sought: a
//! decision asks for that of every seller.

use jiff::civil::Date;
use jiff::tz::{AmbiguousOffset, TimeZone};
use jiff::{SignedDuration, Timestamp};

use super::{Calendar, Entry, Interval, Kind, TimeOfDay};

/// How far ahead the next working instant is sought (AVAIL-10).
pub const SEARCHED: SignedDuration = SignedDuration::from_hours(120);

/// From the first instant to the second, which is not part of it.
type Span = (Timestamp, Timestamp);

impl Calendar {
    /// The first working instant from `now` on that is at most `horizon` ahead, and never more than [`SEARCHED`]
    /// (AVAIL-10).
    #[must_use]
    pub fn earliest(&self, now: Timestamp, horizon: SignedDuration) -> Option<Timestamp> {
        let latest = now.checked_add(horizon.min(SEARCHED)).unwrap_or(Timestamp::MAX);
        let mut at = now;
        // Each turn leaves behind what blocks the hours it found.
        while at <= latest {
            if self.has_working_hours {
                at = self.next_hours(at, latest)?;
            }
            match self.blocked_until(at) {
                None => return Some(at),
                Some(end) => at = end,
            }
        }
        None
    }

    /// The working minutes from `begin` to `end`.
    #[must_use]
    pub fn minutes(&self, begin: Timestamp, end: Timestamp) -> u32 {
        let within = |(start, stop): Span| Some((start.max(begin), stop.min(end))).filter(|(start, stop)| start < stop);
        let hours: Vec<Span> = if self.has_working_hours {
            let (mut date, last) = (before(utc(begin)), after(utc(end)));
            let mut hours = vec![];
            while date <= last {
                let entry = self.hours_of(date);
                hours.extend(entry.into_iter().flat_map(|entry| entry.spans(date)).filter_map(within));
                date = after(date);
            }
            union(hours)
        } else {
            vec![(begin, end)]
        };
        let blocked = union(self.blocking().flat_map(Entry::blocked).filter_map(within).collect());
        let taken = hours
            .iter()
            .flat_map(|(start, stop)| blocked.iter().map(move |(from, to)| length((*start.max(from), *stop.min(to)))));
        let seconds = hours.iter().copied().map(length).sum::<i64>() - taken.sum::<i64>();
        u32::try_from(seconds / 60).unwrap_or_default()
    }

    /// The working hours that hold on a date: the latest created that cover it (AVAIL-05).
    fn hours_of(&self, date: Date) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.kind == Kind::WorkingHours && entry.covers(date))
    }

    fn blocking(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.kind != Kind::WorkingHours)
    }

    /// Where the non-working hours or time off end that an instant lies in.
    fn blocked_until(&self, at: Timestamp) -> Option<Timestamp> {
        let mut blocking = self.blocking().peekable();
        blocking.peek()?;
        let date = utc(at);
        // A zone's date is the one before, at or after that of UTC.
        let (first, last) = (before(date), after(date));
        let near = blocking.filter(|entry| entry.from <= last && entry.to.unwrap_or(entry.from) >= first);
        let around = near.flat_map(Entry::blocked).filter(|(start, end)| *start <= at && at < *end);
        around.map(|(_, end)| end).max()
    }

    /// When the working hours begin that an instant lies in, at the earliest then, or else the next ones.
    fn next_hours(&self, at: Timestamp, latest: Timestamp) -> Option<Timestamp> {
        let last = after(utc(latest));
        let zone = self.entries.iter().find(|entry| entry.kind == Kind::WorkingHours).map(|entry| &entry.time_zone);
        // With several zones a date may begin before the one that precedes it in another zone has ended, by 26 hours at
        // the most: two dates more settle it.
        let (mut date, mut more) = match zone.filter(|_| self.one_zone) {
            Some(zone) => (zone.to_datetime(at).date(), 0),
            None => (before(utc(at)), 2),
        };
        let mut first: Option<Timestamp> = None;
        while date <= last {
            if let Some(begin) = self.hours_of(date).and_then(|entry| entry.next(date, at)) {
                first = Some(first.map_or(begin, |first| first.min(begin)));
            }
            if first.is_some() {
                if more == 0 {
                    break;
                }
                more -= 1;
            }
            date = after(date);
        }
        first.filter(|first| *first <= latest)
    }
}

impl Entry {
    /// Its intervals on a date, without those that the clocks skip.
    fn spans(&self, date: Date) -> impl Iterator<Item = Span> {
        let span = move |interval: &Interval| {
            (instant(&self.time_zone, date, interval.start), instant(&self.time_zone, date, interval.end))
        };
        self.intervals.iter().map(span).filter(|(start, end)| start < end)
    }

    /// What non-working hours or time off take away.
    fn blocked(&self) -> impl Iterator<Item = Span> {
        let whole = (self.kind == Kind::TimeOff).then(|| {
            let last = self.to.unwrap_or(self.from);
            let start = instant(&self.time_zone, self.from, TimeOfDay::MIDNIGHT);
            (start, instant(&self.time_zone, last, TimeOfDay::END))
        });
        self.spans(self.from).chain(whole)
    }

    /// The first instant of its intervals on a date, from `at` on.
    fn next(&self, date: Date, at: Timestamp) -> Option<Timestamp> {
        self.intervals.iter().find_map(|interval| {
            let end = instant(&self.time_zone, date, interval.end);
            if end <= at {
                return None;
            }
            let start = instant(&self.time_zone, date, interval.start);
            (start < end).then(|| start.max(at))
        })
    }
}

/// The instant of a local time. One that the clocks skip is the instant at which they do; of one that they repeat it is
/// the first (OQ-43).
pub(crate) fn instant(zone: &TimeZone, date: Date, time: TimeOfDay) -> Timestamp {
    let (date, minutes) = if time == TimeOfDay::END { (after(date), 0) } else { (date, time.minutes()) };
    let hour = i8::try_from(minutes / 60).expect("a day has 24 hours");
    let minute = i8::try_from(minutes % 60).expect("an hour has 60 minutes");
    let local = date.at(hour, minute, 0, 0);
    let with = |offset: jiff::tz::Offset| offset.to_timestamp(local).unwrap_or(Timestamp::MAX);
    match zone.to_ambiguous_timestamp(local).offset() {
        AmbiguousOffset::Unambiguous { offset } => with(offset),
        AmbiguousOffset::Fold { before, .. } => with(before),
        AmbiguousOffset::Gap { after, .. } => {
            let earlier = with(after);
            zone.following(earlier).next().map_or(earlier, |transition| transition.timestamp())
        }
    }
}

fn utc(at: Timestamp) -> Date {
    TimeZone::UTC.to_datetime(at).date()
}

fn before(date: Date) -> Date {
    date.yesterday().unwrap_or(date)
}

fn after(date: Date) -> Date {
    date.tomorrow().unwrap_or(date)
}

/// Seconds; none when it ends before it begins.
fn length((start, end): Span) -> i64 {
    (end.as_second() - start.as_second()).max(0)
}

/// The same instants in spans that are in order and apart.
fn union(mut spans: Vec<Span>) -> Vec<Span> {
    spans.sort_unstable();
    let mut apart: Vec<Span> = vec![];
    for (start, end) in spans {
        match apart.last_mut() {
            Some(last) if start <= last.1 => last.1 = last.1.max(end),
            _ => apart.push((start, end)),
        }
    }
    apart
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::calendar::EntryDraft;

    pub(in crate::calendar) fn calendar(entries: &[Value]) -> Calendar {
        let entry = |(n, body): (usize, &Value)| {
            EntryDraft::parse(body, None).unwrap().into_entry(format!("{n}").as_str().into())
        };
        entries.iter().enumerate().map(entry).collect::<Vec<_>>().into()
    }

    /// The first working instant, as text; `-` when there is none in 120 hours.
    fn earliest(calendar: &Calendar, now: &str) -> String {
        let found = calendar.earliest(now.parse().unwrap(), SEARCHED);
        found.map_or_else(|| "-".to_owned(), |at| at.to_string())
    }

    fn minutes(calendar: &Calendar, day: &str, zone: &str) -> u32 {
        let (zone, date): (_, Date) = (TimeZone::get(zone).unwrap(), day.parse().unwrap());
        let begin = date.to_zoned(zone.clone()).unwrap().timestamp();
        let end = date.tomorrow().unwrap().to_zoned(zone).unwrap().timestamp();
        calendar.minutes(begin, end)
    }

    fn weekdays(zone: &str) -> Value {
        json!({"kind": "workingHours", "from": "2026-01-05", "repeat": "everyDay", "timeZone": zone,
               "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
               "intervals": [{"start": "08:00", "end": "12:30"}, {"start": "13:00", "end": "17:00"}]})
    }

    #[test]
    fn dist_10_without_an_entry_a_seller_is_always_available() {
        let nothing = calendar(&[]);
        assert_eq!(earliest(&nothing, "2026-03-01T03:00:00Z"), "2026-03-01T03:00:00Z");
        assert_eq!(minutes(&nothing, "2026-03-01", "UTC"), 1440);
        assert_eq!(minutes(&nothing, "2026-03-29", "Europe/London"), 1380);
    }

    /// AVAIL-02, AVAIL-06: breaks, weekends, start inclusive and end exclusive.
    #[test]
    fn avail_02_avail_06_working_hours_leave_breaks_nights_and_weekends_free() {
        let seller = calendar(&[weekdays("UTC")]);
        for (now, expected) in [
            ("2026-03-02T07:59:59Z", "2026-03-02T08:00:00Z"),
            ("2026-03-02T08:00:00Z", "2026-03-02T08:00:00Z"),
            ("2026-03-02T12:29:59.5Z", "2026-03-02T12:29:59.5Z"),
            ("2026-03-02T12:30:00Z", "2026-03-02T13:00:00Z"),
            ("2026-03-02T17:00:00Z", "2026-03-03T08:00:00Z"),
            ("2026-03-06T17:00:00Z", "2026-03-09T08:00:00Z"),
            ("2025-12-31T17:00:00Z", "2026-01-05T08:00:00Z"),
            ("2025-12-31T07:00:00Z", "-"),
        ] {
            assert_eq!(earliest(&seller, now), expected, "{now}");
        }
        assert_eq!(minutes(&seller, "2026-03-02", "UTC"), 510);
        assert_eq!(minutes(&seller, "2026-03-07", "UTC"), 0);
        assert_eq!(minutes(&seller, "2026-03-02", "Asia/Tokyo"), 390, "until midnight in Tokyo, 15:00 in UTC");
    }

    #[test]
    fn avail_10_the_horizon_is_part_of_what_is_searched() {
        let seller = calendar(&[weekdays("UTC")]);
        let within =
            |hours| seller.earliest("2026-03-02T17:00:00Z".parse().unwrap(), SignedDuration::from_hours(hours));
        assert!(within(15).is_some());
        assert_eq!(within(14), None);
        let later = calendar(&[json!({"kind": "workingHours", "from": "2026-03-07"})]);
        assert_eq!(later.earliest("2026-03-01T08:00:00Z".parse().unwrap(), SignedDuration::from_hours(1000)), None);
        assert_eq!(earliest(&later, "2026-03-02T08:00:00Z"), "2026-03-07T08:00:00Z");
    }

    #[test]
    fn what_repeats_ends_with_its_last_date() {
        let mut hours = weekdays("UTC");
        hours["to"] = json!("2026-03-03");
        let seller = calendar(&[hours]);
        assert_eq!(earliest(&seller, "2026-03-02T18:00:00Z"), "2026-03-03T08:00:00Z");
        assert_eq!(earliest(&seller, "2026-03-03T17:00:00Z"), "-");
        let weekly = json!({"kind": "workingHours", "from": "2026-03-03", "repeat": "everyWeek"});
        assert_eq!(earliest(&calendar(&[weekly]), "2026-03-05T18:00:00Z"), "2026-03-10T08:00:00Z");
    }

    #[test]
    fn avail_05_time_off_and_non_working_hours_are_taken_away_from_working_hours() {
        let seller = calendar(&[
            json!({"kind": "timeOff", "from": "2026-03-03", "to": "2026-03-04"}),
            json!({"kind": "nonWorkingHours", "from": "2026-03-02", "intervals": [{"start": "12:00", "end": "16:00"}]}),
            weekdays("UTC"),
        ]);
        assert_eq!(earliest(&seller, "2026-03-02T11:59:00Z"), "2026-03-02T11:59:00Z");
        assert_eq!(earliest(&seller, "2026-03-02T12:00:00Z"), "2026-03-02T16:00:00Z");
        assert_eq!(earliest(&seller, "2026-03-02T17:00:00Z"), "2026-03-05T08:00:00Z");
        assert_eq!(minutes(&seller, "2026-03-02", "UTC"), 240 + 60);
        assert_eq!(minutes(&seller, "2026-03-04", "UTC"), 0);
    }

    #[test]
    fn avail_05_of_two_working_hours_the_later_created_holds_for_the_date() {
        let short = json!({"kind": "workingHours", "from": "2026-03-02",
                           "intervals": [{"start": "10:00", "end": "11:00"}]});
        let seller = calendar(&[weekdays("UTC"), short.clone()]);
        assert_eq!(earliest(&seller, "2026-03-02T08:00:00Z"), "2026-03-02T10:00:00Z");
        assert_eq!(earliest(&seller, "2026-03-02T11:00:00Z"), "2026-03-03T08:00:00Z");
        let seller = calendar(&[short, weekdays("UTC")]);
        assert_eq!(earliest(&seller, "2026-03-02T08:00:00Z"), "2026-03-02T08:00:00Z");
    }

    #[test]
    fn avail_07_with_only_absences_the_rest_is_working_time() {
        let seller = calendar(&[
            json!({"kind": "timeOff", "from": "2026-03-02", "timeZone": "America/New_York"}),
            json!({"kind": "nonWorkingHours", "from": "2026-03-03", "intervals": [{"start": "00:00", "end": "24:00"}]}),
        ]);
        assert_eq!(earliest(&seller, "2026-03-02T04:59:00Z"), "2026-03-02T04:59:00Z");
        assert_eq!(earliest(&seller, "2026-03-02T05:00:00Z"), "2026-03-04T00:00:00Z", "one absence into the next");
        assert_eq!(minutes(&seller, "2026-03-02", "UTC"), 300);
        let long = calendar(&[json!({"kind": "timeOff", "from": "2026-03-02", "to": "2026-03-31"})]);
        assert_eq!(earliest(&long, "2026-03-10T00:00:00Z"), "-");
    }

    /// AVAIL-06, OQ-43: London, 29 March 2026, 01:00 to 02:00 does not exist.
    #[test]
    fn avail_06_when_clocks_go_forward_a_skipped_time_is_the_next_instant() {
        let at = |start: &str, end: &str| {
            let intervals = json!([{"start": start, "end": end}]);
            calendar(&[json!({"kind": "workingHours", "from": "2026-03-29", "timeZone": "Europe/London",
                              "intervals": intervals})])
        };
        assert_eq!(earliest(&at("01:30", "09:00"), "2026-03-28T12:00:00Z"), "2026-03-29T01:00:00Z");
        assert_eq!(minutes(&at("01:30", "09:00"), "2026-03-29", "Europe/London"), 7 * 60);
        assert_eq!(minutes(&at("00:30", "01:30"), "2026-03-29", "Europe/London"), 30);
        assert_eq!(earliest(&at("01:10", "01:50"), "2026-03-28T12:00:00Z"), "-", "the whole of it is skipped");
        assert_eq!(earliest(&at("09:00", "10:00"), "2026-03-29T00:00:00Z"), "2026-03-29T08:00:00Z");
    }

    /// AVAIL-06, OQ-43: London, 25 October 2026, 01:00 to 02:00 comes twice.
    #[test]
    fn avail_06_when_clocks_go_back_a_repeated_time_is_its_first_occurrence() {
        let at = |start: &str, end: &str| {
            let intervals = json!([{"start": start, "end": end}]);
            calendar(&[json!({"kind": "workingHours", "from": "2026-10-25", "timeZone": "Europe/London",
                              "intervals": intervals})])
        };
        assert_eq!(earliest(&at("01:30", "03:00"), "2026-10-24T12:00:00Z"), "2026-10-25T00:30:00Z");
        assert_eq!(minutes(&at("01:30", "03:00"), "2026-10-25", "Europe/London"), 150);
        assert_eq!(minutes(&at("00:30", "01:30"), "2026-10-25", "Europe/London"), 60);
        assert_eq!(earliest(&at("00:30", "01:30"), "2026-10-25T00:30:00Z"), "-", "the second 01:29 is not part of it");
        assert_eq!(earliest(&at("09:00", "10:00"), "2026-10-25T00:00:00Z"), "2026-10-25T09:00:00Z");
    }

    #[test]
    fn entries_of_several_zones_are_each_in_their_own() {
        let entry = |zone: &str, from: &str| {
            json!({"kind": "workingHours", "from": from, "timeZone": zone,
                   "intervals": [{"start": "08:00", "end": "17:00"}]})
        };
        let seller = calendar(&[entry("Pacific/Honolulu", "2026-03-02"), entry("Pacific/Auckland", "2026-03-03")]);
        assert_eq!(earliest(&seller, "2026-03-02T12:00:00Z"), "2026-03-02T18:00:00Z", "08:00 in Honolulu");
        assert_eq!(earliest(&seller, "2026-03-03T03:00:00Z"), "2026-03-03T03:00:00Z", "Honolulu until 17:00");
        let seller = calendar(&[entry("Pacific/Kiritimati", "2026-03-04"), entry("Pacific/Pago_Pago", "2026-03-03")]);
        assert_eq!(earliest(&seller, "2026-03-03T16:00:00Z"), "2026-03-03T18:00:00Z", "the later date begins first");
        assert_eq!(
            seller.minutes("2026-03-03T00:00:00Z".parse().unwrap(), "2026-03-05T00:00:00Z".parse().unwrap()),
            600
        );
    }

    #[test]
    fn a_day_that_a_zone_never_had_is_no_working_day() {
        let body = json!({"kind": "workingHours", "from": "2011-12-30", "timeZone": "Pacific/Apia"});
        assert_eq!(earliest(&calendar(&[body]), "2011-12-29T00:00:00Z"), "-");
    }
}
