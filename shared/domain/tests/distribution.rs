//! Who of several sellers gets a lead: the worked examples and the rules of distribution as stories (SPEC.md section
//! 4.7, DIST-*, CAP-*), how evenly leads are spread, and a model that every choice must agree with.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use std::collections::BTreeMap;

use domain::assignment_rule::{Distribution, Method, SellerPick, Target};
use domain::id::Owner;
use domain::roster::Roster;
use domain::route::{Arrival, route};
use support::{arrival, at, every_lead, member, organisation, present, record, seller, with_default_rules};

/// How many of 30 leads each of three equal sellers gets, by the cut of the stream into batches.
fn spread(method: Method, batch: usize) -> Vec<i64> {
    let distribution = Distribution { method, available_within_hours: None, respect_capacity: true };
    let rules = vec![every_lead(Target::Sellers(SellerPick::Any), Some(distribution))];
    let organisation = organisation(vec![("lead", with_default_rules("lead", rules))]);
    let members = ["a", "b", "c"].map(|id| {
        let mut seller = seller(id);
        seller.capacity.maximum = Some(20);
        member(seller)
    });
    let mut roster = Roster::new(members.into());
    let leads: Vec<Arrival> = (0..30)
        .map(|n| arrival(&organisation, record("lead", &format!("L-{n}"), &serde_json::json!({}), at("10:00"))))
        .collect();
    let mut counts: BTreeMap<Owner, i64> = BTreeMap::new();
    for leads in leads.chunks(batch) {
        for decision in route(&organisation, &mut roster, leads, present(at("10:00"))) {
            *counts.entry(decision.run.assignment.owner.unwrap()).or_default() += 1;
            if method == Method::RoundRobin && counts.len() == 3 {
                let (least, most) = (counts.values().min().unwrap(), counts.values().max().unwrap());
                assert!(most - least <= 1, "{counts:?}");
            }
        }
    }
    counts.into_values().collect()
}

/// DIST-01, DIST-06.
#[test]
fn thirty_leads_are_spread_evenly_over_three_equal_sellers() {
    for method in [Method::RoundRobin, Method::LoadBalancing] {
        for batch in [1, 7, 30] {
            assert_eq!(spread(method, batch), [10, 10, 10], "{method:?}, {batch} at a time");
        }
    }
}
