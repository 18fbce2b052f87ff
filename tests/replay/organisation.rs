//! The data set as an organisation: sellers by office and by the series they know, accounts, segments and rules.
//!
//! Records keep the spelling they are found with (`GTXPro`, `technolgy`); conditions bear the variants, as they would
//! have to in a company. What the pipeline does not have is looked up: the series in the price list, the territory in
//! the team of whoever worked the opportunity.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use journeys::client::Client;
use journeys::organisation::{everything, rule, segment};
use local::demo::generate::{Account, Crm, Opportunity, Product, SalesTeamMember};
use serde_json::{Map, Value, json};

use crate::crm;

/// The seller attribute that says which product series a seller knows.
const SERIES: &str = "Product series";

/// The organisation as it was created.
#[derive(Debug, Default)]
pub(crate) struct Organisation {
    /// The price list.
    pub(crate) products: Vec<Product>,
    /// The office of each seller by name.
    pub(crate) offices: BTreeMap<String, String>,
    /// The rules by id.
    pub(crate) rules: BTreeMap<String, Rule>,
    /// The sellers' ids by what makes them eligible: those of one group are candidates of exactly the same rules.
    pub(crate) groups: BTreeMap<String, BTreeSet<String>>,
    /// How many opportunities a seller holds at once, at the most.
    pub(crate) maximum: i64,
}

/// A rule as the tables name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Rule {
    /// Its segment and its own name.
    pub(crate) name: String,
    /// Whether it gives records only to sellers who have room (DIST-08).
    pub(crate) respects_capacity: bool,
}

/// A segment with its rules, in the order of priority.
struct SegmentPlan {
    name: &'static str,
    condition: Value,
    rules: Vec<Value>,
}

/// Creates settings, sellers, accounts, segments and rules through the HTTP contract.
pub(crate) async fn create(client: &Client, crm: &Crm, maximum: i64) -> anyhow::Result<Organisation> {
    client.put("/v1/settings", &json!({"defaultMaximumCapacity": maximum})).await?.expect(200)?;
    let series: BTreeSet<&str> = crm.products.iter().map(|product| product.series.as_str()).collect();
    let attribute = json!({"name": SERIES, "source": "manual", "values": series});
    client.post("/v1/seller-attributes", &attribute).await?.expect(201)?;
    let mut groups: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for member in &crm.sales_team {
        let (id, known) = (crm::id(&member.sales_agent), known(crm, &member.sales_agent));
        client.post("/v1/sellers", &seller(member)).await?.expect(201)?;
        if !known.is_empty() {
            let attributes = json!({"mode": "replace", "attributes": {SERIES: known}});
            client.put(&format!("/v1/sellers/{id}/attributes"), &attributes).await?.expect(200)?;
        }
        groups.entry(group(member, &known)).or_default().insert(id);
    }
    let accounts: Vec<Value> = crm.accounts.iter().map(account).collect();
    post(client, "account", accounts).await?;
    let mut rules = BTreeMap::new();
    for plan in plan() {
        let id = segment(client, "opportunity", plan.name, &plan.condition).await?;
        for rule in plan.rules {
            let created = client.post(&format!("/v1/segments/{id}/rules"), &rule).await?.expect(201)?;
            let text = |member: &str| created[member].as_str().map(str::to_owned).context("a rule without a name");
            let respects_capacity = rule["distribution"]["respectCapacity"] == true;
            rules.insert(text("id")?, Rule { name: format!("{}: {}", plan.name, text("name")?), respects_capacity });
        }
    }
    Ok(Organisation { products: crm.products.clone(), offices: offices(crm), rules, groups, maximum })
}

/// Creates records in one request; every one must be accepted.
pub(crate) async fn post(client: &Client, record_type: &str, records: Vec<Value>) -> anyhow::Result<()> {
    let path = format!("/v1/records/{record_type}/batch");
    let answer = client.post(&path, &json!({"records": records})).await?.expect(200)?;
    let refused = answer["results"].as_array().into_iter().flatten().find(|result| result["status"] != "ok");
    ensure!(refused.is_none(), "a record is refused: {}", refused.unwrap_or(&Value::Null));
    Ok(())
}

/// What the rules go by: region (the sellers' office is the record's territory), product series (an attribute of the
/// sellers), load and room.
fn plan() -> Vec<SegmentPlan> {
    let series = |series: &str| json!({"field": "productSeries", "op": "equals", "value": series});
    let given = |name: &str, condition: &Value, source: &str, matching: Value, method: &str, respects: bool| {
        let mut rule = rule(name, condition);
        rule["target"] = json!({"kind": "sellers", "pick": "matching", "source": source, "match": matching});
        rule["distribution"] = json!({"method": method, "respectCapacity": respects});
        rule
    };
    let pro = json!({"field": "product", "op": "endsWith", "value": "Pro"});
    let territory = || json!({"field": "region", "op": "equals", "valueFrom": "owningTerritory"});
    let knows = || json!({"attribute": SERIES, "op": "equals", "valueFrom": "productSeries"});
    vec![
        SegmentPlan {
            name: "GTK",
            condition: series("GTK"),
            rules: vec![given(
                "Whoever knows it, by load, with room or without",
                &everything(),
                "attributes",
                json!({"attribute": SERIES, "op": "equals", "value": "GTK"}),
                "loadBalancing",
                false,
            )],
        },
        SegmentPlan {
            name: "Technology accounts",
            condition: json!({"related": "parentAccount", "exists": true,
                "where": {"field": "sector", "op": "equals", "value": ["technology", "technolgy"]}}),
            rules: vec![given("The territory, by load", &everything(), "fields", territory(), "loadBalancing", true)],
        },
        SegmentPlan {
            name: "GTX",
            condition: series("GTX"),
            rules: vec![
                given("Pro line: the territory, by load", &pro, "fields", territory(), "loadBalancing", true),
                given("Basic line: the territory, in turn", &everything(), "fields", territory(), "roundRobin", true),
            ],
        },
        SegmentPlan {
            name: "MG",
            condition: series("MG"),
            rules: vec![given("Whoever knows it, in turn", &everything(), "attributes", knows(), "roundRobin", true)],
        },
    ]
}

