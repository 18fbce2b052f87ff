//! What rulebooks are compiled from: a type's definition, segments and rules as they were at one version.

use std::collections::HashMap;
use std::sync::Arc;

use domain::assignment_rule::{AssignmentRule, RuleState};
use domain::id::{RecordType, RuleId, SegmentId};
use domain::record_type::RecordTypeDefinition;
use domain::rulebook::{RulebookSource, SegmentSource};
use domain::segment::Segment;

use crate::assignment_rules::RuleOrder;
use crate::document::{self, ATTEMPTS};
use crate::error::{Error, Result};
use crate::keys;
use crate::store::Store;
use crate::transaction::pause;

impl Store {
    /// Everything that the rulebook of a type of this definition is compiled from, read so that no change fell in
    /// between.
    pub async fn rulebook_source(&self, definition: &Arc<RecordTypeDefinition>) -> Result<RulebookSource> {
        let record_type = &definition.record_type;
        for attempt in 0..ATTEMPTS {
            let version = self.versions().await?.rulebook(record_type);
            let segments = self.segment_sources(record_type).await?;
            if self.versions().await?.rulebook(record_type) == version {
                return Ok(RulebookSource { version, definition: Arc::clone(definition), segments });
            }
            pause(attempt).await;
        }
        Err(Error::Conflict)
    }

    /// The active rules of every segment of every type, whatever the segment's state.
    pub async fn active_rules(&self) -> Result<Vec<AssignmentRule>> {
        let mut active = vec![];
        for definition in self.record_types().await?.iter().filter(|definition| definition.holds_records()) {
            let sources = self.rulebook_source(definition).await?.segments;
            let rules = sources.into_iter().flat_map(|source| source.rules);
            active.extend(rules.filter(|rule| rule.state == RuleState::Active));
        }
        Ok(active)
    }

    /// The segments of a type by priority, each with its rules in order. The order of segments is read last: what it
    /// names was there before.
    async fn segment_sources(&self, record_type: &RecordType) -> Result<Vec<SegmentSource>> {
        let mut segments: HashMap<SegmentId, Segment> = HashMap::new();
        let mut rules: HashMap<SegmentId, HashMap<RuleId, AssignmentRule>> = HashMap::new();
        let mut orders: HashMap<SegmentId, RuleOrder> = HashMap::new();
        for item in self.query_all(&keys::rulebook(record_type), None).await? {
            let sort_key = item.get("sk").and_then(|sk| sk.as_s().ok()).map(String::as_str).unwrap_or_default();
            if sort_key.starts_with(keys::SEGMENTS) {
                let segment: Segment = document::read(&item)?;
                segments.insert(segment.id.clone(), segment);
            } else if sort_key.starts_with(keys::RULES) {
                let rule: AssignmentRule = document::read(&item)?;
                rules.entry(rule.segment_id.clone()).or_default().insert(rule.id.clone(), rule);
            } else if let Some(segment) = sort_key.strip_prefix(keys::RULE_ORDERS) {
                orders.insert(SegmentId::from(segment), RuleOrder::of(&item)?);
            }
        }
        let ranked = self.segment_order(record_type).await?.sort(segments, record_type);
        let sources = ranked.into_iter().map(|ranked| {
            let id = &ranked.segment.id;
            let order = orders.remove(id).unwrap_or_default();
            SegmentSource { rules: order.sort(rules.remove(id).unwrap_or_default()), segment: ranked.segment }
        });
        Ok(sources.collect())
    }
}
