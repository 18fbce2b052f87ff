//! Whatever sellers, capacities, calendars and options: every choice is that of a plain model of the specification, which
//! knows nothing of turns, calendars or rosters.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use std::cmp::Reverse;
use std::collections::BTreeSet;

use domain::assignment_rule::{Distribution, Method, SellerPick, Target};
use domain::calendar::{Days, Entry, Interval, Kind, Repeat, TimeOfDay};
use domain::capacity::{CapacityPeriod, MaximumCapacity};
use domain::id::{Owner, SellerId};
use domain::reason::Reason;
use domain::record::Record;
use domain::roster::{Member, Roster};
use domain::route::{Arrival, Decision, Organisation, route};
use domain::run::Trace;
use domain::seller::{Role, Seller};
use domain::settings::{EligibleRoles, Settings};
use domain::tally::{Counter, changes};
use domain::turn::Turn;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use support::{arrival, at, every_lead, organisation, present, record, seller, with_default_rules};

const HALF_HOUR: SignedDuration = SignedDuration::from_mins(30);

fn now() -> Timestamp {
    at("10:00")
}

/// A seller as a person would note one down.
#[derive(Debug, Clone)]
struct Plan {
    /// 0: of another role, 1: switched off, 2: disabled, more: eligible.
    profile: u8,
    maximum: Option<u32>,
    held: i64,
    /// The most leads of a day.
    most: Option<u32>,
    assigned_today: u32,
    /// The larger, the later the last assignment.
    last: Option<u64>,
    /// Half hours from now on to two hours of work, the only ones; without: always works.
    works_in: Option<i64>,
}

/// A lead that arrives.
#[derive(Debug, Clone)]
struct Lead {
    age: i64,
    /// The number of a seller who has it already.
    owner: Option<usize>,
    /// Another program wrote it.
    foreign: bool,
}

#[derive(Debug, Clone)]
struct Case {
    sellers: Vec<Plan>,
    leads: Vec<Lead>,
    method: Method,
    within: Option<u32>,
    respect_capacity: bool,
    created_within: Option<u32>,
    /// Only every second seller is on the rule's list.
    half: bool,
}

fn plan() -> impl Strategy<Value = Plan> {
    let maximum = prop::option::weighted(0.8, 0_u32..6);
    let period = (prop::option::weighted(0.3, 0_u32..4), 0_u32..3);
    (0_u8..10, maximum, 0_i64..6, period, prop::option::of(0_u64..20), prop::option::weighted(0.8, -6_i64..260))
        .prop_map(|(profile, maximum, held, (most, assigned_today), last, works_in)| Plan {
            profile,
            maximum,
            held,
            most,
            assigned_today,
            last,
            works_in,
        })
}

fn case() -> impl Strategy<Value = Case> {
    let sellers = prop_oneof![4 => prop::collection::vec(plan(), 0..10), 1 => prop::collection::vec(plan(), 45..70)];
    let owner = prop::option::weighted(0.3, 0_usize..10);
    let lead = (0_i64..30, owner, any::<bool>()).prop_map(|(age, owner, foreign)| Lead { age, owner, foreign });
    let method = prop_oneof![Just(Method::RoundRobin), Just(Method::LoadBalancing)];
    let windows = (prop::option::of(1_u32..=120), prop::option::weighted(0.3, 12_u32..=120));
    (sellers, prop::collection::vec(lead, 1..12), method, windows, any::<bool>(), any::<bool>()).prop_map(
        |(sellers, leads, method, (within, created_within), respect_capacity, half)| Case {
            sellers,
            leads,
            method,
            within,
            respect_capacity,
            created_within,
            half,
        },
    )
}

fn id(number: usize) -> SellerId {
    format!("s{number:02}").as_str().into()
}

impl Plan {
    /// When the work begins and ends, in half hours from now; work ends at midnight.
    fn hours(&self) -> Option<(i64, i64)> {
        let begin = self.works_in?;
        let midnight = 48 - (begin + 20).rem_euclid(48);
        Some((begin, begin + midnight.min(4)))
    }

    /// Half hours to the next moment of work.
    fn waits(&self) -> Option<i64> {
        match self.hours() {
            None => Some(0),
            Some((_, end)) if end <= 0 => None,
            Some((begin, _)) => Some(begin.max(0)),
        }
    }

    fn available(&self) -> Option<i64> {
        self.maximum.map(|maximum| i64::from(maximum) - self.held)
    }

    fn has_room(&self) -> bool {
        self.available().is_none_or(|available| available > 0)
            && self.most.is_none_or(|most| self.assigned_today < most)
    }

