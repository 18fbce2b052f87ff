//! How evenly leads are spread over sellers who are alike, at every moment and not only in the end.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use std::collections::BTreeMap;

use domain::assignment_rule::{Distribution, Method, SellerPick, Target};
use domain::calendar::EntryDraft;
use domain::id::{Owner, RecordType, SellerId};
use domain::roster::{Member, Roster};
use domain::route::{Arrival, Organisation, route};
use domain::seller::Seller;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};
use support::{arrival, at, every_lead, member, organisation, present, record, seller, with_default_rules};

/// Sellers who share leads, and how many each of them has got.
struct Office {
    organisation: Organisation,
    roster: Roster,
    got: BTreeMap<SellerId, i64>,
    arrived: usize,
}

impl Office {
    /// So many sellers who are alike and have room for twenty leads each unless `unlike` makes another one of them.
    fn new(count: usize, distribution: Distribution, unlike: impl Fn(usize, Seller) -> Seller) -> Self {
        let rules = vec![every_lead(Target::Sellers(SellerPick::Any), Some(distribution))];
        let alike = |number| {
            let mut alike = seller(&format!("s{number}"));
            alike.capacity.maximum = Some(20);
            unlike(number, alike)
        };
        let members: Vec<Member> = (0..count).map(alike).map(member).collect();
        Self {
            organisation: organisation(vec![("lead", with_default_rules("lead", rules))]),
            got: members.iter().map(|member| (member.seller.id.clone(), 0)).collect(),
            roster: Roster::new(members),
            arrived: 0,
        }
    }

    /// So many leads arrive at once. After each of them nobody is further ahead of anybody than `most`.
    fn arrive(&mut self, count: usize, now: Timestamp, most: i64) {
        let leads: Vec<Arrival> = (self.arrived..self.arrived + count)
            .map(|number| arrival(&self.organisation, record("lead", &format!("L-{number}"), &json!({}), now)))
            .collect();
        self.arrived += count;
        for decision in route(&self.organisation, &mut self.roster, &leads, present(now)) {
            let Some(Owner::Seller(seller)) = decision.run.assignment.owner else { panic!("{:?}", decision.run) };
            *self.got.get_mut(&seller).unwrap() += 1;
            let (least, greatest) = (self.got.values().min().unwrap(), self.got.values().max().unwrap());
            assert!(greatest - least <= most, "{:?}", self.got);
        }
    }

    /// So many of a seller's leads are closed.
    fn close(&mut self, id: &str, count: i64) {
        let mut members = self.roster.members().to_vec();
        let member = &mut members[self.roster.position(&id.into()).unwrap()];
        *member.state.held.get_mut(&RecordType::from("lead")).unwrap() -= count;
        self.roster = Roster::new(members);
    }

    fn held(&self) -> Vec<i64> {
        self.roster.members().iter().map(|member| member.state.held[&RecordType::from("lead")]).collect()
    }

    fn got(&self) -> Vec<i64> {
        self.got.values().copied().collect()
    }
}

fn by(method: Method) -> Distribution {
    Distribution { method, available_within_hours: None, respect_capacity: false }
}

fn alike(_: usize, seller: Seller) -> Seller {
    seller
}

fn with_calendar(entry: &Value, seller: Seller) -> Seller {
    let entry = EntryDraft::parse(entry, None).unwrap().into_entry("E-1".into());
    Seller { calendar: vec![entry].into(), ..seller }
}

proptest! {
    #[test]
    fn dist_01_thirty_leads_never_leave_equal_sellers_more_than_one_apart(
        sellers in 1_usize..=9,
        cuts in prop::collection::vec(1_usize..=30, 1..30),
        minutes in prop::collection::vec(0_i64..3_000, 30),
    ) {
        let mut office = Office::new(sellers, by(Method::RoundRobin), alike);
        let mut now = at("10:00");
        for (cut, minutes) in cuts.into_iter().zip(minutes) {
            office.arrive(cut.min(30 - office.arrived), now, 1);
            now += SignedDuration::from_mins(minutes);
        }
        office.arrive(30 - office.arrived, now, 1);
        prop_assert_eq!(office.got().iter().sum::<i64>(), 30);
    }
}

#[test]
fn dist_01_two_hundred_leads_of_one_batch_leave_seven_sellers_at_most_one_apart() {
    let mut office = Office::new(7, by(Method::RoundRobin), alike);
    office.arrive(200, at("10:00"), 1);
    assert_eq!(office.got(), [29, 29, 29, 29, 28, 28, 28]);
}

#[test]
fn dist_06_load_balancing_fills_equal_sellers_evenly_and_fills_up_who_was_freed() {
    for batch in [1, 4, 30] {
        let distribution = Distribution { respect_capacity: true, ..by(Method::LoadBalancing) };
        let mut office = Office::new(3, distribution, alike);
        while office.arrived < 30 {
            office.arrive(batch.min(30 - office.arrived), at("10:00"), 1);
        }
        assert_eq!(office.held(), [10, 10, 10], "{batch} at a time");
        office.close("s1", 5);
        assert_eq!(office.held(), [10, 5, 10]);
        office.arrive(5, at("11:00"), 5);
        assert_eq!(office.held(), [10, 10, 10], "{batch} at a time: the five who arrive go where five are missing");
        assert_eq!(office.got(), [10, 15, 10]);
    }
}

/// Every hour of the day and of the night comes up, and on the way clocks change in London and New York.
#[test]
fn dist_01_dist_11_a_lead_every_25_hours_leaves_two_sellers_even_after_a_month() {
    let weekdays = ["monday", "tuesday", "wednesday", "thursday", "friday"];
    for (zone, days) in [("UTC", None), ("Europe/London", Some(weekdays)), ("America/New_York", Some(weekdays))] {
        let hours = json!({
            "kind": "workingHours", "from": "2026-01-05", "repeat": "everyDay", "timeZone": zone,
            "days": days.map_or(json!([]), |days| json!(days)), "intervals": [{"start": "08:00", "end": "17:00"}]
        });
        for method in [Method::RoundRobin, Method::LoadBalancing] {
            let distribution = Distribution { available_within_hours: Some(120), ..by(method) };
            let mut office = Office::new(2, distribution, |_, seller| with_calendar(&hours, seller));
            for number in 0..30 {
                office.arrive(1, at("10:00") + SignedDuration::from_hours(25 * number), 1);
            }
            assert_eq!(office.got(), [15, 15], "{zone}, {method:?}");
        }
    }
}

/// Who works only in the morning gets what arrives then, in turn, and is not made up for by what arrives later.
#[test]
fn dist_01_dist_11_who_is_away_is_passed_over_and_the_others_stay_even() {
    let morning = json!({"kind": "workingHours", "from": "2026-03-02", "repeat": "everyDay",
                         "intervals": [{"start": "08:00", "end": "12:00"}]});
    let distribution = Distribution { available_within_hours: Some(1), ..by(Method::RoundRobin) };
    let mut office = Office::new(
        3,
        distribution,
        |number, seller| {
            if number == 0 { with_calendar(&morning, seller) } else { seller }
        },
    );
    office.arrive(9, at("09:00"), 1);
    assert_eq!(office.got(), [3, 3, 3]);
    office.arrive(8, at("14:00"), 4);
    assert_eq!(office.got(), [3, 7, 7]);
    office.arrive(3, at("09:00") + SignedDuration::from_hours(24), 4);
    assert_eq!(office.got(), [4, 8, 8], "next morning all three are in turn again");
}
