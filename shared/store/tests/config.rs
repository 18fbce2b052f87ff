//! Contract of the store: configuration. Segments and rules in order, limits that hold whoever else is at work, versions
//! that tell every change.

#![expect(clippy::unwrap_used, reason = "a test stops where something is not as it set it up")]

mod support;

use std::collections::BTreeMap;

use domain::assignment_rule::{AssignmentRule, RuleState};
use domain::calendar::Calendar;
use domain::capacity::MaximumCapacity;
use domain::fault::Pointer;
use domain::id::{RecordType, RuleId, SegmentId};
use domain::record_type::{RecordTypeDefinition, RecordTypes};
use domain::segment::{Segment, SegmentDraft, SegmentState};
use domain::seller::{Role, Seller};
use domain::seller_attribute::{SellerAttribute, Source};
use domain::settings::{Limits, Settings};
use serde_json::{Map, json};
use store::Error;
use store::knowledge::Memory;
use store::segments::Ranked;
use support::{Fixture, at, rule_for_anybody};
use tokio::task::JoinSet;

const MANY: u32 = 250;

fn lead() -> RecordType {
    RecordType::from("lead")
}

fn segment(suffix: &str) -> Segment {
    let body = json!({"name": suffix, "recordType": "lead", "condition": {"all": []}});
    let draft = SegmentDraft::parse(&body, &RecordTypes::built_in(), &Limits::default(), None).unwrap();
    draft.into_segment(SegmentId::new(format!("lead-{suffix}")), at(0))
}

fn seller(id: &str) -> Seller {
    Seller {
        id: id.into(),
        name: id.to_owned(),
        email: format!("{id}@example.com"),
        roles: vec![Role::Salesperson],
        enabled: true,
        time_zone: None,
        fields: Map::new(),
        team_ids: vec![],
        assign_records: true,
        capacity: MaximumCapacity::default(),
        attributes: BTreeMap::new(),
        calendar: Calendar::default(),
        version: 1,
    }
}

/// A decision that puts a segment into a state.
fn into_state(state: SegmentState) -> impl Fn(&Ranked) -> Result<Ranked, Error> {
    move |seen| Ok(Ranked { segment: Segment { state, ..seen.segment.clone() }, ..seen.clone() })
}

fn ranks(segments: &[Ranked]) -> Vec<(&str, u32)> {
    segments.iter().map(|ranked| (ranked.segment.id.as_str(), ranked.priority)).collect()
}

/// SEG-20 to SEG-25: a dense rank per type; the default segment is always the last.
#[tokio::test(flavor = "multi_thread")]
async fn seg_20_seg_25_a_new_priority_shifts_the_others_by_one() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for (suffix, priority) in [("a", None), ("b", None), ("c", Some(1)), ("d", Some(99)), ("e", Some(3))] {
        store.create_segment(segment(suffix), priority, None).await.unwrap();
    }
    let found = store.segments(&lead()).await.unwrap();
    let expected = [("lead-c", 1), ("lead-a", 2), ("lead-e", 3), ("lead-b", 4), ("lead-d", 5), ("lead-default", 6)];
    assert_eq!(ranks(&found), expected);

    let raise = |seen: &Ranked| Ok::<_, Error>(Ranked { priority: 1, ..seen.clone() });
    let raised = store.change_segment(&"lead-b".into(), MANY, raise).await.unwrap();
    assert_eq!((raised.priority, raised.last, raised.segment.version), (1, 6, 2));
    let default = store.change_segment(&"lead-default".into(), MANY, raise).await.unwrap();
    assert_eq!(default.priority, 6, "the default segment can't be raised");

    store.delete_segment(&"lead-a".into(), |_| Ok::<_, Error>(())).await.unwrap();
    let found = store.segments(&lead()).await.unwrap();
    assert_eq!(ranks(&found), [("lead-b", 1), ("lead-c", 2), ("lead-e", 3), ("lead-d", 4), ("lead-default", 5)]);
    assert!(store.segment(&"lead-a".into()).await.unwrap().is_none());
    assert_eq!(store.segment(&"lead-d".into()).await.unwrap().unwrap().priority, 4);
    let gone = store.change_segment(&"lead-a".into(), MANY, raise).await;
    assert!(matches!(gone, Err(Error::NotFound)), "{gone:?}");
}

