//! What this function is called with: the minute's schedule, or what is new under the things to do.

use std::collections::BTreeSet;

use serde::Deserialize;

/// An event.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Event {
    /// Changes of the table `work`.
    Changes {
        /// In their order.
        #[serde(rename = "Records")]
        records: Vec<Change>,
    },
    /// The schedule.
    Sweep {
        #[serde(rename = "sweep")]
        _sweep: bool,
    },
}

/// One change; only its key is read.
#[derive(Debug, Deserialize)]
pub(crate) struct Change {
    dynamodb: Image,
}

#[derive(Debug, Deserialize)]
struct Image {
    #[serde(rename = "Keys")]
    keys: Keys,
}

#[derive(Debug, Deserialize)]
struct Keys {
    sk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    s: String,
}

/// The sort keys of what is to be seen to, each once.
pub(crate) fn to_do(changes: Vec<Change>) -> BTreeSet<String> {
    changes.into_iter().map(|change| change.dynamodb.keys.sk.s).collect()
}
