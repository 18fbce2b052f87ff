//! A subject: what a condition is tested on, a record, seller, team or queue with its values typed once.
//!
//! It also holds what the test needs from elsewhere: names of looked-up records, related subjects and a seller's
//! attributes. Loading those is not done here; `Condition::reads` says which are needed.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::fault::{Fault, Pointer};
use crate::id::Owner;
use crate::record_type::RecordTypeDefinition;
use crate::value::{Date, Text, Value};

/// Typed values by the indices of columns and relations of one definition.
///
/// A compiled condition tests it by index, so both must come from the same definition; a rulebook version holds one.
#[derive(Debug, Clone, PartialEq)]
pub struct Subject {
    definition: Arc<RecordTypeDefinition>,
    values: Vec<Option<Value>>,
    names: BTreeMap<usize, Value>,
    related: Vec<Vec<Arc<Subject>>>,
    attributes: BTreeMap<String, Vec<Value>>,
}

/// What a record holds beside its `fields`. Of a seller, team or queue only the id is used.
#[derive(Debug, Clone, Copy, Default)]
pub struct System<'a> {
    /// The id.
    pub id: &'a str,
    /// When it was created.
    pub created_on: Option<Timestamp>,
    /// When it was last changed.
    pub modified_on: Option<Timestamp>,
    /// Whom the client that created it acted for.
    pub created_by: Option<&'a str>,
    /// `active` or `inactive`.
    pub state: Option<&'a str>,
    /// Why it is in this state.
    pub status_reason: Option<&'a str>,
    /// Who owns it.
    pub owner: Option<&'a Owner>,
}

impl Subject {
    /// Types the values of a record. A value of a wrong type is a fault at `/fields/{column}`; fields that are no
    /// columns are passed over, because another program or an earlier definition may have left them.
    pub fn new(
        definition: &Arc<RecordTypeDefinition>,
        fields: &Map<String, Json>,
        system: &System<'_>,
    ) -> Result<Self, Vec<Fault>> {
        let mut faults = vec![];
        let beside = definition.system_columns().iter().map(|column| system.value(&column.name));
        let within = definition.columns.iter().map(|column| {
            let json = fields.get(&column.name)?;
            Value::of_type(column.column_type, json).unwrap_or_else(|wrong| {
                let at = Pointer::root().join("fields").join(&column.name);
                faults.push(Fault::new(&at, wrong.code, wrong.message));
                None
            })
        });
        let values = beside.chain(within).collect();
        if !faults.is_empty() {
            return Err(faults);
        }
        let related = vec![vec![]; definition.relations.len()];
        let definition = Arc::clone(definition);
        Ok(Self { definition, values, names: BTreeMap::new(), related, attributes: BTreeMap::new() })
    }

    /// A team or queue: the columns of its fields, and its name. `None` when a value is not of its column's type.
    pub(crate) fn of_group(
        definition: &Arc<RecordTypeDefinition>,
        id: &str,
        name: &str,
        fields: &Map<String, Json>,
    ) -> Option<Self> {
        let mut fields = fields.clone();
        fields.insert("name".to_owned(), Json::String(name.to_owned()));
        Self::new(definition, &fields, &System { id, ..System::default() }).ok()
    }

    /// Says what the thing is called that a lookup or owner column leads to (COND-26).
    pub fn set_name(&mut self, column: &str, name: &str) {
        if let Some((index, _)) = self.definition.column(column).filter(|_| !name.is_empty()) {
            self.names.insert(index, Value::Text(Text::new(name)));
        }
    }

    /// Adds one of the related subjects of a relation.
    pub fn add_related(&mut self, relation: &str, related: Arc<Subject>) {
        if let Some((index, _)) = self.definition.relation(relation) {
            self.related[index].push(related);
        }
    }

    /// Takes the related subject of an id out of a relation.
    pub(crate) fn remove_related(&mut self, relation: &str, id: &str) {
        if let Some((index, _)) = self.definition.relation(relation) {
            self.related[index].retain(|related| !matches!(related.value("id"), Some(Value::Id(known)) if known == id));
        }
    }

    /// The same thing with this owner.
    pub(crate) fn owned_by(&self, owner: &Owner) -> Self {
        let mut subject = self.clone();
        if let Some((index, _)) = self.definition.column("owner") {
            subject.values[index] = Some(Value::Owner(owner.clone()));
            subject.names.remove(&index);
        }
        subject
    }

