//! Runs of segments and retries: begun, asked for page by page, counted, ended (RUN-01…RUN-06).
//!
//! A run is a document under its segment. While it goes on an item among the things to do ([`keys::running`]) stands for it: there is one per
//! segment at a time, its stream wakes the function `waiting`, and the minute's sweep finds it should that fail. Whoever
//! works on a run writes down how far it has come on condition of the version read, so of two workers one stops.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::{Delete, Put, Update};
use domain::id::{RecordKey, RecordType, SegmentId, SegmentRunId};
use domain::record::Record;
use domain::rulebook::Rulebook;
use domain::segment_run::{RunCounts, RunStatus, SegmentRun, Wanted};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::counters;
use crate::document::{self, Seen};
use crate::error::{Error, Result, failure};
use crate::item::{Item, text};
use crate::keys;
use crate::listing::{Listing, Position};
use crate::store::Store;
use crate::transaction::{Aborted, Transaction, WITH_OLD};

/// So many entries of an index are looked at for one page.
const LOOKED_AT: usize = 2_000;

/// A run and how far it has come with asking for its records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// The run.
    pub run: SegmentRun,
    /// Where the next page begins.
    #[serde(default)]
    pub position: Option<Position>,
    /// Counts what was written down.
    #[serde(skip)]
    pub version: u64,
}

/// That a run goes on: where its document lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Running {
    /// The type of its records.
    pub record_type: RecordType,
    /// Its segment, if it is about one.
    pub segment: Option<SegmentId>,
    /// Its id.
    pub id: SegmentRunId,
}

impl Standing {
    fn read(item: &Item) -> Result<Self> {
        let standing: Self = document::read(item)?;
        Ok(Self { version: document::version(item)?, ..standing })
    }

    fn key(&self) -> keys::Key {
        keys::segment_run(&self.run.record_type, self.run.wanted.segment(), &self.run.id)
    }
}

