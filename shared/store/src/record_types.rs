//! Definitions of record types in the store. A type that exists from the start has an item only once it was changed.

use domain::id::RecordType;
use domain::record_type::{RecordTypeDefinition, RecordTypes};

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::keys;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::versions::Changed;

impl Store {
    /// Every record type of the organisation, those that exist from the start among them.
    pub async fn record_types(&self) -> Result<RecordTypes> {
        let mut known = RecordTypes::built_in();
        for item in self.query_all(keys::ORGANISATION, Some(keys::RECORD_TYPES)).await? {
            known = known.with(document::read::<RecordTypeDefinition>(&item)?);
        }
        Ok(known)
    }

    /// The definition of a type and how many times clients changed it, from 1; `None` when there is no such type.
    pub async fn record_type(&self, record_type: &RecordType) -> Result<Option<(RecordTypeDefinition, u64)>> {
        match self.work_item(&keys::record_type(record_type)).await? {
            Some(item) => Ok(Some((document::read(&item)?, document::version(&item)?))),
            None => {
                let built_in = RecordTypes::built_in();
                Ok(built_in.get(record_type).map(|definition| (definition.as_ref().clone(), 1)))
            }
        }
    }

    /// Replaces or creates the definition of a type by what `decide` makes of all that is known and of the present
    /// version (none = there is no such type yet); decides again when somebody else changed it meanwhile. Answers with
    /// the definition and its version.
    pub async fn change_record_type<E: From<Error>>(
        &self,
        record_type: &RecordType,
        decide: impl Fn(&RecordTypes, Option<u64>) -> std::result::Result<RecordTypeDefinition, E>,
    ) -> std::result::Result<(RecordTypeDefinition, u64), E> {
        let (key, table) = (keys::record_type(record_type), &self.work_table);
        for attempt in 0..ATTEMPTS {
            let version = self.record_type(record_type).await?.map(|(_, version)| version);
            let known = self.record_types().await?;
            let definition = decide(&known, version)?;
            let (seen, next) = match version {
                None => (Seen::Absent, 1),
                // Absence stands for version 1 of a type that exists from the start.
                Some(1) => (Seen::AbsentOr(1), 2),
                Some(version) => (Seen::Version(version), version + 1),
            };
            let mut transaction = Transaction::default();
            transaction.update(document::replace(table, &key, seen, &definition, next)?);
            transaction.update(Changed::Definitions.update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok((definition, next));
            }
        }
        Err(Error::Conflict.into())
    }
}
