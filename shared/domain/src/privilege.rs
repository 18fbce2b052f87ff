//! What can be allowed: privileges on entities at a scope, and the tasks that need them (SPEC.md sections 2.1 to 2.4).
//!
//! Which role holds what is in [`crate::role_definition`]; which operation is which task, the HTTP edge says.

use serde::{Deserialize, Serialize};

use crate::word::word;

/// What a privilege is held on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
    /// A queue.
    Queue,
    /// A business unit.
    BusinessUnit,
    /// A seller's calendar.
    Calendar,
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
    /// A sequence.
    Sequence,
    /// One connection of one record to a sequence.
    SequenceTarget,
    /// One step inside a connection.
    SequenceTargetStep,
    /// Figures of a sequence.
    SequenceStat,
    /// A sequence to begin from.
    SequenceTemplate,
    /// A tag of sequences.
    SalesTag,
    /// Sales acceleration reports.
    SalesReport,
    /// What a seller sees and does.
    Activity,
    /// What became of an e-mail, told by a machine.
    EngagementEvent,
}

/// What may be done with an entity (SEC-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
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
    /// Every entity.
    pub const ALL: [Self; 25] = [
        Self::Segment,
        Self::AssignmentRule,
        Self::SellerAttribute,
        Self::SellerAttributeValue,
        Self::Seller,
        Self::Team,
        Self::Queue,
        Self::BusinessUnit,
        Self::Calendar,
        Self::AssignmentMap,
        Self::SecurityRole,
        Self::RoutingRun,
        Self::Record,
        Self::RecordImport,
        Self::Settings,
        Self::RecordType,
        Self::Sequence,
        Self::SequenceTarget,
        Self::SequenceTargetStep,
        Self::SequenceStat,
        Self::SequenceTemplate,
        Self::SalesTag,
        Self::SalesReport,
        Self::Activity,
        Self::EngagementEvent,
    ];

    /// The word in JSON, such as `assignmentRule`.
    #[must_use]
    pub fn word(self) -> String {
        word(self)
    }
}

impl Privilege {
    /// Every privilege.
    pub const ALL: [Self; 7] =
        [Self::Create, Self::Read, Self::Write, Self::Delete, Self::Append, Self::AppendTo, Self::Assign];

    /// The word in JSON, such as `appendTo`.
    #[must_use]
    pub fn word(self) -> String {
        word(self)
    }
}

impl Scope {
    /// Every level, from the narrowest.
    pub const ALL: [Self; 3] = [Self::Own, Self::BusinessUnit, Self::Organisation];

