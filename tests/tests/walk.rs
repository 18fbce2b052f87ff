//! The README's first walk, word for word: what a new user reads is what runs.

use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

const README: &str = include_str!("../../README.md");
const HEADING: &str = "\n## A first walk\n";

/// Starting with the demonstration organisation takes some seconds.
const LIMIT: Duration = Duration::from_mins(2);

/// The blocks of the section in a language, one after the other.
fn blocks(language: &str) -> String {
    let section = README.split(HEADING).nth(1).expect("the README has the section");
    let section = section.split("\n## ").next().unwrap_or_default();
    let opening = format!("```{language}\n");
    section.split(&opening).skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The command behind `make run` and `make token`.
fn local() -> anyhow::Result<Command> {
    let test = std::env::current_exe()?;
    let folder = test.parent().and_then(|deps| deps.parent()).context("tests lie in a folder of the target folder")?;
    Ok(Command::new(folder.join("local")))
}

/// Starts what `make run` starts, on a free port; answers with the port when it is ready for commands.
async fn run() -> anyhow::Result<(Child, String)> {
    let mut child = local()?
        .args(["run", "--port", "0"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .context("`make binaries` builds what this starts")?;
    let mut lines = BufReader::new(child.stdout.take().context("the output is piped")?).lines();
    let mut port = None;
    while let Some(line) = lines.next_line().await? {
        let address = line.strip_prefix("Baton answers on http://127.0.0.1:");
        port = address.map(ToOwned::to_owned).or(port);
        if line.starts_with("Decisions") {
            // What it shows from now on is read, so that it never waits for a reader.
            tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
            return Ok((child, port.context("it says where it answers")?));
        }
    }
    anyhow::bail!("it ended before it was ready")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_walk_of_the_readme_goes_as_it_says() -> anyhow::Result<()> {
    let (mut stack, port) = timeout(LIMIT, run()).await.context("the stack does not start")??;
    let token = local()?.args(["token", "--role", "vp-of-sales"]).output().await?;
    let token = String::from_utf8(token.stdout)?.trim().to_owned();
    let (commands, expected) = (blocks("sh"), blocks("text"));
    ensure!(!commands.is_empty() && !expected.is_empty(), "the section has commands and what they print");
    let shell = Command::new("sh")
        .args(["-e", "-c", &commands])
        .env("TOKEN", token)
        .env("PORT", port)
        .kill_on_drop(true)
        .output();
    let output = timeout(LIMIT, shell).await.context("the walk does not end")??;
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{told}{}", String::from_utf8_lossy(&output.stderr));
    assert!(told.ends_with(&expected), "{told}");

    // Stopped as Ctrl-C stops it.
    let process = stack.id().context("it runs")?.to_string();
    ensure!(Command::new("kill").args(["-INT", &process]).status().await?.success(), "it can be told to stop");
    let ended = timeout(LIMIT, stack.wait()).await.context("it does not stop")??;
    assert!(ended.success(), "{ended}");
    Ok(())
}
