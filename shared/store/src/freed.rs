//! Freed sellers: that somebody may have come to take waiting records, written with whatever freed them, and worked off by
//! the function `waiting` (DESIGN.md "Waiting records and long work").
//!
//! There is one item a seller, however often the seller is freed; it counts how often, so that a pull which ends does not
//! take away what was written since it began.

use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::freed::Freed;
use domain::id::SellerId;
use domain::mark::Cause;
use domain::record::Record;
use jiff::Timestamp;

use crate::error::{Error, Result, failure};
use crate::item::{Item, from_attribute, number, to_attribute};
use crate::keys;
use crate::listing::Position;
use crate::store::Store;
use crate::transaction::Transaction;

const TIMES: &str = "times";
const ANEW: &str = "anew";
const POSITION: &str = "position";

/// Waiting records are to be pulled by whom was freed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pull {
    /// Who may have come to take them.
    pub freed: Freed,
    /// What is configured or the hour has made it so, which is seldom: all who wait are looked at, however many. Otherwise
    /// a record was closed or given away.
    pub anew: bool,
    /// Where an earlier one was when its time was up.
    pub position: Option<Position>,
    times: u64,
}

/// A seller holds fewer records than before.
pub(crate) fn has_room(table: &str, seller: &SellerId) -> Update {
    update(table, &Freed::Seller(seller.clone()), false)
}

/// What is configured of somebody has changed.
pub(crate) fn is_changed(table: &str, who: &Freed) -> Update {
    update(table, who, true)
}

fn update(table: &str, who: &Freed, anew: bool) -> Update {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(keys::freed(who).attributes()))
        .expression_attribute_names("#times", TIMES)
        .expression_attribute_values(":one", number(1));
    let update = if anew {
        update
            .update_expression("ADD #times :one SET #anew = :anew")
            .expression_attribute_names("#anew", ANEW)
            .expression_attribute_values(":anew", AttributeValue::Bool(true))
    } else {
        update.update_expression("ADD #times :one")
    };
    update.build().expect("table, key and expression are given")
}

impl Pull {
    /// The sort key of its item among the things to do.
    #[must_use]
    pub fn sort_key(&self) -> String {
        keys::freed(&self.freed).sk.unwrap_or_default()
    }

    /// The pull that an item among the things to do stands for; `seller` is empty for anybody.
    pub(crate) fn read(seller: &str, item: &Item) -> Result<Self> {
        let freed = if seller.is_empty() { Freed::Anybody } else { Freed::Seller(seller.into()) };
        let times = item.get(TIMES).and_then(|times| times.as_n().ok()?.parse().ok());
        let times = times.ok_or_else(|| Error::Corrupt(format!("how often {seller} was freed is no number")))?;
        let position = item.get(POSITION).cloned().map(from_attribute).transpose()?;
        Ok(Self { freed, anew: item.contains_key(ANEW), position, times })
    }
}

impl Store {
    /// Says that by the hour somebody has come who may take waiting records.
    pub async fn free(&self, who: &Freed) -> Result<()> {
        let mut transaction = Transaction::default();
        transaction.update(is_changed(&self.work_table, who));
        Ok(self.transact(transaction).await?)
    }

    /// Where the next one goes on with a pull, or that it begins again.
    pub async fn keep_place(&self, pull: &Pull, position: Option<&Position>) -> Result<()> {
        let request = self.client.update_item().table_name(&self.work_table);
        let request = request
            .set_key(Some(keys::freed(&pull.freed).attributes()))
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#position", POSITION);
        let request = match position {
            Some(position) => request
                .update_expression("SET #position = :position")
                .expression_attribute_values(":position", to_attribute(position)?),
            None => request.update_expression("REMOVE #position"),
        };
        match request.send().await.map_err(failure) {
            // Somebody else has ended it.
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Ends a pull; false when its seller was freed again since it began, or somebody else has ended it.
    pub async fn end_pull(&self, pull: &Pull) -> Result<bool> {
        let request = self.client.delete_item().table_name(&self.work_table);
        let request = request
            .set_key(Some(keys::freed(&pull.freed).attributes()))
            .condition_expression("#times = :times")
            .expression_attribute_names("#times", TIMES)
            .expression_attribute_values(":times", number(pull.times));
        match request.send().await.map_err(failure) {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Has a record that waits for a seller decided once more, unless it was decided since it was looked at.
    pub async fn ask_again(&self, seen: &Record, now: Timestamp) -> Result<()> {
        self.change_one_of_many(&seen.key, now, "be decided once more", |record| {
            let waits_as_seen = record.last == seen.last && record.sought().is_some() && !record.waits();
            waits_as_seen.then(|| record.clone().asked(Cause::CapacityFreed, None, now))
        })
        .await
    }
}
