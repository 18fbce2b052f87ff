//! Both tables read from beginning to end, page by page. The only reader that scans: lists never do.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::operation::scan::builders::ScanFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::id::SellerId;
use domain::invariant::history::Link;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Result, failure};
use crate::item::{Item, text};
use crate::keys;
use crate::record_item::Stored;
use crate::runs;
use crate::store::Store;

/// A table is read in so many parts, one after the other, which tell how far a scan has come.
pub(super) const PARTS: i32 = 16;

/// So many items are read with one page, if they are small enough for one.
const PAGE: i32 = 1_000;

/// Where a page begins: a part of the table, and the key behind which it goes on there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) part: i32,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    behind: BTreeMap<String, String>,
}

impl Place {
    fn after(&self, last: Option<Item>) -> Option<Self> {
        match last {
            Some(key) => {
                let texts = key.into_iter().filter_map(|(name, value)| Some((name, value.as_s().ok()?.clone())));
                Some(Self { part: self.part, behind: texts.collect() })
            }
            None => (self.part + 1 < PARTS).then(|| Self { part: self.part + 1, behind: BTreeMap::new() }),
        }
    }
}

/// What a page of `work` holds that is looked at.
#[derive(Debug, Default)]
pub(super) struct WorkPage {
    /// Runs, without their traces.
    pub(super) links: Vec<Link>,
    /// Chunks of runs that can't be understood.
    pub(super) unreadable: Vec<String>,
    /// Sellers with a moving part.
    pub(super) sellers: Vec<SellerId>,
}

impl Store {
    /// Records as they are now, and where to go on.
    pub(super) async fn scan_records(&self, place: &Place, now: Timestamp) -> Result<(Vec<Stored>, Option<Place>)> {
        let request = self.client.scan().table_name(&self.records_table).consistent_read(true);
        let (items, next) = scan(request, place).await?;
        Ok((items.into_iter().filter_map(|item| Stored::read(item, now)).collect(), next))
    }

    /// Runs and sellers, and where to go on. A run never changes, so it is enough to see it as of a moment ago.
    pub(super) async fn scan_work(&self, place: &Place) -> Result<(WorkPage, Option<Place>)> {
        let request = self.client.scan().table_name(&self.work_table);
        let request = request
            .filter_expression("begins_with(pk, :runs) OR begins_with(pk, :states)")
            .expression_attribute_values(":runs", text(keys::RUNS))
            .expression_attribute_values(":states", text(keys::SELLER_STATES));
        let (items, next) = scan(request, place).await?;
        let mut page = WorkPage::default();
        for item in items {
            let Some(AttributeValue::S(pk)) = item.get("pk") else { continue };
            if let Some(chunk) = pk.strip_prefix(keys::RUNS) {
                match runs::of_chunk(&item) {
                    Ok(runs) => page.links.extend(runs.iter().map(Link::from)),
                    Err(_) => page.unreadable.push(chunk.to_owned()),
                }
            } else if let Some(seller) = pk.strip_prefix(keys::SELLER_STATES) {
                page.sellers.push(SellerId::from(seller));
            }
        }
        Ok((page, next))
    }
}

async fn scan(request: ScanFluentBuilder, place: &Place) -> Result<(Vec<Item>, Option<Place>)> {
    let behind = place.behind.iter().map(|(name, value)| (name.clone(), text(value)));
    let request = request.segment(place.part).total_segments(PARTS).limit(PAGE);
    let request = request.set_exclusive_start_key((!place.behind.is_empty()).then(|| behind.collect()));
    let page = request.send().await.map_err(failure)?;
    Ok((page.items.unwrap_or_default(), place.after(page.last_evaluated_key)))
}
