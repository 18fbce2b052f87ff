//! Believing a client's tree against a schema. Every fault at once, each at the member that is wrong (COND-12).

use serde_json::Value as Json;

use super::operator::{Operator, Wants};
use super::period::{Amount, MAX_AMOUNT, TimeUnit};
use super::schema::Schema;
use super::{ColumnRef, MAX_DEPTH, Node, Operand, Related, Row, Tested};
use crate::column::{Column, ColumnType};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::RecordType;
use crate::record_type::RecordTypeDefinition;
use crate::value::{Value, WrongValue};

/// The longest name of a column, relation or attribute that is looked for.
const MAX_NAME: usize = 100;

/// The members by one of which a node is known.
const KINDS: [&str; 5] = ["all", "any", "field", "attribute", "related"];

/// Believes a tree.
pub(super) fn node(json: &Json, at: &Pointer, schema: &Schema<'_>) -> Result<Node, Vec<Fault>> {
    Place { schema, definition: schema.subject, within_related: false, depth: 0 }.node(json, at)
}

/// Where in the tree a node stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    schema: &'a Schema<'a>,
    /// What is tested here: the schema's subject or what a relation leads to.
    definition: &'a RecordTypeDefinition,
    within_related: bool,
    depth: usize,
}

impl Place<'_> {
    fn node(self, json: &Json, at: &Pointer) -> Result<Node, Vec<Fault>> {
        let kinds =
            KINDS.into_iter().filter(|kind| json.as_object().is_some_and(|members| members.contains_key(*kind)));
        match kinds.collect::<Vec<_>>().as_slice() {
            ["all"] => self.group("all", json, at).map(Node::All),
            ["any"] => self.group("any", json, at).map(Node::Any),
            ["field"] => self.field_row(json, at).map(Node::Row),
            ["attribute"] => self.attribute_row(json, at).map(Node::Row),
            ["related"] => self.related(json, at).map(Node::Related),
            _ => {
                let message = format!("must be an object with exactly one of: {}", KINDS.join(", "));
                Err(vec![Fault::new(at, "wrongType", message)])
            }
        }
    }

    fn group(self, kind: &'static str, json: &Json, at: &Pointer) -> Result<Vec<Node>, Vec<Fault>> {
        if self.depth >= MAX_DEPTH {
            return Err(vec![Fault::new(at, "tooDeep", format!("groups may stand {MAX_DEPTH} deep in each other"))]);
        }
        let inner = Self { depth: self.depth + 1, ..self };
        let mut draft = Draft::read(json, at);
        if draft.value(kind).is_none() {
            draft.fault(kind, "wrongType", "must be a list");
        }
        let elements = draft.list(kind).unwrap_or_default();
        let parts = elements.into_iter().filter_map(|(at, json)| draft.part(inner.node(json, &at)));
        let parts = parts.collect();
        draft.finish(Some(parts))
    }

    fn related(self, json: &Json, at: &Pointer) -> Result<Related, Vec<Fault>> {
        let mut draft = Draft::read(json, at);
        let name = draft.required_text("related", MAX_NAME);
        let exists = draft.flag("exists", true);
        if draft.value("exists").is_none() {
            draft.required("exists");
        }
        let within = draft.value("where").map(|json| (json, draft.place("where")));
        if self.within_related {
            draft.fault("related", "nestedRelated", "a related block can't stand in another one");
            return draft.finish(None);
        }
        let found = self.definition.relation(&name);
        if found.is_none() && !name.is_empty() {
            let names = self.definition.relations.iter().map(|relation| relation.name.as_str());
            draft.fault("related", "unknownRelation", self.unknown("relation", names));
        }
        let Some((index, relation)) = found else { return draft.finish(None) };
        let Some(definition) = self.schema.record_types.get(&relation.record_type) else {
            draft.fault("related", "unknownRelation", format!("there is no record type {}", relation.record_type));
            return draft.finish(None);
        };
        let inner = Self { definition, within_related: true, ..self };
        let condition = within.and_then(|(json, at)| draft.part(inner.node(json, &at)).map(Box::new));
        let lookup_column = relation.lookup_column().map(str::to_owned);
        draft.finish(Some(Related { relation: name, index, lookup_column, exists, condition }))
    }

    fn field_row(self, json: &Json, at: &Pointer) -> Result<Row, Vec<Fault>> {
        let mut draft = Draft::read(json, at);
        let name = draft.required_text("field", MAX_NAME);
        let found = self.definition.column(&name);
        if found.is_none() && !name.is_empty() {
            let names = self.definition.all_columns().map(|column| column.name.as_str());
            draft.fault("field", "unknownColumn", self.unknown("column", names));
        }
        let operator = self.operator(&mut draft, found.map(|(_, column)| Operator::allowed_for(column)));
        draft.ignore(&["value", "valueFrom"]);
        let Some(((index, column), operator)) = found.zip(operator) else { return draft.finish(None) };
        let operand = self.operand(&mut draft, operator, column);
        let tested = Tested::Field(ColumnRef { name, index, column_type: column.column_type });
        draft.finish(operand.map(|operand| Row { tested, operator, operand }))
    }

    fn attribute_row(self, json: &Json, at: &Pointer) -> Result<Row, Vec<Fault>> {
        let mut draft = Draft::read(json, at);
        let name = draft.required_text("attribute", MAX_NAME);
        let Some(attributes) = self.schema.attributes.filter(|_| !self.within_related) else {
            draft.ignore(&["op", "value", "valueFrom"]);
            draft.fault(
                "attribute",
                "notAllowed",
                "attributes can be tested only of sellers, where sellers are matched by them",
            );
            return draft.finish(None);
        };
        let values = attributes.get(&name);
        if values.is_none() && !name.is_empty() && !self.schema.stored {
            draft.fault("attribute", "unknownAttribute", format!("there is no seller attribute {name}"));
        }
        let operator = self.operator(&mut draft, Some(Operator::FOR_ATTRIBUTES));
        // Its values are a closed list, as those of a choice column are.
        let column = Column { options: values.cloned(), ..Column::new(&*name, ColumnType::Choice) };
        draft.ignore(&["value", "valueFrom"]);
        let Some(operator) = operator else { return draft.finish(None) };
        let operand = self.operand(&mut draft, operator, &column);
        draft.finish(operand.map(|operand| Row { tested: Tested::Attribute(name), operator, operand }))
    }

    fn operator(self, draft: &mut Draft<'_>, allowed: Option<&'static [Operator]>) -> Option<Operator> {
        if draft.value("op").is_none() {
            draft.required("op");
            return None;
        }
        let operator = draft.word("op", &Operator::WORDS)?;
        let allowed = allowed.filter(|allowed| !allowed.contains(&operator));
        if let Some(allowed) = allowed {
            let words = allowed.iter().filter(|operator| self.schema.current_user || !operator.asks_current_user());
            let words: Vec<_> = words.map(|operator| operator.word()).collect();
            draft.fault("op", "operatorNotAllowed", format!("must be one of: {}", words.join(", ")));
            return None;
        }
        if operator.asks_current_user() && !self.schema.current_user {
            draft.fault(
                "op",
                "operatorNotAllowed",
                "nobody is looking when records are routed: there is no current user",
            );
            return None;
        }
        Some(operator)
    }

    /// The right side of a row on this column; `None` when it has a fault.
    fn operand(self, draft: &mut Draft<'_>, operator: Operator, column: &Column) -> Option<Operand> {
        let (value, from) = (draft.value("value"), draft.value("valueFrom"));
        let (value_type, several) = match operator.wants(column.column_type) {
            Wants::Nothing => {
                let given = [value.map(|_| "value"), from.map(|_| "valueFrom")];
                for member in given.into_iter().flatten() {
                    draft.fault(member, "notAllowed", format!("{} takes none", operator.word()));
                }
                return (given == [None, None]).then_some(Operand::Nothing);
            }
            Wants::Amount => {
                if from.is_some() {
                    draft.fault("valueFrom", "notAllowed", format!("{} takes none", operator.word()));
                }
                if value.is_none() {
                    draft.required("value");
                }
                let amount = draft.object("value").map(amount)?;
                return draft.part(amount).filter(|_| from.is_none()).map(Operand::Amount);
            }
            Wants::One(value_type) => (value_type, false),
            Wants::Several(value_type) => (value_type, true),
        };
        match (value, from) {
            (None, None) => {
                draft.fault("value", "required", "is required; emptiness is asked with hasNoValue");
                None
            }
            (Some(_), Some(_)) => {
                draft.fault("valueFrom", "notAllowed", "either value or valueFrom, not both");
                None
            }
            (None, Some(_)) => {
                let name = draft.required_text("valueFrom", MAX_NAME);
                self.value_from(draft, name, column, operator).map(Operand::From)
            }
            (Some(json), None) => {
                let options = column.options.clone().filter(|_| !self.schema.stored);
                let expected = Column { options, column_type: value_type, ..column.clone() };
                let values = values(json, &draft.place("value"), &expected, several);
                draft.part(values).map(Operand::Values)
            }
        }
    }

    /// The routed record's column that a row takes its value from.
    fn value_from(self, draft: &mut Draft<'_>, name: String, left: &Column, operator: Operator) -> Option<ColumnRef> {
        if name.is_empty() {
            return None;
        }
        let Some(routed) = self.schema.routed else {
            draft.fault("valueFrom", "notAllowed", "only a matcher can take values from the routed record");
            return None;
        };
        let Some((index, column)) = routed.column(&name) else {
            let message = format!("{} has no column of this name", routed.record_type);
            draft.fault("valueFrom", "unknownColumn", message);
            return None;
        };
        let wanted = if operator.tests_name(left.column_type) {
            Kind::Text
        } else {
            Kind::of(left, &self.definition.record_type)
        };
        if wanted != Kind::of(column, &routed.record_type) {
            let message =
                format!("a {} can't be compared with a {}", left.column_type.word(), column.column_type.word());
            draft.fault("valueFrom", "wrongType", message);
            return None;
        }
        Some(ColumnRef { name, index, column_type: column.column_type })
    }

    fn unknown<'n>(self, what: &str, names: impl Iterator<Item = &'n str>) -> String {
        let names: Vec<_> = names.collect();
        format!("{} has no {what} of this name; it has: {}", self.definition.record_type, names.join(", "))
    }
}

