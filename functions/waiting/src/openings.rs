//! What the hour brings: a shift begins, a period opens, and a seller can take records whom nobody has touched. And the
//! backstop: each minute the oldest records of each kind are looked at, and some more in turn, so that nothing waits that
//! could be assigned, whatever was missed.

use std::collections::{BTreeMap, BTreeSet};

use domain::freed::{Freed, Look, Sought, newly_open};
use domain::id::{RecordKey, RecordType};
use jiff::SignedDuration;
use lambda_runtime::Error;
use store::listing::Listing;

use crate::Waiting;

/// Of more sellers who come at once each would look through the same records.
const ONE_BY_ONE: usize = 20;

/// So many records are looked at in turn each minute.
const IN_TURN: usize = 1_000;

/// Sweeps that are further apart than this have missed what came and went between.
const GAP: SignedDuration = SignedDuration::from_mins(5);

/// What the first sweep of all takes for the one before it.
const BEFORE_THE_FIRST: SignedDuration = SignedDuration::from_mins(1);

impl Waiting {
    /// Frees the sellers who have come since the last sweep, and looks at some of the waiting records.
    pub(crate) async fn open(&self) -> Result<(), Error> {
        let now = self.clock.now();
        let knowledge = self.store.knowledge(&self.memory).await?;
        let last = self.store.last_sweep().await?;
        let mut sought: BTreeMap<Sought, Vec<RecordKey>> = BTreeMap::new();
        for (record_type, _) in knowledge.organisation.rulebooks.iter().filter(|(_, rulebook)| rulebook.counts()) {
            sought.extend(self.store.sought(record_type).await?);
        }
        if sought.is_empty() {
            return Ok(self.store.put_last_sweep(now, None).await?);
        }
        let roster = self.store.roster(&knowledge, now).await?;
        let then = last.at.unwrap_or(now.checked_sub(BEFORE_THE_FIRST)?);
        let rules = sought.keys().map(|sought| (sought.record_type.clone(), sought.rule.clone())).collect();
        let come = newly_open(&knowledge.organisation, &roster, &rules, then, now);
        // After a gap somebody may have gone and come again in it.
        if come.len() > ONE_BY_ONE || now.duration_since(then) > GAP {
            self.store.free(&Freed::Anybody).await?;
        } else {
            for seller in come {
                self.store.free(&Freed::Seller(seller)).await?;
            }
        }
        let types: BTreeSet<&RecordType> = sought.keys().map(|sought| &sought.record_type).collect();
        let listing = Listing::all_waiting(types);
        let (in_turn, next) = self.store.index_page(&listing, last.position.as_ref(), IN_TURN).await?;
        let oldest: BTreeSet<RecordKey> = sought.into_values().flatten().collect();
        let in_turn = in_turn.into_iter().filter(|key| !oldest.contains(key)).collect::<Vec<_>>();
        let keys = oldest.iter().cloned().chain(in_turn).collect();
        self.look(&mut Look::new(Freed::Anybody, roster), keys, &knowledge, now).await?;
        Ok(self.store.put_last_sweep(now, next.as_ref()).await?)
    }
}
