//! What is believed as a rule and what is refused.

use std::collections::BTreeSet;

use super::*;
use crate::condition::AttributeValues;
use crate::record_type::{RecordTypeDefinition, RecordTypes};

fn parse(body: &Value) -> Result<RuleDraft, Vec<(String, &'static str)>> {
    parse_for(body, None)
}

fn parse_for(body: &Value, present: Option<&AssignmentRule>) -> Result<RuleDraft, Vec<(String, &'static str)>> {
    let record_types = RecordTypes::built_in();
    parse_of(record_types.get(&"lead".into()).unwrap(), body, present)
}

fn parse_of(
    definition: &RecordTypeDefinition,
    body: &Value,
    present: Option<&AssignmentRule>,
) -> Result<RuleDraft, Vec<(String, &'static str)>> {
    let known = Known {
        definition,
        record_types: &RecordTypes::built_in(),
        sellers: &["alan".into(), "susana".into()].into(),
        teams: &["east".into(), "west".into()].into(),
        queues: &BTreeSet::from(["desk".into()]),
        attributes: &AttributeValues::from([("language".to_owned(), vec!["en".to_owned(), "de".to_owned()])]),
    };
    RuleDraft::parse(body, &known, &Limits::default(), present).map_err(pairs)
}

fn pairs(faults: Vec<Fault>) -> Vec<(String, &'static str)> {
    faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
}

/// A body that is right, with some members in place of its own.
fn body(members: Value) -> Value {
    let mut body = json!({
        "name": "Anybody", "target": {"kind": "sellers", "pick": "any"}, "distribution": {"method": "roundRobin"}
    });
    let Value::Object(members) = members else { panic!("members are given as an object") };
    body.as_object_mut().unwrap().extend(members);
    body
}

fn only_fault(members: Value) -> (String, &'static str) {
    let found = parse(&body(members)).unwrap_err();
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap()
}

#[test]
fn rule_01_rule_20_a_rule_is_active_and_handles_every_record_unless_the_body_says_otherwise() {
    let rule = parse(&body(json!({}))).unwrap().into_rule("lead-1-1".into(), "lead-1".into(), Timestamp::UNIX_EPOCH);
    assert_eq!((rule.state, rule.created_within_hours), (RuleState::Active, None));
    assert_eq!(rule.condition, json!({"all": []}));
    let json = serde_json::to_value(&rule).unwrap();
    assert_eq!(json["target"], json!({"kind": "sellers", "pick": "any"}));
    assert_eq!(serde_json::from_value::<AssignmentRule>(json).unwrap(), rule);
    assert_eq!(parse(&body(json!({"state": "inactive"}))).unwrap().state, RuleState::Inactive);
}

#[test]
fn seg_81_a_copy_of_a_rule_is_inactive_and_new() {
    let rule = parse(&body(json!({}))).unwrap().into_rule("lead-1-1".into(), "lead-1".into(), Timestamp::UNIX_EPOCH);
    let now = "2026-03-02T10:00:00Z".parse().unwrap();
    let copy = AssignmentRule { version: 7, ..rule.clone() }.copied_into(&"lead-2".into(), 3, now);
    assert_eq!((copy.id.as_str(), copy.segment_id.as_str(), copy.state), ("lead-2-3", "lead-2", RuleState::Inactive));
    assert_eq!((copy.version, copy.created_at, copy.modified_at), (1, now, now));
    assert_eq!((copy.name, copy.condition, copy.target), (rule.name, rule.condition, rule.target));
}

#[test]
fn rule_32_chosen_sellers_must_exist() {
    let target = json!({"kind": "sellers", "pick": "specific", "ids": ["susana", "alan"]});
    let rule = parse(&body(json!({"target": target.clone()}))).unwrap();
    assert_eq!(serde_json::to_value(&rule.target).unwrap(), target);

    let unknown = json!({"kind": "sellers", "pick": "specific", "ids": ["susana", "nobody"]});
    assert_eq!(only_fault(json!({"target": unknown})), ("/target/ids/1".to_owned(), "unknownSeller"));
    for ids in [json!([]), json!(null)] {
        let none = json!({"kind": "sellers", "pick": "specific", "ids": ids});
        assert_eq!(only_fault(json!({"target": none})), ("/target/ids".to_owned(), "required"));
    }
}

/// RULE-22: N is 1 to 120 whole hours.
#[test]
fn rule_22_a_window_is_1_to_120_whole_hours() {
    for hours in [1, 120] {
        let rule = parse(&body(json!({"createdWithinHours": hours}))).unwrap();
        assert_eq!(rule.created_within_hours, Some(hours));
    }
    for (hours, code) in [(json!(0), "outOfRange"), (json!(121), "outOfRange"), (json!(1.5), "wrongType")] {
        let fault = only_fault(json!({"createdWithinHours": hours}));
        assert_eq!(fault, ("/createdWithinHours".to_owned(), code));
    }
}

