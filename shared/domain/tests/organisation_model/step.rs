//! What may happen next in the organisation. A step names what it is about by a number that is taken modulo what there
//! is, so every step can be taken in every state and a failure shrinks step by step.

use domain::assignment_rule::Method;
use domain::capacity::MaximumCapacity;
use domain::mark::Cause;
use domain::seller::Role;
use domain::settings::Settings;
use proptest::prelude::*;

use crate::condition::{Test, test};
use crate::hours::{Hours, hours};
use crate::plan::{
    GroupPlan, Pick, RulePlan, SegmentPlan, SellerPlan, capacity, created_within, group_plan, languages, method, pick,
    region, role, rule_plan, segment_plan, seller_plan, settings, unit, within,
};

/// The values of a record's columns, by number.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Values {
    pub(crate) topic: Option<usize>,
    pub(crate) rating: Option<usize>,
    pub(crate) value: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum How {
    Created,
    Imported,
    NotRouted,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum To {
    Seller(usize),
    Team(usize),
    Queue(usize),
}

#[derive(Debug, Clone)]
pub(crate) enum SellerChange {
    Role(Role),
    On(bool),
    Enabled(bool),
    Region(Option<usize>),
    Languages(Vec<usize>),
    Hours(Option<Hours>),
    Capacity(MaximumCapacity),
    Unit(Option<usize>),
}

#[derive(Debug, Clone)]
pub(crate) enum SegmentChange {
    Active(bool),
    TakesMembers(bool),
    RunsRulesOnMove(bool),
    Condition(Test),
    /// To this place in the order.
    Priority(usize),
    Deleted,
}

#[derive(Debug, Clone)]
pub(crate) enum RuleChange {
    Active(bool),
    Condition(Test),
    Pick(Pick),
    Method(Method),
    Within(Option<u32>),
    CreatedWithin(Option<u32>),
    RespectCapacity(bool),
    Order(usize),
    Deleted,
}

/// How the stream hands over what waits, and to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Batch {
    /// At most so many records.
    pub(crate) take: usize,
    /// At most so many in one transaction.
    pub(crate) most: usize,
    pub(crate) writer: u8,
    pub(crate) drawn: u64,
}

#[derive(Debug, Clone)]
pub(crate) enum Step {
    Arrive {
        kind: usize,
        values: Values,
        count: usize,
        owner: Option<usize>,
        age: i64,
        how: How,
    },
    /// Another program writes an item, perhaps one with a value of a wrong type.
    Foreign {
        kind: usize,
        values: Values,
        owner: Option<usize>,
        poison: bool,
    },
    Patch {
        record: usize,
        values: Values,
        unused: bool,
    },
    Close(usize),
    Reopen(usize),
    Delete(usize),
    Sweep(usize),
    /// It is to be decided once more as it is.
    Ask(usize, Cause),
    Assign {
        record: usize,
        to: To,
        writer: u8,
    },
    NewSeller(usize, SellerPlan),
    ChangeSeller(usize, SellerChange),
    DeleteSeller(usize),
    ChangeSettings(Settings),
    NewSegment {
        kind: usize,
        rank: usize,
        plan: SegmentPlan,
    },
    ChangeSegment {
        kind: usize,
        segment: usize,
        change: SegmentChange,
    },
    NewRule {
        kind: usize,
        segment: usize,
        plan: RulePlan,
    },
    ChangeRule {
        kind: usize,
        segment: usize,
        rule: usize,
        change: RuleChange,
    },
    ChangeTeam(usize, GroupPlan),
    ChangeQueue(usize, GroupPlan),
    /// So many minutes pass.
    Wait(i64),
    Deliver(Batch),
    /// Decided by what was configured before the latest change.
    DeliverByStaleRules(Batch),
    /// An earlier batch is handed over again.
    DeliverAgain(usize, Batch),
    /// These happen between a decision and its commit.
    Race(Batch, Vec<Step>),
}

