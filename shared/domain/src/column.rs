//! A column: what one field of a record may hold. Not the values themselves (`value`), and not which columns a type of
//! record has (`record_type`).

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, RecordType};

/// The longest name of a column or relation, in characters.
const MAX_NAME: usize = 64;

/// The longest label or option, in characters.
pub(crate) const MAX_LABEL: usize = 100;

/// The most options of one column.
const MAX_OPTIONS: usize = 1000;

/// What kind of value a column holds. It decides which operators may test it (COND-20…29).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ColumnType {
    /// One line of text.
    Text,
    /// Several lines of text.
    MultilineText,
    /// A whole number.
    Whole,
    /// A number with at most 4 fraction digits.
    Decimal,
    /// An amount of money with at most 4 fraction digits.
    Money,
    /// One of the column's options; any text when it declares none.
    Choice,
    /// Some of the column's options; any texts when it declares none.
    MultiChoice,
    /// Yes or no.
    YesNo,
    /// The id of a record, seller, team or queue of the column's target type.
    Lookup,
    /// A seller, team or queue.
    Owner,
    /// A civil date or an instant.
    Date,
    /// The id of the thing itself.
    Id,
}

impl ColumnType {
    /// Every type with its word.
    pub const WORDS: [(&'static str, Self); 12] = [
        ("text", Self::Text),
        ("multilineText", Self::MultilineText),
        ("whole", Self::Whole),
        ("decimal", Self::Decimal),
        ("money", Self::Money),
        ("choice", Self::Choice),
        ("multiChoice", Self::MultiChoice),
        ("yesNo", Self::YesNo),
        ("lookup", Self::Lookup),
        ("owner", Self::Owner),
        ("date", Self::Date),
        ("id", Self::Id),
    ];

    /// The word for it, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).expect("every type has a word").0
    }
}

/// One column: `{"name", "label", "type", "options"?, "target"?}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Column {
    /// `^[A-Za-z][A-Za-z0-9_]{0,63}$`, unique within the type of record.
    pub name: String,
    /// For people.
    pub label: String,
    /// What it holds.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// What a choice or multiChoice allows, compared exactly; absent allows any text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub options: Option<Vec<String>>,
    /// What a lookup leads to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<RecordType>,
}

impl Column {
    /// A column without options or target, labelled after its name.
    pub fn new(name: impl Into<String>, column_type: ColumnType) -> Self {
        let name = name.into();
        Self { label: label_of(&name), name, column_type, options: None, target: None }
    }

    /// A lookup of a record of type `target`, labelled after its name.
    pub fn lookup(name: impl Into<String>, target: impl Into<RecordType>) -> Self {
        Self { target: Some(target.into()), ..Self::new(name, ColumnType::Lookup) }
    }

    /// Believes a client's column, which stands at `at` in the body.
    pub(crate) fn parse(json: &Json, at: &Pointer) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(json, at);
        let name = required_name(&mut draft, "name");
        let label = draft.text("label", MAX_LABEL).unwrap_or_else(|| label_of(&name));
        if draft.value("type").is_none() {
            draft.required("type");
        }
        let column_type = draft.word("type", &ColumnType::WORDS);
        let options = draft.texts("options", MAX_LABEL).filter(|options| !options.is_empty());
        if options.as_ref().is_some_and(|options| options.len() > MAX_OPTIONS) {
            draft.fault("options", "tooMany", format!("must be at most {MAX_OPTIONS}"));
        }
        let has_target = draft.value("target").is_some();
        let target = draft.text("target", MAX_ID_LENGTH).map(RecordType::new);
        if let Some(column_type) = column_type {
            let is_choice = matches!(column_type, ColumnType::Choice | ColumnType::MultiChoice);
            if options.is_some() && !is_choice {
                draft.fault("options", "notAllowed", "only a choice or multiChoice has options");
            }
            match (column_type == ColumnType::Lookup, has_target) {
                (true, false) => draft.fault("target", "required", "a lookup has a target"),
                (false, true) => draft.fault("target", "notAllowed", "only a lookup has a target"),
                _ => {}
            }
        }
        let column = column_type.map(|column_type| Self { name, label, column_type, options, target });
        draft.finish(column)
    }
}

