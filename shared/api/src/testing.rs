//! Requests as the gateway makes them, for tests of handlers without a gateway.

use std::collections::HashMap;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use lambda_http::request::RequestContext;
use serde_json::{Value, json};
use tower::ServiceExt as _;

#[cfg(test)]
pub(crate) mod conformity;
#[cfg(test)]
pub(crate) mod engine;

/// The context of a request whose authorizer passed these claims on; without claims there was no authorizer.
#[must_use]
pub fn context(claims: &[(&str, &str)]) -> RequestContext {
    let claims: HashMap<&str, &str> = claims.iter().copied().collect();
    let http =
        json!({"method": "GET", "path": "/", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"});
    let mut context = json!({"requestId": "test", "stage": "$default", "http": http});
    if !claims.is_empty() {
        context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    let context = serde_json::from_value(context).expect("the text above is a context of API Gateway");
    RequestContext::ApiGatewayV2(context)
}

/// A request of a caller in some roles, such as `[salesperson]`; a body goes as JSON.
#[must_use]
pub fn request(method: &str, path: &str, sub: &str, roles: &str, body: Option<&Value>) -> Request<Body> {
    let builder = Request::builder().method(method).uri(path).extension(context(&[("sub", sub), ("roles", roles)]));
    let request = match body {
        Some(json) => builder.header(header::CONTENT_TYPE, "application/json").body(Body::from(json.to_string())),
        None => builder.body(Body::empty()),
    };
    request.expect("the test names a method and a path")
}

/// Sends a request and reads the whole answer.
pub async fn send(router: &Router, request: Request<Body>) -> Answered {
    let response = router.clone().oneshot(request).await.unwrap_or_else(|never| match never {});
    Answered::read(response).await
}

/// An answer, read to its end.
#[derive(Debug, Clone)]
pub struct Answered {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: axum::http::HeaderMap,
    /// Its body; null when there is none.
    pub body: Value,
}

impl Answered {
    async fn read(response: Response) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("the answer is in memory");
        let body = serde_json::from_slice(&bytes).unwrap_or_default();
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// A header as text; empty when it is absent.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}
