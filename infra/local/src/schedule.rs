//! EventBridge Scheduler: when the template's schedules call their functions, on the movable clock.
//!
//! Schedules are due at exact instants (AWS promises a minute's precision) and called one after the other, each waited
//! for, so that moving the clock has one outcome. A failed call is logged and not repeated; the template must say so
//! too.

use std::{fmt::Write as _, str::FromStr};

use anyhow::{Context, Result, bail, ensure};
use jiff::{
    SignedDuration, Timestamp,
    civil::DateTime,
    tz::{AmbiguousOffset, TimeZone},
};
use serde::Serialize;
use tokio::{sync::Mutex, time};

use crate::{
    invoke::{Invoke, InvokeOutcome, Now},
    template::{ACCOUNT, REGION, Template},
};

mod cron;

use cron::Cron;

/// How often [`Schedules::follow`] looks at the clock.
const TICK: time::Duration = time::Duration::from_millis(100);
/// A jump of the clock longer than this calls a schedule at most once per [`COALESCED`], unless whoever moves it says
/// how far apart the calls are to be: a month ahead is 43,200 minutes, and a sweep makes good what the ones before it
/// left out.
const LONG_JUMP: SignedDuration = SignedDuration::from_hours(2);
const COALESCED: SignedDuration = SignedDuration::from_mins(15);

/// The schedules of a stack.
pub struct Schedules {
    entries: Vec<Entry>,
    /// Everything due up to here was called. Held during calls: they never overlap.
    done: Mutex<Timestamp>,
}

struct Entry {
    id: String,
    function: String,
    input: String,
    timing: Timing,
}

/// When a schedule is due.
#[derive(Clone, Debug)]
struct Timing {
    expression: Expression,
    time_zone: TimeZone,
    /// When it was made: rates count from here.
    since: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Expression {
    Rate(SignedDuration),
    Cron(Cron),
    At(DateTime),
}

/// A call that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The instant it is due.
    pub at: Timestamp,
    /// The schedule's name in the template.
    pub schedule: String,
    /// The function to call.
    pub function: String,
    /// The event, JSON.
    pub payload: Vec<u8>,
}

/// A call that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fired {
    /// The instant it was due.
    pub at: Timestamp,
    /// The schedule's name in the template.
    pub schedule: String,
    /// The function called.
    pub function: String,
    /// Whether it answered.
    pub succeeded: bool,
}

impl Schedules {
    /// The template's schedules, as if deployed at the instant `since`.
    pub fn new(template: &Template, since: Timestamp) -> Result<Self> {
        let mut entries = vec![];
        for function in &template.functions {
            for schedule in function.schedules.iter().filter(|schedule| schedule.enabled) {
                let timing = Timing::parse(&schedule.expression, &schedule.time_zone, since)
                    .with_context(|| format!("schedule {}: {}", schedule.id, schedule.expression))?;
                let (id, input) = (schedule.id.clone(), schedule.input.clone());
                entries.push(Entry { id, function: function.name.clone(), input, timing });
            }
        }
        // A rate without a start date is due at once, at the very instant it is made.
        Ok(Self { entries, done: Mutex::new(since - SignedDuration::from_nanos(1)) })
    }

    /// What is due after `from` and up to and with `to`, in order; those due at one instant in the template's order.
    /// Calls of one schedule are at least `apart` from each other, or as far as a jump of that length has them by itself.
    #[must_use]
    pub fn due_between(&self, from: Timestamp, to: Timestamp, apart: Option<SignedDuration>) -> Vec<Due> {
        let jump = to.duration_since(from);
        let apart = apart.unwrap_or(if jump > LONG_JUMP { COALESCED } else { SignedDuration::ZERO });
        let due = |entry: &Entry| {
            let instants = coalesced(entry.timing.between(from, to), apart);
            let due = |at| Due {
                at,
                schedule: entry.id.clone(),
                function: entry.function.clone(),
                payload: entry.payload(at),
            };
            instants.into_iter().map(due).collect::<Vec<_>>()
        };
        let mut all: Vec<Due> = self.entries.iter().flat_map(due).collect();
        all.sort_by_key(|due| due.at);
        all
    }

