//! The moving part of sellers: one item each, written by the very transaction that changes an owner or a state.
//!
//! Attributes: `turn` (the largest, which commits check), `turn:{type}`, `held:{type}`, `generation`,
//! `inPeriods` (a map of periods), `changes` (the change number that recounts rely on). What is held lies flat, so that it
//! is added to without reading it; the others are only written by who has read them.
//! No item means: never assigned, holds nothing.
//!
//! Two writes stand outside those transactions: the opening of a period and the repair of what is held. Each is
//! conditioned on what it read, so it can't undo what a transaction wrote.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Update};
use domain::id::{RecordType, SellerId};
use domain::in_periods::InPeriods;
use domain::recount::Look;
use domain::roster::SellerState;
use domain::tally::Held;
use domain::turn::Turn;

use crate::batch_get::Consistency;
use crate::error::{Error, Result, failure};
use crate::item::{Item, number};
use crate::keys;
use crate::store::Store;
use crate::transaction::WITH_OLD;

const TURN: &str = "turn:";
const HELD: &str = "held:";
const IN_PERIODS: &str = "inPeriods";
const CHANGES: &str = "changes";

impl Store {
    /// The moving part of these sellers, read consistently. Every seller asked for is in the answer.
    pub async fn seller_states(&self, ids: &[SellerId]) -> Result<BTreeMap<SellerId, SellerState>> {
        let mut states: BTreeMap<SellerId, SellerState> =
            ids.iter().map(|id| (id.clone(), SellerState::default())).collect();
        let wanted = ids.iter().map(keys::seller_state).collect();
        for item in self.batch_get(&self.work_table, wanted, Consistency::Strong).await? {
            let pk = item.get("pk").and_then(|pk| pk.as_s().ok()).and_then(|pk| pk.strip_prefix(keys::SELLER_STATES));
            let id = pk.ok_or_else(|| Error::Corrupt("a seller's moving part without its key".to_owned()))?;
            states.insert(SellerId::from(id), state_of(&item)?);
        }
        Ok(states)
    }

