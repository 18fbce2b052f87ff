//! The opening of periods: once each, and never over what a commit wrote.

use domain::assignment_rule::{Distribution, RuleState};
use domain::capacity::{CapacityPeriod, MaximumCapacity};
use domain::in_periods::InPeriods;
use domain::record_type::RecordTypes;
use domain::role_definition::RoleDefinitions;
use domain::roster::{Member, Roster};
use domain::route::{Organisation, Present, route};
use domain::rulebook::{Rulebook, RulebookSource, SegmentSource};
use domain::segment::{Segment, default_id};
use domain::seller::Seller;
use domain::settings::Settings;
use std::sync::Arc;
use store::commit::Committed;

use super::*;
use crate::support::rule_for_anybody;

fn in_periods(counts: &[(&str, u32)]) -> InPeriods {
    counts.iter().map(|(period, count)| ((*period).to_owned(), *count)).collect()
}

/// Leads go to any seller with room; susana takes five a day.
async fn assign_automatically(store: &Store, id: &str, now: Timestamp) -> Committed {
    let record_types = RecordTypes::built_in();
    let definition = record_types.get(&lead()).unwrap();
    let segment = default_id(&lead());
    let mut rule = rule_for_anybody(format!("{segment}-1").as_str().into(), &segment, RuleState::Active);
    rule.distribution = rule.distribution.map(|known| Distribution { respect_capacity: true, ..known });
    let segments = vec![SegmentSource { segment: Segment::default_of(&lead()), rules: vec![rule] }];
    let source = RulebookSource { version: 1, definition: Arc::clone(definition), segments };
    let organisation = Organisation {
        settings: Arc::new(Settings::default()),
        receiving: RoleDefinitions::predefined().receiving(),
        rulebooks: [(lead(), Arc::new(Rulebook::compile(source, &record_types)))].into(),
        teams: [].into(),
        queues: [].into(),
    };
    let capacity =
        MaximumCapacity { period: CapacityPeriod::Day, period_maximum: Some(5), ..MaximumCapacity::default() };
    let seller: Seller = serde_json::from_value(json!({
        "id": "susana", "name": "Susana", "email": "susana@example.com", "roles": ["salesperson"], "enabled": true,
        "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1
    }))
    .unwrap();
    let state = states(store, &["susana"]).await.remove(&"susana".into()).unwrap();
    let mut roster =
        Roster::new(vec![Member { seller: Arc::new(Seller { capacity, ..seller }), state, subject: None }]);
    let waiting = store.still_waiting(&[key(id)], now).await.unwrap();
    let waiting = store.arrivals(waiting, &organisation, &record_types, now).await.unwrap();
    let arrivals = [waiting[0].arrival.clone()];
    let decisions = route(&organisation, &mut roster, &arrivals, Present { now, writer: 1, drawn: 7 });
    store.commit(&[(&waiting[0], &decisions[0])], 1, now).await.unwrap()
}

async fn lead_that_waits(store: &Store, id: &str) {
    let fields = json!({"topic": id}).as_object().unwrap().clone();
    let new = NewRecord {
        key: key(id),
        fields,
        owner: None,
        business_unit: None,
        created_on: None,
        route: true,
        imported: false,
        created_by: "importer".to_owned(),
        tag: None,
    };
    store.create_record(new, at(0)).await.unwrap();
}

#[tokio::test]
async fn cap_11_a_period_is_opened_once_and_not_over_what_a_commit_wrote() {
    let fixture = Fixture::start().await;
    let store = &fixture.store;
    let susana = SellerId::from("susana");
    let known = async || states(store, &["susana"]).await.remove(&susana).unwrap();
    for id in ["L-1", "L-2"] {
        lead_that_waits(store, id).await;
    }
    assert!(matches!(assign_automatically(store, "L-1", at(0)).await, Committed::First(_)));
    let before = known().await;
    let yesterday = in_periods(&[("2026-03-02", 1), ("2026-03-01w", 1), ("2026-03", 1)]);
    assert_eq!(before.in_periods, yesterday);
    let today = yesterday.opened("2026-03-03").unwrap();
    assert!(store.open_period(&susana, &yesterday, &today).await.unwrap());
    let opened = known().await;
    assert_eq!(opened.in_periods, today);
    assert_eq!((&opened.held, &opened.turns, opened.changes), (&before.held, &before.turns, before.changes));
    assert!(!store.open_period(&susana, &yesterday, &today).await.unwrap(), "it is open");
    // A commit was first: what it counted stays.
    let next_day = at(86_400);
    assert!(matches!(assign_automatically(store, "L-2", next_day).await, Committed::First(_)));
    assert!(!store.open_period(&susana, &yesterday, &today).await.unwrap());
    let counted = in_periods(&[("2026-03-02", 1), ("2026-03-03", 1), ("2026-03-01w", 2), ("2026-03", 2)]);
    assert_eq!(known().await.in_periods, counted);
}

#[tokio::test]
async fn cap_11_the_first_period_of_a_seller_is_opened_only_where_none_is_known() {
    let fixture = Fixture::start().await;
    let (store, susana) = (&fixture.store, SellerId::from("susana"));
    let (never, march) = (InPeriods::default(), in_periods(&[("2026-03", 0)]));
    assert!(store.open_period(&susana, &never, &march).await.unwrap());
    assert!(!store.open_period(&susana, &never, &in_periods(&[("2026-04", 0)])).await.unwrap());
    let state = states(store, &["susana"]).await.remove(&susana).unwrap();
    assert_eq!(state, SellerState { in_periods: march, ..SellerState::default() });
}
