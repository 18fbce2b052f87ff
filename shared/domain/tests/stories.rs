//! Routing as stories that a sales manager can read: each row of `stories/*.json` is a test of its own, named by what of
//! the specification it proves.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use libtest_mimic::{Arguments, Trial};
use serde::de::DeserializeOwned;
use support::life::Life;
use support::order::Order;
use support::story::Story;

/// Each row of a file as a test.
fn rows<T: DeserializeOwned + Send + 'static>(file: &str, name: fn(&T) -> String, check: fn(&T)) -> Vec<Trial> {
    let rows: Vec<T> = serde_json::from_str(file).unwrap();
    assert!(!rows.is_empty());
    let test = |row: T| {
        Trial::test(name(&row), move || {
            check(&row);
            Ok(())
        })
    };
    rows.into_iter().map(test).collect()
}

fn main() {
    let arguments = Arguments::from_args();
    let mut trials =
        rows(include_str!("stories/round-robin.json"), |row| format!("{} {}", row.id, row.title), Order::check);
    trials.extend(rows(include_str!("stories/lives.json"), |row| format!("{} {}", row.id, row.title), Life::check));
    for file in [
        include_str!("stories/availability.json"),
        include_str!("stories/capacity.json"),
        include_str!("stories/load-balancing.json"),
        include_str!("stories/sellers.json"),
        include_str!("stories/teams-and-queues.json"),
    ] {
        trials.extend(rows(file, |row| format!("{} {}", row.id, row.title), Story::check));
    }
    libtest_mimic::run(&arguments, trials).exit();
}
