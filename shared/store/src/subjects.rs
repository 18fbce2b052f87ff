//! Records made ready for conditions, with what conditions see beyond them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::condition::Reads;
use domain::id::RecordKey;
use domain::record::{Record, State};
use domain::record_type::{RecordTypeDefinition, RecordTypes};
use domain::subject::{Subject, System};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::batch_get::Consistency;
use crate::error::Result;
use crate::record_item::Stored;
use crate::store::Store;

type Definition = Arc<RecordTypeDefinition>;

/// What is known of records while their subjects are made.
struct Seen<'a> {
    record_types: &'a RecordTypes,
    /// The records that they name through lookup columns.
    found: BTreeMap<RecordKey, Stored>,
}

impl Store {
    /// Each record ready for conditions that read what `reads` says of it, or why it can't be made ready. The related
    /// records are those of a moment ago.
    pub async fn subjects<'a>(
        &self,
        records: &[Stored],
        reads: impl Fn(&Stored) -> Option<&'a Reads>,
        record_types: &RecordTypes,
        now: Timestamp,
    ) -> Result<Vec<std::result::Result<Subject, String>>> {
        let mut seen = Seen { record_types, found: BTreeMap::new() };
        let mut wanted: BTreeSet<RecordKey> = BTreeSet::new();
        for (stored, reads, definition) in records.iter().filter_map(|stored| seen.known(stored, &reads)) {
            let relations = reads.relations.keys().filter_map(|name| definition.relation(name));
            let columns = relations.filter_map(|(_, relation)| relation.lookup_column());
            for column in columns.chain(reads.names.iter().map(String::as_str)) {
                wanted.extend(looked_up(&stored.record.fields, definition, column));
            }
        }
        self.fetch(wanted, &mut seen.found, now).await?;
        let mut named: BTreeSet<RecordKey> = BTreeSet::new();
        for (stored, reads, definition) in records.iter().filter_map(|stored| seen.known(stored, &reads)) {
            for (relation, columns) in &reads.relations {
                let Some((related, target)) = seen.follow(stored, definition, relation) else { continue };
                named.extend(columns.iter().filter_map(|column| looked_up(&related.record.fields, target, column)));
            }
        }
        self.fetch(named, &mut seen.found, now).await?;
        let subject = |stored: &Stored| {
            let (_, reads, definition) = seen.known(stored, &reads).ok_or("this record type is not configured")?;
            if stored.unreadable.is_empty() {
                seen.subject(stored, definition, reads)
            } else {
                Err(format!("the record's attributes {} can't be understood", stored.unreadable.join(", ")))
            }
        };
        Ok(records.iter().map(subject).collect())
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

impl Seen<'_> {
    fn known<'s, 'r>(
        &'s self,
        stored: &'s Stored,
        reads: &impl Fn(&Stored) -> Option<&'r Reads>,
    ) -> Option<(&'s Stored, &'r Reads, &'s Definition)> {
        Some((stored, reads(stored)?, self.record_types.get(&stored.record.key.record_type)?))
    }

    /// The record that a relation leads to, with the definition of its type.
    fn follow(
        &self,
        stored: &Stored,
        definition: &RecordTypeDefinition,
        relation: &str,
    ) -> Option<(&Stored, &Definition)> {
        let column = definition.relation(relation)?.1.lookup_column()?;
        let related = self.found.get(&looked_up(&stored.record.fields, definition, column)?)?;
        Some((related, self.record_types.get(&related.record.key.record_type)?))
    }

    /// The record with the related records and names that conditions look at.
    fn subject(&self, stored: &Stored, definition: &Definition, reads: &Reads) -> std::result::Result<Subject, String> {
        let mut subject = plain_subject(&stored.record, definition)?;
        self.set_names(&mut subject, stored, definition, &reads.names);
        for (relation, names) in &reads.relations {
            let Some((related, target)) = self.follow(stored, definition, relation) else { continue };
            let mut plain = plain_subject(&related.record, target)?;
            self.set_names(&mut plain, related, target, names);
            subject.add_related(relation, Arc::new(plain));
        }
        Ok(subject)
    }

    /// Says what the records are called that some lookup columns name (COND-26).
    fn set_names(
        &self,
        subject: &mut Subject,
        stored: &Stored,
        definition: &RecordTypeDefinition,
        columns: &BTreeSet<String>,
    ) {
        for column in columns {
            let named = looked_up(&stored.record.fields, definition, column).and_then(|key| self.found.get(&key));
            let Some(named) = named else { continue };
            let target = self.record_types.get(&named.record.key.record_type);
            if let Some(name) = target.and_then(|target| target.name_of(&named.record.fields)) {
                subject.set_name(column, &name);
            }
        }
    }
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
