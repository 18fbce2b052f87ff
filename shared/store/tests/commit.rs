//! What commits promise, on a real engine: once per change, one owner, turns given once, counters equal to a recount.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::assignment_rule::{Distribution, RuleState};
use domain::id::{Owner, RecordKey, RecordType, RuleId, SellerId};
use domain::record::{NewRecord, Record, WorkStatus};
use domain::record_type::RecordTypes;
use domain::role_definition::RoleDefinitions;
use domain::roster::{Member, Roster, SellerState};
use domain::route::{Arrival, Decision, Organisation, Present, manual, route};
use domain::rulebook::{Rulebook, RulebookSource, SegmentSource};
use domain::segment::{Segment, default_id};
use domain::seller::Seller;
use domain::settings::Settings;
use domain::tally::Counter;
use jiff::Timestamp;
use serde_json::json;
use store::arrivals::Waiting;
use store::commit::Committed;
use store::listing::Listing;
use store::records::Change;
use store::{Error, Store};
use support::{Fixture, RECORDS, at, rule_for_anybody};

const SELLERS: [&str; 3] = ["miriam", "sanjay", "susana"];

fn lead() -> RecordType {
    RecordType::from("lead")
}

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
        route: true,
        imported: false,
        created_by: "importer".to_owned(),
        tag: None,
    }
}

/// One rule for any seller with room in the default segment of each type; nobody has a maximum.
fn organisation() -> Organisation {
    let record_types = RecordTypes::built_in();
    let rulebooks = record_types.iter().filter(|definition| definition.holds_records()).map(|definition| {
        let record_type = definition.record_type.clone();
        let segment_id = default_id(&record_type);
        let id = RuleId::new(format!("{segment_id}-1"));
        let mut rule = rule_for_anybody(id, &segment_id, RuleState::Active);
        rule.distribution = rule.distribution.map(|known| Distribution { respect_capacity: true, ..known });
        let segments = vec![SegmentSource { segment: Segment::default_of(&record_type), rules: vec![rule] }];
        let source = RulebookSource { version: 1, definition: Arc::clone(definition), segments };
        (record_type, Arc::new(Rulebook::compile(source, &record_types)))
    });
    Organisation {
        settings: Arc::new(Settings::default()),
        receiving: RoleDefinitions::predefined().receiving(),
        rulebooks: rulebooks.collect(),
        teams: [].into(),
        queues: [].into(),
    }
}

fn seller(id: &str) -> Seller {
    serde_json::from_value(json!({
        "id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"], "enabled": true,
        "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1
    }))
    .unwrap()
}

async fn roster(store: &Store) -> Roster {
    let ids = SELLERS.map(SellerId::from);
    let mut states: BTreeMap<SellerId, SellerState> = store.seller_states(&ids).await.unwrap();
    let members = ids.map(|id| Member {
        state: states.remove(&id).unwrap(),
        seller: Arc::new(seller(id.as_str())),
        subject: None,
    });
    Roster::new(members.into())
}

/// What is loaded and decided about these records now.
async fn decide(store: &Store, ids: &[&str], now: Timestamp) -> (Vec<Waiting>, Vec<Decision>) {
    let organisation = organisation();
    let keys: Vec<RecordKey> = ids.iter().map(|id| key(id)).collect();
    let waiting = store.still_waiting(&keys, now).await.unwrap();
    let waiting = store.arrivals(waiting, &organisation, &RecordTypes::built_in(), now).await.unwrap();
    let arrivals: Vec<Arrival> = waiting.iter().map(|waiting| waiting.arrival.clone()).collect();
    let decisions = route(&organisation, &mut roster(store).await, &arrivals, Present { now, writer: 1, drawn: 7 });
    (waiting, decisions)
}

async fn commit(store: &Store, (waiting, decisions): &(Vec<Waiting>, Vec<Decision>), now: Timestamp) -> Committed {
    let decided: Vec<(&Waiting, &Decision)> = waiting.iter().zip(decisions).collect();
    store.commit(&decided, 99, now).await.unwrap()
}

fn count(committed: &Committed) -> usize {
    match committed {
        Committed::First(runs) => runs.len(),
        Committed::Refused => 0,
    }
}

