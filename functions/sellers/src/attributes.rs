//! The attributes of a seller.

use std::sync::Arc;

use api::shapes::seller::Seller as Shape;
use api::{Authorized, Body, IfMatch, Path, Versioned};
use axum::extract::State;
use domain::fault::Pointer;
use domain::id::SellerId;
use domain::seller::Seller;
use domain::seller_attribute::AttributesDraft;

use crate::service::Sellers;

/// `PUT /v1/sellers/{id}/attributes` (ATTR-05).
pub(crate) async fn apply(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = sellers.seller(&id).await?;
    let known = sellers.store.seller_attributes().await?;
    let draft = AttributesDraft::parse(&body, &Pointer::root(), &known)?;
    sellers.change(&present.id, &authorized, &if_match, |seen: &Seller| Ok(draft.applied_to(seen))).await
}
