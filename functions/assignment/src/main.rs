//! The function on the stream of the table `records`: assigns what waits. This file wires; `handler` answers.

mod batch;
mod handler;
mod stream;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use store::{Clock, Store};
use telemetry::Telemetry;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let telemetry = Telemetry::start();
    let handler = handler::Handler::new(Store::from_environment().await?, Clock::from_environment());
    run(service_fn(async |event: LambdaEvent<stream::Event>| {
        let answer = handler.handle(event.payload).await;
        telemetry.flush();
        answer
    }))
    .await
}
