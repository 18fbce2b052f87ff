//! A seller's whole day, as a manager and a seller see it through HTTP: the shift begins, leads that wait come, capacity
//! fills, one is closed and the next one comes, vacation is entered, and nothing more comes.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, civil};
use journeys::client::Client;
use journeys::organisation::{add_rule, close, everything, rule, runs, sellers};
use journeys::running_stack::RunningStack;
use journeys::until::{LONG, until};
use serde_json::{Value, json};

/// Tuesday 13 January 2026 in London.
fn london(hour: i8, minute: i8) -> anyhow::Result<Timestamp> {
    Ok(civil::date(2026, 1, 13).at(hour, minute, 0, 0).to_zoned(TimeZone::get("Europe/London")?)?.timestamp())
}

/// The ids of the leads that Susana sees as hers, the oldest first.
async fn hers(susana: &Client) -> anyhow::Result<Vec<String>> {
    let listed = susana.get("/v1/records/lead?owner=seller:susana&state=active").await?.expect(200)?;
    let ids = listed["items"].as_array().into_iter().flatten().filter_map(|lead| lead["id"].as_str());
    let mut ids: Vec<String> = ids.map(ToOwned::to_owned).collect();
    ids.sort();
    Ok(ids)
}

async fn sees(susana: &Client, expected: &[&str]) -> anyhow::Result<()> {
    let mut seen = Vec::new();
    let outcome = until("she sees them", LONG, async || {
        seen = hers(susana).await?;
        Ok(seen == expected)
    });
    outcome.await.map_err(|error| error.context(format!("she sees {seen:?} and not {expected:?}")))
}

/// What the monitor shows of leads that need attention, by reason.
async fn attention(manager: &Client) -> anyhow::Result<Value> {
    Ok(manager.get("/v1/monitor/lead/summary").await?.expect(200)?["reasons"].clone())
}

async fn arrives(stack: &RunningStack, id: &str) -> anyhow::Result<()> {
    let integration = stack.client("integration", "website");
    integration.post("/v1/records/lead", &json!({"id": id, "fields": {"topic": "a lead"}})).await?.expect(201)?;
    stack.settled(LONG).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn avail_10_cap_01_cap_04_mon_23_mon_24_a_sellers_whole_day() -> anyhow::Result<()> {
    let stack = RunningStack::start_at(london(6, 0)?).await?;
    let manager = stack.client("sales-manager", "kim");
    let susana = stack.client("salesperson", "susana");
    sellers(&stack.administrator(), &["susana"]).await?;
    let working = json!({"kind": "workingHours", "from": "2026-01-01", "repeat": "everyWeek", "timeZone": "Europe/London",
        "days": ["monday", "tuesday", "wednesday", "thursday", "friday"],
        "intervals": [{"start": "09:00", "end": "12:30"}, {"start": "13:00", "end": "17:30"}]});
    stack.administrator().post("/v1/sellers/susana/calendar", &working).await?.expect(201)?;
    manager.put("/v1/sellers/susana/capacity", &json!({"maximum": 3})).await?.expect(200)?;
    let mut in_turn = rule("Who is there within the hour", &everything());
    in_turn["distribution"] = json!({"method": "roundRobin", "availableWithinHours": 1, "respectCapacity": true});
    add_rule(&manager, "lead-default", &in_turn).await?;

    // 06:00. Two leads come before anybody is there.
    arrives(&stack, "L-1").await?;
    arrives(&stack, "L-2").await?;
    assert_eq!((hers(&susana).await?.len(), attention(&manager).await?), (0, json!({"noAvailability": 2})));
    let told = runs(&manager, "lead", "L-1").await?.swap_remove(0);
    let explained = told["explanation"].as_str().unwrap_or_default();
    assert!(explained.contains("availab"), "{explained}");

    // 08:01. Her shift is less than an hour away, and what waited is hers.
    stack.advance_to(london(8, 1)?, SignedDuration::from_mins(20)).await?;
    sees(&susana, &["L-1", "L-2"]).await?;
    assert_eq!(attention(&manager).await?, json!({}));

    // 10:00. A third one comes and fills her capacity; the fourth and the fifth wait.
    stack.advance_to(london(10, 0)?, SignedDuration::from_mins(60)).await?;
    for id in ["L-3", "L-4", "L-5"] {
        arrives(&stack, id).await?;
    }
    sees(&susana, &["L-1", "L-2", "L-3"]).await?;
    assert_eq!(attention(&manager).await?, json!({"noCapacity": 2}));
    let shown = manager.get("/v1/sellers/susana").await?.expect(200)?;
    assert_eq!((&shown["capacity"]["consumed"], &shown["capacity"]["available"]), (&json!(3), &json!(0)));

    // She closes one, and the oldest of those who wait comes at once.
    close(&susana, "lead", "L-2", "qualified").await?;
    sees(&susana, &["L-1", "L-3", "L-4"]).await?;
    assert_eq!(attention(&manager).await?, json!({"noCapacity": 1}));
    let told = runs(&susana, "lead", "L-4").await?;
    assert_eq!(told[0]["trigger"], "capacityFreed");

    // 14:00. She goes on vacation from now on: what is hers stays hers, and nothing more comes.
    stack.advance_to(london(14, 0)?, SignedDuration::from_mins(120)).await?;
    let vacation = json!({"kind": "timeOff", "from": "2026-01-13", "to": "2026-01-23", "timeZone": "Europe/London"});
    stack.administrator().post("/v1/sellers/susana/calendar", &vacation).await?.expect(201)?;
    close(&susana, "lead", "L-1", "disqualified").await?;
    arrives(&stack, "L-6").await?;
    stack.advance_to(london(17, 0)?, SignedDuration::from_mins(60)).await?;
    sees(&susana, &["L-3", "L-4"]).await?;
    let waiting = attention(&manager).await?;
    assert_eq!((&waiting["noAvailability"], &waiting["noCapacity"]), (&json!(1), &json!(1)), "each as it was decided");

    let found = stack.settled(LONG).await?.recount(|key| match key {
        "lead#L-1" | "lead#L-2" | "lead#L-4" => 2,
        _ => 1,
    });
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
