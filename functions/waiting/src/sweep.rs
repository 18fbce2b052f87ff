//! The minute sweep: marks that are older than five minutes are touched, so that the stream delivers them again. A record
//! that was about to be decided three times after that, and still waits, ends as a failed run that people see.
//!
//! The mark is the outbox: whatever the event source lost or gave up, a record that waits is found here. While nobody
//! decides anything, however long, nothing is given up.

use std::time::SystemTime;

use domain::id::{RecordKey, RecordType};
use domain::obstacle::Obstacle;
use domain::reason::Reason;
use domain::record::Record;
use domain::route::{Decision, Present, undecidable};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::tracing::{info, warn};
use serde::Serialize;
use store::Error;
use store::arrivals::Waiting as Ended;
use store::commit::Committed;
use store::listing::Listing;
use store::records::Change;

use crate::Waiting;
use crate::work::all;

/// A mark this old should have been worked off long ago; one that was touched is left alone for as long.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);

/// So often a record may be about to be decided after a touch before it is given up.
const MOST_ATTEMPTS: u32 = 3;

/// So many records are read at once.
const PAGE: usize = 100;

/// What a sweep did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Swept {
    touched: usize,
    given_up: usize,
}

impl Waiting {
    /// Sweeps until everything overdue was seen to or time is up; the next sweep goes on.
    pub(crate) async fn sweep(&self, ends: SystemTime) -> Result<Swept, lambda_runtime::Error> {
        let mut swept = Swept::default();
        let knowledge = self.store.knowledge(&self.memory).await?;
        let mut oldest: Option<Timestamp> = None;
        for record_type in knowledge.organisation.rulebooks.keys() {
            let first = self.sweep_type(record_type, &mut swept, ends).await?;
            oldest = [oldest, first].into_iter().flatten().min();
        }
        let now = self.clock.now();
        telemetry::oldest_pending(now.duration_since(oldest.unwrap_or(now)));
        if swept.touched + swept.given_up > 0 {
            info!(touched = swept.touched, given_up = swept.given_up, "sweep");
        }
        Ok(swept)
    }

    /// Since when the longest waiting record of this type has waited; none when none does.
    async fn sweep_type(
        &self,
        record_type: &RecordType,
        swept: &mut Swept,
        ends: SystemTime,
    ) -> Result<Option<Timestamp>, lambda_runtime::Error> {
        let listing = Listing::pending(record_type);
        let (mut position, mut oldest) = (None, None);
        loop {
            let now = self.clock.now();
            let before = now.checked_sub(OVERDUE)?;
            let (keys, next) = self.store.index_page(&listing, position.as_ref(), PAGE).await?;
            let records = self.store.records(&keys, now).await?.into_iter().map(|stored| stored.record);
            let marked: Vec<Record> = records.filter(|record| record.mark.is_some()).collect();
            // The longest waiting come first.
            oldest = oldest.or_else(|| marked.iter().filter_map(|record| Some(record.mark.as_ref()?.since)).min());
            let is_young = |record: &&Record| record.mark.as_ref().is_some_and(|mark| mark.since > before);
            let young = marked.iter().filter(is_young).count();
            let is_left = |record: &Record| {
                let touched = record.mark.as_ref().and_then(|mark| mark.touched);
                touched.is_none_or(|touched| touched <= before)
            };
            let overdue = marked.into_iter().filter(|record| !is_young(&record) && is_left(record));
            let (given_up, touched): (Vec<Record>, Vec<Record>) =
                overdue.partition(|record| attempts(record) >= MOST_ATTEMPTS);
            swept.given_up += given_up.len();
            swept.touched += touched.len();
            all(given_up, |record| self.clone().give_up(record.key, now)).await?;
            all(touched, |record| self.clone().touch(record.key, now)).await?;
            position = next;
            if position.is_none() || young > 0 || SystemTime::now() >= ends {
                break;
            }
        }
        Ok(oldest)
    }

    async fn touch(self, key: RecordKey, now: Timestamp) -> Result<(), Error> {
        let touched = self.store.change_record::<Error>(&key, now, |stored| {
            let record = stored.record.clone();
            Ok(if record.mark.is_some() { Change::Into(Box::new(record.swept(now))) } else { Change::Nothing })
        });
        match touched.await {
            // It can't be changed, and so nobody could ever try it.
            Err(Error::Refused { message, .. }) => self.end_record(&key, message, now).await,
            Err(error) => passed_over(&key, &error),
            Ok(_) => {}
        }
        Ok(())
    }

    async fn give_up(self, key: RecordKey, now: Timestamp) -> Result<(), Error> {
        let details = format!("not processed in {MOST_ATTEMPTS} attempts since the record was marked");
        self.end_record(&key, details, now).await;
        Ok(())
    }

    /// Ends a record as a failed run. It reads nothing but the record, because something else may be what fails.
    async fn end_record(&self, key: &RecordKey, details: String, now: Timestamp) {
        let records = match self.store.still_waiting(std::slice::from_ref(key), now).await {
            Ok(records) => records,
            Err(error) => return passed_over(key, &error),
        };
        for stored in records {
            let run = undecidable(&stored.record, 0, Present { now, writer: 0, drawn: 0 }, details.clone());
            let waiting = Ended::hindered(stored, Obstacle::broken(details.clone()));
            let decision = Decision { run, touched: None };
            match self.store.commit(&[(&waiting, &decision)], 1, now).await {
                Ok(Committed::First(runs)) => {
                    runs.iter().for_each(telemetry::decided);
                    for run in &runs {
                        let reason = run.reason().map(Reason::code);
                        warn!(record.id = %key, run.id = %run.id, assignment.reason = reason, "record given up");
                    }
                }
                Ok(Committed::Refused) => {}
                Err(error) => passed_over(key, &error),
            }
        }
    }
}

fn attempts(record: &Record) -> u32 {
    record.mark.as_ref().map_or(0, |mark| mark.attempt)
}

/// One record must not keep the sweep from the others; the next sweep finds it again.
fn passed_over(key: &RecordKey, error: &Error) {
    // Processed, closed or deleted since it was read.
    if !matches!(error, Error::NotFound) {
        warn!(record.id = %key, error = %error, "record not swept");
    }
}
