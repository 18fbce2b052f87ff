//! Freed sellers: whatever lets a seller take one record more hands the oldest waiting one over, at once and once.

mod bounded;
mod wake_up;

use std::collections::BTreeMap;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use journeys::client::Client;
use journeys::organisation::{add_rule, close, everything, give, rule_for, runs, sellers};
use journeys::running_stack::{RunningStack, WORK};
use journeys::until::{LONG, until};
use serde_json::{Value, json};

/// Ana, who has room for `room`, takes every lead while she has room, within an hour of her working time; ben takes none.
async fn office(client: &Client, room: u32) -> anyhow::Result<()> {
    sellers(client, &["ana", "ben"]).await?;
    capacity(client, room).await?;
    let mut rule = rule_for("Ana with room", &everything(), &["ana".to_owned()]);
    rule["distribution"] = json!({"method": "roundRobin", "respectCapacity": true, "availableWithinHours": 1});
    add_rule(client, "lead-default", &rule).await.map(drop)
}

async fn capacity(client: &Client, room: u32) -> anyhow::Result<()> {
    capacity_is(client, &json!({"maximum": room, "override": true})).await
}

async fn capacity_is(client: &Client, body: &Value) -> anyhow::Result<()> {
    client.put("/v1/sellers/ana/capacity", body).await?.expect(200).map(drop)
}

async fn shown_owner(client: &Client, id: &str) -> anyhow::Result<Value> {
    Ok(client.get(&format!("/v1/records/lead/{id}")).await?.expect(200)?["owner"].clone())
}

/// Leads that come one after the other, and are looked at.
async fn leads(stack: &RunningStack, ids: &[&str]) -> anyhow::Result<()> {
    for id in ids {
        let body = json!({"id": id, "fields": {"topic": "a lead"}});
        stack.administrator().post("/v1/records/lead", &body).await?.expect(201)?;
        stack.settled(LONG).await?;
    }
    Ok(())
}

/// Waits until the leads are whose the list says, and nothing waits and nothing is left to do.
async fn owners(stack: &RunningStack, expected: &[(&str, Option<&str>)]) -> anyhow::Result<()> {
    let client = stack.administrator();
    let mut found = BTreeMap::new();
    let outcome = until("the leads have these owners", LONG, async || {
        for (id, _) in expected {
            let lead = client.get(&format!("/v1/records/lead/{id}")).await?.expect(200)?;
            found.insert((*id).to_owned(), lead["owner"]["id"].as_str().map(ToOwned::to_owned));
        }
        Ok(expected.iter().all(|(id, owner)| found[*id].as_deref() == *owner))
    });
    if let Err(error) = outcome.await {
        anyhow::bail!("{error}: {found:?}");
    }
    pulled(stack).await?;
    stack.settled(LONG).await?;
    for (id, owner) in expected {
        let lead = client.get(&format!("/v1/records/lead/{id}")).await?.expect(200)?;
        anyhow::ensure!(lead["owner"]["id"].as_str() == *owner, "{id} went on to {}", lead["owner"]);
    }
    Ok(())
}

/// Waits until nothing is left among the things to do.
async fn pulled(stack: &RunningStack) -> anyhow::Result<()> {
    until("nothing is left to do", LONG, async || {
        let stored = stack.dynamodb.scan(WORK).await?;
        Ok(stored.iter().all(|item| !item["pk"]["S"].as_str().unwrap_or_default().starts_with("todo#")))
    })
    .await
}

async fn trigger(client: &Client, id: &str) -> anyhow::Result<Value> {
    Ok(runs(client, "lead", id).await?[0]["trigger"].clone())
}

