//! What a decision about waiting records needs: the records as they are now, and what conditions see beyond them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::id::RecordKey;
use domain::record::{Record, State};
use domain::record_type::RecordTypeDefinition;
use domain::route::{Arrival, Organisation};
use domain::rulebook::Rulebook;
use domain::subject::{Subject, System};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::batch_get::Consistency;
use crate::error::Result;
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

impl Store {
    /// Of these records those that wait, in the order given, each once. Records that were deleted, closed or already
    /// processed are left out: there is nothing to do.
    pub async fn waiting(
        &self,
        wanted: &[RecordKey],
        organisation: &Organisation,
        now: Timestamp,
    ) -> Result<Vec<Waiting>> {
        let mut found: BTreeMap<RecordKey, Stored> =
            self.records(wanted, now).await?.into_iter().map(|stored| (stored.record.key.clone(), stored)).collect();
        let waiting: Vec<Stored> = wanted
            .iter()
            .filter_map(|key| found.remove(key))
            .filter(|stored| {
                stored.record.waits() && (stored.record.state == State::Active || stored.record.revision == 0)
            })
            .collect();
        let related = self.related(&waiting, organisation, now).await?;
        Ok(waiting
            .into_iter()
            .map(|stored| {
                let subject = if stored.unreadable.is_empty() {
                    subject(&stored, organisation, &related)
                } else {
                    Err(format!("the record's attributes {} can't be understood", stored.unreadable.join(", ")))
                };
                let arrival = Arrival { record: stored.record.clone(), subject };
                Waiting { stored, arrival }
            })
            .collect())
    }

    /// The records that conditions look at through lookup columns, as they were a moment ago: those that records name,
    /// and those whose names a condition compares on a related record.
    async fn related(
        &self,
        waiting: &[Stored],
        organisation: &Organisation,
        now: Timestamp,
    ) -> Result<BTreeMap<RecordKey, Stored>> {
        let mut found = BTreeMap::new();
        let mut wanted: BTreeSet<RecordKey> = BTreeSet::new();
        for stored in waiting {
            let Some(rulebook) = rulebook_of(organisation, stored) else { continue };
            let relations = rulebook.reads().relations.keys().filter_map(|name| rulebook.definition.relation(name));
            let columns = relations.filter_map(|(_, relation)| relation.lookup_column());
            for column in columns.chain(rulebook.reads().names.iter().map(String::as_str)) {
                wanted.extend(looked_up(&stored.record.fields, &rulebook.definition, column));
            }
        }
        self.fetch(wanted, &mut found, now).await?;
        let mut named: BTreeSet<RecordKey> = BTreeSet::new();
        for stored in waiting {
            let Some(rulebook) = rulebook_of(organisation, stored) else { continue };
            for (relation, columns) in &rulebook.reads().relations {
                let Some((related, target)) = follow(stored, rulebook, relation, organisation, &found) else {
                    continue;
                };
                named.extend(
                    columns.iter().filter_map(|column| looked_up(&related.record.fields, &target.definition, column)),
                );
            }
        }
        self.fetch(named, &mut found, now).await?;
        Ok(found)
    }

    async fn fetch(
        &self,
        mut wanted: BTreeSet<RecordKey>,
        found: &mut BTreeMap<RecordKey, Stored>,
        now: Timestamp,
    ) -> Result<()> {
        wanted.retain(|key| !found.contains_key(key));
        let wanted: Vec<RecordKey> = wanted.into_iter().collect();
        let fetched = self.records_with(&wanted, Consistency::Eventual, now).await?;
        found.extend(fetched.into_iter().map(|stored| (stored.record.key.clone(), stored)));
        Ok(())
    }
}

fn rulebook_of<'a>(organisation: &'a Organisation, stored: &Stored) -> Option<&'a Rulebook> {
    organisation.rulebooks.get(&stored.record.key.record_type).map(Arc::as_ref)
}

/// The record that a lookup column names.
pub(crate) fn looked_up(
    fields: &Map<String, Value>,
    definition: &RecordTypeDefinition,
    column: &str,
) -> Option<RecordKey> {
    let target = definition.column(column)?.1.target.clone()?;
    let id = fields.get(column)?.as_str().filter(|id| !id.is_empty())?;
    Some(RecordKey::new(target, id))
}

/// The record that a relation leads to, with the rulebook of its type.
fn follow<'a>(
    stored: &Stored,
    rulebook: &Rulebook,
    relation: &str,
    organisation: &'a Organisation,
    found: &'a BTreeMap<RecordKey, Stored>,
) -> Option<(&'a Stored, &'a Rulebook)> {
    let column = rulebook.definition.relation(relation)?.1.lookup_column()?;
    let related = found.get(&looked_up(&stored.record.fields, &rulebook.definition, column)?)?;
    Some((related, rulebook_of(organisation, related)?))
}

/// The record ready for conditions, with the related records and names they look at.
fn subject(
    stored: &Stored,
    organisation: &Organisation,
    found: &BTreeMap<RecordKey, Stored>,
) -> std::result::Result<Subject, String> {
    let rulebook = rulebook_of(organisation, stored).ok_or("this record type is not configured")?;
    let reads = rulebook.reads();
    let mut subject = plain_subject(&stored.record, &rulebook.definition)?;
    set_names(&mut subject, stored, &rulebook.definition, &reads.names, organisation, found);
    for (relation, names) in &reads.relations {
        let Some((related, target)) = follow(stored, rulebook, relation, organisation, found) else { continue };
        let mut plain = plain_subject(&related.record, &target.definition)?;
        set_names(&mut plain, related, &target.definition, names, organisation, found);
        subject.add_related(relation, Arc::new(plain));
    }
    Ok(subject)
}

/// Says what the records are called that some lookup columns name (COND-26).
fn set_names(
    subject: &mut Subject,
    stored: &Stored,
    definition: &RecordTypeDefinition,
    columns: &BTreeSet<String>,
    organisation: &Organisation,
    found: &BTreeMap<RecordKey, Stored>,
) {
    for column in columns {
        let Some(named) = looked_up(&stored.record.fields, definition, column).and_then(|key| found.get(&key)) else {
            continue;
        };
        let name = rulebook_of(organisation, named).and_then(|target| target.definition.name_of(&named.record.fields));
        if let Some(name) = name {
            subject.set_name(column, &name);
        }
    }
}

/// The record without what conditions see beyond it, or why it can't be tested.
pub(crate) fn plain_subject(
    record: &Record,
    definition: &Arc<RecordTypeDefinition>,
) -> std::result::Result<Subject, String> {
    let system = System {
        id: record.key.id.as_str(),
        created_on: Some(record.created_on),
        modified_on: Some(record.modified_on),
        created_by: record.created_by.as_deref(),
        state: Some(match record.state {
            State::Active => "active",
            State::Inactive => "inactive",
        }),
        status_reason: record.status_reason.as_deref(),
        owner: record.owner.as_ref(),
    };
    Subject::new(definition, &record.fields, &system).map_err(|faults| {
        let places: Vec<&str> = faults.iter().map(|fault| fault.pointer.as_str()).collect();
        format!("values of {} {} are not of their columns' types", record.key, places.join(", "))
    })
}