/// SEG-30, SEG-31: every type of record has a default segment without anybody creating it.
#[tokio::test(flavor = "multi_thread")]
async fn seg_30_seg_31_the_default_segment_exists_from_the_start_and_can_be_edited() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for record_type in ["lead", "opportunity", "account", "contact"] {
        let id = SegmentId::new(format!("{record_type}-default"));
        let found = store.segment(&id).await.unwrap().unwrap();
        assert_eq!((found.segment.state, found.priority), (SegmentState::Active, 1));
    }
    for absent in ["seller-default", "robot-default", "lead-x", "lead"] {
        assert!(store.segment(&absent.into()).await.unwrap().is_none(), "{absent}");
    }
    let id = SegmentId::from("lead-default");
    // Two edits at once: each sees the other or is decided again.
    let mut edits = JoinSet::new();
    for n in 0..4 {
        let (store, id) = (store.clone(), id.clone());
        edits.spawn(async move {
            let decide = |seen: &Ranked| {
                let name = format!("{}+{n}", seen.segment.name);
                Ok::<_, Error>(Ranked { segment: Segment { name, ..seen.segment.clone() }, ..seen.clone() })
            };
            store.change_segment(&id, MANY, decide).await.unwrap();
        });
    }
    edits.join_all().await;
    let edited = store.segment(&id).await.unwrap().unwrap().segment;
    assert_eq!((edited.version, edited.name.matches('+').count()), (5, 4), "{}", edited.name);
    store.change_segment(&id, 1, into_state(SegmentState::Inactive)).await.unwrap();
    store.change_segment(&id, 0, into_state(SegmentState::Active)).await.unwrap();
    assert_eq!(store.segments(&lead()).await.unwrap()[0].segment.version, 7);
}

/// SEG-06, SEG-32, LIM-01.
#[tokio::test(flavor = "multi_thread")]
async fn seg_06_seg_32_no_more_segments_get_active_than_the_limit_allows_however_many_try_at_once() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for n in 0..8 {
        store.create_segment(segment(&format!("s{n}")), None, None).await.unwrap();
    }
    let mut activations = JoinSet::new();
    for n in 0..8 {
        let store = store.clone();
        activations.spawn(async move {
            let id = SegmentId::new(format!("lead-s{n}"));
            store.change_segment(&id, 3, into_state(SegmentState::Active)).await.map(|ranked| ranked.segment.id)
        });
    }
    let (active, refused): (Vec<_>, Vec<_>) = activations.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((active.len(), refused.len()), (3, 5));
    for refusal in refused {
        assert!(matches!(refusal, Err(Error::Refused { code: "tooManyActiveSegments", .. })), "{refusal:?}");
    }
    let mut active = active.into_iter().map(Result::unwrap);
    let (first, second) = (active.next().unwrap(), active.next().unwrap());

    // One deactivated, one deleted: room for two.
    store.change_segment(&first, 3, into_state(SegmentState::Paused)).await.unwrap();
    store.delete_segment(&second, |_| Ok::<_, Error>(())).await.unwrap();
    let mut activated = 0;
    for ranked in store.segments(&lead()).await.unwrap() {
        let inactive = ranked.segment.state != SegmentState::Active;
        let tried = store.change_segment(&ranked.segment.id, 3, into_state(SegmentState::Active)).await;
        activated += usize::from(inactive && tried.is_ok());
    }
    assert_eq!(activated, 2);
    let found = store.segments(&lead()).await.unwrap();
    assert_eq!(found.iter().filter(|ranked| ranked.segment.counts_as_active()).count(), 3);
}

