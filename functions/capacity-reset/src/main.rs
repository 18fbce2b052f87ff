//! The scheduled function that opens periods and recounts what sellers hold. This file wires; `reset` answers.

mod reset;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use store::{Clock, Store};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let telemetry = Telemetry::start();
    let reset = reset::Reset::new(Store::from_environment().await?, Clock::from_environment());
    run(service_fn(async |event: LambdaEvent<reset::Ask>| {
        let done = reset.run(&event.payload, event.context.deadline()).await;
        telemetry.flush();
        done
    }))
    .await
}
