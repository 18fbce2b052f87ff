//! Whether and how much a seller is assigned: the toggle and the maximum.

use std::sync::Arc;

use api::shapes::seller::Seller as Shape;
use api::{Authorized, Body, IfMatch, Path, Problem, Versioned};
use axum::extract::State;
use domain::capacity::CapacityDraft;
use domain::fault::Pointer;
use domain::id::SellerId;
use domain::seller::{Seller, parse_assign_records};

use crate::service::Sellers;

/// Another maximum is set already (CAP-06).
pub(crate) fn override_needed() -> Problem {
    Problem::conflict("overrideNeeded", "another maximum is set already; \"override\": true replaces it")
}

/// `PUT /v1/sellers/{id}/assign-records` (ELIG-03).
pub(crate) async fn switch(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = sellers.seller(&id).await?;
    let assign_records = parse_assign_records(&body)?;
    let decide = |seen: &Seller| Ok(Seller { assign_records, ..seen.clone() });
    sellers.change(&present.id, &authorized, &if_match, decide).await
}

/// `PUT /v1/sellers/{id}/capacity` (CAP-06).
pub(crate) async fn set(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = sellers.seller(&id).await?;
    let draft = CapacityDraft::parse(&body, &Pointer::root())?;
    let decide = |seen: &Seller| draft.applied_to(seen).ok_or_else(override_needed);
    sellers.change(&present.id, &authorized, &if_match, decide).await
}