    /// Moves the clock to `to` and makes every call that falls due on the way, in order, each with the clock at its
    /// instant and waited for; `apart` as in [`Schedules::due_between`]. `set_clock` must leave a clock alone that has
    /// passed the instant already.
    pub async fn advance(
        &self,
        to: Timestamp,
        apart: Option<SignedDuration>,
        set_clock: &(dyn Fn(Timestamp) + Send + Sync),
        invoke: &Invoke,
    ) -> Result<Vec<Fired>> {
        let mut done = self.done.lock().await;
        let mut fired = vec![];
        for due in self.due_between(*done, to, apart) {
            set_clock(due.at);
            *done = due.at;
            fired.push(fire(due, invoke).await?);
        }
        set_clock(to);
        *done = (*done).max(to);
        Ok(fired)
    }

    /// Makes calls as they fall due while the clock runs. Never ends by itself: spawn it and abort it.
    pub async fn follow(&self, now: Now, invoke: Invoke) {
        let mut ticks = time::interval(TICK);
        loop {
            ticks.tick().await;
            if let Err(error) = self.advance(now(), None, &|_| (), &invoke).await {
                tracing::warn!("a scheduled call could not be made: {error:#}");
            }
        }
    }
}

/// Calls the function and waits; only a stack that cannot call at all is an error.
async fn fire(due: Due, invoke: &Invoke) -> Result<Fired> {
    let Due { at, schedule, function, payload } = due;
    let outcome = invoke(&function, payload).await.with_context(|| format!("schedule {schedule}"))?;
    let succeeded = matches!(outcome, InvokeOutcome::Ok(_));
    if !succeeded {
        tracing::warn!("{function}, due at {at} by {schedule}, failed: {outcome:?}");
    }
    Ok(Fired { at, schedule, function, succeeded })
}

/// Those of the instants that are so far apart, the last one always among them.
fn coalesced(instants: Vec<Timestamp>, apart: SignedDuration) -> Vec<Timestamp> {
    let mut kept: Vec<Timestamp> = vec![];
    for instant in instants.into_iter().rev() {
        if kept.last().is_none_or(|next| next.duration_since(instant) >= apart) {
            kept.push(instant);
        }
    }
    kept.reverse();
    kept
}

impl Entry {
    /// The input with Scheduler's context attributes filled in.
    fn payload(&self, at: Timestamp) -> Vec<u8> {
        let arn = format!("arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{}", self.id);
        let mut execution = String::new();
        // Writing to a String cannot fail.
        let _ = write!(execution, "{:x}", at.as_nanosecond());
        self.input
            .replace("<aws.scheduler.schedule-arn>", &arn)
            .replace("<aws.scheduler.scheduled-time>", &at.strftime("%FT%TZ").to_string())
            .replace("<aws.scheduler.execution-id>", &execution)
            .replace("<aws.scheduler.attempt-number>", "1")
            .into_bytes()
    }
}

impl Timing {
    fn parse(expression: &str, time_zone: &str, since: Timestamp) -> Result<Self> {
        let time_zone = TimeZone::get(time_zone).with_context(|| format!("the time zone {time_zone}"))?;
        Ok(Self { expression: expression.parse()?, time_zone, since })
    }

    /// The instants after `from` up to and with `to`.
    fn between(&self, from: Timestamp, to: Timestamp) -> Vec<Timestamp> {
        std::iter::successors(self.next_after(from), |instant| self.next_after(*instant))
            .take_while(|at| *at <= to)
            .collect()
    }

