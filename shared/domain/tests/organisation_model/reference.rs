//! What should be decided about a record: the specification read off the plans, one sentence after the other. It knows
//! no rulebook, no compiled condition, no turn, no calendar and no counter.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use domain::assignment_rule::{IfSeveral, Method};
use domain::id::{Owner, RuleId, SegmentId, SellerId};
use domain::mark::Cause;
use domain::reason::Reason;
use domain::record::Record;
use domain::run::{Status, Verdict};
use domain::seller::Role;
use domain::settings::EligibleRoles;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::book::{Desk, Facts, Memory, Place, period};
use crate::plan::{Config, GroupPlan, Pick, RulePlan, SegmentPlan, SellerPlan, TOPICS, TYPES};
use crate::plan::{queue_id, seller_id, team_id};

/// What should be decided.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) segmentation: (Status, Option<Reason>, Option<SegmentId>),
    pub(crate) segments: Vec<(SegmentId, bool)>,
    pub(crate) rules: Vec<(RuleId, bool)>,
    pub(crate) assignment: (Status, Option<Reason>),
    /// Any one of these gets the record.
    pub(crate) owners: Vec<Owner>,
    pub(crate) rule: Option<RuleId>,
    pub(crate) due: Option<Timestamp>,
    pub(crate) sellers: Option<Considered>,
}

/// What becomes of the sellers whom a rule considers.
#[derive(Debug, Default)]
pub(crate) struct Considered {
    /// Those who pass, in their order: who, available capacity, bucket.
    pub(crate) order: Vec<(SellerId, Option<i64>, Option<u8>)>,
    pub(crate) dropped: BTreeMap<SellerId, Verdict>,
    /// The order is that of the longest wait.
    pub(crate) by_turn: bool,
}

/// Decides by a configuration and goes on with what was decided.
pub(crate) struct Reference<'a> {
    pub(crate) config: &'a Config,
    pub(crate) desk: Desk,
    pub(crate) now: Timestamp,
    pub(crate) writer: u8,
    /// How many assignments the batch has brought.
    pub(crate) given: usize,
}

pub(crate) fn kind_of(record: &Record) -> (usize, &'static str) {
    let number = TYPES.iter().position(|kind| *kind == record.key.record_type.as_str()).unwrap();
    (number, TYPES[number])
}

impl Config {
    /// The types with an active rule (DIST-04, CAP-03).
    pub(crate) fn counting(&self) -> BTreeSet<&'static str> {
        let kinds = TYPES.iter().zip(&self.segments);
        let counting =
            kinds.filter(|(_, segments)| segments.iter().any(|segment| segment.rules.iter().any(|rule| rule.active)));
        counting.map(|(kind, _)| *kind).collect()
    }

    /// The columns that conditions of active segments look at (SEG-53).
    pub(crate) fn used(&self, kind: usize) -> BTreeSet<&'static str> {
        let mut used = BTreeSet::new();
        for segment in self.segments[kind].iter().filter(|segment| segment.active) {
            segment.condition.columns(&mut used);
        }
        used
    }

    pub(crate) fn maximum(&self, plan: &SellerPlan) -> Option<u32> {
        plan.capacity.maximum.or(self.settings.default_maximum_capacity)
    }
}

