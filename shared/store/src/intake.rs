//! New records, many at a time: as many as go into one request, several requests at once.

use std::sync::Arc;

use aws_sdk_dynamodb::types::BatchStatementRequest;
use domain::id::Owner;
use domain::record::{NewRecord, Record};
use jiff::Timestamp;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::error::{Result, failure};
use crate::record_item::item_of;
use crate::store::Store;

/// DynamoDB's limit on the statements of one request.
const MOST_STATEMENTS: usize = 25;

/// So many requests are under way at once.
const AT_ONCE: usize = 16;

impl Store {
    /// New records, each as [`Store::create_record`] would create it, with what became of each in the order given. One
    /// that fails doesn't stop the others.
    pub async fn create_records(&self, new: Vec<NewRecord>, now: Timestamp) -> Vec<Result<Record>> {
        let mut outcomes: Vec<Option<Result<Record>>> = new.iter().map(|_| None).collect();
        let owned_by_seller = |new: &NewRecord| matches!(new.owner, Some(Owner::Seller(_)));
        let (alone, together): (Vec<_>, Vec<_>) =
            new.into_iter().enumerate().partition(|(_, new)| owned_by_seller(new));
        let places = Arc::new(Semaphore::new(AT_ONCE));
        let mut writes: JoinSet<Vec<(usize, Result<Record>)>> = JoinSet::new();
        // A seller's held records move in the same transaction, so such a record goes by itself.
        for (index, new) in alone {
            let (store, places) = (self.clone(), Arc::clone(&places));
            writes.spawn(async move {
                let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                vec![(index, store.create_record(new, now).await)]
            });
        }
        let mut together = together.into_iter().peekable();
        while together.peek().is_some() {
            let chunk: Vec<(usize, NewRecord)> = together.by_ref().take(MOST_STATEMENTS).collect();
            let (store, places) = (self.clone(), Arc::clone(&places));
            writes.spawn(async move {
                let _place = places.acquire_owned().await.expect("the semaphore is never closed");
                store.insert(chunk, now).await
            });
        }
        while let Some(written) = writes.join_next().await {
            for (index, outcome) in written.expect("a write neither panics nor is cancelled") {
                outcomes[index] = Some(outcome);
            }
        }
        outcomes.into_iter().map(|outcome| outcome.expect("every record was in one of the writes")).collect()
    }

    /// Records in one request. What it does not do for a record is tried for that record alone, which also tells whether
    /// this very request created it before.
    async fn insert(&self, chunk: Vec<(usize, NewRecord)>, now: Timestamp) -> Vec<(usize, Result<Record>)> {
        let statements: Result<Vec<BatchStatementRequest>> =
            chunk.iter().map(|(_, new)| self.insertion(&new.clone().into_record(now))).collect();
        let inserted: Result<Vec<bool>> = match statements {
            Ok(statements) => {
                let request = self.client.batch_execute_statement().set_statements(Some(statements));
                let answer = request.send().await.map_err(failure);
                answer.map(|answer| answer.responses().iter().map(|response| response.error().is_none()).collect())
            }
            Err(error) => Err(error),
        };
        let inserted = inserted.unwrap_or_default();
        let mut outcomes = Vec::with_capacity(chunk.len());
        for (place, (index, new)) in chunk.into_iter().enumerate() {
            let outcome = if inserted.get(place) == Some(&true) {
                Ok(new.into_record(now))
            } else {
                self.create_record(new, now).await
            };
            outcomes.push((index, outcome));
        }
        outcomes
    }

    fn insertion(&self, record: &Record) -> Result<BatchStatementRequest> {
        let (names, values): (Vec<String>, Vec<_>) = item_of(record)?.into_iter().unzip();
        let members: Vec<String> = names.iter().map(|name| format!("'{name}': ?")).collect();
        let statement = format!("INSERT INTO \"{}\" VALUE {{{}}}", self.records_table, members.join(", "));
        let request = BatchStatementRequest::builder().statement(statement).set_parameters(Some(values));
        Ok(request.build().expect("a statement is given"))
    }
}
