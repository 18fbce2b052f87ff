//! The worked example of availability, EX-12, through HTTP, at the hour it speaks of: a lead comes in on a Friday
//! evening and the first shift begins on Monday at 08:00, which is 59 hours later.

use client::types;
use jiff::Timestamp;
use journeys::client::{shaped, shown};
use journeys::organisation::{add_rule, record, rule, runs, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

/// A Friday.
const EVENING: &str = "2016-10-07T21:00:00Z";

/// A rule for leads of one campaign: anybody who is available within so many hours.
fn within(hours: u32) -> Value {
    let campaign = json!({"field": "campaign", "op": "equals", "value": format!("{hours} hours")});
    let mut rule = rule(&format!("Within {hours} hours"), &campaign);
    rule["distribution"]["availableWithinHours"] = json!(hours);
    rule
}

fn every_week(days: &[&str], start: &str) -> Value {
    json!({"kind": "workingHours", "from": "2016-09-01", "repeat": "everyWeek", "days": days,
           "intervals": [{"start": start, "end": "17:00"}]})
}

#[tokio::test(flavor = "multi_thread")]
async fn ex_12_dist_09_dist_11_on_friday_evening_48_hours_reach_nobody_and_60_hours_mondays_first() -> anyhow::Result<()>
{
    let stack = RunningStack::start_at(EVENING.parse()?).await?;
    let client = stack.administrator();
    sellers(&client, &["miriam", "sanjay", "susana"]).await?;
    for (seller, entry) in [
        ("miriam", every_week(&["monday", "tuesday"], "08:00")),
        // Half an hour beyond 60 hours.
        ("susana", every_week(&["monday", "friday"], "09:30")),
        ("sanjay", every_week(&["saturday"], "08:00")),
        ("sanjay", json!({"kind": "timeOff", "from": "2016-10-08", "to": "2016-10-08", "description": "vacation"})),
    ] {
        let entry: types::CalendarEntryBody = shaped(entry)?;
        client.api.create_calendar_entry().id(seller).body(entry).send().await?;
    }
    for hours in [48, 60] {
        add_rule(&client, "lead-default", &within(hours)).await?;
    }

    for (hours, owner, reason, overdue) in [
        (48, Value::Null, json!("noAvailability"), true),
        (60, json!({"kind": "seller", "id": "miriam"}), Value::Null, false),
    ] {
        let id = format!("L-{hours}");
        let lead = json!({"id": id, "fields": {"campaign": format!("{hours} hours")}});
        let created = record(&client, "lead", lead).await?;
        let age =
            created["createdOn"].as_str().unwrap_or_default().parse::<Timestamp>()?.duration_since(EVENING.parse()?);
        assert!((0..3_600).contains(&age.as_secs()), "created on that evening: {created}");
        let processed = stack.processed(&format!("/v1/records/lead/{id}")).await?;
        let run = runs(&client, "lead", &id).await?.swap_remove(0);
        let decided = &run["assignment"];
        assert_eq!(
            (&processed["owner"], &decided["reason"], &decided["overdue"]),
            (&owner, &reason, &json!(overdue)),
            "{hours} hours: {run}"
        );
    }
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_repeated_by_its_key_whatever_year_the_clock_shows() -> anyhow::Result<()> {
    for at in [EVENING, "2040-02-29T12:00:00Z"] {
        let stack = RunningStack::start_at(at.parse()?).await?;
        let client = stack.administrator();
        let mut replayed = Vec::new();
        let mut ids = Vec::new();
        for _ in 0..2 {
            let headers = [("Idempotency-Key", "once")];
            let body = json!({"fields": {"topic": "once"}}).to_string();
            let answer = client.send(reqwest::Method::POST, "/v1/records/lead", &headers, Some(body)).await?;
            replayed.push(answer.header("Idempotency-Replayed").to_owned());
            ids.push(answer.expect(201)?["id"].clone());
        }
        assert_eq!((ids[0] == ids[1], replayed), (true, vec![String::new(), "true".to_owned()]), "{at}");
        let leads = shown(client.api.list_records().type_("lead").send().await?);
        assert_eq!(leads["items"].as_array().map(Vec::len), Some(1));
        stack.shutdown().await?;
    }
    Ok(())
}
