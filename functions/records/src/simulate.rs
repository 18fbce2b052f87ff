//! What would become of a record: decided as `assignment` decides, and never committed.

use std::sync::Arc;

use api::shapes::run;
use api::{Authorized, Body, Path, Problem, Seed};
use axum::Json;
use axum::extract::State;
use domain::decide::decide;
use domain::id::{RecordKey, RecordType};
use domain::record_draft::simulation::{Routed, Simulation};
use domain::route::{Arrival, Present};
use serde_json::Value;
use store::record_item::Stored;

use crate::Records;
use crate::change::active;
use crate::create::Maker;
use crate::scope::{check, definition};

/// `POST /v1/records/{type}/simulate` (SEC-77).
pub(crate) async fn simulate(
    State(records): State<Arc<Records>>,
    Path(record_type): Path<String>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Json<Value>> {
    let (store, record_type) = (&records.store, RecordType::new(record_type));
    let knowledge = records.knowledge().await?;
    let definition = definition(&knowledge, &record_type)?;
    let Simulation { record, at } =
        Simulation::parse(&body, definition, |owner| knowledge.has(owner), records.clock.now())?;
    let (stored, of_draft) = match record {
        Routed::Stored(id) => {
            let mut stored = store.record(&RecordKey { record_type, id }, at).await?;
            check(&authorized, &stored.record, &knowledge)?;
            active(&stored)?;
            stored.record = stored.record.as_if_marked(at);
            (stored, false)
        }
        Routed::Draft(draft) => {
            let new = Maker::new(&record_type, &authorized, &knowledge, &seed).record(draft, 0, false)?;
            (Stored::unwritten(&new.into_record(at))?, true)
        }
    };
    let organisation = &knowledge.organisation;
    let mut roster = store.roster(&knowledge, at).await?;
    let present = Present { now: at, writer: rand::random(), drawn: rand::random() };
    if of_draft {
        roster.take_in(&stored.record, at, present.writer);
    }
    let waiting = store.arrivals(vec![stored], organisation, &knowledge.record_types, at).await?;
    let arrivals: Vec<Arrival> = waiting.into_iter().map(|waiting| waiting.arrival).collect();
    let decided = decide(organisation, &mut roster, &arrivals, present);
    let decision = decided.first().ok_or_else(|| Problem::internal("a record was routed and nothing decided"))?;
    Ok(Json(run::simulated(&decision.run, of_draft, &*knowledge)))
}
