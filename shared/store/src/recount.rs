//! Recounting what sellers hold (CAP-09): looks at sellers, the suspects they leave, and repairs.
//!
//! What a seller holds is kept by every transaction that changes an owner or a state, with a change number in the same
//! update. So only a program that writes past those transactions can make it differ from the records, and a repair adds
//! the *difference* on condition of that number: it can't undo a commit. The number is needed, what else is kept does
//! not tell: a record that is closed and reopened while it is counted leaves turn, generation and held as they were.
//!
//! The index `owned` is a hint. Where it counts as many as are kept that is believed; else each of its entries is looked
//! up in the table. What it doesn't show yet is why a single look proves nothing (`domain::recount`).
//!
//! Suspects lie under `recount`, `suspect#{seller}`, from one look to the next.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::freed::Freed;
use domain::id::{Owner, RecordType, SellerId};
use domain::record::State;
use domain::recount::{Figures, Look};
use domain::roster::SellerState;
use domain::tally::{Counter, Held};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tracing::warn;

use crate::error::{Error, Result, failure};
use crate::item::{from_item, to_item};
use crate::keys;
use crate::listing::Listing;
use crate::seller_states;
use crate::store::Store;

/// So many sellers are looked at at once.
const AT_ONCE: usize = 16;

/// So many records are looked up at once to be counted.
const PAGE: usize = 100;

/// The sellers under suspicion, each with the look that raised it.
pub type Suspects = BTreeMap<SellerId, Look>;

/// What a look saw.
#[derive(Debug)]
pub(crate) enum Seen {
    /// As much is kept as was counted.
    Right,
    /// The seller was changed meanwhile.
    Moved,
    /// Something else is kept than was counted.
    Differing(Look),
}

impl Store {
    /// Recounts sellers whose moving part was just read, and puts right what this look and an earlier one prove, with a
    /// warning for each. `suspects` are all there are, and are so again afterwards. `figures` has what was done, whether
    /// something failed after it or not.
    pub async fn recount(
        &self,
        states: BTreeMap<SellerId, SellerState>,
        suspects: &mut Suspects,
        types: &[RecordType],
        now: Timestamp,
        figures: &mut Figures,
    ) -> Result<()> {
        for (seller, seen) in self.looks(states, types, now).await {
            figures.looks += 1;
            match seen? {
                Seen::Moved => figures.void += 1,
                Seen::Right => {
                    if suspects.remove(&seller).is_some() {
                        self.clear(&seller).await?;
                    }
                }
                Seen::Differing(look) => self.conclude(look, suspects, figures).await?,
            }
        }
        Ok(())
    }

    /// Looks at sellers whose moving part was just read, in no order. Writes nothing.
    pub(crate) async fn looks(
        &self,
        states: BTreeMap<SellerId, SellerState>,
        types: &[RecordType],
        now: Timestamp,
    ) -> Vec<(SellerId, Result<Seen>)> {
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let types: Arc<[RecordType]> = types.into();
        let mut looks = JoinSet::new();
        for (seller, state) in states {
            let (store, places, types) = (self.clone(), Arc::clone(&places), Arc::clone(&types));
            looks.spawn(async move {
                let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                let seen = store.look(&seller, &state, &types, now).await;
                (seller, seen)
            });
        }
        let mut seen = Vec::new();
        while let Some(look) = looks.join_next().await {
            seen.push(look.expect("a look neither panics nor is cancelled"));
        }
        seen
    }

