//! Segments that were deleted: their members leave them in pages (SEG-05). The item stands for it from the deletion on.

use aws_sdk_dynamodb::types::Put;
use domain::id::{RecordKey, RecordType, SegmentId};
use domain::segment::Segment;
use jiff::Timestamp;

use crate::error::{Error, Result, failure};
use crate::item::{Item, number, text};
use crate::keys;
use crate::store::Store;

/// A segment that was deleted and may have members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormerSegment {
    /// The type of its members.
    pub record_type: RecordType,
    /// Its id.
    pub id: SegmentId,
    /// Since when none was found. Who had loaded the rules before it was deleted may still put a record into it.
    pub empty_since: Option<Timestamp>,
}

impl FormerSegment {
    pub(crate) fn read(id: &str, item: &Item) -> Result<Self> {
        let record_type = item.get("recordType").and_then(|name| name.as_s().ok());
        let record_type = record_type.ok_or_else(|| Error::Corrupt(format!("the former segment {id} has no type")))?;
        let since = item.get("emptySince").and_then(|since| since.as_n().ok()?.parse().ok());
        let empty_since = since.and_then(|since| Timestamp::from_millisecond(since).ok());
        Ok(Self { record_type: RecordType::from(record_type.as_str()), id: id.into(), empty_since })
    }
}

/// That the members of a segment are to leave it, written with its deletion.
pub(crate) fn members_leave(table: &str, segment: &Segment) -> Put {
    let put = Put::builder()
        .table_name(table)
        .set_item(Some(keys::former_segment(&segment.id).attributes()))
        .item("recordType", text(segment.record_type.as_str()));
    put.build().expect("table and item are given")
}

impl Store {
    /// Whether the members of a segment, which was deleted, are leaving it.
    pub async fn is_being_left(&self, id: &SegmentId) -> Result<bool> {
        Ok(self.work_item(&keys::former_segment(id)).await?.is_some())
    }

    /// Has a record leave a segment that is no more, if it still is in it.
    pub async fn leave(&self, former: &FormerSegment, key: &RecordKey, now: Timestamp) -> Result<()> {
        self.change_one_of_many(key, now, "leave a deleted segment", |record| {
            (record.segment.as_ref() == Some(&former.id)).then(|| record.clone().without_segment(now))
        })
        .await
    }

    /// Writes down since when a former segment is empty.
    pub async fn put_empty_since(&self, former: &FormerSegment, since: Timestamp) -> Result<()> {
        let update = self.client.update_item().table_name(&self.work_table);
        let update = update
            .set_key(Some(keys::former_segment(&former.id).attributes()))
            .update_expression("SET #since = :since")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#since", "emptySince")
            .expression_attribute_values(":since", number(since.as_millisecond()));
        match update.send().await.map_err(failure) {
            Ok(_) | Err(Error::Conflict) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Forgets a former segment without members.
    pub async fn forget_former_segment(&self, former: &FormerSegment) -> Result<()> {
        let delete = self.client.delete_item().table_name(&self.work_table);
        let delete = delete.set_key(Some(keys::former_segment(&former.id).attributes()));
        delete.send().await.map_err(failure).map(drop)
    }
}
