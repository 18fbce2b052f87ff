//! What a simulation says of a record is what becomes of it (SEC-77; DESIGN.md "Promises").

use ::client::types;
use jiff::{SignedDuration, Timestamp};
use journeys::client::{Client, shaped, shown};
use journeys::dynamodb::typed_item;
use journeys::organisation::{add_rule, campaign, change, close, give, record, rule, runs, segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack};
use reqwest::Method;
use serde_json::{Value, json};

async fn simulated(stack: &RunningStack, body: Value) -> anyhow::Result<Value> {
    let before = stack.everything_stored().await?;
    let body: types::RecordSimulationBody = shaped(body)?;
    let run = shown(stack.administrator().api.simulate_record().type_("lead").body(body).send().await?);
    assert_eq!(stack.everything_stored().await?, before, "nothing is written");
    assert_eq!(run["id"], Value::Null);
    Ok(run)
}

/// A run without what differs between any two: ids and the instants at which it was.
fn decided(run: &Value) -> Value {
    let mut run = run.clone();
    let mut without = |at: &str, names: &[&str]| {
        if let Some(part) = run.pointer_mut(at).and_then(Value::as_object_mut) {
            part.retain(|name, _| !names.contains(&name.as_str()));
        }
    };
    without("", &["id", "recordId", "startedAt", "finishedAt"]);
    without("/assignment", &["dueAt"]);
    run
}

/// Takes from a candidate when it was last assigned a record, from the sentence about it too.
fn without_last_assigned(candidate: &mut Value) {
    candidate["lastAssignedAt"] = Value::Null;
    let sentence = candidate["explanation"].as_str().unwrap_or_default();
    candidate["explanation"] = sentence.split("last assigned at").next().into();
}

/// Tries a lead out and posts it: whom it goes to, or why nobody gets it.
async fn foretold(stack: &RunningStack, lead: Value) -> anyhow::Result<String> {
    let told = simulated(stack, json!({"record": lead})).await?;
    assert_eq!(told["recordId"], Value::Null);
    came_true(stack, &told, lead).await
}

/// Posts a lead, of which it was told what would become.
async fn came_true(stack: &RunningStack, told: &Value, lead: Value) -> anyhow::Result<String> {
    let client = stack.administrator();
    let created = record(&client, "lead", lead.clone()).await?;
    let id = created["id"].as_str().unwrap_or_default();
    stack.processed(&format!("/v1/records/lead/{id}")).await?;
    let (mut told, mut run) = (decided(told), decided(&runs(&client, "lead", id).await?.swap_remove(0)));
    if lead.get("owner").is_some() {
        // It was assigned when it was created, which was not at the same instant.
        for run in [&mut told, &mut run] {
            let candidates = run["trace"]["candidates"].as_array_mut();
            candidates.into_iter().flatten().for_each(without_last_assigned);
        }
    }
    assert_eq!(told, run, "{lead}");
    let assignment = &run["assignment"];
    let ended = [&assignment["owner"]["id"], &assignment["reason"], &assignment["status"]];
    Ok(ended.iter().find_map(|word| word.as_str()).unwrap_or_default().to_owned())
}

fn lead(campaign: &str) -> Value {
    json!({"fields": {"campaign": campaign}})
}

fn only(ids: &[&str]) -> Value {
    json!({"kind": "sellers", "pick": "specific", "ids": ids})
}

async fn team(client: &Client, id: &str) -> anyhow::Result<()> {
    let team = json!({"id": id, "name": id, "memberIds": ["ana"], "roles": ["salesperson"]});
    client.api.create_team().body(shaped::<types::TeamBody>(team)?).send().await?;
    Ok(())
}

