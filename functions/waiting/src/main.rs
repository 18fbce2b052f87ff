//! The function that looks after waiting records: by its schedule each minute, and at once when there is something new to
//! do. This file wires; the others answer.

mod event;
mod former_segments;
mod openings;
mod pulls;
mod segment_runs;
mod sweep;
mod work;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use store::knowledge::Memory;
use store::{Clock, Store};
use telemetry::Telemetry;

use crate::event::Event;

/// Nothing is begun when less time than this is left.
const RESERVE: Duration = Duration::from_secs(15);

/// What one process of this function keeps.
#[derive(Debug, Clone)]
struct Waiting {
    store: Store,
    clock: Clock,
    memory: Arc<Memory>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let telemetry = Telemetry::start();
    let store = Store::from_environment().await?;
    let waiting = Waiting { store, clock: Clock::from_environment(), memory: Arc::default() };
    run(service_fn(async |event: LambdaEvent<Event>| {
        let ends = event.context.deadline() - RESERVE;
        let answer = waiting.answer(event.payload, ends).await;
        telemetry.flush();
        answer
    }))
    .await
}

impl Waiting {
    async fn answer(&self, event: Event, ends: SystemTime) -> Result<sweep::Swept, Error> {
        match event {
            Event::Changes { records } => {
                self.see_to(event::to_do(records), ends).await?;
                Ok(sweep::Swept::default())
            }
            Event::Sweep { .. } => {
                // What is due comes first: it does not wait for what is late. What fails keeps nothing else from happening.
                let fired = self.fire_all().await;
                let swept = self.sweep(ends).await;
                let opened = self.open().await;
                let seen_to = self.see_to_all(ends).await;
                fired?;
                opened?;
                seen_to?;
                swept
            }
        }
    }
}
