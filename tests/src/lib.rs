//! What the end-to-end journeys, the fault tests and the replay stand on: a running stack, clients, a fault proxy and
//! a recount of what is stored.
//!
//! Nothing here knows how Baton decides. What is expected comes from the documents and from counting.

pub mod client;
pub mod dynamodb;
#[path = "../fault-proxy/mod.rs"]
pub mod fault_proxy;
pub mod organisation;
pub mod recount;
pub mod running_stack;
pub mod until;