/// SEG-07, RULE-05, LIM-02.
#[tokio::test(flavor = "multi_thread")]
async fn seg_07_rule_05_no_more_rules_get_active_than_the_limit_allows_however_many_try_at_once() {
    let fixture = Fixture::start().await;
    let (store, id) = (&fixture.store, SegmentId::from("lead-default"));
    let mut creations = JoinSet::new();
    for _ in 0..5 {
        let (store, id) = (store.clone(), id.clone());
        creations.spawn(async move {
            store.create_rule(&id, 2, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Active)).await
        });
    }
    let (created, refused): (Vec<_>, Vec<_>) = creations.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!((created.len(), refused.len()), (2, 3));
    assert!(refused.iter().all(|refusal| matches!(refusal, Err(Error::Refused { code: "tooManyActiveRules", .. }))));

    let spare =
        store.create_rule(&id, 2, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Inactive)).await.unwrap();
    assert_eq!((spare.rule.id.as_str(), spare.order), ("lead-default-3", 3));
    let switch = |state| {
        move |seen: &store::assignment_rules::Placed| Ok::<_, Error>(AssignmentRule { state, ..seen.rule.clone() })
    };
    let refused = store.change_rule(&spare.rule.id, 2, switch(RuleState::Active)).await;
    assert!(matches!(refused, Err(Error::Refused { .. })), "{refused:?}");
    store.change_rule(&"lead-default-1".into(), 2, switch(RuleState::Inactive)).await.unwrap();
    let active = store.change_rule(&spare.rule.id, 2, switch(RuleState::Active)).await.unwrap();
    assert_eq!((active.rule.state, active.rule.version), (RuleState::Active, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_10_rule_13_rules_are_ordered_densely_and_numbers_are_not_given_twice() {
    let fixture = Fixture::start().await;
    let (store, id) = (&fixture.store, SegmentId::from("lead-s"));
    let absent = store.create_rule(&id, 10, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Active)).await;
    assert!(matches!(absent, Err(Error::NotFound)), "{absent:?}");
    store.create_segment(segment("s"), None, None).await.unwrap();
    for _ in 0..3 {
        store.create_rule(&id, 10, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Active)).await.unwrap();
    }
    let reverse = |present: &[RuleId], _| Ok::<_, Error>(present.iter().rev().cloned().collect());
    let (order, version) = store.order_rules(&id, reverse).await.unwrap();
    assert_eq!(order, ["lead-s-3".into(), "lead-s-2".into(), "lead-s-1".into()]);
    assert_eq!(version, 4);
    store.delete_rule(&"lead-s-2".into(), |_| Ok::<_, Error>(())).await.unwrap();
    store.create_rule(&id, 10, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Active)).await.unwrap();
    let found = store.rules(&id).await.unwrap();
    let found: Vec<_> = found.iter().map(|placed| (placed.rule.id.as_str(), placed.order)).collect();
    assert_eq!(found, [("lead-s-3", 1), ("lead-s-1", 2), ("lead-s-4", 3)]);
    assert_eq!(store.rule_count(&id).await.unwrap(), 3);
    assert_eq!(store.rule_counts(&lead()).await.unwrap()[&id], 3);
    assert!(store.rule(&"lead-s-2".into()).await.unwrap().is_none());
    assert!(store.rule(&"lead-t-1".into()).await.unwrap().is_none());
}

/// SEG-05: nothing of a segment stays, also when it has more rules than one transaction can delete.
#[tokio::test(flavor = "multi_thread")]
async fn seg_05_deleting_a_segment_deletes_its_rules() {
    let fixture = Fixture::start().await;
    let (store, id) = (&fixture.store, SegmentId::from("lead-s"));
    store.create_segment(segment("s"), None, None).await.unwrap();
    for _ in 0..101 {
        store.create_rule(&id, 10, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Inactive)).await.unwrap();
    }
    store.delete_segment(&id, |_| Ok::<_, Error>(())).await.unwrap();
    assert!(store.rule(&"lead-s-101".into()).await.unwrap().is_none());
    let query = fixture.client.query().table_name(support::WORK).key_condition_expression("pk = :pk");
    let left = query
        .expression_attribute_values(":pk", aws_sdk_dynamodb::types::AttributeValue::S("rulebook#lead".to_owned()))
        .send()
        .await
        .unwrap();
    let left: Vec<_> = left.items().iter().map(|item| item["sk"].as_s().unwrap().as_str()).collect();
    assert_eq!(left, ["order"]);
}

