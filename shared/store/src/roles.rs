//! Role definitions that an administrator edited (SEC-05). A role whose predefined definition was never touched has no
//! item.
//!
//! What a privilege is, the edge knows; here `G` is whatever it grants.

use domain::seller::Role;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::keys;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::versions::Changed;

/// What a role may do: `{"name", "privileges", "version"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition<G> {
    /// The role.
    pub name: Role,
    /// What it grants.
    pub privileges: Vec<G>,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

impl Store {
    /// The definitions that were edited.
    pub async fn edited_roles<G: DeserializeOwned>(&self) -> Result<Vec<RoleDefinition<G>>> {
        self.query_all(keys::ORGANISATION, Some(keys::ROLES)).await?.iter().map(document::read).collect()
    }

    /// Gives a role what `decide` makes of its present definition, which is the predefined one until it is edited; decides
    /// again when somebody else changed it meanwhile. Writes nothing when nothing changes.
    pub async fn change_role<G, E: From<Error>>(
        &self,
        predefined: &RoleDefinition<G>,
        decide: impl Fn(&RoleDefinition<G>) -> std::result::Result<Vec<G>, E>,
    ) -> std::result::Result<RoleDefinition<G>, E>
    where
        G: Clone + PartialEq + Serialize + DeserializeOwned,
    {
        let (key, table) = (keys::role(predefined.name), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let stored = self.work_item(&key).await?.as_ref().map(document::read).transpose()?;
            let seen: RoleDefinition<G> = stored.unwrap_or_else(|| predefined.clone());
            let privileges = decide(&seen)?;
            if privileges == seen.privileges {
                return Ok(seen);
            }
            let next = RoleDefinition { name: seen.name, privileges, version: seen.version + 1 };
            // Absence stands for the predefined definition, which has version 1.
            let seen = if seen.version == 1 { Seen::AbsentOr(1) } else { Seen::Version(seen.version) };
            let mut transaction = Transaction::default();
            transaction.update(document::replace(table, &key, seen, &next, next.version)?);
            transaction.update(Changed::Roles.update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }
}
