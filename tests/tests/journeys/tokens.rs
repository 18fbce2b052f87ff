//! Every kind of token gets the contract's answer: who is nobody 401 from the authorizer, who has no known role 403
//! (API.md "Identity", "Refusals").

use std::fmt::Write as _;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use journeys::client::Answer;
use journeys::running_stack::RunningStack;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use local::token::{AUDIENCE, ISSUER, key_file};
use reqwest::Method;
use serde_json::{Value, json};

/// What a token is expected to be answered with.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Expected {
    /// 200.
    Known,
    /// 401 in AWS's own body, with a challenge.
    Nobody,
    /// 403 `no-role`.
    NoRole,
}

use Expected::{Known, NoRole, Nobody};

/// A token in the making.
struct Maker {
    key: Vec<u8>,
}

impl Maker {
    fn of_checkout() -> anyhow::Result<Self> {
        Ok(Self { key: std::fs::read_to_string(key_file())?.trim().as_bytes().to_vec() })
    }

    fn claims() -> Value {
        let now = Timestamp::now().as_second();
        json!({"sub": "susana", "roles": ["sales-manager"], "iss": ISSUER, "aud": AUDIENCE,
               "iat": now, "nbf": now, "exp": now + 600})
    }

    fn signed(algorithm: Algorithm, claims: &Value, key: &[u8]) -> String {
        jsonwebtoken::encode(&Header::new(algorithm), claims, &EncodingKey::from_secret(key)).expect("claims are plain")
    }

    /// A good token but for one claim; `None` leaves it out.
    fn with(&self, claim: &str, value: Option<Value>) -> String {
        let mut claims = Self::claims();
        match value {
            Some(value) => claims[claim] = value,
            None => drop(claims.as_object_mut().expect("claims are an object").remove(claim)),
        }
        format!("Bearer {}", Self::signed(Algorithm::HS256, &claims, &self.key))
    }

    /// Claims under a header that names no algorithm, with this signature.
    fn unsigned(algorithm: &str, signature: &str) -> String {
        let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("Bearer {}.{}.{signature}", part(json!({"alg": algorithm, "typ": "JWT"})), part(Self::claims()))
    }

