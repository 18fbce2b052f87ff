//! Trying out what routing would make of a record at an instant (SEC-77).

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{RecordDraft, fields_of_new, instant, owner};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, Owner, RecordId};
use crate::record_type::RecordTypeDefinition;

/// So many days ahead or behind an instant may lie.
pub const MOST_DAYS: i64 = 30;

/// A simulation that is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct Simulation {
    /// The record that is routed.
    pub record: Routed,
    /// When.
    pub at: Timestamp,
}

/// The record that a simulation routes.
#[derive(Debug, Clone, PartialEq)]
pub enum Routed {
    /// One that is stored.
    Stored(RecordId),
    /// One that a client thinks of.
    Draft(RecordDraft),
}

impl Simulation {
    /// Believes `{"record": {"id"} | {"fields", "owner"?}, "at"?}`, or names everything that is wrong with it; `known`
    /// tells who can own records.
    pub fn parse(
        body: &Value,
        definition: &RecordTypeDefinition,
        known: impl Fn(&Owner) -> bool,
        now: Timestamp,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        let at = instant(&mut draft, "at").unwrap_or(now);
        if at.duration_since(now).abs() > SignedDuration::from_hours(24 * MOST_DAYS) {
            draft.fault("at", "outOfRange", format!("must lie at most {MOST_DAYS} days ahead or behind"));
        }
        let record = match draft.object("record") {
            Some(part) => draft.part(Routed::believe(part, definition, known)),
            None => {
                draft.required("record");
                None
            }
        };
        draft.finish(record.map(|record| Self { record, at }))
    }
}

impl Routed {
    fn believe(
        mut part: Draft<'_>,
        definition: &RecordTypeDefinition,
        known: impl Fn(&Owner) -> bool,
    ) -> Result<Self, Vec<Fault>> {
        if part.value("id").is_none() {
            let fields = fields_of_new(&mut part, definition);
            let owner = owner(&mut part, known);
            let draft = fields.map(|fields| RecordDraft { id: None, fields, owner, created_on: None, route: true });
            return part.finish(draft.map(Self::Draft));
        }
        let id = part.text("id", MAX_ID_LENGTH);
        for member in ["fields", "owner"] {
            if part.value(member).is_some() {
                part.fault(member, "notAllowed", "is given only in place of an id");
            }
        }
        part.finish(id.map(|id| Self::Stored(RecordId::new(id))))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypes;

    fn parse(body: &Value) -> Result<Simulation, Vec<(String, &'static str)>> {
        let types = RecordTypes::built_in();
        let known = |owner: &Owner| owner.id() == "susana";
        let believed = Simulation::parse(body, types.get(&"lead".into()).unwrap(), known, now());
        believed.map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    fn now() -> Timestamp {
        "2026-03-15T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn sec_77_a_stored_record_or_a_draft_is_routed_now_or_then() {
        let stored = parse(&json!({"record": {"id": "L-1", "fields": null}, "at": ""})).unwrap();
        assert_eq!(stored, Simulation { record: Routed::Stored("L-1".into()), at: now() });
        let owner = json!({"kind": "seller", "id": "susana"});
        let body = json!({"record": {"fields": {"city": "Bern", "phone": ""}, "owner": owner},
            "at": "2026-03-16T12:00:00.0009Z"});
        let Simulation { record, at } = parse(&body).unwrap();
        let Routed::Draft(draft) = record else { panic!("{record:?}") };
        assert_eq!(draft.fields, *json!({"city": "Bern"}).as_object().unwrap());
        assert_eq!((draft.owner, draft.route), (Some(Owner::Seller("susana".into())), true));
        assert_eq!(at.to_string(), "2026-03-16T12:00:00Z", "to the millisecond");
    }

    #[test]
    fn sec_77_every_fault_of_a_simulation_is_named_at_once() {
        let faults = |body: Value| {
            let mut faults = parse(&body).unwrap_err();
            faults.sort_unstable();
            faults.into_iter().map(|(pointer, code)| format!("{pointer} {code}")).collect::<Vec<_>>().join(", ")
        };
        for (body, expected) in [
            (json!([]), " wrongType"),
            (json!({}), "/record required"),
            (json!({"record": "L-1"}), "/record wrongType"),
            (json!({"record": {}}), "/record/fields required"),
            (json!({"record": {"id": 7}, "x": 1}), "/record/id wrongType, /x unknownMember"),
            (
                json!({"record": {"id": "L-1", "fields": {}, "owner": {"kind": "team", "id": "a"}}}),
                "/record/fields notAllowed, /record/owner notAllowed",
            ),
            (
                json!({"record": {"fields": {"shoeSize": 42, "employees": "many"}, "owner": {}, "createdOn": "x"},
                    "at": "soon"}),
                "/at wrongType, /record/createdOn unknownMember, /record/fields/employees wrongType, \
                 /record/fields/shoeSize unknownColumn, /record/owner/id required, /record/owner/kind required",
            ),
            (
                json!({"record": {"fields": {"shoeSize": 42}, "owner": {"kind": "seller", "id": "nobody"}}}),
                "/record/fields/shoeSize unknownColumn, /record/owner/id unknownOwner",
            ),
            (json!({"record": {"id": "L-1"}, "at": "2026-04-14T12:00:00.001Z"}), "/at outOfRange"),
            (json!({"record": {"id": "L-1"}, "at": "2026-02-13T11:59:59.999Z"}), "/at outOfRange"),
        ] {
            assert_eq!(faults(body.clone()), expected, "{body}");
        }
        for at in ["2026-04-14T12:00:00Z", "2026-02-13T12:00:00Z"] {
            assert!(parse(&json!({"record": {"id": "L-1"}, "at": at})).is_ok(), "{at}");
        }
    }
}
