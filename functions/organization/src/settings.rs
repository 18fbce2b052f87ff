//! The settings: load, decide, commit.

use std::sync::Arc;

use api::{Body, IfMatch, Problem, Versioned};
use axum::extract::State;
use domain::settings::Settings;

use crate::Organization;

/// `GET /v1/settings`.
pub(crate) async fn read(State(organization): State<Arc<Organization>>) -> api::Result<Versioned<Settings>> {
    let settings = organization.store.settings().await?;
    Ok(Versioned { version: settings.version, resource: settings })
}

/// `PUT /v1/settings`: members that the body does not name stay.
pub(crate) async fn change(
    State(organization): State<Arc<Organization>>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Settings>> {
    let decide = |seen: &Settings| {
        if_match.check(seen.version)?;
        Ok(seen.merged(&body)?)
    };
    let settings = organization.store.change_settings::<Problem>(decide).await?;
    Ok(Versioned { version: settings.version, resource: settings })
}
