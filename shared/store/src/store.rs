//! The store: a client, two table names, and nothing that outlives a request.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, ConfigLoader};
use aws_sdk_dynamodb::Client;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{self, TlsContext, TrustStore};

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
                    .tls_context(authorities())
                    .build_https(),
            )
            .retry_config(RetryConfig::standard().with_max_attempts(5).with_initial_backoff(Duration::from_millis(25)))
            .timeout_config(timeouts)
    }
}

/// Amazon's own certificate authorities, which are all that AWS's endpoints need in most partitions. Reading those of the
/// operating system would double what the client adds to a cold start.
const AMAZON: &[u8] = include_bytes!("amazon_roots.pem");

/// How the names of regions begin whose endpoints may have other authorities: China, the European Sovereign Cloud, and the
/// isolated partitions.
const APART: [&str; 4] = ["cn-", "eusc-", "us-iso", "eu-iso"];

/// Whom to believe: Amazon's authorities, or those of the operating system where the endpoint may have others.
fn authorities() -> TlsContext {
    let others = other_authorities(|name| std::env::var(name).unwrap_or_default());
    let store = if others { TrustStore::default() } else { TrustStore::empty().with_pem_certificate(AMAZON) };
    TlsContext::builder().with_trust_store(store).build().expect("nothing of it is checked yet")
}

/// Whether the endpoint may have others than Amazon's authorities: in partitions that are kept apart from the others, where
/// somebody names an endpoint of his own, and where he names his own authorities.
fn other_authorities(environment: impl Fn(&str) -> String) -> bool {
    let own_endpoint = ["AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL"];
    own_endpoint.iter().any(|name| environment(name).starts_with("https:"))
        || ["SSL_CERT_FILE", "SSL_CERT_DIR"].iter().any(|name| !environment(name).is_empty())
        || APART.iter().any(|regions| environment("AWS_REGION").starts_with(regions))
}

fn variable(name: &str) -> Result<String, String> {
    std::env::var(name).map_err(|_| format!("the environment variable {name} is not set"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_systems_authorities_are_read_only_where_others_than_amazons_may_be_needed() {
        for (name, value, others) in [
            ("AWS_REGION", "eu-central-1", false),
            ("AWS_REGION", "us-gov-west-1", false),
            ("AWS_REGION", "cn-north-1", true),
            ("AWS_REGION", "eusc-de-east-1", true),
            ("AWS_REGION", "us-isob-east-1", true),
            ("AWS_REGION", "eu-isoe-west-1", true),
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:8000", false),
            ("AWS_ENDPOINT_URL", "https://dynamodb.example.com", true),
            ("AWS_ENDPOINT_URL_DYNAMODB", "https://dynamodb.example.com", true),
            ("SSL_CERT_FILE", "/etc/authorities.pem", true),
            ("SSL_CERT_DIR", "/etc/authorities", true),
        ] {
            let environment = |asked: &str| if asked == name { value.to_owned() } else { String::new() };
            assert_eq!(other_authorities(environment), others, "{name}={value}");
        }
    }
}