/// Every record of the table counted afresh, against every counter.
async fn recount(fixture: &Fixture) {
    let all = fixture.store.list(&Listing::all(&lead(), None), None, 1_000, at(0), |_| true).await.unwrap().records;
    let scanned = fixture.client.scan().table_name(RECORDS).send().await.unwrap();
    assert_eq!(all.len(), usize::try_from(scanned.count).unwrap(), "the list of all records holds each once");
    let mut expected: BTreeMap<Counter, i64> = BTreeMap::new();
    for counter in all.iter().flat_map(Record::tally) {
        *expected.entry(counter).or_insert(0) += 1;
    }
    let counts = fixture.store.counts(&lead()).await.unwrap();
    let expected_of = |counter: Counter| expected.get(&counter).copied().unwrap_or(0);
    assert_eq!(counts.succeeded, expected_of(Counter::Succeeded));
    assert_eq!(counts.needs_attention, expected_of(Counter::NeedsAttention));
    for (segment, segment_counts) in &counts.segments {
        assert_eq!(segment_counts.members, expected_of(Counter::Members(segment.clone())));
        assert_eq!(segment_counts.unassigned, expected_of(Counter::Unassigned(segment.clone())));
    }
    for member in roster(&fixture.store).await.members() {
        let held = member.state.held.get(&lead()).copied().unwrap_or(0);
        assert_eq!(held, expected_of(Counter::Held(member.seller.id.clone())), "{}", member.seller.id);
    }
}

async fn held(store: &Store) -> Vec<i64> {
    roster(store).await.members().iter().map(|member| *member.state.held.get(&lead()).unwrap_or(&0)).collect()
}

#[tokio::test]
async fn a_commit_assigns_counts_and_explains_each_record() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let ids: Vec<String> = (0..7).map(|n| format!("L-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for id in &ids {
        store.create_record(new_lead(id, None), at(0)).await.unwrap();
    }
    assert_eq!(store.count(&Listing::pending(&lead())).await.unwrap(), 7);
    assert_eq!(count(&commit(store, &decide(store, &ids, at(1)).await, at(1)).await), 7);
    assert_eq!(held(store).await, [3, 2, 2]);
    assert_eq!(store.count(&Listing::pending(&lead())).await.unwrap(), 0);
    recount(&fixture).await;
    let record = store.record(&key("L-4"), at(2)).await.unwrap().record;
    assert_eq!((record.work_status(), record.version), (WorkStatus::Succeeded, 1));
    let (runs, next) = store.runs_of(&record, None, 10).await.unwrap();
    assert_eq!((runs.len(), next), (1, None));
    assert_eq!(runs[0].assignment.owner, record.owner);
    assert_eq!(runs[0].trace.candidates.len(), 3);
    let rule = RuleId::new("lead-default-1");
    let segment = store.segment_counts(&lead(), &default_id(&lead())).await.unwrap();
    assert_eq!(segment.routed.get(&rule), Some(&7));
}

#[tokio::test]
async fn a_batch_that_is_delivered_again_finds_nothing_to_do() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_record(new_lead("L-1", None), at(0)).await.unwrap();
    let decided = decide(store, &["L-1"], at(1)).await;
    assert_eq!(count(&commit(store, &decided, at(1)).await), 1);
    // The very same decision once more, as a process would that was paused before its commit.
    assert!(matches!(commit(store, &decided, at(2)).await, Committed::Refused));
    assert!(decide(store, &["L-1"], at(3)).await.0.is_empty());
    assert_eq!(held(store).await.iter().sum::<i64>(), 1);
    recount(&fixture).await;
}

#[tokio::test]
async fn of_two_processes_with_the_same_seller_in_mind_one_decides_again() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for id in ["L-1", "L-2"] {
        store.create_record(new_lead(id, None), at(0)).await.unwrap();
    }
    let first = decide(store, &["L-1"], at(1)).await;
    let second = decide(store, &["L-2"], at(1)).await;
    assert_eq!(first.1[0].touched.as_ref().unwrap().seller, second.1[0].touched.as_ref().unwrap().seller);
    assert_eq!(count(&commit(store, &first, at(2)).await), 1);
    assert!(matches!(commit(store, &second, at(2)).await, Committed::Refused));
    assert_eq!(count(&commit(store, &decide(store, &["L-2"], at(3)).await, at(3)).await), 1);
    assert_eq!(held(store).await, [1, 1, 0]);
}

