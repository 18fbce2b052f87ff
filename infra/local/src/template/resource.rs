//! The shapes of the template's resources: which properties decide something here, and which have no effect on one
//! machine.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    ACCOUNT, Queue, REGION, STACK_NAME, Template,
    api::{HttpApiProperties, check_routes},
    function::function,
    function_arn,
    intrinsic::Scope,
    stream_arn,
    table::table,
};

/// Per type of resource (or of event), the properties that change nothing about how things behave locally.
///
/// Encryption, backups and protection from deletion guard data that a local stack may lose; IAM is not enforced;
/// traces, logs settings and descriptions are for operators of AWS; an architecture is the developer's own; there is one
/// version of a function; nobody has to be throttled. They are not even resolved, so they may say what they like.
const WITHOUT_EFFECT: &[(&str, &[&str])] = &[
    (
        "AWS::DynamoDB::Table",
        &["PointInTimeRecoverySpecification", "SSESpecification", "DeletionProtectionEnabled", "Tags"],
    ),
    (
        "AWS::Serverless::Function",
        &[
            "Architectures",
            "AutoPublishAlias",
            "AutoPublishAliasAllProperties",
            "DeploymentPreference",
            "Description",
            "LoggingConfig",
            "Policies",
            "Role",
            "Tags",
            "Tracing",
        ],
    ),
    ("AWS::Serverless::HttpApi", &["AccessLogSettings", "DefaultRouteSettings", "Description", "Name", "Tags"]),
    ("AWS::SQS::Queue", &["MessageRetentionPeriod", "SqsManagedSseEnabled", "Tags"]),
    ("HttpApi", &[]),
    ("DynamoDB", &[]),
    ("ScheduleV2", &["Description", "Name"]),
];

/// Types of resource that have no part in running the stack locally.
const NOT_LOCAL: [&str; 11] = [
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::Cognito::UserPool",
    "AWS::Cognito::UserPoolClient",
    "AWS::Cognito::UserPoolGroup",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Logs::LogGroup",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
];

/// Attributes that a resource may have.
const RESOURCE_ATTRIBUTES: [&str; 7] =
    ["Type", "Properties", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "DependsOn", "Metadata"];

/// Sections that a template may have.
const SECTIONS: [&str; 10] = [
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Conditions",
    "Globals",
    "Resources",
    "Outputs",
];

/// What a loop over resources is called; its name follows.
const LOOP: &str = "Fn::ForEach::";

/// The whole template from its values.
pub(super) fn read(template: &Value, parameters: &BTreeMap<String, String>) -> Result<Template> {
    only(object(template, "the template")?, &SECTIONS)?;
    let globals = function_globals(template)?;
    let mut scope = Scope::default();
    add_parameters(&mut scope, template, parameters)?;
    if !template["Conditions"].is_null() {
        for (name, condition) in object(&template["Conditions"], "Conditions")? {
            let holds = scope.holds(condition).with_context(|| format!("Conditions.{name}"))?;
            scope.conditions.insert(name.clone(), holds);
        }
    }
    let resources = local_resources(object(&template["Resources"], "Resources")?, &scope)?;
    add_resources(&mut scope, &resources)?;

    let mut read = Template { tables: vec![], functions: vec![], queues: vec![], authorizer: None };
    for (logical_id, resource) in &resources {
        add(&mut read, logical_id, resource, &globals, &scope).with_context(|| format!("Resources.{logical_id}"))?;
    }
    let apis = resources.iter().filter(|(_, resource)| resource["Type"] == "AWS::Serverless::HttpApi").count();
    ensure!(apis <= 1, "the local stack does not understand several HTTP APIs");
    check_routes(&read)?;
    for source in read.functions.iter().flat_map(|function| &function.streams) {
        let table = read.tables.iter().find(|table| table.name == source.table);
        ensure!(table.is_some_and(|table| table.stream), "{}: {} has no stream", source.id, source.table);
        let queue = source.on_failure.as_deref();
        ensure!(queue.is_none_or(|name| read.queues.iter().any(|q| q.name == name)), "{}: no such queue", source.id);
    }
    Ok(read)
}

