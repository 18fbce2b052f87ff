//! Imports of tables: each row a record or a failure, with a progress that can be read (API.md "Records").

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write as _;
use std::ops::Range;
use std::time::{Duration, Instant};

use journeys::client::shown;
use journeys::organisation::{round_robin, sellers};
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

const SELLERS: [&str; 7] = ["ana", "ben", "cleo", "dan", "eva", "finn", "gus"];

/// A table of generated leads with headers that people use.
fn table(rows: Range<u32>) -> String {
    let cities = ["Oslo", "Lyon", "Porto", "Ghent", "Turin"];
    rows.fold("Lead No,Company,Town,Headcount\n".to_owned(), |mut table, n| {
        let _ = writeln!(table, "I-{n},\"Company {n}, Ltd\",{},{}", cities[n as usize % cities.len()], n % 900);
        table
    })
}

const MAP: &str = "Lead No:id,Company:companyName,Town:city,Headcount:employees";

#[tokio::test(flavor = "multi_thread")]
async fn seg_61_ten_thousand_rows_become_leads_that_are_all_routed_in_turn() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &SELLERS).await?;
    round_robin(&client, "lead").await?;
    let (rows, at_once) = (10_000_u32, 2_500_u32);
    let begun = Instant::now();
    let reader = client.clone();
    let watched = tokio::spawn(async move {
        // What a person sees who looks while it runs.
        let mut seen = Vec::new();
        loop {
            let page = shown(reader.api.list_imports().type_("lead").send().await?);
            let import = page["items"][0].clone();
            if let Some(created) = import["created"].as_u64().filter(|created| seen.last() != Some(created)) {
                seen.push(created);
            }
            if import["status"] == "done" {
                return anyhow::Ok((seen, import));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    // A table is one request, which has half a minute: on a slow machine too few for all of them.
    let mut progress = Some(watched);
    for first in (0..rows).step_by(at_once as usize) {
        let table = table(first..first + at_once);
        let answer = client.api.import_records().type_("lead").map(MAP).body(table).send().await?;
        assert_eq!(shown(answer), json!({"received": at_once, "created": at_once, "failed": 0, "failures": []}));
        let Some(watched) = progress.take() else { continue };
        let (seen, import) = watched.await??;
        let counts = ["received", "created", "failed"].map(|count| import[count].as_u64());
        assert_eq!(counts, [Some(u64::from(at_once)), Some(u64::from(at_once)), Some(0)]);
        assert!(seen.len() > 2 && seen.is_sorted(), "the progress moves: {seen:?}");
    }
    let written = begun.elapsed();

    let stored = stack.settled(Duration::from_mins(3)).await?;
    let routed = begun.elapsed();
    let found = stored.recount(|_| 1);
    assert!(found.is_clean(), "{found:?}");
    let mut owned: BTreeMap<String, u64> = BTreeMap::new();
    for seller in SELLERS {
        let consumed = shown(client.api.get_seller().id(seller).send().await?)["capacity"]["consumed"].as_u64();
        owned.insert(seller.to_owned(), consumed.unwrap_or_default());
    }
    let (least, most) = (owned.values().min().unwrap(), owned.values().max().unwrap());
    assert_eq!(owned.values().sum::<u64>(), u64::from(rows), "all routed: {owned:?}");
    assert!(most - least <= 1, "round robin within one: {owned:?}");
    let per_second = |elapsed: Duration| f64::from(rows) / elapsed.as_secs_f64();
    // Past the capture of test output: the figures are meant to be read.
    writeln!(
        std::io::stderr(),
        "\nimport of {rows} leads: {:.0} rows/s written, {:.0} rows/s written and routed, per seller {least} to {most}",
        per_second(written),
        per_second(routed),
    )?;
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_fails_does_not_stop_the_others() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    sellers(&client, &["ana"]).await?;
    round_robin(&client, "lead").await?;
    let table = "id,city,employees,owner,createdOn\n\
                 I-1,Oslo,12,,\n\
                 I-2,Lyon,many,,\n\
                 I-3,Porto\n\
                 search,Ghent,3,,\n\
                 I-1,Turin,4,,\n\
                 I-6,Oslo,5,ana,2026-03-02T08:00:00Z\n\
                 I-7,Oslo,6,nobody,\n";
    let request = client.api.import_records().type_("lead").body(table);
    let result = shown(request.send().await?);
    let counts = ["received", "created", "failed"].map(|count| result[count].as_u64());
    assert_eq!(counts, [Some(7), Some(2), Some(5)], "{result}");
    let failures: Vec<String> = result["failures"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|failure| {
            let error = &failure["problem"]["errors"][0];
            format!("{} {} {} {}", failure["index"], failure["problem"]["status"], error["pointer"], error["code"])
        })
        .collect();
    let expected = [
        r#"1 422 "/fields/employees" "wrongType""#,
        r#"2 422 "" "wrongLength""#,
        r#"3 422 "/id" "invalidId""#,
        "4 409 null null",
        r#"6 422 "/owner/id" "unknownOwner""#,
    ];
    assert_eq!(failures, expected);

    // The same holds for a batch: an id stands for one of its records.
    let twice = json!({"records": [{"id": "B-1", "fields": {}}, {"id": "B-1", "fields": {"city": "Oslo"}}]});
    let batch = client.post("/v1/records/lead/batch", &twice).await?.expect(200)?;
    let statuses = [0, 1].map(|n| batch["results"][n]["status"].as_str().unwrap_or_default().to_owned());
    assert_eq!(statuses, ["ok", "failed"], "{batch}");

    // A row with an owner is not routed unless the client says so.
    assert_eq!(stack.processed("/v1/records/lead/I-1").await?["work"]["status"], "succeeded");
    let given = shown(client.api.get_record().type_("lead").id("I-6").send().await?);
    assert_eq!((&given["work"]["status"], &given["owner"]["id"]), (&json!("none"), &json!("ana")));
    assert_eq!(given["createdOn"], "2026-03-02T08:00:00Z");
    let routed = client.api.import_records().type_("lead").route("true").body("id,owner\nI-8,ana\n");
    routed.send().await?;
    assert_eq!(stack.processed("/v1/records/lead/I-8").await?["work"]["status"], "succeeded");
    let unrouted = client.api.import_records().type_("lead").route("false").body("id,city\nI-9,Oslo\n");
    unrouted.send().await?;
    let unrouted = shown(client.api.get_record().type_("lead").id("I-9").send().await?);
    assert_eq!(unrouted["work"]["status"], "none");
    stack.shutdown().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_can_never_be_imported_is_refused_as_a_whole() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let import = async |path: &str, kind: &str, body: String| {
        let path = format!("/v1/records/lead/import{path}");
        client.send(reqwest::Method::POST, &path, &[("content-type", kind)], Some(body)).await
    };
    let unknown = import("", "text/csv", "city,colour\nOslo,red\n".to_owned()).await?;
    assert_eq!((unknown.status, unknown.faults()), (422, vec!["/header/1 unknownColumn".to_owned()]));
    let mapped = import("?map=Town:city,Town:topic,Hue:colour", "text/csv", "Town\nOslo\n".to_owned()).await?;
    assert_eq!((mapped.status, mapped.faults().len()), (422, 2), "{}", mapped.body);
    let json = import("", "application/json", "{}".to_owned()).await?;
    assert_eq!((json.status, &json.body["detail"]), (415, &json!("the header Content-Type must be text/csv")));
    let large = import("", "text/csv", format!("city\n{}", "x".repeat(4 * 1024 * 1024))).await?;
    assert_eq!((large.status, &large.body["message"]), (413, &json!("Request Entity Too Large")));
    let many = import("", "text/csv", format!("city\n{}", "x\n".repeat(50_001))).await?;
    assert_eq!((many.status, many.faults()), (422, vec![" tooManyRows".to_owned()]));
    let seller =
        stack.client("salesperson", "ana").api.import_records().type_("lead").body("city\nOslo\n").send().await;
    assert!(seller.is_err(), "SEC-74");
    let records = shown(client.api.list_records().type_("lead").send().await?);
    assert_eq!(records["items"], Value::Array(vec![]), "nothing was written");
    stack.shutdown().await
}

/// API.md "Idempotency-Key": what a crash cut short is completed by the same request, not repeated.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_cut_short_is_completed_by_the_same_request() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.administrator();
    let table = table(0..6_000);
    stack.kill_in("records", 1, 300).await?;
    let import = async || {
        let request = client.api.import_records().type_("lead").map(MAP).idempotency_key("import-1");
        request.body(table.clone()).send().await
    };
    assert!(import().await.is_err(), "its process was killed");
    // The lease of the first attempt has to run out before another takes over.
    stack.advance(1).await?;
    let result = shown(import().await?);
    assert_eq!((&result["created"], &result["failed"]), (&json!(6_000), &json!(0)), "{result}");
    let again = import().await?;
    assert_eq!(again.headers()["idempotency-replayed"], "true");
    let (mut ids, mut next) = (Vec::new(), String::new());
    loop {
        let page = shown(client.api.list_records().type_("lead").limit(100).next(next).send().await?);
        let items = page["items"].as_array().cloned().unwrap_or_default();
        ids.extend(items.iter().filter_map(|item| item["id"].as_str().map(ToOwned::to_owned)));
        match page["next"].as_str() {
            Some(token) => next = token.to_owned(),
            None => break,
        }
    }
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6_000, "each row once");
    stack.shutdown().await
}
