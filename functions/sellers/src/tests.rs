//! Sellers over HTTP, on a real engine.

use api::testing::{Answered, request, send};
use axum::Router;
use domain::seller::Role;
use domain::settings::{EligibleRoles, Settings};
use serde_json::{Value, json};
use store::Clock;

#[path = "../../../shared/store/tests/support/mod.rs"]
mod support;

mod attributes;
mod calendar;
mod capacity;
mod search;

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

    /// The function with these sellers.
    async fn with(sellers: &[&str]) -> Self {
        let function = Self::start().await;
        for id in sellers {
            let created = function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(body(id, ""))).await;
            assert_eq!(created.status, 201, "{}", created.body);
        }
        function
    }

    /// Creates a seller attribute; answers with its path.
    async fn attribute(&self, name: &str, values: &[&str]) -> String {
        let attribute = json!({"name": name, "source": "manual", "values": values});
        let created = self.call("POST", "/v1/seller-attributes", Some(attribute)).await;
        assert_eq!(created.status, 201, "{}", created.body);
        created.header("location").to_owned()
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> Answered {
        self.call_as("[sales-manager]", method, path, body).await
    }

    async fn call_as(&self, roles: &str, method: &str, path: &str, body: Option<Value>) -> Answered {
        send(&self.router, request(method, path, "susana", roles, body.as_ref())).await
    }

    async fn call_if_match(&self, roles: &str, method: &str, path: &str, tag: &str) -> Answered {
        let mut request = request(method, path, "susana", roles, None);
        request.headers_mut().insert("if-match", tag.parse().unwrap());
        send(&self.router, request).await
    }
}

fn faults(answer: &Answered) -> Vec<(&str, &str)> {
    let errors = answer.body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    errors.iter().map(|fault| (fault["pointer"].as_str().unwrap(), fault["code"].as_str().unwrap())).collect()
}

fn body(id: &str, manager: &str) -> Value {
    json!({"id": id, "name": format!("Seller {id}"), "email": format!("{id}@example.com"), "roles": ["salesperson"],
           "fields": {"managerId": manager}})
}

const ADMINISTRATOR: &str = "[system-administrator]";

#[tokio::test(flavor = "multi_thread")]
async fn a_seller_is_created_read_replaced_switched_and_deleted() {
    let function = Function::start().await;
    let created = function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(body("alan", "susana"))).await;
    assert_eq!((created.status.as_u16(), created.header("location")), (201, "/v1/sellers/alan"), "{}", created.body);
    let capacity = json!({
        "maximum": null, "consumed": 0, "available": null, "period": "none", "periodMaximum": null, "periodAssigned": 0
    });
    assert_eq!(created.body["capacity"], capacity);
    assert_eq!((&created.body["assignRecords"], &created.body["lastAssignedAt"]), (&json!(true), &Value::Null));
    let days = created.body["availabilityNext7Days"].as_array().unwrap();
    assert_eq!((days.len(), &days[0]["minutes"]), (7, &json!(1440)));
    let taken = function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(body("alan", ""))).await;
    assert_eq!((taken.status.as_u16(), &taken.body["type"]), (409, &json!("/problems/exists")));

    let path = "/v1/sellers/alan";
    let off = function.call("PUT", &format!("{path}/assign-records"), Some(json!({"on": false}))).await;
    assert_eq!((off.status.as_u16(), &off.body["assignRecords"]), (200, &json!(false)));
    let mut changed = function.call("GET", path, None).await.body;
    changed["name"] = json!("Al");
    let replaced = function.call("PUT", path, Some(changed)).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"3\""), "{}", replaced.body);
    assert_eq!(replaced.body["assignRecords"], false, "a PUT leaves the toggle");
    let refused = function.call("PUT", path, Some(body("other", "susana"))).await;
    assert_eq!(faults(&refused), [("/id", "cantChange")]);
    assert_eq!(function.call("DELETE", path, None).await.status, 204);
    assert_eq!(function.call("GET", path, None).await.status, 404);
}

