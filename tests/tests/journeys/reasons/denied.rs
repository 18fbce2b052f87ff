//! What becomes of records while the engine's own identity lacks a privilege (SEC-48), and when it has it again.

use std::fs;

use anyhow::ensure;
use journeys::client::Client;
use journeys::fault_proxy::{Fault, Rule};
use journeys::organisation::{add_rule, everything, record, retried, round_robin, rule_for, runs, segment, sellers};
use journeys::running_stack::{RECORDS, RunningStack, WORK};
use journeys::until::{LONG, until};
use serde_json::{Value, json};

use super::proof::{Reason, shows, shows_no};
use super::show;

const DENIED: Reason =
    Reason { id: "MON-33", code: "servicePermission", text: "The engine doesn't have the necessary permissions" };

/// Leads of the account A-1 are ana's, all others ben's.
async fn organisation() -> anyhow::Result<RunningStack> {
    let stack = RunningStack::with_proxy(33).await?;
    let client = stack.administrator();
    sellers(&client, &["ana", "ben"]).await?;
    record(&client, "account", json!({"id": "A-1", "fields": {"name": "Shop"}})).await?;
    stack.processed("/v1/records/account/A-1").await?;
    let of_shop = json!({"related": "parentAccount", "exists": true,
        "where": {"field": "name", "op": "equals", "value": "Shop"}});
    let shop = segment(&client, "lead", "Shop", &of_shop).await?;
    add_rule(&client, &shop, &rule_for("Shop", &everything(), &["ana".to_owned()])).await?;
    let others = segment(&client, "lead", "Others", &everything()).await?;
    add_rule(&client, &others, &rule_for("Others", &everything(), &["ben".to_owned()])).await?;
    Ok(stack)
}

fn denied() -> Rule {
    Rule::new(Fault::Denied, 1.0)
}

async fn lead(client: &Client, id: &str, account: Option<&str>) -> anyhow::Result<()> {
    let fields = account.map_or(json!({}), |account| json!({"parentAccount": account}));
    record(client, "lead", json!({"id": id, "fields": fields})).await.map(drop)
}

/// What may not be done, what the details say is lacking, and what the situation is called.
struct Lack {
    rule: Rule,
    lacking: &'static str,
    situation: &'static str,
}

