//! What `infra/template.yaml` says, as far as it decides how things run: tables, functions, routes, event sources,
//! schedules, queues.
//!
//! The local stack takes everything it builds from here, so it can't drift from what is deployed. What the template
//! says and the stack does not do (and which would change behaviour) is an error, never ignored; what has no effect on
//! one machine (encryption, backups, alarms, tracing, IAM) is listed in [`resource`].

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::stream_filter::StreamFilter;

mod api;
mod function;
mod intrinsic;
mod resource;
mod stream_source;
mod table;
mod yaml;

/// The region that ARNs and events name locally.
pub const REGION: &str = "us-east-1";
/// The account that ARNs and events name locally.
pub const ACCOUNT: &str = "000000000000";
/// The stack name that table and queue names begin with locally.
pub const STACK_NAME: &str = "baton";
/// The label in every stream ARN; the local stack never replaces a table's stream.
pub(crate) const STREAM_LABEL: &str = "2026-01-01T00:00:00.000";

/// What development tokens say, as the template's parameters.
const LOCAL_PARAMETERS: [(&str, &str); 3] = [("Issuer", "baton-local"), ("Audience", "baton"), ("RolesClaim", "roles")];

/// The template, with its parameters and references resolved to local names.
#[derive(Clone, Debug)]
pub struct Template {
    /// The tables, in the order of the template.
    pub tables: Vec<Table>,
    /// The functions, in the order of the template.
    pub functions: Vec<Function>,
    /// The queues, in the order of the template.
    pub queues: Vec<Queue>,
    /// Who verifies tokens at the API.
    pub authorizer: Option<Authorizer>,
}

/// A DynamoDB table.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Its name in the template, such as `RecordsTable`.
    pub logical_id: String,
    /// Its real name, such as `baton-records`.
    pub name: String,
    /// The body of `CreateTable` that makes it.
    pub create_table: Value,
    /// The attribute that holds the second at which an item expires.
    pub time_to_live: Option<String>,
    /// Whether it has a stream.
    pub stream: bool,
}

/// A Lambda function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name in the template, such as `AssignmentRulesFunction`.
    pub logical_id: String,
    /// The name of its binary and of everything local that belongs to it, such as `assignment-rules`.
    pub name: String,
    /// The environment that the template gives it, sorted by name.
    pub environment: BTreeMap<String, String>,
    /// Its memory in MB.
    pub memory_megabytes: u32,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// The routes it answers.
    pub routes: Vec<Route>,
    /// The streams it reads.
    pub streams: Vec<StreamSource>,
    /// When it is called.
    pub schedules: Vec<Schedule>,
}

impl Function {
    /// Its ARN locally.
    #[must_use]
    pub fn arn(&self) -> String {
        function_arn(&self.name)
    }
}

/// A route of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `ANY` or a method in capitals.
    pub method: String,
    /// The path with its variables: `/v1/segments/{id}/rules`, `/v1/records/{proxy+}`.
    pub path: String,
    /// Whether the authorizer must accept the token first.
    pub authorized: bool,
}

/// The JWT authorizer of the HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorizer {
    /// What a token's `iss` must be.
    pub issuer: String,
    /// What a token's `aud` must hold one of.
    pub audience: Vec<String>,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    /// Its name in the template.
    pub logical_id: String,
    /// Its real name, such as `baton-given-up`.
    pub name: String,
}

/// How a function reads a table's stream: an event source mapping.
#[derive(Clone, Debug)]
pub struct StreamSource {
    /// Its name in the template, such as `AssignmentFunctionRecords`.
    pub id: String,
    /// The real name of the table.
    pub table: String,
    /// Which changes are delivered at all.
    pub filter: StreamFilter,
    /// Whether it delivers from the start on.
    pub enabled: bool,
    /// Where it begins when it first runs.
    pub starting_position: StartingPosition,
    /// Most changes in one invocation.
    pub batch_size: usize,
    /// How long it waits for a batch to fill.
    pub batching_window: Duration,
    /// Invocations of one shard that may run at once; changes of one key stay in order.
    pub parallelization_factor: usize,
    /// Whether the function's answer names the items that failed (`ReportBatchItemFailures`).
    pub reports_failures: bool,
    /// Whether a failed batch is split in two.
    pub bisects: bool,
    /// How often a failed batch is tried again; `None` until it succeeds or is too old.
    pub retries: Option<u32>,
    /// How old a change may get before it is given up; `None` without limit.
    pub record_age: Option<Duration>,
    /// The real name of the queue that is told what was given up.
    pub on_failure: Option<String>,
}

