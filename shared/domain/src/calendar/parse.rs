//! Believing an entry of a calendar. Every fault at once.

use std::collections::BTreeSet;

use jiff::civil::{Date, date};
use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Days, Entry, Interval, Kind, Repeat, TimeOfDay};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::CalendarEntryId;
use crate::seller::parse_zone;
use crate::settings::WEEKDAYS;

/// Dates that an entry may name.
const FIRST: Date = date(1970, 1, 1);
const LAST: Date = date(2999, 12, 31);

/// The most intervals of one entry.
const MAX_INTERVALS: usize = 12;

/// The longest description, in characters: up to two hundred of them lie in one item.
const MAX_DESCRIPTION: usize = 200;

/// The working day of LIM-27.
const WORKING_DAY: Interval = Interval { start: TimeOfDay(8 * 60), end: TimeOfDay(17 * 60) };

/// What a client proposes as an entry.
#[derive(Debug, Clone, PartialEq)]
pub struct EntryDraft(Entry);

impl EntryDraft {
    /// Believes a body of `/v1/sellers/{id}/calendar`, or names everything that is wrong with it. `present` is the
    /// entry that it is to replace, whose id can't change.
    pub fn parse(body: &Value, present: Option<&Entry>) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["version"]);
        draft.same("id", present.map(|entry| entry.id.as_str()));
        let kind = draft.word("kind", &Kind::WORDS);
        if kind.is_none() && !draft.has_fault("kind") {
            draft.required("kind");
        }
        let from = read_date(&mut draft, "from");
        if from.is_none() && !draft.has_fault("from") {
            draft.required("from");
        }
        let to = read_date(&mut draft, "to");
        if from.zip(to).is_some_and(|(from, to)| to < from) {
            draft.fault("to", "endBeforeStart", "must not be before from");
        }
        let intervals = read_intervals(&mut draft);
        let repeat = draft.word("repeat", &Repeat::WORDS).unwrap_or(Repeat::None);
        let days: Days = draft.words("days", &WEEKDAYS).unwrap_or_default().into_iter().collect();
        let repeats = repeat != Repeat::None || draft.has_fault("repeat");
        if days != Days::default() && !repeats {
            draft.fault("days", "notAllowed", "stand only with something that repeats");
        }
        let time_zone = parse_zone(&mut draft, "timeZone").unwrap_or(TimeZone::UTC);
        let description = draft.text("description", MAX_DESCRIPTION).unwrap_or_default();
        let one_date = to.is_none() || to == from || draft.has_fault("to");
        let intervals = match kind {
            Some(Kind::WorkingHours) => {
                if !repeats && !one_date {
                    draft.fault("to", "notAllowed", "stands only with something that repeats, or with time off");
                }
                if intervals.is_empty() && !draft.has_fault("intervals") { vec![WORKING_DAY] } else { intervals }
            }
            Some(Kind::NonWorkingHours) => {
                if repeat != Repeat::None {
                    draft.fault("repeat", "notAllowed", "non-working hours don't repeat");
                }
                if !one_date {
                    draft.fault("to", "notAllowed", "non-working hours are of one day");
                }
                if intervals.is_empty() && !draft.has_fault("intervals") {
                    draft.required("intervals");
                }
                intervals
            }
            Some(Kind::TimeOff) => {
                if repeat != Repeat::None {
                    draft.fault("repeat", "notAllowed", "time off doesn't repeat");
                }
                if !intervals.is_empty() {
                    draft.fault("intervals", "notAllowed", "time off is of whole days");
                }
                intervals
            }
            None => intervals,
        };
        let id = CalendarEntryId::new("");
        let believed = kind.zip(from).map(|(kind, from)| {
            Self(Entry { id, kind, from, to, intervals, repeat, days, time_zone, description, version: 1 })
        });
        draft.finish(believed)
    }

    /// The entry that a POST creates.
    #[must_use]
    pub fn into_entry(self, id: CalendarEntryId) -> Entry {
        Entry { id, ..self.0 }
    }

    /// What a PUT makes of the entry it was believed for. Nothing changed: the same version.
    #[must_use]
    pub fn applied_to(&self, entry: &Entry) -> Entry {
        let same = Entry { version: entry.version, ..self.clone().into_entry(entry.id.clone()) };
        if same == *entry { same } else { Entry { version: entry.version + 1, ..same } }
    }
}

pub(crate) fn read_date(draft: &mut Draft<'_>, name: &'static str) -> Option<Date> {
    let text = draft.value(name)?.as_str();
    let found = text.and_then(|text| text.parse::<Date>().ok().filter(|date| date.to_string() == text));
    match found {
        None => draft.fault(name, "badDate", "must be a date such as 2026-03-02"),
        Some(date) if !(FIRST..=LAST).contains(&date) => {
            draft.fault(name, "outOfRange", format!("must be a date from {FIRST} to {LAST}"));
        }
        Some(date) => return Some(date),
    }
    None
}

