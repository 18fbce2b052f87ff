//! Role definitions.

use serde_json::{Value, json};

use super::{ADMINISTRATOR, Function, faults};

/// SEC-05, SEC-76.
#[tokio::test(flavor = "multi_thread")]
async fn an_edited_role_holds_for_the_next_request() {
    let function = Function::start().await;
    let list = function.call("GET", "/v1/roles?limit=5", None).await;
    let names = |page: &Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|role| role["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&list.body)[..2], ["system-administrator", "sequence-manager"]);
    let next = format!("/v1/roles?limit=5&next={}", list.body["next"].as_str().unwrap());
    assert_eq!(names(&function.call("GET", &next, None).await.body), ["sales-team-member", "integration"]);

    let path = "/v1/roles/salesperson";
    let read = function.call("GET", path, None).await;
    assert_eq!(read.header("etag"), "\"1\"");
    let unchanged = function.call_as(ADMINISTRATOR, "PUT", path, Some(read.body.clone())).await;
    assert_eq!((unchanged.status.as_u16(), unchanged.header("etag")), (200, "\"1\""), "{}", unchanged.body);

    assert_eq!(function.call_as("[salesperson]", "GET", "/v1/settings", None).await.status, 403);
    let grants = json!({"privileges": [{"entity": "settings", "privilege": "read", "level": "organisation"}]});
    assert_eq!(function.call("PUT", path, Some(grants.clone())).await.status, 403, "only an administrator");
    let edited = function.call_as(ADMINISTRATOR, "PUT", path, Some(grants.clone())).await;
    let expected = json!({"name": "salesperson", "privileges": grants["privileges"], "version": 2});
    assert_eq!((edited.header("etag"), &edited.body), ("\"2\"", &expected));
    assert_eq!(function.call("GET", path, None).await.body, expected);
    assert_eq!(function.call_as("[salesperson]", "GET", "/v1/settings", None).await.status, 200);
    assert_eq!(function.call_as("[salesperson]", "GET", "/v1/teams", None).await.status, 403, "nothing else is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_definition_is_believed_with_all_its_faults() {
    let function = Function::start().await;
    let grant = |entity, level| json!({"entity": entity, "privilege": "read", "level": level});
    let body = json!({"privileges": [grant("team", "own"), grant("robot", "far"), grant("team", "organisation")]});
    let refused = function.call_as(ADMINISTRATOR, "PUT", "/v1/roles/integration", Some(body)).await;
    let expected = [
        ("/privileges/1/entity", "unknownWord"),
        ("/privileges/1/level", "unknownWord"),
        ("/privileges/2", "repeated"),
    ];
    assert_eq!((refused.status.as_u16(), faults(&refused)), (422, expected.to_vec()));
    for method in ["GET", "PUT"] {
        let body = (method == "PUT").then(|| json!({"privileges": []}));
        assert_eq!(function.call_as(ADMINISTRATOR, method, "/v1/roles/jedi", body).await.status, 404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_does_not_lock_the_organisation_out() {
    let function = Function::start().await;
    let path = "/v1/roles/system-administrator";
    let read = function.call("GET", path, None).await.body;
    for privilege in ["read", "write"] {
        let mut body = read.clone();
        let grants = body["privileges"].as_array_mut().unwrap();
        grants.retain(|grant| grant["entity"] != "securityRole" || grant["privilege"] != privilege);
        let refused = function.call_as(ADMINISTRATOR, "PUT", path, Some(body)).await;
        assert_eq!(refused.status, 409, "{privilege}: {}", refused.body);
        assert_eq!(refused.body["type"], "/problems/administrator-locked-out");
    }
    let mut fewer = read;
    fewer["privileges"].as_array_mut().unwrap().retain(|grant| grant["entity"] == "securityRole");
    assert_eq!(function.call_as(ADMINISTRATOR, "PUT", path, Some(fewer)).await.status, 200);
    assert_eq!(function.call_as(ADMINISTRATOR, "GET", "/v1/settings", None).await.status, 403);
    assert_eq!(function.call_as(ADMINISTRATOR, "GET", path, None).await.status, 200);
}
