//! A copy of a segment.

use std::sync::Arc;

use api::shapes::segment::Segment as Shape;
use api::{Authorized, Body, Created, Path, Seed, Versioned};
use axum::extract::State;
use domain::assignment_rule::AssignmentRule;
use domain::id::SegmentId;
use domain::privilege::COPY_RULES;
use domain::segment::CopyDraft;

use crate::handler::Segments;

/// `POST /v1/segments/{id}/copy` (SEG-80, SEG-81).
pub(crate) async fn copy(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Shape>> {
    let original = segments.segment(&id).await?.segment;
    let draft = CopyDraft::parse(&body)?;
    let now = segments.clock.now();
    let copy = draft.of(&original, SegmentId::new(format!("{}-{}", original.record_type, seed.id(0))), now);
    let mut rules: Vec<AssignmentRule> = vec![];
    if draft.copy_rules {
        authorized.demand(&COPY_RULES)?;
        let placed = segments.store.rules(&id).await?.into_iter().zip(1..);
        rules.extend(placed.map(|(placed, number)| placed.rule.copied_into(&copy.id, number, now)));
    }
    let tag = seed.tag();
    let ranked = segments.store.create_segment_with_rules(copy, &rules, draft.priority, Some(&tag)).await?;
    let location = format!("/v1/segments/{}", ranked.segment.id);
    let Versioned { version, resource } = segments.answer(ranked).await?;
    Ok(Created { location, version, resource })
}