#[tokio::test]
async fn a_record_changed_between_decision_and_commit_is_decided_again() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_record(new_lead("L-1", None), at(0)).await.unwrap();
    let decided = decide(store, &["L-1"], at(1)).await;
    // Another program changes a column and knows nothing of our revision.
    fixture
        .client
        .update_item()
        .table_name(RECORDS)
        .key("pk", AttributeValue::S("lead#L-1".to_owned()))
        .update_expression("SET #fields.topic = :topic")
        .expression_attribute_names("#fields", "fields")
        .expression_attribute_values(":topic", AttributeValue::S("changed".to_owned()))
        .send()
        .await
        .unwrap();
    assert!(matches!(commit(store, &decided, at(2)).await, Committed::Refused));
    assert_eq!(count(&commit(store, &decide(store, &["L-1"], at(3)).await, at(3)).await), 1);
}

#[tokio::test]
async fn closing_a_record_of_a_seller_refuses_no_commit() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_record(new_lead("L-0", Some("miriam")), at(0)).await.unwrap();
    store.create_record(new_lead("L-1", None), at(0)).await.unwrap();
    let decided = decide(store, &["L-1"], at(1)).await;
    let close = |stored: &store::record_item::Stored| {
        Ok::<_, Error>(Change::Into(Box::new(stored.record.clone().closed("deactivated", at(2)))))
    };
    store.change_record(&key("L-0"), at(2), close).await.unwrap();
    assert_eq!(count(&commit(store, &decided, at(3)).await), 1);
    recount(&fixture).await;
}

#[tokio::test]
async fn dist_18_a_seller_whose_configuration_changed_since_the_decision_refuses_the_commit() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_seller(seller("miriam"), None).await.unwrap();
    store.create_record(new_lead("L-1", None), at(0)).await.unwrap();
    let decided = decide(store, &["L-1"], at(1)).await;
    let off = |seller: &Seller| Ok::<_, Error>(Seller { assign_records: false, ..seller.clone() });
    store.change_seller(&"miriam".into(), off).await.unwrap();
    assert!(matches!(commit(store, &decided, at(2)).await, Committed::Refused));
}

#[tokio::test]
async fn dist_03_cap_04_ex_06_an_owner_given_at_creation_takes_capacity_and_counts_as_an_assignment() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    store.create_record(new_lead("L-0", Some("miriam")), at(0)).await.unwrap();
    assert_eq!(held(store).await, [1, 0, 0]);
    assert_eq!(count(&commit(store, &decide(store, &["L-0"], at(1)).await, at(1)).await), 1);
    let record = store.record(&key("L-0"), at(2)).await.unwrap().record;
    assert_eq!(record.owner, Some(Owner::Seller("sanjay".into())));
    assert_eq!(held(store).await, [0, 1, 0]);
    recount(&fixture).await;
}

#[tokio::test]
async fn what_people_do_to_records_keeps_every_counter_equal_to_a_recount() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for n in 0..6 {
        store.create_record(new_lead(&format!("L-{n}"), None), at(n)).await.unwrap();
    }
    let ids = ["L-0", "L-1", "L-2", "L-3", "L-4", "L-5"];
    assert_eq!(count(&commit(store, &decide(store, &ids, at(9)).await, at(9)).await), 6);
    let assign = |stored: &store::record_item::Stored| {
        let run = manual(&stored.record, Owner::Seller("susana".into()), 1, at(10));
        Ok::<_, Error>(Change::Assigned { run: Box::new(run), business_unit: None, tag: None })
    };
    let assigned = store.change_record(&key("L-0"), at(10), assign).await.unwrap();
    assert_eq!(assigned.owner, Some(Owner::Seller("susana".into())));
    recount(&fixture).await;
    let close = |stored: &store::record_item::Stored| {
        Ok::<_, Error>(Change::Into(Box::new(stored.record.clone().closed("qualified", at(11)))))
    };
    store.change_record(&key("L-1"), at(11), close).await.unwrap();
    recount(&fixture).await;
    let reopen = |stored: &store::record_item::Stored| {
        Ok::<_, Error>(Change::Into(Box::new(stored.record.clone().reopened(at(12)))))
    };
    store.change_record(&key("L-1"), at(12), reopen).await.unwrap();
    recount(&fixture).await;
    assert_eq!(count(&commit(store, &decide(store, &["L-1"], at(13)).await, at(13)).await), 1);
    store.change_record(&key("L-2"), at(14), |_| Ok::<_, Error>(Change::Deleted)).await.unwrap();
    recount(&fixture).await;
    let (runs, _) = store.runs_of(&assigned, None, 10).await.unwrap();
    assert_eq!(runs.len(), 2, "the manual run and the one before it");
    assert!(matches!(store.record(&key("L-2"), at(15)).await, Err(Error::NotFound)));
}

