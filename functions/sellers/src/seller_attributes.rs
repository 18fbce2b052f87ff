//! Seller attributes: load, decide, commit (ATTR-*).

use std::sync::Arc;

use api::{Authorized, Body, Created, Deleted, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::assignment_rule::AssignmentRule;
use domain::id::SellerAttributeId;
use domain::seller_attribute::{SellerAttribute, SellerAttributeDraft};

use crate::service::Sellers;

async fn attribute(sellers: &Sellers, id: &SellerAttributeId) -> api::Result<SellerAttribute> {
    sellers.store.seller_attribute(id).await?.ok_or_else(Problem::not_found)
}

/// Refuses a change that would take away what active rules use (ATTR-04).
fn check_use(seen: &SellerAttribute, next: Option<&SellerAttribute>, rules: &[AssignmentRule]) -> api::Result<()> {
    let using = seen.in_the_way(next, rules);
    if using.is_empty() {
        return Ok(());
    }
    let using: Vec<String> = using.iter().map(|rule| format!("{} ({})", rule.name, rule.id)).collect();
    let message = format!("active rules use what this would take away: {}", using.join(", "));
    Err(Problem::conflict("attributeInUse", message))
}

/// `POST /v1/seller-attributes` (ATTR-01).
pub(crate) async fn create(
    State(sellers): State<Arc<Sellers>>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<SellerAttribute>> {
    let draft = SellerAttributeDraft::parse(&body, &sellers.store.record_types().await?, None)?;
    let attribute = draft.into_attribute(SellerAttributeId::new(seed.id(0)));
    let resource = sellers.store.create_seller_attribute(attribute, Some(&seed.tag())).await?;
    let location = format!("/v1/seller-attributes/{}", resource.id);
    Ok(Created { location, version: resource.version, resource })
}

/// `GET /v1/seller-attributes`: in the order of their creation.
pub(crate) async fn list(
    State(sellers): State<Arc<Sellers>>,
    _: Authorized,
    paging: Paging,
) -> api::Result<Page<SellerAttribute>> {
    let from: Option<SellerAttributeId> = paging.position()?;
    let known = sellers.store.seller_attributes().await?;
    let left = known.iter().filter(|attribute| from.as_ref().is_none_or(|from| attribute.id > *from));
    let mut found: Vec<SellerAttribute> = left.take(paging.limit + 1).cloned().collect();
    let next = paging.cut(&mut found, |known| known.id.clone());
    Ok(paging.page(found, next.as_ref()))
}

/// `GET /v1/seller-attributes/{id}`.
pub(crate) async fn read(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerAttributeId>,
) -> api::Result<Versioned<SellerAttribute>> {
    let resource = attribute(&sellers, &id).await?;
    Ok(Versioned { version: resource.version, resource })
}

/// `PUT /v1/seller-attributes/{id}` (ATTR-02). Values that sellers had and that are gone go from the sellers too.
pub(crate) async fn replace(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerAttributeId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<SellerAttribute>> {
    let store = &sellers.store;
    let present = attribute(&sellers, &id).await?;
    let draft = SellerAttributeDraft::parse(&body, &store.record_types().await?, Some(&present))?;
    let rules = store.active_rules().await?;
    // What an interrupted change left behind must not come back with a value of the same name.
    store.forget_attribute_values(&id, &present.values).await?;
    let decide = |seen: &SellerAttribute| {
        if_match.check(seen.version)?;
        let next = draft.applied_to(seen);
        check_use(seen, Some(&next), &rules)?;
        Ok(next)
    };
    let resource = store.change_seller_attribute::<Problem>(&id, decide).await?;
    store.forget_attribute_values(&id, &resource.values).await?;
    Ok(Versioned { version: resource.version, resource })
}

/// `DELETE /v1/seller-attributes/{id}` (ATTR-03, ATTR-04).
pub(crate) async fn delete(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerAttributeId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let store = &sellers.store;
    let rules = store.active_rules().await?;
    let check = |seen: &SellerAttribute| {
        if_match.check(seen.version)?;
        check_use(seen, None, &rules)
    };
    store.delete_seller_attribute::<Problem>(&id, check).await?;
    store.forget_attribute_values(&id, &[]).await?;
    Ok(Deleted)
}
