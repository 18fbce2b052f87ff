//! Whom a rule means: sellers by a list, by fields or by attributes, teams and queues (RULE-30…RULE-45), as stories and
//! as what becomes of the lead.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::assignment_rule::{GroupPick, IfSeveral, SellerPick, Source, Target};
use domain::id::{Owner, QueueId, TeamId};
use domain::queue::Queue;
use domain::record::{Record, WorkStatus};
use domain::record_type::RecordTypes;
use domain::roster::{Member, Roster};
use domain::route::{Arrival, Candidates, Organisation, Present, route};
use domain::run::Status;
use domain::seller_attribute::SellerAttributes;
use domain::team::Team;
use serde_json::{Map, json};
use support::{arrival, at, every_lead, organisation, present, record, roster, route_one, rule, with_default_rules};

const GROUPS: [&str; 3] = ["east", "north", "west"];

/// An organisation with the teams and queues of [`GROUPS`], whose one rule gives every lead to this target.
fn with_groups(target: Target) -> Organisation {
    let record_types = RecordTypes::built_in();
    let teams = GROUPS.map(|id| {
        let team = Team {
            id: id.into(),
            name: id.to_owned(),
            member_ids: vec![],
            roles: vec![],
            fields: Map::new(),
            version: 1,
        };
        let subject = team.subject(record_types.get(&"team".into()).unwrap());
        Candidates { group: Arc::new(team), subject }
    });
    let queues = GROUPS.map(|id| {
        let queue = Queue {
            id: id.into(),
            name: id.to_owned(),
            enabled: true,
            record_types: vec!["lead".into()],
            member_ids: vec![],
            fields: Map::new(),
            version: 1,
        };
        let subject = queue.subject(record_types.get(&"queue".into()).unwrap());
        Candidates { group: Arc::new(queue), subject }
    });
    let rules = vec![every_lead(target, None)];
    Organisation {
        teams: teams.into(),
        queues: queues.into(),
        ..organisation(vec![("lead", with_default_rules("lead", rules))])
    }
}

fn lead(id: &str) -> Record {
    record("lead", id, &json!({}), at("10:00"))
}

fn one_team() -> Target {
    Target::Teams(GroupPick::Specific { ids: vec![TeamId::from("north")], if_several: IfSeveral::None })
}

fn one_queue() -> Target {
    Target::Queues(GroupPick::Specific { ids: vec![QueueId::from("north")], if_several: IfSeveral::None })
}

/// How often each of two teams of three gets a lead, in the order of 600 of them.
fn by_chance(target: Target, drawn: u64) -> Vec<Owner> {
    let organisation = with_groups(target);
    let leads: Vec<Arrival> = (0..600).map(|n| arrival(&organisation, lead(&format!("L-{n}")))).collect();
    let present = Present { now: at("10:00"), writer: 1, drawn };
    let decisions = route(&organisation, &mut Roster::default(), &leads, present);
    decisions.into_iter().map(|decision| decision.run.assignment.owner.unwrap()).collect()
}

#[test]
fn rule_38_rule_40_of_several_teams_or_queues_each_is_as_likely_and_the_draw_decides() {
    let matcher = json!({"all": [{"field": "name", "op": "notEquals", "value": "east"}]});
    let (source, if_several) = (Source::Fields, IfSeveral::Random);
    let team = |id: &str| Owner::Team(id.into());
    let queue = |id: &str| Owner::Queue(id.into());
    let teams = ["north", "west"].map(TeamId::from).into();
    let cases = [
        (Target::Teams(GroupPick::Specific { ids: teams, if_several }), [team("north"), team("west")]),
        (
            Target::Teams(GroupPick::Matching { source, matcher: matcher.clone(), if_several }),
            [team("north"), team("west")],
        ),
        (Target::Queues(GroupPick::Matching { source, matcher, if_several }), [queue("north"), queue("west")]),
    ];
    for (target, expected) in cases {
        let first = by_chance(target.clone(), 7);
        assert_eq!(first, by_chance(target.clone(), 7), "the same draw decides the same");
        assert_ne!(first, by_chance(target.clone(), 8), "another draw decides otherwise");
        let mut counts: BTreeMap<Owner, u32> = BTreeMap::new();
        for owner in first {
            *counts.entry(owner).or_default() += 1;
        }
        assert!(counts.keys().eq(&expected), "{counts:?}");
        assert!(counts.values().all(|count| (240..=360).contains(count)), "{counts:?}");
    }
}

