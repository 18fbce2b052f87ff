//! The edge of an HTTP function: who calls, whether they may, what is logged, and only then the handler.
//!
//! A handler is mounted by the id of an operation and by nothing else, so every request meets the checks that the
//! operation declares. Paths are taken as the gateway gives them (`rawPath`).

use std::any::Any;
use std::collections::BTreeSet;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::handler::Handler;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::on;
use axum::{Json, Router};
use lambda_http::request::RequestContext;
use serde_json::json;
use store::{Clock, Store};

use crate::authorized::Authorized;
use crate::idempotency;
use crate::identity::{Caller, ClaimNames};
use crate::operation::{Access, Function, Operation};
use crate::operations;
use crate::problem::{Cause, Problem};
use crate::query::Filters;
use crate::seed::Seed;
use domain::role_definition::RoleDefinitions;

/// An HTTP function in the making: its operations and the handlers mounted so far.
pub struct Edge<S> {
    function: Function,
    gatekeeper: Arc<Gatekeeper>,
    router: Router<S>,
    mounted: BTreeSet<&'static str>,
    state: S,
}

/// What every operation's gate has in common.
struct Gatekeeper {
    claims: ClaimNames,
    /// The role definitions, kept under their version.
    roles: Mutex<(u64, Arc<RoleDefinitions>)>,
    store: Store,
    clock: Clock,
}

impl<S: Clone + Send + Sync + 'static> Edge<S> {
    /// A function without handlers. Receipts of idempotency keys go to `store`; handlers get `state`.
    ///
    /// Claims have the names that the environment gives ([`ClaimNames::from_environment`]).
    #[must_use]
    pub fn new(function: Function, store: Store, clock: Clock, state: S) -> Self {
        let claims = ClaimNames::from_environment();
        let roles = Mutex::new((0, Arc::new(RoleDefinitions::predefined())));
        let gatekeeper = Arc::new(Gatekeeper { claims, roles, store, clock });
        Self { function, gatekeeper, router: Router::new(), mounted: BTreeSet::new(), state }
    }

    /// Mounts the handler of an operation.
    ///
    /// # Panics
    /// When the function has no such operation or it has a handler already: a defect that no request should find first.
    #[must_use]
    pub fn on<H: Handler<T, S>, T: 'static>(mut self, id: &str, handler: H) -> Self {
        let found = operations::of(self.function).find(|operation| operation.id == id);
        let operation = found.unwrap_or_else(|| panic!("{} has no operation {id}", self.function.name()));
        assert!(self.mounted.insert(operation.id), "{id} has two handlers");
        let gate = (Arc::clone(&self.gatekeeper), operation);
        let route = on(operation.method.filter(), handler).route_layer(middleware::from_fn_with_state(gate, pass));
        self.router = self.router.route(operation.path, route);
        self
    }

    /// The service, for the runtime or for tests.
    ///
    /// # Panics
    /// When an operation of the function has no handler.
    pub fn into_router(self) -> Router {
        let missing = operations::of(self.function).find(|operation| !self.mounted.contains(operation.id));
        assert!(missing.is_none(), "{} has no handler", missing.map_or("nothing", |operation| operation.id));
        self.router
            .fallback(|| async { Problem::not_found() })
            .method_not_allowed_fallback(|| async { Problem::method_not_allowed() })
            .layer(middleware::from_fn(log))
            .with_state(self.state)
    }

    /// Answers requests until the environment ends.
    pub async fn run(self) -> Result<(), lambda_http::Error> {
        lambda_http::tracing::init_default_subscriber();
        lambda_http::run(self.into_router()).await
    }
}

/// Why a request does not get as far as its handler.
enum Refusal {
    /// Nobody known calls: 401 as API Gateway's authorizer answers it (API.md "Refusals").
    Unauthorized,
    /// Any other reason.
    Problem(Problem),
}

impl From<Problem> for Refusal {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Self::Problem(problem) = self else {
            let challenge = (header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            return (StatusCode::UNAUTHORIZED, [challenge], Json(json!({"message": "Unauthorized"}))).into_response();
        };
        problem.into_response()
    }
}

impl Gatekeeper {
    /// Lets a request pass whose caller may do what the operation is; nobody calls a public one.
    async fn authorize(&self, operation: &Operation, caller: Option<Caller>) -> Result<Option<Authorized>, Refusal> {
        let (Access::Organisation(task) | Access::Scoped(task)) = operation.access else { return Ok(None) };
        let caller = caller.ok_or(Refusal::Unauthorized)?;
        if caller.roles.is_empty() {
            return Err(Problem::no_role().into());
        }
        let roles = self.roles().await.map_err(Problem::from)?;
        let authorized = Authorized::pass(caller.clone(), roles.held_by(&caller.roles), task)?;
        if matches!(operation.access, Access::Organisation(_)) {
            authorized.demand(task)?;
        }
        Ok(Some(authorized))
    }

