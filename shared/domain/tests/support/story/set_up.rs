//! What a story tells of, made: its record types, its organisation and its roster.

use std::sync::Arc;

use domain::assignment_rule::{AssignmentRule, SellerPick, Target};
use domain::calendar::{Days, Entry, Interval, Kind, Repeat};
use domain::capacity::MaximumCapacity;
use domain::column::{Column, ColumnType};
use domain::id::{RecordType, SellerId};
use domain::queue::Queue;
use domain::record_type::RecordTypes;
use domain::roster::{Member, Roster, SellerState};
use domain::route::{Candidates, Organisation};
use domain::rulebook::SegmentSource;
use domain::segment::Segment;
use domain::seller::Seller;
use domain::seller_attribute::{SellerAttribute, SellerAttributes, Source};
use domain::subject::{Subject, System};
use domain::team::Team;
use domain::turn::Turn;
use jiff::tz::TimeZone;
use serde_json::Map;

use super::super::{organisation_of, rule, segment, seller, with_default_rules};
use super::{Story, ToldHours, ToldRule, ToldSeller, everything};

impl ToldRule {
    fn rule(&self, number: usize) -> AssignmentRule {
        let of_sellers = matches!(self.target, Target::Sellers(_));
        AssignmentRule {
            created_within_hours: self.created_within_hours,
            target: self.target.clone(),
            distribution: of_sellers.then_some(self.distribution),
            ..rule("lead", number, self.condition.clone(), SellerPick::Any)
        }
    }
}

impl ToldHours {
    fn entry(&self, number: usize) -> Entry {
        let time_off = self.kind == Kind::TimeOff;
        Entry {
            id: format!("E-{number}").as_str().into(),
            kind: self.kind,
            from: self.on,
            to: None,
            intervals: if time_off { vec![] } else { vec![Interval { start: self.start, end: self.end }] },
            repeat: if self.every == Days::default() { Repeat::None } else { Repeat::EveryWeek },
            days: self.every,
            time_zone: TimeZone::UTC,
            description: String::new(),
            version: 1,
        }
    }
}

impl ToldSeller {
    fn member(&self, id: &SellerId, record_types: &RecordTypes, attributes: &SellerAttributes) -> Member {
        let entries: Vec<Entry> = self.calendar.iter().zip(1..).map(|(hours, number)| hours.entry(number)).collect();
        let seller = Seller {
            roles: self.roles.clone(),
            assign_records: self.assign_records,
            enabled: self.enabled,
            fields: self.fields.clone(),
            attributes: self.attributes.iter().map(|(name, values)| (name.as_str().into(), values.clone())).collect(),
            capacity: MaximumCapacity {
                maximum: self.maximum,
                period: self.period,
                period_maximum: self.period_maximum,
            },
            calendar: entries.into(),
            ..seller(id.as_str())
        };
        let turns = self.last_assigned.map(|instant| (RecordType::from("lead"), Turn::after(None, instant, 0)));
        let state =
            SellerState { turns: turns.into_iter().collect(), held: self.holds.clone(), ..SellerState::default() };
        let mut subject = seller.subject(record_types.get(&"seller".into()).unwrap(), attributes);
        for account in &self.owns_accounts {
            let system = System { id: account, ..System::default() };
            let account = Subject::new(record_types.get(&"account".into()).unwrap(), &Map::new(), &system).unwrap();
            if let Some(subject) = &mut subject {
                subject.add_related("accountsOwned", Arc::new(account));
            }
        }
        Member { seller: Arc::new(seller), state, subject: subject.map(Arc::new) }
    }
}

impl Story {
    pub(super) fn record_types(&self) -> RecordTypes {
        let known = RecordTypes::built_in();
        let mut lead = known.get(&"lead".into()).unwrap().as_ref().clone();
        lead.columns.extend(self.lead_columns.iter().map(|name| Column::new(name.as_str(), ColumnType::Text)));
        lead.enabled_for_queues = self.leads_enabled_for_queues;
        known.with(lead)
    }

    pub(super) fn organisation(&self, record_types: &RecordTypes) -> Organisation {
        let mut told_rules = (1..).zip(self.segments.iter().flat_map(|told| &told.rules).chain(&self.rules));
        let mut next = |count: usize| told_rules.by_ref().take(count).map(|(number, rule)| rule.rule(number)).collect();
        let mut segments: Vec<SegmentSource> = self
            .segments
            .iter()
            .map(|told| SegmentSource {
                segment: segment("lead", &told.id, told.condition.clone()),
                rules: next(told.rules.len()),
            })
            .collect();
        segments.push(SegmentSource { segment: Segment::default_of(&"lead".into()), rules: next(self.rules.len()) });
        let mut sources = vec![("lead", segments)];
        for record_type in &self.also_counting {
            let rules = vec![rule(record_type.as_str(), 1, everything(), SellerPick::Any)];
            sources.push((record_type.as_str(), with_default_rules(record_type.as_str(), rules)));
        }
        let teams = self.teams.iter().map(|(id, told)| {
            let (name, roles, fields) = (id.to_string(), told.roles.clone(), told.fields.clone());
            let team = Team { id: id.clone(), name, member_ids: told.members.clone(), roles, fields, version: 1 };
            Candidates { subject: team.subject(record_types.get(&"team".into()).unwrap()), group: Arc::new(team) }
        });
        let queues = self.queues.iter().map(|(id, told)| {
            let queue = Queue {
                id: id.clone(),
                name: id.to_string(),
                enabled: told.enabled,
                record_types: told.record_types.clone(),
                member_ids: vec![],
                fields: told.fields.clone(),
                version: 1,
            };
            Candidates { subject: queue.subject(record_types.get(&"queue".into()).unwrap()), group: Arc::new(queue) }
        });
        let known = organisation_of(record_types, sources);
        let may_read = self.may_read.as_ref().map(|roles| roles.iter().copied().collect());
        Organisation {
            settings: Arc::new(self.settings.clone()),
            receiving: may_read.unwrap_or_else(|| known.receiving.clone()),
            teams: teams.collect(),
            queues: queues.collect(),
            ..known
        }
    }

    pub(super) fn roster(&self, record_types: &RecordTypes) -> Roster {
        let attributes = self.attributes.iter().map(|(name, values)| SellerAttribute {
            id: name.as_str().into(),
            name: name.clone(),
            source: Source::Manual,
            values: values.clone(),
            version: 1,
        });
        let attributes: SellerAttributes = attributes.collect();
        Roster::new(self.sellers.iter().map(|(id, told)| told.member(id, record_types, &attributes)).collect())
    }
}
