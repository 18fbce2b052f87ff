//! The store: a client, two table names, and nothing that outlives a request.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::{Builder, tls};

/// The two tables and the client that reaches them. Cheap to clone; verbs live in the module of their noun.
#[derive(Debug, Clone)]
pub struct Store {
    pub(crate) client: Client,
    pub(crate) records_table: String,
    pub(crate) work_table: String,
}

impl Store {
    /// A store over a client that somebody else configured.
    pub fn new(client: Client, records_table: impl Into<String>, work_table: impl Into<String>) -> Self {
        Self { client, records_table: records_table.into(), work_table: work_table.into() }
    }

    /// The store of a function: credentials, region and endpoint as AWS's environment variables say, tables from
    /// `RECORDS_TABLE` and `WORK_TABLE`.
    ///
    /// # Errors
    /// A sentence that names the variable that is missing.
    pub async fn from_environment() -> Result<Self, String> {
        let records_table = variable("RECORDS_TABLE")?;
        let work_table = variable("WORK_TABLE")?;
        Ok(Self::new(Client::new(&Self::configuration().load().await), records_table, work_table))
    }

    /// How the client is configured wherever it runs: rustls on ring, a bounded time for each attempt, so that a lost
    /// answer is tried again within an invocation.
    #[must_use]
    pub fn configuration() -> ConfigLoader {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(Duration::from_secs(1))
            .operation_attempt_timeout(Duration::from_secs(3))
            .operation_timeout(Duration::from_secs(12))
            .build();
        aws_config::defaults(BehaviorVersion::latest())
            .http_client(
                Builder::new()
                    .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
                    .build_https(),
            )
            .retry_config(RetryConfig::standard().with_max_attempts(5).with_initial_backoff(Duration::from_millis(25)))
            .timeout_config(timeouts)
    }
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}
