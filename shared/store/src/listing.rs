//! Lists of records: the shards of an index merged in the order of their sort keys, page by page.
//!
//! An index is a hint: every entry is looked up in the table, and kept only if the record still belongs into the list.
//! Lists are ordered by what never changes, the instant of creation (that of waiting: by the instant since when), and a
//! page's position is the last entry it passed. So what was there all along is neither skipped nor repeated, whatever
//! others write meanwhile.

use std::collections::{BTreeMap, HashSet};

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};
use domain::freed::Sought;
use domain::id::{Owner, RecordKey, RecordType, SegmentId, SellerId};
use domain::record::{Record, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

use crate::batch_get::Consistency;
use crate::error::{Error, Result, failure};
use crate::item::{Item, number, text};
use crate::keys;
use crate::record_item::Stored;
use crate::store::Store;

/// So many queries run at once.
const AT_ONCE: usize = 64;

/// An index of the table `records`.
#[derive(Debug, Clone, Copy)]
struct Index {
    name: &'static str,
    partition: &'static str,
    sort: &'static str,
    /// The sort key is a number.
    numeric: bool,
}

const PENDING: Index = Index { name: "pending", partition: "pending", sort: "pendingAt", numeric: true };
const LISTED: Index = Index { name: "listed", partition: "listed", sort: "listedSort", numeric: false };
const ATTENTION: Index = Index { name: "attention", partition: "attention", sort: "attentionSort", numeric: false };
const MEMBERS: Index = Index { name: "members", partition: "member", sort: "memberSort", numeric: false };
const WAITING: Index = Index { name: "waiting", partition: "waiting", sort: "waitingSort", numeric: false };
const OWNED: Index = Index { name: "owned", partition: "ownedBy", sort: "ownedSort", numeric: false };
const UNITS: Index = Index { name: "units", partition: "unit", sort: "unitSort", numeric: false };

/// One shard of an index that a list is merged from.
#[derive(Debug, Clone)]
struct Source {
    index: Index,
    partition: String,
    /// What its sort keys begin with; what follows is the instant that the list is ordered by.
    prefix: String,
}

/// The shards that make up a list, and its direction. A record that stands in several of them is listed once.
#[derive(Debug, Clone)]
pub struct Listing {
    sources: Vec<Source>,
    newest_first: bool,
}

impl Listing {
    fn of(index: Index, partitions: impl Iterator<Item = String>, prefixes: &[String]) -> Self {
        let of_prefix = |partition: String| {
            let source = move |prefix: &String| Source { index, partition: partition.clone(), prefix: prefix.clone() };
            prefixes.iter().map(source).collect::<Vec<_>>()
        };
        Self { sources: partitions.flat_map(of_prefix).collect(), newest_first: true }
    }

    /// Records of a type that wait, the longest waiting first (MON-01).
    #[must_use]
    pub fn pending(record_type: &RecordType) -> Self {
        let partitions = shards(|shard| keys::pending(record_type, shard));
        Self { newest_first: false, ..Self::of(PENDING, partitions, &[String::new()]) }
    }

    /// All records of a type, the newest first; in one state or in both.
    #[must_use]
    pub fn all(record_type: &RecordType, state: Option<State>) -> Self {
        Self::of(LISTED, shards(|shard| keys::listed(record_type, shard)), &in_states(state, keys::state))
    }

    /// Records of a type that need attention, the newest first (MON-04).
    #[must_use]
    pub fn attention(record_type: &RecordType) -> Self {
        Self::of(ATTENTION, shards(|shard| keys::listed(record_type, shard)), &[String::new()])
    }

    /// Members of a segment, the newest first.
    #[must_use]
    pub fn members(segment: &SegmentId) -> Self {
        let prefixes = [true, false].map(|unassigned| keys::looks(unassigned).to_owned());
        Self::of(MEMBERS, shards(|shard| keys::members(segment, shard)), &prefixes)
    }

    /// Members of a segment that look for an owner, the oldest first (RUN-01).
    #[must_use]
    pub fn unassigned(segment: &SegmentId) -> Self {
        let partitions = shards(|shard| keys::members(segment, shard));
        Self::of(MEMBERS, partitions, &[keys::looks(true).to_owned()]).oldest_first()
    }

    /// Records that wait for one of these, the oldest first.
    #[must_use]
    pub fn waiting<'a>(sought: impl IntoIterator<Item = &'a Sought>) -> Self {
        let of_one = |sought: &Sought| {
            let partitions = shards(|shard| keys::waiting(&sought.record_type, shard));
            Self::of(WAITING, partitions, &[keys::sought(sought)]).sources
        };
        Self { sources: sought.into_iter().flat_map(of_one).collect(), newest_first: false }
    }

    /// Records of these types that wait for a seller, in the order of what they wait for. Unlike [`Self::waiting`] it costs
    /// the same however many kinds of waiting there are.
    #[must_use]
    pub fn all_waiting<'a>(record_types: impl IntoIterator<Item = &'a RecordType>) -> Self {
        let of_one = |record_type: &RecordType| {
            Self::of(WAITING, shards(|shard| keys::waiting(record_type, shard)), &[String::new()]).sources
        };
        Self { sources: record_types.into_iter().flat_map(of_one).collect(), newest_first: false }
    }

    /// The same list the other way round.
    #[must_use]
    pub fn oldest_first(self) -> Self {
        Self { newest_first: false, ..self }
    }

    /// Records of a type that an owner holds, the newest first; in one state or in both.
    #[must_use]
    pub fn owned(owner: &Owner, record_type: &RecordType, state: Option<State>) -> Self {
        let shards = match owner {
            Owner::Seller(_) => 1,
            Owner::Team(_) | Owner::Queue(_) => keys::SHARDS,
        };
        let prefixes = in_states(state, |state| keys::type_and_state(record_type, state));
        Self::of(OWNED, (0..shards).map(|shard| keys::owned(owner, shard)), &prefixes)
    }

    /// Records of a type that belong to a business unit or that one of its sellers owns, the newest first; in one state
    /// or in both.
    #[must_use]
    pub fn within_reach(unit: &str, seller: &SellerId, record_type: &RecordType, state: Option<State>) -> Self {
        let prefixes = in_states(state, |state| keys::type_and_state(record_type, state));
        let mut listing = Self::of(UNITS, shards(|shard| keys::unit(unit, shard)), &prefixes);
        listing.sources.extend(Self::owned(&Owner::Seller(seller.clone()), record_type, state).sources);
        listing
    }
}

