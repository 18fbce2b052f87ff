//! Whether a JSON value is what a schema of the OpenAPI document shows.
//!
//! Members, types and words; lengths, patterns and ranges are left to clients that validate.

use serde_json::{Value, json};

/// What is wrong with an answer by the document: members that it doesn't show or that are missing, other words.
pub(crate) fn faults(document: &Value, schema: &Value, answer: &Value, at: &str) -> Vec<String> {
    if let Some(reference) = schema["$ref"].as_str() {
        let schema = document.pointer(reference.trim_start_matches('#')).expect("a reference leads to a schema");
        return faults(document, schema, answer, at);
    }
    if let Some(kinds) = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array()) {
        let tried: Vec<Vec<String>> = kinds.iter().map(|kind| faults(document, kind, answer, at)).collect();
        return tried.into_iter().min_by_key(Vec::len).unwrap_or_default();
    }
    let kind = match answer {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    let any = schema.get("type").is_none();
    if !(any || schema["type"] == kind || schema["type"].as_array().is_some_and(|kinds| kinds.contains(&json!(kind)))) {
        return vec![format!("{at} is {kind}, not {}", schema["type"])];
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(answer)) {
        return vec![format!("{at} is {answer}")];
    }
    let elements = answer.as_array().into_iter().flatten().enumerate();
    let of_elements =
        elements.flat_map(|(n, element)| faults(document, &schema["items"], element, &format!("{at}/{n}")));
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let missing = required.filter(|name| answer.get(name).is_none()).map(|name| format!("{at}/{name} is missing"));
    let mut found: Vec<String> = of_elements.chain(missing).collect();
    if let (Some(members), Some(shown)) = (answer.as_object(), schema["properties"].as_object()) {
        for (name, value) in members {
            let place = format!("{at}/{name}");
            match shown.get(name) {
                Some(schema) => found.extend(faults(document, schema, value, &place)),
                None => found.push(format!("{place} is not shown")),
            }
        }
    }
    found
}
