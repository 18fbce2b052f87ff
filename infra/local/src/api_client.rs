//! A client of the HTTP contract for the stack's own needs: seeding the demonstration and naming what ids stand for.
//!
//! It sends and reads plain JSON and knows nothing of what the bodies mean.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Method, StatusCode};
use serde_json::Value;

/// How long one request may take, in real time: a little longer than the gateway allows a function.
const LIMIT: Duration = Duration::from_secs(35);

/// What may stand in a path segment as it is.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A caller of the API.
#[derive(Clone)]
pub struct ApiClient {
    url: String,
    token: String,
    client: reqwest::Client,
}

/// What the API answered: the status and the body, null when there is none.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body as JSON.
    pub body: Value,
}

impl ApiClient {
    /// A caller with this bearer token of the API at `http://host:port`.
    pub fn new(url: String, token: String) -> Result<Self> {
        let client = reqwest::Client::builder().timeout(LIMIT).build().context("cannot make HTTP requests")?;
        Ok(Self { url, token, client })
    }

    /// Sends a request, whatever the answer.
    pub async fn send(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Answer> {
        let mut request = self.client.request(method.clone(), format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.with_context(|| format!("{method} {path} got no answer"))?;
        let status = response.status();
        let text = response.text().await.with_context(|| format!("{method} {path} got half an answer"))?;
        let body =
            if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap_or(Value::String(text)) };
        Ok(Answer { status, body })
    }

    /// The resource at a path; `None` when there is none.
    pub async fn find(&self, path: &str) -> Result<Option<Value>> {
        let answer = self.send(Method::GET, path, None).await?;
        match answer.status {
            StatusCode::NOT_FOUND => Ok(None),
            _ => answer.expect_success(&Method::GET, path).map(Some),
        }
    }

    /// Every item of a list, page after page. The path may already have a query.
    pub async fn list(&self, path: &str) -> Result<Vec<Value>> {
        let separator = if path.contains('?') { '&' } else { '?' };
        let mut items = Vec::new();
        let mut next = String::new();
        loop {
            let page = format!("{path}{separator}limit=100{next}");
            let body = self.send(Method::GET, &page, None).await?.expect_success(&Method::GET, path)?;
            items.extend(body["items"].as_array().into_iter().flatten().cloned());
            match body["next"].as_str() {
                Some(token) => next = format!("&next={}", segment(token)),
                None => return Ok(items),
            }
        }
    }

    /// Sends a body and expects success.
    pub async fn write(&self, method: Method, path: &str, body: &Value) -> Result<Value> {
        self.send(method.clone(), path, Some(body)).await?.expect_success(&method, path)
    }

    /// Creates something with an id of our choice; true when it was not there yet.
    pub async fn create(&self, path: &str, body: &Value) -> Result<bool> {
        let answer = self.send(Method::POST, path, Some(body)).await?;
        if answer.status == StatusCode::CONFLICT {
            return Ok(false);
        }
        answer.expect_success(&Method::POST, path)?;
        Ok(true)
    }
}

impl Answer {
    /// The body of a success; otherwise an error that says what the API said.
    pub fn expect_success(self, method: &Method, path: &str) -> Result<Value> {
        if self.status.is_success() {
            return Ok(self.body);
        }
        bail!("{method} {path} was answered with {}: {}", self.status, self.body)
    }
}

/// Text as one segment of a path or one value of a query.
#[must_use]
pub fn segment(text: &str) -> String {
    utf8_percent_encode(text, SEGMENT).to_string()
}
