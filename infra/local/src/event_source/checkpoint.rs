//! How far each shard of each event source has come, kept in the data directory so that a restart goes on from there.
//!
//! A position that is lost or late only means that changes are delivered again, which Lambda allows at any time.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};

/// The file in the data directory.
const FILE: &str = "event-sources.json";

/// Positions by event source, one per shard: the sequence number up to which everything is dealt with.
#[derive(Debug)]
pub(super) struct Checkpoints {
    file: Option<PathBuf>,
    positions: Mutex<BTreeMap<String, Vec<i64>>>,
}

impl Checkpoints {
    /// The positions kept in `data_dir`; in memory they begin anew.
    pub(super) fn open(data_dir: Option<&Path>) -> Result<Self> {
        let file = data_dir.map(|directory| directory.join(FILE));
        let positions = match file.as_ref().map(fs::read) {
            Some(Ok(kept)) => {
                serde_json::from_slice(&kept).with_context(|| format!("{FILE} in DATA_DIR is damaged"))?
            }
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(error).with_context(|| format!("{FILE} in DATA_DIR cannot be read"));
            }
            _ => BTreeMap::new(),
        };
        Ok(Self { file, positions: Mutex::new(positions) })
    }

    /// Where `source` goes on in each of its `shards`, or at `start` if it has never run. With another number of shards
    /// than last time all begin where the slowest was.
    pub(super) fn begin(&self, source: &str, shards: usize, start: i64) -> Vec<i64> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = positions.entry(source.to_owned()).or_default();
        if kept.len() != shards {
            *kept = vec![kept.iter().min().copied().unwrap_or(start); shards];
        }
        kept.clone()
    }

    /// Notes that `source` has dealt with everything of `shard` up to `sequence`.
    pub(super) fn pass(&self, source: &str, shard: usize, sequence: i64) -> Result<()> {
        let mut positions = self.positions.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(position) = positions.get_mut(source).and_then(|shards| shards.get_mut(shard)) else { return Ok(()) };
        if *position == sequence {
            return Ok(());
        }
        *position = sequence;
        if let Some(file) = &self.file {
            let draft = file.with_extension("json.new");
            fs::write(&draft, serde_json::to_vec(&*positions)?)
                .and_then(|()| fs::rename(&draft, file))
                .with_context(|| format!("{FILE} in DATA_DIR cannot be written"))?;
        }
        Ok(())
    }

    /// How far `source` has come in all its shards.
    pub(super) fn position(&self, source: &str) -> Option<i64> {
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).get(source)?.iter().min().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restart_goes_on_where_each_shard_was() {
        let directory = tempfile::tempdir().unwrap();
        let checkpoints = Checkpoints::open(Some(directory.path())).unwrap();
        assert_eq!(checkpoints.begin("a", 2, 7), [7, 7]);
        checkpoints.pass("a", 0, 20).unwrap();
        checkpoints.pass("a", 1, 30).unwrap();
        assert_eq!(checkpoints.position("a"), Some(20));

        let again = Checkpoints::open(Some(directory.path())).unwrap();
        assert_eq!(again.begin("a", 2, 7), [20, 30]);
        assert_eq!(again.begin("b", 1, 9), [9]);
        let resharded = Checkpoints::open(Some(directory.path())).unwrap();
        assert_eq!(resharded.begin("a", 3, 7), [20, 20, 20]);
    }

    #[test]
    fn a_damaged_file_is_said_and_in_memory_nothing_is_kept() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "{").unwrap();
        assert!(Checkpoints::open(Some(directory.path())).unwrap_err().to_string().contains("damaged"));
        let checkpoints = Checkpoints::open(None).unwrap();
        assert_eq!(checkpoints.begin("a", 1, 0), [0]);
        checkpoints.pass("a", 0, 5).unwrap();
        assert_eq!(checkpoints.position("a"), Some(5));
    }
}