/// What a target is stored as, and that it reads back.
fn target(target: &Value) -> Result<Value, Vec<(String, &'static str)>> {
    let of_sellers = target["kind"] == "sellers";
    let distribution = if of_sellers { json!({"method": "roundRobin"}) } else { json!(null) };
    let draft = parse(&body(json!({"target": target, "distribution": distribution})))?;
    let stored = serde_json::to_value(&draft.target).unwrap();
    assert_eq!(serde_json::from_value::<Target>(stored.clone()).unwrap(), draft.target);
    Ok(stored)
}

#[test]
fn rule_31_rule_42_rule_43_rule_45_sellers_are_matched_by_fields_or_by_attributes() {
    let by = |source: &str, matcher: Value| json!({"kind": "sellers", "pick": "matching", "source": source, "match": matcher});
    let city = json!({"field": "city", "op": "equals", "valueFrom": "city"});
    let language = json!({"attribute": "language", "op": "equals", "value": "en"});
    let accounts = json!({"related": "accountsOwned", "exists": true,
        "where": {"field": "id", "op": "equals", "valueFrom": "parentAccount"}});
    let languages = json!({"attribute": "language", "op": "equals", "value": ["en"]});
    for good in [
        by("fields", city.clone()),
        by("fields", accounts),
        by("attributes", language.clone()),
        by("attributes", languages),
    ] {
        assert_eq!(target(&good), Ok(good));
    }
    let refused = |proposed: Value| target(&proposed).unwrap_err();
    assert_eq!(refused(by("fields", language.clone())), [("/target/match/attribute".to_owned(), "notAllowed")]);
    assert_eq!(
        refused(by("attributes", json!({"all": [language, city]}))),
        [("/target/match".to_owned(), "notAllowed")]
    );
    assert_eq!(refused(by("attributes", json!({"attribute": "skill", "op": "hasValue"})))[0].1, "unknownAttribute");
    assert_eq!(refused(by("fields", json!(null))), [("/target/match".to_owned(), "required")]);
    let unsaid = json!({"kind": "sellers", "pick": "matching", "match": {"all": []}});
    assert_eq!(refused(unsaid), [("/target/source".to_owned(), "required")]);
}

/// COND-05, COND-06: five conditions, one of them a related block.
#[test]
fn cond_05_cond_06_a_matcher_has_limits_of_its_own() {
    let row = json!({"field": "city", "op": "hasValue"});
    let related = json!({"related": "accountsOwned", "exists": true});
    let by = |rows: Vec<Value>| {
        target(&json!({"kind": "sellers", "pick": "matching", "source": "fields", "match": {"all": rows}}))
    };
    assert!(by(vec![row.clone(); 5]).is_ok());
    assert_eq!(by(vec![row; 6]).unwrap_err(), [("/target/match".to_owned(), "tooManyConditions")]);
    assert_eq!(by(vec![related; 2]).unwrap_err(), [("/target/match".to_owned(), "tooManyRelated")]);
}

/// RULE-33…38.
#[test]
fn rule_33_rule_34_rule_35_rule_36_rule_37_rule_38_teams_and_queues_are_chosen_or_matched() {
    let matcher = json!({"field": "region", "op": "equals", "valueFrom": "state"});
    let chosen = target(&json!({"kind": "teams", "pick": "specific", "ids": ["west", "east"]})).unwrap();
    assert_eq!(chosen, json!({"kind": "teams", "pick": "specific", "ids": ["west", "east"], "ifSeveral": "none"}));
    let by_match =
        target(&json!({"kind": "queues", "pick": "matching", "match": matcher, "ifSeveral": "random"})).unwrap();
    let stored =
        json!({"kind": "queues", "pick": "matching", "source": "fields", "match": matcher, "ifSeveral": "random"});
    assert_eq!(by_match, stored);
    for (refused, pointer, code) in [
        (json!({"kind": "teams", "pick": "any"}), "/target/pick", "unknownWord"),
        (json!({"kind": "teams", "pick": "specific", "ids": ["north"]}), "/target/ids/0", "unknownTeam"),
        (json!({"kind": "queues", "pick": "specific", "ids": ["east"]}), "/target/ids/0", "unknownQueue"),
        (json!({"kind": "queues", "pick": "specific"}), "/target/ids", "required"),
        (
            json!({"kind": "teams", "pick": "matching", "source": "attributes", "match": matcher}),
            "/target/source",
            "unknownWord",
        ),
    ] {
        assert_eq!(target(&refused).unwrap_err(), [(pointer.to_owned(), code)]);
    }
}

#[test]
fn rule_36_a_queue_takes_only_records_of_types_that_are_enabled_for_queues() {
    let mut lead = RecordTypes::built_in().get(&"lead".into()).unwrap().as_ref().clone();
    lead.enabled_for_queues = false;
    let queue = json!({"kind": "queues", "pick": "specific", "ids": ["desk"]});
    let found = parse_of(&lead, &body(json!({"target": queue, "distribution": null})), None).unwrap_err();
    assert_eq!(found, [("/target/kind".to_owned(), "notEnabledForQueues")]);
}

