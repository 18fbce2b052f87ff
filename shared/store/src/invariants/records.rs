//! The ways through all records: the first judges each by itself and counts it, the second looks again at what the first
//! left open.

use std::collections::BTreeSet;

use domain::id::SegmentId;
use domain::invariant::{self, Invariant, owner};
use domain::record::Record;
use jiff::{SignedDuration, Timestamp};

use super::scan::Place;
use super::{Check, counters};
use crate::error::Result;
use crate::record_item::Stored;
use crate::store::Store;

/// So many records are held against their last runs at once, because each run that is read brings its whole chunk.
const AT_ONCE: usize = 100;

impl Check {
    /// Looks at a page of records.
    pub(super) async fn records(&mut self, store: &Store, place: &Place, now: Timestamp) -> Result<Option<Place>> {
        let (page, next) = store.scan_records(place, now).await?;
        self.report.looked_at.pages += 1;
        self.segments(store).await?;
        for stored in &page {
            self.record(stored, now)?;
            if let Some(segment) = &stored.record.segment {
                self.membership(store, segment).await?;
            }
        }
        Ok(next)
    }

    fn record(&mut self, stored: &Stored, now: Timestamp) -> Result<()> {
        let record = &stored.record;
        self.report.looked_at.records += 1;
        self.report.figures(Invariant::OneOwner).looked_at += 1;
        if record.counted {
            self.types.insert(record.key.record_type.clone());
        }
        counters::count(record, &mut self.counted);
        let [place, expected] = stored.places()?;
        let (place, expected) = (place.as_deref(), expected.as_deref());
        self.report.note(owner::misplaced(record, stored.readable("owner"), place, expected));
        self.last_runs.named(record);
        self.report.figures(Invariant::NoOverdueMark).looked_at += u64::from(record.mark.is_some());
        let bound = SignedDuration::from_mins(i64::from(self.pending_minutes));
        self.report.note(invariant::overdue(record, bound, now));
        Ok(())
    }

    /// Notes a segment that is not there. One may have been created since the segments were read.
    async fn membership(&mut self, store: &Store, id: &SegmentId) -> Result<()> {
        self.report.figures(Invariant::SegmentExists).looked_at += 1;
        if self.missing.contains(id) || self.segments(store).await?.contains(id) {
            return Ok(());
        }
        if store.segment(id).await?.is_some() {
            self.segments(store).await?.insert(id.clone());
        } else {
            self.missing.insert(id.clone());
        }
        Ok(())
    }

    /// The segments of every type, read once in a process.
    async fn segments(&mut self, store: &Store) -> Result<&mut BTreeSet<SegmentId>> {
        if self.segments.is_none() {
            let mut known = BTreeSet::new();
            for definition in store.record_types().await?.iter().filter(|definition| definition.holds_records()) {
                let segments = store.segments(&definition.record_type).await?.into_iter();
                known.extend(segments.map(|ranked| ranked.segment.id));
            }
            self.segments = Some(known);
        }
        let known = self.segments.get_or_insert_default();
        self.report.looked_at.segments = u64::try_from(known.len()).unwrap_or(u64::MAX);
        Ok(known)
    }

    /// Counts a page of records again, looks for members of segments that were not there a minute ago and still are not,
    /// and holds records that may disagree with their last run against it.
    pub(super) async fn records_again(
        &mut self,
        store: &Store,
        place: &Place,
        now: Timestamp,
    ) -> Result<Option<Place>> {
        let (page, next) = store.scan_records(place, now).await?;
        self.report.looked_at.pages += 1;
        for Stored { record, .. } in &page {
            counters::count(record, &mut self.counted);
            if record.segment.as_ref().is_some_and(|segment| self.missing.contains(segment)) {
                self.report.note(invariant::homeless(record));
            }
        }
        let open = |stored: &&Stored| stored.readable("owner") && self.last_runs.leave_open(&stored.record.key);
        let open: Vec<&Record> = page.iter().filter(open).map(|stored| &stored.record).collect();
        for records in open.chunks(AT_ONCE) {
            let last = |record: &&Record| Some(record.last.as_ref()?.id.clone());
            let runs = store.readable_runs(&records.iter().filter_map(last).collect::<Vec<_>>()).await?;
            let disowned = |record: &&Record| owner::disowned(record, runs.get(&record.last.as_ref()?.id));
            self.report.note(records.iter().filter_map(disowned));
        }
        Ok(next)
    }
}
