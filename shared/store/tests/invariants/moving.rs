//! What goes on while a check looks is never taken for a breach.

use super::*;

#[tokio::test]
async fn whatever_happens_between_the_steps_nothing_is_found() {
    let fixture = lived().await;
    let store = &fixture.store;
    let mut check = Check::begin(store, PENDING_MINUTES, at(300)).await.unwrap();
    let (mut now, mut step) = (at(300), 0_u32);
    while !check.is_done() {
        now = check.waits_until().unwrap_or(now + jiff::SignedDuration::from_millis(10));
        let id = format!("new-{step}");
        create(store, &id, None, now).await;
        routed(store, &[&id], now).await;
        match step % 4 {
            0 => {}
            1 => give(store, &id, Owner::Seller("ben".into()), now).await,
            2 => close(store, &id, now).await,
            _ => {
                delete(store, &id, now).await;
                create(store, &id, None, now).await;
                routed(store, &[&id], now).await;
            }
        }
        check.step(store, now).await.unwrap();
        step += 1;
    }
    assert_eq!(told(check.report()), []);
    let void = check.report().invariants[&Invariant::MonitorCounters].void;
    assert!(void > 0, "the monitor's counters never stood still, and that is told");
}

#[tokio::test]
async fn a_counter_that_is_wrong_and_stands_still_is_found_while_others_move() {
    let fixture = lived().await;
    let store = &fixture.store;
    fixture.add("counts#account#7", "status", "succeeded", 2).await;
    let mut check = Check::begin(store, PENDING_MINUTES, at(300)).await.unwrap();
    let (mut now, mut step) = (at(300), 0_u32);
    while !check.is_done() {
        now = check.waits_until().unwrap_or(now);
        let id = format!("new-{step}");
        create(store, &id, None, now).await;
        routed(store, &[&id], now).await;
        check.step(store, now).await.unwrap();
        step += 1;
    }
    let sentence = "The counter 'account status succeeded' is kept as 2, but 0 records count in it.";
    assert_eq!(told(check.report()), [(Invariant::MonitorCounters, sentence)]);
}

#[tokio::test]
async fn cap_09_a_seller_who_is_touched_between_two_looks_is_void_and_no_breach() {
    let fixture = lived().await;
    let store = &fixture.store;
    fixture.drift("ana", 2).await;
    let mut check = Check::begin(store, PENDING_MINUTES, at(300)).await.unwrap();
    let mut now = at(300);
    while !check.is_done() {
        if let Some(until) = check.waits_until() {
            // Closed and opened again: the same figures, and yet nothing is proved.
            close(store, "owned", now).await;
            reopen(store, "owned", now).await;
            now = until;
        }
        check.step(store, now).await.unwrap();
    }
    assert_eq!(told(check.report()), []);
    assert_eq!(check.report().invariants[&Invariant::HeldCounters].void, 1);
}

#[tokio::test]
async fn a_membership_that_ends_in_time_is_no_breach() {
    let fixture = lived().await;
    let store = &fixture.store;
    store.delete_segment(&"lead-new".into(), |_| Ok::<_, Error>(())).await.unwrap();
    let mut check = Check::begin(store, PENDING_MINUTES, at(300)).await.unwrap();
    let mut now = at(300);
    while !check.is_done() {
        if let Some(until) = check.waits_until() {
            for id in ["first", "again", "reopened", "given", "queued", "another"] {
                change(store, id, now, |record| Change::Into(Box::new(Record { segment: None, ..record }))).await;
            }
            now = until;
        }
        check.step(store, now).await.unwrap();
    }
    assert_eq!(told(check.report()), []);
}
