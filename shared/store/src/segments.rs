//! Segments in the store: an item each, and one ordered list per record type from which every rank is derived, so that
//! a new priority rewrites one item and renumbers none (SEG-22).
//!
//! The default segment exists without an item until somebody edits it, and stands in no list: it is always the last.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::{Delete, Update};
use domain::assignment_rule::AssignmentRule;
use domain::id::{RecordType, RuleId, SegmentId};
use domain::segment::{Segment, default_id, is_default_id, record_type_of};

use crate::assignment_rules::RuleOrder;
use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result, failure};
use crate::former_segments;
use crate::item::number;
use crate::keys::{self, Key};
use crate::schedules;
use crate::store::Store;
use crate::transaction::{Aborted, MAX_WRITES, Transaction, pause};
use crate::versions::Changed;

/// A segment at its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// The segment.
    pub segment: Segment,
    /// Its rank in its type, 1 = highest, active or not.
    pub priority: u32,
    /// The lowest rank of the type: that of the default segment.
    pub last: u32,
}

/// The order of a type's segments, highest first, without the default one.
#[derive(Debug, Clone, Default)]
pub(crate) struct SegmentOrder {
    ids: Vec<SegmentId>,
    version: u64,
}

impl SegmentOrder {
    fn rank(&self, id: &SegmentId) -> u32 {
        let position = self.ids.iter().position(|known| known == id).unwrap_or(self.ids.len());
        u32::try_from(position + 1).expect("an item holds fewer ids than that")
    }

    fn last(&self) -> u32 {
        u32::try_from(self.ids.len() + 1).expect("an item holds fewer ids than that")
    }

    fn ranked(&self, segment: Segment) -> Ranked {
        let priority = if segment.is_default { self.last() } else { self.rank(&segment.id) };
        Ranked { segment, priority, last: self.last() }
    }

    /// The order with a segment at a rank; without a rank, or with one too large, it is the last before the default.
    fn with(&self, id: &SegmentId, priority: Option<u32>) -> Self {
        let mut ids = self.without(id).ids;
        let position = priority.map_or(ids.len(), |rank| ids.len().min(rank.saturating_sub(1) as usize));
        ids.insert(position, id.clone());
        Self { ids, version: self.version }
    }

    fn without(&self, id: &SegmentId) -> Self {
        Self { ids: self.ids.iter().filter(|known| *known != id).cloned().collect(), version: self.version }
    }

    fn replace(&self, table: &str, record_type: &RecordType) -> Result<Update> {
        let seen = if self.version == 0 { Seen::Absent } else { Seen::Version(self.version) };
        document::replace(table, &keys::segment_order(record_type), seen, &self.ids, self.version + 1)
    }

    /// The segments in this order, then the default one.
    pub(crate) fn sort(&self, mut segments: HashMap<SegmentId, Segment>, record_type: &RecordType) -> Vec<Ranked> {
        let default = segments.remove(&default_id(record_type)).unwrap_or_else(|| Segment::default_of(record_type));
        let listed: Vec<_> = self.ids.iter().filter_map(|id| segments.remove(id)).collect();
        listed.into_iter().chain([default]).map(|segment| self.ranked(segment)).collect()
    }
}

/// What a new segment takes of a transaction beside its rules: itself, the two orders, the version of the rulebook.
const WRITES_OF_A_NEW_SEGMENT: usize = 4;

/// The write that counts active segments of the whole organisation, which two activations at once can't outwit.
fn count_active(table: &str, change: i8, max_active: u32) -> Update {
    let update = Update::builder()
        .table_name(table)
        .set_key(Some(keys::limits().attributes()))
        .update_expression("ADD #active :change")
        .expression_attribute_names("#active", "activeSegments")
        .expression_attribute_values(":change", number(change));
    let update = if change > 0 {
        update
            .condition_expression("attribute_not_exists(#active) OR #active < :max")
            .expression_attribute_values(":max", number(max_active))
    } else {
        update
    };
    update.build().expect("table, key and expression are given")
}

fn too_many_active(max_active: u32) -> Error {
    let message = format!("at most {max_active} segments of the organisation may be active");
    Error::refused("tooManyActiveSegments", message)
}

