//! A whole stack with stand-ins for the functions: everything between a client, the engine and a function process.
//!
//! What the real functions do with it is the business of the journeys.

#![expect(clippy::unwrap_used, reason = "what cannot be unwrapped here is a failed test")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Result;
use jiff::{SignedDuration, Timestamp};
use local::stack::{Stack, StackOptions};
use local::template::Template;
use serde_json::{Value, json};
use tempfile::TempDir;

const FUNCTION: &str = include_str!("function.py");

struct Fixture {
    stack: Stack,
    functions: TempDir,
    client: reqwest::Client,
}

/// A folder with a stand-in for every function of the template.
fn functions() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let path = std::env::var_os("PATH").unwrap();
    let pythons = std::env::split_paths(&path).map(|folder| folder.join("python3"));
    let python = pythons.into_iter().find(|python| python.is_file()).expect("Python 3 is a prerequisite");
    let script = FUNCTION.replace("PYTHON", python.to_str().unwrap());
    for function in Template::builtin().unwrap().functions {
        let binary = folder.path().join(function.name);
        std::fs::write(&binary, &script).unwrap();
        std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn options(functions: &Path) -> StackOptions {
    StackOptions { functions_dir: Some(functions.to_owned()), ..StackOptions::default() }
}

async fn start() -> Fixture {
    let functions = functions();
    let stack = Stack::start(options(functions.path())).await.unwrap();
    Fixture { stack, functions, client: reqwest::Client::new() }
}

impl Fixture {
    async fn send(&self, request: reqwest::RequestBuilder) -> (u16, Value) {
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let text = response.text().await.unwrap();
        (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let token = self.stack.token("susana", &["sales-manager"]);
        self.send(self.client.get(format!("{}{path}", self.stack.url())).bearer_auth(token)).await
    }

    async fn post(&self, path: &str, body: &str) -> (u16, Value) {
        self.send(self.client.post(format!("{}{path}", self.stack.url())).body(body.to_owned())).await
    }

    async fn put_item(&self, table: &str, item: Value) {
        let request = self
            .client
            .post(self.stack.endpoint())
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.PutItem")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=l/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0")
            .header("x-amz-date", "20260101T000000Z")
            .body(json!({"TableName": table, "Item": item}).to_string());
        assert_eq!(self.send(request).await.0, 200);
    }

    fn log(&self, function: &str) -> String {
        std::fs::read_to_string(self.stack.log_dir().join(format!("{function}.log"))).unwrap()
    }

    async fn stop(self) -> Result<()> {
        self.stack.shutdown().await
    }
}

/// Waits, for a bounded time, until something holds.
async fn until(holds: impl Fn() -> bool) {
    let wait = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait).await.expect("it should have come to hold");
}

