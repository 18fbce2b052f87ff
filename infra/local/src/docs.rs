//! The page that renders the OpenAPI document: `GET /_local/docs`.
//!
//! Everything it needs is in the executable; no other host is asked for anything. It reads the document from the API.

use axum::Router;
use utoipa_swagger_ui::{Config, SwaggerUi};

/// Where the page is.
pub const PATH: &str = "/_local/docs";

/// The page and its assets.
pub fn routes() -> Router {
    let config = Config::from("/v1/openapi.json")
        // Otherwise the page would have the document judged by a service on the internet.
        .validator_url("none")
        .display_operation_id(true)
        .persist_authorization(true)
        .try_it_out_enabled(true);
    SwaggerUi::new(PATH).config(config).into()
}
