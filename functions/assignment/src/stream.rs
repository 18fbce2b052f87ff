//! What of a stream event matters: which records, and at which positions. The images are not read, because cause and
//! columns come from the item as it is now; so no image can break the reading of a batch.

use domain::id::{RecordId, RecordKey, RecordType};
use serde::Deserialize;

/// A batch of stream records.
#[derive(Debug, Deserialize)]
pub(crate) struct Event {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Debug, Deserialize)]
struct Record {
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(rename = "Keys")]
    keys: Keys,
    #[serde(rename = "SequenceNumber")]
    sequence_number: String,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    s: String,
}

impl Event {
    /// The records of the batch in its order, each once. Items whose key is none of a record are passed over.
    pub(crate) fn records(&self) -> Vec<RecordKey> {
        let mut seen = std::collections::BTreeSet::new();
        let keys = self.records.iter().filter_map(Record::key);
        keys.filter(|key| seen.insert(key.clone())).collect()
    }

    /// The position of the first stream record of one of these records: from there on the batch is delivered again.
    pub(crate) fn first_position(&self, of: &[RecordKey]) -> Option<String> {
        let first = self.records.iter().find(|record| record.key().is_some_and(|key| of.contains(&key)))?;
        Some(first.dynamodb.sequence_number.clone())
    }
}

impl Record {
    fn key(&self) -> Option<RecordKey> {
        let (record_type, id) = self.dynamodb.keys.pk.s.split_once('#')?;
        let whole = !record_type.is_empty() && !id.is_empty();
        whole.then(|| RecordKey { record_type: RecordType::from(record_type), id: RecordId::from(id) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(keys: &[&str]) -> Event {
        let records = keys.iter().zip(100..).map(|(pk, position)| {
            serde_json::json!({"eventName": "MODIFY", "dynamodb": {
                "Keys": {"pk": {"S": pk}},
                "SequenceNumber": position.to_string(),
                "NewImage": {"fields": {"Unheard": "of"}},
            }})
        });
        serde_json::from_value(serde_json::json!({"Records": records.collect::<Vec<_>>()})).unwrap()
    }

    #[test]
    fn each_record_is_taken_once_in_the_order_of_its_first_change() {
        let keys = event(&["lead#2", "lead#1", "lead#2", "nonsense"]).records();
        assert_eq!(keys, [RecordKey::new("lead", "2"), RecordKey::new("lead", "1")]);
    }

    #[test]
    fn delivery_resumes_at_the_first_record_that_was_not_committed() {
        let event = event(&["lead#2", "lead#1", "lead#2", "lead#3"]);
        let left = [RecordKey::new("lead", "3"), RecordKey::new("lead", "1")];
        assert_eq!(event.first_position(&left).as_deref(), Some("101"));
    }
}
