//! Believing what an administrator says a role may do (SEC-05). Every fault at once.

use domain::draft::Draft;
use domain::fault::{Fault, Pointer};
use domain::seller::Role;
use serde_json::Value;

use crate::problem::Problem;
use domain::privilege::{Entity, Grant, MANAGE_ROLES, Privilege, Scope};
use domain::word::word;

/// Believes the body of `PUT /v1/roles/{name}`, or names everything that is wrong with it.
pub fn parse_grants(body: &Value, role: Role) -> Result<Vec<Grant>, Vec<Fault>> {
    let mut draft = Draft::read(body, &Pointer::root());
    draft.ignore(&["version"]);
    draft.same("name", Some(&word(role)));
    let elements = draft.list("privileges");
    if elements.is_none() && !draft.has_fault("privileges") {
        draft.required("privileges");
    }
    let mut grants: Vec<Grant> = vec![];
    for (at, element) in elements.unwrap_or_default() {
        let Some(grant) = draft.part(parse_grant(element, &at)) else { continue };
        if grants.iter().any(|earlier| (earlier.entity, earlier.privilege) == (grant.entity, grant.privilege)) {
            let message = format!("{} on {} stands in the list twice", grant.privilege.word(), grant.entity.word());
            draft.faults([Fault::new(&at, "repeated", message)]);
        }
        grants.push(grant);
    }
    draft.finish(Some(grants))
}

fn parse_grant(element: &Value, at: &Pointer) -> Result<Grant, Vec<Fault>> {
    let mut draft = Draft::read(element, at);
    let entity = required_word(&mut draft, "entity", &Entity::ALL.map(|entity| (entity.word(), entity)));
    let privileges = Privilege::ALL.map(|privilege| (privilege.word(), privilege));
    let privilege = required_word(&mut draft, "privilege", &privileges);
    let level = required_word(&mut draft, "level", &Scope::ALL.map(|level| (level.word(), level)));
    let grant = entity.zip(privilege).zip(level);
    draft.finish(grant.map(|((entity, privilege), level)| Grant { entity, privilege, level }))
}

fn required_word<T: Copy>(draft: &mut Draft<'_>, name: &'static str, words: &[(String, T)]) -> Option<T> {
    let words: Vec<(&str, T)> = words.iter().map(|(word, meaning)| (word.as_str(), *meaning)).collect();
    let found = draft.word(name, &words);
    if found.is_none() && !draft.has_fault(name) {
        draft.required(name);
    }
    found
}

/// Refuses to lock the organisation out: who could edit role definitions again must remain.
pub fn keeps_administration(role: Role, grants: &[Grant]) -> Result<(), Problem> {
    let holds = |(entity, privilege)| grants.contains(&Grant { entity, privilege, level: Scope::Organisation });
    if role != Role::SystemAdministrator || MANAGE_ROLES.privileges().all(holds) {
        return Ok(());
    }
    let message = "system-administrator keeps read and write on securityRole throughout the organisation";
    Err(Problem::conflict("administratorLockedOut", message))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use domain::role_definition::RoleDefinitions;

    fn faults(body: &Value) -> Vec<(String, &'static str)> {
        let found = parse_grants(body, Role::Salesperson).err().unwrap_or_default();
        found.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    #[test]
    fn a_definition_sent_back_as_it_was_read_changes_nothing() {
        for definition in RoleDefinitions::predefined().iter() {
            let body = serde_json::to_value(definition).unwrap();
            assert_eq!(parse_grants(&body, definition.name).unwrap(), definition.privileges);
        }
    }

    #[test]
    fn every_fault_of_a_definition_is_named_at_once() {
        let body = json!({"name": "integration", "privileges": [
            {"entity": "record", "privilege": "read", "level": "own"},
            {"entity": "lead", "privilege": "see", "level": "mine"},
            {"entity": "record", "privilege": "read", "level": "organisation"},
            {"entity": "record", "level": "own", "colour": "red"},
            "all"
        ], "members": []});
        let expected = [
            ("/name", "cantChange"),
            ("/privileges/1/entity", "unknownWord"),
            ("/privileges/1/privilege", "unknownWord"),
            ("/privileges/1/level", "unknownWord"),
            ("/privileges/2", "repeated"),
            ("/privileges/3/privilege", "required"),
            ("/privileges/3/colour", "unknownMember"),
            ("/privileges/4", "wrongType"),
            ("/members", "unknownMember"),
        ];
        assert_eq!(faults(&body), expected.map(|(at, code)| (at.to_owned(), code)));
        assert_eq!(faults(&json!({})), [("/privileges".to_owned(), "required")]);
        assert_eq!(faults(&json!({"privileges": []})), [], "a role may grant nothing");
    }

    #[test]
    fn nobody_locks_the_organisation_out() {
        let keeps = |role, levels: [Scope; 2]| {
            let pairs = MANAGE_ROLES.privileges().zip(levels);
            let grants: Vec<_> = pairs.map(|((entity, privilege), level)| Grant { entity, privilege, level }).collect();
            keeps_administration(role, &grants).is_ok()
        };
        assert!(keeps(Role::SystemAdministrator, [Scope::Organisation; 2]));
        assert!(!keeps(Role::SystemAdministrator, [Scope::Organisation, Scope::BusinessUnit]));
        assert!(keeps(Role::SalesManager, [Scope::Own; 2]));
        assert!(keeps_administration(Role::SystemAdministrator, &[]).is_err());
    }
}
