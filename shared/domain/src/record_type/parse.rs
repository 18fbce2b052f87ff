//! Believing a client's definition of a record type. Every fault at once.

use serde_json::Value as Json;

use super::{RecordTypeDefinition, RecordTypes, Relation};
use crate::column::{Column, MAX_LABEL, label_of, required_name};
use crate::draft::{Draft, length_fault};
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, RecordType};

/// The most columns a client may give one type.
const MAX_COLUMNS: usize = 500;

/// The longest definition, as JSON, in bytes. The store keeps at most 400 KB.
const MAX_LENGTH: usize = 200 * 1024;

/// The most stages of one type.
const MAX_STAGES: usize = 50;

impl RecordTypeDefinition {
    /// Believes a client's definition of `record_type`, which stands at `at`; `known` holds the definitions so far.
    ///
    /// Columns and relations that exist from the start stay whether they are sent or not; their labels and options may
    /// be changed. No column changes its type or target. The whole has at most 204,800 bytes as JSON.
    pub fn parse(json: &Json, record_type: &RecordType, known: &RecordTypes, at: &Pointer) -> Result<Self, Vec<Fault>> {
        let built_in = Self::built_in().into_iter().find(|definition| definition.record_type == *record_type);
        let start = built_in.unwrap_or_else(|| Self::empty(record_type.clone()));

        let mut draft = Draft::read(json, at);
        draft.ignore(&["version"]);
        if draft.text("type", MAX_ID_LENGTH).is_some_and(|name| name != record_type.as_str()) {
            draft.fault("type", "cantChange", format!("must be {record_type}"));
        }
        let label = draft.text("label", MAX_LABEL).unwrap_or_else(|| start.label.clone());
        let enabled_for_queues = draft.flag("enabledForQueues", start.enabled_for_queues);
        let stages = draft.texts("stages", MAX_LABEL).unwrap_or_else(|| start.stages.clone());
        if stages.len() > MAX_STAGES {
            draft.fault("stages", "tooMany", format!("must be at most {MAX_STAGES}"));
        }
        let mut definition = Self { label, enabled_for_queues, stages, ..start };
        definition.read_columns(&mut draft, known);
        definition.read_relations(&mut draft, known);
        draft.faults(length_fault(&definition, MAX_LENGTH, at));
        draft.finish(Some(definition))
    }

    fn empty(record_type: RecordType) -> Self {
        let label = label_of(record_type.as_str());
        Self { record_type, label, columns: vec![], relations: vec![], enabled_for_queues: false, stages: vec![] }
    }

    fn read_columns(&mut self, draft: &mut Draft<'_>, known: &RecordTypes) {
        let Some(elements) = draft.list("columns") else { return };
        if elements.len() > MAX_COLUMNS {
            draft.fault("columns", "tooMany", format!("must be at most {MAX_COLUMNS}"));
            return;
        }
        let before = known.get(&self.record_type).cloned();
        let mut names: Vec<String> = vec![];
        for (at, json) in elements {
            let Some(column) = draft.part(Column::parse(json, &at)) else { continue };
            let mut refuse =
                |member, code, message: String| draft.faults([Fault::new(&at.join(member), code, message)]);
            if names.contains(&column.name) {
                refuse("name", "repeated", format!("the column {} stands in the list twice", column.name));
                continue;
            }
            names.push(column.name.clone());
            let own = self.columns.iter().position(|own| own.name == column.name);
            if own.is_none() && self.column(&column.name).is_some() {
                refuse("name", "reserved", format!("{} exists without being declared", column.name));
                continue;
            }
            let is_known = |target: &RecordType| known.get(target).is_some() || *target == self.record_type;
            if let Some(target) = column.target.as_ref().filter(|target| !is_known(target)) {
                refuse("target", "unknownRecordType", format!("there is no record type {target}"));
            }
            let earlier = before.as_ref().and_then(|before| before.columns.iter().find(|old| old.name == column.name));
            if let Some(earlier) = own.map(|index| &self.columns[index]).or(earlier) {
                if earlier.column_type != column.column_type {
                    refuse("type", "cantChange", format!("must stay {}", earlier.column_type.word()));
                }
                if let Some(target) = earlier.target.as_ref().filter(|target| column.target.as_ref() != Some(target)) {
                    refuse("target", "cantChange", format!("must stay {target}"));
                }
            }
            match own {
                Some(index) => self.columns[index] = column,
                None => self.columns.push(column),
            }
        }
    }

