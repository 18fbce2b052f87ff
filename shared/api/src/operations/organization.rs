//! The organisation: settings, record types, and the service itself (API.md section 3; SET-*).

use crate::operation::Access::{Organisation, Public};
use crate::operation::Method::{self, Get, Put};
use crate::operation::{Access, Answer, Function, Operation};
use crate::privilege::{MANAGE_ELIGIBILITY, MANAGE_RECORD_TYPES, MANAGE_SETTINGS, VIEW_RECORD_TYPES, VIEW_SETTINGS};
use crate::shapes::record_type::{RecordType, RecordTypeBody};
use crate::shapes::service::Health;
use crate::shapes::settings::{Settings, SettingsBody};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::Organization, method, path, id, access, answer)
}

const SETTINGS: &str = "/v1/settings";
const TYPE: &str = "/v1/record-types/{type}";

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
    operation(Get, "/v1/health", "getHealth", Public, Answer::resource::<Health>())
        .about("Says that the service answers."),
    operation(Get, "/v1/openapi.json", "getOpenapi", Public, Answer::Document).about("This document."),
];
