//! The development token: a JWT (HS256) that stacks of this checkout accept and nothing packaged does.
//!
//! Signing and verifying stand side by side so that they can't drift. This is not how a deployment knows its callers:
//! there API Gateway verifies tokens of the company's own issuer.

use std::fs;
use std::io::{ErrorKind as IoErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use rand::RngExt;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Who issues development tokens: the claim `iss`.
pub const ISSUER: &str = "baton-local";
/// Whom development tokens are for: the claim `aud`.
pub const AUDIENCE: &str = "baton";
/// How long a token is good for, in seconds: 30 days.
pub const LIFETIME_SECONDS: i64 = 30 * 24 * 60 * 60;
/// The environment variable that names another key file.
pub const KEY_FILE_VARIABLE: &str = "BATON_TOKEN_KEY_FILE";
/// Every role of the contract (API.md section 1).
pub const ROLES: [&str; 7] = [
    "system-administrator",
    "sequence-manager",
    "sales-manager",
    "vp-of-sales",
    "salesperson",
    "sales-team-member",
    "integration",
];

/// The secret that signs and verifies.
#[derive(Clone)]
pub struct Key(Vec<u8>);

impl Key {
    /// The key of this checkout (or of the file that `BATON_TOKEN_KEY_FILE` names), created at first use.
    pub fn of_checkout() -> Result<Self> {
        Self::load_or_create(&key_file())
    }

    /// Reads the key file, creating it with 32 random bytes as hexadecimal text, readable by its owner only.
    pub fn load_or_create(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::parse(&text, path),
            Err(error) if error.kind() == IoErrorKind::NotFound => Self::create(path),
            Err(error) => Err(error).with_context(|| format!("cannot read the token key {}", path.display())),
        }
    }

    fn parse(text: &str, path: &Path) -> Result<Self> {
        let secret = text.trim();
        ensure!(!secret.is_empty(), "the token key {} is empty: delete it and start again", path.display());
        Ok(Self(secret.as_bytes().to_vec()))
    }

    /// Writes a draft and links it into place: of several processes that start at once, one wins and all read its key.
    fn create(path: &Path) -> Result<Self> {
        let cannot_write = || format!("cannot write the token key {}", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(cannot_write)?;
        }
        let [high, low] = rand::rng().random::<[u128; 2]>();
        let secret = format!("{high:032x}{low:032x}");
        let draft = path.with_extension(format!("{}.draft", &secret[..16]));
        let written = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&draft)
            .and_then(|mut file| writeln!(file, "{secret}"))
            .and_then(|()| match fs::hard_link(&draft, path) {
                Err(error) if error.kind() == IoErrorKind::AlreadyExists => Ok(()),
                linked => linked,
            });
        // The draft is a second name of the key, or another key that lost: neither is needed any more.
        let _ = fs::remove_file(&draft);
        written.with_context(cannot_write)?;
        let text = fs::read_to_string(path).with_context(cannot_write)?;
        Self::parse(&text, path)
    }
}

/// Where the key lies: `BATON_TOKEN_KEY_FILE`, or `.local/token.key` in the checkout this was built from.
#[must_use]
pub fn key_file() -> PathBuf {
    match std::env::var_os(KEY_FILE_VARIABLE) {
        Some(path) if !path.is_empty() => path.into(),
        _ => crate::checkout().join(".local/token.key"),
    }
}

/// What a development token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// The caller.
    pub sub: String,
    /// The caller's roles.
    pub roles: Vec<String>,
    /// Always [`ISSUER`].
    pub iss: String,
    /// Always [`AUDIENCE`].
    pub aud: String,
    /// Issued at, seconds since 1970.
    pub iat: i64,
    /// Not before, seconds since 1970.
    pub nbf: i64,
    /// Expires, seconds since 1970.
    pub exp: i64,
}

impl Claims {
    /// The claims of a token issued now for 30 days. Real time: the movable clock does not age tokens.
    #[must_use]
    pub fn new(sub: &str, roles: &[&str]) -> Self {
        let now = jiff::Timestamp::now().as_second();
        Self {
            sub: sub.to_owned(),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            iat: now,
            nbf: now,
            exp: now + LIFETIME_SECONDS,
        }
    }
}

/// A token for a caller with these roles, good for 30 days.
#[must_use]
pub fn sign(key: &Key, sub: &str, roles: &[&str]) -> String {
    sign_claims(key, &Claims::new(sub, roles))
}

