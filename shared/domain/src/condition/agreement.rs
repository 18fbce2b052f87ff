//! The compiled form agrees with the plain meaning, in verdict and pointer, on random trees and subjects; and a tree
//! survives being written and read.

use std::sync::Arc;

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, Value as Json, json};

use super::cases::{definition, record_types};
use super::operator::Wants;
use super::period::{TimeUnit, ZONES};
use super::{AttributeValues, Condition, Context, CurrentUser, Moment, Operator, Schema};
use crate::column::{Column, ColumnType};
use crate::fault::Pointer;
use crate::id::Owner;
use crate::record_type::{RecordTypeDefinition, RecordTypes};
use crate::subject::{Subject, System};

const TEXTS: [&str; 9] = ["ann", "Ann", "ANNA", " ann", "nn", "Straße", "STRASSE", "ß", "Hot"];
const IDS: [&str; 3] = ["A-1", "a-1", "susana"];
const NUMBERS: [f64; 6] = [-1.0, 0.0, 1.0, 1.0001, 2.5, 3.0];

/// Instants of the tests: an hour before London's clocks go forward, and back, and an ordinary noon at a year's end.
const NOWS: [&str; 4] =
    ["2026-03-29T00:00:00Z", "2026-10-25T00:59:59.999Z", "2026-12-31T12:00:00Z", "2026-11-01T03:00:00Z"];

/// Distances from now in hours, at which periods begin and end, and some between.
const HOURS: [i64; 15] = [-8784, -745, -169, -73, -48, -25, -24, -1, 0, 1, 23, 25, 96, 168, 9000];

fn dates() -> impl Strategy<Value = Json> {
    (select(&NOWS[..]), select(&HOURS[..]), any::<bool>()).prop_map(|(now, hours, whole_day)| {
        let instant = now.parse::<Timestamp>().unwrap().saturating_add(hours.hours()).unwrap();
        json!(if whole_day { TimeZone::UTC.to_datetime(instant).date().to_string() } else { instant.to_string() })
    })
}

fn owners() -> impl Strategy<Value = Json> {
    (select(&["seller", "team", "queue"][..]), select(&["susana", "north"][..]))
        .prop_map(|(kind, id)| json!({"kind": kind, "id": id}))
}

/// Values that a column may hold, out of few, so that they meet.
fn value_of(column_type: ColumnType, options: Option<Vec<String>>) -> BoxedStrategy<Json> {
    let texts = options.unwrap_or_else(|| TEXTS.map(str::to_owned).to_vec());
    match column_type {
        ColumnType::Text | ColumnType::MultilineText | ColumnType::Choice => select(texts).prop_map(Json::from).boxed(),
        ColumnType::Whole => (-1..4).prop_map(Json::from).boxed(),
        ColumnType::Decimal | ColumnType::Money => select(&NUMBERS[..]).prop_map(Json::from).boxed(),
        ColumnType::YesNo => any::<bool>().prop_map(Json::from).boxed(),
        ColumnType::MultiChoice => subsequence(texts, 1..3).prop_map(Json::from).boxed(),
        ColumnType::Lookup | ColumnType::Id => select(&IDS[..]).prop_map(Json::from).boxed(),
        ColumnType::Owner => owners().boxed(),
        ColumnType::Date => dates().boxed(),
    }
}

/// Any row that is allowed on a column.
fn row_on(column: &Column, routed: &RecordTypeDefinition) -> BoxedStrategy<Json> {
    let column = column.clone();
    let names: Vec<String> = routed.all_columns().map(|column| column.name.clone()).collect();
    let row = select(Operator::allowed_for(&column)).prop_flat_map(move |operator| {
        let bare = json!({"field": column.name, "op": operator.word()});
        let with = |member: &'static str| {
            let bare = bare.clone();
            move |operand: Json| {
                let mut row = bare.clone();
                row[member] = operand;
                row
            }
        };
        let value = |value_type| value_of(value_type, column.options.clone());
        let from = select(names.clone()).prop_map(Json::from).prop_map(with("valueFrom"));
        match operator.wants(column.column_type) {
            Wants::Nothing => Just(bare).boxed(),
            Wants::Amount => (1_u32..40, select(&TimeUnit::WORDS[..]))
                .prop_map(|(n, (unit, _))| json!({"n": n, "unit": unit}))
                .prop_map(with("value"))
                .boxed(),
            Wants::One(value_type) => prop_oneof![3 => value(value_type).prop_map(with("value")), 1 => from].boxed(),
            Wants::Several(value_type) => {
                let several = prop::collection::vec(value(value_type), 1..4).prop_map(Json::from);
                let values = prop_oneof![value(value_type), several].prop_map(with("value"));
                prop_oneof![3 => values, 1 => from].boxed()
            }
        }
    });
    row.boxed()
}

/// Rows on every column, those with many operators more often.
fn rows(tested: &RecordTypeDefinition, routed: &RecordTypeDefinition) -> BoxedStrategy<Json> {
    let weight = |column| u32::try_from(Operator::allowed_for(column).len()).unwrap();
    let rows = tested.all_columns().map(|column| (weight(column), row_on(column, routed)));
    prop::strategy::Union::new_weighted(rows.collect()).boxed()
}

