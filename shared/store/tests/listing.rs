//! Contract of the store: a list has each record once, whatever its pages.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use domain::id::{Owner, RecordId, RecordKey, RecordType};
use domain::record::{NewRecord, Record};
use serde_json::Map;
use store::Store;
use store::listing::Listing;
use support::{Fixture, at};

/// A lead of a seller and a unit; two come in the same second.
async fn create(store: &Store, n: i64, owner: &str, unit: &str) {
    let new = NewRecord {
        key: RecordKey::new("lead", RecordId::new(format!("L-{n:02}"))),
        fields: Map::new(),
        owner: Some(Owner::Seller(owner.into())),
        business_unit: Some(unit.to_owned()),
        created_on: None,
        route: false,
        imported: false,
        created_by: "importer".to_owned(),
        tag: None,
    };
    store.create_record(new, at(n / 2)).await.unwrap();
}

/// SEC-73: what is ana's own and of her unit stands in both parts of her list; what she brought with her in one, what her
/// colleagues have in the other.
#[tokio::test(flavor = "multi_thread")]
async fn sec_73_what_is_within_reach_twice_is_listed_once_on_whichever_page() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let mut expected = vec![];
    for n in 0..32 {
        let (owner, unit) = [("ana", "north"), ("ana", "south"), ("ben", "north"), ("cleo", "south")][n % 4];
        let n = i64::try_from(n).unwrap();
        create(store, n, owner, unit).await;
        if (owner, unit) != ("cleo", "south") {
            expected.push(format!("L-{n:02}"));
        }
    }
    // The newest first, and of one instant the last by its id.
    expected.reverse();
    let listing = Listing::within_reach("north", &"ana".into(), &RecordType::from("lead"), None);
    for limit in [1, 2, 3, 7, 24, 25] {
        let (mut listed, mut position) = (vec![], None);
        loop {
            let page = store.list(&listing, position, limit, at(100), |_| true).await.unwrap();
            assert!(!page.records.is_empty(), "a page full to the last record is the last, {limit} to a page");
            listed.extend(page.records.into_iter().map(|record| record.key.id.to_string()));
            position = page.next;
            if position.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{limit} to a page");
    }
}

/// API.md "Lists": what only the index has behind a full page, or what is not asked for, makes no further page.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_page_leads_on_only_to_another_record_that_is_asked_for() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for n in 0..12 {
        create(store, n, "ana", "north").await;
    }
    let listing = Listing::all(&RecordType::from("lead"), None);
    // The newest first: what is not asked for stands before, between and behind.
    let wanted = ["L-10", "L-07", "L-06", "L-02"];
    for limit in 1..=5 {
        let (mut pages, mut position) = (vec![], None);
        loop {
            let keep = |record: &Record| wanted.contains(&record.key.id.as_str());
            let page = store.list(&listing, position, limit, at(100), keep).await.unwrap();
            pages.push(page.records.into_iter().map(|record| record.key.id.to_string()).collect::<Vec<_>>());
            position = page.next;
            if position.is_none() {
                break;
            }
        }
        assert_eq!(pages, wanted.chunks(limit).map(<[&str]>::to_vec).collect::<Vec<_>>(), "{limit} to a page");
    }
}
