//! What the recount promises, on a real engine: a drift is found and put right, and nothing else is ever touched.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

#[path = "../support/mod.rs"]
mod support;

mod drift;
mod interleaving;
mod periods;
mod rounds;
mod writers;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::{Owner, RecordKey, RecordType, SellerId};
use domain::record::{NewRecord, Record};
use domain::recount::Figures;
use domain::roster::SellerState;
use domain::route::manual;
use jiff::Timestamp;
use serde_json::json;
use store::record_item::Stored;
use store::records::Change;
use store::{Error, Store};
use support::{Fixture, RECORDS, WORK, at};

fn lead() -> RecordType {
    RecordType::from("lead")
}

fn key(id: &str) -> RecordKey {
    RecordKey::new("lead", id)
}

async fn create(store: &Store, id: &str, owner: &str, now: Timestamp) {
    let new = NewRecord {
        key: key(id),
        fields: json!({"topic": id}).as_object().unwrap().clone(),
        owner: Some(Owner::Seller(owner.into())),
        business_unit: None,
        created_on: None,
        route: false,
        imported: false,
        created_by: "importer".to_owned(),
        tag: None,
    };
    store.create_record(new, now).await.unwrap();
}

async fn change(store: &Store, id: &str, now: Timestamp, change: impl Fn(Record) -> Change) -> Result<Record, Error> {
    store.change_record(&key(id), now, |stored: &Stored| Ok::<_, Error>(change(stored.record.clone()))).await
}

async fn close(store: &Store, id: &str, now: Timestamp) -> Result<Record, Error> {
    change(store, id, now, |record| Change::Into(Box::new(record.closed("lost", now)))).await
}

async fn reopen(store: &Store, id: &str, now: Timestamp) -> Result<Record, Error> {
    change(store, id, now, |record| Change::Into(Box::new(record.reopened(now)))).await
}

async fn assign(store: &Store, id: &str, seller: &str, now: Timestamp) -> Result<Record, Error> {
    let assigned = |record: Record| {
        let run = Box::new(manual(&record, Owner::Seller(seller.into()), 1, now));
        Change::Assigned { run, business_unit: None, tag: None }
    };
    change(store, id, now, assigned).await
}

async fn states(store: &Store, sellers: &[&str]) -> BTreeMap<SellerId, SellerState> {
    let ids: Vec<SellerId> = sellers.iter().map(|seller| SellerId::from(*seller)).collect();
    store.seller_states(&ids).await.unwrap()
}

async fn held(store: &Store, seller: &str) -> Option<i64> {
    states(store, &[seller]).await[&SellerId::from(seller)].held.get(&lead()).copied()
}

/// A look at these sellers as an invocation of the function takes it: read, recounted, written down.
async fn look(store: &Store, sellers: &[&str], now: Timestamp) -> Figures {
    let states = states(store, sellers).await;
    let mut figures = Figures::default();
    store.recount(states, &mut store.suspects().await.unwrap(), &[lead()], now, &mut figures).await.unwrap();
    figures
}

/// Changes what is kept of a seller past everything that looks after it.
async fn drift(fixture: &Fixture, seller: &str, by: i64) {
    let update = fixture.client.update_item().table_name(WORK).set_key(Some(state_key(seller)));
    let update = update.update_expression("ADD #held :by").expression_attribute_names("#held", "held:lead");
    update.expression_attribute_values(":by", AttributeValue::N(by.to_string())).send().await.unwrap();
}

fn state_key(seller: &str) -> HashMap<String, AttributeValue> {
    [("pk", format!("state#{seller}")), ("sk", "-".to_owned())]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), AttributeValue::S(value)))
        .collect()
}

fn record_key(id: &str) -> HashMap<String, AttributeValue> {
    [("pk".to_owned(), AttributeValue::S(format!("lead#{id}")))].into()
}

/// What the index `owned` shows of a record, as of one revision of it.
#[derive(Debug, Clone)]
struct Entry {
    id: String,
    revision: AttributeValue,
    owned: Option<[AttributeValue; 2]>,
}

/// The entry of a record; none when there is no record.
async fn entry(fixture: &Fixture, id: &str) -> Option<Entry> {
    let get = fixture.client.get_item().table_name(RECORDS).set_key(Some(record_key(id)));
    let item = get.send().await.unwrap().item?;
    let owned = item.get("ownedBy").cloned().zip(item.get("ownedSort").cloned()).map(|(by, sort)| [by, sort]);
    Some(Entry { id: id.to_owned(), revision: item["revision"].clone(), owned })
}

/// Has the index show this entry, unless the record was written since.
async fn show(fixture: &Fixture, entry: Entry) {
    let update = fixture.client.update_item().table_name(RECORDS).set_key(Some(record_key(&entry.id)));
    let update = update.condition_expression("revision = :revision");
    let update = update.expression_attribute_values(":revision", entry.revision);
    let update = match entry.owned {
        Some([by, sort]) => update
            .update_expression("SET ownedBy = :by, ownedSort = :sort")
            .expression_attribute_values(":by", by)
            .expression_attribute_values(":sort", sort),
        None => update.update_expression("REMOVE ownedBy, ownedSort"),
    };
    if let Err(error) = update.send().await {
        assert!(error.into_service_error().is_conditional_check_failed_exception());
    }
}

/// Takes the entry of a record out of the index, as if it were late. Showing what is returned lets it arrive.
async fn hide(fixture: &Fixture, id: &str) -> Entry {
    let hidden = entry(fixture, id).await.unwrap();
    show(fixture, Entry { owned: None, ..hidden.clone() }).await;
    hidden
}