    fn member(&self, number: usize) -> Member {
        let time = |half_hours: i64| {
            let minutes = half_hours * 30;
            TimeOfDay::parse(&format!("{:02}:{:02}", minutes / 60, minutes % 60)).unwrap()
        };
        let entry = self.hours().map(|(begin, end)| {
            let start = (begin + 20).rem_euclid(48);
            Entry {
                id: "E-1".into(),
                kind: Kind::WorkingHours,
                from: TimeZone::UTC.to_datetime(now() + HALF_HOUR * i32::try_from(begin).unwrap()).date(),
                to: None,
                intervals: vec![Interval { start: time(start), end: time(start + end - begin) }],
                repeat: Repeat::None,
                days: Days::default(),
                time_zone: TimeZone::UTC,
                description: String::new(),
                version: 1,
            }
        });
        let period = if self.most.is_some() { CapacityPeriod::Day } else { CapacityPeriod::None };
        let seller = Seller {
            roles: vec![if self.profile == 0 { Role::VpOfSales } else { Role::Salesperson }],
            assign_records: self.profile != 1,
            enabled: self.profile != 2,
            capacity: MaximumCapacity { maximum: self.maximum, period, period_maximum: self.most },
            calendar: entry.into_iter().collect::<Vec<_>>().into(),
            ..seller(id(number).as_str())
        };
        let mut member = support::member(seller);
        member.state.held.insert("lead".into(), self.held);
        if let Some(last) = self.last {
            let instant = at("08:00") + SignedDuration::from_secs(i64::try_from(last).unwrap());
            // No two assignments bear the same mark.
            let turn = Turn::from_number(Turn::after(None, instant, 0).number() + number as u64);
            member.state.turns.insert("lead".into(), turn);
        }
        if self.most.is_some() {
            member.state.in_periods = [("2026-03-02".to_owned(), self.assigned_today)].into_iter().collect();
        }
        member
    }
}

/// The model: who is considered, the order of those who may get the lead, and why nobody may.
impl Case {
    fn considered(&self) -> Vec<usize> {
        (0..self.sellers.len()).filter(|number| !self.half || number % 2 == 0).collect()
    }

    fn order(&self, lead: &Lead) -> Result<Vec<usize>, Reason> {
        let due = self.created_within.map(|hours| (i64::from(hours) - lead.age) * 2);
        if due.is_some_and(|due| due < 0) {
            return Err(Reason::RecordTooOld);
        }
        let of = |number: &usize| &self.sellers[*number];
        let mut left = self.considered();
        left.retain(|number| of(number).profile > 2);
        if left.is_empty() {
            return Err(Reason::NoSellerMatches);
        }
        left.retain(|number| !self.respect_capacity || of(number).has_room());
        if left.is_empty() {
            return Err(Reason::NoCapacity);
        }
        let mut method = self.method;
        if let Some(within) = self.within {
            let within = (i64::from(within) * 2).min(due.unwrap_or(i64::MAX));
            left.retain(|number| of(number).waits().is_some_and(|waits| waits <= within));
            let bucket = |number: &usize| (of(number).waits().unwrap() + 47) / 48;
            let Some(first) = left.iter().map(bucket).min() else { return Err(Reason::NoAvailability) };
            left.retain(|number| bucket(number) == first);
            if first > 0 {
                method = Method::RoundRobin;
            }
        }
        left.sort_by_key(|number| {
            let seller = of(number);
            let room = Reverse(if seller.maximum.is_some() { seller.available() } else { Some(i64::MAX) });
            (
                if method == Method::LoadBalancing { room } else { Reverse(None) },
                // Of those last assigned in the same second the first by number; never comes before all.
                seller.last.map(|last| (last, if last < 1_000 { *number } else { 0 })),
                *number,
            )
        });
        Ok(left)
    }

    /// The lead is written as decided.
    fn go_on(&mut self, lead: &Lead, chosen: Option<usize>, sequence: usize) {
        let owner = lead.owner.filter(|number| *number < self.sellers.len());
        if let Some(owner) = owner.filter(|_| !lead.foreign) {
            self.sellers[owner].held -= 1;
        }
        if let Some(holder) = chosen.or(owner) {
            self.sellers[holder].held += 1;
        }
        if let Some(chosen) = chosen {
            let seller = &mut self.sellers[chosen];
            seller.last = Some(1_000 + sequence as u64);
            seller.assigned_today += 1;
        }
    }

    fn organisation(&self) -> Organisation {
        let pick = if self.half {
            SellerPick::Specific { ids: self.considered().into_iter().map(id).collect() }
        } else {
            SellerPick::Any
        };
        let distribution = Distribution {
            method: self.method,
            available_within_hours: self.within,
            respect_capacity: self.respect_capacity,
        };
        let mut rule = every_lead(Target::Sellers(pick), Some(distribution));
        rule.created_within_hours = self.created_within;
        let eligible_roles = EligibleRoles::Named(vec![Role::Salesperson]);
        let mut organisation = organisation(vec![("lead", with_default_rules("lead", vec![rule]))]);
        organisation.settings = Settings { eligible_roles, ..Settings::default() }.into();
        organisation
    }

