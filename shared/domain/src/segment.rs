//! A segment: a named, prioritised condition over one record type (ENT-01, ENT-21), and its life.
//!
//! Not its place in the order of its type, which is one list for all segments of the type (SEG-22), and not what it
//! compiles to, which is part of the rulebook.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::condition::{Condition, ConditionLimits, Schema};
use crate::draft::{Draft, MAX_DESCRIPTION, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, RecordType, SegmentId};
use crate::record_type::RecordTypes;
use crate::settings::Limits;

pub use self::simulation::Simulation;

pub mod simulation;

/// A segment as it is stored. JSON members are those of API.md; what a read adds is added where it is answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Segment {
    /// `{type}-{ulid}`, or `{type}-default`.
    pub id: SegmentId,
    /// For people, 1 to 100 characters; need not be unique.
    pub name: String,
    /// At most 2,000 characters.
    pub description: Option<String>,
    /// The type of record it gathers. Never changes.
    pub record_type: RecordType,
    /// The condition tree as the client wrote it (API.md section 2): believed when it was saved, compiled with the
    /// rulebook.
    pub condition: Value,
    /// Whether records are matched against it.
    pub state: SegmentState,
    /// The one segment of its type that always ranks last (SEG-30).
    pub is_default: bool,
    /// May take records that already are in another segment (SEG-54).
    pub move_previously_segmented: bool,
    /// Runs its rules on records that move into it (SEG-58).
    pub run_rules_on_move: bool,
    /// The sequence its records are connected to.
    pub sequence_id: Option<String>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When a client last changed it.
    pub modified_at: Timestamp,
}

/// Whether a segment takes part in matching; only active ones do (SEG-02, SEG-10, SEG-25).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SegmentState {
    /// Never activated, or deactivated. Takes no record.
    Inactive,
    /// Takes records.
    Active,
    /// Set aside by an administrator. Takes no record.
    Paused,
}

/// What happens in a segment's life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentEvent {
    /// Somebody wants it to take records.
    Activated,
    /// Somebody wants it to take no more records.
    Deactivated,
    /// An administrator sets it aside.
    Paused,
}

impl SegmentState {
    /// The state after an event; `None` when the event can't happen in this state (a conflict, 409).
    ///
    /// | | activated | deactivated | paused |
    /// |---|---|---|---|
    /// | inactive | active | inactive | – |
    /// | active | active | inactive | paused |
    /// | paused | active | inactive | paused |
    #[must_use]
    pub fn after(self, event: SegmentEvent) -> Option<Self> {
        match (self, event) {
            (_, SegmentEvent::Activated) => Some(Self::Active),
            (_, SegmentEvent::Deactivated) => Some(Self::Inactive),
            (Self::Active | Self::Paused, SegmentEvent::Paused) => Some(Self::Paused),
            (Self::Inactive, SegmentEvent::Paused) => None,
        }
    }
}

impl Segment {
    /// The default segment of a type as it is before anybody edited it: active, without conditions (SEG-31).
    ///
    /// It exists for every record type from the start, so it has no true instant of creation: the epoch stands in.
    #[must_use]
    pub fn default_of(record_type: &RecordType) -> Self {
        Self {
            id: default_id(record_type),
            name: "Default segment".to_owned(),
            description: None,
            record_type: record_type.clone(),
            condition: json!({"all": []}),
            state: SegmentState::Active,
            is_default: true,
            move_previously_segmented: false,
            run_rules_on_move: false,
            sequence_id: None,
            version: 1,
            created_at: Timestamp::UNIX_EPOCH,
            modified_at: Timestamp::UNIX_EPOCH,
        }
    }

    /// Why it can't have that rank: the default segment always is the last (SEG-23).
    fn priority_fault(&self, priority: Option<u32>, last: u32) -> Option<Fault> {
        let raised = self.is_default && priority.is_some_and(|priority| priority < last);
        let at = Pointer::root().join("priority");
        raised.then(|| Fault::new(&at, "notAllowed", format!("the default segment always is the last, {last} now")))
    }

    /// True when it counts toward the limit of active segments: the default segment doesn't (SEG-32).
    #[must_use]
    pub fn counts_as_active(&self) -> bool {
        self.state == SegmentState::Active && !self.is_default
    }
}

/// What a client proposes as a segment.
#[derive(Debug, Clone, PartialEq)]
pub struct SegmentDraft {
    name: String,
    description: Option<String>,
    /// The type of record it is for.
    pub record_type: RecordType,
    /// The rank it wants, 1 = highest; absent = the last before the default segment, or where it is.
    pub priority: Option<u32>,
    condition: Value,
    move_previously_segmented: bool,
    run_rules_on_move: bool,
}

