//! Many clients at once: one key makes one thing, one version has one successor, and pages neither skip nor repeat.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use journeys::client::{Answer, Client, shown};
use journeys::organisation::{add_rule, close, everything, record, round_robin, rule, sellers};
use journeys::running_stack::RunningStack;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

const CLIENTS: usize = 50;

/// The same request by many clients at once.
async fn at_once(
    client: &Client,
    method: Method,
    path: &str,
    headers: &[(&'static str, String)],
    bodies: impl Fn(usize) -> Value,
) -> anyhow::Result<Vec<Answer>> {
    let mut requests = JoinSet::new();
    for n in 0..CLIENTS {
        let (client, method, path) = (client.clone(), method.clone(), path.to_owned());
        let (headers, body) = (headers.to_vec(), bodies(n).to_string());
        requests.spawn(async move {
            let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
            client.send(method, &path, &headers, Some(body)).await
        });
    }
    requests.join_all().await.into_iter().collect()
}

/// API.md "Idempotency-Key".
#[tokio::test(flavor = "multi_thread")]
async fn one_key_from_fifty_clients_makes_one_thing() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = json!({"name": "North", "recordType": "lead", "condition": everything()});
    let cases = [
        ("/v1/segments", segment, "/v1/segments?recordType=lead", 2),
        ("/v1/segments/lead-default/rules", rule("Everyone", &everything()), "/v1/segments/lead-default/rules", 1),
        ("/v1/sellers", json!({"name": "Ana", "email": "ana@example.com", "roles": ["salesperson"]}), "/v1/sellers", 1),
        ("/v1/teams", json!({"name": "East"}), "/v1/teams", 1),
        (
            "/v1/segments/lead-default/copy",
            json!({"name": "Copy", "copyRules": true}),
            "/v1/segments?recordType=lead",
            3,
        ),
        ("/v1/records/lead", json!({"fields": {"topic": "one"}}), "/v1/records/lead", 1),
    ];
    for (path, body, list, expected) in cases {
        let key = ("idempotency-key", format!("key of {path}"));
        let answers = at_once(&client, Method::POST, path, std::slice::from_ref(&key), |_| body.clone()).await?;
        let mut created: Vec<&Value> = vec![];
        for answer in &answers {
            match answer.status {
                201 => created.push(&answer.body["id"]),
                409 => assert_eq!(answer.body["type"], "/problems/request-in-flight", "{}", answer.body),
                status => panic!("{path}: {status} {}", answer.body),
            }
        }
        assert!(!created.is_empty(), "{path}: somebody is first");
        assert!(created.iter().all(|id| *id == created[0]), "{path}: {created:?}");
        let first =
            answers.iter().filter(|answer| answer.status == 201 && answer.header("idempotency-replayed").is_empty());
        assert_eq!(first.count(), 1, "{path}: one of them made it");
        let listed = client.get(list).await?.expect(200)?;
        assert_eq!(listed["items"].as_array().map(Vec::len), Some(expected), "{path}: {listed}");
        let other = client.send(Method::POST, path, &[("idempotency-key", &key.1)], Some("{}".to_owned())).await?;
        assert_eq!(other.status, 422, "{path}: the key stands for another body");
    }
    stack.shutdown().await
}

/// What the n-th client sends.
type Body<'a> = &'a dyn Fn(usize) -> Value;

/// API.md "Versions": of editors with the same `ETag` one wins.
#[tokio::test(flavor = "multi_thread")]
async fn of_many_editors_with_one_version_one_wins() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    let made = add_rule(&client, "lead-default", &rule("Everyone", &everything())).await?;
    let rule_path = format!("/v1/rules/{}", made["id"].as_str().unwrap_or_default());
    record(&client, "lead", json!({"id": "L-1", "fields": {"topic": "one"}, "route": false})).await?;
    let seller = |n: usize| json!({"name": format!("Ana {n}"), "email": "ana@example.com", "roles": ["salesperson"]});
    let default = |n: usize| json!({"name": format!("All {n}"), "recordType": "lead", "condition": everything()});
    let of_rule = |n: usize| rule(&format!("Everyone {n}"), &everything());
    let patch = |n: usize| json!({"fields": {"topic": format!("topic {n}")}});
    let settings = |n: usize| json!({"defaultMaximumCapacity": n});
    let capacity = |n: usize| json!({"maximum": n, "override": true});
    let cases: [(Method, &str, &str, Body<'_>); 6] = [
        (Method::PUT, "/v1/sellers/ana", "/v1/sellers/ana", &seller),
        (Method::PUT, "/v1/segments/lead-default", "/v1/segments/lead-default", &default),
        (Method::PUT, &rule_path, &rule_path, &of_rule),
        (Method::PATCH, "/v1/records/lead/L-1", "/v1/records/lead/L-1", &patch),
        (Method::PUT, "/v1/settings", "/v1/settings", &settings),
        (Method::PUT, "/v1/sellers/ana/capacity", "/v1/sellers/ana", &capacity),
    ];
    for (method, path, read, body) in cases {
        let etag = client.get(read).await?.header("etag").to_owned();
        let answers = at_once(&client, method.clone(), path, &[("if-match", etag)], body).await?;
        let mut counted: BTreeMap<u16, usize> = BTreeMap::new();
        for answer in &answers {
            *counted.entry(answer.status).or_default() += 1;
        }
        assert_eq!(counted, BTreeMap::from([(200, 1), (412, CLIENTS - 1)]), "{method} {path}");
    }
    stack.shutdown().await
}

/// Everything that a list shows, page by page, with what `between` does after each page.
async fn paged(
    client: &Client,
    path: &str,
    mut between: impl AsyncFnMut(usize) -> anyhow::Result<()>,
) -> anyhow::Result<Vec<String>> {
    let (mut ids, mut next, mut pages) = (vec![], String::new(), 0);
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = client.get(&format!("{path}{separator}limit=7&next={next}")).await?.expect(200)?;
        let items = page["items"].as_array().cloned().unwrap_or_default();
        ids.extend(items.iter().filter_map(|item| item["id"].as_str().map(ToOwned::to_owned)));
        between(pages).await?;
        pages += 1;
        match page["next"].as_str() {
            Some(token) => token.clone_into(&mut next),
            None => return Ok(ids),
        }
    }
}

