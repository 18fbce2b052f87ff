//! Versions in headers: `ETag: "<n>"` on answers, `If-Match` on what changes or removes.
//!
//! The number counts the changes that clients made to what clients see (API.md "Versions").

use std::convert::Infallible;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};

use crate::problem::Problem;

/// The header value of a version.
#[must_use]
pub fn etag(version: u64) -> HeaderValue {
    HeaderValue::from_str(&format!("\"{version}\"")).expect("digits in quotes are a header value")
}

/// Extractor: which versions the client is willing to change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IfMatch {
    /// The header is absent or `*`: whatever there is, so the last write wins.
    Any,
    /// One of these. What is no tag of ours, a weak one among them, matches nothing.
    Versions(Vec<u64>),
}

impl IfMatch {
    /// Refuses when the present version is none of those (412).
    pub fn check(&self, current: u64) -> Result<(), Problem> {
        match self {
            Self::Any => Ok(()),
            Self::Versions(versions) if versions.contains(&current) => Ok(()),
            Self::Versions(_) => Err(Problem::stale(current)),
        }
    }

    fn parse<'a>(values: impl Iterator<Item = &'a HeaderValue>) -> Self {
        let mut tags = values.flat_map(|value| value.to_str().unwrap_or_default().split(',').map(str::trim)).peekable();
        if tags.peek().is_none() {
            return Self::Any;
        }
        let tags: Vec<&str> = tags.collect();
        if tags == ["*"] {
            return Self::Any;
        }
        Self::Versions(tags.into_iter().filter_map(version).collect())
    }
}

/// The version in a strong tag.
fn version(tag: &str) -> Option<u64> {
    tag.strip_prefix('"')?.strip_suffix('"')?.parse().ok()
}

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::parse(parts.headers.get_all(header::IF_MATCH).iter()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn if_match_names_versions_in_every_form() {
        let cases: [(&[&str], IfMatch); 9] = [
            (&[], IfMatch::Any),
            (&["*"], IfMatch::Any),
            (&["\"3\""], IfMatch::Versions(vec![3])),
            (&["\"3\", \"4\""], IfMatch::Versions(vec![3, 4])),
            (&["\"3\"", "\"4\""], IfMatch::Versions(vec![3, 4])),
            (&["W/\"3\""], IfMatch::Versions(vec![])),
            (&["3"], IfMatch::Versions(vec![])),
            (&["\"three\""], IfMatch::Versions(vec![])),
            (&[""], IfMatch::Versions(vec![])),
        ];
        for (values, expected) in cases {
            let values: Vec<HeaderValue> = values.iter().map(|value| HeaderValue::from_str(value).unwrap()).collect();
            assert_eq!(IfMatch::parse(values.iter()), expected, "{values:?}");
        }
    }

    #[test]
    fn a_tag_that_an_answer_carried_matches_that_version_only() {
        let tag = etag(7);
        let matched = IfMatch::parse([&tag].into_iter());
        assert_eq!(matched.check(7), Ok(()));
        assert_eq!(matched.check(8), Err(Problem::stale(8)));
        assert_eq!(IfMatch::Any.check(8), Ok(()));
    }
}