impl SegmentDraft {
    /// Believes a body of API.md "Segments", or names everything that is wrong with it. `present` is the segment that
    /// it is to replace and the lowest rank of its type: id and record type can't change, and the default segment
    /// always is the last (SEG-23) and has no conditions (SEG-31).
    pub fn parse(
        body: &Value,
        known: &RecordTypes,
        limits: &Limits,
        present: Option<(&Segment, u32)>,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["state", "isDefault", "sequenceId", "ruleCount", "memberCount", "unassignedCount", "lastRun"]);
        draft.ignore(&["schedule", "version", "createdAt", "modifiedAt"]);
        draft.same("id", present.map(|(segment, _)| segment.id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let description = draft.text("description", MAX_DESCRIPTION);
        let record_type = RecordType::new(draft.required_text("recordType", MAX_ID_LENGTH));
        let definition = known.get(&record_type).filter(|definition| definition.holds_records());
        if !draft.has_fault("recordType") {
            if let Some((segment, _)) = present {
                draft.same("recordType", Some(segment.record_type.as_str()));
            } else if definition.is_none() {
                draft.fault("recordType", "unknownRecordType", format!("there is no record type {record_type}"));
            }
        }
        let priority = draft.whole("priority", 1..=u32::MAX);
        let at = draft.place("condition");
        let condition = match (draft.value("condition"), definition) {
            (Some(json), Some(definition)) => {
                draft.part(believe_condition(json, &at, &Schema::new(definition, known), limits))
            }
            (Some(_), None) => None,
            (None, _) => {
                draft.required("condition");
                None
            }
        };
        if let Some((segment, last)) = present {
            draft.faults(segment.priority_fault(priority, last));
            if segment.is_default && condition.as_ref().is_some_and(|condition| *condition != segment.condition) {
                draft.fault("condition", "notAllowed", "the default segment has no conditions: {\"all\": []}");
            }
        }
        let move_previously_segmented = draft.flag("movePreviouslySegmented", false);
        let run_rules_on_move = draft.flag("runRulesOnMove", false);
        draft.finish(condition.map(|condition| Self {
            name,
            description,
            record_type,
            priority,
            condition,
            move_previously_segmented,
            run_rules_on_move,
        }))
    }

    /// The segment that a POST creates: inactive (SEG-02).
    #[must_use]
    pub fn into_segment(self, id: SegmentId, now: Timestamp) -> Segment {
        Segment {
            id,
            name: self.name,
            description: self.description,
            record_type: self.record_type,
            condition: self.condition,
            state: SegmentState::Inactive,
            is_default: false,
            move_previously_segmented: self.move_previously_segmented,
            run_rules_on_move: self.run_rules_on_move,
            sequence_id: None,
            version: 1,
            created_at: now,
            modified_at: now,
        }
    }

    /// What a PUT makes of the segment it was believed for: the definition is swapped in one step, all else stays.
    #[must_use]
    pub fn applied_to(&self, segment: &Segment, now: Timestamp) -> Segment {
        Segment {
            state: segment.state,
            is_default: segment.is_default,
            sequence_id: segment.sequence_id.clone(),
            version: segment.version,
            created_at: segment.created_at,
            ..self.clone().into_segment(segment.id.clone(), now)
        }
    }
}

/// What a client says about a copy of a segment (SEG-80).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyDraft {
    name: String,
    /// The rank it wants; absent = the last before the default segment.
    pub priority: Option<u32>,
    /// Whether its rules are copied too.
    pub copy_rules: bool,
}

impl CopyDraft {
    /// Believes `{"name", "priority"?, "copyRules"}`, or names everything that is wrong with it.
    pub fn parse(body: &Value) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        let name = draft.required_text("name", MAX_NAME);
        let priority = draft.whole("priority", 1..=u32::MAX);
        let copy_rules = draft.flag("copyRules", false);
        draft.finish(Some(Self { name, priority, copy_rules }))
    }

    /// The copy: inactive, with the same conditions and options, without a sequence (SEG-81).
    #[must_use]
    pub fn of(&self, segment: &Segment, id: SegmentId, now: Timestamp) -> Segment {
        Segment {
            id,
            name: self.name.clone(),
            state: SegmentState::Inactive,
            is_default: false,
            sequence_id: None,
            version: 1,
            created_at: now,
            modified_at: now,
            ..segment.clone()
        }
    }
}

/// Believes the body of a change of priority, `{"priority": 2}`, of a segment of a type with `last` ranks.
pub fn parse_priority(body: &Value, segment: &Segment, last: u32) -> Result<u32, Vec<Fault>> {
    let mut draft = Draft::read(body, &Pointer::root());
    let priority = draft.whole("priority", 1..=u32::MAX);
    if priority.is_none() && !draft.has_fault("priority") {
        draft.required("priority");
    }
    draft.faults(segment.priority_fault(priority, last));
    draft.finish(priority)
}