#[tokio::test]
async fn another_programs_item_is_adopted_and_its_own_attributes_stay() {
    // API.md section 5
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let put = fixture.client.put_item().table_name(RECORDS);
    let fields = [("topic".to_owned(), AttributeValue::S("from outside".to_owned()))];
    put.item("pk", AttributeValue::S("lead#X".to_owned()))
        .item("type", AttributeValue::S("lead".to_owned()))
        .item("fields", AttributeValue::M(fields.into()))
        .item("theirs", AttributeValue::S("untouched".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(count(&commit(store, &decide(store, &["X"], at(1)).await, at(1)).await), 1);
    let request = fixture.client.get_item().table_name(RECORDS).key("pk", AttributeValue::S("lead#X".to_owned()));
    let item = request.send().await.unwrap().item.unwrap();
    assert_eq!(item["theirs"].as_s().unwrap(), "untouched");
    assert!(item.contains_key("revision") && item.contains_key("createdOn"));
    recount(&fixture).await;
}

#[tokio::test]
async fn an_item_that_cannot_be_understood_ends_as_a_failed_run_and_keeps_its_contents() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let put = fixture.client.put_item().table_name(RECORDS);
    put.item("pk", AttributeValue::S("lead#P".to_owned()))
        .item("type", AttributeValue::S("lead".to_owned()))
        .item("fields", AttributeValue::S("no map".to_owned()))
        .send()
        .await
        .unwrap();
    assert_eq!(count(&commit(store, &decide(store, &["P"], at(1)).await, at(1)).await), 1);
    let stored = store.record(&key("P"), at(2)).await.unwrap();
    assert_eq!(stored.record.work_status(), WorkStatus::NeedsAttention);
    assert_eq!(stored.unreadable, ["fields"]);
    recount(&fixture).await;
}

#[tokio::test]
async fn a_record_is_created_once_and_a_repetition_of_the_request_finds_its_own() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let tagged = |id: &str| NewRecord { tag: Some("request-1".to_owned()), ..new_lead(id, Some("miriam")) };
    store.create_record(tagged("L-1"), at(0)).await.unwrap();
    let again = store.create_record(tagged("L-1"), at(5)).await.unwrap();
    assert_eq!(again.created_on, at(0));
    assert!(matches!(store.create_record(new_lead("L-1", None), at(6)).await, Err(Error::Exists)));
    assert_eq!(held(store).await, [1, 0, 0]);
}

#[tokio::test]
async fn new_records_of_one_seller_do_not_stand_in_each_others_way() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let new = |batch: u32| -> Vec<NewRecord> {
        let owner = |n: u32| ["miriam", "sanjay"].get(n as usize % 3).copied();
        (0..90)
            .map(|n| NewRecord { tag: Some(format!("{batch}")), ..new_lead(&format!("{batch}-{n}"), owner(n)) })
            .collect()
    };
    store.create_record(new_lead("0-30", Some("susana")), at(0)).await.unwrap();
    let created = store.create_records(new(0), at(1)).await;
    let refused: Vec<usize> = created.iter().enumerate().filter(|(_, one)| one.is_err()).map(|(n, _)| n).collect();
    assert_eq!(refused, [30], "one that is taken doesn't stop those of the same seller");
    assert!(matches!(created[30], Err(Error::Exists)));
    assert_eq!(held(store).await, [29, 30, 1]);
    // The same request again, beside another one for the same sellers.
    let (again, other) = tokio::join!(store.create_records(new(0), at(2)), store.create_records(new(1), at(2)));
    assert_eq!(again.iter().filter(|one| one.is_ok()).count(), 89);
    assert!(other.iter().all(Result::is_ok), "{other:?}");
    assert_eq!(held(store).await, [59, 60, 1]);
    recount(&fixture).await;
}

