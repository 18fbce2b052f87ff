//! What one call of `route` costs, case by case, as a table: `make bench`.
//!
//! Measured is the processor's time of the thread, so what else runs on the machine counts as little as it can: `route`
//! never waits. Loading and committing are not part of it, and neither is making the organisation and the roster.

#[path = "../../tests/support/mod.rs"]
mod support;

mod scene;

use std::env;
use std::hint::black_box;
use std::time::Duration;

use domain::route::route;
use hdrhistogram::Histogram;
use rustix::time::{ClockId, clock_gettime};

use scene::{Ask, Scene, Size};

/// Samples of one case at the most: enough for a 99th percentile.
const SAMPLES: usize = 2_000;

/// A case ends with its samples or with this time, whichever comes first.
const TIME: Duration = Duration::from_secs(2);

/// The same for `QUICK=1`.
const QUICK_TIME: Duration = Duration::from_millis(200);

/// Samples that a case has in any case.
const LEAST: usize = 10;

/// A row of the table.
struct Case {
    what: &'static str,
    size: Size,
    ask: Ask,
    /// The number of the segment that matches, from 1.
    matches: usize,
    /// Leads of one call.
    leads: usize,
}

/// The time that one call took, in nanoseconds.
type Times = Histogram<u64>;

const SMALLEST: Size = Size { segments: 10, rules: 1, sellers: 20 };
const MIDDLE: Size = Size { segments: 50, rules: 5, sellers: 200 };
const LARGEST: Size = Size { segments: 250, rules: 10, sellers: 2_000 };

/// One lead, any seller by round robin, in the last segment and by its last rule.
const fn one(what: &'static str, size: Size) -> Case {
    Case { what, size, ask: Ask::Anybody, matches: size.segments, leads: 1 }
}

/// The first case is what the others are compared with.
const CASES: [Case; 20] = [
    one("any seller in turn", SMALLEST),
    one("any seller in turn", MIDDLE),
    one("any seller in turn", LARGEST),
    one("more segments", Size { segments: 50, ..SMALLEST }),
    one("more segments", Size { segments: 250, ..SMALLEST }),
    one("more rules", Size { rules: 5, ..SMALLEST }),
    one("more rules", Size { rules: 10, ..SMALLEST }),
    one("more sellers", Size { sellers: 200, ..SMALLEST }),
    one("more sellers", Size { sellers: 2_000, ..SMALLEST }),
    Case { matches: 1, ..one("the first segment matches", LARGEST) },
    Case { matches: 125, ..one("a segment in the middle matches", LARGEST) },
    Case { ask: Ask::Room, ..one("by load, with room", LARGEST) },
    Case { ask: Ask::Hours, ..one("who works soon, on a Friday afternoon", LARGEST) },
    Case { ask: Ask::Weekend, ..one("who works soon, at the weekend", LARGEST) },
    Case { ask: Ask::Fields, ..one("matched by fields", LARGEST) },
    Case { ask: Ask::Attributes, ..one("matched by attributes", LARGEST) },
    Case { ask: Ask::All, ..one("attributes, room and hours, by load", SMALLEST) },
    Case { ask: Ask::All, ..one("attributes, room and hours, by load", LARGEST) },
    Case { leads: 100, ..one("100 leads, any seller in turn", LARGEST) },
    Case { leads: 100, ask: Ask::Weekend, ..one("100 leads, who works soon, at the weekend", LARGEST) },
];

fn main() {
    let time = if env::var_os("QUICK").is_some() { QUICK_TIME } else { TIME };
    println!(
        "| one call of `route` | segments × rules × sellers | p50 µs | p90 µs | p99 µs | max µs | p50 × | p99 × |"
    );
    println!("|---|---|---:|---:|---:|---:|---:|---:|");
    let mut smallest = None;
    for case in &CASES {
        let times = case.measure(time);
        println!("{}", case.row(&times, smallest.get_or_insert_with(|| times.clone())));
    }
}

impl Case {
    fn measure(&self, time: Duration) -> Times {
        let scene = Scene::new(self.size, self.ask, self.matches, self.leads);
        let mut times = Times::new(3).expect("three digits are among those it can keep");
        let begin = processor_time();
        for n in 0..SAMPLES {
            if n >= LEAST && processor_time().saturating_sub(begin) > time {
                break;
            }
            let mut roster = scene.roster.clone();
            let arrivals = scene.arrivals(n, self.leads);
            let before = processor_time();
            let decisions = route(&scene.organisation, &mut roster, black_box(arrivals), scene.present);
            let spent = processor_time().saturating_sub(before);
            black_box(decisions);
            times += u64::try_from(spent.as_nanos()).expect("a decision takes less than centuries");
        }
        times
    }

    fn row(&self, times: &Times, smallest: &Times) -> String {
        let Size { segments, rules, sellers } = self.size;
        let micros = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64() * 1e6;
        let at = |times: &Times, quantile| micros(times.value_at_quantile(quantile));
        let growth = |quantile| at(times, quantile) / at(smallest, quantile);
        format!(
            "| {} | {segments} × {rules} × {sellers} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} | {:.1} |",
            self.what,
            at(times, 0.5),
            at(times, 0.9),
            at(times, 0.99),
            micros(times.max()),
            growth(0.5),
            growth(0.99),
        )
    }
}

/// The time that the processor has spent on this thread.
fn processor_time() -> Duration {
    clock_gettime(ClockId::ThreadCPUTime).try_into().expect("no thread has run for less than nothing")
}
