//! Shapes of the contract: what the OpenAPI document shows and what functions answer with (API.md section 3).
//!
//! A `…Body` is documentation: what it describes is believed by a draft of `domain` and by nothing else. The shapes of
//! answers that are more than one thing of `domain` serialise and are what handlers return.

use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};
use utoipa::openapi::{RefOr, Schema};

pub mod assignment_rule;
pub mod business_unit;
pub mod calendar;
pub mod condition;
pub mod monitor;
pub mod owner;
pub mod problem;
pub mod queue;
pub mod record;
pub mod record_type;
pub mod role;
pub mod run;
pub mod segment;
pub mod segment_run;
pub mod seller;
pub mod seller_attribute;
pub mod service;
pub mod settings;
pub mod team;
pub mod timeline;

/// A text that is one of these words.
pub(crate) fn words(words: &[&str]) -> RefOr<Schema> {
    let text = ObjectBuilder::new().schema_type(SchemaType::Type(Type::String));
    Schema::from(text.enum_values(Some(words.iter().copied())).build()).into()
}

/// A schema with what it describes.
pub(crate) fn described(schema: RefOr<Schema>, description: &str) -> RefOr<Schema> {
    match schema {
        RefOr::T(Schema::Object(mut object)) => {
            object.description = Some(description.to_owned());
            Schema::from(object).into()
        }
        other => other,
    }
}

/// One of these words, or null.
pub(crate) fn words_or_null(words: &[&str]) -> RefOr<Schema> {
    let kinds = SchemaType::Array(vec![Type::String, Type::Null]);
    let values = words.iter().map(|word| serde_json::Value::from(*word)).chain([serde_json::Value::Null]);
    Schema::from(ObjectBuilder::new().schema_type(kinds).enum_values(Some(values)).build()).into()
}

#[cfg(test)]
mod tests {
    use domain::business_unit::BusinessUnit;
    use domain::calendar::EntryDraft;
    use domain::explanation::Nameless;
    use domain::id::{Owner, RecordKey, SellerId};
    use domain::queue::Queue;
    use domain::record::NewRecord;
    use domain::record_type::RecordTypes;
    use domain::route::manual;
    use domain::seller_attribute::SellerAttributeDraft;
    use domain::settings::Settings;
    use domain::team::Team;
    use jiff::Timestamp;
    use serde_json::{Map, json};

    use crate::openapi;
    use crate::testing::conformity::faults;
    use domain::role_definition::RoleDefinitions;

    fn shown(name: &str, answer: &impl serde::Serialize) -> Vec<String> {
        let document = openapi::document();
        let schema = json!({"$ref": format!("#/components/schemas/{name}")});
        faults(&document, &schema, &serde_json::to_value(answer).unwrap(), "")
    }

    const NOTHING: [String; 0] = [];

    #[test]
    fn what_the_domain_answers_is_what_the_document_shows() {
        assert_eq!(shown("Settings", &Settings::default()), NOTHING);
        for definition in RecordTypes::built_in().iter() {
            assert_eq!(shown("RecordType", definition.as_ref()), NOTHING);
        }
        for definition in RoleDefinitions::predefined().iter() {
            assert_eq!(shown("Role", definition), NOTHING);
        }
        let (name, member_ids) = ("North".to_owned(), vec![SellerId::new("susana")]);
        let (roles, fields) = (vec![domain::seller::Role::Salesperson], Map::new());
        let team = Team { id: "north".into(), name, member_ids, roles, fields, version: 1 };
        assert_eq!(shown("Team", &team), NOTHING);
        let Team { name, member_ids, fields, .. } = team;
        let (id, record_types) = ("inbound".into(), vec!["lead".into()]);
        let queue = Queue { id, name, enabled: true, record_types, member_ids, fields, version: 1 };
        assert_eq!(shown("Queue", &queue), NOTHING);
        let unit = BusinessUnit { id: "iberia".into(), name: queue.name, parent_id: None, version: 1 };
        assert_eq!(shown("BusinessUnit", &unit), NOTHING);
        let now = Timestamp::UNIX_EPOCH;
        let owner = Owner::Seller(SellerId::new("susana"));
        let new = NewRecord {
            key: RecordKey::new("lead", "L-1"),
            fields: Map::new(),
            owner: Some(owner.clone()),
            business_unit: None,
            created_on: None,
            route: true,
            imported: false,
            created_by: "boris".to_owned(),
            tag: None,
        };
        let record = new.into_record(now);
        let entry = json!({"kind": "timeOff", "from": "2026-03-02"});
        let entry = EntryDraft::parse(&entry, None).unwrap().into_entry("e".into());
        assert_eq!(shown("CalendarEntry", &entry), NOTHING);
        for source in [json!("manual"), json!({"recordType": "lead", "column": "country"})] {
            let attribute = json!({"name": "country", "source": source, "values": ["US"]});
            let draft = SellerAttributeDraft::parse(&attribute, &RecordTypes::built_in(), None).unwrap();
            assert_eq!(shown("SellerAttribute", &draft.into_attribute("a".into())), NOTHING);
        }
        let run = super::run::answer(&manual(&record, owner, 3, now), true, &Nameless);
        assert_eq!(shown("RoutingRun", &run), NOTHING);
        for of_draft in [false, true] {
            let run =
                super::run::simulated(&manual(&record, Owner::Seller("susana".into()), 3, now), of_draft, &Nameless);
            assert_eq!((shown("SimulatedRun", &run), run["recordId"].is_null()), (vec![], of_draft));
        }
        assert_eq!(shown("Record", &super::record::Record::from(record)), NOTHING);
    }

    #[test]
    fn an_answer_beside_the_document_is_noticed() {
        let mut settings = serde_json::to_value(Settings::default()).unwrap();
        settings["odd"] = json!(1);
        settings["firstWeekday"] = json!("someday");
        settings["limits"]["maxWaitDays"] = json!("many");
        settings.as_object_mut().unwrap().shift_remove("timeZone");
        let expected = [
            "/timeZone is missing",
            "/firstWeekday is \"someday\"",
            "/limits/maxWaitDays is string, not \"integer\"",
            "/odd is not shown",
        ];
        assert_eq!(shown("Settings", &settings), expected);
    }
}
