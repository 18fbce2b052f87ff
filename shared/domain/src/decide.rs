//! Deciding a batch in spite of everything: a record on which the decision itself breaks becomes a failed run, and the
//! rest of the batch is decided as if it had not been there.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::roster::Roster;
use crate::route::{Arrival, Decision, Organisation, Present, route, undecidable};

/// Routes the arrivals in their order; one decision for each. The roster is left as they leave it.
#[must_use]
pub fn decide(
    organisation: &Organisation,
    roster: &mut Roster,
    arrivals: &[Arrival],
    present: Present,
) -> Vec<Decision> {
    let broken =
        |arrival: &Arrival| failed(organisation, arrival, present, "the decision broke off; the log holds the details");
    in_spite(roster, arrivals, |roster, arrivals| route(organisation, roster, arrivals, present), broken)
}

/// What `deciding` makes of a batch; of each arrival for itself, where it breaks on the whole.
fn in_spite(
    roster: &mut Roster,
    arrivals: &[Arrival],
    deciding: impl Fn(&mut Roster, &[Arrival]) -> Vec<Decision>,
    broken: impl Fn(&Arrival) -> Decision,
) -> Vec<Decision> {
    let tried = |roster: &mut Roster, arrivals| catch_unwind(AssertUnwindSafe(|| deciding(roster, arrivals))).ok();
    let mut moved = roster.clone();
    if let Some(whole) = tried(&mut moved, arrivals) {
        *roster = moved;
        return whole;
    }
    let mut one_by_one = Vec::with_capacity(arrivals.len());
    for arrival in arrivals {
        let mut moved = roster.clone();
        let decided = tried(&mut moved, std::slice::from_ref(arrival)).and_then(|mut decided| decided.pop());
        if decided.is_some() {
            *roster = moved;
        }
        one_by_one.push(decided.unwrap_or_else(|| broken(arrival)));
    }
    one_by_one
}

/// A failed run in place of a decision.
fn failed(organisation: &Organisation, arrival: &Arrival, present: Present, details: &str) -> Decision {
    let record = &arrival.record;
    let version = organisation.rulebooks.get(&record.key.record_type).map_or(0, |rulebook| rulebook.version);
    Decision { run: undecidable(record, version, present, details.to_owned()), touched: None }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::id::Owner;
    use crate::obstacle::Obstacle;
    use crate::record::tests::{at, new_lead};
    use crate::roster::{Member, SellerState};

    const PRESENT: Present = Present { now: Timestamp::UNIX_EPOCH, writer: 1, drawn: 1 };

    fn arrival(id: &str) -> Arrival {
        Arrival { record: new_lead(id, &json!({})).into_record(at(1)), subject: Err(Obstacle::broken("")) }
    }

    fn decision(arrival: &Arrival, sentence: &str) -> Decision {
        Decision { run: undecidable(&arrival.record, 1, PRESENT, sentence.to_owned()), touched: None }
    }

    /// Takes each record in for its seller and says how much that one holds; it breaks on the record `bad`, after half of
    /// the work.
    fn deciding(roster: &mut Roster, arrivals: &[Arrival]) -> Vec<Decision> {
        let susana = Owner::Seller("susana".into());
        let held = |arrival: &Arrival| {
            roster.hold(Some(&susana), &arrival.record.key.record_type, 1);
            assert_ne!(arrival.record.key.id.as_str(), "bad");
            let held = roster.members()[0].state.held.values().sum::<i64>();
            decision(arrival, &held.to_string())
        };
        arrivals.iter().map(held).collect()
    }

    fn sentences(ids: &[&str]) -> Vec<String> {
        let seller = serde_json::from_value(json!({
            "id": "susana", "name": "Susana", "email": "susana@example.com", "roles": [], "enabled": true,
            "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1
        }));
        let seller = Arc::new(seller.unwrap());
        let mut roster = Roster::new(vec![Member { seller, state: SellerState::default(), subject: None }]);
        let arrivals: Vec<Arrival> = ids.iter().map(|id| arrival(id)).collect();
        let decisions = in_spite(&mut roster, &arrivals, deciding, |arrival| decision(arrival, "broken"));
        let decided = ids.iter().filter(|id| **id != "bad").count();
        let held = roster.members()[0].state.held.values().sum::<i64>();
        assert_eq!(usize::try_from(held), Ok(decided), "the roster is left as those leave it that were decided");
        decisions.into_iter().map(|decision| decision.run.error_details.unwrap()).collect()
    }

    #[test]
    fn a_record_on_which_the_decision_breaks_fails_alone_and_moves_nobody() {
        assert_eq!(sentences(&["L-1", "L-2"]), ["1", "2"]);
        assert_eq!(sentences(&["L-1", "bad", "L-2", "bad"]), ["1", "broken", "2", "broken"]);
    }
}
