//! Entries of a seller's calendar. Answers are `domain`'s own entries; these describe them.

use domain::calendar::{Kind, Repeat};
use utoipa::ToSchema;
use utoipa::openapi::{ArrayBuilder, RefOr, Schema};

/// What a client says about an entry.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase", example = json!({
    "kind": "workingHours", "from": "2026-03-02", "repeat": "everyWeek", "days": ["monday", "tuesday"],
    "intervals": [{"start": "08:00", "end": "12:30"}, {"start": "13:00", "end": "17:00"}], "timeZone": "Europe/London"
}))]
pub struct CalendarEntryBody {
    /// Working hours, non-working hours of one day, or whole days off.
    #[schema(schema_with = kind)]
    pub kind: String,
    /// The first date.
    #[schema(format = Date)]
    pub from: String,
    /// The last date of time off, or of working hours that repeat; null = `from` and never.
    #[schema(format = Date)]
    pub to: Option<String>,
    /// Parts of the day that don't overlap; required for non-working hours, none for time off, 08:00 to 17:00 for
    /// working hours that name none.
    #[schema(max_items = 12)]
    pub intervals: Option<Vec<Interval>>,
    /// Whether working hours repeat.
    #[schema(schema_with = repeat, default = "none")]
    pub repeat: Option<String>,
    /// The weekdays on which they repeat; absent = every day, or weekly on the weekday of `from`.
    #[schema(schema_with = days)]
    pub days: Option<Vec<String>>,
    /// A zone of the IANA database, which dates and times are in.
    #[schema(default = "UTC")]
    pub time_zone: Option<String>,
    /// What for.
    #[schema(max_length = 200)]
    pub description: Option<String>,
}

/// An entry of a seller's calendar.
#[derive(Debug, ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct CalendarEntry {
    /// Its id.
    pub id: String,
    /// Working hours, non-working hours of one day, or whole days off.
    #[schema(schema_with = kind)]
    pub kind: String,
    /// The first date.
    #[schema(format = Date)]
    pub from: String,
    /// The last date of time off, or of working hours that repeat; null = `from` and never.
    #[schema(required, format = Date)]
    pub to: Option<String>,
    /// Parts of the day in order; none for time off.
    pub intervals: Vec<Interval>,
    /// Whether it repeats.
    #[schema(schema_with = repeat)]
    pub repeat: String,
    /// The weekdays on which it repeats; none = every day, or weekly on the weekday of `from`.
    #[schema(schema_with = days)]
    pub days: Vec<String>,
    /// The zone of dates and times.
    pub time_zone: String,
    /// What for.
    pub description: String,
    /// Counts the changes that clients made to the entry.
    pub version: u64,
}

/// A part of a day.
#[derive(Debug, ToSchema)]
pub struct Interval {
    /// Where it begins, `HH:MM`.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "08:00")]
    pub start: String,
    /// Where it ends, later than `start`, at most `24:00`.
    #[schema(pattern = "^[0-2][0-9]:[0-5][0-9]$", example = "17:00")]
    pub end: String,
}

fn kind() -> RefOr<Schema> {
    super::words(&Kind::WORDS.map(|(word, _)| word))
}

fn repeat() -> RefOr<Schema> {
    super::words(&Repeat::WORDS.map(|(word, _)| word))
}

fn days() -> RefOr<Schema> {
    let weekdays = super::words(&["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]);
    Schema::from(ArrayBuilder::new().items(weekdays).build()).into()
}
