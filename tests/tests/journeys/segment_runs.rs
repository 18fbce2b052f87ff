//! Runs of a segment's rules on demand and by schedule, retries and assignments from the monitor.

use jiff::civil::{Weekday, date};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use journeys::client::Client;
use journeys::organisation::{add_rule, close, everything, give, rule_for, runs, segment, sellers};
use journeys::running_stack::RunningStack;
use journeys::until::{LONG, until};
use serde_json::{Value, json};

/// A segment for leads with a city, whose rule gives those it accepts to ana while she has room. She has room for `room`,
/// and it accepts nobody yet: what it accepts later waits for a run, while whom only room is missing is assigned by itself.
async fn for_ana(client: &Client, room: u32) -> anyhow::Result<String> {
    sellers(client, &["ana", "ben"]).await?;
    capacity(client, room).await?;
    let with_city = json!({"all": [{"field": "city", "op": "hasValue"}]});
    let id = segment(client, "lead", "With a city", &with_city).await?;
    add_rule(client, &id, &rule_for_ana(&json!({"all": [{"field": "city", "op": "equals", "value": "-"}]}))).await?;
    Ok(id)
}

fn rule_for_ana(condition: &Value) -> Value {
    let mut rule = rule_for("Ana with room", condition, &["ana".to_owned()]);
    rule["distribution"] = json!({"method": "roundRobin", "respectCapacity": true});
    rule
}

/// Has the rule of that segment accept all of its leads, or those that one city is told of.
async fn accept(client: &Client, segment: &str, condition: &Value) -> anyhow::Result<()> {
    client.put(&format!("/v1/rules/{segment}-1"), &rule_for_ana(condition)).await?.expect(200).map(drop)
}

async fn capacity(client: &Client, room: u32) -> anyhow::Result<()> {
    let body = json!({"maximum": room, "override": true});
    client.put("/v1/sellers/ana/capacity", &body).await?.expect(200).map(drop)
}

async fn leads(stack: &RunningStack, ids: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let bodies: Vec<Value> = ids.map(|id| json!({"id": id, "fields": {"city": "Bern"}})).collect();
    for bodies in bodies.chunks(500) {
        let answer = stack.administrator().post("/v1/records/lead/batch", &json!({ "records": bodies })).await?;
        answer.expect(200)?;
    }
    stack.settled(LONG).await.map(drop)
}

/// The run under a path, when it has ended.
async fn ended(client: &Client, path: &str) -> anyhow::Result<Value> {
    let mut run = Value::Null;
    until("the run ends", LONG, async || {
        run = client.get(path).await?.expect(200)?;
        Ok(run["status"] != "running")
    })
    .await?;
    Ok(run)
}

fn counts(run: &Value) -> [&Value; 4] {
    ["status", "considered", "assigned", "failed"].map(|name| &run[name])
}

