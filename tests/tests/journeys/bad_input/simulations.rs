//! Simulations of records that can't be (SEC-77).

use reqwest::Method;
use serde_json::{Value, json};

use super::case::{Case, case, read};

pub(super) fn of_simulations() -> Vec<Case> {
    let of = |record_type: &str| format!("/v1/records/{record_type}/simulate");
    let simulate =
        |what, body: Value, pointers: &[&'static str]| case(what, Method::POST, &of("lead"), &body, pointers);
    let stored = |id: &str| json!({"record": {"id": id}});
    let at = |what, at: &str| simulate(what, json!({"record": {"fields": {}}, "at": at}), &["/at"]);
    vec![
        simulate("a simulation of nothing", json!({}), &["/record"]),
        simulate("a simulation of neither id nor fields", json!({"record": {}}), &["/record/fields"]),
        simulate(
            "a simulation of a stored record as a draft",
            json!({"record": {"id": "L-1", "fields": {}, "owner": {"kind": "seller", "id": "susana"}}}),
            &["/record/fields", "/record/owner"],
        ),
        simulate(
            "a draft with faults everywhere",
            json!({
                "record": {"fields": {"shoeSize": 42, "employees": "many"}, "owner": {"kind": "user", "id": "susana"},
                    "route": false},
                "at": "soon",
            }),
            &["/at", "/record/fields/employees", "/record/fields/shoeSize", "/record/owner/kind", "/record/route"],
        ),
        simulate(
            "a draft owned by nobody known",
            json!({"record": {"fields": {"shoeSize": 42}, "owner": {"kind": "team", "id": "none"}}}),
            &["/record/fields/shoeSize", "/record/owner/id"],
        ),
        at("a simulation of long ago", "2020-01-01T00:00:00Z"),
        at("a simulation of the far future", "2200-01-01T00:00:00Z"),
        at("a simulation at a day", "2026-03-02"),
        simulate("a simulation of an unknown record", stored("none"), &[]).is(404, "not-found"),
        case("a simulation of a record of another type", Method::POST, &of("opportunity"), &stored("L-1"), &[])
            .is(404, "not-found"),
        case("a simulation of no record type", Method::POST, &of("shoe"), &stored("L-1"), &[]).is(404, "not-found"),
        simulate("a simulation of what is closed", stored("L-2"), &[]).is(409, "record-inactive"),
        read("reading a simulation", &of("lead")).is(405, "method-not-allowed"),
    ]
}
