//! Load → decide → commit, until nothing of a batch waits any more.

use std::time::{Duration, Instant};

use aws_lambda_events::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use domain::decide::decide;
use domain::id::{Owner, RecordKey};
use domain::obstacle::Obstacle;
use domain::reason::Reason;
use domain::route::{Arrival, Decision, Present, hindered};
use domain::run::{RoutingRun, Status};
use domain::word::word;
use jiff::Timestamp;
use lambda_runtime::Error;
use lambda_runtime::tracing::{error, info, warn};
use store::arrivals::Waiting;
use store::commit::Committed;
use store::knowledge::{Knowledge, Memory};
use store::{Clock, Store};

use crate::batch::Batch;
use crate::stream::Event;

/// A batch is given back to the event source after this many refusals in a row: others are first all the time.
const MOST_REFUSALS: u32 = 40;

/// After this many refusals in a row commits become smaller, so that they collide less.
const PATIENCE: u32 = 4;

/// No transaction holds more records than this.
const MOST_RECORDS: usize = 99;

/// What one process of this function keeps.
#[derive(Debug)]
pub(crate) struct Handler {
    store: Store,
    clock: Clock,
    memory: Memory,
    /// Tells this process's turns from those that another one gives at the same millisecond.
    writer: u8,
}

/// Why a batch was not finished; what is left of it.
#[derive(Debug)]
struct Interrupted {
    left: Vec<RecordKey>,
    cause: store::Error,
}

/// How far one pass over what is left of a batch came.
enum Pass {
    /// This many records from the first on are committed, and then somebody else was first.
    Refused(usize),
    /// All are committed.
    Finished,
}

impl Handler {
    pub(crate) fn new(store: Store, clock: Clock) -> Self {
        Self { store, clock, memory: Memory::default(), writer: rand::random() }
    }

    /// Assigns the records of a stream batch. Only faults of the infrastructure are reported to the event source: it
    /// delivers everything from the reported position on again.
    pub(crate) async fn handle(&self, event: Event) -> Result<DynamoDbEventResponse, Error> {
        let mut response = DynamoDbEventResponse::default();
        let begun = Instant::now();
        let processed = self.process(event.records()).await;
        telemetry::batch(begun.elapsed());
        if let Err(Interrupted { left, cause }) = processed {
            telemetry::given_back();
            error!(error = %cause, left = left.len(), "batch interrupted");
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = event.first_position(&left);
            response.batch_item_failures.push(failure);
        }
        Ok(response)
    }

    async fn process(&self, mut left: Vec<RecordKey>) -> Result<(), Interrupted> {
        let mut refusals = 0;
        while !left.is_empty() {
            // Fewer records at a time when others keep being first.
            let most =
                if refusals > PATIENCE { (MOST_RECORDS >> (refusals - PATIENCE).min(6)).max(1) } else { MOST_RECORDS };
            match self.pass(&mut left, most).await {
                Ok(Pass::Finished) => return Ok(()),
                Ok(Pass::Refused(committed)) => {
                    telemetry::refused();
                    left.drain(..committed);
                    refusals = if committed > 0 { 0 } else { refusals + 1 };
                    if refusals > MOST_REFUSALS {
                        return Err(Interrupted { left, cause: store::Error::Conflict });
                    }
                    let most = 10_u64 << refusals.min(5);
                    tokio::time::sleep(Duration::from_millis(rand::random_range(0..=most))).await;
                }
                Err(cause) => return Err(Interrupted { left, cause }),
            }
        }
        Ok(())
    }

    /// Decides everything that is left and commits it transaction by transaction. `left` loses what no longer waits.
    async fn pass(&self, left: &mut Vec<RecordKey>, most: usize) -> Result<Pass, store::Error> {
        let now = self.clock.now();
        let present = Present { now, writer: self.writer, drawn: rand::random() };
        let records = self.store.still_waiting(left, now).await?;
        *left = records.iter().map(|stored| stored.record.key.clone()).collect();
        if records.is_empty() {
            return Ok(Pass::Finished);
        }
        let batch = Batch::decide(&self.store, &self.memory, records, present).await?;
        let decided = batch.decided();
        let mut done = 0;
        while done < decided.len() {
            let next = &decided[done..];
            let sought = next.iter().take(most).any(|(_, decision)| decision.run.found_nobody());
            if let Some(knowledge) = batch.knowledge.as_ref().filter(|_| sought)
                && self.store.versions().await? != knowledge.versions
            {
                return Ok(Pass::Refused(done));
            }
            let committed = match self.store.commit(next, most, self.clock.now()).await {
                Err(error) if in_the_way(&error).is_some() => self.commit_alone(next[0], present, &error).await?,
                other => other?,
            };
            let Committed::First(runs) = committed else { return Ok(Pass::Refused(done)) };
            runs.iter().for_each(tell);
            let unlucky = runs.iter().zip(next).filter(|(run, _)| run.found_nobody());
            let unlucky: Vec<_> = unlucky.map(|(run, (waiting, _))| (run, waiting.arrival.clone())).collect();
            if let Some(knowledge) = &batch.knowledge {
                self.seek_again(&unlucky, knowledge).await?;
            }
            done += runs.len();
        }
        Ok(Pass::Finished)
    }

