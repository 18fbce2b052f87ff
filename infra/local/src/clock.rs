//! The movable clock: real time plus an offset, which is chosen once, as early or late as somebody likes, and then only
//! grows.
//!
//! Functions read the offset from a file at every call, so one write moves them all. What falls due while the clock is
//! moved is the stack's business; this module only tells and shifts the instant.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, Result, ensure};
use jiff::{SignedDuration, Timestamp};

/// The environment variable that tells a function where the offset is.
pub const FILE_VARIABLE: &str = "BATON_CLOCK_FILE";

/// Where a new clock may start: ids hold no instant before 1970, and the end leaves room to move on before sort keys run
/// out of digits, in 2286.
const EARLIEST: Timestamp = Timestamp::UNIX_EPOCH;
const LATEST: Timestamp = Timestamp::constant(7_258_118_400, 0);

/// The clock of one stack.
pub struct Clock {
    file: PathBuf,
    kept: bool,
    offset_milliseconds: AtomicI64,
    /// The real instants at which the offset grew, each with the offset before.
    moves: Mutex<Vec<(Timestamp, i64)>>,
}

impl Clock {
    /// The clock whose offset is kept in this file. Without the file it is a new one, which shows `at`, or real time;
    /// one that is kept goes on where it was.
    pub fn open(file: PathBuf, at: Option<Timestamp>) -> Result<Self> {
        if let Some(at) = at {
            ensure!(EARLIEST <= at && at < LATEST, "the clock starts between {EARLIEST} and {LATEST}, not at {at}");
        }
        let (kept, offset) = match fs::read_to_string(&file) {
            Ok(text) if text.trim().is_empty() => (true, 0),
            Ok(text) => {
                let offset = text.trim().parse();
                (true, offset.with_context(|| format!("{} does not hold a number of milliseconds", file.display()))?)
            }
            Err(error) if error.kind() == ErrorKind::NotFound => (false, at.map_or(0, ahead_of_real_time)),
            Err(error) => return Err(error).with_context(|| format!("cannot read the clock {}", file.display())),
        };
        let moves = Mutex::default();
        let clock = Self { file, kept, offset_milliseconds: AtomicI64::new(offset), moves };
        if !kept {
            clock.write(offset)?;
        }
        Ok(clock)
    }

    /// The file that functions read.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Whether it goes on where an earlier stack left it, wherever this one was to start.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.kept
    }

    /// The present instant.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        shown(Timestamp::now(), self.offset_milliseconds())
    }

    /// What the clock showed at the end of a second of real time, as far as this process has moved it: the engine notes the
    /// real second of each change. What was changed in the second of a move is as young as what came after it.
    #[must_use]
    pub fn then(&self, second: Timestamp) -> Timestamp {
        let end = second + SignedDuration::from_secs(1);
        let moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let later = moves.partition_point(|(at, _)| *at <= end);
        let offset = moves.get(later).map_or_else(|| self.offset_milliseconds(), |(_, before)| *before);
        shown(second, offset)
    }

    /// How far it is ahead of real time, in milliseconds; negative when it is behind.
    #[must_use]
    pub fn offset_milliseconds(&self) -> i64 {
        self.offset_milliseconds.load(Ordering::SeqCst)
    }

    /// Moves the clock forward until it shows this instant; an instant that has passed leaves it as it is.
    pub fn advance_to(&self, instant: Timestamp) -> Result<()> {
        self.set_offset(ahead_of_real_time(instant))
    }

    /// Makes the offset this large, if it is not larger already.
    pub fn set_offset(&self, milliseconds: i64) -> Result<()> {
        let mut moves = self.moves.lock().unwrap_or_else(PoisonError::into_inner);
        let before = self.offset_milliseconds.fetch_max(milliseconds, Ordering::SeqCst);
        if before >= milliseconds {
            return Ok(());
        }
        moves.push((Timestamp::now(), before));
        self.write(milliseconds)
    }

    /// Renaming is atomic: no function reads half a number.
    fn write(&self, milliseconds: i64) -> Result<()> {
        let draft = self.file.with_extension("draft");
        fs::write(&draft, milliseconds.to_string())
            .and_then(|()| fs::rename(&draft, &self.file))
            .with_context(|| format!("cannot write the clock {}", self.file.display()))
    }
}

