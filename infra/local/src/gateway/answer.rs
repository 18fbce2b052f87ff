//! A function's answer as an HTTP response: API Gateway's response format 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>: with a
//! `statusCode` the parts are taken as they are; valid JSON without one is the body of a 200; anything else is a 500.

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// The response that a function's answer stands for.
#[must_use]
pub fn response(answer: &[u8]) -> Response {
    match serde_json::from_slice(answer) {
        Ok(Value::Object(parts)) if parts.contains_key("statusCode") => {
            from_parts(&parts).unwrap_or_else(|| message(StatusCode::INTERNAL_SERVER_ERROR))
        }
        Ok(_) => ([(header::CONTENT_TYPE, "application/json")], answer.to_owned()).into_response(),
        Err(_) => message(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn from_parts(parts: &serde_json::Map<String, Value>) -> Option<Response> {
    let status = StatusCode::from_u16(parts["statusCode"].as_u64()?.try_into().ok()?).ok()?;
    let body = match parts.get("body") {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::String(text)) if parts.get("isBase64Encoded") == Some(&Value::Bool(true)) => {
            STANDARD.decode(text).ok()?
        }
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(_) => return None,
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    for (name, value) in parts.get("headers").and_then(Value::as_object).into_iter().flatten() {
        let value = match value {
            Value::String(text) => text.clone(),
            Value::Bool(_) | Value::Number(_) => value.to_string(),
            _ => return None,
        };
        let name: HeaderName = name.parse().ok()?;
        // The server counts the body itself.
        if name != header::CONTENT_LENGTH {
            response.headers_mut().insert(name, value.parse().ok()?);
        }
    }
    for cookie in parts.get("cookies").and_then(Value::as_array).into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, cookie.as_str()?.parse().ok()?);
    }
    Some(response)
}

/// A refusal by the gateway itself, in AWS's own body.
#[must_use]
pub fn message(status: StatusCode) -> Response {
    let text = match status {
        StatusCode::PAYLOAD_TOO_LARGE => "Request Entity Too Large",
        other => other.canonical_reason().unwrap_or("Internal Server Error"),
    };
    let body = serde_json::json!({ "message": text }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(response: Response) -> (u16, Vec<(String, String)>, String) {
        let (parts, body) = response.into_parts();
        let mut headers: Vec<_> =
            parts.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
        headers.sort();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        (parts.status.as_u16(), headers, String::from_utf8(body.into()).unwrap())
    }

    fn pairs(headers: &[(&str, &str)]) -> Vec<(String, String)> {
        headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
    }

    #[tokio::test]
    async fn an_answer_with_a_status_code_is_taken_as_it_is() {
        let answer =
            br#"{"statusCode":201,"headers":{"content-type":"application/json","X-Count":3,"content-length":"9"},
            "cookies":["a=1","b=2"],"body":"eyJvayI6dHJ1ZX0=","isBase64Encoded":true}"#;
        let headers = pairs(&[
            ("content-type", "application/json"),
            ("set-cookie", "a=1"),
            ("set-cookie", "b=2"),
            ("x-count", "3"),
        ]);
        assert_eq!(read(response(answer)).await, (201, headers, r#"{"ok":true}"#.to_owned()));
    }

    #[tokio::test]
    async fn json_without_a_status_code_is_the_body_of_a_200() {
        let headers = pairs(&[("content-type", "application/json")]);
        assert_eq!(read(response(br#"{"ok":true}"#)).await, (200, headers.clone(), r#"{"ok":true}"#.to_owned()));
        assert_eq!(read(response(b"\"text\"")).await, (200, headers, "\"text\"".to_owned()));
    }

    #[tokio::test]
    async fn an_answer_that_makes_no_sense_is_a_500() {
        for answer in
            [&b"not json"[..], br#"{"statusCode":"x"}"#, br#"{"statusCode":99}"#, br#"{"statusCode":200,"body":{}}"#]
        {
            let (status, _, body) = read(response(answer)).await;
            assert_eq!((status, body.as_str()), (500, r#"{"message":"Internal Server Error"}"#));
        }
    }
}
