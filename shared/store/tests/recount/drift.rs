//! What a recount makes of counters that are wrong, and of those that only seem so.

use aws_sdk_dynamodb::types::AttributeValue;
use domain::recount::{Difference, Figures};
use store::Error;

use super::*;

fn figures(looks: u64, void: u64, suspected: u64, repaired: u64) -> Figures {
    Figures { looks, void, suspected, repaired, opened: 0 }
}

/// The item of a seller's moving part.
async fn item(fixture: &Fixture, seller: &str) -> Option<HashMap<String, AttributeValue>> {
    fixture.client.get_item().table_name(WORK).set_key(Some(state_key(seller))).send().await.unwrap().item
}

#[tokio::test]
async fn cap_09_a_drift_is_repaired_when_two_looks_a_minute_apart_agree_and_not_before() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for (n, owner) in ["susana", "susana", "susana", "miriam"].into_iter().enumerate() {
        create(store, &format!("L-{n}"), owner, at(0)).await;
    }
    let both = ["miriam", "susana"];
    assert_eq!(look(store, &both, at(1)).await, figures(2, 0, 0, 0), "all is right");
    drift(&fixture, "susana", 3).await;
    drift(&fixture, "miriam", -2).await;
    assert_eq!(look(store, &both, at(60)).await, figures(2, 0, 2, 0));
    assert_eq!(look(store, &both, at(119)).await, figures(2, 0, 2, 0), "59 seconds later");
    assert_eq!((held(store, "susana").await, held(store, "miriam").await), (Some(6), Some(-1)));
    let suspects = store.suspects().await.unwrap();
    let found = |seller: &str| suspects[&seller.into()].differences[&lead()];
    assert_eq!(found("susana"), Difference { kept: Some(6), counted: 3 });
    assert_eq!(found("miriam"), Difference { kept: Some(-1), counted: 1 });
    assert_eq!(look(store, &both, at(120)).await, figures(2, 0, 0, 2));
    assert_eq!((held(store, "susana").await, held(store, "miriam").await), (Some(3), Some(1)));
    assert!(store.suspects().await.unwrap().is_empty());
    // Once more, and once more: nothing is left to be done.
    let before = item(&fixture, "susana").await;
    for second in [180, 240] {
        assert_eq!(look(store, &both, at(second)).await, figures(2, 0, 0, 0));
    }
    assert_eq!(item(&fixture, "susana").await, before);
}

#[tokio::test]
async fn cap_09_a_change_between_look_and_repair_makes_the_repair_void() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    drift(&fixture, "susana", 3).await;
    look(store, &["susana"], at(60)).await;
    let suspicion = store.suspects().await.unwrap()[&"susana".into()].clone();
    create(store, "L-2", "susana", at(61)).await;
    assert!(matches!(store.repair(&suspicion).await, Err(Error::Conflict)));
    assert_eq!(held(store, "susana").await, Some(5));
    // The next look is a first one again, because of the change; the one after it proves the drift.
    assert_eq!(look(store, &["susana"], at(120)).await, figures(1, 0, 1, 0));
    // A record that is closed and opened again leaves the same counters behind.
    let found = store.suspects().await.unwrap()[&"susana".into()].clone();
    close(store, "L-1", at(121)).await.unwrap();
    reopen(store, "L-1", at(122)).await.unwrap();
    assert!(matches!(store.repair(&found).await, Err(Error::Conflict)));
    assert_eq!(look(store, &["susana"], at(180)).await, figures(1, 0, 1, 0));
    assert_eq!(look(store, &["susana"], at(240)).await, figures(1, 0, 0, 1));
    assert_eq!(held(store, "susana").await, Some(2));
}

#[tokio::test]
async fn cap_09_a_repair_that_is_sent_again_after_its_answer_was_lost_counts_as_made_and_is_made_once() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    drift(&fixture, "susana", 3).await;
    look(store, &["susana"], at(60)).await;
    let found = store.suspects().await.unwrap()[&"susana".into()].clone();
    store.repair(&found).await.unwrap();
    store.repair(&found).await.unwrap();
    assert_eq!(held(store, "susana").await, Some(1));
}

#[tokio::test]
async fn cap_09_a_look_during_which_the_seller_changes_proves_nothing() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    create(store, "L-2", "susana", at(0)).await;
    let read = states(store, &["susana"]).await;
    close(store, "L-1", at(1)).await.unwrap();
    let mut suspects = store.suspects().await.unwrap();
    let mut found = Figures::default();
    store.recount(read, &mut suspects, &[lead()], at(2), &mut found).await.unwrap();
    assert_eq!(found, figures(1, 1, 0, 0), "closed between reading and counting");
    assert!(store.suspects().await.unwrap().is_empty());
    assert_eq!(look(store, &["susana"], at(3)).await, figures(1, 0, 0, 0));
}

