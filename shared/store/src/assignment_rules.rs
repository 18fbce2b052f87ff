//! Assignment rules in the store: an item each, and one ordered list per segment, which also says which are active and
//! which number comes next. Every change of that list is conditioned on its version, so the limit of active rules holds
//! whoever else is at work.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::Update;
use domain::assignment_rule::{AssignmentRule, RuleState, segment_of};
use domain::id::{RecordType, RuleId, SegmentId};
use domain::segment::{is_default_id, record_type_of};
use serde::{Deserialize, Serialize};

use crate::document::{self, ATTEMPTS, Seen};
use crate::error::{Error, Result, failure};
use crate::keys;
use crate::store::Store;
use crate::transaction::Transaction;
use crate::versions::Changed;

/// A rule at its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    /// The rule.
    pub rule: AssignmentRule,
    /// Its place in its segment, 1 = tried first, active or not (RULE-13).
    pub order: u32,
}

/// The rules of a segment in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct RuleOrder {
    list: List,
    version: u64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct List {
    /// The number of the last rule that was created. Numbers are not given twice.
    last: u32,
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    id: RuleId,
    active: bool,
    /// Says which request created the rule, so that its repetition after a crash is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tag: Option<String>,
}

impl RuleOrder {
    /// The list of a segment's first rules, all of them inactive and numbered from 1.
    pub(crate) fn of_new(rules: &[AssignmentRule]) -> Self {
        let entries = rules.iter().map(|rule| Entry { id: rule.id.clone(), active: false, tag: None }).collect();
        let last = u32::try_from(rules.len()).expect("an item holds fewer ids than that");
        Self { list: List { last, entries }, version: 0 }
    }

    pub(crate) fn seen(&self) -> Seen {
        if self.version == 0 { Seen::Absent } else { Seen::Version(self.version) }
    }

    pub(crate) fn ids(&self) -> impl Iterator<Item = &RuleId> {
        self.list.entries.iter().map(|entry| &entry.id)
    }

    fn place(&self, id: &RuleId) -> Option<u32> {
        let position = self.ids().position(|known| known == id)?;
        Some(u32::try_from(position + 1).expect("an item holds fewer ids than that"))
    }

    /// The list with a rule switched on or off; refused when it would be one active rule too many (SEG-07).
    fn switch(&mut self, id: &RuleId, active: bool, max_active: u32) -> Result<()> {
        let others = self.list.entries.iter().filter(|entry| entry.active && entry.id != *id).count();
        if active && others >= max_active as usize {
            let message = format!(
                "at most {max_active} rules of a segment may be active; this one can be saved with \"state\": \"inactive\""
            );
            return Err(Error::refused("tooManyActiveRules", message));
        }
        for entry in self.list.entries.iter_mut().filter(|entry| entry.id == *id) {
            entry.active = active;
        }
        Ok(())
    }

    pub(crate) fn replace(&self, table: &str, record_type: &RecordType, segment: &SegmentId) -> Result<Update> {
        let key = keys::rule_order(record_type, segment);
        document::replace(table, &key, self.seen(), &self.list, self.version + 1)
    }

    /// The rules in this order.
    pub(crate) fn sort(&self, mut rules: HashMap<RuleId, AssignmentRule>) -> Vec<AssignmentRule> {
        self.ids().filter_map(|id| rules.remove(id)).collect()
    }

    pub(crate) fn of(item: &crate::item::Item) -> Result<Self> {
        Ok(Self { list: document::read(item)?, version: document::version(item)? })
    }
}

/// Where a rule lies: its segment and the type of that.
fn home(id: &RuleId) -> Option<(RecordType, SegmentId)> {
    let segment = segment_of(id)?;
    Some((record_type_of(&segment)?, segment))
}

impl Store {
    /// Writes a rule that no list names yet, over what an interrupted attempt may have left.
    pub(crate) async fn put_unlisted(&self, record_type: &RecordType, rule: &AssignmentRule) -> Result<()> {
        let put = document::create(&self.work_table, &keys::rule(record_type, &rule.id), rule, None)?;
        let request = self.client.put_item().table_name(put.table_name()).set_item(Some(put.item().clone()));
        request.send().await.map_err(failure)?;
        Ok(())
    }

