//! Contract of the store: a list has each record once, whatever its pages.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use domain::id::{Owner, RecordId, RecordKey, RecordType};
use domain::record::NewRecord;
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
            listed.extend(page.records.into_iter().map(|record| record.key.id.to_string()));
            position = page.next;
            if position.is_none() {
                break;
            }
        }
        assert_eq!(listed, expected, "{limit} to a page");
    }
}
