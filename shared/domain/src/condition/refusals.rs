//! What is refused in a tree and where, what is counted, and what a tree says that it reads (COND-05…13, COND-20…32).

use serde_json::{Value as Json, json};

use super::cases::{attributes, definition, record_types};
use super::{Condition, ConditionLimits, MAX_DEPTH, Schema};
use crate::fault::{Fault, Pointer};

fn faults(tree: &Json) -> Vec<(String, &'static str)> {
    let record_types = record_types();
    let thing = definition(&record_types, "thing");
    let schema = Schema::new(&thing, &record_types);
    let found = Condition::parse(tree, &Pointer::root().join("condition"), &schema).expect_err(&tree.to_string());
    shown(&found)
}

fn shown(faults: &[Fault]) -> Vec<(String, &'static str)> {
    faults.iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
}

#[test]
fn cond_12_cond_20_cond_32_what_can_never_hold_is_refused_at_the_member_that_is_wrong() {
    // COND-12, COND-20…29, COND-32
    let row = |field: &str, op: &str, value: Json| json!({"field": field, "op": op, "value": value});
    let bare = |field: &str, op: &str| json!({"field": field, "op": op});
    let cases = [
        (json!([]), "", "wrongType"),
        (json!(null), "", "wrongType"),
        (json!({}), "", "wrongType"),
        (json!({"all": [], "any": []}), "", "wrongType"),
        (json!({"all": {}}), "/all", "wrongType"),
        (json!({"all": null}), "/all", "wrongType"),
        (json!({"all": [], "note": 1}), "/note", "unknownMember"),
        (bare("colour", "hasValue"), "/field", "unknownColumn"),
        (json!({"field": 3, "op": "hasValue"}), "/field", "wrongType"),
        (json!({"field": "text"}), "/op", "required"),
        (bare("text", "like"), "/op", "unknownWord"),
        (row("lines", "equals", json!("a")), "/op", "operatorNotAllowed"),
        (row("text", "greaterThan", json!("a")), "/op", "operatorNotAllowed"),
        (row("whole", "contains", json!("1")), "/op", "operatorNotAllowed"),
        (row("choice", "contains", json!("Hot")), "/op", "operatorNotAllowed"),
        (row("multi", "beginsWith", json!("a")), "/op", "operatorNotAllowed"),
        (row("yesNo", "contains", json!(true)), "/op", "operatorNotAllowed"),
        (row("account", "notContains", json!("a")), "/op", "operatorNotAllowed"),
        (row("id", "beginsWith", json!("a")), "/op", "operatorNotAllowed"),
        (row("date", "equals", json!("2026-03-02")), "/op", "operatorNotAllowed"),
        (bare("account", "currentUser"), "/op", "operatorNotAllowed"),
        (bare("owner", "currentUser"), "/op", "operatorNotAllowed"),
        (bare("owner", "notCurrentUser"), "/op", "operatorNotAllowed"),
        (bare("owner", "currentUserTeams"), "/op", "operatorNotAllowed"),
        (bare("text", "equals"), "/value", "required"),
        (row("text", "equals", json!("")), "/value", "required"),
        (row("text", "equals", json!([])), "/value", "required"),
        (row("text", "equals", json!(["a", ""])), "/value/1", "required"),
        (row("text", "equals", json!(["a", 3])), "/value/1", "wrongType"),
        (row("text", "contains", json!(["a", "b"])), "/value", "wrongType"),
        (row("whole", "equals", json!(1.5)), "/value", "wrongType"),
        (row("money", "atLeast", json!("3")), "/value", "wrongType"),
        (row("choice", "equals", json!(["Hot", "Warm"])), "/value/1", "unknownOption"),
        (row("date", "on", json!("2026-02-30")), "/value", "wrongType"),
        (row("owner", "equals", json!("susana")), "/value", "wrongType"),
        (row("text", "hasValue", json!("a")), "/value", "notAllowed"),
        (row("date", "today", json!(1)), "/value", "notAllowed"),
        (json!({"field": "text", "op": "hasNoValue", "valueFrom": "text"}), "/valueFrom", "notAllowed"),
        (json!({"field": "text", "op": "equals", "valueFrom": "text"}), "/valueFrom", "notAllowed"),
        (json!({"field": "text", "op": "equals", "value": "a", "valueFrom": "text"}), "/valueFrom", "notAllowed"),
        (bare("date", "last"), "/value", "required"),
        (row("date", "last", json!(3)), "/value", "wrongType"),
        (row("date", "last", json!({"n": 0, "unit": "days"})), "/value/n", "outOfRange"),
        (row("date", "last", json!({"n": 10_001, "unit": "days"})), "/value/n", "outOfRange"),
        (row("date", "next", json!({"n": 3, "unit": "fortnights"})), "/value/unit", "unknownWord"),
        (row("date", "next", json!({"n": 3})), "/value/unit", "required"),
        (row("date", "olderThan", json!({"n": 3, "unit": "days", "x": 1})), "/value/x", "unknownMember"),
        (json!({"attribute": "language", "op": "equals", "value": "en"}), "/attribute", "notAllowed"),
        (json!({"related": "cousin", "exists": true}), "/related", "unknownRelation"),
        (json!({"related": "account"}), "/exists", "required"),
        (json!({"related": "account", "exists": "yes"}), "/exists", "wrongType"),
        (
            json!({"related": "account", "exists": true, "where": {"related": "parentAccount", "exists": true}}),
            "/where/related",
            "nestedRelated",
        ),
        (
            json!({"related": "account", "exists": true, "where": {"field": "text", "op": "hasValue"}}),
            "/where/field",
            "unknownColumn",
        ),
    ];
    for (tree, pointer, code) in cases {
        assert_eq!(faults(&tree), [(format!("/condition{pointer}"), code)], "{tree}");
    }
}