    pub(crate) async fn rule_order(&self, record_type: &RecordType, segment: &SegmentId) -> Result<RuleOrder> {
        let item = self.work_item(&keys::rule_order(record_type, segment)).await?;
        item.as_ref().map_or_else(|| Ok(RuleOrder::default()), RuleOrder::of)
    }

    /// How many rules each segment of a type owns, active or not.
    pub async fn rule_counts(&self, record_type: &RecordType) -> Result<HashMap<SegmentId, usize>> {
        let items = self.query_all(&keys::rulebook(record_type), Some(keys::RULE_ORDERS)).await?;
        let counted = items.iter().map(|item| {
            let sort_key = item.get("sk").and_then(|sk| sk.as_s().ok());
            let segment = sort_key.and_then(|sk| sk.strip_prefix(keys::RULE_ORDERS));
            let segment = segment.ok_or_else(|| Error::Corrupt("a list of rules without its segment".to_owned()))?;
            Ok((SegmentId::from(segment), RuleOrder::of(item)?.ids().count()))
        });
        counted.collect()
    }

    /// How many rules a segment owns, active or not.
    pub async fn rule_count(&self, segment: &SegmentId) -> Result<usize> {
        let Some(record_type) = record_type_of(segment) else { return Ok(0) };
        Ok(self.rule_order(&record_type, segment).await?.ids().count())
    }

    /// A rule at its place.
    pub async fn rule(&self, id: &RuleId) -> Result<Option<Placed>> {
        let Some((record_type, segment)) = home(id) else { return Ok(None) };
        let Some(item) = self.work_item(&keys::rule(&record_type, id)).await? else { return Ok(None) };
        // A rule in no list is being cleared away with its segment.
        let place = self.rule_order(&record_type, &segment).await?.place(id);
        place.map(|order| Ok(Placed { rule: document::read(&item)?, order })).transpose()
    }

    /// The rules of a segment in order. No rules also when there is no such segment.
    pub async fn rules(&self, segment: &SegmentId) -> Result<Vec<Placed>> {
        let Some(record_type) = record_type_of(segment) else { return Ok(vec![]) };
        let mut rules = HashMap::new();
        let prefix = format!("{}{segment}-", keys::RULES);
        for item in self.query_all(&keys::rulebook(&record_type), Some(&prefix)).await? {
            let rule: AssignmentRule = document::read(&item)?;
            rules.insert(rule.id.clone(), rule);
        }
        let order = self.rule_order(&record_type, segment).await?;
        let places = (1..).zip(order.sort(rules));
        Ok(places.map(|(order, rule)| Placed { rule, order }).collect())
    }

    /// Creates the rule that `make` makes of its id, at the bottom of its segment (RULE-10). Refused when it would be
    /// one active rule too many. Answers with the one that exists when this very request, by its tag, has created it
    /// before.
    pub async fn create_rule(
        &self,
        segment: &SegmentId,
        max_active: u32,
        tag: Option<&str>,
        make: impl Fn(RuleId) -> AssignmentRule,
    ) -> Result<Placed> {
        let table = &self.work_table;
        let record_type = record_type_of(segment).ok_or(Error::NotFound)?;
        for attempt in 0..ATTEMPTS {
            if self.segment(segment).await?.is_none() {
                return Err(Error::NotFound);
            }
            let mut order = self.rule_order(&record_type, segment).await?;
            let earlier = order.list.entries.iter().find(|entry| entry.tag.is_some() && entry.tag.as_deref() == tag);
            if let Some(earlier) = earlier {
                return self.rule(&earlier.id).await?.ok_or(Error::Conflict);
            }
            order.list.last += 1;
            let id = RuleId::new(format!("{segment}-{}", order.list.last));
            let rule = make(id.clone());
            let tag = tag.map(ToOwned::to_owned);
            order.list.entries.push(Entry { id: id.clone(), active: false, tag });
            order.switch(&id, rule.state == RuleState::Active, max_active)?;
            let mut transaction = Transaction::default();
            if !is_default_id(segment) {
                transaction.check(document::exists(table, &keys::segment(&record_type, segment)));
            }
            transaction.put(document::create(table, &keys::rule(&record_type, &id), &rule, None)?);
            transaction.update(order.replace(table, &record_type, segment)?);
            transaction.update(Changed::Rulebook(record_type.clone()).update(table));
            if self.attempt(transaction, attempt).await? {
                let place = order.place(&id).expect("the rule was added to the list");
                return Ok(Placed { rule, order: place });
            }
        }
        Err(Error::Conflict)
    }

