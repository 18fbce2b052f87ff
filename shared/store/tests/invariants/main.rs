//! What the check of invariants promises, on a real engine: it finds nothing in what the product wrote, whatever happens
//! while it looks, and it finds and names whatever is damaged by hand.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

#[path = "../support/mod.rs"]
mod support;

mod damaged;
mod damages;
mod moving;

use std::collections::{BTreeMap, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use domain::assignment_rule::RuleState;
use domain::id::{Owner, RecordKey, SegmentId};
use domain::invariant::{Invariant, Report};
use domain::mark::Cause;
use domain::record::{NewRecord, Record};
use domain::route::{Decision, Present, manual, route};
use domain::segment::{Segment, SegmentDraft, SegmentState};
use domain::seller::Seller;
use domain::settings::Limits;
use jiff::Timestamp;
use serde_json::json;
use store::arrivals::Waiting;
use store::invariants::{Check, PENDING_MINUTES};
use store::knowledge::Memory;
use store::record_item::Stored;
use store::records::Change;
use store::{Error, Store};
use support::{Fixture, RECORDS, WORK, at, rule_for_anybody};

fn key(id: &str) -> RecordKey {
    RecordKey::new("lead", id)
}

fn new_lead(id: &str, owner: Option<&str>) -> NewRecord {
    NewRecord {
        key: key(id),
        fields: json!({"topic": id}).as_object().unwrap().clone(),
        owner: owner.map(|owner| Owner::Seller(owner.into())),
        business_unit: None,
        created_on: None,
        route: owner.is_none(),
        imported: false,
        created_by: "importer".to_owned(),
        tag: None,
    }
}

async fn create(store: &Store, id: &str, owner: Option<&str>, now: Timestamp) {
    store.create_record(new_lead(id, owner), now).await.unwrap();
}

/// Routes these records as the function `assignment` does.
async fn routed(store: &Store, ids: &[&str], now: Timestamp) {
    let knowledge = store.knowledge(&Memory::default()).await.unwrap();
    let keys: Vec<RecordKey> = ids.iter().map(|id| key(id)).collect();
    let waiting = store.still_waiting(&keys, now).await.unwrap();
    let waiting = store.arrivals(waiting, &knowledge.organisation, &knowledge.record_types, now).await.unwrap();
    let mut roster = store.roster(&knowledge, now).await.unwrap();
    let arrivals: Vec<_> = waiting.iter().map(|waiting| waiting.arrival.clone()).collect();
    let decisions = route(&knowledge.organisation, &mut roster, &arrivals, Present { now, writer: 1, drawn: 7 });
    let decided: Vec<(&Waiting, &Decision)> = waiting.iter().zip(&decisions).collect();
    store.commit(&decided, 99, now).await.unwrap();
}

async fn change(store: &Store, id: &str, now: Timestamp, change: impl Fn(Record) -> Change) {
    let decided = |stored: &Stored| Ok::<_, Error>(change(stored.record.clone()));
    store.change_record(&key(id), now, decided).await.unwrap();
}

async fn close(store: &Store, id: &str, now: Timestamp) {
    change(store, id, now, |record| Change::Into(Box::new(record.closed("lost", now)))).await;
}

async fn reopen(store: &Store, id: &str, now: Timestamp) {
    change(store, id, now, |record| Change::Into(Box::new(record.reopened(now)))).await;
}

async fn give(store: &Store, id: &str, owner: Owner, now: Timestamp) {
    let given = |record: Record| {
        let run = Box::new(manual(&record, owner.clone(), 1, now));
        Change::Assigned { run, business_unit: None, tag: None }
    };
    change(store, id, now, given).await;
}

async fn delete(store: &Store, id: &str, now: Timestamp) {
    change(store, id, now, |_| Change::Deleted).await;
}

/// An organisation of two sellers with one rule for leads that have a topic, and a lead each of many histories.
async fn lived() -> Fixture {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for id in ["ana", "ben"] {
        let seller: Seller = serde_json::from_value(json!({
            "id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"], "enabled": true,
            "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1
        }))
        .unwrap();
        store.create_seller(seller, None).await.unwrap();
    }
    let segment = SegmentId::from("lead-new");
    let body =
        json!({"name": "New", "recordType": "lead", "condition": {"all": [{"field": "topic", "op": "hasValue"}]}});
    let types = store.record_types().await.unwrap();
    let draft = SegmentDraft::parse(&body, &types, &Limits::default(), None).unwrap();
    let new = Segment { state: SegmentState::Active, ..draft.into_segment(segment.clone(), at(0)) };
    store.create_segment(new, None, None).await.unwrap();
    store.create_rule(&segment, 9, None, |rule| rule_for_anybody(rule, &segment, RuleState::Active)).await.unwrap();
    // Decided one by one and together.
    for id in ["first", "again", "closed", "reopened", "given", "queued", "deleted", "another"] {
        create(store, id, None, at(1)).await;
    }
    routed(store, &["first"], at(2)).await;
    routed(store, &["again", "closed", "reopened", "given", "queued", "deleted", "another"], at(3)).await;
    for minute in 1..4 {
        let now = at(minute * 60);
        change(store, "again", now, |record| Change::Into(Box::new(record.asked(Cause::Retried, None, now)))).await;
        routed(store, &["again"], at(minute * 60 + 1)).await;
    }
    close(store, "closed", at(200)).await;
    close(store, "reopened", at(200)).await;
    reopen(store, "reopened", at(201)).await;
    routed(store, &["reopened"], at(202)).await;
    give(store, "given", Owner::Seller("ben".into()), at(203)).await;
    give(store, "given", Owner::Team("east".into()), at(204)).await;
    give(store, "queued", Owner::Queue("desk".into()), at(205)).await;
    create(store, "owned", Some("ana"), at(206)).await;
    delete(store, "deleted", at(207)).await;
    // Another one that had the same id, with a run of its own and one by hand.
    delete(store, "another", at(208)).await;
    create(store, "another", None, at(209)).await;
    routed(store, &["another"], at(210)).await;
    give(store, "another", Owner::Seller("ana".into()), at(211)).await;
    // Nobody is there for an account, and one lead waits.
    store
        .create_record(NewRecord { key: RecordKey::new("account", "A-1"), ..new_lead("", None) }, at(212))
        .await
        .unwrap();
    create(store, "waits", None, at(213)).await;
    fixture
}

