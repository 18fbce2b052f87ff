//! Runs of a segment's rules and the schedule that sets them going (RUN-01…RUN-05).

use std::sync::Arc;

use api::shapes::segment_run::SegmentRun as Shape;
use api::{Accepted, Body, Deleted, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::id::{SegmentId, SegmentRunId};
use domain::run_schedule::RunSchedule;
use domain::segment::SegmentState;
use domain::segment_run::{RunStatus, RunTrigger, SegmentRun, Wanted};

use crate::handler::Segments;

/// `POST /v1/segments/{id}/runs`.
pub(crate) async fn begin(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    seed: Seed,
) -> api::Result<Accepted<Shape>> {
    let segment = segments.segment(&id).await?.segment;
    if segment.state != SegmentState::Active {
        return Err(Problem::conflict("notActive", "only an active segment has rules that run"));
    }
    let (run_id, record_type) = (SegmentRunId::new(seed.id(0)), segment.record_type);
    let wanted = Wanted::Unassigned(id.clone());
    let run = SegmentRun::begin(run_id, record_type, wanted, RunTrigger::Manual, segments.clock.now());
    let run = segments.store.begin_segment_run(run, Some(&seed.tag())).await?;
    Ok(Accepted { location: format!("/v1/segments/{id}/runs/{}", run.id), resource: run.into() })
}

/// `GET /v1/segments/{id}/runs`.
pub(crate) async fn list(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let record_type = segments.segment(&id).await?.segment.record_type;
    let behind: Option<SegmentRunId> = paging.position()?;
    let limit = paging.limit + 1;
    let mut runs = segments.store.segment_runs(&record_type, Some(&id), behind.as_ref(), limit).await?;
    let next = paging.cut(&mut runs, |run| run.id.clone());
    Ok(paging.page(runs.into_iter().map(Shape::from).collect(), next.as_ref()))
}

/// `GET /v1/segments/{id}/runs/{runId}`.
pub(crate) async fn read(
    State(segments): State<Arc<Segments>>,
    Path((id, run)): Path<(SegmentId, SegmentRunId)>,
) -> api::Result<Versioned<Shape>> {
    let record_type = segments.segment(&id).await?.segment.record_type;
    let run = segments.store.segment_run(&record_type, Some(&id), &run).await?.ok_or_else(Problem::not_found)?;
    Ok(Versioned { version: version(&run), resource: run.into() })
}

/// Counts what clients change: they can only end it.
fn version(run: &SegmentRun) -> u64 {
    if run.status == RunStatus::Cancelled { 2 } else { 1 }
}

/// `POST /v1/segments/{id}/runs/{runId}/cancel`.
pub(crate) async fn cancel(
    State(segments): State<Arc<Segments>>,
    Path((id, run)): Path<(SegmentId, SegmentRunId)>,
    if_match: IfMatch,
) -> api::Result<Versioned<Shape>> {
    let record_type = segments.segment(&id).await?.segment.record_type;
    loop {
        let standing = segments.store.standing(&record_type, Some(&id), &run).await?;
        let standing = standing.ok_or_else(Problem::not_found)?;
        match standing.run.status {
            RunStatus::Running => {
                if_match.check(version(&standing.run))?;
                // If somebody else was first it is looked again.
                segments.store.end_segment_run(standing, RunStatus::Cancelled, segments.clock.now()).await?;
            }
            RunStatus::Cancelled => return read(State(segments), Path((id, run))).await,
            RunStatus::Done | RunStatus::Failed => {
                return Err(Problem::conflict("runHasEnded", "the run has ended already"));
            }
        }
    }
}

/// `GET /v1/segments/{id}/schedule`.
pub(crate) async fn schedule(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
) -> api::Result<Versioned<RunSchedule>> {
    segments.segment(&id).await?;
    let known = segments.store.schedule(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Versioned { version: known.version, resource: known.schedule })
}

/// `PUT /v1/segments/{id}/schedule`.
pub(crate) async fn replace_schedule(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<RunSchedule>> {
    segments.segment(&id).await?;
    let schedule = RunSchedule::parse(&body)?;
    let check = |version| if_match.check(version);
    let known = segments.store.put_schedule::<Problem>(&id, &schedule, segments.clock.now(), check).await?;
    Ok(Versioned { version: known.version, resource: known.schedule })
}

/// `DELETE /v1/segments/{id}/schedule`.
pub(crate) async fn delete_schedule(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    segments.segment(&id).await?;
    segments.store.delete_schedule::<Problem>(&id, |version| if_match.check(version)).await?;
    Ok(Deleted)
}
