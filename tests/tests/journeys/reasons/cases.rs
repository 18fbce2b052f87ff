//! The situations, one reason after the other.

mod groups;
mod sellers;

use jiff::{SignedDuration, Timestamp};
use journeys::organisation::everything;
use reqwest::Method;
use serde_json::{Value, json};

use super::case::{Call, Case, Change};

fn put(path: &'static str, body: Value) -> Call {
    Call(Method::PUT, path, body)
}

fn post(path: &'static str, body: Value) -> Call {
    Call(Method::POST, path, body)
}

fn case((id, reason, text): (&'static str, &'static str, &'static str), situation: &'static str) -> Case {
    Case {
        reason,
        id,
        text,
        situation,
        sellers: &[],
        given: vec![],
        segment: None,
        rule: json!({}),
        lead: json!({}),
        created: None,
        moves: false,
        away: "",
        change: Change::Activated,
        then: "",
    }
}

/// All situations, at an instant.
pub(crate) fn all(now: Timestamp) -> Vec<Case> {
    let mut all = conditions();
    all.extend(sellers::all(now));
    all.extend(record_gates(now));
    all.extend(groups::teams());
    all.extend(groups::queues());
    all
}

fn conditions() -> Vec<Case> {
    let none = ("MON-21", "noConditionMet", "Record doesn't meet any conditions");
    let inactive = ("MON-25", "noActiveRule", "No assignment rule for this record's segment");
    let segment = ("MON-41", "noSegment", "No matching segments");
    let bern = json!({"field": "city", "op": "equals", "value": "Bern"});
    let in_bern = json!({"all": [bern]});
    vec![
        Case {
            sellers: &["ada"],
            rule: json!({"condition": in_bern}),
            lead: json!({"city": "Basel"}),
            away: "the lead is in Bern",
            change: Change::Lead(json!({"city": "Bern"})),
            then: "ada",
            ..case(none, "the rule is for Bern, the lead in Basel")
        },
        Case {
            sellers: &["abe"],
            rule: json!({"condition": in_bern}),
            lead: json!({"city": "Basel"}),
            away: "the rule asks for nothing",
            change: Change::Rule(json!({"condition": everything()})),
            then: "abe",
            ..case(none, "the only rule is for Bern, the lead in Basel")
        },
        Case {
            sellers: &["eve"],
            rule: json!({"state": "inactive"}),
            away: "the rule is active",
            change: Change::Activated,
            then: "eve",
            ..case(inactive, "the segment's only rule is inactive")
        },
        Case {
            sellers: &["max"],
            given: vec![post("/v1/segments/lead-default/deactivate", json!({}))],
            segment: Some(bern),
            lead: json!({"city": "Basel"}),
            away: "the lead is in Bern",
            change: Change::Lead(json!({"city": "Bern"})),
            then: "max",
            ..case(segment, "the segment is for Bern, the lead in Basel, the default segment inactive")
        },
        Case {
            sellers: &["may"],
            segment: Some(json!({"field": "city", "op": "hasValue"})),
            away: "the default segment is active",
            change: Change::Call(post("/v1/segments/lead-default/activate", json!({}))),
            then: "notApplicable",
            ..case(segment, "no segment fits, and the default segment is inactive")
        },
    ]
}

fn record_gates(now: Timestamp) -> Vec<Case> {
    let old = ("MON-27", "recordTooOld", "Seller not assigned as record is older than the set timeframe");
    let moved = ("MON-32", "rulesDoNotRunOnMove", "Rules won't run for this segment");
    let ago = |minutes: i64| (now - SignedDuration::from_mins(minutes)).to_string();
    vec![
        Case {
            sellers: &["ivo"],
            rule: json!({"createdWithinHours": 2}),
            created: Some(ago(125)),
            away: "it was created 115 minutes ago",
            change: Change::Created(ago(115)),
            then: "ivo",
            ..case(old, "the rule's window is 2 hours, the lead was created 125 minutes ago")
        },
        Case {
            sellers: &["ida"],
            rule: json!({"createdWithinHours": 2}),
            created: Some(ago(125)),
            away: "the window is 3 hours",
            change: Change::Rule(json!({"createdWithinHours": 3})),
            then: "ida",
            ..case(old, "the lead is older than the rule's window of 2 hours")
        },
        Case {
            sellers: &["jan"],
            moves: true,
            away: "the segment runs its rules on a move",
            change: Change::Segment(json!({"runRulesOnMove": true})),
            then: "jan",
            ..case(moved, "the lead moves into a segment that runs no rules on a move")
        },
    ]
}
