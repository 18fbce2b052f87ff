//! Queues: load, decide, commit.

use std::sync::Arc;

use api::{Body, Created, Deleted, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::id::{QueueId, RuleId};
use domain::members::members_named;
use domain::queue::{Queue, QueueDraft};
use serde_json::Value;

use crate::Organization;
use crate::teams::unused;

async fn believe(organization: &Organization, body: &Value, present: Option<&Queue>) -> api::Result<QueueDraft> {
    let known = organization.store.record_types().await?;
    let members = organization.store.sellers_among(&members_named(body)).await?;
    Ok(QueueDraft::parse(body, &known, &members, present)?)
}

/// `POST /v1/queues`.
pub(crate) async fn create(
    State(organization): State<Arc<Organization>>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Queue>> {
    let draft = believe(&organization, &body, None).await?;
    let id = draft.id.clone().unwrap_or_else(|| QueueId::new(seed.id(0)));
    let queue = organization.store.create_queue(draft.into_queue(id), Some(&seed.tag())).await?;
    Ok(Created { location: format!("/v1/queues/{}", queue.id), version: queue.version, resource: queue })
}

/// `GET /v1/queues`, in the order of their ids.
pub(crate) async fn list(State(organization): State<Arc<Organization>>, paging: Paging) -> api::Result<Page<Queue>> {
    let all = organization.store.queues().await?;
    paging.of(all, |queue| queue.id.clone())
}

/// `GET /v1/queues/{id}`.
pub(crate) async fn read(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<QueueId>,
) -> api::Result<Versioned<Queue>> {
    let queue = organization.store.queue(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Versioned { version: queue.version, resource: queue })
}

/// `PUT /v1/queues/{id}`.
pub(crate) async fn replace(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<QueueId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Queue>> {
    let present = organization.store.queue(&id).await?.ok_or_else(Problem::not_found)?;
    let draft = believe(&organization, &body, Some(&present)).await?;
    let decide = |seen: &Queue| {
        if_match.check(seen.version)?;
        Ok(draft.applied_to(seen))
    };
    let queue = organization.store.change_queue::<Problem>(&id, decide).await?;
    Ok(Versioned { version: queue.version, resource: queue })
}

/// `DELETE /v1/queues/{id}`. Records keep the queue as their owner until somebody assigns them.
pub(crate) async fn delete(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<QueueId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let check = |queue: &Queue, rules: &[RuleId]| {
        if_match.check(queue.version)?;
        unused(rules)
    };
    organization.store.delete_queue::<Problem>(&id, check).await?;
    Ok(Deleted)
}
