//! A seller attribute: a property of sellers with a closed list of values, which rules match on (ENT-05, ATTR-*). Which
//! seller has which values is part of the seller; applying them is `apply`, which rules use them `used`.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::column::{Column, MAX_LABEL};
use crate::condition::AttributeValues;
use crate::draft::{Draft, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{RecordType, SellerAttributeId};
use crate::record_type::RecordTypes;
use crate::seller::Seller;
use crate::value::fold;

pub use self::apply::{AttributesDraft, Mode};
pub use self::used::Used;

mod apply;
mod used;

/// The most values of one attribute.
const MAX_VALUES: usize = 1000;

/// An attribute as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SellerAttribute {
    /// Chosen by the server. Never used again.
    pub id: SellerAttributeId,
    /// Unique in the organisation, whatever the case; 1 to 100 characters (ATTR-06).
    pub name: String,
    /// Where its values come from. Never changes (ATTR-02).
    pub source: Source,
    /// At least one, each 1 to 100 characters, unique whatever the case (ATTR-06).
    pub values: Vec<String>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

/// Where an attribute's values come from: `"manual"` or `{"recordType", "column"}` (ATTR-01).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Typed by a manager.
    Manual,
    /// Pulled from a column.
    #[serde(untagged, rename_all = "camelCase")]
    Column {
        /// The column's record type.
        record_type: RecordType,
        /// The column's name.
        column: String,
    },
}

impl Source {
    fn column<'a>(&self, known: &'a RecordTypes) -> Option<&'a Column> {
        match self {
            Self::Manual => None,
            Self::Column { record_type, column } => known.get(record_type)?.column(column).map(|(_, column)| column),
        }
    }
}

/// What a client proposes as an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SellerAttributeDraft {
    name: String,
    source: Source,
    values: Vec<String>,
}

impl SellerAttributeDraft {
    /// Believes a body of `/v1/seller-attributes`, or names everything that is wrong with it. `present` is the
    /// attribute that it is to replace, whose id and source can't change.
    pub fn parse(body: &Value, known: &RecordTypes, present: Option<&SellerAttribute>) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["version"]);
        draft.same("id", present.map(|attribute| attribute.id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let source = read_source(&mut draft, known, present);
        let options = source.as_ref().and_then(|source| allowed(source, known, present));
        let values = read_values(&mut draft, options);
        draft.finish(source.map(|source| Self { name, source, values }))
    }

    /// The attribute that a POST creates.
    #[must_use]
    pub fn into_attribute(self, id: SellerAttributeId) -> SellerAttribute {
        SellerAttribute { id, name: self.name, source: self.source, values: self.values, version: 1 }
    }

    /// What a PUT makes of the attribute it was believed for.
    #[must_use]
    pub fn applied_to(&self, attribute: &SellerAttribute) -> SellerAttribute {
        SellerAttribute { version: attribute.version, ..self.clone().into_attribute(attribute.id.clone()) }
    }
}

/// What values may be chosen from; `None` = whatever the client types.
fn allowed(source: &Source, known: &RecordTypes, present: Option<&SellerAttribute>) -> Option<Vec<String>> {
    match (source, source.column(known)) {
        (Source::Manual, _) => None,
        (_, Some(column)) => column.options.clone(),
        // The column is gone: nothing can be restored from it.
        (_, None) => present.map(|attribute| attribute.values.clone()),
    }
}

fn read_source(draft: &mut Draft<'_>, known: &RecordTypes, present: Option<&SellerAttribute>) -> Option<Source> {
    let source = match draft.value("source") {
        None if present.is_none() => {
            draft.required("source");
            return None;
        }
        None => return present.map(|attribute| attribute.source.clone()),
        Some(Value::Object(_)) => {
            let mut column = draft.object("source")?;
            let record_type = column.required_text("recordType", MAX_NAME);
            let name = column.required_text("column", MAX_NAME);
            let source = Source::Column { record_type: RecordType::new(&record_type), column: name.clone() };
            if present.is_none() && !record_type.is_empty() {
                match known.get(&RecordType::new(&record_type)) {
                    None => column.fault("recordType", "unknownRecordType", format!("there is no {record_type}")),
                    Some(definition) if !name.is_empty() && definition.column(&name).is_none() => {
                        column.fault("column", "unknownColumn", format!("{record_type} has no column of this name"));
                    }
                    Some(_) => {}
                }
            }
            let source = column.finish(Some(source));
            draft.part(source)
        }
        Some(Value::String(word)) if word == "manual" => Some(Source::Manual),
        Some(_) => {
            draft.fault("source", "unknownWord", "must be manual or {\"recordType\", \"column\"}");
            None
        }
    }?;
    if present.is_some_and(|attribute| attribute.source != source) {
        draft.fault("source", "cantChange", "can't change; delete the attribute and create it again");
    }
    Some(source)
}

