//! Deciding a batch in spite of everything: a record on which the decision itself breaks becomes a failed run, and the
//! rest of the batch is decided as if it had not been there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::roster::Roster;
use crate::route::{Arrival, Decision, Organisation, Present, route, undecidable};

/// Routes the arrivals in their order; one decision for each. The roster is left as it is.
#[must_use]
pub fn decide(organisation: &Organisation, roster: &Roster, arrivals: &[Arrival], present: Present) -> Vec<Decision> {
    let whole = catch_unwind(AssertUnwindSafe(|| route(organisation, &mut roster.clone(), arrivals, present)));
    whole.unwrap_or_else(|_| one_by_one(organisation, roster, arrivals, present))
}

fn one_by_one(organisation: &Organisation, roster: &Roster, arrivals: &[Arrival], present: Present) -> Vec<Decision> {
    let mut roster = roster.clone();
    let mut decisions = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let mut moved = roster.clone();
        let alone = std::slice::from_ref(arrival);
        let decided = catch_unwind(AssertUnwindSafe(|| route(organisation, &mut moved, alone, present)));
        if let Ok(Some(decision)) = decided.map(|mut decided| decided.pop()) {
            roster = moved;
            decisions.push(decision);
        } else {
            decisions.push(failed(organisation, arrival, present, "the decision broke off; the log holds the details"));
        }
    }
    decisions
}

/// A failed run in place of a decision.
#[must_use]
pub fn failed(organisation: &Organisation, arrival: &Arrival, present: Present, details: &str) -> Decision {
    let record = &arrival.record;
    let version = organisation.rulebooks.get(&record.key.record_type).map_or(0, |rulebook| rulebook.version);
    Decision { run: undecidable(record, version, present, details.to_owned()), touched: None }
}
