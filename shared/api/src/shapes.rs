//! Shapes of the contract: what the OpenAPI document shows and what functions answer with (API.md section 3).
//!
//! A `…Body` is documentation: what it describes is believed by a draft of `domain` and by nothing else. The shapes of
//! answers that are more than one thing of `domain` serialise and are what handlers return.

use serde::Serialize;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

pub mod assignment_rule;
pub mod condition;
pub mod monitor;
pub mod owner;
pub mod problem;
pub mod record;
pub mod record_type;
pub mod run;
pub mod segment;
pub mod seller;
pub mod service;
pub mod settings;

/// A text that is one of these words.
pub(crate) fn words(words: &[&str]) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    Schema::from(text.enum_values(Some(words.iter().copied())).build()).into()
}

/// One of these words, or null.
pub(crate) fn words_or_null(words: &[&str]) -> RefOr<Schema> {
    let kinds = SchemaType::Array(vec![Type::String, Type::Null]);
    let values = words.iter().map(|word| serde_json::Value::from(*word)).chain([serde_json::Value::Null]);
    Schema::from(ObjectBuilder::new().schema_type(kinds).enum_values(Some(values)).build()).into()
}

/// The word of an enum without contents, as JSON has it.
pub(crate) fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("an enum without contents serialises as its name"),
    }
}