/// A token that says exactly this, for tests of what is refused.
#[must_use]
pub fn sign_claims(key: &Key, claims: &Claims) -> String {
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), claims, &EncodingKey::from_secret(&key.0))
        .expect("claims of plain text and numbers can be signed with a secret")
}

/// Why a token is refused, in the words of the header `www-authenticate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Not a JWT, not signed, or signed with another key or algorithm.
    #[error("signing method or signature is invalid")]
    Signature,
    /// The claim `exp` has passed.
    #[error("the token has expired")]
    Expired,
    /// The claim `nbf` is still to come.
    #[error("the token is not valid yet")]
    NotYet,
    /// The claim `aud` names somebody else.
    #[error("the token does not have a valid audience")]
    Audience,
    /// The claim `iss` names somebody else.
    #[error("the token does not have a valid issuer")]
    Issuer,
    /// A claim that every token needs is absent or of another type.
    #[error("the token lacks a claim")]
    MissingClaim,
}

/// The claims of a token, if it is signed with this key (HS256 only), for this audience, by this issuer, and in time.
pub fn verify(key: &Key, token: &str) -> Result<Map<String, Value>, Refusal> {
    let mut validation = Validation::new(Algorithm::HS256);
    validation.leeway = 0;
    validation.validate_nbf = true;
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
    jsonwebtoken::decode::<Map<String, Value>>(token, &DecodingKey::from_secret(&key.0), &validation)
        .map(|token| token.claims)
        .map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Refusal::Expired,
            ErrorKind::ImmatureSignature => Refusal::NotYet,
            ErrorKind::InvalidAudience => Refusal::Audience,
            ErrorKind::InvalidIssuer => Refusal::Issuer,
            ErrorKind::MissingRequiredClaim(_) => Refusal::MissingClaim,
            _ => Refusal::Signature,
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn key() -> Key {
        Key(b"a key for tests".to_vec())
    }

    #[test]
    fn a_token_of_this_key_is_accepted_with_its_claims() {
        let claims = verify(&key(), &sign(&key(), "susana", &["sales-manager"])).unwrap();
        assert_eq!(claims["sub"], "susana");
        assert_eq!(claims["roles"], serde_json::json!(["sales-manager"]));
    }

    #[test]
    fn a_token_is_refused_for_its_key_its_time_its_audience_and_its_issuer() {
        let good = Claims::new("susana", &["sales-manager"]);
        let now = good.iat;
        let refusal = |claims: &Claims| verify(&key(), &sign_claims(&key(), claims)).unwrap_err();
        assert_eq!(refusal(&Claims { exp: now - 1, ..good.clone() }), Refusal::Expired);
        assert_eq!(refusal(&Claims { nbf: now + 60, ..good.clone() }), Refusal::NotYet);
        assert_eq!(refusal(&Claims { aud: "other".into(), ..good.clone() }), Refusal::Audience);
        assert_eq!(refusal(&Claims { iss: "other".into(), ..good.clone() }), Refusal::Issuer);
        let other_key = Key(b"another key".to_vec());
        assert_eq!(verify(&key(), &sign_claims(&other_key, &good)).unwrap_err(), Refusal::Signature);
    }

    #[test]
    fn a_token_without_a_signature_or_with_another_algorithm_is_refused() {
        let good = sign(&key(), "susana", &["sales-manager"]);
        let [_, payload, _] = good.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
        // {"alg":"none","typ":"JWT"}
        let unsigned = format!("eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{payload}.");
        assert_eq!(verify(&key(), &unsigned).unwrap_err(), Refusal::Signature);
        let stronger = jsonwebtoken::encode(
            &Header::new(Algorithm::HS512),
            &Claims::new("susana", &["sales-manager"]),
            &EncodingKey::from_secret(&key().0),
        )
        .unwrap();
        assert_eq!(verify(&key(), &stronger).unwrap_err(), Refusal::Signature);
        for garbage in ["", "a.b", "a.b.c", "🦀"] {
            assert_eq!(verify(&key(), garbage).unwrap_err(), Refusal::Signature);
        }
    }

    #[test]
    fn the_key_file_is_created_once_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/token.key");
        let first = Key::load_or_create(&path).unwrap();
        let second = Key::load_or_create(&path).unwrap();
        assert_eq!(first.0, second.0);
        assert_eq!(first.0.len(), 64);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no draft is left");
    }
}
