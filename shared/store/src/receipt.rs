//! What an `Idempotency-Key` stands for: who runs the request now, and how it was answered.
//!
//! A receipt is made before the request runs and carries a lease, so that a second try while the first runs is known,
//! and a try after a crash takes over. It keeps the instant of the first try: ids made from it come out the same.

use std::io::{Read as _, Write as _};

use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use jiff::fmt::serde::timestamp;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use ulid::Ulid;

use crate::error::{Error, Result, WriteError, failure};
use crate::item::{Item, from_item, number, text, to_item};
use crate::keys;
use crate::store::Store;

/// How long a request may run before another try takes over: as long as the gateway waits for an answer.
pub const LEASE: SignedDuration = SignedDuration::from_secs(30);

/// How long a receipt is kept (API.md "Idempotency-Key").
pub const KEPT: SignedDuration = SignedDuration::from_hours(72);

/// Bodies beyond this many bytes are compressed: below it an item costs a unit or two anyway.
const COMPRESSED_BEYOND: usize = 1024;

/// The largest body that is kept; an item holds 400 KB with everything.
const MAX_BODY: usize = 390 * 1024;

/// Where a request under a key stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// Nobody ran it, or who did is gone: the caller of this runs it now.
    Leased(Lease),
    /// It was answered.
    Finished(KeptAnswer),
    /// Another try runs it at this moment.
    Running,
    /// The key stands for a request with another content.
    OtherContent,
}

/// The right to run a request, until its lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    scope: String,
    receipt: Receipt,
}

/// How a request was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body; `None` when it was too large to keep: more than 390 KB when compressed.
    pub body: Option<Vec<u8>>,
}

/// The item; the body of an answer lies beside it as bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Receipt {
    content: String,
    #[serde(with = "timestamp::millisecond::required")]
    begun: Timestamp,
    /// DynamoDB's time to live, which deletes late: an expired item counts as absent.
    #[serde(with = "timestamp::second::required")]
    expires: Timestamp,
    holder: String,
    #[serde(with = "timestamp::millisecond::required")]
    lease: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    answer: Option<Head>,
}

/// An answer without its body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    status: u16,
    headers: Vec<(String, String)>,
    compressed: bool,
}

/// The attribute that holds the body of an answer.
const BODY: &str = "body";

impl Lease {
    /// When the request was begun for the first time.
    #[must_use]
    pub fn first_begun(&self) -> Timestamp {
        self.receipt.begun
    }
}

impl Store {
    /// Begins a request under a key, or says where it stands. `scope` names caller, method, path and key, `content` the
    /// body; both are hashes.
    pub async fn begin_receipt(&self, scope: &str, content: &str, now: Timestamp) -> Result<Begun> {
        let holder = Ulid::generate().to_string();
        let (expires, lease) = (now + KEPT, now + LEASE);
        let mut mine = Receipt { content: content.to_owned(), begun: now, expires, holder, lease, answer: None };
        let mut refused = self.put_receipt(scope, &mine, None, Guard::Absent(now)).await;
        loop {
            let Err(refusal) = refused else {
                return Ok(Begun::Leased(Lease { scope: scope.to_owned(), receipt: mine }));
            };
            let WriteError::Condition(Some(mut item)) = refusal else { return Err(refusal.into()) };
            let body = item.remove(BODY);
            let found: Receipt = from_item(item)?;
            if let Some(standing) = standing(&found, body, &mine, now)? {
                return Ok(standing);
            }
            // The lease is over: take over with the first try's instant. Whoever comes first changes the holder.
            mine = Receipt { holder: mine.holder, lease, ..found.clone() };
            refused = self.put_receipt(scope, &mine, None, Guard::Held(&found.holder)).await;
        }
    }

    /// Keeps the answer of a finished request. Does nothing when the lease was lost: then the try that took over keeps
    /// its own.
    pub async fn finish_receipt(&self, lease: &Lease, answer: KeptAnswer) -> Result<()> {
        let (body, compressed) = packed(answer.body);
        let head = Head { status: answer.status, headers: answer.headers, compressed };
        let receipt = Receipt { answer: Some(head), ..lease.receipt.clone() };
        let put = self.put_receipt(&lease.scope, &receipt, body, Guard::Held(&lease.receipt.holder)).await;
        unless_lost(put)
    }

    /// Gives the right to run back without an answer: the next try may begin at once, from the same instant.
    pub async fn release_receipt(&self, lease: &Lease) -> Result<()> {
        let receipt = Receipt { lease: Timestamp::UNIX_EPOCH, ..lease.receipt.clone() };
        unless_lost(self.put_receipt(&lease.scope, &receipt, None, Guard::Held(&lease.receipt.holder)).await)
    }

