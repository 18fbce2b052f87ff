//! Query parameters, checked against what the operation declares: an unknown or repeated one is refused, not ignored.

use std::collections::BTreeMap;

use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use domain::fault::{Fault, Pointer};

use crate::operation::{Operation, Values};
use crate::page::{LIMIT, NEXT};
use crate::problem::Problem;

/// Extractor: the operation's query parameters. An empty one counts as absent.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters(BTreeMap<String, String>);

impl Filters {
    /// The text of a parameter that the operation declares.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// All of them in alphabetical order, those of pages left out.
    pub(crate) fn without_page(&self) -> impl Iterator<Item = (&str, &str)> {
        let pairs = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        pairs.filter(|(name, _)| ![LIMIT, NEXT].contains(name))
    }

    /// Reads what an operation declares; all faults at once (422).
    pub(crate) fn read(operation: &Operation, uri: &Uri) -> Result<Self, Problem> {
        let Ok(Query(pairs)) = Query::<Vec<(String, String)>>::try_from_uri(uri) else {
            return Err(Problem::parameter("query", "unreadable", "must be percent-encoded UTF-8"));
        };
        let (mut found, mut faults) = (BTreeMap::new(), Vec::new());
        for (name, value) in pairs.into_iter().filter(|(_, value)| !value.is_empty()) {
            if let Some((code, message)) = fault(operation, &name, &value) {
                faults.push(Fault::new(&Pointer::root(), code, format!("{name}: {message}")));
            } else if found.insert(name.clone(), value).is_some() {
                faults.push(Fault::new(&Pointer::root(), "repeated", format!("{name}: may stand once")));
            }
        }
        if faults.is_empty() { Ok(Self(found)) } else { Err(Problem::from(faults)) }
    }
}

fn fault(operation: &Operation, name: &str, value: &str) -> Option<(&'static str, String)> {
    if operation.is_paged() && [LIMIT, NEXT].contains(&name) {
        return None;
    }
    let Some(parameter) = operation.query.iter().find(|parameter| parameter.name == name) else {
        return Some(("unknownParameter", "this operation has no such query parameter".to_owned()));
    };
    match parameter.values {
        Values::Words(words) if !words.contains(&value) => Some(("notAllowed", format!("one of {}", words.join(", ")))),
        Values::Words(_) | Values::Text => None,
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Filters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::internal("the edge read no query for this operation"))
    }
}
