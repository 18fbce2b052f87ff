//! A story: sellers, teams and rules as a sales manager would tell them, the leads that arrive and where they go.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Told;
use crate::scene::{Scene, owner};

mod set_up;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Story {
    /// Columns of text that leads have besides those they have from the start.
    #[serde(default)]
    lead_columns: Vec<String>,
    /// Segments of leads before the default one.
    #[serde(default)]
    segments: Vec<ToldSegment>,
    /// Rules of the default segment of leads, as far as they are not what a rule is by itself.
    #[serde(default)]
    rules: Vec<Map<String, Value>>,
    /// The values of seller attributes, by name.
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    sellers: BTreeMap<String, ToldSeller>,
    #[serde(default)]
    teams: BTreeMap<String, ToldTeam>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldSegment {
    id: String,
    condition: Value,
    rules: Vec<Map<String, Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToldSeller {
    #[serde(default)]
    fields: Map<String, Value>,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    owns_accounts: Vec<String>,
    maximum: Option<u32>,
    #[serde(default)]
    calendar: Vec<ToldHours>,
    /// How many records of a type, the lead of the last assignment among them.
    #[serde(default)]
    holds: BTreeMap<String, usize>,
    /// When a lead was last assigned.
    last_assigned: Option<Timestamp>,
}

/// Working hours on one date in UTC, unless it says otherwise.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldHours {
    kind: Option<String>,
    on: String,
    /// The weekdays it repeats on from then.
    #[serde(default)]
    every: Vec<String>,
    start: Option<String>,
    end: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldTeam {
    #[serde(default)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    at: Timestamp,
    /// So many leads that sellers held are closed before others arrive.
    #[serde(default)]
    closes: BTreeMap<String, usize>,
    /// The fields of each lead that arrives.
    #[serde(default)]
    lead: Map<String, Value>,
    /// Where each of as many leads goes; null: nowhere. They come one after the other: records that arrive together are
    /// on different shards of the stream, where no order is promised.
    goes_to: Vec<Option<String>>,
    /// Why the leads go nowhere.
    reason: Option<String>,
    #[serde(default)]
    overdue: bool,
    /// The number of the rule that was applied to them.
    rule: Option<usize>,
    /// Of the last lead: what its trace says of sellers.
    #[serde(default)]
    verdicts: BTreeMap<String, String>,
    #[serde(default)]
    buckets: BTreeMap<String, u8>,
    #[serde(default)]
    saw_available: BTreeMap<String, Option<i64>>,
    /// Available capacity after all.
    #[serde(default)]
    available: BTreeMap<String, i64>,
}

impl Told for Story {
    async fn perform(&self) -> anyhow::Result<()> {
        let mut scene = self.scene().await?;
        for step in &self.steps {
            scene.at(step.at).await?;
            step.perform(&mut scene).await.with_context(|| format!("at {}", step.at))?;
        }
        scene.stack.shutdown().await
    }
}

impl Step {
    async fn perform(&self, scene: &mut Scene) -> anyhow::Result<()> {
        for (seller, count) in &self.closes {
            scene.end(seller, "lead", *count).await?;
        }
        let mut run = Value::Null;
        for (goes_to, number) in self.goes_to.iter().zip(1..) {
            run = scene.arrives("lead", json!({ "fields": self.lead })).await?;
            let context = format!("lead {number} at {}: {run}", self.at);
            let decided = &run["assignment"];
            assert_eq!(owner(&decided["owner"]), *goes_to, "{context}");
            let (status, reason) = match (goes_to, self.reason.as_deref()) {
                (Some(_), _) => ("succeeded", None),
                (None, None) => ("notApplicable", None),
                (None, reason) => ("failed", reason),
            };
            assert_eq!((&decided["status"], decided["reason"].as_str()), (&json!(status), reason), "{context}");
            assert_eq!(decided["overdue"], self.overdue, "{context}");
            if self.rule.is_some() {
                assert_eq!(scene.rule_of(&run), self.rule, "{context}");
            }
        }
        self.check_trace(&run)?;
        for (seller, expected) in &self.available {
            let shown = scene.shown(seller).await?;
            assert_eq!(shown["capacity"]["available"], *expected, "{seller} at {}", self.at);
        }
        Ok(())
    }

    fn check_trace(&self, run: &Value) -> anyhow::Result<()> {
        let candidates = run["trace"]["candidates"].as_array().context("a run tells its candidates")?;
        let candidate = |seller: &str| {
            let found = candidates.iter().find(|candidate| candidate["sellerId"] == seller);
            found.with_context(|| format!("{seller} is no candidate: {run}"))
        };
        for (seller, verdict) in &self.verdicts {
            assert_eq!(candidate(seller)?["verdict"], **verdict, "{seller}: {run}");
        }
        for (seller, bucket) in &self.buckets {
            assert_eq!(candidate(seller)?["bucket"], *bucket, "{seller}: {run}");
        }
        for (seller, available) in &self.saw_available {
            assert_eq!(candidate(seller)?["available"], json!(available), "{seller}: {run}");
        }
        Ok(())
    }
}
