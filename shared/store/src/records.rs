//! Records: created, read, changed and deleted one at a time, each change as a decision on the record as it is now.

use domain::id::{RecordKey, SellerId};
use domain::record::{NewRecord, Record};
use domain::run::RoutingRun;
use domain::turn::Turn;
use jiff::Timestamp;
use tracing::warn;
use ulid::Ulid;

use crate::batch_get::Consistency;
use crate::error::{Error, Result, WriteError, failure};
use crate::item::Item;
use crate::keys;
use crate::record_item::{Stored, item_of};
use crate::runs;
use crate::store::Store;
use crate::transaction::{Aborted, pause};
use crate::writes::{self, Writes};

/// How often a change is decided again because somebody else changed the record or the seller first.
const ATTEMPTS: u32 = 8;

/// What a decision makes of a record.
#[derive(Debug)]
pub enum Change {
    /// It stays as it is; nothing is written.
    Nothing,
    /// It becomes this.
    Into(Box<Record>),
    /// It is assigned by a person.
    Assigned {
        /// It is committed with the record and says to whom. Its id is given here.
        run: Box<RoutingRun>,
        /// The business unit of the new owner.
        business_unit: Option<String>,
        /// Which request assigns it.
        tag: Option<String>,
    },
    /// It is deleted.
    Deleted,
}

impl Change {
    /// The same, carried out by a request: a repetition finds its tag on the record.
    #[must_use]
    pub fn by(self, tag: &str) -> Self {
        let tag = Some(tag.to_owned());
        match self {
            Self::Into(record) => Self::Into(Box::new(Record { tag, ..*record })),
            Self::Assigned { run, business_unit, .. } => Self::Assigned { run, business_unit, tag },
            Self::Nothing | Self::Deleted => self,
        }
    }
}

