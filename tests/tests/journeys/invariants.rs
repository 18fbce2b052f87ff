//! The operator's check of invariants, as `make check-invariants` makes it: clean after whatever clients did, clean while
//! they go on, and not clean once an item is damaged past the API.

use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use domain::invariant::{Invariant, Report};
use journeys::client::Client;
use journeys::organisation::{add_rule, change, close, everything, give, round_robin, rule_for, segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack};
use journeys::until::{LONG, until};
use local::processes::functions_dir;
use serde_json::{Value, json};
use tokio::process::Command;

const SELLERS: [&str; 3] = ["ana", "ben", "cleo"];

/// Leads without a city go to everybody in turn, those with one to ana while she has room.
async fn organisation(client: &Client) -> anyhow::Result<String> {
    sellers(client, &SELLERS).await?;
    round_robin(client, "lead").await?;
    capacity(client, 2).await?;
    let with_city = json!({"all": [{"field": "city", "op": "hasValue"}]});
    let id = segment(client, "lead", "With a city", &with_city).await?;
    let mut rule = rule_for("Ana with room", &everything(), &["ana".to_owned()]);
    rule["distribution"] = json!({"method": "roundRobin", "respectCapacity": true});
    add_rule(client, &id, &rule).await?;
    Ok(id)
}

async fn capacity(client: &Client, room: u32) -> anyhow::Result<()> {
    let body = json!({"maximum": room, "override": true});
    client.put("/v1/sellers/ana/capacity", &body).await?.expect(200).map(drop)
}

async fn leads(client: &Client, name: &str, count: u32, fields: &Value) -> anyhow::Result<()> {
    let records: Vec<Value> = (0..count).map(|n| json!({"id": format!("{name}-{n}"), "fields": fields})).collect();
    client.post("/v1/records/lead/batch", &json!({ "records": records })).await?.expect(200).map(drop)
}

/// Everything that can become of leads, some of each.
async fn live(stack: &RunningStack, client: &Client, segment: &str) -> anyhow::Result<()> {
    leads(client, "L", 40, &json!({"topic": "a shop"})).await?;
    leads(client, "C", 10, &json!({"city": "Bern"})).await?;
    stack.settled(LONG).await?;
    for n in 0..8 {
        close(client, "lead", &format!("L-{n}"), "qualified").await?;
    }
    for n in 0..4 {
        client.post(&format!("/v1/records/lead/L-{n}/reopen"), &json!({})).await?.expect(200)?;
    }
    for n in 8..14 {
        give(client, "lead", &format!("L-{n}"), "cleo").await?;
    }
    for n in 14..18 {
        client.delete(&format!("/v1/records/lead/L-{n}")).await?.expect(204)?;
    }
    for n in 18..22 {
        change(client, "lead", &format!("L-{n}"), &json!({"city": "Basel"})).await?;
    }
    // The id of one that was deleted, and another program's item.
    client.post("/v1/records/lead", &json!({"id": "L-14", "fields": {"topic": "again"}})).await?.expect(201)?;
    let foreign = json!({"pk": {"S": "lead#foreign"}, "type": {"S": "lead"}, "fields": {"M": {}}});
    stack.dynamodb.put(RECORDS, &foreign).await?;
    let table = (0..30).fold("No,Town\n".to_owned(), |table, n| format!("{table}I-{n},Oslo\n"));
    client.api.import_records().type_("lead").map("No:id,Town:city").body(table).send().await?;
    stack.settled(LONG).await?;
    capacity(client, 25).await?;
    let begun = client.post(&format!("/v1/segments/{segment}/runs"), &json!({})).await?;
    let path = begun.header("location").to_owned();
    until("the run ends", LONG, async || Ok(client.get(&path).await?.expect(200)?["status"] == "done")).await?;
    stack.settled(LONG).await.map(drop)
}

/// What the terminal shows, and how it ends.
async fn at_the_terminal(stack: &RunningStack) -> anyhow::Result<(Option<i32>, String)> {
    let port = stack.url().rsplit(':').next().unwrap_or_default().to_owned();
    let Output { status, stdout, .. } = Command::new(functions_dir()?.join("local"))
        .arg("check-invariants")
        .env("PORT", port)
        .env_remove("FUNCTION")
        .kill_on_drop(true)
        .output()
        .await?;
    Ok((status.code(), String::from_utf8(stdout)?))
}