/// What sort keys begin with, for one state or for both.
fn in_states(state: Option<State>, prefix: impl Fn(State) -> String) -> Vec<String> {
    let states = state.map_or(vec![State::Active, State::Inactive], |state| vec![state]);
    states.into_iter().map(prefix).collect()
}

/// Where a page ended: the last record it passed, and the instant that the list is ordered by. Opaque to clients.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Position(String, String);

/// One page of a list.
#[derive(Debug, Clone)]
pub struct Page {
    /// The records, in the list's order.
    pub records: Vec<Record>,
    /// Where the next page begins; none when this is the last.
    pub next: Option<Position>,
}

impl Store {
    /// One page of a list: at most `limit` records for which `keep` holds. It is the last one unless another such record
    /// is found behind it, so that it reads one entry more than it shows.
    pub async fn list(
        &self,
        listing: &Listing,
        from: Option<Position>,
        limit: usize,
        now: Timestamp,
        keep: impl Fn(&Record) -> bool,
    ) -> Result<Page> {
        self.list_among(listing, from, limit, usize::MAX, now, keep).await
    }

    /// The same, but after about `most` entries the page ends where it is, with as many records as were found by then.
    pub async fn list_among(
        &self,
        listing: &Listing,
        from: Option<Position>,
        limit: usize,
        most: usize,
        now: Timestamp,
        keep: impl Fn(&Record) -> bool,
    ) -> Result<Page> {
        let mut position = from;
        let mut records = Vec::new();
        let mut passed = 0;
        loop {
            let entries = self.entries(listing, position.as_ref(), limit + 1).await?;
            let exhausted = entries.len() <= limit;
            passed += entries.len();
            let wanted: Vec<RecordKey> = entries.iter().filter_map(|at| keys::record_of(&at.1)).collect();
            let found: BTreeMap<String, Stored> = self
                .records_with(&wanted, Consistency::Strong, now)
                .await?
                .into_iter()
                .map(|stored| (stored.record.key.to_string(), stored))
                .collect();
            for at in entries {
                if let Some(stored) = found.get(&at.1).filter(|stored| keep(&stored.record)) {
                    if records.len() == limit {
                        return Ok(Page { records, next: position });
                    }
                    records.push(stored.record.clone());
                }
                position = Some(at);
            }
            if exhausted {
                return Ok(Page { records, next: None });
            }
            if passed >= most {
                return Ok(Page { records, next: position });
            }
        }
    }

    /// For what the records of a type wait, and of each shard the oldest that waits for it. It costs two queries for each
    /// of these and two for each shard, however many wait.
    pub async fn sought(&self, record_type: &RecordType) -> Result<BTreeMap<Sought, Vec<RecordKey>>> {
        let mut shards = JoinSet::new();
        for shard in 0..keys::SHARDS {
            let (store, record_type) = (self.clone(), record_type.clone());
            shards.spawn(async move { store.sought_in_shard(&record_type, shard).await });
        }
        let mut sought: BTreeMap<Sought, Vec<RecordKey>> = BTreeMap::new();
        while let Some(found) = shards.join_next().await {
            for (what, oldest) in found.expect("a query neither panics nor is cancelled")? {
                sought.entry(what).or_default().push(oldest);
            }
        }
        Ok(sought)
    }

