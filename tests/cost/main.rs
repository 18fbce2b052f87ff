//! What one million leads a month cost on AWS, computed from requests and units that a running stack was measured to use,
//! next to what they would cost with a transaction for each record. Prints the page; with `UPDATE_DOCS` it becomes
//! `docs/cost.md`.

mod measure;
mod page;
mod prices;

use crate::measure::Measured;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let measured = Measured::take().await?;
    let page = page::of(&measured);
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(local::checkout().join("docs/cost.md"), &page)?;
    }
    println!("{page}");
    Ok(())
}
