//! A typed value of a column, believed once so that comparing it can't fail. Not what a test on it means (`condition`).

use std::borrow::Cow;

use jiff::{Timestamp, civil};
use serde_json::{Value as Json, json};

pub use self::number::Number;
use crate::column::{Column, ColumnType};
use crate::id::Owner;

mod number;

/// A value that is there; an empty one is `None` wherever a value is optional.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// Of a text, multilineText or choice column.
    Text(Text),
    /// Of a whole, decimal or money column.
    Number(Number),
    /// Of a yesNo column.
    YesNo(bool),
    /// Of a multiChoice column; never empty.
    Choices(Vec<Text>),
    /// Of a date column.
    Date(Date),
    /// Of an owner column.
    Owner(Owner),
    /// Of a lookup or id column; ids compare exactly.
    Id(String),
}

/// Why a value can't stand in a column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WrongValue {
    /// Stable word for programs: `wrongType` or `unknownOption`.
    pub code: &'static str,
    /// What would be right, for people.
    pub message: String,
}

impl Value {
    /// Believes a value of a column, options included; null and `""` are empty, and so is a list of nothing.
    pub fn parse(column: &Column, json: &Json) -> Result<Option<Self>, WrongValue> {
        let value = Self::of_type(column.column_type, json)?;
        let Some(options) = &column.options else { return Ok(value) };
        let chosen: &[Text] = match &value {
            Some(Self::Text(text)) => std::slice::from_ref(text),
            Some(Self::Choices(texts)) => texts,
            _ => &[],
        };
        if chosen.iter().all(|text| options.iter().any(|option| option == text.as_str())) {
            return Ok(value);
        }
        Err(WrongValue { code: "unknownOption", message: format!("must be among: {}", options.join(", ")) })
    }

    /// Believes a value of a type, whatever the column's options are now: what is stored may be older than they are.
    pub fn of_type(column_type: ColumnType, json: &Json) -> Result<Option<Self>, WrongValue> {
        let wrong = |message: &str| WrongValue { code: "wrongType", message: message.to_owned() };
        match json {
            Json::Null => return Ok(None),
            Json::String(text) if text.is_empty() => return Ok(None),
            _ => {}
        }
        let value = match column_type {
            ColumnType::Text | ColumnType::MultilineText | ColumnType::Choice => {
                Self::Text(Text::new(json.as_str().ok_or_else(|| wrong("must be text"))?))
            }
            ColumnType::Whole | ColumnType::Decimal | ColumnType::Money => {
                let number = json.as_number().ok_or_else(|| wrong("must be a number"))?;
                let number = Number::parse(number).map_err(wrong)?;
                if column_type == ColumnType::Whole && !number.is_whole() {
                    return Err(wrong("must be a whole number"));
                }
                Self::Number(number)
            }
            ColumnType::YesNo => Self::YesNo(json.as_bool().ok_or_else(|| wrong("must be true or false"))?),
            ColumnType::MultiChoice => {
                let elements = json.as_array().ok_or_else(|| wrong("must be a list of texts"))?;
                let texts =
                    elements.iter().map(|element| element.as_str().filter(|text| !text.is_empty()).map(Text::new));
                let texts = texts.collect::<Option<Vec<_>>>().ok_or_else(|| wrong("must be a list of texts"))?;
                if texts.is_empty() {
                    return Ok(None);
                }
                Self::Choices(texts)
            }
            ColumnType::Date => {
                let date = json.as_str().and_then(Date::parse);
                Self::Date(date.ok_or_else(|| wrong("must be a date such as 2026-03-02 or an RFC 3339 instant"))?)
            }
            ColumnType::Owner => {
                let owner = owner(json);
                Self::Owner(owner.ok_or_else(|| wrong(r#"must be {"kind": "seller|team|queue", "id": "..."}"#))?)
            }
            ColumnType::Lookup | ColumnType::Id => {
                Self::Id(json.as_str().ok_or_else(|| wrong("must be the id of a record, as text"))?.to_owned())
            }
        };
        Ok(Some(value))
    }

    /// The value as JSON; [`Value::of_type`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Json {
        match self {
            Self::Text(text) => json!(text.as_str()),
            Self::Number(number) => number.to_json(),
            Self::YesNo(yes) => json!(yes),
            Self::Choices(texts) => texts.iter().map(Text::as_str).collect(),
            Self::Date(date) => json!(date.to_string()),
            Self::Owner(owner) => json!({"kind": owner.kind(), "id": owner.id()}),
            Self::Id(id) => json!(id),
        }
    }
}

fn owner(json: &Json) -> Option<Owner> {
    let members = json.as_object().filter(|members| members.len() == 2)?;
    let id = members.get("id")?.as_str().filter(|id| !id.is_empty())?;
    match members.get("kind")?.as_str()? {
        "seller" => Some(Owner::Seller(id.into())),
        "team" => Some(Owner::Team(id.into())),
        "queue" => Some(Owner::Queue(id.into())),
        _ => None,
    }
}

/// Text that compares without case; blanks count (COND-30). Two are equal as Rust values when they are written alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Text {
    written: String,
    /// Absent when it is as written.
    folded: Option<Box<str>>,
}

impl Text {
    /// Takes the text as it is and folds its case once.
    pub fn new(written: impl Into<String>) -> Self {
        let written = written.into();
        let folded = match fold(&written) {
            Cow::Borrowed(_) => None,
            Cow::Owned(folded) => Some(folded.into()),
        };
        Self { written, folded }
    }

