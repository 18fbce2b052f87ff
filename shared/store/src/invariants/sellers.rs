//! What sellers hold, by the two looks of the recount; nothing is put right.

use std::collections::BTreeMap;

use domain::id::{RecordType, SellerId};
use domain::invariant::{self, Invariant};
use domain::roster::SellerState;
use jiff::Timestamp;

use super::Check;
use crate::error::Result;
use crate::recount::Seen;
use crate::store::Store;

/// So many sellers are looked at in one step.
const PAGE: usize = 500;

impl Check {
    /// Looks at sellers without a moving part, who hold nothing; the others came up with it. The seller behind whom to go
    /// on.
    pub(super) async fn sellers(
        &mut self,
        store: &Store,
        behind: Option<&SellerId>,
        now: Timestamp,
    ) -> Result<Option<SellerId>> {
        let sellers = store.sellers().await?.into_iter().map(|seller| seller.id);
        let page: Vec<SellerId> = sellers.filter(|id| behind.is_none_or(|behind| id > behind)).take(PAGE).collect();
        let mut states = store.seller_states(&page).await?;
        states.retain(|_, state| *state == SellerState::default());
        self.first_looks(store, states, now).await?;
        Ok(page.into_iter().nth(PAGE - 1))
    }

    /// Looks at sellers for the first time.
    pub(super) async fn first_looks(
        &mut self,
        store: &Store,
        states: BTreeMap<SellerId, SellerState>,
        now: Timestamp,
    ) -> Result<()> {
        for (seller, seen) in store.looks(states, &self.all_types(), now).await {
            self.report.looked_at.sellers += 1;
            self.report.figures(Invariant::HeldCounters).looked_at += 1;
            match seen? {
                Seen::Right => {}
                Seen::Moved => drop(self.suspects.insert(seller, None)),
                Seen::Differing(look) => drop(self.suspects.insert(seller, Some(look))),
            }
        }
        Ok(())
    }

    /// Looks again at some of those who are under suspicion.
    pub(super) async fn sellers_again(&mut self, store: &Store, now: Timestamp) -> Result<()> {
        let page: Vec<SellerId> = self.suspects.keys().take(PAGE).cloned().collect();
        let states = store.seller_states(&page).await?;
        for (seller, seen) in store.looks(states, &self.all_types(), now).await {
            let first = self.suspects.get(&seller).and_then(Option::as_ref);
            match (seen?, first) {
                (Seen::Right, _) => {}
                (Seen::Differing(look), Some(first)) if look.proves(first) => {
                    self.report.note(invariant::held(&look));
                }
                (Seen::Moved | Seen::Differing(_), _) => self.report.figures(Invariant::HeldCounters).void += 1,
            }
        }
        self.suspects.retain(|seller, _| !page.contains(seller));
        Ok(())
    }

    fn all_types(&self) -> Vec<RecordType> {
        self.types.iter().cloned().collect()
    }
}