/// A check from beginning to end, beginning at an instant.
async fn check(store: &Store, now: Timestamp) -> Report {
    let mut check = Check::begin(store, PENDING_MINUTES, now).await.unwrap();
    let mut now = now;
    while !check.is_done() {
        now = check.waits_until().unwrap_or(now);
        check.step(store, now).await.unwrap();
    }
    check.report().clone()
}

/// What a check tells, without what it looked at.
fn told(report: &Report) -> Vec<(Invariant, &str)> {
    report.breaches.iter().map(|breach| (breach.invariant, breach.sentence.as_str())).collect()
}

fn texts<const N: usize>(attributes: [(&str, &str); N]) -> HashMap<String, AttributeValue> {
    attributes.map(|(name, value)| (name.to_owned(), AttributeValue::S(value.to_owned()))).into()
}

#[tokio::test]
async fn nothing_is_found_in_what_the_product_wrote_and_everything_was_looked_at() {
    let fixture = lived().await;
    let report = check(&fixture.store, at(300)).await;
    assert_eq!(told(&report), []);
    let looked_at = |invariant| report.invariants[&invariant].looked_at;
    assert_eq!((report.looked_at.records, looked_at(Invariant::OneOwner)), (10, 10));
    // One each of eight leads, three more, one more, two, one, and those of the lead with the same id.
    assert_eq!((report.looked_at.runs, looked_at(Invariant::DecidedOnce)), (17, 17));
    assert_eq!((report.looked_at.sellers, looked_at(Invariant::HeldCounters)), (2, 2));
    assert_eq!(looked_at(Invariant::NoOverdueMark), 2);
    assert_eq!(looked_at(Invariant::SegmentExists), 6);
    assert_eq!(report.looked_at.segments, 5, "one and the default ones");
    assert!(looked_at(Invariant::MonitorCounters) >= 2);
    let void: BTreeMap<_, _> = report.invariants.iter().filter(|(_, figures)| figures.void > 0).collect();
    assert_eq!(void, [].into());
}

#[tokio::test]
async fn a_check_can_be_put_down_after_every_step() {
    let fixture = lived().await;
    fixture.drift("ana", 2).await;
    let mut check = Check::begin(&fixture.store, PENDING_MINUTES, at(300)).await.unwrap();
    let (mut now, mut last) = (at(300), 0);
    while !check.is_done() {
        check = serde_json::from_value(json!(check)).unwrap();
        now = check.waits_until().unwrap_or(now);
        check.step(&fixture.store, now).await.unwrap();
        let (done, of) = check.progress();
        assert!(done >= last && done <= of, "{done} of {of}");
        last = done;
    }
    assert_eq!(check.progress().0, check.progress().1);
    assert_eq!(told(check.report()).len(), 1);
    assert_eq!(now, at(360), "two looks are a minute apart");
}

#[tokio::test]
async fn it_writes_nothing() {
    let fixture = lived().await;
    fixture.drift("ana", 2).await;
    let before = (fixture.everything(RECORDS).await, fixture.everything(WORK).await);
    assert!(!check(&fixture.store, at(300)).await.is_clean());
    assert_eq!((fixture.everything(RECORDS).await, fixture.everything(WORK).await), before);
}

impl Fixture {
    /// All items of a table, in an order that compares.
    async fn everything(&self, table: &str) -> BTreeMap<String, HashMap<String, AttributeValue>> {
        let items = self.client.scan().table_name(table).send().await.unwrap().items.unwrap();
        items.into_iter().map(|item| (format!("{:?} {:?}", item.get("pk"), item.get("sk")), item)).collect()
    }

    /// Changes a number of an item by hand.
    async fn add(&self, pk: &str, sk: &str, attribute: &str, by: i64) {
        let update = self.client.update_item().table_name(WORK).set_key(Some(texts([("pk", pk), ("sk", sk)])));
        let update = update.update_expression("ADD #a :by").expression_attribute_names("#a", attribute);
        update.expression_attribute_values(":by", AttributeValue::N(by.to_string())).send().await.unwrap();
    }

    /// Changes what is kept of a seller by hand.
    async fn drift(&self, seller: &str, by: i64) {
        self.add(&format!("state#{seller}"), "-", "held:lead", by).await;
    }
}
