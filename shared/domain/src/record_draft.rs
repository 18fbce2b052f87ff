//! What a client proposes for a record, before it is believed: a new record, changed columns, an owner, an outcome.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, Owner, QueueId, RecordId, RecordType, SellerId, TeamId, id_fault};
use crate::record_type::RecordTypeDefinition;

pub mod simulation;

/// How many records one request gives to somebody: each is a transaction on the same seller.
pub const MOST_ASSIGNED: usize = 200;

/// A new record that is believed.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDraft {
    /// The client's choice of id.
    pub id: Option<RecordId>,
    /// The columns; empty ones are left out.
    pub fields: Map<String, Value>,
    /// The owner given with it.
    pub owner: Option<Owner>,
    /// When it was created, if not now.
    pub created_on: Option<Timestamp>,
    /// Whether it is to be routed.
    pub route: bool,
}

impl RecordDraft {
    /// Believes the body of a POST, or an element of a batch, which stands at `at`; `known` tells who can own records.
    pub fn parse(
        json: &Value,
        at: &Pointer,
        definition: &RecordTypeDefinition,
        known: impl Fn(&Owner) -> bool,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(json, at);
        let id = draft.text("id", MAX_ID_LENGTH);
        if let Some(fault) = id.as_deref().and_then(id_fault) {
            draft.fault("id", "invalidId", fault);
        }
        let fields = fields_of_new(&mut draft, definition);
        let owner = owner(&mut draft, known);
        let created_on = instant(&mut draft, "createdOn");
        let route = draft.flag("route", true);
        draft.finish(fields.map(|fields| Self { id: id.map(RecordId::new), fields, owner, created_on, route }))
    }
}

/// Believes the body of a PATCH: `{"fields": {...}}`, where null or an empty text empties a column. What it makes of a
/// record may still be [`too_long`](crate::record_type::too_long).
pub fn parse_patch(json: &Value, definition: &RecordTypeDefinition) -> Result<Map<String, Value>, Vec<Fault>> {
    let mut draft = Draft::read(json, &Pointer::root());
    let changes = fields(&mut draft, definition);
    draft.finish(changes)
}

/// Believes the body of a manual assignment: `{"owner": {"kind", "id"}}`; `known` tells who can own records.
pub fn parse_owner(json: &Value, known: impl Fn(&Owner) -> bool) -> Result<Owner, Vec<Fault>> {
    let mut draft = Draft::read(json, &Pointer::root());
    let owner = owner(&mut draft, known);
    if owner.is_none() && !draft.has_fault("owner") {
        draft.required("owner");
    }
    draft.finish(owner)
}

/// Believes the body of a manual assignment of several records: `{"recordIds": [...], "owner": {"kind", "id"}}`; `known`
/// tells who can own records.
pub fn parse_assignments(json: &Value, known: impl Fn(&Owner) -> bool) -> Result<(Vec<RecordId>, Owner), Vec<Fault>> {
    let mut draft = Draft::read(json, &Pointer::root());
    let ids = draft.texts("recordIds", MAX_ID_LENGTH);
    match &ids {
        Some(ids) if ids.len() > MOST_ASSIGNED => {
            draft.fault("recordIds", "tooMany", format!("must be {MOST_ASSIGNED} at the most"));
        }
        Some(ids) if !ids.is_empty() => {}
        _ if draft.has_fault("recordIds") => {}
        _ => draft.required("recordIds"),
    }
    let owner = owner(&mut draft, known);
    if owner.is_none() && !draft.has_fault("owner") {
        draft.required("owner");
    }
    let ids = ids.map(|ids| ids.into_iter().map(RecordId::new).collect());
    draft.finish(ids.zip(owner))
}

/// Believes the body of a close: `{"outcome": ...}`, with the words that the type has (API.md "Records").
pub fn parse_outcome(json: &Value, record_type: &RecordType) -> Result<&'static str, Vec<Fault>> {
    let words: &[&'static str] = match record_type.as_str() {
        "lead" => &["qualified", "disqualified", "deactivated"],
        "opportunity" => &["won", "lost", "deactivated"],
        _ => &["deactivated"],
    };
    let words: Vec<(&str, &'static str)> = words.iter().map(|word| (*word, *word)).collect();
    let mut draft = Draft::read(json, &Pointer::root());
    let outcome = draft.word("outcome", &words);
    if outcome.is_none() && !draft.has_fault("outcome") {
        draft.required("outcome");
    }
    draft.finish(outcome)
}

/// The columns of a new record: empty ones are left out.
fn fields_of_new(draft: &mut Draft<'_>, definition: &RecordTypeDefinition) -> Option<Map<String, Value>> {
    let mut fields = fields(draft, definition)?;
    fields.retain(|_, value| !is_empty(value));
    Some(fields)
}

fn fields(draft: &mut Draft<'_>, definition: &RecordTypeDefinition) -> Option<Map<String, Value>> {
    let fields = match draft.value("fields") {
        Some(Value::Object(fields)) => fields,
        Some(_) => {
            draft.fault("fields", "wrongType", "must be an object");
            return None;
        }
        None => {
            draft.required("fields");
            return None;
        }
    };
    let place = draft.place("fields");
    draft.faults(definition.check_fields(fields, &place));
    Some(fields.clone())
}

