//! Calendars: their entries, and who may see and change whose.

use serde_json::{Value, json};

use super::{ADMINISTRATOR, Function, body, faults};

const PATH: &str = "/v1/sellers/alan/calendar";

fn holiday() -> Value {
    json!({"kind": "timeOff", "from": "2020-01-01", "to": "2999-12-31", "description": "For ever"})
}

#[tokio::test(flavor = "multi_thread")]
async fn avail_01_avail_08_an_entry_is_created_listed_replaced_and_deleted() {
    let function = Function::with(&["alan"]).await;
    let body = json!({"kind": "workingHours", "from": "2026-01-05", "repeat": "everyDay", "timeZone": "europe/london"});
    let created = function.call_as(ADMINISTRATOR, "POST", PATH, Some(body)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let path = created.header("location").to_owned();
    assert_eq!(path, format!("{PATH}/{}", created.body["id"].as_str().unwrap()));
    let intervals = json!([{"start": "08:00", "end": "17:00"}]);
    assert_eq!((&created.body["intervals"], &created.body["timeZone"]), (&intervals, &json!("Europe/London")));
    let minutes = async || {
        let seller = function.call("GET", "/v1/sellers/alan", None).await.body;
        let days = seller["availabilityNext7Days"].as_array().unwrap().clone();
        days.iter().map(|day| day["minutes"].as_u64().unwrap()).sum::<u64>()
    };
    assert_eq!(minutes().await, 7 * 540);

    let mut changed = created.body.clone();
    changed["intervals"] = json!([{"start": "09:00", "end": "10:00"}]);
    let replaced = function.call_as(ADMINISTRATOR, "PUT", &path, Some(changed)).await;
    assert_eq!((replaced.status.as_u16(), replaced.header("etag")), (200, "\"2\""), "{}", replaced.body);
    assert_eq!(minutes().await, 7 * 60);
    let off = function.call_as(ADMINISTRATOR, "POST", PATH, Some(holiday())).await;
    assert_eq!((off.status.as_u16(), minutes().await), (201, 0));
    let page = function.call_as(ADMINISTRATOR, "GET", &format!("{PATH}?limit=1"), None).await;
    let next = page.body["next"].as_str().unwrap();
    let rest = function.call_as(ADMINISTRATOR, "GET", &format!("{PATH}?limit=1&next={next}"), None).await;
    let kinds = [&page, &rest].map(|page| page.body["items"][0]["kind"].clone());
    assert_eq!((kinds, &rest.body["next"]), ([json!("workingHours"), json!("timeOff")], &Value::Null));

    let wrong = function.call_as(ADMINISTRATOR, "POST", PATH, Some(json!({"kind": "nonWorkingHours", "to": 7}))).await;
    assert_eq!(faults(&wrong), [("/from", "required"), ("/to", "badDate"), ("/intervals", "required")]);
    assert_eq!(function.call_as(ADMINISTRATOR, "DELETE", &path, None).await.status, 204);
    assert_eq!(function.call_as(ADMINISTRATOR, "DELETE", &path, None).await.status, 404);
    assert_eq!(function.call_as(ADMINISTRATOR, "PUT", &path, Some(holiday())).await.status, 404);
    assert_eq!(function.call_as(ADMINISTRATOR, "GET", "/v1/sellers/none/calendar", None).await.status, 404);
}

/// SEC-63, SET-10: `susana` calls.
#[tokio::test(flavor = "multi_thread")]
async fn a_manager_plans_for_the_sellers_below_and_a_seller_for_the_seller() {
    let function = Function::start().await;
    for (id, manager) in [("susana", "vp"), ("alan", "susana"), ("other", "vp")] {
        function.call_as(ADMINISTRATOR, "POST", "/v1/sellers", Some(body(id, manager))).await;
    }
    let status = async |role: &str, method: &str, seller: &str| {
        let body = (method == "POST").then(holiday);
        function.call_as(role, method, &format!("/v1/sellers/{seller}/calendar"), body).await.status.as_u16()
    };
    for method in ["GET", "POST"] {
        let done = if method == "GET" { 200 } else { 201 };
        for (role, seller, expected) in [
            ("[sales-manager]", "alan", done),
            ("[sales-manager]", "susana", done),
            ("[sales-manager]", "other", 403),
            ("[salesperson]", "susana", done),
            ("[salesperson]", "alan", 403),
            ("[vp-of-sales]", "other", done),
            ("[sales-team-member]", "susana", 403),
        ] {
            assert_eq!(status(role, method, seller).await, expected, "{role} {method} {seller}");
        }
    }
    let frozen = json!({"sellersMayEditCalendar": false});
    let merged = |seen: &domain::settings::Settings| seen.merged(&frozen).map_err(|_| store::Error::Conflict);
    function.fixture.store.change_settings::<store::Error>(merged).await.unwrap();
    assert_eq!(status("[salesperson]", "POST", "susana").await, 403);
    assert_eq!(status("[salesperson]", "GET", "susana").await, 200);
    assert_eq!(status("[sales-manager]", "POST", "susana").await, 403);
    assert_eq!(status("[sales-manager]", "POST", "alan").await, 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_calendar_is_bounded_and_entries_are_changed_as_they_were_read() {
    let function = Function::with(&["alan"]).await;
    let created = function.call_as(ADMINISTRATOR, "POST", PATH, Some(holiday())).await;
    let path = created.header("location").to_owned();
    let stored = function.fixture.store.seller(&"alan".into()).await.unwrap().unwrap();
    let entry = stored.calendar.entries()[0].clone();
    let fill = |seen: &domain::seller::Seller| {
        let mut seller = seen.clone();
        for n in 1..200 {
            let id = format!("e{n}").as_str().into();
            seller.calendar = seller.calendar.with(domain::calendar::Entry { id, ..entry.clone() });
        }
        Ok::<_, store::Error>(seller)
    };
    function.fixture.store.change_seller(&"alan".into(), fill).await.unwrap();
    let refused = function.call_as(ADMINISTRATOR, "POST", PATH, Some(holiday())).await;
    assert_eq!((refused.status.as_u16(), &refused.body["type"]), (409, &json!("/problems/too-many-entries")));
    let stale = function.call_if_match(ADMINISTRATOR, "DELETE", &path, "\"7\"").await;
    assert_eq!(stale.status, 412);
    assert_eq!(function.call_if_match(ADMINISTRATOR, "DELETE", &path, "\"1\"").await.status, 204);
}
