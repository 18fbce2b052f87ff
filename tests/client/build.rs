//! Generates the client. The generator reads OpenAPI 3.0, so the document is first said in its words.

use std::error::Error;
use std::path::Path;
use std::{env, fs};

use progenitor_impl::{GenerationSettings, Generator, InterfaceStyle};
use serde_json::{Value, json};

const DOCUMENT: &str = "../../shared/api/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={DOCUMENT}");
    println!("cargo:rerun-if-changed=build.rs");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT)?)?;
    document["openapi"] = json!("3.0.3");
    if let Some(license) = document.pointer_mut("/info/license").and_then(Value::as_object_mut) {
        license.remove("identifier");
    }
    for methods in document["paths"].as_object_mut().into_iter().flat_map(|paths| paths.values_mut()) {
        for operation in methods.as_object_mut().into_iter().flat_map(|methods| methods.values_mut()) {
            plain_parameters(operation);
            csv_as_text(operation);
            one_refusal(operation);
        }
    }
    document["components"]["responses"] = json!({});
    older(&mut document);
    let mut settings = GenerationSettings::new();
    settings.with_interface(InterfaceStyle::Builder);
    let code = Generator::new(&settings).generate_tokens(&serde_json::from_value(document)?)?;
    let code = code.to_string().replace(STANDS_FOR_CSV, CSV);
    fs::write(Path::new(&env::var("OUT_DIR")?).join("client.rs"), code)?;
    Ok(())
}

const CSV: &str = "text/csv";
/// The generator knows few media types; this one is sent as it is, as CSV is to be.
const STANDS_FOR_CSV: &str = "text/x-markdown";

fn csv_as_text(operation: &mut Value) {
    let content = operation.pointer_mut("/requestBody/content").and_then(Value::as_object_mut);
    if let Some(content) = content.filter(|content| content.contains_key(CSV)) {
        content.clear();
        content.insert(STANDS_FOR_CSV.to_owned(), json!({"schema": {"type": "string"}}));
    }
}

/// Parameters as plain values: a type of its own for each of them would help nobody.
fn plain_parameters(operation: &mut Value) {
    let parameters = operation.get_mut("parameters").and_then(Value::as_array_mut);
    for schema in parameters.into_iter().flatten().filter_map(|parameter| parameter["schema"].as_object_mut()) {
        for rule in ["pattern", "minLength", "maxLength"] {
            schema.remove(rule);
        }
    }
}

/// All refusals of an operation as one: the generator knows one kind of error for each operation.
fn one_refusal(operation: &mut Value) {
    let Some(responses) = operation["responses"].as_object_mut() else { return };
    responses.retain(|status, _| status.starts_with('2'));
    for statuses in ["4XX", "5XX"] {
        let problem = json!({"schema": {"$ref": "#/components/schemas/Problem"}});
        let refusal = json!({"description": "Refused.", "content": {"application/json": problem}});
        responses.insert(statuses.to_owned(), refusal);
    }
}

/// Says a part of OpenAPI 3.1 in the words of 3.0.
fn older(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(older),
        Value::Object(members) => {
            for (name, member) in members.iter_mut() {
                if name != "example" && name != "default" && name != "enum" {
                    older(member);
                }
            }
            members.remove("examples");
            // Instants and days stay the text that they are.
            members.remove("format");
            if let Some(Value::Array(kinds)) = members.get("type").cloned() {
                let null = json!("null");
                if kinds.contains(&null) {
                    members.insert("nullable".to_owned(), json!(true));
                }
                if let Some(kind) = kinds.into_iter().find(|kind| *kind != null) {
                    members.insert("type".to_owned(), kind);
                }
                if let Some(Value::Array(words)) = members.get_mut("enum") {
                    words.retain(|word| !word.is_null());
                }
            }
            if let Some(Value::Array(kinds)) = members.get_mut("oneOf") {
                let before = kinds.len();
                kinds.retain(|kind| kind["type"] != "null");
                if kinds.len() < before {
                    let kinds = members.remove("oneOf").unwrap_or_default();
                    let alone = kinds.as_array().is_some_and(|kinds| kinds.len() == 1);
                    members.insert(if alone { "allOf" } else { "oneOf" }.to_owned(), kinds);
                    members.insert("nullable".to_owned(), json!(true));
                }
            }
            // One of these or anything at all: a client sends one of these.
            if let Some([kind, anything]) = members.get("anyOf").and_then(Value::as_array).map(Vec::as_slice)
                && anything.as_object().is_some_and(|schema| schema.is_empty())
            {
                *value = kind.clone();
            }
        }
        _ => {}
    }
}