#[test]
fn rule_41_a_lead_that_goes_to_a_queue_keeps_its_owner() {
    let organisation = with_groups(one_queue());
    for owner in [None, Some(Owner::Seller("alan".into())), Some(Owner::Team("west".into()))] {
        let owned = Record { owner: owner.clone(), ..lead("L-1") };
        let decision = route_one(&organisation, &mut roster(&["alan"]), owned.clone(), at("10:00"));
        let assignment = &decision.run.assignment;
        assert_eq!(assignment.owner, Some(Owner::Queue("north".into())), "the run's owner is the queue");
        assert_eq!((assignment.status, &assignment.previous_owner), (Status::Succeeded, &owner));
        assert!(decision.touched.is_none(), "it is no seller's turn");
        let routed = owned.routed(&decision.run, None);
        assert_eq!((routed.owner.as_ref(), routed.queue.as_ref()), (owner.as_ref(), Some(&"north".into())));
        assert!(!routed.is_unassigned());
        assert_eq!(routed.work_status(), WorkStatus::Succeeded);
    }
}

#[test]
fn rule_34_a_lead_that_goes_to_a_team_is_owned_by_it_and_leaves_its_queue() {
    let organisation = with_groups(one_team());
    let owner = Some(Owner::Seller("alan".into()));
    let waiting = Record { owner: owner.clone(), queue: Some("west".into()), ..lead("L-1") };
    let run = route_one(&organisation, &mut roster(&["alan"]), waiting.clone(), at("10:00")).run;
    assert_eq!(run.assignment.previous_owner, owner);
    let routed = waiting.routed(&run, None);
    assert_eq!((routed.owner, routed.queue), (Some(Owner::Team("north".into())), None));
}

#[test]
fn rule_39_rule_51_a_lead_for_which_no_queue_is_found_stays_where_it_is_and_looks_for_an_owner() {
    let organisation = Organisation { queues: [].into(), ..with_groups(one_queue()) };
    let owner = Some(Owner::Seller("alan".into()));
    let waiting = Record { owner: owner.clone(), queue: Some("west".into()), ..lead("L-1") };
    let run = route_one(&organisation, &mut roster(&["alan"]), waiting.clone(), at("10:00")).run;
    assert!(run.found_nobody());
    let routed = waiting.routed(&run, None);
    assert!(routed.is_unassigned());
    assert_eq!((routed.owner, routed.queue), (owner, Some("west".into())));
}

/// MON-20.
#[test]
fn a_matcher_that_can_not_be_read_any_more_says_where_and_stops_nobody_else() {
    let matcher = json!({"all": [
        {"field": "city", "op": "equals", "value": "Oslo"},
        {"field": "colour", "op": "equals", "value": "red"}
    ]});
    let source = Source::Fields;
    let targets = [
        Target::Sellers(SellerPick::Matching { source, matcher: matcher.clone() }),
        Target::Teams(GroupPick::Matching { source, matcher, if_several: IfSeveral::None }),
    ];
    for (target, pointer) in targets.into_iter().zip(["/all/1/field", "/all/0/field"]) {
        let mut broken = every_lead(target, None);
        broken.condition = json!({"all": [{"field": "rating", "op": "equals", "value": "Hot"}]});
        broken.distribution = support::rule("lead", 1, json!({}), SellerPick::Any).distribution;
        let sound = support::rule("lead", 2, json!({"all": []}), SellerPick::Any);
        let organisation = organisation(vec![("lead", with_default_rules("lead", vec![broken, sound]))]);
        let leads = ["Hot", "Cold"].map(|rating| {
            let lead = record("lead", &format!("L-{rating}"), &json!({"rating": rating}), at("10:00"));
            arrival(&organisation, lead)
        });
        let decisions = route(&organisation, &mut roster(&["a"]), &leads, support::present(at("10:00")));
        let details = decisions[0].run.error_details.as_ref().unwrap();
        assert!(details.contains(pointer), "{details}");
        assert_eq!(decisions[0].run.segmentation.status, Status::Succeeded);
        assert_eq!(decisions[1].run.assignment.status, Status::Succeeded);
    }
}

