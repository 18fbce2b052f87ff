//! Many records given to one seller or team by hand (MON-60…MON-64).

use std::sync::Arc;

use api::shapes::record::{BatchResult, BatchResults};
use api::{Body, Path, Problem, Seed};
use axum::Json;
use axum::extract::State;
use domain::id::{Owner, RecordKey, RecordType};
use domain::record::State as RecordState;
use domain::record_draft::parse_assignments;
use domain::route::manual;
use store::record_item::Stored;
use store::records::Change;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::handler::Monitor;

/// How many records are given to a team or queue at once. A seller's turns come one after the other anyway.
const AT_ONCE: usize = 16;

/// `POST /v1/monitor/{type}/assign`.
pub(crate) async fn assign(
    State(monitor): State<Arc<Monitor>>,
    Path(record_type): Path<String>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Json<BatchResults>> {
    let record_type = RecordType::new(record_type);
    let knowledge = monitor.knowledge_of(&record_type).await?;
    let (ids, owner) = parse_assignments(&body, |owner| knowledge.has(owner))?;
    if !knowledge.may_receive(&owner) {
        return Err(Problem::owner_lacks_permission());
    }
    let version = knowledge.organisation.rulebooks.get(&record_type).map_or(0, |rulebook| rulebook.version);
    let unit: Option<Arc<str>> = owner.seller().and_then(|seller| knowledge.unit_of(seller)).map(Into::into);
    let at_once = if owner.seller().is_some() { 1 } else { AT_ONCE };
    let (tag, places) = (seed.tag(), Arc::new(Semaphore::new(at_once)));
    let mut giving = JoinSet::new();
    for (index, id) in ids.into_iter().enumerate() {
        let (monitor, places) = (Arc::clone(&monitor), Arc::clone(&places));
        let (owner, unit, tag) = (owner.clone(), unit.clone(), tag.clone());
        let key = RecordKey { record_type: record_type.clone(), id };
        giving.spawn(async move {
            let _place = places.acquire_owned().await.expect("the semaphore is never closed");
            match give(&monitor, &key, &owner, unit.as_deref(), version, &tag).await {
                Ok(()) => BatchResult::ok(index, key.id),
                Err(problem) => BatchResult::failed(index, Some(key.id), problem),
            }
        });
    }
    let mut results = giving.join_all().await;
    results.sort_unstable_by_key(|result| result.index);
    Ok(Json(BatchResults { results }))
}

async fn give(
    monitor: &Monitor,
    key: &RecordKey,
    owner: &Owner,
    unit: Option<&str>,
    version: u64,
    tag: &str,
) -> api::Result<()> {
    let now = monitor.clock.now();
    let decide = |stored: &Stored| {
        if stored.record.tag.as_deref() == Some(tag) {
            return Ok(Change::Nothing);
        }
        if stored.record.state == RecordState::Inactive {
            return Err(Problem::conflict("recordInactive", "the record is inactive"));
        }
        let run = Box::new(manual(&stored.record, owner.clone(), version, now));
        let business_unit = unit.map(ToOwned::to_owned);
        Ok(Change::Assigned { run, business_unit, tag: None }.by(tag))
    };
    monitor.store.change_record::<Problem>(key, now, decide).await?;
    Ok(())
}
