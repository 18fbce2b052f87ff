//! Sellers.

use std::collections::BTreeMap;

use domain::capacity::CapacityPeriod;
use domain::id::{SellerId, TeamId};
use domain::seller::Role;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};

use super::condition::Condition;
use super::seller_attribute::AttributesBody;

/// What a client says about a seller.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "id": "susana", "name": "Susana Nunes", "email": "susana@example.com", "roles": ["salesperson"],
    "timeZone": "Europe/Lisbon", "fields": {"region": "East"}
}))]
pub struct SellerBody {
    /// Chosen by the server when absent.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,64}$")]
    pub id: Option<String>,
    /// For people.
    #[schema(min_length = 1, max_length = 100, pattern = "\\S")]
    pub name: String,
    /// An address.
    #[schema(pattern = "^[^@\\s]+@[^@\\s]+$", max_length = 320)]
    pub email: String,
    /// At least one; they decide eligibility for assignment, never what the API allows.
    #[schema(schema_with = roles)]
    pub roles: Vec<String>,
    /// A disabled seller gets no record.
    #[schema(default = true)]
    pub enabled: Option<bool>,
    /// A zone of the IANA database; absent = the organisation's.
    #[schema(max_length = 64)]
    pub time_zone: Option<String>,
    /// Columns of the record type `seller`; at most 256 KiB as JSON.
    #[schema(value_type = Option<Object>)]
    pub fields: Option<Map<String, Value>>,
    /// Teams the seller belongs to.
    pub team_ids: Option<Vec<String>>,
}

/// A seller.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Seller {
    /// Its id.
    #[schema(value_type = String)]
    pub id: SellerId,
    /// For people.
    pub name: String,
    /// An address.
    pub email: String,
    /// They decide eligibility for assignment.
    #[schema(schema_with = roles)]
    pub roles: Vec<Role>,
    /// A disabled seller gets no record.
    pub enabled: bool,
    /// A zone of the IANA database; null = the organisation's.
    #[schema(required)]
    pub time_zone: Option<String>,
    /// Columns of the record type `seller`.
    #[schema(value_type = Object)]
    pub fields: Map<String, Value>,
    /// Teams the seller belongs to.
    #[schema(value_type = Vec<String>)]
    pub team_ids: Vec<TeamId>,
    /// Off: no automatic assignment.
    pub assign_records: bool,
    /// Values of seller attributes; null for who may not see seller attributes.
    #[schema(required)]
    pub attributes: Option<BTreeMap<String, Vec<String>>>,
    /// How many records the seller holds and may hold; null for who may not see capacity.
    #[schema(required)]
    pub capacity: Option<Capacity>,
    /// When a record was last assigned.
    #[schema(required, value_type = Option<String>, format = DateTime)]
    pub last_assigned_at: Option<Timestamp>,
    /// Working minutes of the next seven days.
    #[serde(rename = "availabilityNext7Days")]
    pub availability_next_7_days: Vec<AvailableDay>,
    /// Counts the changes that clients made.
    pub version: u64,
}

/// How many records a seller holds and may hold (CAP-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Capacity {
    /// Null = unlimited.
    #[schema(required)]
    pub maximum: Option<u32>,
    /// Active owned records of types with active rules.
    pub consumed: u64,
    /// Null = unlimited. Negative when assignments by hand went over the maximum.
    #[schema(required)]
    pub available: Option<i64>,
    /// What `periodMaximum` counts over.
    #[schema(schema_with = period)]
    pub period: CapacityPeriod,
    /// Assignments in one period; null = unlimited.
    #[schema(required)]
    pub period_maximum: Option<u32>,
    /// Assignments in the present period.
    pub period_assigned: u64,
}

/// One day's working time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct AvailableDay {
    /// The day in the seller's zone.
    #[schema(format = Date)]
    pub date: String,
    /// Working minutes.
    pub minutes: u32,
}

/// The toggle "Assign records".
#[derive(Debug, ToSchema)]
#[schema(example = json!({"on": false}))]
pub struct AssignRecordsBody {
    /// Off: no automatic assignment.
    pub on: bool,
}

/// A seller's capacity.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"maximum": 20, "override": true}))]
pub struct CapacityBody {
    /// The most records the seller should hold; null = the organisation's default.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub maximum: Option<u32>,
    /// How long a period is.
    #[schema(schema_with = period, default = "none")]
    pub period: Option<String>,
    /// The most automatic assignments in one period; stands exactly with a period.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub period_maximum: Option<u32>,
    /// Another maximum that is set already may be overridden.
    #[schema(default = false)]
    pub r#override: Option<bool>,
}

/// Which sellers to find.
#[derive(Debug, ToSchema)]
#[schema(example = json!({"condition": {"all": [
    {"field": "name", "op": "contains", "value": "al"}, {"attribute": "language", "op": "equals", "value": ["en"]}
]}}))]
pub struct SellerSearchBody {
    /// May test seller attributes and the current user.
    #[schema(value_type = Condition)]
    pub condition: Value,
}

/// What to change about many sellers; at least one of the members beside `sellerIds`.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "sellerIds": ["susana", "alan"], "capacity": {"maximum": 20, "override": true},
    "attributes": {"mode": "add", "attributes": {"language": ["en"]}}
}))]
pub struct SellerBulkBody {
    /// Different ones.
    #[schema(min_items = 1, max_items = 1000)]
    pub seller_ids: Vec<String>,
    /// Needs what applying seller attributes needs.
    pub attributes: Option<AttributesBody>,
    /// Needs what setting capacity needs.
    pub capacity: Option<CapacityBody>,
    /// Switches automatic assignment; needs what that needs.
    pub assign_records: Option<bool>,
}

/// Names of roles.
pub(super) fn role_words() -> Vec<&'static str> {
    Role::ALL.iter().map(|(name, _)| *name).collect()
}

fn roles() -> RefOr<Schema> {
    let list = ArrayBuilder::new().items(super::words(&role_words())).min_items(Some(1)).unique_items(true);
    Schema::from(list.build()).into()
}

fn period() -> RefOr<Schema> {
    super::words(&CapacityPeriod::WORDS.map(|(word, _)| word))
}
