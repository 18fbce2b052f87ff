//! A condition: a yes/no tree of tests on a record, seller, team or queue (COND-*; API.md section 2).
//!
//! A tree is believed once against a [`Schema`] ([`Condition::parse`]) and then carries what it found there, so testing
//! it can't fail. [`Condition::interpret`] is the plain meaning; [`Condition::compile`] gives the quick form that routing
//! uses, and a property test shows that they agree. Not which condition belongs to what, and not loading what it reads.
//!
//! # Meaning
//! - `all` holds when every part does, so `{"all": []}` holds for everything (COND-11); `any` holds when at least one
//!   part does (COND-02), so `{"any": []}` holds for nothing.
//! - Text compares without case, ids exactly, numbers exactly. Several values of `equals` mean any of them, of
//!   `notEquals` none of them (COND-08). `equals` on a multiChoice means exactly this set; `contains` there means at least
//!   one of the values. A seller attribute, which may have several values, equals when one of them does (EX-23).
//! - A negative operator holds for an empty column, every other one but `hasNoValue` does not (COND-30). With an empty
//!   `valueFrom`, or without a current user where one is asked for, no operator holds (COND-10).
//! - What dates mean stands in [`Period`].
//! - A related block holds when some related subject satisfies its `where`; with `exists` false when none does (COND-04).
//!   Blocks don't nest.

use serde_json::{Value as Json, json};

use crate::column::ColumnType;
use crate::fault::{Fault, Pointer};
use crate::value::Value;

pub use self::compile::CompiledCondition;
pub use self::context::{Context, CurrentUser, Moment};
pub use self::operator::Operator;
pub use self::period::{Amount, Period, Range, Span, TimeUnit};
pub use self::reads::Reads;
pub use self::schema::{AttributeValues, Schema};

#[cfg(test)]
mod agreement;
#[cfg(test)]
mod cases;
mod compile;
mod context;
mod interpret;
mod operator;
mod parse;
mod period;
mod reads;
#[cfg(test)]
mod refusals;
mod schema;

/// How deep groups may stand in each other.
pub const MAX_DEPTH: usize = 16;

/// A believed condition tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    root: Node,
}

/// A part of a tree.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Node {
    /// Holds when every part does.
    All(Vec<Node>),
    /// Holds when at least one part does.
    Any(Vec<Node>),
    /// One test.
    Row(Row),
    /// A question about related subjects.
    Related(Related),
}

/// One test: what is tested, how, and against what.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    tested: Tested,
    operator: Operator,
    operand: Operand,
}

/// The left side of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tested {
    Field(ColumnRef),
    Attribute(String),
}

/// The right side of a row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Operand {
    Nothing,
    /// Any of these; never empty.
    Values(Vec<Value>),
    /// The value that the routed record has in this column (COND-09).
    From(ColumnRef),
    Amount(Amount),
}

/// A column as the schema had it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct ColumnRef {
    name: String,
    index: usize,
    column_type: ColumnType,
}

/// A related-entity block.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Related {
    relation: String,
    index: usize,
    /// The tested record's own lookup column that the relation follows.
    lookup_column: Option<String>,
    exists: bool,
    condition: Option<Box<Node>>,
}

/// How large a tree may be; the organisation's settings hold the numbers (LIM-03…06, LIM-30).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionLimits {
    /// Rows, counted as COND-07 says.
    pub rows: u32,
    /// Related blocks; none = as many as rows.
    pub related: Option<u32>,
    /// Characters of the tree as the client sent it, which is how it is stored.
    pub characters: u32,
}

impl Condition {
    /// The empty tree, which holds for everything (COND-11).
    #[must_use]
    pub fn everything() -> Self {
        Self { root: Node::All(vec![]) }
    }

    /// Believes a client's tree, which stands at `at` in the body; every fault at once (COND-12).
    pub fn parse(json: &Json, at: &Pointer, schema: &Schema<'_>) -> Result<Self, Vec<Fault>> {
        Ok(Self { root: parse::node(json, at, schema)? })
    }

    /// The tree in the contract's shape, with single values for lists of one; [`Condition::parse`] reads it back.
    #[must_use]
    pub fn to_json(&self) -> Json {
        self.root.to_json()
    }

    /// The number of conditions: rows, and 1 for a related block without rows (COND-07).
    #[must_use]
    pub fn row_count(&self) -> usize {
        self.root.row_count()
    }

    /// The number of related blocks (COND-06).
    #[must_use]
    pub fn related_count(&self) -> usize {
        self.root.related_count()
    }

    /// The limits that the tree exceeds that was sent as `json`, as faults at its place (COND-05, COND-06, COND-13).
    #[must_use]
    pub fn limit_faults(&self, json: &Json, limits: &ConditionLimits, at: &Pointer) -> Vec<Fault> {
        let characters = json.to_string().chars().count();
        let checks = [
            (self.row_count(), Some(limits.rows), "tooManyConditions", "conditions"),
            (self.related_count(), limits.related, "tooManyRelated", "related blocks"),
            (characters, Some(limits.characters), "tooLong", "characters"),
        ];
        let exceeded = checks.into_iter().filter_map(|(count, limit, code, what)| {
            let limit = limit.filter(|limit| u32::try_from(count).map_or(true, |count| count > *limit))?;
            Some(Fault::new(at, code, format!("must have at most {limit} {what}, has {count}")))
        });
        exceeded.collect()
    }
}

impl Node {
    fn to_json(&self) -> Json {
        let list = |parts: &[Node]| parts.iter().map(Node::to_json).collect::<Vec<_>>();
        match self {
            Self::All(parts) => json!({"all": list(parts)}),
            Self::Any(parts) => json!({"any": list(parts)}),
            Self::Row(row) => row.to_json(),
            Self::Related(Related { relation, exists, condition, .. }) => {
                let mut json = json!({"related": relation, "exists": exists});
                if let Some(condition) = condition {
                    json["where"] = condition.to_json();
                }
                json
            }
        }
    }

    fn row_count(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::row_count).sum(),
            Self::Row(_) => 1,
            Self::Related(related) => related.condition.as_ref().map_or(0, |node| node.row_count()).max(1),
        }
    }

    fn related_count(&self) -> usize {
        match self {
            Self::All(parts) | Self::Any(parts) => parts.iter().map(Self::related_count).sum(),
            Self::Row(_) => 0,
            Self::Related(_) => 1,
        }
    }
}

impl Row {
    /// True when it tests the name of what a lookup or owner column leads to, not the column itself (COND-26).
    fn tests_name(&self) -> bool {
        matches!(&self.tested, Tested::Field(column) if self.operator.tests_name(column.column_type))
    }

    fn to_json(&self) -> Json {
        let mut json = match &self.tested {
            Tested::Field(column) => json!({"field": column.name, "op": self.operator.word()}),
            Tested::Attribute(attribute) => json!({"attribute": attribute, "op": self.operator.word()}),
        };
        match &self.operand {
            Operand::Nothing => {}
            Operand::Values(values) => {
                json["value"] = match values.as_slice() {
                    [value] => value.to_json(),
                    values => values.iter().map(Value::to_json).collect(),
                };
            }
            Operand::From(column) => json["valueFrom"] = json!(column.name),
            Operand::Amount(amount) => json["value"] = json!({"n": amount.n, "unit": amount.unit.word()}),
        }
        json
    }
}