/// Reads the name of a column or relation.
pub(crate) fn required_name(draft: &mut Draft<'_>, member: &'static str) -> String {
    let name = draft.required_text(member, MAX_NAME);
    let fits = name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !name.is_empty() && !fits {
        draft.fault(member, "badName", "must be a letter followed by at most 63 letters, digits or '_'");
    }
    name
}

/// A label made of a camelCase name: `estimatedCloseOn` becomes `Estimated close on`.
pub(crate) fn label_of(name: &str) -> String {
    let mut label = String::with_capacity(name.len() + 4);
    for (index, letter) in name.chars().enumerate() {
        match (index, letter.is_ascii_uppercase()) {
            (0, _) => label.push(letter.to_ascii_uppercase()),
            (_, true) => label.extend([' ', letter.to_ascii_lowercase()]),
            (_, false) => label.push(if letter == '_' { ' ' } else { letter }),
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn faults(json: &Json) -> Vec<(String, &'static str)> {
        let found = Column::parse(json, &Pointer::root()).unwrap_err();
        found.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect()
    }

    #[test]
    fn the_words_of_column_types_are_those_of_the_json() {
        for (word, column_type) in ColumnType::WORDS {
            assert_eq!(serde_json::to_value(column_type).unwrap(), json!(word));
            assert_eq!(column_type.word(), word);
        }
    }

    #[test]
    fn a_column_reads_and_writes_the_contracts_shape() {
        let json = json!({"name": "tier", "label": "Tier", "type": "choice", "options": ["gold", "silver"]});
        let column = Column::parse(&json, &Pointer::root()).unwrap();
        assert_eq!(serde_json::to_value(&column).unwrap(), json);
        assert_eq!(serde_json::from_value::<Column>(json).unwrap(), column);
    }

    #[test]
    fn a_label_is_made_of_the_name_when_absent() {
        let column = Column::parse(&json!({"name": "estimatedCloseOn", "type": "date"}), &Pointer::root()).unwrap();
        assert_eq!(column.label, "Estimated close on");
    }

    #[test]
    fn every_fault_of_a_column_is_named_at_once() {
        let json = json!({"name": "1st", "type": "text", "options": ["a"], "target": "account", "colour": "red"});
        assert_eq!(
            faults(&json),
            [
                ("/name".to_owned(), "badName"),
                ("/options".to_owned(), "notAllowed"),
                ("/target".to_owned(), "notAllowed"),
                ("/colour".to_owned(), "unknownMember"),
            ]
        );
        assert_eq!(faults(&json!({"name": "a", "type": "lookup"})), [("/target".to_owned(), "required")]);
        assert_eq!(faults(&json!({"name": "a", "type": "lookup", "target": 3})), [("/target".to_owned(), "wrongType")]);
        assert_eq!(faults(&json!({"name": "a", "type": ""})), [("/type".to_owned(), "required")]);
        assert_eq!(faults(&json!({"name": "a", "type": "colour"})), [("/type".to_owned(), "unknownWord")]);
        assert_eq!(faults(&json!({})), [("/name".to_owned(), "required"), ("/type".to_owned(), "required")]);
        assert_eq!(faults(&json!("text")), [(String::new(), "wrongType")]);
    }

    #[test]
    fn a_choice_has_at_most_a_thousand_options() {
        let options = |count: usize| (0..count).map(|n| n.to_string()).collect::<Vec<_>>();
        let of = |count| json!({"name": "tier", "type": "choice", "options": options(count)});
        assert!(Column::parse(&of(MAX_OPTIONS), &Pointer::root()).is_ok());
        assert_eq!(faults(&of(MAX_OPTIONS + 1)), [("/options".to_owned(), "tooMany")]);
    }
}