    /// What follows from a look that found a difference.
    async fn conclude(&self, look: Look, suspects: &mut Suspects, figures: &mut Figures) -> Result<()> {
        let earlier = suspects.get(&look.seller);
        if earlier.is_some_and(|earlier| look.proves(earlier)) {
            match self.repair(&look).await {
                Ok(()) => figures.repaired += 1,
                // Changed since: the next look begins from there.
                Err(Error::Conflict) => {
                    figures.void += 1;
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
            // Told at once: what fails hereafter must not keep it untold.
            for (record_type, difference) in &look.differences {
                warn!(
                    seller.id = look.seller.as_str(),
                    record.r#type = record_type.as_str(),
                    kept = difference.kept.unwrap_or(0),
                    counted = difference.counted,
                    "what a seller holds was put right"
                );
            }
            self.clear(&look.seller).await?;
            suspects.remove(&look.seller);
            return Ok(());
        }
        // Too early to prove anything: the earlier look is the one to wait for.
        if !earlier.is_some_and(|earlier| look.repeats(earlier)) {
            let mut item = to_item(&look)?;
            item.extend(keys::suspect(&look.seller).attributes());
            let put = self.client.put_item().table_name(&self.work_table).set_item(Some(item));
            put.send().await.map_err(failure)?;
            suspects.insert(look.seller.clone(), look);
        }
        figures.suspected += 1;
        Ok(())
    }

    /// One look at a seller whose moving part was just read.
    async fn look(&self, seller: &SellerId, kept: &SellerState, types: &[RecordType], now: Timestamp) -> Result<Seen> {
        let counted = self.count_held(seller, &kept.held, types, now).await?;
        let Some(look) = Look::differing(seller, now, kept, &counted) else { return Ok(Seen::Right) };
        let state = self.seller_states(std::slice::from_ref(seller)).await?.remove(seller).unwrap_or_default();
        Ok(if look.stands(&state) { Seen::Differing(look) } else { Seen::Moved })
    }

    /// How many active records of each type a seller owns: as the index tells where that is what is expected, else each
    /// of its entries looked up. Types of which something is kept are counted whether they still exist or not.
    pub async fn count_held(
        &self,
        seller: &SellerId,
        expected: &Held,
        types: &[RecordType],
        now: Timestamp,
    ) -> Result<Held> {
        let mut held = Held::new();
        let owner = Owner::Seller(seller.clone());
        let counter = Counter::Held(seller.clone());
        let gone = expected.keys().filter(|record_type| !types.contains(record_type));
        for record_type in types.iter().chain(gone) {
            let listing = Listing::owned(&owner, record_type, Some(State::Active));
            let mut count = i64::try_from(self.count(&listing).await?).unwrap_or(i64::MAX);
            if count != expected.get(record_type).copied().unwrap_or(0) {
                count = 0;
                let mut position = None;
                loop {
                    let page = self.list(&listing, position, PAGE, now, |record| record.tally().contains(&counter));
                    let page = page.await?;
                    count += i64::try_from(page.records.len()).unwrap_or(i64::MAX);
                    position = page.next;
                    if position.is_none() {
                        break;
                    }
                }
            }
            held.insert(record_type.clone(), count);
        }
        Ok(held)
    }

    /// Adds what a look found missing to what is kept of the seller, if it was not changed since. One that was made
    /// already, as when its answer was lost and it is sent again, is made.
    ///
    /// # Errors
    /// `Conflict` when it was changed.
    pub async fn repair(&self, look: &Look) -> Result<()> {
        let request = self.client.update_item().table_name(&self.work_table);
        match seller_states::repair(request, look).send().await.map_err(failure) {
            // Whose records another program took away has room again.
            Ok(_) => self.free(&Freed::Seller(look.seller.clone())).await,
            Err(Error::Conflict) => {
                let state = self.seller_states(std::slice::from_ref(&look.seller)).await?.remove(&look.seller);
                state.is_some_and(|state| look.is_repaired(&state)).then_some(()).ok_or(Error::Conflict)
            }
            Err(error) => Err(error),
        }
    }

    /// Takes a seller off the list of suspects.
    async fn clear(&self, seller: &SellerId) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.work_table);
        delete.set_key(Some(keys::suspect(seller).attributes())).send().await.map_err(failure)?;
        Ok(())
    }

    /// Everybody under suspicion, read consistently.
    pub async fn suspects(&self) -> Result<Suspects> {
        let items = self.query_all(keys::RECOUNT, Some(keys::SUSPECTS)).await?;
        let look = |item| from_item::<Look>(item).map(|look| (look.seller.clone(), look));
        items.into_iter().map(look).collect()
    }
}
