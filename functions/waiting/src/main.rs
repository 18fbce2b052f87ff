//! The scheduled function that looks after waiting records. This file wires; `sweep` answers.

mod sweep;

use lambda_runtime::{Error, LambdaEvent, run, service_fn, tracing};
use serde_json::Value;
use store::{Clock, Store};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let sweep = sweep::Sweep::new(Store::from_environment().await?, Clock::from_environment());
    run(service_fn(async |_: LambdaEvent<Value>| sweep.run().await)).await
}
