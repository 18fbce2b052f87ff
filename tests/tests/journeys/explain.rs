//! The stored run tells of its decision what the decision itself was: decided once more from what was stored right before
//! it, at the same instant, it is the same in every part (DESIGN.md "Promises").

use std::collections::BTreeMap;

use anyhow::ensure;
use journeys::client::Client;
use journeys::dynamodb::Attributes;
use journeys::organisation::{add_rule, everything, record, rule, runs, segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use serde_json::{Value, json};

/// Both tables as they were.
async fn restored(stack: &RunningStack, before: &BTreeMap<String, Attributes>) -> anyhow::Result<()> {
    let now = stack.everything_stored().await?;
    let table = |key: &str| if key.starts_with(RECORDS) { RECORDS } else { WORK };
    for (key, item) in now.iter().filter(|(key, _)| !before.contains_key(*key)) {
        let mut names = item.clone();
        names.retain(|name, _| ["pk", "sk"].contains(&name.as_str()));
        stack.dynamodb.call("DeleteItem", &json!({"TableName": table(key), "Key": names})).await?;
    }
    for (key, item) in before.iter().filter(|(key, item)| now.get(*key) != Some(item)) {
        stack.dynamodb.put(table(key), &Value::Object(item.clone())).await?;
    }
    ensure!(stack.everything_stored().await? == *before, "all is as it was");
    Ok(())
}

/// What differs between a decision that was committed and one that was not.
fn decided(run: &Value) -> Value {
    let mut run = run.clone();
    if let Some(members) = run.as_object_mut() {
        members.retain(|name, _| name != "id" && name != "finishedAt");
    }
    run
}

/// Posts a lead and compares its run with the decision made live at the same instant from the same tables. Answers with
/// the run.
async fn explained(stack: &RunningStack, fields: Value) -> anyhow::Result<Value> {
    let client = stack.administrator();
    stack.pause_assignment().await?;
    let lead = record(&client, "lead", json!({"fields": fields})).await?;
    let id = lead["id"].as_str().unwrap_or_default();
    let path = format!("/v1/records/lead/{id}");
    let before = stack.everything_stored().await?;
    stack.resume_assignment().await?;
    stack.processed(&path).await?;
    let run = runs(&client, "lead", id).await?.swap_remove(0);
    let one = client.get(&format!("{path}/runs/{}", run["id"].as_str().unwrap_or_default())).await?.expect(200)?;
    assert_eq!(one, run, "alone as among the others");

    stack.pause_assignment().await?;
    restored(stack, &before).await?;
    let tried = json!({"record": {"id": id}, "at": run["startedAt"]});
    let live = client.post("/v1/records/lead/simulate", &tried).await?.expect(200)?;
    assert_eq!(live["id"], Value::Null);
    assert_eq!(decided(&live), decided(&run));
    // The lead waits again, and is decided again.
    stack.resume_assignment().await?;
    stack.processed(&path).await?;
    Ok(run)
}

async fn seller(client: &Client, id: &str, members: Value) -> anyhow::Result<()> {
    let mut body = json!({"id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"]});
    for (name, value) in members.as_object().into_iter().flatten() {
        body[name] = value.clone();
    }
    client.post("/v1/sellers", &body).await?.expect(201).map(drop)
}

