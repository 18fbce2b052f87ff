//! What became of the records: tables by rule, seller and reason, and whether the promises were kept.

use std::collections::BTreeMap;
use std::fmt;

use journeys::recount::Stored;
use serde_json::Value;

use crate::ledger::Ledger;
use crate::organisation::Organisation;

/// What came of one phase.
#[derive(Debug)]
pub(crate) struct Outcome {
    ledger: Ledger,
    /// By rule: records given to somebody, and to nobody.
    rules: BTreeMap<String, (usize, usize)>,
    /// By reason, with how many of the records are still open and unassigned.
    reasons: BTreeMap<String, (usize, usize)>,
    /// By group: how many more records the seller with most got than the one with fewest.
    differences: BTreeMap<String, i64>,
    recount: journeys::recount::Recount,
}

impl Outcome {
    /// From what is stored; every opportunity should have been decided once.
    pub(crate) fn of(stored: &Stored, organisation: &Organisation) -> anyhow::Result<Self> {
        let (mut rules, mut reasons) = (BTreeMap::new(), BTreeMap::new());
        for run in stored.runs.iter().filter(|run| run["recordType"] == "opportunity") {
            let assignment = &run["assignment"];
            let assigned = !assignment["owner"].is_null();
            let rule = assignment["ruleId"].as_str().unwrap_or("no rule");
            let rule = organisation.rules.get(rule).map_or(rule, |rule| rule.name.as_str());
            let (given, to_nobody): &mut (usize, usize) = rules.entry(rule.to_owned()).or_default();
            *given += usize::from(assigned);
            *to_nobody += usize::from(!assigned);
            let reason = [&run["segmentation"]["reason"], &assignment["reason"]].into_iter().find(|r| !r.is_null());
            let reason = reason.and_then(Value::as_str).unwrap_or("none: assigned");
            let (all, open): &mut (usize, usize) = reasons.entry(reason.to_owned()).or_default();
            let key = format!("opportunity#{}", run["recordId"].as_str().unwrap_or_default());
            let is_open = stored.records.get(&key).is_some_and(|record| record["state"] != "inactive");
            *all += 1;
            *open += usize::from(is_open && !assigned);
        }
        let ledger = Ledger::of(stored, organisation)?;
        let assigned = |seller: &String| ledger.accounts.get(seller).map_or(0, |account| account.assigned);
        let differences = organisation.groups.iter().map(|(group, sellers)| {
            let (most, least) = (sellers.iter().map(assigned).max(), sellers.iter().map(assigned).min());
            (group.clone(), most.unwrap_or(0) - least.unwrap_or(0))
        });
        Ok(Self {
            rules,
            reasons,
            differences: differences.collect(),
            recount: stored.recount(|key| usize::from(key.starts_with("opportunity#"))),
            ledger,
        })
    }

    /// How many records were assigned.
    pub(crate) fn assigned(&self) -> usize {
        self.rules.values().map(|(assigned, _)| assigned).sum()
    }

    /// Whether every promise was kept.
    pub(crate) fn is_clean(&self) -> bool {
        self.recount.is_clean() && self.ledger.breaches.is_empty()
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
        write!(
            f,
            "Recount: {} records, {} lost, {} decided twice, {} other breaches; {} breaches of capacity",
            self.recount.records,
            self.recount.lost.len(),
            self.recount.doubled.len(),
            self.recount.breaches.len(),
            self.ledger.breaches.len()
        )?;
        for breach in self.recount.breaches.iter().chain(&self.ledger.breaches) {
            write!(f, "\n  {breach}")?;
        }
        Ok(())
    }
}