    /// The role definitions in force: those that were kept while their version still stands (SEC-05).
    async fn roles(&self) -> store::Result<Arc<RoleDefinitions>> {
        let version = self.store.versions().await?.roles;
        let (kept_version, kept) = self.kept_roles().clone();
        if kept_version == version {
            return Ok(kept);
        }
        let loaded = Arc::new(self.store.role_definitions().await?);
        *self.kept_roles() = (version, Arc::clone(&loaded));
        Ok(loaded)
    }

    fn kept_roles(&self) -> MutexGuard<'_, (u64, Arc<RoleDefinitions>)> {
        self.roles.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn identify(&self, request: &Request) -> Option<Caller> {
        let caller = self.claims.caller(request.extensions().get::<RequestContext>());
        #[cfg(feature = "local-identity")]
        let caller = caller.or_else(|| crate::development_token::caller(request.headers(), &self.claims));
        caller
    }

    /// Everything the handler's extractors find: the operation, its query, who calls.
    async fn admit(&self, operation: &'static Operation, request: &mut Request) -> Result<Option<Caller>, Refusal> {
        let caller = self.identify(request);
        let authorized = self.authorize(operation, caller).await?;
        let filters = Filters::read(operation, request.uri())?;
        let extensions = request.extensions_mut();
        extensions.insert(operation);
        extensions.insert(filters);
        let caller = authorized.as_ref().map(|authorized| authorized.caller.clone());
        if let Some(authorized) = authorized {
            extensions.insert(authorized);
        }
        Ok(caller)
    }
}

type Gate = (Arc<Gatekeeper>, &'static Operation);

/// What every request to an operation goes through before its handler.
async fn pass(State((gatekeeper, operation)): State<Gate>, mut request: Request, next: Next) -> Response {
    let caller = match gatekeeper.admit(operation, &mut request).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    let (Some(caller), true) = (caller, operation.takes_idempotency_key()) else {
        return answer(request, next).await;
    };
    match idempotency::key(request.headers()) {
        Err(problem) => problem.into_response(),
        Ok(Some(key)) => {
            idempotency::once(&gatekeeper.store, &gatekeeper.clock, &caller.sub, &key, request, next).await
        }
        Ok(None) => {
            request.extensions_mut().insert(Seed::random(gatekeeper.clock.now()));
            answer(request, next).await
        }
    }
}

/// Runs the handler; a panic is a failure of ours like any other (500), and so is a success for a caller of limited reach
/// when the handler never asked how far that goes.
pub(crate) async fn answer(request: Request, next: Next) -> Response {
    let authorized = request.extensions().get::<Authorized>().cloned();
    let mut running = pin!(next.run(request));
    let ended = poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| running.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(panic) => Poll::Ready(Err(panic)),
    });
    let answer = ended.await;
    let answer = answer.unwrap_or_else(|panic| Problem::internal(format!("panic: {}", text(&*panic))).into_response());
    if answer.status().is_success() && authorized.is_some_and(|authorized| authorized.was_forgotten()) {
        return Problem::internal("the handler never asked how far the caller may go").into_response();
    }
    answer
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("of an unknown kind")
}

/// One line per request; never a token, never the value of a field.
async fn log(request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let method = request.method().clone();
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let id = request.extensions().get::<RequestContext>().and_then(gateway_id).unwrap_or_default();
    let response = next.run(request).await;
    let (status, path) = (response.status().as_u16(), path.as_deref().unwrap_or("-"));
    let milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    if let Some(Cause(cause)) = response.extensions().get() {
        tracing::error!(request.id = id, http.method = %method, http.route = path, cause, "failure");
    }
    tracing::info!(
        request.id = id,
        http.method = %method,
        http.route = path,
        http.status = status,
        duration.milliseconds = milliseconds,
        "request"
    );
    response
}

