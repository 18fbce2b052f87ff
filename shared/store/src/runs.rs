//! Runs: those of one commit share one item, compressed together, because their traces name the same sellers, segments
//! and rules over and over. A run's id is `{chunk}.{index}`; the record points to its last run, each run to the one
//! before.

use std::collections::{HashMap, HashSet};
use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::{AttributeValue, Put};
use domain::id::RunId;
use domain::record::Record;
use domain::run::RoutingRun;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;

use crate::batch_get::Consistency;
use crate::error::{Error, Result};
use crate::item::Item;
use crate::keys;
use crate::store::Store;

/// The id of a run that is about to be committed.
pub(crate) fn run_id(chunk: &str, index: usize) -> RunId {
    RunId::new(format!("{chunk}.{index}"))
}

fn parse(id: &RunId) -> Option<(&str, usize)> {
    let (chunk, index) = id.as_str().rsplit_once('.')?;
    Some((chunk, index.parse().ok()?))
}

/// The write of a chunk of runs; it must not exist.
pub(crate) fn put(table: &str, chunk: &str, runs: &[RoutingRun]) -> Result<Put> {
    let mut item = keys::runs(chunk).attributes();
    item.insert("runs".to_owned(), AttributeValue::B(Blob::new(pack(runs)?)));
    Ok(Put::builder()
        .table_name(table)
        .set_item(Some(item))
        .condition_expression("attribute_not_exists(pk)")
        .build()
        .expect("table and item are given"))
}

fn pack(runs: &[RoutingRun]) -> Result<Vec<u8>> {
    let json = serde_json::to_vec(runs).map_err(|error| Error::Corrupt(format!("runs can't be written: {error}")))?;
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(&json).and_then(|()| encoder.finish()).map_err(|error| Error::Corrupt(error.to_string()))
}

fn unpack(packed: &[u8]) -> Result<Vec<RoutingRun>> {
    let mut json = Vec::new();
    DeflateDecoder::new(packed)
        .read_to_end(&mut json)
        .map_err(|error| Error::Corrupt(format!("runs can't be unpacked: {error}")))?;
    serde_json::from_slice(&json).map_err(|error| Error::Corrupt(format!("runs can't be read: {error}")))
}

/// The runs that an item holds.
pub(crate) fn of_chunk(chunk: &Item) -> Result<Vec<RoutingRun>> {
    let packed = chunk.get("runs").and_then(|runs| runs.as_b().ok());
    unpack(packed.ok_or_else(|| Error::Corrupt("a chunk holds no runs".to_owned()))?.as_ref())
}

impl Store {
    /// A run, with its trace.
    pub async fn run(&self, id: &RunId) -> Result<RoutingRun> {
        self.runs(std::slice::from_ref(id)).await?.pop().ok_or(Error::NotFound)
    }

    /// Runs, with their traces, in no order; runs that don't exist are left out. Each chunk is read once.
    pub async fn runs(&self, ids: &[RunId]) -> Result<Vec<RoutingRun>> {
        let mut found = Vec::with_capacity(ids.len());
        for chunk in self.chunks_of(ids).await? {
            found.extend(of_chunk(&chunk)?.into_iter().filter(|run| ids.contains(&run.id)));
        }
        Ok(found)
    }

    /// Runs by their ids; those that don't exist, or lie in a chunk that can't be understood, are left out.
    pub(crate) async fn readable_runs(&self, ids: &[RunId]) -> Result<HashMap<RunId, RoutingRun>> {
        let wanted: HashSet<&RunId> = ids.iter().collect();
        let mut found = HashMap::with_capacity(ids.len());
        for chunk in self.chunks_of(ids).await? {
            let runs = of_chunk(&chunk).unwrap_or_default().into_iter();
            found.extend(runs.filter(|run| wanted.contains(&run.id)).map(|run| (run.id.clone(), run)));
        }
        Ok(found)
    }

    async fn chunks_of(&self, ids: &[RunId]) -> Result<Vec<Item>> {
        let wanted = ids.iter().filter_map(|id| Some(keys::runs(parse(id)?.0))).collect();
        self.batch_get(&self.work_table, wanted, Consistency::Strong).await
    }

    /// The runs of a record, newest first, beginning with the latest or with `from`, and the run at which to go on.
    ///
    /// # Errors
    /// `NoSuchPlace` when `from` is no run of this record.
    pub async fn runs_of(
        &self,
        record: &Record,
        from: Option<RunId>,
        limit: usize,
    ) -> Result<(Vec<RoutingRun>, Option<RunId>)> {
        let asked = from.is_some();
        let mut next = from.or_else(|| record.last.as_ref().map(|last| last.id.clone()));
        let mut runs = Vec::new();
        while let (Some(id), true) = (&next, runs.len() < limit) {
            let run = self.runs(std::slice::from_ref(id)).await?.pop().filter(|run| run.record() == record.key);
            let Some(run) = run else {
                let corrupt = Error::Corrupt(format!("run {id} of {} is missing or another record's", record.key));
                return Err(if asked && runs.is_empty() { Error::NoSuchPlace } else { corrupt });
            };
            next.clone_from(&run.previous);
            runs.push(run);
        }
        Ok((runs, next))
    }
}
