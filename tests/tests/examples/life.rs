//! A life: one lead among segments over time, what is done to it and to them, and what each of its runs says.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use client::types;
use journeys::client::{shaped, shown};
use journeys::organisation::{change, close, everything, give, record, runs};
use journeys::until::LONG;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::Told;
use crate::scene::{Scene, clock, owner};

const DEFAULT: &str = "lead-default";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Life {
    /// In the order of priority, as they are when the lead arrives; the default one is the last if it is not named.
    segments: Vec<ToldSegment>,
    sellers: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToldSegment {
    id: String,
    #[serde(default = "everything")]
    condition: Value,
    #[serde(default)]
    move_previously_segmented: bool,
    #[serde(default)]
    run_rules_on_move: bool,
    /// It has one rule: for every lead, to one of these sellers.
    gives_to: Option<Vec<String>>,
    #[serde(default)]
    state: SegmentState,
}

#[derive(Deserialize, Default, Clone, Copy)]
#[serde(rename_all = "camelCase")]
enum SegmentState {
    #[default]
    Active,
    Inactive,
    Paused,
}

/// One thing that is done, by its name, and `run`.
#[derive(Deserialize)]
#[serde(try_from = "Map<String, Value>")]
struct Step {
    done: Done,
    /// What the run says that follows; none when none may follow.
    run: Option<Expected>,
}

impl TryFrom<Map<String, Value>> for Step {
    type Error = serde_json::Error;

    fn try_from(mut told: Map<String, Value>) -> Result<Self, Self::Error> {
        let run = serde_json::from_value(told.remove("run").unwrap_or_default())?;
        Ok(Self { done: serde_json::from_value(Value::Object(told))?, run })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
enum Done {
    /// It arrives with these columns.
    Arrives(Map<String, Value>),
    /// It arrives with these columns and this owner.
    ArrivesOwned(Map<String, Value>, String),
    /// A client changes these columns.
    Patched(Map<String, Value>),
    Closed(String),
    Reopened(bool),
    /// A person gives it to this seller.
    GivenTo(String),
    /// A manager makes these the segments.
    Segments(Vec<ToldSegment>),
    /// Every change so far was delivered once more.
    DeliveredAgain(bool),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expected {
    trigger: String,
    segment: Option<String>,
    previous: Option<String>,
    joined: Option<String>,
    /// Who owns the lead afterwards.
    owner: Option<String>,
    #[serde(default = "succeeded")]
    assignment: String,
    reason: Option<String>,
}

fn succeeded() -> String {
    "succeeded".to_owned()
}

/// The lead and what surrounds it, as far as the steps have come.
struct Around {
    scene: Scene,
    /// The ids of the segments by those that the row gives them. Deleted ones are kept: runs still name them.
    segments: BTreeMap<String, String>,
    leads: usize,
}

impl Told for Life {
    async fn perform(&self) -> anyhow::Result<()> {
        let scene = Scene::before(clock("10:00")?).await?;
        scene.stack.deliver_twice(self.steps.iter().any(|step| matches!(step.done, Done::DeliveredAgain(_)))).await?;
        for seller in self.everybody() {
            scene.seller(seller, &Map::new()).await?;
        }
        let segments = BTreeMap::from([(DEFAULT.to_owned(), DEFAULT.to_owned())]);
        let mut around = Around { scene, segments, leads: 0 };
        around.manage(&self.segments).await?;
        // Who is named by a rule and not among the sellers was deleted since.
        for seller in self.everybody().filter(|seller| !self.sellers.contains(seller)) {
            around.scene.client.api.delete_seller().id(seller).send().await?;
        }
        for (number, step) in (1..).zip(&self.steps) {
            around.step(step).await.with_context(|| format!("step {number}"))?;
        }
        around.scene.stack.shutdown().await
    }
}

impl Life {
    /// The sellers, and whom the first rules name besides.
    fn everybody(&self) -> impl Iterator<Item = &String> {
        let named = self.segments.iter().filter_map(|segment| segment.gives_to.as_ref()).flatten();
        self.sellers.iter().chain(named.filter(|seller| !self.sellers.contains(seller)))
    }
}

impl Around {
    async fn step(&mut self, step: &Step) -> anyhow::Result<()> {
        let arrives = matches!(step.done, Done::Arrives(_) | Done::ArrivesOwned(..));
        let before = if arrives { 0 } else { self.runs().await?.len() };
        self.happens(&step.done).await?;
        self.scene.stack.delivered(LONG).await?;
        let runs = self.runs().await?;
        let lead = self.lead().await?;
        match &step.run {
            None => assert_eq!(runs.len(), before, "no run may follow: {runs:?}"),
            Some(expected) => {
                assert_eq!(runs.len(), before + 1, "one run follows: {runs:?}");
                assert_eq!(self.found(&runs[0], &lead), *expected, "{}", runs[0]);
                assert_eq!(self.told(&lead["segmentId"]), expected.segment, "{lead}");
            }
        }
        Ok(())
    }

    async fn happens(&mut self, done: &Done) -> anyhow::Result<()> {
        match done {
            Done::Arrives(fields) => self.arrives(fields, None).await,
            Done::ArrivesOwned(fields, owner) => self.arrives(fields, Some(owner)).await,
            Done::Patched(fields) => change(&self.scene.client, "lead", &self.id(), &json!(fields)).await.map(drop),
            Done::Closed(outcome) => close(&self.scene.client, "lead", &self.id(), outcome).await.map(drop),
            Done::Reopened(true) => {
                self.scene.client.api.reopen_record().type_("lead").id(self.id()).send().await?;
                Ok(())
            }
            Done::GivenTo(seller) => give(&self.scene.client, "lead", &self.id(), seller).await.map(drop),
            Done::Segments(segments) => self.manage(segments).await,
            // It was, by the time that the one before was dealt with.
            Done::DeliveredAgain(true) => Ok(()),
            Done::Reopened(false) | Done::DeliveredAgain(false) => bail!("a step tells what is done"),
        }
    }

    async fn arrives(&mut self, fields: &Map<String, Value>, owner: Option<&str>) -> anyhow::Result<()> {
        self.leads += 1;
        let mut body = json!({"id": self.id(), "fields": fields});
        if let Some(id) = owner {
            body["owner"] = json!({"kind": "seller", "id": id});
        }
        record(&self.scene.client, "lead", body).await.map(drop)
    }

    /// The id of the lead that arrived last.
    fn id(&self) -> String {
        format!("L-{}", self.leads)
    }

    async fn lead(&self) -> anyhow::Result<Value> {
        Ok(shown(self.scene.client.api.get_record().type_("lead").id(self.id()).send().await?))
    }

    /// What the engine decided of the lead, newest first.
    async fn runs(&self) -> anyhow::Result<Vec<Value>> {
        let mut runs = runs(&self.scene.client, "lead", &self.id()).await?;
        runs.retain(|run| run["trigger"] != "manual");
        Ok(runs)
    }

    fn found(&self, run: &Value, lead: &Value) -> Expected {
        let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
        let mut reasons = ["segmentation", "assignment", "sequence"].iter().map(|part| &run[part]["reason"]);
        Expected {
            trigger: text(&run["trigger"]).unwrap_or_default(),
            segment: self.told(&run["segmentation"]["segmentId"]),
            previous: self.told(&run["segmentation"]["previousSegmentId"]),
            joined: text(&run["segmentation"]["joined"]),
            owner: owner(&lead["owner"]),
            assignment: text(&run["assignment"]["status"]).unwrap_or_default(),
            reason: reasons.find_map(text),
        }
    }

    /// The id that the row gives a segment; nothing for none.
    fn told(&self, id: &Value) -> Option<String> {
        let id = id.as_str()?;
        let found = self.segments.iter().find(|(_, known)| *known == id);
        Some(found.map_or_else(|| format!("{id}, which the row does not tell of"), |(told, _)| told.clone()))
    }

    /// Makes these the segments of leads. A default one that is not told is active and has no rules.
    async fn manage(&mut self, told: &[ToldSegment]) -> anyhow::Result<()> {
        let listed = shown(self.scene.client.api.list_segments().record_type("lead").limit(100).send().await?);
        for present in listed["items"].as_array().into_iter().flatten() {
            let kept = told.iter().any(|told| present["name"] == *told.id);
            if !kept && present["isDefault"] == false {
                let id = present["id"].as_str().unwrap_or_default();
                self.scene.client.api.delete_segment().id(id).send().await?;
            }
        }
        for (segment, priority) in told.iter().zip(1..) {
            let id = self.configured(segment, priority).await?;
            self.ruled(&id, segment.gives_to.as_deref()).await?;
            self.put_into(&id, segment.state).await?;
        }
        if !told.iter().any(|segment| segment.id == DEFAULT) {
            self.ruled(DEFAULT, None).await?;
            self.put_into(DEFAULT, SegmentState::Active).await?;
        }
        Ok(())
    }

    /// Creates a segment or changes it; its id.
    async fn configured(&mut self, told: &ToldSegment, priority: u64) -> anyhow::Result<String> {
        let mut body = json!({
            "name": told.id, "recordType": "lead", "condition": told.condition,
            "movePreviouslySegmented": told.move_previously_segmented, "runRulesOnMove": told.run_rules_on_move,
        });
        let api = &self.scene.client.api;
        // The default one is the last, whatever anybody says.
        if told.id != DEFAULT {
            body["priority"] = json!(priority);
        }
        let body: types::SegmentBody = shaped(body)?;
        if let Some(id) = self.segments.get(&told.id) {
            api.replace_segment().id(id).body(body).send().await?;
            return Ok(id.clone());
        }
        let created = api.create_segment().body(body).send().await?.into_inner().id;
        self.segments.insert(told.id.clone(), created.clone());
        Ok(created)
    }

    /// Makes it the one rule of a segment to give leads to these sellers, or leaves the segment without rules.
    async fn ruled(&mut self, segment: &str, gives_to: Option<&[String]>) -> anyhow::Result<()> {
        let listed = shown(self.scene.client.api.list_rules().id(segment).send().await?);
        for rule in listed["items"].as_array().into_iter().flatten() {
            self.scene.client.api.delete_rule().id(rule["id"].as_str().unwrap_or_default()).send().await?;
        }
        if let Some(sellers) = gives_to {
            let target = json!({"kind": "sellers", "pick": "specific", "ids": sellers});
            self.scene.rule(segment, &Map::from_iter([("target".to_owned(), target)])).await?;
        }
        Ok(())
    }

    async fn put_into(&self, segment: &str, state: SegmentState) -> anyhow::Result<()> {
        let api = &self.scene.client.api;
        match state {
            SegmentState::Active => api.activate_segment().id(segment).send().await?,
            SegmentState::Inactive => api.deactivate_segment().id(segment).send().await?,
            SegmentState::Paused => {
                api.activate_segment().id(segment).send().await?;
                api.pause_segment().id(segment).send().await?
            }
        };
        Ok(())
    }
}
