//! When a segment's rules run by themselves: on chosen weekdays, once or twice a day (ENT-30, RUN-02, RUN-03).
//!
//! Dates and times are those of the schedule's own zone, or the organisation's. A local time that the clocks skip is the
//! next instant that exists, one that they repeat is its first occurrence (OQ-43).

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::calendar::{Days, TimeOfDay, instant, read_date};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::seller::parse_zone;
use crate::settings::WEEKDAYS;

/// Firings of one day at the most (LIM-11).
const MOST_TIMES: usize = 2;

/// A firing that is later than this is skipped (RUN-03).
pub const PATIENCE: SignedDuration = SignedDuration::from_mins(15);

/// When a segment's rules run by themselves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RunSchedule {
    /// The first date.
    pub start_date: Date,
    /// The weekdays, at least one.
    pub days: Days,
    /// One or two different times, in their order.
    pub times: Vec<TimeOfDay>,
    /// The zone of dates and times; none = the organisation's.
    #[serde(with = "jiff::fmt::serde::tz::optional")]
    pub time_zone: Option<TimeZone>,
}

/// What a schedule asks for after a while in which nobody looked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// The firing to carry out: the latest that is not too late.
    pub firing: Option<Timestamp>,
    /// The firings that come too late, in their order (RUN-03).
    pub skipped: Vec<Timestamp>,
}

