//! Situations in which sellers are dropped by a gate.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{case, post, put};
use crate::reasons::case::{Case, Change};

fn seller(id: &str, members: &Value) -> Value {
    let mut seller = json!({"id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"]});
    for (name, value) in members.as_object().into_iter().flatten() {
        seller[name] = value.clone();
    }
    seller
}

fn with_room() -> Value {
    json!({"distribution": {"method": "loadBalancing", "respectCapacity": true}})
}

fn within(hours: u32) -> Value {
    json!({"distribution": {"method": "roundRobin", "availableWithinHours": hours}})
}

/// Situations in which no seller may be given the lead.
pub(super) fn all(now: Timestamp) -> Vec<Case> {
    let nobody = ("MON-22", "noSellerMatches", "No sellers meet the conditions");
    let hours = ("MON-23", "noAvailability", "Eligible sellers don't have availability");
    let room = ("MON-24", "noCapacity", "Eligible sellers don't have capacity");
    let rights =
        ("MON-26", "sellerLacksPermission", "Record unassigned as seller doesn't have the necessary permissions");
    let day = |days: i64| (now + SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let away = json!({"kind": "timeOff", "from": day(-1), "to": day(1), "timeZone": "UTC", "description": "Away"});
    let based = json!({"field": "city", "op": "equals", "valueFrom": "city"});
    vec![
        Case {
            sellers: &["flo"],
            given: vec![put("/v1/settings", json!({"eligibleRoles": ["sales-manager"]}))],
            away: "every role is eligible",
            change: Change::Call(put("/v1/settings", json!({"eligibleRoles": "all"}))),
            then: "flo",
            ..case(nobody, "the seller's role is not eligible")
        },
        Case {
            sellers: &["bob"],
            given: vec![put("/v1/sellers/bob/assign-records", json!({"on": false}))],
            away: "it is on",
            change: Change::Call(put("/v1/sellers/bob/assign-records", json!({"on": true}))),
            then: "bob",
            ..case(nobody, "the seller's switch is off")
        },
        Case {
            sellers: &["bea"],
            given: vec![put("/v1/sellers/bea", seller("bea", &json!({"enabled": false})))],
            away: "the user is enabled",
            change: Change::Call(put("/v1/sellers/bea", seller("bea", &json!({"enabled": true})))),
            then: "bea",
            ..case(nobody, "the user is disabled")
        },
        Case {
            sellers: &["gus"],
            given: vec![put("/v1/sellers/gus", seller("gus", &json!({"fields": {"city": "Basel"}})))],
            rule: json!({"target": {"kind": "sellers", "pick": "matching", "source": "fields", "match": based}}),
            lead: json!({"city": "Thun"}),
            away: "the seller is based there",
            change: Change::Call(put("/v1/sellers/gus", seller("gus", &json!({"fields": {"city": "Thun"}})))),
            then: "gus",
            ..case(nobody, "no seller is based in the lead's city")
        },
        Case {
            sellers: &["cleo"],
            given: vec![post("/v1/sellers/cleo/calendar", away)],
            rule: within(24),
            away: "within 120 hours",
            change: Change::Rule(within(120)),
            then: "cleo",
            ..case(hours, "the seller is away until the day after tomorrow, the rule asks for 24 hours")
        },
        Case {
            sellers: &["dan"],
            given: vec![put("/v1/sellers/dan/capacity", json!({"maximum": 0}))],
            rule: with_room(),
            away: "the maximum is 2",
            change: Change::Call(put("/v1/sellers/dan/capacity", json!({"maximum": 2, "override": true}))),
            then: "dan",
            ..case(room, "the seller's maximum is 0, and the rule respects capacity")
        },
        Case {
            sellers: &["dora"],
            given: vec![put("/v1/sellers/dora/capacity", json!({"maximum": 0}))],
            rule: with_room(),
            away: "the rule does not respect capacity",
            change: Change::Rule(json!({"distribution": {"method": "loadBalancing"}})),
            then: "dora",
            ..case(room, "the seller has no room, and the rule respects capacity")
        },
        Case {
            sellers: &["dov"],
            given: vec![put("/v1/sellers/dov/capacity", json!({"maximum": 9, "period": "day", "periodMaximum": 0}))],
            rule: with_room(),
            away: "two a day",
            change: Change::Call(put(
                "/v1/sellers/dov/capacity",
                json!({"maximum": 9, "period": "day", "periodMaximum": 2, "override": true}),
            )),
            then: "dov",
            ..case(room, "the seller takes none a day")
        },
        Case {
            sellers: &["hal"],
            given: vec![put("/v1/sellers/hal", seller("hal", &json!({"roles": ["integration"]})))],
            away: "one of the seller's roles may read them",
            change: Change::Call(put(
                "/v1/sellers/hal",
                seller("hal", &json!({"roles": ["integration", "salesperson"]})),
            )),
            then: "hal",
            ..case(rights, "the seller's only role may not read records")
        },
    ]
}
