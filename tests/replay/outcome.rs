//! What became of the records: tables by rule, seller and reason, and whether the promises were kept.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use journeys::recount::Stored;
use serde_json::Value;

use crate::ledger::Ledger;
use crate::organisation::Organisation;

/// What came of one phase.
#[derive(Debug)]
pub(crate) struct Outcome {
    ledger: Ledger,
    /// Records that found nobody with room and were pulled when somebody had.
    pulled: usize,
    /// Records that wait for somebody with room although a seller whom their last run names has it, or that were
    /// assigned twice.
    breaches: Vec<String>,
    /// By rule: records given to somebody, and to nobody.
    rules: BTreeMap<String, (usize, usize)>,
    /// By reason, with how many of the records are still open and unassigned.
    reasons: BTreeMap<String, (usize, usize)>,
    /// By group: how many more records the seller with most got than the one with fewest.
    differences: BTreeMap<String, i64>,
    recount: journeys::recount::Recount,
}

impl Outcome {
    /// From what is stored; every opportunity should have been decided once, and once more each time that it was
    /// pulled.
    pub(crate) fn of(stored: &Stored, organisation: &Organisation) -> anyhow::Result<Self> {
        let (mut rules, mut reasons) = (BTreeMap::new(), BTreeMap::new());
        let ledger = Ledger::of(stored, organisation)?;
        let mut pulls: BTreeMap<String, usize> = BTreeMap::new();
        let (mut pulled, mut breaches) = (0, Vec::new());
        let mut given = BTreeSet::new();
        for run in stored.runs.iter().filter(|run| run["recordType"] == "opportunity") {
            let assignment = &run["assignment"];
            let key = format!("opportunity#{}", run["recordId"].as_str().unwrap_or_default());
            let assigned = !assignment["owner"].is_null();
            if assigned && !given.insert(key.clone()) {
                breaches.push(format!("{key} was assigned twice"));
            }
            if run["trigger"] == "capacityFreed" {
                *pulls.entry(key.clone()).or_default() += 1;
                pulled += usize::from(assigned);
            }
            let record = stored.records.get(&key);
            if record.is_some_and(|record| record["run"] != run["id"]) {
                continue;
            }
            let rule = assignment["ruleId"].as_str().unwrap_or("no rule");
            let rule = organisation.rules.get(rule).map_or(rule, |rule| rule.name.as_str());
            let (given, to_nobody): &mut (usize, usize) = rules.entry(rule.to_owned()).or_default();
            *given += usize::from(assigned);
            *to_nobody += usize::from(!assigned);
            let reason = [&run["segmentation"]["reason"], &assignment["reason"]].into_iter().find(|r| !r.is_null());
            let reason = reason.and_then(Value::as_str).unwrap_or("none: assigned");
            let (all, open): &mut (usize, usize) = reasons.entry(reason.to_owned()).or_default();
            let is_open = record.is_some_and(|record| record["state"] != "inactive");
            *all += 1;
            *open += usize::from(is_open && !assigned);
            if is_open && assignment["reason"] == "noCapacity" {
                let has_room = with_room(run, &ledger, organisation.maximum);
                breaches.extend(has_room.map(|seller| format!("{key} waits although {seller} has room")));
            }
        }
        let assigned = |seller: &String| ledger.accounts.get(seller).map_or(0, |account| account.assigned);
        let differences = organisation.groups.iter().map(|(group, sellers)| {
            let (most, least) = (sellers.iter().map(assigned).max(), sellers.iter().map(assigned).min());
            (group.clone(), most.unwrap_or(0) - least.unwrap_or(0))
        });
        Ok(Self {
            pulled,
            breaches,
            rules,
            reasons,
            differences: differences.collect(),
            recount: stored
                .recount(|key| usize::from(key.starts_with("opportunity#")) + pulls.get(key).copied().unwrap_or(0)),
            ledger,
        })
    }

    /// How many records were assigned.
    pub(crate) fn assigned(&self) -> usize {
        self.rules.values().map(|(assigned, _)| assigned).sum()
    }

    /// Whether every record has one owner, none is lost or left waiting, and all counters are as the records say.
    pub(crate) fn is_consistent(&self) -> bool {
        self.recount.is_clean() && self.breaches.is_empty()
    }

    /// Whether every promise was kept.
    pub(crate) fn is_clean(&self) -> bool {
        self.is_consistent() && self.ledger.breaches.is_empty()
    }

