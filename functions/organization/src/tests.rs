//! The organisation over HTTP, on a real engine.

use api::testing::{Answered, request, send};
use axum::Router;
use serde_json::{Value, json};
use store::Clock;

mod groups;
mod roles;
#[path = "../../../shared/store/tests/support/mod.rs"]
mod support;

use support::Fixture;

/// The function over a real engine.
struct Function {
    router: Router,
    fixture: Fixture,
}

impl Function {
    async fn start() -> Self {
        let fixture = Fixture::start().await;
        let router = crate::edge(fixture.store.clone(), Clock::default()).into_router();
        Self { router, fixture }
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        self.call_as("[sales-manager]", method, path, body).await
    }

    async fn call_as(&self, roles: &str, method: &str, path: &str, body: Option<Value>) -> Answered {
        send(&self.router, request(method, path, "susana", roles, body.as_ref())).await
    }
}

fn faults(answer: &Answered) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
}

const ADMINISTRATOR: &str = "[system-administrator]";

#[tokio::test(flavor = "multi_thread")]
async fn settings_are_read_and_merged() {
    let function = Function::start().await;
    let read = function.call("GET", "/v1/settings", None).await;
    assert_eq!((read.header("etag"), &read.body["eligibleRoles"]), ("\"1\"", &json!("all")));
    assert_eq!(read.body["limits"]["maxActiveSegments"], 250);
    let body = json!({"timeZone": "Europe/Berlin", "limits": {"maxConditions": 12}});
    let changed = function.call_as(ADMINISTRATOR, "PUT", "/v1/settings", Some(body)).await;
    assert_eq!((changed.status.as_u16(), changed.header("etag")), (200, "\"2\""), "{}", changed.body);
    assert_eq!(function.call("GET", "/v1/settings", None).await.body, changed.body);
    assert_eq!(
        (&changed.body["timeZone"], &changed.body["limits"]["maxConditions"]),
        (&json!("Europe/Berlin"), &json!(12))
    );

    // SEC-62, SEC-76: managers choose the eligible roles and nothing else.
    let roles = json!({"eligibleRoles": ["salesperson"]});
    assert_eq!(function.call("PUT", "/v1/settings", Some(roles)).await.status, 200);
    assert_eq!(function.call("PUT", "/v1/settings", Some(json!({"timeZone": "UTC"}))).await.status, 403);
    let bad = json!({"timeZone": "Mars/Olympus", "firstWeekday": "someday"});
    let refused = function.call_as(ADMINISTRATOR, "PUT", "/v1/settings", Some(bad)).await;
    assert_eq!(faults(&refused), [("/timeZone", "unknownTimeZone"), ("/firstWeekday", "unknownWord")]);
    let mut stale = request("PUT", "/v1/settings", "a", ADMINISTRATOR, Some(&json!({"timeZone": "UTC"})));
    stale.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
    assert_eq!(send(&function.router, stale).await.status, 412);
}

