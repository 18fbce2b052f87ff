//! Bad input gets the contract's answer, names every fault at once, and leaves nothing half written (API.md section 1).

use std::collections::BTreeMap;

use journeys::client::{Answer, Client};
use journeys::dynamodb::Attributes;
use journeys::organisation::{everything, rule, sellers};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use reqwest::Method;
use serde_json::{Value, json};

/// One request that must be refused.
struct Case {
    what: &'static str,
    method: Method,
    path: &'static str,
    headers: &'static [(&'static str, &'static str)],
    body: Body,
    status: u16,
    /// Where the faults stand, in any order.
    pointers: &'static [&'static str],
}

enum Body {
    None,
    Json(Value),
    Text(&'static str),
}

fn case(what: &'static str, method: Method, path: &'static str, body: Value, status: u16) -> Case {
    Case { what, method, path, headers: &[], body: Body::Json(body), status, pointers: &[] }
}

impl Case {
    fn at(mut self, pointers: &'static [&'static str]) -> Self {
        self.pointers = pointers;
        self
    }

    fn with(mut self, headers: &'static [(&'static str, &'static str)]) -> Self {
        self.headers = headers;
        self
    }

    fn text(mut self, text: &'static str) -> Self {
        self.body = Body::Text(text);
        self
    }

    fn without_body(mut self) -> Self {
        self.body = Body::None;
        self
    }

    async fn send(&self, client: &Client) -> anyhow::Result<Answer> {
        let body = match &self.body {
            Body::None => None,
            Body::Json(value) => Some(value.to_string()),
            Body::Text(text) => Some((*text).to_owned()),
        };
        client.send(self.method.clone(), self.path, self.headers, body).await
    }
}

fn cases() -> Vec<Case> {
    let (post, put, patch) = (|| Method::POST, || Method::PUT, || Method::PATCH);
    let long = "x".repeat(101);
    let segment = |name: &str, condition: Value| json!({"name": name, "recordType": "lead", "condition": condition});
    let no_such_column = json!({"field": "shoeSize", "op": "equals", "value": 42});
    vec![
        case("an unknown column", post(), "/v1/records/lead", json!({"fields": {"shoeSize": 42}}), 422)
            .at(&["/fields/shoeSize"]),
        case("a wrong type", post(), "/v1/records/lead", json!({"fields": {"employees": "many"}}), 422)
            .at(&["/fields/employees"]),
        case(
            "three faults at once",
            post(),
            "/v1/records/lead",
            json!({"fields": {"employees": 1.5, "shoeSize": 42, "doNotCall": "perhaps"}}),
            422,
        )
        .at(&["/fields/doNotCall", "/fields/employees", "/fields/shoeSize"]),
        case("an unknown member", post(), "/v1/records/lead", json!({"fields": {}, "colour": "red"}), 422)
            .at(&["/colour"]),
        case("a reserved id", post(), "/v1/records/lead", json!({"id": "batch", "fields": {}}), 422).at(&["/id"]),
        case("an id of another form", post(), "/v1/records/lead", json!({"id": "a b", "fields": {}}), 422).at(&["/id"]),
        case("an id that is taken", post(), "/v1/records/lead", json!({"id": "L-1", "fields": {}}), 409),
        case("a record type that does not exist", post(), "/v1/records/shoe", json!({"fields": {}}), 404),
        case("a name of 101 characters", post(), "/v1/segments", segment(&long, everything()), 422).at(&["/name"]),
        case("no name", post(), "/v1/segments", segment("", everything()), 422).at(&["/name"]),
        case("an unknown column in a condition", post(), "/v1/segments", segment("a", no_such_column.clone()), 422)
            .at(&["/condition/field"]),
        case(
            "faults in name and in the depth of a condition",
            post(),
            "/v1/segments",
            segment(&long, json!({"all": [{"any": [no_such_column]}]})),
            422,
        )
        .at(&["/condition/all/0/any/0/field", "/name"]),
        case(
            "a seller nobody knows",
            post(),
            "/v1/segments/lead-default/rules",
            json!({
                "name": "a", "condition": {"all": []}, "distribution": {"method": "roundRobin"},
                "target": {"kind": "sellers", "pick": "specific", "ids": ["nobody"]},
            }),
            422,
        )
        .at(&["/target/ids/0"]),
        case(
            "a rule's name of 101 characters",
            post(),
            "/v1/segments/lead-default/rules",
            rule(&long, &everything()),
            422,
        )
        .at(&["/name"]),
        case("a rule of an unknown segment", post(), "/v1/segments/lead-none/rules", rule("a", &everything()), 404),
        case("a seller without roles", post(), "/v1/sellers", json!({"name": "a", "email": "a@example.com"}), 422)
            .at(&["/roles"]),
        case("a seller's id that is taken", post(), "/v1/sellers", seller("susana"), 409),
        case("an unknown record", patch(), "/v1/records/lead/none", json!({"fields": {}}), 404),
        case("an unknown seller", put(), "/v1/sellers/none", seller("none"), 404),
        case("a record given to nobody known", post(), "/v1/records/lead/L-1/assign", owner("nobody"), 422)
            .at(&["/owner/id"]),
        case("an outcome of another type", post(), "/v1/records/lead/L-1/close", json!({"outcome": "won"}), 422)
            .at(&["/outcome"]),
        case("a stale version", patch(), "/v1/records/lead/L-1", json!({"fields": {"city": "Bern"}}), 412)
            .with(&[("if-match", "\"7\"")]),
        case("a stale version of a seller", put(), "/v1/sellers/susana", seller("susana"), 412)
            .with(&[("if-match", "\"7\"")]),
        case("no JSON", post(), "/v1/records/lead", Value::Null, 400).text("{\"fields\": "),
        case("another media type", post(), "/v1/records/lead", Value::Null, 415)
            .text("fields=1")
            .with(&[("content-type", "application/x-www-form-urlencoded")]),
        case("a page token of nobody", Method::GET, "/v1/records/lead?next=AAAA", Value::Null, 400).without_body(),
        case("a path of nobody", Method::GET, "/v1/records/lead/L-1/shoes", Value::Null, 404).without_body(),
        case("another method", Method::DELETE, "/v1/settings", Value::Null, 405).without_body(),
    ]
}