fn verdicts(run: &Value) -> BTreeMap<&str, &str> {
    let candidates = run["trace"]["candidates"].as_array().into_iter().flatten();
    candidates.filter_map(|of| Some((of["sellerId"].as_str()?, of["verdict"].as_str()?))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn ent_28_sec_77_dist_15_a_stored_run_tells_what_a_decision_at_its_instant_tells() -> anyhow::Result<()> {
    let stack = RunningStack::start_at_noon().await?;
    let client = stack.administrator();
    let in_bern = json!({"fields": {"city": "Bern"}});
    for (id, members) in [
        ("ann", in_bern.clone()),
        ("bob", in_bern.clone()),
        ("cid", json!({"fields": {"city": "Basel"}})),
        ("dan", json!({"fields": {"city": "Bern"}, "roles": ["vp-of-sales"]})),
        ("eva", json!({"fields": {"city": "Bern"}, "roles": ["integration"]})),
        ("fay", in_bern.clone()),
        ("gil", json!({"fields": {"city": "Bern"}, "enabled": false})),
        ("hal", in_bern.clone()),
        ("ivy", in_bern.clone()),
    ] {
        seller(&client, id, members).await?;
    }
    client.put("/v1/settings", &json!({"eligibleRoles": ["salesperson", "integration"]})).await?.expect(200)?;
    client.put("/v1/sellers/fay/assign-records", &json!({"on": false})).await?.expect(200)?;
    client.put("/v1/sellers/hal/capacity", &json!({"maximum": 0})).await?.expect(200)?;
    client.put("/v1/sellers/ann/capacity", &json!({"maximum": 5})).await?.expect(200)?;
    let day = |days: i64| (stack.now() + jiff::SignedDuration::from_hours(24 * days)).strftime("%Y-%m-%d").to_string();
    let away = json!({"kind": "timeOff", "from": day(-1), "to": day(0), "timeZone": "UTC", "description": "Away"});
    client.post("/v1/sellers/ivy/calendar", &away).await?.expect(201)?;

    segment(&client, "lead", "Elsewhere", &json!({"all": [{"field": "country", "op": "equals", "value": "FR"}]}))
        .await?;
    let home = segment(&client, "lead", "Home", &json!({"field": "country", "op": "equals", "value": "CH"})).await?;
    add_rule(&client, &home, &rule("Big", &json!({"field": "employees", "op": "greaterThan", "value": 99}))).await?;
    let based = json!({"field": "city", "op": "equals", "valueFrom": "city"});
    add_rule(
        &client,
        &home,
        &json!({
            "name": "Near", "condition": everything(), "createdWithinHours": 12,
            "target": {"kind": "sellers", "pick": "matching", "source": "fields", "match": based},
            "distribution": {"method": "roundRobin", "respectCapacity": true, "availableWithinHours": 48},
        }),
    )
    .await?;

    let near = json!({"country": "CH", "city": "Bern"});
    for chosen in ["ann", "bob", "ann"] {
        let run = explained(&stack, near.clone()).await?;
        let ranked = if chosen == "ann" { "bob" } else { "ann" };
        let expected = [
            (chosen, "chosen"),
            (ranked, "ranked"),
            ("cid", "notMatched"),
            ("dan", "role"),
            ("eva", "noPermission"),
            ("fay", "switchedOff"),
            ("gil", "disabled"),
            ("hal", "noCapacity"),
            ("ivy", "laterBucket"),
        ];
        assert_eq!(verdicts(&run), expected.into());
        let told = |part: &str| run["trace"][part].as_array().map_or(0, Vec::len);
        assert_eq!((told("segments"), told("rules")), (2, 2), "{run}");
        assert_eq!(run["trace"]["segments"][0]["failedOn"], "/all/0");
        assert_eq!(run["trace"]["rules"][0]["failedOn"], "");
    }
    // Nobody at all, and no segment's rule.
    let nobody = explained(&stack, json!({"country": "CH", "city": "Thun"})).await?;
    assert_eq!(nobody["assignment"]["reason"], "noSellerMatches");
    assert_eq!(explained(&stack, json!({"country": "IT"})).await?["assignment"]["status"], "notApplicable");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn ent_28_sec_77_of_more_than_fifty_candidates_the_best_are_told_and_the_gates_counted() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let ids: Vec<String> = (0..64).map(|n| format!("s-{n:02}")).collect();
    sellers(&client, &ids.iter().map(String::as_str).collect::<Vec<_>>()).await?;
    let full = json!({"sellerIds": ids[..9], "capacity": {"maximum": 0}});
    client.post("/v1/sellers/bulk", &full).await?.expect(200)?;
    let off = json!({"sellerIds": ids[9..16], "assignRecords": false});
    client.post("/v1/sellers/bulk", &off).await?.expect(200)?;
    let mut in_turn = rule("In turn", &everything());
    in_turn["distribution"] = json!({"method": "roundRobin", "respectCapacity": true});
    add_rule(&client, "lead-default", &in_turn).await?;
    for n in 0..3 {
        let run = explained(&stack, json!({"topic": "one of many"})).await?;
        let candidates = run["trace"]["candidates"].as_array().cloned().unwrap_or_default();
        assert_eq!(candidates.len(), 25);
        let ranks: Vec<u64> = candidates.iter().filter_map(|candidate| candidate["rank"].as_u64()).collect();
        assert_eq!(ranks, (1..=25).collect::<Vec<_>>());
        assert_eq!(candidates[0]["sellerId"], json!(ids[16 + n]));
        assert_eq!(run["trace"]["gates"]["noCapacity"], 9);
        assert_eq!(run["trace"]["gates"]["switchedOff"], 7);
        let sentence = candidates[0]["explanation"].as_str().unwrap_or_default();
        assert!(sentence.contains(" got it: no maximum, never assigned before."), "{sentence}");
    }
    stack.shutdown().await
}