/// A rule is never created into a segment that is being deleted, and never survives it.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_and_the_deletion_of_its_segment_do_not_miss_each_other() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    for n in 0..10 {
        let id = SegmentId::new(format!("lead-s{n}"));
        store.create_segment(segment(&format!("s{n}")), None, None).await.unwrap();
        let creation = {
            let (store, id) = (store.clone(), id.clone());
            tokio::spawn(async move {
                store.create_rule(&id, 10, None, |rule_id| rule_for_anybody(rule_id, &id, RuleState::Active)).await
            })
        };
        store.delete_segment(&id, |_| Ok::<_, Error>(())).await.unwrap();
        let created = creation.await.unwrap();
        assert!(matches!(created, Ok(_) | Err(Error::NotFound)), "{created:?}");
        assert!(store.rules(&id).await.unwrap().is_empty());
        assert_eq!(store.rule_count(&id).await.unwrap(), 0);
    }
}

/// A request that is repeated after a crash finds what it did.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_created_is_found_again_by_its_tag() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let first = store.create_segment(segment("s"), Some(1), Some("tag")).await.unwrap();
    assert_eq!(store.create_segment(segment("s"), Some(1), Some("tag")).await.unwrap(), first);
    for other in [None, Some("other")] {
        let taken = store.create_segment(segment("s"), Some(1), other).await;
        assert!(matches!(taken, Err(Error::Exists)), "{taken:?}");
    }
    assert_eq!(store.segments(&lead()).await.unwrap().len(), 2);

    let id = first.segment.id;
    let make = |rule_id| rule_for_anybody(rule_id, &id, RuleState::Active);
    let first = store.create_rule(&id, 1, Some("tag"), make).await.unwrap();
    assert_eq!(store.create_rule(&id, 1, Some("tag"), make).await.unwrap(), first);
    assert_eq!(store.create_rule(&id, 2, Some("other"), make).await.unwrap().order, 2);

    let first = store.create_seller(seller("susana"), Some("tag")).await.unwrap();
    // Also after somebody changed it: the tag stays with the item.
    let renamed = |seen: &Seller| Ok::<_, Error>(Seller { name: "Su".to_owned(), ..seen.clone() });
    store.change_seller(&first.id, renamed).await.unwrap();
    assert_eq!(store.create_seller(seller("susana"), Some("tag")).await.unwrap().name, "Su");
    assert!(matches!(store.create_seller(seller("susana"), None).await, Err(Error::Exists)));
}

