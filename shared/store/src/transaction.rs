//! One transaction: at most 100 writes that happen together or not at all, tried again while only the moment was
//! wrong, and an answer that says which write was refused and how the item stood.

use std::time::Duration;

use aws_sdk_dynamodb::types::{
    ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update,
};

use crate::error::{Error, cancellation, failure};
use crate::item::Item;
use crate::store::Store;

/// DynamoDB's limit on the writes of a transaction.
pub(crate) const MAX_WRITES: usize = 100;

/// How often a transaction is tried again unchanged when another one stood on the same item at that instant.
const ATTEMPTS_ON_CONFLICT: u32 = 8;

/// The writes of a transaction, in order.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction {
    writes: Vec<TransactWriteItem>,
}

/// Why a transaction did not happen.
#[derive(Debug)]
pub(crate) enum Aborted {
    /// A condition did not hold. Per write, in order: nothing, or the refusal with the item as it is (empty when there
    /// is none).
    Refused(Vec<Option<Item>>),
    /// Anything else.
    Failed(Error),
}

impl From<Aborted> for Error {
    fn from(aborted: Aborted) -> Self {
        match aborted {
            Aborted::Refused(_) => Self::Conflict,
            Aborted::Failed(error) => error,
        }
    }
}

impl Transaction {
    /// How many writes it holds.
    pub(crate) fn len(&self) -> usize {
        self.writes.len()
    }

    /// Adds an update; returns its position.
    pub(crate) fn update(&mut self, update: Update) -> usize {
        self.push(TransactWriteItem::builder().update(update).build())
    }

    /// Adds a put; returns its position.
    pub(crate) fn put(&mut self, put: Put) -> usize {
        self.push(TransactWriteItem::builder().put(put).build())
    }

    /// Adds a delete; returns its position.
    pub(crate) fn delete(&mut self, delete: Delete) -> usize {
        self.push(TransactWriteItem::builder().delete(delete).build())
    }

    /// Adds a condition on an item that is not written; returns its position.
    pub(crate) fn check(&mut self, check: ConditionCheck) -> usize {
        self.push(TransactWriteItem::builder().condition_check(check).build())
    }

    fn push(&mut self, write: TransactWriteItem) -> usize {
        self.writes.push(write);
        self.writes.len() - 1
    }
}

impl Store {
    /// Carries out a transaction. One token for all attempts makes a lost answer harmless: DynamoDB answers the
    /// repetition of what it did with success.
    pub(crate) async fn transact(&self, transaction: Transaction) -> std::result::Result<(), Aborted> {
        let token = format!("{:032x}", rand::random::<u128>());
        for attempt in 0.. {
            let request = self
                .client
                .transact_write_items()
                .set_transact_items(Some(transaction.writes.clone()))
                .client_request_token(&token);
            let Err(error) = request.send().await else { return Ok(()) };
            let Some(reasons) = cancellation(&error) else {
                let busy = failure(error);
                let passing = matches!(busy, Error::Conflict) && attempt < ATTEMPTS_ON_CONFLICT;
                if !passing {
                    return Err(Aborted::Failed(busy));
                }
                pause(attempt).await;
                continue;
            };
            let codes: Vec<&str> = reasons.iter().map(|reason| reason.code().unwrap_or("None")).collect();
            if codes.contains(&"ConditionalCheckFailed") {
                let refusals = reasons.iter().map(|reason| {
                    let refused = reason.code() == Some("ConditionalCheckFailed");
                    refused.then(|| reason.item().cloned().unwrap_or_default())
                });
                return Err(Aborted::Refused(refusals.collect()));
            }
            if let Some(wrong) = reasons.iter().find(|reason| {
                !matches!(
                    reason.code().unwrap_or("None"),
                    "None" | "TransactionConflict" | "ProvisionedThroughputExceeded" | "ThrottlingError"
                )
            }) {
                let text = format!("{}: {}", wrong.code().unwrap_or("?"), wrong.message().unwrap_or_default());
                return Err(Aborted::Failed(Error::Corrupt(text)));
            }
            if attempt == ATTEMPTS_ON_CONFLICT {
                return Err(Aborted::Failed(Error::Unavailable(format!("transaction cancelled: {codes:?}"))));
            }
            pause(attempt).await;
        }
        unreachable!("the loop ends by returning")
    }
}

/// Waits a random time that doubles with each attempt: 5, 10, … at most 320 ms.
pub(crate) async fn pause(attempt: u32) {
    let most = 5_u64 << attempt.min(6);
    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=most))).await;
}

/// The item as it is comes back with a refusal.
pub(crate) const WITH_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;
