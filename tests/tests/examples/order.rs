//! An order: sellers by their last assignment, records that arrive or are given by hand, and the order afterwards.

use std::collections::BTreeMap;

use anyhow::Context;
use jiff::Timestamp;
use journeys::organisation::{give, record};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Told;
use crate::scene::{Given, Scene, clock, owner};

/// Each type that counts has so many rules, each for the records of one topic.
const RULES: usize = 3;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Order {
    counting: Vec<String>,
    /// By seller and type.
    last_assigned: BTreeMap<String, BTreeMap<String, String>>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    at: String,
    /// A record of this type is routed.
    arrives: Option<String>,
    /// A record of this type is given to `goesTo` by a person.
    by_hand: Option<String>,
    #[serde(default = "first")]
    rule: usize,
    owned_by: Option<String>,
    goes_to: String,
    order: Vec<String>,
}

fn first() -> usize {
    1
}

impl Told for Order {
    async fn perform(&self) -> anyhow::Result<()> {
        let given = self.given()?;
        let beginning = given.iter().map(|given| given.at).min().context("somebody was assigned before")?;
        let mut scene = Scene::before(beginning).await?;
        for seller in self.last_assigned.keys() {
            scene.seller(seller, &Map::new()).await?;
        }
        let mut rules: BTreeMap<&str, usize> = BTreeMap::new();
        for record_type in &self.counting {
            rules.insert(record_type, scene.rules.len());
            for number in 1..=RULES {
                let condition = json!({"all": [{"field": "topic", "op": "equals", "value": format!("rule {number}")}]});
                let rule = Map::from_iter([("condition".to_owned(), condition)]);
                scene.rule(&format!("{record_type}-default"), &rule).await?;
            }
        }
        scene.bring(given).await?;
        for step in &self.steps {
            scene.at(clock(&step.at)?).await?;
            if let Some(record_type) = &step.by_hand {
                let body = json!({"fields": {"topic": "by hand"}, "route": false});
                let created = record(&scene.client, record_type, body).await?;
                give(&scene.client, record_type, created["id"].as_str().unwrap_or_default(), &step.goes_to).await?;
            } else {
                let record_type = step.arrives.as_deref().context("a step either arrives or is given by hand")?;
                let mut body = json!({"fields": {"topic": format!("rule {}", step.rule)}});
                if let Some(id) = &step.owned_by {
                    body["owner"] = json!({"kind": "seller", "id": id});
                }
                let run = scene.arrives(record_type, body).await?;
                let expected = (Some(step.goes_to.clone()), Some(rules[record_type] + step.rule));
                assert_eq!((owner(&run["assignment"]["owner"]), scene.rule_of(&run)), expected, "{}: {run}", step.at);
            }
            assert_eq!(self.found(&scene).await?, step.order, "the order at {}", step.at);
        }
        scene.stack.shutdown().await
    }
}

impl Order {
    /// When sellers were given records that they don't hold any more.
    fn given(&self) -> anyhow::Result<Vec<Given<'_>>> {
        let all = self.last_assigned.iter().flat_map(|(seller, times)| times.iter().map(move |time| (seller, time)));
        all.map(|(seller, (record_type, time))| Ok(Given { at: clock(time)?, seller, record_type, keeps: false }))
            .collect()
    }

    /// The sellers as their last assignments order them: never before ever, and ties by id.
    async fn found(&self, scene: &Scene) -> anyhow::Result<Vec<String>> {
        let mut found: Vec<(Option<Timestamp>, String)> = vec![];
        for seller in self.last_assigned.keys() {
            let shown: Value = scene.shown(seller).await?;
            let last = shown["lastAssignedAt"].as_str().map(str::parse).transpose()?;
            found.push((last, seller.clone()));
        }
        found.sort();
        Ok(found.into_iter().map(|(_, seller)| seller).collect())
    }
}
