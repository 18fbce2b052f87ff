//! A recount that never stops while others assign, close and reopen.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use store::recount::Suspects;

use super::*;

const SELLERS: [&str; 6] = ["ana", "ben", "eva", "leo", "mia", "tom"];
const WRITES: usize = 250;

/// One writer: records are created, handed on, closed and reopened, `WRITES` times. A record that the other writer also
/// changes is decided again, as requests are.
async fn write(store: Store, writer: usize) {
    for n in 0..WRITES {
        let now = at(i64::try_from(n).unwrap());
        let (id, earlier) = (format!("L-{writer}-{n}"), format!("L-{}-{}", n % 2, (n * 7) % (n / 2 + 1)));
        let seller = |stride: usize| SELLERS[(n * stride + writer) % SELLERS.len()];
        // What it would change may not be there yet, or be changed too often: then it changes nothing.
        match n % 5 {
            0 | 1 => create(&store, &id, seller(5), now).await,
            2 => drop(assign(&store, &earlier, seller(3), now).await),
            3 => drop(close(&store, &earlier, now).await),
            _ => drop(reopen(&store, &earlier, now).await),
        }
    }
}

/// How much is kept of all sellers, and how much their records say: read from the table, past the index.
async fn kept_and_counted(fixture: &Fixture) -> (BTreeMap<String, i64>, BTreeMap<String, i64>) {
    let mut counted: BTreeMap<String, i64> = SELLERS.iter().map(|seller| ((*seller).to_owned(), 0)).collect();
    let scan = fixture.client.scan().table_name(RECORDS).into_paginator().items().send();
    for item in scan.collect::<Result<Vec<_>, _>>().await.unwrap() {
        if !item.contains_key("state") {
            let owner = item["ownedBy"].as_s().unwrap().trim_start_matches("seller#").to_owned();
            *counted.entry(owner).or_default() += 1;
        }
    }
    let states = states(&fixture.store, &SELLERS).await.into_iter();
    let kept = states.map(|(seller, state)| (seller.to_string(), state.held.get(&lead()).copied().unwrap_or(0)));
    (kept.collect(), counted)
}

#[tokio::test(flavor = "multi_thread")]
async fn cap_09_a_recount_in_a_loop_during_two_writers_repairs_nothing_and_then_what_drifts() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let writing = Arc::new(AtomicUsize::new(2));
    for writer in 0..2 {
        let (store, writing) = (store.clone(), Arc::clone(&writing));
        tokio::spawn(async move {
            write(store, writer).await;
            writing.fetch_sub(1, Ordering::SeqCst);
        });
    }
    let (mut minute, mut figures, mut suspects) = (0, Figures::default(), Suspects::new());
    let mut recount = async || {
        // Each look is a minute after the one before, so whatever could be proven would be.
        minute += 1;
        let states = states(store, &SELLERS).await;
        store.recount(states, &mut suspects, &[lead()], at(60 * minute), &mut figures).await.unwrap();
        figures
    };
    let during = loop {
        let figures = recount().await;
        if writing.load(Ordering::SeqCst) == 0 {
            break figures;
        }
    };
    // The index shows all at once here: a look either finds what is kept or is void.
    assert_eq!((during.suspected, during.repaired), (0, 0), "there was no drift: {during:?}");
    assert!(during.looks >= 60, "the writers were there before: {during:?}");
    let (kept, counted) = kept_and_counted(&fixture).await;
    assert_eq!(kept, counted);
    drift(&fixture, "ana", 3).await;
    drift(&fixture, "tom", -2).await;
    recount().await;
    let after = recount().await;
    assert_eq!(after.repaired, 2, "{after:?}");
    let wrong = {
        let (kept, counted) = kept_and_counted(&fixture).await;
        kept.iter().filter(|(seller, kept)| counted[*seller] != **kept).count()
    };
    assert_eq!(wrong, 0);
    writeln!(
        std::io::stderr(),
        "\nrecount during two writers of {WRITES} writes each: {} looks, {} void, {} suspected, {} repaired; \
         then 2 drifts: {} repaired, {wrong} wrong",
        during.looks,
        during.void,
        during.suspected,
        during.repaired,
        after.repaired - during.repaired,
    )
    .unwrap();
}
