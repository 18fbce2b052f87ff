//! An assignment rule: which records of a segment it handles, whom it chooses from and how (ENT-03, ENT-23).
//!
//! Not its place in the order of its segment, which is one list (RULE-13), and not the choosing itself.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::condition::Schema;
use crate::draft::{Draft, MAX_DESCRIPTION, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{RuleId, SegmentId};
use crate::segment::believe_condition;
use crate::settings::Limits;

pub use self::target::{GroupPick, IfSeveral, Known, SellerPick, Source, Target};

mod target;
#[cfg(test)]
mod tests;

/// Ages of a record that a rule may ask for, in hours (LIM-07), and how far ahead it may look for a seller (LIM-08).
const HOURS: std::ops::RangeInclusive<u32> = 1..=120;

/// A rule as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentRule {
    /// `{segment id}-{n}`.
    pub id: RuleId,
    /// The segment it belongs to. Never changes (RULE-02).
    pub segment_id: SegmentId,
    /// For people, 1 to 100 characters.
    pub name: String,
    /// At most 2,000 characters.
    pub description: Option<String>,
    /// Which records of the segment it handles, as the client wrote it (RULE-20).
    pub condition: Value,
    /// Handles only records of at most this age, 1 to 120 whole hours (RULE-21, RULE-22).
    pub created_within_hours: Option<u32>,
    /// Whom it chooses from.
    pub target: Target,
    /// How it chooses one of several sellers; none for teams and queues (RULE-37).
    pub distribution: Option<Distribution>,
    /// Whether it is used.
    pub state: RuleState,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a client last changed it.
    pub modified_at: Timestamp,
}

/// Whether a rule is used. An inactive one keeps its position and is skipped (RULE-13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum RuleState {
    /// Used.
    Active,
    /// Kept but not used (RULE-07).
    Inactive,
}

/// How one of several sellers is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Distribution {
    /// The method.
    pub method: Method,
    /// Only sellers whose next working moment lies within so many hours, 1 to 120 (DIST-09); none = whenever they work.
    #[serde(default)]
    pub available_within_hours: Option<u32>,
    /// Only sellers with available capacity above zero (DIST-08).
    #[serde(default)]
    pub respect_capacity: bool,
}

/// A method of choosing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Method {
    /// The seller who has waited longest since the last assignment (DIST-01).
    RoundRobin,
    /// The seller with the highest available capacity; ties by round robin (DIST-06).
    LoadBalancing,
}

/// What a client proposes as a rule.
#[derive(Debug, Clone, PartialEq)]
pub struct RuleDraft {
    name: String,
    description: Option<String>,
    condition: Value,
    created_within_hours: Option<u32>,
    target: Target,
    distribution: Option<Distribution>,
    /// The state it wants: active unless the body says otherwise (RULE-01).
    pub state: RuleState,
}

