//! What each seller held at each commit, rebuilt from the stored runs and records alone, and held against the promises
//! about capacity.
//!
//! Nothing is taken from a seller's own counters: an assignment counts from its run on, until the record was closed.

use std::collections::BTreeMap;

use jiff::Timestamp;
use journeys::recount::Stored;
use serde_json::Value;

use crate::organisation::Organisation;

/// The books of one seller.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Account {
    /// Records assigned.
    pub(crate) assigned: i64,
    /// Records held at the end.
    pub(crate) holds: i64,
    /// The most that were held at once.
    pub(crate) most: i64,
}

/// The books of all sellers.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// By seller; those who never got anything are in it too.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// Promises about capacity that were broken, in words.
    pub(crate) breaches: Vec<String>,
}

/// What moves the books.
enum Entry<'a> {
    Run(&'a Value),
    /// A record of this seller was closed.
    Closed(&'a str),
}

impl Ledger {
    /// Goes through everything that happened, in the order it happened.
    pub(crate) fn of(stored: &Stored, organisation: &Organisation) -> anyhow::Result<Self> {
        let mut entries: Vec<(Timestamp, Entry)> = Vec::new();
        for run in stored.runs.iter().filter(|run| run["recordType"] == "opportunity") {
            entries.push((text(run, "finishedAt").parse()?, Entry::Run(run)));
        }
        for record in stored.records.values().filter(|record| record["state"] == "inactive") {
            if record["owner"]["kind"] == "seller" {
                let closed = Timestamp::from_millisecond(record["modifiedOn"].as_i64().unwrap_or_default())?;
                entries.push((closed, Entry::Closed(text(&record["owner"], "id"))));
            }
        }
        // Stable: the runs of one commit stay in the order in which they were decided. What takes a freed place comes
        // after what freed it.
        entries.sort_by_key(|(at, entry)| (*at, matches!(entry, Entry::Run(_))));
        let sellers = organisation.groups.values().flatten();
        let mut ledger = Self {
            accounts: sellers.map(|seller| (seller.clone(), Account::default())).collect(),
            breaches: Vec::new(),
        };
        for (_, entry) in entries {
            match entry {
                Entry::Run(run) => ledger.enter(run, organisation),
                Entry::Closed(seller) => ledger.accounts.entry(seller.to_owned()).or_default().holds -= 1,
            }
        }
        Ok(ledger)
    }

    fn enter(&mut self, run: &Value, organisation: &Organisation) {
        let (record, assignment) = (text(run, "recordId"), &run["assignment"]);
        let rule = organisation.rules.get(text(assignment, "ruleId"));
        // While waiting records are pulled, people close others: whether somebody has room by then shows at the end.
        if run["trigger"] == "created" && assignment["reason"] == "noCapacity" {
            for candidate in run["trace"]["candidates"].as_array().into_iter().flatten() {
                let seller = text(candidate, "sellerId");
                let holds = self.accounts.get(seller).map_or(0, |account| account.holds);
                if candidate["verdict"] == "noCapacity" && holds < organisation.maximum {
                    self.breaches.push(format!("{record} did not go to {seller}, who held {holds}"));
                }
            }
        }
        if assignment["owner"]["kind"] != "seller" {
            return;
        }
        let seller = text(&assignment["owner"], "id");
        let account = self.accounts.entry(seller.to_owned()).or_default();
        if rule.is_none_or(|rule| rule.respects_capacity) && account.holds >= organisation.maximum {
            self.breaches.push(format!("{record} went to {seller}, who held {} already", account.holds));
        }
        account.assigned += 1;
        account.holds += 1;
        account.most = account.most.max(account.holds);
    }
}

fn text<'a>(item: &'a Value, member: &str) -> &'a str {
    item[member].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;
    use crate::organisation::Rule;

    /// One seller, one rule with the capacity option and one without, room for two.
    fn organisation() -> Organisation {
        let rule = |respects_capacity| Rule { name: "r".to_owned(), respects_capacity };
        Organisation {
            rules: BTreeMap::from([("capped".to_owned(), rule(true)), ("free".to_owned(), rule(false))]),
            groups: BTreeMap::from([("all".to_owned(), BTreeSet::from(["ann".to_owned(), "ben".to_owned()]))]),
            maximum: 2,
            ..Organisation::default()
        }
    }

    fn run(second: u32, record: &str, rule: &str, owner: Option<&str>) -> Value {
        let owner = owner.map(|id| json!({"kind": "seller", "id": id}));
        let reason = owner.is_none().then_some("noCapacity");
        json!({"recordType": "opportunity", "recordId": record, "trigger": "created", "finishedAt": format!("1970-01-01T00:00:{second:02}Z"),
               "assignment": {"ruleId": rule, "owner": owner, "reason": reason},
               "trace": {"candidates": [{"sellerId": "ann", "verdict": "noCapacity"},
                                        {"sellerId": "ben", "verdict": "notMatched"}]}})
    }

    fn ledger(runs: Vec<Value>, closed: &[u32]) -> Ledger {
        let record = |second: &u32| {
            let item =
                json!({"state": "inactive", "modifiedOn": second * 1_000, "owner": {"kind": "seller", "id": "ann"}});
            (format!("opportunity#{second}"), item)
        };
        let records = closed.iter().map(record).collect();
        Ledger::of(&Stored { records, work: Vec::new(), runs }, &organisation()).unwrap()
    }

    #[test]
    fn dist_08_what_was_closed_makes_room_and_the_most_is_kept() {
        let runs = vec![
            run(1, "a", "capped", Some("ann")),
            run(2, "b", "capped", Some("ann")),
            run(3, "c", "capped", None),
            run(5, "d", "capped", Some("ann")),
        ];
        let ledger = ledger(runs, &[4]);
        assert_eq!(ledger.breaches, Vec::<String>::new());
        assert_eq!(ledger.accounts["ann"], Account { assigned: 3, holds: 2, most: 2 });
        assert_eq!(ledger.accounts["ben"], Account::default());
    }

    #[test]
    fn dist_08_one_record_too_many_is_a_breach_where_the_rule_asks_for_room() {
        let runs = |rule: &str| (1..=3).map(|n| run(n, "a", rule, Some("ann"))).collect::<Vec<_>>();
        assert_eq!(ledger(runs("capped"), &[]).breaches, ["a went to ann, who held 2 already"]);
        assert_eq!(ledger(runs("free"), &[]).breaches, Vec::<String>::new(), "DIST-07");
    }

    #[test]
    fn dist_08_nobody_is_passed_over_who_had_room() {
        let runs = vec![run(1, "a", "capped", Some("ann")), run(3, "b", "capped", None)];
        assert_eq!(ledger(runs, &[2]).breaches, ["b did not go to ann, who held 0"]);
    }
}
