//! What is configured, as decisions take it: the plans of the model made into the things of the domain.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use domain::assignment_rule::{AssignmentRule, Distribution, GroupPick, RuleState, SellerPick, Source, Target};
use domain::id::SellerId;
use domain::queue::Queue;
use domain::record_type::RecordTypes;
use domain::roster::{Member, Roster, SellerState};
use domain::route::{Candidates, Organisation};
use domain::rulebook::SegmentSource;
use domain::segment::{Segment, SegmentState};
use domain::seller::{Role, Seller};
use domain::seller_attribute::{self, SellerAttribute, SellerAttributes};
use domain::team::Team;
use serde_json::{Map, Value, json};

use crate::plan::{
    Config, GroupPlan, LANGUAGES, Pick, RulePlan, SegmentPlan, SellerPlan, TOPICS, TYPES, UNITS, queue_id, seller_id,
    team_id,
};
use crate::support;

/// What is configured at one version: as the model notes it down and as decisions take it.
pub(crate) struct Known {
    pub(crate) config: Config,
    pub(crate) organisation: Organisation,
    members: Vec<Member>,
}

impl Known {
    pub(crate) fn of(config: Config, record_types: &RecordTypes) -> Rc<Self> {
        let described = |name: &str| record_types.get(&name.into()).unwrap();
        let sources = TYPES
            .iter()
            .zip(&config.segments)
            .map(|(kind, plans)| (*kind, plans.iter().map(|plan| plan.source(kind)).collect::<Vec<_>>()));
        let teams = config.teams.iter().enumerate().map(|(number, plan)| {
            let team = plan.team(number);
            Candidates { subject: team.subject(described("team")), group: Arc::new(team) }
        });
        let queues = config.queues.iter().enumerate().map(|(number, plan)| {
            let queue = plan.queue(number);
            Candidates { subject: queue.subject(described("queue")), group: Arc::new(queue) }
        });
        let organisation = Organisation {
            settings: Arc::new(config.settings.clone()),
            teams: teams.collect(),
            queues: queues.collect(),
            ..support::organisation_at(config.version, record_types, sources.collect())
        };
        let attributes: SellerAttributes = [SellerAttribute {
            id: "language".into(),
            name: "language".to_owned(),
            source: seller_attribute::Source::Manual,
            values: LANGUAGES.map(str::to_owned).into(),
            version: 1,
        }]
        .into_iter()
        .collect();
        let members = config.sellers.iter().map(|(id, plan)| {
            let seller = plan.seller(id, &config);
            let subject = seller.subject(described("seller"), &attributes).map(Arc::new);
            Member { subject, ..support::member(seller) }
        });
        let members = members.collect();
        Rc::new(Self { config, organisation, members })
    }

    /// The sellers of this version with the moving part as it is now.
    pub(crate) fn roster(&self, states: &BTreeMap<SellerId, SellerState>) -> Roster {
        let state = |member: &Member| states.get(&member.seller.id).cloned().unwrap_or_default();
        Roster::new(self.members.iter().map(|member| Member { state: state(member), ..member.clone() }).collect())
    }

    pub(crate) fn unit_of(&self, seller: &SellerId) -> Option<&'static str> {
        self.config.sellers.get(seller)?.unit.map(|unit| UNITS[unit])
    }
}

fn fields(values: &[(&str, Option<&str>)]) -> Map<String, Value> {
    values.iter().filter_map(|(column, value)| Some(((*column).to_owned(), json!((*value)?)))).collect()
}

fn region(region: Option<usize>) -> Option<&'static str> {
    region.map(|region| TOPICS[region])
}

