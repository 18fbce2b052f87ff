//! The capacity reset as the schedule calls it: periods that open at the organisation's midnight, and counters that are
//! put right.

use std::fs;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan, Zoned};
use journeys::client::{Client, shown};
use journeys::dynamodb::plain_item;
use journeys::organisation::{add_rule, close, everything, record, round_robin, segment, sellers};
use journeys::running_stack::{RunningStack, WORK};
use journeys::until::LONG;
use local::stack::StackOptions;
use serde_json::{Value, json};

fn state_key(seller: &str) -> Value {
    json!({"pk": {"S": format!("state#{seller}")}, "sk": {"S": "-"}})
}

/// What is kept of a seller, as plain JSON.
async fn kept(stack: &RunningStack, seller: &str) -> anyhow::Result<Value> {
    Ok(stack.dynamodb.item(WORK, &state_key(seller)).await?.map_or(Value::Null, |item| plain_item(&item)))
}

/// Changes how many leads are kept for a seller, as a program might that knows nothing of Baton.
async fn drift(stack: &RunningStack, seller: &str, by: i64) -> anyhow::Result<()> {
    let update = json!({
        "TableName": WORK, "Key": state_key(seller), "UpdateExpression": "ADD #held :by",
        "ExpressionAttributeNames": {"#held": "held:lead"}, "ExpressionAttributeValues": {":by": {"N": by.to_string()}},
    });
    stack.dynamodb.call("UpdateItem", &update).await.map(drop)
}

async fn consumed(client: &Client, seller: &str) -> anyhow::Result<Value> {
    Ok(shown(client.api.get_seller().id(seller).send().await?)["capacity"]["consumed"].clone())
}

/// The lines of the function's log that hold a text.
fn logged(stack: &RunningStack, text: &str) -> anyhow::Result<Vec<Value>> {
    let log = fs::read_to_string(stack.log_dir().join("capacity-reset.log"))?;
    log.lines().filter(|line| line.contains(text)).map(|line| Ok(serde_json::from_str(line)?)).collect()
}

const REPAIRED: &str = "what a seller holds was put right";