impl RuleDraft {
    /// Believes a body of API.md "Assignment rules", or names everything that is wrong with it. `present` is the rule
    /// that it is to replace, whose id and segment can't change (RULE-02).
    pub fn parse(
        body: &Value,
        known: &Known<'_>,
        limits: &Limits,
        present: Option<&AssignmentRule>,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["order", "recordsRouted", "version", "createdAt", "modifiedAt"]);
        draft.same("id", present.map(|rule| rule.id.as_str()));
        draft.same("segmentId", present.map(|rule| rule.segment_id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let description = draft.text("description", MAX_DESCRIPTION);
        let condition = match draft.value("condition") {
            Some(json) => {
                let at = draft.place("condition");
                let schema = Schema::new(known.definition, known.record_types);
                draft.part(believe_condition(json, &at, &schema, limits))
            }
            None => Some(json!({"all": []})),
        };
        let created_within_hours = draft.whole("createdWithinHours", HOURS);
        let target = match draft.object("target") {
            Some(target) => draft.part(Target::parse(target, known, limits)),
            None => {
                draft.required("target");
                None
            }
        };
        let kind = body.pointer("/target/kind").and_then(Value::as_str);
        let distribution = Distribution::of(&mut draft, matches!(kind, Some("teams" | "queues")));
        let states = [("active", RuleState::Active), ("inactive", RuleState::Inactive)];
        let state = draft.word("state", &states).unwrap_or(RuleState::Active);
        let parts = condition.zip(target).zip(distribution);
        draft.finish(parts.map(|((condition, target), distribution)| Self {
            name,
            description,
            condition,
            created_within_hours,
            target,
            distribution,
            state,
        }))
    }

    /// The rule that a POST creates.
    #[must_use]
    pub fn into_rule(self, id: RuleId, segment_id: SegmentId, now: Timestamp) -> AssignmentRule {
        AssignmentRule {
            id,
            segment_id,
            name: self.name,
            description: self.description,
            condition: self.condition,
            created_within_hours: self.created_within_hours,
            target: self.target,
            distribution: self.distribution,
            state: self.state,
            version: 1,
            created_at: now,
            modified_at: now,
        }
    }

    /// What a PUT makes of the rule it was believed for.
    #[must_use]
    pub fn applied_to(&self, rule: &AssignmentRule, now: Timestamp) -> AssignmentRule {
        let changed = self.clone().into_rule(rule.id.clone(), rule.segment_id.clone(), now);
        AssignmentRule { version: rule.version, created_at: rule.created_at, ..changed }
    }
}

impl AssignmentRule {
    /// The same rule in a copy of its segment: inactive until somebody activates it (SEG-81).
    #[must_use]
    pub fn copied_into(&self, segment_id: &SegmentId, number: usize, now: Timestamp) -> Self {
        Self {
            id: RuleId::new(format!("{segment_id}-{number}")),
            segment_id: segment_id.clone(),
            state: RuleState::Inactive,
            version: 1,
            created_at: now,
            modified_at: now,
            ..self.clone()
        }
    }
}

/// Believes the body of a new order of a segment's rules, `{"ruleIds": [...]}`: each of the present ones once.
pub fn parse_order(body: &Value, present: &[RuleId]) -> Result<Vec<RuleId>, Vec<Fault>> {
    let mut draft = Draft::read(body, &Pointer::root());
    let at = draft.place("ruleIds");
    let wanted = draft.texts("ruleIds", usize::MAX);
    if wanted.is_none() && !draft.has_fault("ruleIds") {
        draft.required("ruleIds");
    }
    let wanted: Vec<RuleId> = wanted.unwrap_or_default().into_iter().map(RuleId::new).collect();
    if !draft.has_fault("ruleIds") {
        let unknown = wanted.iter().enumerate().filter(|(_, id)| !present.contains(id));
        let unknown =
            unknown.map(|(n, id)| Fault::new(&at.join(n), "unknownRule", format!("the segment has no rule {id}")));
        let missing = present.iter().filter(|id| !wanted.contains(id));
        let missing = missing.map(|id| Fault::new(&at, "missing", format!("names all rules of the segment, {id} too")));
        draft.faults(unknown.chain(missing).collect::<Vec<_>>());
    }
    draft.finish(Some(wanted))
}

impl Distribution {
    /// Reads the member of a rule that says how one of several sellers is chosen: needed for sellers, out of place for
    /// teams and queues (RULE-37). `None` when it has a fault.
    #[expect(
        clippy::option_option,
        reason = "the outer one tells whether it could be believed, the inner one is the value"
    )]
    fn of(draft: &mut Draft<'_>, of_groups: bool) -> Option<Option<Self>> {
        match draft.object("distribution") {
            Some(_) if of_groups => {
                draft.fault("distribution", "notAllowed", "stands only with sellers");
                None
            }
            Some(distribution) => draft.part(Self::parse(distribution)).map(Some),
            None if of_groups => Some(None),
            None => {
                draft.required("distribution");
                None
            }
        }
    }

    fn parse(mut draft: Draft<'_>) -> Result<Self, Vec<Fault>> {
        let methods = [("roundRobin", Method::RoundRobin), ("loadBalancing", Method::LoadBalancing)];
        let method = target::required_word(&mut draft, "method", &methods);
        let available_within_hours = draft.whole("availableWithinHours", HOURS);
        let respect_capacity = draft.flag("respectCapacity", false);
        draft.finish(method.map(|method| Self { method, available_within_hours, respect_capacity }))
    }
}

/// The segment that a rule's id names; `None` when it is the id of no rule.
#[must_use]
pub fn segment_of(id: &RuleId) -> Option<SegmentId> {
    let (segment, number) = id.as_str().rsplit_once('-')?;
    number.parse::<u32>().is_ok().then(|| SegmentId::new(segment))
}
