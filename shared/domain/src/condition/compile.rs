//! The quick form of a tree: columns by index, operators resolved, text folded, dates worked out once per moment.
//!
//! It gives the verdict and the pointer of [`Condition::interpret`]; a property test holds it to that.

use std::cmp::Ordering;
use std::slice;

use super::context::Context;
use super::operator::Operator;
use super::period::Period;
use super::{Condition, Node, Operand, Related, Row, Tested};
use crate::fault::Pointer;
use crate::id::Owner;
use crate::subject::Subject;
use crate::value::{Date, Text, Value};

/// A tree ready to be tested many times.
#[derive(Debug, Clone)]
pub struct CompiledCondition {
    root: Step,
    /// Where each part stands that can be the one that decided.
    places: Vec<Pointer>,
}

/// A part of the tree; `place` is its index in the places.
#[derive(Debug, Clone)]
enum Step {
    All(Vec<Step>),
    Any { place: usize, parts: Vec<Step> },
    Row { place: usize, left: Left, test: Test },
    Related { place: usize, relation: usize, exists: bool, condition: Option<Box<Step>> },
}

/// What is tested.
#[derive(Debug, Clone)]
enum Left {
    Column(usize),
    Name(usize),
    Attribute(String),
}

/// How it is tested.
#[derive(Debug, Clone)]
enum Test {
    HasValue(bool),
    Compare {
        comparison: Comparison,
        negated: bool,
        right: Right,
    },
    /// The commonest one: text that is one of these, folded.
    TextAmong {
        texts: Vec<Box<str>>,
        negated: bool,
    },
    Within(Period),
    WithinOf {
        period: fn(Date) -> Period,
        routed: usize,
    },
    CurrentUser {
        negated: bool,
    },
    CurrentUserTeams,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    Contains,
    BeginsWith,
    EndsWith,
    Greater,
    AtLeast,
    Less,
    AtMost,
}

/// What it is compared with: any of these.
#[derive(Debug, Clone)]
enum Right {
    Values(Vec<Value>),
    Routed(usize),
}

impl Condition {
    /// Makes the quick form. It tests subjects of the definition that the tree was believed against.
    #[must_use]
    pub fn compile(&self) -> CompiledCondition {
        let mut places = vec![];
        let root = Step::of(&self.root, &Pointer::root(), &mut places);
        CompiledCondition { root, places }
    }
}

impl CompiledCondition {
    /// Tests a subject; when it fails, says which part decided, as [`Condition::interpret`] does.
    pub fn matches(&self, subject: &Subject, context: &Context<'_>) -> Result<(), &Pointer> {
        match self.root.failed(subject, context) {
            None => Ok(()),
            Some(place) => Err(&self.places[place]),
        }
    }
}

impl Step {
    fn of(node: &Node, at: &Pointer, places: &mut Vec<Pointer>) -> Self {
        let parts_of = |kind: &str, parts: &[Node], places: &mut Vec<Pointer>| {
            let at = at.join(kind);
            parts.iter().enumerate().map(|(index, part)| Self::of(part, &at.join(index), places)).collect()
        };
        if let Node::All(parts) = node {
            return Self::All(parts_of("all", parts, places));
        }
        let place = places.len();
        places.push(at.clone());
        match node {
            Node::All(parts) => Self::All(parts_of("all", parts, places)),
            Node::Any(parts) => Self::Any { place, parts: parts_of("any", parts, places) },
            Node::Row(row) => {
                let (left, test) = row.compiled();
                Self::Row { place, left, test }
            }
            Node::Related(Related { index, exists, condition, .. }) => {
                // Only the block's own place is ever told.
                let condition = condition.as_ref().map(|node| Box::new(Self::of(node, &Pointer::root(), &mut vec![])));
                Self::Related { place, relation: *index, exists: *exists, condition }
            }
        }
    }

