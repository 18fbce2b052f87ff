//! Routing in what the stories don't tell: outcomes and their reasons, traces, and how a batch is spread.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::assignment_rule::{RuleState, SellerPick};
use domain::fault::Pointer;
use domain::id::{Owner, RecordType, RuleId, SegmentId};
use domain::mark::Cause;
use domain::obstacle::Obstacle;
use domain::reason::Reason;
use domain::roster::{Member, Roster, SellerState};
use domain::route::{Arrival, route};
use domain::rulebook::SegmentSource;
use domain::run::{Status, Verdict};
use domain::segment::{Segment, SegmentState};
use domain::seller::{Role, Seller};
use domain::settings::{EligibleRoles, Settings};
use proptest::prelude::*;
use serde_json::json;
use support::{arrival, at, organisation, record, roster, route_one, rule, segment, seller, with_default_rules};

#[test]
fn seg_20_seg_51_the_segment_of_highest_priority_that_matches_takes_the_record() {
    let swiss = json!({"all": [{"field": "country", "op": "equals", "value": "CH"}]});
    let bern = json!({"all": [{"field": "city", "op": "equals", "value": "bern"}]});
    let segments = vec![
        SegmentSource { segment: segment("lead", "lead-ch", swiss), rules: Vec::new() },
        SegmentSource { segment: segment("lead", "lead-bern", bern), rules: Vec::new() },
    ];
    let organisation = organisation(vec![("lead", segments)]);
    let lead = record("lead", "L-1", &json!({"country": "CH", "city": "Bern"}), at("10:00"));
    let run = route_one(&organisation, &mut roster(&["a"]), lead, at("10:00")).run;
    assert_eq!(run.segmentation.segment_id.unwrap().as_str(), "lead-ch");
    // MON-08: a segment that owns no rule is not a failure.
    assert_eq!(run.assignment.status, Status::NotApplicable);
    assert_eq!(run.trace.segments.len(), 1);
}

#[test]
fn seg_31_a_record_that_matches_no_active_segment_is_a_failure_of_segmentation_and_stops_there() {
    // SEG-31, MON-10, MON-41
    let mut default = Segment::default_of(&"lead".into());
    default.state = SegmentState::Inactive;
    let rules = vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)];
    let organisation = organisation(vec![("lead", vec![SegmentSource { segment: default, rules }])]);
    let run =
        route_one(&organisation, &mut roster(&["a"]), record("lead", "L-1", &json!({}), at("10:00")), at("10:00")).run;
    assert_eq!(run.segmentation.reason, Some(Reason::NoSegment));
    assert_eq!(run.assignment.status, Status::NotApplicable);
}

#[test]
fn rule_11_rule_12_a_rule_that_finds_nobody_ends_the_search() {
    // RULE-11, RULE-12, MON-22
    let nobody = SellerPick::Specific { ids: vec!["gone".into()] };
    let rules = vec![rule("lead", 1, json!({"all": []}), nobody), rule("lead", 2, json!({"all": []}), SellerPick::Any)];
    let organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
    let run =
        route_one(&organisation, &mut roster(&["a"]), record("lead", "L-1", &json!({}), at("10:00")), at("10:00")).run;
    assert_eq!(run.assignment.reason, Some(Reason::NoSellerMatches));
    assert_eq!(run.assignment.rule_id.as_ref().map(RuleId::as_str), Some("lead-default-1"));
    assert!(run.found_nobody());
}

#[test]
fn rules_that_are_all_inactive_or_all_fail_have_reasons_of_their_own() {
    // MON-21, MON-25
    let mut off = rule("lead", 1, json!({"all": []}), SellerPick::Any);
    off.state = RuleState::Inactive;
    let no_active = organisation(vec![("lead", with_default_rules("lead", vec![off]))]);
    let condition = json!({"all": [{"field": "city", "op": "equals", "value": "Rome"}]});
    let unmet = vec![rule("lead", 1, condition, SellerPick::Any)];
    let no_condition = organisation(vec![("lead", with_default_rules("lead", unmet))]);
    let lead = || record("lead", "L-1", &json!({"city": "Bern"}), at("10:00"));
    let run = route_one(&no_active, &mut roster(&["a"]), lead(), at("10:00")).run;
    assert_eq!(run.assignment.reason, Some(Reason::NoActiveRule));
    let run = route_one(&no_condition, &mut roster(&["a"]), lead(), at("10:00")).run;
    assert_eq!(run.assignment.reason, Some(Reason::NoConditionMet));
    assert_eq!(run.trace.rules[0].failed_on.as_ref().map(Pointer::as_str), Some("/all/0"));
}

