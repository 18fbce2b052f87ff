//! Records and their runs, read.

use std::sync::Arc;

use api::shapes::record::Record;
use api::shapes::run;
use api::shapes::timeline::TimelineEntry;
use api::{Authorized, Filters, Page, Paging, Path, Problem, Scope, Versioned};
use axum::Json;
use axum::extract::State;
use domain::id::{Owner, QueueId, RecordKey, RecordType, RunId, SegmentId, SellerId, TeamId};
use domain::record::{State as RecordState, WorkStatus};
use serde_json::Value;
use store::knowledge::Knowledge;
use store::listing::Listing;

use crate::Records;
use crate::scope::{check, definition, reaches, shown};

/// `GET /v1/records/{type}`.
pub(crate) async fn list(
    State(records): State<Arc<Records>>,
    Path(record_type): Path<String>,
    authorized: Authorized,
    filters: Filters,
    paging: Paging,
) -> api::Result<Page<Record>> {
    let record_type = RecordType::new(record_type);
    let knowledge = records.knowledge().await?;
    definition(&knowledge, &record_type)?;
    let wanted = Wanted::read(&filters);
    let listing = wanted.listing(&record_type, &authorized, &knowledge);
    let (scope, caller) = (authorized.scope, authorized.caller.sub.as_str());
    let keep = |record: &domain::record::Record| {
        record.key.record_type == record_type && wanted.holds(record) && reaches(scope, caller, record, &knowledge)
    };
    let page = records.store.list(&listing, paging.position()?, paging.limit, records.clock.now(), keep).await?;
    Ok(paging.page(page.records.into_iter().map(|record| shown(record, &knowledge)).collect(), page.next.as_ref()))
}

/// The filters of a list of records.
struct Wanted {
    segment: Option<SegmentId>,
    owner: Option<Owner>,
    state: Option<RecordState>,
    work: Option<WorkStatus>,
}

impl Wanted {
    fn read(filters: &Filters) -> Self {
        Self {
            segment: filters.get("segmentId").map(SegmentId::new),
            owner: filters.get("owner").map(owner),
            state: filters.get("state").map(|word| match word {
                "inactive" => RecordState::Inactive,
                _ => RecordState::Active,
            }),
            work: filters.get("workStatus").map(|word| match word {
                "pending" => WorkStatus::Pending,
                "succeeded" => WorkStatus::Succeeded,
                "needsAttention" => WorkStatus::NeedsAttention,
                _ => WorkStatus::None,
            }),
        }
    }

    /// The narrowest index that holds every record wanted within the caller's reach: a list is never read beyond it.
    fn listing(&self, record_type: &RecordType, authorized: &Authorized, knowledge: &Knowledge) -> Listing {
        let caller = SellerId::new(&authorized.caller.sub);
        if let Some(owner) = &self.owner {
            return Listing::owned(owner, record_type, self.state);
        }
        match (authorized.scope, knowledge.unit_of(&caller)) {
            (Scope::Organisation, _) => self.of_all(record_type),
            (Scope::BusinessUnit, Some(unit)) => Listing::within_reach(unit, &caller, record_type, self.state),
            (Scope::BusinessUnit, None) | (Scope::Own, _) => {
                Listing::owned(&Owner::Seller(caller), record_type, self.state)
            }
        }
    }

    fn of_all(&self, record_type: &RecordType) -> Listing {
        if let Some(segment) = &self.segment {
            return Listing::members(segment);
        }
        match self.work {
            Some(WorkStatus::Pending) => Listing::pending(record_type),
            Some(WorkStatus::NeedsAttention) => Listing::attention(record_type),
            Some(WorkStatus::Succeeded) => Listing::all(record_type, Some(RecordState::Active)),
            Some(WorkStatus::None) | None => Listing::all(record_type, self.state),
        }
    }

    fn holds(&self, record: &domain::record::Record) -> bool {
        self.segment.as_ref().is_none_or(|segment| record.segment.as_ref() == Some(segment))
            && self.owner.as_ref().is_none_or(|owner| owned_by(record, owner))
            && self.state.is_none_or(|state| record.state == state)
            && self.work.is_none_or(|work| record.work_status() == work)
    }
}

