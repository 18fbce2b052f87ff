//! A story: sellers, teams, queues and rules as a sales manager would tell them, the leads that arrive and where they go.

use std::collections::BTreeMap;

use domain::assignment_rule::{Distribution, Method, SellerPick, Target};
use domain::calendar::{Days, Kind, TimeOfDay};
use domain::capacity::CapacityPeriod;
use domain::id::{Owner, QueueId, RecordType, RuleId, SellerId, TeamId};
use domain::reason::Reason;
use domain::roster::Roster;
use domain::route::{Arrival, Decision, Organisation, route};
use domain::run::{Candidate, Status, Verdict};
use domain::seller::Role;
use domain::settings::Settings;
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{arrival, present, record};

mod set_up;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Story {
    /// What of the specification it proves.
    pub(crate) id: String,
    pub(crate) title: String,
    #[serde(default)]
    settings: Settings,
    /// The roles that may read records, where they are not those that may from the start.
    may_read: Option<Vec<Role>>,
    /// Columns of text that leads have besides those they have from the start.
    #[serde(default)]
    lead_columns: Vec<String>,
    #[serde(default = "yes")]
    leads_enabled_for_queues: bool,
    /// Types besides lead that have an active rule.
    #[serde(default)]
    also_counting: Vec<RecordType>,
    /// Segments of leads before the default one.
    #[serde(default)]
    segments: Vec<ToldSegment>,
    /// Rules of the default segment of leads.
    #[serde(default)]
    rules: Vec<ToldRule>,
    #[serde(default)]
    attributes: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    sellers: BTreeMap<SellerId, ToldSeller>,
    #[serde(default)]
    teams: BTreeMap<TeamId, ToldTeam>,
    #[serde(default)]
    queues: BTreeMap<QueueId, ToldQueue>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToldSegment {
    id: String,
    condition: Value,
    rules: Vec<ToldRule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToldRule {
    /// Every lead, unless it says otherwise.
    #[serde(default = "everything")]
    condition: Value,
    created_within_hours: Option<u32>,
    /// Any seller, unless it says otherwise.
    #[serde(default = "any_seller")]
    target: Target,
    /// Round robin without options, unless it says otherwise.
    #[serde(default = "round_robin")]
    distribution: Distribution,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ToldSeller {
    roles: Vec<Role>,
    assign_records: bool,
    enabled: bool,
    fields: Map<String, Value>,
    attributes: BTreeMap<String, Vec<String>>,
    owns_accounts: Vec<String>,
    maximum: Option<u32>,
    period: CapacityPeriod,
    period_maximum: Option<u32>,
    calendar: Vec<ToldHours>,
    holds: BTreeMap<RecordType, i64>,
    /// When a lead was last assigned.
    last_assigned: Option<Timestamp>,
}

impl Default for ToldSeller {
    fn default() -> Self {
        Self {
            roles: vec![Role::Salesperson],
            assign_records: true,
            enabled: true,
            fields: Map::new(),
            attributes: BTreeMap::new(),
            owns_accounts: vec![],
            maximum: None,
            period: CapacityPeriod::None,
            period_maximum: None,
            calendar: vec![],
            holds: BTreeMap::new(),
            last_assigned: None,
        }
    }
}

/// Working hours on one date in UTC, unless it says otherwise.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToldHours {
    #[serde(default = "working_hours")]
    kind: Kind,
    on: Date,
    /// The weekdays it repeats on from then.
    #[serde(default)]
    every: Days,
    #[serde(default = "morning")]
    start: TimeOfDay,
    #[serde(default = "evening")]
    end: TimeOfDay,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToldTeam {
    #[serde(default = "salesperson")]
    roles: Vec<Role>,
    #[serde(default)]
    members: Vec<SellerId>,
    #[serde(default)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ToldQueue {
    #[serde(default = "yes")]
    enabled: bool,
    #[serde(default = "leads")]
    record_types: Vec<RecordType>,
    #[serde(default)]
    fields: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    at: Timestamp,
    /// So many leads that sellers held are closed before others arrive.
    #[serde(default)]
    closes: BTreeMap<SellerId, i64>,
    /// The fields of each lead that arrives.
    #[serde(default)]
    lead: Map<String, Value>,
    /// When it was created; when it arrives, unless it says otherwise.
    created_at: Option<Timestamp>,
    /// Who owns it when it arrives: a seller's id, `team:{id}` or `queue:{id}`.
    owned_by: Option<String>,
    /// Where each of as many leads goes, which arrive together; null: nowhere.
    goes_to: Vec<Option<String>>,
    /// Why the leads go nowhere.
    reason: Option<Reason>,
    #[serde(default)]
    overdue: bool,
    /// The number of the rule that was applied to them.
    rule: Option<usize>,
    /// Of the last lead: what its trace says of sellers.
    #[serde(default)]
    verdicts: BTreeMap<SellerId, Verdict>,
    #[serde(default)]
    buckets: BTreeMap<SellerId, u8>,
    #[serde(default)]
    saw_available: BTreeMap<SellerId, Option<i64>>,
    /// Available capacity after all.
    #[serde(default)]
    available: BTreeMap<SellerId, i64>,
}

fn everything() -> Value {
    json!({"all": []})
}

fn any_seller() -> Target {
    Target::Sellers(SellerPick::Any)
}

fn round_robin() -> Distribution {
    Distribution { method: Method::RoundRobin, available_within_hours: None, respect_capacity: false }
}

fn working_hours() -> Kind {
    Kind::WorkingHours
}

fn morning() -> TimeOfDay {
    TimeOfDay::parse("08:00").unwrap()
}

fn evening() -> TimeOfDay {
    TimeOfDay::parse("17:00").unwrap()
}

fn salesperson() -> Vec<Role> {
    vec![Role::Salesperson]
}

fn leads() -> Vec<RecordType> {
    vec!["lead".into()]
}

fn yes() -> bool {
    true
}

fn owner(text: &str) -> Owner {
    match text.split_once(':') {
        Some(("team", id)) => Owner::Team(id.into()),
        Some(("queue", id)) => Owner::Queue(id.into()),
        _ => Owner::Seller(text.into()),
    }
}

impl Story {
    pub(crate) fn check(&self) {
        let record_types = self.record_types();
        let organisation = self.organisation(&record_types);
        let counting = organisation.counting();
        let mut roster = self.roster(&record_types);
        for (number, step) in self.steps.iter().enumerate() {
            let context = format!("{} {}, at {}", self.id, self.title, step.at);
            close(&mut roster, &step.closes);
            let arrivals: Vec<Arrival> =
                (0..step.goes_to.len()).map(|n| step.arrival(&organisation, &format!("L-{number}-{n}"))).collect();
            let decisions = route(&organisation, &mut roster, &arrivals, present(step.at));
            step.check(&decisions, &context);
            for (id, available) in &step.available {
                let member = &roster.members()[roster.position(id).unwrap()];
                let maximum = member.seller.maximum(&self.settings).unwrap();
                let found = i64::from(maximum) - member.state.consumed(&counting);
                assert_eq!(found, *available, "{context}: {id}");
            }
        }
    }
}

/// So many leads of sellers are closed.
fn close(roster: &mut Roster, closes: &BTreeMap<SellerId, i64>) {
    let mut members = roster.members().to_vec();
    for member in &mut members {
        if let Some(closed) = closes.get(&member.seller.id) {
            *member.state.held.get_mut(&RecordType::from("lead")).unwrap() -= closed;
        }
    }
    *roster = Roster::new(members);
}

impl Step {
    fn arrival(&self, organisation: &Organisation, id: &str) -> Arrival {
        let mut lead = record("lead", id, &Value::Object(self.lead.clone()), self.at);
        lead.created_on = self.created_at.unwrap_or(self.at);
        lead.owner = self.owned_by.as_deref().map(owner);
        arrival(organisation, lead)
    }

    fn check(&self, decisions: &[Decision], context: &str) {
        let found: Vec<Option<Owner>> =
            decisions.iter().map(|decision| decision.run.assignment.owner.clone()).collect();
        let expected: Vec<Option<Owner>> = self.goes_to.iter().map(|to| to.as_deref().map(owner)).collect();
        let reasons: Vec<_> = decisions.iter().map(|decision| decision.run.assignment.reason).collect();
        assert_eq!(found, expected, "{context}: {reasons:?}");
        for Decision { run, .. } in decisions {
            let expected = match (&run.assignment.owner, self.reason) {
                (Some(_), _) => (Status::Succeeded, None),
                (None, None) => (Status::NotApplicable, None),
                (None, reason) => (Status::Failed, reason),
            };
            assert_eq!((run.assignment.status, run.assignment.reason), expected, "{context}");
            assert_eq!(run.assignment.overdue, self.overdue, "{context}: overdue");
            if let Some(number) = self.rule {
                let id = run.assignment.rule_id.as_ref().map(RuleId::as_str);
                assert_eq!(id, Some(format!("lead-default-{number}").as_str()), "{context}");
            }
        }
        let trace = decisions.last().map(|decision| &decision.run.trace);
        let candidate = |id: &SellerId| -> &Candidate {
            let mut candidates = trace.iter().flat_map(|trace| &trace.candidates);
            candidates.find(|candidate| candidate.seller_id == *id).unwrap_or_else(|| panic!("{context}: no {id}"))
        };
        for (id, verdict) in &self.verdicts {
            assert_eq!(candidate(id).verdict, *verdict, "{context}: {id}");
        }
        for (id, bucket) in &self.buckets {
            assert_eq!(candidate(id).bucket, Some(*bucket), "{context}: {id}");
        }
        for (id, available) in &self.saw_available {
            assert_eq!(candidate(id).available, *available, "{context}: {id}");
        }
    }
}