    fn read_relations(&mut self, draft: &mut Draft<'_>, known: &RecordTypes) {
        let mut names: Vec<String> = vec![];
        for (at, json) in draft.list("relations").unwrap_or_default() {
            let Some(relation) = draft.part(Relation::parse(json, &at)) else { continue };
            let mut refuse =
                |member, code, message: String| draft.faults([Fault::new(&at.join(member), code, message)]);
            if names.contains(&relation.name) {
                refuse("name", "repeated", format!("the relation {} stands in the list twice", relation.name));
                continue;
            }
            names.push(relation.name.clone());
            let related = known.get(&relation.record_type).filter(|related| related.holds_records());
            if let Some(name) = relation.lookup_column() {
                let lookup = self.columns.iter().find(|column| column.name == name);
                if lookup.and_then(|column| column.target.as_ref()) != Some(&relation.record_type) {
                    refuse("column", "unknownColumn", format!("must be a lookup with target {}", relation.record_type));
                }
            } else if self.holds_records() {
                refuse("column", "notAllowed", "only sellers, teams and queues own records".to_owned());
            } else if related.is_none() {
                refuse("type", "unknownRecordType", format!("there is no record type {}", relation.record_type));
            }
            match self.relations.iter().find(|own| own.name == relation.name) {
                Some(own) if *own != relation => {
                    refuse("name", "cantChange", format!("{} leads to {} from the start", own.name, own.record_type));
                }
                Some(_) => {}
                None => self.relations.push(relation),
            }
        }
        self.add_lookup_relations();
    }
}

impl Relation {
    fn parse(json: &Json, at: &Pointer) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(json, at);
        let name = required_name(&mut draft, "name");
        let record_type = RecordType::new(draft.required_text("type", MAX_ID_LENGTH));
        let column = draft.required_text("column", MAX_ID_LENGTH);
        draft.finish(Some(Self { name, record_type, column }))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use serde_json::json;

    fn parse(record_type: &str, json: &Json) -> Result<RecordTypeDefinition, Vec<Fault>> {
        RecordTypeDefinition::parse(json, &record_type.into(), &RecordTypes::built_in(), &Pointer::root())
    }

