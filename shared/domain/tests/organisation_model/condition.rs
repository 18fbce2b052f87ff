//! What a condition asks of a record: as a client would send it, and as a person would answer it.

use std::collections::BTreeSet;

use domain::record::Record;
use domain::settings::Settings;
use jiff::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::plan::{RATINGS, TOPICS};

/// What a condition asks of a record.
#[derive(Debug, Clone)]
pub(crate) enum Test {
    Everything,
    TopicIn(Vec<usize>),
    Rated(usize),
    NotRated,
    ValuedAtLeast(u32),
    CreatedToday,
    Both(Box<Test>, Box<Test>),
    Either(Box<Test>, Box<Test>),
}

pub(crate) fn test() -> impl Strategy<Value = Test> {
    let leaf = prop_oneof![
        4 => Just(Test::Everything),
        3 => prop::collection::vec(0_usize..3, 1..3).prop_map(Test::TopicIn),
        2 => (0_usize..2).prop_map(Test::Rated),
        1 => Just(Test::NotRated),
        2 => (0_u32..5).prop_map(Test::ValuedAtLeast),
        1 => Just(Test::CreatedToday),
    ];
    leaf.prop_recursive(2, 4, 2, |inner| {
        let pair = (inner.clone().prop_map(Box::new), inner.prop_map(Box::new));
        prop_oneof![pair.clone().prop_map(|(a, b)| Test::Both(a, b)), pair.prop_map(|(a, b)| Test::Either(a, b)),]
    })
}

impl Test {
    /// The condition as a client would send it.
    pub(crate) fn json(&self) -> Value {
        match self {
            Self::Everything => json!({"all": []}),
            Self::TopicIn(topics) => {
                let topics: Vec<&str> = topics.iter().map(|topic| TOPICS[*topic]).collect();
                json!({"field": "topic", "op": "equals", "value": topics})
            }
            Self::Rated(rating) => json!({"field": "rating", "op": "equals", "value": RATINGS[*rating]}),
            Self::NotRated => json!({"field": "rating", "op": "hasNoValue"}),
            Self::ValuedAtLeast(least) => json!({"field": "estimatedValue", "op": "atLeast", "value": least}),
            Self::CreatedToday => json!({"field": "createdOn", "op": "today"}),
            Self::Both(a, b) => json!({"all": [a.json(), b.json()]}),
            Self::Either(a, b) => json!({"any": [a.json(), b.json()]}),
        }
    }

    /// The columns it looks at.
    pub(crate) fn columns(&self, used: &mut BTreeSet<&'static str>) {
        match self {
            Self::Everything | Self::CreatedToday => {}
            Self::TopicIn(_) => drop(used.insert("topic")),
            Self::Rated(_) | Self::NotRated => drop(used.insert("rating")),
            Self::ValuedAtLeast(_) => drop(used.insert("estimatedValue")),
            Self::Both(a, b) | Self::Either(a, b) => {
                a.columns(used);
                b.columns(used);
            }
        }
    }

    /// Whether it holds, by the columns as they are stored.
    pub(crate) fn holds(&self, record: &Record, now: Timestamp, settings: &Settings) -> bool {
        let field = |column: &str| record.fields.get(column);
        let text = |column: &str| field(column).and_then(|value| value.as_str());
        let date = |at: Timestamp| at.to_zoned(settings.time_zone.clone()).date();
        match self {
            Self::Everything => true,
            Self::TopicIn(topics) => text("topic").is_some_and(|topic| topics.iter().any(|one| TOPICS[*one] == topic)),
            Self::Rated(rating) => text("rating") == Some(RATINGS[*rating]),
            Self::NotRated => field("rating").is_none(),
            Self::ValuedAtLeast(least) => {
                field("estimatedValue").and_then(Value::as_u64).is_some_and(|value| value >= u64::from(*least))
            }
            Self::CreatedToday => date(record.created_on) == date(now),
            Self::Both(a, b) => a.holds(record, now, settings) && b.holds(record, now, settings),
            Self::Either(a, b) => a.holds(record, now, settings) || b.holds(record, now, settings),
        }
    }
}
