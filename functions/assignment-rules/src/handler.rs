//! Assignment rules: load, decide, commit.

use std::sync::Arc;

use api::shapes::assignment_rule::{AssignmentRule as Shape, RuleOrder};
use api::{Body, Created, Deleted, IfMatch, Page, Paging, Path, Problem, RankedPosition, Seed, Versioned};
use axum::extract::State;
use domain::assignment_rule::{AssignmentRule, Known, RuleDraft, RuleState, parse_order};
use domain::id::{RuleId, SegmentId};
use domain::segment::Segment;
use domain::settings::Limits;
use serde_json::{Value, json};
use store::assignment_rules::Placed;
use store::counters::SegmentCounts;
use store::knowledge::Memory;
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct AssignmentRules {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) memory: Memory,
}

impl AssignmentRules {
    async fn segment(&self, id: &SegmentId) -> api::Result<Segment> {
        Ok(self.store.segment(id).await?.ok_or_else(Problem::not_found)?.segment)
    }

    async fn limits(&self) -> api::Result<Limits> {
        Ok(self.store.settings().await?.limits)
    }

    /// Believes the body of a rule of a segment; `present` is the rule it is to replace.
    async fn believe(
        &self,
        body: &Value,
        segment: &Segment,
        limits: &Limits,
        present: Option<&AssignmentRule>,
    ) -> api::Result<RuleDraft> {
        let knowledge = self.store.knowledge(&self.memory).await?;
        let record_types = &knowledge.record_types;
        let known = Known {
            definition: record_types.get(&segment.record_type).ok_or_else(Problem::not_found)?,
            record_types,
            sellers: &knowledge.sellers.iter().map(|seller| seller.id.clone()).collect(),
            teams: &knowledge.organisation.teams.iter().map(|team| team.group.id.clone()).collect(),
            queues: &knowledge.organisation.queues.iter().map(|queue| queue.group.id.clone()).collect(),
            attributes: &knowledge.seller_attributes.values(),
        };
        Ok(RuleDraft::parse(body, &known, limits, present)?)
    }

    async fn answer(&self, placed: Placed) -> api::Result<Versioned<Shape>> {
        let segment = self.segment(&placed.rule.segment_id).await?;
        let counts = self.store.segment_counts(&segment.record_type, &segment.id).await?;
        Ok(Versioned { version: placed.rule.version, resource: shape(placed, &counts) })
    }

    async fn switch(&self, id: &RuleId, if_match: &IfMatch, state: RuleState) -> api::Result<Versioned<Shape>> {
        let (now, limits) = (self.clock.now(), self.limits().await?);
        let decide = |seen: &Placed| {
            if_match.check(seen.rule.version)?;
            let modified_at = if state == seen.rule.state { seen.rule.modified_at } else { now };
            Ok(AssignmentRule { state, modified_at, ..seen.rule.clone() })
        };
        let placed = self.store.change_rule::<Problem>(id, limits.max_active_rules_per_segment, decide).await?;
        self.answer(placed).await
    }
}

fn shape(placed: Placed, counts: &SegmentCounts) -> Shape {
    let Placed { rule, order } = placed;
    let routed = counts.routed.get(&rule.id).copied().unwrap_or(0);
    Shape {
        id: rule.id,
        segment_id: rule.segment_id,
        name: rule.name,
        description: rule.description,
        condition: rule.condition,
        created_within_hours: rule.created_within_hours,
        target: json!(rule.target),
        distribution: rule.distribution.map(|distribution| json!(distribution)),
        state: rule.state,
        order,
        records_routed: u64::try_from(routed).unwrap_or(0),
        version: rule.version,
    }
}

