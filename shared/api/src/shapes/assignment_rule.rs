//! Assignment rules.

use domain::assignment_rule::RuleState;
use domain::id::{RuleId, SegmentId};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

use super::condition::Condition;

/// What a client says about an assignment rule.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "name": "Anybody, in turn", "condition": {"all": []},
    "target": {"kind": "sellers", "pick": "any"}, "distribution": {"method": "roundRobin"}
}))]
pub struct AssignmentRuleBody {
    /// For people.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S")]
    pub name: String,
    /// What it is for.
    #[schema(max_length = 2000)]
    pub description: Option<String>,
    /// Which records of the segment it handles; absent = all.
    #[schema(value_type = Option<Condition>)]
    pub condition: Option<Value>,
    /// Only records of at most this age; null = whatever age.
    #[schema(minimum = 1, maximum = 120)]
    pub created_within_hours: Option<u32>,
    /// Whom it chooses from.
    pub target: Target,
    /// How it chooses one of several sellers; only for sellers.
    pub distribution: Option<Distribution>,
    /// Active unless it says otherwise.
    #[schema(schema_with = state)]
    pub state: Option<String>,
}

/// Whom a rule chooses from.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Target {
    /// What kind of owner.
    #[schema(schema_with = kind)]
    pub kind: String,
    /// Which of them; `any` only for sellers.
    #[schema(schema_with = pick)]
    pub pick: String,
    /// What a match tests; exactly when `matching`.
    #[schema(schema_with = source)]
    pub source: Option<String>,
    /// The match; exactly when `matching`.
    #[schema(value_type = Option<Condition>)]
    pub r#match: Option<Value>,
    /// The chosen ones; exactly when `specific`.
    pub ids: Option<Vec<String>>,
    /// What happens when several match; only for teams and queues.
    #[schema(schema_with = if_several)]
    pub if_several: Option<String>,
}

/// How one of several sellers is chosen.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Distribution {
    /// The method.
    #[schema(schema_with = method)]
    pub method: String,
    /// Only sellers who work within so many hours; null = whoever.
    #[schema(minimum = 1, maximum = 120)]
    pub available_within_hours: Option<u32>,
    /// Only sellers with room.
    #[schema(default = false)]
    pub respect_capacity: Option<bool>,
}

/// An assignment rule.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AssignmentRule {
    /// `{segment id}-{n}`.
    #[schema(value_type = String)]
    pub id: RuleId,
    /// The segment it belongs to.
    #[schema(value_type = String)]
    pub segment_id: SegmentId,
    /// For people.
    pub name: String,
    /// What it is for.
    #[schema(required)]
    pub description: Option<String>,
    /// Which records of the segment it handles.
    #[schema(value_type = Condition)]
    pub condition: Value,
    /// Only records of at most this age.
    #[schema(required)]
    pub created_within_hours: Option<u32>,
    /// Whom it chooses from.
    #[schema(value_type = Target)]
    pub target: Value,
    /// How it chooses one of several sellers; null for teams and queues.
    #[schema(required, value_type = Option<Distribution>)]
    pub distribution: Option<Value>,
    /// Whether it is used.
    #[schema(schema_with = state)]
    pub state: RuleState,
    /// Its place among the segment's rules, from 1.
    pub order: u32,
    /// How many records it gave an owner.
    pub records_routed: u64,
    /// Counts the changes that clients made.
    pub version: u64,
}

/// All rules of a segment in their new order.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"ruleIds": ["lead-4k7q-2", "lead-4k7q-1"]}))]
pub struct RuleOrderBody {
    /// Every rule of the segment, once.
    pub rule_ids: Vec<String>,
}

/// The rules of a segment in order.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RuleOrder {
    /// Every rule of the segment, once.
    #[schema(value_type = Vec<String>)]
    pub rule_ids: Vec<RuleId>,
    /// Counts the changes of the order.
    pub version: u64,
}

fn state() -> RefOr<Schema> {
    super::words(&["active", "inactive"])
}

fn kind() -> RefOr<Schema> {
    super::words(&["sellers", "teams", "queues"])
}

fn pick() -> RefOr<Schema> {
    super::words(&["any", "matching", "specific"])
}

fn source() -> RefOr<Schema> {
    super::words(&["fields", "attributes"])
}

fn if_several() -> RefOr<Schema> {
    super::words(&["random", "none"])
}

fn method() -> RefOr<Schema> {
    super::words(&["roundRobin", "loadBalancing"])
}
