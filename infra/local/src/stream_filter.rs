//! Lambda's filter criteria for DynamoDB streams: which changes an event source mapping delivers at all.
//!
//! The rules that Lambda documents, on primitive leaves only; a pattern that uses anything else (or a rule whose effect
//! on DynamoDB's values is not documented) is refused when it is read.

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Map, Value};

/// Most patterns of one mapping, and most characters of one pattern (Lambda's quotas).
const MAXIMUM_PATTERNS: usize = 5;
const MAXIMUM_CHARACTERS: usize = 4096;

/// Patterns of which one must match; without any, every change is delivered.
#[derive(Clone, Debug, Default)]
pub struct StreamFilter {
    patterns: Vec<Node>,
}

/// A pattern compiled: either more structure or the rules for one leaf.
#[derive(Clone, Debug)]
enum Node {
    /// Every member must match (`And`); an `$or` is one more that must.
    Members(Vec<Member>),
    /// One of the rules must match (`Or`).
    Leaf(Vec<Rule>),
}

#[derive(Clone, Debug)]
enum Member {
    Named(String, Node),
    Or(Vec<Node>),
}

#[derive(Clone, Debug)]
enum Rule {
    Equals(Value),
    EqualsIgnoreCase(String),
    Prefix(String),
    Suffix(String),
    AnythingBut(Vec<Value>),
    Numeric(Vec<(Comparison, f64)>),
    Exists(bool),
}

#[derive(Clone, Copy, Debug)]
enum Comparison {
    Equal,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

impl StreamFilter {
    /// A filter from the JSON texts of its patterns.
    pub fn parse(patterns: &[String]) -> Result<Self> {
        ensure!(patterns.len() <= MAXIMUM_PATTERNS, "more than {MAXIMUM_PATTERNS} patterns");
        let parse = |text: &String| pattern(text).with_context(|| format!("the pattern {text}"));
        Ok(Self { patterns: patterns.iter().map(parse).collect::<Result<_>>()? })
    }