    /// Replaces a rule by what `decide` makes of it; decides again when somebody else changed it meanwhile. Refused
    /// when it would be one active rule too many. Writes nothing when nothing changes.
    pub async fn change_rule<E: From<Error>>(
        &self,
        id: &RuleId,
        max_active: u32,
        decide: impl Fn(&Placed) -> std::result::Result<AssignmentRule, E>,
    ) -> std::result::Result<Placed, E> {
        let table = &self.work_table;
        for attempt in 0..ATTEMPTS {
            let before = self.rule(id).await?.ok_or(Error::NotFound)?;
            let after = decide(&before)?;
            if after == before.rule {
                return Ok(before);
            }
            let (record_type, segment) = home(id).ok_or(Error::NotFound)?;
            let (version, after) = (before.rule.version, AssignmentRule { version: before.rule.version + 1, ..after });
            let mut transaction = Transaction::default();
            let key = keys::rule(&record_type, id);
            transaction.update(document::replace(table, &key, Seen::Version(version), &after, after.version)?);
            transaction.update(Changed::Rulebook(record_type.clone()).update(table));
            if after.state != before.rule.state {
                let mut order = self.rule_order(&record_type, &segment).await?;
                order.switch(id, after.state == RuleState::Active, max_active)?;
                transaction.update(order.replace(table, &record_type, &segment)?);
            }
            if self.attempt(transaction, attempt).await? {
                return Ok(Placed { rule: after, order: before.order });
            }
        }
        Err(Error::Conflict.into())
    }

    /// Deletes a rule that `check` lets go. Records that were assigned through it keep their owner (RULE-07).
    pub async fn delete_rule<E: From<Error>>(
        &self,
        id: &RuleId,
        check: impl Fn(&AssignmentRule) -> std::result::Result<(), E>,
    ) -> std::result::Result<(), E> {
        let table = &self.work_table;
        for attempt in 0..ATTEMPTS {
            let rule = self.rule(id).await?.ok_or(Error::NotFound)?.rule;
            check(&rule)?;
            let (record_type, segment) = home(id).ok_or(Error::NotFound)?;
            let mut order = self.rule_order(&record_type, &segment).await?;
            order.list.entries.retain(|entry| entry.id != *id);
            let mut transaction = Transaction::default();
            let key = keys::rule(&record_type, id);
            transaction.delete(document::delete(table, &key, Seen::Version(rule.version)));
            transaction.update(order.replace(table, &record_type, &segment)?);
            transaction.update(Changed::Rulebook(record_type).update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok(());
            }
        }
        Err(Error::Conflict.into())
    }

    /// Puts the rules of a segment into the order that `decide` makes of the present one and its version; it must hold
    /// the same ids. Decides again when somebody else changed the list meanwhile. Answers with the order and its
    /// version, which also counts rules that come, go or are switched.
    pub async fn order_rules<E: From<Error>>(
        &self,
        segment: &SegmentId,
        decide: impl Fn(&[RuleId], u64) -> std::result::Result<Vec<RuleId>, E>,
    ) -> std::result::Result<(Vec<RuleId>, u64), E> {
        let table = &self.work_table;
        let record_type = record_type_of(segment).ok_or(Error::NotFound)?;
        for attempt in 0..ATTEMPTS {
            if self.segment(segment).await?.is_none() {
                return Err(Error::NotFound.into());
            }
            let mut order = self.rule_order(&record_type, segment).await?;
            let present: Vec<RuleId> = order.ids().cloned().collect();
            let wanted = decide(&present, order.version)?;
            if wanted == present {
                return Ok((present, order.version));
            }
            let place = |id: &RuleId| wanted.iter().position(|known| known == id);
            order.list.entries.sort_by_key(|entry| place(&entry.id));
            let mut transaction = Transaction::default();
            transaction.update(order.replace(table, &record_type, segment)?);
            transaction.update(Changed::Rulebook(record_type.clone()).update(table));
            if self.attempt(transaction, attempt).await? {
                return Ok((wanted, order.version + 1));
            }
        }
        Err(Error::Conflict.into())
    }
}
