//! Segments over HTTP, on a real engine.

use api::testing::{Answered, request, send};
use axum::Router;
use serde_json::{Value, json};
use store::Clock;

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

fn body(name: &str) -> Value {
    json!({"name": name, "recordType": "lead", "condition": {"all": [{"field": "city", "op": "equals", "value": name}]}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_created_read_replaced_and_deleted() {
    let function = Function::start().await;
    let created = function.call("POST", "/v1/segments", Some(body("Oslo"))).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("etag"), "\"1\"");
    let path = created.header("location").to_owned();
    let id = created.body["id"].as_str().unwrap();
    assert_eq!(path, format!("/v1/segments/{id}"));
    assert!(id.starts_with("lead-"), "{id}");
    let read = function.call("GET", &path, None).await;
    assert_eq!(read.body, created.body);
    let added = json!({
        "state": read.body["state"], "priority": read.body["priority"], "isDefault": read.body["isDefault"],
        "sequenceId": read.body["sequenceId"], "ruleCount": read.body["ruleCount"],
        "memberCount": read.body["memberCount"], "unassignedCount": read.body["unassignedCount"],
        "lastRun": read.body["lastRun"], "schedule": read.body["schedule"]
    });
    let expected = json!({
        "state": "inactive", "priority": 1, "isDefault": false, "sequenceId": null, "ruleCount": 0, "memberCount": 0,
        "unassignedCount": 0, "lastRun": null, "schedule": null
    });
    assert_eq!(added, expected);

    // What was read can be sent back.
    let mut changed = read.body.clone();
    changed["name"] = json!("Bergen");
    let replaced = function.call("PUT", &path, Some(changed)).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"2\""), "{}", replaced.body);
    assert_eq!(replaced.body["name"], "Bergen");
    assert_eq!(function.call("DELETE", &path, None).await.status, 204);
    for (method, body) in [("DELETE", None), ("GET", None), ("PUT", Some(body("Oslo")))] {
        assert_eq!(function.call(method, &path, body).await.status, 404, "{method}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_that_can_never_be_is_refused_with_every_fault() {
    let function = Function::start().await;
    let bad = json!({"name": "x".repeat(101), "recordType": "lead", "colour": 1,
                     "condition": {"all": [{"field": "nowhere", "op": "equals", "value": 1}]}});
    let answer = function.call("POST", "/v1/segments", Some(bad)).await;
    assert_eq!(answer.status, 422);
    let found: Vec<_> = faults(&answer).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(found, ["/name", "/condition/all/0/field", "/colour"]);
    assert_eq!(function.fixture.store.segments(&"lead".into()).await.unwrap().len(), 1, "nothing was written");
    assert_eq!(function.call_as("[salesperson]", "POST", "/v1/segments", Some(body("Oslo"))).await.status, 403);
}

/// SEG-22, SEG-23: and what the list shows, page by page.
#[tokio::test(flavor = "multi_thread")]
async fn segments_are_listed_in_the_order_in_which_records_are_matched() {
    let function = Function::start().await;
    let mut paths = vec![];
    for name in ["Oslo", "Bergen", "Narvik"] {
        paths.push(function.call("POST", "/v1/segments", Some(body(name))).await.header("location").to_owned());
    }
    let moved = function.call("PUT", &format!("{}/priority", paths[2]), Some(json!({"priority": 1}))).await;
    assert_eq!((moved.status.as_u16(), &moved.body["priority"]), (200, &json!(1)));
    let kept = function.call("PUT", &paths[1], Some(body("Bodø"))).await;
    assert_eq!(kept.body["priority"], 3, "a PUT without priority keeps it");
    function.call("POST", &format!("{}/activate", paths[0]), None).await;

    let (mut names, mut next) = (vec![], String::new());
    loop {
        let page = function.call("GET", &format!("/v1/segments?recordType=lead&limit=3&next={next}"), None).await;
        assert_eq!(page.status, 200, "{}", page.body);
        names.extend(
            page.body["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()),
        );
        match page.body["next"].as_str() {
            Some(token) => next = token.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["Narvik", "Oslo", "Bodø", "Default segment"]);
    let active = function.call("GET", "/v1/segments?state=active", None).await;
    let active: Vec<_> =
        active.body["items"].as_array().unwrap().iter().map(|item| item["recordType"].as_str()).collect();
    assert_eq!(active, ["account", "contact", "lead", "lead", "opportunity"].map(Some));
    let nothing = function.call("GET", "/v1/segments?recordType=robot", None).await;
    assert_eq!(nothing.body, json!({"items": [], "next": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_segment_is_activated_paused_and_deactivated() {
    let function = Function::start().await;
    let path = function.call("POST", "/v1/segments", Some(body("Oslo"))).await.header("location").to_owned();
    let steps = [
        ("pause", 409, "inactive", "1"),
        ("activate", 200, "active", "2"),
        ("activate", 200, "active", "2"),
        ("pause", 200, "paused", "3"),
        ("deactivate", 200, "inactive", "4"),
    ];
    for (action, status, state, version) in steps {
        assert_eq!(function.call("POST", &format!("{path}/{action}"), None).await.status.as_u16(), status, "{action}");
        let read = function.call("GET", &path, None).await;
        assert_eq!(read.body["state"], state, "{action}");
        assert_eq!(read.header("etag"), format!("\"{version}\""), "{action}");
    }
    function
        .fixture
        .store
        .change_settings(|seen| {
            Ok::<_, store::Error>(seen.merged(&json!({"limits": {"maxActiveSegments": 1}})).unwrap())
        })
        .await
        .unwrap();
    assert_eq!(function.call("POST", &format!("{path}/activate"), None).await.status, 200);
    let second = function.call("POST", "/v1/segments", Some(body("Bergen"))).await.header("location").to_owned();
    let refused = function.call("POST", &format!("{second}/activate"), None).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (409, &json!("/problems/too-many-active-segments")));
}

/// SEG-23, SEG-31.
#[tokio::test(flavor = "multi_thread")]
async fn the_default_segment_can_be_deactivated_but_neither_deleted_nor_raised() {
    let function = Function::start().await;
    let path = "/v1/segments/lead-default";
    assert_eq!(function.call("GET", path, None).await.body["isDefault"], true);
    assert_eq!(function.call("DELETE", path, None).await.status, 409);
    function.call("POST", "/v1/segments", Some(body("Oslo"))).await;
    let raised = function.call("PUT", &format!("{path}/priority"), Some(json!({"priority": 1}))).await;
    assert_eq!((raised.status.as_u16(), faults(&raised)), (422, vec![("/priority", "notAllowed")]));
    let off = function.call("POST", &format!("{path}/deactivate"), None).await;
    assert_eq!((&off.body["state"], &off.body["priority"]), (&json!("inactive"), &json!(2)));
    let members = function.call("GET", &format!("{path}/records"), None).await;
    assert_eq!(members.body, json!({"items": [], "next": null}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_version_changes_nothing() {
    let function = Function::start().await;
    let path = function.call("POST", "/v1/segments", Some(body("Oslo"))).await.header("location").to_owned();
    for (method, body) in [("PUT", Some(body("Bergen"))), ("DELETE", None)] {
        let mut stale = request(method, &path, "susana", "[sales-manager]", body.as_ref());
        stale.headers_mut().insert("if-match", "\"7\"".parse().unwrap());
        assert_eq!(send(&function.router, stale).await.status, 412, "{method}");
    }
    assert_eq!(function.call("GET", &path, None).await.body["name"], "Oslo");
}