/// API.md "Settings": every member is accepted, kept and shown, and a limit that is left out takes its default.
#[tokio::test(flavor = "multi_thread")]
async fn every_setting_can_be_changed() {
    let function = Function::start().await;
    let limits = [
        "maxActiveSegments",
        "maxActiveRulesPerSegment",
        "maxConditions",
        "maxMatcherConditions",
        "maxMatcherRelated",
        "maxConditionCharacters",
        "recordsPerRun",
        "maxActiveSequences",
        "maxStepsPerSequence",
        "maxWaitDays",
    ];
    let limits: serde_json::Map<_, _> = (7..).zip(limits).map(|(n, name)| (name.to_owned(), json!(n))).collect();
    let body = json!({
        "eligibleRoles": ["salesperson"], "timeZone": "Asia/Tokyo", "firstWeekday": "friday",
        "sellersMayEditCalendar": false, "workspaceEnabled": false, "defaultMaximumCapacity": 30, "limits": limits
    });
    let changed = function.call_as(ADMINISTRATOR, "PUT", "/v1/settings", Some(body.clone())).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let mut read = function.call("GET", "/v1/settings", None).await.body;
    assert_eq!(read.as_object_mut().unwrap().shift_remove("version"), Some(json!(2)));
    assert_eq!(read, body);
    let one = json!({"limits": {"maxConditions": 3}});
    let limits = function.call_as(ADMINISTRATOR, "PUT", "/v1/settings", Some(one)).await.body["limits"].take();
    assert_eq!((&limits["maxConditions"], &limits["maxActiveSegments"]), (&json!(3), &json!(250)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_record_type_is_created_and_changed() {
    let function = Function::start().await;
    let path = "/v1/record-types/deal";
    assert_eq!(function.call("GET", path, None).await.status, 404);
    let body = json!({"columns": [{"name": "topic", "type": "text"}]});
    let created = function.call_as(ADMINISTRATOR, "PUT", path, Some(body)).await;
    assert_eq!((created.status.as_u16(), created.header("etag")), (200, "\"1\""), "{}", created.body);
    let read = function.call("GET", path, None).await;
    assert_eq!((&read.body, read.header("etag")), (&created.body, "\"1\""));
    let again = function.call_as(ADMINISTRATOR, "PUT", path, Some(read.body)).await;
    assert_eq!((again.status.as_u16(), again.header("etag")), (200, "\"2\""));
    let reserved = function.call_as(ADMINISTRATOR, "PUT", "/v1/record-types/batch", Some(json!({"columns": []}))).await;
    assert_eq!(reserved.status, 422);
    assert_eq!(function.call("PUT", path, Some(json!({"columns": []}))).await.status, 403);
    let list = function.call("GET", "/v1/record-types", None).await;
    let names: Vec<_> =
        list.body["items"].as_array().unwrap().iter().map(|item| item["type"].as_str().unwrap()).collect();
    assert_eq!(names, ["account", "contact", "deal", "lead", "opportunity", "queue", "seller", "team"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_a_condition_reads_cant_be_taken_away() {
    let function = Function::start().await;
    let path = "/v1/record-types/deal";
    let columns = |names: &[&str]| json!({"columns": names.iter().map(|name| json!({"name": name, "type": "text"})).collect::<Vec<_>>()});
    function.call_as(ADMINISTRATOR, "PUT", path, Some(columns(&["topic", "region", "size"]))).await;
    let store = &function.fixture.store;
    let segment = json!({"name": "East", "recordType": "deal", "condition": {"field": "region", "op": "hasValue"}});
    let known = store.record_types().await.unwrap();
    let draft =
        domain::segment::SegmentDraft::parse(&segment, &known, &domain::settings::Limits::default(), None).unwrap();
    let segment = draft.into_segment("deal-1".into(), support::at(0));
    store.create_segment(segment, None, None).await.unwrap();

    let refused = function.call_as(ADMINISTRATOR, "PUT", path, Some(columns(&["topic", "size"]))).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (409, &json!("/problems/column-in-use")));
    assert!(refused.body["detail"].as_str().unwrap().contains("deal-1"), "{}", refused.body);
    let allowed = function.call_as(ADMINISTRATOR, "PUT", path, Some(columns(&["topic", "region"]))).await;
    assert_eq!(allowed.status, 200, "{}", allowed.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_31_a_column_that_a_matcher_reads_cant_be_taken_away() {
    let function = Function::start().await;
    let district = json!({"name": "district", "type": "text"});
    let extended = |of: &Value| {
        let mut definition = of.clone();
        definition["columns"].as_array_mut().unwrap().push(district.clone());
        definition
    };
    let put = |path, definition: &Value| function.call_as(ADMINISTRATOR, "PUT", path, Some(definition.clone()));
    // What the column is taken from, and a matcher of a rule for deals that reads it there.
    let named = json!({"field": "name", "op": "equals", "valueFrom": "district"});
    let own = json!({"all": [{"field": "district", "op": "equals", "value": ["East"]}]});
    let related = json!({"related": "accountsOwned", "exists": true, "where": {"field": "district", "op": "hasValue"}});
    put("/v1/record-types/deal", &json!({"columns": [{"name": "topic", "type": "text"}]})).await;
    for (n, (path, matcher)) in (1..).zip([
        ("/v1/record-types/deal", named),
        ("/v1/record-types/seller", own),
        ("/v1/record-types/account", related),
    ]) {
        let without = function.call("GET", path, None).await.body;
        let with = extended(&without);
        assert_eq!(put(path, &with).await.status, 200, "{path}");
        let target = json!({"kind": "sellers", "pick": "matching", "source": "fields", "match": matcher});
        let target: domain::assignment_rule::Target = serde_json::from_value(target).unwrap();
        let segment = "deal-default".into();
        let make = |id| domain::assignment_rule::AssignmentRule {
            target: target.clone(),
            ..support::rule_for_anybody(id, &segment, domain::assignment_rule::RuleState::Active)
        };
        function.fixture.store.create_rule(&segment, 9, None, make).await.unwrap();

        let refused = put(path, &without).await;
        assert_eq!(
            (refused.status.as_u16(), &refused.body["type"]),
            (409, &json!("/problems/column-in-use")),
            "{path}"
        );
        let detail = refused.body["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("the rule deal-default-{n} ")), "{detail}");
        assert_eq!(put(path, &with).await.status, 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_answers_without_a_token() {
    let function = Function::start().await;
    for path in ["/v1/health", "/v1/openapi.json"] {
        let open = axum::http::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let answer = send(&function.router, open).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("content-type"), "application/json");
    }
    let closed = axum::http::Request::get("/v1/settings").body(axum::body::Body::empty()).unwrap();
    assert_eq!(send(&function.router, closed).await.status, 401);
}
