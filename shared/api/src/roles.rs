//! Who holds which privilege: the predefined role definitions (SPEC.md table 2.5) and what a caller's roles add up to.
//!
//! A definition is a list of [`Grant`]s, so one that an administrator edited (SEC-05) takes the place of a predefined
//! one. The roles stored on a seller play no part here (API.md "Identity").

use std::collections::BTreeMap;

use domain::seller::Role;

use crate::privilege::{
    ASSIGN_RECORD, CHANGE_RECORD, CREATE_RECORD, DELETE_RECORD, Entity, Grant, IMPORT_RECORDS, MANAGE_ELIGIBILITY,
    MANAGE_RECORD_TYPES, MANAGE_RULES, MANAGE_SEGMENTS, MANAGE_SELLERS, MANAGE_SETTINGS, Need, Privilege, Scope, Task,
    VIEW_MONITOR, VIEW_RECORD_TYPES, VIEW_RECORDS, VIEW_RUNS, VIEW_SELLERS, VIEW_SETTINGS,
};

const ALL: Option<Scope> = Some(Scope::Organisation);
const UNIT: Option<Scope> = Some(Scope::BusinessUnit);
const OWN: Option<Scope> = Some(Scope::Own);
const NO: Option<Scope> = None;

/// Role definitions are no part of a task yet, so reading them stands here.
const READ_ROLES: &[Need] = &[(Entity::SecurityRole, &[Privilege::Read])];
const READ_TEAMS: &[Need] = &[(Entity::Team, &[Privilege::Read])];

/// The columns of [`TABLE`].
const COLUMNS: [Role; 7] = [
    Role::SystemAdministrator,
    Role::SequenceManager,
    Role::SalesManager,
    Role::VpOfSales,
    Role::Salesperson,
    Role::SalesTeamMember,
    Role::Integration,
];