/// Believes a condition tree of a segment or rule and gives it back as the client wrote it.
pub(crate) fn believe_condition(
    json: &Value,
    at: &Pointer,
    schema: &Schema<'_>,
    limits: &Limits,
) -> Result<Value, Vec<Fault>> {
    let condition = Condition::parse(json, at, schema)?;
    let faults = condition.limit_faults(
        json,
        &ConditionLimits { rows: limits.max_conditions, related: None, characters: limits.max_condition_characters },
        at,
    );
    if faults.is_empty() { Ok(json.clone()) } else { Err(faults) }
}

/// What follows the record type in the id of a default segment.
const DEFAULT_SUFFIX: &str = "default";

/// The id of a type's default segment.
#[must_use]
pub fn default_id(record_type: &RecordType) -> SegmentId {
    SegmentId::new(format!("{record_type}-{DEFAULT_SUFFIX}"))
}

/// The record type that a segment's id names; `None` when it is the id of no segment.
///
/// The suffix holds no `-`, so a type's name may.
#[must_use]
pub fn record_type_of(id: &SegmentId) -> Option<RecordType> {
    let (record_type, suffix) = id.as_str().rsplit_once('-')?;
    (!record_type.is_empty() && !suffix.is_empty()).then(|| RecordType::new(record_type))
}

