//! Assignment rules (API.md section 3; RULE-*).

use crate::operation::Access::Organisation;
use crate::operation::Method::{self, Delete, Get, Post, Put};
use crate::operation::{Access, Answer, Function, Operation};
use crate::shapes::assignment_rule::{AssignmentRule, AssignmentRuleBody, RuleOrder, RuleOrderBody};
use domain::privilege::{MANAGE_RULES, VIEW_RULES};

const fn operation(method: Method, path: &'static str, id: &'static str, access: Access, answer: Answer) -> Operation {
    Operation::new(Function::AssignmentRules, method, path, id, access, answer)
}

const OF_SEGMENT: &str = "/v1/segments/{id}/rules";
const ONE: &str = "/v1/rules/{id}";
const MANAGE: Access = Organisation(&MANAGE_RULES);
const VIEW: Access = Organisation(&VIEW_RULES);

pub(super) const OPERATIONS: &[Operation] = &[
    operation(Post, OF_SEGMENT, "createRule", MANAGE, Answer::created::<AssignmentRule>())
        .about("Creates a rule, last in its segment and active unless the body says otherwise.")
        .takes::<AssignmentRuleBody>()
        .conflicts(),
    operation(Get, OF_SEGMENT, "listRules", VIEW, Answer::page::<AssignmentRule>())
        .about("Lists the rules of a segment in order."),
    operation(Put, "/v1/segments/{id}/rules/order", "orderRules", MANAGE, Answer::resource::<RuleOrder>())
        .about("Puts the rules of a segment in another order.")
        .takes::<RuleOrderBody>()
        .conflicts(),
    operation(Get, ONE, "getRule", VIEW, Answer::resource::<AssignmentRule>()).about("Reads a rule."),
    operation(Put, ONE, "replaceRule", MANAGE, Answer::resource::<AssignmentRule>())
        .about("Replaces a rule; on an active one it takes effect at once.")
        .takes::<AssignmentRuleBody>()
        .conflicts(),
    operation(Delete, ONE, "deleteRule", MANAGE, Answer::Nothing).about("Deletes a rule.").conflicts(),
    operation(Post, "/v1/rules/{id}/activate", "activateRule", MANAGE, Answer::resource::<AssignmentRule>())
        .about("Makes a rule be used.")
        .conflicts(),
    operation(Post, "/v1/rules/{id}/deactivate", "deactivateRule", MANAGE, Answer::resource::<AssignmentRule>())
        .about("Makes a rule be skipped; it keeps its place.")
        .conflicts(),
];
