//! Text of a CloudFormation template to plain values, with the short tags (`!Ref x`) written out (`{"Ref": "x"}`).
//!
//! It knows YAML and the spelling of tags, not what any of them means.

use anyhow::{Context, Result, bail};
use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The one document of `text` as JSON values, tags as CloudFormation's long forms, order kept.
pub(super) fn read(text: &str) -> Result<Value> {
    let mut documents = Yaml::load_from_str(text).context("the template is not valid YAML")?;
    match (documents.pop(), documents.is_empty()) {
        (Some(document), true) => value(document),
        _ => bail!("the template is not one YAML document"),
    }
}

fn value(node: Yaml) -> Result<Value> {
    Ok(match node {
        Yaml::Value(scalar) => match scalar {
            Scalar::Null => Value::Null,
            Scalar::Boolean(truth) => Value::Bool(truth),
            Scalar::Integer(number) => json!(number),
            Scalar::FloatingPoint(number) => json!(number.into_inner()),
            Scalar::String(text) => Value::String(text.into_owned()),
        },
        Yaml::Sequence(nodes) => Value::Array(nodes.into_iter().map(value).collect::<Result<_>>()?),
        Yaml::Mapping(nodes) => {
            let mut members = Map::new();
            for (key, node) in nodes {
                let key = key.as_str().context("a key of the template is not a text")?.to_owned();
                let member = value(node).with_context(|| key.clone())?;
                members.insert(key, member);
            }
            Value::Object(members)
        }
        Yaml::Tagged(tag, node) => long_form(&tag.suffix, value(*node)?),
        Yaml::Representation(..) | Yaml::Alias(_) | Yaml::BadValue => {
            bail!("the template has a value that is not plain YAML (an alias, perhaps)")
        }
    })
}

/// `!Ref x` is `{"Ref": x}`, `!Condition x` is `{"Condition": x}`, any other `!F x` is `{"Fn::F": x}`; `!GetAtt A.B.C`
/// splits at the first dot.
fn long_form(tag: &str, argument: Value) -> Value {
    let name = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        _ => format!("Fn::{tag}"),
    };
    let argument = match (tag, &argument) {
        ("GetAtt", Value::String(path)) => match path.split_once('.') {
            Some((resource, attribute)) => json!([resource, attribute]),
            None => argument,
        },
        _ => argument,
    };
    json!({ name: argument })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_tags_become_their_long_forms() {
        let read =
            read("a: !Ref Table\nb: !GetAtt Table.Arn\nc: !Sub \"${A}-x\"\nd: !Join [\"-\", [a, !Ref B]]\n").unwrap();
        assert_eq!(
            read,
            json!({
                "a": {"Ref": "Table"},
                "b": {"Fn::GetAtt": ["Table", "Arn"]},
                "c": {"Fn::Sub": "${A}-x"},
                "d": {"Fn::Join": ["-", ["a", {"Ref": "B"}]]},
            })
        );
    }

    #[test]
    fn numbers_and_texts_keep_their_kind() {
        let read = read("n: 256\nt: \"256\"\nb: true\nversion: \"2010-09-09\"\nempty:\n").unwrap();
        assert_eq!(read, json!({"n": 256, "t": "256", "b": true, "version": "2010-09-09", "empty": null}));
    }

    #[test]
    fn broken_yaml_and_duplicate_keys_are_refused() {
        assert!(read("a: [1").is_err());
        assert!(read("a: 1\na: 2\n").is_err());
        assert!(read("a: 1\n---\nb: 2\n").is_err());
    }
}