/// The values, `options` being what they may be chosen from; all of those when the client names none.
fn read_values(draft: &mut Draft<'_>, options: Option<Vec<String>>) -> Vec<String> {
    let at = draft.place("values");
    let Some(values) = draft.texts("values", MAX_LABEL) else {
        if draft.has_fault("values") {
            return vec![];
        }
        return options.filter(|options| !options.is_empty()).unwrap_or_else(|| {
            draft.required("values");
            vec![]
        });
    };
    if draft.has_fault("values") {
        return values;
    }
    if values.is_empty() {
        draft.fault("values", "required", "must hold at least one");
    }
    if values.len() > MAX_VALUES {
        draft.fault("values", "tooMany", format!("must be at most {MAX_VALUES}"));
    }
    let mut seen = std::collections::BTreeSet::new();
    for (n, value) in values.iter().enumerate() {
        let place = at.join(n);
        if value.trim().is_empty() {
            draft.faults([Fault::new(&place, "required", "must not be blank")]);
        } else if !seen.insert(fold(value)) {
            draft.faults([Fault::new(&place, "repeated", "stands in the list twice, but for the case")]);
        } else if options.as_ref().is_some_and(|options| !options.contains(value)) {
            draft.faults([Fault::new(&place, "unknownValue", "is none of the column's options")]);
        }
    }
    values
}

/// The seller attributes of the organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SellerAttributes(BTreeMap<SellerAttributeId, SellerAttribute>);

impl SellerAttributes {
    /// An attribute.
    #[must_use]
    pub fn get(&self, id: &SellerAttributeId) -> Option<&SellerAttribute> {
        self.0.get(id)
    }

    /// The attribute of a name, whatever its case (ATTR-06).
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&SellerAttribute> {
        self.iter().find(|attribute| fold(&attribute.name) == fold(name))
    }

    /// All of them in the order of their ids, which is that of their creation.
    pub fn iter(&self) -> impl Iterator<Item = &SellerAttribute> {
        self.0.values()
    }

    /// What conditions may ask for.
    #[must_use]
    pub fn values(&self) -> AttributeValues {
        self.iter().map(|attribute| (attribute.name.clone(), attribute.values.clone())).collect()
    }

    /// The values that a seller has of them, by their present names. What no longer exists is left out (ATTR-04).
    #[must_use]
    pub fn of<'a>(&'a self, seller: &'a Seller) -> BTreeMap<&'a str, Vec<&'a str>> {
        let present = seller.attributes.iter().filter_map(|(id, values)| {
            let attribute = self.get(id)?;
            let values = values.iter().filter(|value| attribute.values.contains(value));
            let values: Vec<&str> = values.map(String::as_str).collect();
            (!values.is_empty()).then_some((attribute.name.as_str(), values))
        });
        present.collect()
    }
}