/// What can be compared with what.
#[derive(Debug, PartialEq, Eq)]
enum Kind<'a> {
    Text,
    Number,
    YesNo,
    Date,
    Owner,
    /// Ids of things of one type.
    Id(&'a RecordType),
}

impl<'a> Kind<'a> {
    fn of(column: &'a Column, record_type: &'a RecordType) -> Self {
        match column.column_type {
            ColumnType::Text | ColumnType::MultilineText | ColumnType::Choice | ColumnType::MultiChoice => Self::Text,
            ColumnType::Whole | ColumnType::Decimal | ColumnType::Money => Self::Number,
            ColumnType::YesNo => Self::YesNo,
            ColumnType::Date => Self::Date,
            ColumnType::Owner => Self::Owner,
            ColumnType::Lookup => Self::Id(column.target.as_ref().unwrap_or(record_type)),
            ColumnType::Id => Self::Id(record_type),
        }
    }
}

fn amount(mut draft: Draft<'_>) -> Result<Amount, Vec<Fault>> {
    for member in ["n", "unit"] {
        if draft.value(member).is_none() {
            draft.required(member);
        }
    }
    let n = draft.whole("n", 1..=MAX_AMOUNT);
    let unit = draft.word("unit", &TimeUnit::WORDS);
    draft.finish(n.zip(unit).map(|(n, unit)| Amount { n, unit }))
}