/// The office of each seller by name.
fn offices(crm: &Crm) -> BTreeMap<String, String> {
    crm.sales_team.iter().map(|member| (member.sales_agent.clone(), member.regional_office.clone())).collect()
}

/// The series a seller has sold, in order.
fn known(crm: &Crm, name: &str) -> BTreeSet<String> {
    let rows = crm.opportunities.iter().filter(|row| row.sales_agent == name);
    rows.filter_map(|row| Some(crm::product(&crm.products, &row.product)?.series.clone())).collect()
}

fn group(member: &SalesTeamMember, known: &BTreeSet<String>) -> String {
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    let known = if known.is_empty() { "no series".to_owned() } else { known.join(" ") };
    format!("{}, {known}", member.regional_office)
}

fn seller(member: &SalesTeamMember) -> Value {
    let id = crm::id(&member.sales_agent);
    json!({
        "id": id, "name": member.sales_agent, "email": format!("{id}@example.com"), "roles": ["salesperson"],
        "fields": {"region": member.regional_office, "managerId": crm::id(&member.manager)},
    })
}

/// Accounts are there to be looked at, not to be given to anybody.
fn account(row: &Account) -> Value {
    let mut fields = json!({
        "name": row.account, "sector": row.sector, "country": row.office_location, "revenue": row.revenue,
        "employees": row.employees, "yearEstablished": row.year_established,
    });
    if let Some(parent) = &row.subsidiary_of {
        fields["parentAccount"] = json!(crm::id(parent));
    }
    json!({"id": crm::id(&row.account), "fields": fields, "route": false})
}

impl Organisation {
    /// An opportunity as it comes in: open, however it ended later, and created now.
    pub(crate) fn opportunity(&self, row: &Opportunity) -> Value {
        let product = crm::product(&self.products, &row.product);
        let topic = match &row.account {
            Some(account) => format!("{} for {account}", row.product),
            None => row.product.clone(),
        };
        let present = [
            ("topic", Some(json!(topic))),
            ("product", Some(json!(row.product))),
            ("productSeries", product.map(|product| json!(product.series))),
            ("estimatedValue", product.map(|product| json!(product.sales_price))),
            ("estimatedCloseOn", row.close_date.map(|date| json!(date.to_string()))),
            ("parentAccount", row.account.as_ref().map(|account| json!(crm::id(account)))),
            ("owningTerritory", self.offices.get(&row.sales_agent).map(|office| json!(office))),
        ];
        let fields: Map<String, Value> =
            present.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        json!({"id": row.opportunity_id, "fields": fields})
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use local::demo::generate::generate;

    use super::*;

    #[test]
    fn an_opportunity_keeps_its_spelling_and_learns_its_series_and_its_territory() {
        let crm = generate(1, 400);
        let offices = offices(&crm);
        let organisation = Organisation { products: crm.products.clone(), offices, ..Organisation::default() };
        for row in &crm.opportunities {
            let record = organisation.opportunity(row);
            assert_eq!(record["fields"]["product"], json!(row.product));
            assert!(["GTX", "MG", "GTK"].contains(&record["fields"]["productSeries"].as_str().unwrap()), "{record}");
            assert_eq!(record["fields"].get("parentAccount").is_some(), row.account.is_some());
            let worked = crm.sales_team.iter().find(|member| member.sales_agent == row.sales_agent).unwrap();
            assert_eq!(record["fields"]["owningTerritory"], json!(worked.regional_office));
        }
        assert!(crm.opportunities.iter().any(|row| row.product == "GTXPro"));
    }

    #[test]
    fn every_product_of_the_pipeline_is_on_the_price_list_and_every_seller_on_the_team() {
        let (crm, _) = crm::load(Path::new(&crm::folder())).unwrap();
        let team: BTreeSet<&str> = crm.sales_team.iter().map(|member| member.sales_agent.as_str()).collect();
        for row in &crm.opportunities {
            assert!(crm::product(&crm.products, &row.product).is_some(), "{row:?}");
            assert!(team.contains(row.sales_agent.as_str()), "{row:?}");
        }
        let names: BTreeSet<String> = crm.accounts.iter().map(|row| crm::id(&row.account)).collect();
        assert_eq!(names.len(), crm.accounts.len(), "ids of accounts are unique");
        let unknown =
            crm.opportunities.iter().filter_map(|row| row.account.as_ref()).find(|a| !names.contains(&crm::id(a)));
        assert_eq!(unknown, None);
    }

    #[test]
    fn somebody_knows_each_series_and_who_never_sold_knows_none() {
        let (crm, _) = crm::load(Path::new(&crm::folder())).unwrap();
        let all: Vec<BTreeSet<String>> = crm.sales_team.iter().map(|m| known(&crm, &m.sales_agent)).collect();
        for product in &crm.products {
            assert!(all.iter().any(|known| known.contains(&product.series)), "{}", product.series);
        }
        assert_eq!(all.iter().filter(|known| known.is_empty()).count(), 5);
    }
}
