//! The mark of a record that waits to be processed: why it waits, since when, and what changed.
//!
//! The mark stands in the record itself and is set in the very write that makes it necessary, so it is the outbox.
//! Marks merge and never overwrite (DESIGN.md "The journey of a lead", step 1).

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::SegmentRunId;

/// Why a record waits. In the order of strength: of two causes the stronger stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// Somebody who may take it has room again.
    CapacityFreed,
    /// A person asked for another try.
    Retried,
    /// Its segment's rules run by their schedule.
    Scheduled,
    /// A person runs the rules of its segment.
    RunNow,
    /// A column that conditions use was changed.
    Updated,
    /// It was inactive and is active again.
    Reopened,
    /// It is new, by an import.
    Imported,
    /// It is new, or another program's item that is adopted.
    Created,
}

/// The columns that changed since the mark was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Columns {
    /// These.
    Some(BTreeSet<String>),
    /// Unknown: take it that all did.
    All(All),
}

/// The word for all columns, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum All {
    /// Every column.
    #[serde(rename = "*")]
    Columns,
}

impl Columns {
    /// No column.
    #[must_use]
    pub fn none() -> Self {
        Self::Some(BTreeSet::new())
    }

    /// Every column.
    #[must_use]
    pub fn all() -> Self {
        Self::All(All::Columns)
    }

    fn union(self, other: Self) -> Self {
        match (self, other) {
            (Self::Some(mut ours), Self::Some(theirs)) => {
                ours.extend(theirs);
                Self::Some(ours)
            }
            _ => Self::all(),
        }
    }

    /// Whether one of these changed.
    #[must_use]
    pub fn touch(&self, used: &BTreeSet<String>) -> bool {
        match self {
            Self::Some(changed) => !changed.is_disjoint(used),
            Self::All(_) => true,
        }
    }
}

/// That a record waits to be processed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mark {
    /// Why.
    pub cause: Cause,
    /// What changed.
    pub columns: Columns,
    /// Since when; a later cause does not make a record wait anew.
    pub since: Timestamp,
    /// How often it was about to be decided after a touch of the minute sweep, and still stands.
    #[serde(default)]
    pub attempt: u32,
    /// When the minute sweep last touched it.
    #[serde(default)]
    pub touched: Option<Timestamp>,
    /// A decision of it was begun since.
    #[serde(default)]
    pub tried: bool,
    /// A person gave the record its owner while it waited: the run segments it and leaves the owner alone.
    #[serde(default)]
    pub owner_given: bool,
    /// The run of a segment that waits for it.
    #[serde(default)]
    pub run: Option<SegmentRunId>,
}

impl Cause {
    /// Whether somebody asked for another try of the record as it is: nothing of it has changed.
    #[must_use]
    pub fn is_asked(self) -> bool {
        match self {
            Self::CapacityFreed | Self::Retried | Self::Scheduled | Self::RunNow => true,
            Self::Updated | Self::Reopened | Self::Imported | Self::Created => false,
        }
    }
}

impl Mark {
    /// A first mark.
    #[must_use]
    pub fn new(cause: Cause, columns: Columns, since: Timestamp) -> Self {
        Self { cause, columns, since, attempt: 0, touched: None, tried: false, owner_given: false, run: None }
    }

    /// This mark, and another cause on top of it.
    #[must_use]
    pub fn merge(self, later: Mark) -> Mark {
        Mark {
            cause: self.cause.max(later.cause),
            columns: self.columns.union(later.columns),
            since: self.since.min(later.since),
            attempt: self.attempt.max(later.attempt),
            touched: self.touched.max(later.touched),
            tried: self.tried || later.tried,
            owner_given: self.owner_given || later.owner_given,
            run: self.run.max(later.run),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn marks() -> impl Strategy<Value = Mark> {
        let cause = prop::sample::select(vec![
            Cause::CapacityFreed,
            Cause::Retried,
            Cause::Scheduled,
            Cause::RunNow,
            Cause::Updated,
            Cause::Reopened,
            Cause::Imported,
            Cause::Created,
        ]);
        let columns =
            prop_oneof![Just(Columns::all()), prop::collection::btree_set("[a-c]", 0..3).prop_map(Columns::Some)];
        let run = prop::option::of(prop::sample::select(vec!["A", "B"]));
        (cause, columns, 0_i64..1_000, 0_u32..3, any::<bool>(), run).prop_map(
            |(cause, columns, since, attempt, owner_given, run)| {
                let since = Timestamp::from_millisecond(since).unwrap();
                let touched = owner_given.then_some(since);
                Mark {
                    cause,
                    columns,
                    since,
                    attempt,
                    touched,
                    tried: attempt == 1,
                    owner_given,
                    run: run.map(SegmentRunId::from),
                }
            },
        )
    }

    proptest! {
        #[test]
        fn merging_loses_nothing_and_does_not_depend_on_the_order(a in marks(), b in marks(), c in marks()) {
            let ab = a.clone().merge(b.clone());
            prop_assert_eq!(&ab, &b.clone().merge(a.clone()));
            prop_assert_eq!(ab.clone().merge(c.clone()), a.clone().merge(b.clone().merge(c)));
            prop_assert_eq!(&ab.clone().merge(a.clone()), &ab);
            prop_assert_eq!(ab.cause, a.cause.max(b.cause));
            prop_assert_eq!(ab.since, a.since.min(b.since));
        }
    }

    #[test]
    fn an_update_of_a_record_that_is_new_leaves_it_new() {
        let now = Timestamp::from_millisecond(5).unwrap();
        let created = Mark::new(Cause::Created, Columns::all(), now);
        let updated = Mark::new(Cause::Updated, Columns::Some(["city".to_owned()].into()), now);
        assert_eq!(created.merge(updated).cause, Cause::Created);
    }
}
