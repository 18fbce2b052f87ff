//! The demonstration organisation: sellers, accounts, segments and rules through the HTTP contract, and the first leads.
//!
//! Seeding makes what is missing and leaves alone what is there, so it may be interrupted and repeated. It uses nothing
//! but the API: what it can do, any client can.

pub mod generate;

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use reqwest::Method;
use serde_json::{Value, json};

use crate::api_client::{ApiClient, segment};
use generate::{Account, Crm, Opportunity, generate};

/// The demonstration's seed: the same organisation for everybody.
const SEED: u64 = 20_260_302;
/// How many leads arrive at the first start.
const LEADS: usize = 10;

/// The rows that the demonstration is made of.
#[must_use]
pub fn organisation() -> Crm {
    generate(SEED, LEADS)
}

/// The id of one seller of the demonstration.
#[must_use]
pub fn a_seller() -> String {
    id(&organisation().sales_team[0].sales_agent)
}

/// A segment of the demonstration and the rule in it.
struct Plan {
    name: &'static str,
    description: &'static str,
    condition: Value,
    rule: &'static str,
    /// Sellers of this office; `None` is any seller.
    office: Option<&'static str>,
}

fn plans() -> Vec<Plan> {
    let is = |field: &str, op: &str, value: Value| json!({"all": [{"field": field, "op": op, "value": value}]});
    vec![
        Plan {
            name: "Large companies",
            description: "Leads from companies with 10,000 people or more",
            condition: is("employees", "atLeast", json!(10_000)),
            rule: "Sellers of the East office",
            office: Some("East"),
        },
        Plan {
            name: "Technology and software",
            description: "The sector as found in the data, in any spelling",
            condition: json!({"any": [
                {"field": "industry", "op": "contains", "value": "techn"},
                {"field": "industry", "op": "equals", "value": "software"},
            ]}),
            rule: "Sellers of the West office",
            office: Some("West"),
        },
        Plan {
            name: "Interested in GTX",
            description: "Leads that ask for a product of the GTX series, in any spelling",
            condition: is("productInterest", "beginsWith", json!("GTX")),
            rule: "Sellers of the Central office",
            office: Some("Central"),
        },
    ]
}

/// Makes the organisation as far as it is missing.
pub async fn seed(api: &ApiClient) -> Result<()> {
    let crm = organisation();
    let plans = plans();
    let steps = crm.sales_team.len() + plans.len() + 2;
    let progress = ProgressBar::new(steps as u64);
    progress.set_style(
        indicatif::ProgressStyle::with_template("{msg:34} {bar:30} {pos}/{len}").expect("the template is well formed"),
    );
    progress.set_message("sellers");
    for member in &crm.sales_team {
        let body = json!({
            "id": id(&member.sales_agent),
            "name": member.sales_agent,
            "email": format!("{}@example.com", id(&member.sales_agent).replace('-', ".")),
            "roles": ["salesperson"],
            "fields": { "office": member.regional_office, "region": member.regional_office, "managerId": id(&member.manager) },
        });
        api.create("/v1/sellers", &body).await?;
        progress.inc(1);
    }
    progress.set_message("accounts");
    seed_accounts(api, &crm.accounts).await?;
    progress.inc(1);
    progress.set_message("segments and rules");
    let segments = api.list("/v1/segments?recordType=lead").await?;
    for plan in &plans {
        seed_segment(api, &segments, plan, &crm).await?;
        progress.inc(1);
    }
    let default = segments
        .iter()
        .find(|segment| segment["isDefault"] == true)
        .context("the API lists no default segment for leads")?;
    seed_rule(api, text(default, "id")?, "Anybody", None, &crm).await?;
    progress.inc(1);
    progress.finish_and_clear();
    Ok(())
}

/// Puts the first leads, one after the other.
pub async fn put_leads(api: &ApiClient) -> Result<()> {
    let crm = organisation();
    for (index, opportunity) in crm.opportunities.iter().enumerate() {
        let body = lead(index, opportunity, &crm.accounts[(index * 7) % crm.accounts.len()]);
        api.create("/v1/records/lead", &body).await?;
    }
    Ok(())
}

/// A lead about the product of an opportunity from an account.
fn lead(index: usize, opportunity: &Opportunity, account: &Account) -> Value {
    json!({
        "id": format!("demo-{:02}", index + 1),
        "fields": {
            "topic": format!("Asks for {}", opportunity.product),
            "companyName": account.account,
            "industry": account.sector,
            "country": account.office_location,
            "employees": account.employees,
            "productInterest": opportunity.product,
            "leadSource": "web",
            "parentAccount": id(&account.account),
        },
    })
}