#[tokio::test(flavor = "multi_thread")]
async fn cap_09_a_drift_is_repaired_by_the_schedule_and_soon_after_somebody_asked() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    round_robin(&client, "lead").await?;
    for n in 0..5 {
        record(&client, "lead", json!({"id": format!("L-{n}"), "fields": {}})).await?;
    }
    stack.settled(LONG).await?;
    close(&client, "lead", "L-0", "qualified").await?;
    let held = [consumed(&client, "ana").await?, consumed(&client, "ben").await?];
    drift(&stack, "ana", 3).await?;
    drift(&stack, "ben", -1).await?;
    assert_ne!(consumed(&client, "ana").await?, held[0]);
    // The round of the next hour finds both, a look a minute later proves them.
    stack.advance(64).await?;
    assert_eq!([consumed(&client, "ana").await?, consumed(&client, "ben").await?], held);
    let repaired = logged(&stack, REPAIRED)?;
    let mut told: Vec<_> = repaired
        .iter()
        .map(|line| {
            let fields = &line["fields"];
            let difference =
                fields["kept"].as_i64().zip(fields["counted"].as_i64()).map(|(kept, counted)| kept - counted);
            (line["level"].as_str(), fields["seller.id"].as_str(), fields["record.type"].as_str(), difference)
        })
        .collect();
    told.sort_unstable();
    let line = |seller, difference| (Some("WARN"), Some(seller), Some("lead"), Some(difference));
    assert_eq!(told, [line("ana", 3), line("ben", -1)]);

    drift(&stack, "ana", 1).await?;
    stack.invoke("capacity-reset", &json!({"recount": "now"})).await?;
    assert_ne!(consumed(&client, "ana").await?, held[0], "one look proves nothing");
    // The first call that is a minute later may be the second from now.
    stack.advance(2).await?;
    assert_eq!(consumed(&client, "ana").await?, held[0]);
    assert_eq!(logged(&stack, REPAIRED)?.len(), 3);
    assert!(stack.invoke("capacity-reset", &json!({"recount": "later"})).await.is_err(), "an event it doesn't know");
    let found = stack.settled(LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

/// The present day of an instant in a zone and the one after it, each with its length.
fn days(zone: &TimeZone, from: Timestamp) -> anyhow::Result<[(Zoned, SignedDuration); 2]> {
    let first = from.to_zoned(zone.clone()).start_of_day()?;
    let second = first.checked_add(1.day())?;
    let third = first.checked_add(2.days())?;
    Ok([(first.clone(), first.duration_until(&second)), (second.clone(), second.duration_until(&third))])
}

#[tokio::test(flavor = "multi_thread")]
async fn cap_11_a_period_opens_at_local_midnight_also_around_a_change_of_the_clocks() -> anyhow::Result<()> {
    let berlin = TimeZone::get("Europe/Berlin")?;
    let transition = berlin.following(Timestamp::now()).next().expect("Berlin changes its clocks twice a year");
    // The clock shows ten minutes before the day of 23 or of 25 hours.
    let [(midnight, length), (next, _)] = days(&berlin, transition.timestamp())?;
    assert_ne!(length, SignedDuration::from_hours(24));
    let home = tempfile::tempdir()?;
    let ahead = midnight.timestamp().duration_since(Timestamp::now()) - SignedDuration::from_mins(10);
    fs::write(home.path().join("clock"), ahead.as_millis().to_string())?;
    let options = StackOptions { data_dir: Some(home.path().to_owned()), ..StackOptions::default() };
    let stack = RunningStack::with(options, None).await?;
    let client = stack.administrator();
    client.put("/v1/settings", &json!({"timeZone": "Europe/Berlin"})).await?.expect(200)?;
    sellers(&client, &["ana"]).await?;
    let with_city = json!({"all": [{"field": "city", "op": "hasValue"}]});
    let segment = segment(&client, "lead", "With a city", &with_city).await?;
    let rule = json!({
        "name": "Who has room", "condition": everything(), "target": {"kind": "sellers", "pick": "any"},
        "distribution": {"method": "roundRobin", "respectCapacity": true},
    });
    add_rule(&client, &segment, &rule).await?;
    let one_a_day = json!({"period": "day", "periodMaximum": 1});
    client.put("/v1/sellers/ana/capacity", &one_a_day).await?.expect(200)?;
    // A lead that comes now, and whose it is. One that nobody gets is closed: it would be hers as soon as the day begins.
    let comes = async |id: &str| {
        record(&client, "lead", json!({"id": id, "fields": {"city": "Bern"}})).await?;
        let lead = stack.processed(&format!("/v1/records/lead/{id}")).await?;
        let owner = lead["owner"]["id"].as_str().map(ToOwned::to_owned);
        if owner.is_none() {
            close(&client, "lead", id, "deactivated").await?;
        }
        anyhow::Ok(owner)
    };
    let ana = || Some("ana".to_owned());
    assert_eq!([comes("L-1").await?, comes("L-2").await?], [ana(), None]);
    let known = async |day: &Zoned| {
        let state = kept(&stack, "ana").await?;
        anyhow::Ok(state["inPeriods"].get(day.date().to_string()).and_then(Value::as_u64))
    };
    assert_eq!([known(&midnight.yesterday()?).await?, known(&midnight).await?], [Some(1), None]);

    stack.advance(12).await?;
    assert_eq!(known(&midnight).await?, Some(0), "opened without anybody's doing");
    assert_eq!(comes("L-3").await?, ana());
    assert_eq!(comes("L-4").await?, None, "one a day");
    assert_eq!([known(&midnight).await?, known(&next).await?], [Some(1), None]);

    // To seven minutes before the end of that day, however long it is.
    let minutes = |to: Timestamp| -> anyhow::Result<u64> {
        let ahead = fs::read_to_string(home.path().join("clock"))?.parse::<i64>()?;
        let now = Timestamp::now() + SignedDuration::from_millis(ahead);
        Ok(u64::try_from(to.duration_since(now).as_mins())?)
    };
    stack.advance(minutes(next.timestamp() - 6.minutes())?).await?;
    assert_eq!([known(&midnight).await?, known(&next).await?], [Some(1), None]);
    assert_eq!(comes("L-5").await?, None, "the day is not over");
    stack.advance(8).await?;
    assert_eq!(known(&next).await?, Some(0));
    assert_eq!(comes("L-6").await?, ana());
    let found = stack.settled(LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
