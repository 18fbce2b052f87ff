//! CloudFormation's intrinsic functions, as far as the template needs them: `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`,
//! `Fn::If`, and in conditions `Fn::Equals` and `Fn::Not`.
//!
//! Any other one is an error that names it: a value that this stack cannot know is never guessed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

/// What names in a template stand for.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Parameters, pseudo parameters (`AWS::Region`) and resources by logical id: what `Ref` gives.
    pub(super) references: BTreeMap<String, String>,
    /// What `Fn::GetAtt` gives, under `LogicalId.Attribute`.
    pub(super) attributes: BTreeMap<String, String>,
    /// Which conditions hold.
    pub(super) conditions: BTreeMap<String, bool>,
}

impl Scope {
    /// `value` with every intrinsic function replaced by what it stands for; members without a value are left out.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Object(members) => {
                match intrinsic(members) {
                    Some(("Fn::If", argument)) => return self.either(argument),
                    Some((name, argument)) => {
                        let called = self.call(name, argument);
                        return called.map(Value::String).with_context(|| format!("{name} {argument}"));
                    }
                    None => {}
                }
                let mut resolved = Map::new();
                for (key, member) in members {
                    let value = self.resolve(member).with_context(|| key.clone())?;
                    if !(value.is_null() && member.is_object()) {
                        resolved.insert(key.clone(), value);
                    }
                }
                Ok(Value::Object(resolved))
            }
            Value::Array(elements) => {
                Ok(Value::Array(elements.iter().map(|e| self.resolve(e)).collect::<Result<_>>()?))
            }
            plain => Ok(plain.clone()),
        }
    }

    /// Whether the condition of this name holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool> {
        self.conditions.get(name).copied().with_context(|| format!("there is no condition {name}"))
    }

    /// Whether a condition, as the section `Conditions` has it, holds.
    pub(super) fn holds(&self, condition: &Value) -> Result<bool> {
        let members = condition.as_object().context("a condition is a function")?;
        match intrinsic(members) {
            Some(("Fn::Equals", Value::Array(sides))) => match sides.as_slice() {
                [one, other] => Ok(self.text(one)? == self.text(other)?),
                _ => bail!("Fn::Equals needs two values"),
            },
            Some(("Fn::Not", Value::Array(negated))) => match negated.as_slice() {
                [condition] => Ok(!self.holds(condition)?),
                _ => bail!("Fn::Not needs one condition"),
            },
            _ => bail!("the local stack does not understand the condition {condition}"),
        }
    }

    /// The branch of `Fn::If` that counts, null where that has no value.
    fn either(&self, argument: &Value) -> Result<Value> {
        match argument.as_array().map(Vec::as_slice) {
            Some([Value::String(name), then, otherwise]) => {
                let branch = if self.condition(name)? { then } else { otherwise };
                if *branch == json!({"Ref": "AWS::NoValue"}) { Ok(Value::Null) } else { self.resolve(branch) }
            }
            _ => bail!("Fn::If needs a condition and two values"),
        }
    }

    fn call(&self, name: &str, argument: &Value) -> Result<String> {
        match (name, argument) {
            ("Ref", Value::String(target)) => self.reference(target),
            ("Fn::GetAtt", Value::Array(path)) => match path.as_slice() {
                [Value::String(resource), Value::String(attribute)] => {
                    self.attribute(&format!("{resource}.{attribute}"))
                }
                _ => bail!("needs a resource and an attribute"),
            },
            ("Fn::Sub", Value::String(text)) => self.substitute(text),
            ("Fn::Join", Value::Array(parts)) => match parts.as_slice() {
                [Value::String(between), Value::Array(elements)] => {
                    let texts: Vec<String> = elements.iter().map(|e| self.text(e)).collect::<Result<_>>()?;
                    Ok(texts.join(between))
                }
                _ => bail!("needs a separator and a list"),
            },
            _ => bail!("the local stack does not understand this use of an intrinsic function"),
        }
    }

    fn text(&self, value: &Value) -> Result<String> {
        match self.resolve(value)? {
            Value::String(text) => Ok(text),
            other => bail!("{other} is not a text"),
        }
    }

    fn reference(&self, target: &str) -> Result<String> {
        self.references.get(target).cloned().with_context(|| format!("nothing here is called {target}"))
    }

    fn attribute(&self, path: &str) -> Result<String> {
        self.attributes.get(path).cloned().with_context(|| format!("the local stack knows no attribute {path}"))
    }

    /// `${Name}`, `${Name.Attribute}` and the escape `${!Literal}`.
    fn substitute(&self, text: &str) -> Result<String> {
        let mut substituted = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, from)) = rest.split_once("${") {
            let (name, after) = from.split_once('}').context("${ without }")?;
            substituted.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                substituted.push_str("${");
                substituted.push_str(literal);
                substituted.push('}');
            } else if name.contains('.') {
                substituted.push_str(&self.attribute(name)?);
            } else {
                substituted.push_str(&self.reference(name)?);
            }
            rest = after;
        }
        substituted.push_str(rest);
        Ok(substituted)
    }
}

