//! The plain meaning of a tree, read off it by name and as straightforward as can be. It is the oracle that the compiled
//! form is compared with, so it shares nothing with it but the calendar; routing doesn't use it.

use super::context::Context;
use super::operator::Operator;
use super::period::Range;
use super::{Condition, Node, Operand, Related, Row, Tested};
use crate::fault::Pointer;
use crate::id::Owner;
use crate::subject::Subject;
use crate::value::{Text, Value, fold};

impl Condition {
    /// Tests a subject. When it fails, the pointer leads from the tree's root to the part that decided: the first part
    /// of an `all` that failed, the group itself of an `any`, a row, or a related block.
    pub fn interpret(&self, subject: &Subject, context: &Context<'_>) -> Result<(), Pointer> {
        test(&self.root, &Pointer::root(), subject, context)
    }
}

fn test(node: &Node, at: &Pointer, subject: &Subject, context: &Context<'_>) -> Result<(), Pointer> {
    let holds = match node {
        Node::All(parts) => {
            for (index, part) in parts.iter().enumerate() {
                test(part, &at.join("all").join(index), subject, context)?;
            }
            true
        }
        Node::Any(parts) => {
            let mut places = parts.iter().enumerate().map(|(index, part)| (part, at.join("any").join(index)));
            places.any(|(part, at)| test(part, &at, subject, context).is_ok())
        }
        Node::Row(row) => row_holds(row, subject, context),
        Node::Related(Related { relation, exists, condition, .. }) => {
            let fits = |related: &Subject| match condition {
                Some(condition) => test(condition, at, related, context).is_ok(),
                None => true,
            };
            subject.related(relation).iter().any(|related| fits(related)) == *exists
        }
    };
    if holds { Ok(()) } else { Err(at.clone()) }
}

fn row_holds(row: &Row, subject: &Subject, context: &Context<'_>) -> bool {
    let lefts: Vec<&Value> = match &row.tested {
        Tested::Field(column) if row.tests_name() => subject.name(&column.name).into_iter().collect(),
        Tested::Field(column) => subject.value(&column.name).into_iter().collect(),
        Tested::Attribute(attribute) => subject.attribute(attribute).iter().collect(),
    };
    let rights: Vec<&Value> = match &row.operand {
        Operand::Values(values) => values.iter().collect(),
        Operand::From(column) => match context.routed.and_then(|routed| routed.value(&column.name)) {
            Some(value) => vec![value],
            None => return false,
        },
        Operand::Nothing | Operand::Amount(_) => vec![],
    };
    let some_pair =
        |holds: fn(&Value, &Value) -> bool| lefts.iter().any(|left| rights.iter().any(|right| holds(left, right)));
    let some_left = |holds: &dyn Fn(&Value) -> bool| lefts.iter().any(|left| holds(left));
    let within = |range: Range| some_left(&|left| matches!(left, Value::Date(date) if range.contains(date)));
    match row.operator {
        Operator::HasValue => !lefts.is_empty(),
        Operator::HasNoValue => lefts.is_empty(),
        Operator::Equals => some_pair(equal),
        Operator::NotEquals => !some_pair(equal),
        Operator::Contains => some_pair(contains),
        Operator::NotContains => !some_pair(contains),
        Operator::BeginsWith => some_pair(begins_with),
        Operator::NotBeginsWith => !some_pair(begins_with),
        Operator::EndsWith => some_pair(ends_with),
        Operator::NotEndsWith => !some_pair(ends_with),
        Operator::GreaterThan => {
            some_pair(|left, right| numbers(left, right).is_some_and(|(left, right)| left > right))
        }
        Operator::AtLeast => some_pair(|left, right| numbers(left, right).is_some_and(|(left, right)| left >= right)),
        Operator::LessThan => some_pair(|left, right| numbers(left, right).is_some_and(|(left, right)| left < right)),
        Operator::AtMost => some_pair(|left, right| numbers(left, right).is_some_and(|(left, right)| left <= right)),
        Operator::CurrentUser | Operator::NotCurrentUser => {
            let Some(user) = context.current_user else { return false };
            let is_user = some_left(&|left| match left {
                Value::Owner(Owner::Seller(id)) => *id == user.id,
                Value::Id(id) => id == user.id.as_str(),
                _ => false,
            });
            is_user == (row.operator == Operator::CurrentUser)
        }
        Operator::CurrentUserTeams => {
            let teams = context.current_user.map(|user| user.teams.as_slice()).unwrap_or_default();
            some_left(&|left| matches!(left, Value::Owner(Owner::Team(id)) if teams.contains(id)))
        }
        operator => {
            if let Some(period) = operator.calendar_period() {
                return within(context.moment.range(period));
            }
            if let (Some(period), Operand::Amount(amount)) = (operator.period_by_amount(), &row.operand) {
                return within(context.moment.range(period(*amount)));
            }
            let dates =
                rights.iter().filter_map(|right| if let Value::Date(date) = right { Some(*date) } else { None });
            let period = operator.period_by_date();
            period.is_some_and(|period| dates.into_iter().any(|date| within(context.moment.range(period(date)))))
        }
    }
}

fn texts(value: &Value) -> Vec<String> {
    let folded = |text: &Text| fold(text.as_str()).into_owned();
    match value {
        Value::Text(text) => vec![folded(text)],
        Value::Choices(texts) => texts.iter().map(folded).collect(),
        _ => vec![],
    }
}

fn numbers(left: &Value, right: &Value) -> Option<(crate::value::Number, crate::value::Number)> {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => Some((*left, *right)),
        _ => None,
    }
}

fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Text(_), _) => texts(right).contains(&texts(left)[0]),
        (Value::Choices(_), _) => {
            let (left, right) = (texts(left), texts(right));
            left.iter().all(|text| right.contains(text)) && right.iter().all(|text| left.contains(text))
        }
        (left, right) => left == right,
    }
}

fn contains(left: &Value, right: &Value) -> bool {
    match left {
        Value::Choices(_) => texts(left).iter().any(|text| texts(right).contains(text)),
        _ => texts(left).iter().any(|text| texts(right).iter().any(|part| text.contains(part))),
    }
}

fn begins_with(left: &Value, right: &Value) -> bool {
    texts(left).iter().any(|text| texts(right).iter().any(|part| text.starts_with(part)))
}

fn ends_with(left: &Value, right: &Value) -> bool {
    texts(left).iter().any(|text| texts(right).iter().any(|part| text.ends_with(part)))
}