#[test]
fn rule_23_rule_24_rule_25_rule_21_a_record_older_than_the_window_stops_at_the_rule_and_is_overdue() {
    // RULE-21, RULE-23…25, MON-27
    let mut window = rule("lead", 1, json!({"all": []}), SellerPick::Any);
    window.created_within_hours = Some(2);
    let organisation = organisation(vec![("lead", with_default_rules("lead", vec![window]))]);
    let on_time =
        route_one(&organisation, &mut roster(&["a"]), record("lead", "L-1", &json!({}), at("08:00")), at("10:00")).run;
    assert_eq!(on_time.assignment.status, Status::Succeeded, "an age equal to the window is still inside");
    let late =
        route_one(&organisation, &mut roster(&["a"]), record("lead", "L-1", &json!({}), at("07:59")), at("10:00")).run;
    assert_eq!(late.assignment.reason, Some(Reason::RecordTooOld));
    assert!(late.assignment.overdue);
    assert_eq!(late.assignment.due_at, Some(at("09:59")));
}

#[test]
fn dist_15_elig_01_elig_03_each_gate_drops_a_seller_for_its_own_reason() {
    let rules = vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)];
    let mut organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
    let eligible_roles = EligibleRoles::Named(vec![Role::named("salesperson").unwrap()]);
    let settings = Settings { eligible_roles, ..Settings::default() };
    organisation.settings = Arc::new(settings);
    let mut sellers = ["a", "b", "c", "d"].map(seller);
    sellers[0].roles = vec![Role::named("vp-of-sales").unwrap()];
    sellers[1].assign_records = false;
    sellers[2].enabled = false;
    let member = |seller: Seller| Member { seller: Arc::new(seller), state: SellerState::default(), subject: None };
    let mut roster = Roster::new(sellers.into_iter().map(member).collect());
    let run = route_one(&organisation, &mut roster, record("lead", "L-1", &json!({}), at("10:00")), at("10:00")).run;
    let verdicts: BTreeMap<&str, Verdict> =
        run.trace.candidates.iter().map(|candidate| (candidate.seller_id.as_str(), candidate.verdict)).collect();
    let expected =
        [("a", Verdict::Role), ("b", Verdict::SwitchedOff), ("c", Verdict::Disabled), ("d", Verdict::Chosen)];
    assert_eq!(verdicts, expected.into());
}

#[test]
fn seg_54_seg_55_seg_58_rule_50_a_member_moves_only_into_a_segment_that_takes_the_previously_segmented() {
    // SEG-54, SEG-55, SEG-58, MON-32, RULE-50
    let hot = || json!({"all": [{"field": "rating", "op": "equals", "value": "Hot"}]});
    for (takes, runs_rules, expected) in [
        (false, false, ("lead-default", Status::NotApplicable, None)),
        (true, false, ("lead-hot", Status::Failed, Some(Reason::RulesDoNotRunOnMove))),
        (true, true, ("lead-hot", Status::Succeeded, None)),
    ] {
        let mut target = segment("lead", "lead-hot", hot());
        target.move_previously_segmented = takes;
        target.run_rules_on_move = runs_rules;
        let rules = vec![rule("lead", 9, json!({"all": []}), SellerPick::Any)];
        let mut segments = vec![SegmentSource { segment: target, rules }];
        segments.extend(with_default_rules("lead", vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)]));
        let organisation = organisation(vec![("lead", segments)]);
        let mut roster = roster(&["a"]);
        let new = record("lead", "L-1", &json!({"rating": "Cold"}), at("10:00"));
        let first = route_one(&organisation, &mut roster, new.clone(), at("10:00")).run;
        let member = new.routed(&first, None);
        let used = organisation.rulebooks[&RecordType::from("lead")].used_columns().clone();
        let changed = member.patched(json!({"rating": "Hot"}).as_object().unwrap(), &used, at("11:00"));
        let run = route_one(&organisation, &mut roster, changed, at("11:00")).run;
        let segment = run.segmentation.segment_id.as_ref().map(ToString::to_string);
        assert_eq!((segment.as_deref().unwrap(), run.assignment.status, run.assignment.reason), expected);
    }
}

#[test]
fn an_owner_given_while_the_record_waits_is_left_alone() {
    let rules = vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)];
    let organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
    let mut lead = record("lead", "L-1", &json!({}), at("10:00"));
    lead.owner = Some(Owner::Seller("z".into()));
    lead.mark.as_mut().unwrap().owner_given = true;
    let run = route_one(&organisation, &mut roster(&["a"]), lead.clone(), at("10:00")).run;
    assert_eq!((run.segmentation.status, run.assignment.status), (Status::Succeeded, Status::NotApplicable));
    assert_eq!(lead.routed(&run, None).owner, Some(Owner::Seller("z".into())));
}

