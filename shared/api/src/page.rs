//! Pages of a list: `?limit=`, `?next=` and the answer `{"items": [...], "next": "..."|null}`.
//!
//! A token holds a position and nothing else. It is bound to the very list that it was made for (path, filter, caller)
//! by a short digest; that catches mistakes and is no protection: a handler takes a position as any other input.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::authorized::Authorized;
use crate::problem::Problem;
use crate::query::Filters;

/// How many items a page holds at most.
pub(crate) const LIMIT: &str = "limit";
/// Where the page begins.
pub(crate) const NEXT: &str = "next";

const DEFAULT_LIMIT: usize = 25;
const MAX_LIMIT: usize = 100;
const DIGEST_LENGTH: usize = 8;

/// Extractor: which page of a list is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paging {
    /// At most this many items, 1 to 100.
    pub limit: usize,
    position: Option<Vec<u8>>,
    list: [u8; 32],
}

impl Paging {
    /// Where the page begins: what the handler gave as the position of the next page. `None` for the first page.
    pub fn position<P: DeserializeOwned>(&self) -> Result<Option<P>, Problem> {
        let Some(bytes) = &self.position else { return Ok(None) };
        serde_json::from_slice(bytes).map(Some).map_err(|_| Problem::unreadable_page_token())
    }

    /// The answer: these items and where the next page begins, if there is one.
    #[must_use]
    pub fn page<T, P: Serialize>(&self, items: Vec<T>, next: Option<&P>) -> Page<T> {
        let next = next.map(|position| {
            let position = serde_json::to_vec(position).expect("a position is made of text and numbers");
            let digest = digest(&self.list, &position);
            URL_SAFE_NO_PAD.encode([digest.as_slice(), position.as_slice()].concat())
        });
        Page { items, next }
    }

    /// The page of a list that is at hand as a whole, in the order of its positions.
    pub fn of<T, P: Serialize + DeserializeOwned + PartialOrd>(
        &self,
        mut all: Vec<T>,
        position: impl Fn(&T) -> P,
    ) -> Result<Page<T>, Problem> {
        if let Some(from) = self.position::<P>()? {
            all.retain(|item| position(item) > from);
        }
        let next = self.cut(&mut all, position);
        Ok(self.page(all, next.as_ref()))
    }

    /// Cuts what was found to one page; the position of the next one, if more was found.
    pub fn cut<T, P>(&self, found: &mut Vec<T>, position: impl FnOnce(&T) -> P) -> Option<P> {
        let next = (found.len() > self.limit).then(|| position(&found[self.limit - 1]));
        found.truncate(self.limit);
        next
    }

    fn read(path: &str, filters: &Filters, caller: &str) -> Result<Self, Problem> {
        let list = list(path, filters, caller);
        let limit = match filters.get(LIMIT).map(str::parse) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
            Some(_) => return Err(Problem::parameter(LIMIT, "outOfRange", "a whole number from 1 to 100")),
        };
        let position = filters.get(NEXT).map(|token| position(&list, token)).transpose()?;
        Ok(Self { limit, position, list })
    }
}

/// What a list is: a digest of its path, its filter and who asks.
fn list(path: &str, filters: &Filters, caller: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    let pairs = filters.without_page().flat_map(|(name, value)| [name, value]);
    for text in ["baton page", path, caller].into_iter().chain(pairs) {
        hash.update(text.len().to_be_bytes());
        hash.update(text);
    }
    hash.finalize().into()
}

fn digest(list: &[u8; 32], position: &[u8]) -> [u8; DIGEST_LENGTH] {
    let hash = Sha256::new().chain_update(list).chain_update(position).finalize();
    std::array::from_fn(|n| hash[n])
}

fn position(list: &[u8; 32], token: &str) -> Result<Vec<u8>, Problem> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Problem::unreadable_page_token())?;
    match bytes.split_at_checked(DIGEST_LENGTH) {
        Some((found, position)) if found == digest(list, position) => Ok(position.to_vec()),
        _ => Err(Problem::unreadable_page_token()),
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Paging {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let filters = Filters::from_request_parts(parts, state).await?;
        let authorized = Authorized::from_request_parts(parts, state).await?;
        Self::read(parts.uri.path(), &filters, &authorized.caller.sub)
    }
}

/// The answer to a list.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// Token of the next page; null on the last.
    pub next: Option<String>,
}

impl<T: Serialize> IntoResponse for Page<T> {
    fn into_response(self) -> Response {
        Json(self).into_response()
    }
}

/// Where a page of an ordered list ended whose ranks move when others change it: the last thing that was shown, and the
/// rank that it had.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RankedPosition<Id>(Id, u32);

impl<Id: PartialEq> RankedPosition<Id> {
    /// The position of a thing.
    pub fn of(id: Id, rank: u32) -> Self {
        Self(id, rank)
    }

