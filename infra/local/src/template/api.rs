//! The HTTP API of the template: its authorizer and its routes.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, de::IgnoredAny};

use super::{Authorizer, Route, Template};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpApiProperties {
    auth: Option<Auth>,
    cors_configuration: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Auth {
    default_authorizer: String,
    authorizers: BTreeMap<String, JwtAuthorizer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct JwtAuthorizer {
    identity_source: String,
    jwt_configuration: JwtConfiguration,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JwtConfiguration {
    issuer: String,
    audience: Vec<String>,
}

impl HttpApiProperties {
    pub(super) fn authorizer(self) -> Result<Option<Authorizer>> {
        ensure!(self.cors_configuration.is_none(), "CorsConfiguration: the local stack does no CORS");
        let Some(mut auth) = self.auth else { return Ok(None) };
        let authorizer =
            auth.authorizers.remove(&auth.default_authorizer).context("the default authorizer is missing")?;
        ensure!(auth.authorizers.is_empty(), "more than one authorizer is not understood locally");
        ensure!(
            authorizer.identity_source == "$request.header.Authorization",
            "IdentitySource: only $request.header.Authorization is understood locally"
        );
        let JwtConfiguration { issuer, audience } = authorizer.jwt_configuration;
        Ok(Some(Authorizer { issuer, audience }))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub(super) struct HttpApiEvent {
    #[serde(rename = "ApiId")]
    _api_id: String,
    method: String,
    path: String,
    auth: Option<EventAuth>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct EventAuth {
    authorizer: String,
}

impl HttpApiEvent {
    pub(super) fn route(self) -> Result<Route> {
        ensure!(self.path.starts_with('/'), "Path: {} does not begin with /", self.path);
        let authorized = match self.auth.as_ref().map(|auth| auth.authorizer.as_str()) {
            None => true,
            Some("NONE") => false,
            Some(other) => bail!("Authorizer: {other} is neither the default one nor NONE"),
        };
        Ok(Route { method: self.method.to_ascii_uppercase(), path: self.path, authorized })
    }
}

/// No route twice, and a protected one only where there is an authorizer.
pub(super) fn check_routes(template: &Template) -> Result<()> {
    let mut routes: Vec<(&str, &str)> = vec![];
    for route in template.functions.iter().flat_map(|function| &function.routes) {
        let needs = route.authorized && template.authorizer.is_none();
        ensure!(!needs, "{} needs an authorizer and there is none", route.path);
        let key = (route.method.as_str(), route.path.as_str());
        ensure!(!routes.contains(&key), "two functions answer {} {}", route.method, route.path);
        routes.push(key);
    }
    Ok(())
}