impl RunSchedule {
    /// Believes the body of `PUT /v1/segments/{id}/schedule`, or names everything that is wrong with it.
    pub fn parse(body: &Value) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        let start_date = read_date(&mut draft, "startDate");
        if start_date.is_none() && !draft.has_fault("startDate") {
            draft.required("startDate");
        }
        let days: Days = draft.words("days", &WEEKDAYS).unwrap_or_default().into_iter().collect();
        if days == Days::default() && !draft.has_fault("days") {
            draft.required("days");
        }
        let mut times = Vec::new();
        for (at, text) in draft.list("times").unwrap_or_default() {
            match text.as_str().and_then(TimeOfDay::parse).filter(|time| *time != TimeOfDay::END) {
                Some(time) if times.contains(&time) => {
                    draft.faults([Fault::new(&at, "repeated", "stands in the list twice")]);
                }
                Some(time) => times.push(time),
                None => draft.faults([Fault::new(&at, "badTime", "must be a time such as 06:00")]),
            }
        }
        if times.is_empty() && !draft.has_fault("times") {
            draft.required("times");
        }
        if times.len() > MOST_TIMES {
            draft.fault("times", "tooMany", format!("must be {MOST_TIMES} at the most"));
        }
        times.sort_unstable();
        let time_zone = parse_zone(&mut draft, "timeZone");
        draft.finish(start_date.map(|start_date| Self { start_date, days, times, time_zone }))
    }

    /// The firings after an instant, in their order; two that the clocks put at one instant are one.
    pub fn after(&self, after: Timestamp, organisation: &TimeZone) -> impl Iterator<Item = Timestamp> {
        let zone = self.time_zone.as_ref().unwrap_or(organisation).clone();
        // A day earlier, because a time that the clocks skip may fall on the day behind its own.
        let from = zone.to_datetime(after).date();
        let from = from.yesterday().unwrap_or(from).max(self.start_date);
        let dates = std::iter::successors(Some(from), |date| date.tomorrow().ok());
        dates
            .filter(|date| self.days.contains(date.weekday()))
            .flat_map(move |date| self.times.iter().map(move |time| (date, *time)))
            .map(move |(date, time)| instant(&zone, date, time))
            .filter(move |firing| *firing > after)
            .scan(None, |last, firing| Some((last.replace(firing) != Some(firing)).then_some(firing)))
            .flatten()
    }

    /// What there is to do now, when the last look was at `seen`.
    #[must_use]
    pub fn due(&self, seen: Timestamp, now: Timestamp, organisation: &TimeZone) -> Due {
        let passed = self.after(seen, organisation).take_while(|firing| *firing <= now);
        let (in_time, skipped): (Vec<_>, Vec<_>) = passed.partition(|firing| now.duration_since(*firing) <= PATIENCE);
        // Two that are both in time are one run.
        Due { firing: in_time.last().copied(), skipped }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn schedule(body: &Value) -> RunSchedule {
        RunSchedule::parse(body).unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn next(schedule: &RunSchedule, after: &str, count: usize) -> Vec<String> {
        schedule.after(at(after), &TimeZone::UTC).take(count).map(|firing| firing.to_string()).collect()
    }

    #[test]
    fn ex_30_weekdays_at_six_and_two_and_fridays_at_five() {
        let days = ["monday", "tuesday", "wednesday", "thursday", "friday"];
        let weekdays = schedule(&json!({"startDate": "2026-03-02", "days": days, "times": ["14:00", "06:00"]}));
        // From Thursday noon over the weekend.
        assert_eq!(
            next(&weekdays, "2026-03-05T12:00:00Z", 4),
            ["2026-03-05T14:00:00Z", "2026-03-06T06:00:00Z", "2026-03-06T14:00:00Z", "2026-03-09T06:00:00Z"]
        );
        let fridays = schedule(&json!({"startDate": "2026-03-02", "days": ["friday"], "times": ["17:00"]}));
        assert_eq!(next(&fridays, "2026-03-02T00:00:00Z", 2), ["2026-03-06T17:00:00Z", "2026-03-13T17:00:00Z"]);
        assert_eq!(next(&fridays, "2026-03-06T17:00:00Z", 1), ["2026-03-13T17:00:00Z"], "each firing once");
    }

    #[test]
    fn a_schedule_begins_on_its_first_date_and_follows_its_zone() {
        let berlin = schedule(
            &json!({"startDate": "2026-03-06", "days": ["friday", "sunday"], "times": ["02:30"], "timeZone": "Europe/Berlin"}),
        );
        // On 29 March the clocks go from 02:00 to 03:00, and on 25 October from 03:00 back to 02:00.
        assert_eq!(next(&berlin, "2026-01-01T00:00:00Z", 1), ["2026-03-06T01:30:00Z"]);
        assert_eq!(next(&berlin, "2026-03-28T12:00:00Z", 1), ["2026-03-29T01:00:00Z"], "skipped: the next instant");
        assert_eq!(next(&berlin, "2026-10-24T12:00:00Z", 2), ["2026-10-25T00:30:00Z", "2026-10-30T01:30:00Z"]);
        let twice = schedule(
            &json!({"startDate": "2026-03-29", "days": ["sunday"], "times": ["02:30", "03:00"], "timeZone": "Europe/Berlin"}),
        );
        assert_eq!(next(&twice, "2026-03-28T12:00:00Z", 2), ["2026-03-29T01:00:00Z", "2026-04-05T00:30:00Z"]);
        let organisation = TimeZone::get("Asia/Kolkata").unwrap();
        let theirs = schedule(&json!({"startDate": "2026-03-02", "days": ["monday"], "times": ["06:00"]}));
        let first = theirs.after(at("2026-03-01T00:00:00Z"), &organisation).next();
        assert_eq!(first, Some(at("2026-03-02T00:30:00Z")));
    }

    #[test]
    fn a_firing_missed_by_more_than_a_quarter_of_an_hour_is_skipped() {
        let noon =
            schedule(&json!({"startDate": "2026-03-02", "days": ["monday", "tuesday"], "times": ["12:00", "12:10"]}));
        let due = |seen: &str, now: &str| noon.due(at(seen), at(now), &TimeZone::UTC);
        assert_eq!(due("2026-03-02T11:00:00Z", "2026-03-02T11:59:59Z"), Due::default());
        let on_time = due("2026-03-02T11:59:00Z", "2026-03-02T12:00:00Z");
        assert_eq!(on_time, Due { firing: Some(at("2026-03-02T12:00:00Z")), skipped: vec![] });
        let late = due("2026-03-02T12:05:00Z", "2026-03-02T12:25:00Z");
        assert_eq!(late.firing, Some(at("2026-03-02T12:10:00Z")), "a quarter of an hour is still in time");
        let too_late = due("2026-03-02T12:05:00Z", "2026-03-02T12:25:01Z");
        assert_eq!(too_late, Due { firing: None, skipped: vec![at("2026-03-02T12:10:00Z")] });
        let days = due("2026-03-01T00:00:00Z", "2026-03-03T12:12:00Z");
        assert_eq!((days.firing, days.skipped.len()), (Some(at("2026-03-03T12:10:00Z")), 2), "12:00 was in time");
    }

    #[test]
    fn every_fault_of_a_schedule_is_named_at_once() {
        let body = json!({
            "startDate": "2026-02-30", "days": [], "times": ["06:00", "6", "06:00", "24:00"], "timeZone": "Mars/Base",
            "colour": 1
        });
        let faults = RunSchedule::parse(&body).unwrap_err();
        let mut found: Vec<(&str, &str)> = faults.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        found.sort_unstable();
        let expected = [
            ("/colour", "unknownMember"),
            ("/days", "required"),
            ("/startDate", "badDate"),
            ("/timeZone", "unknownTimeZone"),
            ("/times/1", "badTime"),
            ("/times/2", "repeated"),
            ("/times/3", "badTime"),
        ];
        assert_eq!(found, expected);
        let three = json!({"startDate": "2026-03-02", "days": ["monday"], "times": ["06:00", "07:00", "08:00"]});
        assert_eq!(RunSchedule::parse(&three).unwrap_err()[0].code, "tooMany");
        assert_eq!(RunSchedule::parse(&json!({})).unwrap_err().len(), 3);
    }

    #[test]
    fn a_schedule_is_stored_as_it_is_said() {
        let body =
            json!({"startDate": "2026-03-02", "days": ["monday"], "times": ["06:00"], "timeZone": "Europe/Berlin"});
        assert_eq!(serde_json::to_value(schedule(&body)).unwrap(), body);
        let theirs = json!({"startDate": "2026-03-02", "days": ["monday"], "times": ["06:00"], "timeZone": null});
        assert_eq!(serde_json::to_value(schedule(&theirs)).unwrap(), theirs);
    }
}
