//! What the monitor promises: two lists per type, details of one record, counts (MON-01 to MON-08).

use std::collections::BTreeMap;

use anyhow::Context as _;
use jiff::{SignedDuration, Timestamp};
use journeys::client::Client;
use journeys::organisation::{add_rule, everything, give, record, rule_for, segment, sellers};
use journeys::running_stack::RunningStack;
use journeys::until::LONG;
use serde_json::{Value, json};

/// A segment of the leads of a city.
async fn city(client: &Client, name: &str) -> anyhow::Result<String> {
    segment(client, "lead", name, &json!({"field": "city", "op": "equals", "value": name})).await
}

async fn read(client: &Client, path: &str) -> anyhow::Result<Value> {
    client.get(&format!("/v1/monitor/{path}")).await?.expect(200)
}

/// The items of all pages of a list, by id and in their order.
async fn items(client: &Client, path: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let (mut items, mut next) = (vec![], String::new());
    loop {
        let sign = if path.contains('?') { '&' } else { '?' };
        let page = read(client, &format!("{path}{sign}limit=2{next}")).await?;
        items.extend(page["items"].as_array().cloned().unwrap_or_default());
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => break,
        }
    }
    Ok(items.into_iter().map(|item| (item["id"].as_str().unwrap_or_default().to_owned(), item)).collect())
}

async fn ids(client: &Client, path: &str) -> anyhow::Result<Vec<String>> {
    Ok(items(client, path).await?.into_iter().map(|(id, _)| id).collect())
}

