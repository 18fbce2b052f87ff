//! A record type: which columns its records have and which records are related to them (API.md section 3).
//!
//! Sellers, teams and queues are described in the same way, because conditions test them too. Not the records.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use crate::column::{Column, ColumnType};
use crate::draft::{Draft, length_fault};
use crate::fault::{Fault, Pointer};
use crate::id::RecordType;
use crate::value::Value;

mod built_in;
mod parse;

/// The column that holds a record's owner.
pub const OWNER: &str = "owner";

/// The longest `fields` of a record, seller, team or queue, as JSON, in bytes. The store keeps at most 400 KB, the rest of
/// the thing included.
pub const MAX_FIELDS_LENGTH: usize = 256 * 1024;

/// Types whose things own records instead of being records.
const OWNER_TYPES: [&str; 3] = ["seller", "team", "queue"];

/// Columns of every record, in the order of their indices; they aren't stored in `fields` (ENT-20).
static SYSTEM_COLUMNS: LazyLock<Vec<Column>> = LazyLock::new(|| {
    vec![
        Column::new("id", ColumnType::Id),
        Column::new("createdOn", ColumnType::Date),
        Column::new("modifiedOn", ColumnType::Date),
        Column::lookup("createdBy", "seller"),
        Column {
            options: Some(vec!["active".to_owned(), "inactive".to_owned()]),
            ..Column::new("state", ColumnType::Choice)
        },
        Column::new("statusReason", ColumnType::Choice),
        Column::new(OWNER, ColumnType::Owner),
    ]
});

/// What records of one type look like:
/// `{"type", "label", "columns", "relations", "enabledForQueues", "stages"}`.
///
/// The columns of every record ([`Self::system_columns`]) exist beside `columns`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordTypeDefinition {
    /// Its name. Never changes.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// For people.
    pub label: String,
    /// The columns of `fields`.
    pub columns: Vec<Column>,
    /// What conditions can ask about related records; each lookup column gives one of its own name.
    pub relations: Vec<Relation>,
    /// Whether its records may be in queues.
    pub enabled_for_queues: bool,
    /// The stages a record passes, in order.
    pub stages: Vec<String>,
}

/// How to get from a record to related ones: `{"name", "type", "column"}`.
///
/// With the column `owner` it leads from a seller, team or queue to the records of `type` that it owns; with any other
/// one it follows that lookup column to at most one record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Relation {
    /// Unique within the type.
    pub name: String,
    /// The type of the related records.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// The lookup column that leads there, or `owner`.
    pub column: String,
}

impl Relation {
    /// The lookup column of the record itself that the relation follows; `None` when it leads to what is owned.
    #[must_use]
    pub fn lookup_column(&self) -> Option<&str> {
        (self.column != OWNER).then_some(self.column.as_str())
    }
}

impl RecordTypeDefinition {
    /// The types that exist from the start: lead, opportunity, account, contact, seller, team and queue.
    #[must_use]
    pub fn built_in() -> Vec<Self> {
        built_in::definitions()
    }

    /// True when its things are records; false for sellers, teams and queues.
    #[must_use]
    pub fn holds_records(&self) -> bool {
        !OWNER_TYPES.contains(&self.record_type.as_str())
    }