    /// The first instant after `instant`, if there is one.
    fn next_after(&self, instant: Timestamp) -> Option<Timestamp> {
        match &self.expression {
            Expression::Rate(every) => {
                if instant < self.since {
                    return Some(self.since);
                }
                let passed = instant.duration_since(self.since).as_nanos() / every.as_nanos();
                let due = every.as_nanos().checked_mul(passed + 1)?;
                self.since.checked_add(SignedDuration::from_nanos_i128(due)).ok()
            }
            Expression::Cron(cron) => {
                let civil = self.time_zone.to_datetime(instant);
                // Two hours earlier, because in the hour that autumn repeats the civil time runs twice and only the
                // instants tell what is past.
                let start = civil.checked_sub(jiff::Span::new().hours(2)).unwrap_or(civil);
                cron.minutes_from(start).filter_map(|minute| self.instant(minute)).find(|at| *at > instant)
            }
            Expression::At(civil) => self.instant(*civil).filter(|at| *at > instant),
        }
    }

    /// The instant of a civil time: none where the clocks skip it in spring, the first where they repeat it in autumn.
    fn instant(&self, civil: DateTime) -> Option<Timestamp> {
        match self.time_zone.to_ambiguous_timestamp(civil).offset() {
            AmbiguousOffset::Gap { .. } => None,
            AmbiguousOffset::Unambiguous { offset } | AmbiguousOffset::Fold { before: offset, .. } => {
                offset.to_timestamp(civil).ok()
            }
        }
    }
}

