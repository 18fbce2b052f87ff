//! A batch decided: what was known, the records that wait, and what was decided of each.

use std::sync::Arc;

use domain::decide::decide;
use domain::obstacle::Obstacle;
use domain::route::{Arrival, Decision, Present, hindered};
use store::Store;
use store::arrivals::Waiting;
use store::knowledge::{Knowledge, Memory};
use store::record_item::Stored;

/// A batch decided.
#[derive(Debug)]
pub(crate) struct Batch {
    /// What it was decided by; none where that may not be read, and then nobody was sought.
    pub(crate) knowledge: Option<Arc<Knowledge>>,
    waiting: Vec<Waiting>,
    decisions: Vec<Decision>,
}

impl Batch {
    /// Loads what decisions need and decides. Records end as failed runs where our identity may not read it (SEC-48).
    pub(crate) async fn decide(
        store: &Store,
        memory: &Memory,
        records: Vec<Stored>,
        present: Present,
    ) -> Result<Self, store::Error> {
        let knowledge = match store.knowledge(memory).await {
            Err(store::Error::Denied(lacking)) => return Ok(Self::denied(None, records, present, &lacking)),
            known => known?,
        };
        let mut roster = match store.roster(&knowledge, present.now).await {
            Err(store::Error::Denied(lacking)) => return Ok(Self::denied(Some(knowledge), records, present, &lacking)),
            roster => roster?,
        };
        let organisation = &knowledge.organisation;
        store.about_to_decide(&records).await?;
        let waiting = store.arrivals(records, organisation, &knowledge.record_types, present.now).await?;
        let arrivals: Vec<Arrival> = waiting.iter().map(|waiting| waiting.arrival.clone()).collect();
        let decisions = decide(organisation, &mut roster, &arrivals, present);
        Ok(Self { knowledge: Some(knowledge), waiting, decisions })
    }

    /// Every record ends as a failed run.
    fn denied(knowledge: Option<Arc<Knowledge>>, records: Vec<Stored>, present: Present, lacking: &str) -> Self {
        let obstacle = Obstacle::denied(lacking);
        let rulebook = |stored: &Stored| {
            knowledge.as_ref()?.organisation.rulebooks.get(&stored.record.key.record_type).map(|known| known.version)
        };
        let decision = |stored: &Stored| {
            let run = hindered(&stored.record, rulebook(stored).unwrap_or(0), present, obstacle.clone());
            Decision { run, touched: None }
        };
        let decisions = records.iter().map(decision).collect();
        let waiting = records.into_iter().map(|stored| Waiting::hindered(stored, obstacle.clone())).collect();
        Self { knowledge, waiting, decisions }
    }

    /// The records in their order, each with its decision.
    pub(crate) fn decided(&self) -> Vec<(&Waiting, &Decision)> {
        self.waiting.iter().zip(&self.decisions).collect()
    }
}
