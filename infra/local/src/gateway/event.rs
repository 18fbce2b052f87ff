//! A request as the event that a function gets: API Gateway's payload format 2.0.
//!
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>. As in an
//! HTTP API the path is decoded, repeated headers and query parameters are joined by commas, and cookies stand apart.

use std::collections::BTreeMap;
use std::net::IpAddr;

use axum::http::{HeaderMap, HeaderName, Method, Version, header};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::route::Match;
use crate::template::ACCOUNT;

/// The id of the one API that the gateway serves.
const API_ID: &str = "local";

/// A request as it arrived.
pub struct Request<'a> {
    /// The method.
    pub method: &'a Method,
    /// The protocol's version.
    pub version: Version,
    /// The path, decoded.
    pub path: &'a str,
    /// The query as it was sent, without `?`.
    pub query: &'a str,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
    /// The client's address.
    pub client: IpAddr,
    /// When it arrived, by the real clock.
    pub at: Timestamp,
    /// The gateway's own id of it.
    pub id: &'a str,
}

/// The event for the function that answers. `claims` are those of a token that the authorizer accepted.
#[must_use]
pub fn event(request: &Request<'_>, found: &Match<'_>, claims: Option<&Map<String, Value>>) -> Value {
    let route_key = found.route.key();
    let (body, is_base64) = match std::str::from_utf8(request.body) {
        Ok(text) if is_text(request.headers) => (text.to_owned(), false),
        _ => (STANDARD.encode(request.body), true),
    };
    let domain = text_of(request.headers, &header::HOST).unwrap_or_default();
    let mut context = json!({
        "accountId": ACCOUNT,
        "apiId": API_ID,
        "domainName": domain,
        "domainPrefix": domain.split('.').next().unwrap_or_default(),
        "http": {
            "method": request.method.as_str(),
            "path": request.path,
            "protocol": format!("{:?}", request.version),
            "sourceIp": request.client.to_string(),
            "userAgent": text_of(request.headers, &header::USER_AGENT).unwrap_or_default(),
        },
        "requestId": request.id,
        "routeKey": route_key,
        "stage": "$default",
        "time": request.at.strftime("%d/%b/%Y:%H:%M:%S +0000").to_string(),
        "timeEpoch": request.at.as_millisecond(),
    });
    if let Some(claims) = claims {
        let claims: Map<String, Value> =
            claims.iter().map(|(name, value)| (name.clone(), claim(value).into())).collect();
        context["authorizer"] = json!({ "jwt": { "claims": claims, "scopes": null } });
    }
    let mut event = json!({
        "version": "2.0",
        "routeKey": route_key,
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers(request),
        "requestContext": context,
        "isBase64Encoded": is_base64,
    });
    let cookies = cookies(request.headers);
    let query = query_parameters(request.query);
    // API Gateway leaves out what is empty.
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies);
    }
    if !query.is_empty() {
        event["queryStringParameters"] = json!(query);
    }
    if !found.parameters.is_empty() {
        event["pathParameters"] = json!(found.parameters);
    }
    if !request.body.is_empty() {
        event["body"] = json!(body);
    }
    event
}

/// The path as HTTP APIs hand it on: percent-decoded. Bytes that are no text become replacement characters.
#[must_use]
pub fn decode_path(path: &str) -> String {
    percent_decode_str(path).decode_utf8_lossy().into_owned()
}

/// A claim as text: an array as `[a b]`, everything else as it is written.
fn claim(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(values) => format!("[{}]", values.iter().map(claim).collect::<Vec<_>>().join(" ")),
        other => other.to_string(),
    }
}

fn headers(request: &Request<'_>) -> BTreeMap<String, String> {
    let mut headers = BTreeMap::new();
    for name in request.headers.keys().filter(|&name| name != header::COOKIE) {
        headers.insert(name.as_str().to_owned(), text_of(request.headers, name).unwrap_or_default());
    }
    let port = headers.get("host").and_then(|host| host.rsplit_once(':')).map_or("80", |(_, port)| port).to_owned();
    headers.insert("x-forwarded-for".into(), request.client.to_string());
    headers.insert("x-forwarded-port".into(), port);
    headers.insert("x-forwarded-proto".into(), "http".into());
    headers.entry("content-length".into()).or_insert_with(|| request.body.len().to_string());
    headers
}

/// The values of a header joined by commas.
fn text_of(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let values: Vec<_> = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes())).collect();
    (!values.is_empty()).then(|| values.join(","))
}

fn cookies(headers: &HeaderMap) -> Vec<String> {
    let lines = headers.get_all(header::COOKIE).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
    lines.flat_map(|line| line.split("; ").map(str::to_owned).collect::<Vec<_>>()).collect()
}

fn query_parameters(query: &str) -> BTreeMap<String, String> {
    let mut parameters = BTreeMap::<String, String>::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        parameters
            .entry(name.into_owned())
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    parameters
}

