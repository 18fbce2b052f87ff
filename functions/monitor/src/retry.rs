//! Records that need attention, decided once more.

use std::sync::Arc;

use api::shapes::segment_run::SegmentRun as Shape;
use api::{Accepted, Body, Page, Paging, Path, Problem, Seed};
use axum::Json;
use axum::extract::State;
use domain::id::{RecordType, SegmentRunId};
use domain::segment_run::{RunTrigger, SegmentRun, Wanted};

use crate::handler::Monitor;

/// `POST /v1/monitor/{type}/retry`.
pub(crate) async fn begin(
    State(monitor): State<Arc<Monitor>>,
    Path(record_type): Path<String>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Accepted<Shape>> {
    let record_type = RecordType::new(record_type);
    let knowledge = monitor.knowledge_of(&record_type).await?;
    let rulebook = knowledge.organisation.rulebooks.get(&record_type);
    let wanted = Wanted::parse(&body, |id| rulebook.is_some_and(|rulebook| rulebook.knows(id)))?;
    if wanted.segment().is_some_and(|id| rulebook.is_some_and(|rulebook| rulebook.segment(id).is_none())) {
        return Err(Problem::conflict("notActive", "only an active segment has rules that run"));
    }
    let id = SegmentRunId::new(seed.id(0));
    let run = SegmentRun::begin(id, record_type.clone(), wanted, RunTrigger::Manual, monitor.clock.now());
    let run = monitor.store.begin_segment_run(run, Some(&seed.tag())).await?;
    let location = match run.wanted.segment() {
        Some(segment) => format!("/v1/segments/{segment}/runs/{}", run.id),
        None => format!("/v1/monitor/{record_type}/retries/{}", run.id),
    };
    Ok(Accepted { location, resource: run.into() })
}

/// `GET /v1/monitor/{type}/retries`.
pub(crate) async fn list(
    State(monitor): State<Arc<Monitor>>,
    Path(record_type): Path<String>,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let record_type = RecordType::new(record_type);
    monitor.knowledge_of(&record_type).await?;
    let behind: Option<SegmentRunId> = paging.position()?;
    let mut runs = monitor.store.segment_runs(&record_type, None, behind.as_ref(), paging.limit + 1).await?;
    let next = paging.cut(&mut runs, |run| run.id.clone());
    Ok(paging.page(runs.into_iter().map(Shape::from).collect(), next.as_ref()))
}

/// `GET /v1/monitor/{type}/retries/{runId}`.
pub(crate) async fn read(
    State(monitor): State<Arc<Monitor>>,
    Path((record_type, id)): Path<(String, SegmentRunId)>,
) -> api::Result<Json<Shape>> {
    let record_type = RecordType::new(record_type);
    monitor.knowledge_of(&record_type).await?;
    let run = monitor.store.segment_run(&record_type, None, &id).await?;
    Ok(Json(run.ok_or_else(Problem::not_found)?.into()))
}
