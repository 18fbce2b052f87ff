//! Reading many items by key: in requests of a hundred, with what was left unread asked for again.

use aws_sdk_dynamodb::types::KeysAndAttributes;

use crate::error::{Error, Result, failure};
use crate::item::Item;
use crate::keys::Key;
use crate::store::Store;
use crate::transaction::pause;

/// DynamoDB's limit on the keys of one request.
const MAX_KEYS: usize = 100;

/// How often what was left unread is asked for again.
const ATTEMPTS: u32 = 10;

/// How recent an answer must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consistency {
    /// As the item is now.
    Strong,
    /// As it was a moment ago, at half the price.
    Eventual,
}

impl Store {
    /// The items of these keys, in no order; those that don't exist are left out. Keys may repeat.
    pub(crate) async fn batch_get(
        &self,
        table: &str,
        mut keys: Vec<Key>,
        consistency: Consistency,
    ) -> Result<Vec<Item>> {
        keys.sort_by(|a, b| (&a.pk, &a.sk).cmp(&(&b.pk, &b.sk)));
        keys.dedup();
        let mut items = Vec::with_capacity(keys.len());
        for chunk in keys.chunks(MAX_KEYS) {
            let mut wanted: Vec<_> = chunk.iter().map(Key::attributes).collect();
            for attempt in 0.. {
                let request = KeysAndAttributes::builder()
                    .set_keys(Some(std::mem::take(&mut wanted)))
                    .consistent_read(consistency == Consistency::Strong)
                    .build()
                    .expect("keys are given");
                let answer =
                    self.client.batch_get_item().request_items(table, request).send().await.map_err(failure)?;
                items.extend(answer.responses.unwrap_or_default().remove(table).unwrap_or_default());
                let unread = answer.unprocessed_keys.unwrap_or_default().remove(table);
                let Some(unread) = unread.filter(|unread| !unread.keys().is_empty()) else { break };
                if attempt == ATTEMPTS {
                    return Err(Error::Unavailable("items stayed unread".to_owned()));
                }
                wanted = unread.keys;
                pause(attempt).await;
            }
        }
        Ok(items)
    }
}
