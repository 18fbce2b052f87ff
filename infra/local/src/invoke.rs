//! How the local stack calls a function: one closure from a name and a payload to an outcome.
//!
//! The event sources and the schedules call through it; who answers (the real processes behind the Lambda runtime API,
//! or a closure in a test) is not their concern.

use std::{pin::Pin, sync::Arc};

/// A boxed future that may be sent to another thread.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Calls a function by its name (the name of its binary, such as `assignment`) with a JSON payload and waits for the
/// outcome. An `Err` means that the stack itself could not make the call (no such function, stack going down), never
/// that the function failed.
pub type Invoke = Arc<dyn Fn(&str, Vec<u8>) -> BoxFuture<anyhow::Result<InvokeOutcome>> + Send + Sync>;

/// Tells the present instant on the stack's movable clock.
pub type Now = Arc<dyn Fn() -> jiff::Timestamp + Send + Sync>;

/// What became of one invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvokeOutcome {
    /// The function answered; the bytes are its response, JSON as a rule.
    Ok(Vec<u8>),
    /// The function reported an error; the bytes are Lambda's error document (`errorType`, `errorMessage`).
    FunctionError(Vec<u8>),
    /// The process ended while it held the invocation.
    Crashed,
    /// The process held the invocation for longer than the function's time-out and was killed.
    TimedOut,
}

impl InvokeOutcome {
    /// Wraps an async closure as an [`Invoke`].
    pub fn from_fn<F, R>(call: F) -> Invoke
    where
        F: Fn(String, Vec<u8>) -> R + Send + Sync + 'static,
        R: Future<Output = anyhow::Result<InvokeOutcome>> + Send + 'static,
    {
        Arc::new(move |function, payload| Box::pin(call(function.to_owned(), payload)))
    }
}
