//! An order: sellers by their last assignment, records that arrive or are given by hand, and the order afterwards.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::assignment_rule::SellerPick;
use domain::id::{Owner, RecordType, RuleId, SellerId};
use domain::roster::{Member, Roster, SellerState};
use domain::turn::Turn;
use serde::Deserialize;
use serde_json::json;

use super::{at, organisation, record, route_one, rule, seller, with_default_rules};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Order {
    /// What of the specification it proves.
    pub(crate) id: String,
    pub(crate) title: String,
    counting: Vec<RecordType>,
    last_assigned: BTreeMap<String, BTreeMap<RecordType, String>>,
    steps: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Step {
    at: String,
    /// A record of this type is routed.
    arrives: Option<String>,
    /// A record of this type is given to `goesTo` by a person.
    by_hand: Option<RecordType>,
    #[serde(default = "first")]
    rule: usize,
    owned_by: Option<String>,
    goes_to: String,
    order: Vec<String>,
    #[serde(default)]
    held: BTreeMap<String, i64>,
}

fn first() -> usize {
    1
}

impl Order {
    pub(crate) fn check(&self) {
        let context = format!("{} {}", self.id, self.title);
        let sources = self.counting.iter().map(|record_type| {
            let rules = (1..=3).map(|number| {
                let condition = json!({"all": [{"field": "topic", "op": "equals", "value": format!("rule {number}")}]});
                rule(record_type.as_str(), number, condition, SellerPick::Any)
            });
            (record_type.as_str(), with_default_rules(record_type.as_str(), rules.collect()))
        });
        let organisation = organisation(sources.collect());
        let counting = organisation.counting();
        let members = self.last_assigned.iter().map(|(id, turns)| {
            let turns = turns.iter().map(|(name, clock)| (name.clone(), Turn::after(None, at(clock), 0))).collect();
            Member {
                seller: Arc::new(seller(id)),
                state: SellerState { turns, ..SellerState::default() },
                subject: None,
            }
        });
        let mut roster = Roster::new(members.collect());
        for step in &self.steps {
            let now = at(&step.at);
            if let Some(record_type) = &step.by_hand {
                let mut given = record(record_type.as_str(), "R-1", &json!({}), now);
                given.owner = Some(Owner::Seller(SellerId::new(&step.goes_to)));
                roster.take_in(&given, now, 0);
            } else {
                let record_type = step.arrives.as_deref().expect("a step either arrives or is given by hand");
                let mut new = record(record_type, "R-1", &json!({"topic": format!("rule {}", step.rule)}), now);
                new.owner = step.owned_by.as_ref().map(|id| Owner::Seller(SellerId::new(id)));
                if let Some(owner) = &step.owned_by {
                    let members = roster.members().iter().cloned().map(|mut member| {
                        if member.seller.id.as_str() == owner {
                            member.state.held.insert(record_type.into(), 1);
                        }
                        member
                    });
                    roster = Roster::new(members.collect());
                }
                let run = route_one(&organisation, &mut roster, new, now).run;
                assert_eq!(run.assignment.owner, Some(Owner::Seller(SellerId::new(&step.goes_to))), "{context}");
                let expected = format!("{}-default-{}", record_type, step.rule);
                assert_eq!(run.assignment.rule_id, Some(RuleId::new(expected)), "{context}");
            }
            let mut order: Vec<&Member> = roster.members().iter().collect();
            order.sort_by_key(|member| (member.state.last_assigned(&counting), member.seller.id.clone()));
            let order: Vec<&str> = order.iter().map(|member| member.seller.id.as_str()).collect();
            assert_eq!(order, step.order, "{context} at {}", step.at);
            for (id, held) in &step.held {
                let position = roster.position(&SellerId::new(id)).unwrap();
                assert_eq!(roster.members()[position].state.consumed(&counting), *held, "{context}");
            }
        }
    }
}