/// The name and argument if this object is a call of an intrinsic function.
fn intrinsic(members: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = members.iter().next()?;
    let is_one = members.len() == 1 && (name == "Ref" || name == "Condition" || name.starts_with("Fn::"));
    is_one.then_some((name, argument))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scope() -> Scope {
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Scope {
            references: text(&[("AWS::StackName", "baton"), ("Table", "baton-records")]),
            attributes: text(&[("Table.Arn", "arn:table")]),
            conditions: BTreeMap::from([("Yes".to_owned(), true), ("No".to_owned(), false)]),
        }
    }

    #[test]
    fn each_function_gives_what_it_stands_for() {
        for (given, expected) in [
            (json!({"Ref": "Table"}), json!("baton-records")),
            (json!({"Fn::GetAtt": ["Table", "Arn"]}), json!("arn:table")),
            (json!({"Fn::Sub": "${AWS::StackName}-x-${Table.Arn}-${!Kept}"}), json!("baton-x-arn:table-${Kept}")),
            (json!({"Fn::Join": ["/", ["a", {"Ref": "Table"}]]}), json!("a/baton-records")),
            (json!({"deep": [{"Ref": "Table"}, 3]}), json!({"deep": ["baton-records", 3]})),
            (json!({"Fn::If": ["Yes", {"Ref": "Table"}, {"Ref": "Nobody"}]}), json!("baton-records")),
            (
                json!({"a": {"Fn::If": ["No", 1, {"Ref": "AWS::NoValue"}]}, "b": {"Fn::If": ["No", 1, 2]}}),
                json!({"b": 2}),
            ),
        ] {
            assert_eq!(scope().resolve(&given).unwrap(), expected);
        }
    }

    #[test]
    fn a_condition_holds_or_does_not() {
        let equal = |one: &str, other: &str| json!({"Fn::Equals": [one, other]});
        for (condition, expected) in [
            (equal("a", "a"), true),
            (equal("a", "b"), false),
            (json!({"Fn::Equals": [{"Ref": "Table"}, "baton-records"]}), true),
            (json!({"Fn::Not": [equal("a", "a")]}), false),
        ] {
            assert_eq!(scope().holds(&condition).unwrap(), expected, "{condition}");
        }
        assert!(scope().holds(&json!({"Fn::Or": [equal("a", "a")]})).is_err());
    }

    #[test]
    fn what_is_unknown_is_an_error_that_names_it() {
        for (given, named) in [
            (json!({"Ref": "Nobody"}), "Nobody"),
            (json!({"Fn::GetAtt": ["Table", "Colour"]}), "Table.Colour"),
            (json!({"Fn::If": ["Perhaps", 1, 2]}), "Perhaps"),
            (json!({"Fn::Sub": ["${a}", {"a": "b"}]}), "Fn::Sub"),
            (json!({"a": {"Fn::ImportValue": "x"}}), "Fn::ImportValue"),
            (json!({"Fn::Sub": "${open"}), "without"),
        ] {
            let error = format!("{:#}", scope().resolve(&given).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
