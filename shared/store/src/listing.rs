//! Lists of records: the shards of an index merged in the order of their sort keys, page by page.
//!
//! An index is a hint: every entry is looked up in the table, and kept only if the record still belongs into the list.
//! A page's position is the last entry taken of each shard, so what was there all along is neither skipped nor
//! repeated, whatever others write meanwhile.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{Owner, RecordKey, RecordType, SegmentId};
use domain::record::Record;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::batch_get::Consistency;
use crate::error::{Result, failure};
use crate::item::{Item, text};
use crate::keys::{self, Standing};
use crate::record_item::Stored;
use crate::store::Store;

/// An index of the table `records`.
#[derive(Debug, Clone, Copy)]
struct Index {
    name: &'static str,
    partition: &'static str,
    sort: &'static str,
}

const PENDING: Index = Index { name: "pending", partition: "pending", sort: "pendingAt" };
const LISTED: Index = Index { name: "listed", partition: "listed", sort: "listedSort" };
const MEMBERS: Index = Index { name: "members", partition: "member", sort: "memberSort" };
const OWNED: Index = Index { name: "owned", partition: "ownedBy", sort: "ownedSort" };

/// The shards that make up a list, and its direction.
#[derive(Debug, Clone)]
pub struct Listing {
    sources: Vec<(Index, String, Option<String>)>,
    newest_first: bool,
    /// Records that wait are listed besides those that were processed, and those that are both only once.
    mixed: bool,
}

impl Listing {
    /// Records of a type that wait, the longest waiting first (MON-01).
    #[must_use]
    pub fn pending(record_type: &RecordType) -> Self {
        let sources = shards(|shard| (PENDING, keys::pending(record_type, shard), None));
        Self { sources, newest_first: false, mixed: false }
    }

    /// Records of a type by how their work stands, the latest processed first.
    #[must_use]
    pub fn standing(record_type: &RecordType, standings: &[Standing]) -> Self {
        let sources = standings
            .iter()
            .flat_map(|standing| shards(|shard| (LISTED, keys::listed(record_type, *standing, shard), None)));
        Self { sources: sources.collect(), newest_first: true, mixed: false }
    }

    /// All records of a type.
    #[must_use]
    pub fn all(record_type: &RecordType) -> Self {
        let mut listing = Self::standing(record_type, &Standing::ALL);
        listing.sources.extend(Self::pending(record_type).sources);
        listing.mixed = true;
        listing
    }

    /// Members of a segment; those that look for an owner come first, and within both the newest.
    #[must_use]
    pub fn members(segment: &SegmentId) -> Self {
        Self {
            sources: shards(|shard| (MEMBERS, keys::members(segment, shard), None)),
            newest_first: true,
            mixed: false,
        }
    }

    /// Active records of a type that an owner holds, the newest first.
    #[must_use]
    pub fn owned(owner: &Owner, record_type: &RecordType) -> Self {
        let prefix = Some(format!("{record_type}#"));
        let mut sources = shards(|shard| (OWNED, keys::owned(owner, shard), prefix.clone()));
        sources.dedup_by(|a, b| a.1 == b.1);
        Self { sources, newest_first: true, mixed: false }
    }
}

fn shards<T>(source: impl Fn(u8) -> T) -> Vec<T> {
    (0..keys::SHARDS).map(source).collect()
}

/// Where a page ended: for each shard the last entry that was taken. Opaque to clients.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position(BTreeMap<usize, (String, String)>);

/// An entry of an index.
#[derive(Debug, Clone)]
struct Entry {
    source: usize,
    sort: String,
    pk: String,
}

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records, in the list's order.
    pub records: Vec<Record>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<Position>,
}

impl Store {
    /// One page of a list: at most `limit` records for which `keep` holds.
    pub async fn list(
        &self,
        listing: &Listing,
        from: Option<Position>,
        limit: usize,
        now: Timestamp,
        keep: impl Fn(&Record) -> bool,
    ) -> Result<Page> {
        let mut position = from.unwrap_or_default();
        let mut records = Vec::new();
        let mut seen = std::collections::BTreeSet::new();
        loop {
            let entries = self.entries(listing, &position, limit).await?;
            let exhausted = entries.len() < limit;
            let wanted: Vec<RecordKey> = entries.iter().filter_map(|entry| keys::record_of(&entry.pk)).collect();
            let found: BTreeMap<String, Stored> = self
                .records_with(&wanted, Consistency::Strong, now)
                .await?
                .into_iter()
                .map(|stored| (stored.record.key.to_string(), stored))
                .collect();
            for entry in entries {
                let waits_only = matches!(listing.sources[entry.source].0.name, "pending") && listing.mixed;
                // A record may stand in two shards of a mixed list; it is taken from the one it belongs to.
                let belongs = found
                    .get(&entry.pk)
                    .filter(|stored| keep(&stored.record) && !(waits_only && is_listed(&stored.record)));
                position.0.insert(entry.source, (entry.sort, entry.pk.clone()));
                let Some(stored) = belongs.filter(|_| seen.insert(entry.pk)) else { continue };
                records.push(stored.record.clone());
                if records.len() == limit {
                    return Ok(Page { records, next: Some(position) });
                }
            }
            if exhausted {
                return Ok(Page { records, next: None });
            }
        }
    }

