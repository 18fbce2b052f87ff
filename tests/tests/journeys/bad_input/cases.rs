//! The kinds of bad input, by what is wrong.

use journeys::organisation::{everything, rule};
use reqwest::Method;
use serde_json::{Value, json};

use super::case::{Case, case, read};
use super::simulations::of_simulations;

pub(super) const LEADS: &str = "/v1/records/lead";
const LEAD: &str = "/v1/records/lead/L-1";
pub(super) const SEGMENTS: &str = "/v1/segments";
const RULES: &str = "/v1/segments/lead-default/rules";
pub(super) const SELLERS: &str = "/v1/sellers";

/// Every kind of bad input that needs nothing but the organisation of these tests.
pub(super) fn cases() -> Vec<Case> {
    let kinds = [
        of_transport(),
        of_queries(),
        of_versions(),
        of_ids(),
        of_records(),
        of_simulations(),
        of_conditions(),
        of_limits(),
        of_states(),
    ];
    kinds.into_iter().flatten().collect()
}

pub(super) fn segment(name: &str, condition: &Value) -> Value {
    json!({"name": name, "recordType": "lead", "condition": condition})
}

fn of_transport() -> Vec<Case> {
    let post = |what| case(what, Method::POST, LEADS, &Value::Null, &[]);
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    vec![
        post("no JSON").text("{\"fields\": ").is(400, "unreadable-json"),
        post("an empty body").text("").is(400, "unreadable-json"),
        post("two JSON values").text("{} {}").is(400, "unreadable-json"),
        post("lists 200 deep in each other").text(nested).is(400, "unreadable-json"),
        post("another media type")
            .text("fields=1")
            .with("content-type", "application/x-www-form-urlencoded")
            .is(415, "unsupported-media-type"),
        post("no media type").text("{}").with("content-type", "").is(415, "unsupported-media-type"),
        post("7 MiB").text(format!("\"{}\"", "x".repeat(7 * 1024 * 1024))).is(413, ""),
        case("a list instead of an object", Method::POST, LEADS, &json!([1]), &[""]),
        read("a path of nobody", "/v1/records/lead/L-1/shoes").is(404, "not-found"),
        Case { method: Method::DELETE, ..read("another method", "/v1/settings").is(405, "method-not-allowed") },
        Case { method: Method::PUT, ..read("another method on a list", LEADS).is(405, "method-not-allowed") },
    ]
}

fn of_queries() -> Vec<Case> {
    vec![
        read("an unknown query parameter", "/v1/sellers?colour=red"),
        read("a query parameter twice", "/v1/sellers?search=a&search=b"),
        read("a word that the parameter doesn't have", "/v1/segments?state=asleep"),
        read("limit 0", "/v1/sellers?limit=0"),
        read("limit 101", "/v1/sellers?limit=101"),
        read("limit x", "/v1/sellers?limit=x"),
        read("a page token of nobody", "/v1/records/lead?next=AAAA").is(400, "unreadable-page-token"),
        read("a page token that is no token", "/v1/records/lead?next=***").is(400, "unreadable-page-token"),
    ]
}

fn of_versions() -> Vec<Case> {
    let patch = |what, tag: &str| {
        let body = json!({"fields": {"city": "Bern"}});
        case(what, Method::PATCH, LEAD, &body, &[]).with("if-match", tag).is(412, "stale")
    };
    let keyed =
        |what, key: String| case(what, Method::POST, LEADS, &json!({"fields": {}}), &[""]).with("idempotency-key", key);
    vec![
        patch("a stale version", "\"7\""),
        patch("a version without quotes", "1"),
        patch("an empty version", ""),
        patch("a weak version", "W/\"1\""),
        case("a stale version of a seller", Method::PUT, "/v1/sellers/susana", &seller("susana"), &[])
            .with("if-match", "\"7\"")
            .is(412, "stale"),
        keyed("an idempotency key of 129 characters", "k".repeat(129)),
        keyed("an empty idempotency key", String::new()),
        keyed("a known idempotency key with another body", "k-1".to_owned()).is(422, "idempotency-key-reused"),
    ]
}

fn of_ids() -> Vec<Case> {
    let with_id = |what, id: &str| case(what, Method::POST, LEADS, &json!({"id": id, "fields": {}}), &["/id"]);
    vec![
        with_id("a reserved id", "batch"),
        with_id("an id with a space", "a b"),
        with_id("an id with an umlaut", "ä"),
        with_id("an id of 65 characters", &"x".repeat(65)),
        with_id("an id that is taken", "L-1").is(409, "exists"),
        case("a seller's id that is taken", Method::POST, SELLERS, &seller("susana"), &[]).is(409, "exists"),
        case("a reserved record type", Method::PUT, "/v1/record-types/batch", &json!({}), &[""]),
        case("another id in the body", Method::PUT, "/v1/sellers/susana", &seller("miriam"), &["/id"]),
        read("an id in the path that can be none", "/v1/records/lead/a%20b").is(404, "not-found"),
        case("an unknown record", Method::PATCH, "/v1/records/lead/none", &json!({"fields": {}}), &[])
            .is(404, "not-found"),
        case("an unknown seller", Method::PUT, "/v1/sellers/none", &seller("none"), &[]).is(404, "not-found"),
        case("a record type that does not exist", Method::POST, "/v1/records/shoe", &json!({"fields": {}}), &[])
            .is(404, "not-found"),
        case(
            "a rule of an unknown segment",
            Method::POST,
            "/v1/segments/lead-none/rules",
            &rule("a", &everything()),
            &[],
        )
        .is(404, "not-found"),
    ]
}