impl FromStr for Expression {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<Self> {
        let (kind, rest) = text.trim().split_once('(').context("is neither rate(...), cron(...) nor at(...)")?;
        let inner = rest.strip_suffix(')').context("the closing parenthesis is missing")?.trim();
        match kind {
            "rate" => {
                let (value, unit) = inner.split_once(' ').context("rate needs a value and a unit")?;
                let value: i64 = value.parse().context("the value of rate is no number")?;
                ensure!((1..=1_000_000).contains(&value), "the value of rate is out of range");
                Ok(Self::Rate(match unit.trim() {
                    "minute" | "minutes" => SignedDuration::from_mins(value),
                    "hour" | "hours" => SignedDuration::from_hours(value),
                    // A day of a rate is 24 hours, whatever the clocks do.
                    "day" | "days" => SignedDuration::from_hours(24 * value),
                    other => bail!("{other} is no unit of a rate"),
                }))
            }
            "cron" => Ok(Self::Cron(Cron::parse(inner)?)),
            "at" => Ok(Self::At(inner.parse().context("at needs yyyy-mm-ddThh:mm:ss")?)),
            other => bail!("{other} is neither rate, cron nor at"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex as StdMutex};

    use super::*;
    use crate::template::Schedule;

    fn instant(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// What a schedule made on 2026-01-01 is due at between two instants.
    fn due(expression: &str, zone: &str, from: &str, to: &str) -> Vec<String> {
        let timing = Timing::parse(expression, zone, instant("2026-01-01T00:00:00Z")).unwrap();
        timing.between(instant(from), instant(to)).iter().map(Timestamp::to_string).collect()
    }

    fn schedules(expressions: &[&str]) -> Schedules {
        let mut template = Template::builtin().unwrap();
        let schedule = |(n, expression): (usize, &&str)| Schedule {
            id: format!("s{n}"),
            expression: (*expression).to_owned(),
            time_zone: "UTC".to_owned(),
            input: r#"{"at": "<aws.scheduler.scheduled-time>"}"#.to_owned(),
            enabled: true,
        };
        template.functions.retain(|function| function.name == "waiting");
        template.functions[0].schedules = expressions.iter().enumerate().map(schedule).collect();
        Schedules::new(&template, instant("2026-01-01T00:00:00Z")).unwrap()
    }

    #[test]
    fn a_rate_counts_from_its_beginning_and_is_due_at_once() {
        assert_eq!(
            due("rate(5 minutes)", "UTC", "2025-12-31T00:00:00Z", "2026-01-01T00:12:00Z"),
            ["2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z", "2026-01-01T00:10:00Z"]
        );
        assert_eq!(
            due("rate(1 minute)", "UTC", "2026-01-01T00:01:00Z", "2026-01-01T00:02:00Z"),
            ["2026-01-01T00:02:00Z"]
        );
        assert_eq!(
            due("rate(1 day)", "Europe/London", "2026-03-28T12:00:00Z", "2026-03-30T00:00:00Z"),
            ["2026-03-29T00:00:00Z", "2026-03-30T00:00:00Z"]
        );
    }

    /// London skips 01:00 to 02:00 on 2026-03-29.
    #[test]
    fn a_time_that_spring_skips_is_not_due_that_day() {
        assert_eq!(
            due("cron(30 1 * * ? *)", "Europe/London", "2026-03-28T00:00:00Z", "2026-03-31T00:00:00Z"),
            ["2026-03-28T01:30:00Z", "2026-03-30T00:30:00Z"]
        );
        assert!(
            due("at(2026-03-29T01:30:00)", "Europe/London", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z").is_empty()
        );
    }

    /// London repeats 01:00 to 02:00 on 2026-10-25.
    #[test]
    fn a_time_that_autumn_repeats_is_due_once() {
        assert_eq!(
            due("cron(30 1 * * ? *)", "Europe/London", "2026-10-24T12:00:00Z", "2026-10-26T12:00:00Z"),
            ["2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"]
        );
        assert_eq!(
            due("cron(0/30 * * * ? *)", "Europe/London", "2026-10-25T00:00:00Z", "2026-10-25T02:00:00Z"),
            ["2026-10-25T00:30:00Z", "2026-10-25T02:00:00Z"]
        );
        // Asked within the repeated hour, what was due in its first run is not due again.
        assert_eq!(
            due("cron(30 1 * * ? *)", "Europe/London", "2026-10-25T01:10:00Z", "2026-10-25T23:00:00Z"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_date_in_a_zone_is_due_once_and_then_never() {
        assert_eq!(
            due("at(2026-07-01T09:00:00)", "America/New_York", "2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z"),
            ["2026-07-01T13:00:00Z"]
        );
        assert!(due("at(2026-07-01T09:00:00)", "UTC", "2026-07-01T09:00:00Z", "2030-01-01T00:00:00Z").is_empty());
    }

    #[test]
    fn several_schedules_are_due_in_the_order_of_time() {
        let schedules = schedules(&["rate(20 minutes)", "cron(10 * * * ? *)", "at(2026-01-01T00:20:00)"]);
        let due = schedules.due_between(instant("2026-01-01T00:00:00Z"), instant("2026-01-01T00:40:00Z"), None);
        let short: Vec<String> = due.iter().map(|due| format!("{} {}", due.schedule, due.at.strftime("%R"))).collect();
        assert_eq!(short, ["s1 00:10", "s0 00:20", "s2 00:20", "s0 00:40"]);
        assert_eq!(due[0].payload, br#"{"at": "2026-01-01T00:10:00Z"}"#);
    }

    #[test]
    fn a_long_jump_is_coalesced_and_a_short_one_is_not() {
        let schedules = schedules(&["rate(1 minute)", "rate(1 hour)"]);
        let (start, count) = (instant("2026-01-01T00:00:00Z"), |hours: i64, minutes: i64, schedule: &str| {
            let start = instant("2026-01-01T00:00:00Z");
            let to = start + SignedDuration::from_mins(60 * hours + minutes);
            schedules.due_between(start, to, None).iter().filter(|due| due.schedule == schedule).count()
        });
        assert_eq!((count(2, 0, "s0"), count(2, 0, "s1")), (120, 2));
        assert_eq!((count(24, 0, "s0"), count(24, 0, "s1")), (96, 24));
        let to = start + SignedDuration::from_mins(200);
        assert_eq!(schedules.due_between(start, to, None).last().map(|due| due.at), Some(to));
    }

    #[test]
    fn whoever_moves_the_clock_may_say_how_far_apart_the_calls_are() {
        let schedules = schedules(&["rate(1 minute)", "rate(1 hour)"]);
        let start = instant("2026-01-01T00:00:00Z");
        let at = |hours: i64, minutes: i64| -> Vec<String> {
            let apart = Some(SignedDuration::from_mins(minutes));
            let due = schedules.due_between(start, start + SignedDuration::from_hours(hours), apart);
            due.iter().map(|due| format!("{} {}", due.schedule, due.at.strftime("%dT%R"))).collect()
        };
        assert_eq!(at(24, 24 * 60), ["s0 02T00:00", "s1 02T00:00"]);
        assert_eq!(at(36, 24 * 60), ["s0 01T12:00", "s1 01T12:00", "s0 02T12:00", "s1 02T12:00"]);
        assert_eq!(at(3, 1).len(), 3 * 60 + 3, "closer together than a long jump has them by itself");
    }

    #[tokio::test]
    async fn advancing_calls_in_order_with_the_clock_at_each_instant_and_never_twice() {
        let schedules = schedules(&["rate(30 minutes)", "cron(10 * * * ? *)"]);
        let clock = Arc::new(StdMutex::new(instant("2026-01-01T00:00:00Z")));
        let calls: Arc<StdMutex<Vec<String>>> = Arc::default();
        let invoke = InvokeOutcome::from_fn({
            let (clock, calls) = (Arc::clone(&clock), Arc::clone(&calls));
            move |function, payload| {
                let now = clock.lock().unwrap().strftime("%FT%TZ").to_string();
                let expected = format!(r#"{{"at": "{now}"}}"#);
                assert_eq!((function.as_str(), payload), ("waiting", expected.into_bytes()));
                calls.lock().unwrap().push(now[11..16].to_owned());
                let failed = calls.lock().unwrap().len() == 2;
                async move { Ok(if failed { InvokeOutcome::Crashed } else { InvokeOutcome::Ok(vec![]) }) }
            }
        });
        let set_clock = |at| *clock.lock().unwrap() = at;
        let fired = schedules.advance(instant("2026-01-01T00:35:00Z"), None, &set_clock, &invoke).await.unwrap();
        assert_eq!(fired.iter().map(|fired| fired.succeeded).collect::<Vec<_>>(), [true, false, true]);
        assert_eq!(*clock.lock().unwrap(), instant("2026-01-01T00:35:00Z"));
        schedules.advance(instant("2026-01-01T01:00:00Z"), None, &set_clock, &invoke).await.unwrap();
        // Back in time nothing is due, and what was called is not called again.
        assert!(schedules.advance(instant("2026-01-01T00:30:00Z"), None, &|_| (), &invoke).await.unwrap().is_empty());
        assert!(
            schedules.advance(instant("2026-01-01T01:00:00Z"), None, &set_clock, &invoke).await.unwrap().is_empty()
        );
        assert_eq!(*calls.lock().unwrap(), ["00:00", "00:10", "00:30", "01:00"]);
    }

    #[tokio::test]
    async fn following_calls_what_falls_due_on_the_running_clock() {
        let schedules = Arc::new(schedules(&["rate(1 minute)"]));
        let (sender, mut calls) = tokio::sync::mpsc::unbounded_channel();
        let invoke = InvokeOutcome::from_fn(move |_, payload| {
            sender.send(payload).unwrap();
            async { Ok(InvokeOutcome::Ok(vec![])) }
        });
        let clock = Arc::new(StdMutex::new(instant("2026-01-01T00:00:30Z")));
        let now: Now = {
            let clock = Arc::clone(&clock);
            Arc::new(move || *clock.lock().unwrap())
        };
        let following = tokio::spawn({
            let schedules = Arc::clone(&schedules);
            async move { schedules.follow(now, invoke).await }
        });
        assert_eq!(calls.recv().await.unwrap(), br#"{"at": "2026-01-01T00:00:00Z"}"#);
        *clock.lock().unwrap() = instant("2026-01-01T00:01:00Z");
        assert_eq!(calls.recv().await.unwrap(), br#"{"at": "2026-01-01T00:01:00Z"}"#);
        following.abort();
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for expression in [
            "",
            "every minute",
            "rate(1)",
            "rate(0 minutes)",
            "rate(1 week)",
            "rate(x days)",
            "rate(5 minutes",
            "cron(* * *)",
            "at(tomorrow)",
            "on(x)",
        ] {
            assert!(expression.parse::<Expression>().is_err(), "{expression}");
        }
        assert!(Timing::parse("rate(1 day)", "Nowhere/At-All", Timestamp::now()).is_err());
    }
}