/// Asserts that what was there all along stands in the list once.
fn each_once(listed: &[String], there: impl Iterator<Item = String>, what: &str) {
    let mut counted: BTreeMap<&str, usize> = BTreeMap::new();
    for id in listed {
        *counted.entry(id).or_default() += 1;
    }
    for id in there {
        assert_eq!(counted.get(id.as_str()), Some(&1), "{what}: {id} in {listed:?}");
    }
}

/// Records are created, changed, closed, reopened and routed while others page through them.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_records_neither_skip_nor_repeat_while_others_write() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    round_robin(&client, "lead").await?;
    let ids: Vec<String> = (0..60).map(|n| format!("L-{n:02}")).collect();
    // Half of them wait while the pages are read: they move from the one list to the other meanwhile.
    for (n, id) in ids.iter().enumerate() {
        if n == 30 {
            stack.settled(journeys::until::LONG).await?;
            stack.pause_assignment().await?;
        }
        record(&client, "lead", json!({"id": id, "fields": {"topic": id}})).await?;
    }
    let writer = stack.administrator();
    let listed = paged(&client, "/v1/records/lead", async |page| {
        if page == 1 {
            stack.resume_assignment().await?;
        }
        record(&writer, "lead", json!({"id": format!("new-{page}"), "fields": {}})).await?;
        let touched = &ids[(page * 13) % ids.len()];
        match page % 3 {
            0 => drop(close(&writer, "lead", touched, "qualified").await),
            1 => drop(journeys::organisation::change(&writer, "lead", touched, &json!({"city": "Oslo"})).await?),
            _ => drop(journeys::organisation::give(&writer, "lead", touched, "ben").await),
        }
        Ok(())
    })
    .await?;
    each_once(&listed, ids.iter().cloned(), "all records");

    stack.settled(journeys::until::LONG).await?;
    let members = paged(&client, "/v1/segments/lead-default/records", async |page| {
        record(&writer, "lead", json!({"id": format!("later-{page}"), "fields": {}})).await?;
        Ok(())
    })
    .await?;
    let active = paged(&client, "/v1/records/lead?state=active", async |_| Ok(())).await?;
    each_once(&members, active.into_iter().filter(|id| !id.starts_with("later")), "members");
    stack.shutdown().await
}

