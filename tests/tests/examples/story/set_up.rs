//! What a story tells of before its first step, set up through the API.

use client::types;
use journeys::client::{shaped, shown};
use journeys::organisation::{record, segment};
use serde_json::{Value, json};

use super::{Story, ToldHours, ToldSeller};
use crate::scene::{Given, Scene};

impl Story {
    /// A stack on which the first step can be done.
    pub(super) async fn scene(&self) -> anyhow::Result<Scene> {
        let assigned = self.sellers.values().filter_map(|seller| seller.last_assigned);
        let beginning = assigned.chain(self.steps.iter().map(|step| step.at)).min().unwrap_or_default();
        let mut scene = Scene::before(beginning).await?;
        self.columns(&scene).await?;
        for (name, values) in &self.attributes {
            let attribute = json!({"name": name, "source": "manual", "values": values});
            let attribute: types::SellerAttributeBody = shaped(attribute)?;
            scene.client.api.create_seller_attribute().body(attribute).send().await?;
        }
        for (id, seller) in &self.sellers {
            seller.create(id, &mut scene).await?;
        }
        for (id, team) in &self.teams {
            let team = json!({"id": id, "name": id, "roles": ["salesperson"], "fields": team.fields});
            scene.client.api.create_team().body(shaped::<types::TeamBody>(team)?).send().await?;
        }
        self.rules(&mut scene).await?;
        let given = self.sellers.iter().filter_map(|(id, seller)| seller.given(id));
        scene.bring(given.collect()).await?;
        Ok(scene)
    }

    /// The columns that leads have besides those they have from the start.
    async fn columns(&self, scene: &Scene) -> anyhow::Result<()> {
        if self.lead_columns.is_empty() {
            return Ok(());
        }
        let mut lead = shown(scene.client.api.get_record_type().type_("lead").send().await?);
        let further = self.lead_columns.iter().map(|name| json!({"name": name, "label": name, "type": "text"}));
        lead["columns"].as_array_mut().into_iter().for_each(|columns| columns.extend(further.clone()));
        // It is told by the path.
        lead.as_object_mut().and_then(|lead| lead.remove("type"));
        let lead: types::RecordTypeBody = shaped(lead)?;
        scene.client.api.replace_record_type().type_("lead").body(lead).send().await?;
        Ok(())
    }

    async fn rules(&self, scene: &mut Scene) -> anyhow::Result<()> {
        for told in &self.segments {
            let id = segment(&scene.client, "lead", &told.id, &told.condition).await?;
            for rule in &told.rules {
                scene.rule(&id, rule).await?;
            }
        }
        for rule in &self.rules {
            scene.rule("lead-default", rule).await?;
        }
        Ok(())
    }
}

impl ToldSeller {
    /// Creates the seller with all that it holds but the lead of its last assignment.
    async fn create(&self, id: &str, scene: &mut Scene) -> anyhow::Result<()> {
        scene.seller(id, &self.fields).await?;
        if !self.attributes.is_empty() {
            let attributes = json!({"mode": "replace", "attributes": self.attributes});
            let attributes: types::AttributesBody = shaped(attributes)?;
            scene.client.api.apply_attributes().id(id).body(attributes).send().await?;
        }
        if let Some(maximum) = self.maximum {
            let capacity: types::CapacityBody = shaped(json!({ "maximum": maximum }))?;
            scene.client.api.set_capacity().id(id).body(capacity).send().await?;
        }
        for hours in &self.calendar {
            let entry: types::CalendarEntryBody = shaped(hours.entry())?;
            scene.client.api.create_calendar_entry().id(id).body(entry).send().await?;
        }
        for account in &self.owns_accounts {
            let owner = json!({"kind": "seller", "id": id});
            let account = json!({"id": account, "fields": {}, "owner": owner, "route": false});
            record(&scene.client, "account", account).await?;
        }
        for (record_type, count) in &self.holds {
            let later = usize::from(record_type == "lead" && self.last_assigned.is_some());
            scene.hold(id, record_type, count.saturating_sub(later)).await?;
        }
        Ok(())
    }

    /// The lead of its last assignment, which is closed again where the seller holds none.
    fn given<'a>(&self, seller: &'a str) -> Option<Given<'a>> {
        let keeps = self.holds.get("lead").is_some_and(|count| *count > 0);
        self.last_assigned.map(|at| Given { at, seller, record_type: "lead", keeps })
    }
}

impl ToldHours {
    fn entry(&self) -> Value {
        let kind = self.kind.as_deref().unwrap_or("workingHours");
        let mut entry = json!({
            "kind": kind, "from": self.on, "repeat": if self.every.is_empty() { "none" } else { "everyWeek" },
            "days": self.every, "timeZone": "UTC",
        });
        if kind != "timeOff" {
            let (start, end) = (self.start.as_deref().unwrap_or("08:00"), self.end.as_deref().unwrap_or("17:00"));
            entry["intervals"] = json!([{"start": start, "end": end}]);
        }
        entry
    }
}
