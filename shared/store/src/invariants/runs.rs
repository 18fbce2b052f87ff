//! The way through `work`: every stored run against its record, every moving part of a seller against the records.

use domain::invariant::{self, Invariant, history};
use jiff::Timestamp;

use super::Check;
use super::histories::Judged;
use super::scan::Place;
use crate::error::Result;
use crate::store::Store;

impl Check {
    /// Looks at a page of runs and sellers.
    pub(super) async fn work(&mut self, store: &Store, place: &Place, now: Timestamp) -> Result<Option<Place>> {
        let (page, next) = store.scan_work(place).await?;
        self.report.looked_at.pages += 1;
        let runs = u64::try_from(page.links.len()).unwrap_or(u64::MAX);
        self.report.looked_at.runs += runs;
        for invariant in [Invariant::DecidedOnce, Invariant::RunHasRecord] {
            self.report.figures(invariant).looked_at += runs;
        }
        self.report.note(page.unreadable.iter().map(|chunk| invariant::unreadable_runs(chunk)));
        let judged = self.histories.standings(store, page.links, now).await?;
        self.report.note(judged.iter().filter_map(|run| history::breach(&run.link, &run.standing)));
        for Judged { link, .. } in judged.iter().filter(|run| run.agrees) {
            self.last_runs.met(&link.record, &link.run);
        }
        let states = store.seller_states(&page.sellers).await?;
        self.first_looks(store, states, now).await?;
        Ok(next)
    }
}