async fn seed_accounts(api: &ApiClient, accounts: &[Account]) -> Result<()> {
    let records: Vec<Value> = accounts
        .iter()
        .map(|account| {
            json!({
                "id": id(&account.account),
                // Accounts are whom leads come from, no work to assign.
                "route": false,
                "fields": {
                    "name": account.account,
                    "industry": account.sector,
                    "country": account.office_location,
                    "yearEstablished": account.year_established,
                    "revenue": (account.revenue * 1_000_000.0).round(),
                    "employees": account.employees,
                    "parentAccount": account.subsidiary_of.as_deref().map(id),
                },
            })
        })
        .collect();
    let answer = api.write(Method::POST, "/v1/records/account/batch", &json!({ "records": records })).await?;
    for result in answer["results"].as_array().context("a batch answers with results")? {
        let created = result["status"] == "ok";
        ensure!(created || result["problem"]["status"] == 409, "account {}: {}", result["id"], result["problem"]);
    }
    Ok(())
}

async fn seed_segment(api: &ApiClient, present: &[Value], plan: &Plan, crm: &Crm) -> Result<()> {
    let created;
    let found = if let Some(found) = present.iter().find(|segment| segment["name"] == plan.name) {
        found
    } else {
        let body = json!({
            "name": plan.name,
            "description": plan.description,
            "recordType": "lead",
            "condition": plan.condition,
        });
        created = api.write(Method::POST, "/v1/segments", &body).await?;
        &created
    };
    let segment_id = text(found, "id")?;
    seed_rule(api, segment_id, plan.rule, plan.office, crm).await?;
    if text(found, "state")? == "inactive" {
        api.write(Method::POST, &format!("/v1/segments/{}/activate", segment(segment_id)), &json!({})).await?;
    }
    Ok(())
}

async fn seed_rule(api: &ApiClient, segment_id: &str, name: &str, office: Option<&str>, crm: &Crm) -> Result<()> {
    let path = format!("/v1/segments/{}/rules", segment(segment_id));
    if api.list(&path).await?.iter().any(|rule| rule["name"] == name) {
        return Ok(());
    }
    let target = match office {
        None => json!({"kind": "sellers", "pick": "any"}),
        Some(office) => {
            let members = crm.sales_team.iter().filter(|member| member.regional_office == office);
            let ids: Vec<String> = members.map(|member| id(&member.sales_agent)).collect();
            json!({"kind": "sellers", "pick": "specific", "ids": ids})
        }
    };
    let body = json!({
        "name": name,
        "condition": {"all": []},
        "target": target,
        "distribution": {"method": "roundRobin"},
    });
    api.write(Method::POST, &path, &body).await?;
    Ok(())
}

fn text<'a>(resource: &'a Value, member: &str) -> Result<&'a str> {
    resource[member].as_str().with_context(|| format!("the API's answer has no {member}: {resource}"))
}

/// An id from a name: letters and digits in lower case, words joined by hyphens.
#[must_use]
pub fn id(name: &str) -> String {
    let words = name.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-")
}

/// What to do first with a running stack: three commands, each complete in itself.
#[must_use]
pub fn invitation(url: &str, token: &str) -> String {
    let authorization = format!("-H 'Authorization: Bearer {token}'");
    let lead =
        json!({"id": "my-lead", "fields": {"topic": "A first lead", "companyName": "Acme", "employees": 12_000}});
    let mut text = String::new();
    for (what, arguments) in [
        ("create a lead", format!("-X POST {url}/v1/records/lead -H 'Content-Type: application/json' -d '{lead}'")),
        ("see who got it and why", format!("{url}/v1/records/lead/my-lead/runs")),
        ("list the sellers", format!("{url}/v1/sellers")),
    ] {
        writeln!(text, "# {what}\ncurl -s {arguments} {authorization}").expect("writing to text cannot fail");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn ids_of_the_demonstration_are_good_and_different() {
        let crm = organisation();
        let sellers: HashSet<String> = crm.sales_team.iter().map(|member| id(&member.sales_agent)).collect();
        let accounts: HashSet<String> = crm.accounts.iter().map(|account| id(&account.account)).collect();
        assert_eq!((sellers.len(), accounts.len()), (35, 85));
        for id in sellers.iter().chain(&accounts) {
            assert_eq!(domain::id::id_fault(id), None, "{id}");
        }
        assert_eq!(id("Alba & Sons"), "alba-sons");
    }

    #[test]
    fn the_first_leads_meet_every_segment_and_the_default() {
        let crm = organisation();
        let leads: Vec<Value> = crm
            .opportunities
            .iter()
            .enumerate()
            .map(|(index, row)| lead(index, row, &crm.accounts[(index * 7) % 85])["fields"].clone())
            .collect();
        let large = |lead: &Value| lead["employees"].as_u64().unwrap() >= 10_000;
        let technical = |lead: &Value| ["technolgy", "software"].contains(&lead["industry"].as_str().unwrap());
        let gtx = |lead: &Value| lead["productInterest"].as_str().unwrap().starts_with("GTX");
        assert_eq!(leads.len(), LEADS);
        assert!(leads.iter().any(large));
        assert!(leads.iter().any(|lead| !large(lead) && technical(lead)));
        assert!(leads.iter().any(|lead| !large(lead) && !technical(lead) && gtx(lead)));
        assert!(leads.iter().any(|lead| !large(lead) && !technical(lead) && !gtx(lead)));
    }
}
