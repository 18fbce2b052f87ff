//! What every operation has alike: where it is served, what path parameters and headers mean.

use serde_json::{Value, json};

/// What the document says before any operation.
const ABOUT: &str = "Work assignment for sales teams: segments, assignment rules, sellers, records, runs.\n\n\
    Null, absent and `\"\"` all mean empty. A PUT replaces: an absent optional member takes its default, and members \
    that a GET adds are accepted and ignored; any other unknown member is refused. A method that an address doesn't \
    know is answered with 405 and the header `Allow` (`#/components/responses/405`). A token of a list is good for the \
    same list, filter and caller only.";

/// Completes the document and each of its operations.
pub(super) fn complete(document: &mut Value) {
    document["info"]["description"] = json!(ABOUT);
    document["info"]["license"] = json!({"name": "MIT OR Apache-2.0", "identifier": "MIT OR Apache-2.0"});
    document["servers"] = json!([
        {"url": "/", "description": "Where this document was read."},
        {"url": "http://127.0.0.1:8080", "description": "The local stack."},
        {
            "url": "https://{api}.execute-api.{region}.amazonaws.com",
            "description": "A deployment.",
            "variables": {
                "api": {"default": "api", "description": "The id of the HTTP API, an output of the template."},
                "region": {"default": "eu-central-1", "description": "Where it is deployed."},
            },
        },
    ]);
    for tag in document["tags"].as_array_mut().into_iter().flatten() {
        let name = tag["name"].as_str().unwrap_or_default().to_owned();
        tag["description"] = json!(format!("Answered by the function `{name}`."));
    }
    let mut versioned = vec![];
    for (name, schema) in document["components"]["schemas"].as_object().into_iter().flatten() {
        if schema["properties"].get("version").is_some() {
            versioned.push(json!(format!("#/components/schemas/{name}")));
        }
    }
    for (path, operation) in operations(document) {
        if operation.get("description").is_none() {
            operation["description"] = json!("Open to everybody: takes no token.");
        }
        let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
        for parameter in parameters.into_iter().flatten() {
            describe(&path, parameter);
        }
        for (status, answer) in operation["responses"].as_object_mut().into_iter().flatten() {
            let schema = &answer["content"]["application/json"]["schema"]["$ref"];
            if status.starts_with('2') && versioned.contains(schema) {
                answer["headers"]["ETag"] = json!({
                    "description": "The version, for `If-Match`.", "required": true,
                    "schema": {"type": "string", "pattern": "^\"[0-9]+\"$"}, "example": "\"3\"",
                });
            }
            if let Some(location) = answer.pointer_mut("/headers/Location") {
                location["required"] = json!(true);
                location["schema"] = json!({"type": "string", "format": "uri-reference"});
                location["example"] = json!("/v1/segments/lead-4k7q");
            }
            if let Some(replayed) = answer.pointer_mut("/headers/Idempotency-Replayed") {
                replayed["schema"] = json!({"type": "string", "enum": ["true"]});
                replayed["example"] = json!("true");
            }
        }
    }
}

/// Every operation with its path.
pub(super) fn operations(document: &mut Value) -> impl Iterator<Item = (String, &mut Value)> {
    let paths = document["paths"].as_object_mut().into_iter().flatten();
    paths.flat_map(|(path, methods)| {
        let operations = methods.as_object_mut().into_iter().flat_map(|methods| methods.values_mut());
        operations.map(move |operation| (path.clone(), operation))
    })
}

fn describe(path: &str, parameter: &mut Value) {
    let name = parameter["name"].as_str().unwrap_or_default().to_owned();
    match parameter["in"].as_str() {
        Some("path") => {
            parameter["description"] = json!(about(path, &name));
            parameter["schema"] = json!({"type": "string", "pattern": "^[A-Za-z0-9_-]+$", "maxLength": 200});
            parameter["example"] = json!(example(path, &name));
        }
        Some("query") => parameter["allowEmptyValue"] = json!(true),
        _ if name == "If-Match" => {
            parameter["schema"] =
                json!({"type": "string", "pattern": "^(\\*|\"[0-9]{1,15}\"( ?, ?\"[0-9]{1,15}\"){0,9})$"});
        }
        _ if name == "Idempotency-Key" => {
            parameter["schema"] =
                json!({"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]([ -~]*[!-~])?$"});
        }
        _ => {}
    }
}

/// An id that could stand there.
fn example(path: &str, name: &str) -> &'static str {
    match name {
        "type" => "lead",
        _ if path.starts_with("/v1/records/") => "L-17",
        _ if path.starts_with("/v1/segments/{id}") => "lead-default",
        _ if path.starts_with("/v1/rules/") => "lead-default-1",
        _ if path.starts_with("/v1/sellers/{id}") => "susana",
        _ if path.starts_with("/v1/roles/") => "salesperson",
        _ => "north",
    }
}

/// What a path parameter stands for: a record type, or one of what the path names before it.
fn about(path: &str, name: &str) -> String {
    if name == "type" {
        return "The name of a record type.".to_owned();
    }
    let before = path.split(&format!("/{{{name}}}")).next().unwrap_or_default();
    let noun = before.rsplit('/').find(|part| !part.starts_with('{')).unwrap_or_default();
    let member = if name == "name" { "name" } else { "id" };
    format!("The {member} of one of `{noun}`.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_parameter_is_described_by_what_stands_before_it() {
        assert_eq!(about("/v1/records/{type}", "type"), "The name of a record type.");
        assert_eq!(about("/v1/records/{type}/{id}/runs", "id"), "The id of one of `records`.");
        assert_eq!(about("/v1/sellers/{id}/calendar/{entryId}", "entryId"), "The id of one of `calendar`.");
        assert_eq!(about("/v1/roles/{name}", "name"), "The name of one of `roles`.");
    }
}
