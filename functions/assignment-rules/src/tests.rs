//! Assignment rules over HTTP, on a real engine.

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

const RULES: &str = "/v1/segments/lead-default/rules";

fn body(name: &str) -> Value {
    json!({"name": name, "target": {"kind": "sellers", "pick": "any"}, "distribution": {"method": "roundRobin"}})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_is_created_read_replaced_switched_and_deleted() {
    let function = Function::start().await;
    let created = function.call("POST", RULES, Some(body("Anybody"))).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(created.header("location"), "/v1/rules/lead-default-1");
    let expected = json!({
        "id": "lead-default-1", "segmentId": "lead-default", "name": "Anybody", "description": null,
        "condition": {"all": []}, "createdWithinHours": null, "target": {"kind": "sellers", "pick": "any"},
        "distribution": {"method": "roundRobin", "availableWithinHours": null, "respectCapacity": false},
        "state": "active", "order": 1, "recordsRouted": 0, "version": 1
    });
    assert_eq!(created.body, expected);
    let path = "/v1/rules/lead-default-1";
    let mut changed = function.call("GET", path, None).await.body;
    changed["createdWithinHours"] = json!(24);
    let replaced = function.call("PUT", path, Some(changed)).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"2\""), "{}", replaced.body);
    let moved = json!({"segmentId": "lead-x", "name": "", "target": body("")["target"], "distribution": body("")["distribution"]});
    let refused = function.call("PUT", path, Some(moved)).await;
    assert_eq!(faults(&refused), [("/segmentId", "cantChange"), ("/name", "required")]);
    let off = function.call("POST", &format!("{path}/deactivate"), None).await;
    assert_eq!((&off.body["state"], &off.body["version"]), (&json!("inactive"), &json!(3)));
    assert_eq!(function.call("POST", &format!("{path}/activate"), None).await.body["state"], "active");
    assert_eq!(function.call("DELETE", path, None).await.status, 204);
    assert_eq!(function.call("DELETE", path, None).await.status, 404);
    assert_eq!(function.call("POST", "/v1/segments/lead-gone/rules", Some(body("a"))).await.status, 404);
    assert_eq!(function.call_as("[salesperson]", "GET", RULES, None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_08_the_list_shows_order_name_state_and_records_routed() {
    let function = Function::start().await;
    for (name, state) in [("First", "active"), ("Second", "inactive")] {
        let mut rule = body(name);
        rule["state"] = json!(state);
        assert_eq!(function.call("POST", RULES, Some(rule)).await.status, 201);
    }
    let page = function.call("GET", RULES, None).await;
    let shown = page.body["items"].as_array().unwrap().iter();
    let shown: Vec<Value> =
        shown.map(|rule| json!([rule["order"], rule["name"], rule["state"], rule["recordsRouted"]])).collect();
    assert_eq!(shown, [json!([1, "First", "active", 0]), json!([2, "Second", "inactive", 0])]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_05_the_eleventh_active_rule_can_only_be_saved_inactive() {
    let function = Function::start().await;
    for n in 0..10 {
        assert_eq!(function.call("POST", RULES, Some(body(&format!("{n}")))).await.status, 201);
    }
    let refused = function.call("POST", RULES, Some(body("eleventh"))).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (409, &json!("/problems/too-many-active-rules")));
    let mut inactive = body("eleventh");
    inactive["state"] = json!("inactive");
    let saved = function.call("POST", RULES, Some(inactive)).await;
    assert_eq!((saved.status.as_u16(), &saved.body["order"]), (201, &json!(11)));
    let path = saved.header("location").to_owned();
    assert_eq!(function.call("POST", &format!("{path}/activate"), None).await.status, 409);
    assert_eq!(function.call("PUT", &path, Some(body("eleventh"))).await.status, 409);
    assert_eq!(function.call("GET", &path, None).await.body["state"], "inactive");
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_10_rule_13_rules_are_put_into_another_order() {
    let function = Function::start().await;
    for name in ["a", "b", "c"] {
        function.call("POST", RULES, Some(body(name))).await;
    }
    let order = format!("{RULES}/order");
    let wanted = json!({"ruleIds": ["lead-default-3", "lead-default-1", "lead-default-2"]});
    let ordered = function.call("PUT", &order, Some(wanted.clone())).await;
    assert_eq!((ordered.status.as_u16(), &ordered.body["ruleIds"]), (200, &wanted["ruleIds"]));
    let page = function.call("GET", &format!("{RULES}?limit=2"), None).await;
    let token = page.body["next"].as_str().unwrap();
    let rest = function.call("GET", &format!("{RULES}?limit=2&next={token}"), None).await;
    let names: Vec<_> = [&page, &rest].into_iter().flat_map(|page| page.body["items"].as_array().unwrap()).collect();
    let names: Vec<_> =
        names.iter().map(|item| (item["name"].as_str().unwrap(), item["order"].as_u64().unwrap())).collect();
    assert_eq!(names, [("c", 1), ("a", 2), ("b", 3)]);
    let partial = function.call("PUT", &order, Some(json!({"ruleIds": ["lead-default-1"]}))).await;
    assert_eq!(faults(&partial), [("/ruleIds", "missing"), ("/ruleIds", "missing")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_32_every_fault_of_a_rule_is_named_unknown_sellers_among_them() {
    let function = Function::start().await;
    let bad = json!({
        "name": "", "condition": {"field": "nowhere", "op": "equals", "value": 1}, "createdWithinHours": 0,
        "target": {"kind": "sellers", "pick": "specific", "ids": ["nobody"]}, "distribution": {"method": "dice"}
    });
    let refused = function.call("POST", RULES, Some(bad)).await;
    assert_eq!(refused.status, 422);
    let pointers: Vec<_> = faults(&refused).into_iter().map(|(pointer, _)| pointer).collect();
    assert_eq!(pointers, ["/name", "/condition/field", "/createdWithinHours", "/target/ids/0", "/distribution/method"]);
    assert!(function.fixture.store.rules(&"lead-default".into()).await.unwrap().is_empty());
}