fn remove(table: &str, key: &Key) -> Delete {
    Delete::builder().table_name(table).set_key(Some(key.attributes())).build().expect("table and key are given")
}

/// How a segment was seen: a default one may have no item, which stands for its first version.
fn seen(segment: &Segment) -> Seen {
    if segment.is_default && segment.version == 1 { Seen::AbsentOr(1) } else { Seen::Version(segment.version) }
}

impl Store {
    pub(crate) async fn segment_order(&self, record_type: &RecordType) -> Result<SegmentOrder> {
        match self.work_item(&keys::segment_order(record_type)).await? {
            Some(item) => Ok(SegmentOrder { ids: document::read(&item)?, version: document::version(&item)? }),
            None => Ok(SegmentOrder::default()),
        }
    }

    /// A segment at its place.
    pub async fn segment(&self, id: &SegmentId) -> Result<Option<Ranked>> {
        let Some(record_type) = record_type_of(id) else { return Ok(None) };
        let segment = match self.work_item(&keys::segment(&record_type, id)).await? {
            Some(item) => document::read(&item)?,
            None if is_default_id(id) && self.holds_records(&record_type).await? => Segment::default_of(&record_type),
            None => return Ok(None),
        };
        Ok(Some(self.segment_order(&record_type).await?.ranked(segment)))
    }

    /// All segments of a type by priority, the default one last.
    pub async fn segments(&self, record_type: &RecordType) -> Result<Vec<Ranked>> {
        let mut segments = HashMap::new();
        for item in self.query_all(&keys::rulebook(record_type), Some(keys::SEGMENTS)).await? {
            let segment: Segment = document::read(&item)?;
            segments.insert(segment.id.clone(), segment);
        }
        Ok(self.segment_order(record_type).await?.sort(segments, record_type))
    }

    async fn holds_records(&self, record_type: &RecordType) -> Result<bool> {
        Ok(self.record_types().await?.get(record_type).is_some_and(|definition| definition.holds_records()))
    }

    /// Creates a segment at a rank, or without one as the last before the default segment; answers with the one that
    /// exists when this very request, by its tag, has created it before.
    pub async fn create_segment(&self, segment: Segment, priority: Option<u32>, tag: Option<&str>) -> Result<Ranked> {
        self.create_segment_with_rules(segment, &[], priority, tag).await
    }

    /// The same with inactive rules in order, whose ids are those of the segment: `{segment id}-{n}` from 1.
    pub async fn create_segment_with_rules(
        &self,
        segment: Segment,
        rules: &[AssignmentRule],
        priority: Option<u32>,
        tag: Option<&str>,
    ) -> Result<Ranked> {
        let (table, record_type) = (&self.work_table, segment.record_type.clone());
        // A rule in no list is none, so what does not fit into the transaction is written before it.
        let (within, before) = rules.split_at(rules.len().min(MAX_WRITES - WRITES_OF_A_NEW_SEGMENT));
        for rule in before {
            self.put_unlisted(&record_type, rule).await?;
        }
        for attempt in 0..ATTEMPTS {
            let order = self.segment_order(&record_type).await?.with(&segment.id, priority);
            let mut transaction = Transaction::default();
            let key = keys::segment(&record_type, &segment.id);
            transaction.put(document::create(table, &key, &segment, tag)?);
            transaction.update(order.replace(table, &record_type)?);
            transaction.update(Changed::Rulebook(record_type.clone()).update(table));
            if !rules.is_empty() {
                transaction.update(RuleOrder::of_new(rules).replace(table, &record_type, &segment.id)?);
            }
            for rule in within {
                transaction.put(document::create(table, &keys::rule(&record_type, &rule.id), rule, None)?);
            }
            match self.transact(transaction).await {
                Ok(()) => return Ok(order.ranked(segment)),
                Err(Aborted::Failed(error)) => return Err(error),
                Err(Aborted::Refused(refusals)) => match refusals.into_iter().next().flatten() {
                    Some(item) if document::bears(&item, tag) => {
                        return Ok(self.segment_order(&record_type).await?.ranked(document::read(&item)?));
                    }
                    Some(_) => return Err(Error::Exists),
                    None => pause(attempt).await,
                },
            }
        }
        Err(Error::Conflict)
    }