async fn capacity(client: &Client, seller: &str, body: Value) -> anyhow::Result<()> {
    client.put(&format!("/v1/sellers/{seller}/capacity"), &body).await?.expect(200).map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn dist_01_ex_06_dist_08_rule_34_rule_36_ex_21_sec_77_a_lead_ends_as_was_said_right_before_it_was_posted()
-> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben", "cleo", "dora"]).await?;
    let in_turn = json!({"method": "roundRobin"});
    campaign(&client, "Turn", only(&["ana", "ben"]), in_turn.clone()).await?;
    for seller in ["ana", "ben", "ana"] {
        assert_eq!(foretold(&stack, lead("Turn")).await?, seller);
    }
    // Who creates a lead was assigned one at that moment.
    let own = json!({"fields": {"campaign": "Turn"}, "owner": {"kind": "seller", "id": "ben"}});
    assert_eq!(foretold(&stack, own).await?, "ana");

    let with_room = json!({"method": "loadBalancing", "respectCapacity": true});
    campaign(&client, "Room", only(&["cleo", "dora"]), with_room).await?;
    capacity(&client, "cleo", json!({"maximum": 1})).await?;
    capacity(&client, "dora", json!({"maximum": 2})).await?;
    let own = json!({"fields": {"campaign": "Room"}, "owner": {"kind": "seller", "id": "dora"}});
    for (lead, expected) in
        [(own, "cleo"), (lead("Room"), "dora"), (lead("Room"), "dora"), (lead("Room"), "noCapacity")]
    {
        assert_eq!(foretold(&stack, lead).await?, expected);
    }

    team(&client, "east").await?;
    campaign(&client, "Team", json!({"kind": "teams", "pick": "specific", "ids": ["east"]}), Value::Null).await?;
    assert_eq!(foretold(&stack, lead("Team")).await?, "east");
    let queue = json!({"id": "desk", "name": "Desk", "recordTypes": ["lead"], "memberIds": ["ana"]});
    client.api.create_queue().body(shaped::<types::QueueBody>(queue)?).send().await?;
    campaign(&client, "Queue", json!({"kind": "queues", "pick": "specific", "ids": ["desk"]}), Value::Null).await?;
    assert_eq!(foretold(&stack, lead("Queue")).await?, "desk");

    // A related record of the lead, and one that a seller owns.
    let account = json!({"id": "A-1", "fields": {"name": "Shop"}, "owner": {"kind": "seller", "id": "cleo"}});
    record(&client, "account", account).await?;
    stack.processed("/v1/records/account/A-1").await?;
    let of_shop = json!({"related": "parentAccount", "exists": true,
        "where": {"field": "name", "op": "equals", "value": "Shop"}});
    let shop = segment(&client, "lead", "Shop", &of_shop).await?;
    let owned = json!({"related": "accountsOwned", "exists": true,
        "where": {"field": "id", "op": "equals", "valueFrom": "parentAccount"}});
    let mut who_knows = rule("Who has the account", &json!({"all": []}));
    who_knows["target"] = json!({"kind": "sellers", "pick": "matching", "source": "fields", "match": owned});
    add_rule(&client, &shop, &who_knows).await?;
    assert_eq!(foretold(&stack, json!({"fields": {"parentAccount": "A-1"}})).await?, "cleo");
    assert_eq!(foretold(&stack, lead("Nothing")).await?, "notApplicable", "no rule at all");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn dist_09_cap_11_rule_25_cond_31_sec_77_a_simulation_sees_calendars_periods_windows_and_dates_from_its_instant()
-> anyhow::Result<()> {
    const DAY: i64 = 24 * 60;
    let stack = RunningStack::start_at_noon().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben", "cleo"]).await?;
    let start = Timestamp::from_millisecond(stack.now().as_millisecond())?;
    let after = |minutes: i64| start + SignedDuration::from_mins(minutes);
    let at = |lead: &Value, minutes: i64| json!({"record": lead, "at": after(minutes).to_string()});
    let reason = |run: &Value| run["assignment"]["reason"].clone();

    let soon = json!({"method": "roundRobin", "availableWithinHours": 24});
    campaign(&client, "Hours", only(&["ben"]), soon).await?;
    let day = |minutes: i64| after(minutes).strftime("%Y-%m-%d").to_string();
    let away =
        json!({"kind": "timeOff", "from": day(-DAY), "to": day(2 * DAY), "timeZone": "UTC", "description": "Away"});
    let entry = client.api.create_calendar_entry().id("ben").body(shaped::<types::CalendarEntryBody>(away)?);
    entry.send().await?;
    let per_day = json!({"method": "roundRobin", "respectCapacity": true});
    campaign(&client, "Period", only(&["ana"]), per_day).await?;
    capacity(&client, "ana", json!({"maximum": 50, "period": "day", "periodMaximum": 1})).await?;
    assert_eq!(foretold(&stack, lead("Period")).await?, "ana");
    // At the end of its window: an old lead that nobody has taken.
    let full = json!({"method": "roundRobin", "respectCapacity": true});
    let window = campaign(&client, "Window", only(&["cleo"]), full).await?;
    let mut brief = client.get(&format!("/v1/rules/{window}")).await?.expect(200)?;
    brief["createdWithinHours"] = json!(24);
    client.put(&format!("/v1/rules/{window}"), &brief).await?.expect(200)?;
    capacity(&client, "cleo", json!({"maximum": 0})).await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {"campaign": "Window"}})).await?;
    stack.processed("/v1/records/lead/L-1").await?;
    let today = segment(&client, "lead", "Today", &json!({"field": "lastActivityOn", "op": "today"})).await?;

    assert_eq!(reason(&simulated(&stack, at(&lead("Hours"), 0)).await?), "noAvailability");
    assert_eq!(reason(&simulated(&stack, at(&lead("Period"), 0)).await?), "noCapacity");
    let stored = json!({"id": "L-1"});
    assert_eq!(reason(&simulated(&stack, at(&stored, 1)).await?), "noCapacity");
    let tomorrow = json!({"fields": {"lastActivityOn": day(DAY)}});
    let segment_of = |run: &Value| run["segmentation"]["segmentId"].clone();
    assert_eq!(segment_of(&simulated(&stack, at(&tomorrow, 0)).await?), "lead-default");
    assert_eq!(segment_of(&simulated(&stack, at(&tomorrow, DAY)).await?), json!(today));
    assert_eq!(segment_of(&simulated(&stack, at(&tomorrow, -DAY)).await?), "lead-default");

    let late = simulated(&stack, at(&stored, 25 * 60)).await?;
    assert_eq!((reason(&late), &late["assignment"]["overdue"]), (json!("recordTooOld"), &json!(true)));
    assert_eq!(late["startedAt"], after(25 * 60).to_string());
    let then = 4 * DAY;
    let hours = simulated(&stack, at(&lead("Hours"), then)).await?;
    let period = simulated(&stack, at(&lead("Period"), then)).await?;
    let late = simulated(&stack, at(&stored, then)).await?;
    stack.advance(then.try_into()?).await?;
    assert_eq!(came_true(&stack, &hours, lead("Hours")).await?, "ben");
    assert_eq!(came_true(&stack, &period, lead("Period")).await?, "ana");
    // In another case it is the same campaign, but a change of a used column.
    change(&client, "lead", "L-1", &json!({"campaign": "WINDOW"})).await?;
    stack.processed("/v1/records/lead/L-1").await?;
    assert_eq!(decided(&late), decided(&runs(&client, "lead", "L-1").await?[0]));
    stack.shutdown().await
}

