//! Ways to damage what is stored, past everything that looks after it.

use std::io::{Read, Write};

use aws_sdk_dynamodb::primitives::Blob;
use flate2::Compression;
use flate2::read::DeflateDecoder;
use flate2::write::DeflateEncoder;
use serde_json::Value;

use super::*;

fn record_key(id: &str) -> HashMap<String, AttributeValue> {
    texts([("pk", &format!("lead#{id}"))])
}

fn chunk_key(run: &str) -> HashMap<String, AttributeValue> {
    let (chunk, _) = run.rsplit_once('.').unwrap();
    texts([("pk", &format!("runs#{chunk}")), ("sk", "-")])
}

impl Fixture {
    /// Sets an attribute of a lead, or removes it.
    pub(crate) async fn set(&self, id: &str, attribute: &str, value: Option<AttributeValue>) {
        let update = self.client.update_item().table_name(RECORDS).set_key(Some(record_key(id)));
        let update = update.expression_attribute_names("#a", attribute);
        let update = match value {
            Some(value) => update.update_expression("SET #a = :a").expression_attribute_values(":a", value),
            None => update.update_expression("REMOVE #a"),
        };
        update.send().await.unwrap();
    }

    /// Takes a lead away, as another program might.
    pub(crate) async fn remove(&self, id: &str) {
        let delete = self.client.delete_item().table_name(RECORDS).set_key(Some(record_key(id)));
        delete.send().await.unwrap();
    }

    /// The runs of a lead, the latest first.
    pub(crate) async fn runs(&self, id: &str) -> Vec<String> {
        let record = self.store.record(&key(id), at(0)).await.unwrap().record;
        let (runs, _) = self.store.runs_of(&record, None, 99).await.unwrap();
        runs.into_iter().map(|run| run.id.to_string()).collect()
    }

    /// Takes away the chunk of a run.
    pub(crate) async fn remove_chunk(&self, run: &str) {
        let delete = self.client.delete_item().table_name(WORK).set_key(Some(chunk_key(run)));
        delete.send().await.unwrap();
    }

    /// Puts the chunk of a run under another id, or the same, with its runs changed.
    pub(crate) async fn rewrite_chunk(&self, run: &str, chunk: &str, change: impl Fn(&mut Value)) {
        let get = self.client.get_item().table_name(WORK).set_key(Some(chunk_key(run)));
        let mut item = get.send().await.unwrap().item.unwrap();
        let mut json = String::new();
        let packed = item["runs"].as_b().unwrap().as_ref().to_vec();
        DeflateDecoder::new(packed.as_slice()).read_to_string(&mut json).unwrap();
        let mut runs: Vec<Value> = serde_json::from_str(&json).unwrap();
        runs.iter_mut().for_each(change);
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&serde_json::to_vec(&runs).unwrap()).unwrap();
        item.extend(texts([("pk", &format!("runs#{chunk}"))]));
        self.put_runs(item, encoder.finish().unwrap()).await;
    }

    /// Makes the chunk of a run unreadable.
    pub(crate) async fn garble(&self, run: &str) {
        self.put_runs(chunk_key(run), b"no runs".to_vec()).await;
    }

    async fn put_runs(&self, mut item: HashMap<String, AttributeValue>, packed: Vec<u8>) {
        item.insert("runs".to_owned(), AttributeValue::B(Blob::new(packed)));
        self.client.put_item().table_name(WORK).set_item(Some(item)).send().await.unwrap();
    }
}
