//! What every handler of this function has, and how a seller is answered.

use api::shapes::seller::{AvailableDay, Capacity, Seller as Shape};
use api::{Authorized, IfMatch, Problem, Versioned};
use domain::id::SellerId;
use domain::privilege::{VIEW_CAPACITY, VIEW_SELLER_ATTRIBUTES};
use domain::roster::SellerState;
use domain::seller::Seller;
use domain::turn::Turn;
use store::knowledge::{Knowledge, Memory};
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct Sellers {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
}

/// What a caller sees of sellers.
#[derive(Debug, Clone, Copy)]
struct Sight {
    /// SEC-20.
    capacity: bool,
    /// SEC-19.
    attributes: bool,
}

impl Sight {
    fn of(authorized: &Authorized) -> Self {
        Self {
            capacity: authorized.demand(&VIEW_CAPACITY).is_ok(),
            attributes: authorized.demand(&VIEW_SELLER_ATTRIBUTES).is_ok(),
        }
    }
}

impl Sellers {
    pub(crate) async fn seller(&self, id: &SellerId) -> api::Result<Seller> {
        self.store.seller(id).await?.ok_or_else(Problem::not_found)
    }

    /// Changes a seller by a decision that concerns nothing but the seller, and answers with it.
    pub(crate) async fn change(
        &self,
        id: &SellerId,
        authorized: &Authorized,
        if_match: &IfMatch,
        decide: impl Fn(&Seller) -> api::Result<Seller>,
    ) -> api::Result<Versioned<Shape>> {
        let decide = |seen: &Seller| {
            if_match.check(seen.version)?;
            decide(seen)
        };
        let seller = self.store.change_seller::<Problem>(id, decide).await?;
        self.answer_one(seller, authorized).await
    }

    /// The sellers as they are answered, with the part of them that moves.
    pub(crate) async fn answer(&self, sellers: Vec<Seller>, authorized: &Authorized) -> api::Result<Vec<Shape>> {
        let knowledge = self.store.knowledge(&self.memory).await?;
        let sight = Sight::of(authorized);
        let ids: Vec<_> = sellers.iter().map(|seller| seller.id.clone()).collect();
        let mut states = self.store.seller_states(&ids).await?;
        let shapes = sellers.into_iter().map(|seller| {
            let state = states.remove(&seller.id).unwrap_or_default();
            self.shape(seller, &state, &knowledge, sight)
        });
        Ok(shapes.collect())
    }

    pub(crate) async fn answer_one(&self, seller: Seller, authorized: &Authorized) -> api::Result<Versioned<Shape>> {
        let version = seller.version;
        let resource = self.answer(vec![seller], authorized).await?.pop().expect("one seller makes one answer");
        Ok(Versioned { version, resource })
    }

    fn shape(&self, seller: Seller, state: &SellerState, knowledge: &Knowledge, sight: Sight) -> Shape {
        let settings = &knowledge.organisation.settings;
        let counting = knowledge.organisation.counting();
        let days = seller.availability(self.clock.now(), &settings.time_zone).into_iter();
        let owned = |texts: Vec<&str>| texts.into_iter().map(ToOwned::to_owned).collect();
        let attributes = knowledge.seller_attributes.of(&seller).into_iter();
        let attributes = attributes.map(|(name, values)| (name.to_owned(), owned(values))).collect();
        let consumed = state.consumed(&counting);
        let maximum = seller.maximum(settings);
        let in_period = state.in_period(&seller.capacity, self.clock.now(), settings);
        let capacity = Capacity {
            maximum,
            // A counter that is being recounted may be below zero for a moment.
            consumed: u64::try_from(consumed).unwrap_or(0),
            available: maximum.map(|maximum| i64::from(maximum) - consumed),
            period: seller.capacity.period,
            period_maximum: seller.capacity.period_maximum,
            period_assigned: in_period.unwrap_or(0).into(),
        };
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
            attributes: sight.attributes.then_some(attributes),
            capacity: sight.capacity.then_some(capacity),
            last_assigned_at: state.last_assigned(&counting).map(Turn::instant),
            availability_next_7_days: days
                .map(|(date, minutes)| AvailableDay { date: date.to_string(), minutes })
                .collect(),
            version: seller.version,
        }
    }
}
