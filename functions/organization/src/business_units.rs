//! Business units: load, decide, commit.

use std::sync::Arc;

use api::{Body, Created, Deleted, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::business_unit::{BusinessUnit, BusinessUnitDraft};
use domain::id::BusinessUnitId;

use crate::Organization;

/// `POST /v1/business-units`.
pub(crate) async fn create(
    State(organization): State<Arc<Organization>>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<BusinessUnit>> {
    let make = |all: &[BusinessUnit]| {
        let draft = BusinessUnitDraft::parse(&body, all, None)?;
        let id = draft.id.clone().unwrap_or_else(|| BusinessUnitId::new(seed.id(0)));
        Ok(draft.into_business_unit(id))
    };
    let unit = organization.store.create_business_unit::<Problem>(Some(&seed.tag()), make).await?;
    Ok(Created { location: format!("/v1/business-units/{}", unit.id), version: unit.version, resource: unit })
}

/// `GET /v1/business-units`, in the order of their ids.
pub(crate) async fn list(
    State(organization): State<Arc<Organization>>,
    paging: Paging,
) -> api::Result<Page<BusinessUnit>> {
    let all = organization.store.business_units().await?;
    paging.of(all, |unit| unit.id.clone())
}

/// `GET /v1/business-units/{id}`.
pub(crate) async fn read(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<BusinessUnitId>,
) -> api::Result<Versioned<BusinessUnit>> {
    let all = organization.store.business_units().await?;
    let unit = all.into_iter().find(|unit| unit.id == id).ok_or_else(Problem::not_found)?;
    Ok(Versioned { version: unit.version, resource: unit })
}

/// `PUT /v1/business-units/{id}`.
pub(crate) async fn replace(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<BusinessUnitId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<BusinessUnit>> {
    let decide = |seen: &BusinessUnit, all: &[BusinessUnit]| {
        if_match.check(seen.version)?;
        Ok(BusinessUnitDraft::parse(&body, all, Some(seen))?.applied_to(seen))
    };
    let unit = organization.store.change_business_unit::<Problem>(&id, decide).await?;
    Ok(Versioned { version: unit.version, resource: unit })
}

/// `DELETE /v1/business-units/{id}`: one without parts, which no seller's column `businessUnit` names.
pub(crate) async fn delete(
    State(organization): State<Arc<Organization>>,
    Path(id): Path<BusinessUnitId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let sellers = organization.store.sellers().await?;
    let check = |unit: &BusinessUnit, all: &[BusinessUnit]| {
        if_match.check(unit.version)?;
        if let Some(child) = unit.children(all).next() {
            return Err(Problem::conflict("hasParts", format!("the business unit {} is a part of it", child.id)));
        }
        match sellers
            .iter()
            .find(|seller| seller.fields.get("businessUnit").is_some_and(|named| named == unit.id.as_str()))
        {
            Some(seller) => Err(Problem::conflict("inUse", format!("the seller {} belongs to it", seller.id))),
            None => Ok(()),
        }
    };
    organization.store.delete_business_unit::<Problem>(&id, check).await?;
    Ok(Deleted)
}