    /// The place of the part that decided against the subject.
    fn failed(&self, subject: &Subject, context: &Context<'_>) -> Option<usize> {
        match self {
            Self::All(parts) => parts.iter().find_map(|part| part.failed(subject, context)),
            Self::Any { place, parts } => {
                let holds = parts.iter().any(|part| part.failed(subject, context).is_none());
                (!holds).then_some(*place)
            }
            Self::Row { place, left, test } => {
                let values = match left {
                    Left::Column(column) => subject.value_at(*column).map_or(&[][..], slice::from_ref),
                    Left::Name(column) => subject.name_at(*column).map_or(&[][..], slice::from_ref),
                    Left::Attribute(attribute) => subject.attribute(attribute),
                };
                (!test.holds(values, context)).then_some(*place)
            }
            Self::Related { place, relation, exists, condition } => {
                let fits = |related: &Subject| match condition {
                    Some(condition) => condition.failed(related, context).is_none(),
                    None => true,
                };
                let holds = subject.related_at(*relation).iter().any(|related| fits(related)) == *exists;
                (!holds).then_some(*place)
            }
        }
    }
}

impl Row {
    fn compiled(&self) -> (Left, Test) {
        let left = match &self.tested {
            Tested::Field(column) if self.tests_name() => Left::Name(column.index),
            Tested::Field(column) => Left::Column(column.index),
            Tested::Attribute(attribute) => Left::Attribute(attribute.clone()),
        };
        let positive = self.operator.negates().unwrap_or(self.operator);
        let negated = positive != self.operator;
        let comparison = match positive {
            Operator::HasValue => return (left, Test::HasValue(true)),
            Operator::HasNoValue => return (left, Test::HasValue(false)),
            Operator::CurrentUser => return (left, Test::CurrentUser { negated }),
            Operator::CurrentUserTeams => return (left, Test::CurrentUserTeams),
            Operator::Equals => Comparison::Equal,
            Operator::Contains => Comparison::Contains,
            Operator::BeginsWith => Comparison::BeginsWith,
            Operator::EndsWith => Comparison::EndsWith,
            Operator::GreaterThan => Comparison::Greater,
            Operator::AtLeast => Comparison::AtLeast,
            Operator::LessThan => Comparison::Less,
            Operator::AtMost => Comparison::AtMost,
            _ => return (left, self.period()),
        };
        let test = match &self.operand {
            Operand::From(column) => Test::Compare { comparison, negated, right: Right::Routed(column.index) },
            Operand::Values(values) => match texts_of(values).filter(|_| comparison == Comparison::Equal) {
                Some(texts) if self.tests_text() => Test::TextAmong { texts, negated },
                _ => Test::Compare { comparison, negated, right: Right::Values(values.clone()) },
            },
            Operand::Nothing | Operand::Amount(_) => unreachable!("a comparison is believed only with values"),
        };
        (left, test)
    }

    fn period(&self) -> Test {
        let (by_date, by_amount) = (self.operator.period_by_date(), self.operator.period_by_amount());
        match (&self.operand, by_date, by_amount) {
            (Operand::Values(values), Some(period), _) => match values.as_slice() {
                [Value::Date(date)] => Test::Within(period(*date)),
                _ => unreachable!("a test of dates is believed only with one date"),
            },
            (Operand::From(column), Some(period), _) => Test::WithinOf { period, routed: column.index },
            (Operand::Amount(amount), _, Some(period)) => Test::Within(period(*amount)),
            _ => Test::Within(self.operator.calendar_period().expect("the operators left name a period")),
        }
    }

    /// True when the left side holds single texts.
    fn tests_text(&self) -> bool {
        match &self.tested {
            Tested::Field(column) => column.column_type != crate::column::ColumnType::MultiChoice,
            Tested::Attribute(_) => true,
        }
    }
}

/// The folded texts, if all values are texts.
fn texts_of(values: &[Value]) -> Option<Vec<Box<str>>> {
    let text = |value: &Value| if let Value::Text(text) = value { Some(text.folded().into()) } else { None };
    values.iter().map(text).collect()
}

