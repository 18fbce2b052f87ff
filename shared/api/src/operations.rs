//! The table of operations: everything the API can do, one declaration each.
//!
//! **Invariant:** there is no other way into a function. [`crate::edge::Edge`] mounts a handler only under the id of an
//! operation of its function and refuses to start while one has none.

use crate::operation::{Function, Operation};

mod assignment_rules;
mod monitor;
mod organization;
mod records;
mod segments;
mod sellers;

/// Every operation, by function.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    [
        segments::OPERATIONS,
        assignment_rules::OPERATIONS,
        sellers::OPERATIONS,
        organization::OPERATIONS,
        records::OPERATIONS,
        monitor::OPERATIONS,
    ]
    .into_iter()
    .flatten()
}

/// The operations that one function answers.
pub fn of(function: Function) -> impl Iterator<Item = &'static Operation> {
    all().filter(move |operation| operation.function == function)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use domain::privilege::Scope;
    use domain::role_definition::{COLUMNS, RoleDefinitions};
    use domain::seller::Role;

    use super::*;
    use crate::operation::{Access, Answer, Method};

    #[test]
    fn every_operation_has_a_name_of_its_own_and_a_summary() {
        let ids: BTreeSet<&str> = all().map(|operation| operation.id).collect();
        assert_eq!(ids.len(), all().count());
        for operation in all() {
            assert!(!operation.summary.is_empty(), "{}", operation.id);
            assert!(operation.path.starts_with("/v1/"), "{}", operation.id);
        }
    }

    #[test]
    fn a_route_belongs_to_one_operation() {
        let routes: BTreeSet<String> = all().map(|o| format!("{:?} {}", o.method, o.path)).collect();
        assert_eq!(routes.len(), all().count());
    }

    #[test]
    fn only_health_and_the_document_are_public() {
        let public: Vec<&str> =
            all().filter(|o| matches!(o.access, Access::Public)).map(|operation| operation.id).collect();
        assert_eq!(public, ["getHealth", "getOpenapi"]);
    }

    #[test]
    fn lists_and_public_documents_are_the_only_gets_that_are_no_resource() {
        for operation in all().filter(|operation| operation.method == Method::Delete) {
            assert!(matches!(operation.answer, Answer::Nothing), "{}", operation.id);
        }
        for operation in all().filter(|operation| operation.method == Method::Get) {
            assert!(operation.body.is_none(), "{}", operation.id);
        }
    }

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
        (
            "SEC-64",
            "YYYY---",
            &[
                "listPending",
                "listProcessed",
                "getMonitoredRecord",
                "getSummary",
                "runSegment",
                "listSegmentRuns",
                "getSegmentRun",
                "cancelSegmentRun",
                "getSegmentSchedule",
                "replaceSegmentSchedule",
                "deleteSegmentSchedule",
                "retryRecords",
                "listRetries",
                "getRetry",
            ],
        ),
        // Whoever assigns from the monitor needs what assigning takes (MON-61).
        ("SEC-64, SEC-74", "Y-YY---", &["assignRecords"]),
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
        ("SEC-79", "YYYYo--", &["listRuns", "getRun", "getTimeline"]),
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
                let operation = all().find(|operation| operation.id == *id).unwrap();
                let found: String = COLUMNS.iter().map(|&role| letter(operation, &definitions, role)).collect();
                assert_eq!(found, *expected, "{source} {id}");
            }
        }
        let named = EXPECTED.iter().map(|(.., ids)| ids.len()).sum::<usize>();
        let protected = all().filter(|operation| !matches!(operation.access, Access::Public));
        assert_eq!(named, protected.count());
    }
}
