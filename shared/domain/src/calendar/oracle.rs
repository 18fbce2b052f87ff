//! The quick search against a slow one that goes minute by minute and knows nothing of instants of local times: it looks
//! at the clock on the wall, and where that goes back, at the latest time it had shown.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::{Calendar, Entry, EntryDraft, Kind, SEARCHED};

const ZONES: [&str; 6] =
    ["UTC", "Europe/London", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "Australia/Lord_Howe"];

const DAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// The latest time that the clock on the wall has shown up to an instant: no zone here goes back by more than an hour.
fn shown(zone: &TimeZone, at: Timestamp) -> DateTime {
    let now = zone.to_datetime(at);
    if zone.to_offset(at - MINUTE * 60) <= zone.to_offset(at) {
        return now;
    }
    let earlier = (1..=60).map(|minutes| zone.to_datetime(at - MINUTE * minutes));
    earlier.fold(now, DateTime::max)
}

fn within(entry: &Entry, time: DateTime) -> bool {
    let minute = u16::try_from(i32::from(time.hour()) * 60 + i32::from(time.minute())).unwrap();
    let inside = entry.intervals.iter().any(|part| (part.start.minutes()..part.end.minutes()).contains(&minute));
    entry.covers(time.date()) && (entry.kind == Kind::TimeOff || inside)
}

fn works(calendar: &Calendar, at: Timestamp) -> bool {
    let entries = calendar.entries();
    let hours = |entry: &&Entry| entry.kind == Kind::WorkingHours;
    let absent = entries.iter().filter(|entry| !hours(entry)).any(|entry| within(entry, shown(&entry.time_zone, at)));
    let working = entries.iter().enumerate().filter(|(_, entry)| hours(entry)).any(|(n, entry)| {
        let time = shown(&entry.time_zone, at);
        let overruled = entries[n + 1..].iter().filter(hours).any(|later| later.covers(time.date()));
        within(entry, time) && !overruled
    });
    !absent && (working || !entries.iter().any(|entry| hours(&entry)))
}

fn entry() -> impl Strategy<Value = Value> {
    let zone = prop::sample::select(ZONES.to_vec());
    let times = prop::collection::btree_set(0_u32..=48, 2..6);
    let days = prop::sample::subsequence(DAYS.to_vec(), 0..4);
    (0..4_u32, 0_i64..9, 0_i64..4, times, days, zone, 0..3_u32).prop_map(
        |(kind, from, length, times, days, zone, repeat)| {
            let date =
                |n: i64| jiff::civil::date(2026, 3, 24).checked_add(jiff::Span::new().days(n)).unwrap().to_string();
            let time = |half: &u32| format!("{:02}:{:02}", half / 2, half % 2 * 30);
            let times: Vec<String> = times.iter().map(time).collect();
            let intervals: Vec<Value> =
                times.chunks_exact(2).map(|pair| json!({"start": pair[0], "end": pair[1]})).collect();
            let mut body = json!({"from": date(from), "timeZone": zone});
            match kind {
                0 => {
                    body["kind"] = json!("timeOff");
                    body["to"] = json!(date(from + length));
                }
                1 => {
                    body["kind"] = json!("nonWorkingHours");
                    body["intervals"] = json!(intervals);
                }
                _ => {
                    body["kind"] = json!("workingHours");
                    body["intervals"] = json!(intervals);
                    if repeat > 0 {
                        body["repeat"] = json!(["everyDay", "everyWeek"][repeat as usize - 1]);
                        body["days"] = json!(days);
                        body["to"] = if length == 0 { Value::Null } else { json!(date(from + length)) };
                    }
                }
            }
            body
        },
    )
}

fn calendar(bodies: &[Value], autumn: bool) -> Calendar {
    let entry = |(n, body): (usize, &Value)| {
        let mut body = body.clone();
        for member in ["from", "to"] {
            let moved = body[member].as_str().filter(|_| autumn).map(|date| {
                let date: jiff::civil::Date = date.parse().unwrap();
                date.checked_add(jiff::Span::new().days(210)).unwrap().to_string()
            });
            body[member] = moved.map_or_else(|| body[member].clone(), Value::from);
        }
        EntryDraft::parse(&body, None).unwrap().into_entry(n.to_string().as_str().into())
    };
    bodies.iter().enumerate().map(entry).collect::<Vec<_>>().into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn the_next_working_instant_and_the_minutes_are_those_of_a_search_by_minutes(
        bodies in prop::collection::vec(entry(), 0..5),
        autumn in any::<bool>(),
        minute in 0_i64..8 * 24 * 60,
        hours in 0_i64..121,
    ) {
        let calendar = calendar(&bodies, autumn);
        // The weeks in which clocks change in Europe, New Zealand and Lord Howe.
        let begin: Timestamp = if autumn { "2026-10-21T00:00:00Z" } else { "2026-03-25T00:00:00Z" }.parse().unwrap();
        let now = begin + MINUTE * i32::try_from(minute).unwrap();
        let horizon = SignedDuration::from_hours(hours);
        let steps = i32::try_from(hours * 60).unwrap();
        let slow = (0..=steps).map(|n| now + MINUTE * n).find(|at| works(&calendar, *at));
        prop_assert_eq!(calendar.earliest(now, horizon), slow);
        prop_assert_eq!(calendar.earliest(now, SEARCHED * 9), calendar.earliest(now, SEARCHED));

        let counted = (0..1440).filter(|n| works(&calendar, now + MINUTE * *n)).count();
        prop_assert_eq!(calendar.minutes(now, now + MINUTE * 1440) as usize, counted);
    }
}
