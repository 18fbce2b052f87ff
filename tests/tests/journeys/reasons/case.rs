//! A situation, what is different one condition away, and how both are played through HTTP.

use anyhow::ensure;
use journeys::client::Client;
use journeys::organisation::{add_rule, change, everything, record, retried, segment, sellers};
use journeys::running_stack::RunningStack;
use journeys::until::{LONG, until};
use reqwest::Method;
use serde_json::{Value, json};

use super::proof::{Reason, Row, shows, shows_no};

/// A call of the API.
pub(crate) struct Call(pub(crate) Method, pub(crate) &'static str, pub(crate) Value);

/// What is different one condition away.
pub(crate) enum Change {
    /// What is configured.
    Call(Call),
    /// Members of the rule.
    Rule(Value),
    /// Whether the rule is active.
    Activated,
    /// Members of the segment.
    Segment(Value),
    /// Columns of the lead.
    Lead(Value),
    /// When the lead was created.
    Created(String),
}

/// A situation in which a lead needs attention: a segment for it, a rule, what else is configured, the lead.
pub(crate) struct Case {
    pub(crate) reason: &'static str,
    pub(crate) id: &'static str,
    pub(crate) text: &'static str,
    pub(crate) situation: &'static str,
    /// New sellers of the case.
    pub(crate) sellers: &'static [&'static str],
    pub(crate) given: Vec<Call>,
    /// A further test of the segment's condition.
    pub(crate) segment: Option<Value>,
    /// What differs from a rule that gives every lead to the first of the sellers.
    pub(crate) rule: Value,
    /// Further columns.
    pub(crate) lead: Value,
    pub(crate) created: Option<String>,
    /// The lead comes from another segment, by a change.
    pub(crate) moves: bool,
    pub(crate) away: &'static str,
    pub(crate) change: Change,
    /// Who gets it then, one of several; or how nobody does.
    pub(crate) then: &'static str,
}

pub(crate) struct Stage<'a> {
    stack: &'a RunningStack,
    client: Client,
}

/// The reasons that a seller does away with.
const WAIT_FOR_A_SELLER: [&str; 4] = ["noSellerMatches", "noAvailability", "noCapacity", "sellerLacksPermission"];

/// What a case has made.
struct Made {
    segment: String,
    rule: String,
}

fn merged(into: &mut Value, members: &Value) {
    for (name, value) in members.as_object().into_iter().flatten() {
        into[name] = value.clone();
    }
}

impl<'a> Stage<'a> {
    pub(crate) fn new(stack: &'a RunningStack) -> Self {
        Self { stack, client: stack.administrator() }
    }

    /// The situation, with a lead that shows the reason; then what is different, with another lead like it that does not;
    /// and the first one tried again, where it can be.
    pub(crate) async fn play(&self, mut case: Case) -> anyhow::Result<Row> {
        let reason = Reason { id: case.id, code: case.reason, text: case.text };
        let made = self.set_up(&case).await?;
        let name = format!("{} {}", case.reason, case.situation);
        let first = self.lead(&case, &name).await?;
        let details = shows(self.stack, "lead", &first, reason).await?;
        ensure!(details.is_none(), "nothing is broken on our side: {details:?}");

        let again = self.carry_out(&mut case, &made).await?;
        let twin = self.lead(&case, &name).await?;
        let then = shows_no(self.stack, "lead", &twin, reason).await?;
        ensure!(case.then.split('|').any(|expected| expected == then), "it ends as {then}");
        let mut told = then;
        if again {
            // Who waits for a seller is assigned when one has come; at the latest when a sweep comes by.
            let waits = WAIT_FOR_A_SELLER.contains(&case.reason);
            let by_itself = waits && matches!(case.change, Change::Call(_));
            if by_itself {
                let path = format!("/v1/monitor/lead/records/{first}");
                until("it is assigned by itself", LONG, async || {
                    Ok(self.client.get(&path).await?.expect(200)?["status"] == "succeeded")
                })
                .await?;
            } else {
                let run = retried(&self.client, "lead", json!({"recordIds": [first]})).await?;
                ensure!(run["considered"] == 1 || waits, "{run}");
            }
            let then = shows_no(self.stack, "lead", &first, reason).await?;
            ensure!(case.then.split('|').any(|expected| expected == then), "tried again it ends as {then}");
            told +=
                if by_itself { "; so does the first one, by itself" } else { "; so does the first one, tried again" };
        }
        Ok(reason.row(case.situation, case.away, &told))
    }

    async fn set_up(&self, case: &Case) -> anyhow::Result<Made> {
        sellers(&self.client, case.sellers).await?;
        for call in &case.given {
            self.call(call).await?;
        }
        let name = format!("{} {}", case.reason, case.situation);
        let mut tests = vec![json!({"field": "campaign", "op": "equals", "value": name})];
        tests.extend(case.segment.clone());
        let segment = segment(&self.client, "lead", &name, &json!({"all": tests})).await?;
        if case.moves {
            self.replace(&format!("/v1/segments/{segment}"), &json!({"movePreviouslySegmented": true})).await?;
        }
        let mut rule = json!({
            "name": name, "condition": everything(), "distribution": {"method": "roundRobin"},
            "target": {"kind": "sellers", "pick": "specific", "ids": case.sellers.get(..1).unwrap_or_default()},
        });
        merged(&mut rule, &case.rule);
        let rule = add_rule(&self.client, &segment, &rule).await?;
        Ok(Made { segment, rule: rule["id"].as_str().unwrap_or_default().to_owned() })
    }

    async fn call(&self, Call(method, path, body): &Call) -> anyhow::Result<()> {
        let answer = self.client.send(method.clone(), path, &[], Some(body.to_string())).await?;
        ensure!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        Ok(())
    }

    async fn replace(&self, path: &str, members: &Value) -> anyhow::Result<()> {
        let mut body = self.client.get(path).await?.expect(200)?;
        merged(&mut body, members);
        self.client.put(path, &body).await?.expect(200).map(drop)
    }

    /// A lead of the case; its id.
    async fn lead(&self, case: &Case, campaign: &str) -> anyhow::Result<String> {
        let mut body = json!({"fields": {"campaign": if case.moves { "elsewhere" } else { campaign }}});
        merged(&mut body["fields"], &case.lead);
        if let Some(created) = &case.created {
            body["createdOn"] = json!(created);
        }
        let lead = record(&self.client, "lead", body).await?;
        let id = lead["id"].as_str().unwrap_or_default().to_owned();
        if case.moves {
            self.stack.processed(&format!("/v1/records/lead/{id}")).await?;
            change(&self.client, "lead", &id, &json!({"campaign": campaign})).await?;
        }
        Ok(id)
    }

    /// Makes the difference; whether it is one for the first lead too.
    async fn carry_out(&self, case: &mut Case, Made { segment, rule }: &Made) -> anyhow::Result<bool> {
        match &case.change {
            Change::Call(call) => self.call(call).await?,
            Change::Rule(members) => self.replace(&format!("/v1/rules/{rule}"), members).await?,
            Change::Activated => {
                self.client.post(&format!("/v1/rules/{rule}/activate"), &json!({})).await?.expect(200)?;
            }
            Change::Segment(members) => self.replace(&format!("/v1/segments/{segment}"), members).await?,
            Change::Lead(columns) => merged(&mut case.lead, columns),
            Change::Created(instant) => case.created = Some(instant.clone()),
        }
        Ok(!matches!(case.change, Change::Lead(_) | Change::Created(_)))
    }
}
