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
}
