//! What managers configure, as the model notes it down: few kinds of everything, so that things meet often. And how such
//! things are drawn.

use std::collections::BTreeMap;

use domain::assignment_rule::{IfSeveral, Method};
use domain::capacity::{CapacityPeriod, MaximumCapacity};
use domain::id::{QueueId, RuleId, SegmentId, SellerId, TeamId};
use domain::seller::Role;
use domain::settings::{EligibleRoles, Settings};
use jiff::civil::{Date, Weekday};
use proptest::prelude::*;

use crate::condition::{Test, test};
use crate::hours::{Hours, hours};

/// The types that have records here. Both count as soon as they have an active rule.
pub(crate) const TYPES: [&str; 2] = ["lead", "opportunity"];
pub(crate) const TOPICS: [&str; 3] = ["north", "south", "east"];
pub(crate) const RATINGS: [&str; 2] = ["Hot", "Cold"];
pub(crate) const LANGUAGES: [&str; 2] = ["en", "de"];
pub(crate) const UNITS: [&str; 2] = ["retail", "trade"];
pub(crate) const ZONES: [&str; 4] = ["UTC", "Europe/London", "America/New_York", "Asia/Kolkata"];

/// Everything configured at one version.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) version: u64,
    /// The day on which the organisation began to work.
    pub(crate) start: Date,
    pub(crate) settings: Settings,
    /// The segments of each of the types in the order of priority, the default one last.
    pub(crate) segments: [Vec<SegmentPlan>; 2],
    pub(crate) sellers: BTreeMap<SellerId, SellerPlan>,
    pub(crate) teams: Vec<GroupPlan>,
    pub(crate) queues: Vec<GroupPlan>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SellerPlan {
    /// The only one; a salesperson's may be the only eligible one, a machine's may not read records.
    pub(crate) role: Role,
    pub(crate) on: bool,
    pub(crate) enabled: bool,
    pub(crate) region: Option<usize>,
    pub(crate) languages: Vec<usize>,
    pub(crate) hours: Option<Hours>,
    pub(crate) capacity: MaximumCapacity,
    pub(crate) unit: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct SegmentPlan {
    pub(crate) id: SegmentId,
    pub(crate) condition: Test,
    pub(crate) active: bool,
    pub(crate) takes_members: bool,
    pub(crate) runs_rules_on_move: bool,
    pub(crate) rules: Vec<RulePlan>,
}

#[derive(Debug, Clone)]
pub(crate) struct RulePlan {
    pub(crate) id: RuleId,
    pub(crate) condition: Test,
    pub(crate) active: bool,
    pub(crate) created_within: Option<u32>,
    pub(crate) pick: Pick,
    pub(crate) method: Method,
    pub(crate) within: Option<u32>,
    pub(crate) respect_capacity: bool,
}

/// A team or a queue. `open`: holds an eligible role, or is enabled.
#[derive(Debug, Clone)]
pub(crate) struct GroupPlan {
    pub(crate) open: bool,
    pub(crate) region: Option<usize>,
    /// Types that a queue takes.
    pub(crate) types: [bool; 2],
}

/// Whom a rule chooses from.
#[derive(Debug, Clone)]
pub(crate) enum Pick {
    Any,
    /// Whose region is the record's topic.
    OfTopic,
    Speaking(usize),
    Sellers(Vec<usize>),
    TeamOfTopic(IfSeveral),
    Teams(Vec<usize>, IfSeveral),
    QueueOfTopic(IfSeveral),
    Queues(Vec<usize>, IfSeveral),
}

pub(crate) fn seller_id(number: usize) -> SellerId {
    format!("s{number:02}").as_str().into()
}

pub(crate) fn team_id(number: usize) -> TeamId {
    format!("team-{number}").as_str().into()
}

pub(crate) fn queue_id(number: usize) -> QueueId {
    format!("queue-{number}").as_str().into()
}

pub(crate) fn capacity() -> impl Strategy<Value = MaximumCapacity> {
    let period = prop_oneof![Just(CapacityPeriod::Day), Just(CapacityPeriod::Week), Just(CapacityPeriod::Month)];
    let periods = prop::option::weighted(0.3, (period, 0_u32..4));
    (prop::option::weighted(0.8, 0_u32..8), periods).prop_map(|(maximum, periods)| MaximumCapacity {
        maximum,
        period: periods.map_or(CapacityPeriod::None, |(period, _)| period),
        period_maximum: periods.map(|(_, most)| most),
    })
}

pub(crate) fn region() -> impl Strategy<Value = Option<usize>> {
    prop::option::weighted(0.8, 0_usize..TOPICS.len())
}

pub(crate) fn languages() -> impl Strategy<Value = Vec<usize>> {
    prop::sample::subsequence(vec![0, 1], 0..=2)
}

pub(crate) fn unit() -> impl Strategy<Value = Option<usize>> {
    prop::option::of(0_usize..UNITS.len())
}

pub(crate) fn role() -> impl Strategy<Value = Role> {
    prop_oneof![8 => Just(Role::Salesperson), 1 => Just(Role::VpOfSales), 1 => Just(Role::Integration)]
}

pub(crate) fn seller_plan() -> impl Strategy<Value = SellerPlan> {
    let profile = (role(), prop::bool::weighted(0.9), prop::bool::weighted(0.9));
    (profile, region(), languages(), prop::option::of(hours()), capacity(), unit()).prop_map(
        |((role, on, enabled), region, languages, hours, capacity, unit)| SellerPlan {
            role,
            on,
            enabled,
            region,
            languages,
            hours,
            capacity,
            unit,
        },
    )
}

pub(crate) fn pick() -> impl Strategy<Value = Pick> {
    let several = || prop_oneof![2 => Just(IfSeveral::Random), 1 => Just(IfSeveral::None)];
    prop_oneof![
        6 => Just(Pick::Any),
        4 => Just(Pick::OfTopic),
        2 => (0_usize..2).prop_map(Pick::Speaking),
        3 => prop::collection::btree_set(0_usize..8, 1..6).prop_map(|ids| Pick::Sellers(ids.into_iter().collect())),
        1 => several().prop_map(Pick::TeamOfTopic),
        1 => (prop::collection::btree_set(0_usize..3, 1..3), several())
            .prop_map(|(ids, several)| Pick::Teams(ids.into_iter().collect(), several)),
        1 => several().prop_map(Pick::QueueOfTopic),
        1 => (prop::collection::btree_set(0_usize..3, 1..3), several())
            .prop_map(|(ids, several)| Pick::Queues(ids.into_iter().collect(), several)),
    ]
}

pub(crate) fn method() -> impl Strategy<Value = Method> {
    prop_oneof![Just(Method::RoundRobin), Just(Method::LoadBalancing)]
}

pub(crate) fn within() -> impl Strategy<Value = Option<u32>> {
    prop::option::weighted(0.4, 1_u32..=120)
}

pub(crate) fn created_within() -> impl Strategy<Value = Option<u32>> {
    prop::option::weighted(0.2, 1_u32..=120)
}

/// A rule; its id is given when it is added.
pub(crate) fn rule_plan() -> impl Strategy<Value = RulePlan> {
    let condition = prop_oneof![1 => Just(Test::Everything), 1 => test()];
    (condition, prop::bool::weighted(0.8), created_within(), pick(), method(), within(), any::<bool>()).prop_map(
        |(condition, active, created_within, pick, method, within, respect_capacity)| RulePlan {
            id: RuleId::new(""),
            condition,
            active,
            created_within,
            pick,
            method,
            within,
            respect_capacity,
        },
    )
}

/// A segment; its id is given when it is added.
pub(crate) fn segment_plan() -> impl Strategy<Value = SegmentPlan> {
    let options = (prop::bool::weighted(0.8), any::<bool>(), any::<bool>());
    (test(), options, prop::collection::vec(rule_plan(), 0..3)).prop_map(
        |(condition, (active, takes_members, runs_rules_on_move), rules)| SegmentPlan {
            id: SegmentId::new(""),
            condition,
            active,
            takes_members,
            runs_rules_on_move,
            rules,
        },
    )
}

pub(crate) fn group_plan() -> impl Strategy<Value = GroupPlan> {
    (prop::bool::weighted(0.8), region(), any::<[bool; 2]>()).prop_map(|(open, region, types)| GroupPlan {
        open,
        region,
        types,
    })
}

pub(crate) fn settings() -> impl Strategy<Value = Settings> {
    let roles = prop_oneof![Just(EligibleRoles::All), Just(EligibleRoles::Named(vec![Role::Salesperson]))];
    let weekday = prop_oneof![Just(Weekday::Sunday), Just(Weekday::Monday)];
    let maximum = prop::option::weighted(0.3, 0_u32..6);
    (roles, prop::sample::select(ZONES.to_vec()), weekday, maximum).prop_map(
        |(eligible_roles, zone, first_weekday, default_maximum_capacity)| Settings {
            eligible_roles,
            time_zone: crate::hours::zone(zone),
            first_weekday,
            default_maximum_capacity,
            ..Settings::default()
        },
    )
}
