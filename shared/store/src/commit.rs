//! The commit: as many runs as fit one transaction, each with everything that follows from it (DIST-16).
//!
//! Each record is conditioned on the state it was read in, each touched seller on the turn and generation the first
//! decision saw. So a redelivered batch, another function on the same sellers, a patch or a seller switched off
//! meanwhile refuse the transaction as a whole, and the caller decides again.

use domain::id::RunId;
use domain::route::Decision;
use domain::run::RoutingRun;
use jiff::Timestamp;
use ulid::Ulid;

use crate::arrivals::Waiting;
use crate::error::{Error, Result};
use crate::records::Change;
use crate::runs;
use crate::store::Store;
use crate::transaction::MAX_WRITES;
use crate::writes::Writes;

/// What became of a commit.
#[derive(Debug)]
pub enum Committed {
    /// This many of the decisions, from the first on, are in force, with their runs as they were committed.
    First(Vec<RoutingRun>),
    /// Something was no longer as the decisions saw it. Nothing is written; load and decide again.
    Refused,
}

impl Store {
    /// Commits as many decisions as fit one transaction, from the first on; `most` bounds their number.
    pub async fn commit(&self, decided: &[(&Waiting, &Decision)], most: usize, now: Timestamp) -> Result<Committed> {
        let chunk = Ulid::generate().to_string();
        let mut writes = Writes::default();
        let mut runs = Vec::new();
        for (waiting, decision) in decided.iter().take(most) {
            let mut run = decision.run.clone();
            run.id = runs::run_id(&chunk, runs.len());
            run.finished_at = now;
            let unit = decision.touched.as_ref().and_then(|touched| touched.business_unit.as_deref());
            let after = waiting.stored.record.clone().routed(&run, unit);
            let places = writes.places_with(&waiting.stored.record, &after, decision.touched.as_ref(), &run);
            if places > MAX_WRITES {
                break;
            }
            if let Some(touched) = &decision.touched {
                writes.touch(&run.record_type, touched);
            }
            writes.replace(self, &waiting.stored, &after)?;
            writes.run(&waiting.stored.record, run.clone());
            runs.push(run);
        }
        match self.transact(writes.into_transaction(self, &chunk)?).await {
            Ok(()) => Ok(Committed::First(runs)),
            Err(crate::transaction::Aborted::Refused(_)) => Ok(Committed::Refused),
            Err(crate::transaction::Aborted::Failed(error)) => Err(error),
        }
    }

    /// Marks a record again whose run found nobody, because somebody became eligible meanwhile; unless it was changed
    /// or processed since that run.
    pub async fn mark_again(&self, run: &RoutingRun, now: Timestamp) -> Result<()> {
        let id: &RunId = &run.id;
        let record = run.record();
        let marked = self.change_record::<Error>(&record, now, |stored| {
            let standing = stored.record.last.as_ref().is_some_and(|last| last.id == *id);
            Ok(if standing && stored.record.mark.is_none() {
                Change::Into(Box::new(stored.record.clone().marked_again(now)))
            } else {
                Change::Nothing
            })
        });
        match marked.await {
            Ok(_) | Err(Error::NotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }
}
