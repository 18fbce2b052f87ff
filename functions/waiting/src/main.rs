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
use std::time::Duration;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use store::knowledge::Memory;
use store::{Clock, Store};

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
    let store = Store::from_environment().await?;
    let waiting = Waiting { store, clock: Clock::from_environment(), memory: Arc::default() };
    run(service_fn(async |event: LambdaEvent<Event>| {
        let ends = event.context.deadline() - RESERVE;
        match event.payload {
            Event::Changes { records } => {
                waiting.see_to(event::to_do(records), ends).await?;
                Ok::<_, Error>(sweep::Swept::default())
            }
            Event::Sweep { .. } => {
                // What is due comes first: it does not wait for what is late. What fails keeps nothing else from happening.
                let fired = waiting.fire_all().await;
                let swept = waiting.sweep(ends).await;
                let opened = waiting.open().await;
                let seen_to = waiting.see_to_all(ends).await;
                fired?;
                opened?;
                seen_to?;
                swept
            }
        }
    }))
    .await
}