#[tokio::test]
async fn cap_09_a_late_index_never_leads_to_a_repair() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for n in 0..3 {
        create(store, &format!("L-{n}"), "susana", at(0)).await;
    }
    let late = hide(&fixture, "L-1").await;
    assert_eq!(look(store, &["susana"], at(1)).await, figures(1, 0, 1, 0), "two of three are found");
    show(&fixture, late).await;
    assert_eq!(look(store, &["susana"], at(61)).await, figures(1, 0, 0, 0));
    assert!(store.suspects().await.unwrap().is_empty());
    // A seller who closes a record and gets another one every minute, each entry a moment late: every look finds two of
    // three, and what is kept never changes.
    for minute in 2..6 {
        let id = format!("L-{}", minute + 1);
        close(store, &format!("L-{minute}"), at(minute * 60)).await.unwrap();
        create(store, &id, "susana", at(minute * 60)).await;
        let late = hide(&fixture, &id).await;
        assert_eq!(look(store, &["susana"], at(minute * 60 + 1)).await, figures(1, 0, 1, 0));
        show(&fixture, late).await;
    }
    assert_eq!(held(store, "susana").await, Some(3));
}

/// The item of a record that another program writes, with the attributes it must leave alone.
async fn put_foreign(fixture: &Fixture, id: &str, reserved: &[(&str, AttributeValue)]) {
    let mut item = record_key(id);
    item.insert("type".to_owned(), AttributeValue::S("lead".to_owned()));
    item.insert("fields".to_owned(), AttributeValue::M(HashMap::new()));
    item.extend(reserved.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    fixture.client.put_item().table_name(RECORDS).set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn cap_09_entries_of_other_programs_and_of_other_owners_are_not_counted() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    let entry = |by: &str| {
        [("ownedBy", by.to_owned()), ("ownedSort", "lead#a#1772445600000".to_owned())]
            .map(|(name, value)| (name, AttributeValue::S(value)))
    };
    put_foreign(&fixture, "foreign", &entry("seller#susana")).await;
    create(store, "L-2", "miriam", at(0)).await;
    let update = fixture.client.update_item().table_name(RECORDS).set_key(Some(record_key("L-2")));
    let update = update.update_expression("SET ownedBy = :by");
    update.expression_attribute_values(":by", AttributeValue::S("seller#susana".to_owned())).send().await.unwrap();
    assert_eq!(look(store, &["susana"], at(60)).await, figures(1, 0, 0, 0), "two entries of three are not hers");
    assert_eq!(held(store, "susana").await, Some(1));
}

#[tokio::test]
async fn cap_09_what_another_program_overwrote_is_no_longer_counted_and_its_adoption_counts_once() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    create(store, "L-2", "susana", at(0)).await;
    put_foreign(&fixture, "L-1", &[]).await;
    assert_eq!(held(store, "susana").await, Some(2), "nobody told the seller");
    look(store, &["susana"], at(60)).await;
    assert_eq!(look(store, &["susana"], at(120)).await, figures(1, 0, 0, 1));
    assert_eq!(held(store, "susana").await, Some(1));
    assign(store, "L-1", "susana", at(121)).await.unwrap();
    assert_eq!(held(store, "susana").await, Some(2));
    assert_eq!(look(store, &["susana"], at(180)).await, figures(1, 0, 0, 0));
}

#[tokio::test]
async fn cap_09_a_seller_without_a_moving_part_gets_one_when_records_are_found() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    create(store, "L-2", "susana", at(0)).await;
    fixture.client.delete_item().table_name(WORK).set_key(Some(state_key("susana"))).send().await.unwrap();
    assert_eq!(look(store, &["susana", "nobody"], at(60)).await, figures(2, 0, 1, 0));
    assert_eq!(look(store, &["susana", "nobody"], at(120)).await, figures(2, 0, 0, 1));
    assert_eq!(held(store, "susana").await, Some(2));
    assert_eq!(item(&fixture, "nobody").await, None, "who holds nothing needs none");
}

#[tokio::test]
async fn cap_09_records_of_types_that_are_no_more_are_counted_too() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    create(store, "L-1", "susana", at(0)).await;
    let states = states(store, &["susana"]).await;
    let counted = store.count_held(&"susana".into(), &states[&"susana".into()].held, &["account".into()], at(1)).await;
    assert_eq!(counted.unwrap(), [("account".into(), 0), (lead(), 1)].into());
}
