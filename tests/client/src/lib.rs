//! A client of the HTTP contract, generated from `shared/api/openapi.json` when it is built: one method for each
//! operation, one type for each shape. What doesn't fit the document can't be sent with it.

#![allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic, reason = "the code is generated")]

include!(concat!(env!("OUT_DIR"), "/client.rs"));
