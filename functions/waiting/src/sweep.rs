//! The minute sweep: marks that are older than five minutes are touched, so that the stream delivers them again; after
//! three touches the record ends as a failed run that people see.
//!
//! The mark is the outbox: whatever the event source lost or gave up, a record that waits is found here.

use std::time::SystemTime;

use domain::id::RecordKey;
use domain::record::Record;
use domain::route::{Decision, Present, undecidable};
use jiff::SignedDuration;
use lambda_runtime::tracing::{info, warn};
use serde::Serialize;
use store::commit::Committed;
use store::knowledge::Memory;
use store::records::Change;
use store::{Clock, Error, Store};

/// A mark this old should have been worked off long ago.
const OVERDUE: SignedDuration = SignedDuration::from_mins(5);

/// So often a mark is touched before the record is given up.
const MOST_ATTEMPTS: u32 = 3;

/// So many records of a type are touched in one sweep, the oldest first; the next sweep is a minute away.
const MOST_RECORDS: usize = 1_000;

/// What one process of this function keeps.
#[derive(Debug)]
pub(crate) struct Sweep {
    store: Store,
    clock: Clock,
    memory: Memory,
}

/// What a sweep did.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Swept {
    touched: usize,
    given_up: usize,
    failed: usize,
}

impl Sweep {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, memory: Memory::default() }
    }

    /// Sweeps until everything overdue was touched or time is up; the next sweep goes on.
    pub(crate) async fn run(&self, ends: SystemTime) -> Result<Swept, lambda_runtime::Error> {
        let mut swept = Swept::default();
        let now = self.clock.now();
        let knowledge = self.store.knowledge(&self.memory).await?;
        let before = now.checked_sub(OVERDUE)?;
        for record_type in knowledge.organisation.rulebooks.keys() {
            for key in self.store.waiting_since(record_type, before, MOST_RECORDS).await? {
                if SystemTime::now() >= ends {
                    break;
                }
                match self.sweep(&key).await {
                    Ok(attempt) if attempt > MOST_ATTEMPTS => swept.given_up += 1,
                    Ok(_) => swept.touched += 1,
                    // Processed, closed or deleted since the index was read.
                    Err(Error::NotFound) => {}
                    // One record must not keep the sweep from the others; the next sweep finds it again.
                    Err(error) => {
                        warn!(record.id = %key, error = %error, "record not swept");
                        swept.failed += 1;
                    }
                }
            }
        }
        if swept.touched + swept.given_up + swept.failed > 0 {
            info!(touched = swept.touched, given_up = swept.given_up, failed = swept.failed, "sweep");
        }
        Ok(swept)
    }

    /// Touches one record or gives it up; the attempt this was.
    async fn sweep(&self, key: &RecordKey) -> Result<u32, Error> {
        let now = self.clock.now();
        let attempt = |record: &Record| record.mark.as_ref().map(|mark| mark.attempt);
        let stored = self.store.record(key, now).await?;
        let attempts = attempt(&stored.record).ok_or(Error::NotFound)?;
        if attempts >= MOST_ATTEMPTS {
            self.give_up(key).await?;
            return Ok(attempts + 1);
        }
        let change = |stored: &store::record_item::Stored| {
            Ok::<_, Error>(match attempt(&stored.record) {
                Some(_) => Change::Into(Box::new(stored.record.clone().swept(now))),
                None => Change::Nothing,
            })
        };
        self.store.change_record(key, now, change).await?;
        Ok(attempts + 1)
    }

    async fn give_up(&self, key: &RecordKey) -> Result<(), Error> {
        let now = self.clock.now();
        let knowledge = self.store.knowledge(&self.memory).await?;
        for waiting in
            self.store.waiting(std::slice::from_ref(key), &knowledge.organisation, &knowledge.record_types, now).await?
        {
            let record = &waiting.stored.record;
            let rulebook = knowledge.organisation.rulebooks.get(&record.key.record_type);
            let version = rulebook.map_or(0, |rulebook| rulebook.version);
            let details = format!("not processed in {MOST_ATTEMPTS} attempts since the record was marked");
            let run = undecidable(record, version, Present { now, writer: 0, drawn: 0 }, details);
            let decision = Decision { run, touched: None };
            if let Committed::First(_) = self.store.commit(&[(&waiting, &decision)], 1, now).await? {
                warn!(record.id = %key, "record given up");
            }
        }
        Ok(())
    }
}
