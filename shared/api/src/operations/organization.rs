//! The organisation: settings, record types, teams, queues, business units, roles, and the service itself (API.md section
//! 3; SET-*, ENT-39, SEC-05).

use crate::operation::Access::{Organisation, Public};
use crate::operation::Method::{self, Delete, Get, Post, Put};
use crate::operation::{Access, Answer, Function, Operation};
use crate::shapes::business_unit::{BusinessUnit, BusinessUnitBody};
use crate::shapes::queue::{Queue, QueueBody};
use crate::shapes::record_type::{RecordType, RecordTypeBody};
use crate::shapes::role::{Role, RoleBody};
use crate::shapes::service::Health;
use crate::shapes::settings::{Settings, SettingsBody};
use crate::shapes::team::{Team, TeamBody};
use domain::privilege::{
    MANAGE_BUSINESS_UNITS, MANAGE_ELIGIBILITY, MANAGE_QUEUES, MANAGE_RECORD_TYPES, MANAGE_ROLES, MANAGE_SETTINGS,
    MANAGE_TEAMS, VIEW_BUSINESS_UNITS, VIEW_QUEUES, VIEW_RECORD_TYPES, VIEW_ROLES, VIEW_SETTINGS, VIEW_TEAMS,
};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::Organization, method, path, id, access, answer)
}

const SETTINGS: &str = "/v1/settings";
const TYPE: &str = "/v1/record-types/{type}";
const TEAMS: &str = "/v1/teams";
const TEAM: &str = "/v1/teams/{id}";
const QUEUES: &str = "/v1/queues";
const QUEUE: &str = "/v1/queues/{id}";
const UNITS: &str = "/v1/business-units";
const UNIT: &str = "/v1/business-units/{id}";
const ROLE: &str = "/v1/roles/{name}";

pub(super) const OPERATIONS: &[Operation] = &[
    operation(Get, SETTINGS, "getSettings", Organisation(&VIEW_SETTINGS), Answer::resource::<Settings>())
        .about("Reads the settings."),
    // SEC-62 lets managers choose the eligible roles, SEC-76 lets administrators alone change the rest.
    operation(Put, SETTINGS, "changeSettings", Organisation(&MANAGE_ELIGIBILITY), Answer::resource::<Settings>())
        .about("Changes the settings that the body names; the others stay.")
        .takes::<SettingsBody>()
        .beyond(&["eligibleRoles"], &MANAGE_SETTINGS)
        .conflicts(),
    operation(
        Get,
        "/v1/record-types",
        "listRecordTypes",
        Organisation(&VIEW_RECORD_TYPES),
        Answer::page::<RecordType>(),
    )
    .about("Lists the record types, sellers, teams and queues among them."),
    operation(Get, TYPE, "getRecordType", Organisation(&VIEW_RECORD_TYPES), Answer::resource::<RecordType>())
        .about("Reads a record type."),
    operation(Put, TYPE, "replaceRecordType", Organisation(&MANAGE_RECORD_TYPES), Answer::resource::<RecordType>())
        .about("Replaces a record type, or creates a custom one.")
        .takes::<RecordTypeBody>()
        .conflicts(),
    operation(Post, TEAMS, "createTeam", Organisation(&MANAGE_TEAMS), Answer::created::<Team>())
        .about("Creates a team.")
        .takes::<TeamBody>()
        .conflicts(),
    operation(Get, TEAMS, "listTeams", Organisation(&VIEW_TEAMS), Answer::page::<Team>()).about("Lists teams."),
    operation(Get, TEAM, "getTeam", Organisation(&VIEW_TEAMS), Answer::resource::<Team>()).about("Reads a team."),
    operation(Put, TEAM, "replaceTeam", Organisation(&MANAGE_TEAMS), Answer::resource::<Team>())
        .about("Replaces a team.")
        .takes::<TeamBody>()
        .conflicts(),
    operation(Delete, TEAM, "deleteTeam", Organisation(&MANAGE_TEAMS), Answer::Nothing)
        .about("Deletes a team that no active rule names.")
        .conflicts(),
    operation(Post, QUEUES, "createQueue", Organisation(&MANAGE_QUEUES), Answer::created::<Queue>())
        .about("Creates a queue.")
        .takes::<QueueBody>()
        .conflicts(),
    operation(Get, QUEUES, "listQueues", Organisation(&VIEW_QUEUES), Answer::page::<Queue>()).about("Lists queues."),
    operation(Get, QUEUE, "getQueue", Organisation(&VIEW_QUEUES), Answer::resource::<Queue>()).about("Reads a queue."),
    operation(Put, QUEUE, "replaceQueue", Organisation(&MANAGE_QUEUES), Answer::resource::<Queue>())
        .about("Replaces a queue.")
        .takes::<QueueBody>()
        .conflicts(),
    operation(Delete, QUEUE, "deleteQueue", Organisation(&MANAGE_QUEUES), Answer::Nothing)
        .about("Deletes a queue that no active rule names.")
        .conflicts(),
    operation(
        Post,
        UNITS,
        "createBusinessUnit",
        Organisation(&MANAGE_BUSINESS_UNITS),
        Answer::created::<BusinessUnit>(),
    )
    .about("Creates a business unit.")
    .takes::<BusinessUnitBody>()
    .conflicts(),
    operation(Get, UNITS, "listBusinessUnits", Organisation(&VIEW_BUSINESS_UNITS), Answer::page::<BusinessUnit>())
        .about("Lists business units."),
    operation(Get, UNIT, "getBusinessUnit", Organisation(&VIEW_BUSINESS_UNITS), Answer::resource::<BusinessUnit>())
        .about("Reads a business unit."),
    operation(
        Put,
        UNIT,
        "replaceBusinessUnit",
        Organisation(&MANAGE_BUSINESS_UNITS),
        Answer::resource::<BusinessUnit>(),
    )
    .about("Replaces a business unit.")
    .takes::<BusinessUnitBody>()
    .conflicts(),
    operation(Delete, UNIT, "deleteBusinessUnit", Organisation(&MANAGE_BUSINESS_UNITS), Answer::Nothing)
        .about("Deletes a business unit without parts and sellers.")
        .conflicts(),
    operation(Get, "/v1/roles", "listRoles", Organisation(&VIEW_ROLES), Answer::page::<Role>())
        .about("Lists the roles and what each may do."),
    operation(Get, ROLE, "getRole", Organisation(&VIEW_ROLES), Answer::resource::<Role>())
        .about("Reads what a role may do."),
    operation(Put, ROLE, "replaceRole", Organisation(&MANAGE_ROLES), Answer::resource::<Role>())
        .about("Replaces what a role may do; in force for every request from then on.")
        .takes::<RoleBody>()
        .conflicts(),
    operation(Get, "/v1/health", "getHealth", Public, Answer::resource::<Health>())
        .about("Says that the service answers."),
    operation(Get, "/v1/openapi.json", "getOpenapi", Public, Answer::Document).about("This document."),
];
