//! Each fault as a client sees it, against a real engine in the same process.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::dynamodb::{Attributes, DynamoDb};
use crate::fault_proxy::{Charge, Fault, FaultProxy, Operation, Rule};

const RECORDS: &str = "records";

/// An engine with one table, a proxy before it, a client of each.
struct Bench {
    proxy: FaultProxy,
    through: DynamoDb,
    direct: DynamoDb,
}

impl Bench {
    async fn start(plan: Vec<Rule>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let engine = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_with_shutdown(listener, engine, std::future::pending()));
        let direct = DynamoDb::new(&endpoint);
        let table = json!({
            "TableName": RECORDS,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
            "AttributeDefinitions": [
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "pending", "AttributeType": "S"},
                {"AttributeName": "pendingAt", "AttributeType": "N"},
            ],
            "GlobalSecondaryIndexes": [{
                "IndexName": "pending",
                "KeySchema": [
                    {"AttributeName": "pending", "KeyType": "HASH"},
                    {"AttributeName": "pendingAt", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }],
        });
        direct.call("CreateTable", &table).await.unwrap();
        let proxy = FaultProxy::start(7).await.unwrap();
        proxy.connect(&endpoint);
        let through = DynamoDb::new(&proxy.endpoint());
        proxy.inject(plan);
        Self { proxy, through, direct }
    }

    async fn put(&self, id: &str) -> anyhow::Result<()> {
        self.through.put(RECORDS, &pending(id, 1)).await
    }

    async fn is_there(&self, id: &str) -> bool {
        self.direct.item(RECORDS, &key(id)).await.unwrap().is_some()
    }

    async fn query(&self, extra: Value) -> Value {
        self.asked(extra).await.unwrap()
    }

    async fn asked(&self, extra: Value) -> anyhow::Result<Value> {
        let mut body = json!({
            "TableName": RECORDS, "IndexName": "pending",
            "KeyConditionExpression": "#p = :p AND pendingAt > :at",
            "ExpressionAttributeNames": {"#p": "pending"},
            "ExpressionAttributeValues": {":p": {"S": "lead#0"}, ":at": {"N": "0"}},
        });
        body.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        self.through.call("Query", &body).await
    }

    fn injected(&self, fault: Fault) -> u64 {
        self.proxy.injected().get(&fault).copied().unwrap_or(0)
    }
}

fn key(id: &str) -> Value {
    json!({"pk": {"S": id}})
}

fn pending(id: &str, at: u32) -> Value {
    json!({"pk": {"S": id}, "pending": {"S": "lead#0"}, "pendingAt": {"N": at.to_string()}, "x": {"S": "y"}})
}

fn always(fault: Fault) -> Vec<Rule> {
    vec![Rule::new(fault, 1.0).up_to(Duration::from_hours(1))]
}

fn transaction(ids: &[&str]) -> Value {
    let puts: Vec<Value> =
        ids.iter().map(|id| json!({"Put": {"TableName": RECORDS, "Item": pending(id, 1)}})).collect();
    json!({"TransactItems": puts})
}

