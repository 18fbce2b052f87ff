//! Which sellers somebody looks for (ELIG-06).

use serde_json::Value;

use crate::condition::{Condition, ConditionLimits, Schema};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::settings::Limits;

/// Believes the body of a search, `{"condition": <node>}`, and gives back its condition. It may be as large as that of a
/// segment.
pub fn parse_search(body: &Value, schema: &Schema<'_>, limits: &Limits) -> Result<Condition, Vec<Fault>> {
    let mut draft = Draft::read(body, &Pointer::root());
    let at = draft.place("condition");
    let Some(json) = draft.value("condition") else {
        draft.required("condition");
        return draft.finish(None);
    };
    let condition = draft.part(Condition::parse(json, &at, schema));
    let limits =
        ConditionLimits { rows: limits.max_conditions, related: None, characters: limits.max_condition_characters };
    let exceeded = condition.as_ref().map(|condition| condition.limit_faults(json, &limits, &at));
    draft.faults(exceeded.unwrap_or_default());
    draft.finish(condition)
}
