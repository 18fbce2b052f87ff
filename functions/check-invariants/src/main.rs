//! The function that an operator calls to have the invariants checked. It reads, and writes nothing. This file wires;
//! `check` answers.

mod check;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use store::{Clock, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let (store, clock) = (Store::from_environment().await?, Clock::from_environment());
    run(service_fn(async |event: LambdaEvent<check::Ask>| {
        check::go_on(&store, &clock, event.payload, event.context.deadline()).await
    }))
    .await
}
