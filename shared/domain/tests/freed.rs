//! Which of the waiting records a freed seller could take, and which of them a look asks for again.

mod support;

use std::collections::BTreeSet;

use domain::assignment_rule::{AssignmentRule, Distribution, Method, SellerPick, Target};
use domain::calendar::EntryDraft;
use domain::freed::{Freed, Look, OfType, newly_open, open_rules};
use domain::id::{RecordType, RuleId};
use domain::mark::Cause;
use domain::reason::Reason;
use domain::record::{LastRun, Record};
use domain::roster::{Member, Roster};
use domain::route::{Arrival, Organisation};
use domain::seller::Seller;
use jiff::Timestamp;
use serde_json::json;
use support::{arrival, at, every_lead, member, organisation, present, record, rule, seller, with_default_rules};

const WITH_ROOM: Distribution =
    Distribution { method: Method::RoundRobin, available_within_hours: None, respect_capacity: true };

fn office(rules: Vec<AssignmentRule>) -> Organisation {
    organisation(vec![("lead", with_default_rules("lead", rules))])
}

fn with_room(sellers: SellerPick) -> AssignmentRule {
    every_lead(Target::Sellers(sellers), Some(WITH_ROOM))
}

/// A seller with a maximum, who holds so many leads.
fn holding(id: &str, maximum: u32, held: i64) -> Member {
    let mut seller = seller(id);
    seller.capacity.maximum = Some(maximum);
    let mut member = member(seller);
    member.state.held.insert(RecordType::from("lead"), held);
    member
}

fn of_lead(rule: &str) -> OfType {
    (RecordType::from("lead"), RuleId::from(rule))
}

fn is_open(organisation: &Organisation, member: Member, now: Timestamp) -> bool {
    !open_rules(organisation, &[member], now, &[of_lead("lead-default-1")]).is_empty()
}

/// A lead that waits, created in this minute, because of a reason under a rule.
fn waiting(id: &str, minute: u32, rule: &str, reason: Reason) -> Record {
    let created = at(&format!("09:{minute:02}"));
    let last =
        LastRun { id: "c.0".into(), at: created, reason: Some(reason), unassigned: true, sought_by: Some(rule.into()) };
    Record {
        mark: None,
        segment: Some("lead-default".into()),
        last: Some(last),
        ..record("lead", id, &json!({}), created)
    }
}

fn page(organisation: &Organisation, records: Vec<Record>) -> Vec<Arrival> {
    records.into_iter().map(|record| arrival(organisation, record)).collect()
}

fn ids(records: &[Record]) -> Vec<&str> {
    records.iter().map(|record| record.key.id.as_str()).collect()
}

#[test]
fn cap_04_elig_03_a_rule_is_open_to_a_seller_who_passes_every_gate_that_does_not_depend_on_the_record() {
    let office_of = |pick| office(vec![with_room(pick)]);
    let any = office_of(SellerPick::Any);
    let now = at("10:00");
    assert!(is_open(&any, holding("ana", 2, 1), now));
    assert!(!is_open(&any, holding("ana", 2, 2), now), "no room");
    let unlike = |change: fn(&mut Seller)| {
        let mut seller = seller("ana");
        change(&mut seller);
        is_open(&any, member(seller), now)
    };
    assert!(unlike(|_| ()));
    assert!(!unlike(|seller| seller.assign_records = false));
    assert!(!unlike(|seller| seller.enabled = false));
    let only_ben = office_of(SellerPick::Specific { ids: vec!["ben".into()] });
    assert!(!is_open(&only_ben, holding("ana", 2, 1), now) && is_open(&only_ben, holding("ben", 2, 1), now));
    let unheard = open_rules(&any, &[holding("ana", 2, 1)], now, &[of_lead("lead-default-9")]).len();
    assert_eq!(unheard, 0, "a rule that is not active");
    let teams = Target::Teams(domain::assignment_rule::GroupPick::Specific {
        ids: vec!["desk".into()],
        if_several: domain::assignment_rule::IfSeveral::Random,
    });
    assert!(!is_open(&office(vec![every_lead(teams, None)]), holding("ana", 2, 1), now), "a rule for teams");
}