/// Every way to have room again hands over exactly the oldest of those that wait.
#[tokio::test(flavor = "multi_thread")]
async fn cap_04_cap_06_elig_03_mon_24_each_way_to_have_room_again_hands_over_the_oldest() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    office(&client, 1).await?;
    let ids: Vec<String> = (0..8).map(|n| format!("L-{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    leads(&stack, &ids).await?;
    // Those up to here have been handed over, and the others wait.
    let handed_over = async |upto: usize| {
        let latest = (ids[upto], Some("ana"));
        let waiting = ids[upto + 1..].iter().map(|id| (*id, None));
        let expected: Vec<_> = std::iter::once(latest).chain(waiting).collect();
        owners(&stack, &expected).await
    };
    handed_over(0).await?;
    close(&client, "lead", "L-0", "qualified").await?;
    handed_over(1).await?;
    assert_eq!(trigger(&client, "L-1").await?, "capacityFreed");
    give(&client, "lead", "L-1", "ben").await?;
    handed_over(2).await?;
    client.delete("/v1/records/lead/L-2").await?.expect(204)?;
    handed_over(3).await?;
    capacity(&client, 2).await?;
    handed_over(4).await?;
    // Freed while she is switched off: nothing comes before she is switched on.
    let switch = async |on: bool| client.put("/v1/sellers/ana/assign-records", &json!({"on": on})).await?.expect(200);
    switch(false).await?;
    close(&client, "lead", "L-3", "disqualified").await?;
    pulled(&stack).await?;
    assert_eq!(shown_owner(&client, "L-5").await?, Value::Null);
    switch(true).await?;
    handed_over(5).await?;
    // No privilege, no lead; the privilege given back, the next one.
    let roles = async |roles: Value| {
        let body = json!({"name": "ana", "email": "ana@example.com", "roles": roles});
        client.put("/v1/sellers/ana", &body).await?.expect(200)
    };
    roles(json!(["integration"])).await?;
    close(&client, "lead", "L-4", "qualified").await?;
    pulled(&stack).await?;
    assert_eq!(shown_owner(&client, "L-6").await?, Value::Null);
    roles(json!(["salesperson"])).await?;
    handed_over(6).await?;
    let found = stack.settled(LONG).await?.recount(|key| match key {
        "lead#L-1" => 3,
        "lead#L-0" | "lead#L-7" => 1,
        _ => 2,
    });
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

fn berlin(day: i8, hour: i8, minute: i8) -> anyhow::Result<Timestamp> {
    Ok(civil::date(2026, 1, day).at(hour, minute, 0, 0).to_zoned(TimeZone::get("Europe/Berlin")?)?.timestamp())
}

async fn calendar(client: &Client, entry: Value) -> anyhow::Result<String> {
    let entry = client.post("/v1/sellers/ana/calendar", &entry).await?.expect(201)?;
    Ok(entry["id"].as_str().unwrap_or_default().to_owned())
}

/// A shift begins, a calendar is changed, a day begins: the hour frees a seller whom nobody has touched.
#[tokio::test(flavor = "multi_thread")]
async fn avail_10_cap_11_mon_23_a_shift_a_calendar_and_a_new_day_hand_over_what_waits() -> anyhow::Result<()> {
    // Monday; Berlin is an hour ahead.
    let stack = RunningStack::start_at(berlin(5, 5, 0)?).await?;
    let client = stack.administrator();
    office(&client, 10).await?;
    let weekdays = json!({"kind": "workingHours", "from": "2026-01-01", "repeat": "everyDay", "timeZone": "Europe/Berlin",
                          "intervals": [{"start": "08:00", "end": "17:00"}]});
    calendar(&client, weekdays).await?;
    leads(&stack, &["L-1", "L-2"]).await?;
    assert_eq!(runs(&client, "lead", "L-1").await?[0]["assignment"]["reason"], "noAvailability");
    stack.advance_to(berlin(5, 6, 58)?, SignedDuration::from_mins(20)).await?;
    owners(&stack, &[("L-1", None), ("L-2", None)]).await?;
    // Her shift is an hour away: that is what the rule asks for.
    stack.advance_to(berlin(5, 7, 1)?, SignedDuration::from_mins(1)).await?;
    owners(&stack, &[("L-1", Some("ana")), ("L-2", Some("ana"))]).await?;
    assert_eq!(trigger(&client, "L-2").await?, "capacityFreed");

    // Away for the day, and back all the same.
    let day_off = json!({"kind": "timeOff", "from": "2026-01-05", "to": "2026-01-05", "timeZone": "Europe/Berlin"});
    let day_off = calendar(&client, day_off).await?;
    leads(&stack, &["L-3"]).await?;
    owners(&stack, &[("L-3", None)]).await?;
    client.delete(&format!("/v1/sellers/ana/calendar/{day_off}")).await?.expect(204)?;
    owners(&stack, &[("L-3", Some("ana"))]).await?;

    // Four leads a day and no more; the day is the organisation's, whose zone is UTC.
    capacity_is(&client, &json!({"maximum": 10, "period": "day", "periodMaximum": 4, "override": true})).await?;
    leads(&stack, &["L-4", "L-5"]).await?;
    owners(&stack, &[("L-4", Some("ana")), ("L-5", None)]).await?;
    stack.advance_to(berlin(6, 0, 55)?, SignedDuration::from_mins(60)).await?;
    owners(&stack, &[("L-5", None)]).await?;
    stack.advance_to(berlin(6, 7, 1)?, SignedDuration::from_mins(60)).await?;
    owners(&stack, &[("L-5", Some("ana"))]).await?;
    let found = stack.settled(LONG).await?.recount(|key| if key == "lead#L-4" { 1 } else { 2 });
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