    /// The word in JSON, such as `businessUnit`.
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

/// Copy a segment.
pub const COPY_SEGMENT: Task = Task::new("SEC-40, SEC-60", &[(Entity::Segment, &[Read, Write, Create])]);

/// Copy a segment's rules with it.
pub const COPY_RULES: Task = Task::new("SEC-40, SEC-61", &[(Entity::AssignmentRule, &[Read, Write, Create])]);

/// Try out a segment's conditions, or what would become of a record.
pub const SIMULATE: Task = Task::new(
    "SEC-77",
    &[
        (Entity::Segment, &[Read]),
        (Entity::AssignmentRule, &[Read]),
        (Entity::Seller, &[Read]),
        (Entity::Record, &[Read]),
    ],
);

/// See which records a segment holds.
pub const VIEW_MEMBERS: Task = Task::new("SEC-18, SEC-73", &[(Entity::Segment, &[Read]), (Entity::Record, &[Read])]);

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

/// View seller attributes.
pub const VIEW_SELLER_ATTRIBUTES: Task =
    Task::new("SEC-19", &[(Entity::SellerAttribute, &[Read]), (Entity::SellerAttributeValue, &[Read])]);

/// Create, modify, delete seller attributes.
pub const MANAGE_SELLER_ATTRIBUTES: Task = Task::new(
    "SEC-15, SEC-62",
    &[
        (Entity::SellerAttribute, &[Read, Create, Write, Delete, AppendTo]),
        (Entity::SellerAttributeValue, &[Read, Create, Write, Delete, Append]),
    ],
);

/// Apply seller attributes to sellers.
pub const APPLY_SELLER_ATTRIBUTES: Task = Task::new(
    "SEC-10, SEC-62",
    &[
        (Entity::SellerAttribute, &[Read]),
        (Entity::SellerAttributeValue, &[Read, Append, AppendTo]),
        (Entity::Seller, &[Read, Append, AppendTo]),
    ],
);

/// View sellers.
pub const VIEW_SELLERS: Task = Task::new("SEC-75", &[(Entity::Seller, &[Read])]);

/// Create, edit, delete sellers.
pub const MANAGE_SELLERS: Task = Task::new("SEC-75", &[(Entity::Seller, &[Read, Create, Write, Delete])]);

/// View seller capacity.
pub const VIEW_CAPACITY: Task = Task::new("SEC-20", &[(Entity::AssignmentMap, &[Read]), (Entity::Seller, &[Read])]);

/// Switch automatic assignment of a seller, set capacity, choose the eligible roles.
pub const MANAGE_ELIGIBILITY: Task =
    Task::new("SEC-22, SEC-62", &[(Entity::AssignmentMap, &[Read, Write]), (Entity::Seller, &[Read])]);

/// View a seller's calendar.
pub const VIEW_CALENDAR: Task = Task::new("SEC-45, SEC-63", &[(Entity::Calendar, &[Read])]);

/// Edit a seller's calendar.
pub const MANAGE_CALENDAR: Task = Task::new("SEC-45, SEC-63", &[(Entity::Calendar, &[Read, Write])]);

/// View teams.
pub const VIEW_TEAMS: Task = Task::new("SEC-75", &[(Entity::Team, &[Read])]);

/// Create, edit, delete teams.
pub const MANAGE_TEAMS: Task = Task::new("SEC-75", &[(Entity::Team, &[Read, Create, Write, Delete])]);

/// View queues.
pub const VIEW_QUEUES: Task = Task::new("SEC-75", &[(Entity::Queue, &[Read])]);

/// Create, edit, delete queues.
pub const MANAGE_QUEUES: Task = Task::new("SEC-75", &[(Entity::Queue, &[Read, Create, Write, Delete])]);

/// View business units.
pub const VIEW_BUSINESS_UNITS: Task = Task::new("SEC-75", &[(Entity::BusinessUnit, &[Read])]);

/// Create, edit, delete business units.
pub const MANAGE_BUSINESS_UNITS: Task = Task::new("SEC-75", &[(Entity::BusinessUnit, &[Read, Create, Write, Delete])]);

/// View role definitions.
pub const VIEW_ROLES: Task = Task::new("SEC-76", &[(Entity::SecurityRole, &[Read])]);

/// Change role definitions.
pub const MANAGE_ROLES: Task = Task::new("SEC-05, SEC-76", &[(Entity::SecurityRole, &[Read, Write])]);

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

/// Run a segment's rules, try records once more, set when rules run by themselves.
pub const RUN_RULES: Task =
    Task::new("SEC-64", &[(Entity::RoutingRun, &[Read]), (Entity::Segment, &[Read, Write]), (Entity::Record, &[Read])]);

/// Assign unassigned records from the monitor.
pub const ASSIGN_FROM_MONITOR: Task = Task::new(
    "SEC-11, SEC-64",
    &[
        (Entity::RoutingRun, &[Read]),
        (Entity::Segment, &[Read]),
        (Entity::Team, &[Read]),
        (Entity::Seller, &[Read]),
        (Entity::Record, &[Assign]),
    ],
);

/// View the sequence connected to a segment.
pub const VIEW_SEGMENT_SEQUENCE: Task = Task::new(
    "SEC-21",
    &[
        (Entity::Segment, &[Read]),
        (Entity::Sequence, &[Read]),
        (Entity::SequenceStat, &[Read]),
        (Entity::SequenceTargetStep, &[Read]),
        (Entity::SequenceTemplate, &[Read]),
    ],
);

/// Connect a sequence to a segment, or disconnect it.
pub const CONNECT_SEGMENT_SEQUENCE: Task = Task::new(
    "SEC-12",
    &[
        (Entity::Segment, &[Read, Write, Append]),
        (Entity::Sequence, &[Read, Write, Create, Append, AppendTo]),
        (Entity::SequenceStat, &[Read]),
        (Entity::SequenceTargetStep, &[Read]),
        (Entity::SequenceTemplate, &[AppendTo]),
    ],
);

/// View sequences.
pub const VIEW_SEQUENCES: Task = Task::new("SEC-66", &[(Entity::Sequence, &[Read])]);

/// Create, edit, delete sequences.
pub const MANAGE_SEQUENCES: Task = Task::new("SEC-30, SEC-65", &[(Entity::Sequence, &[Create, Read, Write, Delete])]);

/// Connect a record to a sequence, or disconnect it.
pub const CONNECT_SEQUENCE: Task = Task::new(
    "SEC-31, SEC-67",
    &[
        (Entity::Sequence, &[Create, AppendTo]),
        (Entity::SequenceTarget, &[Create, Read, Write, Append, AppendTo, Assign]),
        (Entity::SequenceTargetStep, &[Create, Read, Write, Append, Assign]),
    ],
);

/// Assign tags to a sequence.
pub const APPLY_TAGS: Task = Task::new("SEC-42, SEC-69", &[(Entity::SalesTag, &[Read, Append, AppendTo])]);

/// Use the tag manager.
pub const MANAGE_TAGS: Task = Task::new("SEC-43, SEC-68", &[(Entity::SalesTag, &[Create, Read, Write, Delete])]);

/// View figures of sequences.
pub const VIEW_REPORTS: Task = Task::new("SEC-44, SEC-70", &[(Entity::SalesReport, &[Read])]);

/// Work through the work list.
pub const WORK: Task = Task::new("SEC-72", &[(Entity::Activity, &[Create, Read, Write])]);

/// View the work list.
pub const VIEW_WORK: Task = Task::new("SEC-72", &[(Entity::Activity, &[Read])]);

/// Send e-mail in bulk from the work list.
pub const SEND_BULK_EMAIL: Task = Task::new("SEC-46", &[(Entity::Activity, &[Delete])]);

/// Tell what became of e-mails.
pub const TELL_ENGAGEMENT: Task = Task::new("SEC-78", &[(Entity::EngagementEvent, &[Create])]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sec_50_the_words_of_entities_privileges_and_levels_are_those_of_the_json() {
        assert_eq!(Scope::ALL.map(Scope::word), ["own", "businessUnit", "organisation"]);
        assert_eq!(Privilege::AppendTo.word(), "appendTo");
        assert_eq!(Entity::SequenceTargetStep.word(), "sequenceTargetStep");
    }
}