#[tokio::test]
async fn a_request_reaches_the_function_of_its_route_with_the_callers_claims() {
    let fixture = start().await;
    for (path, function) in [
        ("/v1/segments/lead-1", "segments"),
        ("/v1/segments/lead-1/rules/order", "assignment-rules"),
        ("/v1/rules/lead-1-1", "assignment-rules"),
        ("/v1/records/lead/L-1/runs", "records"),
        ("/v1/monitor/lead/summary", "monitor"),
        ("/v1/seller-attributes", "sellers"),
        ("/v1/settings", "organization"),
    ] {
        let (status, body) = fixture.get(path).await;
        assert_eq!((status, &body["function"]), (200, &json!(function)), "{path}");
        assert_eq!((&body["claims"]["sub"], &body["claims"]["roles"]), (&json!("susana"), &json!("[sales-manager]")));
        assert_eq!(body["endpoint"], fixture.stack.endpoint());
    }
    assert_eq!(fixture.get("/v2/segments").await, (404, json!({"message": "Not Found"})));
    let without_token = fixture.send(fixture.client.get(format!("{}/v1/sellers", fixture.stack.url()))).await;
    assert_eq!(without_token, (401, json!({"message": "Unauthorized"})));
    let open = fixture.send(fixture.client.get(format!("{}/v1/health", fixture.stack.url()))).await;
    assert_eq!((open.0, &open.1["claims"]), (200, &Value::Null));
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn an_item_put_by_another_client_reaches_assignment_and_its_decision_is_told() {
    let fixture = start().await;
    let mut decisions = fixture.stack.decisions();
    fixture
        .put_item("baton-records", json!({"pk": {"S": "lead#L-1"}, "type": {"S": "lead"}, "fields": {"M": {}}}))
        .await;
    let decision = tokio::time::timeout(Duration::from_secs(20), decisions.recv()).await.unwrap().unwrap();
    assert_eq!((decision.record_type.as_str(), decision.record_id.as_str()), ("lead", "L-1"));
    assert_eq!(decision.assignment_reason.as_deref(), Some("noCapacity"));
    let (status, settled) = fixture.get("/_local/event-sources/settled").await;
    assert_eq!((status, &settled["items"][0]["succeeded"]), (200, &json!(1)));
    assert_eq!(fixture.get("/_local/event-sources/failures").await, (200, json!({"items": []})));
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn a_function_is_invoked_as_by_lambdas_own_api() {
    let fixture = start().await;
    let path = |name: &str| format!("/2015-03-31/functions/{name}/invocations");
    assert_eq!(fixture.post(&path("check-invariants"), "{}").await, (200, json!({})));
    assert_eq!(fixture.post(&path("check-invariants"), "").await, (200, json!({})), "without an event");
    let (status, refused) = fixture.post(&path("nobody"), "{}").await;
    assert_eq!((status, &refused["Message"]), (404, &json!("Function not found: nobody")));
    let url = format!("{}{}", fixture.stack.url(), path("check-invariants"));
    let not_waited_for = fixture.client.post(&url).header("x-amz-invocation-type", "Event").body("{}");
    assert_eq!(fixture.send(not_waited_for).await.0, 400);
    // The stand-in ends at what is no JSON, and its process with it.
    let failed = fixture.client.post(&url).body("no JSON").send().await.unwrap();
    let headers =
        ["x-amz-function-error", "x-amz-executed-version"].map(|name| failed.headers()[name].to_str().unwrap());
    assert_eq!((failed.status().as_u16(), headers), (200, ["Unhandled", "$LATEST"]));
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn an_event_source_can_be_paused_and_resumed() {
    let fixture = start().await;
    let mut decisions = fixture.stack.decisions();
    let (status, told) = fixture.post("/_local/event-sources/assignment", r#"{"command": "pause"}"#).await;
    assert_eq!((status, &told["paused"]), (200, &json!(true)));
    fixture.put_item("baton-records", json!({"pk": {"S": "lead#L-1"}, "type": {"S": "lead"}})).await;
    assert_eq!(fixture.get("/_local/event-sources/settled").await.0, 409);
    assert!(decisions.try_recv().is_err());
    fixture.post("/_local/event-sources/assignment", r#"{"command": "resume"}"#).await;
    tokio::time::timeout(Duration::from_secs(20), decisions.recv()).await.unwrap().unwrap();
    assert_eq!(fixture.post("/_local/event-sources/assignment", r#"{"command": "explode"}"#).await.0, 400);
    assert_eq!(fixture.post("/_local/event-sources/nobody", r#"{"command": "pause"}"#).await.0, 404);
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn the_clock_moves_forward_only_and_what_falls_due_happens_in_order() {
    let fixture = start().await;
    until(|| fixture.log("waiting").lines().count() == 1).await;
    let (status, before) = fixture.get("/_local/clock").await;
    assert_eq!((status, &before["offsetMilliseconds"]), (200, &json!(0)));
    for bad in [
        "",
        "{}",
        r#"{"advanceMinutes": -1}"#,
        r#"{"advanceMinutes": 1.5}"#,
        r#"{"advanceMinutes": 99999999}"#,
        r#"{"advanceMinutes": 1, "more": 1}"#,
        "[1",
        r#"{"advanceMinutes": "1"}"#,
    ] {
        let (status, problem) = fixture.post("/_local/clock", bad).await;
        assert_eq!(
            (status, &problem["status"], &problem["type"]),
            (400, &json!(400), &json!("/problems/bad-request")),
            "{bad}"
        );
    }
    let (status, after) = fixture.post("/_local/clock", r#"{"advanceMinutes": 5}"#).await;
    assert_eq!((status, &after["offsetMilliseconds"]), (200, &json!(300_000)));
    let ahead = after["now"].as_str().unwrap().parse::<Timestamp>().unwrap().duration_since(Timestamp::now());
    assert!((295..=300).contains(&ahead.as_secs()), "{ahead}");
    // The sweep of the start and one for each minute passed, each seeing its own instant.
    let offsets: Vec<i64> = fixture
        .log("waiting")
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["offset"].as_str().unwrap().parse().unwrap_or(0))
        .collect();
    assert_eq!(offsets.len(), 6, "{offsets:?}");
    assert!(offsets.is_sorted() && offsets[1] <= 60_000 && offsets[5] > 240_000, "{offsets:?}");
    assert_eq!(fixture.get("/v1/settings").await.1["offset"], "300000");
    // Whoever moves it may have fewer calls: two in six minutes.
    let sparsely = r#"{"advanceMinutes": 6, "minutesBetweenCalls": 3}"#;
    assert_eq!(fixture.post("/_local/clock", sparsely).await.1["offsetMilliseconds"], 660_000);
    assert_eq!(fixture.log("waiting").lines().count(), 8);
    for refused in [
        r#"{"advanceMinutes": 6, "minutesBetweenCalls": 0}"#,
        r#"{"advanceMinutes": 5270400, "minutesBetweenCalls": 19}"#,
        r#"{"advanceMinutes": 5270401}"#,
    ] {
        assert_eq!(fixture.post("/_local/clock", refused).await.0, 400, "{refused}");
    }
    assert_eq!(fixture.get("/_local/clock").await.1["offsetMilliseconds"], 660_000);
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn a_stack_starts_at_any_instant_and_takes_the_tokens_of_today() {
    for at in ["2016-10-01T00:00:00Z", "2040-02-29T12:00:00Z"] {
        let functions = functions();
        let start: Timestamp = at.parse().unwrap();
        let stack = Stack::start(StackOptions { at: Some(start), ..options(functions.path()) }).await.unwrap();
        let fixture = Fixture { stack, functions, client: reqwest::Client::new() };
        assert_eq!(fixture.get("/v1/settings").await.0, 200, "a token of today is good");
        let shown = fixture.get("/_local/clock").await.1["now"].as_str().unwrap().parse::<Timestamp>().unwrap();
        assert!(start <= shown && shown < start + SignedDuration::from_mins(1), "{shown}");
        // The rate of a minute counts from the start: the clock passes one, two and three minutes after it.
        until(|| fixture.log("waiting").lines().count() == 1).await;
        fixture.post("/_local/clock", r#"{"advanceMinutes": 3}"#).await;
        assert_eq!(fixture.log("waiting").lines().count(), 4);
        // What is written is as old as it really is: nothing is given up as too old, and it is decided at this instant.
        let mut decisions = fixture.stack.decisions();
        fixture.put_item("baton-records", json!({"pk": {"S": "lead#L-1"}, "type": {"S": "lead"}})).await;
        let decision = tokio::time::timeout(Duration::from_secs(20), decisions.recv()).await.unwrap().unwrap();
        let after = decision.at.duration_since(start).as_secs();
        assert!((180..240).contains(&after), "{}", decision.at);
        fixture.stop().await.unwrap();
    }
}

#[tokio::test]
async fn the_outbox_shows_the_effects_in_the_work_table_and_nothing_else() {
    let fixture = start().await;
    assert_eq!(fixture.get("/_local/outbox").await, (200, json!({"items": []})));
    let effect = json!({"pk": {"S": "effect#1"}, "sk": {"S": "-"}, "to": {"S": "susana"}});
    fixture.put_item("baton-work", effect.clone()).await;
    fixture.put_item("baton-work", json!({"pk": {"S": "seller#1"}, "sk": {"S": "-"}})).await;
    assert_eq!(fixture.get("/_local/outbox").await, (200, json!({"items": [effect]})));
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn a_process_killed_with_a_batch_in_hand_is_replaced_and_the_batch_comes_again() {
    let fixture = start().await;
    let mut decisions = fixture.stack.decisions();
    let (status, view) = fixture.post("/_local/functions/assignment/kill", r#"{"afterDeliveries": 1}"#).await;
    assert_eq!((status, &view["name"]), (200, &json!("assignment")));
    fixture.put_item("baton-records", json!({"pk": {"S": "lead#L-1"}, "type": {"S": "lead"}})).await;
    tokio::time::timeout(Duration::from_secs(20), decisions.recv()).await.unwrap().unwrap();
    let (_, functions) = fixture.get("/_local/functions").await;
    let assignment = functions["items"].as_array().unwrap().iter().find(|f| f["name"] == "assignment").unwrap();
    assert_eq!(assignment["counts"]["crashed"], 1, "{assignment}");
    assert_eq!(fixture.post("/_local/functions/assignment/kill", r#"{"afterDeliveries": 0}"#).await.0, 400);
    assert_eq!(fixture.post("/_local/functions/nobody/kill", "").await.0, 404);
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn data_and_clock_outlive_the_stack_in_a_data_directory() {
    let functions = functions();
    let data = tempfile::tempdir().unwrap();
    let kept = || StackOptions { data_dir: Some(data.path().to_owned()), ..options(functions.path()) };
    let first = Stack::start(kept()).await.unwrap();
    first.running().advance(7, None).await.unwrap();
    let second = Stack::start(kept()).await.err().expect("two stacks do not share a directory");
    assert!(second.to_string().contains("is used by another stack"), "{second:#}");
    first.shutdown().await.unwrap();
    // A kept clock goes on, wherever a new one would start.
    let at = Some("2016-10-01T00:00:00Z".parse().unwrap());
    let again = Stack::start(StackOptions { at, ..kept() }).await.unwrap();
    assert_eq!(again.running().clock.offset_milliseconds(), 7 * 60_000);
    assert_eq!(again.log_dir(), data.path().join("logs"));
    again.shutdown().await.unwrap();
}

#[tokio::test]
async fn what_keeps_a_stack_from_starting_is_said_in_one_sentence() {
    let fixture = start().await;
    let port = fixture.stack.address().port();
    let occupied = StackOptions { port, ..options(fixture.functions.path()) };
    let error = Stack::start(occupied).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        format!("port {port} on 127.0.0.1 is in use: stop what uses it or choose another with PORT")
    );
    let empty = tempfile::tempdir().unwrap();
    let error = Stack::start(options(empty.path())).await.err().unwrap();
    assert!(error.to_string().starts_with("no binary of segments, "), "{error:#}");
    let file = empty.path().join("file");
    std::fs::write(&file, "").unwrap();
    let unwritable = StackOptions { data_dir: Some(file.join("data")), ..options(fixture.functions.path()) };
    let error = Stack::start(unwritable).await.err().unwrap();
    assert!(error.to_string().contains("cannot be written"), "{error:#}");
    fixture.stop().await.unwrap();
}

#[tokio::test]
async fn the_page_of_the_document_is_served_without_asking_anybody_else() {
    let fixture = start().await;
    let text = async |path: &str| {
        let response = fixture.client.get(format!("{}{path}", fixture.stack.url())).send().await.unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, page) = text("/_local/docs/").await;
    assert_eq!(status, 200);
    assert_eq!(text("/_local/docs").await, (200, page.clone()), "with and without the last slash");
    // Everything that the page loads lies beside it.
    let loaded: Vec<&str> =
        page.split(['"', '\'']).filter(|part| part.contains(".js") || part.contains(".css")).collect();
    assert!(loaded.len() >= 3, "{page}");
    for asset in loaded {
        assert!(asset.starts_with("./") || !asset.contains('/'), "{asset}");
        let (status, content) = text(&format!("/_local/docs/{}", asset.trim_start_matches("./"))).await;
        assert_eq!(status, 200, "{asset}");
        assert!(!content.is_empty(), "{asset}");
    }
    let (_, start) = text("/_local/docs/swagger-initializer.js").await;
    assert!(start.contains("/v1/openapi.json") && start.contains("\"validatorUrl\": \"none\""), "{start}");
    assert!(!page.contains("://") && !start.contains("://"), "{page}\n{start}");
    fixture.stack.shutdown().await.unwrap();
}
