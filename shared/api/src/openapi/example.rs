//! An example of every body and every answer.
//!
//! A shape may bring its own; otherwise one is made from its schema, and what is answered to a body shows what the
//! body's example says.

use std::collections::BTreeMap;
use std::mem::discriminant;

use serde_json::{Map, Value, json};

use super::common::operations;

/// How deep made examples go.
const DEPTH: usize = 8;

/// Adds an example to every body and every successful answer.
pub(super) fn complete(document: &mut Value) {
    let schemas = document["components"]["schemas"].clone();
    let said = said(document);
    let samples = Samples { schemas: &schemas, said: &said };
    for (_, operation) in operations(document) {
        let responses = operation["responses"].as_object_mut().into_iter().flatten();
        let successes = responses.filter(|(status, _)| status.starts_with('2'));
        for content in successes.filter_map(|(_, answer)| answer.get_mut("content")) {
            show(content, &samples);
        }
        if let Some(content) = operation.pointer_mut("/requestBody/content") {
            show(content, &samples);
        }
    }
}

fn show(content: &mut Value, samples: &Samples<'_>) {
    for (kind, media) in content.as_object_mut().into_iter().flatten() {
        if media.get("example").is_none() && media.get("examples").is_none() {
            media["example"] = match kind.as_str() {
                "text/csv" => json!("topic,country\nNew store,US\n"),
                _ => samples.sample(&media["schema"], "", DEPTH),
            };
        }
    }
}

/// What bodies say about what is answered to them, by the answer's shape.
fn said(document: &mut Value) -> BTreeMap<String, Map<String, Value>> {
    let schemas = document["components"]["schemas"].clone();
    let resolve =
        |schema: &Value| schema["$ref"].as_str().map(|name| &schemas[name.rsplit('/').next().unwrap_or(name)]);
    let mut said = BTreeMap::new();
    for (_, operation) in operations(document) {
        let body = &operation["requestBody"]["content"]["application/json"]["schema"];
        let Some(Value::Object(example)) = resolve(body).and_then(|body| body.get("example")) else { continue };
        for status in ["201", "200"] {
            let answer = &operation["responses"][status]["content"]["application/json"]["schema"];
            if let Some(name) = answer["$ref"].as_str().and_then(|name| name.rsplit('/').next()) {
                // Several bodies may be about one resource: the one that says the most shows it best.
                let before = said.entry(name.to_owned()).or_insert_with(Map::new);
                if before.len() < example.len() {
                    before.clone_from(example);
                }
            }
        }
    }
    said
}

struct Samples<'a> {
    schemas: &'a Value,
    said: &'a BTreeMap<String, Map<String, Value>>,
}

impl Samples<'_> {
    /// A value that a schema allows, for a member of this name.
    fn sample(&self, schema: &Value, member: &str, depth: usize) -> Value {
        if let Some(example) = schema.get("example").or_else(|| schema.pointer("/examples/0")) {
            return example.clone();
        }
        if let Some(reference) = schema["$ref"].as_str() {
            let name = reference.rsplit('/').next().unwrap_or(reference);
            return self.resource(name, member, depth);
        }
        for several in ["oneOf", "anyOf", "allOf"] {
            if let Some(first) = schema[several].get(0) {
                return self.sample(first, member, depth);
            }
        }
        if let Some(word) = schema["enum"].get(0) {
            return word.clone();
        }
        if let Some(default) = schema.get("default") {
            return default.clone();
        }
        match schema["type"].as_str().or_else(|| schema["type"][0].as_str()) {
            Some("string") => json!(text(member, schema["format"].as_str())),
            Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or(json!(0)),
            Some("boolean") => json!(true),
            Some("array") if depth > 0 => json!([self.sample(&schema["items"], member, depth - 1)]),
            Some("array") => json!([]),
            Some("object") => self.object(schema, depth),
            _ => Value::Null,
        }
    }

    fn resource(&self, name: &str, member: &str, depth: usize) -> Value {
        let schema = &self.schemas[name];
        let mut sample = self.sample(schema, member, depth);
        if let (Some(members), Some(said)) = (sample.as_object_mut(), self.said.get(name)) {
            for (name, value) in said.iter().filter(|(name, _)| schema["properties"].get(name.as_str()).is_some()) {
                // A body may leave out what the answer always has: a part that was made stays whole.
                let made = members.get(name).unwrap_or(&Value::Null);
                let same_kind = discriminant(value) == discriminant(made);
                let whole = !value.is_object() || made == &json!({}) || name == "fields" || name == "condition";
                if same_kind && whole {
                    members.insert(name.clone(), value.clone());
                }
            }
        }
        sample
    }

    fn object(&self, schema: &Value, depth: usize) -> Value {
        let mut members = Map::new();
        if depth > 0 {
            for (name, member) in schema["properties"].as_object().into_iter().flatten() {
                members.insert(name.clone(), self.sample(member, name, depth - 1));
            }
            if let Some(values @ Value::Object(_)) = schema.get("additionalProperties") {
                members.insert("one".to_owned(), self.sample(values, "one", depth - 1));
            }
        }
        Value::Object(members)
    }
}

/// A text for a member of this name.
fn text(member: &str, format: Option<&str>) -> &'static str {
    match (format, member) {
        (Some("date-time"), _) => "2026-03-02T10:00:00Z",
        (Some("date"), _) => "2026-03-02",
        (Some("email"), _) => "susana@example.com",
        (_, "start") => "08:00",
        (_, "end") => "12:30",
        (_, "times") => "06:00",
        (_, "days") => "monday",
        (_, "timeZone") => "Europe/Lisbon",
        (_, "type" | "recordType") => "lead",
        (_, "segmentId") => "lead-default",
        (_, "ruleId" | "ruleIds") => "lead-default-1",
        (_, "name" | "label" | "segmentName") => "North America",
        (_, "description") => "What it is for.",
        (_, "createdBy" | "sellerId" | "sellerIds" | "memberIds") => "susana",
        (_, "teamIds") => "north",
        (_, "failedOn") => "/all/0",
        _ => "L-17",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_shows_what_the_body_said() {
        let mut document = json!({
            "paths": {"/v1/teams": {"post": {
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Body"}}}},
                "responses": {
                    "201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Team"}}}},
                    "409": {"content": {"application/json": {}}},
                },
            }}},
            "components": {"schemas": {
                "Body": {"example": {"name": "North", "secret": 1}},
                "Team": {"type": "object", "properties": {
                    "name": {"type": "string"}, "at": {"type": ["string", "null"], "format": "date-time"},
                    "size": {"type": "integer", "minimum": 1},
                }},
            }},
        });
        complete(&mut document);
        let post = &document["paths"]["/v1/teams"]["post"];
        assert_eq!(post["requestBody"]["content"]["application/json"]["example"]["name"], "North");
        let answer = json!({"name": "North", "at": "2026-03-02T10:00:00Z", "size": 1});
        assert_eq!(post["responses"]["201"]["content"]["application/json"]["example"], answer);
        assert_eq!(post["responses"]["409"], json!({"content": {"application/json": {}}}));
    }
}
