//! Whom a caller may manage: all sellers, those below the caller, or only the caller (SEC-63, SEC-75, SEC-79a).

use std::collections::BTreeMap;

use api::{Authorized, Scope};
use domain::id::SellerId;
use domain::seller::Seller;

use crate::service::Sellers;

/// How far a caller reaches.
pub(crate) struct Reach {
    authorized: Authorized,
    caller: SellerId,
    /// Those who may be on the way from a seller up to the caller.
    sellers: BTreeMap<SellerId, Seller>,
}

impl Reach {
    pub(crate) async fn of(sellers: &Sellers, authorized: Authorized) -> api::Result<Self> {
        let on_the_way = if authorized.scope == Scope::BusinessUnit { sellers.store.sellers().await? } else { vec![] };
        let sellers = on_the_way.into_iter().map(|seller| (seller.id.clone(), seller)).collect();
        Ok(Self { caller: SellerId::new(&authorized.caller.sub), sellers, authorized })
    }

    /// Refuses a seller who is not below the caller.
    pub(crate) fn check(&self, seller: &Seller) -> api::Result<()> {
        let reached = match self.authorized.scope {
            Scope::Organisation => true,
            Scope::BusinessUnit => seller.is_below(&self.caller, |id| self.sellers.get(id)),
            Scope::Own => false,
        };
        if reached { Ok(()) } else { Err(self.authorized.refusal()) }
    }

    /// Refuses the calendar of a seller who is neither below the caller nor, where `own` says so, the caller.
    pub(crate) fn check_calendar(&self, seller: &Seller, own: bool) -> api::Result<()> {
        if own && seller.id == self.caller { Ok(()) } else { self.check(seller) }
    }
}