/// True for the id of a default segment.
#[must_use]
pub fn is_default_id(id: &SegmentId) -> bool {
    id.as_str().rsplit_once('-').is_some_and(|(_, suffix)| suffix == DEFAULT_SUFFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    fn parse(body: &Value) -> Result<SegmentDraft, Vec<(String, &'static str)>> {
        SegmentDraft::parse(body, &RecordTypes::built_in(), &Limits::default(), None).map_err(pairs)
    }

    /// What a PUT makes of a segment among three.
    fn replace(segment: &Segment, body: &Value, now: Timestamp) -> Result<Segment, Vec<(String, &'static str)>> {
        let draft = SegmentDraft::parse(body, &RecordTypes::built_in(), &Limits::default(), Some((segment, 3)));
        draft.map(|draft| draft.applied_to(segment, now)).map_err(pairs)
    }

    fn pairs(faults: Vec<Fault>) -> Vec<(String, &'static str)> {
        faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    fn row(value: &str) -> Value {
        json!({"field": "country", "op": "equals", "value": value})
    }

    #[test]
    fn seg_01_seg_02_a_segment_is_created_inactive_with_the_defaults_of_the_contract() {
        let body = json!({"name": "US", "recordType": "lead", "condition": {"all": [row("US")]}});
        let segment = parse(&body).unwrap().into_segment("lead-1".into(), at(5));
        assert_eq!(
            serde_json::to_value(&segment).unwrap(),
            json!({
                "id": "lead-1", "name": "US", "description": null, "recordType": "lead",
                "condition": {"all": [row("US")]}, "state": "inactive", "isDefault": false,
                "movePreviouslySegmented": false, "runRulesOnMove": false, "sequenceId": null, "version": 1,
                "createdAt": "1970-01-01T00:00:00.005Z", "modifiedAt": "1970-01-01T00:00:00.005Z"
            })
        );
    }

    #[test]
    fn every_fault_of_a_segment_is_named_at_once() {
        let body = json!({
            "name": "x".repeat(101), "description": "x".repeat(2001), "recordType": "lead", "priority": 0,
            "condition": {"all": [{"field": "colour", "op": "equals", "value": "red"}]},
            "runRulesOnMove": "yes", "colour": "red"
        });
        let found = parse(&body).unwrap_err();
        let pointers: Vec<_> = found.iter().map(|(pointer, _)| pointer.as_str()).collect();
        let expected = ["/name", "/description", "/priority", "/condition/all/0/field", "/runRulesOnMove", "/colour"];
        assert_eq!(pointers, expected, "{found:?}");
        let missing = [("/name", "required"), ("/recordType", "required"), ("/condition", "required")];
        assert_eq!(parse(&json!({})).unwrap_err(), missing.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn sellers_and_unknown_types_have_no_segments() {
        for record_type in ["seller", "team", "queue", "lightsaber"] {
            let body = json!({"name": "a", "recordType": record_type, "condition": {"all": []}});
            assert_eq!(parse(&body).unwrap_err(), [("/recordType".to_owned(), "unknownRecordType")]);
        }
    }

    /// API.md: what is created is answered as it was sent.
    #[test]
    fn seg_01_a_condition_stays_as_the_client_wrote_it() {
        let condition = json!({"all": [
            {"op": "equals", "field": "country", "value": ["US"]},
            {"field": "annualRevenue", "op": "atLeast", "value": 100.0, "valueFrom": null},
            {"field": "createdOn", "op": "onOrAfter", "value": "2026-03-02T10:00:00+01:00"},
        ]});
        let body = json!({"name": "US", "recordType": "lead", "condition": condition});
        let segment = parse(&body).unwrap().into_segment("lead-1".into(), at(5));
        assert_eq!(segment.condition.to_string(), condition.to_string());
        let again = replace(&segment, &body, at(9)).unwrap();
        assert_eq!(again.condition.to_string(), condition.to_string());
    }

    /// LIM-03, LIM-30.
    #[test]
    fn a_condition_keeps_within_its_limits() {
        let rows = |count| json!({"name": "a", "recordType": "lead", "condition": {"any": vec![row("US"); count]}});
        assert!(parse(&rows(10)).is_ok());
        assert_eq!(parse(&rows(11)).unwrap_err(), [("/condition".to_owned(), "tooManyConditions")]);
        let long = json!({"name": "a", "recordType": "lead", "condition": row(&"x".repeat(4000))});
        assert_eq!(parse(&long).unwrap_err(), [("/condition".to_owned(), "tooLong")]);
    }

    #[test]
    fn an_event_leads_from_state_to_state() {
        use SegmentEvent::{Activated, Deactivated, Paused as Pause};
        use SegmentState::{Active, Inactive, Paused};
        let table = [
            (Inactive, Activated, Some(Active)),
            (Inactive, Deactivated, Some(Inactive)),
            (Inactive, Pause, None),
            (Active, Activated, Some(Active)),
            (Active, Deactivated, Some(Inactive)),
            (Active, Pause, Some(Paused)),
            (Paused, Activated, Some(Active)),
            (Paused, Deactivated, Some(Inactive)),
            (Paused, Pause, Some(Paused)),
        ];
        for (before, event, after) in table {
            assert_eq!(before.after(event), after, "{before:?} {event:?}");
        }
    }

    /// SEG-09, SEG-10: the definition is swapped in one step and the state stays.
    #[test]
    fn seg_09_seg_10_a_replaced_segment_keeps_its_state_id_and_creation() {
        let body =
            json!({"name": "US", "recordType": "lead", "condition": {"all": []}, "movePreviouslySegmented": true});
        let mut segment = parse(&body).unwrap().into_segment("lead-1".into(), at(5));
        segment.state = SegmentState::Active;
        segment.version = 7;
        let body = json!({"name": "CA", "recordType": "lead", "condition": {"all": [row("CA")]}, "id": "lead-1"});
        let replaced = replace(&segment, &body, at(9)).unwrap();
        let expected = Segment {
            name: "CA".to_owned(),
            condition: json!({"all": [row("CA")]}),
            move_previously_segmented: false,
            modified_at: at(9),
            ..segment.clone()
        };
        assert_eq!(replaced, expected);

        let other = json!({"name": "", "recordType": "opportunity", "condition": {"all": []}, "id": "lead-2"});
        let expected = [("/id", "cantChange"), ("/name", "required"), ("/recordType", "cantChange")];
        let expected = expected.map(|(pointer, code)| (pointer.to_owned(), code));
        assert_eq!(replace(&segment, &other, at(9)).unwrap_err(), expected);
    }

    #[test]
    fn seg_23_seg_31_seg_32_the_default_segment_can_be_edited_but_not_raised_or_narrowed() {
        let default = Segment::default_of(&"lead".into());
        assert_eq!((default.id.as_str(), default.state), ("lead-default", SegmentState::Active));
        assert!(!default.counts_as_active());
        let body = |priority: u32, condition: Value| json!({"name": "Rest", "recordType": "lead", "priority": priority, "condition": condition});
        let renamed = replace(&default, &body(3, json!({"all": []})), at(1)).unwrap();
        assert_eq!((renamed.name.as_str(), renamed.is_default), ("Rest", true));
        let expected = [("/priority".to_owned(), "notAllowed"), ("/condition".to_owned(), "notAllowed")];
        assert_eq!(replace(&default, &body(2, json!({"all": [row("US")]})), at(1)).unwrap_err(), expected);
        assert!(parse_priority(&json!({"priority": 3}), &default, 4).is_err());
        assert_eq!(parse_priority(&json!({"priority": 9}), &default, 4), Ok(9));
        assert_eq!(parse_priority(&json!({}), &default, 4).map_err(pairs).unwrap_err()[0].1, "required");
    }

    #[test]
    fn an_id_tells_the_record_type() {
        assert_eq!(record_type_of(&"lead-01H".into()), Some("lead".into()));
        assert_eq!(record_type_of(&"my-type-default".into()), Some("my-type".into()));
        for foreign in ["lead", "-x", "lead-"] {
            assert_eq!(record_type_of(&foreign.into()), None, "{foreign}");
        }
        assert!(is_default_id(&default_id(&"lead".into())));
        assert!(!is_default_id(&"lead-01H".into()));
    }
}