/// Whether API Gateway takes a body for text: without a media type it does.
fn is_text(headers: &HeaderMap) -> bool {
    let Some(media_type) = text_of(headers, &header::CONTENT_TYPE) else { return true };
    let media_type = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    media_type.starts_with("text/")
        || media_type.ends_with("+json")
        || media_type.ends_with("+xml")
        || ["application/json", "application/javascript", "application/xml", "application/x-www-form-urlencoded"]
            .contains(&media_type.as_str())
}

#[cfg(test)]
mod tests {
    use super::super::route::{Route, choose};
    use super::*;
    use crate::template;

    /// The example of AWS's page, as far as a gateway without certificates, IAM and Lambda authorizers can give it.
    #[test]
    fn a_request_becomes_the_event_that_aws_documents() {
        let route = template::Route { method: "ANY".into(), path: "/my/{parameter1}".into(), authorized: true };
        let routes = [Route::new("f", &route)];
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("host", "id.execute-api.us-east-1.amazonaws.com"),
            ("header1", "value1"),
            ("header2", "value1"),
            ("header2", "value2"),
            ("cookie", "cookie1; cookie2"),
            ("user-agent", "agent"),
            ("content-length", "16"),
        ] {
            headers.append(HeaderName::from_static(name), value.parse().unwrap());
        }
        let request = Request {
            method: &Method::POST,
            version: Version::HTTP_11,
            path: &decode_path("/my/pa%20th"),
            query: "parameter1=value1&parameter1=value2&parameter2=value%203",
            headers: &headers,
            body: b"Hello from Lambda",
            client: [192, 0, 2, 1].into(),
            at: "2020-03-12T19:03:58Z".parse().unwrap(),
            id: "id",
        };
        let found = choose(&routes, "POST", request.path).unwrap();
        let claims = json!({"claim1": "value1", "roles": ["a", "b"], "exp": 17, "verified": true});
        assert_eq!(
            event(&request, &found, claims.as_object()),
            json!({
                "version": "2.0",
                "routeKey": "ANY /my/{parameter1}",
                "rawPath": "/my/pa th",
                "rawQueryString": "parameter1=value1&parameter1=value2&parameter2=value%203",
                "cookies": ["cookie1", "cookie2"],
                "headers": {
                    "content-length": "16",
                    "header1": "value1",
                    "header2": "value1,value2",
                    "host": "id.execute-api.us-east-1.amazonaws.com",
                    "user-agent": "agent",
                    "x-forwarded-for": "192.0.2.1",
                    "x-forwarded-port": "80",
                    "x-forwarded-proto": "http"
                },
                "queryStringParameters": { "parameter1": "value1,value2", "parameter2": "value 3" },
                "requestContext": {
                    "accountId": ACCOUNT,
                    "apiId": "local",
                    "authorizer": {
                        "jwt": {
                            "claims": { "claim1": "value1", "roles": "[a b]", "exp": "17", "verified": "true" },
                            "scopes": null
                        }
                    },
                    "domainName": "id.execute-api.us-east-1.amazonaws.com",
                    "domainPrefix": "id",
                    "http": {
                        "method": "POST",
                        "path": "/my/pa th",
                        "protocol": "HTTP/1.1",
                        "sourceIp": "192.0.2.1",
                        "userAgent": "agent"
                    },
                    "requestId": "id",
                    "routeKey": "ANY /my/{parameter1}",
                    "stage": "$default",
                    "time": "12/Mar/2020:19:03:58 +0000",
                    "timeEpoch": 1_584_039_838_000_i64
                },
                "body": "Hello from Lambda",
                "pathParameters": { "parameter1": "pa th" },
                "isBase64Encoded": false
            })
        );
    }

    #[test]
    fn a_body_that_is_no_text_is_encoded() {
        let route = template::Route { method: "ANY".into(), path: "/x".into(), authorized: false };
        let routes = [Route::new("f", &route)];
        let found = choose(&routes, "POST", "/x").unwrap();
        let mut headers = HeaderMap::new();
        headers.insert("content-type", "application/octet-stream".parse().unwrap());
        let request = |headers, body| Request {
            method: &Method::POST,
            version: Version::HTTP_11,
            path: "/x",
            query: "",
            headers,
            body,
            client: [127, 0, 0, 1].into(),
            at: Timestamp::UNIX_EPOCH,
            id: "id",
        };
        let binary = event(&request(&headers, b"abc"), &found, None);
        assert_eq!((&binary["body"], &binary["isBase64Encoded"]), (&json!("YWJj"), &json!(true)));
        assert_eq!(binary["requestContext"].get("authorizer"), None);
        let none = HeaderMap::new();
        let broken = event(&request(&none, &[0xff]), &found, None);
        assert_eq!((&broken["body"], &broken["isBase64Encoded"]), (&json!("/w=="), &json!(true)));
        let empty = event(&request(&none, b""), &found, None);
        assert_eq!((empty.get("body"), &empty["isBase64Encoded"]), (None, &json!(false)));
    }
}