fn seller(id: &str) -> Value {
    json!({"id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"]})
}

fn owner(id: &str) -> Value {
    json!({"owner": {"kind": "seller", "id": id}})
}

/// Both tables, in an order that compares.
async fn everything_stored(stack: &RunningStack) -> anyhow::Result<BTreeMap<String, Attributes>> {
    let mut stored = BTreeMap::new();
    for table in [RECORDS, WORK] {
        let keyed = |item: Attributes| (format!("{table} {:?} {:?}", item.get("pk"), item.get("sk")), item);
        stored.extend(stack.dynamodb.scan(table).await?.into_iter().map(keyed));
    }
    Ok(stored)
}

/// A stack with one seller and one lead that was processed.
async fn organisation() -> anyhow::Result<RunningStack> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["susana"]).await?;
    client.post("/v1/segments/lead-default/rules", &rule("all", &everything())).await?.expect(201)?;
    client.post("/v1/records/lead", &json!({"id": "L-1", "fields": {}})).await?.expect(201)?;
    stack.processed("/v1/records/lead/L-1").await?;
    Ok(stack)
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_every_fault_and_writes_nothing() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let before = everything_stored(&stack).await?;
    let mut wrong = Vec::new();
    for case in cases() {
        let answer = case.send(&client).await?;
        let mut pointers: Vec<&str> =
            answer.body["errors"].as_array().into_iter().flatten().filter_map(|e| e["pointer"].as_str()).collect();
        pointers.sort_unstable();
        let is_problem = answer.header("content-type").starts_with("application/problem+json")
            && answer.body["type"].as_str().is_some_and(|kind| kind.starts_with("/problems/"))
            && answer.body["status"] == answer.status
            && answer.body["title"].is_string();
        let complete = answer.body["errors"]
            .as_array()
            .into_iter()
            .flatten()
            .all(|error| error["code"].is_string() && error["message"].is_string());
        if answer.status != case.status || pointers != case.pointers || !is_problem || !complete {
            wrong.push(format!("{}: {} {pointers:?} {}", case.what, answer.status, answer.body));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert_eq!(everything_stored(&stack).await?, before, "nothing is half written");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_replayed_with_the_same_body_answers_the_same_and_with_another_is_refused() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let send = async |body: &Value| {
        client.send(Method::POST, "/v1/records/lead", &[("idempotency-key", "k-1")], Some(body.to_string())).await
    };
    let first = send(&json!({"fields": {"city": "Bern"}})).await?;
    assert_eq!((first.status, first.header("idempotency-replayed")), (201, ""));
    let id = first.body["id"].as_str().unwrap().to_owned();
    stack.processed(&format!("/v1/records/lead/{id}")).await?;
    let before = everything_stored(&stack).await?;

    let again = send(&json!({"fields": {"city": "Bern"}})).await?;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    let other = send(&json!({"fields": {"city": "Basel"}})).await?;
    assert_eq!(other.status, 422, "{other:?}");
    assert_eq!(everything_stored(&stack).await?, before, "nothing is half written");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_records_of_a_batch_are_created_and_the_bad_ones_say_why() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let records = json!({"records": [
        {"id": "B-0", "fields": {"city": "Bern"}},
        {"id": "B-1", "fields": {"shoeSize": 42, "employees": "many"}},
        {"id": "L-1", "fields": {}},
        {"id": "order", "fields": {}},
        {"id": "B-4", "fields": {}},
    ]});
    let answer = client.post("/v1/records/lead/batch", &records).await?.expect(200)?;
    let outcome =
        |n: usize| (answer["results"][n]["status"].as_str().unwrap(), &answer["results"][n]["problem"]["status"]);
    assert_eq!(outcome(0), ("ok", &Value::Null));
    assert_eq!(outcome(1), ("failed", &json!(422)));
    assert_eq!(answer["results"][1]["problem"]["errors"].as_array().map(Vec::len), Some(2), "{answer}");
    assert_eq!(outcome(2), ("failed", &json!(409)));
    assert_eq!(outcome(3), ("failed", &json!(422)));
    assert_eq!(outcome(4), ("ok", &Value::Null));
    stack.processed("/v1/records/lead/B-4").await?;
    assert_eq!(client.get("/v1/records/lead/B-1").await?.status, 404);
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_which_privilege_is_missing() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let before = everything_stored(&stack).await?;
    let body = json!({"name": "a", "recordType": "lead", "condition": {"all": []}});
    let refused = stack.client("salesperson", "susana").post("/v1/segments", &body).await?;
    assert_eq!(refused.status, 403);
    assert!(refused.body["entity"].is_string() && refused.body["privilege"].is_string(), "{}", refused.body);
    assert_eq!(stack.client("no-such-role", "susana").get("/v1/segments").await?.status, 403);
    let nobody = stack.nobody().get("/v1/segments").await?;
    assert_eq!((nobody.status, &nobody.body), (401, &json!({"message": "Unauthorized"})));
    assert_eq!(stack.nobody().get("/v1/health").await?.status, 200);
    assert_eq!(everything_stored(&stack).await?, before);
    stack.shutdown().await
}
