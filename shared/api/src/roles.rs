//! Who holds which privilege: the predefined role definitions (SPEC.md table 2.5) and what a caller's roles add up to.
//!
//! A definition is a list of [`Grant`]s, so one that an administrator edited (SEC-05) takes the place of a predefined
//! one. The roles stored on a seller play no part here (API.md "Identity").

use std::collections::BTreeMap;

use domain::seller::Role;
use store::Store;
use store::roles::RoleDefinition;

use crate::privilege::{self as task, Entity, Grant, Privilege, Scope, Task};

const ALL: Option<Scope> = Some(Scope::Organisation);
const UNIT: Option<Scope> = Some(Scope::BusinessUnit);
const OWN: Option<Scope> = Some(Scope::Own);
const NO: Option<Scope> = None;

/// The columns of [`TABLE`].
pub(crate) const COLUMNS: [Role; 7] = [
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

/// The definitions of all roles.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleDefinitions(BTreeMap<Role, RoleDefinition<Grant>>);

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

    /// The definitions in force: the predefined ones but for those that an administrator edited (SEC-05).
    pub async fn load(store: &Store) -> store::Result<Self> {
        let edited = store.edited_roles().await?;
        Ok(edited.into_iter().fold(Self::predefined(), Self::with))
    }

    /// Puts an edited definition in the place of the one in force.
    #[must_use]
    pub fn with(mut self, edited: RoleDefinition<Grant>) -> Self {
        self.0.insert(edited.name, edited);
        self
    }

    /// The definition of a role.
    #[must_use]
    pub fn of(&self, role: Role) -> &RoleDefinition<Grant> {
        self.0.get(&role).expect("every role is a column of the table")
    }

    /// All of them in the order of the roles.
    pub fn iter(&self) -> impl Iterator<Item = &RoleDefinition<Grant>> {
        self.0.values()
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
                "copySegment",
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
        (
            "SEC-62",
            "YYYY---",
            &[
                "switchAssignRecords",
                "changeSellers",
                "setCapacity",
                "applyAttributes",
                "createSellerAttribute",
                "replaceSellerAttribute",
                "deleteSellerAttribute",
                "changeSettings",
            ],
        ),
        // Rules show them (SEC-17).
        ("SEC-19", "YYYY---", &["listSellerAttributes", "getSellerAttribute"]),
        (
            "SEC-63",
            "YYbYo--",
            &["listCalendarEntries", "createCalendarEntry", "replaceCalendarEntry", "deleteCalendarEntry"],
        ),
        ("SEC-64", "YYYY---", &["listPending", "listProcessed", "getSummary"]),
        ("SEC-73, SEC-78: create", "YYYYo-Y", &["createRecord"]),
        ("SEC-73: read", "YYYYbb-", &["listRecords", "getRecord"]),
        ("SEC-73, SEC-78: patch, close, reopen", "YYYYo-Y", &["changeRecord", "closeRecord", "reopenRecord"]),
        ("SEC-74: assign, delete", "Y-YY---", &["assignRecord", "deleteRecord"]),
        ("SEC-74, SEC-78: batch", "Y-YY--Y", &["createRecords", "importRecords", "listImports", "getImport"]),
        // Sequence managers read sellers because rules show them (SEC-17).
        ("SEC-75: read", "YYYYYY-", &["listSellers", "searchSellers", "getSeller"]),
        ("SEC-75: create, edit, delete", "Y-bY---", &["createSeller", "replaceSeller", "deleteSeller"]),
        // Sequence managers read teams because rules show them (SEC-17).
        ("SEC-75: teams, read", "YYYYYY-", &["listTeams", "getTeam"]),
        (
            "SEC-75: queues and business units, read",
            "Y-YYYY-",
            &["listQueues", "getQueue", "listBusinessUnits", "getBusinessUnit"],
        ),
        (
            "SEC-75: teams, queues and business units, create, edit, delete",
            "Y-YY---",
            &[
                "createTeam",
                "replaceTeam",
                "deleteTeam",
                "createQueue",
                "replaceQueue",
                "deleteQueue",
                "createBusinessUnit",
                "replaceBusinessUnit",
                "deleteBusinessUnit",
            ],
        ),
        ("SEC-76: read", "YYYY---", &["getSettings", "listRecordTypes", "getRecordType", "listRoles", "getRole"]),
        ("SEC-05, SEC-76: change", "Y------", &["replaceRecordType", "replaceRole"]),
        ("SEC-77", "YYYY---", &["simulateSegment", "simulateRecord"]),
        ("SEC-79", "YYYYo--", &["listRuns"]),
    ];

    fn letter(operation: &Operation, definitions: &RoleDefinitions, role: Role) -> char {
        match operation.access.reach(&definitions.held_by(&[role])) {
            Some(Scope::Organisation) => 'Y',
            Some(Scope::BusinessUnit) => 'b',
            Some(Scope::Own) => 'o',
            None => '-',
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

    #[test]
    fn a_predefined_role_holds_each_privilege_once_at_the_widest_level() {
        let definitions = RoleDefinitions::predefined();
        for definition in definitions.iter() {
            let pairs = definition.privileges.iter().map(|grant| (grant.entity, grant.privilege));
            let differing: std::collections::BTreeSet<_> = pairs.collect();
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
