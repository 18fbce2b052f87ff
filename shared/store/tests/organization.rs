//! Contract of the store: teams, queues and business units, who is in them, and edited roles.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use domain::assignment_rule::{AssignmentRule, RuleState};
use domain::business_unit::BusinessUnit;
use domain::id::{RuleId, SellerId, TeamId};
use domain::privilege::{Entity, Grant, Privilege, Scope};
use domain::queue::Queue;
use domain::role_definition::RoleDefinitions;
use domain::seller::{Role, Seller};
use domain::team::Team;
use serde_json::{Map, json};
use store::knowledge::Memory;
use store::{Error, Store};
use support::{Fixture, rule_for_anybody};
use tokio::task::JoinSet;

fn seller(id: &str, teams: &[&str]) -> Seller {
    Seller {
        id: id.into(),
        name: id.to_owned(),
        email: format!("{id}@example.com"),
        roles: vec![Role::Salesperson],
        enabled: true,
        time_zone: None,
        fields: Map::new(),
        team_ids: ids(teams),
        assign_records: true,
        capacity: domain::capacity::MaximumCapacity::default(),
        attributes: std::collections::BTreeMap::default(),
        calendar: domain::calendar::Calendar::default(),
        version: 1,
    }
}

fn ids(teams: &[&str]) -> Vec<TeamId> {
    teams.iter().map(|id| TeamId::from(*id)).collect()
}

fn team(id: &str, members: &[&str]) -> Team {
    let member_ids = members.iter().map(|id| SellerId::from(*id)).collect();
    Team { id: id.into(), name: id.to_owned(), member_ids, roles: vec![], fields: Map::new(), version: 1 }
}

fn queue(id: &str, members: &[&str]) -> Queue {
    let Team { name, member_ids, .. } = team(id, members);
    let record_types = vec!["lead".into()];
    Queue { id: id.into(), name, enabled: true, record_types, member_ids, fields: Map::new(), version: 1 }
}

fn unit(id: &str, parent: Option<&str>) -> BusinessUnit {
    BusinessUnit { id: id.into(), name: id.to_owned(), parent_id: parent.map(Into::into), version: 1 }
}

async fn members(store: &Store, id: &str) -> Vec<String> {
    let team = store.team(&id.into()).await.unwrap().unwrap();
    team.member_ids.iter().map(ToString::to_string).collect()
}