    /// Replaces a segment, its rank or both by what `decide` makes of them; decides again when somebody else changed
    /// them meanwhile. Refused when it would be one active segment too many (SEG-06). Writes nothing when nothing
    /// changes.
    pub async fn change_segment<E: From<Error>>(
        &self,
        id: &SegmentId,
        max_active: u32,
        decide: impl Fn(&Ranked) -> std::result::Result<Ranked, E>,
    ) -> std::result::Result<Ranked, E> {
        let table = &self.work_table;
        for attempt in 0..ATTEMPTS {
            let before = self.segment(id).await?.ok_or(Error::NotFound)?;
            let after = decide(&before)?;
            if after == before {
                return Ok(before);
            }
            let record_type = &before.segment.record_type;
            let segment = Segment { version: before.segment.version + 1, ..after.segment };
            let mut order = self.segment_order(record_type).await?;
            let mut transaction = Transaction::default();
            let key = keys::segment(record_type, id);
            transaction.update(document::replace(table, &key, seen(&before.segment), &segment, segment.version)?);
            transaction.update(Changed::Rulebook(record_type.clone()).update(table));
            if after.priority != before.priority && !segment.is_default {
                order = order.with(id, Some(after.priority));
                transaction.update(order.replace(table, record_type)?);
            }
            let change = i8::from(segment.counts_as_active()) - i8::from(before.segment.counts_as_active());
            let counted = (change != 0).then(|| transaction.update(count_active(table, change, max_active)));
            match self.transact(transaction).await {
                Ok(()) => return Ok(order.ranked(segment)),
                Err(Aborted::Failed(error)) => return Err(error.into()),
                Err(Aborted::Refused(refusals)) => {
                    // Somebody's change of the segment itself comes first: it may have been this very activation.
                    let only_counted = counted.is_some_and(|counted| {
                        refusals.iter().enumerate().all(|(write, refusal)| refusal.is_some() == (write == counted))
                    });
                    if only_counted {
                        return Err(too_many_active(max_active).into());
                    }
                    pause(attempt).await;
                }
            }
        }
        Err(Error::Conflict.into())
    }

    /// Deletes a segment that `check` lets go, and its rules with it (SEG-05). Its id is never given again, so whatever
    /// still names it reads as none.
    pub async fn delete_segment<E: From<Error>>(
        &self,
        id: &SegmentId,
        check: impl Fn(&Segment) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let table = &self.work_table;
        for attempt in 0..ATTEMPTS {
            let segment = self.segment(id).await?.ok_or(Error::NotFound)?.segment;
            check(&segment)?;
            let record_type = &segment.record_type;
            let rules = self.rule_order(record_type, id).await?;
            let mut transaction = Transaction::default();
            transaction.delete(document::delete(table, &keys::segment(record_type, id), seen(&segment)));
            transaction.update(self.segment_order(record_type).await?.without(id).replace(table, record_type)?);
            // Also when there is no list of rules: then a rule that is created meanwhile refuses this.
            transaction.delete(document::delete(table, &keys::rule_order(record_type, id), rules.seen()));
            transaction.delete(schedules::forget(table, id));
            transaction.put(former_segments::members_leave(table, &segment));
            transaction.update(Changed::Rulebook(record_type.clone()).update(table));
            if segment.counts_as_active() {
                transaction.update(count_active(table, -1, 0));
            }
            // A rule in no list is none. What does not fit into the transaction is cleared away after it.
            let ids: Vec<RuleId> = rules.ids().cloned().collect();
            let (within, after) = ids.split_at(ids.len().min(MAX_WRITES - transaction.len()));
            for rule in within {
                transaction.delete(remove(table, &keys::rule(record_type, rule)));
            }
            if self.attempt(transaction, attempt).await? {
                self.clear_away(after.iter().map(|rule| keys::rule(record_type, rule))).await?;
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }

    async fn clear_away(&self, keys: impl Iterator<Item = Key>) -> Result<()> {
        for key in keys {
            let request = self.client.delete_item().table_name(&self.work_table).set_key(Some(key.attributes()));
            request.send().await.map_err(failure)?;
        }
        Ok(())
    }
}
