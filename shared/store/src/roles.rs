//! Role definitions that an administrator edited (SEC-05). A role whose predefined definition was never touched has no
//! item.

use domain::freed::Freed;
use domain::privilege::Grant;
use domain::role_definition::{RoleDefinition, RoleDefinitions};

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::freed;
use crate::keys;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::versions::Changed;

impl Store {
    /// The definitions in force: the predefined ones but for those that an administrator edited (SEC-05).
    pub async fn role_definitions(&self) -> Result<RoleDefinitions> {
        let edited = self.query_all(keys::ORGANISATION, Some(keys::ROLES)).await?;
        edited.iter().try_fold(RoleDefinitions::predefined(), |known, item| Ok(known.with(document::read(item)?)))
    }

    /// Gives a role what `decide` makes of its present definition, which is the predefined one until it is edited; decides
    /// again when somebody else changed it meanwhile. Writes nothing when nothing changes.
    pub async fn change_role<E: From<Error>>(
        &self,
        predefined: &RoleDefinition,
        decide: impl Fn(&RoleDefinition) -> std::result::Result<Vec<Grant>, E>,
    ) -> std::result::Result<RoleDefinition, E> {
        let (key, table) = (keys::role(predefined.name), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let stored = self.work_item(&key).await?.as_ref().map(document::read).transpose()?;
            let seen: RoleDefinition = stored.unwrap_or_else(|| predefined.clone());
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
            transaction.update(freed::is_changed(table, &Freed::Anybody));
            if self.attempt(transaction, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }
}
