//! What a walk through the model came to, in numbers.

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

/// Counts of one walk or of many.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    pub(crate) cases: u64,
    pub(crate) steps: BTreeMap<&'static str, u64>,
    /// Steps of which there was nothing to do, such as closing a record where there is none.
    pub(crate) idle: u64,
    pub(crate) records: u64,
    /// Runs by outcome or reason.
    pub(crate) runs: BTreeMap<&'static str, u64>,
    pub(crate) commits: u64,
    pub(crate) refusals: u64,
    pub(crate) marked_again: u64,
    pub(crate) checks: u64,
    /// The longest row of assignments by turn among the same sellers.
    pub(crate) longest_round: u64,
}

impl Figures {
    pub(crate) fn all_steps(&self) -> u64 {
        self.steps.values().sum()
    }

    pub(crate) fn add(&mut self, other: &Self) {
        for (mine, theirs) in [(&mut self.steps, &other.steps), (&mut self.runs, &other.runs)] {
            for (name, count) in theirs {
                *mine.entry(name).or_insert(0) += count;
            }
        }
        self.cases += other.cases;
        self.idle += other.idle;
        self.records += other.records;
        self.commits += other.commits;
        self.refusals += other.refusals;
        self.marked_again += other.marked_again;
        self.checks += other.checks;
        self.longest_round = self.longest_round.max(other.longest_round);
    }
}

impl Display for Figures {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let table = |f: &mut Formatter<'_>, title: &str, rows: &BTreeMap<&str, u64>| {
            writeln!(f, "{title}: {}", rows.values().sum::<u64>())?;
            rows.iter().try_for_each(|(name, count)| writeln!(f, "  {count:>9}  {name}"))
        };
        writeln!(f, "organisations: {}", self.cases)?;
        table(f, "steps", &self.steps)?;
        writeln!(f, "  {:>9}  of them had nothing to do", self.idle)?;
        writeln!(f, "records: {}", self.records)?;
        table(f, "runs", &self.runs)?;
        writeln!(f, "commits: {}, refused: {}", self.commits, self.refusals)?;
        writeln!(f, "marked again: {}", self.marked_again)?;
        writeln!(f, "longest round by turn among the same sellers: {}", self.longest_round)?;
        writeln!(f, "checks: {}", self.checks)
    }
}

/// Counts a check; where it fails, the walk ends with what was promised.
macro_rules! promise {
    ($figures:expr, $kept:expr, $($what:tt)+) => {{
        $figures.checks += 1;
        if !$kept {
            return Err(format!($($what)+));
        }
    }};
}

pub(crate) use promise;
