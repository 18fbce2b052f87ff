//! The round of the capacity reset (`domain::recount::Round`): how far it has come, who is at it, and whether another
//! one was asked for. One item, `recount`, `round`.

use domain::recount::Round;
use jiff::Timestamp;

use crate::error::{Error, Result, failure};
use crate::item::{from_attribute, number, text, to_attribute};
use crate::keys;
use crate::store::Store;

/// What is known of rounds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rounds {
    /// The present round, or the last one.
    pub latest: Option<Round>,
    /// When somebody last asked for one.
    pub asked_at: Option<Timestamp>,
}

/// The right to be the only one at the round, until an instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    holder: String,
}

impl Store {
    /// What is known of rounds, read consistently.
    pub async fn rounds(&self) -> Result<Rounds> {
        let Some(mut item) = self.work_item(&keys::round()).await? else { return Ok(Rounds::default()) };
        let asked_at = item.get("askedAt").and_then(|at| at.as_n().ok()?.parse().ok());
        Ok(Rounds {
            latest: item.remove("round").map(from_attribute).transpose()?,
            asked_at: asked_at.and_then(|at| Timestamp::from_millisecond(at).ok()),
        })
    }

    /// Asks for a round. Whoever comes next to it begins one.
    pub async fn ask_for_round(&self, now: Timestamp) -> Result<()> {
        let update = self.client.update_item().table_name(&self.work_table).set_key(Some(keys::round().attributes()));
        let update = update
            .update_expression("SET #asked = :now")
            .expression_attribute_names("#asked", "askedAt")
            .expression_attribute_values(":now", number(now.as_millisecond()));
        update.send().await.map_err(failure)?;
        Ok(())
    }

    /// The lease of the round until an instant; none while somebody else holds it.
    pub async fn lease_round(&self, now: Timestamp, until: Timestamp) -> Result<Option<Lease>> {
        let holder = format!("{:016x}", rand::random::<u64>());
        let update = self.client.update_item().table_name(&self.work_table).set_key(Some(keys::round().attributes()));
        let update = update
            .update_expression("SET #holder = :holder, #until = :until")
            .condition_expression("attribute_not_exists(#until) OR #until <= :now")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#until", "leaseUntil")
            .expression_attribute_values(":holder", text(&holder))
            .expression_attribute_values(":until", number(until.as_millisecond()))
            .expression_attribute_values(":now", number(now.as_millisecond()));
        match update.send().await.map_err(failure) {
            Ok(_) => Ok(Some(Lease { holder })),
            Err(Error::Conflict) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes down how far the round has come.
    ///
    /// # Errors
    /// `Conflict` when the lease ended and somebody else took it.
    pub async fn put_round(&self, lease: &Lease, round: &Round) -> Result<()> {
        let update = self.client.update_item().table_name(&self.work_table).set_key(Some(keys::round().attributes()));
        let update = update
            .update_expression("SET #round = :round")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#round", "round")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_values(":round", to_attribute(round)?)
            .expression_attribute_values(":holder", text(&lease.holder));
        update.send().await.map_err(failure)?;
        Ok(())
    }

    /// Gives a lease back, if it is still held.
    pub async fn release_round(&self, lease: Lease) -> Result<()> {
        let update = self.client.update_item().table_name(&self.work_table).set_key(Some(keys::round().attributes()));
        let update = update
            .update_expression("REMOVE #holder, #until")
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", "holder")
            .expression_attribute_names("#until", "leaseUntil")
            .expression_attribute_values(":holder", text(lease.holder));
        match update.send().await.map_err(failure) {
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
