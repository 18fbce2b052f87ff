//! The lost wake-up: a place becomes free after the roster was read and before "nobody has room" is committed. Nothing in
//! the commit could notice it, and no record may stay behind.

use std::time::Duration;

use journeys::fault_proxy::{Fault, Rule};
use journeys::organisation::{close, runs};
use journeys::running_stack::RunningStack;
use journeys::until::LONG;
use serde_json::{Value, json};

use super::{capacity, leads, office, owners, pulled, shown_owner};

/// What frees the place in the gap.
#[derive(Debug, Clone, Copy)]
enum Way {
    Closed,
    Raised,
    SwitchedOn,
}

#[tokio::test(flavor = "multi_thread")]
async fn dist_16_cap_04_a_place_that_is_freed_between_roster_and_commit_is_taken() -> anyhow::Result<()> {
    for way in [Way::Closed, Way::Raised, Way::SwitchedOn] {
        let stack = RunningStack::with_proxy(1).await?;
        let client = stack.administrator();
        office(&client, 1).await?;
        leads(&stack, &["L-1"]).await?;
        owners(&stack, &[("L-1", Some("ana"))]).await?;
        let switch =
            async |on: bool| client.put("/v1/sellers/ana/assign-records", &json!({"on": on})).await?.expect(200);
        if let Way::SwitchedOn = way {
            capacity(&client, 2).await?;
            switch(false).await?;
            pulled(&stack).await?;
        }

        let mut commit = stack.proxy().hold("assignment", "TransactWriteItems");
        client.post("/v1/records/lead", &json!({"id": "L-2", "fields": {}})).await?.expect(201)?;
        commit.reached().await?;
        match way {
            Way::Closed => drop(close(&client, "lead", "L-1", "qualified").await?),
            Way::Raised => capacity(&client, 2).await?,
            Way::SwitchedOn => drop(switch(true).await?),
        }
        // The seller who is free finds nobody who waits: the commit has not happened yet.
        pulled(&stack).await?;
        commit.open();
        owners(&stack, &[("L-2", Some("ana"))]).await?;
        let told = runs(&client, "lead", "L-2").await?;
        assert_eq!(told.last().map(|run| &run["status"]), Some(&json!("failed")), "{way:?}: {told:?}");
        let found = stack.settled(LONG).await?.recount(|key| if key == "lead#L-2" { told.len() } else { 1 });
        assert!(found.is_clean(), "{way:?}: {found:?}");
        stack.shutdown().await?;
    }
    Ok(())
}

/// The freed seller looks for who waits in an index that does not show the latest one yet. The next sweep does.
#[tokio::test(flavor = "multi_thread")]
async fn cap_04_mon_02_whom_a_late_index_hides_the_next_sweep_finds() -> anyhow::Result<()> {
    let stack = RunningStack::with_proxy(1).await?;
    let client = stack.administrator();
    office(&client, 1).await?;
    leads(&stack, &["L-1"]).await?;
    // From here on the function sees indexes as they were before L-2 came, or some moments later.
    let late = Rule::new(Fault::LateIndex, 1.0).on("Query").caller("waiting").up_to(Duration::from_mins(10));
    stack.proxy().inject(vec![late]);
    leads(&stack, &["L-2"]).await?;
    close(&client, "lead", "L-1", "disqualified").await?;
    pulled(&stack).await?;
    assert_eq!(shown_owner(&client, "L-2").await?, Value::Null);
    stack.proxy().calm();
    stack.advance(1).await?;
    owners(&stack, &[("L-2", Some("ana"))]).await?;
    stack.shutdown().await
}
