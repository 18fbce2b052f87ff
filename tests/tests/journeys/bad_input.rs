//! Bad input gets the contract's answer, names every fault at once, and leaves nothing half written (API.md section 1).

use std::fmt::Write as _;
use std::io::Write as _;

use jiff::{SignedDuration, Timestamp};
use journeys::client::Answer;
use journeys::organisation::{close, everything, record, round_robin, segment as active_segment, sellers};
use journeys::running_stack::RunningStack;
use reqwest::Method;
use serde_json::{Value, json};

mod case;
mod cases;
mod simulations;

use case::{Case, case, read};
use cases::{LEADS, SEGMENTS, SELLERS, cases, segment};

/// A stack with one seller and one lead that was processed.
async fn organisation() -> anyhow::Result<RunningStack> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["susana"]).await?;
    round_robin(&client, "lead").await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
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

/// A request whose key another one has begun and not answered yet.
async fn in_flight(stack: &RunningStack) -> anyhow::Result<Answer> {
    let client = stack.administrator();
    let body = json!({"fields": {}, "route": false}).to_string();
    let send = || client.send(Method::POST, "/v1/records/contact", &[("idempotency-key", "k-2")], Some(body.clone()));
    send().await?.expect(201)?;
    stack.unanswer((Timestamp::now() + SignedDuration::from_mins(1)).as_millisecond()).await?;
    let refused = send().await?;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/problems/request-in-flight")));
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
    record(&client, "lead", json!({"id": "L-2", "fields": {}, "route": false})).await?;
    close(&client, "lead", "L-2", "disqualified").await?;
    active_segment(&client, "lead", "first", &everything()).await?;
    let second = client.post(SEGMENTS, &segment("second", &everything())).await?.expect(201)?;
    let limits = json!({"limits": {"maxActiveRulesPerSegment": 1, "maxActiveSegments": 1}});
    client.put("/v1/settings", &limits).await?.expect(200)?;
    let activate = format!("{SEGMENTS}/{}/activate", second["id"].as_str().unwrap_or_default());
    let one_too_many = case("one active segment too many", Method::POST, &activate, &json!({}), &[]);
    let mut cases: Vec<Case> = misused_tokens(&stack).await?.into_iter().chain(cases()).collect();
    cases.push(one_too_many.is(409, "too-many-active-segments"));
    cases.extend(["/v1/nothing", "/v1/records", "/v1/monitor"].map(|path| read(path, path).is(404, "not-found")));
    let before = stack.everything_stored().await?;
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
    assert_eq!(stack.everything_stored().await?, before, "nothing is half written");
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
    let before = stack.everything_stored().await?;

    let again = send(&json!({"fields": {"city": "Bern"}})).await?;
    assert_eq!((again.status, again.header("idempotency-replayed")), (201, "true"));
    assert_eq!((&again.body, again.header("location")), (&first.body, first.header("location")));
    let other = send(&json!({"fields": {"city": "Basel"}})).await?;
    assert_eq!(other.status, 422, "{other:?}");
    assert_eq!(stack.everything_stored().await?, before, "nothing is half written");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_good_records_of_a_batch_are_created_and_the_bad_ones_say_why() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let half = "x".repeat(131_072);
    let records = json!({"records": [
        {"id": "B-0", "fields": {"city": "Bern"}},
        {"id": "B-1", "fields": {"shoeSize": 42, "employees": "many"}},
        {"id": "L-1", "fields": {}},
        {"id": "order", "fields": {}},
        {"id": "B-4", "fields": {}},
        {"id": "B-5", "fields": {"topic": "x".repeat(262_144)}},
        {"id": "B-6", "fields": {"topic": half}},
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
    assert_eq!(outcome(5), ("failed", &json!(422)));
    assert_eq!(outcome(6), ("ok", &Value::Null));
    let patched = client.patch("/v1/records/lead/B-6", &json!({"fields": {"website": half}})).await?;
    assert_eq!((patched.status, patched.faults()), (422, vec!["/fields tooLong".to_owned()]), "what is there counts");
    stack.processed("/v1/records/lead/B-4").await?;
    assert_eq!(client.get("/v1/records/lead/B-1").await?.status, 404);
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_is_told_which_privilege_is_missing() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let before = stack.everything_stored().await?;
    let body = json!({"name": "a", "recordType": "lead", "condition": {"all": []}});
    let refused = stack.client("salesperson", "susana").post("/v1/segments", &body).await?;
    assert_eq!(refused.status, 403);
    assert!(refused.body["entity"].is_string() && refused.body["privilege"].is_string(), "{}", refused.body);
    assert_eq!(stack.client("no-such-role", "susana").get("/v1/segments").await?.status, 403);
    let nobody = stack.nobody().get("/v1/segments").await?;
    assert_eq!((nobody.status, &nobody.body), (401, &json!({"message": "Unauthorized"})));
    assert_eq!(stack.nobody().get("/v1/health").await?.status, 200);
    assert_eq!(stack.everything_stored().await?, before);
    stack.shutdown().await
}
