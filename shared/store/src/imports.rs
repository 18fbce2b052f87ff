//! Imports: how far each has come, to be read while it runs.

use domain::id::RecordType;
use domain::import::Import;
use jiff::{SignedDuration, Timestamp};

use crate::error::{Result, failure};
use crate::item::{from_item, number, to_item};
use crate::keys;
use crate::store::Store;

/// How long an import can be read about.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

impl Store {
    /// Writes down how far an import has come.
    pub async fn put_import(&self, import: &Import) -> Result<()> {
        let mut item = to_item(import)?;
        item.extend(keys::import(&import.record_type, &import.id).attributes());
        item.insert("expires".to_owned(), number((import.started_at + KEPT).as_second()));
        let request = self.client.put_item().table_name(&self.work_table).set_item(Some(item));
        request.send().await.map_err(failure)?;
        Ok(())
    }

    /// An import of records of a type.
    pub async fn import(&self, record_type: &RecordType, id: &str, now: Timestamp) -> Result<Option<Import>> {
        let item = self.work_item(&keys::import(record_type, id)).await?;
        item.map(|item| from_item::<Import>(item).map(|import| import.at(now))).transpose()
    }

    /// The imports of records of a type, the latest first, behind the one with this id.
    pub async fn imports(
        &self,
        record_type: &RecordType,
        behind: Option<&str>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Vec<Import>> {
        let start = behind.map(|id| keys::import(record_type, id).attributes());
        let request = self.client.query().table_name(&self.work_table).key_condition_expression("pk = :pk");
        let request = request.expression_attribute_values(":pk", crate::item::text(keys::imports(record_type)));
        let request = request.scan_index_forward(false).limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let page = request.set_exclusive_start_key(start).consistent_read(true).send().await.map_err(failure)?;
        let items = page.items.unwrap_or_default().into_iter();
        items.map(|item| from_item::<Import>(item).map(|import| import.at(now))).collect()
    }
}
