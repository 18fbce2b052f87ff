//! Teams, queues and business units.

use api::testing::{request, send};
use serde_json::{Value, json};

use super::{ADMINISTRATOR, Function, faults};

impl Function {
    /// Creates a seller, past the function that would.
    async fn seller(&self, id: &str, fields: Value) {
        let body = json!({"name": id, "email": "a@b.c", "roles": ["salesperson"], "fields": fields});
        let store = &self.fixture.store;
        let known = store.record_types().await.unwrap();
        let draft = domain::seller::SellerDraft::parse(
            &body,
            known.get(&"seller".into()).unwrap(),
            &std::collections::BTreeSet::new(),
            None,
        )
        .unwrap();
        store.create_seller(draft.into_seller(id.into()), None).await.unwrap();
    }
}

/// ENT-39, SEC-75.
#[tokio::test(flavor = "multi_thread")]
async fn a_team_is_created_read_replaced_and_deleted() {
    let function = Function::start().await;
    function.seller("susana", json!({})).await;
    let body = json!({
        "id": "north", "name": "North", "memberIds": ["susana"], "roles": ["salesperson"], "fields": {"region": "N"}
    });
    let created = function.call("POST", "/v1/teams", Some(body.clone())).await;
    assert_eq!((created.status.as_u16(), created.header("location")), (201, "/v1/teams/north"), "{}", created.body);
    let mut expected = body;
    expected["version"] = json!(1);
    assert_eq!(created.body, expected);
    let path = "/v1/teams/north";
    let read = function.call("GET", path, None).await;
    assert_eq!((read.header("etag"), &read.body), ("\"1\"", &expected));

    expected["name"] = json!("Far north");
    expected["memberIds"] = json!([]);
    let replaced = function.call("PUT", path, Some(expected.clone())).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"2\""), "{}", replaced.body);
    let mut stale = request("DELETE", path, "susana", ADMINISTRATOR, None);
    stale.headers_mut().insert("if-match", "\"1\"".parse().unwrap());
    assert_eq!(send(&function.router, stale).await.status, 412);

    let chosen = function.call("POST", "/v1/teams", Some(json!({"name": "South"}))).await;
    let id = chosen.body["id"].as_str().unwrap();
    assert!(domain::id::id_fault(id).is_none(), "{id}");
    let page = function.call("GET", "/v1/teams?limit=1", None).await;
    let token = page.body["next"].as_str().unwrap();
    let rest = function.call("GET", &format!("/v1/teams?limit=1&next={token}"), None).await;
    assert_eq!((&rest.body["items"][0]["id"], &rest.body["next"]), (&json!("north"), &Value::Null));

    assert_eq!(function.call("DELETE", path, None).await.status, 204);
    for method in ["GET", "DELETE"] {
        assert_eq!(function.call(method, path, None).await.status, 404);
    }
    assert_eq!(function.call_as("[salesperson]", "POST", "/v1/teams", Some(json!({"name": "x"}))).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_under_a_key_happens_once() {
    let function = Function::start().await;
    for (path, body) in [
        ("/v1/teams", json!({"name": "North"})),
        ("/v1/queues", json!({"name": "Inbound"})),
        ("/v1/business-units", json!({"name": "Europe"})),
    ] {
        let create = || {
            let mut create = request("POST", path, "susana", ADMINISTRATOR, Some(&body));
            create.headers_mut().insert("idempotency-key", "k-1".parse().unwrap());
            send(&function.router, create)
        };
        let (first, second) = (create().await, create().await);
        assert_eq!((first.status.as_u16(), &second.body), (201, &first.body), "{}", first.body);
        let list = function.call_as(ADMINISTRATOR, "GET", path, None).await;
        assert_eq!(list.body["items"], json!([first.body]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_36_a_queue_takes_types_that_are_enabled_for_queues() {
    let function = Function::start().await;
    let deal = json!({"columns": [], "enabledForQueues": false});
    function.call_as(ADMINISTRATOR, "PUT", "/v1/record-types/deal", Some(deal)).await;
    let body = json!({"name": "Deals", "recordTypes": ["lead", "deal", "team"], "memberIds": ["nobody"]});
    let refused = function.call("POST", "/v1/queues", Some(body)).await;
    let expected = [
        ("/recordTypes/1", "notEnabledForQueues"),
        ("/recordTypes/2", "unknownRecordType"),
        ("/memberIds/0", "unknownSeller"),
    ];
    assert_eq!((refused.status.as_u16(), faults(&refused)), (422, expected.to_vec()));
    let body = json!({"id": "inbound", "name": "Inbound", "recordTypes": ["lead"]});
    let created = function.call("POST", "/v1/queues", Some(body.clone())).await;
    assert_eq!((created.status.as_u16(), &created.body["enabled"]), (201, &json!(true)), "{}", created.body);
    let taken = function.call("POST", "/v1/queues", Some(body)).await;
    assert_eq!((taken.status.as_u16(), &taken.body["type"]), (409, &json!("/problems/exists")));
    let mut body = function.call("GET", "/v1/queues/inbound", None).await.body;
    body["enabled"] = json!(false);
    let replaced = function.call("PUT", "/v1/queues/inbound", Some(body.clone())).await;
    assert_eq!((replaced.header("etag"), &replaced.body["enabled"]), ("\"2\"", &json!(false)));
    body["id"] = json!("other");
    assert_eq!(faults(&function.call("PUT", "/v1/queues/inbound", Some(body)).await), [("/id", "cantChange")]);
    assert_eq!(function.call("DELETE", "/v1/queues/inbound", None).await.status, 204);
}

/// SEC-79a.
#[tokio::test(flavor = "multi_thread")]
async fn business_units_form_a_tree_of_units_in_use() {
    let function = Function::start().await;
    let create = |id, parent: Value| {
        function.call("POST", "/v1/business-units", Some(json!({"id": id, "name": id, "parentId": parent})))
    };
    assert_eq!(create("world", Value::Null).await.status, 201);
    assert_eq!(create("europe", json!("world")).await.status, 201);
    assert_eq!(create("spain", json!("europe")).await.status, 201);
    assert_eq!(faults(&create("mars", json!("sun")).await), [("/parentId", "unknownBusinessUnit")]);
    let circle = json!({"name": "World", "parentId": "spain"});
    let refused = function.call("PUT", "/v1/business-units/world", Some(circle)).await;
    assert_eq!(faults(&refused), [("/parentId", "circle")]);
    let moved = json!({"name": "Spain", "parentId": "world"});
    let moved = function.call("PUT", "/v1/business-units/spain", Some(moved)).await;
    assert_eq!((moved.header("etag"), &moved.body["parentId"]), ("\"2\"", &json!("world")));

    function.seller("susana", json!({"businessUnit": "spain"})).await;
    for (id, status, kind) in [
        ("world", 409, "/problems/has-parts"),
        ("spain", 409, "/problems/in-use"),
        ("mars", 404, "/problems/not-found"),
    ] {
        let refused = function.call("DELETE", &format!("/v1/business-units/{id}"), None).await;
        assert_eq!((refused.status.as_u16(), &refused.body["type"]), (status, &json!(kind)), "{id}");
    }
    assert_eq!(function.call("DELETE", "/v1/business-units/europe", None).await.status, 204);
    let list = function.call("GET", "/v1/business-units", None).await;
    let ids: Vec<_> = list.body["items"].as_array().unwrap().iter().map(|unit| unit["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["spain", "world"]);
}
