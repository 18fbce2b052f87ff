//! `docs/privileges.md`: who may call which operation, and what the tasks of the specification need. Made from the same
//! tables as the checks, kept in the repository and pinned by a test; the tasks are held against the specification's rows.

use std::fmt::Write as _;
use std::path::Path;

use crate::openapi::privileges;
use crate::operation::{Access, Operation};
use crate::operations;
use domain::privilege::{self as task, Entity, Privilege, Scope, Task};
use domain::role_definition::{COLUMNS, RoleDefinitions};
use domain::word::word;

/// Rows of SPEC.md tables 2.2 to 2.4 that belong to one task of the API: `entity; entity: privilege, privilege` each.
struct Rows {
    source: &'static str,
    about: &'static str,
    task: &'static Task,
    needs: &'static [&'static str],
}

const fn rows(source: &'static str, about: &'static str, task: &'static Task, needs: &'static [&'static str]) -> Rows {
    Rows { source, about, task, needs }
}

/// SEC-47 is no task of the API but a condition of eligibility, SEC-48 is the identity of the functions themselves.
const SPECIFIED: &[Rows] = &[
    rows(
        "SEC-10",
        "Apply seller attributes to sellers",
        &task::APPLY_SELLER_ATTRIBUTES,
        &["Attribute: Read", "Attribute Value: Read, Append, Append To", "User: Read, Append, Append To"],
    ),
    rows(
        "SEC-11",
        "Assign unassigned records in the monitor tab",
        &task::ASSIGN_FROM_MONITOR,
        &["Sales routing run; Segment; Team; User: Read", "Record: Assign"],
    ),
    rows(
        "SEC-12",
        "Create, connect, disconnect a sequence for a segment",
        &task::CONNECT_SEGMENT_SEQUENCE,
        &[
            "Segment: Read, Write, Append",
            "Sequence: Read, Write, Create, Append, Append To",
            "Sequence Stat; Sequence Target Step: Read",
            "Sequence Template: Append To",
        ],
    ),
    rows(
        "SEC-13, SEC-41",
        "Create, modify, delete assignment rules",
        &task::MANAGE_RULES,
        &[
            "Assignment Rule: Read, Create, Write, Delete, Append",
            "Attribute; Attribute Value; Team; User: Read",
            "Segment: Read, Append To",
            "Security Role: Read",
        ],
    ),
    rows(
        "SEC-14",
        "Create, modify, delete segments",
        &task::MANAGE_SEGMENTS,
        &["Segment: Read, Create, Write, Delete"],
    ),
    rows(
        "SEC-15",
        "Create, modify, delete seller attributes",
        &task::MANAGE_SELLER_ATTRIBUTES,
        &["Attribute: Read, Create, Write, Delete, Append To", "Attribute Value: Read, Create, Write, Delete, Append"],
    ),
    rows(
        "SEC-16",
        "View assigned or unassigned records in monitor",
        &task::VIEW_MONITOR,
        &["Sales routing run; Segment: Read"],
    ),
    rows(
        "SEC-17",
        "View assignment rules",
        &task::VIEW_RULES,
        &["Assignment Rule; Attribute; Attribute Value; Segment; Team; User: Read"],
    ),
    rows("SEC-18", "View segments", &task::VIEW_SEGMENTS, &["Segment: Read"]),
    rows("SEC-19", "View seller attributes", &task::VIEW_SELLER_ATTRIBUTES, &["Attribute; Attribute Value: Read"]),
    rows("SEC-20", "View seller capacity", &task::VIEW_CAPACITY, &["Assignment Map; User: Read"]),
    rows(
        "SEC-21",
        "View sequences connected to a segment",
        &task::VIEW_SEGMENT_SEQUENCE,
        &["Segment; Sequence; Sequence Stat; Sequence Target Step; Sequence Template: Read"],
    ),
    rows("SEC-22", "Update seller capacity", &task::MANAGE_ELIGIBILITY, &["Assignment Map: Read, Write", "User: Read"]),
    rows(
        "SEC-30",
        "Create, edit, delete a sequence",
        &task::MANAGE_SEQUENCES,
        &["Sequence: Create, Read, Write, Delete"],
    ),
    rows(
        "SEC-31",
        "Connect and disconnect a sequence",
        &task::CONNECT_SEQUENCE,
        &[
            "Sequence: Create, Append To",
            "Sequence Target: Create, Read, Write, Append, Append To, Assign",
            "Sequence Target Step: Create, Read, Write, Append, Assign",
        ],
    ),
    rows("SEC-40", "Copy a segment", &task::COPY_SEGMENT, &["Segment: Read, Write, Create"]),
    rows("SEC-40", "Copy its rules with it", &task::COPY_RULES, &["Assignment Rule: Read, Write, Create"]),
    rows("SEC-42", "Assign tags to a sequence", &task::APPLY_TAGS, &["Sales tag: Read, Append, Append To"]),
    rows("SEC-43", "Use the tag manager", &task::MANAGE_TAGS, &["Sales tag: Create, Read, Write, Delete"]),
    rows("SEC-44", "View sequence stats and reports", &task::VIEW_REPORTS, &["Sales acceleration reports: Read"]),
    rows("SEC-45", "Edit one's own calendar", &task::MANAGE_CALENDAR, &["Calendar: Read, Write"]),
    rows("SEC-46", "Send bulk email from the work list", &task::SEND_BULK_EMAIL, &["Activity: Delete"]),
];

/// An entity by its name in SPEC.md.
fn entity(name: &str) -> Entity {
    match name {
        "Attribute" => Entity::SellerAttribute,
        "Attribute Value" => Entity::SellerAttributeValue,
        "User" => Entity::Seller,
        "Sales routing run" => Entity::RoutingRun,
        "Sales acceleration reports" => Entity::SalesReport,
        _ => *Entity::ALL.iter().find(|entity| entity.word() == camel(name)).unwrap(),
    }
}

fn privilege(name: &str) -> Privilege {
    *Privilege::ALL.iter().find(|privilege| privilege.word() == camel(name)).unwrap()
}

/// `Append To` as `appendTo`.
fn camel(words: &str) -> String {
    let mut parts = words.split(' ').map(str::to_lowercase);
    let first = parts.next().unwrap_or_default();
    parts.fold(first, |text, part| text + &part[..1].to_uppercase() + &part[1..])
}

/// SEC-10 to SEC-22, SEC-30, SEC-31, SEC-40 to SEC-46, to the letter.
#[test]
fn a_task_needs_what_its_rows_in_the_specification_say_and_nothing_else() {
    for Rows { source, task, needs, .. } in SPECIFIED {
        let mut specified = vec![];
        for row in *needs {
            let (entities, privileges) = row.split_once(": ").unwrap();
            for name in entities.split("; ") {
                specified.extend(privileges.split(", ").map(|held| (entity(name), privilege(held))));
            }
        }
        let mut needed: Vec<_> = task.privileges().collect();
        needed.sort_unstable();
        specified.sort_unstable();
        assert_eq!(needed, specified, "{source}");
        for id in source.split(", ") {
            assert!(task.source.split(", ").any(|known| known == id), "{source} is not a source of {}", task.source);
        }
    }
}

/// Regenerate with `UPDATE_DOCS=1 cargo test -p api`.
#[test]
fn the_kept_table_of_privileges_is_what_the_declarations_make() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/privileges.md");
    let made = document();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, made).unwrap();
    } else {
        let kept = std::fs::read_to_string(path).unwrap_or_default();
        assert!(made == kept, "docs/privileges.md is stale: run UPDATE_DOCS=1 cargo test -p api");
    }
}

