//! Segments: load, decide, commit.

use std::collections::HashMap;
use std::sync::Arc;

use api::shapes::record::Record;
use api::shapes::segment::Segment as Shape;
use api::{Body, Created, Deleted, Filters, IfMatch, Page, Paging, Path, Problem, RankedPosition, Seed, Versioned};
use axum::extract::State;
use domain::id::{RecordType, SegmentId};
use domain::run_schedule::RunSchedule;
use domain::segment::{Segment, SegmentDraft, SegmentEvent, SegmentState, parse_priority};
use domain::segment_run::SegmentRun;
use store::counters::SegmentCounts;
use store::listing::Listing;
use store::segments::Ranked;
use store::{Clock, Store};

/// What every handler of this function has.
pub(crate) struct Segments {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
}

impl Segments {
    pub(crate) async fn segment(&self, id: &SegmentId) -> api::Result<Ranked> {
        self.store.segment(id).await?.ok_or_else(Problem::not_found)
    }

    /// The segment as it is answered, with its counters.
    pub(crate) async fn answer(&self, ranked: Ranked) -> api::Result<Versioned<Shape>> {
        let Segment { id, record_type, version, .. } = &ranked.segment;
        let counts = self.store.segment_counts(record_type, id).await?;
        let rules = self.store.rule_count(id).await?;
        let plan = self.plan(&ranked.segment).await?;
        Ok(Versioned { version: *version, resource: shape(ranked, &counts, rules, plan) })
    }

    async fn plan(&self, segment: &Segment) -> api::Result<Plan> {
        let Segment { id, record_type, .. } = segment;
        let runs = self.store.segment_runs(record_type, Some(id), None, 1);
        let schedule = self.store.schedule(id).await?;
        Ok(Plan { last_run: runs.await?.into_iter().next(), schedule: schedule.map(|known| known.schedule) })
    }

    async fn change(&self, id: &SegmentId, if_match: &IfMatch, event: SegmentEvent) -> api::Result<Versioned<Shape>> {
        let (now, limits) = (self.clock.now(), self.store.settings().await?.limits);
        let decide = |seen: &Ranked| {
            if_match.check(seen.segment.version)?;
            let refused = || Problem::conflict("notActive", "only an active segment can be paused");
            let state = seen.segment.state.after(event).ok_or_else(refused)?;
            let modified_at = if state == seen.segment.state { seen.segment.modified_at } else { now };
            Ok(Ranked { segment: Segment { state, modified_at, ..seen.segment.clone() }, ..*seen })
        };
        let ranked = self.store.change_segment::<Problem>(id, limits.max_active_segments, decide).await?;
        self.answer(ranked).await
    }
}

/// When the rules of a segment ran and will run.
struct Plan {
    last_run: Option<SegmentRun>,
    schedule: Option<RunSchedule>,
}

fn shape(ranked: Ranked, counts: &SegmentCounts, rules: usize, plan: Plan) -> Shape {
    let Ranked { segment, priority, .. } = ranked;
    Shape {
        id: segment.id,
        name: segment.name,
        description: segment.description,
        record_type: segment.record_type,
        priority,
        condition: segment.condition,
        move_previously_segmented: segment.move_previously_segmented,
        run_rules_on_move: segment.run_rules_on_move,
        state: segment.state,
        is_default: segment.is_default,
        sequence_id: segment.sequence_id,
        rule_count: rules as u64,
        // A counter that is being recounted may be below zero for a moment.
        member_count: u64::try_from(counts.members).unwrap_or(0),
        unassigned_count: u64::try_from(counts.unassigned).unwrap_or(0),
        last_run: plan.last_run.map(Into::into),
        schedule: plan.schedule,
        version: segment.version,
        created_at: segment.created_at,
        modified_at: segment.modified_at,
    }
}

