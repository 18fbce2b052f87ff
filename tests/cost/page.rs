//! The page: dollars per service, and where the figures come from.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use local::template::Template;

use crate::measure::{CHANGES, Measured, READS, Used};
use crate::prices;

/// Leads a month.
const LEADS: f64 = 1_000_000.0;
/// Minutes of a month.
const MINUTES: f64 = 730.0 * 60.0;
/// What a request to DynamoDB takes within AWS, in seconds: a transaction takes longer, a read is quicker.
const REQUEST_SECONDS: f64 = 0.008;
/// What an invocation takes beside its requests, in seconds.
const INVOCATION_SECONDS: f64 = 0.005;
/// Bytes of a line in the API's access log, and of what Lambda logs about an invocation.
const LINE_BYTES: f64 = 400.0;
/// Each function's first invocation in a second is traced, and this share of the others.
const TRACED: f64 = 0.05;
const GIGABYTE: f64 = 1_073_741_824.0;
/// Metrics that are kept, with a handful of reasons; alarms in the template.
const METRICS: f64 = 12.0;
const ALARMS: f64 = 32.0;

/// Dollars by service.
type Bill = BTreeMap<&'static str, f64>;

/// The bill of a month, from what each lead and each minute used.
fn bill(of_leads: &[&Used], idle: &Used, stored_bytes: f64, memory: &BTreeMap<String, f64>) -> Bill {
    let mut bill = Bill::new();
    let mut charge = |service: &'static str, dollars: f64| *bill.entry(service).or_default() += dollars;
    let parts = of_leads.iter().map(|used| (*used, LEADS)).chain([(idle, MINUTES)]);
    for (used, times) in parts {
        let millions = |each: f64| each * times / 1e6;
        let sum = |of: &BTreeMap<String, f64>| of.values().sum::<f64>();
        charge("DynamoDB, writes", millions(sum(&used.writes)) * prices::MILLION_WRITE_UNITS);
        charge("DynamoDB, reads", millions(sum(&used.reads)) * prices::MILLION_READ_UNITS);
        charge("API Gateway", millions(used.api_requests) * prices::MILLION_API_REQUESTS);
        charge("Lambda, invocations", millions(sum(&used.invocations)) * prices::MILLION_INVOCATIONS);
        for (function, invocations) in &used.invocations {
            let requests = used.requests.get(function).copied().unwrap_or(0.0);
            let seconds = (requests * REQUEST_SECONDS + invocations * INVOCATION_SECONDS) * times;
            let gigabytes = memory.get(function).copied().unwrap_or(512.0) / 1024.0;
            charge("Lambda, duration", seconds * gigabytes * prices::GIGABYTE_SECOND);
        }
        let lines = used.api_requests + sum(&used.invocations);
        let bytes = (used.log_bytes + lines * LINE_BYTES) * times;
        charge("CloudWatch, logs", bytes / GIGABYTE * prices::LOG_GIGABYTE);
    }
    let mut called: BTreeMap<&String, f64> = BTreeMap::new();
    for (used, times) in of_leads.iter().map(|used| (*used, LEADS)).chain([(idle, MINUTES)]) {
        for (function, invocations) in &used.invocations {
            *called.entry(function).or_default() += invocations * times;
        }
    }
    let traces: f64 = called.into_values().map(traced).sum();
    charge("X-Ray", traces / 1e6 * prices::MILLION_TRACES);
    let gigabytes = stored_bytes * LEADS / GIGABYTE;
    charge("DynamoDB, storage and backup", gigabytes * (prices::TABLE_GIGABYTE + prices::BACKUP_GIGABYTE));
    let watching = METRICS * prices::METRIC + ALARMS * prices::ALARM + prices::DASHBOARD;
    charge("CloudWatch, metrics and alarms", watching);
    charge("EventBridge Scheduler", 2.0 * MINUTES / 1e6 * prices::MILLION_SCHEDULED);
    bill
}

/// How many of a month's invocations of a function are traced when they come evenly, at random.
fn traced(invocations: f64) -> f64 {
    let seconds = MINUTES * 60.0;
    let first_of_a_second = seconds * (1.0 - (-invocations / seconds).exp());
    first_of_a_second + (invocations - first_of_a_second) * TRACED
}