/// One value or several, each of them there.
fn values(json: &Json, at: &Pointer, column: &Column, several: bool) -> Result<Vec<Value>, Vec<Fault>> {
    let one = |json: &Json, at: &Pointer| {
        let empty = || WrongValue { code: "required", message: "must not be empty".to_owned() };
        let value = Value::parse(column, json).and_then(|value| value.ok_or_else(empty));
        value.map_err(|wrong| Fault::new(at, wrong.code, wrong.message))
    };
    let elements = match json {
        Json::Array(elements) if several && !elements.is_empty() => elements,
        // One option stands for the set of it.
        Json::String(_) if column.column_type == ColumnType::MultiChoice => {
            return one(&Json::Array(vec![json.clone()]), at).map(|value| vec![value]).map_err(|fault| vec![fault]);
        }
        Json::Array(elements) if elements.is_empty() => {
            return Err(vec![Fault::new(at, "required", "must not be empty")]);
        }
        _ => return one(json, at).map(|value| vec![value]).map_err(|fault| vec![fault]),
    };
    let (mut values, mut faults) = (vec![], vec![]);
    for (index, element) in elements.iter().enumerate() {
        match one(element, &at.join(index)) {
            Ok(value) => values.push(value),
            Err(fault) => faults.push(fault),
        }
    }
    if faults.is_empty() { Ok(values) } else { Err(faults) }
}