/// `POST /v1/segments`.
pub(crate) async fn create(
    State(segments): State<Arc<Segments>>,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Shape>> {
    let limits = segments.store.settings().await?.limits;
    let draft = SegmentDraft::parse(&body, &segments.store.record_types().await?, &limits, None)?;
    let (priority, id) = (draft.priority, SegmentId::new(format!("{}-{}", draft.record_type, seed.id(0))));
    let segment = draft.into_segment(id, segments.clock.now());
    let ranked = segments.store.create_segment(segment, priority, Some(&seed.tag())).await?;
    let location = format!("/v1/segments/{}", ranked.segment.id);
    let Versioned { version, resource } = segments.answer(ranked).await?;
    Ok(Created { location, version, resource })
}

/// `GET /v1/segments`: by record type, then by priority.
pub(crate) async fn list(
    State(segments): State<Arc<Segments>>,
    filters: Filters,
    paging: Paging,
) -> api::Result<Page<Shape>> {
    let from: Option<(RecordType, RankedPosition<SegmentId>)> = paging.position()?;
    let state = filters.get("state").map(|word| match word {
        "active" => SegmentState::Active,
        "paused" => SegmentState::Paused,
        _ => SegmentState::Inactive,
    });
    let wanted = filters.get("recordType");
    let record_types = segments.store.record_types().await?;
    let of_records = record_types.iter().filter(|definition| definition.holds_records());
    let names = of_records.map(|definition| &definition.record_type);
    let keep = |ranked: &Ranked| state.is_none_or(|state| ranked.segment.state == state);
    let mut found: Vec<Ranked> = vec![];
    for record_type in names.filter(|name| wanted.is_none_or(|wanted| wanted == name.as_str())) {
        let passed = from.as_ref().is_some_and(|(last, _)| record_type < last);
        if !passed && found.len() <= paging.limit {
            let mut ranked = segments.store.segments(record_type).await?;
            if let Some((_, position)) = from.as_ref().filter(|(last, _)| record_type == last) {
                ranked = position.rest(ranked, |ranked| &ranked.segment.id, |ranked| ranked.priority);
            }
            found.extend(ranked.into_iter().filter(&keep));
        }
    }
    let place = |Ranked { segment, priority, .. }: &Ranked| {
        (segment.record_type.clone(), RankedPosition::of(segment.id.clone(), *priority))
    };
    let next = paging.cut(&mut found, place);

    let mut counted: HashMap<RecordType, (_, _)> = HashMap::new();
    let ids = found.iter().map(|Ranked { segment, .. }| (segment.record_type.clone(), segment.id.clone()));
    let mut last_runs = segments.store.last_runs(ids.collect()).await?;
    let schedules = segments.store.schedules().await?.into_iter();
    let mut schedules: HashMap<SegmentId, RunSchedule> =
        schedules.map(|known| (known.segment, known.schedule)).collect();
    let mut items = Vec::with_capacity(found.len());
    for ranked in found {
        let record_type = &ranked.segment.record_type;
        if !counted.contains_key(record_type) {
            let counts = segments.store.counts(record_type).await?;
            counted.insert(record_type.clone(), (counts, segments.store.rule_counts(record_type).await?));
        }
        let (counts, rules) = &counted[record_type];
        let counts = counts.segments.get(&ranked.segment.id).cloned().unwrap_or_default();
        let rules = rules.get(&ranked.segment.id).copied().unwrap_or(0);
        let id = &ranked.segment.id;
        let plan = Plan { last_run: last_runs.remove(id), schedule: schedules.remove(id) };
        items.push(shape(ranked, &counts, rules, plan));
    }
    Ok(paging.page(items, next.as_ref()))
}

/// `GET /v1/segments/{id}`.
pub(crate) async fn read(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
) -> api::Result<Versioned<Shape>> {
    let ranked = segments.segment(&id).await?;
    segments.answer(ranked).await
}

/// `PUT /v1/segments/{id}`; without a priority the segment keeps its rank.
pub(crate) async fn replace(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = segments.segment(&id).await?;
    let (now, limits) = (segments.clock.now(), segments.store.settings().await?.limits);
    let known = segments.store.record_types().await?;
    let draft = SegmentDraft::parse(&body, &known, &limits, Some((&present.segment, present.last)))?;
    let decide = |seen: &Ranked| {
        if_match.check(seen.segment.version)?;
        let priority = draft.priority.unwrap_or(seen.priority);
        Ok(Ranked { segment: draft.applied_to(&seen.segment, now), priority, ..*seen })
    };
    let ranked = segments.store.change_segment::<Problem>(&id, limits.max_active_segments, decide).await?;
    segments.answer(ranked).await
}

/// `DELETE /v1/segments/{id}`.
pub(crate) async fn delete(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let check = |segment: &Segment| {
        if segment.is_default {
            return Err(Problem::conflict("defaultSegment", "the default segment can't be deleted, only deactivated"));
        }
        if_match.check(segment.version)
    };
    segments.store.delete_segment(&id, check).await?;
    Ok(Deleted)
}

/// `POST /v1/segments/{id}/activate`.
pub(crate) async fn activate(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
) -> api::Result<Versioned<Shape>> {
    segments.change(&id, &if_match, SegmentEvent::Activated).await
}

/// `POST /v1/segments/{id}/deactivate`.
pub(crate) async fn deactivate(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
) -> api::Result<Versioned<Shape>> {
    segments.change(&id, &if_match, SegmentEvent::Deactivated).await
}

/// `POST /v1/segments/{id}/pause`.
pub(crate) async fn pause(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
) -> api::Result<Versioned<Shape>> {
    segments.change(&id, &if_match, SegmentEvent::Paused).await
}

/// `PUT /v1/segments/{id}/priority`.
pub(crate) async fn prioritize(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Shape>> {
    let present = segments.segment(&id).await?;
    let priority = parse_priority(&body, &present.segment, present.last)?;
    let now = segments.clock.now();
    let decide = |seen: &Ranked| {
        if_match.check(seen.segment.version)?;
        // One too large stands for the last that the segment can have.
        let lowest = if seen.segment.is_default { seen.last } else { seen.last - 1 };
        let priority = priority.min(lowest);
        let modified_at = if priority == seen.priority { seen.segment.modified_at } else { now };
        Ok(Ranked { segment: Segment { modified_at, ..seen.segment.clone() }, priority, ..*seen })
    };
    let limits = segments.store.settings().await?.limits;
    let ranked = segments.store.change_segment::<Problem>(&id, limits.max_active_segments, decide).await?;
    segments.answer(ranked).await
}

/// `GET /v1/segments/{id}/records`.
pub(crate) async fn records(
    State(segments): State<Arc<Segments>>,
    Path(id): Path<SegmentId>,
    paging: Paging,
) -> api::Result<Page<Record>> {
    segments.segment(&id).await?;
    let keep = |record: &domain::record::Record| record.segment.as_ref() == Some(&id);
    let (listing, now) = (Listing::members(&id), segments.clock.now());
    let page = segments.store.list(&listing, paging.position()?, paging.limit, now, keep).await?;
    Ok(paging.page(page.records.into_iter().map(Record::from).collect(), page.next.as_ref()))
}
