//! What is wrong with a draft: every fault at once, each with the place it stands at.
//!
//! This is not an error type of deciding, which cannot fail; it is what believing a client's body can end in.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// One thing that is wrong with what a client proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// JSON pointer (RFC 6901) to the offending member of the body.
    pub pointer: Pointer,
    /// Stable word for programs, in camelCase, such as `tooLong`.
    pub code: &'static str,
    /// The rule that is broken, for people, naming the limit or the allowed values.
    pub message: String,
}

impl Fault {
    /// A fault at a place.
    pub fn new(pointer: &Pointer, code: &'static str, message: impl Into<String>) -> Self {
        Self { pointer: pointer.clone(), code, message: message.into() }
    }
}

/// A JSON pointer (RFC 6901) that is built while a document is read.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pointer(#[serde(with = "crate::shared_text")] Arc<str>);

impl Pointer {
    /// The whole document: the empty pointer.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The pointer to a member or an element of what this one points to.
    #[must_use]
    pub fn join(&self, token: impl fmt::Display) -> Self {
        let token = token.to_string().replace('~', "~0").replace('/', "~1");
        Self(format!("{}/{token}", self.0).into())
    }

    /// The pointer as text, such as `/condition/all/0/op`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_escapes_slashes_and_tildes() {
        assert_eq!(Pointer::root().join("a/b").join("c~d").join(3).as_str(), "/a~1b/c~0d/3");
    }
}