/// What was read at one version is exactly what that version says, while others go on writing.
#[tokio::test(flavor = "multi_thread")]
async fn a_rulebook_is_read_at_one_version() {
    let fixture = Fixture::start().await;
    let store = fixture.store.clone();
    let writer = tokio::spawn(async move {
        for n in 0..40 {
            store.create_segment(segment(&format!("s{n:02}")), Some(1), None).await.unwrap();
        }
    });
    let known = RecordTypes::built_in();
    let definition = known.get(&lead()).unwrap();
    let mut read = 0;
    while !writer.is_finished() {
        // While writes never pause a read may give up; what it answers is right.
        if let Ok(source) = fixture.store.rulebook_source(definition).await {
            assert_eq!(source.version, source.segments.len() as u64 - 1);
            read += 1;
        }
    }
    writer.await.unwrap();
    let source = fixture.store.rulebook_source(definition).await.unwrap();
    assert_eq!((source.version, source.segments.len()), (40, 41));
    assert_eq!(source.segments[0].segment.id.as_str(), "lead-s39");
    assert!(source.segments[40].segment.is_default);
    assert!(read > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rulebook_holds_every_rule_in_order_with_its_segment() {
    let fixture = Fixture::start().await;
    let (store, id) = (&fixture.store, SegmentId::from("lead-s"));
    store.create_segment(segment("s"), None, None).await.unwrap();
    for state in [RuleState::Active, RuleState::Inactive] {
        store.create_rule(&id, 10, None, |rule_id| rule_for_anybody(rule_id, &id, state)).await.unwrap();
    }
    let default = SegmentId::from("lead-default");
    store
        .create_rule(&default, 10, None, |rule_id| rule_for_anybody(rule_id, &default, RuleState::Active))
        .await
        .unwrap();
    let reverse = |present: &[RuleId], _| Ok::<_, Error>(present.iter().rev().cloned().collect());
    store.order_rules(&id, reverse).await.unwrap();
    let known = RecordTypes::built_in();
    let source = store.rulebook_source(known.get(&lead()).unwrap()).await.unwrap();
    let found: Vec<Vec<_>> =
        source.segments.iter().map(|source| source.rules.iter().map(|rule| rule.id.as_str()).collect()).collect();
    assert_eq!(found, [vec!["lead-s-2", "lead-s-1"], vec!["lead-default-1"]]);
    assert_eq!(source.version, 5);
}

/// DIST-18: a commit that was decided before the change of a seller notices it by the generation.
#[tokio::test(flavor = "multi_thread")]
async fn dist_18_every_change_of_a_seller_is_told_by_the_roster_and_by_the_generation() {
    let fixture = Fixture::start().await;
    let (store, id) = (&fixture.store, "susana".into());
    for name in ["susana", "alan", "miriam"] {
        store.create_seller(seller(name), None).await.unwrap();
    }
    assert_eq!(store.versions().await.unwrap().roster, 3);
    let off = |seen: &Seller| Ok::<_, Error>(Seller { assign_records: false, ..seen.clone() });
    assert_eq!(store.change_seller(&id, off).await.unwrap().version, 2);
    assert_eq!(store.change_seller(&id, off).await.unwrap().version, 2, "nothing changes, nothing is written");
    let generation = async || store.seller_states(std::slice::from_ref(&id)).await.unwrap()[&id].generation;
    assert_eq!((generation().await, store.versions().await.unwrap().roster), (1, 4));
    store.delete_seller(&id, |_| Ok::<_, Error>(())).await.unwrap();
    assert_eq!((generation().await, store.versions().await.unwrap().roster), (2, 5));
    assert!(matches!(store.delete_seller(&id, |_| Ok::<_, Error>(())).await, Err(Error::NotFound)));

    let ids: Vec<_> = store.sellers().await.unwrap().into_iter().map(|seller| seller.id).collect();
    assert_eq!(ids, ["alan".into(), "miriam".into()]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_changes_of_the_settings_at_once_are_both_kept() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    assert_eq!(store.settings().await.unwrap(), Settings::default());
    let bodies =
        [json!({"timeZone": "Europe/London"}), json!({"workspaceEnabled": false}), json!({"firstWeekday": "monday"})];
    let mut changes = JoinSet::new();
    for body in bodies {
        let store = store.clone();
        let decide = move |seen: &Settings| Ok::<_, Error>(seen.merged(&body).unwrap());
        changes.spawn(async move { store.change_settings(decide).await.unwrap() });
    }
    changes.join_all().await;
    let settings = store.settings().await.unwrap();
    assert_eq!(settings.time_zone.iana_name(), Some("Europe/London"));
    assert_eq!((settings.workspace_enabled, settings.version), (false, 4));
    assert_eq!(settings.first_weekday, jiff::civil::Weekday::Monday);
    assert_eq!(store.versions().await.unwrap().settings, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_custom_record_type_gets_columns_a_rulebook_and_a_default_segment() {
    let fixture = Fixture::start().await;
    let (store, deal) = (&fixture.store, RecordType::from("deal"));
    assert!(store.record_type(&deal).await.unwrap().is_none());
    let define = |columns: serde_json::Value| {
        let (body, deal) = (json!({"columns": columns}), deal.clone());
        move |known: &RecordTypes, _: Option<u64>| {
            Ok::<_, Error>(RecordTypeDefinition::parse(&body, &deal, known, &Pointer::root()).unwrap())
        }
    };
    let topic = json!([{"name": "topic", "type": "text"}]);
    let (created, version) = store.change_record_type(&deal, define(topic.clone())).await.unwrap();
    assert_eq!((created.columns.len(), version), (1, 1));
    let more = json!([{"name": "topic", "type": "text"}, {"name": "size", "type": "whole"}]);
    assert_eq!(store.change_record_type(&deal, define(more)).await.unwrap().1, 2);
    assert_eq!(store.record_type(&deal).await.unwrap().unwrap().1, 2);
    assert!(store.segment(&"deal-default".into()).await.unwrap().is_some());

    // A type that exists from the start counts from 1 before anybody changed it.
    let account = RecordType::from("account");
    let tier = |known: &RecordTypes, version: Option<u64>| {
        assert!(version == Some(1));
        let body = json!({"label": "Company"});
        Ok::<_, Error>(RecordTypeDefinition::parse(&body, &account, known, &Pointer::root()).unwrap())
    };
    assert_eq!(store.change_record_type(&account, tier).await.unwrap().1, 2);
    let versions = store.versions().await.unwrap();
    assert_eq!(versions.definitions, 3);
    assert_eq!(versions.rulebook(&lead()), 3, "conditions on a lead may read columns of an account");
    let known = store.record_types().await.unwrap();
    assert_eq!(known.get(&account).unwrap().label, "Company");
}

/// ATTR-06; who keeps sellers between invocations notices every change of an attribute.
#[tokio::test(flavor = "multi_thread")]
async fn attr_06_a_seller_attribute_changes_under_the_version_of_the_sellers() {
    let fixture = Fixture::start().await;
    let (store, memory) = (&fixture.store, Memory::default());
    let attribute = |id: &str, name: &str| SellerAttribute {
        id: id.into(),
        name: name.to_owned(),
        source: Source::Manual,
        values: vec!["en".to_owned()],
        version: 1,
    };
    let known = async || {
        let known = store.knowledge(&memory).await.unwrap();
        known.seller_attributes.iter().map(|attribute| attribute.name.clone()).collect::<Vec<_>>()
    };
    assert!(known().await.is_empty());
    let created = store.create_seller_attribute(attribute("1", "Language"), Some("tag")).await.unwrap();
    assert_eq!(known().await, ["Language"]);
    let repeated = store.create_seller_attribute(attribute("1", "Language"), Some("tag")).await;
    assert_eq!(repeated.unwrap(), created, "a repetition finds what it created");
    let taken = store.create_seller_attribute(attribute("2", "LANGUAGE"), Some("other")).await;
    assert!(matches!(taken, Err(Error::Refused { code: "nameTaken", .. })));
    let renamed =
        |seen: &SellerAttribute| Ok::<_, Error>(SellerAttribute { name: "Tongue".to_owned(), ..seen.clone() });
    let changed = store.change_seller_attribute(&"1".into(), renamed).await.unwrap();
    assert_eq!((changed.version, known().await), (2, vec!["Tongue".to_owned()]));
    store.create_seller_attribute(attribute("2", "LANGUAGE"), None).await.unwrap();
    store.delete_seller_attribute(&"1".into(), |_| Ok::<_, Error>(())).await.unwrap();
    assert_eq!(known().await, ["LANGUAGE"]);
    store.create_seller_attribute(attribute("3", "tongue"), None).await.unwrap();
}
