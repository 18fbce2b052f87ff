//! What the tests of routing share: an organisation in few words, and the stories that are told of it.

#![allow(dead_code, reason = "each file of tests uses its own part")]
#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::assignment_rule::{AssignmentRule, Distribution, Method, RuleState, SellerPick, Target};
use domain::id::{RecordKey, RecordType, RuleId};
use domain::obstacle::Obstacle;
use domain::record::{NewRecord, Record};
use domain::record_type::RecordTypes;
use domain::role_definition::RoleDefinitions;
use domain::roster::{Member, Roster, SellerState};
use domain::route::{Arrival, Decision, Organisation, Present, route};
use domain::rulebook::{Rulebook, RulebookSource, SegmentSource};
use domain::segment::{Segment, default_id};
use domain::seller::Seller;
use domain::settings::Settings;
use domain::subject::{Subject, System};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(crate) mod life;
pub(crate) mod order;
pub(crate) mod story;

/// A time of Monday 2 March 2026.
pub(crate) fn at(clock: &str) -> Timestamp {
    format!("2026-03-02T{clock}:00Z").parse().unwrap()
}

/// The present of a batch.
pub(crate) fn present(now: Timestamp) -> Present {
    Present { now, writer: 1, drawn: 7 }
}

pub(crate) fn seller(id: &str) -> Seller {
    serde_json::from_value(json!({
        "id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"], "enabled": true,
        "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1
    }))
    .unwrap()
}

pub(crate) fn member(seller: Seller) -> Member {
    Member { seller: Arc::new(seller), state: SellerState::default(), subject: None }
}

pub(crate) fn roster(ids: &[&str]) -> Roster {
    Roster::new(ids.iter().map(|id| member(seller(id))).collect())
}

/// A rule for sellers, by round robin without options.
pub(crate) fn rule(record_type: &str, number: usize, condition: Value, pick: SellerPick) -> AssignmentRule {
    let segment_id = default_id(&RecordType::from(record_type));
    AssignmentRule {
        id: RuleId::new(format!("{segment_id}-{number}")),
        segment_id,
        name: format!("Rule {number}"),
        description: None,
        condition,
        created_within_hours: None,
        target: Target::Sellers(pick),
        distribution: Some(Distribution {
            method: Method::RoundRobin,
            available_within_hours: None,
            respect_capacity: false,
        }),
        state: RuleState::Active,
        version: 1,
        created_at: Timestamp::UNIX_EPOCH,
        modified_at: Timestamp::UNIX_EPOCH,
    }
}

/// A rule for every lead.
pub(crate) fn every_lead(target: Target, distribution: Option<Distribution>) -> AssignmentRule {
    AssignmentRule { target, distribution, ..rule("lead", 1, json!({"all": []}), SellerPick::Any) }
}

pub(crate) fn segment(record_type: &str, id: &str, condition: Value) -> Segment {
    Segment {
        id: id.into(),
        name: id.to_owned(),
        condition,
        is_default: false,
        ..Segment::default_of(&RecordType::from(record_type))
    }
}

pub(crate) fn with_default_rules(record_type: &str, rules: Vec<AssignmentRule>) -> Vec<SegmentSource> {
    vec![SegmentSource { segment: Segment::default_of(&RecordType::from(record_type)), rules }]
}

/// An organisation with these segments and rules of one type; other types have their default segment only.
pub(crate) fn organisation(sources: Vec<(&str, Vec<SegmentSource>)>) -> Organisation {
    organisation_of(&RecordTypes::built_in(), sources)
}

pub(crate) fn organisation_of(record_types: &RecordTypes, sources: Vec<(&str, Vec<SegmentSource>)>) -> Organisation {
    organisation_at(7, record_types, sources)
}

/// An organisation whose rulebooks are of this version.
pub(crate) fn organisation_at(
    version: u64,
    record_types: &RecordTypes,
    sources: Vec<(&str, Vec<SegmentSource>)>,
) -> Organisation {
    let mut sources: BTreeMap<&str, Vec<SegmentSource>> = sources.into_iter().collect();
    let definitions = record_types.iter().filter(|definition| definition.holds_records());
    let rulebooks = definitions.map(|definition| {
        let record_type = definition.record_type.clone();
        let mut segments = sources.remove(record_type.as_str()).unwrap_or_default();
        if !segments.iter().any(|source| source.segment.is_default) {
            segments.push(SegmentSource { segment: Segment::default_of(&record_type), rules: Vec::new() });
        }
        let source = RulebookSource { version, definition: Arc::clone(definition), segments };
        (record_type, Arc::new(Rulebook::compile(source, record_types)))
    });
    Organisation {
        settings: Arc::new(Settings::default()),
        receiving: RoleDefinitions::predefined().receiving(),
        rulebooks: rulebooks.collect(),
        teams: [].into(),
        queues: [].into(),
    }
}

pub(crate) fn record(record_type: &str, id: &str, fields: &Value, now: Timestamp) -> Record {
    let new = NewRecord {
        key: RecordKey::new(record_type, id),
        fields: fields.as_object().unwrap().clone(),
        owner: None,
        business_unit: None,
        created_on: None,
        route: true,
        imported: false,
        created_by: "importer".to_owned(),
        tag: None,
    };
    new.into_record(now)
}

pub(crate) fn arrival(organisation: &Organisation, record: Record) -> Arrival {
    let definition = &organisation.rulebooks[&record.key.record_type].definition;
    let system = System { id: record.key.id.as_str(), created_on: Some(record.created_on), ..System::default() };
    let subject =
        Subject::new(definition, &record.fields, &system).map_err(|faults| Obstacle::broken(format!("{faults:?}")));
    Arrival { record, subject }
}

pub(crate) fn route_one(organisation: &Organisation, roster: &mut Roster, record: Record, now: Timestamp) -> Decision {
    let arrivals = [arrival(organisation, record)];
    route(organisation, roster, &arrivals, present(now)).pop().unwrap()
}