impl Reference<'_> {
    pub(crate) fn decide(&self, record: &Record, memory: &Memory) -> Expected {
        let (kind, _) = kind_of(record);
        let mut expected = Expected {
            segmentation: (Status::NotApplicable, None, record.segment.clone()),
            segments: vec![],
            rules: vec![],
            assignment: (Status::NotApplicable, None),
            owners: vec![],
            rule: None,
            due: None,
            sellers: None,
        };
        if record.fields.get("estimatedValue").is_some_and(Value::is_string) {
            expected.assignment = (Status::Failed, Some(Reason::ServerError));
            return expected;
        }
        let segments = &self.config.segments[kind];
        let find = |id: &SegmentId| segments.iter().find(|segment| segment.id == *id);
        let asked = memory.wanted.is_some_and(Cause::is_asked);
        let updated = asked || memory.wanted == Some(Cause::Updated);
        let standing = record.segment.as_ref().filter(|_| updated).and_then(find);
        let mut into = None;
        // Who is only asked for stays, unless it is where it is by a failure.
        let misplaced = record
            .last
            .as_ref()
            .is_some_and(|last| matches!(last.reason, Some(Reason::NoSegment | Reason::SegmentError)));
        let searched = if asked && standing.is_some() && !misplaced { &[][..] } else { &segments[..] };
        for segment in searched.iter().filter(|segment| segment.active) {
            if standing.is_some_and(|standing| standing.id != segment.id && !segment.takes_members) {
                continue;
            }
            let holds = segment.condition.holds(record, self.now, &self.config.settings);
            expected.segments.push((segment.id.clone(), holds));
            if holds {
                into = Some(segment);
                break;
            }
        }
        let Some(segment) = into.or(standing) else {
            expected.segmentation = (Status::Failed, Some(Reason::NoSegment), None);
            return expected;
        };
        expected.segmentation = (Status::Succeeded, None, Some(segment.id.clone()));
        let stays = standing.is_some_and(|standing| standing.id == segment.id);
        // RULE-50, RULE-51: an update takes a record from nobody, unless it moves it.
        let moves = standing.is_some() && !stays;
        let keeps_owner = memory.owner_given || (updated && !moves && !memory.is_unassigned(record));
        if !segment.active || keeps_owner || segment.rules.is_empty() {
            return expected;
        }
        if moves && !segment.runs_rules_on_move {
            expected.assignment = (Status::Failed, Some(Reason::RulesDoNotRunOnMove));
            return expected;
        }
        self.assign(record, segment, &mut expected);
        expected
    }

    fn assign(&self, record: &Record, segment: &SegmentPlan, expected: &mut Expected) {
        let active: Vec<&RulePlan> = segment.rules.iter().filter(|rule| rule.active).collect();
        let mut applied = None;
        for rule in &active {
            let holds = rule.condition.holds(record, self.now, &self.config.settings);
            expected.rules.push((rule.id.clone(), holds));
            if holds {
                applied = Some(*rule);
                break;
            }
        }
        let Some(rule) = applied else {
            let reason = if active.is_empty() { Reason::NoActiveRule } else { Reason::NoConditionMet };
            expected.assignment = (Status::Failed, Some(reason));
            return;
        };
        expected.rule = Some(rule.id.clone());
        expected.due = rule.created_within.map(|hours| record.created_on + SignedDuration::from_hours(hours.into()));
        let found = if expected.due.is_some_and(|due| due < self.now) {
            Err(Reason::RecordTooOld)
        } else {
            self.pick(record, rule, expected)
        };
        expected.assignment = match &found {
            Ok(_) => (Status::Succeeded, None),
            Err(reason) => (Status::Failed, Some(*reason)),
        };
        expected.owners = found.unwrap_or_default();
    }

    fn pick(&self, record: &Record, rule: &RulePlan, expected: &mut Expected) -> Result<Vec<Owner>, Reason> {
        let topic = record.fields.get("topic").and_then(|topic| topic.as_str());
        let of_topic = |region: Option<usize>| region.is_some_and(|region| topic == Some(TOPICS[region]));
        let (kind, _) = kind_of(record);
        let eligible = |team: &GroupPlan| team.open || self.config.settings.eligible_roles == EligibleRoles::All;
        let takes = |queue: &GroupPlan| queue.open && queue.types[kind];
        let teams = || self.config.teams.iter().enumerate().filter(|(_, team)| eligible(team));
        let queues = || self.config.queues.iter().enumerate().filter(|(_, queue)| takes(queue));
        let several = |found: Vec<Owner>, option: IfSeveral, none, several| match (found.len(), option) {
            (0, _) => Err(none),
            (2.., IfSeveral::None) => Err(several),
            _ => Ok(found),
        };
        let team = |(number, _): (usize, &GroupPlan)| Owner::Team(team_id(number));
        let queue = |(number, _): (usize, &GroupPlan)| Owner::Queue(queue_id(number));
        let found: Vec<Owner> = match &rule.pick {
            Pick::Any | Pick::OfTopic | Pick::Speaking(_) | Pick::Sellers(_) => vec![],
            Pick::TeamOfTopic(_) => teams().filter(|(_, plan)| of_topic(plan.region)).map(team).collect(),
            Pick::Teams(numbers, _) => teams().filter(|(number, _)| numbers.contains(number)).map(team).collect(),
            Pick::QueueOfTopic(_) => queues().filter(|(_, plan)| of_topic(plan.region)).map(queue).collect(),
            Pick::Queues(numbers, _) => queues().filter(|(number, _)| numbers.contains(number)).map(queue).collect(),
        };
        match &rule.pick {
            Pick::TeamOfTopic(option) | Pick::Teams(_, option) => {
                return several(found, *option, Reason::NoTeam, Reason::SeveralTeams);
            }
            Pick::QueueOfTopic(option) | Pick::Queues(_, option) => {
                return several(found, *option, Reason::NoQueue, Reason::SeveralQueues);
            }
            Pick::Any | Pick::OfTopic | Pick::Speaking(_) | Pick::Sellers(_) => {}
        }
        let fits = |plan: &SellerPlan| match &rule.pick {
            Pick::OfTopic => of_topic(plan.region),
            Pick::Speaking(language) => plan.languages.contains(language),
            _ => true,
        };
        let named = |id: &&SellerId| match &rule.pick {
            Pick::Sellers(numbers) => numbers.iter().any(|number| seller_id(*number) == **id),
            _ => true,
        };
        let considered = self.config.sellers.keys().filter(named).cloned().collect();
        let (considered, outcome) = self.choose(considered, &fits, rule, expected.due);
        expected.sellers = Some(considered);
        outcome.map(|seller| vec![Owner::Seller(seller)])
    }

    /// DIST-15: the gates in their order, the bucket, the method.
    fn choose(
        &self,
        considered: Vec<SellerId>,
        fits: &dyn Fn(&SellerPlan) -> bool,
        rule: &RulePlan,
        due: Option<Timestamp>,
    ) -> (Considered, Result<SellerId, Reason>) {
        let plan = |id: &SellerId| &self.config.sellers[id];
        let mut dropped = BTreeMap::new();
        let mut left = considered;
        let mut gate = |left: &mut Vec<SellerId>, verdict, passes: &dyn Fn(&SellerId) -> bool| {
            dropped.extend(left.iter().filter(|id| !passes(id)).map(|id| (id.clone(), verdict)));
            left.retain(|id| passes(id));
        };
        let every_role = self.config.settings.eligible_roles == EligibleRoles::All;
        gate(&mut left, Verdict::Role, &|id| every_role || plan(id).role == Role::Salesperson);
        gate(&mut left, Verdict::SwitchedOff, &|id| plan(id).on);
        gate(&mut left, Verdict::Disabled, &|id| plan(id).enabled);
        gate(&mut left, Verdict::NotMatched, &|id| fits(plan(id)));
        let mut reason = Reason::NoSellerMatches;
        let mut by_turn = rule.method == Method::RoundRobin;
        let mut buckets = BTreeMap::new();
        if !left.is_empty() {
            reason = Reason::SellerLacksPermission;
            gate(&mut left, Verdict::NoPermission, &|id| plan(id).role != Role::Integration);
        }
        if !left.is_empty() {
            reason = Reason::NoCapacity;
            gate(&mut left, Verdict::NoCapacity, &|id| !rule.respect_capacity || self.has_room(id));
        }
        if let (false, Some(hours)) = (left.is_empty(), rule.within) {
            reason = Reason::NoAvailability;
            let window = SignedDuration::from_hours(hours.into());
            let window = due.map_or(window, |due| window.min(due.duration_since(self.now)));
            for id in &left {
                let hours = plan(id).hours.as_ref();
                let waits = hours.map_or(Some(SignedDuration::ZERO), |hours| hours.waits(self.config.start, self.now));
                if let Some(waits) = waits.filter(|waits| *waits <= window) {
                    let day = 24 * 60 * 60 * 1_000;
                    buckets.insert(id.clone(), u8::try_from((waits.as_millis() + day - 1) / day).unwrap());
                }
            }
            gate(&mut left, Verdict::NotAvailable, &|id| buckets.contains_key(id));
            if let Some(first) = left.iter().map(|id| buckets[id]).min() {
                gate(&mut left, Verdict::LaterBucket, &|id| buckets[id] == first);
                by_turn |= first > 0;
            }
        }
        left.sort_by_key(|id| {
            let room = if by_turn { None } else { Some(self.available(id).unwrap_or(i64::MAX)) };
            (Reverse(room), self.last(id), id.clone())
        });
        let outcome = left.first().cloned().ok_or(reason);
        let order = left.into_iter().map(|id| (id.clone(), self.available(&id), buckets.get(&id).copied())).collect();
        (Considered { order, dropped, by_turn }, outcome)
    }

    fn facts(&self, id: &SellerId) -> Facts {
        self.desk.get(id).cloned().unwrap_or_default()
    }

    /// CAP-01; none without a maximum.
    fn available(&self, id: &SellerId) -> Option<i64> {
        let maximum = self.config.maximum(&self.config.sellers[id])?;
        let facts = self.facts(id);
        let consumed: i64 = self.config.counting().iter().filter_map(|kind| facts.held.get(kind)).sum();
        Some(i64::from(maximum) - consumed)
    }

    fn has_room(&self, id: &SellerId) -> bool {
        let capacity = &self.config.sellers[id].capacity;
        let now = period(capacity.period, self.now, &self.config.settings);
        let brought = now.and_then(|now| self.facts(id).in_periods.get(&now).copied()).unwrap_or(0);
        self.available(id).is_none_or(|available| available > 0)
            && (now.is_none() || capacity.period_maximum.is_none_or(|most| brought < most))
    }

    /// The last assignment that counts (DIST-04).
    pub(crate) fn last(&self, id: &SellerId) -> Option<Place> {
        let facts = self.facts(id);
        self.config.counting().iter().filter_map(|kind| facts.last.get(kind)).max().copied()
    }

    /// The record is given to who was chosen.
    pub(crate) fn go_on(&mut self, record: &Record, owner: Option<&Owner>) {
        let (_, kind) = kind_of(record);
        let before = record.owner.as_ref().filter(|_| record.revision > 0).and_then(Owner::seller);
        let after = match owner {
            None | Some(Owner::Queue(_)) => record.owner.as_ref(),
            given => given,
        };
        for (seller, change) in [(before, -1), (after.and_then(Owner::seller), 1)] {
            if let Some(seller) = seller {
                *self.desk.entry(seller.clone()).or_default().held.entry(kind).or_insert(0) += change;
            }
        }
        if let Some(Owner::Seller(seller)) = owner {
            let place = (self.now, self.given, self.writer);
            self.given += 1;
            self.desk.entry(seller.clone()).or_default().automatic(kind, place, &self.config.settings);
        }
    }
}
