//! Runs of segments and retries, worked off: each record that a run wants is asked for, page by page, until there is no
//! more, and the run ends when none is waited for.
//!
//! Two that work on one run do no harm: a record is asked for once, and the slower one stops at the next page.

use std::sync::Arc;

use domain::id::SegmentRunId;
use domain::rulebook::Rulebook;
use domain::run_schedule::RunSchedule;
use domain::segment_run::{RunStatus, RunTrigger, SegmentRun, Wanted};
use jiff::{SignedDuration, Timestamp};
use lambda_runtime::tracing::{info, warn};
use store::Error;
use store::knowledge::Knowledge;
use store::schedules::Scheduled;
use store::segment_runs::{Running, Standing};
use ulid::Ulid;

use crate::Waiting;
use crate::work::{Step, all};

/// So many records are asked for with one page.
const PAGE: usize = 100;

/// A run that has waited for so long may wait for a record that another program has written over.
const DOUBTFUL: SignedDuration = SignedDuration::from_mins(15);

impl Waiting {
    /// Begins the runs that are due by their schedules.
    pub(crate) async fn fire_all(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let knowledge = self.store.knowledge(&self.memory).await?;
        for scheduled in self.store.schedules().await? {
            // One schedule must not keep the others; the next sweep finds it again.
            if let Err(error) = self.fire(&scheduled, &knowledge, now).await {
                warn!(segment.id = scheduled.segment.as_str(), error = %error, "a schedule could not be seen to");
            }
        }
        Ok(())
    }

    /// Begins the run of a schedule that is due (RUN-03, RUN-04).
    async fn fire(&self, scheduled: &Scheduled, knowledge: &Knowledge, now: Timestamp) -> Result<(), Error> {
        let Scheduled { segment, schedule, seen, .. } = scheduled;
        let due = RunSchedule::due(schedule, *seen, now, &knowledge.organisation.settings.time_zone);
        let id = segment.as_str();
        for late in &due.skipped {
            warn!(segment.id = id, firing = %late, "a scheduled run was missed by more than 15 minutes and is skipped");
        }
        let Some(firing) = due.firing else {
            return if due.skipped.is_empty() { Ok(()) } else { self.store.see_to(scheduled, now).await };
        };
        let rulebooks = &knowledge.organisation.rulebooks;
        if let Some((record_type, _)) = rulebooks.iter().find(|(_, rulebook)| rulebook.segment(segment).is_some()) {
            // The same firing makes the same id, so that two sweeps begin it once.
            let milliseconds = u64::try_from(firing.as_millisecond()).unwrap_or_default();
            let run_id = SegmentRunId::new(Ulid::from_parts(milliseconds, digest(id)).to_string());
            let wanted = Wanted::Unassigned(segment.clone());
            let run = SegmentRun::begin(run_id, record_type.clone(), wanted, RunTrigger::Scheduled, now);
            match self.store.begin_segment_run(run, None).await {
                Ok(_) | Err(Error::Exists) => {}
                Err(Error::Refused { .. }) => {
                    warn!(segment.id = id, firing = %firing, "a scheduled run is skipped: another one goes on");
                }
                Err(error) => return Err(error),
            }
        } else {
            warn!(segment.id = id, firing = %firing, "a scheduled run is skipped: the segment is not active");
        }
        self.store.see_to(scheduled, now).await
    }

    /// Asks for a page, or looks whether everything that was asked for is decided.
    pub(crate) async fn step_run(&self, Running { record_type, segment, id }: &Running) -> Result<Step, Error> {
        let standing = self.store.standing(record_type, segment.as_ref(), id).await?;
        let Some(standing) = standing.filter(|standing| standing.run.status == RunStatus::Running) else {
            return Ok(Step::Over);
        };
        let now = self.clock.now();
        let knowledge = self.store.knowledge(&self.memory).await?;
        let rulebook = knowledge.organisation.rulebooks.get(record_type);
        let active = |segment| rulebook.is_some_and(|rulebook| rulebook.segment(segment).is_some());
        let (Some(rulebook), true) = (rulebook, standing.run.wanted.segment().is_none_or(active)) else {
            warn!(run.id = id.as_str(), "a run ends: its segment is not active");
            self.store.end_segment_run(standing, RunStatus::Failed, now).await?;
            return Ok(Step::Over);
        };
        let Some(since) = standing.run.asked_for_all_at else {
            let most = knowledge.organisation.settings.limits.records_per_run;
            let first = self.ask_for_page(standing, rulebook, most, now).await?;
            return Ok(if first { Step::More } else { Step::Over });
        };
        let counts = self.store.run_counts(&standing.run).await?;
        let doubtful = now.duration_since(since) > DOUBTFUL;
        if counts.waiting > 0 && (!doubtful || self.store.is_waited_for(&standing.run, now).await?) {
            return Ok(Step::Waits);
        }
        if self.store.end_segment_run(standing, RunStatus::Done, now).await? {
            let (considered, assigned, failed) = (counts.considered, counts.assigned, counts.failed);
            info!(run.id = id.as_str(), considered, assigned, failed, "run");
        }
        Ok(Step::Over)
    }

    /// Asks for the next page of what a run wants, `most` records in all where the settings bound it (RUN-01); false when
    /// somebody else was first.
    async fn ask_for_page(
        &self,
        standing: Standing,
        rulebook: &Arc<Rulebook>,
        most: Option<u32>,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let bound = match (most, &standing.run.wanted) {
            (Some(most), Wanted::Unassigned(_)) => {
                let considered = self.store.run_counts(&standing.run).await?.considered;
                usize::try_from(u64::from(most).saturating_sub(considered)).unwrap_or(PAGE)
            }
            _ => usize::MAX,
        };
        let (mut keys, mut next) = self.store.wanted(&standing, rulebook, PAGE, now).await?;
        if keys.len() >= bound {
            keys.truncate(bound);
            next = None;
        }
        let ask = |key| {
            let (store, run, rulebook) = (self.store.clone(), standing.run.clone(), Arc::clone(rulebook));
            async move { store.ask(&run, &rulebook, &key, now).await }
        };
        all(keys, ask).await?;
        let asked_for_all_at = next.is_none().then_some(now);
        let run = SegmentRun { asked_for_all_at, ..standing.run };
        self.store.put_standing(&Standing { run, position: next, ..standing }).await
    }
}

/// FNV-1a of a text, 128 bits.
fn digest(text: &str) -> u128 {
    text.bytes().fold(0x6c62_272e_07bb_0142_62b8_2175_6295_c58d, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0000_0000_0100_0000_0000_0000_0000_013b)
    })
}
