//! Decisions in plain English: what a run did and why, and a sentence for each seller whom it considered, so that nobody
//! needs a table of codes.
//!
//! A sentence is made of the run alone, and of what things are called now; what is deleted goes by its id.

use crate::id::{Owner, RuleId, SegmentId};
use crate::reason::Reason;
use crate::run::{Candidate, Joined, RoutingRun, Status, Trigger, Verdict};

/// What things are called.
pub trait Names {
    /// The name of a seller, team or queue.
    fn owner(&self, owner: &Owner) -> Option<String>;
    /// The name of a rule.
    fn rule(&self, rule: &RuleId) -> Option<String>;
    /// The name of a segment.
    fn segment(&self, segment: &SegmentId) -> Option<String>;
}

/// Names of nothing: all goes by its id.
#[derive(Debug, Clone, Copy)]
pub struct Nameless;

impl Names for Nameless {
    fn owner(&self, _: &Owner) -> Option<String> {
        None
    }

    fn rule(&self, _: &RuleId) -> Option<String> {
        None
    }

    fn segment(&self, _: &SegmentId) -> Option<String> {
        None
    }
}

/// What a run did and why.
#[must_use]
pub fn of_run(run: &RoutingRun, names: &impl Names) -> String {
    let owner = |owner: &Owner| names.owner(owner).unwrap_or_else(|| owner.id().to_owned());
    if run.trigger == Trigger::Manual {
        let to = run.assignment.owner.as_ref().map(owner).unwrap_or_default();
        return format!("A person gave the record to {to}.");
    }
    let mut sentences = vec![of_segmentation(run, names)];
    let rule = run.assignment.rule_id.as_ref();
    let rule = rule.map(|id| quoted(&names.rule(id).unwrap_or_else(|| id.to_string())));
    sentences.push(match (run.assignment.status, &run.assignment.owner, rule) {
        (Status::Succeeded, Some(given), Some(rule)) => format!("Rule {rule} gave it to {}.", owner(given)),
        (Status::Succeeded, Some(given), None) => format!("It was given to {}.", owner(given)),
        (Status::Failed, _, rule) => {
            let reason = run.assignment.reason.map(Reason::text).unwrap_or_default();
            let given = match rule {
                Some(rule) => format!("Rule {rule} gave it to nobody: {}.", lowered(reason)),
                None => format!("It was given to nobody: {}.", lowered(reason)),
            };
            match &run.assignment.previous_owner {
                Some(stays) => format!("{given} {} keeps it.", owner(stays)),
                None => given,
            }
        }
        (Status::Succeeded | Status::NotApplicable, ..) => match &run.assignment.previous_owner {
            Some(stays) => format!("{} keeps it: no rule was asked.", owner(stays)),
            None => "No rule was asked for an owner.".to_owned(),
        },
    });
    if run.assignment.overdue {
        sentences.push("It is overdue.".to_owned());
    }
    sentences.join(" ")
}

fn of_segmentation(run: &RoutingRun, names: &impl Names) -> String {
    let found = &run.segmentation;
    let name = found.segment_id.as_ref().map(|id| {
        let known = found.segment_name.clone().or_else(|| names.segment(id));
        quoted(&known.unwrap_or_else(|| id.to_string()))
    });
    match (found.status, name, found.joined) {
        (Status::Failed, name, _) => {
            let reason = lowered(found.reason.map(Reason::text).unwrap_or_default());
            match name {
                Some(name) => format!("The record stayed in segment {name}: {reason}."),
                None => format!("The record was put into no segment: {reason}."),
            }
        }
        (_, Some(name), Some(Joined::Created | Joined::Updated)) => format!("The record came into segment {name}."),
        (_, Some(name), Some(Joined::Moved)) => format!("The record moved into segment {name}."),
        (_, Some(name), None) => format!("The record stayed in segment {name}."),
        (_, None, _) => "The record is in no segment.".to_owned(),
    }
}

/// Why a seller got the record or did not.
#[must_use]
pub fn of_candidate(candidate: &Candidate, names: &impl Names) -> String {
    let Candidate { seller_id, verdict, available, bucket, last_assigned_at, rank } = candidate;
    let name = names.owner(&Owner::Seller(seller_id.clone())).unwrap_or_else(|| seller_id.to_string());
    let room = match available {
        Some(available) => format!("room for {available}"),
        None => "no maximum".to_owned(),
    };
    let last = match last_assigned_at {
        Some(at) => format!("last assigned at {at:.0}"),
        None => "never assigned before".to_owned(),
    };
    let works = match bucket {
        Some(0) => "works now, ".to_owned(),
        Some(days) => format!("works within {} hours, ", 24 * u32::from(*days)),
        None => String::new(),
    };
    match verdict {
        Verdict::Chosen => format!("{name} got it: {works}{room}, {last}."),
        Verdict::Ranked => format!("{name} came {}: {works}{room}, {last}.", ordinal(rank.unwrap_or(0))),
        Verdict::Role => format!("{name} has no role that records are given to."),
        Verdict::SwitchedOff => format!("{name} is switched off for automatic assignment."),
        Verdict::Disabled => format!("{name} is a disabled user."),
        Verdict::NotMatched => format!("{name} does not meet what the rule asks of sellers."),
        Verdict::NoPermission => format!("{name} has no role that may read the record."),
        Verdict::NoCapacity => match available {
            Some(available) if *available <= 0 => format!("{name} holds as many records as allowed ({room})."),
            _ => format!("{name} was given as many records as the present period allows."),
        },
        Verdict::NotAvailable => format!("{name} does not work soon enough."),
        Verdict::LaterBucket => format!("{name} works later than others do ({}).", works.trim_end_matches(", ")),
    }
}