fn lacks() -> Vec<Lack> {
    let of_assignment = || denied().caller("assignment");
    vec![
        Lack {
            rule: of_assignment().on("GetItem").key("versions"),
            lacking: "dynamodb:GetItem on table/baton-work",
            situation: "the engine may not read which configuration is in force",
        },
        Lack {
            rule: of_assignment().on("Query").key("rulebook#"),
            lacking: "dynamodb:Query on table/baton-work",
            situation: "the engine may not read segments and rules, which have changed",
        },
        Lack {
            rule: of_assignment().on("BatchGetItem").table(WORK).key("state#"),
            lacking: "dynamodb:BatchGetItem on table/baton-work",
            situation: "the engine may not read what sellers hold",
        },
        Lack {
            rule: of_assignment().on("TransactWriteItems").key("state#"),
            lacking: "dynamodb:UpdateItem on table/baton-work",
            situation: "the engine may not write what sellers hold",
        },
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_48_mon_33_while_the_engine_lacks_a_privilege_records_end_as_failed_runs_and_a_retry_assigns_them_later()
-> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let mut rows = Vec::new();

    // One batch: only the first needs the account.
    stack.proxy().inject(vec![denied().key("account#")]);
    stack.pause_assignment().await?;
    lead(&client, "L-shop", Some("A-1")).await?;
    lead(&client, "L-other", None).await?;
    stack.resume_assignment().await?;
    let details = shows(&stack, "lead", "L-shop", DENIED).await?.unwrap_or_default();
    assert_eq!(details, "the engine's own identity lacks a privilege: dynamodb:BatchGetItem on table/baton-records");
    assert_eq!(shows_no(&stack, "lead", "L-other", DENIED).await?, "ben");
    let tried = json!({"record": {"fields": {"parentAccount": "A-1"}}});
    let told = client.post("/v1/records/lead/simulate", &tried).await?.expect(200)?;
    assert_eq!(told["assignment"]["reason"], DENIED.code, "so says a simulation");
    stack.proxy().calm();
    lead(&client, "L-twin", Some("A-1")).await?;
    assert_eq!(shows_no(&stack, "lead", "L-twin", DENIED).await?, "ana");
    let run = retried(&client, "lead", json!({"reason": DENIED.code})).await?;
    assert_eq!((&run["considered"], &run["assigned"]), (&json!(1), &json!(1)));
    assert_eq!(shows_no(&stack, "lead", "L-shop", DENIED).await?, "ana");
    rows.push(DENIED.row("the engine may not read accounts, and the lead's is needed", "it may", "ana"));
    rows.push(DENIED.row("the same", "the lead has no account", "ben, in the same batch"));

    for (n, Lack { rule, lacking, situation }) in lacks().into_iter().enumerate() {
        stack.proxy().inject(vec![rule]);
        let changed = json!({"name": format!("Change {n}"), "recordType": "lead", "condition": everything()});
        client.post("/v1/segments", &changed).await?.expect(201)?;
        let [first, twin] = ["first", "twin"].map(|name| format!("L-{n}-{name}"));
        lead(&client, &first, None).await?;
        let details = shows(&stack, "lead", &first, DENIED).await?.unwrap_or_default();
        ensure!(details.ends_with(lacking) && !details.contains(&first), "{situation}: {details}");
        stack.proxy().calm();
        lead(&client, &twin, None).await?;
        assert_eq!(shows_no(&stack, "lead", &twin, DENIED).await?, "ben", "{situation}");
        retried(&client, "lead", json!({"reason": DENIED.code})).await?;
        assert_eq!(shows_no(&stack, "lead", &first, DENIED).await?, "ben", "{situation}, tried again");
        rows.push(DENIED.row(situation, "it may", "ben; so does the first one, tried again"));
    }
    show(&rows)?;
    let twice = |key: &str| if key == "lead#L-shop" || key.ends_with("-first") { 2 } else { 1 };
    let found = stack.settled(LONG).await?.recount(twice);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_48_mon_33_when_no_run_may_be_committed_records_wait_and_are_assigned_once_it_may() -> anyhow::Result<()> {
    let stack = organisation().await?;
    let client = stack.administrator();
    let log = stack.log_dir().join("assignment.log");
    let refusals = [
        ("neither runs nor records", denied().caller("assignment").on("TransactWriteItems")),
        ("records that wait", denied().caller("assignment").on("BatchGetItem").table(RECORDS).key("lead#")),
    ];
    for (n, (what, rule)) in refusals.into_iter().enumerate() {
        stack.proxy().inject(vec![rule]);
        let (id, before) = (format!("L-{n}"), fs::read_to_string(&log)?.len());
        lead(&client, &id, None).await?;
        until("the batch is given back", LONG, async || {
            Ok(fs::read_to_string(&log)?[before..].contains("batch interrupted"))
        })
        .await?;
        let pending = client.get(&format!("/v1/monitor/lead/records/{id}")).await?.expect(200)?;
        assert_eq!((&pending["status"], &pending["run"]), (&json!("pending"), &Value::Null), "{what}");
        stack.proxy().calm();
        // What the event source has given up meanwhile is the sweep's.
        stack.advance(7).await?;
        assert_eq!(shows_no(&stack, "lead", &id, DENIED).await?, "ben", "{what}");
        assert_eq!(runs(&client, "lead", &id).await?.len(), 1, "{what}");
    }
    let found = stack.settled(LONG).await?.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn sec_48_a_client_sees_a_failure_that_says_nothing_and_the_log_holds_what_is_lacking_once() -> anyhow::Result<()>
{
    let stack = RunningStack::with_proxy(34).await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    round_robin(&client, "lead").await?;
    record(&client, "lead", json!({"id": "L-1", "fields": {}})).await?;
    stack.processed("/v1/records/lead/L-1").await?;
    stack.proxy().inject(vec![denied().caller("records").on("GetItem").table(RECORDS)]);
    let refused = client.get("/v1/records/lead/L-1").await?;
    assert_eq!((refused.status, &refused.body["type"]), (500, &json!("/problems/internal")));
    let told = refused.body.to_string();
    assert!(["dynamodb", "baton", "table", "arn", "privilege"].iter().all(|word| !told.contains(word)), "{told}");
    stack.proxy().calm();
    client.get("/v1/records/lead/L-1").await?.expect(200)?;
    let log = fs::read_to_string(stack.log_dir().join("records.log"))?;
    let lines: Vec<&str> =
        log.lines().filter(|line| line.contains("dynamodb:GetItem on table/baton-records")).collect();
    assert_eq!(lines.len(), 1, "{lines:?}");
    stack.shutdown().await
}
