//! The one clock of a process, built in `main` and handed down. Everything below takes instants as values.

use jiff::Timestamp;

#[cfg(all(feature = "local-clock", not(debug_assertions)))]
compile_error!("`local-clock` belongs to the local stack; a packaged build must tell the real time");

/// Tells the present instant: the system's, moved by the local stack where the feature `local-clock` is on.
#[derive(Debug, Clone, Default)]
pub struct Clock {
    #[cfg(feature = "local-clock")]
    offset: Option<std::path::PathBuf>,
}

impl Clock {
    /// The clock of this process. With `local-clock` it adds the milliseconds found in the file that the environment
    /// variable `BATON_CLOCK_FILE` names, read at each call.
    #[must_use]
    pub fn from_environment() -> Self {
        Self {
            #[cfg(feature = "local-clock")]
            offset: std::env::var_os("BATON_CLOCK_FILE").map(Into::into),
        }
    }

    /// The present instant, in whole milliseconds: the precision in which instants are stored and shown.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let millisecond = Timestamp::now().as_millisecond() + self.offset_milliseconds();
        Timestamp::from_millisecond(millisecond).expect("the present lies between the years -9999 and 9999")
    }

    #[cfg(feature = "local-clock")]
    fn offset_milliseconds(&self) -> i64 {
        let Some(path) = &self.offset else { return 0 };
        std::fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    }

    #[cfg(not(feature = "local-clock"))]
    #[expect(clippy::unused_self, reason = "the same call with and without the movable clock")]
    fn offset_milliseconds(&self) -> i64 {
        0
    }
}