    /// Whether sellers who are candidates of exactly the same rules got equally many records, but for one: what taking
    /// turns comes to, and balancing loads too, as long as nobody's load shrinks by itself.
    pub(crate) fn is_fair(&self) -> bool {
        self.differences.values().all(|difference| *difference <= 1)
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Records by seller: assigned, held at the end, most held at once")?;
        for (seller, account) in &self.ledger.accounts {
            writeln!(f, "  {:>5} {:>5} {:>5}  {seller}", account.assigned, account.holds, account.most)?;
        }
        writeln!(f, "Largest difference among sellers of the same office who know the same series")?;
        for (group, difference) in &self.differences {
            writeln!(f, "  {difference:>5}  {group}")?;
        }
        writeln!(f, "Records by rule: given to somebody, to nobody")?;
        for (rule, (assigned, unassigned)) in &self.rules {
            writeln!(f, "  {assigned:>5} {unassigned:>5}  {rule}")?;
        }
        writeln!(f, "Records by reason: all, still open and without an owner")?;
        for (reason, (all, open)) in &self.reasons {
            writeln!(f, "  {all:>5} {open:>5}  {reason}")?;
        }
        writeln!(f, "Pulled and assigned when a seller had room again: {}", self.pulled)?;
        write!(
            f,
            "Recount: {} records, {} lost, {} decided twice, {} other breaches; {} breaches of capacity; \
             {} left waiting or assigned twice",
            self.recount.records,
            self.recount.lost.len(),
            self.recount.doubled.len(),
            self.recount.breaches.len(),
            self.ledger.breaches.len(),
            self.breaches.len()
        )?;
        for breach in self.recount.breaches.iter().chain(&self.ledger.breaches).chain(&self.breaches) {
            write!(f, "\n  {breach}")?;
        }
        Ok(())
    }
}

/// The first seller whom the run dropped for lack of room and who has it at the end.
fn with_room<'a>(run: &'a Value, ledger: &Ledger, maximum: i64) -> Option<&'a str> {
    let candidates = run["trace"]["candidates"].as_array().into_iter().flatten();
    let dropped = candidates.filter(|candidate| candidate["verdict"] == "noCapacity");
    let mut sellers = dropped.filter_map(|candidate| candidate["sellerId"].as_str());
    sellers.find(|seller| ledger.accounts.get(*seller).is_none_or(|account| account.holds < maximum))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::organisation::Rule;

    /// One record that found nobody with room, and was pulled to this owner.
    fn stored(owner: Option<&str>, closed: bool) -> Stored {
        let run = |id: &str, previous: Option<&str>, trigger: &str, owner: Option<&str>| {
            let reason = owner.is_none().then_some("noCapacity");
            json!({"id": id, "recordType": "opportunity", "recordId": "1", "previous": previous, "trigger": trigger,
                   "finishedAt": "1970-01-01T00:00:01Z",
                   "assignment": {"ruleId": "r", "owner": owner.map(|id| json!({"kind": "seller", "id": id})),
                                  "reason": reason},
                   "trace": {"candidates": [{"sellerId": "ann", "verdict": "noCapacity"}]}})
        };
        let state = if closed { "inactive" } else { "active" };
        let record = json!({"pk": "opportunity#1", "type": "opportunity", "revision": 2, "run": "c.1", "state": state,
                            "modifiedOn": 2_000, "owner": owner.map(|id| json!({"kind": "seller", "id": id}))});
        Stored {
            records: BTreeMap::from([("opportunity#1".to_owned(), record)]),
            work: Vec::new(),
            runs: vec![run("c.0", None, "created", None), run("c.1", Some("c.0"), "capacityFreed", owner)],
        }
    }

    fn outcome(stored: &Stored, maximum: i64) -> Outcome {
        let organisation = Organisation {
            rules: BTreeMap::from([("r".to_owned(), Rule { name: "r".to_owned(), respects_capacity: true })]),
            groups: BTreeMap::from([("all".to_owned(), BTreeSet::from(["ann".to_owned()]))]),
            maximum,
            ..Organisation::default()
        };
        Outcome::of(stored, &organisation).unwrap()
    }

    #[test]
    fn what_was_pulled_counts_once_with_its_last_run() {
        let mut stored = stored(Some("ann"), true);
        stored.runs[0]["assignment"]["reason"] = json!("noSellerMatches");
        let outcome = outcome(&stored, 1);
        assert_eq!((outcome.assigned(), outcome.pulled, outcome.breaches.len()), (1, 1, 0), "{outcome}");
        assert!(outcome.recount.doubled.is_empty() && outcome.recount.lost.is_empty(), "{outcome}");
    }

    #[test]
    fn one_left_waiting_for_a_seller_with_room_is_a_breach() {
        assert_eq!(outcome(&stored(None, false), 1).breaches, ["opportunity#1 waits although ann has room"]);
        assert!(outcome(&stored(None, false), 0).breaches.is_empty(), "who has no room leaves it waiting");
        assert!(outcome(&stored(None, true), 1).breaches.is_empty(), "a closed one waits for nobody");
    }

    #[test]
    fn a_second_owner_is_a_breach() {
        let mut stored = stored(Some("ann"), true);
        stored.runs[0]["assignment"] = stored.runs[1]["assignment"].clone();
        assert_eq!(outcome(&stored, 2).breaches, ["opportunity#1 was assigned twice"]);
    }
}
