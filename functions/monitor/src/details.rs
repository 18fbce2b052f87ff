//! One record as the monitor shows it (MON-05, MON-07).

use std::sync::Arc;

use api::shapes::monitor::MonitoredRecord;
use api::shapes::run;
use api::{Authorized, Path};
use axum::Json;
use axum::extract::State;
use domain::id::{RecordId, RecordKey, RecordType};
use domain::reason::Reason;
use domain::word::word;

use crate::handler::{Monitor, name, rule_name, segment_names};

/// `GET /v1/monitor/{type}/records/{id}`.
pub(crate) async fn read(
    State(monitor): State<Arc<Monitor>>,
    Path((record_type, id)): Path<(String, RecordId)>,
    _: Authorized,
) -> api::Result<Json<MonitoredRecord>> {
    let record_type = RecordType::new(record_type);
    let knowledge = monitor.knowledge_of(&record_type).await?;
    let now = monitor.clock.now();
    let record = monitor.store.record(&RecordKey { record_type, id }, now).await?.record;
    let last = match &record.last {
        Some(last) => Some(monitor.store.run(&last.id).await?),
        None => None,
    };
    let names = segment_names(&knowledge, &record.key.record_type);
    let assignment = last.as_ref().map(|last| &last.assignment);
    let reason = last.as_ref().and_then(domain::run::RoutingRun::reason);
    Ok(Json(MonitoredRecord {
        name: name(&knowledge, &record),
        status: word(record.work_status()),
        pending_since: record.waits().then(|| record.mark_or_adoption(now).since),
        created_on: record.created_on,
        segment_name: record.segment.as_ref().and_then(|segment| names.get(segment).cloned()),
        rule_name: rule_name(&knowledge, last.as_ref()),
        assigned_to: assignment.and_then(|assignment| assignment.owner.clone()),
        previous_owner: assignment.and_then(|assignment| assignment.previous_owner.clone()),
        assignment_due: assignment.and_then(|assignment| assignment.due_at),
        overdue: last.as_ref().is_some_and(|last| last.is_overdue(&record, now)),
        reason: reason.map(|reason| reason.code().to_owned()),
        reason_text: reason.map(|reason| Reason::text(reason).to_owned()),
        error_details: last.as_ref().and_then(|last| last.error_details.clone()),
        run: last.as_ref().map(|last| run::answer(last, false, &*knowledge)),
        id: record.key.id,
        record_type: record.key.record_type,
        owner: record.owner,
        segment_id: record.segment.filter(|segment| names.contains_key(segment)),
    }))
}
