//! Condition trees (API.md section 2).

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

/// A yes/no tree of tests. It refers to itself, so its schema is written out.
#[derive(Debug)]
pub struct Condition;

/// The operators of COND-20 to COND-30.
pub(crate) const OPERATORS: &[&str] = &[
    "equals",
    "notEquals",
    "contains",
    "notContains",
    "beginsWith",
    "notBeginsWith",
    "endsWith",
    "notEndsWith",
    "hasValue",
    "hasNoValue",
    "greaterThan",
    "atLeast",
    "lessThan",
    "atMost",
    "on",
    "onOrAfter",
    "onOrBefore",
    "today",
    "yesterday",
    "tomorrow",
    "thisWeek",
    "lastWeek",
    "nextWeek",
    "thisMonth",
    "lastMonth",
    "nextMonth",
    "thisYear",
    "lastYear",
    "nextYear",
    "last",
    "next",
    "olderThan",
    "currentUser",
    "notCurrentUser",
    "currentUserTeams",
];

impl PartialSchema for Condition {
    fn schema() -> RefOr<Schema> {
        let node = json!({"$ref": "#/components/schemas/Condition"});
        let group = |name: &str| {
            json!({"type": "object", "required": [name], "additionalProperties": false,
                   "properties": {name: {"type": "array", "items": node}}})
        };
        let row = |name: &str| {
            json!({"type": "object", "required": [name, "op"], "additionalProperties": false,
                   "properties": {name: {"type": "string"}, "op": {"type": "string", "enum": OPERATORS},
                                  "value": {"description": "what the operator compares with; a list means any of"},
                                  "valueFrom": {"type": "string", "description": "a column of the routed record"}}})
        };
        let related = json!({"type": "object", "required": ["related", "exists"], "additionalProperties": false,
            "properties": {"related": {"type": "string"}, "exists": {"type": "boolean"}, "where": node}});
        let tree = json!({
            "description": "A tree of tests: a group, a test of a column or seller attribute, or one of related records. {\"all\": []} matches everything.",
            "oneOf": [group("all"), group("any"), row("field"), row("attribute"), related],
            "example": {"all": [{"field": "country", "op": "equals", "value": ["US", "CA"]}]}
        });
        serde_json::from_value(tree).expect("the text above is a schema")
    }
}

impl ToSchema for Condition {
    fn name() -> Cow<'static, str> {
        Cow::Borrowed("Condition")
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((Self::name().into_owned(), Self::schema()));
    }
}
