//! Seller attributes, and which sellers have which values of them.

use serde_json::{Value, json};

use super::{Function, faults};

const ALL: &str = "/v1/seller-attributes";

#[tokio::test(flavor = "multi_thread")]
async fn attr_01_attr_02_attr_03_attr_06_an_attribute_is_created_read_replaced_and_deleted() {
    let function = Function::with(&[]).await;
    let body = json!({"name": "Language", "source": "manual", "values": ["en", "de"]});
    let created = function.call("POST", ALL, Some(body.clone())).await;
    let path = created.header("location").to_owned();
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!((&created.body["values"], &created.body["version"]), (&json!(["en", "de"]), &json!(1)));
    let read = function.call("GET", &path, None).await;
    assert_eq!((&read.body, read.header("etag")), (&created.body, "\"1\""));

    let mut same = body.clone();
    same["name"] = json!("LANGUAGE");
    let taken = function.call("POST", ALL, Some(same)).await;
    assert_eq!((taken.status.as_u16(), &taken.body["type"]), (409, &json!("/problems/name-taken")));
    let other = function.attribute("skill", &["hats"]).await;
    let mut renamed = read.body.clone();
    renamed["name"] = json!("Skill");
    let taken = function.call("PUT", &path, Some(renamed.clone())).await;
    assert_eq!((taken.status.as_u16(), &taken.body["type"]), (409, &json!("/problems/name-taken")));
    renamed["name"] = json!("language");
    let replaced = function.call("PUT", &path, Some(renamed.clone())).await;
    assert_eq!((replaced.status.as_u16(), &replaced.body["name"]), (200, &json!("language")), "only the case");
    renamed["name"] = json!("Tongue");
    assert_eq!(function.call("PUT", &path, Some(renamed.clone())).await.status, 200);
    renamed["source"] = json!({"recordType": "lead", "column": "country"});
    assert_eq!(faults(&function.call("PUT", &path, Some(renamed)).await), [("/source", "cantChange")]);
    assert_eq!(function.call("POST", ALL, Some(body)).await.status, 201, "the old name is free");

    let page = function.call("GET", &format!("{ALL}?limit=2"), None).await;
    let next = page.body["next"].as_str().unwrap();
    let rest = function.call("GET", &format!("{ALL}?limit=2&next={next}"), None).await;
    let names: Vec<_> = [&page, &rest]
        .iter()
        .flat_map(|page| page.body["items"].as_array().unwrap())
        .map(|item| &item["name"])
        .collect();
    assert_eq!(names, ["Tongue", "skill", "Language"]);
    assert_eq!(function.call("DELETE", &other, None).await.status, 204);
    assert_eq!(function.call("GET", &other, None).await.status, 404);
    assert_eq!(function.call("DELETE", &other, None).await.status, 404);
    assert_eq!(function.call_as("[salesperson]", "GET", ALL, None).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn attr_04_attr_05_values_are_applied_and_go_with_what_they_belong_to() {
    let function = Function::with(&["alan", "boris"]).await;
    let language = function.attribute("language", &["en", "de"]).await;
    let skill = function.attribute("skill", &["hats"]).await;
    let path = "/v1/sellers/alan/attributes";
    let wanted = json!({"mode": "replace", "attributes": {"LANGUAGE": ["en", "de"], "skill": ["hats"]}});
    let applied = function.call("PUT", path, Some(wanted)).await;
    assert_eq!(applied.status, 200, "{}", applied.body);
    assert_eq!(applied.body["attributes"], json!({"language": ["en", "de"], "skill": ["hats"]}));
    let wrong = json!({"mode": "add", "attributes": {"language": ["fr"], "colour": ["red"]}});
    let wrong = function.call("PUT", path, Some(wrong)).await;
    assert_eq!(
        faults(&wrong),
        [("/attributes/language/0", "unknownValue"), ("/attributes/colour", "unknownAttribute")]
    );

    let fewer = json!({"name": "Tongue", "source": "manual", "values": ["de", "fr"]});
    assert_eq!(function.call("PUT", &language, Some(fewer)).await.status, 200);
    let shown = async || function.call("GET", "/v1/sellers/alan", None).await.body["attributes"].clone();
    assert_eq!(shown().await, json!({"Tongue": ["de"], "skill": ["hats"]}));
    assert_eq!(function.call("DELETE", &skill, None).await.status, 204);
    assert_eq!(shown().await, json!({"Tongue": ["de"]}));
    let stored = function.fixture.store.seller(&"alan".into()).await.unwrap().unwrap();
    let stored: Vec<_> = stored.attributes.values().flatten().collect();
    assert_eq!(stored, ["de"], "nothing is left behind");
    let more = json!({"name": "Tongue", "source": "manual", "values": ["de", "en"]});
    assert_eq!(function.call("PUT", &language, Some(more)).await.status, 200);
    assert_eq!(shown().await, json!({"Tongue": ["de"]}), "a value that comes back is nobody's");
    let none = json!({"mode": "replace", "attributes": {}});
    assert_eq!(function.call("PUT", path, Some(none)).await.body["attributes"], json!({}));
}

/// ATTR-06: two at the same moment.
#[tokio::test(flavor = "multi_thread")]
async fn attr_06_one_name_is_given_to_one_attribute_only() {
    let function = Function::with(&[]).await;
    let body = |name: &str| Some(json!({"name": name, "source": "manual", "values": ["a"]}));
    let names = ["skill", "Skill", "SKILL", "sKill"].map(|name| function.call("POST", ALL, body(name)));
    let [a, b, c, d] = names;
    let (a, b, c, d) = tokio::join!(a, b, c, d);
    let mut statuses = [a, b, c, d].map(|answer| answer.status.as_u16());
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409]);
    let list = function.call("GET", ALL, None).await;
    assert_eq!((list.body["items"].as_array().unwrap().len(), &list.body["next"]), (1, &Value::Null));
}
