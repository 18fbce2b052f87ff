//! The static part of sellers: profile, roles, toggle, capacity, attributes, calendar. Spread over sixteen partitions, so
//! that a roster is loaded by sixteen queries and one seller by its key. The teams of a seller are kept on the teams
//! (`memberships`).

use std::collections::BTreeSet;

use domain::freed::Freed;
use domain::id::{SellerId, TeamId};
use domain::seller::Seller;
use tokio::task::JoinSet;

use crate::batch_get::Consistency;
use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::freed;
use crate::keys;
use crate::seller_states::next_generation;
use crate::store::Store;
use crate::transaction::{Aborted, Transaction, pause};
use crate::versions::Changed;

impl Store {
    /// A seller.
    pub async fn seller(&self, id: &SellerId) -> Result<Option<Seller>> {
        let Some(item) = self.work_item(&keys::seller(id)).await? else { return Ok(None) };
        Ok(Some(Seller { team_ids: self.teams_of(id).await?, ..document::read(&item)? }))
    }

    /// All sellers in the order of their ids.
    pub async fn sellers(&self) -> Result<Vec<Seller>> {
        let mut queries = JoinSet::new();
        for shard in 0..keys::SHARDS {
            let store = self.clone();
            queries.spawn(async move { store.query_all(&keys::roster(shard), None).await });
        }
        let mut sellers: Vec<Seller> = Vec::new();
        while let Some(answer) = queries.join_next().await {
            for item in answer.expect("a query neither panics nor is cancelled")? {
                sellers.push(document::read(&item)?);
            }
        }
        sellers.sort_by(|a, b| a.id.cmp(&b.id));
        let mut teams = self.teams_by_member().await?;
        for seller in &mut sellers {
            seller.team_ids = teams.remove(&seller.id).unwrap_or_default();
        }
        Ok(sellers)
    }

    /// Those of the ids that are sellers'.
    pub async fn sellers_among(&self, ids: &BTreeSet<SellerId>) -> Result<BTreeSet<SellerId>> {
        let wanted = ids.iter().map(keys::seller).collect();
        let items = self.batch_get(&self.work_table, wanted, Consistency::Strong).await?;
        items.iter().map(|item| document::read::<Seller>(item).map(|seller| seller.id)).collect()
    }

    /// Creates a seller and makes it a member of its teams; answers with the one that exists when this very request, by
    /// its tag, has created it before.
    pub async fn create_seller(&self, seller: Seller, tag: Option<&str>) -> Result<Seller> {
        let (key, table) = (keys::seller(&seller.id), &self.work_table);
        let seller = Seller { team_ids: sorted(seller.team_ids), ..seller };
        for attempt in 0..ATTEMPTS {
            let mut transaction = Transaction::default();
            transaction.put(document::create(table, &key, &stored(&seller), tag)?);
            transaction.update(Changed::Roster.update(table));
            transaction.update(freed::is_changed(table, &Freed::Seller(seller.id.clone())));
            self.join_teams(&mut transaction, &seller.id, &seller.team_ids).await?;
            match self.transact(transaction).await {
                Ok(()) => return Ok(seller),
                Err(Aborted::Refused(refusals)) => match refusals.into_iter().next().flatten() {
                    Some(item) if document::bears(&item, tag) => {
                        return self.seller(&seller.id).await?.ok_or(Error::Conflict);
                    }
                    Some(_) => return Err(Error::Exists),
                    // A team was changed meanwhile.
                    None => pause(attempt).await,
                },
                Err(Aborted::Failed(error)) => return Err(error),
            }
        }
        Err(Error::Conflict)
    }

    /// Replaces a seller by what `decide` makes of it; decides again when somebody else changed it meanwhile. Commits
    /// that were decided before the change notice it (DIST-18). Writes nothing when nothing changes.
    pub async fn change_seller<E: From<Error>>(
        &self,
        id: &SellerId,
        decide: impl Fn(&Seller) -> std::result::Result<Seller, E>,
    ) -> std::result::Result<Seller, E> {
        let (key, table) = (keys::seller(id), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let seen = self.seller(id).await?.ok_or(Error::NotFound)?;
            let mut next = decide(&seen)?;
            next.team_ids = sorted(next.team_ids);
            if next == seen {
                return Ok(seen);
            }
            let next = Seller { version: seen.version + 1, ..next };
            let mut transaction = Transaction::default();
            let seen_version = Seen::Version(seen.version);
            transaction.update(document::replace(table, &key, seen_version, &stored(&next), next.version)?);
            transaction.update(next_generation(table, id));
            transaction.update(Changed::Roster.update(table));
            transaction.update(freed::is_changed(table, &Freed::Seller(id.clone())));
            if next.team_ids != seen.team_ids {
                self.join_teams(&mut transaction, id, &next.team_ids).await?;
            }
            if self.attempt(transaction, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }

    /// Deletes a seller whom `check` lets go, and takes it out of its teams and queues. Records keep their owner, as they do when a rule is deleted (RULE-07),
    /// and so does the moving part, which counts them: a seller created again under the id goes on from there.
    pub async fn delete_seller<E: From<Error>>(
        &self,
        id: &SellerId,
        check: impl Fn(&Seller) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (key, table) = (keys::seller(id), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let seen = self.seller(id).await?.ok_or(Error::NotFound)?;
            check(&seen)?;
            let mut transaction = Transaction::default();
            transaction.delete(document::delete(table, &key, Seen::Version(seen.version)));
            transaction.update(next_generation(table, id));
            transaction.update(Changed::Roster.update(table));
            self.leave_all(&mut transaction, id).await?;
            if self.attempt(transaction, attempt).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }
}

/// The seller without what is kept on its teams.
fn stored(seller: &Seller) -> Seller {
    Seller { team_ids: vec![], ..seller.clone() }
}

fn sorted(mut teams: Vec<TeamId>) -> Vec<TeamId> {
    teams.sort();
    teams
}