impl Store {
    /// Begins a run. One that the request of this tag began before is answered as it is.
    ///
    /// # Errors
    /// `Refused` while another one of its segment goes on (RUN-04).
    pub async fn begin_segment_run(&self, run: SegmentRun, tag: Option<&str>) -> Result<SegmentRun> {
        let standing = Standing { run, position: None, version: 1 };
        let Standing { run, .. } = &standing;
        let mark = Put::builder()
            .table_name(&self.work_table)
            .set_item(Some(keys::running(run.wanted.segment(), &run.id).attributes()))
            .item("recordType", text(run.record_type.as_str()))
            .item("run", text(run.id.as_str()));
        let mark = run.wanted.segment().into_iter().fold(mark, |mark, id| mark.item("segment", text(id.as_str())));
        let mark =
            mark.condition_expression("attribute_not_exists(pk)").return_values_on_condition_check_failure(WITH_OLD);
        let mut transaction = Transaction::default();
        let created = transaction.put(document::create(&self.work_table, &standing.key(), &standing, tag)?);
        transaction.put(mark.build().expect("table and item are given"));
        match self.transact(transaction).await {
            Ok(()) => Ok(standing.run),
            Err(Aborted::Refused(refusals)) => match &refusals[created] {
                Some(item) if document::bears(item, tag) => Ok(Standing::read(item)?.run),
                Some(_) => Err(Error::Exists),
                None => Err(Error::refused("runGoesOn", "a run of this segment goes on; only one does at a time")),
            },
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    /// A run as it stands, its counts as its document has them.
    pub async fn standing(
        &self,
        record_type: &RecordType,
        segment: Option<&SegmentId>,
        id: &SegmentRunId,
    ) -> Result<Option<Standing>> {
        let item = self.work_item(&keys::segment_run(record_type, segment, id)).await?;
        item.as_ref().map(Standing::read).transpose()
    }

    /// A run with its counts as they are now.
    pub async fn segment_run(
        &self,
        record_type: &RecordType,
        segment: Option<&SegmentId>,
        id: &SegmentRunId,
    ) -> Result<Option<SegmentRun>> {
        let standing = self.standing(record_type, segment, id).await?;
        let Some(standing) = standing else { return Ok(None) };
        self.counted(standing.run).await.map(Some)
    }

    /// The runs of a segment, or the retries of a type's records, the latest first, behind the one of an id.
    pub async fn segment_runs(
        &self,
        record_type: &RecordType,
        segment: Option<&SegmentId>,
        behind: Option<&SegmentRunId>,
        limit: usize,
    ) -> Result<Vec<SegmentRun>> {
        let mut start = behind.map(|id| keys::segment_run(record_type, segment, id).attributes());
        let request = self.client.query().table_name(&self.work_table).key_condition_expression("pk = :pk");
        let request = request.expression_attribute_values(":pk", text(keys::segment_runs(record_type, segment)));
        let request = request.scan_index_forward(false).consistent_read(true);
        let mut runs = Vec::with_capacity(limit);
        // A retry of a thousand ids is large, so a page of DynamoDB may hold fewer than asked for.
        while runs.len() < limit {
            let most = i32::try_from(limit - runs.len()).unwrap_or(i32::MAX);
            let page = request.clone().limit(most).set_exclusive_start_key(start).send().await.map_err(failure)?;
            for item in page.items.unwrap_or_default() {
                runs.push(self.counted(Standing::read(&item)?.run).await?);
            }
            start = page.last_evaluated_key;
            if start.is_none() {
                break;
            }
        }
        Ok(runs)
    }

    /// The last run of each of these segments; none of those that never had one.
    pub async fn last_runs(&self, segments: Vec<(RecordType, SegmentId)>) -> Result<BTreeMap<SegmentId, SegmentRun>> {
        let mut reads = JoinSet::new();
        for (record_type, segment) in segments {
            let store = self.clone();
            reads.spawn(async move {
                let runs = store.segment_runs(&record_type, Some(&segment), None, 1).await;
                runs.map(|runs| Some((segment, runs.into_iter().next()?)))
            });
        }
        let mut last = BTreeMap::new();
        while let Some(read) = reads.join_next().await {
            last.extend(read.expect("a read neither panics nor is cancelled")?);
        }
        Ok(last)
    }

    /// The counters are ahead of the document until they are written into it, and go on after a run that did not come to
    /// its end.
    async fn counted(&self, run: SegmentRun) -> Result<SegmentRun> {
        let counts = if run.status == RunStatus::Done { run.counts } else { self.run_counts(&run).await? };
        Ok(SegmentRun { counts, ..run })
    }

    /// What a run has counted so far; what its document says when its counters have expired.
    pub async fn run_counts(&self, run: &SegmentRun) -> Result<RunCounts> {
        let rows = self.counter_rows(&run.record_type, Some(&keys::run_counts(&run.id))).await?;
        if rows.is_empty() {
            return Ok(run.counts);
        }
        let sum = |name: &str| {
            let counts = rows.iter().filter_map(|row| row.get(name)?.as_n().ok()?.parse::<i64>().ok());
            u64::try_from(counts.sum::<i64>()).unwrap_or(0)
        };
        Ok(RunCounts {
            considered: sum(counters::CONSIDERED),
            assigned: sum(counters::ASSIGNED),
            failed: sum(counters::FAILED),
            waiting: sum(counters::WAITING),
        })
    }

    /// At most `limit` of the records that a run asks for, the oldest first, from a position on, and where to go on. A
    /// page may be empty and not the last: only so many entries are looked at for one.
    pub async fn wanted(
        &self,
        Standing { run, position, .. }: &Standing,
        rulebook: &Rulebook,
        limit: usize,
        now: Timestamp,
    ) -> Result<(Vec<RecordKey>, Option<Position>)> {
        let wants = |record: &Record| run.asks_for(record, rulebook);
        let listing = match &run.wanted {
            Wanted::Unassigned(segment) => Listing::unassigned(segment),
            Wanted::Segment(_) | Wanted::Reason(_) => Listing::attention(&run.record_type).oldest_first(),
            Wanted::Records(ids) => {
                let keys: Vec<RecordKey> =
                    ids.iter().map(|id| RecordKey { record_type: run.record_type.clone(), id: id.clone() }).collect();
                let records = self.records(&keys, now).await?.into_iter().map(|stored| stored.record);
                return Ok((records.filter(wants).map(|record| record.key).collect(), None));
            }
        };
        let page = self.list_among(&listing, position.clone(), limit, LOOKED_AT, now, wants).await?;
        Ok((page.records.into_iter().map(|record| record.key).collect(), page.next))
    }

    /// Has a record decided once more for a run, unless the run asks for it no more.
    pub async fn ask(&self, run: &SegmentRun, rulebook: &Rulebook, key: &RecordKey, now: Timestamp) -> Result<()> {
        let asked = |record: &Record| record.clone().asked(run.cause(), Some(&run.id), now);
        self.change_one_of_many(key, now, "be decided for a run", |record| {
            run.asks_for(record, rulebook).then(|| asked(record))
        })
        .await
    }

    /// Whether some record waits on behalf of a run. Its counter says so too, but not when another program has written
    /// over a record that waited.
    pub async fn is_waited_for(&self, run: &SegmentRun, now: Timestamp) -> Result<bool> {
        let of_run = |record: &Record| record.waited_for_by() == Some(&run.id);
        let pending = Listing::pending(&run.record_type);
        let page = self.list_among(&pending, None, 100, LOOKED_AT, now, of_run).await?;
        // Behind so many others nobody can tell; it is looked again when they are done.
        Ok(!page.records.is_empty() || page.next.is_some())
    }

    /// Writes down how far a run has come; false when somebody else was first.
    pub async fn put_standing(&self, standing: &Standing) -> Result<bool> {
        let mut transaction = Transaction::default();
        transaction.update(self.next(standing)?);
        self.whether_first(transaction).await
    }

    /// Ends a run, with what it has counted so far; false when somebody else was first.
    pub async fn end_segment_run(&self, standing: Standing, status: RunStatus, now: Timestamp) -> Result<bool> {
        let counts = self.run_counts(&standing.run).await?;
        let ended = Standing { run: standing.run.ended(status, counts, now), ..standing };
        let run = &ended.run;
        let mut transaction = Transaction::default();
        transaction.update(self.next(&ended)?);
        let mark = Delete::builder()
            .table_name(&self.work_table)
            .set_key(Some(keys::running(run.wanted.segment(), &run.id).attributes()));
        transaction.delete(mark.build().expect("table and key are given"));
        self.whether_first(transaction).await
    }

    fn next(&self, standing: &Standing) -> Result<Update> {
        let seen = Seen::Version(standing.version);
        document::replace(&self.work_table, &standing.key(), seen, standing, standing.version + 1)
    }

    async fn whether_first(&self, transaction: Transaction) -> Result<bool> {
        match self.transact(transaction).await {
            Ok(()) => Ok(true),
            Err(Aborted::Refused(_)) => Ok(false),
            Err(Aborted::Failed(error)) => Err(error),
        }
    }
}

impl Running {
    /// The run that an item among the things to do stands for.
    pub(crate) fn read(item: &Item) -> Result<Self> {
        let of = |name: &str| item.get(name).and_then(|value| value.as_s().ok()).map(String::as_str);
        let incomplete = || Error::Corrupt("a run that goes on is not named whole".to_owned());
        Ok(Self {
            record_type: of("recordType").ok_or_else(incomplete)?.into(),
            segment: of("segment").map(SegmentId::from),
            id: of("run").ok_or_else(incomplete)?.into(),
        })
    }
}
