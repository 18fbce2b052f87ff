//! The worked examples and the lives of leads through HTTP: the rows of `shared/domain/tests/stories`, which `route`
//! proves for itself, told to a running stack, each to one of its own.
//!
//! Nothing but the rows is shared with the tests of `domain`. What a row tells of is set up through the API, what
//! sellers hold and when they were assigned comes about by records that are given to them with the clock at that
//! instant, and what is expected is read from runs, records and sellers. There is no worked example and no life that
//! can't be told this way.

use anyhow::{Context, ensure};
use libtest_mimic::{Arguments, Trial};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::life::Life;
use crate::order::Order;
use crate::story::Story;

mod life;
mod order;
mod scene;
mod story;

/// So many stacks run at once, unless `--test-threads` says otherwise.
const AT_ONCE: usize = 2;

/// Something that a row tells and a stack can be made to do.
trait Told: DeserializeOwned + Send + 'static {
    /// Performs it on a stack of its own.
    ///
    /// # Errors
    /// When the stack refuses something. Where it does otherwise than told, it panics.
    async fn perform(&self) -> anyhow::Result<()>;
}

/// What all rows begin with.
#[derive(Deserialize)]
struct Row {
    /// What of the specification it proves.
    id: String,
    title: String,
    #[serde(flatten)]
    told: Value,
}

/// Those rows of a file whose id holds a text, as tests.
fn rows<T: Told>(file: &str, of: &str) -> anyhow::Result<Vec<Trial>> {
    let rows: Vec<Row> = serde_json::from_str(file)?;
    let chosen = rows.into_iter().filter(|row| row.id.contains(of));
    let trial = |Row { id, title, told }: Row| {
        let told: T = serde_json::from_value(told).with_context(|| format!("{id} {title}"))?;
        let perform = move || {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            Ok(runtime.block_on(told.perform()).map_err(|error| format!("{error:?}"))?)
        };
        Ok(Trial::test(format!("{id} {title} over HTTP"), perform))
    };
    let trials: Vec<Trial> = chosen.map(trial).collect::<anyhow::Result<_>>()?;
    ensure!(!trials.is_empty(), "the file has such rows");
    Ok(trials)
}

fn main() -> anyhow::Result<()> {
    let mut arguments = Arguments::from_args();
    arguments.test_threads.get_or_insert(AT_ONCE);
    let mut trials = rows::<Order>(include_str!("../../../shared/domain/tests/stories/round-robin.json"), "EX-")?;
    for file in [
        include_str!("../../../shared/domain/tests/stories/availability.json"),
        include_str!("../../../shared/domain/tests/stories/capacity.json"),
        include_str!("../../../shared/domain/tests/stories/load-balancing.json"),
        include_str!("../../../shared/domain/tests/stories/sellers.json"),
        include_str!("../../../shared/domain/tests/stories/teams-and-queues.json"),
    ] {
        trials.extend(rows::<Story>(file, "EX-")?);
    }
    trials.extend(rows::<Life>(include_str!("../../../shared/domain/tests/stories/lives.json"), "")?);
    libtest_mimic::run(&arguments, trials).exit();
}