#[test]
fn avail_10_a_rule_opens_when_a_shift_comes_within_its_hours() {
    let within = Distribution { available_within_hours: Some(2), ..WITH_ROOM };
    let office = office(vec![every_lead(Target::Sellers(SellerPick::Any), Some(within))]);
    let entry =
        json!({"kind": "workingHours", "from": "2026-03-02", "intervals": [{"start": "13:00", "end": "17:00"}]});
    let entry = EntryDraft::parse(&entry, None).unwrap().into_entry("E-1".into());
    let ana = Seller { calendar: vec![entry].into(), ..seller("ana") };
    let open = |clock| is_open(&office, member(ana.clone()), at(clock));
    assert_eq!(["10:59", "11:00", "16:59", "17:00"].map(open), [false, true, true, false]);
    let come = |then, now| {
        let roster = Roster::new(vec![member(ana.clone()), holding("ben", 1, 0)]);
        newly_open(&office, &roster, &[of_lead("lead-default-1")].into(), at(then), at(now))
    };
    assert_eq!(come("10:59", "11:00"), ["ana".into()], "and nobody who was there before");
    assert!(come("11:00", "11:01").is_empty() && come("10:00", "10:59").is_empty());
}

#[test]
fn one_free_place_takes_the_oldest_and_the_rule_is_closed_then() {
    let office = office(vec![with_room(SellerPick::Any)]);
    let rules = [of_lead("lead-default-1")];
    let roster = Roster::new(vec![holding("ana", 2, 1), holding("ben", 3, 3)]);
    let mut look = Look::new(Freed::Seller("ana".into()), roster);
    let now = at("10:00");
    assert_eq!(look.open_rules(&office, now, &rules).len(), 1);
    let leads = ["L-1", "L-2", "L-3"]
        .into_iter()
        .zip(1..)
        .map(|(id, minute)| waiting(id, minute, "lead-default-1", Reason::NoCapacity));
    let asked = look.at(&office, page(&office, leads.collect()), present(now));
    assert_eq!(ids(&asked), ["L-1"]);
    assert_eq!(look.open_rules(&office, now, &rules), BTreeSet::new(), "nothing is left to take");
    let next = page(&office, vec![waiting("L-4", 4, "lead-default-1", Reason::NoCapacity)]);
    assert!(look.at(&office, next, present(now)).is_empty());
}

#[test]
fn what_was_asked_for_takes_its_place_until_it_is_decided() {
    let office = office(vec![with_room(SellerPick::Any)]);
    let now = at("10:00");
    let asked = waiting("L-1", 1, "lead-default-1", Reason::NoCapacity).asked(Cause::CapacityFreed, None, now);
    let mut look = Look::new(Freed::Anybody, Roster::new(vec![holding("ana", 2, 1)]));
    let leads = vec![asked, waiting("L-2", 2, "lead-default-1", Reason::NoCapacity)];
    assert!(look.at(&office, page(&office, leads), present(now)).is_empty());
}

#[test]
fn who_waits_for_what_is_over_leaves_the_list_and_who_fails_because_of_us_stays() {
    let window = AssignmentRule { created_within_hours: Some(1), ..with_room(SellerPick::Any) };
    let broken = rule("lead", 2, json!({"all": [{"field": "nothing", "op": "hasValue"}]}), SellerPick::Any);
    let now = at("10:30");
    let asked = |rules: Vec<AssignmentRule>, lead: Record| {
        let office = office(rules);
        let mut look = Look::new(Freed::Anybody, Roster::new(vec![holding("ana", 1, 1)]));
        !look.at(&office, page(&office, vec![lead]), present(now)).is_empty()
    };
    let lead = |minute| waiting("L-1", minute, "lead-default-1", Reason::NoCapacity);
    assert!(asked(vec![window.clone()], lead(29)), "too old now");
    assert!(!asked(vec![window], lead(31)), "still young, and still nobody has room");
    let of_another = waiting("L-1", 1, "lead-default-9", Reason::NoCapacity);
    assert!(asked(vec![with_room(SellerPick::Any)], of_another), "the rule it waits under is gone");
    assert!(!asked(vec![broken], lead(1)), "a rule that can't be tested");
    let fits_nobody = waiting("L-1", 1, "lead-default-1", Reason::NoSellerMatches);
    assert!(!asked(vec![with_room(SellerPick::Any)], fits_nobody), "another reason under the same rule");
}
