//! A business unit: a part of the organisation. Together they form a tree (SEC-79a).
//!
//! Who belongs to one is said by the sellers' column `businessUnit`.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draft::{Draft, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{BusinessUnitId, MAX_ID_LENGTH};

/// A business unit as stored and as answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct BusinessUnit {
    /// Chosen by the client, or by the server when absent.
    pub id: BusinessUnitId,
    /// For people, 1 to 100 characters.
    pub name: String,
    /// The one it is a part of; none for a root.
    pub parent_id: Option<BusinessUnitId>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

/// What a client proposes as a business unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusinessUnitDraft {
    /// The id that the client chose; absent = the server chooses one.
    pub id: Option<BusinessUnitId>,
    name: String,
    parent_id: Option<BusinessUnitId>,
}

impl BusinessUnitDraft {
    /// Believes a body of API.md "Sellers", or names everything that is wrong with it. `all` are the units that exist;
    /// `present` is the one that it is to replace, whose id can't change.
    pub fn parse(body: &Value, all: &[BusinessUnit], present: Option<&BusinessUnit>) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["version"]);
        let id = draft.id(present.map(|unit| unit.id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let parent_id = draft.text("parentId", MAX_ID_LENGTH).map(BusinessUnitId::new);
        match parent_id.as_ref().map(|parent| all.iter().find(|unit| unit.id == *parent).ok_or(parent)) {
            Some(Err(parent)) => {
                draft.fault("parentId", "unknownBusinessUnit", format!("there is no business unit {parent}"));
            }
            Some(Ok(parent)) if present.is_some_and(|unit| parent.is_within(&unit.id, all)) => {
                draft.fault("parentId", "circle", format!("{} is this unit or a part of it", parent.id));
            }
            _ => {}
        }
        draft.finish(Some(Self { id: id.map(BusinessUnitId::new), name, parent_id }))
    }

    /// The business unit that a POST creates.
    #[must_use]
    pub fn into_business_unit(self, id: BusinessUnitId) -> BusinessUnit {
        BusinessUnit { id, name: self.name, parent_id: self.parent_id, version: 1 }
    }

    /// What a PUT makes of the business unit it was believed for.
    #[must_use]
    pub fn applied_to(&self, unit: &BusinessUnit) -> BusinessUnit {
        BusinessUnit { version: unit.version, ..self.clone().into_business_unit(unit.id.clone()) }
    }
}

impl BusinessUnit {
    /// Whether it is the unit of that id or a part of it, in however many steps. `all` holds no circle.
    fn is_within(&self, id: &BusinessUnitId, all: &[Self]) -> bool {
        let parent_of = |unit: &&Self| all.iter().find(|parent| Some(&parent.id) == unit.parent_id.as_ref());
        std::iter::successors(Some(self), parent_of).take(all.len() + 1).any(|unit| unit.id == *id)
    }

    /// Its parts, one step down.
    pub fn children<'a>(&'a self, all: &'a [Self]) -> impl Iterator<Item = &'a Self> {
        all.iter().filter(|unit| unit.parent_id.as_ref() == Some(&self.id))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn unit(id: &str, parent: Option<&str>) -> BusinessUnit {
        BusinessUnit { id: id.into(), name: id.to_owned(), parent_id: parent.map(Into::into), version: 1 }
    }

    fn tree() -> [BusinessUnit; 4] {
        [unit("world", None), unit("europe", Some("world")), unit("spain", Some("europe")), unit("asia", Some("world"))]
    }

    fn faults(body: &Value, present: Option<&BusinessUnit>) -> Vec<(String, &'static str)> {
        let found = BusinessUnitDraft::parse(body, &tree(), present).err().unwrap_or_default();
        found.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    #[test]
    fn a_business_unit_reads_as_it_was_written() {
        let draft = BusinessUnitDraft::parse(&json!({"name": "Italy", "parentId": "europe"}), &tree(), None).unwrap();
        let unit = draft.into_business_unit("italy".into());
        let json = serde_json::to_value(&unit).unwrap();
        assert_eq!(json, json!({"id": "italy", "name": "Italy", "parentId": "europe", "version": 1}));
        assert_eq!(faults(&json, Some(&unit)), []);
        let root = BusinessUnitDraft::parse(&json!({"name": "Mars", "parentId": null}), &tree(), None).unwrap();
        assert_eq!(root.into_business_unit("mars".into()).parent_id, None);
    }

    /// SEC-79a.
    #[test]
    fn a_unit_is_no_part_of_itself() {
        let tree = tree();
        for (id, parent, circle) in
            [("europe", "europe", true), ("world", "spain", true), ("europe", "asia", false), ("spain", "world", false)]
        {
            let present = tree.iter().find(|unit| unit.id.as_str() == id);
            let found = faults(&json!({"name": id, "parentId": parent}), present);
            let expected = if circle { vec![("/parentId".to_owned(), "circle")] } else { vec![] };
            assert_eq!(found, expected, "{id} below {parent}");
        }
    }

    #[test]
    fn every_fault_of_a_business_unit_is_named_at_once() {
        let body = json!({"id": "bulk", "parentId": "atlantis", "memberIds": []});
        let expected = [
            ("/id", "badId"),
            ("/name", "required"),
            ("/parentId", "unknownBusinessUnit"),
            ("/memberIds", "unknownMember"),
        ];
        assert_eq!(faults(&body, None), expected.map(|(at, code)| (at.to_owned(), code)));
    }

    #[test]
    fn the_children_are_one_step_down() {
        let tree = tree();
        let children = |n: usize| tree[n].children(&tree).map(|unit| unit.id.as_str()).collect::<Vec<_>>();
        assert_eq!(children(0), ["europe", "asia"]);
        assert!(children(2).is_empty());
    }
}
