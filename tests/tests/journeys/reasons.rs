//! Every reason of the monitor made by a real situation, and gone when one thing of the situation is different.

mod broken;
mod case;
mod cases;
mod denied;
mod proof;

use std::io::Write as _;

use journeys::running_stack::RunningStack;
use journeys::until::LONG;

use case::Stage;
use proof::Row;

/// Past the capture of test output: the table is meant to be read.
fn show(rows: &[Row]) -> anyhow::Result<()> {
    let mut out = std::io::stderr();
    writeln!(out, "\n| reason | situation | one condition away | then |\n|---|---|---|---|")?;
    for Row { reason, situation, away, then } in rows {
        writeln!(out, "| {reason} | {situation} | {away} | {then} |")?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_21_mon_22_mon_23_mon_24_mon_25_mon_26_mon_27_mon_28_mon_29_mon_30_mon_31_mon_32_mon_41_mon_45_one_condition_away()
-> anyhow::Result<()> {
    let stack = RunningStack::start_at_noon().await?;
    let stage = Stage::new(&stack);
    let mut rows = Vec::new();
    for case in cases::all(stack.now()) {
        let what = format!("{}: {}", case.reason, case.situation);
        rows.push(stage.play(case).await.map_err(|error| error.context(what))?);
    }
    show(&rows)?;
    let stored = stack.settled(LONG).await?;
    let decided = |key: &str| stored.runs.iter().filter(|run| run["recordId"] == key.replace("lead#", "")).count();
    let found = stored.recount(decided);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