    async fn sought_in_shard(&self, record_type: &RecordType, shard: u8) -> Result<Vec<(Sought, RecordKey)>> {
        let Index { name, partition, sort, .. } = WAITING;
        let mut found: Vec<(Sought, RecordKey)> = Vec::new();
        let mut behind: Option<String> = None;
        loop {
            let request = self.client.query().table_name(&self.records_table).index_name(name).limit(1);
            let request = request
                .expression_attribute_names("#p", partition)
                .expression_attribute_values(":p", text(keys::waiting(record_type, shard)));
            let request = match &behind {
                None => request.key_condition_expression("#p = :p"),
                Some(behind) => request
                    .key_condition_expression("#p = :p AND #s > :s")
                    .expression_attribute_names("#s", sort)
                    .expression_attribute_values(":s", text(behind)),
            };
            let page = request.send().await.map_err(failure)?.items.unwrap_or_default();
            let Some(item) = page.first() else { return Ok(found) };
            let of = |name: &str| item.get(name).and_then(|value| value.as_s().ok());
            let at = of(sort).ok_or_else(|| Error::Corrupt("an entry of an index without its key".to_owned()))?;
            let entry = keys::sought_at(record_type, at).zip(of("pk").and_then(|pk| keys::record_of(pk)));
            // One that another program wrote must not keep the others.
            behind = Some(entry.as_ref().map_or_else(|| at.clone(), |(sought, _)| keys::behind_sought(sought)));
            found.extend(entry);
        }
    }

    /// The records of one page of a list as its index has them, and where the next page begins; none when this is the last.
    pub async fn index_page(
        &self,
        listing: &Listing,
        behind: Option<&Position>,
        limit: usize,
    ) -> Result<(Vec<RecordKey>, Option<Position>)> {
        let entries = self.entries(listing, behind, limit).await?;
        let next = entries.last().filter(|_| entries.len() == limit).cloned();
        Ok((entries.iter().filter_map(|at| keys::record_of(&at.1)).collect(), next))
    }

    /// The instant since which the longest waiting record of a type has waited.
    pub async fn oldest_pending(&self, record_type: &RecordType) -> Result<Option<Timestamp>> {
        let entries = self.entries(&Listing::pending(record_type), None, 1).await?;
        let millisecond = entries.first().and_then(|first| first.0.parse().ok());
        Ok(millisecond.and_then(|millisecond| Timestamp::from_millisecond(millisecond).ok()))
    }

    /// How many entries a list has, as its index tells.
    pub async fn count(&self, listing: &Listing) -> Result<u64> {
        let mut queries = JoinSet::new();
        for source in listing.sources.clone() {
            let store = self.clone();
            queries.spawn(async move { store.count_shard(&source).await });
        }
        let mut count = 0;
        while let Some(answer) = queries.join_next().await {
            count += answer.expect("a query neither panics nor is cancelled")?;
        }
        Ok(count)
    }

    async fn count_shard(&self, source: &Source) -> Result<u64> {
        let (mut count, mut start) = (0, None);
        loop {
            let request = self.query_index(source, None, true);
            let request = request.select(Select::Count).set_exclusive_start_key(start);
            let page = request.send().await.map_err(failure)?;
            count += u64::try_from(page.count).unwrap_or(0);
            match page.last_evaluated_key {
                Some(last) => start = Some(last),
                None => return Ok(count),
            }
        }
    }

    /// A query of one shard from an instant on, which is part of it: several records may share it.
    fn query_index(&self, source: &Source, from: Option<&str>, newest_first: bool) -> QueryFluentBuilder {
        let Source { index, partition, prefix, .. } = source;
        let value = |instant: &str| {
            if index.numeric {
                number(instant.trim_start_matches('0').parse::<u64>().unwrap_or(0))
            } else {
                text(format!("{prefix}{instant}"))
            }
        };
        let request = self.client.query().table_name(&self.records_table).index_name(index.name);
        let request = request
            .expression_attribute_names("#p", index.partition)
            .expression_attribute_values(":p", text(partition))
            .scan_index_forward(!newest_first);
        let (condition, values) = match (from, newest_first, prefix.is_empty()) {
            (None, _, true) => ("", vec![]),
            (None, _, false) => (" AND begins_with(#s, :s)", vec![(":s", text(prefix))]),
            (Some(from), true, true) => (" AND #s <= :s", vec![(":s", value(from))]),
            (Some(from), true, false) => (" AND #s BETWEEN :t AND :s", vec![(":t", text(prefix)), (":s", value(from))]),
            (Some(from), false, true) => (" AND #s >= :s", vec![(":s", value(from))]),
            (Some(from), false, false) => {
                let last = text(format!("{prefix}~"));
                (" AND #s BETWEEN :s AND :t", vec![(":s", value(from)), (":t", last)])
            }
        };
        let request = request.key_condition_expression(format!("#p = :p{condition}"));
        if values.is_empty() {
            return request;
        }
        let request = request.expression_attribute_names("#s", index.sort);
        values.into_iter().fold(request, |request, (name, value)| request.expression_attribute_values(name, value))
    }

