//! A packaged build knows no development token (API.md section 4): the same event, to the development build of a
//! function and to a packaged one.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::time::Duration;

use local::engine::{Engine, EngineOptions};
use local::invoke::InvokeOutcome;
use local::processes::{Processes, Program, functions_dir};
use local::template::Template;
use local::token::{self, Key};
use serde_json::{Value, json};
use tokio::sync::mpsc;

/// The function that is asked.
const FUNCTION: &str = "segments";

/// Builds all functions without features, as they are packaged but for the optimisation.
fn build() -> Output {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--profile", "light"]).current_dir(local::checkout());
    for function in Template::builtin().expect("the template is understood").functions {
        cargo.args(["--package", &function.name]);
    }
    cargo.output().expect("cargo can be started")
}

fn light_dir() -> PathBuf {
    let development = functions_dir().expect("the development binaries have a folder");
    development.parent().expect("a profile's folder lies in the target folder").join("light")
}

/// `GET /v1/segments` as API Gateway hands it over; `claims` are what its authorizer verified, if there is one.
fn event(authorization: &str, claims: Option<&Value>) -> Vec<u8> {
    let mut context = json!({
        "accountId": "123456789012", "apiId": "local", "domainName": "localhost", "requestId": "1", "stage": "$default",
        "routeKey": "ANY /v1/segments", "time": "02/Mar/2026:10:00:00 +0000", "timeEpoch": 1_772_445_600_000_i64,
        "http": {"method": "GET", "path": "/v1/segments", "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1", "userAgent": "test"}
    });
    if let Some(claims) = claims {
        context["authorizer"] = json!({"jwt": {"claims": claims, "scopes": null}});
    }
    let event = json!({
        "version": "2.0", "routeKey": "ANY /v1/segments", "rawPath": "/v1/segments", "rawQueryString": "",
        "headers": {"authorization": format!("Bearer {authorization}")},
        "requestContext": context, "isBase64Encoded": false
    });
    event.to_string().into_bytes()
}

async fn status(processes: &Processes, function: &str, event: Vec<u8>) -> i64 {
    match processes.invoke(function, event).await.expect("the function can be called") {
        InvokeOutcome::Ok(answer) => {
            serde_json::from_slice::<Value>(&answer).expect("an answer is JSON")["statusCode"].as_i64().unwrap_or(0)
        }
        other => panic!("{function} did not answer: {other:?}"),
    }
}

#[tokio::test]
async fn a_packaged_binary_refuses_the_development_token_and_takes_verified_claims() {
    let built = build();
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    let template = Template::builtin().expect("the template can be read");
    let engine = Engine::start(EngineOptions::default(), &template.tables).await.expect("an engine");
    let function = template.function(FUNCTION).expect("the template has the function");
    let program = |name: &str, folder: PathBuf| {
        let mut environment = function.environment.clone();
        for (name, value) in [
            ("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint()),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
        ] {
            environment.insert(name.to_owned(), value.to_owned());
        }
        Program {
            name: name.to_owned(),
            arn: function.arn(),
            binary: folder.join(FUNCTION),
            environment,
            memory_megabytes: 128,
            timeout: Duration::from_secs(20),
            maximum: 1,
        }
    };
    let development = program("development", functions_dir().expect("the development binaries have a folder"));
    let packaged = program("packaged", light_dir());
    let logs = tempfile::tempdir().expect("a folder for logs");
    let (output, _lines) = mpsc::unbounded_channel();
    let processes = Processes::start(vec![development, packaged], logs.path(), output).await.expect("both start");

    let token = token::sign(&Key::of_checkout().expect("a key"), "susana", &["sales-manager"]);
    let claims = json!({"sub": "susana", "roles": "[sales-manager]"});
    let mut statuses = Vec::new();
    for name in ["development", "packaged"] {
        statuses.push(status(&processes, name, event(&token, None)).await);
        statuses.push(status(&processes, name, event("nonsense", None)).await);
        statuses.push(status(&processes, name, event(&token, Some(&claims))).await);
    }
    processes.stop().await;
    engine.shutdown().await.expect("the engine stops");
    assert_eq!(statuses, [200, 401, 200, 401, 401, 200]);
}
