//! Lists of records by what is asked for and by who asks, and sellers found by what they own (API.md "Records", "Sellers").

use ::client::types;
use journeys::client::{Client, shaped};
use journeys::organisation::{add_rule, give, record, rule, segment};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

fn city(name: &str) -> Value {
    json!({"field": "city", "op": "equals", "value": name})
}

/// The ids of every page of a list, two to a page.
async fn listed(client: &Client, query: &str) -> anyhow::Result<Vec<String>> {
    let (mut ids, mut next) = (vec![], String::new());
    loop {
        let page = client.get(&format!("/v1/records/lead?limit=2&{query}{next}")).await?.expect(200)?;
        let items = page["items"].as_array().into_iter().flatten();
        ids.extend(items.filter_map(|item| Some(item["id"].as_str()?.to_owned())));
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => return Ok(ids),
        }
    }
}

async fn seller(client: &Client, id: &str, unit: &str) -> anyhow::Result<()> {
    let seller = json!({"id": id, "name": id, "email": format!("{id}@example.com"), "roles": ["salesperson"],
        "fields": {"businessUnit": unit}});
    client.api.create_seller().body(shaped::<types::SellerBody>(seller)?).send().await?;
    Ok(())
}

/// A lead of a city, the `n`th to come, whom its creator gave to somebody or to nobody.
async fn lead(stack: &RunningStack, n: u32, of: &str, owner: Option<&str>) -> anyhow::Result<()> {
    let mut lead = json!({"id": format!("L-{n}"), "fields": {"city": of}});
    lead["createdOn"] = format!("2026-03-02T08:00:{n:02}Z").into();
    if let Some(id) = owner {
        lead["owner"] = json!({"kind": "seller", "id": id});
    }
    record(&stack.administrator(), "lead", lead).await.map(drop)
}

/// Ana and Ben are of the north, Cleo of the south. Leads of Rome go to nobody, of Oslo no rule takes any.
#[tokio::test(flavor = "multi_thread")]
async fn sec_73_mon_01_mon_04_records_are_listed_by_what_is_asked_for_within_reach_of_who_asks() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    for (id, unit) in [("ana", "north"), ("ben", "north"), ("cleo", "south")] {
        seller(&client, id, unit).await?;
    }
    let rome = segment(&client, "lead", "Rome", &city("Rome")).await?;
    let oslo = segment(&client, "lead", "Oslo", &city("Oslo")).await?;
    add_rule(&client, &oslo, &rule("Nobody's", &city("Nowhere"))).await?;
    let cities = ["Rome", "Rome", "Oslo", "Oslo", "Rome", "Oslo", "Rome"];
    let owners = [Some("ana"), Some("cleo"), None, None, Some("cleo"), None, Some("ana")];
    for (n, (of, owner)) in (1..).zip(cities.into_iter().zip(owners)) {
        lead(&stack, n, of, owner).await?;
        stack.processed(&format!("/v1/records/lead/L-{n}")).await?;
    }
    give(&client, "lead", "L-5", "ben").await?;
    stack.processed("/v1/records/lead/L-5").await?;
    stack.pause_assignment().await?;
    for n in 8..11 {
        lead(&stack, n, "Rome", Some("ben")).await?;
    }

    let expected: [(&str, &[u32]); 8] = [
        ("", &[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]),
        (&format!("segmentId={rome}"), &[7, 5, 2, 1]),
        (&format!("segmentId={oslo}"), &[6, 4, 3]),
        ("workStatus=needsAttention", &[6, 4, 3]),
        ("workStatus=pending", &[8, 9, 10]),
        ("workStatus=succeeded", &[7, 5, 2, 1]),
        (&format!("workStatus=succeeded&segmentId={oslo}"), &[]),
        ("owner=ben", &[10, 9, 8, 5]),
    ];
    let leads = |numbers: &[u32]| numbers.iter().map(|n| format!("L-{n}")).collect::<Vec<_>>();
    for (query, expected) in expected {
        assert_eq!(listed(&client, query).await?, leads(expected), "{query}");
    }
    // What is Ben's, wherever it came from, and what came to his unit; not what only the south has.
    let ben = stack.client("salesperson", "ben");
    let expected: [(&str, &[u32]); 4] = [
        ("", &[10, 9, 8, 7, 5, 1]),
        (&format!("segmentId={rome}"), &[7, 5, 1]),
        ("workStatus=pending", &[10, 9, 8]),
        ("owner=cleo", &[]),
    ];
    for (query, expected) in expected {
        assert_eq!(listed(&ben, query).await?, leads(expected), "Ben, {query}");
    }
    stack.resume_assignment().await?;
    for n in 8..11 {
        stack.processed(&format!("/v1/records/lead/L-{n}")).await?;
    }
    assert_eq!(listed(&client, "workStatus=pending").await?, leads(&[]));
    assert_eq!(listed(&client, &format!("segmentId={rome}")).await?, leads(&[10, 9, 8, 7, 5, 2, 1]));
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn elig_06_ex_21_sellers_are_found_by_the_accounts_that_they_own() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    for id in ["ana", "ben"] {
        seller(&client, id, "north").await?;
    }
    for (id, of, owner) in [("A-1", "Rome", "ana"), ("A-2", "Oslo", "ben")] {
        let account = json!({"id": id, "fields": {"city": of}, "owner": {"kind": "seller", "id": owner}});
        record(&client, "account", account).await?;
    }
    let owns = |exists: bool| json!({"related": "accountsOwned", "exists": exists, "where": city("Rome")});
    for (exists, expected) in [(true, "ana"), (false, "ben")] {
        let found = client.post("/v1/sellers/search", &json!({"condition": owns(exists)})).await?.expect(200)?;
        let ids: Vec<&Value> = found["items"].as_array().into_iter().flatten().map(|item| &item["id"]).collect();
        assert_eq!(ids, [expected], "{exists}");
    }
    stack.shutdown().await
}