#[tokio::test]
async fn pages_neither_skip_nor_repeat_what_was_there_while_others_write() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for n in 0..40 {
        store.create_record(new_lead(&format!("L-{n:02}"), None), at(n)).await.unwrap();
    }
    let listing = Listing::pending(&lead());
    let (mut seen, mut position, mut page_number) = (Vec::new(), None, 0);
    loop {
        let page = store.list(&listing, position, 7, at(99), Record::waits).await.unwrap();
        seen.extend(page.records.into_iter().map(|record| record.key.id.to_string()));
        page_number += 1;
        store.create_record(new_lead(&format!("N-{page_number}"), None), at(0)).await.unwrap();
        position = page.next;
        if position.is_none() {
            break;
        }
    }
    let old: Vec<&String> = seen.iter().filter(|id| id.starts_with('L')).collect();
    let expected: Vec<String> = (0..40).map(|n| format!("L-{n:02}")).collect();
    assert_eq!(old, expected.iter().collect::<Vec<_>>(), "in the order of waiting");
}

#[tokio::test]
async fn a_transaction_holds_as_many_records_as_fit_and_the_rest_follows() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let ids: Vec<String> = (0..120).map(|n| format!("L-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    for id in &ids {
        store.create_record(new_lead(id, None), at(0)).await.unwrap();
    }
    let first = count(&commit(store, &decide(store, &ids, at(1)).await, at(1)).await);
    // 100 places: 3 sellers, the rows of the status and of one segment, the runs.
    assert_eq!(first, 94);
    let second = count(&commit(store, &decide(store, &ids, at(2)).await, at(2)).await);
    assert_eq!(first + second, 120);
    assert_eq!(held(store).await, [40, 40, 40]);
    recount(&fixture).await;
}

/// DESIGN.md "Partitions": a close only lowers what a seller holds and refuses no commit, a reopening raises it.
#[tokio::test]
async fn a_record_reopened_meanwhile_refuses_a_commit_that_relied_on_room() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for (n, owner) in [(0, "sanjay"), (1, "miriam"), (2, "susana"), (3, "sanjay"), (4, "miriam"), (5, "susana")] {
        let new = NewRecord { route: false, ..new_lead(&format!("old-{n}"), Some(owner)) };
        store.create_record(new, at(n)).await.unwrap();
    }
    let change = async |id: &str, open: bool| {
        let decide = |stored: &store::record_item::Stored| {
            let record = stored.record.clone();
            let after = if open { record.reopened(at(10)) } else { record.closed("lost", at(10)) };
            Ok::<_, Error>(Change::Into(Box::new(after)))
        };
        store.change_record(&key(id), at(10), decide).await.unwrap();
    };
    change("old-0", false).await;
    store.create_record(new_lead("L-1", None), at(11)).await.unwrap();
    let decided = decide(store, &["L-1"], at(12)).await;
    let touched = decided.1[0].touched.as_ref().unwrap();
    assert_eq!((touched.seller.as_str(), touched.seen_held[&lead()]), ("sanjay", 1));
    change("old-0", true).await;
    assert_eq!(count(&commit(store, &decided, at(13)).await), 0, "there is less room than was seen");
    let decided = decide(store, &["L-1"], at(14)).await;
    change("old-3", false).await;
    assert_eq!(count(&commit(store, &decided, at(15)).await), 1, "there is more room than was seen");
    recount(&fixture).await;
}

#[tokio::test]
async fn a_list_does_not_go_on_at_a_place_that_is_none_of_it() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for id in ["L-1", "L-2"] {
        store.create_record(new_lead(id, None), at(0)).await.unwrap();
    }
    commit(store, &decide(store, &["L-1", "L-2"], at(1)).await, at(1)).await;
    let record = async |id: &str| store.record(&key(id), at(1)).await.unwrap().record;
    let (one, other) = (record("L-1").await, record("L-2").await);
    let foreign = [other.last.map(|last| last.id), Some("nothing".into()), Some("01J-1".into())];
    for run in foreign {
        assert!(matches!(store.runs_of(&one, run.clone(), 5).await, Err(Error::NoSuchPlace)), "{run:?}");
        let place = serde_json::from_value(json!({"run": run, "change": null})).unwrap();
        assert!(matches!(store.timeline(&one, Some(place), 5).await, Err(Error::NoSuchPlace)), "{run:?}");
    }
    for change in ["", "!", "~"] {
        let place = serde_json::from_value(json!({"run": null, "change": change})).unwrap();
        assert!(matches!(store.timeline(&one, Some(place), 5).await, Err(Error::NoSuchPlace)), "{change:?}");
    }
    assert_eq!(store.timeline(&one, None, 5).await.unwrap().0.len(), 2);
}
