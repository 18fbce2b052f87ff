//! Rounds: paged, interruptible, by one process at a time.

use domain::recount::{PAGE, Round};
use domain::seller::Seller;
use jiff::tz::TimeZone;
use std::sync::Arc;
use store::rounds::{Lease, Rounds};

use super::*;

fn sellers(count: usize) -> Vec<Arc<Seller>> {
    let seller = |n: usize| {
        let body = json!({"id": format!("s-{n:04}"), "name": "S", "email": "s@example.com", "roles": [],
            "enabled": true, "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1});
        Arc::new(serde_json::from_value::<Seller>(body).unwrap())
    };
    (0..count).map(seller).collect()
}

async fn page(store: &Store, lease: &Lease, round: Round, sellers: &[Arc<Seller>], now: Timestamp) -> Round {
    let page = round.page(sellers);
    let ids: Vec<&str> = page.iter().map(|seller| seller.id.as_str()).collect();
    let figures = look(store, &ids, now).await;
    let round = round.after(page, figures, now);
    store.put_round(lease, &round).await.unwrap();
    round
}

#[tokio::test]
async fn cap_09_a_round_that_was_interrupted_goes_on_behind_its_last_page() {
    let fixture = Fixture::start().await;
    let (store, sellers) = (&fixture.store, sellers(PAGE + 50));
    for seller in ["s-0001", "s-0120"] {
        create(store, &format!("of-{seller}"), seller, at(0)).await;
        drift(&fixture, seller, 1).await;
    }
    assert_eq!(store.rounds().await.unwrap(), Rounds::default());
    let first = store.lease_round(at(0), at(55)).await.unwrap().unwrap();
    let round = page(store, &first, Round::begin(at(0), &TimeZone::UTC), &sellers, at(0)).await;
    assert_eq!((round.figures.looks, round.finished_at), (100, None));
    // That process is gone without a word.
    assert!(store.lease_round(at(54), at(99)).await.unwrap().is_none(), "the lease still holds");
    let second = store.lease_round(at(60), at(115)).await.unwrap().unwrap();
    let known = store.rounds().await.unwrap().latest.unwrap();
    assert_eq!(known, round);
    assert!(!known.is_over(None, at(60), &TimeZone::UTC));
    let rest: Vec<&str> = known.page(&sellers).iter().map(|seller| seller.id.as_str()).collect();
    assert_eq!((rest.len(), rest[0]), (50, "s-0100"));
    let round = page(store, &second, known, &sellers, at(60)).await;
    assert_eq!((round.figures.looks, round.figures.suspected, round.finished_at), (150, 2, Some(at(60))));
    // It was only slow, and comes back: what the other one wrote stays.
    assert!(matches!(store.put_round(&first, &Round::begin(at(0), &TimeZone::UTC)).await, Err(Error::Conflict)));
    store.release_round(first).await.unwrap();
    assert!(store.lease_round(at(61), at(99)).await.unwrap().is_none(), "that lease was not its own");
    assert_eq!(store.rounds().await.unwrap().latest, Some(round));
    // Both suspects are in the list, whichever page they were on.
    let suspects: Vec<String> = store.suspects().await.unwrap().keys().map(ToString::to_string).collect();
    assert_eq!(suspects, ["s-0001", "s-0120"]);
    assert_eq!(look(store, &["s-0001", "s-0120"], at(120)).await.repaired, 2);
    store.release_round(second).await.unwrap();
    assert!(store.lease_round(at(62), at(99)).await.unwrap().is_some(), "given back");
}

#[tokio::test]
async fn cap_09_who_asks_for_a_round_gets_one_even_while_another_goes_on() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let lease = store.lease_round(at(0), at(55)).await.unwrap().unwrap();
    let round = Round::begin(at(0), &TimeZone::UTC);
    store.put_round(&lease, &round).await.unwrap();
    store.ask_for_round(at(10)).await.unwrap();
    store.put_round(&lease, &round.after(&[], Figures::default(), at(11))).await.unwrap();
    store.release_round(lease).await.unwrap();
    let rounds = store.rounds().await.unwrap();
    assert_eq!(rounds.asked_at, Some(at(10)));
    assert!(rounds.latest.unwrap().is_over(rounds.asked_at, at(12), &TimeZone::UTC), "it began before");
}
