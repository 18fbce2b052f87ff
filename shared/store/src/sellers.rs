//! The static part of sellers: profile, roles, toggle, capacity, attributes, calendar. Spread over sixteen partitions, so that a roster is loaded by
//! sixteen queries and one seller by its key.

use domain::id::SellerId;
use domain::seller::Seller;
use tokio::task::JoinSet;

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::keys;
use crate::seller_states::next_generation;
use crate::store::Store;
use crate::transaction::{Aborted, Transaction};
use crate::versions::Changed;

impl Store {
    /// A seller.
    pub async fn seller(&self, id: &SellerId) -> Result<Option<Seller>> {
        self.work_item(&keys::seller(id)).await?.as_ref().map(document::read).transpose()
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
        Ok(sellers)
    }

    /// Creates a seller; answers with the one that exists when this very request, by its tag, has created it before.
    pub async fn create_seller(&self, seller: Seller, tag: Option<&str>) -> Result<Seller> {
        let (key, table) = (keys::seller(&seller.id), &self.work_table);
        let mut transaction = Transaction::default();
        transaction.put(document::create(table, &key, &seller, tag)?);
        transaction.update(Changed::Roster.update(table));
        match self.transact(transaction).await {
            Ok(()) => Ok(seller),
            Err(Aborted::Refused(refusals)) => match refusals.into_iter().flatten().next() {
                Some(item) if document::bears(&item, tag) => document::read(&item),
                _ => Err(Error::Exists),
            },
            Err(Aborted::Failed(error)) => Err(error),
        }
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
            let next = decide(&seen)?;
            if next == seen {
                return Ok(seen);
            }
            let next = Seller { version: seen.version + 1, ..next };
            let mut transaction = Transaction::default();
            transaction.update(document::replace(table, &key, Seen::Version(seen.version), &next, next.version)?);
            transaction.update(next_generation(table, id));
            transaction.update(Changed::Roster.update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }

    /// Deletes a seller whom `check` lets go. Records keep their owner, as they do when a rule is deleted (RULE-07),
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
            if self.attempt(transaction, attempt).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }
}
