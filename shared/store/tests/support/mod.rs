//! A store on a real engine with the template's tables, in this process on a free port.

#![allow(dead_code, unreachable_pub, clippy::unwrap_used, reason = "shared by tests that each use a part of it")]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{Credentials, Region};
use domain::assignment_rule::{AssignmentRule, Distribution, Method, RuleState, SellerPick, Target};
use domain::id::{RuleId, SegmentId};
use jiff::Timestamp;
use local::engine::{Engine, EngineOptions};
use local::template::Template;
use serde_json::json;
use store::Store;

/// An engine and a store over it. The engine ends with it.
pub struct Fixture {
    pub store: Store,
    pub client: Client,
    _engine: Engine,
}

/// The names of the template's tables under the local stack's name.
pub const RECORDS: &str = "baton-records";
pub const WORK: &str = "baton-work";

impl Fixture {
    pub async fn start() -> Self {
        let template = Template::builtin().expect("the template can be read");
        let options = EngineOptions::default();
        let engine = Engine::start(options, &template.tables).await.expect("an engine starts");
        let credentials = Credentials::new("local", "local", None, None, "test");
        let configuration = Store::configuration()
            .endpoint_url(engine.endpoint())
            .region(Region::new("eu-central-1"))
            .credentials_provider(credentials)
            .load()
            .await;
        let client = Client::new(&configuration);
        Self { store: Store::new(client.clone(), RECORDS, WORK), client, _engine: engine }
    }
}

/// An instant, in seconds after a fixed one.
pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_772_445_600 + second).unwrap()
}

/// A rule that gives every record of its segment to any seller in turn.
pub fn rule_for_anybody(id: RuleId, segment: &SegmentId, state: RuleState) -> AssignmentRule {
    AssignmentRule {
        name: id.to_string(),
        id,
        segment_id: segment.clone(),
        description: None,
        condition: json!({"all": []}),
        created_within_hours: None,
        target: Target::Sellers(SellerPick::Any),
        distribution: Some(Distribution {
            method: Method::RoundRobin,
            available_within_hours: None,
            respect_capacity: false,
        }),
        state,
        version: 1,
        created_at: at(0),
        modified_at: at(0),
    }
}