    /// A transaction was refused for good. The first record goes alone; if it is the one at fault it ends as a failed
    /// run, and otherwise the next transaction begins behind it.
    async fn commit_alone(
        &self,
        (waiting, decision): (&Waiting, &Decision),
        present: Present,
        refusal: &store::Error,
    ) -> Result<Committed, store::Error> {
        let record = &waiting.stored.record;
        warn!(record.id = %record.key, error = %refusal, "a commit was refused");
        let alone = self.store.commit(&[(waiting, decision)], 1, self.clock.now()).await;
        let Some(obstacle) = alone.as_ref().err().and_then(in_the_way) else { return alone };
        let run = hindered(record, decision.run.rulebook_version, present, obstacle);
        let failure = Decision { run, touched: None };
        self.store.commit(&[(waiting, &failure)], 1, self.clock.now()).await
    }

    /// "Nobody" touches no seller, so no condition of the commit would notice somebody who became eligible just before
    /// it: what is configured now is read once more, and what sellers hold where nobody had room, and the records that
    /// would now find somebody are marked again. They are tried as one batch, so one free place marks one of them.
    async fn seek_again(&self, unlucky: &[(&RoutingRun, Arrival)], decided_by: &Knowledge) -> Result<(), store::Error> {
        if unlucky.is_empty() {
            return Ok(());
        }
        let knowledge = self.store.knowledge(&self.memory).await?;
        let same = knowledge.versions == decided_by.versions;
        let doubtful = unlucky.iter().filter(|(run, _)| !same || run.assignment.reason == Some(Reason::NoCapacity));
        let (runs, arrivals): (Vec<&RoutingRun>, Vec<Arrival>) = doubtful.cloned().unzip();
        if runs.is_empty() {
            return Ok(());
        }
        let now: Timestamp = self.clock.now();
        let mut roster = self.store.roster(&knowledge, now).await?;
        let present = Present { now, writer: self.writer, drawn: rand::random() };
        let again = decide(&knowledge.organisation, &mut roster, &arrivals, present);
        for (run, _) in runs.iter().zip(&again).filter(|(_, decision)| decision.run.assignment.owner.is_some()) {
            self.store.mark_again(run, now).await?;
        }
        Ok(())
    }
}

/// What stands in the way of a commit that was refused for good; none where it may succeed in a moment.
fn in_the_way(refusal: &store::Error) -> Option<Obstacle> {
    match refusal {
        store::Error::Corrupt(_) => {
            Some(Obstacle::broken("the decision could not be committed; the log holds the details"))
        }
        store::Error::Denied(lacking) => Some(Obstacle::denied(lacking)),
        _ => None,
    }
}

/// One line per decision, without a record's contents, and the metrics of it.
fn tell(run: &RoutingRun) {
    telemetry::decided(run);
    let reason = run.assignment.reason.or(run.segmentation.reason).map(domain::reason::Reason::code);
    let owner = run.assignment.owner.as_ref();
    info!(
        record.r#type = %run.record_type,
        record.id = %run.record_id,
        run.id = %run.id,
        trigger = word(run.trigger),
        segmentation.status = word(run.segmentation.status),
        segment.id = run.segmentation.segment_id.as_ref().map(domain::id::SegmentId::as_str),
        assignment.status = word(run.assignment.status),
        assignment.reason = reason,
        rule.id = run.assignment.rule_id.as_ref().map(domain::id::RuleId::as_str),
        owner.kind = owner.map(Owner::kind),
        owner.id = owner.map(Owner::id),
        error = run.error_details.as_deref(),
        attention = run.needs_attention(),
        assigned = run.assignment.status == Status::Succeeded,
        "decision"
    );
}
