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
async fn seg_04_seg_11_seg_12_seg_13_a_segment_is_created_read_replaced_and_deleted() {
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
async fn seg_21_seg_22_seg_23_seg_24_segments_are_listed_in_the_order_in_which_records_are_matched() {
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

#[tokio::test(flavor = "multi_thread")]
async fn seg_23_seg_31_the_default_segment_can_be_deactivated_but_neither_deleted_nor_raised() {
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

/// A segment with three rules, the second of them active, and its path.
async fn with_rules(function: &Function) -> String {
    use domain::assignment_rule::{AssignmentRule, RuleState};
    let path = function.call("POST", "/v1/segments", Some(body("Oslo"))).await.header("location").to_owned();
    let segment = domain::id::SegmentId::new(path.rsplit('/').next().unwrap());
    for (name, state) in [("a", RuleState::Inactive), ("b", RuleState::Active), ("c", RuleState::Inactive)] {
        let rule = |id| AssignmentRule { name: name.to_owned(), ..support::rule_for_anybody(id, &segment, state) };
        function.fixture.store.create_rule(&segment, 10, None, rule).await.unwrap();
    }
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn seg_80_seg_81_a_copy_is_inactive_and_its_rules_keep_their_order() {
    let function = Function::start().await;
    let path = with_rules(&function).await;
    function.call("POST", &format!("{path}/activate"), None).await;
    let segment = domain::id::SegmentId::new(path.rsplit('/').next().unwrap());
    let wanted: Vec<_> = [3, 1, 2].map(|n| domain::id::RuleId::new(format!("{segment}-{n}"))).into();
    function.fixture.store.order_rules(&segment, |_, _| Ok::<_, store::Error>(wanted.clone())).await.unwrap();

    let said = json!({"name": "Bergen", "priority": 1, "copyRules": true});
    let copy = function.call("POST", &format!("{path}/copy"), Some(said)).await;
    assert_eq!((copy.status.as_u16(), copy.header("etag")), (201, "\"1\""), "{}", copy.body);
    let shown = [&copy.body["name"], &copy.body["state"], &copy.body["priority"], &copy.body["ruleCount"]];
    assert_eq!(shown, [&json!("Bergen"), &json!("inactive"), &json!(1), &json!(3)]);
    assert_eq!(copy.body["condition"], body("Oslo")["condition"]);
    let id = domain::id::SegmentId::new(copy.body["id"].as_str().unwrap());
    let rules = function.fixture.store.rules(&id).await.unwrap();
    let rules: Vec<_> = rules.iter().map(|placed| (placed.rule.name.as_str(), placed.rule.id.to_string())).collect();
    let expected = [("c", format!("{id}-1")), ("a", format!("{id}-2")), ("b", format!("{id}-3"))];
    assert_eq!(rules, expected);
    let inactive = function.fixture.store.rules(&id).await.unwrap();
    assert!(inactive.iter().all(|placed| placed.rule.state == domain::assignment_rule::RuleState::Inactive));

    let bare = function.call("POST", &format!("{path}/copy"), Some(json!({"name": "Narvik"}))).await;
    assert_eq!((bare.status.as_u16(), &bare.body["ruleCount"]), (201, &json!(0)));
    let refused = function.call("POST", &format!("{path}/copy"), Some(json!({"copyRules": "yes"}))).await;
    assert_eq!(faults(&refused), [("/name", "required"), ("/copyRules", "wrongType")]);
    let gone = function.call("POST", "/v1/segments/lead-gone/copy", Some(json!({"name": "a"}))).await;
    assert_eq!(gone.status, 404);
}

/// More rules than one transaction takes.
#[tokio::test(flavor = "multi_thread")]
async fn a_segment_with_many_rules_is_copied_whole() {
    let function = Function::start().await;
    let path = with_rules(&function).await;
    let segment = domain::id::SegmentId::new(path.rsplit('/').next().unwrap());
    let first = function.fixture.store.rules(&segment).await.unwrap().remove(0).rule;
    for _ in 0..100 {
        let rule = |id| domain::assignment_rule::AssignmentRule { id, ..first.clone() };
        function.fixture.store.create_rule(&segment, 10, None, rule).await.unwrap();
    }
    let said = json!({"name": "Bergen", "copyRules": true});
    let copy = function.call("POST", &format!("{path}/copy"), Some(said)).await;
    let id = domain::id::SegmentId::new(copy.body["id"].as_str().unwrap());
    assert_eq!(function.fixture.store.rules(&id).await.unwrap().len(), 103, "{}", copy.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn seg_40_seg_41_conditions_are_tried_out_on_the_active_records() {
    let function = Function::start().await;
    let store = &function.fixture.store;
    for n in 0..130_u16 {
        let fields = json!({"city": if n % 2 == 0 { "Oslo" } else { "Bergen" }, "parentAccount": "A"});
        let new = domain::record::NewRecord {
            key: domain::id::RecordKey::new("lead", format!("L-{n:03}").as_str()),
            fields: fields.as_object().unwrap().clone(),
            owner: None,
            business_unit: None,
            created_on: None,
            route: n % 3 > 0,
            imported: false,
            created_by: "susana".to_owned(),
            tag: None,
        };
        store.create_record(new, support::at(i64::from(n))).await.unwrap();
    }
    let close = |stored: &store::record_item::Stored| {
        Ok::<_, store::Error>(store::records::Change::Into(Box::new(
            stored.record.clone().closed("lost", support::at(200)),
        )))
    };
    let closed = domain::id::RecordKey::new("lead", "L-128");
    store.change_record(&closed, support::at(200), close).await.unwrap();

    let said = json!({"recordType": "lead", "condition": body("Oslo")["condition"], "limit": 2});
    let found = function.call("POST", "/v1/segments/simulate", Some(said)).await;
    assert_eq!(found.status, 200, "{}", found.body);
    let ids: Vec<_> = found.body["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["L-126", "L-124"]);
    assert_eq!((&found.body["total"], &found.body["totalIsCapped"]), (&json!(64), &json!(false)));

    let account = json!({"related": "parentAccount", "exists": true});
    let none = json!({"recordType": "lead", "condition": account});
    assert_eq!(function.call("POST", "/v1/segments/simulate", Some(none)).await.body["total"], 0);
    let refused = json!({"recordType": "robot", "condition": {"all": []}, "limit": 101});
    let refused = function.call("POST", "/v1/segments/simulate", Some(refused)).await;
    assert_eq!(faults(&refused), [("/recordType", "unknownRecordType"), ("/limit", "outOfRange")]);
    let seller = function.call_as("[salesperson]", "POST", "/v1/segments/simulate", None).await;
    assert_eq!(seller.status, 403);
}
