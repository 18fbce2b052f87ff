//! New records, many at a time: as many as go into one request, several requests at once.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::BatchStatementRequest;
use domain::id::{Owner, SellerId};
use domain::record::{NewRecord, Record};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::{Result, failure};
use crate::record_item::item_of;
use crate::store::Store;

/// So many records go into one request: DynamoDB's limit on statements, and well below that on a transaction's items.
const MOST_TOGETHER: usize = 25;

/// So many requests are under way at once.
const AT_ONCE: usize = 16;

impl Store {
    /// New records, each as [`Store::create_record`] would create it, with what became of each in the order given. One
    /// that fails doesn't stop the others.
    pub async fn create_records(&self, new: Vec<NewRecord>, now: Timestamp) -> Vec<Result<Record>> {
        let mut outcomes: Vec<Option<Result<Record>>> = new.iter().map(|_| None).collect();
        let mut by_seller: BTreeMap<Option<SellerId>, Vec<(usize, NewRecord)>> = BTreeMap::new();
        for (index, new) in new.into_iter().enumerate() {
            let seller = new.owner.as_ref().and_then(Owner::seller).cloned();
            by_seller.entry(seller).or_default().push((index, new));
        }
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut writes: JoinSet<Vec<(usize, Result<Record>)>> = JoinSet::new();
        for (seller, new) in by_seller {
            // A seller's held records move with the records, and two transactions on one seller stand in each other's
            // way: those of one seller are written one request after the other.
            let together = if seller.is_some() { new.len() } else { MOST_TOGETHER };
            let mut new = new.into_iter().peekable();
            while new.peek().is_some() {
                let part: Vec<(usize, NewRecord)> = new.by_ref().take(together).collect();
                let (store, places, seller) = (self.clone(), Arc::clone(&places), seller.clone());
                writes.spawn(async move {
                    let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                    store.create_part(part, seller.as_ref(), now).await
                });
            }
        }
        while let Some(written) = writes.join_next().await {
            for (index, outcome) in written.expect("a write neither panics nor is cancelled") {
                outcomes[index] = Some(outcome);
            }
        }
        outcomes.into_iter().map(|outcome| outcome.expect("every record was in one of the writes")).collect()
    }

    /// Records of one seller, or of none, one request after the other. What a request does not do for a record is tried
    /// for that record alone, which also tells whether this very request created it before.
    async fn create_part(
        &self,
        part: Vec<(usize, NewRecord)>,
        seller: Option<&SellerId>,
        now: Timestamp,
    ) -> Vec<(usize, Result<Record>)> {
        let mut outcomes = Vec::with_capacity(part.len());
        for chunk in part.chunks(MOST_TOGETHER) {
            let records: Vec<Record> = chunk.iter().map(|(_, new)| new.clone().into_record(now)).collect();
            let created = match seller {
                Some(seller) => vec![self.create_owned(&records, seller, now).await.is_ok(); records.len()],
                None => self.insert(&records).await.unwrap_or_default(),
            };
            let mut created = created.into_iter();
            for ((index, new), record) in chunk.iter().zip(records) {
                let outcome = match created.next() {
                    Some(true) => Ok(record),
                    _ => self.create_record(new.clone(), now).await,
                };
                outcomes.push((*index, outcome));
            }
        }
        outcomes
    }

    /// Which of these records, which have no seller, one request has created.
    async fn insert(&self, records: &[Record]) -> Result<Vec<bool>> {
        let statements: Vec<BatchStatementRequest> =
            records.iter().map(|record| self.insertion(record)).collect::<Result<_>>()?;
        let request = self.client.batch_execute_statement().set_statements(Some(statements));
        let answer = request.send().await.map_err(failure)?;
        Ok(answer.responses().iter().map(|response| response.error().is_none()).collect())
    }

    fn insertion(&self, record: &Record) -> Result<BatchStatementRequest> {
        let (names, values): (Vec<String>, Vec<_>) = item_of(record)?.into_iter().unzip();
        let members: Vec<String> = names.iter().map(|name| format!("'{name}': ?")).collect();
        let statement = format!("INSERT INTO \"{}\" VALUE {{{}}}", self.records_table, members.join(", "));
        let request = BatchStatementRequest::builder().statement(statement).set_parameters(Some(values));
        Ok(request.build().expect("a statement is given"))
    }
}
