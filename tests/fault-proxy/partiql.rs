//! The little `PartiQL` that a proxy must read: which table a statement names and what an `INSERT` inserts.

use serde_json::Value;

use crate::fault_proxy::call::Attributes;

/// Whether the statement changes items.
pub(crate) fn is_write(statement: &str) -> bool {
    let verb = statement.split_whitespace().next().unwrap_or_default();
    ["INSERT", "UPDATE", "DELETE"].iter().any(|write| verb.eq_ignore_ascii_case(write))
}

/// The table that the statement names: the first name after `INTO`, `FROM` or `UPDATE`, with or without quotes.
pub(crate) fn table(statement: &str) -> Option<String> {
    let mut words = statement.split_whitespace();
    words.find(|word| ["INTO", "FROM", "UPDATE"].iter().any(|before| word.eq_ignore_ascii_case(before)))?;
    let name = words.next()?;
    let name = name.strip_prefix('"').map_or(name, |rest| rest.split('"').next().unwrap_or(rest));
    Some(name.to_owned())
}

/// The item of `INSERT INTO … VALUE {'name': ?, …}`. Values that are written out in the statement instead of passed as
/// parameters are read when they are text.
pub(crate) fn inserted(statement: &str, parameters: &[Value]) -> Option<Attributes> {
    if !statement.split_whitespace().next()?.eq_ignore_ascii_case("INSERT") {
        return None;
    }
    let tuple = &statement[statement.find('{')? + 1..statement.rfind('}')?];
    let mut parameters = parameters.iter();
    let mut attributes = Attributes::new();
    for pair in tuple.split(',') {
        let (name, value) = pair.split_once(':')?;
        let unquoted = |text: &str| text.trim().trim_matches('\'').to_owned();
        let value = match value.trim() {
            "?" => parameters.next()?.clone(),
            text => serde_json::json!({"S": unquoted(text)}),
        };
        attributes.insert(unquoted(name), value);
    }
    Some(attributes)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_insert_gives_its_item() {
        let statement = r#"INSERT INTO "baton-records" VALUE {'pk': ?, 'type': 'lead', 'fields': ?}"#;
        let item = inserted(statement, &[json!({"S": "lead#1"}), json!({"M": {}})]).unwrap();
        assert_eq!(Value::Object(item), json!({"pk": {"S": "lead#1"}, "type": {"S": "lead"}, "fields": {"M": {}}}));
        assert_eq!(table(statement).as_deref(), Some("baton-records"));
    }

    #[test]
    fn a_select_writes_nothing() {
        assert!(!is_write("SELECT * FROM records"));
        assert!(is_write("update records set a = 1"));
        assert_eq!(inserted("SELECT * FROM records", &[]), None);
        assert_eq!(table("SELECT * FROM records WHERE pk = 'x'").as_deref(), Some("records"));
    }
}