impl Store {
    /// A new record. With an owner that is a seller the seller's held records and turn move in the same transaction
    /// (DIST-03, CAP-04). A record that exists is refused with [`Error::Exists`], unless the same request created it
    /// before and its answer was lost: then that record is the answer.
    pub async fn create_record(&self, new: NewRecord, now: Timestamp) -> Result<Record> {
        let record = new.into_record(now);
        let owner = record.owner.as_ref().and_then(|owner| owner.seller()).cloned();
        let Some(seller) = owner else {
            for attempt in 0..ATTEMPTS {
                match self.put_new_record(&record).await {
                    Ok(()) => return Ok(record),
                    Err(WriteError::Condition(old)) => return already_created(&record, old, now),
                    // A transaction stood on the item at that instant.
                    Err(WriteError::Other(Error::Conflict)) => pause(attempt).await,
                    Err(WriteError::Other(error)) => return Err(error),
                }
            }
            return Err(Error::Unavailable("transactions kept standing on the item".to_owned()));
        };
        for attempt in 0..ATTEMPTS {
            match self.create_owned(std::slice::from_ref(&record), &seller, now).await {
                Ok(()) => return Ok(record),
                Err(Aborted::Refused(refusals)) => match refusals.into_iter().next().flatten() {
                    Some(old) => return already_created(&record, Some(old), now),
                    None => pause(attempt).await,
                },
                Err(Aborted::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    async fn put_new_record(&self, record: &Record) -> std::result::Result<(), WriteError> {
        let put = writes::put_new(self, record).map_err(WriteError::Other)?;
        let request = self
            .client
            .put_item()
            .table_name(put.table_name())
            .set_item(Some(put.item().clone()))
            .set_condition_expression(put.condition_expression().map(ToOwned::to_owned))
            .set_return_values_on_condition_check_failure(put.return_values_on_condition_check_failure().cloned());
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) => {
                use aws_sdk_dynamodb::operation::put_item::PutItemError;
                if let Some(PutItemError::ConditionalCheckFailedException(refused)) = error.as_service_error() {
                    return Err(WriteError::Condition(refused.item().cloned()));
                }
                Err(WriteError::Other(failure(error)))
            }
        }
    }

    /// New records of one seller, all or none.
    pub(crate) async fn create_owned(
        &self,
        records: &[Record],
        seller: &SellerId,
        now: Timestamp,
    ) -> std::result::Result<(), Aborted> {
        let mut writes = Writes::default();
        for record in records {
            writes.create(self, record).map_err(Aborted::Failed)?;
        }
        if let Some(record) = records.first() {
            self.give_turn(&mut writes, record, seller, now).await.map_err(Aborted::Failed)?;
        }
        self.transact(writes.into_transaction(self, "").map_err(Aborted::Failed)?).await
    }

    async fn give_turn(&self, writes: &mut Writes, record: &Record, seller: &SellerId, now: Timestamp) -> Result<()> {
        let states = self.seller_states(std::slice::from_ref(seller)).await?;
        let state = &states[seller];
        let turn = Turn::after(state.turn(), now, rand::random());
        writes.give(&record.key.record_type, seller, (state.turn(), state.generation), turn);
        Ok(())
    }

    /// A record as it is now, read consistently.
    pub async fn record(&self, key: &RecordKey, now: Timestamp) -> Result<Stored> {
        let request = self.client.get_item().table_name(&self.records_table).consistent_read(true);
        let answer = request.set_key(Some(keys::record(key).attributes())).send().await.map_err(failure)?;
        Stored::read(answer.item.ok_or(Error::NotFound)?, now).ok_or(Error::NotFound)
    }

    /// Records as they are now, in no order; those that don't exist are left out.
    pub async fn records(&self, wanted: &[RecordKey], now: Timestamp) -> Result<Vec<Stored>> {
        self.records_with(wanted, Consistency::Strong, now).await
    }

    pub(crate) async fn records_with(
        &self,
        wanted: &[RecordKey],
        consistency: Consistency,
        now: Timestamp,
    ) -> Result<Vec<Stored>> {
        let wanted = wanted.iter().map(keys::record).collect();
        let items = self.batch_get(&self.records_table, wanted, consistency).await?;
        Ok(items.into_iter().filter_map(|item| Stored::read(item, now)).collect())
    }

    /// Changes a record as `decide` says of it as it is now; decides again when somebody else was first. Answers the
    /// record as it is afterwards, or as it was if it is deleted.
    ///
    /// # Errors
    /// `NotFound`; what `decide` refuses; `Conflict` when others were first too often.
    pub async fn change_record<E: From<Error>>(
        &self,
        key: &RecordKey,
        now: Timestamp,
        decide: impl Fn(&Stored) -> std::result::Result<Change, E>,
    ) -> std::result::Result<Record, E> {
        for attempt in 0..ATTEMPTS {
            let before = self.record(key, now).await?;
            let change = decide(&before)?;
            if !before.unreadable.is_empty() && !matches!(change, Change::Nothing | Change::Deleted) {
                let message = format!("the record's attributes {:?} can't be understood", before.unreadable);
                return Err(Error::refused("unreadableRecord", message).into());
            }
            match self.carry_out(&before, change, now).await {
                Ok(record) => return Ok(record),
                Err(Aborted::Refused(_)) => pause(attempt).await,
                Err(Aborted::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    /// Changes one of many records into what `become_of` makes of it as it is now, if anything. What keeps this one from it
    /// keeps no other: it is passed over with a warning that says what it was to do. One that was deleted needs nothing.
    pub(crate) async fn change_one_of_many(
        &self,
        key: &RecordKey,
        now: Timestamp,
        what: &'static str,
        become_of: impl Fn(&Record) -> Option<Record>,
    ) -> Result<()> {
        let change = |stored: &Stored| {
            Ok::<_, Error>(become_of(&stored.record).map_or(Change::Nothing, |after| Change::Into(Box::new(after))))
        };
        match self.change_record(key, now, change).await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error @ (Error::Refused { .. } | Error::Conflict | Error::Corrupt(_))) => {
                warn!(record.id = %key, error = %error, "a record is passed over that is to {what}");
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    async fn carry_out(&self, before: &Stored, change: Change, now: Timestamp) -> std::result::Result<Record, Aborted> {
        let mut writes = Writes::default();
        let chunk = Ulid::generate().to_string();
        let after = match change {
            Change::Nothing => return Ok(before.record.clone()),
            Change::Deleted => {
                writes.delete(self, before);
                before.record.clone()
            }
            Change::Into(after) => {
                writes.replace(self, before, &after).map_err(Aborted::Failed)?;
                *after
            }
            Change::Assigned { mut run, business_unit, tag } => {
                run.id = runs::run_id(&chunk, 0);
                let after = before.record.clone().assigned(&run, business_unit.as_deref(), now);
                let after = Record { tag: tag.or(after.tag), ..after };
                writes.replace(self, before, &after).map_err(Aborted::Failed)?;
                if let Some(seller) = run.assignment.owner.as_ref().and_then(|owner| owner.seller()) {
                    self.give_turn(&mut writes, &after, seller, now).await.map_err(Aborted::Failed)?;
                }
                writes.run(&before.record, *run);
                after
            }
        };
        let transaction = writes.into_transaction(self, &chunk).map_err(Aborted::Failed)?;
        self.transact(transaction).await?;
        Ok(after)
    }
}

/// The answer for a record that exists: success if the very same request wrote it, whose answer was lost.
fn already_created(record: &Record, old: Option<Item>, now: Timestamp) -> Result<Record> {
    let Some(old) = old else { return Err(Error::Exists) };
    if old == item_of(record)? {
        return Ok(record.clone());
    }
    match Stored::read(old, now) {
        Some(stored) if record.tag.is_some() && stored.record.tag == record.tag => Ok(stored.record),
        _ => Err(Error::Exists),
    }
}