#[test]
fn rule_37_only_sellers_are_distributed_to() {
    let team = json!({"kind": "teams", "pick": "specific", "ids": ["west"]});
    assert_eq!(only_fault(json!({"target": team})), ("/distribution".to_owned(), "notAllowed"));
    assert_eq!(parse(&body(json!({"target": team, "distribution": null}))).unwrap().distribution, None);
}

#[test]
fn dist_06_dist_08_dist_09_a_distribution_may_ask_for_availability_and_capacity() {
    let members = json!({"method": "loadBalancing", "availableWithinHours": 48, "respectCapacity": true});
    let found = parse(&body(json!({"distribution": members}))).unwrap().distribution.unwrap();
    assert_eq!(serde_json::to_value(found).unwrap(), members);
    let plain = json!({"method": "roundRobin", "availableWithinHours": null, "respectCapacity": false});
    assert_eq!(serde_json::to_value(parse(&body(json!({}))).unwrap().distribution).unwrap(), plain);
    let before: Distribution = serde_json::from_value(json!({"method": "roundRobin"})).unwrap();
    assert_eq!(serde_json::to_value(before).unwrap(), plain);
    for hours in [0, 121] {
        let distribution = json!({"method": "roundRobin", "availableWithinHours": hours});
        assert_eq!(only_fault(json!({"distribution": distribution})).1, "outOfRange");
    }
}

#[test]
fn members_stand_only_where_they_mean_something() {
    let any = |member: &str, value: Value| json!({"target": {"kind": "sellers", "pick": "any", member: value}});
    for (member, value) in [
        ("ids", json!(["alan"])),
        ("source", json!("fields")),
        ("match", json!({"all": []})),
        ("ifSeveral", json!("none")),
    ] {
        assert_eq!(only_fault(any(member, value)), (format!("/target/{member}"), "notAllowed"));
    }
    assert_eq!(
        only_fault(json!({"target": {"kind": "robots", "pick": "any"}})),
        ("/target/kind".to_owned(), "unknownWord")
    );
    assert_eq!(only_fault(json!({"target": {"kind": "sellers"}})), ("/target/pick".to_owned(), "required"));
    assert_eq!(
        only_fault(json!({"distribution": {"method": "dice"}})),
        ("/distribution/method".to_owned(), "unknownWord")
    );
    assert_eq!(only_fault(json!({"distribution": {}})), ("/distribution/method".to_owned(), "required"));
    assert_eq!(only_fault(json!({"distribution": null})), ("/distribution".to_owned(), "required"));
    assert_eq!(only_fault(json!({"state": "paused"})), ("/state".to_owned(), "unknownWord"));
    assert_eq!(only_fault(json!({"colour": 1})), ("/colour".to_owned(), "unknownMember"));
}

#[test]
fn rule_02_rule_06_a_replaced_rule_stays_in_its_segment() {
    let rule = parse(&body(json!({}))).unwrap().into_rule("lead-1-1".into(), "lead-1".into(), Timestamp::UNIX_EPOCH);
    let later = Timestamp::from_second(60).unwrap();
    let said = body(json!({"name": "B", "id": "lead-1-1", "segmentId": "lead-1"}));
    let replaced = parse_for(&said, Some(&rule)).unwrap().applied_to(&rule, later);
    assert_eq!(replaced, AssignmentRule { name: "B".to_owned(), modified_at: later, ..rule.clone() });
    let moved = parse_for(&body(json!({"segmentId": "lead-2"})), Some(&rule));
    assert_eq!(moved.unwrap_err(), [("/segmentId".to_owned(), "cantChange")]);
}

#[test]
fn a_new_order_names_every_rule_once() {
    let present = ["s-1".into(), "s-2".into(), "s-3".into()];
    let order = parse_order(&json!({"ruleIds": ["s-3", "s-1", "s-2"]}), &present).unwrap();
    assert_eq!(order, ["s-3".into(), "s-1".into(), "s-2".into()]);
    let found = parse_order(&json!({"ruleIds": ["s-3", "s-9"]}), &present).map_err(pairs).unwrap_err();
    let expected = [("/ruleIds/1", "unknownRule"), ("/ruleIds", "missing"), ("/ruleIds", "missing")];
    assert_eq!(found, expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    let twice = parse_order(&json!({"ruleIds": ["s-1", "s-2", "s-3", "s-3"]}), &present).map_err(pairs);
    assert_eq!(twice.unwrap_err(), [("/ruleIds/3".to_owned(), "repeated")]);
    assert_eq!(parse_order(&json!({}), &present).map_err(pairs).unwrap_err()[0].1, "required");
    assert_eq!(parse_order(&json!({"ruleIds": []}), &[]), Ok(vec![]));
}

#[test]
fn an_id_tells_the_segment() {
    assert_eq!(segment_of(&"lead-default-12".into()), Some("lead-default".into()));
    for foreign in ["lead", "lead-default", "lead-default-x"] {
        assert_eq!(segment_of(&foreign.into()), None, "{foreign}");
    }
}