fn renamed(team: &Team, name: String) -> Team {
    Team { name, ..team.clone() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_created_once_changed_and_deleted() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let first = store.create_team(team("north", &["susana"]), Some("tag")).await.unwrap();
    assert_eq!(store.create_team(team("north", &[]), Some("tag")).await.unwrap(), first, "the same request again");
    for tag in [None, Some("other")] {
        let taken = store.create_team(team("north", &[]), tag).await;
        assert!(matches!(taken, Err(Error::Exists)), "{taken:?}");
    }
    store.create_team(team("east", &[]), None).await.unwrap();

    // Edits at once: each sees the others or is decided again.
    let mut edits = JoinSet::new();
    for n in 0..4 {
        let store = store.clone();
        edits.spawn(async move {
            store.change_team::<Error>(&"north".into(), |seen| Ok(renamed(seen, format!("{}{n}", seen.name)))).await
        });
    }
    while let Some(edit) = edits.join_next().await {
        edit.unwrap().unwrap();
    }
    let changed = store.team(&"north".into()).await.unwrap().unwrap();
    assert_eq!((changed.version, changed.name.len()), (5, "north0123".len()), "{changed:?}");
    let before = store.versions().await.unwrap();
    store.change_team::<Error>(&"north".into(), |seen| Ok(seen.clone())).await.unwrap();
    assert_eq!(store.versions().await.unwrap(), before, "nothing changes, nothing is written");

    let names: Vec<_> = store.teams().await.unwrap().into_iter().map(|team| team.id.to_string()).collect();
    assert_eq!(names, ["east", "north"]);
    store.delete_team::<Error>(&"north".into(), |_, _| Ok(())).await.unwrap();
    assert!(store.team(&"north".into()).await.unwrap().is_none());
    let gone = store.delete_team::<Error>(&"north".into(), |_, _| Ok(())).await;
    assert!(matches!(gone, Err(Error::NotFound)), "{gone:?}");
}

/// The members of a team are kept on the team; a seller's teams are read from there and nowhere else.
#[tokio::test(flavor = "multi_thread")]
async fn a_sellers_teams_and_the_teams_members_are_the_same() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for id in ["north", "south", "west"] {
        store.create_team(team(id, &["alan"]), None).await.unwrap();
    }
    let created = store.create_seller(seller("susana", &["south", "north"]), Some("tag")).await.unwrap();
    assert_eq!(created.team_ids, ids(&["north", "south"]));
    assert_eq!(members(store, "north").await, ["alan", "susana"]);
    assert_eq!(store.create_seller(seller("susana", &[]), Some("tag")).await.unwrap(), created, "the same request");

    let moved = |seen: &Seller| Ok::<_, Error>(Seller { team_ids: ids(&["west", "south"]), ..seen.clone() });
    let changed = store.change_seller(&"susana".into(), moved).await.unwrap();
    assert_eq!((changed.version, &changed.team_ids), (2, &ids(&["south", "west"])));
    assert_eq!(store.teams_of(&"susana".into()).await.unwrap(), ids(&["south", "west"]));
    assert_eq!(members(store, "north").await, ["alan"]);
    assert_eq!(store.team(&"north".into()).await.unwrap().unwrap().version, 3, "in and out again");
    assert_eq!(store.team(&"south".into()).await.unwrap().unwrap().version, 2, "only in");

    // Seen from the team's side.
    store.change_team::<Error>(&"south".into(), |seen| Ok(Team { member_ids: vec![], ..seen.clone() })).await.unwrap();
    assert_eq!(store.seller(&"susana".into()).await.unwrap().unwrap().team_ids, ids(&["west"]));
    let off = |seen: &Seller| Ok::<_, Error>(Seller { assign_records: false, ..seen.clone() });
    store.change_seller(&"susana".into(), off).await.unwrap();
    let all = store.sellers().await.unwrap();
    assert_eq!(all[0].team_ids, ids(&["west"]), "another change of the seller leaves the teams alone");

    let unknown = |seen: &Seller| Ok::<_, Error>(Seller { team_ids: ids(&["atlantis"]), ..seen.clone() });
    let refused = store.change_seller(&"susana".into(), unknown).await;
    assert!(matches!(refused, Err(Error::Refused { code: "unknownTeam", .. })), "{refused:?}");
    let refused = store.create_seller(seller("david", &["atlantis"]), None).await;
    assert!(matches!(refused, Err(Error::Refused { code: "unknownTeam", .. })), "{refused:?}");
    assert!(store.seller(&"david".into()).await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_seller_is_in_no_team_and_no_queue() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_seller(seller("susana", &[]), None).await.unwrap();
    store.create_team(team("north", &["alan", "susana"]), None).await.unwrap();
    store.create_queue(queue("inbound", &["susana", "alan"]), None).await.unwrap();
    store.delete_seller::<Error>(&"susana".into(), |_| Ok(())).await.unwrap();
    assert_eq!(members(store, "north").await, ["alan"]);
    let queue = store.queue(&"inbound".into()).await.unwrap().unwrap();
    assert_eq!((queue.member_ids, queue.version), (vec!["alan".into()], 2));
}

/// Each relies on the team as it is read, so none is lost.
#[tokio::test(flavor = "multi_thread")]
async fn sellers_who_enter_a_team_at_once_are_all_in_it() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_team(team("north", &[]), None).await.unwrap();
    let mut entering = JoinSet::new();
    for n in 0..6 {
        let store = store.clone();
        entering.spawn(async move { store.create_seller(seller(&format!("s-{n}"), &["north"]), None).await });
    }
    while let Some(entered) = entering.join_next().await {
        entered.unwrap().unwrap();
    }
    let mut found = members(store, "north").await;
    found.sort();
    assert_eq!(found, ["s-0", "s-1", "s-2", "s-3", "s-4", "s-5"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_follows_teams_and_queues() {
    let fixture = Fixture::start().await;
    let (store, memory) = (&fixture.store, Memory::default());
    store.create_seller(seller("susana", &[]), None).await.unwrap();
    assert!(store.knowledge(&memory).await.unwrap().organisation.teams.is_empty());
    store.create_team(team("north", &["susana"]), None).await.unwrap();
    store.create_queue(queue("inbound", &[]), None).await.unwrap();
    let known = store.knowledge(&memory).await.unwrap();
    assert_eq!((known.organisation.teams.len(), known.organisation.queues.len()), (1, 1));
    assert_eq!(known.sellers[0].team_ids, ids(&["north"]));
    store.delete_queue::<Error>(&"inbound".into(), |_, _| Ok(())).await.unwrap();
    assert!(store.knowledge(&memory).await.unwrap().organisation.queues.is_empty());
}

/// RULE-34, RULE-36: who deletes a team or queue sees the active rules that name it.
#[tokio::test(flavor = "multi_thread")]
async fn rule_34_rule_36_a_deletion_sees_the_active_rules_that_name_the_team_or_queue() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_team(team("north", &[]), None).await.unwrap();
    store.create_queue(queue("north", &[]), None).await.unwrap();
    for (target, state) in [("teams", "active"), ("teams", "inactive"), ("queues", "active"), ("sellers", "active")] {
        let placed = store.create_rule(&"lead-default".into(), 10, None, rule).await.unwrap();
        name_target(&fixture, &placed.rule, target, state).await;
    }
    let seen =
        |rules: &[RuleId]| Err::<(), _>(Error::refused("seen", rules.iter().map(RuleId::as_str).collect::<String>()));
    let found = [
        store.delete_team(&"north".into(), |_, rules| seen(rules)).await.unwrap_err().to_string(),
        store.delete_queue(&"north".into(), |_, rules| seen(rules)).await.unwrap_err().to_string(),
    ];
    assert_eq!(found, ["lead-default-1", "lead-default-3"]);
}

fn rule(id: RuleId) -> AssignmentRule {
    rule_for_anybody(id, &"lead-default".into(), RuleState::Active)
}

/// Writes the stored rule as one that names `north` as a target of this kind.
async fn name_target(fixture: &Fixture, rule: &AssignmentRule, kind: &str, state: &str) {
    let mut document = serde_json::to_value(rule).unwrap();
    document["target"] = json!({"kind": kind, "pick": "specific", "ids": ["south", "north"]});
    document["state"] = json!(state);
    let key = store::keys::rule(&"lead".into(), &rule.id);
    let update = fixture.client.update_item().table_name(support::WORK).set_key(Some(key.attributes()));
    let update =
        update.update_expression("SET #document = :document").expression_attribute_names("#document", "document");
    let document = aws_sdk_dynamodb::types::AttributeValue::S(document.to_string());
    update.expression_attribute_values(":document", document).send().await.unwrap();
}

/// SEC-79a: whatever happens at once, the units stay a tree.
#[tokio::test(flavor = "multi_thread")]
async fn business_units_are_decided_on_the_whole_tree() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let create =
        |id: &'static str, tag| async move { store.create_business_unit::<Error>(tag, |_| Ok(unit(id, None))).await };
    let first = create("europe", Some("tag")).await.unwrap();
    assert_eq!(create("europe", Some("tag")).await.unwrap(), first, "the same request again");
    assert!(matches!(create("europe", None).await, Err(Error::Exists)));
    create("asia", None).await.unwrap();

    // Each goes below the other unless it sees that the other is below it already: one of them must see that.
    let below = |id: &'static str, parent: &'static str| {
        let store = store.clone();
        async move {
            let decide = |seen: &BusinessUnit, all: &[BusinessUnit]| {
                let parent_unit = all.iter().find(|unit| unit.id.as_str() == parent).unwrap();
                match &parent_unit.parent_id {
                    Some(_) => Err(Error::refused("circle", "the other is below")),
                    None => Ok(BusinessUnit { parent_id: Some(parent.into()), ..seen.clone() }),
                }
            };
            store.change_business_unit(&id.into(), decide).await
        }
    };
    let (one, other) = tokio::join!(tokio::spawn(below("europe", "asia")), tokio::spawn(below("asia", "europe")));
    let outcomes = [one.unwrap().is_ok(), other.unwrap().is_ok()];
    assert!(outcomes[0] != outcomes[1], "{outcomes:?}");

    let found = store.business_units().await.unwrap();
    assert_eq!(found.iter().map(|unit| unit.id.as_str()).collect::<Vec<_>>(), ["asia", "europe"]);
    assert_eq!(found.iter().map(|unit| unit.version).sum::<u64>(), 3);
    store.delete_business_unit::<Error>(&"asia".into(), |_, _| Ok(())).await.unwrap();
    let gone = store.delete_business_unit::<Error>(&"asia".into(), |_, _| Ok(())).await;
    assert!(matches!(gone, Err(Error::NotFound)), "{gone:?}");
}

/// SEC-05.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_role_counts_its_versions() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let predefined = RoleDefinitions::predefined();
    let may = |privileges: &[Privilege]| -> Vec<Grant> {
        let (entity, level) = (Entity::Record, Scope::Own);
        privileges.iter().map(|&privilege| Grant { entity, privilege, level }).collect()
    };
    let change = |grants: Vec<Grant>| {
        let (definition, store) = (predefined.of(Role::Integration).clone(), store.clone());
        async move { store.change_role::<Error>(&definition, |_| Ok(grants.clone())).await.unwrap() }
    };
    let before = predefined.of(Role::Integration);
    assert_eq!(change(before.privileges.clone()).await, *before);
    assert_eq!(store.versions().await.unwrap().roles, 0, "nothing was edited");
    assert!(!store.role_definitions().await.unwrap().receiving().contains(&Role::Integration));
    assert_eq!(change(may(&[Privilege::Write, Privilege::Read])).await.version, 2);
    assert!(store.role_definitions().await.unwrap().receiving().contains(&Role::Integration), "SEC-47");
    let back = change(may(&[Privilege::Write])).await;
    assert_eq!((back.version, store.versions().await.unwrap().roles), (3, 2));
    let stored = store.role_definitions().await.unwrap();
    assert_eq!(*stored.of(Role::Integration), back);
    assert_eq!(stored.of(Role::Salesperson), predefined.of(Role::Salesperson));
}
