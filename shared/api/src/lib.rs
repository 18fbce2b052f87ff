//! The HTTP edge: identity, privileges, problem+json, paging, versions, idempotency, the OpenAPI document.
//!
//! Everything that all HTTP functions do alike, around handlers that load, decide and commit. It holds no rule of the
//! business and knows no table: rules are in `domain`, items in `store`.

pub mod answer;
pub mod authorized;
pub mod body;
pub mod edge;
pub mod etag;
pub mod identity;
pub mod openapi;
pub mod operation;
pub mod operations;
pub mod page;
pub mod path;
pub mod problem;
pub mod query;
pub mod role_draft;
pub mod seed;
pub mod shapes;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

#[cfg(feature = "local-identity")]
mod development_token;
mod idempotency;
#[cfg(test)]
mod privileges_document;

pub use answer::{Accepted, Created, Deleted, Result, Versioned};
pub use authorized::Authorized;
pub use body::{Body, Csv};
pub use domain::privilege::Scope;
pub use edge::Edge;
pub use etag::IfMatch;
pub use identity::Caller;
pub use operation::Function;
pub use page::{Page, Paging, RankedPosition};
pub use path::Path;
pub use problem::Problem;
pub use query::Filters;
pub use seed::Seed;
