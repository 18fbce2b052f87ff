//! Configuration as documents: one item each with its `version`, which conditions check, and its JSON as text, which
//! keeps every number and the order of members as the client wrote them.
//!
//! The writes built here are parts of transactions; which document lies where is said by `keys`.

use aws_sdk_dynamodb::types::{ConditionCheck, Delete, Put, Update};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result, failure};
use crate::item::{Item, number, text};
use crate::keys::Key;
use crate::store::Store;
use crate::transaction::{Aborted, Transaction, WITH_OLD, pause};

const DOCUMENT: &str = "document";
const VERSION: &str = "version";
/// Says which request created the item, so that its repetition after a crash is recognised.
const TAG: &str = "tag";

/// How often load → decide → commit is tried before a change is given up as a conflict.
pub(crate) const ATTEMPTS: u32 = 10;

/// How the item was when a change of it was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    /// There was none.
    Absent,
    /// It had this version.
    Version(u64),
    /// It had this version or, where that is what absence stands for, there was none.
    AbsentOr(u64),
}

impl Seen {
    fn condition(self) -> &'static str {
        match self {
            Self::Absent => "attribute_not_exists(pk)",
            Self::Version(_) => "#version = :seen",
            Self::AbsentOr(_) => "attribute_not_exists(pk) OR #version = :seen",
        }
    }

    fn version(self) -> Option<u64> {
        match self {
            Self::Absent => None,
            Self::Version(version) | Self::AbsentOr(version) => Some(version),
        }
    }
}

/// The document in an item.
pub(crate) fn read<T: DeserializeOwned>(item: &Item) -> Result<T> {
    let json = item.get(DOCUMENT).and_then(|json| json.as_s().ok());
    let json = json.ok_or_else(|| Error::Corrupt("a document without its text".to_owned()))?;
    serde_json::from_str(json).map_err(|error| Error::Corrupt(format!("a document can't be read: {error}")))
}

/// The version of the document in an item.
pub(crate) fn version(item: &Item) -> Result<u64> {
    let digits = item.get(VERSION).and_then(|version| version.as_n().ok());
    let version = digits.and_then(|digits| digits.parse().ok());
    version.ok_or_else(|| Error::Corrupt("a document without its version".to_owned()))
}

/// True when the item was created by the request of this tag.
pub(crate) fn bears(item: &Item, tag: Option<&str>) -> bool {
    tag.is_some() && item.get(TAG).and_then(|known| known.as_s().ok()).map(String::as_str) == tag
}

fn written<T: Serialize>(document: &T) -> Result<String> {
    serde_json::to_string(document).map_err(|error| Error::Corrupt(format!("a document can't be written: {error}")))
}

/// Creates a document of version 1; refused, with the item, when there is one.
pub(crate) fn create<T: Serialize>(table: &str, key: &Key, document: &T, tag: Option<&str>) -> Result<Put> {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(key.attributes()))
        .item(VERSION, number(1))
        .item(DOCUMENT, text(written(document)?))
        .condition_expression(Seen::Absent.condition())
        .return_values_on_condition_check_failure(WITH_OLD);
    let put = tag.into_iter().fold(put, |put, tag| put.item(TAG, text(tag)));
    Ok(put.build().expect("table and item are given"))
}

/// Replaces a document by its next version; refused when it is not as seen.
pub(crate) fn replace<T: Serialize>(table: &str, key: &Key, seen: Seen, document: &T, next: u64) -> Result<Update> {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(key.attributes()))
        .update_expression("SET #version = :next, #document = :document")
        .expression_attribute_names("#version", VERSION)
        .expression_attribute_names("#document", DOCUMENT)
        .expression_attribute_values(":next", number(next))
        .expression_attribute_values(":document", text(written(document)?))
        .condition_expression(seen.condition());
    let update = seen
        .version()
        .into_iter()
        .fold(update, |update, version| update.expression_attribute_values(":seen", number(version)));
    Ok(update.build().expect("table, key and expression are given"))
}

/// Deletes a document; refused when it is not as seen. What was seen absent must still be absent.
pub(crate) fn delete(table: &str, key: &Key, seen: Seen) -> Delete {
    let delete =
        Delete::builder().table_name(table).set_key(Some(key.attributes())).condition_expression(seen.condition());
    let delete = seen.version().into_iter().fold(delete, |delete, version| {
        delete.expression_attribute_names("#version", VERSION).expression_attribute_values(":seen", number(version))
    });
    delete.build().expect("table and key are given")
}

/// Refuses the transaction when there is no such item.
pub(crate) fn exists(table: &str, key: &Key) -> ConditionCheck {
    ConditionCheck::builder()
        .table_name(table)
        .set_key(Some(key.attributes()))
        .condition_expression("attribute_exists(pk)")
        .build()
        .expect("table, key and condition are given")
}

impl Store {
    /// Carries out one attempt of a change: true when it is done, false when something was not as seen, after a pause,
    /// so that the caller loads and decides again.
    pub(crate) async fn attempt(&self, transaction: Transaction, attempt: u32) -> Result<bool> {
        match self.transact(transaction).await {
            Ok(()) => Ok(true),
            Err(Aborted::Refused(_)) => {
                pause(attempt).await;
                Ok(false)
            }
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    /// An item of `work`, read consistently.
    pub(crate) async fn work_item(&self, key: &Key) -> Result<Option<Item>> {
        let request = self.client.get_item().table_name(&self.work_table).set_key(Some(key.attributes()));
        Ok(request.consistent_read(true).send().await.map_err(failure)?.item)
    }
}
