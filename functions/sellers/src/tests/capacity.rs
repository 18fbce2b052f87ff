//! The maximum and the toggle, for one seller and for many.

use serde_json::{Value, json};

use super::{ADMINISTRATOR, Function, body, faults};

const PATH: &str = "/v1/sellers/alan/capacity";

#[tokio::test(flavor = "multi_thread")]
async fn cap_06_cap_07_cap_11_a_maximum_is_set_and_overridden_only_when_said() {
    let function = Function::with(&["alan"]).await;
    let set = function.call("PUT", PATH, Some(json!({"maximum": 5, "period": "day", "periodMaximum": 2}))).await;
    let capacity =
        json!({"maximum": 5, "consumed": 0, "available": 5, "period": "day", "periodMaximum": 2, "periodAssigned": 0});
    assert_eq!((set.status.as_u16(), &set.body["capacity"]), (200, &capacity));
    assert_eq!(set.header("etag"), "\"2\"");
    let again = function.call("PUT", PATH, Some(json!({"maximum": 5}))).await;
    assert_eq!((again.status.as_u16(), &again.body["capacity"]["period"]), (200, &json!("none")));
    for other in [json!({"maximum": 6}), json!({"maximum": null})] {
        let refused = function.call("PUT", PATH, Some(other)).await;
        let kind = &refused.body["type"];
        assert_eq!((refused.status.as_u16(), kind), (409, &json!("/problems/override-needed")));
    }
    let overridden = function.call("PUT", PATH, Some(json!({"maximum": 0, "override": true}))).await;
    assert_eq!(overridden.body["capacity"]["maximum"], 0);
    let wrong = function.call("PUT", PATH, Some(json!({"maximum": 1.5, "period": "week"}))).await;
    assert_eq!(faults(&wrong), [("/maximum", "wrongType"), ("/periodMaximum", "required")]);
    assert_eq!(function.call("PUT", "/v1/sellers/none/capacity", Some(json!({"maximum": 1}))).await.status, 404);
    let replaced = function.call_as(ADMINISTRATOR, "PUT", "/v1/sellers/alan", Some(body("alan", ""))).await;
    assert_eq!(replaced.body["capacity"]["maximum"], 0, "a PUT of the seller leaves it");
}

/// SEC-20, SEC-22.
#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_see_capacity_and_attributes_gets_null() {
    let function = Function::with(&["alan"]).await;
    for role in ["[salesperson]", "[sales-team-member]"] {
        let read = function.call_as(role, "GET", "/v1/sellers/alan", None).await;
        assert_eq!(
            (read.status.as_u16(), &read.body["capacity"], &read.body["attributes"]),
            (200, &Value::Null, &Value::Null)
        );
        let list = function.call_as(role, "GET", "/v1/sellers", None).await;
        assert_eq!(list.body["items"][0]["capacity"], Value::Null);
        let refused = function.call_as(role, "PUT", PATH, Some(json!({"maximum": 1}))).await;
        assert_eq!((refused.status.as_u16(), &refused.body["entity"]), (403, &json!("assignmentMap")));
    }
    let read = function.call("GET", "/v1/sellers/alan", None).await;
    assert_eq!((&read.body["capacity"]["maximum"], &read.body["attributes"]), (&Value::Null, &json!({})));
}

#[tokio::test(flavor = "multi_thread")]
async fn attr_05_cap_06_many_sellers_are_changed_and_one_that_fails_stops_nobody() {
    let function = Function::with(&["alan", "boris", "carla"]).await;
    function.attribute("language", &["en", "de"]).await;
    function.call("PUT", "/v1/sellers/boris/capacity", Some(json!({"maximum": 5}))).await;
    let attributes = json!({"mode": "add", "attributes": {"language": ["en"]}});
    let change = json!({
        "sellerIds": ["carla", "boris", "nobody", "alan"], "capacity": {"maximum": 9}, "assignRecords": false,
        "attributes": attributes
    });
    let answer = function.call("POST", "/v1/sellers/bulk", Some(change)).await;
    let results: Vec<_> = answer.body["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["index"].as_u64().unwrap(), one["id"].as_str().unwrap(), one["problem"]["status"].as_u64()))
        .collect();
    let expected = [(0, "carla", None), (1, "boris", Some(409)), (2, "nobody", Some(404)), (3, "alan", None)];
    assert_eq!(results, expected, "{}", answer.body);
    let alan = function.call("GET", "/v1/sellers/alan", None).await.body;
    assert_eq!((&alan["capacity"]["maximum"], &alan["assignRecords"]), (&json!(9), &json!(false)));
    assert_eq!(alan["attributes"], json!({"language": ["en"]}));
    let boris = function.call("GET", "/v1/sellers/boris", None).await.body;
    assert_eq!((&boris["capacity"]["maximum"], &boris["assignRecords"]), (&json!(5), &json!(true)));
    let wrong = function.call("POST", "/v1/sellers/bulk", Some(json!({"sellerIds": []}))).await;
    assert_eq!(faults(&wrong), [("/sellerIds", "outOfRange"), ("", "required")]);
    for (member, value) in [("assignRecords", json!(true)), ("attributes", attributes)] {
        let change = json!({"sellerIds": ["alan"], member: value});
        let refused = function.call_as("[salesperson]", "POST", "/v1/sellers/bulk", Some(change)).await;
        assert_eq!((refused.status.as_u16(), &refused.body["entity"]), (403, &json!("assignmentMap")));
    }
}
