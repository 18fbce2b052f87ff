//! Phase B: the fourteen months of the data set day by day, on a stack whose clock goes with them. What was engaged on
//! a day comes in on that day, what was won or lost on a day is closed on it, and so sellers fill up and have room
//! again.
//!
//! A record that finds nobody with room waits, and is pulled when somebody has: how many that were is printed, and one
//! that is left waiting for a seller with room is a broken promise.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::SignedDuration;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use journeys::client::Client;
use journeys::recount::Stored;
use journeys::running_stack::RunningStack;
use local::demo::generate::Crm;
use serde_json::json;
use tokio::task::JoinSet;

use crate::organisation::{Organisation, post};
use crate::outcome::Outcome;
use crate::timeline::{self, Day};
use crate::{END, prepare, progress, recounting};

/// How many a seller holds at once, at the most: less than all of them together would need at the height of the year.
const MAXIMUM: i64 = 60;
/// The schedules are called once on the way to the next day: what is swept or recounted there has been quiet since the
/// day before.
const BETWEEN_CALLS: SignedDuration = SignedDuration::from_hours(24);
/// How many records are closed at once, as people do.
const AT_ONCE: usize = 4;

/// Runs the phase and prints what came of it; whether every promise was kept.
pub(crate) async fn run(crm: &Crm) -> anyhow::Result<bool> {
    let days = timeline::days(&crm.opportunities);
    let (first, last) = (days.keys().next(), days.keys().next_back());
    let (Some(first), Some(last)) = (first, last) else { return Ok(true) };
    println!("Phase B: day by day from {first} to {last}");
    let begun = Instant::now();
    let stack = RunningStack::start_at(first.to_zoned(TimeZone::UTC)?.timestamp()).await?;
    let organisation = prepare(&stack, crm, MAXIMUM).await?;
    let company = Company { client: stack.administrator(), stack: &stack, organisation: &organisation };
    let bar = progress(days.len());
    let mut spent = Spent::default();
    let done = AtomicBool::new(false);
    let living = async {
        let mut lived = Ok(());
        for (date, day) in &days {
            bar.set_message(format!("days, {date}"));
            lived = company.live(*date, day, &mut spent).await.with_context(|| format!("on {date}"));
            if lived.is_err() {
                break;
            }
            bar.inc(1);
        }
        done.store(true, Ordering::Relaxed);
        lived
    };
    let (lived, recounted) = tokio::join!(living, recounting::in_a_loop(&stack, &done));
    lived?;
    let recounted = recounted?;
    bar.finish();
    let stored = stack.settled(END).await?;
    let outcome = Outcome::of(&stored, &organisation)?;
    // Only now: who is said to hold less than he does is rightly taken to have room until it is put right.
    let sellers: Vec<&String> = organisation.groups.values().flatten().take(2).collect();
    let drifts = recounting::of_drifts(&stack, [sellers[0], sellers[1]]).await?;
    let put_right = Outcome::of(&stack.settled(END).await?, &organisation)?;
    stack.shutdown().await?;
    println!(
        "\n{outcome}\n{}\nRecount in a loop: {recounted}; two drifts put in by hand: {drifts}\n{} days in {:.0} s: {spent}",
        Fullness::of(&stored),
        days.len(),
        begun.elapsed().as_secs_f64()
    );
    if !put_right.is_consistent() {
        println!("After the drifts were put right:\n{put_right}");
    }
    Ok(outcome.is_clean() && put_right.is_consistent() && !recounted.found_a_drift())
}

/// The company as it lives.
struct Company<'a> {
    stack: &'a RunningStack,
    client: Client,
    organisation: &'a Organisation,
}

impl Company<'_> {
    /// One day: the clock gets there, opportunities come in and are decided, others end.
    async fn live(&self, date: Date, day: &Day<'_>, spent: &mut Spent) -> anyhow::Result<()> {
        let begun = Instant::now();
        self.stack.advance_to(date.to_zoned(TimeZone::UTC)?.timestamp(), BETWEEN_CALLS).await?;
        spent.moving += begun.elapsed();
        let begun = Instant::now();
        if !day.arrivals.is_empty() {
            let records = day.arrivals.iter().map(|row| self.organisation.opportunity(row)).collect();
            post(&self.client, "opportunity", records).await?;
            self.stack.delivered(END).await?;
        }
        spent.arriving += begun.elapsed();
        let begun = Instant::now();
        self.end(&day.ends).await?;
        spent.ending += begun.elapsed();
        Ok(())
    }

    /// Closes records, several at once.
    async fn end(&self, ends: &[(&str, &'static str)]) -> anyhow::Result<()> {
        let mut closing = JoinSet::new();
        for (id, outcome) in ends {
            if closing.len() == AT_ONCE {
                closing.join_next().await.transpose()?.transpose()?;
            }
            let (client, path) = (self.client.clone(), format!("/v1/records/opportunity/{id}/close"));
            let body = json!({"outcome": outcome});
            closing.spawn(async move { client.post(&path, &body).await?.expect(200) });
        }
        while let Some(closed) = closing.join_next().await {
            closed??;
        }
        Ok(())
    }
}

/// Where the time went.
#[derive(Debug, Default)]
struct Spent {
    moving: Duration,
    arriving: Duration,
    ending: Duration,
}

impl fmt::Display for Spent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [moving, arriving, ending] = [self.moving, self.arriving, self.ending].map(|spent| spent.as_secs_f64());
        write!(f, "{moving:.0} s moving the clock, {arriving:.0} s taking in and deciding, {ending:.0} s closing")
    }
}

/// On how many days, and on which one most, records found nobody with room.
#[derive(Debug, Default, PartialEq, Eq)]
struct Fullness {
    days: BTreeMap<String, usize>,
}

impl Fullness {
    fn of(stored: &Stored) -> Self {
        let mut days: BTreeMap<String, usize> = BTreeMap::new();
        for run in stored.runs.iter().filter(|run| run["assignment"]["reason"] == "noCapacity") {
            let day = run["finishedAt"].as_str().and_then(|at| at.get(..10)).unwrap_or_default();
            *days.entry(day.to_owned()).or_default() += 1;
        }
        Self { days }
    }
}

impl fmt::Display for Fullness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.days.iter().max_by_key(|(_, records)| **records) {
            Some((day, records)) => {
                write!(f, "Nobody with room on {} days, for most records on {day}: {records}", self.days.len())
            }
            None => write!(f, "Somebody had room at any time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn days_without_room_are_counted() {
        let run = |at: &str, reason: Value| json!({"finishedAt": at, "assignment": {"reason": reason}});
        let runs = vec![
            run("2017-07-01T00:00:01Z", json!("noCapacity")),
            run("2017-07-02T00:00:01Z", json!("noCapacity")),
            run("2017-07-02T00:00:02Z", json!("noCapacity")),
            run("2017-07-03T00:00:02Z", json!(null)),
        ];
        let fullness = Fullness::of(&Stored { records: BTreeMap::new(), work: Vec::new(), runs });
        assert_eq!(fullness.to_string(), "Nobody with room on 2 days, for most records on 2017-07-02: 2");
        assert_eq!(Fullness::default().to_string(), "Somebody had room at any time");
    }
}
