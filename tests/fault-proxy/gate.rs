//! A gate that holds one request back until a test says so: a barrier between two steps of a function.

use std::sync::Mutex;

use anyhow::Context;
use tokio::sync::oneshot;

use crate::fault_proxy::call::Call;

/// Where one request is held, or will be.
#[derive(Debug)]
pub struct Gate {
    reached: oneshot::Receiver<()>,
    release: oneshot::Sender<()>,
}

impl Gate {
    /// Waits until a request stands before the gate.
    ///
    /// # Errors
    /// When another gate was put in its place.
    pub async fn reached(&mut self) -> anyhow::Result<()> {
        (&mut self.reached).await.context("no request can reach this gate any more")
    }

    /// Lets the request pass.
    pub fn open(self) {
        // Nobody listens when its caller has gone away.
        let _ = self.release.send(());
    }
}

/// The next request that is to be held.
#[derive(Debug, Default)]
pub(crate) struct Gates(Mutex<Option<Closed>>);

#[derive(Debug)]
struct Closed {
    caller: String,
    operation: String,
    reached: oneshot::Sender<()>,
    released: oneshot::Receiver<()>,
}

impl Gates {
    /// Holds the next request of this operation by this caller.
    pub(crate) fn close(&self, caller: &str, operation: &str) -> Gate {
        let ((reached, is_reached), (release, released)) = (oneshot::channel(), oneshot::channel());
        let closed = Closed { caller: caller.to_owned(), operation: operation.to_owned(), reached, released };
        *self.0.lock().expect("nothing panics while it is held") = Some(closed);
        Gate { reached: is_reached, release }
    }

    /// Passes when the request is not the one that is held, or when it is let through.
    pub(crate) async fn pass(&self, call: &Call) {
        let held = {
            let mut next = self.0.lock().expect("nothing panics while it is held");
            next.take_if(|next| next.caller == call.caller && next.operation == call.operation)
        };
        let Some(Closed { reached, released, .. }) = held else { return };
        let _ = reached.send(());
        let _ = released.await;
    }
}
