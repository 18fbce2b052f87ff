//! What can be allowed: privileges on entities at a scope, and the tasks that need them (SPEC.md sections 2.1 to 2.4).
//!
//! Which role holds what is in [`crate::roles`]; which operation is which task is in [`crate::operations`].

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::shapes::word;

/// What a privilege is held on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Entity {
    /// A segment.
    Segment,
    /// An assignment rule.
    AssignmentRule,
    /// A property of sellers that rules match on.
    SellerAttribute,
    /// One of the values of a seller attribute.
    SellerAttributeValue,
    /// Who can receive records; SPEC.md calls the entity User.
    Seller,
    /// A team.
    Team,
    /// A seller's toggle and capacity (ENT-26).
    AssignmentMap,
    /// A role definition.
    SecurityRole,
    /// One processing of one record; SPEC.md calls the entity Sales routing run.
    RoutingRun,
    /// A record of whatever type.
    Record,
    /// Records written many at once: batch and import.
    RecordImport,
    /// The organisation's settings.
    Settings,
    /// A record type's definition.
    RecordType,
}

/// What may be done with an entity (SEC-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Privilege {
    /// Make one.
    Create,
    /// See one.
    Read,
    /// Change one.
    Write,
    /// Remove one.
    Delete,
    /// Store in it a reference to something else (SEC-02).
    Append,
    /// Be referred to (SEC-02).
    AppendTo,
    /// Give it to another owner.
    Assign,
}

/// How far a privilege reaches, from the narrowest: SPEC.md's access levels as API.md's `/v1/roles` has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Scope {
    /// Only what the caller owns.
    Own,
    /// What the caller's business unit owns; of sellers, those below the caller by `managerId` (SEC-79a).
    BusinessUnit,
    /// Everything in the organisation.
    Organisation,
}

/// One privilege that a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Grant {
    /// On what.
    pub entity: Entity,
    /// What may be done.
    pub privilege: Privilege,
    /// How far it reaches.
    pub level: Scope,
}

/// Privileges on one entity.
pub type Need = (Entity, &'static [Privilege]);

/// Something a person does, and every privilege that it takes (SEC-03: missing one is a refusal).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Task {
    /// The rows of SPEC.md that say so, such as `SEC-14`.
    pub source: &'static str,
    /// All of these, at a scope that covers what is touched.
    pub needs: &'static [Need],
}

impl Task {
    const fn new(source: &'static str, needs: &'static [Need]) -> Self {
        Self { source, needs }
    }

    /// Each privilege of the task with its entity.
    pub fn privileges(&self) -> impl Iterator<Item = (Entity, Privilege)> {
        self.needs.iter().flat_map(|(entity, privileges)| privileges.iter().map(|privilege| (*entity, *privilege)))
    }
}

impl Entity {
    /// The word in JSON, such as `assignmentRule`.
    #[must_use]
    pub fn word(self) -> String {
        word(self)
    }
}

impl Privilege {
    /// The word in JSON, such as `appendTo`.
    #[must_use]
    pub fn word(self) -> String {
        word(self)
    }
}

use Privilege::{Append, AppendTo, Assign, Create, Delete, Read, Write};

/// View segments.
pub const VIEW_SEGMENTS: Task = Task::new("SEC-18", &[(Entity::Segment, &[Read])]);

/// Create, edit, activate, prioritise, delete segments.
pub const MANAGE_SEGMENTS: Task = Task::new("SEC-14, SEC-60", &[(Entity::Segment, &[Read, Create, Write, Delete])]);

/// See which records a segment holds.
pub const VIEW_MEMBERS: Task = Task::new("SEC-16", &[(Entity::Segment, &[Read]), (Entity::Record, &[Read])]);

/// View assignment rules.
pub const VIEW_RULES: Task = Task::new(
    "SEC-17",
    &[
        (Entity::AssignmentRule, &[Read]),
        (Entity::SellerAttribute, &[Read]),
        (Entity::SellerAttributeValue, &[Read]),
        (Entity::Segment, &[Read]),
        (Entity::Team, &[Read]),
        (Entity::Seller, &[Read]),
    ],
);

/// All operations on assignment rules.
pub const MANAGE_RULES: Task = Task::new(
    "SEC-13, SEC-41, SEC-61",
    &[
        (Entity::AssignmentRule, &[Read, Create, Write, Delete, Append]),
        (Entity::SellerAttribute, &[Read]),
        (Entity::SellerAttributeValue, &[Read]),
        (Entity::Team, &[Read]),
        (Entity::Seller, &[Read]),
        (Entity::Segment, &[Read, AppendTo]),
        (Entity::SecurityRole, &[Read]),
    ],
);

/// View sellers.
pub const VIEW_SELLERS: Task = Task::new("SEC-75", &[(Entity::Seller, &[Read])]);

/// Create, edit, delete sellers.
pub const MANAGE_SELLERS: Task = Task::new("SEC-75", &[(Entity::Seller, &[Read, Create, Write, Delete])]);

/// Switch automatic assignment of a seller, set capacity, choose the eligible roles.
pub const MANAGE_ELIGIBILITY: Task =
    Task::new("SEC-22, SEC-62", &[(Entity::AssignmentMap, &[Read, Write]), (Entity::Seller, &[Read])]);

/// View the settings.
pub const VIEW_SETTINGS: Task = Task::new("SEC-76", &[(Entity::Settings, &[Read])]);

/// Change the settings.
pub const MANAGE_SETTINGS: Task = Task::new("SEC-71, SEC-76", &[(Entity::Settings, &[Read, Write])]);

/// View record types.
pub const VIEW_RECORD_TYPES: Task = Task::new("SEC-76", &[(Entity::RecordType, &[Read])]);

/// Create and change record types.
pub const MANAGE_RECORD_TYPES: Task = Task::new("SEC-71, SEC-76", &[(Entity::RecordType, &[Read, Create, Write])]);

/// Create one record.
pub const CREATE_RECORD: Task = Task::new("SEC-73, SEC-78", &[(Entity::Record, &[Create])]);

/// Create many records at once.
pub const IMPORT_RECORDS: Task =
    Task::new("SEC-74, SEC-78", &[(Entity::Record, &[Create]), (Entity::RecordImport, &[Create])]);

/// Read records.
pub const VIEW_RECORDS: Task = Task::new("SEC-73", &[(Entity::Record, &[Read])]);

/// Change, close, reopen a record.
pub const CHANGE_RECORD: Task = Task::new("SEC-73, SEC-78", &[(Entity::Record, &[Write])]);

/// Give a record to another owner.
pub const ASSIGN_RECORD: Task = Task::new("SEC-74", &[(Entity::Record, &[Read, Assign])]);

/// Delete a record.
pub const DELETE_RECORD: Task = Task::new("SEC-74", &[(Entity::Record, &[Read, Delete])]);

/// Run history and traces of a record.
pub const VIEW_RUNS: Task = Task::new("SEC-79", &[(Entity::RoutingRun, &[Read])]);

/// View the monitor.
pub const VIEW_MONITOR: Task =
    Task::new("SEC-16, SEC-64", &[(Entity::RoutingRun, &[Read]), (Entity::Segment, &[Read])]);
