//! The organisation's settings: eligible roles, zone, week, limits (API.md section 3, SET-*, SPEC.md section 10).
//!
//! Settings are values that decisions take; what a limit bounds is checked where the bounded thing is saved.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::seller::{Role, parse_zone};

/// Highest value of a limit or maximum that a client may set.
pub(crate) const MOST: u32 = 1_000_000;

/// The settings of the organisation. Nothing saved means [`Settings::default`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Settings {
    /// Who can be assigned records automatically (ELIG-01).
    pub eligible_roles: EligibleRoles,
    /// The zone of relative dates (COND-31).
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub time_zone: TimeZone,
    /// The day weeks start on (COND-31).
    #[serde(with = "weekday")]
    pub first_weekday: Weekday,
    /// Whether sellers may edit their own calendar (SET-10).
    pub sellers_may_edit_calendar: bool,
    /// Whether sellers have the work list (SET-01).
    pub workspace_enabled: bool,
    /// Maximum capacity of sellers that have none of their own; none = unlimited (OQ-14).
    pub default_maximum_capacity: Option<u32>,
    /// The limits in force.
    pub limits: Limits,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

/// Which security roles make a seller eligible: `"all"` or a list of at least one (ELIG-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EligibleRoles {
    /// Every role: every seller is eligible.
    All,
    /// Sellers with at least one of these are.
    #[serde(untagged)]
    Named(Vec<Role>),
}

/// Limits of SPEC.md section 10 that the organisation may change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Limits {
    /// Active segments in the organisation, defaults not counted (LIM-01).
    pub max_active_segments: u32,
    /// Active rules in one segment (LIM-02).
    pub max_active_rules_per_segment: u32,
    /// Conditions of a segment and of a rule (LIM-03, LIM-04).
    pub max_conditions: u32,
    /// Conditions of a matcher (LIM-05).
    pub max_matcher_conditions: u32,
    /// Related rows of a matcher (LIM-06).
    pub max_matcher_related: u32,
    /// Characters of one stored condition tree (LIM-30).
    pub max_condition_characters: u32,
    /// Records one segment run takes; none = all (LIM-10).
    pub records_per_run: Option<u32>,
    /// Active sequences in the organisation (LIM-14).
    pub max_active_sequences: u32,
    /// Steps of one sequence (LIM-16).
    pub max_steps_per_sequence: u32,
    /// Days of one wait step (LIM-15).
    pub max_wait_days: u32,
}

impl EligibleRoles {
    /// True when somebody with these roles can be assigned records automatically.
    #[must_use]
    pub fn admit(&self, roles: &[Role]) -> bool {
        match self {
            Self::All => true,
            Self::Named(named) => roles.iter().any(|role| named.contains(role)),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            eligible_roles: EligibleRoles::All,
            time_zone: TimeZone::UTC,
            first_weekday: Weekday::Sunday,
            sellers_may_edit_calendar: true,
            workspace_enabled: true,
            default_maximum_capacity: None,
            limits: Limits::default(),
            version: 1,
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_active_segments: 250,
            max_active_rules_per_segment: 10,
            max_conditions: 10,
            max_matcher_conditions: 5,
            max_matcher_related: 1,
            max_condition_characters: 4000,
            records_per_run: None,
            max_active_sequences: 250,
            max_steps_per_sequence: 40,
            max_wait_days: 30,
        }
    }
}

impl Settings {
    /// These settings with the members of a PUT's body in place of their own; members that it does not name stay, and
    /// a member sent empty takes its default. `limits` is one member: a limit that it does not name takes its default.
    pub fn merged(&self, body: &Value) -> Result<Settings, Vec<Fault>> {
        let mut merged = self.clone();
        let default = Settings::default();
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["version"]);
        if draft.mentions("eligibleRoles") {
            merged.eligible_roles = read_eligible_roles(&mut draft).unwrap_or(default.eligible_roles);
        }
        if draft.mentions("timeZone") {
            merged.time_zone = parse_zone(&mut draft, "timeZone").unwrap_or(default.time_zone);
        }
        if draft.mentions("firstWeekday") {
            merged.first_weekday = draft.word("firstWeekday", &WEEKDAYS).unwrap_or(default.first_weekday);
        }
        if draft.mentions("sellersMayEditCalendar") {
            merged.sellers_may_edit_calendar = draft.flag("sellersMayEditCalendar", default.sellers_may_edit_calendar);
        }
        if draft.mentions("workspaceEnabled") {
            merged.workspace_enabled = draft.flag("workspaceEnabled", default.workspace_enabled);
        }
        if draft.mentions("defaultMaximumCapacity") {
            merged.default_maximum_capacity = draft.whole("defaultMaximumCapacity", 0..=MOST);
        }
        if draft.mentions("limits") {
            merged.limits = Limits::default();
            if let Some(limits) = draft.object("limits") {
                merged.limits = draft.part(Limits::parse(limits)).unwrap_or(merged.limits);
            }
        }
        draft.finish(Some(merged))
    }
}

/// Reads `"all"` or a list of at least one role (ELIG-01).
fn read_eligible_roles(draft: &mut Draft<'_>) -> Option<EligibleRoles> {
    match draft.value("eligibleRoles")? {
        Value::Array(_) => {
            let named = draft.words("eligibleRoles", &Role::ALL)?;
            if named.is_empty() && !draft.has_fault("eligibleRoles") {
                draft.fault("eligibleRoles", "required", "names at least one role, or is \"all\"");
            }
            Some(EligibleRoles::Named(named))
        }
        _ => draft.word("eligibleRoles", &[("all", ())]).map(|()| EligibleRoles::All),
    }
}