fn groups(leaves: BoxedStrategy<Json>) -> BoxedStrategy<Json> {
    let grown = leaves.prop_recursive(3, 12, 4, |inner| {
        let parts = prop::collection::vec(inner, 0..4);
        (any::<bool>(), parts).prop_map(|(all, parts)| if all { json!({"all": parts}) } else { json!({"any": parts}) })
    });
    grown.boxed()
}

/// Trees on things, with rows on everything, blocks of related accounts and rows on attributes.
fn trees(record_types: &RecordTypes) -> BoxedStrategy<Json> {
    let (thing, account) = (definition(record_types, "thing"), definition(record_types, "account"));
    let within = groups(rows(&account, &thing));
    let related = (any::<bool>(), prop::option::of(within)).prop_map(|(exists, within)| match within {
        Some(within) => json!({"related": "account", "exists": exists, "where": within}),
        None => json!({"related": "account", "exists": exists}),
    });
    let attribute = (select(&["equals", "notEquals"][..]), subsequence(TEXTS.to_vec(), 1..3))
        .prop_map(|(operator, values)| json!({"attribute": "mood", "op": operator, "value": values}));
    groups(prop_oneof![8 => rows(&thing, &thing), 2 => related, 1 => attribute].boxed())
}

/// Subjects of a type, each column empty at times, with names and an owner.
fn subjects(definition: Arc<RecordTypeDefinition>) -> BoxedStrategy<Subject> {
    let fields: Vec<_> = definition
        .columns
        .iter()
        .map(|column| prop::option::weighted(0.8, value_of(column.column_type, column.options.clone())))
        .collect();
    let name = prop::option::of(select(&TEXTS[..]));
    let owner = prop::option::of(owners());
    (fields, name, owner, select(&IDS[..]), select(&NOWS[..]))
        .prop_map(move |(values, name, owner, id, created_on)| {
            let names = definition.columns.iter().map(|column| column.name.clone());
            let fields: Map<_, _> = names.zip(values).filter_map(|(name, value)| Some((name, value?))).collect();
            let owner: Option<Owner> = owner.map(|owner| serde_json::from_value(owner).unwrap());
            let system = System {
                id,
                created_on: Some(created_on.parse().unwrap()),
                created_by: Some(id),
                owner: owner.as_ref(),
                ..System::default()
            };
            let mut subject = Subject::new(&definition, &fields, &system).unwrap();
            for column in ["owner", "account", "boss", "parentAccount", "createdBy"] {
                subject.set_name(column, name.unwrap_or_default());
            }
            subject
        })
        .boxed()
}

fn things(record_types: &RecordTypes) -> BoxedStrategy<Subject> {
    let accounts = prop::collection::vec(subjects(definition(record_types, "account")), 0..3);
    let moods = subsequence(TEXTS.to_vec(), 0..3);
    (subjects(definition(record_types, "thing")), accounts, moods)
        .prop_map(|(mut thing, accounts, moods)| {
            for account in accounts {
                thing.add_related("account", Arc::new(account));
            }
            thing.set_attribute("mood", moods);
            thing
        })
        .boxed()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn the_compiled_form_gives_the_verdict_and_pointer_of_the_plain_one(
        tree in trees(&record_types()),
        tested in prop::collection::vec(things(&record_types()), 1..6),
        routed in prop::option::of(things(&record_types())),
        (zone, now, monday, somebody) in (select(&ZONES[..]), select(&NOWS[..]), any::<bool>(), any::<bool>()),
    ) {
        let record_types = record_types();
        let thing = definition(&record_types, "thing");
        let attributes: AttributeValues = [("mood".to_owned(), TEXTS.map(str::to_owned).to_vec())].into();
        let schema = Schema::new(&thing, &record_types).routing(&thing).with_attributes(&attributes).with_current_user();
        let condition = match Condition::parse(&tree, &Pointer::root(), &schema) {
            Ok(condition) => condition,
            Err(faults) => {
                // Only a value taken from a column that doesn't compare is refused.
                prop_assert!(faults.iter().all(|fault| fault.pointer.as_str().ends_with("/valueFrom")), "{faults:?}");
                return Err(TestCaseError::reject("takes a value from a column that doesn't compare"));
            }
        };
        prop_assert_eq!(Condition::parse(&condition.to_json(), &Pointer::root(), &schema), Ok(condition.clone()));

        let first_weekday = if monday { Weekday::Monday } else { Weekday::Sunday };
        let moment = Moment::new(now.parse().unwrap(), TimeZone::posix(zone).unwrap(), first_weekday);
        let user = CurrentUser { id: "susana".into(), teams: vec!["north".into()] };
        let context = Context { moment: &moment, current_user: somebody.then_some(&user), routed: routed.as_ref() };
        let compiled = condition.compile();
        for subject in &tested {
            let plain = condition.interpret(subject, &context);
            prop_assert_eq!(compiled.matches(subject, &context).map_err(Clone::clone), plain);
        }
    }
}
