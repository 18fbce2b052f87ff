//! Seller attributes in the store: an item each, and one for each name, which keeps it for one attribute (ATTR-06).

use std::sync::Arc;

use domain::id::{SellerAttributeId, SellerId};
use domain::seller::Seller;
use domain::seller_attribute::{SellerAttribute, SellerAttributes};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::item::Item;
use crate::keys::{self, Key};
use crate::store::Store;
use crate::transaction::{Aborted, Transaction, pause};
use crate::versions::Changed;

/// How many sellers are changed at once.
const AT_ONCE: usize = 16;

/// The name of an attribute, kept for it.
fn name_of(attribute: &SellerAttribute) -> Key {
    keys::unique("attribute", &attribute.name)
}

fn taken(name: &str) -> Error {
    Error::refused("nameTaken", format!("another seller attribute is called {name}"))
}

impl Store {
    /// A seller attribute.
    pub async fn seller_attribute(&self, id: &SellerAttributeId) -> Result<Option<SellerAttribute>> {
        self.work_item(&keys::seller_attribute(id)).await?.as_ref().map(document::read).transpose()
    }

    /// All seller attributes.
    pub async fn seller_attributes(&self) -> Result<SellerAttributes> {
        let items = self.query_all(keys::SELLER_ATTRIBUTES, None).await?;
        items.iter().map(document::read::<SellerAttribute>).collect()
    }

    /// Creates a seller attribute, unless another one bears its name. A repetition of the request that created it is
    /// answered with what it created.
    pub async fn create_seller_attribute(
        &self,
        attribute: SellerAttribute,
        tag: Option<&str>,
    ) -> Result<SellerAttribute> {
        let (key, table) = (keys::seller_attribute(&attribute.id), &self.work_table);
        let mut transaction = Transaction::default();
        let own = transaction.put(document::create(table, &key, &attribute, tag)?);
        transaction.put(document::create(table, &name_of(&attribute), &attribute.id, tag)?);
        transaction.update(Changed::Roster.update(table));
        match self.transact(transaction).await {
            Ok(()) => Ok(attribute),
            Err(Aborted::Refused(refusals)) => match refusals.into_iter().nth(own).flatten() {
                Some(item) if document::bears(&item, tag) => document::read(&item),
                Some(_) => Err(Error::Exists),
                None => Err(taken(&attribute.name)),
            },
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    /// Replaces a seller attribute by what `decide` makes of it; decides again when somebody else changed it meanwhile.
    /// Writes nothing when nothing changes.
    pub async fn change_seller_attribute<E: From<Error>>(
        &self,
        id: &SellerAttributeId,
        decide: impl Fn(&SellerAttribute) -> std::result::Result<SellerAttribute, E>,
    ) -> std::result::Result<SellerAttribute, E> {
        let (key, table) = (keys::seller_attribute(id), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let seen = self.seller_attribute(id).await?.ok_or(Error::NotFound)?;
            let next = decide(&seen)?;
            if next == seen {
                return Ok(seen);
            }
            let next = SellerAttribute { version: seen.version + 1, ..next };
            let mut transaction = Transaction::default();
            transaction.update(document::replace(table, &key, Seen::Version(seen.version), &next, next.version)?);
            transaction.update(Changed::Roster.update(table));
            let renamed = name_of(&seen) != name_of(&next);
            let name = renamed.then(|| document::create(table, &name_of(&next), &next.id, None)).transpose()?;
            let name = name.map(|name| {
                transaction.delete(document::delete(table, &name_of(&seen), Seen::Version(1)));
                transaction.put(name)
            });
            match self.transact(transaction).await {
                Ok(()) => return Ok(next),
                Err(Aborted::Refused(refusals)) => {
                    if name.is_some_and(|name| refused_by_another(&refusals, name, id)) {
                        return Err(taken(&next.name).into());
                    }
                    pause(attempt).await;
                }
                Err(Aborted::Failed(error)) => return Err(error.into()),
            }
        }
        Err(Error::Conflict.into())
    }

    /// Deletes a seller attribute that `check` lets go.
    pub async fn delete_seller_attribute<E: From<Error>>(
        &self,
        id: &SellerAttributeId,
        check: impl Fn(&SellerAttribute) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let (key, table) = (keys::seller_attribute(id), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let seen = self.seller_attribute(id).await?.ok_or(Error::NotFound)?;
            check(&seen)?;
            let mut transaction = Transaction::default();
            transaction.delete(document::delete(table, &key, Seen::Version(seen.version)));
            transaction.delete(document::delete(table, &name_of(&seen), Seen::Version(1)));
            transaction.update(Changed::Roster.update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }

    /// Takes all values of an attribute but these from every seller who has others (ATTR-04). Reads ignore such values
    /// anyway, so it may be interrupted and repeated.
    pub async fn forget_attribute_values(&self, id: &SellerAttributeId, keep: &[String]) -> Result<()> {
        let keep: Arc<[String]> = keep.into();
        let sellers = self.sellers().await?.into_iter().filter(|seller| without(seller, id, &keep) != *seller);
        let ids: Vec<SellerId> = sellers.map(|seller| seller.id).collect();
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut changes = JoinSet::new();
        for seller in ids {
            let (store, id, keep, places) = (self.clone(), id.clone(), Arc::clone(&keep), Arc::clone(&places));
            changes.spawn(async move {
                let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                store.change_seller::<Error>(&seller, |seen| Ok(without(seen, &id, &keep))).await
            });
        }
        while let Some(changed) = changes.join_next().await {
            match changed.expect("a change neither panics nor is cancelled") {
                Ok(_) | Err(Error::NotFound) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Whether the name was refused because it stands for another attribute.
fn refused_by_another(refusals: &[Option<Item>], name: usize, id: &SellerAttributeId) -> bool {
    let item = refusals.get(name).and_then(Option::as_ref);
    item.is_some_and(|item| document::read::<SellerAttributeId>(item).is_ok_and(|owner| owner != *id))
}

fn without(seller: &Seller, id: &SellerAttributeId, keep: &[String]) -> Seller {
    let mut seller = seller.clone();
    if let Some(values) = seller.attributes.get_mut(id) {
        values.retain(|value| keep.contains(value));
        if values.is_empty() {
            seller.attributes.remove(id);
        }
    }
    seller
}