impl Limits {
    fn parse(mut draft: Draft<'_>) -> Result<Self, Vec<Fault>> {
        let default = Self::default();
        let mut limit = |member, default| draft.whole(member, 1..=MOST).unwrap_or(default);
        let limits = Self {
            max_active_segments: limit("maxActiveSegments", default.max_active_segments),
            max_active_rules_per_segment: limit("maxActiveRulesPerSegment", default.max_active_rules_per_segment),
            max_conditions: limit("maxConditions", default.max_conditions),
            max_matcher_conditions: limit("maxMatcherConditions", default.max_matcher_conditions),
            max_matcher_related: limit("maxMatcherRelated", default.max_matcher_related),
            max_condition_characters: limit("maxConditionCharacters", default.max_condition_characters),
            max_active_sequences: limit("maxActiveSequences", default.max_active_sequences),
            max_steps_per_sequence: limit("maxStepsPerSequence", default.max_steps_per_sequence),
            max_wait_days: limit("maxWaitDays", default.max_wait_days),
            records_per_run: draft.whole("recordsPerRun", 1..=MOST),
        };
        draft.finish(Some(limits))
    }
}

/// Weekdays by their English names in small letters.
pub const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
];

/// A weekday as its name.
mod weekday {
    use super::{WEEKDAYS, Weekday};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
    pub(super) fn serialize<S: Serializer>(day: &Weekday, serializer: S) -> Result<S::Ok, S::Error> {
        let named = WEEKDAYS.iter().find(|(_, known)| known == day);
        serializer.serialize_str(named.expect("every weekday has a name").0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Weekday, D::Error> {
        let name = String::deserialize(deserializer)?;
        let named = WEEKDAYS.iter().find(|(known, _)| *known == name);
        named.map(|(_, day)| *day).ok_or_else(|| D::Error::custom(format!("{name} is no weekday")))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_first_settings_are_those_of_the_contract() {
        let settings = Settings::default();
        let json = serde_json::to_value(&settings).unwrap();
        assert_eq!(
            json,
            json!({
                "eligibleRoles": "all", "timeZone": "UTC", "firstWeekday": "sunday", "sellersMayEditCalendar": true,
                "workspaceEnabled": true, "defaultMaximumCapacity": null,
                "limits": {
                    "maxActiveSegments": 250, "maxActiveRulesPerSegment": 10, "maxConditions": 10,
                    "maxMatcherConditions": 5, "maxMatcherRelated": 1, "maxConditionCharacters": 4000,
                    "recordsPerRun": null, "maxActiveSequences": 250, "maxStepsPerSequence": 40, "maxWaitDays": 30
                },
                "version": 1
            })
        );
        assert_eq!(serde_json::from_value::<Settings>(json).unwrap(), settings);
    }

    #[test]
    fn a_put_changes_the_members_it_names_and_no_other() {
        let body = json!({
            "eligibleRoles": ["salesperson", "sales-manager"], "timeZone": "europe/berlin", "firstWeekday": "monday",
            "limits": {"maxActiveSegments": 3}
        });
        let merged = Settings::default().merged(&body).unwrap();
        assert_eq!(merged.eligible_roles, EligibleRoles::Named(vec![Role::Salesperson, Role::SalesManager]));
        assert_eq!(merged.time_zone.iana_name(), Some("Europe/Berlin"));
        assert_eq!(merged.limits, Limits { max_active_segments: 3, ..Limits::default() });
        assert!(merged.workspace_enabled);
        let json = serde_json::to_value(&merged).unwrap();
        assert_eq!(serde_json::from_value::<Settings>(json.clone()).unwrap(), merged);
        assert_eq!(merged.merged(&json).unwrap(), merged, "what was read can be sent back");

        let again = merged.merged(&json!({"workspaceEnabled": false, "eligibleRoles": null})).unwrap();
        assert_eq!(again.eligible_roles, EligibleRoles::All);
        assert_eq!((again.first_weekday, again.workspace_enabled), (Weekday::Monday, false));
        assert_eq!(again.limits.max_active_segments, 3);
    }

    #[test]
    fn rule_03_elig_01_every_fault_of_settings_is_named_at_once_no_eligible_role_among_them() {
        let body = json!({
            "eligibleRoles": [], "timeZone": "Mars/Olympus", "firstWeekday": "Monday", "workspaceEnabled": 1,
            "defaultMaximumCapacity": -1, "limits": {"maxConditions": 0, "recordsPerRun": "all", "max": 1}, "x": 1
        });
        let found = Settings::default().merged(&body).unwrap_err();
        let found: Vec<_> = found.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(
            found,
            [
                ("/eligibleRoles", "required"),
                ("/timeZone", "unknownTimeZone"),
                ("/firstWeekday", "unknownWord"),
                ("/workspaceEnabled", "wrongType"),
                ("/defaultMaximumCapacity", "outOfRange"),
                ("/limits/maxConditions", "outOfRange"),
                ("/limits/recordsPerRun", "wrongType"),
                ("/limits/max", "unknownMember"),
                ("/x", "unknownMember"),
            ]
        );
        for bad in [json!("some"), json!(["jedi"]), json!(7)] {
            assert!(Settings::default().merged(&json!({"eligibleRoles": bad})).is_err());
        }
    }

    #[test]
    fn elig_01_a_seller_with_one_of_the_named_roles_is_eligible() {
        let named = EligibleRoles::Named(vec![Role::Salesperson]);
        assert!(named.admit(&[Role::SalesManager, Role::Salesperson]));
        assert!(!named.admit(&[Role::SalesManager]));
        assert!(EligibleRoles::All.admit(&[Role::Integration]));
    }
}