/// What managers configure is listed while others add to it at the front.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_what_is_configured_neither_skip_nor_repeat_while_others_write() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let segment = |name: String| json!({"name": name, "recordType": "lead", "priority": 1, "condition": everything()});
    let mut there = vec![];
    for n in 0..30 {
        let made = client.post("/v1/segments", &segment(format!("S {n}"))).await?.expect(201)?;
        there.push(made["id"].as_str().unwrap_or_default().to_owned());
    }
    let stop = Arc::new(AtomicBool::new(false));
    let (writer, stopped) = (stack.administrator(), Arc::clone(&stop));
    let writing = tokio::spawn(async move {
        let mut n = 0;
        while !stopped.load(Ordering::Relaxed) {
            let made = writer.post("/v1/segments", &segment(format!("new {n}"))).await?.expect(201)?;
            n += 1;
            if n % 2 == 0 {
                writer.delete(&format!("/v1/segments/{}", made["id"].as_str().unwrap_or_default())).await?;
            }
        }
        anyhow::Ok(())
    });
    let listed = paged(&client, "/v1/segments?recordType=lead", async |_| Ok(())).await?;
    stop.store(true, Ordering::Relaxed);
    writing.await??;
    each_once(&listed, there.iter().cloned(), "segments");

    let mut rules = vec![];
    for n in 0..20 {
        let mut body = rule(&format!("R {n}"), &everything());
        body["state"] = json!("inactive");
        rules.push(add_rule(&client, "lead-default", &body).await?["id"].as_str().unwrap_or_default().to_owned());
    }
    // The first rule goes while the list is read: what stands behind it moves up.
    let gone = rules.remove(0);
    let listed = paged(&client, "/v1/segments/lead-default/rules", async |page| {
        if page == 0 {
            client.api.delete_rule().id(&gone).send().await?;
        }
        Ok(())
    })
    .await?;
    each_once(&listed, rules.into_iter(), "rules");
    let answer = shown(client.api.get_settings().send().await?);
    assert!(answer["version"].is_number());
    stack.shutdown().await
}

/// API.md "Idempotency-Key": what was done before a crash is not done again, and its answer is the one that was lost.
#[tokio::test(flavor = "multi_thread")]
async fn an_action_whose_answer_was_lost_is_answered_and_not_repeated() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}, "route": false})).await?;
    let ana = json!({"owner": {"kind": "seller", "id": "ana"}});
    let actions = [("assign", ana, 2), ("close", json!({"outcome": "qualified"}), 3), ("reopen", json!({}), 4)];
    for (action, body, version) in actions {
        let path = format!("/v1/records/lead/L-1/{action}");
        let headers = [("idempotency-key", action)];
        let act = async || client.send(Method::POST, &path, &headers, Some(body.to_string())).await;
        let first = act().await?.expect(200)?;
        stack.unanswer(0).await?;
        let second = act().await?;
        assert_eq!(second.header("idempotency-replayed"), "", "{action}: it ran again");
        let second = second.expect(200)?;
        assert_eq!((&first["version"], &second["version"]), (&json!(version), &json!(version)), "{action}");
    }
    let runs = journeys::organisation::runs(&client, "lead", "L-1").await?;
    assert_eq!(runs.iter().filter(|run| run["trigger"] == "manual").count(), 1, "assigned once");
    for (path, body, list) in [
        (
            "/v1/segments",
            json!({"name": "North", "recordType": "lead", "condition": everything()}),
            "/v1/segments?recordType=lead",
        ),
        ("/v1/sellers", json!({"name": "Cleo", "email": "cleo@example.com", "roles": ["salesperson"]}), "/v1/sellers"),
        ("/v1/segments/lead-default/rules", rule("Everyone", &everything()), "/v1/segments/lead-default/rules"),
        ("/v1/queues", json!({"name": "Desk"}), "/v1/queues"),
    ] {
        let create =
            async || client.send(Method::POST, path, &[("idempotency-key", "one")], Some(body.to_string())).await;
        let first = create().await?.expect(201)?;
        let listed = paged(&client, list, async |_| Ok(())).await?;
        stack.unanswer(0).await?;
        assert_eq!(create().await?.expect(201)?["id"], first["id"], "{path}");
        assert_eq!(paged(&client, list, async |_| Ok(())).await?, listed, "{path}: made once");
    }
    stack.shutdown().await
}