    /// Opens a period for a seller of whom `known` is known; false when the seller was moved on meanwhile (CAP-11).
    pub async fn open_period(&self, id: &SellerId, known: &InPeriods, opened: &InPeriods) -> Result<bool> {
        let update = self.client.update_item().table_name(&self.work_table);
        let update = update
            .set_key(Some(keys::seller_state(id).attributes()))
            .update_expression("SET #inPeriods = :opened")
            .expression_attribute_names("#inPeriods", IN_PERIODS)
            .expression_attribute_values(":opened", periods(opened));
        let update = if *known == InPeriods::default() {
            update.condition_expression("attribute_not_exists(#inPeriods)")
        } else {
            update.condition_expression("#inPeriods = :known").expression_attribute_values(":known", periods(known))
        };
        match update.send().await.map_err(failure) {
            Ok(_) => Ok(true),
            Err(Error::Conflict) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn periods(in_periods: &InPeriods) -> AttributeValue {
    AttributeValue::M(in_periods.iter().map(|(period, assigned)| (period.to_owned(), number(assigned))).collect())
}

fn state_of(item: &Item) -> Result<SellerState> {
    let mut state = SellerState::default();
    for (name, value) in item {
        if name == IN_PERIODS {
            let unreadable = || Error::Corrupt(format!("a seller's moving part: '{name}' is not a map of counts"));
            let counts = value.as_m().map_err(|_| unreadable())?.iter();
            let counts = counts.map(|(period, count)| Some((period.clone(), count.as_n().ok()?.parse().ok()?)));
            state.in_periods = counts.collect::<Option<_>>().ok_or_else(unreadable)?;
            continue;
        }
        let digits = value.as_n().map(String::as_str).unwrap_or_default();
        let unreadable = |_| Error::Corrupt(format!("a seller's moving part: '{name}' is not a whole number"));
        if let Some(record_type) = name.strip_prefix(TURN) {
            let turn = digits.parse().map_err(unreadable)?;
            state.turns.insert(RecordType::from(record_type), Turn::from_number(turn));
        } else if let Some(record_type) = name.strip_prefix(HELD) {
            state.held.insert(RecordType::from(record_type), digits.parse().map_err(unreadable)?);
        } else if name == "generation" {
            state.generation = digits.parse().map_err(unreadable)?;
        } else if name == CHANGES {
            state.changes = digits.parse().map_err(unreadable)?;
        }
    }
    Ok(state)
}

/// What one transaction does to one seller.
#[derive(Debug, Clone, Default)]
pub(crate) struct SellerChange {
    /// Records more or fewer, by type.
    pub(crate) held: BTreeMap<RecordType, i64>,
    /// New marks of the last assignment, by type.
    pub(crate) turns: BTreeMap<RecordType, Turn>,
    /// What the decision relied on: the last turn and the generation as read. None where nothing was relied on, as when
    /// a record is closed: that only makes the seller more eligible.
    pub(crate) seen: Option<(Option<Turn>, u64)>,
    /// What the seller held of the types that count before this transaction.
    pub(crate) seen_held: Held,
    /// The decision relied on the seller holding no more than that: a close may have come between, a reopening not.
    pub(crate) capacity_mattered: bool,
    /// What the latest periods have brought, with what this transaction assigns; none where it assigns nothing.
    pub(crate) in_periods: Option<InPeriods>,
}

impl SellerChange {
    /// True when it changes nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.turns.is_empty() && self.held.values().all(|change| *change == 0)
    }

    /// True when the seller holds fewer records than before.
    pub(crate) fn makes_room(&self) -> bool {
        self.held.values().sum::<i64>() < 0
    }

    /// The write of this change.
    pub(crate) fn update(&self, table: &str, id: &SellerId) -> Update {
        let mut update = Update::builder().table_name(table).set_key(Some(keys::seller_state(id).attributes()));
        let mut set = Vec::new();
        let mut add = vec!["#changes :one".to_owned()];
        update = update.expression_attribute_names("#changes", CHANGES).expression_attribute_values(":one", number(1));
        for (n, (record_type, turn)) in self.turns.iter().enumerate() {
            set.push(format!("#t{n} = :t{n}"));
            update = update
                .expression_attribute_names(format!("#t{n}"), format!("{TURN}{record_type}"))
                .expression_attribute_values(format!(":t{n}"), number(turn.number()));
        }
        if let Some(turn) = self.turns.values().max() {
            set.push("#turn = :turn".to_owned());
            update = update.expression_attribute_values(":turn", number(turn.number()));
        }
        if let Some(in_periods) = &self.in_periods {
            set.push("#inPeriods = :inPeriods".to_owned());
            update = update
                .expression_attribute_names("#inPeriods", IN_PERIODS)
                .expression_attribute_values(":inPeriods", periods(in_periods));
        }
        for (n, (record_type, change)) in self.held.iter().filter(|(_, change)| **change != 0).enumerate() {
            add.push(format!("#h{n} :h{n}"));
            update = update
                .expression_attribute_names(format!("#h{n}"), format!("{HELD}{record_type}"))
                .expression_attribute_values(format!(":h{n}"), number(change));
        }
        if self.seen.is_some() || !self.turns.is_empty() {
            update = update.expression_attribute_names("#turn", "turn");
        }
        if let Some((turn, generation)) = self.seen {
            let turn_as_seen = match turn {
                Some(turn) => {
                    update = update.expression_attribute_values(":seenTurn", number(turn.number()));
                    "#turn = :seenTurn"
                }
                None => "attribute_not_exists(#turn)",
            };
            let generation_as_seen = if generation == 0 {
                "attribute_not_exists(#generation)"
            } else {
                update = update.expression_attribute_values(":seenGeneration", number(generation));
                "#generation = :seenGeneration"
            };
            let mut condition = format!("{turn_as_seen} AND {generation_as_seen}");
            for (n, (record_type, held)) in self.seen_held.iter().filter(|_| self.capacity_mattered).enumerate() {
                // Absent counts as nothing, which is no more than was seen unless that was below zero.
                let absent = if *held < 0 { String::new() } else { format!("attribute_not_exists(#s{n}) OR ") };
                write!(condition, " AND ({absent}#s{n} <= :s{n})").expect("writing to a text can't fail");
                update = update
                    .expression_attribute_names(format!("#s{n}"), format!("{HELD}{record_type}"))
                    .expression_attribute_values(format!(":s{n}"), number(held));
            }
            update = update
                .expression_attribute_names("#generation", "generation")
                .condition_expression(condition)
                .return_values_on_condition_check_failure(WITH_OLD);
        }
        let mut clauses = format!("ADD {}", add.join(", "));
        if !set.is_empty() {
            write!(clauses, " SET {}", set.join(", ")).expect("writing to a text can't fail");
        }
        update.update_expression(clauses).build().expect("table, key and expression are given")
    }
}

/// Has a request add what a look found missing, if the seller is as it was found.
pub(crate) fn repair(request: UpdateItemFluentBuilder, look: &Look) -> UpdateItemFluentBuilder {
    let mut add = vec!["#changes :one".to_owned()];
    let mut request = request
        .set_key(Some(keys::seller_state(&look.seller).attributes()))
        .expression_attribute_names("#changes", CHANGES)
        .expression_attribute_values(":one", number(1));
    let mut conditions = Vec::new();
    let kept = std::iter::once(("#changes".to_owned(), (look.changes > 0).then(|| number(look.changes))));
    let held = look.differences.values().enumerate();
    let held = held.map(|(n, difference)| (format!("#h{n}"), difference.kept.map(number)));
    for (n, (name, seen)) in kept.chain(held).enumerate() {
        match seen {
            Some(value) => {
                conditions.push(format!("{name} = :s{n}"));
                request = request.expression_attribute_values(format!(":s{n}"), value);
            }
            None => conditions.push(format!("attribute_not_exists({name})")),
        }
    }
    for (n, (record_type, difference)) in look.differences.iter().enumerate() {
        add.push(format!("#h{n} :h{n}"));
        request = request
            .expression_attribute_names(format!("#h{n}"), format!("{HELD}{record_type}"))
            .expression_attribute_values(format!(":h{n}"), number(difference.missing()));
    }
    request.update_expression(format!("ADD {}", add.join(", "))).condition_expression(conditions.join(" AND "))
}

/// The write that makes commits notice that a seller's static part has changed (DIST-18).
pub(crate) fn next_generation(table: &str, id: &SellerId) -> Update {
    Update::builder()
        .table_name(table)
        .set_key(Some(keys::seller_state(id).attributes()))
        .update_expression("ADD #generation :one")
        .expression_attribute_names("#generation", "generation")
        .expression_attribute_values(":one", number(1))
        .build()
        .expect("table, key and expression are given")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::item::text;

    #[test]
    fn a_state_reads_turns_and_held_by_type() {
        let item: Item = [
            ("pk".to_owned(), text("state#susana")),
            ("turn".to_owned(), number(9)),
            ("turn:lead".to_owned(), number(7)),
            ("turn:opportunity".to_owned(), number(9)),
            ("held:lead".to_owned(), number(-1)),
            ("generation".to_owned(), number(3)),
            ("inPeriods".to_owned(), AttributeValue::M([("2026-03".to_owned(), number(4))].into())),
        ]
        .into();
        let state = state_of(&item).unwrap();
        assert_eq!(state.turn(), Some(Turn::from_number(9)));
        assert_eq!(state.held[&RecordType::from("lead")], -1);
        assert_eq!(state.generation, 3);
        assert_eq!(state.in_periods.of("2026-03"), 4);
    }
}
