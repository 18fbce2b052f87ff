//! The OpenAPI document, made from the table of operations and the shapes, so that it can't tell another story.
//!
//! This module says which operations, shapes and refusals there are. What holds for all of them alike (strict bodies,
//! headers, examples) is added by the modules below, so that an operation that is declared is described completely.
//! The document is kept in the repository (`openapi.json`, pinned by a test) and served from there.

use serde_json::Value;

use utoipa::openapi::header::Header;
use utoipa::openapi::path::{OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, SchemaType, Type};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{
    Components, Content, InfoBuilder, OpenApi, OpenApiBuilder, Paths, Ref, RefOr, Required, Response, Schema,
};

use crate::operation::{Access, Answer, Operation, Parameter, Shape, Values};
use crate::operations;
use crate::shapes::problem::{GatewayMessage, Problem};
use domain::privilege::Task;

mod common;
mod example;
mod refusals;
mod strict;

/// The document as it is served.
pub const DOCUMENT: &str = include_str!("../openapi.json");

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const BEARER: &str = "bearer";

/// Makes the document.
#[must_use]
pub fn document() -> Value {
    let mut document = serde_json::to_value(declared()).expect("the document is made of text and numbers");
    strict::bodies(&mut document);
    common::complete(&mut document);
    refusals::complete(&mut document);
    example::complete(&mut document);
    document
}

/// The document as far as each operation declares it.
fn declared() -> OpenApi {
    let info = InfoBuilder::new()
        .title("Baton")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some("Work assignment for sales teams: segments, assignment rules, sellers, records, runs."))
        .build();
    let mut paths = Paths::new();
    for operation in operations::all() {
        paths.add_path_operation(operation.path, vec![operation.method.documented()], described(operation));
    }
    let mut functions: Vec<&str> = operations::all().map(|operation| operation.function.name()).collect();
    functions.dedup();
    let tags = functions.into_iter().map(|name| TagBuilder::new().name(name).build());
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components())).tags(Some(tags)).build()
}

fn components() -> Components {
    let token = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    let mut components = Components::new();
    components.add_security_scheme(BEARER, SecurityScheme::Http(token));
    let answers = operations::all().filter_map(|operation| match operation.answer {
        Answer::Resource(shape) | Answer::Created(shape) | Answer::Accepted(shape) | Answer::Page(shape) => Some(shape),
        Answer::Nothing | Answer::Document => None,
    });
    let bodies = operations::all().filter_map(|operation| operation.body);
    let mut schemas = Vec::new();
    for shape in answers.chain(bodies).chain([Shape::of::<Problem>(), Shape::of::<GatewayMessage>()]) {
        schemas.push(((shape.name)().into_owned(), (shape.schema)()));
        (shape.nested)(&mut schemas);
    }
    components.schemas.extend(schemas);
    components.responses.extend(REFUSALS.map(|(status, about, _)| (status.to_string(), refusal(status, about).into())));
    components
}

