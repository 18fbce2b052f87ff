//! What the functions log: never a token, never the value of a field, never an address (STYLE.md "Habits").

use std::fs;

use client::types;
use journeys::client::{Client, shaped};
use journeys::organisation::{add_rule, change, close, give, record, rule, segment};
use journeys::running_stack::RunningStack;
use reqwest::Method;
use serde_json::json;

/// Words that stand in values of fields and nowhere else.
const VALUES: [&str; 8] = [
    "zanzibar-lane",
    "quicksilver-holdings",
    "leonora.quist@quicksilver.example",
    "+41-79-555-01-47",
    "8472913",
    "wrong-number-of-employees",
    "column-nobody-has",
    "marigold.seller@baton.example",
];

async fn requests(stack: &RunningStack, client: &Client) -> anyhow::Result<()> {
    let [street, company, email, phone, value, wrong, column, _] = VALUES;
    let integration = stack.client("integration", "crm");
    let fields = json!({
        "street": street, "companyName": company, "email": email, "phone": phone, "estimatedValue": 8_472_913,
    });
    record(&integration, "lead", json!({"id": "L-1", "fields": fields})).await?;
    let batch: types::BatchBody = shaped(json!({"records": [{"id": "L-2", "fields": fields}]}))?;
    integration.api.create_records().type_("lead").body(batch).send().await?;
    stack.processed("/v1/records/lead/L-1").await?;
    stack.processed("/v1/records/lead/L-2").await?;
    change(client, "lead", "L-1", &json!({"street": format!("{street} 2")})).await?;
    stack.processed("/v1/records/lead/L-1").await?;
    give(client, "lead", "L-1", "marigold").await?;
    close(client, "lead", "L-2", "qualified").await?;
    client.api.list_records().type_("lead").send().await?;
    // What is refused is logged as well.
    let refused = json!({"fields": {"employees": wrong, column: value, "email": email}}).to_string();
    for (path, body) in [("/v1/records/lead", refused.clone()), ("/v1/records/lead", refused[..40].to_owned())] {
        let answer = integration.send(Method::POST, path, &[("idempotency-key", "k-1")], Some(body)).await?;
        assert!([400, 422].contains(&answer.status), "{answer:?}");
    }
    let search = format!("/v1/sellers?search={}", email.replace('@', "%40"));
    assert_eq!(client.get(&search).await?.status, 200);
    assert_eq!(client.get(&format!("/v1/records/lead/{street}")).await?.status, 404);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_holds_a_token_a_value_or_an_address() -> anyhow::Result<()> {
    let stack = RunningStack::start().await?;
    let client = stack.client("sales-manager", "manager");
    let administrator = stack.administrator();
    let seller = json!({"id": "marigold", "name": "M", "email": VALUES[7], "roles": ["salesperson"]});
    administrator.api.create_seller().body(shaped::<types::SellerBody>(seller)?).send().await?;
    let condition = json!({"field": "companyName", "op": "contains", "value": VALUES[1]});
    let segment = segment(&client, "lead", "One company", &condition).await?;
    add_rule(&client, &segment, &rule("Everyone", &json!({"field": "street", "op": "contains", "value": VALUES[0]})))
        .await?;
    requests(&stack, &client).await?;

    let tokens = [
        stack.token("sales-manager", "manager"),
        stack.token("integration", "crm"),
        stack.token("system-administrator", "administrator"),
    ];
    let (mut lines, mut leaks) = (0, Vec::new());
    for entry in fs::read_dir(stack.log_dir())? {
        let path = entry?.path();
        for line in fs::read_to_string(&path)?.lines() {
            lines += 1;
            let value = VALUES.into_iter().find(|value| line.contains(value));
            // Every JWT begins so, whoever it names; its parts would tell as much as the whole.
            let token =
                line.contains("eyJ") || tokens.iter().any(|token| token.split('.').any(|part| line.contains(part)));
            if value.is_some() || token || line.contains('@') || line.to_lowercase().contains("bearer") {
                leaks.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(lines >= 15, "the functions logged {lines} lines");
    assert!(leaks.is_empty(), "{leaks:#?}");
    stack.shutdown().await
}
