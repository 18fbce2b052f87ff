//! Decided once: each run names the one before it, so the runs of a record are a chain from its last one. A change that
//! was decided twice leaves a run that the chain does not reach.

use super::owner::owner_after;
use super::{Breach, Invariant};
use crate::id::{Owner, RecordKey, RunId};
use crate::run::RoutingRun;

/// A run, as far as it is a link of a record's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The run.
    pub run: RunId,
    /// Its record.
    pub record: RecordKey,
    /// The record's run before it.
    pub previous: Option<RunId>,
    /// Who owned the record after it.
    pub owner: Option<Owner>,
}

impl From<&RoutingRun> for Link {
    fn from(run: &RoutingRun) -> Self {
        let owner = owner_after(run).cloned();
        Self { run: run.id.clone(), record: run.record(), previous: run.previous.clone(), owner }
    }
}

/// How a stored run stands to its record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The chain from the record's last run, or from the last one of a deleted record of this id, leads to it.
    Reached {
        /// The run before it is stored and of the same record, or there is none before it.
        goes_on: bool,
    },
    /// There is a record, or was one, but no chain leads to the run.
    Unreached {
        /// The last run of the record as it is now.
        last: Option<RunId>,
        /// A run that the chain leads to and that follows the same run.
        twin: Option<RunId>,
    },
    /// There is no such record, and no deletion on its timeline.
    NoRecord,
}

/// What is not as it must be of a run.
#[must_use]
pub fn breach(link: &Link, standing: &Standing) -> Option<Breach> {
    let Link { run, record, previous, .. } = link;
    let before = previous.as_ref().map_or_else(|| "no other run".to_owned(), |previous| format!("run {previous}"));
    let (invariant, sentence) = match standing {
        Standing::Reached { goes_on: true } => return None,
        Standing::Reached { goes_on: false } => (
            Invariant::DecidedOnce,
            format!("Run {run} of {record} follows {before}, but no such run of that record is stored."),
        ),
        Standing::Unreached { twin: Some(twin), .. } => {
            (Invariant::DecidedOnce, format!("Runs {twin} and {run} of {record} both follow {before}; only one may."))
        }
        Standing::Unreached { last, twin: None } => {
            let last = last.as_ref().map_or_else(|| "which names no run".to_owned(), |last| format!("last run {last}"));
            (Invariant::DecidedOnce, format!("Run {run} is stored for {record}, {last}, but no chain leads to it."))
        }
        Standing::NoRecord => (
            Invariant::RunHasRecord,
            format!("Run {run} is of {record}, which does not exist; its timeline shows no deletion."),
        ),
    };
    Some(Breach::of(invariant, run.as_str(), sentence))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(previous: Option<&str>, standing: &Standing) -> Option<(Invariant, String)> {
        let link = Link {
            run: "b.0".into(),
            record: RecordKey::new("lead", "L-1"),
            previous: previous.map(Into::into),
            owner: None,
        };
        breach(&link, standing).map(|breach| (breach.invariant, breach.sentence))
    }

    #[test]
    fn a_run_that_the_chain_leads_to_is_as_it_must_be_if_the_chain_goes_on() {
        assert_eq!(told(None, &Standing::Reached { goes_on: true }), None);
        let (invariant, sentence) = told(Some("a.0"), &Standing::Reached { goes_on: false }).unwrap();
        assert_eq!(invariant, Invariant::DecidedOnce);
        assert_eq!(sentence, "Run b.0 of lead#L-1 follows run a.0, but no such run of that record is stored.");
    }

    #[test]
    fn a_run_beside_the_chain_was_decided_twice() {
        let twin = Standing::Unreached { last: Some("c.0".into()), twin: Some("c.0".into()) };
        let (invariant, sentence) = told(None, &twin).unwrap();
        assert_eq!(invariant, Invariant::DecidedOnce);
        assert_eq!(sentence, "Runs c.0 and b.0 of lead#L-1 both follow no other run; only one may.");
        let alone = |last: Option<RunId>| told(Some("a.0"), &Standing::Unreached { last, twin: None }).unwrap().1;
        assert_eq!(
            alone(Some("c.0".into())),
            "Run b.0 is stored for lead#L-1, last run c.0, but no chain leads to it."
        );
        assert!(alone(None).contains("which names no run"));
    }

    #[test]
    fn a_run_of_nothing_is_told_as_such() {
        let (invariant, sentence) = told(None, &Standing::NoRecord).unwrap();
        assert_eq!(invariant, Invariant::RunHasRecord);
        assert!(sentence.contains("lead#L-1, which does not exist"), "{sentence}");
    }
}
