//! The last sweep over the waiting records: when it was and how far it came.

use jiff::Timestamp;

use crate::error::{Result, failure};
use crate::item::{from_attribute, number, to_attribute};
use crate::keys;
use crate::listing::Position;
use crate::store::Store;

/// What is known of the last sweep.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LastSweep {
    /// When it was; none before the first.
    pub at: Option<Timestamp>,
    /// Where the next one goes on with the records that are looked at in turn.
    pub position: Option<Position>,
}

impl Store {
    /// The last sweep.
    pub async fn last_sweep(&self) -> Result<LastSweep> {
        let Some(mut item) = self.work_item(&keys::last_sweep()).await? else { return Ok(LastSweep::default()) };
        let at = item.get("at").and_then(|at| at.as_n().ok()?.parse().ok());
        let position = item.remove("position").map(from_attribute).transpose()?;
        Ok(LastSweep { at: at.and_then(|at| Timestamp::from_millisecond(at).ok()), position })
    }

    /// Writes down a sweep. Two at once do no harm: each looks at records and neither decides.
    pub async fn put_last_sweep(&self, at: Timestamp, position: Option<&Position>) -> Result<()> {
        let put = self.client.put_item().table_name(&self.work_table);
        let put = put.set_item(Some(keys::last_sweep().attributes())).item("at", number(at.as_millisecond()));
        let put = match position {
            Some(position) => put.item("position", to_attribute(position)?),
            None => put,
        };
        put.send().await.map_err(failure).map(drop)
    }
}
