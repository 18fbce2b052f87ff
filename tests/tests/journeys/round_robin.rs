//! The worked examples of round robin, EX-01 to EX-06, through HTTP.
//!
//! Only the order of assignments matters to round robin, so the examples' times of day are the order of the requests.
//! The order of the sellers is read from the trace of the next decision.

use client::types;
use journeys::client::{Client, shaped, shown};
use journeys::organisation::{add_rule, everything, give, record, round_robin, rule, runs, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const SELLERS: [&str; 3] = ["miriam", "sanjay", "susana"];

/// Creates a record that is routed, waits for it, and tells who got it and the order that the decision met.
async fn routed(stack: &RunningStack, record_type: &str, body: Value) -> anyhow::Result<(String, Vec<String>)> {
    let client = stack.administrator();
    let created = record(&client, record_type, body).await?;
    let processed = stack.processed(&path_of(&created)).await?;
    let run = last_run(&client, &created).await?;
    assert_eq!(run["assignment"]["owner"], processed["owner"]);
    let mut ranked: Vec<(u64, String)> = run["trace"]["candidates"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|candidate| Some((candidate["rank"].as_u64()?, candidate["sellerId"].as_str()?.to_owned())))
        .collect();
    ranked.sort();
    let owner = processed["owner"]["id"].as_str().unwrap_or("nobody").to_owned();
    Ok((owner, ranked.into_iter().map(|(_, seller)| seller).collect()))
}

async fn lead(stack: &RunningStack) -> anyhow::Result<(String, Vec<String>)> {
    routed(stack, "lead", json!({"fields": {"topic": "an example"}})).await
}

async fn last_run(client: &Client, record: &Value) -> anyhow::Result<Value> {
    let text = |member: &str| record[member].as_str().unwrap_or_default();
    Ok(runs(client, text("type"), text("id")).await?.swap_remove(0))
}

fn path_of(record: &Value) -> String {
    let text = |member: &str| record[member].as_str().unwrap_or_default();
    format!("/v1/records/{}/{}", text("type"), text("id"))
}

/// Creates a record that is not routed and gives it to a seller by hand.
async fn by_hand(client: &Client, record_type: &str, seller: &str) -> anyhow::Result<()> {
    let body = json!({"fields": {"topic": "by hand"}, "route": false});
    let created = record(client, record_type, body).await?;
    let assigned = give(client, record_type, created["id"].as_str().unwrap_or_default(), seller).await?;
    assert_eq!(assigned["owner"], json!({"kind": "seller", "id": seller}));
    Ok(())
}

/// Three sellers who were assigned leads by hand in this order, so that they stand in it.
async fn organisation(order: &[&str]) -> anyhow::Result<RunningStack> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, order).await?;
    round_robin(&client, "lead").await?;
    for seller in order {
        by_hand(&client, "lead", seller).await?;
    }
    Ok(stack)
}

#[tokio::test(flavor = "multi_thread")]
async fn ex_01_ex_04_dist_04_the_seller_who_has_waited_longest_gets_the_lead() -> anyhow::Result<()> {
    // EX-01 to EX-04 with lead rules only: an opportunity changes nothing (DIST-04).
    let stack = organisation(&SELLERS).await?;
    let client = stack.administrator();
    assert_eq!(lead(&stack).await?, ("miriam".to_owned(), names(["miriam", "sanjay", "susana"])), "EX-01");
    by_hand(&client, "opportunity", "susana").await?;
    assert_eq!(lead(&stack).await?, ("sanjay".to_owned(), names(["sanjay", "susana", "miriam"])), "EX-02, EX-03");
    by_hand(&client, "lead", "miriam").await?;
    assert_eq!(lead(&stack).await?.1, names(["susana", "sanjay", "miriam"]), "EX-03 then EX-04");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn ex_01_ex_04_dist_03_dist_04_an_opportunity_counts_when_opportunities_have_a_rule() -> anyhow::Result<()> {
    // EX-01 to EX-04 with lead and opportunity rules (DIST-03, DIST-04).
    let stack = organisation(&SELLERS).await?;
    let client = stack.administrator();
    round_robin(&client, "opportunity").await?;
    assert_eq!(lead(&stack).await?, ("miriam".to_owned(), names(["miriam", "sanjay", "susana"])), "EX-01");
    by_hand(&client, "opportunity", "susana").await?;
    assert_eq!(lead(&stack).await?, ("sanjay".to_owned(), names(["sanjay", "miriam", "susana"])), "EX-02, EX-03");
    by_hand(&client, "lead", "miriam").await?;
    assert_eq!(lead(&stack).await?.1, names(["susana", "sanjay", "miriam"]), "EX-03 then EX-04");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn ex_05_dist_02_all_rules_share_one_order() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &SELLERS).await?;
    let mut rules = Vec::new();
    for name in ["one", "two", "three"] {
        let body = rule(name, &json!({"field": "campaign", "op": "equals", "value": name}));
        rules.push(add_rule(&client, "lead-default", &body).await?["id"].clone());
    }
    for seller in SELLERS {
        by_hand(&client, "lead", seller).await?;
    }
    let expected = [("one", "miriam"), ("two", "sanjay"), ("three", "susana"), ("one", "miriam")];
    for (campaign, seller) in expected {
        let body = json!({"fields": {"campaign": campaign}});
        assert_eq!(routed(&stack, "lead", body).await?.0, seller, "a lead for rule {campaign}");
    }
    let counted = shown(client.api.list_rules().id("lead-default").send().await?);
    let counts: Vec<&Value> = counted["items"].as_array().unwrap().iter().map(|rule| &rule["recordsRouted"]).collect();
    assert_eq!(counts, [2, 1, 1], "RULE-08");
    assert_eq!(rules.len(), 3);
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn ex_06_dist_03_creating_a_lead_counts_as_an_assignment() -> anyhow::Result<()> {
    // EX-06, DIST-03, OQ-04
    let stack = organisation(&["miriam", "sanjay"]).await?;
    let own = json!({"fields": {"topic": "my own"}, "owner": {"kind": "seller", "id": "miriam"}});
    let created = record(&stack.client("salesperson", "miriam"), "lead", own).await?;
    let processed = stack.processed(&path_of(&created)).await?;
    assert_eq!(processed["owner"], json!({"kind": "seller", "id": "sanjay"}));
    let run = last_run(&stack.administrator(), &created).await?;
    assert_eq!(run["assignment"]["previousOwner"], json!({"kind": "seller", "id": "miriam"}));
    assert_eq!(lead(&stack).await?.1, names(["miriam", "sanjay"]));
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn dist_01_many_leads_at_once_are_spread_as_if_they_had_come_one_by_one() -> anyhow::Result<()> {
    // DIST-01, DESIGN.md "Promises"
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &SELLERS).await?;
    add_rule(&client, "lead-default", &rule("all", &everything())).await?;
    let records: Vec<Value> = (0..100).map(|n| json!({"id": format!("L-{n}"), "fields": {}})).collect();
    let batch: types::BatchBody = shaped(json!({"records": records}))?;
    client.api.create_records().type_("lead").body(batch).send().await?;
    let stored = stack.settled(journeys::until::LONG).await?;
    let mut held: Vec<i64> = stored.held("lead").into_values().collect();
    held.sort_unstable();
    assert_eq!(held, [33, 33, 34]);
    let found = stored.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

fn names<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.map(str::to_owned).to_vec()
}
