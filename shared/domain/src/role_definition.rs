//! Who holds which privilege: the predefined role definitions (SPEC.md table 2.5) and what a caller's roles add up to.
//!
//! A definition is a list of [`Grant`]s, so one that an administrator edited (SEC-05) takes the place of a predefined
//! one. A caller's roles say what the API allows; those stored on a seller or team say what routing may give them
//! (SEC-47) and never what the API allows (API.md "Identity").

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::privilege::{self as task, Entity, Grant, Privilege, Scope, Task};
use crate::seller::Role;

const ALL: Option<Scope> = Some(Scope::Organisation);
const UNIT: Option<Scope> = Some(Scope::BusinessUnit);
const OWN: Option<Scope> = Some(Scope::Own);
const NO: Option<Scope> = None;

/// The columns of [`TABLE`].
pub const COLUMNS: [Role; 7] = [
    Role::SystemAdministrator,
    Role::SequenceManager,
    Role::SalesManager,
    Role::VpOfSales,
    Role::Salesperson,
    Role::SalesTeamMember,
    Role::Integration,
];

/// SPEC.md table 2.5: a row grants every privilege of its task at the scope of the role's column. The tasks of tables 2.2
/// to 2.4 are spread over the rows that speak of them.
#[rustfmt::skip]
const TABLE: &[(&Task, [Option<Scope>; 7])] = &[
    //                                           admin seqM  salM  vp   sale  team  machine
    (/* SEC-60 */ &task::MANAGE_SEGMENTS,          [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-60 */ &task::COPY_SEGMENT,             [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-61 */ &task::MANAGE_RULES,             [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-62 */ &task::MANAGE_SELLER_ATTRIBUTES, [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-62 */ &task::APPLY_SELLER_ATTRIBUTES,  [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-62 */ &task::MANAGE_ELIGIBILITY,       [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-63 */ &task::MANAGE_CALENDAR,          [ALL, ALL,  UNIT, ALL, OWN,  NO,   NO]),
    (/* SEC-64 */ &task::VIEW_MONITOR,             [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-65 */ &task::MANAGE_SEQUENCES,         [ALL, ALL,  ALL,  ALL, OWN,  NO,   NO]),
    (/* SEC-65 */ &task::CONNECT_SEGMENT_SEQUENCE, [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-66 */ &task::VIEW_SEQUENCES,           [ALL, ALL,  ALL,  ALL, UNIT, NO,   NO]),
    (/* SEC-67 */ &task::CONNECT_SEQUENCE,         [ALL, ALL,  ALL,  ALL, UNIT, NO,   NO]),
    (/* SEC-68 */ &task::MANAGE_TAGS,              [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-69 */ &task::APPLY_TAGS,               [ALL, ALL,  ALL,  ALL, OWN,  NO,   NO]),
    (/* SEC-70 */ &task::VIEW_REPORTS,             [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-71 */ &task::MANAGE_SETTINGS,          [ALL, NO,   NO,   NO,  NO,   NO,   NO]),
    (/* SEC-71 */ &task::MANAGE_RECORD_TYPES,      [ALL, NO,   NO,   NO,  NO,   NO,   NO]),
    (/* SEC-72 */ &task::WORK,                     [ALL, ALL,  ALL,  ALL, OWN,  NO,   NO]),
    (/* SEC-72 */ &task::VIEW_WORK,                [ALL, ALL,  ALL,  ALL, OWN,  UNIT, NO]),
    (/* SEC-46 */ &task::SEND_BULK_EMAIL,          [ALL, ALL,  ALL,  ALL, OWN,  NO,   NO]),
    (/* SEC-73 */ &task::CREATE_RECORD,            [ALL, ALL,  ALL,  ALL, OWN,  NO,   ALL]),
    (/* SEC-73 */ &task::VIEW_RECORDS,             [ALL, ALL,  ALL,  ALL, UNIT, UNIT, NO]),
    (/* SEC-73 */ &task::CHANGE_RECORD,            [ALL, ALL,  ALL,  ALL, OWN,  NO,   ALL]),
    (/* SEC-74 */ &task::ASSIGN_RECORD,            [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-74 */ &task::DELETE_RECORD,            [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-74 */ &task::IMPORT_RECORDS,           [ALL, NO,   ALL,  ALL, NO,   NO,   ALL]),
    (/* SEC-75 */ &task::VIEW_SELLERS,             [ALL, NO,   ALL,  ALL, ALL,  ALL,  NO]),
    (/* SEC-75 */ &task::VIEW_TEAMS,               [ALL, NO,   ALL,  ALL, ALL,  ALL,  NO]),
    (/* SEC-75 */ &task::VIEW_QUEUES,              [ALL, NO,   ALL,  ALL, ALL,  ALL,  NO]),
    (/* SEC-75 */ &task::VIEW_BUSINESS_UNITS,      [ALL, NO,   ALL,  ALL, ALL,  ALL,  NO]),
    (/* SEC-75 */ &task::MANAGE_SELLERS,           [ALL, NO,   UNIT, ALL, NO,   NO,   NO]),
    (/* SEC-75 */ &task::MANAGE_TEAMS,             [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-75 */ &task::MANAGE_QUEUES,            [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-75 */ &task::MANAGE_BUSINESS_UNITS,    [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ &task::VIEW_SETTINGS,            [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ &task::VIEW_RECORD_TYPES,        [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ &task::VIEW_ROLES,               [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ &task::MANAGE_ROLES,             [ALL, NO,   NO,   NO,  NO,   NO,   NO]),
    (/* SEC-77 */ &task::SIMULATE,                 [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-78 */ &task::TELL_ENGAGEMENT,          [ALL, NO,   NO,   NO,  NO,   NO,   ALL]),
    (/* SEC-79 */ &task::VIEW_RUNS,                [ALL, ALL,  ALL,  ALL, OWN,  NO,   NO]),
];

/// What a role may do: `{"name", "privileges", "version"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition {
    /// The role.
    pub name: Role,
    /// What it grants.
    pub privileges: Vec<Grant>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

/// The definitions of all roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDefinitions(BTreeMap<Role, RoleDefinition>);

impl RoleDefinitions {
    /// The definitions as they are before an administrator edits one. Each privilege on an entity stands once, at the
    /// widest level that a row of the table gives it.
    #[must_use]
    pub fn predefined() -> Self {
        let defined = COLUMNS.into_iter().enumerate().map(|(column, name)| {
            let mut levels: BTreeMap<(Entity, Privilege), Scope> = BTreeMap::new();
            for (task, row) in TABLE {
                let Some(level) = row[column] else { continue };
                for privilege in task.privileges() {
                    let held = levels.entry(privilege).or_insert(level);
                    *held = level.max(*held);
                }
            }
            let grants = levels.into_iter().map(|((entity, privilege), level)| Grant { entity, privilege, level });
            (name, RoleDefinition { name, privileges: grants.collect(), version: 1 })
        });
        Self(defined.collect())
    }

    /// Puts an edited definition in the place of the one in force.
    #[must_use]
    pub fn with(mut self, edited: RoleDefinition) -> Self {
        self.0.insert(edited.name, edited);
        self
    }

    /// The definition of a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &RoleDefinition {
        self.0.get(&role).expect("every role is a column of the table")
    }

    /// All of them in the order of the roles.
    pub fn iter(&self) -> impl Iterator<Item = &RoleDefinition> {
        self.0.values()
    }

    /// The roles whose holders can be given records by a rule: those that may read records, however far (SEC-47).
    #[must_use]
    pub fn receiving(&self) -> BTreeSet<Role> {
        let reads = |definition: &&RoleDefinition| {
            definition
                .privileges
                .iter()
                .any(|grant| (grant.entity, grant.privilege) == (Entity::Record, Privilege::Read))
        };
        self.0.values().filter(reads).map(|definition| definition.name).collect()
    }

    /// What somebody with these roles may do: the union (SEC-04).
    #[must_use]
    pub fn held_by(&self, roles: &[Role]) -> Privileges {
        Privileges(roles.iter().flat_map(|role| &self.of(*role).privileges).copied().collect())
    }
}

/// What one caller may do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Privileges(Vec<Grant>);

impl Privileges {
    /// How far a privilege on an entity reaches; `None` when it isn't held at all.
    #[must_use]
    pub fn scope(&self, entity: Entity, privilege: Privilege) -> Option<Scope> {
        let held = self.0.iter().filter(|grant| (grant.entity, grant.privilege) == (entity, privilege));
        held.map(|grant| grant.level).max()
    }

    /// How far a task reaches; `None` when it isn't allowed at all.
    #[must_use]
    pub fn reach(&self, task: &Task) -> Option<Scope> {
        self.task(task).ok().map(|(scope, ..)| scope)
    }

    /// How far a task reaches: the narrowest of what it needs, and which privilege that is; the first privilege that
    /// isn't held when it isn't allowed at all.
    pub fn task(&self, task: &Task) -> Result<(Scope, Entity, Privilege), (Entity, Privilege)> {
        let mut narrowest: Option<(Scope, Entity, Privilege)> = None;
        for (entity, privilege) in task.privileges() {
            let scope = self.scope(entity, privilege).ok_or((entity, privilege))?;
            if narrowest.is_none_or(|(least, ..)| scope < least) {
                narrowest = Some((scope, entity, privilege));
            }
        }
        Ok(narrowest.expect("a task needs at least one privilege"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SEC-04.
    #[test]
    fn several_roles_add_up() {
        let definitions = RoleDefinitions::predefined();
        let both = definitions.held_by(&[Role::Salesperson, Role::Integration]);
        assert_eq!(both.scope(Entity::Record, Privilege::Create), Some(Scope::Organisation));
        assert_eq!(both.scope(Entity::Record, Privilege::Read), Some(Scope::BusinessUnit));
        assert_eq!(both.scope(Entity::Segment, Privilege::Read), None);
    }

    #[test]
    fn a_predefined_role_holds_each_privilege_once_at_the_widest_level() {
        let definitions = RoleDefinitions::predefined();
        for definition in definitions.iter() {
            let pairs = definition.privileges.iter().map(|grant| (grant.entity, grant.privilege));
            let differing: BTreeSet<_> = pairs.collect();
            assert_eq!(differing.len(), definition.privileges.len(), "{:?}", definition.name);
        }
        // Connecting sequences (SEC-67) reaches further than designing them (SEC-65).
        let salesperson = definitions.held_by(&[Role::Salesperson]);
        assert_eq!(salesperson.scope(Entity::Sequence, Privilege::Create), Some(Scope::BusinessUnit));
        assert_eq!(salesperson.scope(Entity::Sequence, Privilege::Write), Some(Scope::Own));
    }

    /// SEC-05.
    #[test]
    fn an_edited_definition_takes_the_place_of_the_predefined_one() {
        let grant = Grant { entity: Entity::Segment, privilege: Privilege::Read, level: Scope::Organisation };
        let edited = RoleDefinition { name: Role::Salesperson, privileges: vec![grant], version: 2 };
        let definitions = RoleDefinitions::predefined().with(edited);
        let held = definitions.held_by(&[Role::Salesperson]);
        assert_eq!(held.scope(Entity::Segment, Privilege::Read), Some(Scope::Organisation));
        assert_eq!(held.scope(Entity::Record, Privilege::Read), None);
    }

    /// SEC-03: the refusal names the first privilege that is missing, or the one that reaches least far.
    #[test]
    fn a_task_fails_for_the_privilege_that_is_missing() {
        let definitions = RoleDefinitions::predefined();
        let manager = definitions.held_by(&[Role::SalesManager]);
        assert_eq!(manager.task(&task::MANAGE_RECORD_TYPES), Err((Entity::RecordType, Privilege::Create)));
        assert_eq!(manager.task(&task::MANAGE_SELLERS), Ok((Scope::BusinessUnit, Entity::Seller, Privilege::Create)));
    }
}