    /// The columns that exist without being declared: those of every record; of a seller, team or queue only the id.
    #[must_use]
    pub fn system_columns(&self) -> &'static [Column] {
        let all: &'static [Column] = &SYSTEM_COLUMNS;
        if self.holds_records() { all } else { &all[..1] }
    }

    /// Every column that can be named. A declared column hides one of every record that has its name: the `state` of a
    /// lead or an account is the one of its address.
    pub fn all_columns(&self) -> impl Iterator<Item = &Column> {
        let declared = |name: &str| self.columns.iter().any(|column| column.name == name);
        self.system_columns().iter().filter(move |column| !declared(&column.name)).chain(&self.columns)
    }

    /// The column of that name and its index: first the columns of every record are counted, then the declared ones.
    #[must_use]
    pub fn column(&self, name: &str) -> Option<(usize, &Column)> {
        let system = self.system_columns();
        let declared = self.columns.iter().enumerate().map(|(index, column)| (system.len() + index, column));
        let mut named = declared.chain(system.iter().enumerate());
        named.find(|(_, column)| column.name == name)
    }

    /// The relation of that name and its index.
    #[must_use]
    pub fn relation(&self, name: &str) -> Option<(usize, &Relation)> {
        self.relations.iter().enumerate().find(|(_, relation)| relation.name == name)
    }

    /// Everything that is wrong with a record's `fields`, which stand at `at` in the body (COND-12), their length among
    /// it ([`MAX_FIELDS_LENGTH`]).
    #[must_use]
    pub fn check_fields(&self, fields: &Map<String, Json>, at: &Pointer) -> Vec<Fault> {
        let fault_of = |(name, json): (&String, &Json)| {
            let refused = |code, message: String| Some(Fault::new(&at.join(name), code, message));
            if let Some(column) = self.columns.iter().find(|column| column.name == *name) {
                return Value::parse(column, json).err().and_then(|wrong| refused(wrong.code, wrong.message));
            }
            if self.column(name).is_some() {
                return refused("notAllowed", format!("{name} is not one of the fields; it stands beside them"));
            }
            refused("unknownColumn", format!("{} has no column of this name", self.record_type))
        };
        fields.iter().filter_map(fault_of).chain(too_long(fields, at)).collect()
    }

    /// Reads the member `fields` of something of this type; empty when it is absent.
    pub fn read_fields(&self, draft: &mut Draft<'_>) -> Map<String, Json> {
        match draft.value("fields") {
            Some(Json::Object(fields)) => {
                let found = self.check_fields(fields, &draft.place("fields"));
                draft.faults(found);
                return fields.clone();
            }
            Some(_) => draft.fault("fields", "wrongType", "must be an object"),
            None => {}
        }
        Map::new()
    }

    /// What people call the record: its name, else its topic, else first and last name.
    ///
    /// Conditions on a lookup compare with this name (COND-26), and lists show it.
    #[must_use]
    pub fn name_of(&self, fields: &Map<String, Json>) -> Option<String> {
        let text = |column| fields.get(column).and_then(Json::as_str).filter(|text| !text.is_empty());
        if let Some(name) = text("name").or_else(|| text("topic")) {
            return Some(name.to_owned());
        }
        let parts: Vec<_> = ["firstName", "lastName"].into_iter().filter_map(text).collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }

    /// Gives each lookup column the relation of its name, unless another relation bears it.
    fn add_lookup_relations(&mut self) {
        for column in &self.columns {
            let Some(target) = column.target.clone() else { continue };
            if self.relations.iter().all(|relation| relation.name != column.name) {
                let name = column.name.clone();
                self.relations.push(Relation { column: name.clone(), name, record_type: target });
            }
        }
    }
}

/// The fault of `fields`, which stand at `at`, when they are longer than [`MAX_FIELDS_LENGTH`].
#[must_use]
pub fn too_long(fields: &Map<String, Json>, at: &Pointer) -> Option<Fault> {
    length_fault(fields, MAX_FIELDS_LENGTH, at)
}

/// Every record type of the organisation by name, those that exist from the start among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordTypes(BTreeMap<RecordType, Arc<RecordTypeDefinition>>);

impl RecordTypes {
    /// The types that exist from the start, as they are before anybody changed them.
    #[must_use]
    pub fn built_in() -> Self {
        let definitions = RecordTypeDefinition::built_in().into_iter();
        Self(definitions.map(|definition| (definition.record_type.clone(), Arc::new(definition))).collect())
    }

    /// These types and one more, or one in place of its earlier definition.
    #[must_use]
    pub fn with(mut self, definition: RecordTypeDefinition) -> Self {
        self.0.insert(definition.record_type.clone(), Arc::new(definition));
        self
    }