    /// Whether a change, given as the record of Lambda's event, is delivered.
    #[must_use]
    pub fn matches(&self, record: &Value) -> bool {
        self.patterns.is_empty() || self.patterns.iter().any(|pattern| pattern.matches(Some(record)))
    }
}

// ---- reading

fn pattern(text: &str) -> Result<Node> {
    ensure!(text.chars().count() <= MAXIMUM_CHARACTERS, "more than {MAXIMUM_CHARACTERS} characters");
    let Value::Object(members) = serde_json::from_str(text).context("is not JSON")? else { bail!("is not an object") };
    for key in members.keys() {
        ensure!(
            key == "dynamodb" || key == "$or",
            "Lambda filters DynamoDB changes only under the key dynamodb, not {key}"
        );
    }
    node(&members)
}

fn node(members: &Map<String, Value>) -> Result<Node> {
    ensure!(!members.is_empty(), "an empty object matches nothing");
    let member = |(key, value): (&String, &Value)| {
        Ok(match (key.as_str(), value) {
            ("$or", Value::Array(ways)) => {
                ensure!(ways.len() > 1, "$or needs two or more ways");
                let way = |way: &Value| node(way.as_object().context("$or is not a list of objects")?);
                Member::Or(ways.iter().map(way).collect::<Result<_>>()?)
            }
            (_, Value::Object(inner)) => Member::Named(key.clone(), node(inner)?),
            (_, Value::Array(rules)) => {
                ensure!(!rules.is_empty(), "{key} has no rule");
                Member::Named(key.clone(), Node::Leaf(rules.iter().map(|r| rule(r, key)).collect::<Result<_>>()?))
            }
            _ => bail!("the rules of {key} are not in a list"),
        })
    };
    Ok(Node::Members(members.iter().map(member).collect::<Result<_>>()?))
}

fn rule(rule: &Value, leaf: &str) -> Result<Rule> {
    let Value::Object(operator) = rule else {
        ensure!(!rule.is_array(), "a list within a list is no rule");
        return Ok(Rule::Equals(rule.clone()));
    };
    let mut operators = operator.iter();
    let (Some((name, argument)), None) = (operators.next(), operators.next()) else { bail!("{rule} is not one rule") };
    Ok(match (name.as_str(), argument) {
        ("exists", Value::Bool(expected)) => Rule::Exists(*expected),
        ("prefix", Value::String(text)) => Rule::Prefix(text.clone()),
        ("suffix", Value::String(text)) => Rule::Suffix(text.clone()),
        ("equals-ignore-case", Value::String(text)) => Rule::EqualsIgnoreCase(text.to_lowercase()),
        ("anything-but", Value::Array(values)) if values.iter().all(is_text_or_number) => {
            Rule::AnythingBut(values.clone())
        }
        ("anything-but", value) if is_text_or_number(value) => Rule::AnythingBut(vec![value.clone()]),
        ("numeric", Value::Array(terms)) => {
            ensure!(leaf != "N" && leaf != "NS", "DynamoDB's numbers are texts in the event; match them as texts");
            Rule::Numeric(comparisons(terms)?)
        }
        _ => bail!("{rule} is not a rule that Lambda documents"),
    })
}

fn is_text_or_number(value: &Value) -> bool {
    value.is_string() || value.is_number()
}

fn comparisons(terms: &[Value]) -> Result<Vec<(Comparison, f64)>> {
    ensure!(matches!(terms.len(), 2 | 4), "numeric needs one or two comparisons");
    let comparison = |pair: &[Value]| {
        let comparison = match pair[0].as_str() {
            Some("=") => Comparison::Equal,
            Some("<") => Comparison::Less,
            Some("<=") => Comparison::AtMost,
            Some(">") => Comparison::Greater,
            Some(">=") => Comparison::AtLeast,
            _ => bail!("{} is no comparison", pair[0]),
        };
        Ok((comparison, pair[1].as_f64().context("numeric compares with a number")?))
    };
    terms.chunks(2).map(comparison).collect()
}

// ---- matching

impl Node {
    /// Whether the value at this place matches; `None` where the event has nothing.
    fn matches(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            // All members must hold for one and the same element.
            (Self::Members(_), Some(Value::Array(elements))) if !elements.is_empty() => {
                elements.iter().any(|element| self.matches(Some(element)))
            }
            (Self::Members(members), value) => members.iter().all(|member| match member {
                Member::Named(name, node) => node.matches(value.and_then(|value| value.get(name))),
                Member::Or(ways) => ways.iter().any(|way| way.matches(value)),
            }),
            (Self::Leaf(rules), value) => {
                let leaves = leaves(value);
                rules.iter().any(|rule| rule.matches(&leaves))
            }
        }
    }
}

/// The primitive values at one place: none for nothing or for structure, several for a list.
fn leaves(value: Option<&Value>) -> Vec<&Value> {
    match value {
        None | Some(Value::Object(_)) => vec![],
        Some(Value::Array(elements)) => elements.iter().flat_map(|element| leaves(Some(element))).collect(),
        Some(primitive) => vec![primitive],
    }
}

impl Rule {
    fn matches(&self, leaves: &[&Value]) -> bool {
        let text = |test: &dyn Fn(&str) -> bool| leaves.iter().any(|leaf| leaf.as_str().is_some_and(test));
        match self {
            Self::Exists(expected) => leaves.is_empty() != *expected,
            Self::Equals(value) => leaves.iter().any(|leaf| equal(leaf, value)),
            Self::EqualsIgnoreCase(folded) => text(&|leaf| leaf.to_lowercase() == *folded),
            Self::Prefix(prefix) => text(&|leaf| leaf.starts_with(prefix.as_str())),
            Self::Suffix(suffix) => text(&|leaf| leaf.ends_with(suffix.as_str())),
            Self::AnythingBut(values) => leaves.iter().any(|leaf| !values.iter().any(|value| equal(leaf, value))),
            Self::Numeric(comparisons) => leaves
                .iter()
                .filter_map(|leaf| leaf.as_f64())
                .any(|number| comparisons.iter().all(|(comparison, bound)| comparison.holds(number, *bound))),
        }
    }
}

/// Equal as JSON values, numbers by value (1 and 1.0).
fn equal(one: &Value, other: &Value) -> bool {
    match (one.as_f64(), other.as_f64()) {
        (Some(one), Some(other)) => one.total_cmp(&other).is_eq(),
        _ => one == other,
    }
}