    /// The text as written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.written
    }

    /// The text without differences of case.
    #[must_use]
    pub fn folded(&self) -> &str {
        self.folded.as_deref().unwrap_or(&self.written)
    }
}

/// Takes away differences of case, letter by letter and independent of language: `Straße` and `STRASSE` fold alike,
/// and so do `Σ`, `σ` and the final `ς`.
#[must_use]
pub fn fold(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase).collect())
}

/// A civil date, which is a whole day wherever one is, or an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Date {
    /// A day of the calendar.
    Day(civil::Date),
    /// A point on the time line.
    Instant(Timestamp),
}

impl Date {
    /// Reads `2026-03-02` or an RFC 3339 instant with an offset or `Z`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        let digits =
            |range: std::ops::Range<usize>| bytes.get(range).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
        let has_day = digits(0..4) && digits(5..7) && digits(8..10) && bytes[4] == b'-' && bytes[7] == b'-';
        match bytes.get(10) {
            _ if !has_day => None,
            None => text.parse().ok().map(Self::Day),
            // An annotation of a zone, as in `...[Europe/London]`, is no part of RFC 3339.
            Some(b'T' | b't') if !text.contains('[') => text.parse().ok().map(Self::Instant),
            Some(_) => None,
        }
    }
}

impl std::fmt::Display for Date {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Day(day) => day.fmt(f),
            Self::Instant(instant) => instant.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(column_type: ColumnType, json: &Json) -> Result<Option<Value>, &'static str> {
        Value::of_type(column_type, json).map_err(|wrong| wrong.code)
    }

    #[test]
    fn null_and_empty_text_and_a_list_of_nothing_are_empty() {
        for (_, column_type) in ColumnType::WORDS {
            assert_eq!(read(column_type, &Json::Null), Ok(None));
            assert_eq!(read(column_type, &json!("")), Ok(None));
        }
        assert_eq!(read(ColumnType::MultiChoice, &json!([])), Ok(None));
        assert!(read(ColumnType::Text, &json!(" ")).unwrap().is_some(), "blanks are data");
    }

    #[test]
    fn each_type_takes_its_values_and_no_others() {
        let owner = json!({"kind": "team", "id": "north"});
        let fitting: [(ColumnType, Vec<Json>); 12] = [
            (ColumnType::Text, vec![json!("Ann")]),
            (ColumnType::MultilineText, vec![json!("a\nb")]),
            (ColumnType::Choice, vec![json!("hot")]),
            (ColumnType::Whole, vec![json!(3), json!(-3), json!(3.0)]),
            (ColumnType::Decimal, vec![json!(3), json!(0.1), json!(-2.0001)]),
            (ColumnType::Money, vec![json!(19.99), json!(999_999_999_999_999_i64)]),
            (ColumnType::YesNo, vec![json!(true), json!(false)]),
            (ColumnType::MultiChoice, vec![json!(["a"]), json!(["a", "b"])]),
            (
                ColumnType::Date,
                vec![json!("2026-03-02"), json!("2026-03-02T10:00:00Z"), json!("2026-03-02T10:00:00+01:00")],
            ),
            (ColumnType::Owner, vec![owner.clone()]),
            (ColumnType::Lookup, vec![json!("A-1")]),
            (ColumnType::Id, vec![json!("L-1")]),
        ];
        for (column_type, values) in fitting {
            for value in values {
                let read = read(column_type, &value);
                assert!(matches!(read, Ok(Some(_))), "{column_type:?} {value}: {read:?}");
            }
        }
        let strange: [(ColumnType, Vec<Json>); 12] = [
            (ColumnType::Text, vec![json!(3), json!(["a"]), json!({})]),
            (ColumnType::MultilineText, vec![json!(true)]),
            (ColumnType::Choice, vec![json!(["hot"])]),
            (ColumnType::Whole, vec![json!(1.5), json!("3"), json!(1_000_000_000_000_000_i64), json!(1e300)]),
            (ColumnType::Decimal, vec![json!(0.00001), json!(1e-9), json!("1.5"), json!(12_345_678_901_234.567)]),
            (ColumnType::Money, vec![json!(19.999_99), json!({"amount": 3})]),
            (ColumnType::YesNo, vec![json!(1), json!("true")]),
            (ColumnType::MultiChoice, vec![json!("a"), json!([1]), json!([""])]),
            (
                ColumnType::Date,
                vec![
                    json!("2026-3-2"),
                    json!("2026-02-29"),
                    json!("20260302"),
                    json!("2026-03-02T10:00:00"),
                    json!("2026-03-02T10:00:00Z[Europe/London]"),
                    json!("2026-03-02 10:00"),
                    json!(20_260_302),
                ],
            ),
            (ColumnType::Owner, vec![json!("north"), json!({"kind": "user", "id": "a"}), json!({"kind": "team"})]),
            (ColumnType::Lookup, vec![json!(7), owner]),
            (ColumnType::Id, vec![json!(7)]),
        ];
        for (column_type, values) in strange {
            for value in values {
                assert_eq!(read(column_type, &value), Err("wrongType"), "{column_type:?} {value}");
            }
        }
    }

    #[test]
    fn a_value_survives_being_written_and_read() {
        let values = [
            (ColumnType::Text, json!(" Ann ")),
            (ColumnType::Whole, json!(-12)),
            (ColumnType::Money, json!(-0.05)),
            (ColumnType::Decimal, json!(123_456_789.123_4)),
            (ColumnType::YesNo, json!(false)),
            (ColumnType::MultiChoice, json!(["b", "a"])),
            (ColumnType::Date, json!("2026-03-02")),
            (ColumnType::Date, json!("2026-03-02T10:00:00.5Z")),
            (ColumnType::Owner, json!({"kind": "queue", "id": "q"})),
            (ColumnType::Lookup, json!("A-1")),
        ];
        for (column_type, json) in values {
            assert_eq!(read(column_type, &json).unwrap().unwrap().to_json(), json);
        }
    }

    #[test]
    fn options_are_compared_exactly_and_no_options_allow_any_text() {
        let mut column = Column::new("tier", ColumnType::MultiChoice);
        assert!(Value::parse(&column, &json!(["bronze"])).is_ok());
        column.options = Some(vec!["gold".to_owned(), "silver".to_owned()]);
        assert!(Value::parse(&column, &json!(["gold", "silver"])).is_ok());
        let wrong = Value::parse(&column, &json!(["gold", "Silver"])).unwrap_err();
        assert_eq!((wrong.code, wrong.message.as_str()), ("unknownOption", "must be among: gold, silver"));
        assert!(Value::parse(&column, &Json::Null).unwrap().is_none());
    }

    #[test]
    fn cond_30_folding_takes_away_case_but_nothing_else() {
        for (one, other) in [("Ann", "aNN"), ("Straße", "STRASSE"), ("ΟΔΟΣ", "οδος"), ("ÉCOLE", "école")] {
            assert_eq!(fold(one), fold(other));
        }
        for (one, other) in [(" a", "a"), ("a ", "a"), ("e", "é"), ("a b", "ab")] {
            assert_ne!(fold(one), fold(other));
        }
    }
}
