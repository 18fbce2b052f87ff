//! Trying out a segment's conditions before they are saved (SEG-40, SEG-41).

use serde_json::Value;

use super::believe_condition;
use crate::condition::{CompiledCondition, Condition, Reads, Schema};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, RecordType};
use crate::record_type::RecordTypes;
use crate::settings::Limits;

/// The most records that a simulation shows.
pub const MOST_SHOWN: u32 = 100;

/// The number at which a simulation stops counting.
pub const MOST_COUNTED: usize = 5_000;

/// Conditions to try out, ready to be tested.
#[derive(Debug)]
pub struct Simulation {
    /// The type of record.
    pub record_type: RecordType,
    /// The conditions.
    pub condition: CompiledCondition,
    /// What they read.
    pub reads: Reads,
    /// How many of the records that fit are shown.
    pub limit: usize,
}

impl Simulation {
    /// Believes `{"recordType", "condition", "limit"?}`, or names everything that is wrong with it.
    pub fn parse(body: &Value, known: &RecordTypes, limits: &Limits) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, &Pointer::root());
        let record_type = RecordType::new(draft.required_text("recordType", MAX_ID_LENGTH));
        let definition = known.get(&record_type).filter(|definition| definition.holds_records());
        if definition.is_none() && !draft.has_fault("recordType") {
            draft.fault("recordType", "unknownRecordType", format!("there is no record type {record_type}"));
        }
        let limit = draft.whole("limit", 1..=MOST_SHOWN).unwrap_or(MOST_SHOWN) as usize;
        let at = draft.place("condition");
        let condition = match (draft.value("condition"), definition) {
            (Some(json), Some(definition)) => {
                let schema = Schema::new(definition, known);
                let believed = believe_condition(json, &at, &schema, limits);
                draft.part(believed.and_then(|condition| Condition::parse(&condition, &at, &schema)))
            }
            (Some(_), None) => None,
            (None, _) => {
                draft.required("condition");
                None
            }
        };
        draft.finish(condition.map(|condition| Self {
            record_type,
            reads: condition.reads(),
            condition: condition.compile(),
            limit,
        }))
    }
}
