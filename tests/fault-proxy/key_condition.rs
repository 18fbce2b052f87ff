//! Key conditions of a Query, read so that an item of the past can be held against them.

use serde_json::Value;

use crate::fault_proxy::call::Attributes;

/// A conjunction of tests on the key.
#[derive(Debug, PartialEq)]
pub(crate) struct KeyCondition(Vec<Test>);

#[derive(Debug, PartialEq)]
enum Test {
    Compare { attribute: String, operator: String, value: Value },
    Between { attribute: String, low: Value, high: Value },
    BeginsWith { attribute: String, prefix: Value },
}

impl KeyCondition {
    /// Reads `KeyConditionExpression` of a Query's body; `None` when it is absent or not understood.
    pub(crate) fn of_query(body: &Value) -> Option<Self> {
        let expression = body["KeyConditionExpression"].as_str()?;
        let name = |token: &String| {
            if token.starts_with('#') {
                body["ExpressionAttributeNames"][token].as_str().map(str::to_owned)
            } else {
                Some(token.clone())
            }
        };
        let value = |token: &String| match &body["ExpressionAttributeValues"][token] {
            Value::Null => None,
            value => Some(value.clone()),
        };
        let tokens = tokens(expression);
        let mut rest = tokens.as_slice();
        let mut tests = Vec::new();
        while !rest.is_empty() {
            let (test, after) = match rest {
                [function, attribute, prefix, after @ ..] if function == "begins_with" => {
                    (Test::BeginsWith { attribute: name(attribute)?, prefix: value(prefix)? }, after)
                }
                [attribute, between, low, and, high, after @ ..]
                    if between.eq_ignore_ascii_case("BETWEEN") && and.eq_ignore_ascii_case("AND") =>
                {
                    (Test::Between { attribute: name(attribute)?, low: value(low)?, high: value(high)? }, after)
                }
                [attribute, operator, compared, after @ ..] if "<>=".contains(operator.chars().next()?) => {
                    let (attribute, value) = (name(attribute)?, value(compared)?);
                    (Test::Compare { attribute, operator: operator.clone(), value }, after)
                }
                _ => return None,
            };
            tests.push(test);
            rest = match after {
                [] => after,
                [and, after @ ..] if and.eq_ignore_ascii_case("AND") => after,
                _ => return None,
            };
        }
        Some(Self(tests))
    }

    /// Whether the item's key meets every test.
    pub(crate) fn holds_for(&self, item: &Attributes) -> bool {
        use std::cmp::Ordering::{Equal, Greater, Less};
        let ordered = |attribute: &str, value: &Value| item.get(attribute).and_then(|is| order(is, value));
        self.0.iter().all(|test| match test {
            Test::Compare { attribute, operator, value } => {
                ordered(attribute, value).is_some_and(|is| match operator.as_str() {
                    "=" => is == Equal,
                    "<" => is == Less,
                    "<=" => is != Greater,
                    ">" => is == Greater,
                    ">=" => is != Less,
                    _ => false,
                })
            }
            Test::Between { attribute, low, high } => {
                ordered(attribute, low).is_some_and(|is| is != Less)
                    && ordered(attribute, high).is_some_and(|is| is != Greater)
            }
            Test::BeginsWith { attribute, prefix } => {
                let text = item.get(attribute).and_then(|is| is["S"].as_str());
                text.zip(prefix["S"].as_str()).is_some_and(|(text, prefix)| text.starts_with(prefix))
            }
        })
    }
}

/// The order of two key values of one type; `None` across types. Binary keys compare by their base64 text, which is
/// enough to tell them apart.
pub(crate) fn order(left: &Value, right: &Value) -> Option<std::cmp::Ordering> {
    let number = |v: &Value| v["N"].as_str().and_then(|n| n.parse::<f64>().ok());
    if let (Some(left), Some(right)) = (number(left), number(right)) {
        return left.partial_cmp(&right);
    }
    ["S", "B"].iter().find_map(|kind| Some(left[kind].as_str()?.cmp(right[kind].as_str()?)))
}

/// Words and operators; parentheses and commas only part them, for a conjunction needs neither.
fn tokens(expression: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut last = ' ';
    for c in expression.chars() {
        let kind = |c: char| match c {
            '<' | '>' | '=' => 'o',
            c if c.is_whitespace() || "(),".contains(c) => ' ',
            _ => 'w',
        };
        match kind(c) {
            ' ' => {}
            same if same == kind(last) => tokens.last_mut().expect("the last character began one").push(c),
            _ => tokens.push(c.to_string()),
        }
        last = c;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(expression: &str, item: &Value) -> bool {
        let body = json!({
            "KeyConditionExpression": expression,
            "ExpressionAttributeNames": {"#p": "pending", "#s": "sort"},
            "ExpressionAttributeValues": {
                ":p": {"S": "lead#0"}, ":low": {"N": "5"}, ":high": {"N": "10"}, ":pre": {"S": "a#"}
            },
        });
        KeyCondition::of_query(&body).expect("it is understood").holds_for(item.as_object().unwrap())
    }

    #[test]
    fn every_form_of_key_condition_is_understood() {
        let number = |n: &str| json!({"pending": {"S": "lead#0"}, "sort": {"N": n}});
        let text = json!({"pending": {"S": "lead#0"}, "sort": {"S": "a#7"}});
        let cases = [
            ("#p = :p", number("7"), true),
            ("pending=:p", json!({"pending": {"S": "lead#1"}}), false),
            ("(#p = :p) AND (#s <= :high)", number("10"), true),
            ("#p = :p AND #s < :high", number("10"), false),
            ("#p = :p AND #s>:low", number("10"), true),
            ("#p = :p AND #s BETWEEN :low AND :high", number("9.5"), true),
            ("#p = :p and #s between :low and :high", number("11"), false),
            ("#p = :p AND begins_with(#s, :pre)", text.clone(), true),
            ("begins_with(#s,:pre) AND #p = :p", json!({"pending": {"S": "lead#0"}, "sort": {"S": "b"}}), false),
            ("#p = :p AND #s >= :low", json!({"pending": {"S": "lead#0"}}), false),
        ];
        for (expression, item, expected) in cases {
            assert_eq!(holds(expression, &item), expected, "{expression} {item}");
        }
    }

    #[test]
    fn what_is_not_understood_is_said() {
        let body = json!({"KeyConditionExpression": "#p = :p OR #s = :s"});
        assert_eq!(KeyCondition::of_query(&body), None);
        assert_eq!(KeyCondition::of_query(&json!({})), None);
    }
}
