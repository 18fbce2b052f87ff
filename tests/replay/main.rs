//! The replay: the opportunities of a public CRM data set through the HTTP contract of a running stack, with what came
//! of them and what it cost.
//!
//! Phase A feeds all of them at once and shows what Baton can do. Phase B lives through the fourteen months day by day,
//! on the data set's own calendar, and shows what becomes of a company whose sellers are full. `PHASE=A` or `PHASE=B`
//! runs one of them. The replay shows, it does not judge alone: it fails when a promise is broken, and says which
//! targets were missed.

mod crm;
mod engine_rate;
mod figures;
mod ledger;
mod organisation;
mod outcome;
mod phase_a;
mod phase_b;
mod recounting;
mod timeline;

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use indicatif::{ProgressBar, ProgressStyle};
use journeys::running_stack::RunningStack;
use local::demo::generate::Crm;

use crate::crm::Source;
use crate::organisation::Organisation;

/// How long anything that is waited for may take, at the most.
const END: Duration = Duration::from_mins(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let chosen = std::env::var("PHASE").unwrap_or_default();
    let (a, b) = match chosen.as_str() {
        "" => (true, true),
        "A" => (true, false),
        "B" => (false, true),
        other => bail!("PHASE is A or B, not {other}; without it both run"),
    };
    let (crm, source) = crm::load(&crm::folder())?;
    match source {
        Source::Folder(folder) => println!("Data: {}", folder.display()),
        Source::Generated(folder) => {
            println!("!!! There is no CRM data in {} (BATON_CRM_DATA names another folder).", folder.display());
            println!("!!! The figures below come from generated data of the same shape.");
        }
    }
    let mut kept = true;
    if a {
        kept &= phase_a::run(&crm).await?;
    }
    if b {
        kept &= phase_b::run(&crm).await?;
    }
    ensure!(kept, "a promise is broken");
    Ok(())
}

/// Creates the organisation and waits until its accounts are dealt with.
async fn prepare(stack: &RunningStack, crm: &Crm, maximum: i64) -> anyhow::Result<Organisation> {
    let organisation = organisation::create(&stack.administrator(), crm, maximum).await;
    stack.delivered(END).await.context("the accounts are not processed")?;
    organisation.context("the organisation can't be created")
}

/// A bar of so many steps; `{msg}` says what is done.
fn progress(steps: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:40} {pos}/{len} {msg}, {elapsed}").expect("known parts");
    ProgressBar::new(steps as u64).with_style(style)
}
