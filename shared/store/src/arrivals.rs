//! Records ready to be decided: those that wait, and those of which somebody wants to know what would become.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::condition::Reads;
use domain::id::{RecordKey, RecordType};
use domain::mark::Mark;
use domain::obstacle::Obstacle;
use domain::record::State;
use domain::record_type::RecordTypes;
use domain::route::{Arrival, Organisation};
use domain::rulebook::Rulebook;
use domain::subject::Subject;
use jiff::Timestamp;
use tokio::task::JoinSet;

use crate::error::{Error, Result, failure};
use crate::item::number;
use crate::keys;
use crate::record_item::Stored;
use crate::store::Store;

/// A waiting record as it was read, ready to be decided.
#[derive(Debug, Clone)]
pub struct Waiting {
    /// The record and the item it was read from.
    pub stored: Stored,
    /// The record as `route` takes it.
    pub arrival: Arrival,
}

impl Waiting {
    fn new(stored: Stored, subject: Understood) -> Self {
        Self { arrival: Arrival { record: stored.record.clone(), subject }, stored }
    }

    /// A record that can't be decided because of this.
    #[must_use]
    pub fn hindered(stored: Stored, obstacle: Obstacle) -> Self {
        Self::new(stored, Err(obstacle))
    }
}

impl Store {
    /// Writes down, of those that the sweep has touched, that they are about to be decided: one that still waits after some
    /// attempts is given up, and one that nobody tried never. What commits rely on stays as it is.
    pub async fn about_to_decide(&self, waiting: &[Stored]) -> Result<()> {
        let untried = |mark: &Mark| mark.touched.is_some() && !mark.tried;
        let touched = |stored: &&Stored| stored.record.mark.as_ref().is_some_and(untried);
        let mut updates = JoinSet::new();
        for stored in waiting.iter().filter(touched) {
            let update = self.client.update_item().table_name(&self.records_table);
            let update = update
                .set_key(Some(keys::record(&stored.record.key).attributes()))
                .update_expression(
                    "SET #mark.#attempt = if_not_exists(#mark.#attempt, :zero) + :one, #mark.#tried = :true",
                )
                .condition_expression("attribute_exists(#mark.#touched) AND attribute_not_exists(#mark.#tried)")
                .expression_attribute_names("#mark", "mark")
                .expression_attribute_names("#attempt", "attempt")
                .expression_attribute_names("#touched", "touched")
                .expression_attribute_names("#tried", "tried")
                .expression_attribute_values(":true", AttributeValue::Bool(true))
                .expression_attribute_values(":zero", number(0))
                .expression_attribute_values(":one", number(1));
            updates.spawn(update.send());
        }
        while let Some(update) = updates.join_next().await {
            match update.expect("an update neither panics nor is cancelled").map_err(failure) {
                // Another one was first.
                Ok(_) | Err(Error::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Of these records those that wait, in the order given, each once. Records that were deleted, closed or already
    /// processed are left out: there is nothing to do.
    pub async fn still_waiting(&self, wanted: &[RecordKey], now: Timestamp) -> Result<Vec<Stored>> {
        let mut found: BTreeMap<RecordKey, Stored> =
            self.records(wanted, now).await?.into_iter().map(|stored| (stored.record.key.clone(), stored)).collect();
        let waiting = wanted.iter().filter_map(|key| found.remove(key)).filter(|stored| {
            stored.record.waits() && (stored.record.state == State::Active || stored.record.revision == 0)
        });
        Ok(waiting.collect())
    }

    /// Each record as `route` takes it, with what conditions see beyond it. A record of which we may not read that, or
    /// can't, can't be decided, and keeps no other from it.
    pub async fn arrivals(
        &self,
        records: Vec<Stored>,
        organisation: &Organisation,
        record_types: &RecordTypes,
        now: Timestamp,
    ) -> Result<Vec<Waiting>> {
        // A record that is assigned is what later ones of its batch may find related to its owner.
        let sellers = record_types.get(&RecordType::from("seller"));
        let owned = sellers.map(|sellers| organisation.owned_relations(sellers)).unwrap_or_default();
        let reads = |(record_type, rulebook): (&RecordType, &Arc<Rulebook>)| {
            let mut reads = rulebook.reads().clone();
            reads
                .names
                .extend(owned.get(record_type).into_iter().flat_map(|relations| relations.values().flatten()).cloned());
            (record_type.clone(), reads)
        };
        let reads: BTreeMap<RecordType, Reads> = organisation.rulebooks.iter().map(reads).collect();
        let reads = |stored: &Stored| reads.get(&stored.record.key.record_type);
        let subjects: Vec<Understood> = match self.subjects(&records, reads, record_types, now).await {
            Err(Error::Denied(_) | Error::Corrupt(_)) => {
                let mut one_by_one = Vec::with_capacity(records.len());
                for stored in &records {
                    match self.subjects(std::slice::from_ref(stored), reads, record_types, now).await {
                        Err(Error::Denied(lacking)) => one_by_one.push(Err(Obstacle::denied(&lacking))),
                        Err(Error::Corrupt(_)) => one_by_one.push(Err(Obstacle::broken(UNREADABLE))),
                        alone => one_by_one.extend(alone?.into_iter().map(understood)),
                    }
                }
                one_by_one
            }
            together => together?.into_iter().map(understood).collect(),
        };
        Ok(records.into_iter().zip(subjects).map(|(stored, subject)| Waiting::new(stored, subject)).collect())
    }
}

/// Why a record can't be decided of which a request was refused as malformed.
const UNREADABLE: &str = "what the record names can't be read; the log of the database client holds the details";

/// A record as conditions see it, or why they can't.
type Understood = std::result::Result<Subject, Obstacle>;

fn understood(subject: std::result::Result<Subject, String>) -> Understood {
    subject.map_err(Obstacle::broken)
}