    fn roster(&self) -> Roster {
        Roster::new(self.sellers.iter().enumerate().map(|(number, plan)| plan.member(number)).collect())
    }

    fn record(&self, lead: &Lead, number: usize) -> Record {
        let mut new = record("lead", &format!("L-{number}"), &json!({}), now());
        new.created_on = now() - SignedDuration::from_hours(lead.age);
        let owner = lead.owner.filter(|number| *number < self.sellers.len());
        new.owner = owner.map(|number| Owner::Seller(id(number)));
        if lead.foreign {
            (new.revision, new.counted, new.mark) = (0, false, None);
        }
        new
    }
}

/// The trace names everybody considered once, or of many the best and how many each gate dropped.
fn check_trace(trace: &Trace, considered: &[usize], order: &[usize]) {
    let named: Vec<&SellerId> = trace.candidates.iter().map(|candidate| &candidate.seller_id).collect();
    let ranked = if considered.len() <= Trace::ONE_BY_ONE { order.len() } else { order.len().min(Trace::BEST) };
    let expected: Vec<SellerId> = order[..ranked].iter().copied().map(id).collect();
    assert_eq!(named[..ranked], expected.iter().collect::<Vec<_>>());
    if considered.len() <= Trace::ONE_BY_ONE {
        let everybody: BTreeSet<SellerId> = considered.iter().copied().map(id).collect();
        assert_eq!(named.len(), considered.len(), "each once");
        assert_eq!(named.into_iter().cloned().collect::<BTreeSet<_>>(), everybody);
        assert!(trace.gates.is_empty());
    } else {
        let dropped: u32 = trace.gates.values().sum();
        assert_eq!(named.len(), ranked);
        assert_eq!(dropped as usize + order.len(), considered.len());
    }
}

fn check(case: &Case) {
    let (organisation, mut roster) = (case.organisation(), case.roster());
    let mut again = roster.clone();
    let records: Vec<Record> = case.leads.iter().enumerate().map(|(number, lead)| case.record(lead, number)).collect();
    let arrivals: Vec<Arrival> = records.iter().map(|record| arrival(&organisation, record.clone())).collect();
    let decisions = route(&organisation, &mut roster, &arrivals, present(now()));
    let parts = |decision: &Decision| (decision.run.clone(), decision.touched.clone());
    let repeated = route(&organisation, &mut again, &arrivals, present(now()));
    assert!(decisions.iter().map(parts).eq(repeated.iter().map(parts)), "the same input gives the same run");
    let mut model = case.clone();
    for (sequence, (lead, Decision { run, .. })) in case.leads.iter().zip(&decisions).enumerate() {
        let order = model.order(lead);
        let chosen = order.as_ref().ok().map(|order| order[0]);
        assert_eq!(run.assignment.owner, chosen.map(|number| Owner::Seller(id(number))), "lead {sequence}");
        assert_eq!(run.assignment.reason, order.as_ref().err().copied(), "lead {sequence}");
        if run.assignment.reason != Some(Reason::RecordTooOld) {
            check_trace(&run.trace, &case.considered(), &order.unwrap_or_default());
        }
        model.go_on(lead, chosen, sequence);
    }
    for (number, (plan, member)) in case.sellers.iter().zip(roster.members()).enumerate() {
        let held = member.state.held[&"lead".into()];
        let all = records.iter().zip(&decisions);
        let tallied: i64 = all
            .map(|(record, decision)| {
                let after = record.clone().routed(&decision.run, None);
                changes(Some(record), Some(&after)).remove(&Counter::Held(id(number))).unwrap_or(0)
            })
            .sum();
        assert_eq!(held, plan.held + tallied, "the roster is left as the tallies of the records say");
        if let (true, Some(maximum)) = (case.respect_capacity, plan.maximum)
            && case.leads.iter().all(|lead| lead.owner.is_none())
        {
            assert!(held <= plan.held.max(i64::from(maximum)), "nobody is filled beyond the maximum");
        }
        if let (true, Some(most)) = (case.respect_capacity, plan.most) {
            let assigned = member.state.in_periods.of("2026-03-02");
            assert!(assigned <= plan.assigned_today.max(most), "nobody is filled beyond the maximum of a day");
        }
    }
}

proptest! {
    #[test]
    fn dist_01_dist_17_cap_01_cap_11_elig_01_elig_03_every_choice_is_the_one_of_the_model(case in case()) {
        check(&case);
    }
}