fn document() -> String {
    let roles: Vec<String> = COLUMNS.iter().map(word).collect();
    let mut text = String::from(INTRODUCTION);
    head(&mut text, &["Operation", "Method", "Path", "Task"], &roles, &["no known role", "nobody"]);
    for operation in operations::all() {
        let (task, stranger) = match operation.access {
            Access::Public => (None, YES),
            Access::Organisation(task) | Access::Scoped(task) => (Some(task), NO),
        };
        let source = task.map_or(NO, |task| task.source);
        line(&mut text, operation, operation.id, source, &cells(operation.access), stranger);
        if let Some(beyond) = operation.beyond {
            let id = format!("{} beyond {}", operation.id, beyond.members.join(", "));
            let cells = cells(Access::Organisation(beyond.task));
            line(&mut text, operation, &id, beyond.task.source, &cells, NO);
        }
    }
    text.push_str(TASKS);
    head(&mut text, &["Rows", "Task", "Privileges"], &roles, &[]);
    for Rows { source, about, task, .. } in SPECIFIED {
        let _ = writeln!(
            text,
            "| {source} | {about} | {} | {} |",
            privileges(task),
            cells(Access::Scoped(task)).join(" | ")
        );
    }
    text
}

fn line(text: &mut String, operation: &Operation, id: &str, source: &str, cells: &[&str], stranger: &str) {
    let (method, path) = (format!("{:?}", operation.method).to_uppercase(), operation.path);
    let cells = cells.join(" | ");
    let _ = writeln!(text, "| {id} | {method} | `{path}` | {source} | {cells} | {stranger} | {stranger} |");
}

fn head(text: &mut String, first: &[&str], roles: &[String], last: &[&str]) {
    let names: Vec<&str> =
        first.iter().copied().chain(roles.iter().map(String::as_str)).chain(last.iter().copied()).collect();
    let _ = writeln!(text, "| {} |\n|{}", names.join(" | "), " --- |".repeat(names.len()));
}

const YES: &str = "yes";
const NO: &str = "–";

/// How far each role goes, in the order of the columns.
fn cells(access: Access) -> Vec<&'static str> {
    let definitions = RoleDefinitions::predefined();
    let cell = |role| match access.reach(&definitions.held_by(&[role])) {
        Some(Scope::Organisation) => YES,
        Some(Scope::BusinessUnit) => "business unit",
        Some(Scope::Own) => "own",
        None => NO,
    };
    COLUMNS.into_iter().map(cell).collect()
}

const INTRODUCTION: &str = "\
# Privileges

Generated from `shared/api/src/operations`, `privilege.rs` and `roles.rs`: `UPDATE_DOCS=1 cargo test -p api`. These are the
predefined roles; an administrator may edit them with `PUT /v1/roles/{name}` (SEC-05), and several roles of a caller add up
(SEC-04).

## Operations

`yes` everywhere in the organisation · `business unit` what the caller's business unit owns, of sellers those below the
caller by `managerId` (SEC-79a) · `own` what the caller owns · `–` refused with 403; nobody, who has no token, with 401.
What lies beyond the level is refused with 403 where the caller may read it and answers as absent (404) otherwise.

";

const TASKS: &str = "
## Tasks of the specification

Every privilege of a row is needed, at a level that covers what is touched (SEC-03). SEC-47, a seller's own read privilege,
is a condition of eligibility, and SEC-48 is the identity of the functions themselves: neither is a task of the API.

";
