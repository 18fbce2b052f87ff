//! One caller of the HTTP contract with one set of roles.
//!
//! What a well-behaved client sends goes through [`Client::api`], which is generated from the OpenAPI document: what
//! doesn't fit the document can't be sent with it, and an answer that doesn't fit is an error. The rest of this is for
//! what no such client would send, and for paths outside the API.

use anyhow::{Context, bail};
use reqwest::Method;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// One caller.
#[derive(Debug, Clone)]
pub struct Client {
    /// One method for each operation of the OpenAPI document.
    pub api: ::client::Client,
    http: reqwest::Client,
    base: String,
    token: Option<String>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body; null when there is none, a text when it is no JSON.
    pub body: Value,
    request: String,
}

impl Client {
    /// A client of the gateway at this address with this bearer token, or with none.
    ///
    /// # Panics
    /// When the token is no text that a header can hold.
    #[must_use]
    pub fn new(base: &str, token: Option<String>) -> Self {
        let base = base.trim_end_matches('/').to_owned();
        let mut headers = HeaderMap::new();
        if let Some(token) = &token {
            let bearer = HeaderValue::from_str(&format!("Bearer {token}")).expect("a token is plain text");
            headers.insert(AUTHORIZATION, bearer);
        }
        let identified = reqwest::Client::builder().default_headers(headers).build().expect("HTTP without TLS");
        Self { api: ::client::Client::new_with_client(&base, identified), http: reqwest::Client::new(), base, token }
    }

    /// Reads.
    ///
    /// # Errors
    /// When there is no answer, as with all that follow; an answer of any status is an answer.
    pub async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::GET, path, &[], None).await
    }

    /// Creates or acts.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::POST, path, &[], Some(body.to_string())).await
    }

    /// Replaces.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn put(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::PUT, path, &[], Some(body.to_string())).await
    }

    /// Changes a part.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        self.send(Method::PATCH, path, &[], Some(body.to_string())).await
    }

    /// Removes.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn delete(&self, path: &str) -> anyhow::Result<Answer> {
        self.send(Method::DELETE, path, &[], None).await
    }

    /// Sends anything: a body that may be no JSON, and headers, which win over the usual ones.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<String>,
    ) -> anyhow::Result<Answer> {
        let request = format!("{method} {path}");
        let mut builder = self.http.request(method, format!("{}{path}", self.base));
        if let Some(token) = &self.token {
            builder = builder.bearer_auth(token);
        }
        if let Some(body) = body {
            if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
                builder = builder.header("content-type", "application/json");
            }
            builder = builder.body(body);
        }
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        let response = builder.send().await.with_context(|| format!("{request} got no answer"))?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.with_context(|| format!("the answer to {request} broke off"))?;
        let body = match text.as_str() {
            "" => Value::Null,
            _ => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        };
        Ok(Answer { status, headers, body, request })
    }
}

/// A body as the document has it.
///
/// # Errors
/// When it doesn't fit its shape.
pub fn shaped<T: DeserializeOwned>(body: Value) -> anyhow::Result<T> {
    let told = body.to_string();
    serde_json::from_value(body).with_context(|| format!("the document knows no such body: {told}"))
}

/// What the generated client read, as JSON again.
///
/// # Panics
/// Never: what was read from JSON can be written as JSON.
#[must_use]
pub fn shown<T: Serialize>(answer: ::client::ResponseValue<T>) -> Value {
    serde_json::to_value(answer.into_inner()).expect("what was read from JSON can be written as JSON")
}

impl Answer {
    /// The body, if the status is the expected one.
    ///
    /// # Errors
    /// When it is another one; the text holds the body.
    pub fn expect(self, status: u16) -> anyhow::Result<Value> {
        if self.status != status {
            bail!("{} was answered with {} instead of {status}: {}", self.request, self.status, self.body);
        }
        Ok(self.body)
    }

    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The faults of a refusal as `pointer code`, in order; empty when it names none.
    #[must_use]
    pub fn faults(&self) -> Vec<String> {
        let text = |fault: &Value, member: &str| fault[member].as_str().unwrap_or("?").to_owned();
        let faults = self.body["errors"].as_array().into_iter().flatten();
        faults.map(|fault| format!("{} {}", text(fault, "pointer"), text(fault, "code"))).collect()
    }
}