fn shown(real: Timestamp, offset_milliseconds: i64) -> Timestamp {
    let milliseconds = real.as_millisecond().saturating_add(offset_milliseconds);
    Timestamp::from_millisecond(milliseconds).unwrap_or(Timestamp::MAX)
}

/// How far an instant is ahead of real time, in whole milliseconds: rounded up, so that the instant is reached.
fn ahead_of_real_time(instant: Timestamp) -> i64 {
    let whole = instant.as_nanosecond().div_euclid(1_000_000) + i128::from(instant.as_nanosecond() % 1_000_000 != 0);
    i64::try_from(whole).expect("a timestamp's milliseconds fit") - Timestamp::now().as_millisecond()
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::ToSpan;

    #[test]
    fn the_clock_moves_forward_only_and_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        let clock = Clock::open(file.clone(), None).unwrap();
        assert_eq!(clock.offset_milliseconds(), 0);
        let tomorrow = Timestamp::now() + 24.hours();
        clock.advance_to(tomorrow).unwrap();
        assert!(clock.now() >= tomorrow);
        let offset = clock.offset_milliseconds();
        clock.advance_to(Timestamp::now()).unwrap();
        clock.set_offset(5).unwrap();
        assert_eq!(clock.offset_milliseconds(), offset);
        assert_eq!(fs::read_to_string(&file).unwrap(), offset.to_string());
        assert_eq!(Clock::open(file, None).unwrap().offset_milliseconds(), offset);
    }

    #[test]
    fn what_happened_before_a_move_is_as_old_as_the_move_made_it() {
        let folder = tempfile::tempdir().unwrap();
        let clock = Clock::open(folder.path().join("clock"), None).unwrap();
        let now = Timestamp::now();
        clock.set_offset(3_600_000).unwrap();
        clock.set_offset(7_200_000).unwrap();
        assert_eq!(
            clock.then(now - 10.seconds()),
            Timestamp::from_millisecond((now - 10.seconds()).as_millisecond()).unwrap()
        );
        let later = now + 10.seconds();
        assert_eq!((clock.then(later) + 1.millisecond()).duration_since(later).as_hours(), 2);
        assert!(
            (clock.then(now) + 1.millisecond()).duration_since(now).as_hours() == 2,
            "in the very second of the moves"
        );
    }

    #[test]
    fn a_new_clock_starts_at_any_instant_and_a_kept_one_goes_on_where_it_was() {
        for at in ["2016-10-01T00:00:00Z", "2099-12-31T23:59:59.9999Z"] {
            let folder = tempfile::tempdir().unwrap();
            let file = folder.path().join("clock");
            let at: Timestamp = at.parse().unwrap();
            let clock = Clock::open(file.clone(), Some(at)).unwrap();
            assert!(clock.now() >= at && clock.now() < at + 1.minute(), "{}", clock.now());
            clock.advance_to(at + 24.hours()).unwrap();
            let kept = Clock::open(file, Some(at)).unwrap();
            assert!(kept.now() >= at + 24.hours(), "{}", kept.now());
            assert!(clock.advance_to(at).is_ok() && clock.now() >= at + 24.hours(), "it only moves forward");
        }
    }

    #[test]
    fn a_clock_of_real_time_is_not_set_back_by_a_later_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        Clock::open(file.clone(), None).unwrap();
        let early = "2016-10-01T00:00:00Z".parse().unwrap();
        assert_eq!(Clock::open(file, Some(early)).unwrap().offset_milliseconds(), 0);
    }

    #[test]
    fn an_instant_that_ids_cannot_hold_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for at in ["1969-12-31T23:59:59Z", "3000-01-01T00:00:00Z"] {
            let refused = Clock::open(folder.path().join("clock"), Some(at.parse().unwrap()));
            assert!(refused.err().unwrap().to_string().contains(at));
        }
    }

    #[test]
    fn a_clock_file_with_something_else_in_it_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("clock");
        fs::write(&file, "noon").unwrap();
        assert!(Clock::open(file, None).is_err());
    }
}