/// `POST /v1/segments/{id}/rules`: the new rule is the last of its segment.
pub(crate) async fn create(
    State(rules): State<Arc<AssignmentRules>>,
    Path(segment): Path<SegmentId>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Shape>> {
    let segment = rules.segment(&segment).await?;
    let (now, limits) = (rules.clock.now(), rules.limits().await?);
    let draft = rules.believe(&body, &segment, &limits, None).await?;
    let make = |id: RuleId| draft.clone().into_rule(id, segment.id.clone(), now);
    let (most, tag) = (limits.max_active_rules_per_segment, seed.tag());
    let placed = rules.store.create_rule(&segment.id, most, Some(&tag), make).await?;
    let location = format!("/v1/rules/{}", placed.rule.id);
    let Versioned { version, resource } = rules.answer(placed).await?;
    Ok(Created { location, version, resource })
}

/// `GET /v1/segments/{id}/rules`, in order.
pub(crate) async fn list(
    State(rules): State<Arc<AssignmentRules>>,
    Path(segment): Path<SegmentId>,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let segment = rules.segment(&segment).await?;
    let from: Option<RankedPosition<RuleId>> = paging.position()?;
    let mut placed = rules.store.rules(&segment.id).await?;
    if let Some(from) = from {
        placed = from.rest(placed, |placed| &placed.rule.id, |placed| placed.order);
    }
    let place = |placed: &Placed| RankedPosition::of(placed.rule.id.clone(), placed.order);
    let next = paging.cut(&mut placed, place);
    let counts = rules.store.segment_counts(&segment.record_type, &segment.id).await?;
    Ok(paging.page(placed.into_iter().map(|placed| shape(placed, &counts)).collect(), next.as_ref()))
}

/// `PUT /v1/segments/{id}/rules/order`.
pub(crate) async fn order(
    State(rules): State<Arc<AssignmentRules>>,
    Path(segment): Path<SegmentId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<RuleOrder>> {
    let decide = |present: &[RuleId], version: u64| {
        if_match.check(version)?;
        Ok(parse_order(&body, present)?)
    };
    let (rule_ids, version) = rules.store.order_rules::<Problem>(&segment, decide).await?;
    Ok(Versioned { version, resource: RuleOrder { rule_ids, version } })
}

/// `GET /v1/rules/{id}`.
pub(crate) async fn read(
    State(rules): State<Arc<AssignmentRules>>,
    Path(id): Path<RuleId>,
) -> api::Result<Versioned<Shape>> {
    let placed = rules.store.rule(&id).await?.ok_or_else(Problem::not_found)?;
    rules.answer(placed).await
}

/// `PUT /v1/rules/{id}`. Without a `state` the rule is active afterwards, as after a POST.
pub(crate) async fn replace(
    State(rules): State<Arc<AssignmentRules>>,
    Path(id): Path<RuleId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = rules.store.rule(&id).await?.ok_or_else(Problem::not_found)?.rule;
    let segment = rules.segment(&present.segment_id).await?;
    let (now, limits) = (rules.clock.now(), rules.limits().await?);
    let draft = rules.believe(&body, &segment, &limits, Some(&present)).await?;
    let decide = |seen: &Placed| {
        if_match.check(seen.rule.version)?;
        Ok(draft.applied_to(&seen.rule, now))
    };
    let placed = rules.store.change_rule::<Problem>(&id, limits.max_active_rules_per_segment, decide).await?;
    rules.answer(placed).await
}

/// `DELETE /v1/rules/{id}`.
pub(crate) async fn delete(
    State(rules): State<Arc<AssignmentRules>>,
    Path(id): Path<RuleId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    rules.store.delete_rule::<Problem>(&id, |rule| if_match.check(rule.version)).await?;
    Ok(Deleted)
}

/// `POST /v1/rules/{id}/activate`.
pub(crate) async fn activate(
    State(rules): State<Arc<AssignmentRules>>,
    Path(id): Path<RuleId>,
    if_match: IfMatch,
) -> api::Result<Versioned<Shape>> {
    rules.switch(&id, &if_match, RuleState::Active).await
}

/// `POST /v1/rules/{id}/deactivate`.
pub(crate) async fn deactivate(
    State(rules): State<Arc<AssignmentRules>>,
    Path(id): Path<RuleId>,
    if_match: IfMatch,
) -> api::Result<Versioned<Shape>> {
    rules.switch(&id, &if_match, RuleState::Inactive).await
}
