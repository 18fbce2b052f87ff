//! Business units in the store: one item with all of them, because whether a change keeps them a tree is seen only on the
//! whole of it.

use domain::business_unit::BusinessUnit;
use domain::id::BusinessUnitId;
use serde::{Deserialize, Serialize};

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result};
use crate::keys;
use crate::store::Store;
use crate::transaction::Transaction;

/// The most business units: they share one stored item.
const MAX_BUSINESS_UNITS: usize = 1_000;

/// All business units as they are stored, in the order of their ids.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Tree {
    units: Vec<Kept>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Kept {
    #[serde(flatten)]
    unit: BusinessUnit,
    /// Says which request created it, so that its repetition after a crash is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

impl Tree {
    fn units(&self) -> Vec<BusinessUnit> {
        self.units.iter().map(|kept| kept.unit.clone()).collect()
    }

    fn position(&self, id: &BusinessUnitId) -> std::result::Result<usize, usize> {
        self.units.binary_search_by(|kept| kept.unit.id.cmp(id))
    }
}

impl Store {
    /// All business units in the order of their ids.
    pub async fn business_units(&self) -> Result<Vec<BusinessUnit>> {
        Ok(self.tree().await?.0.units())
    }

    async fn tree(&self) -> Result<(Tree, u64)> {
        match self.work_item(&keys::business_units()).await? {
            Some(item) => Ok((document::read(&item)?, document::version(&item)?)),
            None => Ok((Tree::default(), 0)),
        }
    }

    async fn replace_tree(&self, tree: &Tree, version: u64, attempt: u32) -> Result<bool> {
        let seen = if version == 0 { Seen::Absent } else { Seen::Version(version) };
        let mut transaction = Transaction::default();
        let (table, key) = (&self.work_table, keys::business_units());
        transaction.update(document::replace(table, &key, seen, tree, version + 1)?);
        self.attempt(transaction, attempt).await
    }

    /// Creates the business unit that `make` makes, knowing all others; decides again when one of them changed meanwhile.
    /// Answers with the one that exists when this very request, by its tag, has created it before.
    pub async fn create_business_unit<E: From<Error>>(
        &self,
        tag: Option<&str>,
        make: impl Fn(&[BusinessUnit]) -> std::result::Result<BusinessUnit, E>,
    ) -> std::result::Result<BusinessUnit, E> {
        for attempt in 0..ATTEMPTS {
            let (mut tree, version) = self.tree().await?;
            let unit = make(&tree.units())?;
            let place = match tree.position(&unit.id) {
                Ok(place) => {
                    let known = &tree.units[place];
                    let same = known.tag.is_some() && known.tag.as_deref() == tag;
                    return if same { Ok(known.unit.clone()) } else { Err(Error::Exists.into()) };
                }
                Err(place) => place,
            };
            if tree.units.len() >= MAX_BUSINESS_UNITS {
                let message = format!("there may be at most {MAX_BUSINESS_UNITS} business units");
                return Err(Error::refused("tooManyBusinessUnits", message).into());
            }
            tree.units.insert(place, Kept { unit: unit.clone(), tag: tag.map(ToOwned::to_owned) });
            if self.replace_tree(&tree, version, attempt).await? {
                return Ok(unit);
            }
        }
        Err(Error::Conflict.into())
    }

    /// Replaces a business unit by what `decide` makes of it and of all; decides again when one of them changed meanwhile.
    /// Writes nothing when nothing changes.
    pub async fn change_business_unit<E: From<Error>>(
        &self,
        id: &BusinessUnitId,
        decide: impl Fn(&BusinessUnit, &[BusinessUnit]) -> std::result::Result<BusinessUnit, E>,
    ) -> std::result::Result<BusinessUnit, E> {
        for attempt in 0..ATTEMPTS {
            let (mut tree, version) = self.tree().await?;
            let place = tree.position(id).map_err(|_| Error::NotFound)?;
            let seen = tree.units[place].unit.clone();
            let next = decide(&seen, &tree.units())?;
            if next == seen {
                return Ok(seen);
            }
            let next = BusinessUnit { version: seen.version + 1, ..next };
            tree.units[place].unit = next.clone();
            if self.replace_tree(&tree, version, attempt).await? {
                return Ok(next);
            }
        }
        Err(Error::Conflict.into())
    }

    /// Deletes a business unit that `check`, knowing all, lets go.
    pub async fn delete_business_unit<E: From<Error>>(
        &self,
        id: &BusinessUnitId,
        check: impl Fn(&BusinessUnit, &[BusinessUnit]) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        for attempt in 0..ATTEMPTS {
            let (mut tree, version) = self.tree().await?;
            let place = tree.position(id).map_err(|_| Error::NotFound)?;
            check(&tree.units[place].unit, &tree.units())?;
            tree.units.remove(place);
            if self.replace_tree(&tree, version, attempt).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }
}
