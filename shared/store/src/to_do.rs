//! What the function `waiting` is to see to at once: items whose stream wakes it. The minute's sweep finds them too.

use tracing::warn;

use crate::error::{Error, Result};
use crate::former_segments::FormerSegment;
use crate::freed::Pull;
use crate::item::Item;
use crate::keys;
use crate::segment_runs::Running;
use crate::store::Store;

/// One thing to do.
#[derive(Debug, Clone, PartialEq)]
pub enum ToDo {
    /// A run of a segment, or a retry, goes on.
    Run(Running),
    /// Somebody may have come to take waiting records.
    Pull(Pull),
    /// The members of a segment that was deleted are to leave it.
    Leave(FormerSegment),
}

impl ToDo {
    fn read(item: &Item) -> Result<Self> {
        let sort_key = item.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str).unwrap_or_default();
        if sort_key.starts_with(keys::RUNNING) {
            return Running::read(item).map(Self::Run);
        }
        if let Some(id) = sort_key.strip_prefix(keys::FORMER_SEGMENTS) {
            return FormerSegment::read(id, item).map(Self::Leave);
        }
        let seller = sort_key.strip_prefix(keys::FREED);
        let seller =
            seller.ok_or_else(|| Error::Corrupt(format!("a thing to do called {sort_key}, which is unknown")))?;
        Pull::read(seller, item).map(Self::Pull)
    }
}

impl Store {
    /// All there is to do.
    pub async fn to_do(&self) -> Result<Vec<ToDo>> {
        let mut found = Vec::new();
        for shard in 0..keys::SHARDS {
            found.extend(self.query_all(&keys::to_do(shard), None).await?);
        }
        let readable = |item: &Item| match ToDo::read(item) {
            Ok(to_do) => Some(to_do),
            // One that can't be understood must not keep the others.
            Err(error) => {
                warn!(error = %error, "a thing to do is passed over");
                None
            }
        };
        Ok(found.iter().filter_map(readable).collect())
    }

    /// What is to be done by the item of a sort key, if it still is.
    pub async fn to_do_at(&self, sort_key: &str) -> Result<Option<ToDo>> {
        self.work_item(&keys::to_do_at(sort_key)).await?.as_ref().map(ToDo::read).transpose()
    }
}