/// Accounts in turn to whoever has none yet; leads to whoever owns the account they name.
fn accounts_and_their_leads() -> (Organisation, Roster) {
    let matching = |matcher| SellerPick::Matching { source: Source::Fields, matcher };
    let without = matching(json!({"related": "accountsOwned", "exists": false}));
    let of_the_account = matching(json!({"related": "accountsOwned", "exists": true, "where": {"all": [
        {"field": "id", "op": "equals", "valueFrom": "parentAccount"},
        {"field": "owner", "op": "hasValue"},
    ]}}));
    let everything = || json!({"all": []});
    let organisation = organisation(vec![
        ("account", with_default_rules("account", vec![rule("account", 1, everything(), without)])),
        ("lead", with_default_rules("lead", vec![rule("lead", 1, everything(), of_the_account)])),
    ]);
    let known = RecordTypes::built_in();
    let plain = roster(&["alan", "miriam"]);
    let members = plain.members().iter().map(|member| {
        let subject = member.seller.subject(known.get(&"seller".into()).unwrap(), &SellerAttributes::default());
        Member { subject: subject.map(Arc::new), ..member.clone() }
    });
    let roster = Roster::new(members.collect());
    (organisation, roster)
}

/// Who gets each record of a batch.
fn given(organisation: &Organisation, roster: &Roster, records: Vec<Record>) -> Vec<Option<Owner>> {
    let arrivals: Vec<Arrival> = records.into_iter().map(|record| arrival(organisation, record)).collect();
    let decisions = route(organisation, &mut roster.clone(), &arrivals, present(at("10:00")));
    decisions.into_iter().map(|decision| decision.run.assignment.owner).collect()
}

#[test]
fn cond_03_ex_22_what_a_seller_owns_moves_on_within_a_batch() {
    let (organisation, roster) = accounts_and_their_leads();
    let account = |id: &str| record("account", id, &json!({"name": id}), at("09:00"));
    let lead_of = |account: &str| record("lead", account, &json!({"parentAccount": account}), at("09:00"));
    let seller = |id: &str| Some(Owner::Seller(id.into()));
    let batch = ["A-1", "A-2", "A-3"].map(account).into_iter().chain(["A-1", "A-2", "A-3"].map(lead_of)).collect();
    let expected = [seller("alan"), seller("miriam"), None, seller("alan"), seller("miriam"), None];
    assert_eq!(given(&organisation, &roster, batch), expected);
}

#[test]
fn cond_03_who_had_a_record_before_is_related_to_it_no_more() {
    let (organisation, roster) = accounts_and_their_leads();
    let account = |id: &str, owner: &str| {
        let owner = Some(Owner::Seller(owner.into()));
        Record { owner, ..record("account", id, &json!({"name": id}), at("09:00")) }
    };
    // Created with an owner, routed nevertheless: alan's goes to miriam, so that alan is without one and gets the next.
    let mut members = roster.members().to_vec();
    let first = arrival(&organisation, account("A-1", "alan"));
    Arc::make_mut(members[0].subject.as_mut().unwrap()).add_related("accountsOwned", Arc::new(first.subject.unwrap()));
    let roster = Roster::new(members);
    let other = record("account", "A-2", &json!({"name": "A-2"}), at("09:00"));
    let lead = record("lead", "L-1", &json!({"parentAccount": "A-1"}), at("09:00"));
    let expected = ["miriam", "alan", "miriam"].map(|id| Some(Owner::Seller(id.into())));
    assert_eq!(given(&organisation, &roster, vec![account("A-1", "alan"), other, lead]), expected);
}
