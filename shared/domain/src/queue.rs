//! A queue: records that wait for any of its members to pick them (ENT-39, RULE-36).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::draft::{Draft, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{QueueId, RecordType, SellerId};
use crate::members::read_members;
use crate::record_type::{RecordTypeDefinition, RecordTypes};
use crate::subject::Subject;

/// A queue as stored and as answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Queue {
    /// Chosen by the client, or by the server when absent.
    pub id: QueueId,
    /// For people, 1 to 100 characters.
    pub name: String,
    /// A disabled queue gets no record.
    pub enabled: bool,
    /// Types of the records it may hold; each is enabled for queues when it is named here.
    pub record_types: Vec<RecordType>,
    /// The sellers who may pick from it.
    pub member_ids: Vec<SellerId>,
    /// Values of the columns of the record type `queue`.
    pub fields: Map<String, Value>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

impl Queue {
    /// The queue as matchers test one. `None` when a stored value is not of its column's type any more.
    #[must_use]
    pub fn subject(&self, definition: &Arc<RecordTypeDefinition>) -> Option<Subject> {
        Subject::of_group(definition, self.id.as_str(), &self.name, &self.fields)
    }
}

/// What a client proposes as a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct QueueDraft {
    /// The id that the client chose; absent = the server chooses one.
    pub id: Option<QueueId>,
    name: String,
    enabled: bool,
    record_types: Vec<RecordType>,
    member_ids: Vec<SellerId>,
    fields: Map<String, Value>,
}

impl QueueDraft {
    /// Believes a body of API.md "Sellers", or names everything that is wrong with it. `known` are all record types,
    /// `sellers` those of [`crate::members::members_named`] that exist; `present` is the queue that it is to replace,
    /// whose id can't change.
    pub fn parse(
        body: &Value,
        known: &RecordTypes,
        sellers: &BTreeSet<SellerId>,
        present: Option<&Queue>,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["version"]);
        let id = draft.id(present.map(|queue| queue.id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let enabled = draft.flag("enabled", true);
        let record_types = read_record_types(&mut draft, known);
        let member_ids = read_members(&mut draft, sellers);
        let definition = known.get(&RecordType::from("queue")).expect("queues are described from the start");
        let fields = definition.read_fields(&mut draft);
        draft.finish(Some(Self { id: id.map(QueueId::new), name, enabled, record_types, member_ids, fields }))
    }

    /// The queue that a POST creates.
    #[must_use]
    pub fn into_queue(self, id: QueueId) -> Queue {
        let Self { name, enabled, record_types, member_ids, fields, .. } = self;
        Queue { id, name, enabled, record_types, member_ids, fields, version: 1 }
    }

    /// What a PUT makes of the queue it was believed for.
    #[must_use]
    pub fn applied_to(&self, queue: &Queue) -> Queue {
        Queue { version: queue.version, ..self.clone().into_queue(queue.id.clone()) }
    }
}

/// Reads `recordTypes`: types of records that are enabled for queues (RULE-36).
fn read_record_types(draft: &mut Draft<'_>, known: &RecordTypes) -> Vec<RecordType> {
    let named: Vec<RecordType> = draft.ids("recordTypes").into_iter().map(RecordType::new).collect();
    let at = draft.place("recordTypes");
    let refused = named.iter().enumerate().filter_map(|(n, record_type)| {
        match known.get(record_type).filter(|definition| definition.holds_records()) {
            None => Some((n, "unknownRecordType", format!("there is no record type {record_type}"))),
            Some(definition) if !definition.enabled_for_queues => {
                Some((n, "notEnabledForQueues", format!("{record_type} is not enabled for queues")))
            }
            Some(_) => None,
        }
    });
    draft.faults(refused.map(|(n, code, message)| Fault::new(&at.join(n), code, message)).collect::<Vec<_>>());
    named
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypeDefinition;

    /// The built-in types and `deal`, which is not enabled for queues.
    fn known() -> RecordTypes {
        let known = RecordTypes::built_in();
        let deal = json!({"columns": [], "enabledForQueues": false});
        let deal = RecordTypeDefinition::parse(&deal, &"deal".into(), &known, &Pointer::root()).unwrap();
        known.with(deal)
    }

    fn parse(body: &Value, present: Option<&Queue>) -> Result<QueueDraft, Vec<(String, &'static str)>> {
        let sellers = ["susana"].map(SellerId::from).into();
        QueueDraft::parse(body, &known(), &sellers, present)
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    /// ENT-39.
    #[test]
    fn a_queue_is_enabled_unless_the_body_says_otherwise() {
        let body = json!({"name": "Inbound", "recordTypes": ["lead"], "memberIds": ["susana"]});
        let queue = parse(&body, None).unwrap().into_queue("inbound".into());
        let json = serde_json::to_value(&queue).unwrap();
        let expected = json!({
            "id": "inbound", "name": "Inbound", "enabled": true, "recordTypes": ["lead"], "memberIds": ["susana"],
            "fields": {}, "version": 1
        });
        assert_eq!(json, expected);
        assert_eq!(parse(&json, Some(&queue)).unwrap().applied_to(&queue), queue, "what was read can be sent back");
    }

    #[test]
    fn rule_36_every_fault_of_a_queue_is_named_at_once() {
        let body = json!({
            "id": "a b", "enabled": "yes", "recordTypes": ["lead", "robot", "seller", "deal"], "memberIds": ["alan"],
            "fields": {"city": "Rome"}, "roles": []
        });
        let expected = [
            ("/id", "badId"),
            ("/name", "required"),
            ("/enabled", "wrongType"),
            ("/recordTypes/1", "unknownRecordType"),
            ("/recordTypes/2", "unknownRecordType"),
            ("/recordTypes/3", "notEnabledForQueues"),
            ("/memberIds/0", "unknownSeller"),
            ("/fields/city", "unknownColumn"),
            ("/roles", "unknownMember"),
        ];
        assert_eq!(parse(&body, None).unwrap_err(), expected.map(|(at, code)| (at.to_owned(), code)));
    }
}