/// Where an event source begins in a stream that it has not read before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum StartingPosition {
    /// With the oldest change that is kept.
    TrimHorizon,
    /// With the next change.
    Latest,
}

/// When a function is called by EventBridge Scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schedule {
    /// Its name in the template, such as `WaitingFunctionSweep`.
    pub id: String,
    /// `rate(1 minute)`, `cron(...)` or `at(...)`.
    pub expression: String,
    /// The time zone that `cron` and `at` are read in.
    pub time_zone: String,
    /// The event that the function gets, JSON.
    pub input: String,
    /// Whether it is on.
    pub enabled: bool,
}

impl Template {
    /// The template of this checkout, as of when this was built, with the parameters that development tokens need.
    pub fn builtin() -> Result<Self> {
        let parameters = LOCAL_PARAMETERS.map(|(name, value)| (name.to_owned(), value.to_owned()));
        Self::parse(include_str!("../../template.yaml"), &BTreeMap::from(parameters))
    }

    /// The template in `text`; `parameters` override defaults.
    pub fn parse(text: &str, parameters: &BTreeMap<String, String>) -> Result<Self> {
        resource::read(&yaml::read(text)?, parameters).context("infra/template.yaml")
    }

    /// The function with this (binary) name.
    #[must_use]
    pub fn function(&self, name: &str) -> Option<&Function> {
        self.functions.iter().find(|function| function.name == name)
    }
}

/// The ARN of the function whose binary has this name.
pub(crate) fn function_arn(name: &str) -> String {
    format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
}

/// The ARN of a table's stream.
pub(crate) fn stream_arn(table: &str) -> String {
    format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{table}/stream/{STREAM_LABEL}")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    const SMALL: &str = r#"
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Issuer: {Type: String}
  Claim: {Type: String, Default: sub}
Globals:
  Function:
    Runtime: provided.al2023
    Handler: bootstrap
    Timeout: 28
    Environment:
      Variables: {TABLE: !Ref Table}
Resources:
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      TableName: !Sub "${AWS::StackName}-t"
      BillingMode: PAY_PER_REQUEST
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      TimeToLiveSpecification: {AttributeName: expires, Enabled: true}
  Api:
    Type: AWS::Serverless::HttpApi
    Properties:
      Auth:
        DefaultAuthorizer: Token
        Authorizers:
          Token:
            IdentitySource: $request.header.Authorization
            JwtConfiguration: {issuer: !Ref Issuer, audience: [baton]}
  Queue:
    Type: AWS::SQS::Queue
  Work:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: ../target/lambda/work/
      MemorySize: 512
      Environment:
        Variables: {CLAIM: !Ref Claim}
      EventInvokeConfig: {MaximumRetryAttempts: 0}
      Events:
        Things: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: any, Path: "/things/{proxy+}"}}
        Open: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: GET, Path: /open, Auth: {Authorizer: NONE}}}
        Changes:
          Type: DynamoDB
          Properties:
            Stream: !GetAtt Table.StreamArn
            StartingPosition: TRIM_HORIZON
            DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Queue.Arn}}
        Minute:
          Type: ScheduleV2
          Properties: {ScheduleExpression: rate(1 minute), Input: "{}", RetryPolicy: {MaximumRetryAttempts: 0}}
