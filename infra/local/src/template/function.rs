//! A function of the template, with the events that call it.

use std::{collections::BTreeMap, time::Duration};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    Function, Schedule,
    api::HttpApiEvent,
    resource::{binary_name, kind, object, only, typed},
    stream_source::StreamEvent,
};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct FunctionProperties {
    code_uri: String,
    runtime: String,
    handler: String,
    #[serde(default = "default_memory")]
    memory_size: u32,
    /// Seconds.
    #[serde(default = "default_timeout")]
    timeout: u64,
    environment: Option<Environment>,
    event_invoke_config: Option<RetryPolicy>,
    #[serde(default)]
    events: Map<String, Value>,
}

/// Lambda's own default, MB.
const fn default_memory() -> u32 {
    128
}

/// Lambda's own default, seconds.
const fn default_timeout() -> u64 {
    3
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Environment {
    variables: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct RetryPolicy {
    maximum_retry_attempts: u32,
}

pub(super) fn function(logical_id: &str, properties: FunctionProperties) -> Result<Function> {
    ensure!(properties.runtime == "provided.al2023", "Runtime: only provided.al2023 is understood locally");
    ensure!(properties.handler == "bootstrap", "Handler: only bootstrap is understood locally");
    let mut function = Function {
        logical_id: logical_id.to_owned(),
        name: binary_name(Some(&properties.code_uri))?,
        environment: properties.environment.map(|environment| environment.variables).unwrap_or_default(),
        memory_megabytes: properties.memory_size,
        timeout: Duration::from_secs(properties.timeout),
        routes: vec![],
        streams: vec![],
        schedules: vec![],
    };
    for (name, event) in &properties.events {
        add_event(&mut function, name, event).with_context(|| format!("Events.{name}"))?;
    }
    if !function.schedules.is_empty() {
        ensure!(
            properties.event_invoke_config.is_some_and(|config| config.maximum_retry_attempts == 0),
            "a scheduled function needs EventInvokeConfig.MaximumRetryAttempts: 0, the local stack calls it once"
        );
    }
    Ok(function)
}

fn add_event(function: &mut Function, name: &str, event: &Value) -> Result<()> {
    only(object(event, "an event")?, &["Type", "Properties"])?;
    let kind = kind(event)?;
    let properties = event["Properties"].clone();
    let id = format!("{}{name}", function.logical_id);
    match kind {
        "HttpApi" => function.routes.push(typed::<HttpApiEvent>(kind, properties)?.route()?),
        "DynamoDB" => function.streams.push(typed::<StreamEvent>(kind, properties)?.source(id)?),
        "ScheduleV2" => function.schedules.push(typed::<ScheduleEvent>(kind, properties)?.schedule(id)?),
        _ => bail!("the local stack does not understand events of the type {kind}"),
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct ScheduleEvent {
    schedule_expression: String,
    schedule_expression_timezone: Option<String>,
    input: Option<String>,
    state: Option<String>,
    retry_policy: Option<RetryPolicy>,
}

impl ScheduleEvent {
    fn schedule(self, id: String) -> Result<Schedule> {
        ensure!(
            self.retry_policy.is_some_and(|policy| policy.maximum_retry_attempts == 0),
            "needs RetryPolicy.MaximumRetryAttempts: 0, the local stack calls a scheduled function once"
        );
        let input = self.input.context("needs an Input, the local stack does not make Scheduler's default event")?;
        serde_json::from_str::<Value>(&input).context("Input is not JSON")?;
        Ok(Schedule {
            id,
            expression: self.schedule_expression,
            time_zone: self.schedule_expression_timezone.unwrap_or_else(|| "UTC".to_owned()),
            input,
            enabled: match self.state.as_deref() {
                None | Some("ENABLED") => true,
                Some("DISABLED") => false,
                Some(other) => bail!("State: {other}"),
            },
        })
    }
}