    /// Says which values a seller has of an attribute (ENT-25).
    pub fn set_attribute<'a>(&mut self, attribute: &str, values: impl IntoIterator<Item = &'a str>) {
        let values = values.into_iter().map(|value| Value::Text(Text::new(value))).collect();
        self.attributes.insert(attribute.to_owned(), values);
    }

    /// What kind of thing it is.
    #[must_use]
    pub fn definition(&self) -> &RecordTypeDefinition {
        &self.definition
    }

    /// The value of a column; `None` when it is empty or the type has no such column.
    #[must_use]
    pub fn value(&self, column: &str) -> Option<&Value> {
        self.value_at(self.definition.column(column)?.0)
    }

    /// The name of what a lookup or owner column leads to, as text, if it was said.
    #[must_use]
    pub fn name(&self, column: &str) -> Option<&Value> {
        self.name_at(self.definition.column(column)?.0)
    }

    /// The related subjects of a relation.
    #[must_use]
    pub fn related(&self, relation: &str) -> &[Arc<Subject>] {
        self.definition.relation(relation).map_or(&[], |(index, _)| self.related_at(index))
    }

    /// The values of an attribute, all of them text.
    #[must_use]
    pub fn attribute(&self, attribute: &str) -> &[Value] {
        self.attributes.get(attribute).map_or(&[], Vec::as_slice)
    }

    /// The value of the column with an index of the definition.
    pub(crate) fn value_at(&self, column: usize) -> Option<&Value> {
        self.values.get(column)?.as_ref()
    }

    /// The name of what the column with an index leads to.
    pub(crate) fn name_at(&self, column: usize) -> Option<&Value> {
        self.names.get(&column)
    }

    /// The related subjects of the relation with an index.
    pub(crate) fn related_at(&self, relation: usize) -> &[Arc<Subject>] {
        self.related.get(relation).map_or(&[], Vec::as_slice)
    }
}

impl System<'_> {
    fn value(&self, column: &str) -> Option<Value> {
        let id = |text: &str| Value::Id(text.to_owned());
        let instant = |instant| Value::Date(Date::Instant(instant));
        let text = |text: &str| Value::Text(Text::new(text));
        match column {
            "id" => Some(id(self.id)),
            "createdOn" => self.created_on.map(instant),
            "modifiedOn" => self.modified_on.map(instant),
            "createdBy" => self.created_by.filter(|by| !by.is_empty()).map(id),
            "state" => self.state.map(text),
            "statusReason" => self.status_reason.filter(|reason| !reason.is_empty()).map(text),
            "owner" => self.owner.cloned().map(Value::Owner),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record_type::RecordTypes;
    use serde_json::json;

    fn of_type(record_type: &str, fields: &Json, system: &System<'_>) -> Result<Subject, Vec<Fault>> {
        let definition = RecordTypes::built_in().get(&record_type.into()).unwrap().clone();
        Subject::new(&definition, fields.as_object().unwrap(), system)
    }

    fn lead(fields: &Json, system: &System<'_>) -> Result<Subject, Vec<Fault>> {
        of_type("lead", fields, system)
    }

    #[test]
    fn fields_and_what_stands_beside_them_are_typed() {
        let owner = Owner::Team("north".into());
        let system = System {
            id: "L-1",
            created_on: Some(Timestamp::UNIX_EPOCH),
            modified_on: Some(Timestamp::UNIX_EPOCH),
            created_by: Some("susana"),
            state: Some("active"),
            status_reason: Some("New"),
            owner: Some(&owner),
        };
        let fields = json!({"topic": "Boots", "product": "", "probability": 40});
        let subject = of_type("opportunity", &fields, &system).unwrap();
        assert_eq!(subject.value("topic"), Some(&Value::Text(Text::new("Boots"))));
        assert_eq!(subject.value("product"), None);
        assert!(matches!(subject.value("probability"), Some(Value::Number(_))));
        for column in subject.definition().system_columns() {
            assert!(subject.value(&column.name).is_some(), "{} has a value", column.name);
        }
        assert_eq!(subject.value("owner"), Some(&Value::Owner(owner)));
    }

    #[test]
    fn a_stored_value_of_a_wrong_type_is_a_fault_and_an_unknown_field_is_none() {
        let found = lead(&json!({"employees": "many", "city": 3, "colour": []}), &System::default()).unwrap_err();
        let mut found: Vec<_> = found.iter().map(|fault| fault.pointer.as_str()).collect();
        found.sort_unstable();
        assert_eq!(found, ["/fields/city", "/fields/employees"]);
        assert!(lead(&json!({"colour": []}), &System::default()).is_ok());
    }

    #[test]
    fn a_stored_choice_that_is_no_option_any_more_is_still_a_value() {
        let system = System { state: Some("archived"), ..System::default() };
        assert!(of_type("contact", &json!({}), &system).unwrap().value("state").is_some());
        assert!(lead(&json!({}), &system).unwrap().value("state").is_none(), "a lead's state is its address's");
    }

    #[test]
    fn names_related_subjects_and_attributes_are_found_where_they_were_put() {
        let account = Arc::new(lead(&json!({"city": "Rome"}), &System::default()).unwrap());
        let mut subject = lead(&json!({"parentAccount": "A-1"}), &System { id: "L-1", ..System::default() }).unwrap();
        subject.set_name("parentAccount", "Acme");
        subject.set_name("noColumn", "Acme");
        subject.add_related("parentAccount", Arc::clone(&account));
        subject.set_attribute("language", ["en", "de"]);
        assert_eq!(subject.name("parentAccount"), Some(&Value::Text(Text::new("Acme"))));
        assert_eq!(subject.related("parentAccount"), [account]);
        assert_eq!(subject.related("parentContact"), []);
        assert_eq!(subject.attribute("language").len(), 2);
        assert_eq!(subject.attribute("skill"), []);
    }
}
