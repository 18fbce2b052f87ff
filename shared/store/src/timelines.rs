//! Timelines: what happened to a record, newest first: its runs, and between them its closings and reopenings.
//!
//! Runs are found from the record, each naming the one before. A change of state has no run; it leaves an item under
//! the record's timeline in the transaction that makes it. So does a deletion: what lies behind it is another record's
//! that had the same id.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{RecordKey, RunId, SegmentId};
use domain::record::{Record, State};
use domain::run::RoutingRun;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, failure};
use crate::item::{Item, from_item, text, to_item};
use crate::keys;
use crate::store::Store;

const DELETED: &str = "deleted";
const LAST_RUN: &str = "run";

/// A record was closed or reopened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StateChange {
    /// When.
    pub at: Timestamp,
    /// What it became.
    pub state: State,
    /// How it was closed.
    pub status_reason: Option<String>,
    /// The segment it left by being closed (SEG-60).
    pub left: Option<SegmentId>,
}

impl StateChange {
    /// What a change of a record leaves on its timeline.
    pub(crate) fn between(before: &Record, after: &Record) -> Option<Self> {
        let (at, state) = (after.modified_on, after.state);
        (before.state != state).then(|| Self {
            at,
            state,
            status_reason: after.status_reason.clone(),
            left: before.segment.clone().filter(|_| state == State::Inactive),
        })
    }

    /// The item of it.
    pub(crate) fn item(&self, record: &Record) -> Result<Item> {
        let mut item = to_item(self)?;
        item.extend(keys::state_change(record).attributes());
        Ok(item)
    }
}

/// What ends the timeline of a record that is deleted: it sorts behind the last change, and names the last run, from
/// which the others are found as long as there are any.
pub(crate) fn deletion(record: &Record) -> Item {
    let mut item = Item::from([(DELETED.to_owned(), AttributeValue::Bool(true))]);
    item.extend(record.last.as_ref().map(|last| (LAST_RUN.to_owned(), text(last.id.as_str()))));
    item.extend(keys::state_change(&Record { revision: record.revision + 1, ..record.clone() }).attributes());
    item
}

/// One thing that happened.
#[derive(Debug, Clone)]
pub enum Happening {
    /// It was routed, or assigned by hand.
    Run(Box<RoutingRun>),
    /// It was closed or reopened.
    StateChange(StateChange),
    /// It was created.
    Created,
}

/// Where a page of a timeline begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimelinePosition {
    run: Option<RunId>,
    change: Option<String>,
}

impl Store {
    /// What happened to a record, newest first, and where to go on.
    ///
    /// # Errors
    /// `NoSuchPlace` when `from` is no place of this timeline.
    pub async fn timeline(
        &self,
        record: &Record,
        from: Option<TimelinePosition>,
        limit: usize,
    ) -> Result<(Vec<Happening>, Option<TimelinePosition>)> {
        let (runs, next_run) = match &from {
            Some(TimelinePosition { run: None, .. }) => (vec![], None),
            from => self.runs_of(record, from.as_ref().and_then(|from| from.run.clone()), limit).await?,
        };
        let change = from.map_or_else(|| Some(keys::latest_state_change(record)), |from| from.change);
        let changes = match change {
            Some(change) => self.state_changes(record, &change, limit + 1).await?,
            None => vec![],
        };
        let mut runs = runs.into_iter().peekable();
        let mut changes = changes.into_iter().peekable();
        let mut found = Vec::with_capacity(limit);
        while found.len() < limit {
            let of_run = runs.peek().map(|run| run.finished_at);
            let of_change = changes.peek().map(|(_, change)| change.at);
            // Of a run and a change of one instant the change is the later one: it ends what the run began.
            if of_change.is_some() && of_change >= of_run {
                found.extend(changes.next().map(|(_, change)| Happening::StateChange(change)));
            } else if let Some(run) = runs.next() {
                found.push(Happening::Run(Box::new(run)));
            } else {
                found.push(Happening::Created);
                return Ok((found, None));
            }
        }
        let run = runs.next().map(|run| run.id).or(next_run);
        let change = changes.next().map(|(key, _)| key);
        Ok((found, Some(TimelinePosition { run, change })))
    }

    /// The deletions of records of this type and id, each with the last run that its record had.
    pub(crate) async fn deletions(&self, record: &RecordKey) -> Result<Vec<Option<RunId>>> {
        let items = self.query_all(&keys::timeline(record), None).await?.into_iter();
        let last_run = |item: Item| Some(RunId::new(item.get(LAST_RUN)?.as_s().ok()?));
        Ok(items.filter(|item| item.contains_key(DELETED)).map(last_run).collect())
    }

    /// The changes of a record's state up to and with this one, newest first, each with its place.
    async fn state_changes(&self, record: &Record, upto: &str, limit: usize) -> Result<Vec<(String, StateChange)>> {
        let first = keys::first_state_change(record);
        if !upto.starts_with(&first) {
            return Err(Error::NoSuchPlace);
        }
        let request = self.client.query().table_name(&self.work_table).consistent_read(true);
        let request = request
            .key_condition_expression("pk = :pk AND sk BETWEEN :first AND :last")
            .expression_attribute_values(":pk", text(keys::timeline(&record.key)))
            .expression_attribute_values(":first", text(first))
            .expression_attribute_values(":last", text(upto))
            .scan_index_forward(false)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = request.send().await.map_err(failure)?;
        let place = |item: &Item| item.get("sk").and_then(|sk| sk.as_s().ok()).cloned().unwrap_or_default();
        let read = |item: Item| Ok((place(&item), from_item(item)?));
        let own = page.items.unwrap_or_default().into_iter().take_while(|item| !item.contains_key(DELETED));
        own.map(read).collect()
    }
}
