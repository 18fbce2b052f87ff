//! What managers configure, and that records go by it: attributes, teams, queues, capacity, calendars.

use ::client::types;
use journeys::client::{shaped, shown};
use journeys::organisation::{campaign, close, give, record, runs, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

/// Creates a lead of a campaign; the record and its run after it was routed.
async fn routed(stack: &RunningStack, campaign: &str, id: &str) -> anyhow::Result<(Value, Value)> {
    let client = stack.administrator();
    record(&client, "lead", json!({"id": id, "fields": {"campaign": campaign}})).await?;
    let lead = stack.processed(&format!("/v1/records/lead/{id}")).await?;
    Ok((lead, runs(&client, "lead", id).await?.swap_remove(0)))
}

fn in_turn() -> Value {
    json!({"method": "roundRobin"})
}

fn verdict<'a>(run: &'a Value, seller: &str) -> &'a Value {
    let candidates = run["trace"]["candidates"].as_array().map(Vec::as_slice).unwrap_or_default();
    let found = candidates.iter().find(|candidate| candidate["sellerId"] == seller);
    found.map_or(&Value::Null, |candidate| &candidate["verdict"])
}

/// EX-23 in small, ATTR-04.
#[tokio::test(flavor = "multi_thread")]
async fn ex_23_attr_04_a_lead_goes_to_who_has_the_skill_and_what_a_rule_uses_stays() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    let body = |values: Value| json!({"name": "Language", "source": "manual", "values": values});
    let languages = body(json!(["English", "German", "French"]));
    let attribute = shown(
        client.api.create_seller_attribute().body(shaped::<types::SellerAttributeBody>(languages)?).send().await?,
    );
    let id = attribute["id"].as_str().unwrap_or_default().to_owned();
    for (seller, values) in [("ana", json!(["English"])), ("ben", json!(["German", "English"]))] {
        let apply = json!({"mode": "replace", "attributes": {"language": values}});
        client.api.apply_attributes().id(seller).body(shaped::<types::AttributesBody>(apply)?).send().await?;
    }
    let german = json!({"attribute": "Language", "op": "equals", "value": ["German", "French"]});
    let target = json!({"kind": "sellers", "pick": "matching", "source": "attributes", "match": german});
    let rule = campaign(&client, "Hamburg", target, in_turn()).await?;
    let (lead, run) = routed(&stack, "Hamburg", "L-1").await?;
    assert_eq!(lead["owner"]["id"], "ben");
    assert_eq!((verdict(&run, "ben"), verdict(&run, "ana")), (&json!("chosen"), &json!("notMatched")));

    let path = format!("/v1/seller-attributes/{id}");
    let refused = client.delete(&path).await?;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/problems/attribute-in-use")));
    assert!(refused.body["detail"].as_str().is_some_and(|detail| detail.contains(&rule)), "{}", refused.body);
    assert_eq!(client.put(&path, &body(json!(["English", "French"]))).await?.status, 409, "a value that is used");
    client.put(&path, &body(json!(["German", "French"]))).await?.expect(200)?;
    let ben = shown(client.api.get_seller().id("ben").send().await?);
    assert_eq!(ben["attributes"], json!({"Language": ["German"]}), "the assignments of a value go with it");
    client.api.deactivate_rule().id(&rule).send().await?;
    client.api.delete_seller_attribute().id(&id).send().await?;
    assert_eq!(shown(client.api.get_seller().id("ben").send().await?)["attributes"], json!({}));
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn rule_34_rule_36_rule_41_teams_own_their_leads_and_queues_keep_them_until_somebody_picks_one()
-> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    let team = json!({"id": "east", "name": "East", "memberIds": ["ana"], "roles": ["salesperson"]});
    client.api.create_team().body(shaped::<types::TeamBody>(team)?).send().await?;
    let queue = json!({"id": "desk", "name": "Desk", "recordTypes": ["lead"], "memberIds": ["ana", "ben"]});
    client.api.create_queue().body(shaped::<types::QueueBody>(queue)?).send().await?;
    assert_eq!(shown(client.api.get_seller().id("ana").send().await?)["teamIds"], json!(["east"]));

    let target = json!({"kind": "teams", "pick": "specific", "ids": ["east"]});
    campaign(&client, "For a team", target, Value::Null).await?;
    let (lead, run) = routed(&stack, "For a team", "L-1").await?;
    let east = json!({"kind": "team", "id": "east"});
    assert_eq!((&lead["owner"], &run["assignment"]["owner"]), (&east, &east));
    assert_eq!(client.delete("/v1/teams/east").await?.status, 409, "an active rule names it");

    let target = json!({"kind": "queues", "pick": "specific", "ids": ["desk"]});
    campaign(&client, "For a queue", target, Value::Null).await?;
    let (lead, run) = routed(&stack, "For a queue", "L-2").await?;
    assert_eq!((&lead["owner"], &lead["queueId"]), (&Value::Null, &json!("desk")));
    assert_eq!(run["assignment"]["owner"], json!({"kind": "queue", "id": "desk"}));
    let in_queue = async || {
        let page = client.api.list_records().type_("lead").owner("queue:desk").send().await?;
        anyhow::Ok(shown(page)["items"].as_array().map_or(0, Vec::len))
    };
    assert_eq!(in_queue().await?, 1);
    let picked = give(&client, "lead", "L-2", "ben").await?;
    assert_eq!((&picked["owner"]["id"], &picked["queueId"]), (&json!("ben"), &Value::Null));
    assert_eq!(in_queue().await?, 0);
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn dist_08_cap_06_cap_11_dist_09_room_and_working_hours_decide_who_can_take_a_lead() -> anyhow::Result<()> {
    let stack = RunningStack::start_at_noon().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    let only = |seller: &str| json!({"kind": "sellers", "pick": "specific", "ids": [seller]});
    let with_room = json!({"method": "loadBalancing", "respectCapacity": true});
    campaign(&client, "Room", only("ana"), with_room).await?;
    let capacity = async |body: Value| client.put("/v1/sellers/ana/capacity", &body).await;
    capacity(json!({"maximum": 1})).await?.expect(200)?;
    assert_eq!(routed(&stack, "Room", "R-1").await?.0["owner"]["id"], "ana");
    let (lead, run) = routed(&stack, "Room", "R-2").await?;
    assert_eq!((&lead["owner"], &lead["work"]["status"]), (&Value::Null, &json!("needsAttention")));
    assert_eq!((&run["assignment"]["reason"], verdict(&run, "ana")), (&json!("noCapacity"), &json!("noCapacity")));
    // It would be hers as soon as she has room.
    close(&client, "lead", "R-2", "deactivated").await?;
    let refused = capacity(json!({"maximum": 5})).await?;
    assert_eq!((refused.status, &refused.body["type"]), (409, &json!("/problems/override-needed")));
    // What a period has brought is known when it is set in the middle of it, and when its length is changed and back.
    for length in ["day", "week", "day"] {
        let set = json!({"maximum": 5, "period": length, "periodMaximum": 2, "override": true});
        capacity(set).await?.expect(200)?;
        let ana = shown(client.api.get_seller().id("ana").send().await?);
        assert_eq!(ana["capacity"]["periodAssigned"], 1, "{length}");
    }
    assert_eq!(routed(&stack, "Room", "R-3").await?.0["owner"]["id"], "ana");
    let (_, run) = routed(&stack, "Room", "R-4").await?;
    assert_eq!(run["assignment"]["reason"], "noCapacity", "two a day");
    close(&client, "lead", "R-4", "deactivated").await?;
    let ana = shown(client.api.get_seller().id("ana").send().await?);
    assert_eq!((&ana["capacity"]["consumed"], &ana["capacity"]["periodAssigned"]), (&json!(2), &json!(2)));
    stack.advance(24 * 60).await?;
    assert_eq!(routed(&stack, "Room", "R-5").await?.0["owner"]["id"], "ana", "the next day");

    let soon = json!({"method": "roundRobin", "availableWithinHours": 24});
    campaign(&client, "Hours", only("ben"), soon).await?;
    let away =
        json!({"kind": "timeOff", "from": "2020-01-01", "to": "2900-01-01", "timeZone": "UTC", "description": "Away"});
    let entry = client.api.create_calendar_entry().id("ben").body(shaped::<types::CalendarEntryBody>(away)?);
    let entry = shown(entry.send().await?);
    let (_, run) = routed(&stack, "Hours", "H-1").await?;
    assert_eq!((&run["assignment"]["reason"], &run["assignment"]["overdue"]), (&json!("noAvailability"), &json!(true)));
    let entry = entry["id"].as_str().unwrap_or_default();
    close(&client, "lead", "H-1", "deactivated").await?;
    client.api.delete_calendar_entry().id("ben").entry_id(entry).send().await?;
    let (lead, run) = routed(&stack, "Hours", "H-2").await?;
    assert_eq!(lead["owner"]["id"], "ben");
    assert_eq!(run["trace"]["candidates"][0]["bucket"], 0, "now");
    let found = stack.settled(journeys::until::LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}