/// The resources that there are here: those whose condition holds, less the loops, of which none may make anything that
/// has a part in running the stack.
fn local_resources<'a>(resources: &'a Map<String, Value>, scope: &Scope) -> Result<Vec<(&'a str, &'a Value)>> {
    let mut local: Vec<(&str, &Value)> = vec![];
    for (name, resource) in resources {
        let is_there =
            if name.starts_with(LOOP) { check_loop(resource).map(|()| false) } else { exists(resource, scope) };
        if is_there.with_context(|| format!("Resources.{name}"))? {
            local.push((name, resource));
        }
    }
    Ok(local)
}

fn exists(resource: &Value, scope: &Scope) -> Result<bool> {
    only(object(resource, "a resource")?, &RESOURCE_ATTRIBUTES)?;
    match &resource["Condition"] {
        Value::Null => Ok(true),
        Value::String(condition) => scope.condition(condition),
        other => bail!("the condition {other} is not a name"),
    }
}

fn check_loop(each: &Value) -> Result<()> {
    let made = each.as_array().and_then(|parts| parts.last()).context("a loop is a list")?;
    for resource in object(made, "what a loop makes")?.values() {
        let kind = kind(resource)?;
        ensure!(NOT_LOCAL.contains(&kind), "the local stack does not understand a loop over the type {kind}");
    }
    Ok(())
}

fn add(read: &mut Template, logical_id: &str, resource: &Value, globals: &Value, scope: &Scope) -> Result<()> {
    let kind = kind(resource)?;
    if NOT_LOCAL.contains(&kind) {
        return Ok(());
    }
    let own = &resource["Properties"];
    let properties = match kind {
        "AWS::Serverless::Function" => merge(globals, own),
        _ => own.clone(),
    };
    let properties = scope.resolve(&with_effect(kind, properties))?;
    match kind {
        "AWS::DynamoDB::Table" => {
            read.tables.push(table(logical_id, &scope.references[logical_id], typed(kind, properties)?)?);
        }
        "AWS::Serverless::Function" => read.functions.push(function(logical_id, typed(kind, properties)?)?),
        "AWS::Serverless::HttpApi" => {
            read.authorizer = typed::<HttpApiProperties>(kind, properties)?.authorizer()?;
        }
        "AWS::SQS::Queue" => {
            let _: QueueProperties = typed(kind, properties)?;
            read.queues
                .push(Queue { logical_id: logical_id.to_owned(), name: physical_name(logical_id, resource, scope)? });
        }
        _ => bail!("the local stack does not understand the type {kind}"),
    }
    Ok(())
}

/// What references to parameters, given and of AWS, give locally.
fn add_parameters(scope: &mut Scope, template: &Value, parameters: &BTreeMap<String, String>) -> Result<()> {
    for (name, value) in [
        ("AWS::StackName", STACK_NAME),
        ("AWS::Region", REGION),
        ("AWS::AccountId", ACCOUNT),
        ("AWS::Partition", "aws"),
        ("AWS::URLSuffix", "amazonaws.com"),
    ] {
        scope.references.insert(name.to_owned(), value.to_owned());
    }
    if !template["Parameters"].is_null() {
        for (name, declared) in object(&template["Parameters"], "Parameters")? {
            let value = match (parameters.get(name), &declared["Default"]) {
                (Some(given), _) => given.clone(),
                (None, Value::String(default)) => default.clone(),
                (None, Value::Null) => bail!("the parameter {name} has no default and no value here"),
                (None, default) => default.to_string(),
            };
            scope.references.insert(name.clone(), value);
        }
    }
    Ok(())
}

