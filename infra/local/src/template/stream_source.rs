//! An event source mapping of the template, within Lambda's limits.

use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

use super::{StartingPosition, StreamSource};
use crate::stream_filter::StreamFilter;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct StreamEvent {
    stream: String,
    starting_position: StartingPosition,
    #[serde(default = "default_batch_size")]
    batch_size: usize,
    #[serde(default)]
    maximum_batching_window_in_seconds: u64,
    #[serde(default = "default_factor")]
    parallelization_factor: usize,
    #[serde(default)]
    bisect_batch_on_function_error: bool,
    maximum_retry_attempts: Option<i64>,
    maximum_record_age_in_seconds: Option<i64>,
    #[serde(default)]
    function_response_types: Vec<String>,
    filter_criteria: Option<FilterCriteria>,
    destination_config: Option<DestinationConfig>,
    enabled: Option<bool>,
}

/// Lambda's own default for streams.
const fn default_batch_size() -> usize {
    100
}

/// Lambda's own default: one invocation per shard.
const fn default_factor() -> usize {
    1
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct FilterCriteria {
    filters: Vec<Filter>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Filter {
    pattern: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct DestinationConfig {
    on_failure: Destination,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Destination {
    r#type: String,
    destination: String,
}

impl StreamEvent {
    pub(super) fn source(self, id: String) -> Result<StreamSource> {
        let table = self.stream.split(":table/").nth(1).and_then(|rest| rest.split_once("/stream/"));
        let (table, _) = table.with_context(|| format!("{} is no stream of a table", self.stream))?;
        let within = |value: i64, low: i64, high: i64| (low..=high).contains(&value);
        let retries = self.maximum_retry_attempts.unwrap_or(-1);
        let age = self.maximum_record_age_in_seconds.unwrap_or(-1);
        ensure!((1..=10_000).contains(&self.batch_size), "BatchSize is not 1 to 10,000");
        ensure!(self.maximum_batching_window_in_seconds <= 300, "MaximumBatchingWindowInSeconds is not 0 to 300");
        ensure!((1..=10).contains(&self.parallelization_factor), "ParallelizationFactor is not 1 to 10");
        ensure!(within(retries, -1, 10_000), "MaximumRetryAttempts is not -1 to 10,000");
        ensure!(age == -1 || within(age, 60, 604_800), "MaximumRecordAgeInSeconds is not -1 or 60 to 604,800");
        let reports_failures = match self.function_response_types.as_slice() {
            [] => false,
            [one] if one == "ReportBatchItemFailures" => true,
            other => bail!("FunctionResponseTypes {other:?}"),
        };
        let patterns: Vec<String> = self
            .filter_criteria
            .map(|criteria| criteria.filters)
            .unwrap_or_default()
            .into_iter()
            .map(|filter| filter.pattern)
            .collect();
        Ok(StreamSource {
            id,
            table: table.to_owned(),
            filter: StreamFilter::parse(&patterns).context("FilterCriteria")?,
            enabled: self.enabled.unwrap_or(true),
            starting_position: self.starting_position,
            batch_size: self.batch_size,
            batching_window: Duration::from_secs(self.maximum_batching_window_in_seconds),
            parallelization_factor: self.parallelization_factor,
            reports_failures,
            bisects: self.bisect_batch_on_function_error,
            retries: u32::try_from(retries).ok(),
            record_age: u64::try_from(age).ok().map(Duration::from_secs),
            on_failure: self.destination_config.map(|config| config.on_failure.queue()).transpose()?,
        })
    }
}

impl Destination {
    fn queue(self) -> Result<String> {
        ensure!(self.r#type == "SQS", "OnFailure: only a queue is understood locally");
        self.destination.rsplit(':').next().map(str::to_owned).context("OnFailure: no queue")
    }
}
