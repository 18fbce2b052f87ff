//! The function that looks after waiting records: by its schedule each minute, and at once when there is something new to
//! do. This file wires; `sweep` and `segment_runs` answer.

mod event;
mod segment_runs;
mod sweep;

use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use store::knowledge::Memory;
use store::{Clock, Store};

use crate::event::Event;

/// Nothing is begun when less time than this is left.
const RESERVE: Duration = Duration::from_secs(15);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let (store, clock) = (Store::from_environment().await?, Clock::from_environment());
    let memory = Memory::default();
    let runs = segment_runs::SegmentRuns { store: store.clone(), clock: clock.clone(), memory };
    let sweep = sweep::Sweep::new(store, clock);
    run(service_fn(async |event: LambdaEvent<Event>| {
        let ends = event.context.deadline() - RESERVE;
        match event.payload {
            Event::Changes { records } => {
                runs.see_to(event::to_do(records), ends).await?;
                Ok::<_, Error>(sweep::Swept::default())
            }
            Event::Sweep { .. } => {
                // What is due comes first: it does not wait for what is late.
                runs.fire_all().await?;
                let swept = sweep.run(ends).await?;
                runs.see_to_all(ends).await?;
                Ok(swept)
            }
        }
    }))
    .await
}
