//! The organisation's settings. Answers are `domain`'s own settings; these describe them.

use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, OneOfBuilder};
use utoipa::openapi::{RefOr, Schema};

use super::seller::role_words;

/// Members to change; absent ones stay as they are.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({"timeZone": "Europe/Berlin", "firstWeekday": "monday"}))]
pub struct SettingsBody {
    /// Who can be assigned records automatically.
    #[schema(schema_with = eligible_roles)]
    pub eligible_roles: Option<String>,
    /// The zone of relative dates, from the IANA database.
    #[schema(max_length = 64)]
    pub time_zone: Option<String>,
    /// The day weeks start on.
    #[schema(schema_with = weekday)]
    pub first_weekday: Option<String>,
    /// Whether sellers may edit their own calendar.
    pub sellers_may_edit_calendar: Option<bool>,
    /// Whether sellers have the work list.
    pub workspace_enabled: Option<bool>,
    /// Maximum capacity of sellers without their own; null = unlimited.
    #[schema(minimum = 0, maximum = 1_000_000)]
    pub default_maximum_capacity: Option<u32>,
    /// The limits as a whole: one that is absent here takes its default.
    pub limits: Option<LimitsBody>,
}

/// The limits that differ from their defaults; what a PUT says replaces all of them.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct LimitsBody {
    /// Active segments in the organisation.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_active_segments: Option<u32>,
    /// Active rules in one segment.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_active_rules_per_segment: Option<u32>,
    /// Conditions of a segment or rule.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_conditions: Option<u32>,
    /// Conditions of a matcher.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_matcher_conditions: Option<u32>,
    /// Related rows of a matcher.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_matcher_related: Option<u32>,
    /// Characters of one stored condition tree.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_condition_characters: Option<u32>,
    /// Records one segment run takes; null = all.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub records_per_run: Option<u32>,
    /// Active sequences in the organisation.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_active_sequences: Option<u32>,
    /// Steps of one sequence.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_steps_per_sequence: Option<u32>,
    /// Days of one wait step.
    #[schema(minimum = 1, maximum = 1_000_000)]
    pub max_wait_days: Option<u32>,
}

/// The settings.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Settings {
    /// Who can be assigned records automatically.
    #[schema(schema_with = eligible_roles)]
    pub eligible_roles: String,
    /// The zone of relative dates.
    pub time_zone: String,
    /// The day weeks start on.
    #[schema(schema_with = weekday)]
    pub first_weekday: String,
    /// Whether sellers may edit their own calendar.
    pub sellers_may_edit_calendar: bool,
    /// Whether sellers have the work list.
    pub workspace_enabled: bool,
    /// Maximum capacity of sellers without their own; null = unlimited.
    #[schema(required)]
    pub default_maximum_capacity: Option<u32>,
    /// The limits in force.
    pub limits: Limits,
    /// Counts the changes that clients made.
    pub version: u64,
}

/// The limits in force.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct Limits {
    /// Active segments in the organisation.
    pub max_active_segments: u32,
    /// Active rules in one segment.
    pub max_active_rules_per_segment: u32,
    /// Conditions of a segment or rule.
    pub max_conditions: u32,
    /// Conditions of a matcher.
    pub max_matcher_conditions: u32,
    /// Related rows of a matcher.
    pub max_matcher_related: u32,
    /// Characters of one stored condition tree.
    pub max_condition_characters: u32,
    /// Records one segment run takes; null = all.
    #[schema(required)]
    pub records_per_run: Option<u32>,
    /// Active sequences in the organisation.
    pub max_active_sequences: u32,
    /// Steps of one sequence.
    pub max_steps_per_sequence: u32,
    /// Days of one wait step.
    pub max_wait_days: u32,
}

fn eligible_roles() -> RefOr<Schema> {
    let named = ArrayBuilder::new().items(super::words(&role_words())).min_items(Some(1)).unique_items(true);
    Schema::from(OneOfBuilder::new().item(super::words(&["all"])).item(named).build()).into()
}

fn weekday() -> RefOr<Schema> {
    super::words(&["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"])
}