fn owner(draft: &mut Draft<'_>, known: impl Fn(&Owner) -> bool) -> Option<Owner> {
    let mut part = draft.object("owner")?;
    let kinds = [("seller", 0_u8), ("team", 1), ("queue", 2)];
    let kind = part.word("kind", &kinds);
    if kind.is_none() && !part.has_fault("kind") {
        part.required("kind");
    }
    let id = part.required_text("id", MAX_ID_LENGTH);
    let owner = kind.map(|kind| match kind {
        0 => Owner::Seller(SellerId::new(id)),
        1 => Owner::Team(TeamId::new(id)),
        _ => Owner::Queue(QueueId::new(id)),
    });
    if let Some(owner) = owner.as_ref().filter(|owner| !owner.id().is_empty() && !known(owner)) {
        part.fault("id", "unknownOwner", format!("there is no {} {}", owner.kind(), owner.id()));
    }
    let believed = part.finish(owner);
    draft.part(believed)
}

fn instant(draft: &mut Draft<'_>, name: &'static str) -> Option<Timestamp> {
    let text = draft.text(name, 64)?;
    let instant = text.parse::<Timestamp>().ok().filter(|at| (0..=MAX_INSTANT).contains(&at.as_millisecond()));
    if instant.is_none() {
        draft.fault(name, "wrongType", "must be an RFC 3339 instant between 1970 and 2286");
    }
    // Stored and shown to the millisecond.
    instant.and_then(|at| Timestamp::from_millisecond(at.as_millisecond()).ok())
}

/// The last millisecond with thirteen digits, which keys have room for.
const MAX_INSTANT: i64 = 9_999_999_999_999;

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypes;

    fn parse(body: &Value) -> Result<RecordDraft, Vec<String>> {
        let types = RecordTypes::built_in();
        RecordDraft::parse(body, &Pointer::root(), types.get(&"lead".into()).unwrap(), known).map_err(named)
    }

    fn known(owner: &Owner) -> bool {
        owner.id() == "north"
    }

    fn named(faults: Vec<Fault>) -> Vec<String> {
        faults.into_iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect()
    }

    #[test]
    fn a_draft_is_believed_with_all_its_members() {
        let draft = parse(&json!({
            "id": "L-1", "fields": {"city": "Bern", "phone": ""}, "owner": {"kind": "team", "id": "north"},
            "createdOn": "2026-03-02T10:00:00.1239Z", "route": false
        }));
        let draft = draft.unwrap();
        assert_eq!(draft.fields, *json!({"city": "Bern"}).as_object().unwrap());
        assert_eq!(draft.owner, Some(Owner::Team("north".into())));
        assert_eq!(draft.created_on.unwrap().to_string(), "2026-03-02T10:00:00.123Z");
        assert!(!draft.route);
    }

    #[test]
    fn every_fault_is_named_at_once() {
        let faults = parse(&json!({
            "id": "batch", "fields": {"colour": 1, "city": 7}, "owner": {"kind": "user"}, "createdOn": "soon", "x": 1
        }));
        let mut faults = faults.unwrap_err();
        faults.sort();
        let places: Vec<&str> = faults.iter().map(|fault| fault.split(' ').next().unwrap()).collect();
        assert_eq!(places, ["/createdOn", "/fields/city", "/fields/colour", "/id", "/owner/id", "/owner/kind", "/x"]);
    }

    #[test]
    fn an_unknown_owner_is_named_with_the_other_faults_and_looked_up_only_when_it_can_be_one() {
        let nobody = json!({"kind": "seller", "id": "nobody"});
        let draft = parse(&json!({"fields": {"shoeSize": 1}, "owner": nobody}));
        assert_eq!(draft.unwrap_err(), ["/fields/shoeSize unknownColumn", "/owner/id unknownOwner"]);
        let assignments = parse_assignments(&json!({"owner": nobody, "colour": "red"}), known).map_err(named);
        assert_eq!(
            assignments.unwrap_err(),
            ["/recordIds required", "/owner/id unknownOwner", "/colour unknownMember"]
        );
        let one = parse_owner(&json!({"owner": nobody, "colour": "red"}), known).map_err(named);
        assert_eq!(one.unwrap_err(), ["/owner/id unknownOwner", "/colour unknownMember"]);
        for (owner, fault) in [
            (json!({"kind": "user", "id": "nobody"}), "/owner/kind unknownWord"),
            (json!({"kind": "seller", "id": ""}), "/owner/id required"),
            (json!({"kind": "seller", "id": 7}), "/owner/id wrongType"),
        ] {
            let one = parse_owner(&json!({"owner": owner}), |_| panic!("{owner} is looked up")).map_err(named);
            assert_eq!(one.unwrap_err(), [fault]);
        }
    }

    #[test]
    fn a_lead_is_qualified_and_an_opportunity_is_won() {
        assert_eq!(parse_outcome(&json!({"outcome": "qualified"}), &"lead".into()), Ok("qualified"));
        assert_eq!(parse_outcome(&json!({"outcome": "won"}), &"opportunity".into()), Ok("won"));
        assert!(parse_outcome(&json!({"outcome": "won"}), &"lead".into()).is_err());
        assert!(parse_outcome(&json!({}), &"lead".into()).is_err());
    }
}