impl Step {
    /// The kind of step, as it is counted.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Arrive { .. } => "records arrive",
            Self::Foreign { .. } => "another program's item",
            Self::Patch { .. } => "record patched",
            Self::Close(_) => "record closed",
            Self::Reopen(_) => "record reopened",
            Self::Delete(_) => "record deleted",
            Self::Sweep(_) => "mark swept",
            Self::Ask(..) => "record asked for",
            Self::Assign { .. } => "assigned by hand",
            Self::NewSeller(..) => "seller added",
            Self::ChangeSeller(..) => "seller changed",
            Self::DeleteSeller(_) => "seller deleted",
            Self::ChangeSettings(_) => "settings changed",
            Self::NewSegment { .. } => "segment added",
            Self::ChangeSegment { .. } => "segment changed",
            Self::NewRule { .. } => "rule added",
            Self::ChangeRule { .. } => "rule changed",
            Self::ChangeTeam(..) => "team changed",
            Self::ChangeQueue(..) => "queue changed",
            Self::Wait(_) => "time passes",
            Self::Deliver(_) => "batch delivered",
            Self::DeliverByStaleRules(_) => "batch decided by stale rules",
            Self::DeliverAgain(..) => "batch delivered again",
            Self::Race(..) => "race",
        }
    }
}

fn values() -> impl Strategy<Value = Values> {
    let topic = prop::option::weighted(0.9, 0_usize..3);
    (topic, prop::option::of(0_usize..2), prop::option::weighted(0.8, 0_u32..5))
        .prop_map(|(topic, rating, value)| Values { topic, rating, value })
}

fn batch() -> impl Strategy<Value = Batch> {
    (prop_oneof![1_usize..4, Just(99)], prop_oneof![1_usize..4, Just(99)], any::<u8>(), any::<u64>())
        .prop_map(|(take, most, writer, drawn)| Batch { take, most, writer, drawn })
}

fn asked() -> impl Strategy<Value = Cause> {
    prop::sample::select(vec![Cause::CapacityFreed, Cause::Retried, Cause::Scheduled, Cause::RunNow])
}

fn of_records() -> impl Strategy<Value = Step> {
    let kind = || prop_oneof![3 => Just(0_usize), 1 => Just(1)];
    let owner = || prop::option::weighted(0.2, any::<usize>());
    let how = prop_oneof![6 => Just(How::Created), 2 => Just(How::Imported), 1 => Just(How::NotRouted)];
    let to = prop_oneof![
        4 => any::<usize>().prop_map(To::Seller),
        1 => any::<usize>().prop_map(To::Team),
        1 => any::<usize>().prop_map(To::Queue),
    ];
    prop_oneof![
        14 => (kind(), values(), 1_usize..7, owner(), prop_oneof![Just(0_i64), 0_i64..130], how)
            .prop_map(|(kind, values, count, owner, age, how)| Step::Arrive { kind, values, count, owner, age, how }),
        1 => (kind(), values(), owner(), prop::bool::weighted(0.2))
            .prop_map(|(kind, values, owner, poison)| Step::Foreign { kind, values, owner, poison }),
        7 => (any::<usize>(), values(), prop::bool::weighted(0.2))
            .prop_map(|(record, values, unused)| Step::Patch { record, values, unused }),
        6 => any::<usize>().prop_map(Step::Close),
        2 => any::<usize>().prop_map(Step::Reopen),
        1 => any::<usize>().prop_map(Step::Delete),
        1 => any::<usize>().prop_map(Step::Sweep),
        2 => (any::<usize>(), asked()).prop_map(|(record, cause)| Step::Ask(record, cause)),
        4 => (any::<usize>(), to, any::<u8>()).prop_map(|(record, to, writer)| Step::Assign { record, to, writer }),
    ]
}