fn instant(value: &Value) -> anyhow::Result<Timestamp> {
    Ok(value.as_str().context("there is an instant")?.parse()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_01_mon_02_mon_06_what_waits_is_listed_longest_first_and_leaves_within_two_minutes() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    for record_type in ["lead", "opportunity", "contact", "account"] {
        for list in ["pending", "processed"] {
            assert_eq!(read(&client, &format!("{record_type}/{list}")).await?, json!({"items": [], "next": null}));
        }
        let summary = json!({
            "pending": {"count": 0, "oldestSince": null}, "processed": {"succeeded": 0, "needsAttention": 0},
            "reasons": {}, "segments": {format!("{record_type}-default"): {"members": 0, "unassigned": 0}},
        });
        assert_eq!(read(&client, &format!("{record_type}/summary")).await?, summary, "{record_type}");
        assert_eq!(client.get(&format!("/v1/monitor/{record_type}/records/none")).await?.status, 404);
    }
    assert_eq!(client.get("/v1/monitor/unheard/pending").await?.status, 404);

    sellers(&client, &["ana"]).await?;
    stack.pause_assignment().await?;
    let owner = json!({"kind": "seller", "id": "ana"});
    for (id, owner) in [("L-1", Value::Null), ("L-2", owner.clone()), ("L-3", Value::Null)] {
        record(&client, "lead", json!({"id": id, "fields": {"topic": format!("Topic of {id}")}, "owner": owner}))
            .await?;
        stack.advance(1).await?;
    }
    let waiting = items(&client, "lead/pending").await?;
    assert_eq!(waiting.iter().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["L-1", "L-2", "L-3"]);
    let second = &waiting[1].1;
    let expected = json!({
        "id": "L-2", "type": "lead", "name": "Topic of L-2", "owner": owner, "segmentId": null,
        "pendingSince": second["pendingSince"], "trigger": "created",
    });
    assert_eq!(*second, expected);
    let summary = read(&client, "lead/summary").await?;
    assert_eq!(summary["pending"], json!({"count": 3, "oldestSince": waiting[0].1["pendingSince"]}));
    let age = stack.now().duration_since(instant(&summary["pending"]["oldestSince"])?);
    assert!(age >= SignedDuration::from_mins(3) && age < SignedDuration::from_mins(5), "{age}");
    let details = read(&client, "lead/records/L-2").await?;
    assert_eq!((&details["status"], &details["pendingSince"]), (&json!("pending"), &second["pendingSince"]));
    assert_eq!(ids(&client, "lead/processed").await?, Vec::<String>::new());

    let begun = stack.now();
    stack.resume_assignment().await?;
    stack.settled(LONG).await?;
    assert!(stack.now().duration_since(begun) < SignedDuration::from_mins(2), "MON-02");
    assert_eq!(ids(&client, "lead/pending").await?, Vec::<String>::new());
    let summary = read(&client, "lead/summary").await?;
    assert_eq!(summary["pending"], json!({"count": 0, "oldestSince": null}));
    // The newest comes first.
    assert_eq!(ids(&client, "lead/processed").await?, ["L-3", "L-2", "L-1"]);
    assert_eq!(read(&client, "lead/records/L-2").await?["pendingSince"], Value::Null);
    stack.shutdown().await
}

/// Leads that end in every way: assigned in Bern, without room in Basel, without rules in Chur, and in no segment.
async fn processed(stack: &RunningStack) -> anyhow::Result<BTreeMap<&'static str, String>> {
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    client.put("/v1/sellers/ben/capacity", &json!({"maximum": 0})).await?.expect(200)?;
    let mut segments = BTreeMap::new();
    for (name, seller) in [("Bern", "ana"), ("Basel", "ben")] {
        let id = city(&client, name).await?;
        let mut rule = rule_for(&format!("Of {name}"), &everything(), &[seller.to_owned()]);
        rule["distribution"] = json!({"method": "roundRobin", "respectCapacity": true});
        add_rule(&client, &id, &rule).await?;
        segments.insert(name, id);
    }
    segments.insert("Chur", city(&client, "Chur").await?);
    client.post("/v1/segments/lead-default/deactivate", &json!({})).await?.expect(200)?;
    let leads =
        [("B-1", "Bern"), ("B-2", "Bern"), ("N-1", "Basel"), ("N-2", "Basel"), ("N-3", "Basel"), ("C-1", "Chur")];
    for (id, city) in leads.into_iter().chain([("X-1", "Genf")]) {
        record(&client, "lead", json!({"id": id, "fields": {"topic": format!("Topic of {id}"), "city": city}})).await?;
    }
    stack.settled(LONG).await?;
    Ok(segments)
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_03_mon_04_mon_07_mon_08_processed_records_are_listed_and_counted_by_status_reason_and_segment()
-> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segments = processed(&stack).await?;
    let sorted = async |filter: &str| {
        let mut ids = ids(&client, &format!("lead/processed{filter}")).await?;
        ids.sort_unstable();
        anyhow::Ok(ids.join(" "))
    };
    assert_eq!(sorted("").await?, "B-1 B-2 C-1 N-1 N-2 N-3 X-1");
    assert_eq!(sorted("?status=succeeded").await?, "B-1 B-2 C-1");
    assert_eq!(sorted("?status=needsAttention").await?, "N-1 N-2 N-3 X-1");
    assert_eq!(sorted("?reason=noCapacity").await?, "N-1 N-2 N-3");
    assert_eq!(sorted("?reason=noSegment").await?, "X-1");
    assert_eq!(sorted("?reason=noTeam").await?, "");
    assert_eq!(sorted(&format!("?segmentId={}", segments["Bern"])).await?, "B-1 B-2");
    assert_eq!(sorted(&format!("?status=needsAttention&segmentId={}", segments["Basel"])).await?, "N-1 N-2 N-3");
    assert_eq!(client.get("/v1/monitor/lead/processed?reason=unheard").await?.status, 422);

    let listed: BTreeMap<String, Value> = items(&client, "lead/processed").await?.into_iter().collect();
    // Its name, status, segment, rule and sequence (MON-03); three outcomes, each with its own reason.
    let told = |id: &str| {
        let item = &listed[id];
        let of = |operation: &str| [&item["run"][operation]["status"], &item["run"][operation]["reason"]];
        json!([
            item["name"],
            item["status"],
            item["segmentName"],
            item["ruleName"],
            of("segmentation"),
            of("assignment"),
            of("sequence")
        ])
    };
    let (succeeded, none) = (json!(["succeeded", null]), json!(["notApplicable", null]));
    let expected = json!(["Topic of B-1", "succeeded", "Bern", "Of Bern", succeeded, succeeded, none]);
    assert_eq!(told("B-1"), expected);
    let failed = json!(["failed", "noCapacity"]);
    let expected = json!(["Topic of N-1", "needsAttention", "Basel", "Of Basel", succeeded, failed, none]);
    assert_eq!(told("N-1"), expected);
    // What is not configured is no failure (MON-08); a failed segmentation stops the rest.
    assert_eq!(told("C-1"), json!(["Topic of C-1", "succeeded", "Chur", null, succeeded, none, none]));
    let failed = json!(["failed", "noSegment"]);
    assert_eq!(told("X-1"), json!(["Topic of X-1", "needsAttention", null, null, failed, none, none]));
    assert!(listed.values().all(|item| item["run"]["trace"].is_null() && item["run"]["id"].is_string()));
    assert_eq!(listed["N-1"]["run"]["assignment"]["reasonText"], "Eligible sellers don't have capacity");

    let members = |members: u64, unassigned: u64| json!({"members": members, "unassigned": unassigned});
    let expected = json!({
        "pending": {"count": 0, "oldestSince": null},
        "processed": {"succeeded": 3, "needsAttention": 4},
        "reasons": {"noCapacity": 3, "noSegment": 1},
        "segments": {
            segments["Bern"].clone(): members(2, 0),
            segments["Basel"].clone(): members(3, 3),
            segments["Chur"].clone(): members(1, 1),
            "lead-default": members(0, 0),
        },
    });
    assert_eq!(read(&client, "lead/summary").await?, expected);
    let found = stack.settled(LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_05_mon_07_rule_25_details_tell_owners_due_instant_overdue_and_errors_of_one_record() -> anyhow::Result<()>
{
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    client.put("/v1/sellers/ana/capacity", &json!({"maximum": 0})).await?.expect(200)?;
    let segment = city(&client, "Bern").await?;
    let mut rule = rule_for("In a day", &everything(), &["ana".to_owned()]);
    rule["distribution"] = json!({"method": "roundRobin", "respectCapacity": true});
    rule["createdWithinHours"] = json!(24);
    add_rule(&client, &segment, &rule).await?;
    let (ana, ben) = (json!({"kind": "seller", "id": "ana"}), json!({"kind": "seller", "id": "ben"}));
    let body = json!({"id": "L-1", "fields": {"topic": "New store", "city": "Bern"}, "owner": ben});
    let created = record(&client, "lead", body).await?;
    let processed = stack.processed("/v1/records/lead/L-1").await?;
    let details = async || read(&client, "lead/records/L-1").await;

    let mut shown = details().await?;
    let due = instant(&created["createdOn"])? + SignedDuration::from_hours(24);
    assert_eq!(instant(&shown["assignmentDue"])?, due);
    let run = shown["run"].take();
    let expected = json!({
        "id": "L-1", "type": "lead", "name": "New store", "status": "needsAttention", "pendingSince": null,
        "owner": ben, "createdOn": created["createdOn"], "segmentId": segment, "segmentName": "Bern",
        "ruleName": "In a day", "assignedTo": null, "previousOwner": ben, "assignmentDue": shown["assignmentDue"],
        "overdue": false, "reason": "noCapacity", "reasonText": "Eligible sellers don't have capacity",
        "errorDetails": null, "run": null,
    });
    assert_eq!(shown, expected);
    assert_eq!((&run["id"], &run["trace"]), (&processed["work"]["runId"], &Value::Null));
    let outcomes = ["segmentation", "assignment", "sequence"].map(|operation| run[operation]["status"].clone());
    assert_eq!(outcomes, ["succeeded", "failed", "notApplicable"]);

    stack.advance(23 * 60).await?;
    assert_eq!(details().await?["overdue"], false);
    stack.advance(61).await?;
    assert_eq!(details().await?["overdue"], true, "its due instant has passed, without another run");
    give(&client, "lead", "L-1", "ana").await?;
    let given = details().await?;
    assert_eq!((&given["status"], &given["overdue"]), (&json!("succeeded"), &json!(false)));
    assert_eq!((&given["assignedTo"], &given["previousOwner"], &given["owner"]), (&ana, &ben, &ana));
    assert_eq!((&given["reason"], &given["run"]["trigger"]), (&Value::Null, &json!("manual")));

    record(&client, "lead", json!({"id": "L-2", "fields": {}, "route": false})).await?;
    let never = read(&client, "lead/records/L-2").await?;
    assert_eq!((&never["status"], &never["run"], &never["reason"]), (&json!("none"), &Value::Null, &Value::Null));
    assert_eq!(stack.client("salesperson", "ana").get("/v1/monitor/lead/records/L-1").await?.status, 403);
    stack.shutdown().await
}
