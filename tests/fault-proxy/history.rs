//! How items were some moments ago: what late indexes and stale reads are made of.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use crate::fault_proxy::call::Attributes;

/// An item's name: its table, and its key in a form that compares.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) table: String,
    key: String,
}

impl Name {
    /// The name of the item with these attributes; `None` when one of the key attributes is missing.
    pub(crate) fn new(table: &str, key_names: &[String], attributes: &Attributes) -> Option<Self> {
        let parts: Option<Vec<&serde_json::Value>> = key_names.iter().map(|name| attributes.get(name)).collect();
        let key = serde_json::to_string(&parts?).expect("JSON values are writable");
        Some(Self { table: table.to_owned(), key })
    }
}

/// An item before a write; `None` when there was none.
pub(crate) type Before = Option<Attributes>;

/// The recent writes of every item, oldest first, each with the item before it.
#[derive(Debug, Default)]
pub(crate) struct History {
    writes: HashMap<Name, VecDeque<(Instant, Before)>>,
}

impl History {
    /// Remembers that the item was written, and forgets what is older than `keep`.
    pub(crate) fn remember(&mut self, name: Name, at: Instant, before: Before, keep: Duration) {
        let writes = self.writes.entry(name).or_default();
        while writes.front().is_some_and(|(older, _)| at.duration_since(*older) > keep) {
            writes.pop_front();
        }
        writes.push_back((at, before));
    }

    /// The item as it was at that instant; `None` when no write since then is known, so it is as it was.
    pub(crate) fn as_of(&self, name: &Name, instant: Instant) -> Option<&Before> {
        let writes = self.writes.get(name)?;
        writes.iter().find(|(at, _)| *at > instant).map(|(_, before)| before)
    }

    /// Items of a table that were there at that instant and have been written since.
    pub(crate) fn changed_since(&self, table: &str, instant: Instant) -> impl Iterator<Item = (&Name, &Attributes)> {
        let names = self.writes.keys().filter(move |name| name.table == table);
        names.filter_map(move |name| Some((name, self.as_of(name, instant)?.as_ref()?)))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_item_is_as_it_was_before_the_first_write_since() {
        let item = |n: u32| json!({"pk": {"S": "a"}, "n": {"N": n.to_string()}}).as_object().unwrap().clone();
        let name = Name::new("t", &["pk".to_owned()], &item(0)).unwrap();
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut history = History::default();
        history.remember(name.clone(), at(10), None, Duration::from_secs(1));
        history.remember(name.clone(), at(20), Some(item(1)), Duration::from_secs(1));
        assert_eq!(history.as_of(&name, at(5)), Some(&None));
        assert_eq!(history.as_of(&name, at(15)), Some(&Some(item(1))));
        assert_eq!(history.as_of(&name, at(25)), None);
        assert_eq!(history.changed_since("t", at(15)).count(), 1);
        assert_eq!(history.changed_since("t", at(5)).count(), 0);
        history.remember(name.clone(), at(1_015), Some(item(2)), Duration::from_secs(1));
        assert_eq!(history.as_of(&name, at(5)), Some(&Some(item(1))), "the write at 10 is forgotten");
    }

    #[test]
    fn an_item_without_its_key_has_no_name() {
        assert_eq!(Name::new("t", &["pk".to_owned()], &Attributes::new()), None);
    }
}