fn of_records() -> Vec<Case> {
    let fields = |what, fields: Value, pointers: &[&'static str]| {
        case(what, Method::POST, LEADS, &json!({"fields": fields}), pointers)
    };
    vec![
        fields("an unknown column", json!({"shoeSize": 42}), &["/fields/shoeSize"]),
        fields("a wrong type", json!({"employees": "many"}), &["/fields/employees"]),
        fields(
            "three faults at once",
            json!({"employees": 1.5, "shoeSize": 42, "doNotCall": "perhaps"}),
            &["/fields/doNotCall", "/fields/employees", "/fields/shoeSize"],
        ),
        fields("money with 5 fraction digits", json!({"estimatedValue": 1.000_01}), &["/fields/estimatedValue"]),
        fields("a date that is none", json!({"lastActivityOn": "2026-02-30"}), &["/fields/lastActivityOn"]),
        fields("fields longer than 256 KiB", json!({"topic": "x".repeat(262_144)}), &["/fields"]),
        case(
            "an unknown column and an unknown owner",
            Method::POST,
            LEADS,
            &json!({"fields": {"shoeSize": 42}, "owner": {"kind": "seller", "id": "nobody"}}),
            &["/fields/shoeSize", "/owner/id"],
        ),
        case(
            "no records and an unknown owner",
            Method::POST,
            "/v1/monitor/lead/assign",
            &json!({"recordIds": [], "owner": {"kind": "seller", "id": "nobody"}}),
            &["/owner/id", "/recordIds"],
        ),
        case(
            "a retry of an unknown segment and more",
            Method::POST,
            "/v1/monitor/lead/retry",
            &json!({"segmentId": "lead-none", "colour": "red"}),
            &["/colour", "/segmentId"],
        ),
        case("no fields", Method::POST, LEADS, &json!({}), &["/fields"]),
        case("an unknown member", Method::POST, LEADS, &json!({"fields": {}, "colour": "red"}), &["/colour"]),
        case(
            "an instant that is none",
            Method::POST,
            LEADS,
            &json!({"fields": {}, "createdOn": "soon"}),
            &["/createdOn"],
        ),
        case(
            "a record given to nobody known",
            Method::POST,
            &format!("{LEAD}/assign"),
            &owner("nobody"),
            &["/owner/id"],
        ),
        case(
            "an owner of another kind",
            Method::POST,
            &format!("{LEAD}/assign"),
            &json!({"owner": {"kind": "user", "id": "susana"}}),
            &["/owner/kind"],
        ),
        case(
            "an outcome of another type",
            Method::POST,
            &format!("{LEAD}/close"),
            &json!({"outcome": "won"}),
            &["/outcome"],
        ),
        case(
            "a seller without roles",
            Method::POST,
            SELLERS,
            &json!({"name": "a", "email": "a@example.com"}),
            &["/roles"],
        ),
        case(
            "a seller with four faults",
            Method::POST,
            SELLERS,
            &json!({"name": " ", "email": "nowhere", "roles": ["jedi"], "timeZone": "Mars/Olympus"}),
            &["/email", "/name", "/roles/0", "/timeZone"],
        ),
        case(
            "a seller nobody knows",
            Method::POST,
            RULES,
            &json!({
                "name": "a", "condition": {"all": []}, "distribution": {"method": "roundRobin"},
                "target": {"kind": "sellers", "pick": "specific", "ids": ["nobody"]},
            }),
            &["/target/ids/0"],
        ),
    ]
}

fn of_conditions() -> Vec<Case> {
    let condition = |what, node: Value, pointers: &[&'static str]| {
        case(what, Method::POST, SEGMENTS, &segment("a", &node), pointers)
    };
    let row = |column: &str, op: &str, value: Value| json!({"field": column, "op": op, "value": value});
    let no_such_column = row("shoeSize", "equals", json!(42));
    let long = "x".repeat(101);
    vec![
        condition("an unknown column in a condition", no_such_column.clone(), &["/condition/field"]),
        condition("an unknown operator", row("city", "resembles", json!("Bern")), &["/condition/op"]),
        condition("an operator of another type", row("employees", "contains", json!("1")), &["/condition/op"]),
        condition("a value of another type", row("employees", "equals", json!("many")), &["/condition/value"]),
        condition("a row without a value", json!({"field": "city", "op": "equals"}), &["/condition/value"]),
        condition("a value where there is none", row("city", "hasValue", json!("Bern")), &["/condition/value"]),
        condition("an amount without a unit", row("createdOn", "last", json!({"n": 3})), &["/condition/value/unit"]),
        condition(
            "a value of the routed record in a segment",
            json!({"field": "city", "op": "equals", "valueFrom": "city"}),
            &["/condition/valueFrom"],
        ),
        condition("an unknown relation", json!({"related": "shoes", "exists": true}), &["/condition/related"]),
        condition(
            "an attribute of a record",
            json!({"attribute": "language", "op": "equals", "value": "en"}),
            &["/condition/attribute"],
        ),
        condition("two kinds of node in one", json!({"all": [], "any": []}), &["/condition"]),
        condition("a condition that is a text", json!("everything"), &["/condition"]),
        case(
            "faults in name and in the depth of a condition",
            Method::POST,
            SEGMENTS,
            &segment(&long, &json!({"all": [{"any": [no_such_column]}]})),
            &["/condition/all/0/any/0/field", "/name"],
        ),
    ]
}

