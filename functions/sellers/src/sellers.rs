//! Sellers: load, decide, commit.

use std::sync::Arc;

use api::shapes::seller::Seller as Shape;
use api::{Authorized, Body, Created, Deleted, Filters, IfMatch, Page, Paging, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::id::{RecordType, SellerId};
use domain::privilege::MANAGE_TEAMS;
use domain::seller::{Seller, SellerDraft};

use crate::reach::Reach;
use crate::service::Sellers;

/// Believes a body. Who puts a seller into other teams changes those teams.
async fn believe(
    sellers: &Sellers,
    authorized: &Authorized,
    body: &serde_json::Value,
    present: Option<&Seller>,
) -> api::Result<SellerDraft> {
    let knowledge = sellers.store.knowledge(&sellers.memory).await?;
    let definition = knowledge.record_types.get(&RecordType::from("seller"));
    let definition = definition.expect("sellers are described from the start");
    let teams = knowledge.organisation.teams.iter().map(|team| team.group.id.clone()).collect();
    let draft = SellerDraft::parse(body, definition, &teams, present)?;
    if draft.changes_teams(present) {
        authorized.demand(&MANAGE_TEAMS)?;
    }
    Ok(draft)
}

/// `POST /v1/sellers`.
pub(crate) async fn create(
    State(sellers): State<Arc<Sellers>>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Shape>> {
    let draft = believe(&sellers, &authorized, &body, None).await?;
    let id = draft.id.clone().unwrap_or_else(|| SellerId::new(seed.id(0)));
    let seller = draft.into_seller(id);
    Reach::of(&sellers, authorized.clone()).await?.check(&seller)?;
    let seller = sellers.store.create_seller(seller, Some(&seed.tag())).await?;
    let location = format!("/v1/sellers/{}", seller.id);
    let Versioned { version, resource } = sellers.answer_one(seller, &authorized).await?;
    Ok(Created { location, version, resource })
}

/// `GET /v1/sellers`: in the order of their ids; `search` finds part of a name or id anywhere, in any case (ELIG-06),
/// `eligible` those who hold an eligible role, or those who don't (ELIG-02).
pub(crate) async fn list(
    State(sellers): State<Arc<Sellers>>,
    authorized: Authorized,
    filters: Filters,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let from: Option<SellerId> = paging.position()?;
    let sought = filters.get("search").map(str::to_lowercase);
    let holds = |text: &str| sought.as_ref().is_none_or(|sought| text.to_lowercase().contains(sought));
    let eligible = match filters.get("eligible") {
        Some(wanted) => Some((sellers.store.settings().await?.eligible_roles, wanted == "true")),
        None => None,
    };
    let mut found = sellers.store.sellers().await?;
    found.retain(|seller| {
        from.as_ref().is_none_or(|from| seller.id > *from)
            && (holds(&seller.name) || holds(seller.id.as_str()))
            && eligible.as_ref().is_none_or(|(roles, wanted)| roles.admit(&seller.roles) == *wanted)
    });
    let next = paging.cut(&mut found, |known| known.id.clone());
    Ok(paging.page(sellers.answer(found, &authorized).await?, next.as_ref()))
}

/// `GET /v1/sellers/{id}`.
pub(crate) async fn read(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
) -> api::Result<Versioned<Shape>> {
    let seller = sellers.seller(&id).await?;
    sellers.answer_one(seller, &authorized).await
}

/// `PUT /v1/sellers/{id}`.
pub(crate) async fn replace(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = sellers.seller(&id).await?;
    let reach = Reach::of(&sellers, authorized.clone()).await?;
    let draft = believe(&sellers, &authorized, &body, Some(&present)).await?;
    let decide = |seen: &Seller| {
        let next = draft.applied_to(seen);
        reach.check(seen)?;
        reach.check(&next)?;
        if_match.check(seen.version)?;
        Ok(next)
    };
    let seller = sellers.store.change_seller::<Problem>(&id, decide).await?;
    sellers.answer_one(seller, &authorized).await
}

/// `DELETE /v1/sellers/{id}`. Records keep the seller as their owner until somebody assigns them; rules that name the
/// seller keep the name, which then stands for nobody.
pub(crate) async fn delete(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let reach = Reach::of(&sellers, authorized).await?;
    let check = |seller: &Seller| {
        reach.check(seller)?;
        if_match.check(seller.version)
    };
    sellers.store.delete_seller::<Problem>(&id, check).await?;
    Ok(Deleted)
}