    /// Records of a type that have waited since an instant or longer, the longest first, at most `most` of them.
    pub async fn waiting_since(
        &self,
        record_type: &RecordType,
        since: Timestamp,
        most: usize,
    ) -> Result<Vec<RecordKey>> {
        let listing = Listing::pending(record_type);
        let limit = format!("{:013}", since.as_millisecond());
        let mut position = Position::default();
        let mut keys = Vec::new();
        loop {
            let page = self.entries(&listing, &position, 100).await?;
            let full = page.len() == 100;
            for entry in page {
                if entry.sort > limit || keys.len() == most {
                    return Ok(keys);
                }
                keys.extend(keys::record_of(&entry.pk));
                position.0.insert(entry.source, (entry.sort, entry.pk));
            }
            if !full {
                return Ok(keys);
            }
        }
    }

    /// The instant since which the longest waiting record of a type has waited.
    pub async fn oldest_pending(&self, record_type: &RecordType) -> Result<Option<Timestamp>> {
        let entries = self.entries(&Listing::pending(record_type), &Position::default(), 1).await?;
        let millisecond = entries.first().and_then(|entry| entry.sort.parse().ok());
        Ok(millisecond.and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok()))
    }

    /// How many entries a list has, as its index tells.
    pub async fn count(&self, listing: &Listing) -> Result<u64> {
        let mut queries = JoinSet::new();
        for (index, partition, prefix) in listing.sources.clone() {
            let store = self.clone();
            queries.spawn(async move { store.count_shard(index, &partition, prefix).await });
        }
        let mut count = 0;
        while let Some(answer) = queries.join_next().await {
            count += answer.expect("a query neither panics nor is cancelled")?;
        }
        Ok(count)
    }

    async fn count_shard(&self, index: Index, partition: &str, prefix: Option<String>) -> Result<u64> {
        let (mut count, mut start) = (0, None);
        loop {
            let request = self.query_index(index, partition, prefix.as_deref());
            let request = request.select(aws_sdk_dynamodb::types::Select::Count).set_exclusive_start_key(start);
            let page = request.send().await.map_err(failure)?;
            count += u64::try_from(page.count).unwrap_or(0);
            match page.last_evaluated_key {
                Some(last) => start = Some(last),
                None => return Ok(count),
            }
        }
    }

    fn query_index(
        &self,
        index: Index,
        partition: &str,
        prefix: Option<&str>,
    ) -> aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder {
        let begins = if prefix.is_some() { " AND begins_with(#s, :s)" } else { "" };
        let request = self
            .client
            .query()
            .table_name(&self.records_table)
            .index_name(index.name)
            .key_condition_expression(format!("#p = :p{begins}"))
            .expression_attribute_names("#p", index.partition)
            .expression_attribute_values(":p", text(partition));
        match prefix {
            Some(prefix) => {
                request.expression_attribute_names("#s", index.sort).expression_attribute_values(":s", text(prefix))
            }
            None => request,
        }
    }

    /// The next `limit` entries after a position, merged over all shards.
    async fn entries(&self, listing: &Listing, position: &Position, limit: usize) -> Result<Vec<Entry>> {
        let mut queries = JoinSet::new();
        for (source, (index, partition, prefix)) in listing.sources.iter().cloned().enumerate() {
            let store = self.clone();
            let after = position.0.get(&source).cloned();
            let forward = !listing.newest_first;
            queries.spawn(async move {
                let start = after.map(|(sort, pk)| start_key(index, &partition, &sort, &pk));
                let request = store.query_index(index, &partition, prefix.as_deref());
                let request = request.scan_index_forward(forward).limit(i32::try_from(limit).unwrap_or(i32::MAX));
                let page = request.set_exclusive_start_key(start).send().await.map_err(failure)?;
                Ok::<_, crate::Error>(
                    page.items
                        .unwrap_or_default()
                        .iter()
                        .filter_map(|item| entry(source, index, item))
                        .collect::<Vec<_>>(),
                )
            });
        }
        let mut entries: Vec<Entry> = Vec::new();
        while let Some(answer) = queries.join_next().await {
            entries.extend(answer.expect("a query neither panics nor is cancelled")?);
        }
        entries.sort_by(|a, b| {
            let order = (&a.sort, &a.pk).cmp(&(&b.sort, &b.pk));
            if listing.newest_first { order.reverse() } else { order }
        });
        entries.truncate(limit);
        Ok(entries)
    }
}

fn is_listed(record: &Record) -> bool {
    record.last.is_some() || record.state == domain::record::State::Inactive
}

fn entry(source: usize, index: Index, item: &Item) -> Option<Entry> {
    let sort = match item.get(index.sort)? {
        AttributeValue::S(sort) => sort.clone(),
        AttributeValue::N(sort) => format!("{sort:0>13}"),
        _ => return None,
    };
    Some(Entry { source, sort, pk: item.get("pk")?.as_s().ok()?.clone() })
}

fn start_key(index: Index, partition: &str, sort: &str, pk: &str) -> Item {
    let sort = match index.name {
        "pending" => AttributeValue::N(match sort.trim_start_matches('0') {
            "" => "0".to_owned(),
            digits => digits.to_owned(),
        }),
        _ => text(sort),
    };
    [("pk".to_owned(), text(pk)), (index.partition.to_owned(), text(partition)), (index.sort.to_owned(), sort)].into()
}
