//! What managers change: sellers, segments, rules.

use domain::segment::default_id;

use crate::known::Known;
use crate::plan::{Config, TYPES, seller_id};
use crate::step::{RuleChange, SegmentChange, SellerChange, Step};
use crate::world::{World, one_of};

impl World {
    /// Another version of what is configured.
    pub(crate) fn configure(&mut self, change: impl FnOnce(&mut Config)) -> bool {
        let mut config = self.known.config.clone();
        config.version += 1;
        change(&mut config);
        self.previous = std::mem::replace(&mut self.known, Known::of(config, &self.record_types));
        self.round.clear();
        true
    }

    pub(crate) fn change_sellers(&mut self, step: &Step) -> bool {
        let id = match step {
            Step::NewSeller(number, _) => Some(seller_id(*number)),
            Step::ChangeSeller(number, _) | Step::DeleteSeller(number) => self.seller(*number),
            _ => None,
        };
        let Some(id) = id else { return false };
        // Commits that were decided before notice the change (DIST-18); a seller who is new has not been seen by any.
        if self.known.config.sellers.contains_key(&id) {
            self.states.entry(id.clone()).or_default().generation += 1;
        }
        if !matches!(step, Step::ChangeSeller(_, change) if !matches!(change, SellerChange::Capacity(_))) {
            self.brought.remove(&id);
        }
        self.configure(|config| match step {
            Step::NewSeller(_, plan) => drop(config.sellers.insert(id, plan.clone())),
            Step::ChangeSeller(_, change) => {
                let plan = config.sellers.get_mut(&id).unwrap();
                match change.clone() {
                    SellerChange::Role(role) => plan.role = role,
                    SellerChange::On(on) => plan.on = on,
                    SellerChange::Enabled(enabled) => plan.enabled = enabled,
                    SellerChange::Region(region) => plan.region = region,
                    SellerChange::Languages(languages) => plan.languages = languages,
                    SellerChange::Hours(hours) => plan.hours = hours,
                    SellerChange::Capacity(capacity) => plan.capacity = capacity,
                    SellerChange::Unit(unit) => plan.unit = unit,
                }
            }
            _ => drop(config.sellers.remove(&id)),
        })
    }

    pub(crate) fn change_segments(&mut self, step: &Step) -> bool {
        let number = self.next();
        match step {
            Step::NewSegment { kind, rank, plan } => self.configure(|config| {
                let mut plan = plan.clone();
                plan.id = format!("{}-{number}", TYPES[*kind]).as_str().into();
                for (n, rule) in plan.rules.iter_mut().enumerate() {
                    rule.id = format!("{}-{n}", plan.id).as_str().into();
                }
                let segments = &mut config.segments[*kind];
                segments.insert(rank % segments.len(), plan);
            }),
            Step::ChangeSegment { kind, segment, change } => {
                let segments = &self.known.config.segments[*kind];
                let place = segment % segments.len();
                let is_default = segments[place].id == default_id(&TYPES[*kind].into());
                let fixed =
                    matches!(change, SegmentChange::Condition(_) | SegmentChange::Priority(_) | SegmentChange::Deleted);
                if is_default && fixed {
                    return false;
                }
                self.configure(|config| {
                    let segments = &mut config.segments[*kind];
                    match change.clone() {
                        SegmentChange::Active(active) => segments[place].active = active,
                        SegmentChange::TakesMembers(takes) => segments[place].takes_members = takes,
                        SegmentChange::RunsRulesOnMove(runs) => segments[place].runs_rules_on_move = runs,
                        SegmentChange::Condition(condition) => segments[place].condition = condition,
                        SegmentChange::Priority(rank) => {
                            let moved = segments.remove(place);
                            segments.insert(rank % segments.len(), moved);
                        }
                        SegmentChange::Deleted => drop(segments.remove(place)),
                    }
                })
            }
            _ => false,
        }
    }

    pub(crate) fn change_rules(&mut self, step: &Step) -> bool {
        let number = self.next();
        match step {
            Step::NewRule { kind, segment, plan } => self.configure(|config| {
                let segments = &mut config.segments[*kind];
                let place = segment % segments.len();
                let mut plan = plan.clone();
                plan.id = format!("{}-n{number}", segments[place].id).as_str().into();
                segments[place].rules.push(plan);
            }),
            Step::ChangeRule { kind, segment, rule, change } => {
                let with_rules: Vec<usize> = (0..self.known.config.segments[*kind].len())
                    .filter(|place| !self.known.config.segments[*kind][*place].rules.is_empty())
                    .collect();
                let Some(place) = one_of(&with_rules, *segment) else { return false };
                self.configure(|config| {
                    let rules = &mut config.segments[*kind][place].rules;
                    let place = rule % rules.len();
                    match change.clone() {
                        RuleChange::Active(active) => rules[place].active = active,
                        RuleChange::Condition(condition) => rules[place].condition = condition,
                        RuleChange::Pick(pick) => rules[place].pick = pick,
                        RuleChange::Method(method) => rules[place].method = method,
                        RuleChange::Within(within) => rules[place].within = within,
                        RuleChange::CreatedWithin(hours) => rules[place].created_within = hours,
                        RuleChange::RespectCapacity(respect) => rules[place].respect_capacity = respect,
                        RuleChange::Order(rank) => {
                            let moved = rules.remove(place);
                            rules.insert(rank % (rules.len() + 1), moved);
                        }
                        RuleChange::Deleted => drop(rules.remove(place)),
                    }
                })
            }
            _ => false,
        }
    }
}