fn gateway_id(context: &RequestContext) -> Option<String> {
    match context {
        RequestContext::ApiGatewayV2(context) => context.request_id.clone(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body as RawBody;
    use axum::http::Request as HttpRequest;
    use serde_json::Value;

    use domain::seller::Role;

    use super::*;
    use crate::body::Body;
    use crate::testing::{Answered, engine, request, send};
    use domain::privilege::{Grant, Scope};

    const MANAGER: &str = "[sales-manager]";
    const ADMINISTRATOR: &str = "[system-administrator]";

    impl<S: Clone + Send + Sync + 'static> Edge<S> {
        /// Mounts one handler for every operation that has none yet.
        fn on_others<H: Handler<T, S>, T: 'static>(self, handler: &H) -> Self {
            let others = operations::of(self.function).filter(|operation| !self.mounted.contains(operation.id));
            let others: Vec<&str> = others.map(|operation| operation.id).collect();
            others.into_iter().fold(self, |edge, id| edge.on(id, handler.clone()))
        }
    }

    async fn ok() -> Json<Value> {
        Json(json!({}))
    }

    async fn broken() -> StatusCode {
        panic!("secret of the database")
    }

    async fn monitor() -> Router {
        let store = engine::store().await;
        Edge::new(Function::Monitor, store, Clock::default(), ())
            .on("listPending", |authorized: Authorized| async move { authorized.caller.sub })
            .on("listProcessed", ok)
            .on("getMonitoredRecord", ok)
            .on("getSummary", broken)
            .on("assignRecords", ok)
            .on("retryRecords", ok)
            .on("listRetries", ok)
            .on("getRetry", ok)
            .into_router()
    }

    async fn organization() -> Router {
        let store = engine::store().await;
        Edge::new(Function::Organization, store, Clock::default(), ())
            .on("changeSettings", |Body(body): Body| async move { Json(body) })
            .on_others(&ok)
            .into_router()
    }

    async fn get(router: &Router, path: &str, roles: &str) -> Answered {
        send(router, request("GET", path, "susana", roles, None)).await
    }

    #[tokio::test]
    async fn an_unknown_path_and_an_unknown_method_are_problems() {
        let router = monitor().await;
        for path in ["/v1/monitor", "/v1/monitor/lead/nothing", "/v1/monitor/lead/pending/"] {
            let answered = get(&router, path, ADMINISTRATOR).await;
            assert_eq!(
                (answered.status.as_u16(), &answered.body["type"]),
                (404, &json!("/problems/not-found")),
                "{path}"
            );
        }
        let answered =
            send(&router, request("DELETE", "/v1/monitor/lead/pending", "susana", ADMINISTRATOR, None)).await;
        assert_eq!(answered.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answered.header("allow"), "GET,HEAD");
        assert_eq!(answered.header("content-type"), "application/problem+json");
        assert_eq!(answered.body["type"], "/problems/method-not-allowed");
    }

    #[tokio::test]
    async fn nobody_gets_in_without_claims() {
        let router = monitor().await;
        let anonymous = HttpRequest::get("/v1/monitor/lead/pending").body(RawBody::empty()).unwrap();
        let answered = send(&router, anonymous).await;
        assert_eq!((answered.status.as_u16(), answered.body), (401, json!({"message": "Unauthorized"})));
        let public = HttpRequest::get("/v1/health").body(RawBody::empty()).unwrap();
        assert_eq!(send(&organization().await, public).await.status, StatusCode::OK);
    }

    /// SEC-03, SEC-64.
    #[tokio::test]
    async fn a_refusal_says_what_is_missing() {
        let router = monitor().await;
        let answered = get(&router, "/v1/monitor/lead/pending", "[janitor]").await;
        assert_eq!((answered.status.as_u16(), &answered.body["type"]), (403, &json!("/problems/no-role")));
        let answered = get(&router, "/v1/monitor/lead/pending", "[integration]").await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN);
        assert_eq!((&answered.body["entity"], &answered.body["privilege"]), (&json!("routingRun"), &json!("read")));
        // A salesperson reads own runs, which is not enough for the monitor of all.
        let answered = get(&router, "/v1/monitor/lead/pending", "[salesperson]").await;
        assert_eq!(answered.status, StatusCode::FORBIDDEN);
        assert_eq!(get(&router, "/v1/monitor/lead/pending", MANAGER).await.status, StatusCode::OK);
    }

    #[tokio::test]
    async fn a_query_parameter_that_is_not_declared_is_refused() {
        let router = monitor().await;
        for (query, status) in [
            ("status=succeeded&reason=noCapacity&segmentId=x", 200),
            ("status=&limit=3", 200),
            ("status=fine", 422),
            ("stat=succeeded", 422),
            ("status=succeeded&status=succeeded", 422),
        ] {
            let answered = get(&router, &format!("/v1/monitor/lead/processed?{query}"), MANAGER).await;
            assert_eq!(answered.status.as_u16(), status, "{query}");
        }
        let answered = get(&router, "/v1/monitor/lead/processed?a=1&b=2", MANAGER).await;
        assert_eq!(answered.body["errors"].as_array().map(Vec::len), Some(2));
    }

    #[tokio::test]
    async fn a_panic_is_a_failure_that_says_nothing() {
        let answered = get(&monitor().await, "/v1/monitor/lead/summary", MANAGER).await;
        assert_eq!(answered.status, StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!answered.body.to_string().contains("secret"), "{}", answered.body);
    }

    /// SEC-62 and SEC-76: a manager chooses the eligible roles, an administrator alone changes the rest.
    #[tokio::test]
    async fn some_members_of_a_body_take_more_than_others() {
        let router = organization().await;
        let put = |roles, body: Value| request("PUT", "/v1/settings", "susana", roles, Some(&body));
        let (eligible, zone) = (json!({"eligibleRoles": "all"}), json!({"eligibleRoles": "all", "timeZone": "UTC"}));
        assert_eq!(send(&router, put(MANAGER, eligible)).await.status, StatusCode::OK);
        let answered = send(&router, put(MANAGER, zone.clone())).await;
        assert_eq!((answered.status, &answered.body["entity"]), (StatusCode::FORBIDDEN, &json!("settings")));
        assert_eq!(send(&router, put(ADMINISTRATOR, zone)).await.status, StatusCode::OK);
    }

    /// SEC-05: a definition is in force for every request after the one that edited it, in every process.
    #[tokio::test]
    async fn an_edited_role_is_in_force_at_once() {
        let store = engine::store().await;
        let router = Edge::new(Function::Monitor, store.clone(), Clock::default(), ()).on_others(&ok).into_router();
        let path = "/v1/monitor/lead/summary";
        assert_eq!(get(&router, path, "[salesperson]").await.status, StatusCode::FORBIDDEN);
        let predefined = RoleDefinitions::predefined();
        let task = &domain::privilege::VIEW_MONITOR;
        let level = Scope::Organisation;
        let grants: Vec<Grant> =
            task.privileges().map(|(entity, privilege)| Grant { entity, privilege, level }).collect();
        let change = |role, grants: &[Grant]| {
            let (store, definition, grants) = (store.clone(), predefined.of(role).clone(), grants.to_vec());
            async move { store.change_role::<Problem>(&definition, |_| Ok(grants.clone())).await.unwrap() }
        };
        assert_eq!(change(Role::Salesperson, &grants).await.version, 2);
        assert_eq!(get(&router, path, "[salesperson]").await.status, StatusCode::OK);
        assert_eq!(change(Role::Salesperson, &[]).await.version, 3);
        assert_eq!(get(&router, path, "[salesperson]").await.status, StatusCode::FORBIDDEN);
        assert_eq!(get(&router, path, MANAGER).await.status, StatusCode::OK, "the others stay as they are");
    }

    /// SEC-75: a sales manager manages the sellers below, which only the handler can tell.
    #[tokio::test]
    async fn a_handler_that_never_asks_how_far_the_caller_may_go_fails() {
        let store = engine::store().await;
        let router = Edge::new(Function::Sellers, store, Clock::default(), ())
            .on("replaceSeller", |authorized: Authorized| async move {
                Json(json!(authorized.covers(|scope| scope == Scope::BusinessUnit)))
            })
            .on("deleteSeller", |_: Authorized| async { Problem::not_found() })
            .on_others(&ok)
            .into_router();
        let call = |method, path, roles| send(&router, request(method, path, "susana", roles, Some(&json!({}))));
        assert_eq!(call("POST", "/v1/sellers", ADMINISTRATOR).await.status, StatusCode::OK);
        assert_eq!(call("POST", "/v1/sellers", MANAGER).await.status, StatusCode::INTERNAL_SERVER_ERROR);
        let asked = call("PUT", "/v1/sellers/alan", MANAGER).await;
        assert_eq!((asked.status, asked.body), (StatusCode::OK, json!(true)));
        assert_eq!(call("DELETE", "/v1/sellers/alan", MANAGER).await.status, StatusCode::NOT_FOUND);
        assert_eq!(call("GET", "/v1/sellers", MANAGER).await.status, StatusCode::OK, "this one has no levels");
    }

    #[tokio::test]
    #[should_panic(expected = "getSummary has no handler")]
    async fn a_function_does_not_start_while_an_operation_has_no_handler() {
        let edge = Edge::new(Function::Monitor, engine::store().await, Clock::default(), ());
        let _ = edge.on("listPending", ok).on("listProcessed", ok).into_router();
    }

    #[tokio::test]
    #[should_panic(expected = "monitor has no operation createSegment")]
    async fn a_handler_needs_an_operation_of_its_function() {
        let _ = Edge::new(Function::Monitor, engine::store().await, Clock::default(), ()).on("createSegment", ok);
    }
}
