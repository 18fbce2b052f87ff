//! A seller's calendar: working hours, non-working hours and time off (AVAIL-*). What the entries come to in instants
//! stands in `working`, believing a client's entry in `parse`.
//!
//! # Meaning
//! - Dates and times of an entry are those of its own zone. A local time that the clocks skip is the next instant that
//!   exists, one that they repeat is its first occurrence (OQ-43). Intervals begin inclusive and end exclusive.
//! - No entry: always available. With working hours, only they are working time; otherwise everything is. Non-working
//!   hours and time off are taken away from that (AVAIL-05, AVAIL-07).
//! - Of several working hours that cover a date, the latest created holds for the whole of it (AVAIL-05).

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::id::CalendarEntryId;
use crate::settings::WEEKDAYS;

pub use self::parse::EntryDraft;
pub use self::working::SEARCHED;

pub(crate) use self::parse::read_date;
pub(crate) use self::working::instant;

#[cfg(test)]
mod oracle;
mod parse;
mod working;

/// The most entries of one calendar: they lie in the seller's own item, whose size is bounded.
pub const MAX_ENTRIES: usize = 200;

/// The entries of a seller in the order in which they were created.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(from = "Vec<Entry>", into = "Vec<Entry>")]
pub struct Calendar {
    entries: Vec<Entry>,
    /// Some entry is of working hours.
    has_working_hours: bool,
    /// All working hours are of the same zone, so that a later date never begins before an earlier one.
    one_zone: bool,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Chosen by the server.
    pub id: CalendarEntryId,
    /// What it says.
    pub kind: Kind,
    /// The first date.
    pub from: Date,
    /// The last date of time off, or of something that repeats; none = `from` and never.
    pub to: Option<Date>,
    /// Parts of a day, in order and apart from each other; none for time off.
    pub intervals: Vec<Interval>,
    /// Whether it repeats.
    pub repeat: Repeat,
    /// The weekdays it repeats on; none = every day, or the weekday of `from` for something weekly.
    pub days: Days,
    /// The zone of its dates and times.
    #[serde(with = "jiff::fmt::serde::tz::required")]
    pub time_zone: TimeZone,
    /// For people.
    pub description: String,
    /// Counts the changes that clients made, from 1.
    pub version: u64,
}

/// What an entry says (AVAIL-01).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// The seller works at these times (AVAIL-02).
    WorkingHours,
    /// The seller does not work for a part of one day (AVAIL-03).
    NonWorkingHours,
    /// The seller does not work for whole days (AVAIL-04).
    TimeOff,
}

impl Kind {
    /// Every kind with its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("workingHours", Self::WorkingHours), ("nonWorkingHours", Self::NonWorkingHours), ("timeOff", Self::TimeOff)];
}

/// Whether an entry repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Repeat {
    /// Only on its date.
    None,
    /// Every day, or every one of its weekdays.
    EveryDay,
    /// Every week on its weekdays, or on the weekday of its first date.
    EveryWeek,
}