impl SellerPlan {
    fn seller(&self, id: &SellerId, config: &Config) -> Seller {
        let languages: Vec<String> = self.languages.iter().map(|language| LANGUAGES[*language].to_owned()).collect();
        let unit = self.unit.map(|unit| UNITS[unit]);
        Seller {
            roles: vec![self.role],
            assign_records: self.on,
            enabled: self.enabled,
            fields: fields(&[("region", region(self.region)), ("businessUnit", unit)]),
            attributes: [("language".into(), languages)].into(),
            capacity: self.capacity,
            calendar: self.hours.as_ref().map(|hours| hours.calendar(config.start)).unwrap_or_default(),
            ..support::seller(id.as_str())
        }
    }
}

impl GroupPlan {
    fn team(&self, number: usize) -> Team {
        Team {
            id: team_id(number),
            name: format!("Team {number}"),
            member_ids: vec![],
            roles: if self.open { vec![Role::Salesperson] } else { vec![] },
            fields: fields(&[("region", region(self.region))]),
            version: 1,
        }
    }

    fn queue(&self, number: usize) -> Queue {
        let taken = TYPES.iter().zip(self.types).filter(|(_, takes)| *takes);
        Queue {
            id: queue_id(number),
            name: format!("Queue {number}"),
            enabled: self.open,
            record_types: taken.map(|(kind, _)| (*kind).into()).collect(),
            member_ids: vec![],
            fields: fields(&[("region", region(self.region))]),
            version: 1,
        }
    }
}

impl SegmentPlan {
    fn source(&self, kind: &str) -> SegmentSource {
        let default = Segment::default_of(&kind.into());
        let segment = if default.id == self.id {
            default
        } else {
            support::segment(kind, self.id.as_str(), self.condition.json())
        };
        let segment = Segment {
            state: if self.active { SegmentState::Active } else { SegmentState::Inactive },
            move_previously_segmented: self.takes_members,
            run_rules_on_move: self.runs_rules_on_move,
            ..segment
        };
        SegmentSource { rules: self.rules.iter().map(|rule| rule.rule(&segment)).collect(), segment }
    }
}

impl RulePlan {
    fn rule(&self, segment: &Segment) -> AssignmentRule {
        let target = self.pick.target();
        let distribution = Distribution {
            method: self.method,
            available_within_hours: self.within,
            respect_capacity: self.respect_capacity,
        };
        AssignmentRule {
            id: self.id.clone(),
            segment_id: segment.id.clone(),
            condition: self.condition.json(),
            created_within_hours: self.created_within,
            state: if self.active { RuleState::Active } else { RuleState::Inactive },
            distribution: matches!(target, Target::Sellers(_)).then_some(distribution),
            ..support::every_lead(target, None)
        }
    }
}

impl Pick {
    fn target(&self) -> Target {
        let of_topic = json!({"field": "region", "op": "equals", "valueFrom": "topic"});
        let (source, matcher) = (Source::Fields, of_topic);
        match self {
            Self::Any => Target::Sellers(SellerPick::Any),
            Self::OfTopic => Target::Sellers(SellerPick::Matching { source, matcher }),
            Self::Speaking(language) => Target::Sellers(SellerPick::Matching {
                source: Source::Attributes,
                matcher: json!({"attribute": "language", "op": "equals", "value": LANGUAGES[*language]}),
            }),
            Self::Sellers(numbers) => {
                Target::Sellers(SellerPick::Specific { ids: numbers.iter().copied().map(seller_id).collect() })
            }
            Self::TeamOfTopic(if_several) => {
                Target::Teams(GroupPick::Matching { source, matcher, if_several: *if_several })
            }
            Self::Teams(numbers, if_several) => Target::Teams(GroupPick::Specific {
                ids: numbers.iter().copied().map(team_id).collect(),
                if_several: *if_several,
            }),
            Self::QueueOfTopic(if_several) => {
                Target::Queues(GroupPick::Matching { source, matcher, if_several: *if_several })
            }
            Self::Queues(numbers, if_several) => Target::Queues(GroupPick::Specific {
                ids: numbers.iter().copied().map(queue_id).collect(),
                if_several: *if_several,
            }),
        }
    }
}