/// Groups may stand 16 deep in each other.
const TOO_DEEP: &str = "/condition/all/0/all/0/all/0/all/0/all/0/all/0/all/0/all/0\
    /all/0/all/0/all/0/all/0/all/0/all/0/all/0/all/0";

fn of_limits() -> Vec<Case> {
    let long = "x".repeat(101);
    let row = json!({"field": "city", "op": "equals", "value": "Bern"});
    let wordy = json!({"field": "city", "op": "equals", "value": "x".repeat(4000)});
    let deep = (0..30).fold(row.clone(), |node, _| json!({"all": [node]}));
    let described =
        json!({"name": "a", "recordType": "lead", "condition": everything(), "description": "x".repeat(2001)});
    let mut late = rule("a", &everything());
    late["createdWithinHours"] = json!(121);
    let records = |n: usize| json!({"records": vec![json!({"fields": {}}); n]});
    let batch = |what, n| case(what, Method::POST, "/v1/records/lead/batch", &records(n), &["/records"]);
    let options: Vec<String> = (0..1_000).map(|n| format!("{n:0>100}")).collect();
    let columns: Vec<Value> =
        ["a", "b", "c"].map(|name| json!({"name": name, "type": "choice", "options": options})).into();
    let setting = |what, body: Value, pointer| case(what, Method::PUT, "/v1/settings", &body, &[pointer]);
    vec![
        case("a name of 101 characters", Method::POST, SEGMENTS, &segment(&long, &everything()), &["/name"]),
        case("no name", Method::POST, SEGMENTS, &segment("", &everything()), &["/name"]),
        case("a description of 2,001 characters", Method::POST, SEGMENTS, &described, &["/description"]),
        case("a rule's name of 101 characters", Method::POST, RULES, &rule(&long, &everything()), &["/name"]),
        case("records of at most 121 hours", Method::POST, RULES, &late, &["/createdWithinHours"]),
        case("priority 0", Method::PUT, "/v1/segments/lead-default/priority", &json!({"priority": 0}), &["/priority"]),
        case("11 conditions", Method::POST, SEGMENTS, &segment("a", &json!({"all": vec![row; 11]})), &["/condition"]),
        case("a condition of over 4,000 characters", Method::POST, SEGMENTS, &segment("a", &wordy), &["/condition"]),
        case("groups 30 deep in each other", Method::POST, SEGMENTS, &segment("a", &deep), &[TOO_DEEP]),
        batch("a batch of nothing", 0),
        batch("a batch of 1,001 records", 1001),
        setting("a limit of 0", json!({"limits": {"maxConditions": 0}}), "/limits/maxConditions"),
        setting("a limit that there isn't", json!({"limits": {"maxShoes": 1}}), "/limits/maxShoes"),
        setting("a zone that there isn't", json!({"timeZone": "Mars/Olympus"}), "/timeZone"),
        case(
            "a record type of over 200 KiB",
            Method::PUT,
            "/v1/record-types/ticket",
            &json!({"columns": columns}),
            &[""],
        ),
        case(
            "a column with an impossible name",
            Method::PUT,
            "/v1/record-types/ticket",
            &json!({"columns": [{"name": "two words", "type": "text"}]}),
            &["/columns/0/name"],
        ),
    ]
}

/// What could succeed in another state.
fn of_states() -> Vec<Case> {
    let post = |what, path: &str| case(what, Method::POST, path, &json!({}), &[]);
    vec![
        Case { method: Method::DELETE, ..read("deleting the default segment", "/v1/segments/lead-default") }
            .is(409, "default-segment"),
        case(
            "an order without all rules",
            Method::PUT,
            &format!("{RULES}/order"),
            &json!({"ruleIds": []}),
            &["/ruleIds"],
        ),
        case("one active rule too many", Method::POST, RULES, &rule("second", &everything()), &[])
            .is(409, "too-many-active-rules"),
        post("closing what is closed", "/v1/records/lead/L-2/close")
            .text(json!({"outcome": "qualified"}).to_string())
            .is(409, "record-inactive"),
        post("reopening what is open", &format!("{LEAD}/reopen")).is(409, "record-active"),
    ]
}

fn seller(id: &str) -> Value {
    json!({"id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"]})
}

fn owner(id: &str) -> Value {
    json!({"owner": {"kind": "seller", "id": id}})
}
