//! A team: sellers who work records together (ENT-39).
//!
//! A team can own records; any member may take one (RULE-34). It can be assigned records only while it holds an eligible
//! role (ELIG-01).

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::draft::{Draft, MAX_NAME};
use crate::fault::{Fault, Pointer};
use crate::id::{SellerId, TeamId};
use crate::members::read_members;
use crate::record_type::RecordTypeDefinition;
use crate::seller::Role;
use crate::subject::Subject;

/// A team as stored and as answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Team {
    /// Chosen by the client, or by the server when absent.
    pub id: TeamId,
    /// For people, 1 to 100 characters.
    pub name: String,
    /// The sellers in it. What a seller's `teamIds` show is read from here.
    pub member_ids: Vec<SellerId>,
    /// They decide whether the team can be assigned records automatically; it may have none.
    pub roles: Vec<Role>,
    /// Values of the columns of the record type `team`.
    pub fields: Map<String, Value>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

impl Team {
    /// The team as matchers test one. `None` when a stored value is not of its column's type any more.
    #[must_use]
    pub fn subject(&self, definition: &Arc<RecordTypeDefinition>) -> Option<Subject> {
        Subject::of_group(definition, self.id.as_str(), &self.name, &self.fields)
    }
}

/// What a client proposes as a team.
#[derive(Debug, Clone, PartialEq)]
pub struct TeamDraft {
    /// The id that the client chose; absent = the server chooses one.
    pub id: Option<TeamId>,
    name: String,
    member_ids: Vec<SellerId>,
    roles: Vec<Role>,
    fields: Map<String, Value>,
}

impl TeamDraft {
    /// Believes a body of API.md "Sellers", or names everything that is wrong with it. `definition` is that of the record
    /// type `team`, `sellers` are those of [`crate::members::members_named`] that exist; `present` is the team that it is
    /// to replace, whose id can't change.
    pub fn parse(
        body: &Value,
        definition: &RecordTypeDefinition,
        sellers: &BTreeSet<SellerId>,
        present: Option<&Team>,
    ) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        draft.ignore(&["version"]);
        let id = draft.id(present.map(|team| team.id.as_str()));
        let name = draft.required_text("name", MAX_NAME);
        let member_ids = read_members(&mut draft, sellers);
        let roles = draft.words("roles", &Role::ALL).unwrap_or_default();
        let fields = definition.read_fields(&mut draft);
        draft.finish(Some(Self { id: id.map(TeamId::new), name, member_ids, roles, fields }))
    }

    /// The team that a POST creates.
    #[must_use]
    pub fn into_team(self, id: TeamId) -> Team {
        let Self { name, member_ids, roles, fields, .. } = self;
        Team { id, name, member_ids, roles, fields, version: 1 }
    }

    /// What a PUT makes of the team it was believed for.
    #[must_use]
    pub fn applied_to(&self, team: &Team) -> Team {
        Team { version: team.version, ..self.clone().into_team(team.id.clone()) }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypes;

    fn parse(body: &Value, present: Option<&Team>) -> Result<TeamDraft, Vec<(String, &'static str)>> {
        let known = RecordTypes::built_in();
        let sellers = ["susana", "alan"].map(SellerId::from).into();
        TeamDraft::parse(body, known.get(&"team".into()).unwrap(), &sellers, present)
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    /// ENT-39.
    #[test]
    fn a_team_may_have_a_name_and_nothing_else() {
        let team = parse(&json!({"name": "North"}), None).unwrap().into_team("north".into());
        let json = serde_json::to_value(&team).unwrap();
        let expected =
            json!({"id": "north", "name": "North", "memberIds": [], "roles": [], "fields": {}, "version": 1});
        assert_eq!(json, expected);
        assert_eq!(parse(&json, Some(&team)).unwrap().applied_to(&team), team, "what was read can be sent back");
    }

    #[test]
    fn every_fault_of_a_team_is_named_at_once() {
        let body = json!({
            "id": "order", "name": "x".repeat(101), "memberIds": ["susana", "nobody"], "roles": ["jedi"],
            "fields": {"colour": "red"}, "enabled": true
        });
        let expected = [
            ("/id", "badId"),
            ("/name", "tooLong"),
            ("/memberIds/1", "unknownSeller"),
            ("/roles/0", "unknownWord"),
            ("/fields/colour", "unknownColumn"),
            ("/enabled", "unknownMember"),
        ];
        assert_eq!(parse(&body, None).unwrap_err(), expected.map(|(at, code)| (at.to_owned(), code)));
        let twice = json!({"name": "a", "memberIds": ["susana", "susana", "a b"]});
        let expected = [("/memberIds/1", "repeated"), ("/memberIds/2", "badId")];
        assert_eq!(parse(&twice, None).unwrap_err(), expected.map(|(at, code)| (at.to_owned(), code)));
    }

    #[test]
    fn a_team_has_at_most_so_many_members() {
        let ids: Vec<String> = (0..=crate::members::MAX_MEMBERS).map(|n| format!("s-{n}")).collect();
        let found = parse(&json!({"name": "All", "memberIds": ids}), None).unwrap_err();
        assert_eq!(found, [("/memberIds".to_owned(), "tooMany")]);
    }
}
