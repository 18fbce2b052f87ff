//! Words: an enum without contents as JSON has it.

use serde::Serialize;

/// The word of an enum without contents, such as `appendTo`.
///
/// # Panics
/// When the value does not serialise as a text.
#[must_use]
pub fn word(value: impl Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => unreachable!("an enum without contents serialises as its name"),
    }
}
