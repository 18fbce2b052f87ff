//! What waits, what was processed, how many (MON-01…08).

use std::collections::BTreeMap;
use std::sync::Arc;

use api::shapes::monitor::{PendingRecord, PendingSummary, ProcessedRecord, ProcessedSummary, SegmentSummary, Summary};
use api::shapes::run;
use api::{Authorized, Filters, Page, Paging, Path, Problem};
use axum::Json;
use axum::extract::State;
use domain::explanation::Names as _;
use domain::id::{RecordType, RunId, SegmentId};
use domain::record::{Record, State as RecordState, WorkStatus};
use domain::run::{RoutingRun, Trigger};
use domain::word::word;
use store::knowledge::{Knowledge, Memory};
use store::listing::Listing;
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct Monitor {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
}

impl Monitor {
    /// What is configured now, if the type exists; otherwise there is no such path.
    pub(crate) async fn knowledge_of(&self, record_type: &RecordType) -> api::Result<Arc<Knowledge>> {
        let knowledge = self.store.knowledge(&self.memory).await?;
        if knowledge.organisation.rulebooks.contains_key(record_type) {
            Ok(knowledge)
        } else {
            Err(Problem::not_found())
        }
    }
}

pub(crate) fn name(knowledge: &Knowledge, record: &Record) -> Option<String> {
    knowledge.record_types.get(&record.key.record_type)?.name_of(&record.fields)
}

/// `GET /v1/monitor/{type}/pending`.
pub(crate) async fn pending(
    State(monitor): State<Arc<Monitor>>,
    Path(record_type): Path<String>,
    _: Authorized,
    paging: Paging,
) -> api::Result<Page<PendingRecord>> {
    let record_type = RecordType::new(record_type);
    let knowledge = monitor.knowledge_of(&record_type).await?;
    let (listing, now) = (Listing::pending(&record_type), monitor.clock.now());
    let page = monitor.store.list(&listing, paging.position()?, paging.limit, now, Record::waits).await?;
    let names = segment_names(&knowledge, &record_type);
    let items = page.records.into_iter().map(|record| {
        let mark = record.mark_or_adoption(now);
        PendingRecord {
            name: name(&knowledge, &record),
            pending_since: mark.since,
            trigger: word(Trigger::from(mark.cause)),
            id: record.key.id,
            record_type: record.key.record_type,
            owner: record.owner,
            segment_id: record.segment.filter(|segment| names.contains_key(segment)),
        }
    });
    Ok(paging.page(items.collect(), page.next.as_ref()))
}

/// `GET /v1/monitor/{type}/processed`.
pub(crate) async fn processed(
    State(monitor): State<Arc<Monitor>>,
    Path(record_type): Path<String>,
    _: Authorized,
    filters: Filters,
    paging: Paging,
) -> api::Result<Page<ProcessedRecord>> {
    let record_type = RecordType::new(record_type);
    let knowledge = monitor.knowledge_of(&record_type).await?;
    let segment = filters.get("segmentId").map(SegmentId::new);
    let status = filters.get("status");
    let keep = |record: &Record| {
        let reason = record.last.as_ref().and_then(|last| last.reason);
        let as_asked = match status {
            Some("succeeded") => reason.is_none(),
            Some(_) => reason.is_some(),
            None => true,
        };
        as_asked
            && matches!(record.work_status(), WorkStatus::Succeeded | WorkStatus::NeedsAttention)
            && filters.get("reason").is_none_or(|code| reason.is_some_and(|reason| reason.code() == code))
            && segment.as_ref().is_none_or(|segment| record.segment.as_ref() == Some(segment))
    };
    let failed = status.map_or(filters.get("reason").is_some(), |status| status != "succeeded");
    let listing =
        if failed { Listing::attention(&record_type) } else { Listing::all(&record_type, Some(RecordState::Active)) };
    let now = monitor.clock.now();
    let page = monitor.store.list(&listing, paging.position()?, paging.limit, now, keep).await?;
    let ids: Vec<RunId> = page.records.iter().filter_map(|record| Some(record.last.as_ref()?.id.clone())).collect();
    let runs: BTreeMap<RunId, RoutingRun> =
        monitor.store.runs(&ids).await?.into_iter().map(|run| (run.id.clone(), run)).collect();
    let names = segment_names(&knowledge, &record_type);
    let items = page.records.into_iter().map(|record| ProcessedRecord {
        name: name(&knowledge, &record),
        segment_name: record.segment.as_ref().and_then(|segment| names.get(segment).cloned()),
        status: word(record.work_status()),
        rule_name: rule_name(&knowledge, last_run(&runs, &record)),
        run: last_run(&runs, &record).map(|found| run::answer(found, false, &*knowledge)),
        id: record.key.id,
        record_type: record.key.record_type,
        owner: record.owner,
        segment_id: record.segment.filter(|segment| names.contains_key(segment)),
    });
    Ok(paging.page(items.collect(), page.next.as_ref()))
}

fn last_run<'a>(runs: &'a BTreeMap<RunId, RoutingRun>, record: &Record) -> Option<&'a RoutingRun> {
    runs.get(&record.last.as_ref()?.id)
}

/// What the rule is called that a run applied, while it is in force.
pub(crate) fn rule_name(knowledge: &Knowledge, run: Option<&RoutingRun>) -> Option<String> {
    knowledge.rule(run?.assignment.rule_id.as_ref()?)
}

/// Names of the segments that exist; a deleted one has none.
pub(crate) fn segment_names(knowledge: &Knowledge, record_type: &RecordType) -> BTreeMap<SegmentId, String> {
    let rulebook = knowledge.organisation.rulebooks.get(record_type);
    rulebook.map(|rulebook| rulebook.segment_names().clone()).unwrap_or_default()
}

/// `GET /v1/monitor/{type}/summary`.
pub(crate) async fn summary(
    State(monitor): State<Arc<Monitor>>,
    Path(record_type): Path<String>,
    _: Authorized,
) -> api::Result<Json<Summary>> {
    let record_type = RecordType::new(record_type);
    let names = segment_names(&*monitor.knowledge_of(&record_type).await?, &record_type);
    let mut counts = monitor.store.counts(&record_type).await?;
    let listing = Listing::pending(&record_type);
    let pending = PendingSummary {
        count: monitor.store.count(&listing).await?,
        oldest_since: monitor.store.oldest_pending(&record_type).await?,
    };
    // Every segment that exists: nothing is kept of one without members yet, and something still of a deleted one.
    let segments = names.into_keys().map(|id| {
        let segment = counts.segments.remove(&id).unwrap_or_default();
        let summary = SegmentSummary { members: shown(segment.members), unassigned: shown(segment.unassigned) };
        (id.to_string(), summary)
    });
    Ok(Json(Summary {
        pending,
        processed: ProcessedSummary {
            succeeded: shown(counts.succeeded),
            needs_attention: shown(counts.needs_attention),
        },
        reasons: counts.reasons.into_iter().map(|(reason, count)| (reason, shown(count))).collect(),
        segments: segments.collect(),
    }))
}

/// The rows of a counter are not read at one instant, so that their sum may be below zero for a moment.
fn shown(count: i64) -> u64 {
    u64::try_from(count).unwrap_or(0)
}
