//! Walks from records to their runs: which of the stored runs are reached, and which are not.
//!
//! A record names its last run and each run the one before, so a stored run is held against the chain that leads from
//! its record. A chain is walked once, when the first of its runs comes up; what it reaches is remembered until that
//! comes up too.

use std::collections::{BTreeMap, HashMap};

use domain::id::{RecordKey, RunId};
use domain::invariant::history::{Link, Standing};
use domain::record::Record;
use jiff::Timestamp;

use crate::error::Result;
use crate::store::Store;

/// So many records are looked up, and their chains walked, at a time.
const AT_ONCE: usize = 200;

/// So many runs are remembered. Beyond that all are forgotten, which costs further walks.
const MOST_REMEMBERED: usize = 300_000;

/// What was reached and has not come up yet.
#[derive(Debug, Default)]
pub(super) struct Histories {
    reached: HashMap<RunId, Reached>,
}

#[derive(Debug, Clone, Copy)]
struct Reached {
    /// The chain goes on behind it, or it is the first run.
    goes_on: bool,
    /// It is the last run of its record, and the record is owned as it says.
    agrees: bool,
}

/// A run that came up.
#[derive(Debug)]
pub(super) struct Judged {
    pub(super) link: Link,
    pub(super) standing: Standing,
    /// It is the last run of its record, and the record is owned as it says.
    pub(super) agrees: bool,
}

/// The runs that the chains of one record reach; of each whether the chain goes on behind it.
type Chain = HashMap<RunId, (Link, bool)>;

impl Histories {
    /// How runs stand to their records.
    pub(super) async fn standings(&mut self, store: &Store, links: Vec<Link>, now: Timestamp) -> Result<Vec<Judged>> {
        let here: HashMap<RunId, Link> = links.iter().map(|link| (link.run.clone(), link.clone())).collect();
        let mut standings = Vec::with_capacity(links.len());
        let mut open: BTreeMap<RecordKey, Vec<Link>> = BTreeMap::new();
        for link in links {
            match self.reached.remove(&link.run) {
                Some(Reached { goes_on, agrees }) => {
                    standings.push(Judged { link, standing: Standing::Reached { goes_on }, agrees });
                }
                None => open.entry(link.record.clone()).or_default().push(link),
            }
        }
        while !open.is_empty() {
            let rest = open.keys().nth(AT_ONCE).cloned().map(|key| open.split_off(&key)).unwrap_or_default();
            let some = std::mem::replace(&mut open, rest);
            standings.extend(self.of_records(store, some, &here, now).await?);
        }
        Ok(standings)
    }

    async fn of_records(
        &mut self,
        store: &Store,
        open: BTreeMap<RecordKey, Vec<Link>>,
        here: &HashMap<RunId, Link>,
        now: Timestamp,
    ) -> Result<Vec<Judged>> {
        let keys: Vec<RecordKey> = open.keys().cloned().collect();
        let records = store.records(&keys, now).await?.into_iter().map(|stored| stored.record);
        let records: HashMap<RecordKey, Record> = records.map(|record| (record.key.clone(), record)).collect();
        let last_of = |key: &RecordKey| Some(records.get(key)?.last.as_ref()?.id.clone());
        let roots = keys.iter().filter_map(|key| Some((key.clone(), last_of(key)?))).collect();
        let mut chains = walk(store, roots, here).await?;
        let mut standings = Vec::new();
        for (key, links) in open {
            let mut chain = chains.remove(&key).unwrap_or_default();
            let mut known = records.contains_key(&key);
            if links.iter().any(|link| !chain.contains_key(&link.run)) {
                let deletions = store.deletions(&key).await?;
                known |= !deletions.is_empty();
                let roots = deletions.into_iter().flatten().map(|last| (key.clone(), last)).collect();
                chain.extend(walk(store, roots, here).await?.remove(&key).unwrap_or_default());
            }
            let agrees = |link: &Link| {
                let record = records.get(&key).filter(|record| record.counted && record.owner == link.owner);
                record.and_then(|record| record.last.as_ref()).is_some_and(|last| last.id == link.run)
            };
            for link in links {
                let agrees = agrees(&link);
                let standing = match chain.get(&link.run) {
                    Some((_, goes_on)) => Standing::Reached { goes_on: *goes_on },
                    None if known => Standing::Unreached { last: last_of(&key), twin: twin(&chain, &link) },
                    None => Standing::NoRecord,
                };
                standings.push(Judged { link, standing, agrees });
            }
            let others = chain.into_iter().filter(|(run, _)| !here.contains_key(run));
            self.remember(others.map(|(run, (link, goes_on))| (run, Reached { goes_on, agrees: agrees(&link) })));
        }
        Ok(standings)
    }

    fn remember(&mut self, reached: impl Iterator<Item = (RunId, Reached)>) {
        if self.reached.len() > MOST_REMEMBERED {
            self.reached.clear();
        }
        self.reached.extend(reached);
    }
}

/// The run of a chain that follows the same run as this one.
fn twin(chain: &Chain, link: &Link) -> Option<RunId> {
    chain.values().find(|(other, _)| other.previous == link.previous).map(|(other, _)| other.run.clone())
}

/// The chains that lead from these runs, each of its record. `here` are runs that need not be read.
async fn walk(
    store: &Store,
    roots: Vec<(RecordKey, RunId)>,
    here: &HashMap<RunId, Link>,
) -> Result<HashMap<RecordKey, Chain>> {
    let mut chains: HashMap<RecordKey, Chain> = HashMap::new();
    let mut steps: Vec<(RecordKey, RunId, Option<RunId>)> =
        roots.into_iter().map(|(record, run)| (record, run, None)).collect();
    while !steps.is_empty() {
        let far: Vec<RunId> =
            steps.iter().map(|(_, run, _)| run.clone()).filter(|run| !here.contains_key(run)).collect();
        let read = store.readable_runs(&far).await?;
        let mut next = Vec::new();
        for (record, run, follower) in steps {
            let link = here.get(&run).cloned().or_else(|| read.get(&run).map(Link::from));
            let chain = chains.entry(record.clone()).or_default();
            match (link.filter(|link| link.record == record), follower) {
                // In a circle two runs follow the same one: the second of them is not part of the chain.
                (Some(_), Some(follower)) if chain.contains_key(&run) => drop(chain.remove(&follower)),
                (Some(link), _) => {
                    next.extend(link.previous.clone().map(|previous| (record, previous, Some(run.clone()))));
                    chain.insert(run, (link, true));
                }
                (None, Some(follower)) => {
                    chain.entry(follower).and_modify(|(_, goes_on)| *goes_on = false);
                }
                (None, None) => {}
            }
        }
        steps = next;
    }
    Ok(chains)
}