/// The intervals in order; nothing overlaps (AVAIL-06).
fn read_intervals(draft: &mut Draft<'_>) -> Vec<Interval> {
    let elements = draft.list("intervals").unwrap_or_default();
    if elements.len() > MAX_INTERVALS {
        draft.fault("intervals", "tooMany", format!("must be at most {MAX_INTERVALS}"));
        return vec![];
    }
    let read: Vec<_> = elements
        .into_iter()
        .filter_map(|(at, json)| draft.part(read_interval(json, &at)).map(|interval| (interval, at)))
        .collect();
    let order: BTreeSet<(Interval, usize)> =
        read.iter().enumerate().map(|(index, (interval, _))| (*interval, index)).collect();
    let mut intervals: Vec<Interval> = vec![];
    for (interval, index) in order {
        if intervals.last().is_some_and(|last| interval.start < last.end) {
            draft.faults([Fault::new(&read[index].1, "overlaps", "overlaps another interval")]);
        }
        intervals.push(interval);
    }
    intervals
}

fn read_interval(json: &Value, at: &Pointer) -> Result<Interval, Vec<Fault>> {
    let mut draft = Draft::read(json, at);
    let mut time = |name| {
        let Some(value) = draft.value(name) else {
            draft.required(name);
            return None;
        };
        let time = value.as_str().and_then(TimeOfDay::parse);
        if time.is_none() {
            draft.fault(name, "badTime", "must be a time of day such as 08:30, at most 24:00");
        }
        time
    };
    let times = time("start").zip(time("end"));
    if times.is_some_and(|(start, end)| end <= start) {
        draft.fault("end", "endBeforeStart", "must be after start");
    }
    draft.finish(times.map(|(start, end)| Interval { start, end }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parse(body: &Value) -> Result<Entry, Vec<(String, &'static str)>> {
        EntryDraft::parse(body, None)
            .map(|draft| draft.into_entry("e".into()))
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    fn check(body: &Value, expected: &[(&str, &'static str)]) {
        let found = parse(body).err().unwrap_or_default();
        let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), *code)).collect();
        assert_eq!(found, expected, "{body}");
    }

    /// LIM-27.
    #[test]
    fn working_hours_are_from_eight_to_five_in_utc_unless_said() {
        let entry = parse(&json!({"kind": "workingHours", "from": "2026-03-02"})).unwrap();
        let json = serde_json::to_value(&entry).unwrap();
        assert_eq!(
            json,
            json!({"id": "e", "kind": "workingHours", "from": "2026-03-02", "to": null,
                   "intervals": [{"start": "08:00", "end": "17:00"}], "repeat": "none", "days": [],
                   "timeZone": "UTC", "description": "", "version": 1})
        );
        assert_eq!(serde_json::from_value::<Entry>(json.clone()).unwrap(), entry);
        assert_eq!(parse(&json).unwrap(), entry, "what was read can be sent back");
    }

    #[test]
    fn a_time_of_day_has_two_digits_each_and_lies_between_midnights() {
        let minutes = |text| TimeOfDay::parse(text).map(TimeOfDay::minutes);
        let good = ["00:00", "08:05", "23:59", "24:00"].map(minutes);
        assert_eq!(good, [Some(0), Some(485), Some(1439), Some(1440)]);
        for bad in ["24:01", "25:00", "09:60", "08:99", "8:00", "08:0", "0800", "08:00:00", "+8:00", "08:-1", ""] {
            assert_eq!(minutes(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_calendar_finds_its_entries_by_their_ids() {
        let of =
            |id: &str| Entry { id: id.into(), ..parse(&json!({"kind": "timeOff", "from": "2026-03-02"})).unwrap() };
        let calendar = crate::calendar::Calendar::default().with(of("one")).with(of("two"));
        assert_eq!(calendar.entry(&"two".into()), Some(&of("two")));
        assert_eq!(calendar.entry(&"three".into()), None);
    }

    #[test]
    fn intervals_are_put_in_order() {
        let intervals = json!([{"start": "13:00", "end": "24:00"}, {"start": "08:00", "end": "13:00"}]);
        let body = json!({"kind": "workingHours", "from": "2026-03-02", "repeat": "everyWeek",
                          "days": ["friday", "monday"], "intervals": intervals});
        let entry = serde_json::to_value(parse(&body).unwrap()).unwrap();
        assert_eq!(entry["intervals"][0]["start"], "08:00");
        assert_eq!(entry["intervals"][1]["end"], "24:00");
        assert_eq!(entry["days"], json!(["monday", "friday"]));
    }

    #[test]
    fn every_fault_of_an_entry_is_named_at_once() {
        let body = json!({
            "kind": "holiday", "from": "2026-02-30", "to": "2026-3-2", "repeat": "sometimes", "days": ["funday"],
            "intervals": [{"start": "9:00", "end": "25:00"}, {"start": "10:00", "end": "10:00"}, 7, {"start": "09:00"}],
            "timeZone": "Mars/Olympus", "description": "x".repeat(201), "colour": "red"
        });
        check(
            &body,
            &[
                ("/kind", "unknownWord"),
                ("/from", "badDate"),
                ("/to", "badDate"),
                ("/intervals/0/start", "badTime"),
                ("/intervals/0/end", "badTime"),
                ("/intervals/1/end", "endBeforeStart"),
                ("/intervals/2", "wrongType"),
                ("/intervals/3/end", "required"),
                ("/repeat", "unknownWord"),
                ("/days/0", "unknownWord"),
                ("/timeZone", "unknownTimeZone"),
                ("/description", "tooLong"),
                ("/colour", "unknownMember"),
            ],
        );
        check(&json!({}), &[("/kind", "required"), ("/from", "required")]);
        check(&json!({"kind": "timeOff", "from": "1969-12-31"}), &[("/from", "outOfRange")]);
    }

    #[test]
    fn avail_06_intervals_of_a_day_may_touch_and_not_overlap() {
        let body = |intervals: Value| json!({"kind": "workingHours", "from": "2026-03-02", "intervals": intervals});
        let touching = json!([{"start": "08:00", "end": "12:00"}, {"start": "12:00", "end": "13:00"}]);
        check(&body(touching), &[]);
        let overlapping = json!([{"start": "08:00", "end": "12:00"}, {"start": "11:59", "end": "13:00"}]);
        check(&body(overlapping), &[("/intervals/1", "overlaps")]);
        let many: Vec<_> =
            (10..23).map(|hour| json!({"start": format!("{hour}:00"), "end": format!("{hour}:30")})).collect();
        check(&body(json!(many)), &[("/intervals", "tooMany")]);
    }

    #[test]
    fn avail_02_avail_03_avail_04_what_may_stand_in_an_entry_depends_on_its_kind() {
        let entry = |kind: &str, more: Value| {
            let mut body = json!({"kind": kind, "from": "2026-03-02"});
            body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            body
        };
        let part = json!([{"start": "13:00", "end": "16:00"}]);
        check(&entry("workingHours", json!({"to": "2026-03-02"})), &[]);
        check(&entry("workingHours", json!({"to": "2026-03-03"})), &[("/to", "notAllowed")]);
        check(&entry("workingHours", json!({"to": "2026-03-01"})), &[("/to", "endBeforeStart")]);
        check(&entry("workingHours", json!({"to": "2026-03-31", "repeat": "everyDay", "days": ["monday"]})), &[]);
        check(&entry("workingHours", json!({"days": ["monday"]})), &[("/days", "notAllowed")]);
        check(&entry("nonWorkingHours", json!({"intervals": part})), &[]);
        check(&entry("nonWorkingHours", json!({})), &[("/intervals", "required")]);
        let repeated = json!({"intervals": part, "repeat": "everyDay", "to": "2026-03-09"});
        check(&entry("nonWorkingHours", repeated), &[("/repeat", "notAllowed"), ("/to", "notAllowed")]);
        check(&entry("timeOff", json!({"to": "2026-03-09", "description": "Skiing"})), &[]);
        let wrong = json!({"intervals": part, "repeat": "everyWeek"});
        check(&entry("timeOff", wrong), &[("/repeat", "notAllowed"), ("/intervals", "notAllowed")]);
    }

    #[test]
    fn a_replaced_entry_keeps_its_id_and_counts_changes() {
        let entry = parse(&json!({"kind": "timeOff", "from": "2026-03-02"})).unwrap();
        let later = json!({"id": "e", "kind": "timeOff", "from": "2026-03-03"});
        let replaced = EntryDraft::parse(&later, Some(&entry)).unwrap().applied_to(&entry);
        assert_eq!((replaced.id.as_str(), replaced.version), ("e", 2));
        let same = EntryDraft::parse(&serde_json::to_value(&entry).unwrap(), Some(&entry)).unwrap();
        assert_eq!(same.applied_to(&entry), entry);
        let other = json!({"id": "f", "kind": "timeOff", "from": "2026-03-03"});
        assert!(EntryDraft::parse(&other, Some(&entry)).is_err());
    }
}
