//! Trying out conditions on the records that there are.

use std::sync::Arc;

use api::Body;
use api::shapes::record::Record;
use api::shapes::segment::SimulationResult;
use axum::Json;
use axum::extract::State;
use domain::condition::{Context, Moment};
use domain::record::State as RecordState;
use domain::segment::Simulation;
use domain::segment::simulation::MOST_COUNTED;
use store::listing::{Listing, Walk};
use store::record_item::Stored;

use crate::handler::Segments;

/// A simulation looks at no more records than this, which takes some seconds.
const MOST_TESTED: usize = 50_000;

/// `POST /v1/segments/simulate` (SEG-40, SEG-41).
pub(crate) async fn simulate(
    State(segments): State<Arc<Segments>>,
    Body(body): Body,
) -> api::Result<Json<SimulationResult>> {
    let (store, now) = (&segments.store, segments.clock.now());
    let (settings, known) = (store.settings().await?, store.record_types().await?);
    let simulation = Simulation::parse(&body, &known, &settings.limits)?;
    let (mut fitting, mut tested) = (Vec::new(), 0);
    let mut walk = Walk::new(store, Listing::all(&simulation.record_type, Some(RecordState::Active)));
    let complete = loop {
        let Some(records) = walk.next(now).await? else { break true };
        tested += records.len();
        let subjects = store.subjects(&records, |_| Some(&simulation.reads), &known, now).await?;
        let moment = Moment::new(now, settings.time_zone.clone(), settings.first_weekday);
        let context = Context::at(&moment);
        let fits = |(stored, subject): (Stored, Result<_, String>)| {
            simulation.condition.matches(&subject.ok()?, &context).is_ok().then_some(stored.record)
        };
        fitting.extend(records.into_iter().zip(subjects).filter_map(fits));
        if fitting.len() > MOST_COUNTED || tested > MOST_TESTED {
            break false;
        }
    };
    let total = fitting.len().min(MOST_COUNTED);
    fitting.sort_by(|a, b| (b.created_on, &b.key).cmp(&(a.created_on, &a.key)));
    fitting.truncate(simulation.limit);
    let items = fitting.into_iter().map(Record::from).collect();
    Ok(Json(SimulationResult { items, total: total as u64, total_is_capped: !complete }))
}
