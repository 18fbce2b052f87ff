//! What the replay cost, as a page of text.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use journeys::fault_proxy;

/// The function whose requests are the commit; everybody else's are intake.
const COMMITTER: &str = "assignment";
/// Write units that the commit of one record may cost.
const UNITS_TARGET: f64 = 12.0;
/// Records per second, as a share of the engine's three-item transactions per second; or this many, whatever the engine
/// does.
const SHARE_TARGET: f64 = 0.4;
const RATE_TARGET: f64 = 300.0;

/// How long the replay took where nothing stood between functions and engine.
#[derive(Debug)]
pub(crate) struct Timed {
    /// From the first request to the last commit.
    pub(crate) length: Duration,
    /// Of each record from its put to its commit, sorted.
    pub(crate) latencies: Vec<Duration>,
}

impl Timed {
    /// From instants of put and commit per record.
    pub(crate) fn new(length: Duration, latencies: impl IntoIterator<Item = Duration>) -> Self {
        let mut latencies: Vec<Duration> = latencies.into_iter().collect();
        latencies.sort_unstable();
        Self { length, latencies }
    }
}

/// The figures of one replay.
#[derive(Debug)]
pub(crate) struct Figures {
    assigned: usize,
    records: usize,
    length: Duration,
    latencies: Vec<Duration>,
    requests: BTreeMap<(bool, String), u64>,
    units: BTreeMap<(bool, String), f64>,
    engine: f64,
}

impl Figures {
    /// From how long it took, what so many assigned records cost, and what the engine can do (transactions per second).
    pub(crate) fn new(timed: Timed, measured: &fault_proxy::Figures, assigned: usize, engine: f64) -> Self {
        let mut requests = BTreeMap::new();
        for (by, count) in &measured.requests {
            *requests.entry((by.caller == COMMITTER, by.name.clone())).or_default() += count;
        }
        let mut units = BTreeMap::new();
        for (charge, amount) in &measured.write_units {
            *units.entry((charge.by.caller == COMMITTER, kind(&charge.kind))).or_default() += amount;
        }
        let records = timed.latencies.len();
        Self { assigned, records, length: timed.length, latencies: timed.latencies, requests, units, engine }
    }

    fn rate(&self) -> f64 {
        if self.length.is_zero() { 0.0 } else { count(self.records) / self.length.as_secs_f64() }
    }

    /// Write units of the commit for one record assigned.
    fn commit_units(&self) -> f64 {
        let units: f64 = self.units.iter().filter(|((commit, _), _)| *commit).map(|(_, units)| units).sum();
        units / count(self.assigned.max(1))
    }

    /// The latency that this share of the records did not exceed.
    fn percentile(&self, share: f64) -> Duration {
        let sorted = &self.latencies;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a place in a list of some thousands"
        )]
        let place = (count(sorted.len()) * share).ceil() as usize;
        sorted.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }
}

/// The kind of item in words.
fn kind(kind: &str) -> String {
    match kind {
        "opportunity" => "record",
        "state" => "seller",
        "counts" => "counters",
        other => other,
    }
    .to_owned()
}

fn count(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap_or(u32::MAX))
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (commit, title) in [(false, "intake"), (true, "commit")] {
            writeln!(f, "Requests per assigned record, {title}")?;
            for ((_, operation), requests) in self.requests.iter().filter(|((c, _), _)| *c == commit) {
                writeln!(
                    f,
                    "  {:>8.3}  {operation}",
                    f64::from(u32::try_from(*requests).unwrap_or(u32::MAX)) / count(self.assigned.max(1))
                )?;
            }
            writeln!(f, "Write units per assigned record, {title}")?;
            for ((_, kind), units) in self.units.iter().filter(|((c, _), _)| *c == commit) {
                writeln!(f, "  {:>8.3}  {kind}", units / count(self.assigned.max(1)))?;
            }
        }
        let (rate, units) = (self.rate(), self.commit_units());
        let milliseconds = |share| self.percentile(share).as_secs_f64() * 1_000.0;
        writeln!(f, "From put to committed: p50 {:.0} ms, p99 {:.0} ms", milliseconds(0.5), milliseconds(0.99))?;
        writeln!(f, "Engine alone: {:.0} three-item transactions/s", self.engine)?;
        let share = if self.engine > 0.0 { rate / self.engine } else { 0.0 };
        writeln!(
            f,
            "Replay: {} records in {:.2} s = {rate:.0} records/s = {share:.2} of the engine (target {RATE_TARGET} records/s or {SHARE_TARGET}: {})",
            self.records,
            self.length.as_secs_f64(),
            verdict(rate >= RATE_TARGET || share >= SHARE_TARGET)
        )?;
        write!(
            f,
            "Commit: {units:.2} write units per assigned record (target at most {UNITS_TARGET}: {})",
            verdict(units > 0.0 && units <= UNITS_TARGET)
        )
    }
}

#[cfg(test)]
mod tests {
    use journeys::fault_proxy::{Charge, Operation};

    use super::*;

    fn by(caller: &str) -> Operation {
        Operation { caller: caller.to_owned(), name: "TransactWriteItems".to_owned() }
    }

    #[test]
    fn a_percentile_is_the_latency_that_this_share_did_not_exceed() {
        let timed = Timed::new(Duration::from_secs(2), (1..=100).rev().map(Duration::from_millis));
        let figures = Figures::new(timed, &fault_proxy::Figures::default(), 100, 100.0);
        assert_eq!([0.5, 0.99].map(|share| figures.percentile(share)), [50, 99].map(Duration::from_millis));
        assert!((figures.rate() - 50.0).abs() < 0.001);
        assert!(figures.to_string().contains("50 records/s = 0.50 of the engine (target 300 records/s or 0.4: met)"));
    }

    #[test]
    fn commit_and_intake_are_told_apart_and_summed_by_kind() {
        let charge = |caller: &str, kind: &str| Charge { by: by(caller), table: "t".to_owned(), kind: kind.to_owned() };
        let measured = fault_proxy::Figures {
            write_units: [
                (charge("records", "opportunity"), 2.0),
                (charge("assignment", "opportunity"), 4.0),
                (charge("assignment", "state"), 3.0),
            ]
            .into(),
            ..fault_proxy::Figures::default()
        };
        let figures = Figures::new(Timed::new(Duration::ZERO, []), &measured, 2, 100.0);
        assert!((figures.commit_units() - 3.5).abs() < 0.001);
        assert_eq!(figures.units.get(&(true, "seller".to_owned())), Some(&3.0));
        let page = figures.to_string();
        assert!(page.contains("3.50 write units per assigned record (target at most 12: met)"), "{page}");
        assert!(page.contains("MISSED"), "no record at all is no rate: {page}");
    }
}