fn described(operation: &Operation) -> utoipa::openapi::path::Operation {
    let mut builder = OperationBuilder::new()
        .tag(operation.function.name())
        .operation_id(Some(operation.id))
        .summary(Some(operation.summary))
        .description(needs(operation));
    for name in operation.path_parameters() {
        builder = builder.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .schema(Some(text())),
        );
    }
    for parameter in operation.query {
        builder = builder.parameter(optional(parameter.name, ParameterIn::Query, parameter.about, values(parameter)));
    }
    if operation.is_paged() {
        let limit = ObjectBuilder::new()
            .schema_type(SchemaType::Type(Type::Integer))
            .minimum(Some(1))
            .maximum(Some(100))
            .default(Some(25.into()));
        let about = "How many items the page holds at most.";
        builder = builder.parameter(optional("limit", ParameterIn::Query, about, limit.build().into()));
        let about = "The token of the page before, for the same filter and caller.";
        builder = builder.parameter(optional("next", ParameterIn::Query, about, text()));
    }
    if operation.takes_if_match() {
        let about = "The ETag of the version that may be changed; absent = whatever there is.";
        builder = builder.parameter(optional("If-Match", ParameterIn::Header, about, text()));
    }
    if operation.takes_idempotency_key() {
        let about = "A repetition under the same key within 72 hours gets the first answer.";
        let key = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).max_length(Some(128)).build();
        builder = builder.parameter(optional("Idempotency-Key", ParameterIn::Header, about, key.into()));
    }
    if let Some(shape) = operation.body {
        let body = RequestBodyBuilder::new().content(JSON, content(reference(shape))).required(Some(Required::True));
        builder = builder.request_body(Some(body.build()));
    }
    if let Some(media_type) = operation.text {
        let body = RequestBodyBuilder::new().content(media_type, content(text())).required(Some(Required::True));
        builder = builder.request_body(Some(body.build()));
    }
    if !matches!(operation.access, Access::Public) {
        builder = builder.security(SecurityRequirement::new(BEARER, Vec::<String>::new()));
    }
    builder = builder.response(operation.answer.status().to_string(), success(operation));
    for (status, ..) in REFUSALS.iter().filter(|(.., possible)| possible(operation)) {
        builder = builder.response(status.to_string(), Ref::from_response_name(status.to_string()));
    }
    builder.build()
}

/// What the caller must hold, in words; nothing for a public operation.
fn needs(operation: &Operation) -> Option<String> {
    let (task, reach) = match operation.access {
        Access::Public => return None,
        Access::Organisation(task) => (task, "throughout the organisation"),
        Access::Scoped(task) => (task, "at a level that covers what is touched"),
    };
    let beyond = operation.beyond.map(|beyond| {
        let (members, task) = (beyond.members.join(", "), beyond.task);
        format!(" Members other than {members} also need {} ({}).", privileges(task), task.source)
    });
    Some(format!("Needs {} {reach} ({}).{}", privileges(task), task.source, beyond.unwrap_or_default()))
}

pub(crate) fn privileges(task: &Task) -> String {
    let entities = task.needs.iter().map(|(entity, privileges)| {
        let words: Vec<String> = privileges.iter().map(|privilege| privilege.word()).collect();
        format!("{} on {}", words.join(", "), entity.word())
    });
    entities.collect::<Vec<_>>().join("; ")
}

fn success(operation: &Operation) -> Response {
    let builder = ResponseBuilder::new();
    let mut builder = match operation.answer {
        Answer::Resource(shape) => builder.description("The whole of it.").content(JSON, content(reference(shape))),
        Answer::Created(shape) => builder
            .description("Created.")
            .header("Location", header("Where it is."))
            .content(JSON, content(reference(shape))),
        Answer::Accepted(shape) => builder
            .description("Begun.")
            .header("Location", header("Where to read how far it is."))
            .content(JSON, content(reference(shape))),
        Answer::Page(shape) => builder.description("A page.").content(JSON, content(page(shape))),
        Answer::Nothing => builder.description("Deleted."),
        Answer::Document => builder.description("The document.").content(JSON, content(object())),
    };
    if operation.takes_idempotency_key() {
        builder = builder.header("Idempotency-Replayed", header("`true` on the answer to a repetition."));
    }
    builder.build()
}

/// Whether an operation can be refused so.
type Possible = fn(&Operation) -> bool;

/// What requests can be refused with, and to which operations that can happen.
#[rustfmt::skip]
const REFUSALS: [(u16, &str, Possible); 12] = [
    (400, "Unreadable JSON or page token.", |o| takes_a_body(o) || o.is_paged()),
    (401, "No valid token.", protected),
    (403, "Not allowed; names entity and privilege.", protected),
    (404, "Absent, or not readable by the caller.", |o| o.path_parameters().next().is_some()),
    (409, "Possible only in another state, or the first request under the key still runs.", |o| o.conflicts || o.takes_idempotency_key()),
    (412, "`If-Match` names another version than the present one.", Operation::takes_if_match),
    (413, "Too large.", takes_a_body),
    (415, "The body is not declared as what it has to be.", takes_a_body),
    (422, "Can never succeed; lists every fault.", |_| true),
    (429, "Too many requests.", |_| true),
    (500, "A failure of ours.", |_| true),
    (503, "Try again in a moment.", protected),
];

