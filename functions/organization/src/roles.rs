//! Role definitions: load, decide, commit.

use std::sync::Arc;

use api::role_draft::{keeps_administration, parse_grants};
use api::{Body, IfMatch, Page, Paging, Path, Problem, Versioned};
use axum::extract::State;
use domain::role_definition::RoleDefinition;
use domain::role_definition::RoleDefinitions;
use domain::seller::Role;

use crate::Organization;

fn named(name: &str) -> api::Result<Role> {
    Role::named(name).ok_or_else(Problem::not_found)
}

/// `GET /v1/roles`, in the order of SPEC.md section 2.5.
pub(crate) async fn list(
    State(organization): State<Arc<Organization>>,
    paging: Paging,
) -> api::Result<Page<RoleDefinition>> {
    let definitions = organization.store.role_definitions().await?;
    paging.of(definitions.iter().cloned().collect(), |definition| definition.name)
}

/// `GET /v1/roles/{name}`.
pub(crate) async fn read(
    State(organization): State<Arc<Organization>>,
    Path(name): Path<String>,
) -> api::Result<Versioned<RoleDefinition>> {
    let role = named(&name)?;
    let definition = organization.store.role_definitions().await?.of(role).clone();
    Ok(Versioned { version: definition.version, resource: definition })
}

/// `PUT /v1/roles/{name}` (SEC-05). In force at the edge for every request after the answer.
pub(crate) async fn replace(
    State(organization): State<Arc<Organization>>,
    Path(name): Path<String>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<RoleDefinition>> {
    let role = named(&name)?;
    let grants = parse_grants(&body, role)?;
    let decide = |seen: &RoleDefinition| {
        if_match.check(seen.version)?;
        keeps_administration(role, &grants)?;
        Ok(grants.clone())
    };
    let predefined = RoleDefinitions::predefined();
    let definition = organization.store.change_role::<Problem>(predefined.of(role), decide).await?;
    Ok(Versioned { version: definition.version, resource: definition })
}
