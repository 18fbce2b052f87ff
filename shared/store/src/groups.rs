//! What teams and queues have in common: an item each in one partition, and sellers as members.
//!
//! They are loaded with the sellers, so every change counts as one of the roster.

use domain::freed::Freed;
use domain::id::{RuleId, SellerId};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::freed;
use crate::keys::{self, Key};
use crate::store::Store;
use crate::transaction::{Aborted, Transaction};
use crate::versions::Changed;

/// A team or a queue.
pub(crate) trait Group: Clone + PartialEq + Serialize + DeserializeOwned {
    /// Whose id it has.
    type Id: PartialEq + Clone;
    /// The partition of all of them.
    const PARTITION: &'static str;
    /// The word for the kind as the target of a rule.
    const KIND: &'static str;

    fn id(&self) -> &Self::Id;
    fn key(id: &Self::Id) -> Key;
    fn members(&mut self) -> &mut Vec<SellerId>;
    fn version(&mut self) -> &mut u64;

    /// The next version of it.
    fn next(mut self) -> Self {
        *self.version() += 1;
        self
    }
}

impl Store {
    pub(crate) async fn group<G: Group>(&self, id: &G::Id) -> Result<Option<G>> {
        self.work_item(&G::key(id)).await?.as_ref().map(document::read).transpose()
    }

    /// All of a kind in the order of their ids.
    pub(crate) async fn groups<G: Group>(&self) -> Result<Vec<G>> {
        self.query_all(G::PARTITION, None).await?.iter().map(document::read).collect()
    }

    pub(crate) async fn create_group<G: Group>(&self, group: G, tag: Option<&str>) -> Result<G> {
        let table = &self.work_table;
        let mut transaction = Transaction::default();
        transaction.put(document::create(table, &G::key(group.id()), &group, tag)?);
        transaction.update(Changed::Roster.update(table));
        transaction.update(freed::is_changed(table, &Freed::Anybody));
        match self.transact(transaction).await {
            Ok(()) => Ok(group),
            Err(Aborted::Refused(refusals)) => match refusals.into_iter().flatten().next() {
                Some(item) if document::bears(&item, tag) => document::read(&item),
                _ => Err(Error::Exists),
            },
            Err(Aborted::Failed(error)) => Err(error),
        }
    }

    pub(crate) async fn change_group<G: Group, E: From<Error>>(
        &self,
        id: &G::Id,
        decide: impl Fn(&G) -> std::result::Result<G, E>,
    ) -> std::result::Result<G, E> {
        for attempt in 0..ATTEMPTS {
            let seen: G = self.group(id).await?.ok_or(Error::NotFound)?;
            let next = decide(&seen)?;
            if next == seen {
                return Ok(seen);
            }
            let next = next.next();
            let mut transaction = Transaction::default();
            self.replace_group(&mut transaction, &next)?;
            transaction.update(Changed::Roster.update(&self.work_table));
            transaction.update(freed::is_changed(&self.work_table, &Freed::Anybody));
            if self.attempt(transaction, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }

    /// Adds the write of the next version of a group, refused when the present one is not the version before.
    pub(crate) fn replace_group<G: Group>(&self, transaction: &mut Transaction, next: &G) -> Result<()> {
        let version = *next.clone().version();
        let seen = Seen::Version(version - 1);
        transaction.update(document::replace(&self.work_table, &G::key(next.id()), seen, next, version)?);
        Ok(())
    }

    pub(crate) async fn delete_group<G: Group, E: From<Error>>(
        &self,
        id: &G::Id,
        check: impl Fn(&G, &[RuleId]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let table = &self.work_table;
        for attempt in 0..ATTEMPTS {
            let mut seen: G = self.group(id).await?.ok_or(Error::NotFound)?;
            let key = G::key(id);
            check(&seen, &self.active_rules_naming(G::KIND, key.sk.as_deref().unwrap_or_default()).await?)?;
            let mut transaction = Transaction::default();
            transaction.delete(document::delete(table, &key, Seen::Version(*seen.version())));
            transaction.update(Changed::Roster.update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }

    /// The active rules of all record types whose target is of this kind and names this id.
    async fn active_rules_naming(&self, kind: &str, id: &str) -> Result<Vec<RuleId>> {
        let mut naming = vec![];
        for definition in self.record_types().await?.iter().filter(|definition| definition.holds_records()) {
            let partition = keys::rulebook(&definition.record_type);
            for item in self.query_all(&partition, Some(keys::RULES)).await? {
                let rule: Value = document::read(&item)?;
                let names = rule["target"]["ids"].as_array().is_some_and(|ids| ids.contains(&id.into()));
                if names && rule["target"]["kind"] == kind && rule["state"] == "active" {
                    naming.extend(rule["id"].as_str().map(RuleId::from));
                }
            }
        }
        Ok(naming)
    }
}