fn of_sellers() -> impl Strategy<Value = Step> {
    let change = prop_oneof![
        1 => role().prop_map(SellerChange::Role),
        3 => prop::bool::weighted(0.7).prop_map(SellerChange::On),
        2 => prop::bool::weighted(0.7).prop_map(SellerChange::Enabled),
        2 => region().prop_map(SellerChange::Region),
        1 => languages().prop_map(SellerChange::Languages),
        2 => prop::option::of(hours()).prop_map(SellerChange::Hours),
        3 => capacity().prop_map(SellerChange::Capacity),
        1 => unit().prop_map(SellerChange::Unit),
    ];
    prop_oneof![
        2 => (0_usize..12, seller_plan()).prop_map(|(number, plan)| Step::NewSeller(number, plan)),
        8 => (any::<usize>(), change).prop_map(|(seller, change)| Step::ChangeSeller(seller, change)),
        1 => any::<usize>().prop_map(Step::DeleteSeller),
    ]
}

fn of_rules() -> impl Strategy<Value = Step> {
    let of_segment = prop_oneof![
        4 => prop::bool::weighted(0.7).prop_map(SegmentChange::Active),
        2 => any::<bool>().prop_map(SegmentChange::TakesMembers),
        2 => any::<bool>().prop_map(SegmentChange::RunsRulesOnMove),
        2 => test().prop_map(SegmentChange::Condition),
        2 => any::<usize>().prop_map(SegmentChange::Priority),
        1 => Just(SegmentChange::Deleted),
    ];
    let of_rule = prop_oneof![
        3 => prop::bool::weighted(0.7).prop_map(RuleChange::Active),
        2 => test().prop_map(RuleChange::Condition),
        2 => pick().prop_map(RuleChange::Pick),
        1 => method().prop_map(RuleChange::Method),
        1 => within().prop_map(RuleChange::Within),
        1 => created_within().prop_map(RuleChange::CreatedWithin),
        1 => any::<bool>().prop_map(RuleChange::RespectCapacity),
        1 => any::<usize>().prop_map(RuleChange::Order),
        1 => Just(RuleChange::Deleted),
    ];
    let kind = || prop_oneof![2 => Just(0_usize), 1 => Just(1)];
    prop_oneof![
        2 => (kind(), any::<usize>(), segment_plan())
            .prop_map(|(kind, rank, plan)| Step::NewSegment { kind, rank, plan }),
        5 => (kind(), any::<usize>(), of_segment)
            .prop_map(|(kind, segment, change)| Step::ChangeSegment { kind, segment, change }),
        3 => (kind(), any::<usize>(), rule_plan())
            .prop_map(|(kind, segment, plan)| Step::NewRule { kind, segment, plan }),
        5 => (kind(), any::<usize>(), any::<usize>(), of_rule)
            .prop_map(|(kind, segment, rule, change)| Step::ChangeRule { kind, segment, rule, change }),
        1 => settings().prop_map(Step::ChangeSettings),
        1 => (0_usize..3, group_plan()).prop_map(|(number, plan)| Step::ChangeTeam(number, plan)),
        1 => (0_usize..3, group_plan()).prop_map(|(number, plan)| Step::ChangeQueue(number, plan)),
    ]
}

fn of_deliveries() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => batch().prop_map(Step::Deliver),
        1 => batch().prop_map(Step::DeliverByStaleRules),
        2 => (any::<usize>(), batch()).prop_map(|(which, batch)| Step::DeliverAgain(which, batch)),
    ]
}

fn of_time() -> impl Strategy<Value = Step> {
    const DAY: i64 = 24 * 60;
    prop_oneof![6 => 1..90_i64, 4 => 90..DAY, 2 => DAY..8 * DAY, 1 => 8 * DAY..22 * DAY].prop_map(Step::Wait)
}

pub(crate) fn step() -> impl Strategy<Value = Step> {
    let freed = any::<usize>().prop_map(Step::Close);
    let taken = any::<usize>().prop_map(Step::Reopen);
    let between = prop_oneof![
        3 => of_records(),
        5 => freed,
        5 => taken,
        4 => of_sellers(),
        1 => of_rules(),
        4 => of_deliveries(),
    ];
    let race = (batch(), prop::collection::vec(between, 1..5)).prop_map(|(batch, between)| Step::Race(batch, between));
    prop_oneof![
        12 => of_records(),
        4 => of_sellers(),
        2 => of_rules(),
        7 => of_deliveries(),
        3 => race,
        3 => of_time(),
    ]
}
