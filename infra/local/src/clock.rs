//! The movable clock: real time plus an offset that only grows.
//!
//! Functions read the offset from a file at every call, so one write moves them all. What falls due while the clock is
//! moved is the stack's business; this module only tells and shifts the instant.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

use anyhow::{Context, Result};
use jiff::Timestamp;

/// The environment variable that tells a function where the offset is.
pub const FILE_VARIABLE: &str = "BATON_CLOCK_FILE";

/// The clock of one stack.
pub struct Clock {
    file: PathBuf,
    offset_milliseconds: AtomicI64,
}

impl Clock {
    /// The clock whose offset is kept in this file; without the file it is real time.
    pub fn open(file: PathBuf) -> Result<Self> {
        let offset = match fs::read_to_string(&file) {
            Ok(text) if text.trim().is_empty() => 0,
            Ok(text) => text
                .trim()
                .parse()
                .with_context(|| format!("{} does not hold a number of milliseconds", file.display()))?,
            Err(error) if error.kind() == ErrorKind::NotFound => 0,
            Err(error) => return Err(error).with_context(|| format!("cannot read the clock {}", file.display())),
        };
        Ok(Self { file, offset_milliseconds: AtomicI64::new(offset) })
    }

    /// The file that functions read.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.at_real(Timestamp::now())
    }

    /// How far it is ahead of real time, in milliseconds.
    #[must_use]
    pub fn offset_milliseconds(&self) -> i64 {
        self.offset_milliseconds.load(Ordering::SeqCst)
    }

    fn at_real(&self, real: Timestamp) -> Timestamp {
        let milliseconds = real.as_millisecond().saturating_add(self.offset_milliseconds());
        Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
    }

    /// Moves the clock forward until it shows this instant; an instant that has passed leaves it as it is.
    pub fn advance_to(&self, instant: Timestamp) -> Result<()> {
        // The clock counts whole milliseconds: rounded up, so that the instant is reached.
        let whole =
            instant.as_nanosecond().div_euclid(1_000_000) + i128::from(instant.as_nanosecond() % 1_000_000 != 0);
        let whole = i64::try_from(whole).expect("a timestamp's milliseconds fit");
        self.set_offset(whole - Timestamp::now().as_millisecond())
    }

    /// Makes the offset this large, if it is not larger already.
    pub fn set_offset(&self, milliseconds: i64) -> Result<()> {
        let before = self.offset_milliseconds.fetch_max(milliseconds, Ordering::SeqCst);
        if before >= milliseconds {
            return Ok(());
        }
        // Renaming is atomic: no function reads half a number.
        let draft = self.file.with_extension("draft");
        fs::write(&draft, milliseconds.to_string())
            .and_then(|()| fs::rename(&draft, &self.file))
            .with_context(|| format!("cannot write the clock {}", self.file.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    #[test]
    fn the_clock_moves_forward_only_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let clock = Clock::open(file.clone()).unwrap();
        assert_eq!(clock.offset_milliseconds(), 0);
        let tomorrow = Timestamp::now() + 24.hours();
        clock.advance_to(tomorrow).unwrap();
        assert!(clock.now() >= tomorrow);
        let offset = clock.offset_milliseconds();
        clock.advance_to(Timestamp::now()).unwrap();
        clock.set_offset(5).unwrap();
        assert_eq!(clock.offset_milliseconds(), offset);
        assert_eq!(fs::read_to_string(&file).unwrap(), offset.to_string());
        assert_eq!(Clock::open(file).unwrap().offset_milliseconds(), offset);
    }

    #[test]
    fn a_clock_file_with_something_else_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        fs::write(&file, "noon").unwrap();
        assert!(Clock::open(file).is_err());
    }
}