/// Table 2.5 as far as operations exist: a row grants every privilege of its task at the scope of the role's column.
#[rustfmt::skip]
const TABLE: &[(&[Need], [Option<Scope>; 7])] = &[
    //                                           admin seqM  salM  vp   sale team  machine
    (/* SEC-60 */ MANAGE_SEGMENTS.needs,        [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-61 */ MANAGE_RULES.needs,           [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-62 */ MANAGE_ELIGIBILITY.needs,     [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-64 */ VIEW_MONITOR.needs,           [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-73 */ CREATE_RECORD.needs,          [ALL, ALL,  ALL,  ALL, OWN,  NO,   ALL]),
    (/* SEC-73 */ VIEW_RECORDS.needs,           [ALL, ALL,  ALL,  ALL, UNIT, UNIT, NO]),
    (/* SEC-73 */ CHANGE_RECORD.needs,          [ALL, ALL,  ALL,  ALL, OWN,  NO,   ALL]),
    (/* SEC-74 */ ASSIGN_RECORD.needs,          [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-74 */ DELETE_RECORD.needs,          [ALL, NO,   ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-74 */ IMPORT_RECORDS.needs,         [ALL, NO,   ALL,  ALL, NO,   NO,   ALL]),
    (/* SEC-75 */ VIEW_SELLERS.needs,           [ALL, NO,   ALL,  ALL, ALL,  ALL,  NO]),
    (/* SEC-75 */ READ_TEAMS,                   [ALL, NO,   ALL,  ALL, ALL,  ALL,  NO]),
    (/* SEC-75 */ MANAGE_SELLERS.needs,         [ALL, NO,   UNIT, ALL, NO,   NO,   NO]),
    (/* SEC-76 */ VIEW_SETTINGS.needs,          [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ VIEW_RECORD_TYPES.needs,      [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ READ_ROLES,                   [ALL, ALL,  ALL,  ALL, NO,   NO,   NO]),
    (/* SEC-76 */ MANAGE_SETTINGS.needs,        [ALL, NO,   NO,   NO,  NO,   NO,   NO]),
    (/* SEC-76 */ MANAGE_RECORD_TYPES.needs,    [ALL, NO,   NO,   NO,  NO,   NO,   NO]),
    (/* SEC-79 */ VIEW_RUNS.needs,              [ALL, ALL,  ALL,  ALL, OWN,  NO,   NO]),
];

/// The role definitions in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDefinitions(BTreeMap<Role, Vec<Grant>>);

impl RoleDefinitions {
    /// The definitions as they are before an administrator edits one.
    #[must_use]
    pub fn predefined() -> Self {
        let mut definitions: BTreeMap<Role, Vec<Grant>> = BTreeMap::new();
        for (needs, levels) in TABLE {
            for (role, level) in COLUMNS.into_iter().zip(levels) {
                let Some(level) = *level else { continue };
                let grants = definitions.entry(role).or_default();
                for (entity, privileges) in *needs {
                    grants.extend(privileges.iter().map(|&privilege| Grant { entity: *entity, privilege, level }));
                }
            }
        }
        Self(definitions)
    }

    /// Puts an edited definition in the place of the one in force (SEC-05).
    #[must_use]
    pub fn with(mut self, role: Role, grants: Vec<Grant>) -> Self {
        self.0.insert(role, grants);
        self
    }

    /// What somebody with these roles may do: the union (SEC-04).
    #[must_use]
    pub fn held_by(&self, roles: &[Role]) -> Privileges {
        let grants = roles.iter().filter_map(|role| self.0.get(role)).flatten().copied().collect();
        Privileges(grants)
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
    use crate::authorized::Authorized;
    use crate::identity::Caller;
    use crate::operation::{Access, Operation};
    use crate::operations;

    /// SPEC.md table 2.5 as the operations show it, by role in the order of [`COLUMNS`]: `Y` yes, `b` within the business
    /// unit (of sellers: those below), `o` own, `-` no.
    const EXPECTED: &[(&str, &str, &[&str])] = &[
        (
            "SEC-60",
            "YYYY---",
            &[
                "createSegment",
                "listSegments",
                "getSegment",
                "replaceSegment",
                "deleteSegment",
                "activateSegment",
                "deactivateSegment",
                "pauseSegment",
                "prioritizeSegment",
                "listSegmentRecords",
            ],
        ),
        (
            "SEC-61",
            "YYYY---",
            &[
                "createRule",
                "listRules",
                "orderRules",
                "getRule",
                "replaceRule",
                "deleteRule",
                "activateRule",
                "deactivateRule",
            ],
        ),
        ("SEC-62", "YYYY---", &["switchAssignRecords", "changeSettings"]),
        ("SEC-64", "YYYY---", &["listPending", "listProcessed", "getSummary"]),
        ("SEC-73, SEC-78: create", "YYYYo-Y", &["createRecord"]),
        ("SEC-73: read", "YYYYbb-", &["listRecords", "getRecord"]),
        ("SEC-73, SEC-78: patch, close, reopen", "YYYYo-Y", &["changeRecord", "closeRecord", "reopenRecord"]),
        ("SEC-74: assign, delete", "Y-YY---", &["assignRecord", "deleteRecord"]),
        ("SEC-74, SEC-78: batch", "Y-YY--Y", &["createRecords"]),
        // Sequence managers read sellers because rules show them (SEC-17).
        ("SEC-75: read", "YYYYYY-", &["listSellers", "getSeller"]),
        ("SEC-75: create, edit, delete", "Y-bY---", &["createSeller", "replaceSeller", "deleteSeller"]),
        ("SEC-76: read", "YYYY---", &["getSettings", "listRecordTypes", "getRecordType"]),
        ("SEC-76: change", "Y------", &["replaceRecordType"]),
        ("SEC-79", "YYYYo--", &["listRuns"]),
    ];

    fn letter(operation: &Operation, definitions: &RoleDefinitions, role: Role) -> char {
        let (task, scoped) = match operation.access {
            Access::Public => return 'Y',
            Access::Organisation(task) => (task, false),
            Access::Scoped(task) => (task, true),
        };
        let caller = Caller { sub: "susana".to_owned(), roles: vec![role] };
        match Authorized::pass(caller, definitions.held_by(&[role]), task) {
            Ok(authorized) if !scoped && authorized.demand(task).is_err() => '-',
            Ok(authorized) => match authorized.scope {
                Scope::Organisation => 'Y',
                Scope::BusinessUnit => 'b',
                Scope::Own => 'o',
            },
            Err(_) => '-',
        }
    }

    #[test]
    fn every_role_may_do_what_the_table_says_and_no_more() {
        let definitions = RoleDefinitions::predefined();
        for (source, expected, ids) in EXPECTED {
            for id in *ids {
                let operation = operations::all().find(|operation| operation.id == *id).unwrap();
                let found: String = COLUMNS.iter().map(|&role| letter(operation, &definitions, role)).collect();
                assert_eq!(found, *expected, "{source} {id}");
            }
        }
        let named = EXPECTED.iter().map(|(.., ids)| ids.len()).sum::<usize>();
        let protected = operations::all().filter(|operation| !matches!(operation.access, Access::Public));
        assert_eq!(named, protected.count());
    }

    /// SEC-04.
    #[test]
    fn several_roles_add_up() {
        let definitions = RoleDefinitions::predefined();
        let both = definitions.held_by(&[Role::Salesperson, Role::Integration]);
        assert_eq!(both.scope(Entity::Record, Privilege::Create), Some(Scope::Organisation));
        assert_eq!(both.scope(Entity::Record, Privilege::Read), Some(Scope::BusinessUnit));
        assert_eq!(both.scope(Entity::Segment, Privilege::Read), None);
    }

    /// SEC-05.
    #[test]
    fn an_edited_definition_takes_the_place_of_the_predefined_one() {
        let grant = Grant { entity: Entity::Segment, privilege: Privilege::Read, level: Scope::Organisation };
        let definitions = RoleDefinitions::predefined().with(Role::Salesperson, vec![grant]);
        let held = definitions.held_by(&[Role::Salesperson]);
        assert_eq!(held.scope(Entity::Segment, Privilege::Read), Some(Scope::Organisation));
        assert_eq!(held.scope(Entity::Record, Privilege::Read), None);
    }

    /// SEC-03: the refusal names the first privilege that is missing, or the one that reaches least far.
    #[test]
    fn a_task_fails_for_the_privilege_that_is_missing() {
        let definitions = RoleDefinitions::predefined();
        let manager = definitions.held_by(&[Role::SalesManager]);
        assert_eq!(manager.task(&MANAGE_RECORD_TYPES), Err((Entity::RecordType, Privilege::Create)));
        assert_eq!(manager.task(&MANAGE_SELLERS), Ok((Scope::BusinessUnit, Entity::Seller, Privilege::Create)));
    }
}
