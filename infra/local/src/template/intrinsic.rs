//! CloudFormation's intrinsic functions, as far as the template needs them: `Ref`, `Fn::GetAtt`, `Fn::Sub`, `Fn::Join`.
//!
//! Any other one is an error that names it: a value that this stack cannot know is never guessed.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value};

/// What names in a template stand for.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// Parameters, pseudo parameters (`AWS::Region`) and resources by logical id: what `Ref` gives.
    pub(super) references: BTreeMap<String, String>,
    /// What `Fn::GetAtt` gives, under `LogicalId.Attribute`.
    pub(super) attributes: BTreeMap<String, String>,
}

impl Scope {
    /// `value` with every intrinsic function replaced by what it stands for.
    pub(super) fn resolve(&self, value: &Value) -> Result<Value> {
        match value {
            Value::Object(members) => {
                if let Some((name, argument)) = intrinsic(members) {
                    return self.call(name, argument).map(Value::String).with_context(|| format!("{name} {argument}"));
                }
                let mut resolved = Map::new();
                for (key, member) in members {
                    resolved.insert(key.clone(), self.resolve(member).with_context(|| key.clone())?);
                }
                Ok(Value::Object(resolved))
            }
            Value::Array(elements) => {
                Ok(Value::Array(elements.iter().map(|e| self.resolve(e)).collect::<Result<_>>()?))
            }
            plain => Ok(plain.clone()),
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
    use serde_json::json;

    use super::*;

    fn scope() -> Scope {
        let text = |pairs: &[(&str, &str)]| pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Scope {
            references: text(&[("AWS::StackName", "baton"), ("Table", "baton-records")]),
            attributes: text(&[("Table.Arn", "arn:table")]),
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
        ] {
            assert_eq!(scope().resolve(&given).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_unknown_is_an_error_that_names_it() {
        for (given, named) in [
            (json!({"Ref": "Nobody"}), "Nobody"),
            (json!({"Fn::GetAtt": ["Table", "Colour"]}), "Table.Colour"),
            (json!({"Fn::If": ["a", 1, 2]}), "Fn::If"),
            (json!({"Fn::Sub": ["${a}", {"a": "b"}]}), "Fn::Sub"),
            (json!({"a": {"Fn::ImportValue": "x"}}), "Fn::ImportValue"),
            (json!({"Fn::Sub": "${open"}), "without"),
        ] {
            let error = format!("{:#}", scope().resolve(&given).unwrap_err());
            assert!(error.contains(named), "{error}");
        }
    }
}