#[test]
fn every_fault_of_a_tree_is_named_at_once() {
    let tree = json!({"all": [
        {"field": "colour", "op": "like"},
        {"any": [{"field": "whole", "op": "equals", "value": "3"}, {"field": "text", "op": "hasValue"}], "or": 1},
        {"related": "account", "exists": true, "where": {"all": [{"field": "employees", "op": "atLeast", "value": "many"}]}},
        7,
    ]});
    let expected = [
        ("/condition/all/0/field", "unknownColumn"),
        ("/condition/all/0/op", "unknownWord"),
        ("/condition/all/1/any/0/value", "wrongType"),
        ("/condition/all/1/or", "unknownMember"),
        ("/condition/all/2/where/all/0/value", "wrongType"),
        ("/condition/all/3", "wrongType"),
    ];
    assert_eq!(faults(&tree), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
}

#[test]
fn groups_may_stand_only_so_deep() {
    let nested = |depth: usize| (0..depth).fold(json!({"all": []}), |tree, _| json!({"any": [tree]}));
    let record_types = record_types();
    let thing = definition(&record_types, "thing");
    let schema = Schema::new(&thing, &record_types);
    let parse = |tree: &Json| Condition::parse(tree, &Pointer::root(), &schema);
    assert!(parse(&nested(MAX_DEPTH - 1)).is_ok());
    let found = parse(&nested(MAX_DEPTH)).unwrap_err();
    assert_eq!((found[0].code, found[0].pointer.as_str().matches("/any/0").count()), ("tooDeep", MAX_DEPTH));
}

#[test]
fn values_are_taken_only_from_columns_that_compare() {
    let record_types = record_types();
    let (thing, lead) = (definition(&record_types, "thing"), definition(&record_types, "lead"));
    let schema = Schema::new(&thing, &record_types).routing(&lead);
    let fault = |field: &str, operator: &str, from: &str| {
        let tree = json!({"field": field, "op": operator, "valueFrom": from});
        Condition::parse(&tree, &Pointer::root(), &schema).err().map(|faults| shown(&faults)[0].1)
    };
    for (field, operator, from) in [
        ("text", "equals", "rating"),
        ("account", "equals", "parentAccount"),
        ("account", "contains", "companyName"),
        ("boss", "equals", "createdBy"),
        ("whole", "atLeast", "estimatedValue"),
        ("date", "on", "createdOn"),
    ] {
        assert_eq!(fault(field, operator, from), None, "{field} {operator} {from}");
    }
    for (field, operator, from, code) in [
        ("text", "equals", "colour", "unknownColumn"),
        ("text", "equals", "employees", "wrongType"),
        ("account", "equals", "parentContact", "wrongType"),
        ("account", "equals", "companyName", "wrongType"),
        ("account", "contains", "parentAccount", "wrongType"),
        ("id", "equals", "id", "wrongType"),
        ("yesNo", "equals", "rating", "wrongType"),
        ("owner", "equals", "createdBy", "wrongType"),
    ] {
        assert_eq!(fault(field, operator, from), Some(code), "{field} {operator} {from}");
    }
}

#[test]
fn attributes_and_their_values_must_be_known_when_a_tree_is_new() {
    let record_types = record_types();
    let (seller, lead, attributes) =
        (definition(&record_types, "seller"), definition(&record_types, "lead"), attributes());
    let schema = Schema::new(&seller, &record_types).routing(&lead).with_attributes(&attributes);
    let row = |attribute: &str, value: &str| json!({"attribute": attribute, "op": "equals", "value": value});
    let tree = json!({"all": [row("language", "en"), row("skill", "x"), row("level", "9")]});
    let found = Condition::parse(&tree, &Pointer::root(), &schema).unwrap_err();
    let expected = [("/all/1/attribute", "unknownAttribute"), ("/all/2/value", "unknownOption")];
    assert_eq!(shown(&found), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    assert!(Condition::parse(&tree, &Pointer::root(), &schema.of_stored()).is_ok());
    let dynamic = json!({"attribute": "language", "op": "equals", "valueFrom": "language"});
    assert!(Condition::parse(&dynamic, &Pointer::root(), &schema).is_ok());
    let misplaced = json!({"related": "accountsOwned", "exists": true, "where": row("language", "en")});
    assert!(Condition::parse(&misplaced, &Pointer::root(), &schema).is_err());
}

#[test]
fn cond_05_cond_06_cond_07_cond_13_rows_are_counted_and_limited_as_the_settings_say() {
    let record_types = record_types();
    let thing = definition(&record_types, "thing");
    let row = json!({"field": "text", "op": "hasValue"});
    let account_row = json!({"field": "city", "op": "hasValue"});
    let tree = json!({"all": [
        row,
        {"any": [row, {"all": []}]},
        {"related": "account", "exists": true},
        {"related": "account", "exists": true, "where": {"all": []}},
        {"related": "account", "exists": false, "where": {"any": [account_row, account_row]}},
    ]});
    let condition = Condition::parse(&tree, &Pointer::root(), &Schema::new(&thing, &record_types)).unwrap();
    assert_eq!((condition.row_count(), condition.related_count()), (6, 3));
    assert_eq!(condition.to_json(), tree);

    let at = Pointer::root().join("condition");
    let characters = u32::try_from(tree.to_string().len()).unwrap();
    let limits = ConditionLimits { rows: 6, related: Some(3), characters };
    assert_eq!(condition.limit_faults(&tree, &limits, &at), []);
    assert_eq!(condition.limit_faults(&tree, &ConditionLimits { related: None, ..limits }, &at), []);
    let limits = ConditionLimits { rows: 5, related: Some(2), characters: characters - 1 };
    let codes: Vec<_> = condition.limit_faults(&tree, &limits, &at).iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["tooManyConditions", "tooManyRelated", "tooLong"]);
    assert_eq!(Condition::everything().row_count(), 0);
}

#[test]
fn seg_52_a_tree_says_what_it_reads() {
    let record_types = record_types();
    let (thing, lead) = (definition(&record_types, "thing"), definition(&record_types, "lead"));
    let schema = Schema::new(&thing, &record_types).routing(&lead);
    let tree = json!({"all": [
        {"field": "text", "op": "equals", "valueFrom": "city"},
        {"any": [{"field": "boss", "op": "contains", "value": "ma"}]},
        {"related": "account", "exists": true, "where": {"all": [
            {"field": "sector", "op": "hasValue"}, {"field": "parentAccount", "op": "beginsWith", "value": "a"},
        ]}},
    ]});
    let mut reads = Condition::parse(&tree, &Pointer::root(), &schema).unwrap().reads();
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(reads.columns, names(&["account", "boss", "text"]));
    assert_eq!(reads.names, names(&["boss"]));
    assert_eq!(reads.routed, names(&["city"]));
    assert_eq!(reads.relations, [("account".to_owned(), names(&["parentAccount"]))].into());
    let more =
        json!({"related": "account", "exists": true, "where": {"field": "owner", "op": "endsWith", "value": "z"}});
    reads.join(Condition::parse(&more, &Pointer::root(), &schema).unwrap().reads());
    assert_eq!(reads.relations["account"], names(&["owner", "parentAccount"]));
}