/// What references to resources give locally.
fn add_resources(scope: &mut Scope, resources: &[(&str, &Value)]) -> Result<()> {
    for &(logical_id, resource) in resources {
        let name = physical_name(logical_id, resource, scope).with_context(|| format!("Resources.{logical_id}"))?;
        let mut attribute = |attribute: &str, value: String| {
            scope.attributes.insert(format!("{logical_id}.{attribute}"), value);
        };
        let reference = match kind(resource)? {
            "AWS::DynamoDB::Table" => {
                attribute("Arn", format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}"));
                attribute("StreamArn", stream_arn(&name));
                name
            }
            "AWS::Serverless::Function" => {
                attribute("Arn", function_arn(&name));
                name
            }
            "AWS::SQS::Queue" => {
                attribute("Arn", format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"));
                attribute("QueueName", name.clone());
                format!("https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{name}")
            }
            "AWS::Logs::LogGroup" => {
                attribute("Arn", format!("arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{name}:*"));
                name
            }
            "AWS::Serverless::HttpApi" => {
                attribute("ApiEndpoint", format!("https://{name}.execute-api.{REGION}.amazonaws.com"));
                name
            }
            _ => name,
        };
        scope.references.insert(logical_id.to_owned(), reference);
    }
    Ok(())
}

/// The name a resource has once deployed: the one the template gives, or one made from stack and logical id.
fn physical_name(logical_id: &str, resource: &Value, scope: &Scope) -> Result<String> {
    let properties = &resource["Properties"];
    let given = match kind(resource)? {
        "AWS::DynamoDB::Table" => &properties["TableName"],
        "AWS::SQS::Queue" => &properties["QueueName"],
        "AWS::Logs::LogGroup" => &properties["LogGroupName"],
        "AWS::Serverless::Function" => return binary_name(properties["CodeUri"].as_str()),
        _ => &Value::Null,
    };
    match scope.resolve(given)? {
        Value::Null => Ok(format!("{STACK_NAME}-{logical_id}")),
        Value::String(name) => Ok(name),
        other => bail!("the name {other} is not a text"),
    }
}

pub(super) fn binary_name(code_uri: Option<&str>) -> Result<String> {
    let folder = code_uri.and_then(|uri| uri.trim_end_matches('/').rsplit('/').next()).unwrap_or_default();
    ensure!(!folder.is_empty(), "CodeUri does not end in the name of the function's binary");
    Ok(folder.to_owned())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct QueueProperties {
    #[serde(rename = "QueueName")]
    _queue_name: Option<String>,
}

/// `properties` of a resource or an event of type `kind`, less those without effect; any unknown one is an error.
pub(super) fn typed<T: DeserializeOwned>(kind: &str, properties: Value) -> Result<T> {
    serde_json::from_value(with_effect(kind, properties))
        .with_context(|| format!("the local stack does not understand this {kind}"))
}

fn with_effect(kind: &str, properties: Value) -> Value {
    let without_effect = WITHOUT_EFFECT.iter().find(|(name, _)| *name == kind).map_or(&[][..], |(_, names)| names);
    match properties {
        Value::Null => json!({}),
        Value::Object(mut members) => {
            members.retain(|name, _| !without_effect.contains(&name.as_str()));
            Value::Object(members)
        }
        other => other,
    }
}

/// What SAM's section `Globals` gives to every function.
fn function_globals(template: &Value) -> Result<Value> {
    match &template["Globals"] {
        Value::Null => Ok(json!({})),
        globals => {
            only(object(globals, "Globals")?, &["Function"])?;
            Ok(globals["Function"].clone())
        }
    }
}

/// SAM's merge of globals into a resource: maps are merged, the resource's own values win.
fn merge(globals: &Value, own: &Value) -> Value {
    match (globals, own) {
        (Value::Object(globals), Value::Object(own)) => {
            let mut merged = globals.clone();
            for (name, value) in own {
                let value = merged.get(name).map_or_else(|| value.clone(), |global| merge(global, value));
                merged.insert(name.clone(), value);
            }
            Value::Object(merged)
        }
        (_, own) => own.clone(),
    }
}

pub(super) fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>> {
    value.as_object().with_context(|| format!("{what} is not a mapping"))
}

pub(super) fn kind(resource: &Value) -> Result<&str> {
    resource["Type"].as_str().context("Type is missing")
}

pub(super) fn only(members: &Map<String, Value>, known: &[&str]) -> Result<()> {
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => bail!("the local stack does not understand {unknown}"),
        None => Ok(()),
    }
}
