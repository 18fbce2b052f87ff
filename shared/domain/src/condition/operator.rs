//! The operators of conditions, and which types of column allow which (COND-20…29). Not what they mean for values.

use super::period::{Amount, Period, Span};
use crate::column::{Column, ColumnType};
use crate::value::Date;

/// How a row tests (API.md section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is the word of the contract")]
pub enum Operator {
    Equals,
    NotEquals,
    Contains,
    NotContains,
    BeginsWith,
    NotBeginsWith,
    EndsWith,
    NotEndsWith,
    HasValue,
    HasNoValue,
    GreaterThan,
    AtLeast,
    LessThan,
    AtMost,
    On,
    OnOrAfter,
    OnOrBefore,
    Today,
    Yesterday,
    Tomorrow,
    ThisWeek,
    LastWeek,
    NextWeek,
    ThisMonth,
    LastMonth,
    NextMonth,
    ThisYear,
    LastYear,
    NextYear,
    Last,
    Next,
    OlderThan,
    CurrentUser,
    NotCurrentUser,
    CurrentUserTeams,
}

use Operator as Op;

const TEXT: &[Op] = &[
    Op::Equals,
    Op::NotEquals,
    Op::Contains,
    Op::NotContains,
    Op::BeginsWith,
    Op::NotBeginsWith,
    Op::EndsWith,
    Op::NotEndsWith,
    Op::HasValue,
    Op::HasNoValue,
];
const MULTILINE_TEXT: &[Op] = TEXT.split_at(2).1;
const NUMBER: &[Op] =
    &[Op::Equals, Op::NotEquals, Op::GreaterThan, Op::AtLeast, Op::LessThan, Op::AtMost, Op::HasValue, Op::HasNoValue];
const EQUAL: &[Op] = &[Op::Equals, Op::NotEquals, Op::HasValue, Op::HasNoValue];
const MULTI_CHOICE: &[Op] = &[Op::Equals, Op::NotEquals, Op::Contains, Op::NotContains, Op::HasValue, Op::HasNoValue];
const LOOKUP: &[Op] =
    &[Op::Equals, Op::NotEquals, Op::Contains, Op::BeginsWith, Op::EndsWith, Op::HasValue, Op::HasNoValue];
const SELLER: &[Op] = &[
    Op::Equals,
    Op::NotEquals,
    Op::Contains,
    Op::BeginsWith,
    Op::EndsWith,
    Op::HasValue,
    Op::HasNoValue,
    Op::CurrentUser,
    Op::NotCurrentUser,
];
const OWNER: &[Op] = &[
    Op::Equals,
    Op::NotEquals,
    Op::Contains,
    Op::BeginsWith,
    Op::EndsWith,
    Op::HasValue,
    Op::HasNoValue,
    Op::CurrentUser,
    Op::NotCurrentUser,
    Op::CurrentUserTeams,
];
const DATE: &[Op] = &[
    Op::On,
    Op::OnOrAfter,
    Op::OnOrBefore,
    Op::Today,
    Op::Yesterday,
    Op::Tomorrow,
    Op::ThisWeek,
    Op::LastWeek,
    Op::NextWeek,
    Op::ThisMonth,
    Op::LastMonth,
    Op::NextMonth,
    Op::ThisYear,
    Op::LastYear,
    Op::NextYear,
    Op::Last,
    Op::Next,
    Op::OlderThan,
    Op::HasValue,
    Op::HasNoValue,
];

/// What a row's right side must look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wants {
    /// Neither `value` nor `valueFrom`.
    Nothing,
    /// One value of this type, or a column of the routed record.
    One(ColumnType),
    /// One or several values of this type, or a column of the routed record.
    Several(ColumnType),
    /// A number of units of time.
    Amount,
}

impl Operator {
    /// Every operator with its word.
    pub const WORDS: [(&'static str, Self); 35] = [
        ("equals", Self::Equals),
        ("notEquals", Self::NotEquals),
        ("contains", Self::Contains),
        ("notContains", Self::NotContains),
        ("beginsWith", Self::BeginsWith),
        ("notBeginsWith", Self::NotBeginsWith),
        ("endsWith", Self::EndsWith),
        ("notEndsWith", Self::NotEndsWith),
        ("hasValue", Self::HasValue),
        ("hasNoValue", Self::HasNoValue),
        ("greaterThan", Self::GreaterThan),
        ("atLeast", Self::AtLeast),
        ("lessThan", Self::LessThan),
        ("atMost", Self::AtMost),
        ("on", Self::On),
        ("onOrAfter", Self::OnOrAfter),
        ("onOrBefore", Self::OnOrBefore),
        ("today", Self::Today),
        ("yesterday", Self::Yesterday),
        ("tomorrow", Self::Tomorrow),
        ("thisWeek", Self::ThisWeek),
        ("lastWeek", Self::LastWeek),
        ("nextWeek", Self::NextWeek),
        ("thisMonth", Self::ThisMonth),
        ("lastMonth", Self::LastMonth),
        ("nextMonth", Self::NextMonth),
        ("thisYear", Self::ThisYear),
        ("lastYear", Self::LastYear),
        ("nextYear", Self::NextYear),
        ("last", Self::Last),
        ("next", Self::Next),
        ("olderThan", Self::OlderThan),
        ("currentUser", Self::CurrentUser),
        ("notCurrentUser", Self::NotCurrentUser),
        ("currentUserTeams", Self::CurrentUserTeams),
    ];

    /// The word for it, as in JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, known)| *known == self).expect("every operator has a word").0
    }