    /// The definition of a type.
    #[must_use]
    pub fn get(&self, record_type: &RecordType) -> Option<&Arc<RecordTypeDefinition>> {
        self.0.get(record_type)
    }

    /// All of them by name.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<RecordTypeDefinition>> {
        self.0.values()
    }
}

impl Default for RecordTypes {
    fn default() -> Self {
        Self::built_in()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn built_in(record_type: &str) -> Arc<RecordTypeDefinition> {
        RecordTypes::built_in().get(&record_type.into()).unwrap().clone()
    }

    fn fields(json: &Json) -> Map<String, Json> {
        json.as_object().unwrap().clone()
    }

    #[test]
    fn fields_are_checked_all_at_once() {
        let fields = fields(&json!({
            "city": "Seattle", "country": null, "topic": "", "employees": 1.5, "colour": "red",
            "owner": {"kind": "seller", "id": "susana"}, "doNotEmail": "yes",
        }));
        let found = built_in("lead").check_fields(&fields, &Pointer::root().join("fields"));
        let found: Vec<_> = found.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        assert_eq!(
            found,
            [
                ("/fields/employees", "wrongType"),
                ("/fields/colour", "unknownColumn"),
                ("/fields/owner", "notAllowed"),
                ("/fields/doNotEmail", "wrongType"),
            ]
        );
    }

    #[test]
    fn fields_are_as_long_as_the_store_has_room_for() {
        let at = Pointer::root().join("fields");
        let codes = |fields: &Json| {
            let found = built_in("lead").check_fields(fields.as_object().unwrap(), &at);
            found.iter().map(|fault| format!("{} {}", fault.pointer, fault.code)).collect::<Vec<_>>()
        };
        let around = json!({"topic": ""}).to_string().len();
        let of = |length: usize| json!({"topic": "x".repeat(length - around)});
        assert_eq!(of(MAX_FIELDS_LENGTH).to_string().len(), MAX_FIELDS_LENGTH);
        assert!(codes(&of(MAX_FIELDS_LENGTH)).is_empty());
        assert_eq!(codes(&of(MAX_FIELDS_LENGTH + 1)), ["/fields tooLong"]);
        let letters = "ä".repeat(MAX_FIELDS_LENGTH / 2);
        assert_eq!(codes(&json!({"topic": letters, "shoe": 1})), ["/fields/shoe unknownColumn", "/fields tooLong"]);
    }

    #[test]
    fn every_record_has_the_columns_that_are_not_declared() {
        let lead = built_in("lead");
        let opportunity = built_in("opportunity");
        let names: Vec<_> = opportunity.all_columns().take(7).map(|column| column.name.as_str()).collect();
        assert_eq!(names, ["id", "createdOn", "modifiedOn", "createdBy", "state", "statusReason", "owner"]);
        assert_eq!(opportunity.column("state").unwrap().0, 4);
        assert_eq!(lead.column("state").unwrap().1.column_type, ColumnType::Text, "a lead's state is its address's");
        assert_eq!(lead.all_columns().filter(|column| column.name == "state").count(), 1);
        let seller = built_in("seller");
        assert_eq!(seller.column("id").unwrap().0, 0);
        assert!(seller.column("owner").is_none() && seller.column("createdOn").is_none());
    }

    #[test]
    fn a_record_is_called_by_its_name_or_topic_or_first_and_last_name() {
        let name = |record_type, json: Json| built_in(record_type).name_of(&fields(&json));
        assert_eq!(name("account", json!({"name": "Acme"})).as_deref(), Some("Acme"));
        assert_eq!(name("lead", json!({"topic": "Boots", "lastName": "Li"})).as_deref(), Some("Boots"));
        assert_eq!(name("contact", json!({"firstName": "An", "lastName": "Li"})).as_deref(), Some("An Li"));
        assert_eq!(name("contact", json!({"firstName": "", "city": "Oslo"})), None);
    }
}