#[test]
fn a_value_of_a_wrong_type_ends_as_a_failed_run_and_the_batch_goes_on() {
    let rules = vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)];
    let organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
    let poison = record("lead", "L-1", &json!({"employees": "many"}), at("10:00"));
    let sound = record("lead", "L-2", &json!({"employees": 3}), at("10:00"));
    let arrivals = [poison, sound].map(|record| arrival(&organisation, record));
    let present = support::present(at("10:00"));
    let decisions = route(&organisation, &mut roster(&["a"]), &arrivals, present);
    assert_eq!(decisions[0].run.assignment.reason, Some(Reason::ServerError));
    assert!(decisions[0].run.error_details.is_some());
    assert_eq!(decisions[1].run.assignment.status, Status::Succeeded);
}

#[test]
fn mon_33_what_a_change_asked_for_while_a_privilege_was_lacking_happens_when_it_is_tried_again() {
    let swiss = json!({"all": [{"field": "country", "op": "equals", "value": "CH"}]});
    let moving = Segment { move_previously_segmented: true, ..segment("lead", "lead-ch", swiss) };
    let organisation = organisation(vec![("lead", vec![SegmentSource { segment: moving, rules: Vec::new() }])]);
    let mut nobody = roster(&[]);
    let lead = record("lead", "L-1", &json!({}), at("10:00"));
    let run = route_one(&organisation, &mut nobody, lead.clone(), at("10:00")).run;
    let in_default = lead.routed(&run, None);
    let change = json!({"country": "CH"}).as_object().cloned().unwrap_or_default();
    let changed = in_default.patched(&change, &["country".to_owned()].into(), at("10:01"));
    let lacking = Obstacle::denied("dynamodb:GetItem on table/work");
    let mut arrival = arrival(&organisation, changed.clone());
    arrival.subject = Err(lacking.clone());
    let run = route(&organisation, &mut nobody, &[arrival], support::present(at("10:02"))).swap_remove(0).run;
    assert_eq!(
        (run.assignment.reason, run.error_details.as_ref()),
        (Some(Reason::ServicePermission), Some(&lacking.details))
    );
    let failed = changed.routed(&run, None);
    assert_eq!(failed.segment.as_ref().map(SegmentId::as_str), Some("lead-default"), "it stays where it was");
    let again = failed.asked(Cause::Retried, None, at("10:03"));
    let run = route_one(&organisation, &mut nobody, again, at("10:04")).run;
    assert_eq!(run.segmentation.segment_id.as_ref().map(SegmentId::as_str), Some("lead-ch"));
}

#[test]
fn beyond_fifty_candidates_the_trace_holds_the_best_and_counts_the_rest() {
    let rules = vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)];
    let organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
    let members = (0..80).map(|n| {
        let mut seller = seller(&format!("s{n:02}"));
        seller.assign_records = n % 4 != 0;
        Member { seller: Arc::new(seller), state: SellerState::default(), subject: None }
    });
    let mut roster = Roster::new(members.collect());
    let run = route_one(&organisation, &mut roster, record("lead", "L-1", &json!({}), at("10:00")), at("10:00")).run;
    assert_eq!(run.trace.candidates.len(), 25);
    assert_eq!(run.trace.gates, [("switchedOff".to_owned(), 20)].into());
}

proptest! {
    /// However a stream of records is cut into batches, it is spread as if they had come one by one, and no two sellers
    /// who stay eligible ever differ by more than one.
    #[test]
    fn a_batch_is_spread_as_if_its_records_came_one_by_one(cuts in prop::collection::vec(1_usize..12, 1..8), sellers in 1_usize..6) {
        let rules = vec![rule("lead", 1, json!({"all": []}), SellerPick::Any)];
        let organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
        let ids: Vec<String> = (0..sellers).map(|n| format!("s{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let (mut batched, mut single) = (roster(&ids), roster(&ids));
        let mut counts: BTreeMap<Owner, u32> = ids.iter().map(|id| (Owner::Seller((*id).into()), 0)).collect();
        let present = support::present(at("10:00"));
        for cut in cuts {
            let arrivals: Vec<Arrival> =
                (0..cut).map(|n| arrival(&organisation, record("lead", &format!("L-{n}"), &json!({}), at("10:00")))).collect();
            let together = route(&organisation, &mut batched, &arrivals, present);
            for (arrival, decision) in arrivals.iter().zip(&together) {
                let alone = route(&organisation, &mut single, std::slice::from_ref(arrival), present).pop().unwrap();
                prop_assert_eq!(&alone.run, &decision.run);
                *counts.get_mut(decision.run.assignment.owner.as_ref().unwrap()).unwrap() += 1;
                let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
                prop_assert!(most - least <= 1, "{counts:?}");
            }
        }
    }
}