/// The statuses that AWS's gateway answers by itself.
const BY_GATEWAY: [u16; 3] = [401, 413, 429];

fn takes_a_body(operation: &Operation) -> bool {
    operation.body.is_some() || operation.text.is_some()
}

fn protected(operation: &Operation) -> bool {
    !matches!(operation.access, Access::Public)
}

fn refusal(status: u16, about: &str) -> Response {
    let by_gateway = BY_GATEWAY.contains(&status);
    let (kind, shape) =
        if by_gateway { (JSON, Shape::of::<GatewayMessage>()) } else { (PROBLEM, Shape::of::<Problem>()) };
    ResponseBuilder::new().description(about).content(kind, content(reference(shape))).build()
}

fn optional(name: &str, place: ParameterIn, about: &str, schema: RefOr<Schema>) -> ParameterBuilder {
    let builder = ParameterBuilder::new().name(name).parameter_in(place).required(Required::False);
    builder.description(Some(about)).schema(Some(schema))
}

fn values(parameter: &Parameter) -> RefOr<Schema> {
    match parameter.values {
        Values::Text => text(),
        Values::Words(words) => crate::shapes::words(words),
    }
}

fn page(shape: Shape) -> RefOr<Schema> {
    let items = ArrayBuilder::new().items(reference(shape)).build();
    let next = ObjectBuilder::new()
        .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
        .description(Some("Token of the next page; null on the last."));
    let page = ObjectBuilder::new().property("items", items).required("items").property("next", next).required("next");
    Schema::from(page.build()).into()
}

fn reference(shape: Shape) -> RefOr<Schema> {
    Ref::from_schema_name((shape.name)()).into()
}

fn content(schema: RefOr<Schema>) -> Content {
    Content::new(Some(schema))
}

fn header(about: &str) -> Header {
    let mut header = Header::new(text());
    header.description = Some(about.to_owned());
    header
}

fn text() -> RefOr<Schema> {
    Schema::from(ObjectBuilder::new().schema_type(SchemaType::Type(Type::String)).build()).into()
}

