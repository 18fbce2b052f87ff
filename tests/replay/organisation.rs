//! The data set as an organisation: sellers by office, accounts, segments by sector and product series, rules.
//!
//! Records keep the spelling they are found with (`GTXPro`, `technolgy`); conditions bear the variants, as they would
//! have to in a company. Only `productSeries`, which the pipeline does not have, is looked up from the price list.

use journeys::client::Client;
use journeys::organisation::{everything, rule, rule_for, segment};
use local::demo::generate::{Account, Crm, Opportunity, Product, SalesTeamMember};
use serde_json::{Map, Value, json};

use crate::crm;

/// What opportunities need to know of the organisation.
#[derive(Debug)]
pub(crate) struct Organisation {
    products: Vec<Product>,
}

/// Creates sellers, accounts, segments and rules through the HTTP contract.
pub(crate) async fn create(client: &Client, crm: &Crm) -> anyhow::Result<Organisation> {
    for member in &crm.sales_team {
        client.post("/v1/sellers", &seller(member)).await?.expect(201)?;
    }
    let accounts: Vec<Value> = crm.accounts.iter().map(account).collect();
    let created = client.post("/v1/records/account/batch", &json!({"records": accounts})).await?.expect(200)?;
    let refused = created["results"].as_array().into_iter().flatten().find(|result| result["status"] != "ok");
    anyhow::ensure!(refused.is_none(), "an account is refused: {}", refused.unwrap_or(&Value::Null));
    for plan in plan(&crm.sales_team) {
        let id = segment(client, "opportunity", plan.name, &plan.condition).await?;
        for rule in plan.rules {
            client.post(&format!("/v1/segments/{id}/rules"), &rule).await?.expect(201)?;
        }
    }
    Ok(Organisation { products: crm.products.clone() })
}

/// A segment with its rules, in the order of priority.
struct SegmentPlan {
    name: &'static str,
    condition: Value,
    rules: Vec<Value>,
}

fn plan(team: &[SalesTeamMember]) -> Vec<SegmentPlan> {
    let office = |office: &str| -> Vec<String> {
        team.iter().filter(|member| member.regional_office == office).map(|m| crm::id(&m.sales_agent)).collect()
    };
    let series = |series: &str| json!({"field": "productSeries", "op": "equals", "value": series});
    vec![
        SegmentPlan {
            name: "Technology accounts",
            condition: json!({"related": "parentAccount", "exists": true,
                "where": {"field": "sector", "op": "equals", "value": ["technology", "technolgy"]}}),
            rules: vec![rule_for("East sells technology", &everything(), &office("East"))],
        },
        SegmentPlan { name: "GTK", condition: series("GTK"), rules: vec![rule("Anyone sells GTK", &everything())] },
        SegmentPlan {
            name: "GTX",
            condition: series("GTX"),
            rules: vec![
                rule_for(
                    "Central sells the Pro line",
                    &json!({"field": "product", "op": "endsWith", "value": "Pro"}),
                    &office("Central"),
                ),
                rule_for("West sells the Basic line", &everything(), &office("West")),
            ],
        },
        SegmentPlan { name: "MG", condition: series("MG"), rules: vec![rule("Anyone sells MG", &everything())] },
    ]
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
    /// An opportunity as it comes in: open, however it ended later.
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
        ];
        let fields: Map<String, Value> =
            present.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect();
        let mut record = json!({"id": row.opportunity_id, "fields": fields});
        if let Some(date) = row.engage_date {
            record["createdOn"] = json!(format!("{date}T00:00:00Z"));
        }
        record
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use local::demo::generate::generate;

    use super::*;

    #[test]
    fn an_opportunity_keeps_its_spelling_and_learns_its_series() {
        let crm = generate(1, 400);
        let organisation = Organisation { products: crm.products.clone() };
        for row in &crm.opportunities {
            let record = organisation.opportunity(row);
            assert_eq!(record["fields"]["product"], json!(row.product));
            assert!(["GTX", "MG", "GTK"].contains(&record["fields"]["productSeries"].as_str().unwrap()), "{record}");
            assert_eq!(record.get("createdOn").is_some(), row.engage_date.is_some());
            assert_eq!(record["fields"].get("parentAccount").is_some(), row.account.is_some());
        }
        assert!(crm.opportunities.iter().any(|row| row.product == "GTXPro"));
    }

    #[test]
    fn every_product_of_the_pipeline_is_on_the_price_list() {
        let (crm, _) = crm::load(Path::new(&crm::folder())).unwrap();
        for row in &crm.opportunities {
            assert!(crm::product(&crm.products, &row.product).is_some(), "{row:?}");
        }
        let names: std::collections::HashSet<String> = crm.accounts.iter().map(|row| crm::id(&row.account)).collect();
        assert_eq!(names.len(), crm.accounts.len(), "ids of accounts are unique");
        let unknown =
            crm.opportunities.iter().filter_map(|row| row.account.as_ref()).find(|a| !names.contains(&crm::id(a)));
        assert_eq!(unknown, None);
    }

    #[test]
    fn every_seller_stands_in_one_office_of_the_plan() {
        let crm = generate(1, 0);
        let rules: Vec<Value> = plan(&crm.sales_team).into_iter().flat_map(|plan| plan.rules).collect();
        let named = rules.iter().filter_map(|rule| rule["target"]["ids"].as_array()).flatten().count();
        assert_eq!(named, crm.sales_team.len());
    }
}
