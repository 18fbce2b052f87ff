//! Which function answers a request: API Gateway's choice among the routes of the template.
//!
//! A full match goes before a path variable and that before a greedy one, segment by segment from the left; with equal
//! paths a route of the request's method goes before `ANY`.
//! <https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-routes.html>

use std::collections::BTreeMap;

use crate::template;

/// A route and the function behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Route {
    method: String,
    path: String,
    segments: Vec<Segment>,
    /// Whether the authorizer must accept the token first.
    pub authorized: bool,
    /// The name of the function that answers.
    pub function: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Variable(String),
    Greedy(String),
}

/// A route that fits a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Match<'a> {
    /// The route.
    pub route: &'a Route,
    /// The values of the path's variables.
    pub parameters: BTreeMap<String, String>,
}

impl Route {
    /// A route as the template writes it.
    #[must_use]
    pub fn new(function: &str, route: &template::Route) -> Self {
        let segments =
            parts(&route.path).map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => match name.strip_suffix('+') {
                    Some(name) => Segment::Greedy(name.to_owned()),
                    None => Segment::Variable(name.to_owned()),
                },
                None => Segment::Literal(part.to_owned()),
            });
        Self {
            method: route.method.clone(),
            path: route.path.clone(),
            segments: segments.collect(),
            authorized: route.authorized,
            function: function.to_owned(),
        }
    }

    /// The route's key, such as `ANY /v1/segments/{proxy+}`.
    #[must_use]
    pub fn key(&self) -> String {
        format!("{} {}", self.method, self.path)
    }

    fn parameters(&self, method: &str, path: &str) -> Option<BTreeMap<String, String>> {
        if self.method != "ANY" && self.method != method {
            return None;
        }
        let mut parameters = BTreeMap::new();
        let mut parts = parts(path);
        for segment in &self.segments {
            match (segment, parts.next()?) {
                (Segment::Literal(literal), part) if literal == part => {}
                (Segment::Literal(_), _) | (Segment::Variable(_) | Segment::Greedy(_), "") => return None,
                (Segment::Variable(name), part) => {
                    parameters.insert(name.clone(), part.to_owned());
                }
                (Segment::Greedy(name), part) => {
                    let rest = parts.by_ref().fold(part.to_owned(), |rest, part| rest + "/" + part);
                    parameters.insert(name.clone(), rest);
                }
            }
        }
        parts.next().is_none().then_some(parameters)
    }

    /// Smaller is more specific.
    fn rank(&self) -> (Vec<u8>, bool) {
        let kinds = self.segments.iter().map(|segment| match segment {
            Segment::Literal(_) => 0,
            Segment::Variable(_) => 1,
            Segment::Greedy(_) => 2,
        });
        (kinds.collect(), self.method == "ANY")
    }
}

/// The route that answers a request, if any. The path is decoded.
#[must_use]
pub fn choose<'a>(routes: &'a [Route], method: &str, path: &str) -> Option<Match<'a>> {
    routes
        .iter()
        .filter_map(|route| Some(Match { route, parameters: route.parameters(method, path)? }))
        .min_by_key(|found| found.route.rank())
}

fn parts(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Vec<Route> {
        let route = |function: &str, method: &str, path: &str| {
            let route = template::Route { method: method.into(), path: path.into(), authorized: true };
            Route::new(function, &route)
        };
        vec![
            route("segments", "ANY", "/v1/segments"),
            route("segments", "ANY", "/v1/segments/{proxy+}"),
            route("rules", "ANY", "/v1/segments/{id}/rules"),
            route("rules", "ANY", "/v1/segments/{id}/rules/{proxy+}"),
            route("health", "ANY", "/v1/health"),
            route("health-get", "GET", "/v1/health"),
            route("pets", "GET", "/pets/{proxy+}"),
            route("dog", "GET", "/pets/dog/1"),
            route("pet", "GET", "/pets/dog/{petId}"),
        ]
    }

    #[test]
    fn the_most_specific_route_answers() {
        let routes = routes();
        for (method, path, function, parameters) in [
            ("GET", "/v1/segments", Some("segments"), &[][..]),
            ("GET", "/v1/segments/lead-1", Some("segments"), &[("proxy", "lead-1")]),
            ("POST", "/v1/segments/lead-1/activate", Some("segments"), &[("proxy", "lead-1/activate")]),
            ("GET", "/v1/segments/lead-1/rules", Some("rules"), &[("id", "lead-1")]),
            ("PUT", "/v1/segments/lead-1/rules/order", Some("rules"), &[("id", "lead-1"), ("proxy", "order")]),
            // AWS's own example.
            ("GET", "/pets/dog/1", Some("dog"), &[]),
            ("GET", "/pets/dog/2", Some("pet"), &[("petId", "2")]),
            ("GET", "/pets/cat/1", Some("pets"), &[("proxy", "cat/1")]),
            ("POST", "/pets/dog/1", None, &[]),
            // A method of its own goes before ANY.
            ("GET", "/v1/health", Some("health-get"), &[]),
            ("PUT", "/v1/health", Some("health"), &[]),
            // A greedy variable takes at least one segment, and nothing matches by its beginning alone.
            ("GET", "/v1/segments/", None, &[]),
            ("GET", "/v1/health/x", None, &[]),
            ("GET", "/v1", None, &[]),
            ("GET", "/", None, &[]),
        ] {
            let found = choose(&routes, method, path);
            assert_eq!(found.as_ref().map(|found| found.route.function.as_str()), function, "{method} {path}");
            let expected = parameters.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            assert_eq!(found.map(|found| found.parameters).unwrap_or_default(), expected, "{method} {path}");
        }
    }
}
