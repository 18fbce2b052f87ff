//! One bad request and what it must be answered with.

use journeys::client::{Answer, Client};
use reqwest::Method;
use serde_json::Value;

/// One request that must be refused.
pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) headers: Vec<(&'static str, String)>,
    pub(super) body: Option<String>,
    pub(super) status: u16,
    /// The stable word of the refusal; empty where the gateway refuses by itself.
    pub(super) kind: &'static str,
    /// Where the faults stand, in any order.
    pub(super) pointers: Vec<&'static str>,
}

/// A request with a JSON body that can never succeed, with faults at these places.
pub(super) fn case(what: &'static str, method: Method, path: &str, body: &Value, pointers: &[&'static str]) -> Case {
    let (path, body) = (path.to_owned(), Some(body.to_string()));
    Case { what, method, path, headers: vec![], body, status: 422, kind: "invalid", pointers: pointers.to_vec() }
}

/// A reading request that can never succeed.
pub(super) fn read(what: &'static str, path: &str) -> Case {
    Case { body: None, ..case(what, Method::GET, path, &Value::Null, &[""]) }
}

impl Case {
    pub(super) fn is(mut self, status: u16, kind: &'static str) -> Self {
        (self.status, self.kind) = (status, kind);
        if status != 422 || kind != "invalid" {
            self.pointers.clear();
        }
        self
    }

    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.body = Some(text.into());
        self
    }

    pub(super) async fn send(&self, client: &Client) -> anyhow::Result<Answer> {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.send(self.method.clone(), &self.path, &headers, self.body.clone()).await
    }

    /// What is wrong with the answer, if anything is.
    pub(super) fn wrong(&self, answer: &Answer) -> bool {
        let mut pointers: Vec<&str> =
            answer.body["errors"].as_array().into_iter().flatten().filter_map(|e| e["pointer"].as_str()).collect();
        pointers.sort_unstable();
        let mut expected = self.pointers.clone();
        expected.sort_unstable();
        let faults = answer.body["errors"].as_array().into_iter().flatten();
        let complete = faults.into_iter().all(|fault| fault["code"].is_string() && fault["message"].is_string());
        let body_fits = if self.kind.is_empty() {
            answer.body.as_object().is_some_and(|body| body.len() == 1 && body["message"].is_string())
        } else {
            answer.header("content-type") == "application/problem+json"
                && answer.body["type"] == format!("/problems/{}", self.kind)
                && answer.body["status"] == answer.status
                && answer.body["title"].is_string()
                && answer.body["detail"].is_string()
        };
        let allow_fits = answer.status != 405 || !answer.header("allow").is_empty();
        answer.status != self.status || pointers != expected || !body_fits || !complete || !allow_fits
    }
}
