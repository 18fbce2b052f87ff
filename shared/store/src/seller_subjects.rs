//! Sellers as conditions test them: with the records that they own or name.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use domain::condition::Reads;
use domain::id::{Owner, RecordKey, RecordType, SellerId};
use domain::record::{Record, State};
use domain::record_type::RecordTypeDefinition;
use domain::seller::Seller;
use domain::subject::Subject;
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::error::Result;
use crate::knowledge::Knowledge;
use crate::listing::Listing;
use crate::store::Store;
use crate::subjects::{looked_up, plain_subject};

/// How many owned records are read at once.
const PAGE: usize = 100;

impl Store {
    /// A seller with everything that a condition reads; `None` when it can't be tested ([`Seller::subject`]).
    pub async fn seller_subject(
        &self,
        seller: &Seller,
        reads: &Reads,
        knowledge: &Knowledge,
        now: Timestamp,
    ) -> Result<Option<Subject>> {
        let definitions = &knowledge.record_types;
        let Some(definition) = definitions.get(&RecordType::from("seller")) else { return Ok(None) };
        let Some(mut subject) = seller.subject(definition, &knowledge.seller_attributes) else { return Ok(None) };
        let names = self.names(&[&seller.fields], definition, &reads.names, knowledge, now).await?;
        set_names(&mut subject, &seller.fields, definition, &reads.names, &names);
        for (name, columns) in &reads.relations {
            let Some((_, relation)) = definition.relation(name) else { continue };
            let Some(target) = definitions.get(&relation.record_type) else { continue };
            let records = match relation.lookup_column() {
                None => self.owned(&seller.id, &relation.record_type, now).await?,
                Some(column) => {
                    let key = looked_up(&seller.fields, definition, column);
                    let stored = self.records(&Vec::from_iter(key), now).await?;
                    stored.into_iter().map(|stored| stored.record).collect()
                }
            };
            let fields: Vec<_> = records.iter().map(|record| &record.fields).collect();
            let names = self.names(&fields, target, columns, knowledge, now).await?;
            for record in &records {
                // A record whose values can't be understood is related to nobody.
                let Ok(mut related) = plain_subject(record, target) else { continue };
                set_names(&mut related, &record.fields, target, columns, &names);
                subject.add_related(name, Arc::new(related));
            }
        }
        Ok(Some(subject))
    }

    /// The active records of a type that a seller owns.
    async fn owned(&self, seller: &SellerId, record_type: &RecordType, now: Timestamp) -> Result<Vec<Record>> {
        let owner = Owner::Seller(seller.clone());
        let listing = Listing::owned(&owner, record_type, Some(State::Active));
        let (mut records, mut position) = (vec![], None);
        loop {
            let keep = |record: &Record| record.owner.as_ref() == Some(&owner);
            let page = self.list(&listing, position, PAGE, now, keep).await?;
            records.extend(page.records);
            position = page.next;
            if position.is_none() {
                return Ok(records);
            }
        }
    }

    /// What the records are called that these columns name (COND-26).
    async fn names(
        &self,
        fields: &[&Map<String, Value>],
        definition: &RecordTypeDefinition,
        columns: &BTreeSet<String>,
        knowledge: &Knowledge,
        now: Timestamp,
    ) -> Result<BTreeMap<RecordKey, String>> {
        let wanted =
            fields.iter().flat_map(|fields| columns.iter().filter_map(|column| looked_up(fields, definition, column)));
        let wanted: BTreeSet<RecordKey> = wanted.collect();
        let stored = self.records(&Vec::from_iter(wanted), now).await?;
        let names = stored.into_iter().filter_map(|stored| {
            let definition = knowledge.record_types.get(&stored.record.key.record_type)?;
            let name = definition.name_of(&stored.record.fields)?;
            Some((stored.record.key, name))
        });
        Ok(names.collect())
    }
}

fn set_names(
    subject: &mut Subject,
    fields: &Map<String, Value>,
    definition: &RecordTypeDefinition,
    columns: &BTreeSet<String>,
    names: &BTreeMap<RecordKey, String>,
) {
    for column in columns {
        let name = looked_up(fields, definition, column).and_then(|key| names.get(&key));
        if let Some(name) = name {
            subject.set_name(column, name);
        }
    }
}