fn object() -> RefOr<Schema> {
    Schema::from(ObjectBuilder::new().schema_type(SchemaType::Type(Type::Object)).build()).into()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    /// Regenerate with `UPDATE_OPENAPI=1 cargo test -p api`.
    #[test]
    fn the_kept_document_is_what_the_declarations_make() {
        let made = serde_json::to_string_pretty(&document()).unwrap() + "\n";
        if std::env::var_os("UPDATE_OPENAPI").is_some() {
            std::fs::write(Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json"), &made).unwrap();
        } else {
            assert!(made == DOCUMENT, "openapi.json is stale: run UPDATE_OPENAPI=1 cargo test -p api");
        }
    }

    #[test]
    fn every_reference_leads_to_a_schema() {
        let document = document();
        let mut references = BTreeSet::new();
        collect(&document, &mut references);
        assert!(references.len() > 20, "{references:?}");
        for reference in references {
            let pointer = reference.trim_start_matches('#');
            assert!(document.pointer(pointer).is_some(), "{reference}");
        }
    }

    fn collect(value: &Value, found: &mut BTreeSet<String>) {
        match value {
            Value::Object(members) => {
                found.extend(members.get("$ref").and_then(Value::as_str).map(ToOwned::to_owned));
                members.values().for_each(|member| collect(member, found));
            }
            Value::Array(elements) => elements.iter().for_each(|element| collect(element, found)),
            _ => {}
        }
    }

    #[test]
    fn one_schema_has_one_name() {
        let mut named = std::collections::BTreeMap::new();
        for operation in operations::all() {
            let shapes = [operation.body].into_iter().flatten();
            for shape in shapes {
                let schema = serde_json::to_value((shape.schema)()).unwrap();
                let earlier = named.insert((shape.name)(), schema.clone());
                assert!(earlier.is_none_or(|earlier| earlier == schema), "{}", (shape.name)());
            }
        }
    }

    /// Every declared operation is described so that nobody has to ask, and every example is one.
    #[test]
    fn every_operation_is_described_completely() {
        let document = document();
        for operation in operations::all() {
            let method = serde_json::to_value(operation.method.documented()).unwrap();
            let shown = &document["paths"][operation.path][method.as_str().unwrap().to_lowercase()];
            let id = operation.id;
            assert_eq!(shown["operationId"], id);
            for member in ["summary", "description"] {
                assert!(shown[member].as_str().is_some_and(|text| text.ends_with('.')), "{id} {member}");
            }
            assert_eq!(shown["tags"][0], operation.function.name(), "{id}");
            for parameter in shown["parameters"].as_array().into_iter().flatten() {
                assert!(parameter["description"].is_string(), "{id} {parameter}");
                assert!(parameter["schema"]["type"].is_string(), "{id} {parameter}");
            }
            if operation.body.is_some() {
                sound(&document, &shown["requestBody"]["content"], id);
            }
            let (mut successes, mut errors) = (0, 0);
            for (status, answer) in shown["responses"].as_object().unwrap() {
                let status: u16 = status.parse().unwrap();
                let reference = answer["$ref"].as_str().map(|reference| reference.trim_start_matches('#'));
                let answer = reference.map_or(answer, |reference| document.pointer(reference).unwrap());
                assert!(answer["description"].is_string(), "{id} {status}");
                if status != 204 {
                    sound(&document, &answer["content"], &format!("{id} {status}"));
                }
                if status < 300 { successes += 1 } else { errors += 1 }
            }
            assert_eq!(successes, 1, "{id}");
            assert!(errors >= 3, "{id} has {errors} errors");
        }
    }

    /// Each media type has an example that its schema allows.
    fn sound(document: &Value, content: &Value, at: &str) {
        let media = content.as_object().unwrap_or_else(|| panic!("{at} has no content"));
        for (kind, shown) in media {
            let named = shown["examples"].as_object().into_iter().flat_map(|examples| examples.values());
            let examples: Vec<&Value> =
                shown.get("example").into_iter().chain(named.map(|one| &one["value"])).collect();
            assert!(!examples.is_empty(), "{at} {kind} has no example");
            for example in examples {
                let found = crate::testing::conformity::faults(document, &shown["schema"], example, "");
                assert_eq!(found, Vec::<String>::new(), "{at} {kind}: {example}");
            }
        }
    }

    /// What answers carry in headers is documented with them.
    #[test]
    fn headers_are_documented_where_they_stand() {
        let document = document();
        for (pointer, header) in [
            ("/components/responses/401", "WWW-Authenticate"),
            ("/components/responses/405", "Allow"),
            ("/components/responses/503", "Retry-After"),
            ("/paths/~1v1~1segments/post/responses/201", "Location"),
            ("/paths/~1v1~1segments/post/responses/201", "ETag"),
            ("/paths/~1v1~1segments/post/responses/201", "Idempotency-Replayed"),
            ("/paths/~1v1~1segments~1{id}/get/responses/200", "ETag"),
        ] {
            let shown = document.pointer(pointer).unwrap();
            assert!(shown["headers"][header]["schema"].is_object(), "{pointer} {header}");
        }
        let parameters = &document["paths"]["/v1/segments/{id}"]["put"]["parameters"];
        assert!(parameters.as_array().unwrap().iter().any(|parameter| parameter["name"] == "If-Match"));
    }
}
