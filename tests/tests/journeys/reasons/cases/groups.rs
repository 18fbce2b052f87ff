//! Situations of teams and queues.

use serde_json::{Value, json};

use super::{case, post, put};
use crate::reasons::case::{Case, Change};

fn team(id: &str, region: &str) -> Value {
    json!({"id": id, "name": id, "memberIds": [], "roles": ["salesperson"], "fields": {"region": region}})
}

fn queue(id: &str, region: &str) -> Value {
    json!({"id": id, "name": id, "recordTypes": ["lead"], "memberIds": [], "fields": {"region": region}})
}

/// Those whose region is the lead's country.
fn of_region(kind: &str, if_several: &str) -> Value {
    let by_region = json!({"field": "region", "op": "equals", "valueFrom": "country"});
    let target =
        json!({"kind": kind, "pick": "matching", "source": "fields", "match": by_region, "ifSeveral": if_several});
    json!({"target": target, "distribution": null})
}

fn of_country(country: &str) -> Value {
    json!({"country": country})
}

/// Those of teams.
pub(super) fn teams() -> Vec<Case> {
    let several = ("MON-28", "severalTeams", "Multiple eligible teams found");
    let none = ("MON-29", "noTeam", "Couldn't find eligible team");
    vec![
        Case {
            given: vec![post("/v1/teams", team("east-1", "JP")), post("/v1/teams", team("east-2", "JP"))],
            rule: of_region("teams", "none"),
            lead: of_country("JP"),
            away: "the rule lets chance decide",
            change: Change::Rule(of_region("teams", "random")),
            then: "east-1|east-2",
            ..case(several, "two teams fit, and the rule chooses none of several")
        },
        Case {
            rule: of_region("teams", "none"),
            lead: of_country("JP"),
            away: "one of them does not",
            change: Change::Call(put("/v1/teams/east-2", team("east-2", "KR"))),
            then: "east-1",
            ..case(several, "two teams fit")
        },
        Case {
            given: vec![post("/v1/teams", team("south", "AR"))],
            rule: of_region("teams", "none"),
            lead: of_country("BR"),
            away: "one does",
            change: Change::Call(put("/v1/teams/south", team("south", "BR"))),
            then: "south",
            ..case(none, "no team is of the lead's region")
        },
    ]
}

/// Those of queues.
pub(super) fn queues() -> Vec<Case> {
    let several = ("MON-30", "severalQueues", "Multiple eligible queues found");
    let none = ("MON-31", "noQueue", "Couldn't find eligible queue");
    vec![
        Case {
            given: vec![post("/v1/queues", queue("desk-1", "JP")), post("/v1/queues", queue("desk-2", "JP"))],
            rule: of_region("queues", "none"),
            lead: of_country("JP"),
            away: "the rule lets chance decide",
            change: Change::Rule(of_region("queues", "random")),
            then: "desk-1|desk-2",
            ..case(several, "two queues fit, and the rule chooses none of several")
        },
        Case {
            rule: of_region("queues", "none"),
            lead: of_country("JP"),
            away: "one of them is disabled",
            change: Change::Call(put("/v1/queues/desk-2", {
                let mut disabled = queue("desk-2", "JP");
                disabled["enabled"] = json!(false);
                disabled
            })),
            then: "desk-1",
            ..case(several, "two queues fit")
        },
        Case {
            given: vec![post("/v1/queues", queue("desk-3", "AR"))],
            rule: of_region("queues", "none"),
            lead: of_country("BR"),
            away: "one does",
            change: Change::Call(put("/v1/queues/desk-3", queue("desk-3", "BR"))),
            then: "desk-3",
            ..case(none, "no queue is of the lead's region")
        },
    ]
}