/// SEC-75, SEC-79a: a sales manager manages the sellers below, an administrator all.
#[tokio::test(flavor = "multi_thread")]
async fn a_manager_manages_only_the_sellers_below() {
    let function = Function::start().await;
    for (id, manager) in [("susana", ""), ("alan", "susana"), ("deep", "alan"), ("other", "vp")] {
        let created = function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(body(id, manager))).await;
        assert_eq!(created.status, 201, "{}", created.body);
    }
    assert_eq!(function.call("POST", "/v1/sellers", Some(body("new", "deep"))).await.status, 201);
    assert_eq!(function.call("POST", "/v1/sellers", Some(body("newer", "vp"))).await.status, 403);
    assert_eq!(function.call("PUT", "/v1/sellers/deep", Some(body("deep", "susana"))).await.status, 200);
    let away = function.call("PUT", "/v1/sellers/deep", Some(body("deep", "vp"))).await;
    assert_eq!(
        (away.status.as_u16(), &away.body["entity"]),
        (403, &json!("seller")),
        "nobody is moved away from below"
    );
    assert_eq!(function.call("DELETE", "/v1/sellers/other", None).await.status, 403);
    assert_eq!(function.call("DELETE", "/v1/sellers/susana", None).await.status, 403);
    assert_eq!(function.call("DELETE", "/v1/sellers/alan", None).await.status, 204);
    assert_eq!(function.call_as("[salesperson]", "DELETE", "/v1/sellers/deep", None).await.status, 403);
    assert_eq!(function.fixture.store.sellers().await.unwrap().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn elig_02_the_sellers_for_assignment_are_those_who_hold_an_eligible_role() {
    let function = Function::start().await;
    for (id, role) in [("alan", "salesperson"), ("burt", "sales-manager"), ("cleo", "salesperson")] {
        let mut seller = body(id, "");
        seller["roles"] = json!([role]);
        assert_eq!(function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(seller)).await.status, 201);
    }
    let shown = async |query: &str| {
        let page = function.call("GET", &format!("/v1/sellers?{query}"), None).await;
        let items = page.body["items"].as_array().unwrap().clone();
        items.iter().map(|seller| seller["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(shown("eligible=true").await, ["alan", "burt", "cleo"], "all roles are eligible at first");
    let named =
        |settings: Settings| Settings { eligible_roles: EligibleRoles::Named(vec![Role::Salesperson]), ..settings };
    function.fixture.store.change_settings::<store::Error>(|settings| Ok(named(settings.clone()))).await.unwrap();
    assert_eq!(shown("eligible=true").await, ["alan", "cleo"]);
    assert_eq!(shown("eligible=false").await, ["burt"]);
    assert_eq!(shown("eligible=true&search=AL").await, ["alan"]);
    assert_eq!(shown("").await, ["alan", "burt", "cleo"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn elig_06_sellers_are_found_by_part_of_a_name_in_any_case_page_by_page() {
    let function = Function::start().await;
    for (id, name) in [("1", "Alan Steiner"), ("2", "David Mallory"), ("3", "Susana Nunes"), ("4", "Sal Ortiz")] {
        let mut seller = body(id, "");
        seller["name"] = json!(name);
        function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(seller)).await;
    }
    let page = function.call("GET", "/v1/sellers?search=AL&limit=2", None).await;
    let token = page.body["next"].as_str().unwrap();
    let rest = function.call("GET", &format!("/v1/sellers?search=AL&limit=2&next={token}"), None).await;
    let found: Vec<_> = [&page, &rest].into_iter().flat_map(|page| page.body["items"].as_array().unwrap()).collect();
    let found: Vec<_> = found.iter().map(|item| item["name"].as_str().unwrap()).collect();
    assert_eq!(found, ["Alan Steiner", "David Mallory", "Sal Ortiz"]);
    assert_eq!(rest.body["next"], Value::Null);
}
