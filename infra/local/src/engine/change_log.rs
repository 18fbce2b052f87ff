//! The stream records of the engine, read and trimmed through a second connection to its SQLite file.
//!
//! The engine looks for the highest sequence number at each write and has no index to find it by; this makes one, so
//! that writes stay quick however many records there are, and removes those that every reader has passed. It reads the
//! engine's table `_stream_records`, whose columns are not a documented interface: an engine update is checked by the
//! tests here. It also makes several logical shards of the engine's one.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, functions::FunctionFlags, params};
use serde_json::Value;

/// DynamoDB keeps stream records for a day.
const RETENTION: SignedDuration = SignedDuration::from_hours(24);
/// Most records removed by one statement: the engine's writers wait meanwhile.
const TRIM_AT_ONCE: usize = 500;
/// How long to wait for the engine's own transactions.
const PATIENCE: Duration = Duration::from_secs(5);
/// What turns a stored sequence number into the 21 digits that clients see, as the engine does it.
const SEQUENCE_OFFSET: u128 = 100_000_000_000_000_000_000;

const INDEX: &str = "CREATE INDEX IF NOT EXISTS _baton_stream_order \
    ON _stream_records(table_name, CAST(sequence_number AS INTEGER))";
const NEWEST: &str = "SELECT MAX(CAST(sequence_number AS INTEGER)) FROM _stream_records WHERE table_name = ?1";
const READ: &str = "SELECT event_name, keys_json, new_image, old_image, CAST(sequence_number AS INTEGER), created_at, \
    user_identity, event_id FROM _stream_records \
    WHERE table_name = ?1 AND CAST(sequence_number AS INTEGER) > ?2 AND baton_shard(keys_json, ?3, ?4) = ?5 \
    ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?6";
const TRIM: &str = "DELETE FROM _stream_records WHERE id IN (SELECT id FROM \
    (SELECT id, created_at, CAST(sequence_number AS INTEGER) AS sequence FROM _stream_records WHERE table_name = ?1 \
     ORDER BY CAST(sequence_number AS INTEGER) LIMIT ?2) WHERE sequence < ?3 AND (sequence <= ?4 OR created_at < ?5))";

/// The streams of an engine's tables.
pub(crate) struct ChangeLog {
    connection: Mutex<Connection>,
    /// Per table with a stream, how far each of its readers has come.
    readers: Mutex<BTreeMap<String, BTreeMap<String, i64>>>,
}

/// One logical shard of a table's stream: the changes of the keys that fall to it, in order.
#[derive(Clone, Debug)]
pub(crate) struct Shard {
    pub(crate) table: String,
    /// The name of the table's partition key attribute.
    pub(crate) partition_key: String,
    pub(crate) index: usize,
    pub(crate) count: usize,
}

/// One stream record.
#[derive(Clone, Debug)]
pub(crate) struct Change {
    /// `INSERT`, `MODIFY` or `REMOVE`.
    pub(crate) event_name: String,
    pub(crate) event_id: String,
    pub(crate) keys: Value,
    pub(crate) new_image: Option<Value>,
    pub(crate) old_image: Option<Value>,
    pub(crate) user_identity: Option<Value>,
    /// As stored; ascending within a table.
    pub(crate) sequence: i64,
    /// On the real clock, whole seconds.
    pub(crate) created: Timestamp,
    /// Keys and images as JSON.
    pub(crate) size_bytes: usize,
}

impl Change {
    /// The sequence number as clients see it: 21 digits, so text and number order agree.
    pub(crate) fn sequence_number(&self) -> String {
        (SEQUENCE_OFFSET + u128::from(self.sequence.unsigned_abs())).to_string()
    }
}

/// Changes of a shard, and how far the reader has come when it has dealt with them.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) changes: Vec<Change>,
    pub(crate) end: i64,
}

impl ChangeLog {
    /// The log in the engine's `file`; `tables` are those with a stream.
    pub(super) fn open(file: &str, tables: Vec<String>) -> Result<Self> {
        let connection = Connection::open(file).context("cannot open the database a second time")?;
        connection.busy_timeout(PATIENCE)?;
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        connection.create_scalar_function(
            "baton_shard",
            3,
            FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC,
            |arguments| {
                let keys: String = arguments.get(0)?;
                let partition_key: String = arguments.get(1)?;
                let count: i64 = arguments.get(2)?;
                Ok(shard_of(&keys, &partition_key, count))
            },
        )?;
        connection.execute_batch(INDEX).context("the engine's stream table is not as expected")?;
        let readers = tables.into_iter().map(|table| (table, BTreeMap::new())).collect();
        Ok(Self { connection: Mutex::new(connection), readers: Mutex::new(readers) })
    }

