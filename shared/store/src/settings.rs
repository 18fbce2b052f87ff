//! The organisation's settings in the store.

use domain::freed::Freed;
use domain::settings::Settings;

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::freed;
use crate::keys;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::versions::Changed;

impl Store {
    /// The settings in force; the default ones until somebody changes them.
    pub async fn settings(&self) -> Result<Settings> {
        match self.work_item(&keys::settings()).await? {
            Some(item) => document::read(&item),
            None => Ok(Settings::default()),
        }
    }

    /// Replaces the settings by what `decide` makes of them; decides again when somebody else changed them meanwhile.
    /// Answers with the settings as they are then.
    pub async fn change_settings<E: From<Error>>(
        &self,
        decide: impl Fn(&Settings) -> std::result::Result<Settings, E>,
    ) -> std::result::Result<Settings, E> {
        for attempt in 0..ATTEMPTS {
            let seen = self.settings().await?;
            let next = Settings { version: seen.version + 1, ..decide(&seen)? };
            let mut transaction = Transaction::default();
            let (key, table) = (keys::settings(), &self.work_table);
            // Absent settings are the default ones, which have version 1.
            let seen = if seen.version == 1 { Seen::AbsentOr(1) } else { Seen::Version(seen.version) };
            transaction.update(document::replace(table, &key, seen, &next, next.version)?);
            transaction.update(Changed::Settings.update(table));
            transaction.update(freed::is_changed(table, &Freed::Anybody));
            if self.attempt(transaction, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }
}
