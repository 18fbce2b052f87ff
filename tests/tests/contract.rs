//! The API is held against its own document by tools that know neither: the document is valid OpenAPI 3.1, and whatever
//! can be generated from it, good and bad, is answered as it says.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use client::types;
use journeys::client::{Client, shaped};
use journeys::organisation::{add_rule, everything, record, round_robin, rule, segment, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::time::timeout;

/// What is generated is the same every time.
const SEED: &str = "20260302";
/// Generated examples of each operation, beside the boundary values of each member.
const EXAMPLES: &str = "4";

/// It takes some minutes; who waits longer waits for something else.
const LIMIT: Duration = Duration::from_mins(30);

/// A tool of the folder that `make` keeps them in.
fn tool(name: &str) -> anyhow::Result<Command> {
    let path = local::checkout().join(".tools/venv/bin").join(name);
    ensure!(path.is_file(), "{name} is not installed: `make test` installs it");
    Ok(Command::new(path))
}

fn document() -> PathBuf {
    local::checkout().join("shared/api/openapi.json")
}

/// Something of everything, under the ids that the document's examples name.
async fn organisation(client: &Client) -> anyhow::Result<()> {
    sellers(client, &["susana", "miriam"]).await?;
    round_robin(client, "lead").await?;
    let country = json!({"field": "country", "op": "equals", "value": "US"});
    let segment = segment(client, "lead", "North America", &country).await?;
    add_rule(client, &segment, &rule("Everyone", &everything())).await?;
    for n in 17..20 {
        record(client, "lead", json!({"id": format!("L-{n}"), "fields": {"country": "US"}})).await?;
    }
    let batch: types::BatchBody = shaped(json!({"records": [{"id": "O-1", "fields": {"topic": "A deal"}}]}))?;
    client.api.create_records().type_("opportunity").body(batch).send().await?;
    Ok(())
}

#[tokio::test]
async fn the_document_is_valid_openapi() -> anyhow::Result<()> {
    let output = tool("openapi-spec-validator")?.arg(document()).output().await?;
    let told = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_generated_from_the_document_is_answered_as_it_says() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let administrator = stack.administrator();
    organisation(&administrator).await?;
    let kept: Value = serde_json::from_slice(&fs::read(document())?)?;
    assert_eq!(administrator.get("/v1/openapi.json").await?.expect(200)?, kept, "what is served is what is kept");
    let folder = tempfile::tempdir()?;
    let report = folder.path().join("report.json");
    let settings = local::checkout().join("tests");
    let mut schemathesis = tool("schemathesis")?;
    schemathesis
        .arg("--config-file")
        .arg(settings.join("schemathesis.toml"))
        .arg("run")
        .arg(document())
        .args(["--url", &stack.url(), "--seed", SEED])
        .args(["--max-examples", EXAMPLES, "--continue-on-failure", "--report", "json", "--report-json-path"])
        .arg(&report)
        .current_dir(folder.path())
        .env("PYTHONPATH", &settings)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("NO_COLOR", "1")
        .env("BATON_TOKEN", stack.token("system-administrator", "administrator"))
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = timeout(LIMIT, schemathesis.output()).await.context("schemathesis does not end")??;
    let told = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let report = fs::read(&report).with_context(|| format!("schemathesis told nothing: {told}"))?;
    let report: Value = serde_json::from_slice(&report)?;

    let failures = &report["test_cases"]["with_failures"];
    let kinds: Vec<&str> =
        report["failures"].as_array().into_iter().flatten().filter_map(|f| f["title"].as_str()).collect();
    // Past the capture of test output: the figures are meant to be read.
    writeln!(
        std::io::stderr(),
        "\n{} of {} operations, {} cases, {failures} failures {kinds:?}, {:.0} s",
        report["operations"]["tested"],
        report["operations"]["total"],
        report["test_cases"]["generated"],
        report["running_time"].as_f64().unwrap_or_default(),
    )?;
    assert!(output.status.success(), "{told}");
    assert_eq!(failures, 0, "{told}");
    assert_eq!(report["operations"]["tested"], report["operations"]["total"], "every operation is reached");
    for phase in ["examples", "coverage", "fuzzing", "stateful"] {
        assert_eq!(report["phases"][phase]["status"], "success", "{phase}");
    }
    assert_eq!(administrator.api.get_health().send().await?.status, "ok");
    stack.shutdown().await
}