    async fn put_receipt(
        &self,
        scope: &str,
        receipt: &Receipt,
        body: Option<Vec<u8>>,
        guard: Guard<'_>,
    ) -> std::result::Result<(), WriteError> {
        let mut item: Item = to_item(receipt).map_err(WriteError::Other)?;
        item.extend(keys::receipt(scope).attributes());
        item.extend(body.map(|body| (BODY.to_owned(), AttributeValue::B(Blob::new(body)))));
        let put = self.client.put_item().table_name(&self.work_table).set_item(Some(item));
        let put = match guard {
            Guard::Absent(now) => put
                .condition_expression("attribute_not_exists(#pk) OR #expires <= :now")
                .expression_attribute_names("#pk", "pk")
                .expression_attribute_names("#expires", "expires")
                .expression_attribute_values(":now", number(now.as_second())),
            Guard::Held(holder) => put
                .condition_expression("#holder = :holder AND attribute_not_exists(#answer)")
                .expression_attribute_names("#holder", "holder")
                .expression_attribute_names("#answer", "answer")
                .expression_attribute_values(":holder", text(holder)),
        };
        let sent =
            put.return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld).send().await;
        sent.map(drop).map_err(|error| match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => WriteError::Condition(refusal.item.clone()),
            _ => WriteError::Other(failure(error)),
        })
    }
}

/// What must hold for a receipt to be written.
enum Guard<'a> {
    /// There is none, or it is past its time.
    Absent(Timestamp),
    /// It has this holder and no answer.
    Held(&'a str),
}

/// Where a request stands by the receipt that was found; `None` when its lease is over.
fn standing(found: &Receipt, body: Option<AttributeValue>, mine: &Receipt, now: Timestamp) -> Result<Option<Begun>> {
    if found.content != mine.content {
        return Ok(Some(Begun::OtherContent));
    }
    if let Some(head) = &found.answer {
        let body = body.map(|body| unpacked(body, head.compressed)).transpose()?;
        return Ok(Some(Begun::Finished(KeptAnswer { status: head.status, headers: head.headers.clone(), body })));
    }
    // A holder of our own means that our first write arrived and only its answer was lost.
    Ok((found.lease > now && found.holder != mine.holder).then_some(Begun::Running))
}

/// A lost lease is no failure: the answer is kept by whoever took over.
fn unless_lost(put: std::result::Result<(), WriteError>) -> Result<()> {
    match put {
        Ok(()) | Err(WriteError::Condition(_)) => Ok(()),
        Err(WriteError::Other(error)) => Err(error),
    }
}

/// A body as it is kept, and whether it is compressed.
fn packed(body: Option<Vec<u8>>) -> (Option<Vec<u8>>, bool) {
    let Some(body) = body else { return (None, false) };
    if body.len() <= COMPRESSED_BEYOND {
        return (Some(body), false);
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&body).expect("writing to memory can't fail");
    let packed = encoder.finish().expect("writing to memory can't fail");
    ((packed.len() <= MAX_BODY).then_some(packed), true)
}

fn unpacked(body: AttributeValue, compressed: bool) -> Result<Vec<u8>> {
    let AttributeValue::B(blob) = body else { return Err(Error::Corrupt("the body of a receipt is no bytes".into())) };
    if !compressed {
        return Ok(blob.into_inner());
    }
    let mut body = Vec::new();
    let read = GzDecoder::new(blob.as_ref()).read_to_end(&mut body);
    read.map_err(|error| Error::Corrupt(format!("the body of a receipt can't be unpacked: {error}")))?;
    Ok(body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_comes_back_as_it_was_kept_or_is_left_out() {
        let noise = |length: usize| -> Vec<u8> {
            let mut state = 1_u32;
            std::iter::repeat_with(|| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state.to_be_bytes()[0]
            })
            .take(length)
            .collect()
        };
        for (body, compressed) in [(vec![], false), (noise(1024), false), (vec![b'a'; 2_000_000], true)] {
            let (kept, packed) = packed(Some(body.clone()));
            assert_eq!(packed, compressed);
            assert!(kept.as_ref().unwrap().len() <= MAX_BODY);
            assert_eq!(unpacked(AttributeValue::B(Blob::new(kept.unwrap())), packed).unwrap(), body);
        }
        assert_eq!(packed(Some(noise(500_000))).0, None);
    }
}