impl Comparison {
    fn holds(self, number: f64, bound: f64) -> bool {
        match self {
            Self::Equal => number.total_cmp(&bound).is_eq(),
            Self::Less => number < bound,
            Self::AtMost => number <= bound,
            Self::Greater => number > bound,
            Self::AtLeast => number >= bound,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn filter(patterns: &[Value]) -> Result<StreamFilter> {
        StreamFilter::parse(&patterns.iter().map(Value::to_string).collect::<Vec<_>>())
    }

    /// Whether a record with this `dynamodb` part passes a pattern with this one.
    fn passes(pattern: &Value, record: &Value) -> bool {
        filter(&[json!({"dynamodb": pattern})]).unwrap().matches(&json!({"eventName": "INSERT", "dynamodb": record}))
    }

    #[test]
    fn every_documented_rule_matches_as_documented() {
        let image = |value: &Value| json!({"NewImage": {"a": value}});
        for (rule, value, expected) in [
            (json!("x"), json!({"S": "x"}), true),
            (json!("x"), json!({"S": "y"}), false),
            (json!(""), json!({"S": ""}), true),
            (json!(null), json!({"S": null}), true),
            (json!(true), json!({"S": true}), true),
            (json!({"prefix": "us-"}), json!({"S": "us-east-1"}), true),
            (json!({"prefix": "us-"}), json!({"S": "eu-us-"}), false),
            (json!({"suffix": ".png"}), json!({"S": "a.png"}), true),
            (json!({"suffix": ".png"}), json!({"S": "a.png.txt"}), false),
            (json!({"equals-ignore-case": "Alice"}), json!({"S": "aLICE"}), true),
            (json!({"equals-ignore-case": "Alice"}), json!({"S": "Alicia"}), false),
            (json!({"anything-but": ["a", "b"]}), json!({"S": "c"}), true),
            (json!({"anything-but": ["a", "b"]}), json!({"S": "b"}), false),
            (json!({"anything-but": "a"}), json!({"S": "a"}), false),
            (json!({"exists": true}), json!({"S": "x"}), true),
            (json!({"exists": true}), json!({"N": "1"}), false),
            (json!({"exists": false}), json!({"N": "1"}), true),
            (json!({"exists": false}), json!({"S": "x"}), false),
        ] {
            let pattern = json!({"NewImage": {"a": {"S": [rule]}}});
            assert_eq!(passes(&pattern, &image(&value)), expected, "{pattern} on {value}");
        }
    }

    #[test]
    fn numbers_of_the_record_itself_are_compared_as_numbers() {
        for (rule, expected) in [
            (json!({"numeric": ["=", 26.0]}), true),
            (json!({"numeric": [">", 10, "<=", 26]}), true),
            (json!({"numeric": [">", 26]}), false),
            (json!({"numeric": [">=", 10, "<", 26]}), false),
            (json!(26), true),
        ] {
            assert_eq!(passes(&json!({"SizeBytes": [rule]}), &json!({"SizeBytes": 26})), expected, "{rule}");
        }
    }

    #[test]
    fn members_are_and_rules_are_or_and_or_spans_fields() {
        let record = json!({"NewImage": {"city": {"S": "Leeds"}, "rank": {"N": "2"}}});
        for (pattern, expected) in [
            (json!({"NewImage": {"city": {"S": ["York", "Leeds"]}, "rank": {"N": ["2"]}}}), true),
            (json!({"NewImage": {"city": {"S": ["York"]}, "rank": {"N": ["2"]}}}), false),
            (json!({"NewImage": {"$or": [{"city": {"S": ["York"]}}, {"rank": {"N": ["2"]}}]}}), true),
            (json!({"NewImage": {"$or": [{"city": {"S": ["York"]}}, {"rank": {"N": ["3"]}}]}}), false),
        ] {
            assert_eq!(passes(&pattern, &record), expected, "{pattern}");
        }
    }

    #[test]
    fn lists_match_by_any_element_and_structure_is_no_leaf() {
        let record = json!({"NewImage": {"tags": {"SS": ["a", "b"]}, "list": {"L": [{"S": "x"}, {"S": "y"}]}, "m": {"M": {"k": {"S": "v"}}}}});
        for (pattern, expected) in [
            (json!({"NewImage": {"tags": {"SS": ["b"]}}}), true),
            (json!({"NewImage": {"tags": {"SS": ["c"]}}}), false),
            (json!({"NewImage": {"list": {"L": {"S": ["y"]}}}}), true),
            (json!({"NewImage": {"m": {"M": {"k": {"S": ["v"]}}}}}), true),
            (json!({"NewImage": {"m": {"M": [{"exists": true}]}}}), false),
        ] {
            assert_eq!(passes(&pattern, &record), expected, "{pattern}");
        }
    }

    #[test]
    fn absence_is_met_by_removals_too_and_by_changes_without_the_image() {
        let absent = json!({"NewImage": {"revision": {"N": [{"exists": false}]}}});
        assert!(passes(&absent, &json!({"Keys": {}, "OldImage": {"revision": {"N": "1"}}})));
        assert!(!passes(&absent, &json!({"NewImage": {"revision": {"N": "1"}}})));
        assert!(passes(&json!({"NewImage": {"x": {"S": [{"anything-but": "a"}, {"exists": false}]}}}), &json!({})));
        assert!(!passes(&json!({"NewImage": {"x": {"S": [{"anything-but": "a"}]}}}), &json!({})));
    }

    /// The journey of a lead depends on it: a marked record and somebody else's record pass, the engine's own commits
    /// and removals do not.
    #[test]
    fn the_filter_of_the_records_stream_lets_marks_and_foreign_items_pass_only() {
        let template = crate::template::Template::builtin().unwrap();
        let filter = &template.function("assignment").unwrap().streams[0].filter;
        for (image, expected) in [
            (json!({"NewImage": {"type": {"S": "lead"}, "revision": {"N": "1"}, "pending": {"S": "lead#3"}}}), true),
            (json!({"NewImage": {"type": {"S": "lead"}, "fields": {"M": {}}}}), true),
            (json!({"NewImage": {"type": {"S": "lead"}, "revision": {"N": "2"}}}), false),
            (json!({"NewImage": {"note": {"S": "no record"}}}), false),
            (json!({"OldImage": {"type": {"S": "lead"}, "pending": {"S": "lead#3"}}}), false),
        ] {
            assert_eq!(filter.matches(&json!({"dynamodb": image})), expected, "{image}");
        }
    }

    #[test]
    fn without_patterns_everything_passes_and_one_of_several_is_enough() {
        assert!(StreamFilter::default().matches(&json!({})));
        let of = |name: &str| json!({"dynamodb": {"Keys": {"pk": {"S": [name]}}}});
        let filter = filter(&[of("a"), of("b")]).unwrap();
        let record = |name: &str| json!({"dynamodb": {"Keys": {"pk": {"S": name}}}});
        assert!(filter.matches(&record("a")) && filter.matches(&record("b")) && !filter.matches(&record("c")));
    }

    #[test]
    fn what_lambda_does_not_document_is_refused() {
        let leaf = |rule: &Value| json!({"dynamodb": {"NewImage": {"a": {"S": [rule]}}}});
        for pattern in [
            leaf(&json!({"wildcard": "*"})),
            leaf(&json!({"cidr": "10.0.0.0/8"})),
            leaf(&json!({"anything-but": {"prefix": "a"}})),
            leaf(&json!({"exists": true, "prefix": "a"})),
            leaf(&json!({"exists": "yes"})),
            leaf(&json!({"numeric": [">", "1"]})),
            leaf(&json!(["a"])),
            json!({"eventName": ["INSERT"]}),
            json!({"dynamodb": {"NewImage": {"a": {"N": [{"numeric": [">", 1]}]}}}}),
            json!({"dynamodb": {"NewImage": {"a": {"S": []}}}}),
            json!({"dynamodb": {"NewImage": {"a": "x"}}}),
            json!({"dynamodb": {}}),
            json!({"dynamodb": {"$or": [{"a": ["x"]}]}}),
            json!(["dynamodb"]),
        ] {
            assert!(filter(std::slice::from_ref(&pattern)).is_err(), "{pattern}");
        }
        assert!(filter(&vec![json!({"dynamodb": {"SizeBytes": [1]}}); 6]).is_err());
    }
}
