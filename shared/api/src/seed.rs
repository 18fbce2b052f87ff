//! What a request makes new things from: an instant and randomness that are the same when it is repeated.
//!
//! Under an `Idempotency-Key` the first request's instant and a hash stand in its receipt. After a crash the request
//! runs again with the same seed, makes the same ids, and finds what the first run already did by its tag.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use ulid::Ulid;

use crate::problem::Problem;

/// Extractor: the source of ids for what this request creates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    /// When the request was first begun.
    pub at: Timestamp,
    hash: [u8; 32],
}

impl Seed {
    /// The seed of a request without a key: never the same again.
    pub(crate) fn random(at: Timestamp) -> Self {
        Self { at, hash: rand::random() }
    }

    /// The seed of a request under a key, first begun at `at`.
    pub(crate) fn keyed(at: Timestamp, scope: &str) -> Self {
        let hash = Sha256::new().chain_update(at.as_millisecond().to_be_bytes()).chain_update(scope).finalize();
        Self { at, hash: hash.into() }
    }

    /// The id of the n-th new thing of the request: a ULID, so ids sort by the instant and then by `index`.
    #[must_use]
    pub fn id(&self, index: u32) -> String {
        let hash = Sha256::new().chain_update(self.hash).chain_update(index.to_be_bytes()).finalize();
        let random = hash.iter().take(6).fold(u128::from(index), |bits, byte| bits << 8 | u128::from(*byte));
        let milliseconds = u64::try_from(self.at.as_millisecond()).unwrap_or_default();
        Ulid::from_parts(milliseconds, random).to_string()
    }

    /// A short text to store on what the request creates: a thing that exists already and carries it was created by this
    /// very request, whether by an earlier run under the same key or by a write whose answer was lost.
    #[must_use]
    pub fn tag(&self) -> String {
        URL_SAFE_NO_PAD.encode(&self.hash[..9])
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Seed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::internal("only a POST has a seed"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    #[test]
    fn the_same_key_and_instant_make_the_same_ids_and_tag() {
        let seed = Seed::keyed(at(1_700_000_000_000), "scope");
        assert_eq!(seed, Seed::keyed(at(1_700_000_000_000), "scope"));
        for other in [Seed::keyed(at(1_700_000_000_001), "scope"), Seed::keyed(at(1_700_000_000_000), "other")] {
            assert_ne!((seed.id(0), seed.tag()), (other.id(0), other.tag()));
        }
        assert_eq!(seed.tag().len(), 12);
    }

    #[test]
    fn ids_sort_by_instant_then_by_index() {
        let (earlier, later) = (Seed::keyed(at(1_000), "b"), Seed::keyed(at(1_001), "a"));
        let ids: Vec<String> = [0, 1, 2, 300, 999].map(|n| earlier.id(n)).into_iter().chain([later.id(0)]).collect();
        assert!(ids.is_sorted(), "{ids:?}");
        assert!(ids.iter().all(|id| domain::id::id_fault(id).is_none()));
    }

    #[test]
    fn without_a_key_neither_ids_nor_tags_repeat() {
        let (one, other) = (Seed::random(at(1_000)), Seed::random(at(1_000)));
        assert_ne!(one.id(0), other.id(0));
        assert_ne!(one.tag(), other.tag());
    }
}
