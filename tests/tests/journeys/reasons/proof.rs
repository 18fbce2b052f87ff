//! That a record shows a reason everywhere, or nowhere.

use anyhow::ensure;
use journeys::client::Client;
use journeys::organisation::runs;
use journeys::running_stack::RunningStack;
use serde_json::{Value, json};

/// A line of the table that is printed.
pub(crate) struct Row {
    pub(crate) reason: String,
    pub(crate) situation: String,
    pub(crate) away: String,
    pub(crate) then: String,
}

/// A reason as the contract has it.
#[derive(Clone, Copy)]
pub(crate) struct Reason {
    pub(crate) id: &'static str,
    pub(crate) code: &'static str,
    pub(crate) text: &'static str,
}

impl Reason {
    pub(crate) fn row(self, situation: &str, away: &str, then: &str) -> Row {
        let texts = [&format!("{} `{}`", self.id, self.code), situation, away, then].map(ToOwned::to_owned);
        let [reason, situation, away, then] = texts;
        Row { reason, situation, away, then }
    }

    /// Which of the three operations fails so.
    fn operation(self) -> &'static str {
        if ["segmentError", "noSegment"].contains(&self.code) { "segmentation" } else { "assignment" }
    }

    fn lowered(self) -> String {
        let mut letters = self.text.chars();
        letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
    }
}

/// Those of a type that need attention for a reason, by id.
async fn listed(client: &Client, record_type: &str, code: &str) -> anyhow::Result<Vec<(String, Value)>> {
    let (mut items, mut next) = (vec![], String::new());
    loop {
        let path = format!("/v1/monitor/{record_type}/processed?status=needsAttention&reason={code}&limit=2{next}");
        let page = client.get(&path).await?.expect(200)?;
        let found = page["items"].as_array().cloned().unwrap_or_default();
        items.extend(found.into_iter().map(|item| (item["id"].as_str().unwrap_or_default().to_owned(), item)));
        match page["next"].as_str() {
            Some(token) => next = format!("&next={token}"),
            None => return Ok(items),
        }
    }
}

/// Waits until a record is processed; it must need attention for this reason, wherever that shows. Answers with the
/// details of the error.
pub(crate) async fn shows(
    stack: &RunningStack,
    record_type: &str,
    id: &str,
    reason: Reason,
) -> anyhow::Result<Option<String>> {
    let client = stack.administrator();
    let record = stack.processed(&format!("/v1/records/{record_type}/{id}")).await?;
    let run = runs(&client, record_type, id).await?.swap_remove(0);
    ensure!(record["work"] == json!({"status": "needsAttention", "runId": run["id"]}), "{record} {run}");
    let outcome = &run[reason.operation()];
    ensure!(run["status"] == "failed" && outcome["status"] == "failed", "{run}");
    ensure!(outcome["reason"] == reason.code && outcome["reasonText"] == reason.text, "{run}");
    let explanation = run["explanation"].as_str().unwrap_or_default();
    ensure!(explanation.contains(&reason.lowered()), "{} in “{explanation}”", reason.text);

    let listed_now = listed(&client, record_type, reason.code).await?;
    let item = listed_now.iter().find(|(listed, _)| listed == id).map(|(_, item)| item);
    ensure!(item.is_some_and(|item| item["run"][reason.operation()] == *outcome), "{item:?}");
    let other = if reason.code == "noCapacity" { "noTeam" } else { "noCapacity" };
    ensure!(!listed(&client, record_type, other).await?.iter().any(|(listed, _)| listed == id), "it is no {other}");
    let summary = client.get(&format!("/v1/monitor/{record_type}/summary")).await?.expect(200)?;
    ensure!(summary["reasons"][reason.code] == listed_now.len(), "{summary}");

    let details = client.get(&format!("/v1/monitor/{record_type}/records/{id}")).await?.expect(200)?;
    ensure!(details["status"] == "needsAttention" && details["run"]["id"] == run["id"], "{details}");
    ensure!(details["reason"] == reason.code && details["reasonText"] == reason.text, "{details}");
    ensure!(details["errorDetails"] == run["errorDetails"], "{details}");
    Ok(run["errorDetails"].as_str().map(ToOwned::to_owned))
}

/// Waits until a record is processed; it must not show the reason anywhere. Answers whom the run gave it, or in which
/// way nobody got it.
pub(crate) async fn shows_no(
    stack: &RunningStack,
    record_type: &str,
    id: &str,
    reason: Reason,
) -> anyhow::Result<String> {
    let client = stack.administrator();
    stack.processed(&format!("/v1/records/{record_type}/{id}")).await?;
    let run = runs(&client, record_type, id).await?.swap_remove(0);
    ensure!(!run.to_string().contains(&format!("\"{}\"", reason.code)), "{run}");
    let listed = listed(&client, record_type, reason.code).await?;
    ensure!(!listed.iter().any(|(listed, _)| listed == id), "{id} is still listed");
    let details = client.get(&format!("/v1/monitor/{record_type}/records/{id}")).await?.expect(200)?;
    ensure!(details["reason"] != reason.code, "{details}");
    let assignment = &run["assignment"];
    let ended = [&assignment["owner"]["id"], &assignment["reason"], &assignment["status"]];
    Ok(ended.iter().find_map(|word| word.as_str()).unwrap_or_default().to_owned())
}
