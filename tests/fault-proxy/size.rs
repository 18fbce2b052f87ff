//! How large an item counts for DynamoDB, as its developer guide says under "DynamoDB item sizes and formats".

use serde_json::Value;

use crate::fault_proxy::call::Attributes;

/// The item's size in bytes: names and values.
pub(crate) fn item(attributes: &Attributes) -> usize {
    attributes.iter().map(|(name, value)| name.len() + attribute(value)).sum()
}

fn attribute(value: &Value) -> usize {
    let Some((kind, content)) = value.as_object().and_then(|o| o.iter().next()) else { return 0 };
    let text = content.as_str().unwrap_or_default();
    let each = || content.as_array().into_iter().flatten();
    match kind.as_str() {
        "S" => text.len(),
        "N" => number(text),
        "B" => binary(text),
        "BOOL" | "NULL" => 1,
        "SS" => each().map(|v| v.as_str().unwrap_or_default().len()).sum(),
        "NS" => each().map(|v| number(v.as_str().unwrap_or_default())).sum(),
        "BS" => each().map(|v| binary(v.as_str().unwrap_or_default())).sum(),
        // 3 bytes for the container and 1 for each element.
        "L" => 3 + each().map(|v| 1 + attribute(v)).sum::<usize>(),
        "M" => 3 + content.as_object().map_or(0, |m| m.len() + item(m)),
        _ => 0,
    }
}

/// About one byte for two significant digits, and one more.
fn number(text: &str) -> usize {
    let digits = text.trim_start_matches(['-', '0', '.']).trim_end_matches('0');
    digits.bytes().filter(u8::is_ascii_digit).count().div_ceil(2) + 1
}

/// What base64 text stands for.
fn binary(text: &str) -> usize {
    text.trim_end_matches('=').len() * 3 / 4
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_and_values_count() {
        let size = |v: Value| item(v.as_object().unwrap());
        assert_eq!(size(json!({"pk": {"S": "lead#1"}})), 2 + 6);
        assert_eq!(size(json!({"n": {"N": "1234"}})), 1 + 3);
        assert_eq!(size(json!({"b": {"B": "AAAA"}})), 1 + 3);
        assert_eq!(size(json!({"m": {"M": {"a": {"BOOL": true}}}})), 1 + 3 + 1 + 1 + 1);
        assert_eq!(size(json!({"l": {"L": [{"S": "ab"}, {"NULL": true}]}})), 1 + 3 + 3 + 2);
    }
}