async fn owner(client: &Client, id: &str) -> anyhow::Result<Value> {
    Ok(client.get(&format!("/v1/records/lead/{id}")).await?.expect(200)?["owner"]["id"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn run_01_run_05_run_06_rule_51_a_run_decides_members_without_an_owner_again() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = for_ana(&client, 1).await?;
    accept(&client, &segment, &everything()).await?;
    leads(&stack, ["L-1".to_owned()].into_iter()).await?;
    accept(&client, &segment, &json!({"all": [{"field": "city", "op": "equals", "value": "-"}]})).await?;
    for id in ["L-2", "L-3", "L-4"] {
        leads(&stack, [id.to_owned()].into_iter()).await?;
    }
    give(&client, "lead", "L-2", "ben").await?;
    let shown = client.get(&format!("/v1/segments/{segment}")).await?.expect(200)?;
    assert_eq!((&shown["unassignedCount"], &shown["lastRun"]), (&json!(2), &Value::Null));

    capacity(&client, 2).await?;
    accept(&client, &segment, &everything()).await?;
    let path = format!("/v1/segments/{segment}/runs");
    let begun = client.post(&path, &json!({})).await?;
    assert_eq!(begun.status, 202);
    let one = begun.header("location").to_owned();
    let run = ended(&client, &one).await?;
    assert_eq!(counts(&run), [&json!("done"), &json!(2), &json!(1), &json!(1)]);
    assert_eq!((&run["trigger"], &run["segmentId"]), (&json!("manual"), &json!(segment)));
    assert!(run["finishedAt"].as_str() >= run["startedAt"].as_str());
    let owners = [owner(&client, "L-1").await?, owner(&client, "L-2").await?, owner(&client, "L-3").await?];
    assert_eq!(owners[..2], ["ana", "ben"], "an owned one is left alone");
    // The oldest are asked for first, but decided first only within a shard of the stream.
    let (lucky, unlucky) = if owners[2] == "ana" { ("L-3", "L-4") } else { ("L-4", "L-3") };
    assert_eq!((owner(&client, lucky).await?, owner(&client, unlucky).await?), (json!("ana"), Value::Null));
    let latest = runs(&client, "lead", lucky).await?;
    assert_eq!((&latest[0]["trigger"], &latest[0]["assignment"]["status"]), (&json!("runNow"), &json!("succeeded")));
    assert_eq!(runs(&client, "lead", "L-2").await?.len(), 2, "not looked at again");

    // Another one, and the history shows both, page by page.
    let second = client.post(&path, &json!({})).await?;
    let second = ended(&client, second.header("location")).await?;
    assert_eq!(counts(&second), [&json!("done"), &json!(1), &json!(0), &json!(1)]);
    let page = client.get(&format!("{path}?limit=1")).await?.expect(200)?;
    assert_eq!(page["items"], json!([second]));
    let rest = client.get(&format!("{path}?limit=1&next={}", page["next"].as_str().unwrap_or_default())).await?;
    assert_eq!(rest.expect(200)?["items"], json!([run]));
    let shown = client.get(&format!("/v1/segments/{segment}")).await?.expect(200)?;
    assert_eq!((&shown["unassignedCount"], &shown["lastRun"]), (&json!(1), &second));
    let listed = client.get("/v1/segments?recordType=lead").await?.expect(200)?;
    let listed = listed["items"].as_array().into_iter().flatten().find(|known| known["id"] == json!(segment));
    assert_eq!(listed.map(|known| &known["lastRun"]), Some(&second));
    let found = stack.settled(LONG).await?.recount(|key| match key {
        "lead#L-1" => 1,
        key if key.ends_with(unlucky) => 3,
        _ => 2,
    });
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn run_04_one_run_of_a_segment_at_a_time_and_a_run_can_be_cancelled() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = for_ana(&client, 0).await?;
    leads(&stack, ["L-1".to_owned(), "L-2".to_owned()].into_iter()).await?;
    stack.pause_assignment().await?;
    let path = format!("/v1/segments/{segment}/runs");
    let first = client.post(&path, &json!({})).await?;
    let first = first.header("location").to_owned();
    until("both are asked for", LONG, async || Ok(client.get(&first).await?.expect(200)?["considered"] == 2)).await?;
    let refused = client.post(&path, &json!({})).await?;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/problems/run-goes-on")));
    let retried = client.post("/v1/monitor/lead/retry", &json!({"segmentId": segment})).await?;
    assert_eq!(retried.status, 409, "a retry of a segment is a run of it");
    let waiting = client.get("/v1/monitor/lead/pending").await?.expect(200)?;
    assert_eq!(waiting["items"][0]["trigger"], "runNow");

    let cancelled = client.post(&format!("{first}/cancel"), &json!({})).await?.expect(200)?;
    assert_eq!(counts(&cancelled), [&json!("cancelled"), &json!(2), &json!(0), &json!(0)]);
    let again = client.post(&format!("{first}/cancel"), &json!({})).await?.expect(200)?;
    assert_eq!(again["finishedAt"], cancelled["finishedAt"], "it is cancelled already");
    // What it had asked for is decided nevertheless, once, and counted; the next run has nothing to wait for.
    let second = client.post(&path, &json!({})).await?;
    let second = ended(&client, second.header("location")).await?;
    assert_eq!(counts(&second), [&json!("done"), &json!(0), &json!(0), &json!(0)]);
    let ended =
        client.post(&format!("{path}/{}/cancel", second["id"].as_str().unwrap_or_default()), &json!({})).await?;
    assert_eq!((ended.status, &ended.body["type"]), (409, &json!("/problems/run-has-ended")));
    stack.resume_assignment().await?;
    let found = stack.settled(LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    let shown = client.get(&first).await?.expect(200)?;
    assert_eq!(counts(&shown), [&json!("cancelled"), &json!(2), &json!(0), &json!(2)]);

    client.post(&format!("/v1/segments/{segment}/deactivate"), &json!({})).await?.expect(200)?;
    assert_eq!(client.post(&path, &json!({})).await?.status, 409, "an inactive segment has no rules that run");
    let retried = client.post("/v1/monitor/lead/retry", &json!({"segmentId": segment})).await?;
    assert_eq!((retried.status, &retried.body["type"]), (409, &json!("/problems/not-active")));
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn run_01_a_run_has_no_limit_and_counts_every_record() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = for_ana(&client, 0).await?;
    leads(&stack, (0..450).map(|n| format!("L-{n:03}"))).await?;
    capacity(&client, 120).await?;
    accept(&client, &segment, &everything()).await?;
    let begun = client.post(&format!("/v1/segments/{segment}/runs"), &json!({})).await?;
    let run = ended(&client, begun.header("location")).await?;
    assert_eq!(counts(&run), [&json!("done"), &json!(450), &json!(120), &json!(330)]);
    let found = stack.settled(LONG).await?.recount(|_| 2);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

/// Monday 5 January 2026, 05:50 in Berlin.
fn early() -> anyhow::Result<Timestamp> {
    Ok(date(2026, 1, 5).at(5, 50, 0, 0).to_zoned(TimeZone::get("Europe/Berlin")?)?.timestamp())
}

#[tokio::test(flavor = "multi_thread")]
async fn run_02_run_03_ex_30_rules_run_by_their_schedule_and_a_missed_firing_is_skipped() -> anyhow::Result<()> {
    let stack = RunningStack::start_at(early()?).await?;
    let client = stack.administrator();
    let segment = for_ana(&client, 0).await?;
    leads(&stack, ["L-1".to_owned(), "L-2".to_owned()].into_iter()).await?;
    let path = format!("/v1/segments/{segment}/schedule");
    assert_eq!(client.get(&path).await?.status, 404);
    let refused =
        client.put(&path, &json!({"startDate": "2026-01-05", "days": [], "times": ["06:00", "06:00"]})).await?;
    assert_eq!(
        (refused.status, refused.faults()),
        (422, vec!["/days required".to_owned(), "/times/1 repeated".to_owned()])
    );
    let schedule = json!({
        "startDate": "2026-01-05", "days": ["monday", "tuesday"], "times": ["06:00", "14:00"], "timeZone": "Europe/Berlin",
    });
    assert_eq!(client.put(&path, &schedule).await?.expect(200)?, schedule);
    assert_eq!(client.get(&format!("/v1/segments/{segment}")).await?.expect(200)?["schedule"], schedule);

    capacity(&client, 1).await?;
    accept(&client, &segment, &everything()).await?;
    stack.advance(9).await?;
    let path_of_runs = format!("/v1/segments/{segment}/runs");
    assert_eq!(client.get(&path_of_runs).await?.expect(200)?["items"], json!([]), "05:59");
    stack.advance(2).await?;
    let listed = client.get(&path_of_runs).await?.expect(200)?;
    let id = listed["items"][0]["id"].as_str().unwrap_or_default();
    let run = ended(&client, &format!("{path_of_runs}/{id}")).await?;
    assert_eq!(
        (&run["trigger"], counts(&run)[1..].to_vec()),
        (&json!("scheduled"), vec![&json!(2), &json!(1), &json!(1)])
    );
    assert_eq!(runs(&client, "lead", "L-1").await?[0]["trigger"], "scheduled");
    stack.advance(5).await?;
    let listed = client.get(&path_of_runs).await?.expect(200)?;
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "one firing is one run");

    // The sweep is called at 05:50 on Tuesday at the latest, then at 06:20: the firing of 06:00 is twenty minutes old.
    let tuesday = early()? + SignedDuration::from_hours(24);
    stack.advance_to(tuesday, SignedDuration::from_hours(1)).await?;
    let before = client.get(&path_of_runs).await?.expect(200)?["items"].as_array().map_or(0, Vec::len);
    stack.advance_to(tuesday + SignedDuration::from_mins(30), SignedDuration::from_mins(30)).await?;
    let after = client.get(&path_of_runs).await?.expect(200)?["items"].as_array().map_or(0, Vec::len);
    assert_eq!(after, before, "skipped");
    let log = std::fs::read_to_string(stack.log_dir().join("waiting.log"))?;
    assert!(log.contains("missed by more than 15 minutes"), "and logged");

    client.delete(&path).await?.expect(204)?;
    assert_eq!(client.delete(&path).await?.status, 404);
    assert_eq!(tuesday.to_zoned(TimeZone::UTC).weekday(), Weekday::Tuesday);
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn mon_60_mon_64_records_are_given_and_tried_again_from_the_monitor() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = for_ana(&client, 0).await?;
    leads(&stack, (1..=5).map(|n| format!("L-{n}"))).await?;
    close(&client, "lead", "L-5", "disqualified").await?;
    // Given by hand, with what failed told record by record.
    let body = json!({"recordIds": ["L-1", "L-5", "L-9"], "owner": {"kind": "seller", "id": "ben"}});
    let given = client.post("/v1/monitor/lead/assign", &body).await?.expect(200)?;
    let told: Vec<Value> = given["results"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|result| json!([result["index"], result["id"], result["status"], result["problem"]["type"]]))
        .collect();
    let expected = [
        json!([0, "L-1", "ok", null]),
        json!([1, "L-5", "failed", "/problems/record-inactive"]),
        json!([2, "L-9", "failed", "/problems/not-found"]),
    ];
    assert_eq!(told, expected);
    let attention = async || {
        let page = client.get("/v1/monitor/lead/processed?status=needsAttention").await?.expect(200)?;
        let ids = page["items"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|item| item["id"].as_str().unwrap_or_default().to_owned());
        let mut ids: Vec<String> = ids.collect();
        ids.sort_unstable();
        anyhow::Ok(ids)
    };
    assert_eq!(attention().await?, ["L-2", "L-3", "L-4"], "it left the list");
    let unknown = json!({"recordIds": [], "owner": {"kind": "seller", "id": "nobody"}, "by": 1});
    let refused = client.post("/v1/monitor/lead/assign", &unknown).await?;
    let faults = ["/recordIds required", "/owner/id unknownOwner", "/by unknownMember"].map(str::to_owned);
    assert_eq!((refused.status, refused.faults()), (422, faults.into()));

    // Tried once more: all of a reason, then a named one, then those of a segment.
    let retry = async |body: Value| {
        let begun = client.post("/v1/monitor/lead/retry", &body).await?;
        anyhow::ensure!(begun.status == 202, "{:?}", begun.body);
        ended(&client, begun.header("location")).await
    };
    let of_reason = retry(json!({"reason": "noConditionMet"})).await?;
    assert_eq!(counts(&of_reason), [&json!("done"), &json!(3), &json!(0), &json!(3)]);
    capacity(&client, 9).await?;
    accept(&client, &segment, &everything()).await?;
    let named = retry(json!({"recordIds": ["L-3", "L-1", "L-9"]})).await?;
    assert_eq!(counts(&named), [&json!("done"), &json!(1), &json!(1), &json!(0)], "an owned one needs no other try");
    assert_eq!((owner(&client, "L-3").await?, owner(&client, "L-1").await?), (json!("ana"), json!("ben")));
    assert_eq!(runs(&client, "lead", "L-3").await?[0]["trigger"], "retried");
    let of_segment = retry(json!({"segmentId": segment})).await?;
    assert_eq!(counts(&of_segment), [&json!("done"), &json!(2), &json!(2), &json!(0)]);
    assert!(attention().await?.is_empty());
    let listed = client.get("/v1/monitor/lead/retries").await?.expect(200)?;
    assert_eq!(listed["items"], json!([named, of_reason]), "that of the segment stands in its history");
    let found = stack.settled(LONG).await?.recount(|key| match key {
        "lead#L-5" => 1,
        "lead#L-1" => 2,
        _ => 3,
    });
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