    /// The operators that a column allows (COND-20…29). A lookup of sellers is the "user" column of COND-27; only an
    /// owner can be a team.
    #[must_use]
    pub fn allowed_for(column: &Column) -> &'static [Self] {
        match column.column_type {
            ColumnType::Text => TEXT,
            ColumnType::MultilineText => MULTILINE_TEXT,
            ColumnType::Whole | ColumnType::Decimal | ColumnType::Money => NUMBER,
            ColumnType::Choice | ColumnType::YesNo | ColumnType::Id => EQUAL,
            ColumnType::MultiChoice => MULTI_CHOICE,
            ColumnType::Lookup if column.target.as_ref().is_some_and(|target| target.as_str() == "seller") => SELLER,
            ColumnType::Lookup => LOOKUP,
            ColumnType::Owner => OWNER,
            ColumnType::Date => DATE,
        }
    }

    /// The operators for a seller attribute: it has values of a closed list.
    pub(super) const FOR_ATTRIBUTES: &'static [Self] = EQUAL;

    /// True for those that ask who is looking (COND-32).
    pub(super) fn asks_current_user(self) -> bool {
        matches!(self, Self::CurrentUser | Self::NotCurrentUser | Self::CurrentUserTeams)
    }

    /// True when it tests the name of what a column of this type leads to (COND-26).
    pub(super) fn tests_name(self, column_type: ColumnType) -> bool {
        matches!(column_type, ColumnType::Lookup | ColumnType::Owner)
            && matches!(self, Self::Contains | Self::BeginsWith | Self::EndsWith)
    }

    /// What the right side must be for a column of this type.
    pub(super) fn wants(self, column_type: ColumnType) -> Wants {
        match self {
            Self::Equals | Self::NotEquals if column_type == ColumnType::MultiChoice => Wants::One(column_type),
            Self::Equals | Self::NotEquals => Wants::Several(column_type),
            Self::Contains | Self::NotContains if column_type == ColumnType::MultiChoice => {
                Wants::Several(ColumnType::Choice)
            }
            Self::Contains
            | Self::NotContains
            | Self::BeginsWith
            | Self::NotBeginsWith
            | Self::EndsWith
            | Self::NotEndsWith => Wants::One(ColumnType::Text),
            Self::GreaterThan
            | Self::AtLeast
            | Self::LessThan
            | Self::AtMost
            | Self::On
            | Self::OnOrAfter
            | Self::OnOrBefore => Wants::One(column_type),
            Self::Last | Self::Next | Self::OlderThan => Wants::Amount,
            _ => Wants::Nothing,
        }
    }

    /// The operator that a negative one is the opposite of.
    pub(super) fn negates(self) -> Option<Self> {
        match self {
            Self::NotEquals => Some(Self::Equals),
            Self::NotContains => Some(Self::Contains),
            Self::NotBeginsWith => Some(Self::BeginsWith),
            Self::NotEndsWith => Some(Self::EndsWith),
            Self::NotCurrentUser => Some(Self::CurrentUser),
            _ => None,
        }
    }

    /// The period that a date must lie in, for operators that need no right side.
    pub(super) fn calendar_period(self) -> Option<Period> {
        let (shift, span) = match self {
            Self::Today => (0, Span::Day),
            Self::Yesterday => (-1, Span::Day),
            Self::Tomorrow => (1, Span::Day),
            Self::ThisWeek => (0, Span::Week),
            Self::LastWeek => (-1, Span::Week),
            Self::NextWeek => (1, Span::Week),
            Self::ThisMonth => (0, Span::Month),
            Self::LastMonth => (-1, Span::Month),
            Self::NextMonth => (1, Span::Month),
            Self::ThisYear => (0, Span::Year),
            Self::LastYear => (-1, Span::Year),
            Self::NextYear => (1, Span::Year),
            _ => return None,
        };
        Some(Period::Calendar { shift, span })
    }

    /// How a date makes the period that another date must lie in.
    pub(super) fn period_by_date(self) -> Option<fn(Date) -> Period> {
        match self {
            Self::On => Some(Period::On),
            Self::OnOrAfter => Some(Period::From),
            Self::OnOrBefore => Some(Period::Until),
            _ => None,
        }
    }

    /// How an amount of time makes the period that a date must lie in.
    pub(super) fn period_by_amount(self) -> Option<fn(Amount) -> Period> {
        match self {
            Self::Last => Some(Period::Last),
            Self::Next => Some(Period::Next),
            Self::OlderThan => Some(Period::OlderThan),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_has_one_word_and_some_column_that_allows_it() {
        for (index, (word, operator)) in Operator::WORDS.into_iter().enumerate() {
            assert_eq!(operator.word(), word);
            assert!(Operator::WORDS[..index].iter().all(|(other, _)| *other != word));
            let lists = [TEXT, NUMBER, EQUAL, MULTI_CHOICE, LOOKUP, SELLER, OWNER, DATE];
            assert!(lists.iter().any(|list| list.contains(&operator)), "{word}");
        }
    }

    #[test]
    fn cond_21_multiline_text_allows_what_text_does_but_equality() {
        assert_eq!(MULTILINE_TEXT.len() + 2, TEXT.len());
        assert!(!MULTILINE_TEXT.contains(&Op::Equals) && !MULTILINE_TEXT.contains(&Op::NotEquals));
    }
}