/// What a simulation of the lead `L-1` says becomes of it when `assignment` may go on.
async fn resumed(stack: &RunningStack, trigger: &str) -> anyhow::Result<Value> {
    let told = simulated(stack, json!({"record": {"id": "L-1"}})).await?;
    assert_eq!((&told["recordId"], &told["trigger"]), (&json!("L-1"), &json!(trigger)));
    stack.resume_assignment().await?;
    stack.processed("/v1/records/lead/L-1").await?;
    let run = runs(&stack.administrator(), "lead", "L-1").await?.swap_remove(0);
    assert_eq!(decided(&told), decided(&run), "{trigger}");
    stack.pause_assignment().await?;
    Ok(run["assignment"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn seg_54_seg_55_rule_50_sec_77_a_stored_record_is_tried_by_its_mark_or_as_new_or_as_updated()
-> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    campaign(&client, "First", only(&["ana"]), json!({"method": "roundRobin"})).await?;
    campaign(&client, "Second", only(&["ben"]), json!({"method": "roundRobin"})).await?;
    let segments = client.get("/v1/segments?recordType=lead").await?.expect(200)?;
    for segment in segments["items"].as_array().into_iter().flatten().filter(|segment| segment["isDefault"] == false) {
        let mut moves = segment.clone();
        (moves["movePreviouslySegmented"], moves["runRulesOnMove"]) = (json!(true), json!(true));
        let path = format!("/v1/segments/{}", segment["id"].as_str().unwrap_or_default());
        client.put(&path, &moves).await?.expect(200)?;
    }
    stack.pause_assignment().await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {"campaign": "First"}})).await?;
    assert_eq!(resumed(&stack, "created").await?["owner"]["id"], "ana");
    change(&client, "lead", "L-1", &json!({"campaign": "Second"})).await?;
    assert_eq!(resumed(&stack, "moved").await?["owner"]["id"], "ben");
    close(&client, "lead", "L-1", "qualified").await?;
    let path = "/v1/records/lead/simulate";
    let inactive = client.post(path, &json!({"record": {"id": "L-1"}})).await?;
    assert_eq!((inactive.status, &inactive.body["type"]), (409, &json!("/problems/record-inactive")));
    client.post("/v1/records/lead/L-1/reopen", &json!({})).await?.expect(200)?;
    give(&client, "lead", "L-1", "ana").await?;
    assert_eq!(resumed(&stack, "reopened").await?["status"], "notApplicable", "a person gave the owner");
    // Nothing waits: it is tried as if a used column had changed, and its segment and owner stay (RULE-50).
    let told = simulated(&stack, json!({"record": {"id": "L-1"}})).await?;
    assert_eq!((&told["trigger"], &told["assignment"]["status"]), (&json!("updated"), &json!("notApplicable")));
    change(&client, "lead", "L-1", &json!({"campaign": "SECOND"})).await?;
    assert_eq!(decided(&simulated(&stack, json!({"record": {"id": "L-1"}})).await?), decided(&told));
    resumed(&stack, "updated").await?;

    // Never processed: left out of routing by who posted it, or another program's.
    record(&client, "lead", json!({"id": "L-2", "fields": {"campaign": "Second"}, "route": false})).await?;
    let told = simulated(&stack, json!({"record": {"id": "L-2"}})).await?;
    assert_eq!((&told["trigger"], &told["assignment"]["owner"]["id"]), (&json!("created"), &json!("ben")));
    let item = json!({"pk": "lead#theirs", "type": "lead", "fields": {"campaign": "First"}});
    stack.dynamodb.put(RECORDS, &typed_item(&item)).await?;
    let told = simulated(&stack, json!({"record": {"id": "theirs"}})).await?;
    stack.resume_assignment().await?;
    stack.processed("/v1/records/lead/theirs").await?;
    assert_eq!(decided(&told), decided(&runs(&client, "lead", "theirs").await?[0]));
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_40_sec_77_what_is_left_to_chance_is_drawn_for_each_simulation() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    team(&client, "east").await?;
    team(&client, "west").await?;
    let either = json!({"kind": "teams", "pick": "specific", "ids": ["east", "west"], "ifSeveral": "random"});
    campaign(&client, "Either", either, Value::Null).await?;
    let mut drawn = std::collections::BTreeSet::new();
    for _ in 0..64 {
        let told = simulated(&stack, json!({"record": lead("Either")})).await?;
        drawn.insert(told["assignment"]["owner"]["id"].as_str().unwrap_or("nobody").to_owned());
        if drawn.len() > 1 {
            break;
        }
    }
    assert_eq!(drawn.into_iter().collect::<Vec<_>>(), ["east", "west"]);

    let body = json!({"record": lead("Either")}).to_string();
    let path = "/v1/records/lead/simulate";
    let send = || client.send(Method::POST, path, &[("idempotency-key", "k-1")], Some(body.clone()));
    let first = send().await?;
    assert_eq!((first.status, first.header("idempotency-replayed")), (200, ""));
    let again = send().await?;
    assert_eq!((again.header("idempotency-replayed"), &again.body), ("true", &first.body));
    stack.shutdown().await
}