fn quoted(name: &str) -> String {
    format!("\u{201c}{name}\u{201d}")
}

/// A reason in the middle of a sentence.
fn lowered(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn ordinal(number: u32) -> String {
    let ending = match (number % 10, number % 100) {
        (1, 11) | (2, 12) | (3, 13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::record::tests::{at, new_lead};
    use crate::route::{Present, manual, undecidable};
    use crate::run::{Assignment, Segmentation};

    struct Known;

    impl Names for Known {
        fn owner(&self, owner: &Owner) -> Option<String> {
            (owner.id() == "susana").then(|| "Susana Hussain".to_owned())
        }
        fn rule(&self, _: &RuleId) -> Option<String> {
            Some("By load".to_owned())
        }
        fn segment(&self, _: &SegmentId) -> Option<String> {
            Some("Hot leads".to_owned())
        }
    }

    fn susana() -> Owner {
        Owner::Seller("susana".into())
    }

    fn run(segmentation: Segmentation, assignment: Assignment) -> RoutingRun {
        let record = new_lead("L-1", &json!({})).into_record(at(1));
        let present = Present { now: at(2), writer: 0, drawn: 0 };
        RoutingRun { segmentation, assignment, error_details: None, ..undecidable(&record, 1, present, String::new()) }
    }

    fn stays() -> Segmentation {
        Segmentation::stays("lead-1".into(), None)
    }

    #[test]
    fn a_run_is_told_in_sentences() {
        let said = |segmentation, assignment| of_run(&run(segmentation, assignment), &Known);
        let found = |status, reason, owner| Assignment {
            status,
            reason,
            owner,
            rule_id: Some("lead-1-1".into()),
            ..Assignment::not_applicable(None)
        };
        let into = Segmentation::joined("lead-1".into(), "Hot leads".to_owned(), None, Joined::Created);
        assert_eq!(
            said(into, found(Status::Succeeded, None, Some(susana()))),
            "The record came into segment \u{201c}Hot leads\u{201d}. Rule \u{201c}By load\u{201d} gave it to Susana Hussain."
        );
        let late = Assignment { overdue: true, ..found(Status::Failed, Some(Reason::NoAvailability), None) };
        assert_eq!(
            said(stays(), late),
            "The record stayed in segment \u{201c}Hot leads\u{201d}. Rule \u{201c}By load\u{201d} gave it to nobody: eligible sellers \
             don't have availability. It is overdue."
        );
        let nowhere = Segmentation::failed(Reason::NoSegment, None);
        assert_eq!(
            said(nowhere, Assignment::not_applicable(Some(susana()))),
            "The record was put into no segment: no matching segments. Susana Hussain keeps it: no rule was asked."
        );
        let moved = Segmentation::joined("lead-1".into(), "Hot leads".to_owned(), Some("lead-2".into()), Joined::Moved);
        assert_eq!(
            said(moved, Assignment::failed(Reason::RulesDoNotRunOnMove, None)),
            "The record moved into segment \u{201c}Hot leads\u{201d}. It was given to nobody: rules won't run for this \
             segment."
        );
        let by_hand = manual(&new_lead("L-1", &json!({})).into_record(at(1)), susana(), 1, at(2));
        assert_eq!(of_run(&by_hand, &Known), "A person gave the record to Susana Hussain.");
        let gone = Owner::Seller("gone".into());
        let given = found(Status::Succeeded, None, Some(gone));
        assert!(said(stays(), given).ends_with("gave it to gone."), "what is deleted goes by its id");
    }

    #[test]
    fn every_verdict_has_a_sentence_of_its_own() {
        let last: Option<Timestamp> = Some(at(60));
        let of = |verdict, available, bucket, last_assigned_at, rank| {
            let seller_id = "susana".into();
            of_candidate(&Candidate { seller_id, verdict, available, bucket, last_assigned_at, rank }, &Known)
        };
        let plain = |verdict| of(verdict, None, None, None, None);
        assert_eq!(
            of(Verdict::Chosen, Some(3), Some(0), last, Some(1)),
            "Susana Hussain got it: works now, room for 3, last assigned at 1970-01-01T00:01:00Z."
        );
        assert_eq!(
            of(Verdict::Ranked, None, Some(2), None, Some(22)),
            "Susana Hussain came 22nd: works within 48 hours, no maximum, never assigned before."
        );
        assert_eq!(
            of(Verdict::NoCapacity, Some(0), None, None, None),
            "Susana Hussain holds as many records as allowed (room for 0)."
        );
        assert_eq!(
            of(Verdict::NoCapacity, Some(4), None, None, None),
            "Susana Hussain was given as many records as the present period allows."
        );
        assert_eq!(
            of(Verdict::LaterBucket, None, Some(1), None, None),
            "Susana Hussain works later than others do (works within 24 hours)."
        );
        let others = [
            Verdict::Role,
            Verdict::SwitchedOff,
            Verdict::Disabled,
            Verdict::NotMatched,
            Verdict::NoPermission,
            Verdict::NotAvailable,
        ];
        let sentences: std::collections::BTreeSet<String> = others.map(plain).into();
        assert_eq!(sentences.len(), others.len());
        assert!(sentences.iter().all(|sentence| sentence.starts_with("Susana Hussain ") && sentence.ends_with('.')));
    }

    #[test]
    fn places_are_counted_as_people_do() {
        let places = [1, 2, 3, 4, 11, 12, 13, 21, 22, 103, 111].map(ordinal);
        assert_eq!(places, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "103rd", "111th"]);
    }
}