impl Test {
    /// Tests the values of the left side: none when it is empty.
    fn holds(&self, lefts: &[Value], context: &Context<'_>) -> bool {
        match self {
            Self::HasValue(has) => lefts.is_empty() != *has,
            Self::TextAmong { texts, negated } => {
                let among = |left: &Value| matches!(left, Value::Text(left) if texts.iter().any(|text| **text == *left.folded()));
                lefts.iter().any(among) != *negated
            }
            Self::Compare { comparison, negated, right } => {
                let rights = match right {
                    Right::Values(values) => values.as_slice(),
                    Right::Routed(column) => match context.routed.and_then(|routed| routed.value_at(*column)) {
                        Some(value) => slice::from_ref(value),
                        None => return false,
                    },
                };
                let holds = |left| rights.iter().any(|right| comparison.holds(left, right));
                lefts.iter().any(holds) != *negated
            }
            Self::Within(period) => within(lefts, |date| context.moment.remembered_range(*period).contains(date)),
            Self::WithinOf { period, routed } => {
                let Some(Value::Date(date)) = context.routed.and_then(|subject| subject.value_at(*routed)) else {
                    return false;
                };
                within(lefts, |left| context.moment.range(period(*date)).contains(left))
            }
            Self::CurrentUser { negated } => context.current_user.is_some_and(|user| {
                let is_user = |left: &Value| match left {
                    Value::Owner(Owner::Seller(id)) => *id == user.id,
                    Value::Id(id) => id == user.id.as_str(),
                    _ => false,
                };
                lefts.iter().any(is_user) != *negated
            }),
            Self::CurrentUserTeams => context.current_user.is_some_and(|user| {
                lefts.iter().any(|left| matches!(left, Value::Owner(Owner::Team(id)) if user.teams.contains(id)))
            }),
        }
    }
}

fn within(lefts: &[Value], holds: impl Fn(&Date) -> bool) -> bool {
    lefts.iter().any(|left| matches!(left, Value::Date(date) if holds(date)))
}

impl Comparison {
    fn holds(self, left: &Value, right: &Value) -> bool {
        match (left, right) {
            (Value::Text(left), _) => {
                texts(right).iter().any(|right| self.holds_for_text(left.folded(), right.folded()))
            }
            (Value::Choices(left), _) => self.holds_for_choices(left, texts(right)),
            (Value::Number(left), Value::Number(right)) => self.holds_for_order(left.cmp(right)),
            _ => self == Self::Equal && left == right,
        }
    }

    fn holds_for_text(self, left: &str, right: &str) -> bool {
        match self {
            Self::Equal => left == right,
            Self::Contains => left.contains(right),
            Self::BeginsWith => left.starts_with(right),
            Self::EndsWith => left.ends_with(right),
            Self::Greater | Self::AtLeast | Self::Less | Self::AtMost => false,
        }
    }

    fn holds_for_choices(self, left: &[Text], right: &[Text]) -> bool {
        let is_in = |text: &Text, set: &[Text]| set.iter().any(|other| other.folded() == text.folded());
        match self {
            Self::Equal => left.iter().all(|text| is_in(text, right)) && right.iter().all(|text| is_in(text, left)),
            Self::Contains => left.iter().any(|text| is_in(text, right)),
            _ => false,
        }
    }

    fn holds_for_order(self, order: Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::Greater => order.is_gt(),
            Self::AtLeast => order.is_ge(),
            Self::Less => order.is_lt(),
            Self::AtMost => order.is_le(),
            Self::Contains | Self::BeginsWith | Self::EndsWith => false,
        }
    }
}

/// The texts of a text or multiChoice value.
fn texts(value: &Value) -> &[Text] {
    match value {
        Value::Text(text) => slice::from_ref(text),
        Value::Choices(texts) => texts,
        _ => &[],
    }
}
