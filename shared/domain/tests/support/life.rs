//! A life: one lead among segments over time, what is done to it and to them, and what each of its runs says.

use std::sync::Arc;

use domain::assignment_rule::SellerPick;
use domain::id::{Owner, RecordType, RunId, SegmentId};
use domain::record::Record;
use domain::record_type::RecordTypes;
use domain::roster::Roster;
use domain::route::{Organisation, manual};
use domain::rulebook::{Rulebook, RulebookSource, SegmentSource};
use domain::run::{Joined, RoutingRun, Status, Trigger};
use domain::segment::{Segment, SegmentState};
use jiff::{Timestamp, ToSpan};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{at, organisation, record, roster, route_one, rule, segment};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Life {
    /// What of the specification it proves.
    pub(crate) id: String,
    pub(crate) title: String,
    /// In the order of priority, as they are when the lead arrives; the default one is the last if it is not named.
    segments: Vec<ToldSegment>,
    sellers: Vec<String>,
    steps: Vec<Step>,
}

#[derive(Deserialize, Clone)]
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
    #[serde(default)]
    gives_to: Option<Vec<String>>,
    #[serde(default = "active")]
    state: SegmentState,
}

fn everything() -> Value {
    serde_json::json!({"all": []})
}

fn active() -> SegmentState {
    SegmentState::Active
}

#[derive(Deserialize)]
struct Step {
    #[serde(flatten)]
    done: Done,
    /// What the run says that follows; none when none may follow.
    run: Option<Expected>,
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
    /// The mark that was worked off last is delivered once more.
    DeliveredAgain(bool),
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Expected {
    trigger: Trigger,
    segment: Option<SegmentId>,
    previous: Option<SegmentId>,
    joined: Option<Joined>,
    /// Who owns the lead afterwards.
    owner: Option<String>,
    #[serde(default = "succeeded")]
    assignment: Status,
    reason: Option<String>,
}

fn succeeded() -> Status {
    Status::Succeeded
}

/// The lead and what surrounds it, as far as the steps have come.
struct Scene {
    organisation: Organisation,
    roster: Roster,
    now: Timestamp,
    lead: Option<Record>,
    runs: usize,
}

impl Life {
    pub(crate) fn check(&self) {
        let ids: Vec<&str> = self.sellers.iter().map(String::as_str).collect();
        let mut scene =
            Scene { organisation: with(&self.segments), roster: roster(&ids), now: at("10:00"), lead: None, runs: 0 };
        for (number, step) in (1..).zip(&self.steps) {
            let context = format!("{} {}, step {number}", self.id, self.title);
            scene.now += 1.hour();
            scene.happens(&step.done);
            let found = scene.routed().map(|run| Expected {
                trigger: run.trigger,
                reason: run.reason().map(|reason| reason.code().to_owned()),
                assignment: run.assignment.status,
                segment: run.segmentation.segment_id,
                previous: run.segmentation.previous_segment_id,
                joined: run.segmentation.joined,
                owner: scene.lead.as_ref().and_then(|lead| lead.owner.as_ref()).map(|owner| owner.id().to_owned()),
            });
            assert_eq!(found, step.run, "{context}");
            let lead = scene.lead.as_ref().unwrap();
            if let Some(expected) = &step.run {
                assert_eq!(lead.segment, expected.segment, "{context}");
            }
        }
    }
}

impl Scene {
    fn happens(&mut self, done: &Done) {
        let used = self.organisation.rulebooks[&RecordType::from("lead")].used_columns().clone();
        let now = self.now;
        let new = |fields: &Map<String, Value>| record("lead", "L-1", &Value::Object(fields.clone()), now);
        let lead = self.lead.take();
        let stands = |lead: Option<Record>| lead.expect("the lead has arrived");
        self.lead = Some(match done {
            Done::Arrives(fields) => new(fields),
            Done::ArrivesOwned(fields, owner) => Record { owner: Some(seller(owner)), ..new(fields) },
            Done::Patched(fields) => stands(lead).patched(fields, &used, now),
            Done::Closed(outcome) => stands(lead).closed(outcome, now),
            Done::Reopened(_) => stands(lead).reopened(now),
            Done::GivenTo(owner) => {
                let lead = stands(lead);
                let run = self.numbered(manual(&lead, seller(owner), 7, now));
                lead.assigned(&run, None, now)
            }
            Done::Segments(segments) => {
                self.organisation = with(segments);
                stands(lead)
            }
            Done::DeliveredAgain(_) => stands(lead),
        });
    }

    /// What the assignment function does with a record that waits, and with one that does not.
    fn routed(&mut self) -> Option<RoutingRun> {
        let lead = self.lead.clone().filter(Record::waits)?;
        let decision = route_one(&self.organisation, &mut self.roster, lead.clone(), self.now);
        let run = self.numbered(decision.run);
        self.lead = Some(lead.routed(&run, None));
        Some(run)
    }

    fn numbered(&mut self, run: RoutingRun) -> RoutingRun {
        self.runs += 1;
        RoutingRun { id: RunId::new(format!("run-{}", self.runs)), ..run }
    }
}

fn seller(id: &str) -> Owner {
    Owner::Seller(id.into())
}

/// An organisation with these segments of leads.
fn with(told: &[ToldSegment]) -> Organisation {
    let lead = RecordType::from("lead");
    let mut segments: Vec<SegmentSource> = told.iter().map(ToldSegment::source).collect();
    if !segments.iter().any(|source| source.segment.is_default) {
        segments.push(SegmentSource { segment: Segment::default_of(&lead), rules: vec![] });
    }
    let mut organisation = organisation(vec![]);
    let record_types = RecordTypes::built_in();
    let definition = Arc::clone(record_types.get(&lead).unwrap());
    let rulebook = Rulebook::compile(RulebookSource { version: 7, definition, segments }, &record_types);
    organisation.rulebooks.insert(lead, Arc::new(rulebook));
    organisation
}

impl ToldSegment {
    fn source(&self) -> SegmentSource {
        let told = segment("lead", &self.id, self.condition.clone());
        let rules = self.gives_to.iter().map(|ids| {
            let pick = SellerPick::Specific { ids: ids.iter().map(|id| id.as_str().into()).collect() };
            let mut rule = rule("lead", 1, everything(), pick);
            rule.segment_id = self.id.as_str().into();
            rule
        });
        let segment = Segment {
            is_default: self.id == "lead-default",
            move_previously_segmented: self.move_previously_segmented,
            run_rules_on_move: self.run_rules_on_move,
            state: self.state,
            ..told
        };
        SegmentSource { segment, rules: rules.collect() }
    }
}
