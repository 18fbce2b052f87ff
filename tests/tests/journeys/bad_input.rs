//! Bad input gets the contract's answer, names every fault at once, and leaves nothing half written (API.md section 1).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;

use journeys::client::{Answer, Client};
use journeys::dynamodb::Attributes;
use journeys::organisation::{everything, rule, segment as active_segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use reqwest::Method;
use serde_json::{Value, json};

/// One request that must be refused.
struct Case {
    what: &'static str,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<String>,
    status: u16,
    /// The stable word of the refusal; empty where the gateway refuses by itself.
    kind: &'static str,
    /// Where the faults stand, in any order.
    pointers: Vec<&'static str>,
}

/// A request with a JSON body that can never succeed, with faults at these places.
fn case(what: &'static str, method: Method, path: &str, body: &Value, pointers: &[&'static str]) -> Case {
    let (path, body) = (path.to_owned(), Some(body.to_string()));
    Case { what, method, path, headers: vec![], body, status: 422, kind: "invalid", pointers: pointers.to_vec() }
}

/// A reading request that can never succeed.
fn read(what: &'static str, path: &str) -> Case {
    Case { body: None, ..case(what, Method::GET, path, &Value::Null, &[""]) }
}

impl Case {
    fn is(mut self, status: u16, kind: &'static str) -> Self {
        (self.status, self.kind) = (status, kind);
        if status != 422 || kind != "invalid" {
            self.pointers.clear();
        }
        self
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    fn text(mut self, text: impl Into<String>) -> Self {
        self.body = Some(text.into());
        self
    }

    async fn send(&self, client: &Client) -> anyhow::Result<Answer> {
        let headers: Vec<(&str, &str)> = self.headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        client.send(self.method.clone(), &self.path, &headers, self.body.clone()).await
    }

    /// What is wrong with the answer, if anything is.
    fn wrong(&self, answer: &Answer) -> bool {
        let mut pointers: Vec<&str> =
            answer.body["errors"].as_array().into_iter().flatten().filter_map(|e| e["pointer"].as_str()).collect();
        pointers.sort_unstable();
        let mut expected = self.pointers.clone();
        expected.sort_unstable();
        let faults = answer.body["errors"].as_array().into_iter().flatten();
        let complete = faults.into_iter().all(|fault| fault["code"].is_string() && fault["message"].is_string());
        let body_fits = if self.kind.is_empty() {
            answer.body.as_object().is_some_and(|body| body.len() == 1 && body["message"].is_string())
        } else {
            answer.header("content-type") == "application/problem+json"
                && answer.body["type"] == format!("/problems/{}", self.kind)
                && answer.body["status"] == answer.status
                && answer.body["title"].is_string()
                && answer.body["detail"].is_string()
        };
        let allow_fits = answer.status != 405 || !answer.header("allow").is_empty();
        answer.status != self.status || pointers != expected || !body_fits || !complete || !allow_fits
    }
}

const LEADS: &str = "/v1/records/lead";
const LEAD: &str = "/v1/records/lead/L-1";
const SEGMENTS: &str = "/v1/segments";
const RULES: &str = "/v1/segments/lead-default/rules";
const SELLERS: &str = "/v1/sellers";

fn cases() -> Vec<Case> {
    [of_transport(), of_queries(), of_versions(), of_ids(), of_records(), of_conditions(), of_limits(), of_states()]
        .into_iter()
        .flatten()
        .collect()
}

fn segment(name: &str, condition: &Value) -> Value {
    json!({"name": name, "recordType": "lead", "condition": condition})
}

fn of_transport() -> Vec<Case> {
    let post = |what| case(what, Method::POST, LEADS, &Value::Null, &[]);
    let nested = format!("{}{}", "[".repeat(200), "]".repeat(200));
    vec![
        post("no JSON").text("{\"fields\": ").is(400, "unreadable-json"),
        post("an empty body").text("").is(400, "unreadable-json"),
        post("two JSON values").text("{} {}").is(400, "unreadable-json"),
        post("lists 200 deep in each other").text(nested).is(400, "unreadable-json"),
        post("another media type")
            .text("fields=1")
            .with("content-type", "application/x-www-form-urlencoded")
            .is(415, "unsupported-media-type"),
        post("no media type").text("{}").with("content-type", "").is(415, "unsupported-media-type"),
        post("7 MiB").text(format!("\"{}\"", "x".repeat(7 * 1024 * 1024))).is(413, ""),
        case("a list instead of an object", Method::POST, LEADS, &json!([1]), &[""]),
        read("a path of nobody", "/v1/records/lead/L-1/shoes").is(404, "not-found"),
        Case { method: Method::DELETE, ..read("another method", "/v1/settings").is(405, "method-not-allowed") },
        Case { method: Method::PUT, ..read("another method on a list", LEADS).is(405, "method-not-allowed") },
    ]
}

fn of_queries() -> Vec<Case> {
    vec![
        read("an unknown query parameter", "/v1/sellers?colour=red"),
        read("a query parameter twice", "/v1/sellers?search=a&search=b"),
        read("a word that the parameter doesn't have", "/v1/segments?state=asleep"),
        read("limit 0", "/v1/sellers?limit=0"),
        read("limit 101", "/v1/sellers?limit=101"),
        read("limit x", "/v1/sellers?limit=x"),
        read("a page token of nobody", "/v1/records/lead?next=AAAA").is(400, "unreadable-page-token"),
        read("a page token that is no token", "/v1/records/lead?next=***").is(400, "unreadable-page-token"),
    ]
}

fn of_versions() -> Vec<Case> {
    let patch = |what, tag: &str| {
        let body = json!({"fields": {"city": "Bern"}});
        case(what, Method::PATCH, LEAD, &body, &[]).with("if-match", tag).is(412, "stale")
    };
    let keyed = |what, key: String| {
        case(what, Method::POST, LEADS, &json!({"fields": {}}), &[""]).with("idempotency-key", key)
    };
    vec![
        patch("a stale version", "\"7\""),
        patch("a version without quotes", "1"),
        patch("an empty version", ""),
        patch("a weak version", "W/\"1\""),
        case("a stale version of a seller", Method::PUT, "/v1/sellers/susana", &seller("susana"), &[])
            .with("if-match", "\"7\"")
            .is(412, "stale"),
        keyed("an idempotency key of 129 characters", "k".repeat(129)),
        keyed("an empty idempotency key", String::new()),
        keyed("a known idempotency key with another body", "k-1".to_owned()).is(422, "idempotency-key-reused"),
    ]
}

fn of_ids() -> Vec<Case> {
    let with_id = |what, id: &str| case(what, Method::POST, LEADS, &json!({"id": id, "fields": {}}), &["/id"]);
    vec![
        with_id("a reserved id", "batch"),
        with_id("an id with a space", "a b"),
        with_id("an id with an umlaut", "ä"),
        with_id("an id of 65 characters", &"x".repeat(65)),
        with_id("an id that is taken", "L-1").is(409, "exists"),
        case("a seller's id that is taken", Method::POST, SELLERS, &seller("susana"), &[]).is(409, "exists"),
        case("a reserved record type", Method::PUT, "/v1/record-types/batch", &json!({}), &[""]),
        case("another id in the body", Method::PUT, "/v1/sellers/susana", &seller("miriam"), &["/id"]),
        read("an id in the path that can be none", "/v1/records/lead/a%20b").is(404, "not-found"),
        case("an unknown record", Method::PATCH, "/v1/records/lead/none", &json!({"fields": {}}), &[])
            .is(404, "not-found"),
        case("an unknown seller", Method::PUT, "/v1/sellers/none", &seller("none"), &[]).is(404, "not-found"),
        case("a record type that does not exist", Method::POST, "/v1/records/shoe", &json!({"fields": {}}), &[])
            .is(404, "not-found"),
        case(
            "a rule of an unknown segment",
            Method::POST,
            "/v1/segments/lead-none/rules",
            &rule("a", &everything()),
            &[],
        )
        .is(404, "not-found"),
    ]
}

fn of_records() -> Vec<Case> {
    let fields = |what, fields: Value, pointers: &[&'static str]| {
        case(what, Method::POST, LEADS, &json!({"fields": fields}), pointers)
    };
    vec![
        fields("an unknown column", json!({"shoeSize": 42}), &["/fields/shoeSize"]),
        fields("a wrong type", json!({"employees": "many"}), &["/fields/employees"]),
        fields(
            "three faults at once",
            json!({"employees": 1.5, "shoeSize": 42, "doNotCall": "perhaps"}),
            &["/fields/doNotCall", "/fields/employees", "/fields/shoeSize"],
        ),
        fields("money with 5 fraction digits", json!({"estimatedValue": 1.000_01}), &["/fields/estimatedValue"]),
        fields("a date that is none", json!({"lastActivityOn": "2026-02-30"}), &["/fields/lastActivityOn"]),
        case("no fields", Method::POST, LEADS, &json!({}), &["/fields"]),
        case("an unknown member", Method::POST, LEADS, &json!({"fields": {}, "colour": "red"}), &["/colour"]),
        case(
            "an instant that is none",
            Method::POST,
            LEADS,
            &json!({"fields": {}, "createdOn": "soon"}),
            &["/createdOn"],
        ),
        case("a record given to nobody known", Method::POST, &format!("{LEAD}/assign"), &owner("nobody"), &["/owner/id"]),
        case(
            "an owner of another kind",
            Method::POST,
            &format!("{LEAD}/assign"),
            &json!({"owner": {"kind": "user", "id": "susana"}}),
            &["/owner/kind"],
        ),
        case(
            "an outcome of another type",
            Method::POST,
            &format!("{LEAD}/close"),
            &json!({"outcome": "won"}),
            &["/outcome"],
        ),
        case(
            "a seller without roles",
            Method::POST,
            SELLERS,
            &json!({"name": "a", "email": "a@example.com"}),
            &["/roles"],
        ),
        case(
            "a seller with four faults",
            Method::POST,
            SELLERS,
            &json!({"name": " ", "email": "nowhere", "roles": ["jedi"], "timeZone": "Mars/Olympus"}),
            &["/email", "/name", "/roles/0", "/timeZone"],
        ),
        case(
            "a seller nobody knows",
            Method::POST,
            RULES,
            &json!({
                "name": "a", "condition": {"all": []}, "distribution": {"method": "roundRobin"},
                "target": {"kind": "sellers", "pick": "specific", "ids": ["nobody"]},
            }),
            &["/target/ids/0"],
        ),
    ]
}

fn of_conditions() -> Vec<Case> {
    let condition =
        |what, node: Value, pointers: &[&'static str]| case(what, Method::POST, SEGMENTS, &segment("a", &node), pointers);
    let row = |column: &str, op: &str, value: Value| json!({"field": column, "op": op, "value": value});
    let no_such_column = row("shoeSize", "equals", json!(42));
    let long = "x".repeat(101);
    vec![
        condition("an unknown column in a condition", no_such_column.clone(), &["/condition/field"]),
        condition("an unknown operator", row("city", "resembles", json!("Bern")), &["/condition/op"]),
        condition("an operator of another type", row("employees", "contains", json!("1")), &["/condition/op"]),
        condition("a value of another type", row("employees", "equals", json!("many")), &["/condition/value"]),
        condition("a row without a value", json!({"field": "city", "op": "equals"}), &["/condition/value"]),
        condition(
            "a value where there is none",
            row("city", "hasValue", json!("Bern")),
            &["/condition/value"],
        ),
        condition("an amount without a unit", row("createdOn", "last", json!({"n": 3})), &["/condition/value/unit"]),
        condition(
            "a value of the routed record in a segment",
            json!({"field": "city", "op": "equals", "valueFrom": "city"}),
            &["/condition/valueFrom"],
        ),
        condition(
            "an unknown relation",
            json!({"related": "shoes", "exists": true}),
            &["/condition/related"],
        ),
        condition(
            "an attribute of a record",
            json!({"attribute": "language", "op": "equals", "value": "en"}),
            &["/condition/attribute"],
        ),
        condition("two kinds of node in one", json!({"all": [], "any": []}), &["/condition"]),
        condition("a condition that is a text", json!("everything"), &["/condition"]),
        case(
            "faults in name and in the depth of a condition",
            Method::POST,
            SEGMENTS,
            &segment(&long, &json!({"all": [{"any": [no_such_column]}]})),
            &["/condition/all/0/any/0/field", "/name"],
        ),
    ]
}

/// Groups may stand 16 deep in each other.
const TOO_DEEP: &str = "/condition/all/0/all/0/all/0/all/0/all/0/all/0/all/0/all/0\
    /all/0/all/0/all/0/all/0/all/0/all/0/all/0/all/0";

fn of_limits() -> Vec<Case> {
    let long = "x".repeat(101);
    let row = json!({"field": "city", "op": "equals", "value": "Bern"});
    let wordy = json!({"field": "city", "op": "equals", "value": "x".repeat(4000)});
    let deep = (0..30).fold(row.clone(), |node, _| json!({"all": [node]}));
    let described = json!({"name": "a", "recordType": "lead", "condition": everything(), "description": "x".repeat(2001)});
    let mut late = rule("a", &everything());
    late["createdWithinHours"] = json!(121);
    let records = |n: usize| json!({"records": vec![json!({"fields": {}}); n]});
    let batch = |what, n| case(what, Method::POST, "/v1/records/lead/batch", &records(n), &["/records"]);
    let setting = |what, body: Value, pointer| case(what, Method::PUT, "/v1/settings", &body, &[pointer]);
    vec![
        case("a name of 101 characters", Method::POST, SEGMENTS, &segment(&long, &everything()), &["/name"]),
        case("no name", Method::POST, SEGMENTS, &segment("", &everything()), &["/name"]),
        case("a description of 2,001 characters", Method::POST, SEGMENTS, &described, &["/description"]),
        case("a rule's name of 101 characters", Method::POST, RULES, &rule(&long, &everything()), &["/name"]),
        case("records of at most 121 hours", Method::POST, RULES, &late, &["/createdWithinHours"]),
        case("priority 0", Method::PUT, "/v1/segments/lead-default/priority", &json!({"priority": 0}), &["/priority"]),
        case(
            "11 conditions",
            Method::POST,
            SEGMENTS,
            &segment("a", &json!({"all": vec![row; 11]})),
            &["/condition"],
        ),
        case("a condition of over 4,000 characters", Method::POST, SEGMENTS, &segment("a", &wordy), &["/condition"]),
        case("groups 30 deep in each other", Method::POST, SEGMENTS, &segment("a", &deep), &[TOO_DEEP]),
        batch("a batch of nothing", 0),
        batch("a batch of 1,001 records", 1001),
        setting("a limit of 0", json!({"limits": {"maxConditions": 0}}), "/limits/maxConditions"),
        setting("a limit that there isn't", json!({"limits": {"maxShoes": 1}}), "/limits/maxShoes"),
        setting("a zone that there isn't", json!({"timeZone": "Mars/Olympus"}), "/timeZone"),
        case(
            "a column with an impossible name",
            Method::PUT,
            "/v1/record-types/ticket",
            &json!({"columns": [{"name": "two words", "type": "text"}]}),
            &["/columns/0/name"],
        ),
    ]
}

/// What could succeed in another state.
fn of_states() -> Vec<Case> {
    let post = |what, path: &str| case(what, Method::POST, path, &json!({}), &[]);
    vec![
        Case { method: Method::DELETE, ..read("deleting the default segment", "/v1/segments/lead-default") }
            .is(409, "default-segment"),
        case("an order without all rules", Method::PUT, &format!("{RULES}/order"), &json!({"ruleIds": []}), &["/ruleIds"]),
        case("one active rule too many", Method::POST, RULES, &rule("second", &everything()), &[])
            .is(409, "too-many-active-rules"),
        post("closing what is closed", "/v1/records/lead/L-2/close")
            .text(json!({"outcome": "qualified"}).to_string())
            .is(409, "record-inactive"),
        post("reopening what is open", &format!("{LEAD}/reopen")).is(409, "record-active"),
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

/// Page tokens that were good for another list, another caller, or before somebody changed them.
async fn misused_tokens(stack: &RunningStack) -> anyhow::Result<Vec<Case>> {
    let client = stack.administrator();
    let first = client.get("/v1/record-types?limit=1").await?.expect(200)?;
    let token = first["next"].as_str().unwrap_or_default().to_owned();
    let manager = stack.client("sales-manager", "manager").get("/v1/record-types?limit=1").await?.expect(200)?;
    let foreign = manager["next"].as_str().unwrap_or_default();
    let list = "/v1/record-types";
    let forged = if token.ends_with('A') { "B" } else { "A" };
    let forged = format!("{}{forged}", &token[..token.len() - 1]);
    let refused = |what, path: String| read(what, &path).is(400, "unreadable-page-token");
    Ok(vec![
        refused("a forged page token", format!("{list}?next={forged}")),
        refused("a page token of another list", format!("{SELLERS}?next={token}")),
        refused("a page token of another caller", format!("{list}?next={foreign}")),
    ])
}

/// Two batches at once under one key: the second is told that the first still runs.
async fn in_flight(stack: &RunningStack) -> anyhow::Result<Answer> {
    let client = stack.administrator();
    let records: Vec<Value> = (0..300).map(|_| json!({"fields": {}, "route": false})).collect();
    let body = json!({"records": records}).to_string();
    let send = || {
        let headers = [("idempotency-key", "k-2")];
        let (client, body) = (client.clone(), body.clone());
        async move { client.send(Method::POST, "/v1/records/contact/batch", &headers, Some(body)).await }
    };
    let (one, other) = tokio::join!(send(), send());
    let (one, other) = (one?, other?);
    let (done, refused) = if one.status == 200 { (one, other) } else { (other, one) };
    assert_eq!((done.status, refused.status), (200, 409), "{refused:?}");
    assert_eq!(refused.body["type"], "/problems/request-in-flight");
    assert_eq!(refused.header("retry-after"), "1");
    Ok(refused)
}

fn row(table: &mut String, what: &str, answer: &Answer) {
    let kind = answer.body["type"].as_str().unwrap_or("(gateway)").trim_start_matches("/problems/");
    let faults = answer.faults().join(", ");
    let _ = writeln!(table, "{what:<48} {:>3}  {kind:<24} {faults}", answer.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_names_every_fault_and_writes_nothing() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let mut table = String::new();
    row(&mut table, "the key of a request that still runs", &in_flight(&stack).await?);
    let keyed = json!({"fields": {"city": "Bern"}, "route": false}).to_string();
    client.send(Method::POST, LEADS, &[("idempotency-key", "k-1")], Some(keyed)).await?.expect(201)?;
    client.post(LEADS, &json!({"id": "L-2", "fields": {}, "route": false})).await?.expect(201)?;
    client.post(&format!("{LEADS}/L-2/close"), &json!({"outcome": "disqualified"})).await?.expect(200)?;
    active_segment(&client, "lead", "first", &everything()).await?;
    let second = client.post(SEGMENTS, &segment("second", &everything())).await?.expect(201)?;
    let limits = json!({"limits": {"maxActiveRulesPerSegment": 1, "maxActiveSegments": 1}});
    client.put("/v1/settings", &limits).await?.expect(200)?;
    let activate = format!("{SEGMENTS}/{}/activate", second["id"].as_str().unwrap_or_default());
    let one_too_many = case("one active segment too many", Method::POST, &activate, &json!({}), &[]);
    let mut cases: Vec<Case> = misused_tokens(&stack).await?.into_iter().chain(cases()).collect();
    cases.push(one_too_many.is(409, "too-many-active-segments"));
    let before = everything_stored(&stack).await?;
    let mut wrong = Vec::new();
    for case in &cases {
        let answer = case.send(&client).await?;
        row(&mut table, case.what, &answer);
        if case.wrong(&answer) {
            wrong.push(format!("{}: {} {}", case.what, answer.status, answer.body));
        }
    }
    // Past the capture of test output: the table is meant to be read.
    writeln!(std::io::stderr(), "\n{} kinds of bad input: status, problem, faults\n{table}", cases.len() + 1)?;
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
