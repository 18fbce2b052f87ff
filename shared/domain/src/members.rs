//! The members of a team or queue: sellers, each once.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::draft::Draft;
use crate::fault::Fault;
use crate::id::{SellerId, id_fault};

/// The most members of one team or queue: their ids share one stored item.
pub const MAX_MEMBERS: usize = 2_000;

/// The sellers that a body names as members, whatever else is wrong with it: who believes it needs to know which of
/// them exist.
#[must_use]
pub fn members_named(body: &Value) -> BTreeSet<SellerId> {
    let ids = body.get("memberIds").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    ids.filter(|id| id_fault(id).is_none()).map(SellerId::from).collect()
}

/// Reads `memberIds`, all of whom must be among the `sellers` that exist; empty when it is absent.
pub(crate) fn read_members(draft: &mut Draft<'_>, sellers: &BTreeSet<SellerId>) -> Vec<SellerId> {
    let ids: Vec<SellerId> = draft.ids("memberIds").into_iter().map(SellerId::new).collect();
    if ids.len() > MAX_MEMBERS {
        draft.fault("memberIds", "tooMany", format!("must be at most {MAX_MEMBERS}"));
    } else if !draft.has_fault("memberIds") {
        let at = draft.place("memberIds");
        let unknown = ids.iter().enumerate().filter(|(_, id)| !sellers.contains(id));
        let unknown =
            unknown.map(|(n, id)| Fault::new(&at.join(n), "unknownSeller", format!("there is no seller {id}")));
        draft.faults(unknown.collect::<Vec<_>>());
    }
    ids
}
