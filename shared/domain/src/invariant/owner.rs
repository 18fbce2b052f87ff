//! One owner: what a record says of its owner, the place that the index `owned` has it at, and its last run.
//!
//! Every write that changes an owner commits a run, also when a person does it, and an owner that a record was created
//! with is what its first run found. So the last run alone tells who owns the record now ([`owner_after`]), whatever has
//! happened before; a record without a run may have any owner.

use super::{Breach, Invariant};
use crate::id::Owner;
use crate::record::Record;
use crate::run::{RoutingRun, Trigger};

/// Who owns a record after a run of it; what [`Record::routed`] and [`Record::assigned`] make of the owner.
#[must_use]
pub fn owner_after(run: &RoutingRun) -> Option<&Owner> {
    let before = run.assignment.previous_owner.as_ref();
    match &run.assignment.owner {
        // A rule puts a record into a queue for somebody to pick; the owner stays who it was (RULE-41).
        Some(Owner::Queue(_)) if run.trigger != Trigger::Manual => before,
        Some(owner) => Some(owner),
        None => before,
    }
}

/// A record whose owner can't be read as one seller, team or queue, or whom the index `owned` has elsewhere than its
/// owner, type, state and creation say. `place` and `expected` are none where the index does not have it. What another
/// program put is not looked at before Baton has adopted it.
#[must_use]
pub fn misplaced(record: &Record, readable: bool, place: Option<&str>, expected: Option<&str>) -> Option<Breach> {
    let key = record.key.to_string();
    let sentence = match (readable, place == expected) {
        _ if !record.counted => return None,
        (true, true) => return None,
        (false, _) => format!("The owner of {key} can't be read; one seller, team or queue is expected, or none."),
        (true, false) => {
            let (place, expected) = (place.unwrap_or("nowhere"), expected.unwrap_or("nowhere"));
            format!("{key} stands in the index of owners at {place}; by its owner it is {expected}.")
        }
    };
    Some(Breach::of(Invariant::OneOwner, key, sentence))
}

/// A record that names a last run that is not stored, or one that left it to somebody else. `run` is that run, if it is
/// stored.
#[must_use]
pub fn disowned(record: &Record, run: Option<&RoutingRun>) -> Option<Breach> {
    let key = record.key.to_string();
    let last = record.last.as_ref().filter(|_| record.counted)?;
    let Some(run) = run.filter(|run| run.id == last.id && run.record() == record.key) else {
        let sentence = format!("{key} names {} as its last run, but no such run of it is stored.", last.id);
        return Some(Breach::of(Invariant::DecidedOnce, key, sentence));
    };
    let (owner, after) = (record.owner.as_ref(), owner_after(run));
    (owner != after).then(|| {
        let (owner, after) = (told(owner), told(after));
        let sentence = format!("{key} is owned by {owner}, but its last run {} left it to {after}.", run.id);
        Breach::of(Invariant::OneOwner, key, sentence)
    })
}

fn told(owner: Option<&Owner>) -> String {
    owner.map_or_else(|| "nobody".to_owned(), |owner| format!("{} {}", owner.kind(), owner.id()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::id::RunId;
    use crate::record::tests::{at, new_lead};
    use crate::route::{Present, manual, undecidable};

    fn susana() -> Owner {
        Owner::Seller("susana".into())
    }

    fn automatic(record: &Record, owner: Option<Owner>) -> RoutingRun {
        let present = Present { now: at(5), writer: 1, drawn: 1 };
        let mut run = undecidable(record, 1, present, String::new());
        run.id = RunId::new("c.0");
        run.assignment.owner = owner;
        run
    }

    fn told(record: &Record, last: Option<&RoutingRun>) -> Option<String> {
        disowned(record, last).map(|breach| breach.sentence)
    }

    #[test]
    fn whatever_becomes_of_a_record_its_last_run_tells_its_owner() {
        let mut record = new_lead("L-1", &json!({})).into_record(at(0));
        let miriam = Owner::Seller("miriam".into());
        let desk = Owner::Queue("desk".into());
        // Nobody, a seller, a queue of a rule, a failure, a hand, a queue by hand, a team.
        let steps = [
            (None, false),
            (Some(miriam), false),
            (Some(desk.clone()), false),
            (None, false),
            (Some(susana()), true),
            (Some(desk), true),
            (Some(Owner::Team("east".into())), false),
        ];
        for (owner, by_hand) in steps {
            let run = match (owner.clone(), by_hand) {
                (Some(owner), true) => RoutingRun { id: RunId::new("c.0"), ..manual(&record, owner, 1, at(5)) },
                (owner, _) => automatic(&record, owner),
            };
            record = if by_hand { record.assigned(&run, None, at(6)) } else { record.routed(&run, None) };
            assert_eq!(told(&record, Some(&run)), None, "{owner:?} {by_hand}");
            let patched = record.clone().patched(json!({"city": "Bern"}).as_object().unwrap(), &[].into(), at(7));
            assert_eq!(told(&patched.closed("lost", at(8)).reopened(at(9)), Some(&run)), None);
        }
    }

    #[test]
    fn an_owner_whom_the_last_run_does_not_know_is_a_breach() {
        let record = new_lead("L-1", &json!({})).into_record(at(0));
        let run = automatic(&record, Some(susana()));
        let mut record = record.routed(&run, None);
        record.owner = Some(Owner::Seller("miriam".into()));
        assert_eq!(
            told(&record, Some(&run)).unwrap(),
            "lead#L-1 is owned by seller miriam, but its last run c.0 left it to seller susana."
        );
        record.owner = None;
        assert!(told(&record, Some(&run)).unwrap().contains("is owned by nobody"));
        let missing = "lead#L-1 names c.0 as its last run, but no such run of it is stored.";
        assert_eq!(told(&record, None).unwrap(), missing);
        let of_another = RoutingRun { record_id: "L-2".into(), ..run };
        assert_eq!(told(&record, Some(&of_another)).unwrap(), missing);
    }

    #[test]
    fn a_place_in_the_index_that_is_not_the_owners_is_a_breach() {
        let mut record = new_lead("L-1", &json!({})).into_record(at(0));
        record.owner = Some(susana());
        let told =
            |readable, place, expected| misplaced(&record, readable, place, expected).map(|breach| breach.sentence);
        assert_eq!(told(true, Some("a"), Some("a")), None);
        assert_eq!(
            told(true, None, Some("seller#susana lead#a#1")).unwrap(),
            "lead#L-1 stands in the index of owners at nowhere; by its owner it is seller#susana lead#a#1."
        );
        assert!(told(true, Some("b"), None).is_some());
        assert!(told(false, None, None).unwrap().contains("can't be read"));
    }

    #[test]
    fn another_programs_item_is_not_judged_before_its_adoption() {
        let mut record = new_lead("L-1", &json!({})).into_record(at(0));
        record.last = Some(crate::record::LastRun {
            id: "c.0".into(),
            at: at(1),
            reason: None,
            unassigned: false,
            sought_by: None,
        });
        assert!(disowned(&record, None).is_some() && misplaced(&record, false, Some("x"), None).is_some());
        record.counted = false;
        assert_eq!((disowned(&record, None), misplaced(&record, false, Some("x"), None)), (None, None));
    }
}