"#;

    fn parse(text: &str) -> Result<Template> {
        Template::parse(text, &BTreeMap::from([("Issuer".to_owned(), "here".to_owned())]))
    }

    #[test]
    fn a_small_template_is_read_in_full() {
        let template = parse(SMALL).unwrap();
        let table = &template.tables[0];
        assert_eq!((table.logical_id.as_str(), table.name.as_str(), table.stream), ("Table", "baton-t", true));
        assert_eq!(table.time_to_live.as_deref(), Some("expires"));
        assert_eq!(
            table.create_table,
            json!({
                "TableName": "baton-t",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
                "StreamSpecification": {"StreamEnabled": true, "StreamViewType": "NEW_AND_OLD_IMAGES"},
            })
        );
        let function = template.function("work").unwrap();
        assert_eq!((function.memory_megabytes, function.timeout), (512, Duration::from_secs(28)));
        let environment: Vec<_> = function.environment.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(environment, [("CLAIM", "sub"), ("TABLE", "baton-t")]);
        let route =
            |method: &str, path: &str, authorized| Route { method: method.into(), path: path.into(), authorized };
        assert_eq!(function.routes, [route("ANY", "/things/{proxy+}", true), route("GET", "/open", false)]);
        let source = &function.streams[0];
        assert_eq!((source.id.as_str(), source.table.as_str()), ("WorkChanges", "baton-t"));
        assert_eq!(source.on_failure.as_deref(), Some("baton-Queue"));
        assert_eq!((source.batch_size, source.retries, source.record_age), (100, None, None));
        assert_eq!(function.schedules[0].expression, "rate(1 minute)");
        assert_eq!(template.authorizer, Some(Authorizer { issuer: "here".into(), audience: vec!["baton".into()] }));
    }

    #[test]
    fn what_the_stack_does_not_do_is_an_error_and_not_ignored() {
        for (from, to, named) in [
            ("Timeout: 28", "Timeout: 28\n    ReservedConcurrentExecutions: 1", "ReservedConcurrentExecutions"),
            ("Type: AWS::SQS::Queue", "Type: AWS::Kinesis::Stream", "AWS::Kinesis::Stream"),
            ("!Ref Claim", "!ImportValue x", "Fn::ImportValue"),
            ("!Ref Claim", "!Ref Nobody", "Nobody"),
            (
                "StartingPosition: TRIM_HORIZON",
                "StartingPosition: TRIM_HORIZON\n            TumblingWindowInSeconds: 5",
                "TumblingWindowInSeconds",
            ),
            ("StartingPosition: TRIM_HORIZON", "StartingPosition: TRIM_HORIZON\n            BatchSize: 0", "BatchSize"),
            ("StartingPosition: TRIM_HORIZON", "StartingPosition: AT_TIMESTAMP", "AT_TIMESTAMP"),
            (
                "RetryPolicy: {MaximumRetryAttempts: 0}",
                "RetryPolicy: {MaximumRetryAttempts: 3}",
                "MaximumRetryAttempts",
            ),
            ("      EventInvokeConfig: {MaximumRetryAttempts: 0}\n", "", "EventInvokeConfig"),
            ("Input: \"{}\", ", "", "Input"),
            ("Handler: bootstrap", "Handler: main", "Handler"),
            ("Type: ScheduleV2", "Type: Schedule", "Schedule"),
            ("Globals:", "Mappings: {}\nGlobals:", "Mappings"),
            ("  Queue:\n", "  Queue:\n    Condition: Sometimes\n", "Sometimes"),
            ("      Auth:\n", "      CorsConfiguration: true\n      Auth:\n", "CORS"),
            (
                "  Queue:\n",
                "  Fn::ForEach::Queues:\n    - Name\n    - [A]\n    - ${Name}Queue: {Type: AWS::SQS::Queue}\n  Queue:\n",
                "AWS::SQS::Queue",
            ),
            ("Authorizer: NONE", "Authorizer: Other", "Other"),
            ("Parameters:", "Parameters:\n  Extra: {Type: String}", "Extra"),
        ] {
            assert!(SMALL.contains(from), "{from}");
            let error = format!("{:#}", parse(&SMALL.replacen(from, to, 1)).expect_err(to));
            assert!(error.contains(named), "{to}: {error}");
        }
    }

    #[test]
    fn what_has_no_part_in_running_the_stack_is_left_out() {
        let more = r#"
Conditions: {Never: !Equals [!Ref Claim, nobody]}
Resources:
  Absent: {Type: AWS::Serverless::Function, Condition: Never, Properties: {InlineCode: "!"}}
  Fn::ForEach::Alarms:
    - Name
    - [Work]
    - ${Name}Errors: {Type: AWS::CloudWatch::Alarm, Properties: {Threshold: {Ref: !Sub "${Name}Limit"}}}
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue Somewhere}}"#;
        let text = SMALL
            .replacen("\nResources:", more, 1)
            .replacen("CodeUri:", "Role: !GetAtt Role.Arn\n      AutoPublishAlias: live\n      CodeUri:", 1)
            .replacen(
                "      Auth:\n",
                "      CorsConfiguration: !If [Never, true, !Ref AWS::NoValue]\n      Auth:\n",
                1,
            );
        let (small, read) = (parse(SMALL).unwrap(), parse(&text).unwrap());
        assert_eq!(format!("{read:?}"), format!("{small:?}"));
    }

    /// A browser asks for each path before it sends a request; an API that allows other origins answers it everywhere.
    #[test]
    fn every_route_has_its_preflight() {
        let raw = yaml::read(include_str!("../../template.yaml")).unwrap();
        let events = raw["Resources"]["PreflightFunction"]["Properties"]["Events"].as_object().unwrap();
        let asked = events.values().map(|event| &event["Properties"]);
        let asked = asked.map(|route| (route["Method"].as_str().unwrap(), route["Path"].as_str().unwrap().to_owned()));
        let asked: BTreeSet<_> = asked.collect();
        let functions = Template::builtin().unwrap().functions.into_iter();
        let routes = functions.flat_map(|function| function.routes);
        assert_eq!(asked, routes.map(|route| ("OPTIONS", route.path)).collect());
    }

    #[test]
    fn the_template_of_this_checkout_says_what_the_functions_count_on() {
        let template = Template::builtin().unwrap();
        let names: Vec<&str> = template.functions.iter().map(|function| function.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "segments",
                "assignment-rules",
                "sellers",
                "organization",
                "records",
                "monitor",
                "assignment",
                "waiting",
                "capacity-reset",
                "check-invariants"
            ]
        );
        let tables: Vec<&str> = template.tables.iter().map(|table| table.name.as_str()).collect();
        assert_eq!(tables, ["baton-records", "baton-work"]);
        for function in &template.functions {
            assert_eq!(function.environment["RECORDS_TABLE"], "baton-records");
            assert_eq!(function.environment["WORK_TABLE"], "baton-work");
            // Only who answers requests reads claims: another name of one makes no new version of the others.
            let claims = ["SELLER_CLAIM", "ROLES_CLAIM"].map(|name| function.environment.get(name).map(String::as_str));
            let expected = if function.routes.is_empty() { [None, None] } else { [Some("sub"), Some("roles")] };
            assert_eq!(claims, expected, "{}", function.name);
            for route in &function.routes {
                let open = ["/v1/openapi.json", "/v1/health"].contains(&route.path.as_str());
                assert_eq!((route.method.as_str(), route.authorized), ("ANY", !open), "{}", route.path);
            }
        }
        let source = &template.function("assignment").unwrap().streams[0];
        assert!(source.reports_failures && source.bisects);
        assert_eq!(source.starting_position, StartingPosition::TrimHorizon);
        assert_eq!(source.on_failure.as_deref(), Some("baton-given-up"));
        let sweep = &template.function("waiting").unwrap().schedules[0];
        assert_eq!((sweep.expression.as_str(), sweep.input.as_str()), ("rate(1 minute)", r#"{"sweep": true}"#));
        let reset = &template.function("capacity-reset").unwrap().schedules[0];
        assert_eq!((reset.expression.as_str(), reset.input.as_str()), ("rate(1 minute)", r#"{"recount": "due"}"#));
        let authorizer = Authorizer { issuer: "baton-local".into(), audience: vec!["baton".into()] };
        assert_eq!(template.authorizer, Some(authorizer));
    }
}