    /// What stands behind the position in the list as it is now. If the last thing shown is gone, those behind it have
    /// moved up by one.
    pub fn rest<T>(&self, mut items: Vec<T>, id: impl Fn(&T) -> &Id, rank: impl Fn(&T) -> u32) -> Vec<T> {
        let shown = items.iter().position(|item| *id(item) == self.0);
        let gone = || items.iter().position(|item| rank(item) >= self.1).unwrap_or(items.len());
        let begin = shown.map_or_else(gone, |shown| shown + 1);
        items.drain(..begin);
        items
    }
}

#[cfg(test)]
mod tests {
    use axum::http::{StatusCode, Uri};

    use super::*;
    use crate::operations;

    fn paging(path_and_query: &str, caller: &str) -> Result<Paging, Problem> {
        let uri: Uri = path_and_query.parse().unwrap();
        let operation = operations::all().find(|operation| operation.id == "listProcessed").unwrap();
        Paging::read(uri.path(), &Filters::read(operation, &uri)?, caller)
    }

    fn token(path_and_query: &str, caller: &str) -> String {
        let page: Page<()> = paging(path_and_query, caller).unwrap().page(vec![], Some(&("lead#1", 7)));
        page.next.unwrap()
    }

    #[test]
    fn a_limit_is_1_to_100_and_25_when_absent() {
        for (query, expected) in [("", Ok(25)), ("?limit=", Ok(25)), ("?limit=1", Ok(1)), ("?limit=100", Ok(100))] {
            assert_eq!(paging(&format!("/list{query}"), "susana").map(|paging| paging.limit), expected, "{query}");
        }
        for nonsense in ["0", "101", "-1", "ten", "1.5", "99999999999999999999"] {
            let refused = paging(&format!("/list?limit={nonsense}"), "susana").unwrap_err();
            assert_eq!(refused.status(), StatusCode::UNPROCESSABLE_ENTITY, "{nonsense}");
        }
    }

    #[test]
    fn a_token_leads_on_in_its_own_list_whatever_the_limit() {
        let token = token("/list?status=succeeded&reason=noCapacity", "susana");
        let again = format!("/list?reason=noCapacity&limit=3&status=succeeded&next={token}");
        let position: Option<(String, u32)> = paging(&again, "susana").unwrap().position().unwrap();
        assert_eq!(position, Some(("lead#1".to_owned(), 7)));
        assert_eq!(paging("/list", "susana").unwrap().position::<(String, u32)>(), Ok(None));
    }

    #[test]
    fn a_token_is_refused_for_another_list_filter_or_caller() {
        let token = token("/list?status=succeeded", "susana");
        let misuses = [
            (format!("/other?status=succeeded&next={token}"), "susana"),
            (format!("/list?status=needsAttention&next={token}"), "susana"),
            (format!("/list?next={token}"), "susana"),
            (format!("/list?status=succeeded&reason=noCapacity&next={token}"), "susana"),
            (format!("/list?status=succeeded&next={token}"), "boris"),
            (format!("/list?status=succeeded&next={token}A"), "susana"),
            (format!("/list?status=succeeded&next={}", &token[1..]), "susana"),
            ("/list?status=succeeded&next=abc".to_owned(), "susana"),
            ("/list?status=succeeded&next=***".to_owned(), "susana"),
        ];
        for (uri, caller) in misuses {
            assert_eq!(paging(&uri, caller), Err(Problem::unreadable_page_token()), "{uri} {caller}");
        }
        let wrong_position = paging(&format!("/list?status=succeeded&next={token}"), "susana").unwrap();
        assert_eq!(wrong_position.position::<u32>(), Err(Problem::unreadable_page_token()));
    }

    #[test]
    fn a_position_in_a_list_whose_ranks_move_is_that_of_a_thing() {
        let rest = |list: &[&str], shown: &str, rank| {
            let items: Vec<(String, u32)> = list.iter().zip(1..).map(|(id, rank)| ((*id).to_owned(), rank)).collect();
            let rest = RankedPosition::of(shown.to_owned(), rank).rest(items, |item| &item.0, |item| item.1);
            rest.into_iter().map(|(id, _)| id).collect::<String>()
        };
        assert_eq!(rest(&["a", "b", "c", "d"], "b", 2), "cd");
        assert_eq!(rest(&["new", "a", "b", "c", "d"], "b", 2), "cd", "somebody stands before it now");
        assert_eq!(rest(&["b", "c", "d"], "b", 2), "cd", "somebody before it went");
        assert_eq!(rest(&["a", "c", "d"], "b", 2), "cd", "it went itself");
        assert_eq!(rest(&["a"], "b", 2), "");
    }
}
