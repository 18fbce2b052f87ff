//! Bodies as strict as the drafts that believe them: an unknown member is refused, and a member that may be absent may
//! also be null (API.md section 1).
//!
//! That `""` means empty as well is said of texts with a pattern; of other members it would drown what they are.

use std::collections::BTreeSet;

use serde_json::{Value, json};

const SCHEMAS: &str = "#/components/schemas/";

/// Makes every schema that a request's body is made of strict.
pub(super) fn bodies(document: &mut Value) {
    let mut names = BTreeSet::new();
    for methods in document["paths"].as_object().into_iter().flat_map(|paths| paths.values()) {
        for operation in methods.as_object().into_iter().flat_map(|methods| methods.values()) {
            collect(document, &operation["requestBody"], &mut names);
        }
    }
    for name in names {
        strict(&mut document["components"]["schemas"][name]);
    }
}

/// The schemas that are reached from here.
fn collect(document: &Value, from: &Value, names: &mut BTreeSet<String>) {
    match from {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).and_then(|text| text.strip_prefix(SCHEMAS));
            if let Some(name) = name.filter(|name| names.insert((*name).to_owned())) {
                collect(document, &document["components"]["schemas"][name], names);
            }
            members.values().for_each(|member| collect(document, member, names));
        }
        Value::Array(elements) => elements.iter().for_each(|element| collect(document, element, names)),
        _ => {}
    }
}

fn strict(schema: &mut Value) {
    let required = schema["required"].clone();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.contains(&json!(name)));
    for part in ["oneOf", "anyOf", "allOf"] {
        schema.get_mut(part).and_then(Value::as_array_mut).into_iter().flatten().for_each(strict);
    }
    if let Some(items) = schema.get_mut("items") {
        strict(items);
    }
    // Numbers are read as 32 bits without a sign, which no format says.
    if schema.get("format") == Some(&json!("int32"))
        && let Some(schema) = schema.as_object_mut()
    {
        schema.shift_remove("format");
        schema.entry("maximum").or_insert(json!(u32::MAX));
    }
    let Some(members) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, member) in members {
        strict(member);
        if !is_required(name) {
            nullable(member);
            if let Some(pattern) = member.get("pattern").and_then(Value::as_str) {
                member["pattern"] = json!(format!("^$|{pattern}"));
            }
        }
    }
    if let Some(schema) = schema.as_object_mut() {
        schema.entry("additionalProperties").or_insert(json!(false));
    }
}

/// Lets null pass as well.
fn nullable(schema: &mut Value) {
    let nothing = json!("null");
    if schema.get("$ref").is_some() {
        *schema = json!({"oneOf": [schema.take(), {"type": "null"}]});
    } else if let Some(kinds) = schema.get_mut("oneOf").and_then(Value::as_array_mut) {
        if kinds.iter().all(|kind| kind["type"] != nothing) {
            kinds.push(json!({"type": "null"}));
        }
    } else if let Some(kind @ Value::String(_)) = schema.get("type").cloned() {
        schema["type"] = json!([kind, nothing]);
        if let Some(words) = schema.get_mut("enum").and_then(Value::as_array_mut) {
            words.push(Value::Null);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_takes_no_unknown_member_and_null_for_absent() {
        let mut document = json!({
            "paths": {"/v1/x": {"post": {"requestBody": {"schema": {"$ref": "#/components/schemas/Body"}}}}},
            "components": {"schemas": {
                "Body": {"type": "object", "required": ["name"], "properties": {
                    "name": {"type": "string"},
                    "kind": {"type": "string", "enum": ["a"]},
                    "id": {"type": "string", "pattern": "^[a-z]+$"},
                    "rank": {"type": "integer", "format": "int32"},
                    "part": {"$ref": "#/components/schemas/Part"},
                }},
                "Part": {"type": "object", "properties": {"free": {"type": "object"}}},
                "Answer": {"type": "object", "properties": {"name": {"type": "string"}}},
            }},
        });
        let answer = document["components"]["schemas"]["Answer"].clone();
        bodies(&mut document);
        let schemas = &document["components"]["schemas"];
        assert_eq!(schemas["Body"]["additionalProperties"], false);
        assert_eq!(schemas["Part"]["additionalProperties"], false);
        assert_eq!(schemas["Body"]["properties"]["name"], json!({"type": "string"}));
        assert_eq!(schemas["Body"]["properties"]["kind"], json!({"type": ["string", "null"], "enum": ["a", null]}));
        assert_eq!(schemas["Body"]["properties"]["id"]["pattern"], "^$|^[a-z]+$");
        assert_eq!(
            schemas["Body"]["properties"]["rank"],
            json!({"type": ["integer", "null"], "maximum": 4_294_967_295_u32})
        );
        assert_eq!(schemas["Body"]["properties"]["part"]["oneOf"][1], json!({"type": "null"}));
        assert_eq!(schemas["Part"]["properties"]["free"], json!({"type": ["object", "null"]}));
        assert_eq!(schemas["Answer"], answer, "answers may gain members");
    }
}
