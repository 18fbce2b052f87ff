//! The development token of the local stack, verified here because plain `cargo lambda watch` has no authorizer.

use std::path::PathBuf;

use axum::http::{HeaderMap, header};
use domain::seller::Role;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde_json::{Map, Value};

use crate::identity::{Caller, ClaimNames, roles};

#[cfg(not(debug_assertions))]
compile_error!("`local-identity` belongs to the local stack; a packaged build must leave tokens to the authorizer");

/// Where the key is unless `BATON_TOKEN_KEY_FILE` says otherwise: in the checkout.
const KEY_FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../.local/token.key");
const ISSUER: &str = "baton-local";
const AUDIENCE: &str = "baton";

/// The caller that the development token in `Authorization` names; `None` without a valid one.
pub(crate) fn caller(headers: &HeaderMap, names: &ClaimNames) -> Option<Caller> {
    let path = std::env::var_os("BATON_TOKEN_KEY_FILE").map_or_else(|| PathBuf::from(KEY_FILE), PathBuf::from);
    let key = std::fs::read_to_string(path).ok()?;
    verify(headers.get(header::AUTHORIZATION)?.to_str().ok()?, key.trim(), names)
}

fn verify(authorization: &str, key: &str, names: &ClaimNames) -> Option<Caller> {
    let (scheme, token) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("bearer") || key.is_empty() {
        return None;
    }
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&[ISSUER]);
    validation.set_audience(&[AUDIENCE]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    validation.validate_nbf = true;
    validation.leeway = 5;
    let claims = decode::<Map<String, Value>>(token.trim(), &DecodingKey::from_secret(key.as_bytes()), &validation);
    let claims = claims.ok()?.claims;
    let sub = claims.get(&names.seller)?.as_str().filter(|sub| !sub.is_empty())?.to_owned();
    let roles = match claims.get(&names.roles) {
        Some(Value::String(text)) => roles(text),
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).filter_map(Role::named).collect(),
        _ => Vec::new(),
    };
    Some(Caller { sub, roles })
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::{EncodingKey, Header, encode};
    use serde_json::json;

    use super::*;

    const KEY: &str = "0123456789abcdef";

    fn claims() -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({"sub": "susana", "roles": ["sales-manager"], "iss": ISSUER, "aud": AUDIENCE,
               "iat": now, "nbf": now, "exp": now + 60})
    }

    fn with(name: &str, value: &Value) -> Value {
        let mut claims = claims();
        claims[name] = value.clone();
        claims
    }

    fn caller_of(claims: &Value, header: &Header, key: &str) -> Option<Caller> {
        let token = encode(header, claims, &EncodingKey::from_secret(key.as_bytes())).unwrap();
        verify(&format!("Bearer {token}"), KEY, &ClaimNames::default())
    }

    #[test]
    fn a_development_token_names_its_caller() {
        let caller = Caller { sub: "susana".to_owned(), roles: vec![Role::SalesManager] };
        assert_eq!(caller_of(&claims(), &Header::default(), KEY), Some(caller));
    }

    #[test]
    fn a_token_of_another_make_names_nobody() {
        let now = jiff::Timestamp::now().as_second();
        assert_eq!(caller_of(&claims(), &Header::default(), "another key"), None);
        assert_eq!(caller_of(&claims(), &Header::new(Algorithm::HS384), KEY), None);
        let wrong = [
            ("iss", json!("elsewhere")),
            ("aud", json!("another")),
            ("exp", json!(now - 60)),
            ("nbf", json!(now + 60)),
            ("sub", json!("")),
            ("sub", json!(7)),
        ];
        for (name, value) in wrong {
            assert_eq!(caller_of(&with(name, &value), &Header::default(), KEY), None, "{name} {value}");
        }
        for missing in ["iss", "aud", "exp", "sub"] {
            let mut claims = claims();
            claims.as_object_mut().unwrap().remove(missing);
            assert_eq!(caller_of(&claims, &Header::default(), KEY), None, "{missing}");
        }
        for header in ["", "Bearer", "Bearer ", "Basic abc", "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."] {
            assert_eq!(verify(header, KEY, &ClaimNames::default()), None, "{header}");
        }
    }

    /// Whatever stands in the claim, only names of known roles grant anything.
    #[test]
    fn roles_of_every_form_are_read_and_nothing_else_grants_anything() {
        let manager = vec![Role::SalesManager];
        let cases = [
            (json!(["sales-manager"]), manager.clone()),
            (json!("[sales-manager janitor]"), manager.clone()),
            (json!("sales-manager"), manager.clone()),
            (json!(["sales-manager", 7, "janitor"]), manager),
            (json!(["janitor"]), vec![]),
            (json!([]), vec![]),
            (json!(""), vec![]),
            (json!(7), vec![]),
            (json!(true), vec![]),
            (json!(null), vec![]),
            (json!({"sales-manager": true}), vec![]),
            (json!([["sales-manager"]]), vec![]),
        ];
        for (claim, expected) in cases {
            let caller = caller_of(&with("roles", &claim), &Header::default(), KEY);
            assert_eq!(caller.map(|caller| caller.roles), Some(expected), "{claim}");
        }
        let mut without = claims();
        without.as_object_mut().unwrap().remove("roles");
        assert_eq!(caller_of(&without, &Header::default(), KEY).map(|caller| caller.roles), Some(vec![]));
    }
}