    fn faults(record_type: &str, json: &Json) -> Vec<(String, &'static str)> {
        let found = parse(record_type, json).unwrap_err();
        found.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    fn built_in(record_type: &str) -> Arc<RecordTypeDefinition> {
        RecordTypes::built_in().get(&record_type.into()).unwrap().clone()
    }

    #[test]
    fn a_definition_sent_back_as_it_was_read_changes_nothing() {
        for definition in RecordTypeDefinition::built_in() {
            let json = serde_json::to_value(&definition).unwrap();
            assert_eq!(parse(definition.record_type.as_str(), &json).unwrap(), definition);
            assert_eq!(serde_json::from_value::<RecordTypeDefinition>(json).unwrap(), definition);
        }
    }

    #[test]
    fn columns_that_exist_from_the_start_stay_when_a_client_sends_only_its_own() {
        let definition = parse("lead", &json!({"columns": [{"name": "shoeSize", "type": "whole"}]})).unwrap();
        let start = built_in("lead");
        assert_eq!(definition.columns[..start.columns.len()], start.columns);
        assert_eq!(definition.columns.last().unwrap().name, "shoeSize");
        assert_eq!(definition.relations, start.relations);
        assert_eq!(definition.enabled_for_queues, start.enabled_for_queues);
    }

    #[test]
    fn a_custom_type_has_the_relations_of_its_lookups_and_those_it_names() {
        let json = json!({
            "type": "ticket", "label": "Ticket",
            "columns": [
                {"name": "customer", "type": "lookup", "target": "account"},
                {"name": "parent", "type": "lookup", "target": "ticket"},
            ],
            "relations": [{"name": "buyer", "type": "account", "column": "customer"}],
            "enabledForQueues": true, "stages": ["open", "done"],
        });
        let definition = parse("ticket", &json).unwrap();
        let names: Vec<_> = definition.relations.iter().map(|relation| relation.name.as_str()).collect();
        assert_eq!(names, ["buyer", "customer", "parent"]);
        assert_eq!(definition.stages, ["open", "done"]);
        assert!(definition.enabled_for_queues && definition.holds_records());
    }

    #[test]
    fn every_fault_of_a_definition_is_named_at_once() {
        let json = json!({
            "type": "leads",
            "columns": [
                {"name": "city", "type": "whole"},
                {"name": "shoe", "type": "text"},
                {"name": "shoe", "type": "text"},
                {"name": "owner", "type": "owner"},
                {"name": "boss", "type": "lookup", "target": "nobody"},
                {"name": "parentAccount", "type": "lookup", "target": "contact"},
                {"name": "two words", "type": "text"},
            ],
            "relations": [
                {"name": "shoe", "type": "account", "column": "shoe"},
                {"name": "mine", "type": "account", "column": "owner"},
                {"name": "parentContact", "type": "account", "column": "parentAccount"},
            ],
            "colour": "red",
        });
        let expected = [
            ("/type", "cantChange"),
            ("/columns/0/type", "cantChange"),
            ("/columns/2/name", "repeated"),
            ("/columns/3/name", "reserved"),
            ("/columns/4/target", "unknownRecordType"),
            ("/columns/5/target", "cantChange"),
            ("/columns/6/name", "badName"),
            ("/relations/0/column", "unknownColumn"),
            ("/relations/1/column", "notAllowed"),
            ("/relations/2/column", "unknownColumn"),
            ("/relations/2/name", "cantChange"),
            ("/colour", "unknownMember"),
        ];
        assert_eq!(faults("lead", &json), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn what_a_seller_owns_is_a_relation_of_sellers_only() {
        let owned = |record_type| json!({"relations": [{"name": "mine", "type": record_type, "column": "owner"}]});
        assert!(parse("seller", &owned("lead")).is_ok());
        assert_eq!(faults("seller", &owned("team")), [("/relations/0/type".to_owned(), "unknownRecordType")]);
        assert_eq!(built_in("seller").relation("accountsOwned").unwrap().1.lookup_column(), None);
    }

    #[test]
    fn a_definition_is_as_long_as_the_store_has_room_for() {
        let options: Vec<String> = (0..1_000).map(|n| format!("{n:0>60}")).collect();
        let of = |columns: u32| {
            let columns = (0..columns).map(|n| json!({"name": format!("c{n}"), "type": "choice", "options": options}));
            json!({"columns": columns.collect::<Vec<_>>()})
        };
        assert!(parse("ticket", &of(3)).is_ok());
        assert_eq!(faults("ticket", &of(4)), [(String::new(), "tooLong")]);
    }

    #[test]
    fn a_clients_own_column_keeps_its_type() {
        let known = RecordTypes::built_in()
            .with(parse("lead", &json!({"columns": [{"name": "shoe", "type": "text"}]})).unwrap());
        let json = json!({"columns": [{"name": "shoe", "type": "whole"}]});
        let found = RecordTypeDefinition::parse(&json, &"lead".into(), &known, &Pointer::root()).unwrap_err();
        assert_eq!((found[0].pointer.as_str(), found[0].code), ("/columns/0/type", "cantChange"));
    }
}
