//! Giving sellers values of attributes (ATTR-05).

use std::collections::BTreeMap;

use serde_json::Value;

use super::{SellerAttribute, SellerAttributes};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::SellerAttributeId;
use crate::seller::Seller;
use crate::value::fold;

/// What becomes of the values that a seller has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The seller has the given ones and no other.
    Replace,
    /// The seller keeps them.
    Add,
}

/// What a client proposes as a seller's attributes: `{mode, attributes: {"language": ["en"]}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesDraft {
    mode: Mode,
    values: BTreeMap<SellerAttributeId, Vec<String>>,
}

impl AttributesDraft {
    /// Believes a body that stands at `at`, or names everything that is wrong with it. Attributes and their values are
    /// found whatever their case (ATTR-06).
    pub fn parse(body: &Value, at: &Pointer, known: &SellerAttributes) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, at);
        let mode = draft.word("mode", &[("replace", Mode::Replace), ("add", Mode::Add)]);
        if mode.is_none() && !draft.has_fault("mode") {
            draft.required("mode");
        }
        let mut values: BTreeMap<SellerAttributeId, Vec<String>> = BTreeMap::new();
        match draft.value("attributes") {
            None => draft.required("attributes"),
            Some(Value::Object(members)) => {
                for (name, json) in members {
                    let place = draft.place("attributes").join(name);
                    let Some(attribute) = known.named(name) else {
                        let message = format!("there is no seller attribute {name}");
                        draft.faults([Fault::new(&place, "unknownAttribute", message)]);
                        continue;
                    };
                    let found = draft.part(read_values(json, &place, attribute)).unwrap_or_default();
                    join(values.entry(attribute.id.clone()).or_default(), &found);
                }
            }
            Some(_) => draft.fault("attributes", "wrongType", "must be an object"),
        }
        draft.finish(mode.map(|mode| Self { mode, values }))
    }

    /// The seller with these values.
    #[must_use]
    pub fn applied_to(&self, seller: &Seller) -> Seller {
        let mut attributes = match self.mode {
            Mode::Replace => BTreeMap::new(),
            Mode::Add => seller.attributes.clone(),
        };
        for (id, values) in self.values.iter().filter(|(_, values)| !values.is_empty()) {
            join(attributes.entry(id.clone()).or_default(), values);
        }
        Seller { attributes, ..seller.clone() }
    }
}

/// Adds the values that are not there yet.
fn join(present: &mut Vec<String>, more: &[String]) {
    for value in more {
        if !present.contains(value) {
            present.push(value.clone());
        }
    }
}

/// Values of an attribute as it writes them.
fn read_values(json: &Value, at: &Pointer, attribute: &SellerAttribute) -> Result<Vec<String>, Vec<Fault>> {
    let Some(elements) = json.as_array() else {
        return Err(vec![Fault::new(at, "wrongType", "must be a list of values")]);
    };
    let (mut values, mut faults) = (vec![], vec![]);
    for (n, element) in elements.iter().enumerate() {
        let known = element.as_str().and_then(|text| attribute.values.iter().find(|known| fold(known) == fold(text)));
        match known {
            Some(value) => values.push(value.clone()),
            None if element.is_string() => {
                let message = format!("is no value of the seller attribute {}", attribute.name);
                faults.push(Fault::new(&at.join(n), "unknownValue", message));
            }
            None => faults.push(Fault::new(&at.join(n), "wrongType", "must be text")),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypes;
    use crate::seller::SellerDraft;
    use crate::seller_attribute::Source;

    fn known() -> SellerAttributes {
        let attribute = |id: &str, name: &str, values: [&str; 2]| SellerAttribute {
            id: id.into(),
            name: name.to_owned(),
            source: Source::Manual,
            values: values.map(str::to_owned).into(),
            version: 1,
        };
        [attribute("1", "Language", ["en", "de"]), attribute("2", "skill", ["boots", "hats"])].into_iter().collect()
    }

    fn seller() -> Seller {
        let types = RecordTypes::built_in();
        let body = json!({"name": "Susana", "email": "a@b.c", "roles": ["salesperson"]});
        let draft =
            SellerDraft::parse(&body, types.get(&"seller".into()).unwrap(), &std::collections::BTreeSet::new(), None)
                .unwrap();
        draft.into_seller("susana".into())
    }

    fn apply(seller: &Seller, mode: &str, attributes: &Value) -> Seller {
        let body = json!({"mode": mode, "attributes": attributes});
        AttributesDraft::parse(&body, &Pointer::root(), &known()).unwrap().applied_to(seller)
    }

    #[test]
    fn attr_05_attr_06_values_are_added_or_replace_all_others() {
        let one = apply(&seller(), "add", &json!({"LANGUAGE": ["EN"]}));
        assert_eq!(known().of(&one), [("Language", vec!["en"])].into());
        let more = apply(&one, "add", &json!({"language": ["de", "en"], "skill": ["hats"]}));
        assert_eq!(known().of(&more), [("Language", vec!["en", "de"]), ("skill", vec!["hats"])].into());
        let other = apply(&more, "replace", &json!({"skill": ["boots"]}));
        assert_eq!(known().of(&other), [("skill", vec!["boots"])].into());
        assert!(apply(&other, "replace", &json!({"skill": []})).attributes.is_empty());
    }

    #[test]
    fn attr_04_what_no_longer_exists_is_not_shown() {
        let seller = apply(&seller(), "add", &json!({"language": ["de", "en"], "skill": ["hats"]}));
        let fewer: SellerAttributes = known()
            .iter()
            .filter(|attribute| attribute.name != "skill")
            .map(|attribute| SellerAttribute {
                name: "Tongue".to_owned(),
                values: vec!["de".to_owned()],
                ..attribute.clone()
            })
            .collect();
        assert_eq!(fewer.of(&seller), [("Tongue", vec!["de"])].into());
    }

    #[test]
    fn every_fault_of_applied_attributes_is_named_at_once() {
        let attributes = json!({"colour": ["red"], "language": ["fr", 7, "en"], "skill": "hats"});
        let body = json!({"mode": "merge", "attributes": attributes, "x": 1});
        let found = AttributesDraft::parse(&body, &Pointer::root(), &known()).unwrap_err();
        let found: Vec<_> = found.iter().map(|fault| (fault.pointer.as_str(), fault.code)).collect();
        let expected = [
            ("/mode", "unknownWord"),
            ("/attributes/colour", "unknownAttribute"),
            ("/attributes/language/0", "unknownValue"),
            ("/attributes/language/1", "wrongType"),
            ("/attributes/skill", "wrongType"),
            ("/x", "unknownMember"),
        ];
        assert_eq!(found, expected);
    }
}
