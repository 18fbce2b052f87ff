//! Sellers: load, decide, commit.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::shapes::seller::{AvailableDay, Capacity, Seller as Shape};
use api::{Authorized, Body, Created, Deleted, Filters, IfMatch, Page, Paging, Path, Problem, Scope, Seed, Versioned};
use axum::extract::State;
use domain::id::{RecordType, SellerId};
use domain::record_type::RecordTypes;
use domain::roster::SellerState;
use domain::seller::{Seller, SellerDraft, parse_assign_records};
use domain::turn::Turn;
use store::knowledge::{Knowledge, Memory};
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct Sellers {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
}

impl Sellers {
    async fn seller(&self, id: &SellerId) -> api::Result<Seller> {
        self.store.seller(id).await?.ok_or_else(Problem::not_found)
    }

    fn believe(body: &serde_json::Value, known: &RecordTypes, present: Option<&Seller>) -> api::Result<SellerDraft> {
        let definition = known.get(&RecordType::from("seller")).expect("sellers are described from the start");
        Ok(SellerDraft::parse(body, definition, present)?)
    }

    /// Whom the caller may manage (SEC-75).
    async fn reach(&self, authorized: Authorized) -> api::Result<Reach> {
        let sellers = if authorized.scope == Scope::Organisation { vec![] } else { self.store.sellers().await? };
        Ok(Reach { sellers: sellers.into_iter().map(|seller| (seller.id.clone(), seller)).collect(), authorized })
    }

    /// The sellers as they are answered, with the part of them that moves.
    async fn answer(&self, sellers: Vec<Seller>) -> api::Result<Vec<Shape>> {
        let knowledge = self.store.knowledge(&self.memory).await?;
        let ids: Vec<_> = sellers.iter().map(|seller| seller.id.clone()).collect();
        let mut states = self.store.seller_states(&ids).await?;
        let shapes = sellers.into_iter().map(|seller| {
            let state = states.remove(&seller.id).unwrap_or_default();
            self.shape(seller, &state, &knowledge)
        });
        Ok(shapes.collect())
    }

    async fn answer_one(&self, seller: Seller) -> api::Result<Versioned<Shape>> {
        let version = seller.version;
        let resource = self.answer(vec![seller]).await?.pop().expect("one seller makes one answer");
        Ok(Versioned { version, resource })
    }

    fn shape(&self, seller: Seller, state: &SellerState, knowledge: &Knowledge) -> Shape {
        let (settings, counting) = (&knowledge.organisation.settings, knowledge.organisation.counting());
        let consumed = state.consumed(&counting);
        // Sellers have no maximum of their own yet: the organisation's default is everybody's (OQ-14).
        let maximum = settings.default_maximum_capacity;
        let capacity = Capacity {
            maximum,
            // A counter that is being recounted may be below zero for a moment.
            consumed: u64::try_from(consumed).unwrap_or(0),
            available: maximum.map(|maximum| i64::from(maximum) - consumed),
            period: "none",
            period_maximum: None,
            period_assigned: 0,
        };
        let days = seller.availability(self.clock.now(), &settings.time_zone).into_iter();
        Shape {
            time_zone: seller.time_zone.as_ref().and_then(|zone| zone.iana_name()).map(ToOwned::to_owned),
            id: seller.id,
            name: seller.name,
            email: seller.email,
            roles: seller.roles,
            enabled: seller.enabled,
            fields: seller.fields,
            team_ids: seller.team_ids,
            assign_records: seller.assign_records,
            attributes: BTreeMap::new(),
            capacity,
            last_assigned_at: state.last_assigned(&counting).map(Turn::instant),
            availability_next_7_days: days
                .map(|(date, minutes)| AvailableDay { date: date.to_string(), minutes })
                .collect(),
            version: seller.version,
        }
    }
}

/// Whom a caller may manage: all sellers, or those below the caller.
struct Reach {
    authorized: Authorized,
    /// Those who may be on the way from a seller up to the caller.
    sellers: BTreeMap<SellerId, Seller>,
}

impl Reach {
    fn check(&self, seller: &Seller) -> api::Result<()> {
        let caller = SellerId::new(&self.authorized.caller.sub);
        let all = self.authorized.scope == Scope::Organisation;
        if all || seller.is_below(&caller, |id| self.sellers.get(id)) {
            return Ok(());
        }
        Err(self.authorized.refusal())
    }
}

/// `POST /v1/sellers`.
pub(crate) async fn create(
    State(sellers): State<Arc<Sellers>>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Shape>> {
    let draft = Sellers::believe(&body, &sellers.store.record_types().await?, None)?;
    let id = draft.id.clone().unwrap_or_else(|| SellerId::new(seed.id(0)));
    let seller = draft.into_seller(id);
    sellers.reach(authorized).await?.check(&seller)?;
    let seller = sellers.store.create_seller(seller, Some(&seed.tag())).await?;
    let location = format!("/v1/sellers/{}", seller.id);
    let Versioned { version, resource } = sellers.answer_one(seller).await?;
    Ok(Created { location, version, resource })
}

/// `GET /v1/sellers`: in the order of their ids; `search` finds part of a name or id anywhere, in any case (ELIG-06).
pub(crate) async fn list(
    State(sellers): State<Arc<Sellers>>,
    filters: Filters,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let from: Option<SellerId> = paging.position()?;
    let sought = filters.get("search").map(str::to_lowercase);
    let holds = |text: &str| sought.as_ref().is_none_or(|sought| text.to_lowercase().contains(sought));
    let mut found = sellers.store.sellers().await?;
    found.retain(|seller| {
        from.as_ref().is_none_or(|from| seller.id > *from) && (holds(&seller.name) || holds(seller.id.as_str()))
    });
    let next = (found.len() > paging.limit).then(|| found[paging.limit - 1].id.clone());
    found.truncate(paging.limit);
    Ok(paging.page(sellers.answer(found).await?, next.as_ref()))
}

/// `GET /v1/sellers/{id}`.
pub(crate) async fn read(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
) -> api::Result<Versioned<Shape>> {
    let seller = sellers.seller(&id).await?;
    sellers.answer_one(seller).await
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
    let reach = sellers.reach(authorized).await?;
    let draft = Sellers::believe(&body, &sellers.store.record_types().await?, Some(&present))?;
    let decide = |seen: &Seller| {
        let next = draft.applied_to(seen);
        reach.check(seen)?;
        reach.check(&next)?;
        if_match.check(seen.version)?;
        Ok(next)
    };
    let seller = sellers.store.change_seller::<Problem>(&id, decide).await?;
    sellers.answer_one(seller).await
}

/// `DELETE /v1/sellers/{id}`. Records keep the seller as their owner until somebody assigns them; rules that name the
/// seller keep the name, which then stands for nobody.
pub(crate) async fn delete(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    authorized: Authorized,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let reach = sellers.reach(authorized).await?;
    let check = |seller: &Seller| {
        reach.check(seller)?;
        if_match.check(seller.version)
    };
    sellers.store.delete_seller::<Problem>(&id, check).await?;
    Ok(Deleted)
}

/// `PUT /v1/sellers/{id}/assign-records` (ELIG-03).
pub(crate) async fn switch(
    State(sellers): State<Arc<Sellers>>,
    Path(id): Path<SellerId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = sellers.seller(&id).await?;
    let assign_records = parse_assign_records(&body)?;
    let decide = |seen: &Seller| {
        if_match.check(seen.version)?;
        Ok(Seller { assign_records, ..seen.clone() })
    };
    let seller = sellers.store.change_seller::<Problem>(&present.id, decide).await?;
    sellers.answer_one(seller).await
}