/// Whether an owner holds a record; a queue also holds what waits in it and nobody owns.
fn owned_by(record: &domain::record::Record, owner: &Owner) -> bool {
    match (&record.owner, owner) {
        (None, Owner::Queue(queue)) => record.queue.as_ref() == Some(queue),
        (present, owner) => present.as_ref() == Some(owner),
    }
}

/// An owner as a query names it: a seller's id, or `kind:id`.
fn owner(text: &str) -> Owner {
    match text.split_once(':') {
        Some(("team", id)) => Owner::Team(TeamId::new(id)),
        Some(("queue", id)) => Owner::Queue(QueueId::new(id)),
        Some(("seller", id)) => Owner::Seller(SellerId::new(id)),
        _ => Owner::Seller(SellerId::new(text)),
    }
}

/// `GET /v1/records/{type}/{id}`.
pub(crate) async fn one(
    State(records): State<Arc<Records>>,
    Path((record_type, id)): Path<(String, String)>,
    authorized: Authorized,
) -> api::Result<Versioned<Record>> {
    let key = RecordKey::new(RecordType::new(record_type), domain::id::RecordId::new(id));
    let knowledge = records.knowledge().await?;
    definition(&knowledge, &key.record_type)?;
    let stored = records.store.record(&key, records.clock.now()).await?;
    check(&authorized, &stored.record, &knowledge)?;
    Ok(Versioned { version: stored.record.version, resource: shown(stored.record, &knowledge) })
}

/// `GET /v1/records/{type}/{id}/runs`.
pub(crate) async fn runs(
    State(records): State<Arc<Records>>,
    Path((record_type, id)): Path<(String, String)>,
    authorized: Authorized,
    paging: Paging,
) -> api::Result<Page<Value>> {
    let key = RecordKey::new(RecordType::new(record_type), domain::id::RecordId::new(id));
    let knowledge = records.knowledge().await?;
    let stored = records.store.record(&key, records.clock.now()).await?;
    check(&authorized, &stored.record, &knowledge)?;
    let (runs, next) = records.store.runs_of(&stored.record, paging.position()?, paging.limit).await?;
    Ok(paging.page(runs.iter().map(|found| run::answer(found, true, &*knowledge)).collect(), next.as_ref()))
}

/// `GET /v1/records/{type}/{id}/runs/{runId}`.
pub(crate) async fn run(
    State(records): State<Arc<Records>>,
    Path((record_type, id, run)): Path<(String, String, RunId)>,
    authorized: Authorized,
) -> api::Result<Json<Value>> {
    let key = RecordKey::new(RecordType::new(record_type), domain::id::RecordId::new(id));
    let knowledge = records.knowledge().await?;
    let stored = records.store.record(&key, records.clock.now()).await?;
    check(&authorized, &stored.record, &knowledge)?;
    let found = records.store.run(&run).await?;
    if found.record() != key {
        return Err(Problem::not_found());
    }
    Ok(Json(run::answer(&found, true, &*knowledge)))
}

/// `GET /v1/records/{type}/{id}/timeline`.
pub(crate) async fn timeline(
    State(records): State<Arc<Records>>,
    Path((record_type, id)): Path<(String, String)>,
    authorized: Authorized,
    paging: Paging,
) -> api::Result<Page<TimelineEntry>> {
    let key = RecordKey::new(RecordType::new(record_type), domain::id::RecordId::new(id));
    let knowledge = records.knowledge().await?;
    let stored = records.store.record(&key, records.clock.now()).await?;
    check(&authorized, &stored.record, &knowledge)?;
    let record = stored.record;
    let (found, next) = records.store.timeline(&record, paging.position()?, paging.limit).await?;
    Ok(paging.page(found.into_iter().map(|happening| TimelineEntry::new(happening, &record)).collect(), next.as_ref()))
}