    fn tokens(&self) -> Vec<(&'static str, String, Expected)> {
        let now = Timestamp::now().as_second();
        let by = |algorithm, key: &[u8]| format!("Bearer {}", Self::signed(algorithm, &Self::claims(), key));
        let good = by(Algorithm::HS256, &self.key);
        let bare = good.trim_start_matches("Bearer ").to_owned();
        let tampered = {
            let parts: Vec<&str> = bare.split('.').collect();
            let mut claims = Self::claims();
            claims["roles"] = json!(["system-administrator"]);
            format!("Bearer {}.{}.{}", parts[0], URL_SAFE_NO_PAD.encode(claims.to_string()), parts[2])
        };
        let roles = |value: Value| self.with("roles", Some(value));
        let mut tokens = vec![
            ("a good one", good.clone(), Known),
            ("a good one after `bearer`", good.replace("Bearer", "bearer"), Known),
            ("a good one alone, which API Gateway takes", bare.clone(), Known),
            ("none", String::new(), Nobody),
            ("`Bearer` alone", "Bearer".to_owned(), Nobody),
            ("a good one after `Basic`", format!("Basic {bare}"), Nobody),
            ("a name and a password", "Basic c3VzYW5hOnNlY3JldA==".to_owned(), Nobody),
            ("garbage", "Bearer garbage".to_owned(), Nobody),
            ("three parts of garbage", "Bearer a.b.c".to_owned(), Nobody),
            ("a good one cut off", good[..good.len() - 4].to_owned(), Nobody),
            ("other claims under the same signature", tampered, Nobody),
            ("signed with another key", by(Algorithm::HS256, b"another key"), Nobody),
            ("signed with no key", by(Algorithm::HS256, b""), Nobody),
            ("signed with what is public, the issuer", by(Algorithm::HS256, ISSUER.as_bytes()), Nobody),
            ("signed with HS384", by(Algorithm::HS384, &self.key), Nobody),
            ("alg none without a signature", Self::unsigned("none", ""), Nobody),
            ("alg NONE without a signature", Self::unsigned("NONE", ""), Nobody),
            ("alg none with a good signature", Self::unsigned("none", bare.rsplit('.').next().unwrap_or("")), Nobody),
            ("alg RS256 with a good signature", Self::unsigned("RS256", bare.rsplit('.').next().unwrap_or("")), Nobody),
        ];
        for (what, claim, value) in [
            ("expired", "exp", Some(json!(now - 60))),
            ("not valid yet", "nbf", Some(json!(now + 600))),
            ("for another audience", "aud", Some(json!("another"))),
            ("by another issuer", "iss", Some(json!("https://elsewhere.example"))),
            ("without sub", "sub", None),
            ("with an empty sub", "sub", Some(json!(""))),
            ("with a number as sub", "sub", Some(json!(7))),
            ("without exp", "exp", None),
            ("with a text as exp", "exp", Some(json!("tomorrow"))),
            ("without aud", "aud", None),
            ("without iss", "iss", None),
        ] {
            tokens.push((what, self.with(claim, value), Nobody));
        }
        tokens.extend([
            ("for several audiences, this one among them", self.with("aud", Some(json!(["x", AUDIENCE]))), Known),
            ("roles as a list", roles(json!(["janitor", "sales-manager"])), Known),
            ("roles as the text [a b]", roles(json!("[janitor sales-manager]")), Known),
            ("roles as a word", roles(json!("sales-manager")), Known),
            ("without roles", self.with("roles", None), NoRole),
            ("no known role", roles(json!(["janitor"])), NoRole),
            ("a known role in capitals", roles(json!(["SALES-MANAGER"])), NoRole),
            ("an empty list of roles", roles(json!([])), NoRole),
            ("an empty text as roles", roles(json!("")), NoRole),
            ("a number as roles", roles(json!(7)), NoRole),
            ("yes as roles", roles(json!(true)), NoRole),
            ("null as roles", roles(json!(null)), NoRole),
            ("an object as roles", roles(json!({"sales-manager": true})), NoRole),
            ("roles in a list in a list", roles(json!([["sales-manager"]])), NoRole),
        ]);
        tokens
    }
}

fn fits(expected: Expected, answer: &Answer) -> bool {
    match expected {
        Known => answer.status == 200 && answer.body["items"].is_array(),
        Nobody => {
            answer.status == 401
                && answer.body == json!({"message": "Unauthorized"})
                && answer.header("content-type") == "application/json"
                && answer.header("www-authenticate").starts_with("Bearer")
        }
        NoRole => {
            answer.status == 403
                && answer.body["type"] == "/problems/no-role"
                && answer.header("content-type") == "application/problem+json"
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_token_gets_its_answer() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.nobody();
    let (mut table, mut wrong) = (String::new(), Vec::new());
    let tokens = Maker::of_checkout()?.tokens();
    for (what, authorization, expected) in &tokens {
        let headers = [("authorization", authorization.as_str())];
        let headers = if authorization.is_empty() { &[][..] } else { &headers[..] };
        let answer = client.send(Method::GET, "/v1/segments", headers, None).await?;
        let kind = answer.body["type"].as_str().or(answer.body["message"].as_str()).unwrap_or("a page");
        writeln!(table, "{what:<44} {}  {:<26} {kind}", answer.status, answer.header("content-type"))?;
        if !fits(*expected, &answer) {
            wrong.push(format!("{what}: {expected:?} expected, {} {}", answer.status, answer.body));
        }
    }
    // Past the capture of test output: the table is meant to be read.
    writeln!(std::io::stderr(), "\n{} tokens: status, type of the body, what it says\n{table}", tokens.len())?;
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(client.get("/v1/health").await?.status, 200, "without a token");
    stack.shutdown().await
}
