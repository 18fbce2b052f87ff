//! Plain `cargo lambda watch`: its routes in `Cargo.toml` lead to the functions, and without a gateway the functions
//! verify the development token themselves.
//!
//! The functions are started from the binaries that the local stack uses, as `cargo lambda watch --only-lambda-apis`
//! allows: what is proven are routes, events and identity, not that cargo can build.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};
use journeys::until::{LONG, until};
use local::engine::{Engine, EngineOptions};
use local::processes::functions_dir;
use local::template::Template;
use local::token::{self, Key};

/// Ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn cargo_lambda() -> anyhow::Result<PathBuf> {
    let installed = local::checkout().join(".tools/venv/bin/cargo-lambda");
    ensure!(installed.is_file(), "cargo-lambda is not installed: `make test` installs it");
    Ok(installed)
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

#[tokio::test(flavor = "multi_thread")]
async fn cargo_lambda_watch_answers_an_authenticated_request() -> anyhow::Result<()> {
    let template = Template::builtin()?;
    let engine = Engine::start(EngineOptions::default(), &template.tables).await?;
    let port = free_port()?;
    let watch = Command::new(cargo_lambda()?)
        .args(["lambda", "watch", "--only-lambda-apis", "--invoke-address", "127.0.0.1", "--invoke-port"])
        .arg(port.to_string())
        .current_dir(local::checkout())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("cargo lambda watch does not start")?;
    let _watch = Running(watch);
    let mut functions = Vec::new();
    for name in ["segments", "records"] {
        let function = template.function(name).context("the template has the function")?;
        let mut process = Command::new(functions_dir()?.join(name));
        process
            .envs(&function.environment)
            .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt/{name}"))
            .env("AWS_LAMBDA_FUNCTION_NAME", name)
            .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
            .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
            .env("AWS_ENDPOINT_URL_DYNAMODB", engine.endpoint())
            .env("AWS_REGION", "eu-central-1")
            .env("AWS_ACCESS_KEY_ID", "local")
            .env("AWS_SECRET_ACCESS_KEY", "local")
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        functions.push(process);
    }
    let token = token::sign(&Key::of_checkout()?, "susana", &["sales-manager"]);
    let client = reqwest::Client::builder().timeout(LONG).build()?;
    let status = async |path: &str, token: &str| {
        let request = client.get(format!("http://127.0.0.1:{port}{path}")).bearer_auth(token);
        anyhow::Ok(request.send().await?.status().as_u16())
    };
    let listens = async || Ok(tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_ok());
    until("cargo lambda watch listens", LONG, listens).await?;
    let started: Result<Vec<Running>, _> = functions.iter_mut().map(|process| process.spawn().map(Running)).collect();
    let _functions = started.context("a function does not start")?;
    assert_eq!(status("/v1/segments", &token).await?, 200);
    assert_eq!(status("/v1/segments/lead-default", &token).await?, 200);
    assert_eq!(status("/v1/records/lead/nobody", &token).await?, 404);
    assert_eq!(status("/v1/segments", "nonsense").await?, 401);
    engine.shutdown().await
}
