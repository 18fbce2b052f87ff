//! Schedules of segments: one document each, all in one partition, so that the minute's look at them is one query.

use aws_sdk_dynamodb::types::Delete;
use domain::id::SegmentId;
use domain::run_schedule::RunSchedule;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::document::{self, Seen};
use crate::error::{Error, Result};
use crate::item::Item;
use crate::keys;
use crate::store::Store;
use crate::transaction::{Aborted, Transaction, pause};

/// A segment's schedule.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Scheduled {
    /// The segment.
    pub segment: SegmentId,
    /// When its rules run.
    pub schedule: RunSchedule,
    /// Firings up to here are seen to.
    pub seen: Timestamp,
    /// Counts what clients changed.
    pub version: u64,
    /// Counts every write.
    #[serde(skip)]
    revision: u64,
}

impl Scheduled {
    fn read(item: &Item) -> Result<Self> {
        let scheduled: Self = document::read(item)?;
        Ok(Self { revision: document::version(item)?, ..scheduled })
    }
}

impl Store {
    /// A segment's schedule, if it has one.
    pub async fn schedule(&self, segment: &SegmentId) -> Result<Option<Scheduled>> {
        self.work_item(&keys::schedule(segment)).await?.as_ref().map(Scheduled::read).transpose()
    }

    /// The schedules of all segments.
    pub async fn schedules(&self) -> Result<Vec<Scheduled>> {
        self.query_all(keys::SCHEDULES, None).await?.iter().map(Scheduled::read).collect()
    }

    /// Gives a segment a schedule, which begins now; `check` may refuse by the version of the present one, 0 for none.
    pub async fn put_schedule<E: From<Error>>(
        &self,
        segment: &SegmentId,
        schedule: &RunSchedule,
        now: Timestamp,
        check: impl Fn(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<Scheduled, E> {
        for attempt in 0..document::ATTEMPTS {
            let present = self.schedule(segment).await?;
            check(present.as_ref().map_or(0, |present| present.version))?;
            let (version, revision) = present.as_ref().map_or((0, 0), |present| (present.version, present.revision));
            let next = Scheduled {
                segment: segment.clone(),
                schedule: schedule.clone(),
                seen: now,
                version: version + 1,
                revision: revision + 1,
            };
            if self.write_schedule(&next, revision).await? {
                return Ok(next);
            }
            pause(attempt).await;
        }
        Err(Error::Conflict.into())
    }

    /// Takes a segment's schedule away; `check` may refuse by its version.
    ///
    /// # Errors
    /// `NotFound` when there is none; what `check` refuses.
    pub async fn delete_schedule<E: From<Error>>(
        &self,
        segment: &SegmentId,
        check: impl Fn(u64) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for attempt in 0..document::ATTEMPTS {
            let present = self.schedule(segment).await?.ok_or(Error::NotFound)?;
            check(present.version)?;
            let mut transaction = Transaction::default();
            let seen = Seen::Version(present.revision);
            transaction.delete(document::delete(&self.work_table, &keys::schedule(segment), seen));
            match self.transact(transaction).await {
                Ok(()) => return Ok(()),
                Err(Aborted::Refused(_)) => pause(attempt).await,
                Err(Aborted::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    /// Writes down that firings up to an instant are seen to; a schedule that was changed meanwhile is left as it is.
    pub async fn see_to(&self, scheduled: &Scheduled, upto: Timestamp) -> Result<()> {
        let next = Scheduled { seen: upto, revision: scheduled.revision + 1, ..scheduled.clone() };
        self.write_schedule(&next, scheduled.revision).await.map(drop)
    }

    async fn write_schedule(&self, next: &Scheduled, seen: u64) -> Result<bool> {
        let (table, key) = (&self.work_table, keys::schedule(&next.segment));
        let mut transaction = Transaction::default();
        if seen == 0 {
            transaction.put(document::create(table, &key, next, None)?);
        } else {
            transaction.update(document::replace(table, &key, Seen::Version(seen), next, next.revision)?);
        }
        match self.transact(transaction).await {
            Ok(()) => Ok(true),
            Err(Aborted::Refused(_)) => Ok(false),
            Err(Aborted::Failed(error)) => Err(error),
        }
    }
}

/// The write that takes away the schedule of a segment that is deleted, whether it has one or not.
pub(crate) fn forget(table: &str, segment: &SegmentId) -> Delete {
    let delete = Delete::builder().table_name(table).set_key(Some(keys::schedule(segment).attributes()));
    delete.build().expect("table and key are given")
}