    /// At most `limit` changes of a shard after the sequence number `after`.
    pub(crate) fn read(&self, shard: &Shard, after: i64, limit: usize) -> Result<Page> {
        let mut connection = locked(&self.connection);
        // One transaction is one snapshot: what is written meanwhile lies after both answers.
        let snapshot = connection.transaction()?;
        let newest = newest(&snapshot, &shard.table)?;
        let mut changes = vec![];
        if newest.is_some_and(|newest| newest > after) {
            let mut statement = snapshot.prepare_cached(READ)?;
            let mut rows = statement.query(params![
                shard.table,
                after,
                shard.partition_key,
                i64::try_from(shard.count)?,
                i64::try_from(shard.index)?,
                i64::try_from(limit)?,
            ])?;
            while let Some(row) = rows.next()? {
                let keys: String = row.get(1)?;
                let new_image: Option<String> = row.get(2)?;
                let old_image: Option<String> = row.get(3)?;
                let user_identity: Option<String> = row.get(6)?;
                let event_id: Option<String> = row.get(7)?;
                let sequence: i64 = row.get(4)?;
                let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
                let parse = |text: Option<String>| text.map(|text| serde_json::from_str(&text)).transpose();
                changes.push(Change {
                    event_name: row.get(0)?,
                    event_id: event_id.unwrap_or_else(|| sequence.to_string()),
                    size_bytes: keys.len() + length(&new_image) + length(&old_image),
                    keys: serde_json::from_str(&keys)?,
                    new_image: parse(new_image)?,
                    old_image: parse(old_image)?,
                    user_identity: parse(user_identity)?,
                    sequence,
                    created: Timestamp::from_second(row.get(5)?)?,
                });
            }
        }
        let end = match changes.last() {
            Some(last) if changes.len() == limit => last.sequence,
            _ => newest.unwrap_or(after).max(after),
        };
        Ok(Page { changes, end })
    }

    /// The newest sequence number of a table's stream; 0 before the first change.
    pub(crate) fn newest(&self, table: &str) -> Result<i64> {
        Ok(newest(&locked(&self.connection), table)?.unwrap_or(0))
    }

    /// Notes how far a reader of a table's stream has come; what all its readers have passed may be removed.
    pub(crate) fn passed(&self, table: &str, reader: &str, sequence: i64) {
        let mut readers = locked(&self.readers);
        readers.entry(table.to_owned()).or_default().insert(reader.to_owned(), sequence);
    }

    /// Removes the records that every reader has passed, and any older than a day. The newest always stays: the engine
    /// counts on from it.
    pub(super) fn trim(&self) -> Result<()> {
        let bounds: Vec<(String, i64)> = locked(&self.readers)
            .iter()
            .map(|(table, readers)| (table.clone(), readers.values().min().copied().unwrap_or(0)))
            .collect();
        let oldest = (Timestamp::now() - RETENTION).as_second();
        for (table, passed) in bounds {
            loop {
                // The lock is taken anew each time, so that readers and the engine's writers get their turns.
                let connection = locked(&self.connection);
                let Some(newest) = newest(&connection, &table)? else { break };
                let at_once = i64::try_from(TRIM_AT_ONCE)?;
                let removed =
                    connection.prepare_cached(TRIM)?.execute(params![table, at_once, newest, passed, oldest])?;
                if removed < TRIM_AT_ONCE {
                    break;
                }
            }
        }
        Ok(())
    }
}

fn newest(connection: &Connection, table: &str) -> Result<Option<i64>> {
    let newest =
        connection.prepare_cached(NEWEST)?.query_row([table], |row| row.get::<_, Option<i64>>(0)).optional()?;
    Ok(newest.flatten())
}

/// The shard that an item's changes fall to: by its partition key, as DynamoDB's do, so one item's stay in order.
fn shard_of(keys: &str, partition_key: &str, count: i64) -> i64 {
    let key = serde_json::from_str::<Value>(keys).map(|keys| keys[partition_key].to_string()).unwrap_or_default();
    // FNV-1a: kept positions rely on the same shard from build to build, which the standard hasher does not promise.
    let hash = key
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    i64::try_from(hash >> 1).unwrap_or(0) % count.max(1)
}

