//! Sellers found by a condition.

use domain::id::{Owner, RecordKey};
use domain::record::NewRecord;
use serde_json::{Map, Value, json};

use super::{Function, faults};

async fn found(function: &Function, condition: Value) -> Vec<String> {
    let answer = function.call("POST", "/v1/sellers/search", Some(json!({"condition": condition}))).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let items = answer.body["items"].as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn elig_06_sellers_are_found_by_columns_and_attributes() {
    let function = Function::with(&["alan", "boris", "susana"]).await;
    function.attribute("language", &["en", "de"]).await;
    let english = json!({"mode": "add", "attributes": {"language": ["en"]}});
    function.call("PUT", "/v1/sellers/boris/attributes", Some(english)).await;
    let field = |name: &str, op: &str, value: &str| json!({"field": name, "op": op, "value": value});
    assert_eq!(found(&function, json!({"all": []})).await, ["alan", "boris", "susana"]);
    assert_eq!(found(&function, field("name", "contains", "AN")).await, ["alan", "susana"]);
    assert_eq!(found(&function, field("email", "beginsWith", "boris@")).await, ["boris"]);
    assert_eq!(found(&function, json!({"attribute": "language", "op": "equals", "value": ["en"]})).await, ["boris"]);
    let wrong = json!({"condition": {"all": [field("colour", "equals", "red"), {"attribute": "skill", "op": "equals", "value": "a"}]}});
    let wrong = function.call("POST", "/v1/sellers/search", Some(wrong)).await;
    let expected = [("/condition/all/0/field", "unknownColumn"), ("/condition/all/1/attribute", "unknownAttribute")];
    assert_eq!(faults(&wrong)[..2], expected);
    let none = function.call("POST", "/v1/sellers/search", Some(json!({}))).await;
    assert_eq!(faults(&none), [("/condition", "required")]);
}

/// EX-21, COND-32: by accounts that they own; `susana` looks.
#[tokio::test(flavor = "multi_thread")]
async fn cond_32_elig_06_sellers_are_found_by_what_they_own() {
    let function = Function::with(&["alan", "boris", "susana"]).await;
    let fields: Map<String, Value> = json!({"name": "Acme", "city": "Rome"}).as_object().unwrap().clone();
    for (id, owner) in [("A-1", "boris"), ("A-2", "susana")] {
        let new = NewRecord {
            key: RecordKey::new("account", id),
            fields: if id == "A-1" { fields.clone() } else { Map::new() },
            owner: Some(Owner::Seller(owner.into())),
            business_unit: None,
            created_on: None,
            route: false,
            imported: false,
            created_by: "importer".to_owned(),
            tag: None,
        };
        function.fixture.store.create_record(new, jiff::Timestamp::now()).await.unwrap();
    }
    let owns = |city: &str, exists: bool| {
        json!({"related": "accountsOwned", "exists": exists,
               "where": {"field": "city", "op": "equals", "value": city}})
    };
    assert_eq!(found(&function, owns("rome", true)).await, ["boris"]);
    assert_eq!(found(&function, owns("rome", false)).await, ["alan", "susana"]);
    assert!(found(&function, owns("Oslo", true)).await.is_empty());
    let own = json!({"related": "accountsOwned", "exists": true, "where": {"field": "owner", "op": "currentUser"}});
    assert_eq!(found(&function, own).await, ["susana"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_of_a_search_leads_on_in_the_same_search_only() {
    let function = Function::with(&["a", "b", "c"]).await;
    let search = |condition: Value| Some(json!({"condition": condition}));
    let page = function.call("POST", "/v1/sellers/search?limit=2", search(json!({"all": []}))).await;
    assert_eq!(page.body["items"].as_array().unwrap().len(), 2);
    let path = format!("/v1/sellers/search?limit=2&next={}", page.body["next"].as_str().unwrap());
    let rest = function.call("POST", &path, search(json!({"all": []}))).await;
    assert_eq!((rest.body["items"][0]["id"].as_str(), &rest.body["next"]), (Some("c"), &Value::Null));
    let other = json!({"field": "name", "op": "hasValue"});
    assert_eq!(function.call("POST", &path, search(other)).await.status, 400);
}
