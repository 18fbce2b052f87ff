//! Teams: load, decide, commit.

use std::sync::Arc;

use api::{Body, Created, Deleted, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::id::{RecordType, RuleId, TeamId};
use domain::members::members_named;
use domain::team::{Team, TeamDraft};
use serde_json::Value;

use crate::Organization;

async fn believe(organization: &Organization, body: &Value, present: Option<&Team>) -> api::Result<TeamDraft> {
    let known = organization.store.record_types().await?;
    let members = organization.store.sellers_among(&members_named(body)).await?;
    let definition = known.get(&RecordType::from("team")).expect("teams are described from the start");
    Ok(TeamDraft::parse(body, definition, &members, present)?)
}

/// `POST /v1/teams`.
pub(crate) async fn create(
    State(organization): State<Arc<Organization>>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Team>> {
    let draft = believe(&organization, &body, None).await?;
    let id = draft.id.clone().unwrap_or_else(|| TeamId::new(seed.id(0)));
    let team = organization.store.create_team(draft.into_team(id), Some(&seed.tag())).await?;
    Ok(Created { location: format!("/v1/teams/{}", team.id), version: team.version, resource: team })
}

/// `GET /v1/teams`, in the order of their ids.
pub(crate) async fn list(State(organization): State<Arc<Organization>>, paging: Paging) -> api::Result<Page<Team>> {
    let all = organization.store.teams().await?;
    paging.of(all, |team| team.id.clone())
}

/// `GET /v1/teams/{id}`.
pub(crate) async fn read(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<TeamId>,
) -> api::Result<Versioned<Team>> {
    let team = organization.store.team(&id).await?.ok_or_else(Problem::not_found)?;
    Ok(Versioned { version: team.version, resource: team })
}

/// `PUT /v1/teams/{id}`.
pub(crate) async fn replace(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<TeamId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Team>> {
    let present = organization.store.team(&id).await?.ok_or_else(Problem::not_found)?;
    let draft = believe(&organization, &body, Some(&present)).await?;
    let decide = |seen: &Team| {
        if_match.check(seen.version)?;
        Ok(draft.applied_to(seen))
    };
    let team = organization.store.change_team::<Problem>(&id, decide).await?;
    Ok(Versioned { version: team.version, resource: team })
}

/// `DELETE /v1/teams/{id}`. Records keep the team as their owner until somebody assigns them.
pub(crate) async fn delete(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<TeamId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let check = |team: &Team, rules: &[RuleId]| {
        if_match.check(team.version)?;
        unused(rules)
    };
    organization.store.delete_team::<Problem>(&id, check).await?;
    Ok(Deleted)
}

/// Refuses what active rules name: records would no longer find it (RULE-34, RULE-36).
pub(crate) fn unused(rules: &[RuleId]) -> api::Result<()> {
    if rules.is_empty() {
        return Ok(());
    }
    let rules: Vec<&str> = rules.iter().map(RuleId::as_str).collect();
    Err(Problem::conflict("inUse", format!("active rules name it: {}", rules.join(", "))))
}