fn void(report: &Report) -> u64 {
    report.invariants.values().map(|figures| figures.void).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_mixed_history_all_invariants_hold_and_one_damaged_item_is_found() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = organisation(&client).await?;
    live(&stack, &client, &segment).await?;

    let report = stack.check_invariants().await?;
    assert_eq!((report.breaches.as_slice(), void(&report)), ([].as_slice(), 0), "{report:?}");
    // 50, less 4, one more, one of another program, 30 of a table.
    assert_eq!((report.looked_at.records, report.looked_at.sellers), (78, 3));
    let looked_at = |invariant| report.invariants[&invariant].looked_at;
    assert!(report.looked_at.runs > 78 && looked_at(Invariant::SegmentExists) > 60, "{report:?}");
    assert!(looked_at(Invariant::MonitorCounters) >= 5, "{report:?}");
    let (code, shown) = at_the_terminal(&stack).await?;
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("a record has one owner at most") && shown.contains("0/78"), "{shown}");

    let owner = json!({":ben": {"M": {"kind": {"S": "seller"}, "id": {"S": "ben"}}}});
    let damage = json!({
        "TableName": RECORDS, "Key": {"pk": {"S": "lead#L-8"}}, "UpdateExpression": "SET #owner = :ben",
        "ExpressionAttributeNames": {"#owner": "owner"}, "ExpressionAttributeValues": owner,
    });
    stack.dynamodb.call("UpdateItem", &damage).await?;
    let (code, shown) = at_the_terminal(&stack).await?;
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("- lead#L-8 is owned by seller ben, but its last run"), "{shown}");
    assert!(shown.contains("left it to seller cleo.") && shown.contains("2/78"), "{shown}");
    assert!(stack.invoke("check-invariants", &json!({"repair": true})).await.is_err(), "an event it doesn't know");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn while_clients_go_on_there_is_no_false_alarm() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    organisation(&client).await?;
    leads(&client, "L", 200, &json!({"topic": "a shop"})).await?;
    let (done, rounds) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU32::new(0)));
    let mut writers = tokio::task::JoinSet::new();
    for seller in SELLERS {
        let (client, done, rounds) = (client.clone(), Arc::clone(&done), Arc::clone(&rounds));
        writers.spawn(async move {
            let mut round = 0;
            while !done.load(Ordering::Relaxed) {
                let name = format!("{seller}-{round}");
                leads(&client, &name, 4, &json!({"topic": "a shop"})).await?;
                close(&client, "lead", &format!("{name}-0"), "qualified").await?;
                give(&client, "lead", &format!("{name}-1"), seller).await?;
                client.delete(&format!("/v1/records/lead/{name}-2")).await?.expect(204)?;
                client
                    .post("/v1/records/lead", &json!({"id": format!("{name}-2"), "fields": {}}))
                    .await?
                    .expect(201)?;
                client.post(&format!("/v1/records/lead/{name}-0/reopen"), &json!({})).await?.expect(200)?;
                (round, _) = (round + 1, rounds.fetch_add(1, Ordering::Relaxed));
            }
            anyhow::Ok(())
        });
    }
    let mut voids = 0;
    for check in 0..3 {
        let before = rounds.load(Ordering::Relaxed);
        let report = stack.check_invariants().await?;
        assert_eq!(report.breaches, [], "check {check}");
        voids += void(&report);
        assert!(rounds.load(Ordering::Relaxed) > before, "clients went on meanwhile");
    }
    assert!(voids > 0, "counters moved, and that is told");
    done.store(true, Ordering::Relaxed);
    writers.join_all().await.into_iter().collect::<anyhow::Result<()>>()?;
    stack.settled(LONG).await?;
    let report = stack.check_invariants().await?;
    assert_eq!((report.breaches.as_slice(), void(&report)), ([].as_slice(), 0), "{report:?}");
    stack.shutdown().await
}
