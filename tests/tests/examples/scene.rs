//! A stack on which a row is performed, and what all rows do on it.

use std::collections::BTreeMap;

use anyhow::ensure;
use client::types;
use jiff::{SignedDuration, Timestamp};
use journeys::client::{Client, shaped, shown};
use journeys::organisation::{add_rule, close, everything, record, runs};
use journeys::running_stack::RunningStack;
use serde_json::{Map, Value, json};

/// Schedules are called once on the way to another instant: what they do is no part of any row.
const ONE_CALL: SignedDuration = SignedDuration::from_hours(24 * 366);

/// What is set up before the first instant of a row has so long.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// A row tells minutes, and what is done at one is done within it.
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

/// A running stack and the organisation on it, as far as it has come.
pub(crate) struct Scene {
    pub(crate) stack: RunningStack,
    pub(crate) client: Client,
    /// The ids of the rules, in the order in which they were made.
    pub(crate) rules: Vec<String>,
    /// The records that each seller was given and still holds, by seller and type.
    held: BTreeMap<(String, String), Vec<String>>,
    given: usize,
}

/// That a seller was given a record at an instant.
pub(crate) struct Given<'a> {
    pub(crate) at: Timestamp,
    pub(crate) seller: &'a str,
    pub(crate) record_type: &'a str,
    /// Whether the record is still to be worked.
    pub(crate) keeps: bool,
}

impl Scene {
    /// An empty organisation, some minutes before an instant.
    pub(crate) async fn before(instant: Timestamp) -> anyhow::Result<Self> {
        let stack = RunningStack::start_at(instant - AHEAD).await?;
        let client = stack.administrator();
        Ok(Self { stack, client, rules: vec![], held: BTreeMap::new(), given: 0 })
    }

    /// Moves the clock to an instant; one whose minute has passed already is an error.
    pub(crate) async fn at(&self, instant: Timestamp) -> anyhow::Result<()> {
        self.stack.advance_to(instant, ONE_CALL).await?;
        let late = self.stack.now().duration_since(instant);
        ensure!(late < MINUTE, "too slow to do at {instant} what belongs there: {late:#} late");
        Ok(())
    }

    /// Creates a salesperson.
    pub(crate) async fn seller(&self, id: &str, fields: &Map<String, Value>) -> anyhow::Result<()> {
        let email = format!("{id}@example.com");
        let seller = json!({"id": id, "name": id, "email": email, "roles": ["salesperson"], "fields": fields});
        self.client.api.create_seller().body(shaped::<types::SellerBody>(seller)?).send().await?;
        Ok(())
    }

    /// Adds a rule to a segment. What it doesn't say: for every record, any seller in turn.
    pub(crate) async fn rule(&mut self, segment: &str, told: &Map<String, Value>) -> anyhow::Result<()> {
        let number = self.rules.len() + 1;
        let mut rule = json!({
            "name": format!("Rule {number}"), "condition": everything(), "target": {"kind": "sellers", "pick": "any"},
        });
        if told.get("target").is_none_or(|target| target["kind"] == "sellers") {
            rule["distribution"] = json!({"method": "roundRobin"});
        }
        for (member, value) in told {
            rule[member] = value.clone();
        }
        let added = add_rule(&self.client, segment, &rule).await?;
        self.rules.push(added["id"].as_str().unwrap_or_default().to_owned());
        Ok(())
    }

    /// Gives a seller so many records, which are not routed.
    pub(crate) async fn hold(&mut self, seller: &str, record_type: &str, count: usize) -> anyhow::Result<()> {
        if count == 0 {
            return Ok(());
        }
        let ids: Vec<String> = (self.given..self.given + count).map(|n| format!("given-{n}")).collect();
        self.given += count;
        let owner = json!({"kind": "seller", "id": seller});
        let records: Vec<Value> =
            ids.iter().map(|id| json!({"id": id, "fields": {}, "owner": owner, "route": false})).collect();
        let body: types::BatchBody = shaped(json!({ "records": records }))?;
        let answer = shown(self.client.api.create_records().type_(record_type).body(body).send().await?);
        let results = answer["results"].as_array().map(Vec::as_slice).unwrap_or_default();
        let created = results.iter().filter(|result| result["status"] == "ok").count();
        ensure!(created == count, "{created} of {count} were created: {answer}");
        self.held.entry((seller.to_owned(), record_type.to_owned())).or_default().extend(ids);
        Ok(())
    }

    /// Ends so many of the records that a seller was given.
    pub(crate) async fn end(&mut self, seller: &str, record_type: &str, count: usize) -> anyhow::Result<()> {
        let held = self.held.entry((seller.to_owned(), record_type.to_owned())).or_default();
        ensure!(count <= held.len(), "{seller} was not given {count}");
        for id in held.drain(..count) {
            close(&self.client, record_type, &id, "deactivated").await?;
        }
        Ok(())
    }

    /// Gives sellers records, each with the clock at its instant.
    pub(crate) async fn bring(&mut self, mut given: Vec<Given<'_>>) -> anyhow::Result<()> {
        given.sort_by_key(|given| given.at);
        for Given { at, seller, record_type, keeps } in given {
            self.at(at).await?;
            self.hold(seller, record_type, 1).await?;
            if !keeps {
                self.end(seller, record_type, 1).await?;
            }
        }
        Ok(())
    }

    /// Creates a record that is routed, waits for it and returns its run.
    pub(crate) async fn arrives(&self, record_type: &str, body: Value) -> anyhow::Result<Value> {
        let created = record(&self.client, record_type, body).await?;
        let id = created["id"].as_str().unwrap_or_default();
        self.stack.processed(&format!("/v1/records/{record_type}/{id}")).await?;
        let mut runs = runs(&self.client, record_type, id).await?;
        ensure!(runs.len() == 1, "one run for one arrival: {runs:?}");
        Ok(runs.swap_remove(0))
    }

    /// The number of the rule that a run applied, from 1 in the order in which they were made.
    pub(crate) fn rule_of(&self, run: &Value) -> Option<usize> {
        let applied = &run["assignment"]["ruleId"];
        self.rules.iter().position(|id| applied == id.as_str()).map(|position| position + 1)
    }

    /// A seller as the API shows it.
    pub(crate) async fn shown(&self, seller: &str) -> anyhow::Result<Value> {
        Ok(shown(self.client.api.get_seller().id(seller).send().await?))
    }
}

/// An owner as rows name it: a seller's id, `team:{id}` or `queue:{id}`; nothing for nobody.
pub(crate) fn owner(shown: &Value) -> Option<String> {
    let (kind, id) = (shown["kind"].as_str()?, shown["id"].as_str()?);
    Some(if kind == "seller" { id.to_owned() } else { format!("{kind}:{id}") })
}

/// A time of Monday 2 March 2026.
pub(crate) fn clock(time: &str) -> anyhow::Result<Timestamp> {
    Ok(format!("2026-03-02T{time}:00Z").parse()?)
}
