//! Condition trees (API.md section 2).

use std::borrow::Cow;

use serde_json::json;
use utoipa::openapi::schema::{
    AdditionalProperties, ArrayBuilder, Object, ObjectBuilder, OneOfBuilder, SchemaType, Type,
};
use utoipa::openapi::{Ref, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::words;

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
        let node = || Ref::from_schema_name("Condition");
        let text = || Object::with_type(Type::String);
        let group = |name: &str| ObjectBuilder::new().property(name, ArrayBuilder::new().items(node())).required(name);
        let row = |name: &str| {
            let any = ObjectBuilder::new().schema_type(SchemaType::AnyValue);
            ObjectBuilder::new()
                .property(name, text())
                .required(name)
                .property("op", words(OPERATORS))
                .required("op")
                .property("value", any.description(Some("What the operator compares with; a list means any of.")))
                .property("valueFrom", text())
        };
        let related = ObjectBuilder::new()
            .property("related", text())
            .required("related")
            .property("exists", Object::with_type(Type::Boolean))
            .required("exists")
            .property("where", node());
        let kinds = [group("all"), group("any"), row("field"), row("attribute"), related];
        let tree = kinds.into_iter().fold(OneOfBuilder::new(), |tree, kind| {
            tree.item(kind.additional_properties(Some(AdditionalProperties::FreeForm(false))))
        });
        let about = "A tree of tests: a group, a test of a column or seller attribute, or one of related records. \
                     {\"all\": []} matches everything.";
        let example = json!({"all": [{"field": "country", "op": "equals", "value": ["US", "CA"]}]});
        Schema::from(tree.description(Some(about)).examples([example]).build()).into()
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