fn ids(items: &Value) -> Vec<&str> {
    items.as_array().unwrap().iter().map(|item| item["pk"]["S"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn without_a_plan_everything_passes_through() {
    let bench = Bench::start(Vec::new()).await;
    bench.put("a").await.unwrap();
    assert_eq!(bench.through.scan(RECORDS).await.unwrap(), bench.direct.scan(RECORDS).await.unwrap());
    let refusal = bench.through.call("GetItem", &json!({"TableName": "none", "Key": key("a")})).await.unwrap_err();
    assert!(refusal.to_string().contains("ResourceNotFoundException"), "{refusal}");
    assert!(bench.proxy.injected().is_empty());
}

#[tokio::test]
async fn a_conflicting_transaction_is_cancelled_with_one_reason_among_the_others() {
    let bench = Bench::start(always(Fault::Conflict)).await;
    let refusal = bench.through.call("TransactWriteItems", &transaction(&["a", "b", "c"])).await.unwrap_err();
    let text = refusal.to_string();
    let body: Value = serde_json::from_str(&text[text.find('{').unwrap()..]).unwrap();
    assert!(text.contains("400"), "{text}");
    assert_eq!(body["__type"], "com.amazonaws.dynamodb.v20120810#TransactionCanceledException");
    let codes: Vec<&str> =
        body["CancellationReasons"].as_array().unwrap().iter().map(|r| r["Code"].as_str().unwrap()).collect();
    assert_eq!(codes.len(), 3);
    assert_eq!(codes.iter().filter(|code| **code == "TransactionConflict").count(), 1, "{codes:?}");
    assert_eq!(codes.iter().filter(|code| **code == "None").count(), 2, "{codes:?}");
    assert!(!bench.is_there("a").await);
}

#[tokio::test]
async fn a_single_write_meets_a_conflict_and_a_read_does_not() {
    let bench = Bench::start(always(Fault::Conflict)).await;
    let refusal = bench.put("a").await.unwrap_err().to_string();
    assert!(refusal.contains("#TransactionConflictException"), "{refusal}");
    bench.through.item(RECORDS, &key("a")).await.unwrap();
    assert_eq!(bench.injected(Fault::Conflict), 1);
}

#[tokio::test]
async fn throttling_comes_in_each_of_its_forms_and_changes_nothing() {
    let bench = Bench::start(always(Fault::Throttle)).await;
    let mut seen = String::new();
    for _ in 0..8 {
        seen += &bench.put("a").await.unwrap_err().to_string();
        seen += &bench.through.call("TransactWriteItems", &transaction(&["a"])).await.unwrap_err().to_string();
    }
    for form in ["#ThrottlingException", "#ProvisionedThroughputExceededException", "ThrottlingError"] {
        assert!(seen.contains(form), "{form} in {seen}");
    }
    assert!(!bench.is_there("a").await);
}

#[tokio::test]
async fn a_lost_answer_has_happened_and_a_lost_request_has_not() {
    let bench = Bench::start(always(Fault::LostAnswer)).await;
    let refusal = bench.put("a").await.unwrap_err().to_string();
    assert!(refusal.contains("got no answer"), "{refusal}");
    assert!(bench.is_there("a").await);
    bench.proxy.inject(always(Fault::LostRequest));
    bench.put("b").await.unwrap_err();
    assert!(!bench.is_there("b").await);
    bench.proxy.calm();
    bench.put("b").await.unwrap();
    assert!(bench.is_there("b").await);
}

#[tokio::test]
async fn after_a_server_error_about_half_of_the_writes_have_happened() {
    let bench = Bench::start(always(Fault::ServerError)).await;
    let mut there = 0;
    for n in 0..40 {
        let refusal = bench.put(&n.to_string()).await.unwrap_err().to_string();
        assert!(refusal.contains("500") && refusal.contains("#InternalServerError"), "{refusal}");
        there += u32::from(bench.is_there(&n.to_string()).await);
    }
    assert!((8..=32).contains(&there), "{there}");
}

#[tokio::test]
async fn the_second_half_of_a_batch_comes_back_unprocessed() {
    let bench = Bench::start(always(Fault::Unprocessed)).await;
    let puts: Vec<Value> =
        ["a", "b", "c", "d", "e"].iter().map(|id| json!({"PutRequest": {"Item": pending(id, 1)}})).collect();
    let answer = bench.through.call("BatchWriteItem", &json!({"RequestItems": {RECORDS: puts}})).await.unwrap();
    assert_eq!(answer["UnprocessedItems"][RECORDS], json!(puts[2..]));
    assert!(bench.is_there("b").await && !bench.is_there("c").await);

    let keys: Vec<Value> = ["a", "b", "c"].into_iter().map(key).collect();
    let request = json!({"RequestItems": {RECORDS: {"Keys": keys, "ConsistentRead": true}}});
    let answer = bench.through.call("BatchGetItem", &request).await.unwrap();
    assert_eq!(ids(&answer["Responses"][RECORDS]), ["a"]);
    let unprocessed = json!({RECORDS: {"Keys": keys[1..], "ConsistentRead": true}});
    assert_eq!(answer["UnprocessedKeys"], unprocessed);

    // A client that goes on asking gets everything in the end.
    let keys: Vec<Attributes> = keys.iter().map(|key| key.as_object().unwrap().clone()).collect();
    assert_eq!(bench.through.items(RECORDS, &keys).await.unwrap().len(), 2);
}

#[tokio::test]
async fn statements_of_a_batch_fail_one_by_one() {
    let bench = Bench::start(always(Fault::Unprocessed)).await;
    let insert = |id: &str| json!({"Statement": "INSERT INTO \"records\" VALUE {'pk': ?}", "Parameters": [{"S": id}]});
    let batch = json!({"Statements": [insert("a"), insert("b"), insert("c")]});
    let answer = bench.through.call("BatchExecuteStatement", &batch).await.unwrap();
    let errors: Vec<&Value> =
        answer["Responses"].as_array().unwrap().iter().map(|response| &response["Error"]["Code"]).collect();
    assert_eq!(errors, [&Value::Null, &json!("ThrottlingError"), &json!("ThrottlingError")]);
    assert!(bench.is_there("a").await && !bench.is_there("b").await);

    bench.proxy.inject(always(Fault::Conflict));
    let one = json!({"Statements": [insert("d")]});
    let answer = bench.through.call("BatchExecuteStatement", &one).await.unwrap();
    assert_eq!(answer["Responses"][0]["Error"]["Code"], "TransactionConflict");
    assert!(!bench.is_there("d").await);
}

#[tokio::test]
async fn a_late_index_hides_what_came_and_shows_what_went() {
    let bench = Bench::start(Vec::new()).await;
    bench.put("old").await.unwrap();
    bench.proxy.inject(always(Fault::LateIndex));
    bench.through.put(RECORDS, &pending("new", 2)).await.unwrap();
    assert_eq!(ids(&bench.query(json!({})).await["Items"]), ["old"]);

    // `old` leaves the index; it is still shown, with what the index shows and no more.
    let processed = json!({"TableName": RECORDS, "Key": key("old"), "UpdateExpression": "REMOVE pending, pendingAt"});
    bench.through.call("UpdateItem", &processed).await.unwrap();
    let answer = bench.query(json!({})).await;
    assert_eq!(ids(&answer["Items"]), ["old"]);
    assert_eq!(answer["Items"][0].as_object().unwrap().len(), 3);
    assert_eq!(bench.query(json!({"Select": "COUNT"})).await["Count"], 1);
    assert!(bench.query(json!({"Select": "COUNT"})).await["Items"].is_null());

    bench.proxy.calm();
    assert_eq!(ids(&bench.query(json!({})).await["Items"]), ["new"]);
}

#[tokio::test]
async fn what_a_late_index_shows_again_stands_in_its_place() {
    let bench = Bench::start(always(Fault::LateIndex)).await;
    bench.proxy.calm();
    for (id, at) in [("a", 1), ("b", 2), ("c", 3)] {
        bench.through.put(RECORDS, &pending(id, at)).await.unwrap();
    }
    bench.proxy.inject(always(Fault::LateIndex));
    let delete = json!({"TableName": RECORDS, "Key": key("b")});
    bench.through.call("DeleteItem", &delete).await.unwrap();
    assert_eq!(ids(&bench.query(json!({})).await["Items"]), ["a", "b", "c"]);
    assert_eq!(ids(&bench.query(json!({"ScanIndexForward": false})).await["Items"]), ["c", "b", "a"]);
    assert_eq!(ids(&bench.query(json!({"Limit": 1})).await["Items"]), ["a"], "a part of a page gets nothing added");
}

#[tokio::test]
async fn a_stale_read_answers_as_before_and_a_consistent_one_does_not() {
    let bench = Bench::start(always(Fault::StaleRead)).await;
    bench.put("a").await.unwrap();
    let stale = json!({"TableName": RECORDS, "Key": key("a")});
    assert!(bench.through.call("GetItem", &stale).await.unwrap()["Item"].is_null());
    assert!(bench.through.item(RECORDS, &key("a")).await.unwrap().is_some());

    let batch = json!({"RequestItems": {RECORDS: {"Keys": [key("a")]}}});
    assert_eq!(bench.through.call("BatchGetItem", &batch).await.unwrap()["Responses"][RECORDS], json!([]));
    let query = json!({
        "TableName": RECORDS, "KeyConditionExpression": "pk = :pk",
        "ExpressionAttributeValues": {":pk": {"S": "a"}},
    });
    assert_eq!(bench.through.call("Query", &query).await.unwrap()["Count"], 0);
    assert_eq!(bench.injected(Fault::StaleRead), 3);
}

#[tokio::test]
async fn a_stale_read_shows_the_names_that_were_asked_for() {
    let bench = Bench::start(Vec::new()).await;
    bench.put("a").await.unwrap();
    bench.proxy.inject(always(Fault::StaleRead));
    let update = json!({
        "TableName": RECORDS, "Key": key("a"), "UpdateExpression": "SET x = :x",
        "ExpressionAttributeValues": {":x": {"S": "z"}},
    });
    bench.through.call("UpdateItem", &update).await.unwrap();
    let read = json!({
        "TableName": RECORDS, "Key": key("a"), "ProjectionExpression": "#x",
        "ExpressionAttributeNames": {"#x": "x"},
    });
    assert_eq!(bench.through.call("GetItem", &read).await.unwrap()["Item"], json!({"x": {"S": "y"}}));
}

#[tokio::test]
async fn a_lacking_privilege_is_told_as_aws_does_and_can_be_aimed_at_keys() {
    let plan = vec![
        Rule::new(Fault::Denied, 1.0).key("account#"),
        Rule::new(Fault::Denied, 1.0).on("TransactWriteItems").table(RECORDS),
    ];
    let bench = Bench::start(plan).await;
    for id in ["lead#1", "account#1"] {
        bench.direct.put(RECORDS, &pending(id, 1)).await.unwrap();
    }
    let keys = |ids: &[&str]| ids.iter().map(|id| key(id)).collect::<Vec<_>>();
    let read = |ids: &[&str]| json!({"RequestItems": {RECORDS: {"Keys": keys(ids)}}});
    bench.through.call("BatchGetItem", &read(&["lead#1"])).await.unwrap();
    let refusal = bench.through.call("BatchGetItem", &read(&["lead#1", "account#1"])).await.unwrap_err().to_string();
    assert!(refusal.contains("400") && refusal.contains("#AccessDeniedException"), "{refusal}");
    assert!(
        refusal
            .contains("assumed-role/journeys/journeys is not authorized to perform: dynamodb:BatchGetItem on resource")
            && refusal.contains("000000000000:table/records because"),
        "{refusal}"
    );
    assert!(bench.through.item(RECORDS, &key("account#1")).await.is_err());
    assert!(bench.put("account#2").await.is_err() && bench.put("lead#2").await.is_ok());
    let sought = json!({"ExpressionAttributeValues": {":p": {"S": "account#0"}, ":at": {"N": "0"}}});
    assert!(bench.asked(sought).await.is_err());
    let refusal = bench.through.call("TransactWriteItems", &transaction(&["lead#3"])).await.unwrap_err().to_string();
    assert!(refusal.contains("dynamodb:PutItem on resource"), "{refusal}");
    assert!(!bench.is_there("account#2").await && !bench.is_there("lead#3").await, "nothing happens");
    assert_eq!(bench.injected(Fault::Denied), 5);
}

#[tokio::test]
async fn the_same_seed_injects_the_same_faults_again() {
    let plan = vec![
        Rule::new(Fault::Conflict, 0.3).on("TransactWriteItems"),
        Rule::new(Fault::Throttle, 0.2).table(RECORDS).caller("journeys"),
        Rule::new(Fault::ServerError, 1.0).table("another table"),
        Rule::new(Fault::ServerError, 1.0).caller("somebody else"),
    ];
    let bench = Bench::start(plan).await;
    let mut rounds = Vec::new();
    for _ in 0..2 {
        bench.proxy.reset();
        let mut outcomes = Vec::new();
        for n in 0..30 {
            outcomes.push(bench.put(&n.to_string()).await.is_ok());
            outcomes.push(bench.through.call("TransactWriteItems", &transaction(&["t"])).await.is_ok());
        }
        rounds.push((outcomes, bench.proxy.injected(), bench.proxy.requests()));
    }
    assert_eq!(rounds[0], rounds[1]);
    let (_, injected, requests) = &rounds[0];
    assert_eq!(*requests, 60);
    assert_eq!(injected.keys().copied().collect::<Vec<_>>(), [Fault::Conflict, Fault::Throttle]);
}

#[tokio::test]
async fn the_meter_tells_units_by_kind_of_item_and_who_wrote_when() {
    let bench = Bench::start(Vec::new()).await;
    bench.put("lead#0").await.unwrap();
    bench.proxy.meter().start();
    let mut both = transaction(&["lead#1", "lead#2"]);
    both["TransactItems"][1]["Put"]["Item"] = json!({"pk": {"S": "runs#1"}, "b": {"S": "x".repeat(1_500)}});
    bench.through.call("TransactWriteItems", &both).await.unwrap();
    let figures = bench.proxy.meter().stop();
    bench.put("lead#3").await.unwrap();

    let by = Operation { caller: "journeys".to_owned(), name: "TransactWriteItems".to_owned() };
    let units = |kind: &str| {
        let charge = Charge { by: by.clone(), table: RECORDS.to_owned(), kind: kind.to_owned() };
        figures.write_units[&charge]
    };
    assert_eq!(figures.requests[&by], 1);
    let total = units("lead") + units("runs") + units("index pending");
    assert!((units("lead") - 2.0).abs() < 0.01 && (units("runs") - 4.0).abs() < 0.01, "{figures:?}");
    assert!((total - 7.0).abs() < 0.01, "{figures:?}");
    let written: Vec<&str> = figures.written.iter().map(|written| written.key.as_str()).collect();
    assert_eq!(written, ["lead#1", "runs#1"]);
    assert!(bench.proxy.meter().figures().written.is_empty(), "what comes after the stop is not counted");
}