/// The value behind a lock; a reader that panicked leaves nothing half done here.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        engine::{Engine, EngineOptions, request},
        template::Template,
    };

    const TABLE: &str = "baton-records";

    async fn engine() -> Engine {
        Engine::start(EngineOptions::default(), &Template::builtin().unwrap().tables).await.unwrap()
    }

    fn put(engine: &Engine, key: &str, text: &str) {
        let item = json!({"pk": {"S": key}, "text": {"S": text}});
        engine.database().put_item(request(json!({"TableName": TABLE, "Item": item})).unwrap()).unwrap();
    }

    fn shard(index: usize, count: usize) -> Shard {
        Shard { table: TABLE.to_owned(), partition_key: "pk".to_owned(), index, count }
    }

    #[tokio::test]
    async fn changes_come_in_order_with_both_images_and_end_where_the_stream_ends() {
        let engine = engine().await;
        put(&engine, "a", "1");
        put(&engine, "a", "2");
        let delete = json!({"TableName": TABLE, "Key": {"pk": {"S": "a"}}});
        engine.database().delete_item(request(delete).unwrap()).unwrap();
        let log = engine.changes();
        let page = log.read(&shard(0, 1), 0, 100).unwrap();
        let names: Vec<&str> = page.changes.iter().map(|change| change.event_name.as_str()).collect();
        assert_eq!(names, ["INSERT", "MODIFY", "REMOVE"]);
        let text = |image: &Option<Value>| image.as_ref().map(|image| image["text"]["S"].as_str().unwrap().to_owned());
        assert_eq!(text(&page.changes[1].new_image).as_deref(), Some("2"));
        assert_eq!(text(&page.changes[1].old_image).as_deref(), Some("1"));
        assert_eq!((text(&page.changes[2].new_image), page.changes[2].keys["pk"]["S"].as_str()), (None, Some("a")));
        assert_eq!(page.end, page.changes[2].sequence);
        assert_eq!(page.changes[0].sequence_number().len(), 21);
        let rest = log.read(&shard(0, 1), page.end, 100).unwrap();
        assert_eq!((rest.changes.len(), rest.end), (0, page.end));
        let first = log.read(&shard(0, 1), 0, 1).unwrap();
        assert_eq!(first.end, page.changes[0].sequence);
        engine.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn shards_divide_the_keys_and_each_key_stays_on_one() {
        let engine = engine().await;
        for round in ["1", "2"] {
            for n in 0..50 {
                put(&engine, &format!("lead#{n}"), round);
            }
        }
        let log = engine.changes();
        let keys = |index: usize| -> Vec<String> {
            let page = log.read(&shard(index, 3), 0, 1000).unwrap();
            assert_eq!(page.end, log.newest(TABLE).unwrap());
            page.changes.iter().map(|change| change.keys["pk"]["S"].as_str().unwrap().to_owned()).collect()
        };
        let shards = [keys(0), keys(1), keys(2)];
        assert_eq!(shards.iter().map(Vec::len).sum::<usize>(), 100);
        for shard in &shards {
            assert!(!shard.is_empty());
            for key in shard {
                assert_eq!(shard.iter().filter(|other| *other == key).count(), 2, "{key}");
            }
        }
        engine.shutdown().await.unwrap();
    }

    #[tokio::test]
    async fn only_what_every_reader_has_passed_is_removed() {
        let engine = engine().await;
        for n in 0..1200 {
            put(&engine, &format!("lead#{n}"), "");
        }
        let log = engine.changes();
        let all = log.read(&shard(0, 1), 0, 2000).unwrap();
        let left = || log.read(&shard(0, 1), 0, 2000).unwrap().changes.len();
        log.trim().unwrap();
        assert_eq!(left(), 1200, "nobody has read yet");
        log.passed(TABLE, "one", all.end);
        log.passed(TABLE, "other", all.changes[699].sequence);
        log.trim().unwrap();
        assert_eq!(left(), 500, "the slower of two readers counts");
        log.passed(TABLE, "other", all.end);
        log.trim().unwrap();
        assert_eq!(left(), 1, "the newest stays");
        engine.shutdown().await.unwrap();
    }
}