impl Repeat {
    /// Every one with its word.
    pub const WORDS: [(&'static str, Self); 3] =
        [("none", Self::None), ("everyDay", Self::EveryDay), ("everyWeek", Self::EveryWeek)];
}

/// A part of a day, from `start` inclusive to `end` exclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    /// Where it begins.
    pub start: TimeOfDay,
    /// Where it ends, later than `start`.
    pub end: TimeOfDay,
}

/// Minutes since midnight, 0 to 1440; `HH:MM` in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TimeOfDay(u16);

/// A set of weekdays, the words of [`WEEKDAYS`] in JSON.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Days(u8);

impl Calendar {
    /// The entries in the order in which they were created.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// An entry.
    #[must_use]
    pub fn entry(&self, id: &CalendarEntryId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// True when there is no entry: the seller is always available (DIST-10).
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The calendar with one entry more, or with an entry in the place of the one of its id.
    #[must_use]
    pub fn with(&self, entry: Entry) -> Self {
        let mut entries = self.entries.clone();
        match entries.iter_mut().find(|known| known.id == entry.id) {
            Some(known) => *known = entry,
            None => entries.push(entry),
        }
        entries.into()
    }

    /// The calendar without an entry.
    #[must_use]
    pub fn without(&self, id: &CalendarEntryId) -> Self {
        self.entries.iter().filter(|entry| entry.id != *id).cloned().collect::<Vec<_>>().into()
    }
}

impl From<Vec<Entry>> for Calendar {
    fn from(entries: Vec<Entry>) -> Self {
        let mut zones = entries.iter().filter(|entry| entry.kind == Kind::WorkingHours).map(|entry| &entry.time_zone);
        let first = zones.next();
        let (has_working_hours, one_zone) = (first.is_some(), zones.all(|zone| Some(zone) == first));
        Self { entries, has_working_hours, one_zone }
    }
}

impl From<Calendar> for Vec<Entry> {
    fn from(calendar: Calendar) -> Self {
        calendar.entries
    }
}

impl Entry {
    /// True when the entry says something about a date of its zone.
    fn covers(&self, date: Date) -> bool {
        let last = match (self.kind, self.repeat) {
            (Kind::TimeOff, _) => Some(self.to.unwrap_or(self.from)),
            (_, Repeat::None) => Some(self.from),
            (_, Repeat::EveryDay | Repeat::EveryWeek) => self.to,
        };
        date >= self.from && last.is_none_or(|last| date <= last) && self.repeats_on(date.weekday())
    }

    fn repeats_on(&self, weekday: Weekday) -> bool {
        match self.repeat {
            Repeat::None => true,
            _ if self.days != Days::default() => self.days.contains(weekday),
            Repeat::EveryDay => true,
            Repeat::EveryWeek => self.from.weekday() == weekday,
        }
    }
}

impl TimeOfDay {
    /// The beginning of a day.
    pub const MIDNIGHT: Self = Self(0);

    /// The end of a day.
    pub const END: Self = Self(24 * 60);

    /// Reads `HH:MM`, from `00:00` to `24:00`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (hours, minutes) = text.split_once(':')?;
        let digits = |text: &str| {
            let two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
            two.then(|| text.parse::<u16>().ok()).flatten()
        };
        let (hours, minutes) = (digits(hours)?, digits(minutes)?);
        let time = Self(hours * 60 + minutes);
        (minutes < 60 && time <= Self::END).then_some(time)
    }

    /// Minutes since midnight.
    #[must_use]
    pub fn minutes(self) -> u16 {
        self.0
    }
}

impl TryFrom<String> for TimeOfDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text} is no time of day"))
    }
}

impl From<TimeOfDay> for String {
    fn from(time: TimeOfDay) -> Self {
        format!("{:02}:{:02}", time.0 / 60, time.0 % 60)
    }
}

impl Days {
    /// True when the weekday is one of them.
    #[must_use]
    pub fn contains(self, weekday: Weekday) -> bool {
        self.0 & bit(weekday) != 0
    }

    /// The words of the weekdays, from Monday on.
    pub fn words(self) -> impl Iterator<Item = &'static str> {
        WEEKDAYS.into_iter().filter(move |(_, weekday)| self.contains(*weekday)).map(|(word, _)| word)
    }
}

fn bit(weekday: Weekday) -> u8 {
    1 << weekday.to_monday_zero_offset()
}

impl FromIterator<Weekday> for Days {
    fn from_iter<I: IntoIterator<Item = Weekday>>(weekdays: I) -> Self {
        Self(weekdays.into_iter().fold(0, |days, weekday| days | bit(weekday)))
    }
}

impl Serialize for Days {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.words())
    }
}

impl<'de> Deserialize<'de> for Days {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let names = Vec::<String>::deserialize(deserializer)?;
        let weekday = |name: &String| WEEKDAYS.iter().find(|(known, _)| known == name).map(|(_, weekday)| *weekday);
        let weekdays = names.iter().map(|name| weekday(name).ok_or_else(|| D::Error::custom("no weekday")));
        weekdays.collect()
    }
}