    /// The next `limit` entries behind a position, merged over all shards. A record may stand in two of them: by its unit
    /// and by its owner, or while it moves from one to the other.
    async fn entries(&self, listing: &Listing, behind: Option<&Position>, limit: usize) -> Result<Vec<Position>> {
        let mut queries = JoinSet::new();
        let mut sources = listing.sources.iter().cloned();
        let mut entries: Vec<Position> = Vec::new();
        loop {
            while queries.len() < AT_ONCE
                && let Some(source) = sources.next()
            {
                let (store, behind, newest_first) = (self.clone(), behind.cloned(), listing.newest_first);
                queries.spawn(async move { store.shard_entries(&source, behind, newest_first, limit).await });
            }
            let Some(answer) = queries.join_next().await else { break };
            entries.extend(answer.expect("a query neither panics nor is cancelled")?);
        }
        entries.sort_unstable_by(|a, b| if listing.newest_first { b.cmp(a) } else { a.cmp(b) });
        entries.dedup();
        entries.truncate(limit);
        Ok(entries)
    }

    /// At least `limit` entries of one shard behind a position, if there are so many. Those of one instant come in no
    /// certain order, so they are taken all or none.
    async fn shard_entries(
        &self,
        source: &Source,
        behind: Option<Position>,
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<Position>> {
        let is_behind =
            |at: &Position| behind.as_ref().is_none_or(|behind| if newest_first { at < behind } else { at > behind });
        let (mut entries, mut start): (Vec<Position>, _) = (vec![], None);
        loop {
            let request = self.query_index(source, behind.as_ref().map(|behind| behind.0.as_str()), newest_first);
            let request = request.limit(i32::try_from(limit + 1).unwrap_or(i32::MAX)).set_exclusive_start_key(start);
            let page = request.send().await.map_err(failure)?;
            let found = page.items.unwrap_or_default();
            entries.extend(found.iter().filter_map(|item| position(source, item)).filter(is_behind));
            start = page.last_evaluated_key;
            if start.is_none() {
                return Ok(entries);
            }
            let unfinished = entries.last().map(|last| last.0.clone());
            let finished = entries.iter().take_while(|at| Some(&at.0) != unfinished.as_ref()).count();
            if finished >= limit {
                entries.truncate(finished);
                return Ok(entries);
            }
        }
    }
}

fn shards(partition: impl Fn(u8) -> String) -> impl Iterator<Item = String> {
    (0..keys::SHARDS).map(partition)
}

fn position(source: &Source, item: &Item) -> Option<Position> {
    let instant = match item.get(source.index.sort)? {
        AttributeValue::S(sort) => sort.strip_prefix(&source.prefix)?.to_owned(),
        AttributeValue::N(sort) => format!("{sort:0>13}"),
        _ => return None,
    };
    Some(Position(instant, item.get("pk")?.as_s().ok()?.clone()))
}

/// A walk through the records of a list, each once, about a hundred at a time and in no order.
#[derive(Debug)]
pub struct Walk {
    store: Store,
    sources: std::vec::IntoIter<Source>,
    /// The shard that is being read and where its next page begins.
    present: Option<(Source, Option<Item>)>,
    seen: HashSet<RecordKey>,
}

impl Walk {
    /// Begins a walk.
    #[must_use]
    pub fn new(store: &Store, listing: Listing) -> Self {
        let mut sources = listing.sources.into_iter();
        let present = sources.next().map(|source| (source, None));
        Self { store: store.clone(), sources, present, seen: HashSet::new() }
    }

    /// The next records, as they were a moment ago; none when all were seen.
    pub async fn next(&mut self, now: Timestamp) -> Result<Option<Vec<Stored>>> {
        let Some((source, start)) = self.present.take() else { return Ok(None) };
        let request = self.store.query_index(&source, None, true).limit(100);
        let page = request.set_exclusive_start_key(start).send().await.map_err(failure)?;
        let entries = page.items.unwrap_or_default();
        let keys = entries.iter().filter_map(|item| keys::record_of(item.get("pk")?.as_s().ok()?));
        let wanted: Vec<RecordKey> = keys.filter(|key| self.seen.insert(key.clone())).collect();
        self.present = match page.last_evaluated_key {
            Some(last) => Some((source, Some(last))),
            None => self.sources.next().map(|source| (source, None)),
        };
        Ok(Some(self.store.records_with(&wanted, Consistency::Eventual, now).await?))
    }
}