/// The page, in Markdown.
pub(crate) fn of(measured: &Measured) -> String {
    let Measured { arriving, alone, living, idle, stored_bytes } = measured;
    let template = Template::builtin().expect("the template is understood");
    let memory: BTreeMap<String, f64> = template
        .functions
        .iter()
        .map(|function| (function.name.clone(), f64::from(function.memory_megabytes)))
        .collect();
    // The same intake: only the decisions are made one by one.
    let mut one_by_one = arriving.clone();
    for (to, from) in [
        (&mut one_by_one.invocations, &alone.invocations),
        (&mut one_by_one.requests, &alone.requests),
        (&mut one_by_one.writes, &alone.writes),
        (&mut one_by_one.reads, &alone.reads),
    ] {
        if let Some(figure) = from.get("assignment") {
            to.insert("assignment".to_owned(), *figure);
        }
    }
    let together = bill(&[arriving, living], idle, *stored_bytes, &memory);
    let singly = bill(&[&one_by_one, living], idle, *stored_bytes, &memory);
    let nothing = bill(&[], idle, 0.0, &memory);
    let mut page = format!(
        "# What it costs\n\n\
         One million leads a month in us-east-1, on demand, without free tiers. Made by `make cost`, which lets leads live in\n\
         the local stack, counts requests, units, invocations and bytes, and multiplies. A lead comes in by the API in batches\n\
         of a hundred, is segmented and assigned, is read {READS} times and changed {CHANGES} times by its seller, and closed.\n\n\
         | service | in batches | one transaction per record | no lead at all |\n|---|---:|---:|---:|\n"
    );
    let mut line = |name: &str, figures: [f64; 3]| {
        let _ = writeln!(page, "| {name} | {:.2} | {:.2} | {:.2} |", figures[0], figures[1], figures[2]);
    };
    for (service, dollars) in &together {
        line(service, [*dollars, singly[service], nothing.get(service).copied().unwrap_or(0.0)]);
    }
    let sum = |bill: &Bill| bill.values().sum::<f64>();
    line("**dollars a month**", [sum(&together), sum(&singly), sum(&nothing)]);
    let _ = write!(
        page,
        "\n## Measured\n\n{}\n{}",
        table(&[
            ("arriving, a lead in batches", arriving),
            ("arriving, a lead alone", alone),
            ("working on a lead", living),
            ("a minute without anything", idle),
        ]),
        explanation(*stored_bytes)
    );
    page
}

fn table(rows: &[(&str, &Used)]) -> String {
    let mut table =
        "| what | function | invocations | requests | write units | read units |\n|---|---|---:|---:|---:|---:|\n"
            .to_owned();
    for (what, used) in rows {
        for (function, invocations) in &used.invocations {
            let of = |figures: &BTreeMap<String, f64>| figures.get(function).copied().unwrap_or(0.0);
            let (requests, writes, reads) = (of(&used.requests), of(&used.writes), of(&used.reads));
            if *invocations + requests > 0.0005 {
                let _ = writeln!(
                    table,
                    "| {what} | {function} | {invocations:.3} | {requests:.3} | {writes:.2} | {reads:.2} |"
                );
            }
        }
    }
    table
}

fn explanation(stored_bytes: f64) -> String {
    format!(
        "A lead with its run, its entries in indexes left out, takes {stored_bytes:.0} bytes at most in the tables.\n\n\
         ## Assumed\n\n\
         - A request to DynamoDB takes {:.0} ms, an invocation {:.0} ms beside its requests; requests of one invocation follow\n\
         \x20 each other. The local stack can't measure that: measure your own and put it in.\n\
         - A line of the access log, and what Lambda logs of an invocation, are {LINE_BYTES:.0} bytes. Each function's\n\
         \x20 first invocation in a second is traced, and one of twenty of the others: X-Ray's own rule, which an account can\n\
         \x20 replace by one that traces less. {METRICS:.0} custom metrics, {ALARMS:.0} alarms, one dashboard.\n\
         - What stays in the tables is charged for the month in which it comes. Next month it is charged again, and so on:\n\
         \x20 delete or export what is closed.\n\
         - Prices are in `tests/cost/prices.rs`, each with its page. Data transfer to the internet, Cognito's users, calls of\n\
         \x20 KMS and the keeping of logs are not in the table.\n\n\
         ## How it grows\n\n\
         Of what grows with leads, writes and traces dominate, and they grow with the number of leads alone: rules, segments and\n\
         sellers are read once and kept, and what sellers hold is read once per batch. What a batch shares (the seller's state,\n\
         the counters, the chunk with the runs) is what the second column pays for each record. Leads that trickle in one by one\n\
         cost that column whoever decides them; the more that come at once, the nearer to the first.\n",
        REQUEST_SECONDS * 1e3,
        INVOCATION_SECONDS * 1e3,
    )
}
