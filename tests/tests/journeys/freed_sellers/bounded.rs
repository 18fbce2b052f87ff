//! One free place costs the same however many wait.

use std::io::Write as _;

use journeys::fault_proxy::Figures;
use journeys::organisation::close;
use journeys::running_stack::{RECORDS, RunningStack};
use journeys::until::{LONG, until};
use serde_json::{Value, json};

use super::{leads, office, owners, pulled, shown_owner};

/// How many wait in the second round; in the first it is a hundredth.
const MANY: usize = 50_000;
/// How often the second round is measured.
const ROUNDS: usize = 6;

/// Copies of a waiting lead, each created a second before the one that follows and all before the lead itself.
async fn copies(stack: &RunningStack, of: &str, range: std::ops::Range<usize>) -> anyhow::Result<()> {
    let key = json!({"pk": {"S": format!("lead#{of}")}});
    let waiting = stack.dynamodb.item(RECORDS, &key).await?.unwrap_or_default();
    let created = |item: &Value| -> anyhow::Result<i64> { Ok(item["N"].as_str().unwrap_or_default().parse()?) };
    let last = created(&waiting["createdOn"])?;
    let sorted = ["waitingSort", "listedSort", "attentionSort", "memberSort"];
    let sharded = ["waiting", "listed", "attention", "member"];
    let items = range.map(|n| {
        let mut item = waiting.clone();
        let at = last - 1_000 * i64::try_from(MANY - n)?;
        item.insert("pk".to_owned(), json!({"S": copy(n)}));
        item.insert("createdOn".to_owned(), json!({"N": at.to_string()}));
        for name in sorted {
            let sort = item[name]["S"].as_str().unwrap_or_default();
            let prefix = &sort[..sort.len() - 13];
            item.insert(name.to_owned(), json!({"S": format!("{prefix}{at:013}")}));
        }
        for name in sharded {
            let partition = item[name]["S"].as_str().unwrap_or_default();
            let prefix = &partition[..partition.len() - 1];
            item.insert(name.to_owned(), json!({"S": format!("{prefix}{:x}", n % 16)}));
        }
        Ok(json!({"PutRequest": {"Item": item}}))
    });
    let items: Vec<Value> = items.collect::<anyhow::Result<_>>()?;
    for items in items.chunks(25) {
        stack.dynamodb.call("BatchWriteItem", &json!({"RequestItems": {RECORDS: items}})).await?;
    }
    Ok(())
}

fn copy(n: usize) -> String {
    format!("lead#W-{n:05}")
}

/// What it costs the function `waiting` to hand one place over: requests, read units, write units.
async fn cost(stack: &RunningStack, closed: &str, oldest: &str) -> anyhow::Result<[f64; 3]> {
    let client = stack.administrator();
    stack.proxy().meter().start();
    close(&client, "lead", closed, "qualified").await?;
    until("the oldest is hers", LONG, async || Ok(shown_owner(&client, oldest).await?["id"] == "ana")).await?;
    pulled(stack).await?;
    let Figures { requests, write_units, read_units, .. } = stack.proxy().meter().stop();
    let by_waiting = |caller: &str| caller == "waiting";
    let requests: u64 = requests.iter().filter(|(by, _)| by_waiting(&by.caller)).map(|(_, count)| count).sum();
    let reads = read_units.iter().filter(|(by, _)| by_waiting(&by.caller)).map(|(_, units)| units).sum();
    let writes = write_units.iter().filter(|(charge, _)| by_waiting(&charge.by.caller)).map(|(_, units)| units).sum();
    Ok([f64::from(u32::try_from(requests)?), reads, writes])
}

#[tokio::test(flavor = "multi_thread")]
async fn cap_04_one_free_place_costs_the_same_however_many_wait() -> anyhow::Result<()> {
    let stack = RunningStack::with_proxy(1).await?;
    let client = stack.administrator();
    office(&client, 1).await?;
    leads(&stack, &["L-0", "L-1"]).await?;
    owners(&stack, &[("L-0", Some("ana")), ("L-1", None)]).await?;
    let few = MANY / 100;
    copies(&stack, "L-1", 0..few).await?;
    let of_few = cost(&stack, "L-0", "W-00000").await?;
    copies(&stack, "L-1", few..MANY).await?;
    // The minute's sweep, which looks at a thousand, may come into some of these.
    let mut of_many = [f64::INFINITY; 3];
    for n in 0..ROUNDS {
        let once = cost(&stack, &format!("W-{n:05}"), &format!("W-{:05}", n + 1)).await?;
        of_many = std::array::from_fn(|figure| of_many[figure].min(once[figure]));
    }
    let out = &mut std::io::stderr().lock();
    writeln!(out, "one place freed     waiting  requests  read units  write units")?;
    let rounds: [(usize, [f64; 3]); 2] = [(few, of_few), (MANY - ROUNDS, of_many)];
    for (wait, [requests, reads, writes]) in rounds {
        writeln!(out, "{wait:>27}  {requests:>8}  {reads:>10}  {writes:>11}")?;
    }
    for (of_few, of_many) in of_few.into_iter().zip(of_many) {
        assert!(of_many <= of_few * 1.5 + 10.0, "{of_many} after {of_few}");
    }
    assert_eq!(shown_owner(&client, &format!("W-{:05}", ROUNDS + 1)).await?, Value::Null, "one place, one lead");
    stack.shutdown().await
}
