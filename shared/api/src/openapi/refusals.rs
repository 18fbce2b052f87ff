//! What refusals look like: an example of each, made by the constructors that functions use, and their headers.

use serde_json::{Value, json};

use super::{JSON, PROBLEM};
use crate::problem::Problem;
use domain::privilege::{Entity, Privilege};

/// Completes the refusals that operations refer to, and adds the one that belongs to no operation.
pub(super) fn complete(document: &mut Value) {
    let responses = &mut document["components"]["responses"];
    responses["405"] = json!({
        "description": "The address knows other methods.",
        "content": {PROBLEM: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    });
    for (status, response) in responses.as_object_mut().into_iter().flatten() {
        let Ok(status) = status.parse() else { continue };
        for (name, value) in examples(status) {
            let kind = if response["content"].get(PROBLEM).is_some() { PROBLEM } else { JSON };
            response["content"][kind]["examples"][name] = json!({"value": value});
        }
        if let Some((name, header)) = header(status) {
            response["headers"][name] = header;
        }
    }
}

fn examples(status: u16) -> Vec<(&'static str, Value)> {
    let name = |text: &'static str| {
        let at = domain::fault::Pointer::root().join(text);
        Problem::fault(&at, "tooLong", "must have at most 100 characters")
    };
    let message = |text: &str| vec![("refused", json!({"message": text}))];
    let problems = match status {
        400 => vec![
            ("unreadableJson", Problem::unreadable_json("EOF while parsing an object at line 1 column 11")),
            ("unreadablePageToken", Problem::unreadable_page_token()),
        ],
        401 => return message("Unauthorized"),
        403 => {
            vec![("forbidden", Problem::forbidden(Entity::Segment, Privilege::Write)), ("noRole", Problem::no_role())]
        }
        404 => vec![("notFound", Problem::not_found())],
        405 => vec![("methodNotAllowed", Problem::method_not_allowed())],
        409 => vec![
            ("exists", Problem::from(store::Error::Exists)),
            ("changedMeanwhile", Problem::from(store::Error::Conflict)),
        ],
        412 => vec![("stale", Problem::stale(3))],
        413 => return message("Request Entity Too Large"),
        415 => vec![("unsupportedMediaType", Problem::unsupported_media_type(JSON))],
        422 => vec![
            ("invalid", name("name")),
            ("unknownParameter", Problem::parameter("limit", "outOfRange", "a whole number from 1 to 100")),
            ("idempotencyKeyReused", Problem::key_reused()),
        ],
        429 => return message("Too Many Requests"),
        500 => vec![("internal", Problem::internal(""))],
        503 => vec![("unavailable", Problem::unavailable(""))],
        _ => vec![],
    };
    problems.into_iter().map(|(name, problem)| (name, json!(problem))).collect()
}

fn header(status: u16) -> Option<(&'static str, Value)> {
    let seconds = json!({"type": "integer", "minimum": 0});
    let (name, about, schema, example, required) = match status {
        401 => ("WWW-Authenticate", "How to identify oneself.", json!({"type": "string"}), "Bearer", true),
        405 => ("Allow", "The methods of the address.", json!({"type": "string"}), "GET,HEAD", true),
        409 => ("Retry-After", "Seconds, while the first request under the key still runs.", seconds, "1", false),
        503 => ("Retry-After", "Seconds.", seconds, "1", false),
        _ => return None,
    };
    let example = if schema["type"] == "integer" { json!(1) } else { json!(example) };
    Some((name, json!({"description": about, "required": required, "schema": schema, "example": example})))
}