impl FromIterator<SellerAttribute> for SellerAttributes {
    fn from_iter<I: IntoIterator<Item = SellerAttribute>>(attributes: I) -> Self {
        Self(attributes.into_iter().map(|attribute| (attribute.id.clone(), attribute)).collect())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypeDefinition;

    fn known() -> RecordTypes {
        let lead = RecordTypes::built_in().get(&"lead".into()).unwrap().as_ref().clone();
        let hot = Column {
            options: Some(vec!["Hot".to_owned(), "Cold".to_owned()]),
            ..lead.column("rating").unwrap().1.clone()
        };
        let columns =
            lead.columns.iter().map(|column| if column.name == "rating" { hot.clone() } else { column.clone() });
        RecordTypes::built_in().with(RecordTypeDefinition { columns: columns.collect(), ..lead.clone() })
    }

    fn parse(body: &Value, present: Option<&SellerAttribute>) -> Result<SellerAttribute, Vec<(String, &'static str)>> {
        SellerAttributeDraft::parse(body, &known(), present)
            .map(|draft| match present {
                Some(present) => draft.applied_to(present),
                None => draft.into_attribute("a".into()),
            })
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    fn check(body: &Value, present: Option<&SellerAttribute>, expected: &[(&str, &'static str)]) {
        let found = parse(body, present).err().unwrap_or_default();
        let found: Vec<_> = found.iter().map(|(pointer, code)| (pointer.as_str(), *code)).collect();
        assert_eq!(found, expected, "{body}");
    }

    #[test]
    fn attr_01_an_attribute_is_typed_or_pulled_from_a_column() {
        let typed = json!({"name": "language", "source": "manual", "values": ["en", "de"]});
        let attribute = parse(&typed, None).unwrap();
        let json = serde_json::to_value(&attribute).unwrap();
        assert_eq!(
            json,
            json!({"id": "a", "name": "language", "source": "manual", "values": ["en", "de"], "version": 1})
        );
        assert_eq!(serde_json::from_value::<SellerAttribute>(json.clone()).unwrap(), attribute);
        assert_eq!(parse(&json, Some(&attribute)).unwrap(), attribute, "what was read can be sent back");

        let rating = json!({"recordType": "lead", "column": "rating"});
        let pulled = parse(&json!({"name": "rating", "source": rating}), None).unwrap();
        assert_eq!(pulled.values, ["Hot", "Cold"]);
        let json = serde_json::to_value(&pulled).unwrap();
        assert_eq!(json["source"], rating);
        assert_eq!(serde_json::from_value::<SellerAttribute>(json).unwrap(), pulled);
        let part = json!({"name": "rating", "source": rating, "values": ["Cold"]});
        let part = parse(&part, None).unwrap();
        assert_eq!(part.values, ["Cold"]);
        assert_eq!(parse(&json!({"name": "rating"}), Some(&part)).unwrap().values, ["Hot", "Cold"], "restored");
        let foreign = json!({"name": "rating", "source": rating, "values": ["Cold", "Lukewarm"]});
        check(&foreign, None, &[("/values/1", "unknownValue")]);
        let country = json!({"recordType": "lead", "column": "country"});
        check(&json!({"name": "country", "source": country}), None, &[("/values", "required")]);
        check(&json!({"name": "country", "source": country, "values": ["US"]}), None, &[]);
    }

    #[test]
    fn attr_06_every_fault_of_an_attribute_is_named_at_once() {
        let source = json!({"recordType": "lead", "column": "colour", "odd": 1});
        let body = json!({"name": "", "source": source, "values": ["a", " ", "A"], "x": 1});
        let expected = [
            ("/name", "required"),
            ("/source/column", "unknownColumn"),
            ("/source/odd", "unknownMember"),
            ("/values/1", "required"),
            ("/values/2", "repeated"),
            ("/x", "unknownMember"),
        ];
        check(&body, None, &expected);
        check(&json!({"name": "a"}), None, &[("/source", "required"), ("/values", "required")]);
        check(
            &json!({"name": "a", "source": "auto", "values": []}),
            None,
            &[("/source", "unknownWord"), ("/values", "required")],
        );
        let nowhere = json!({"recordType": "ship", "column": "name"});
        check(
            &json!({"name": "a", "source": nowhere, "values": ["b"]}),
            None,
            &[("/source/recordType", "unknownRecordType")],
        );
    }

    #[test]
    fn attr_02_the_source_of_an_attribute_cant_change() {
        let typed = json!({"name": "language", "source": "manual", "values": ["en"]});
        let present = parse(&typed, None).unwrap();
        let country = json!({"recordType": "lead", "column": "country"});
        check(&json!({"name": "l", "source": country, "values": ["en"]}), Some(&present), &[("/source", "cantChange")]);
        check(&json!({"id": "b", "name": "l", "values": ["en"]}), Some(&present), &[("/id", "cantChange")]);
        assert_eq!(parse(&json!({"name": "l", "values": ["fr"]}), Some(&present)).unwrap().source, Source::Manual);
        let gone = SellerAttribute {
            source: Source::Column { record_type: "lead".into(), column: "colour".to_owned() },
            values: vec!["red".to_owned(), "blue".to_owned()],
            ..present
        };
        check(&json!({"name": "l", "values": ["red"]}), Some(&gone), &[]);
        check(&json!({"name": "l", "values": ["green"]}), Some(&gone), &[("/values/0", "unknownValue")]);
    }
}
