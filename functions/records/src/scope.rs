//! How far a caller may reach: its own records, those of its business unit, or all (SEC-73).

use api::{Authorized, Problem, Scope};
use domain::id::{Owner, RecordType, SellerId};
use domain::privilege::{Entity, Privilege};
use domain::record::Record;
use domain::record_type::RecordTypeDefinition;
use store::knowledge::Knowledge;

/// The definition of a type whose records can be worked; otherwise there is no such path.
pub(crate) fn definition<'a>(
    knowledge: &'a Knowledge,
    record_type: &RecordType,
) -> api::Result<&'a RecordTypeDefinition> {
    let definition = knowledge.record_types.get(record_type).filter(|definition| definition.holds_records());
    definition.map(AsRef::as_ref).ok_or_else(Problem::not_found)
}

/// A record as it is answered. The segment of a member that was deleted reads as none (SEG-05).
pub(crate) fn shown(mut record: Record, knowledge: &Knowledge) -> api::shapes::record::Record {
    let rulebook = knowledge.organisation.rulebooks.get(&record.key.record_type);
    record.segment = record.segment.filter(|segment| rulebook.is_some_and(|rulebook| rulebook.knows(segment)));
    record.into()
}

/// Whether a record lies within a scope of the caller (SEC-79a).
pub(crate) fn reaches(scope: Scope, caller: &str, record: &Record, knowledge: &Knowledge) -> bool {
    match scope {
        Scope::Organisation => true,
        Scope::Own => record.owner.as_ref().and_then(Owner::seller).is_some_and(|owner| owner.as_str() == caller),
        Scope::BusinessUnit => {
            if reaches(Scope::Own, caller, record, knowledge) {
                return true;
            }
            let unit = record.business_unit.as_deref();
            unit.is_some() && unit == knowledge.unit_of(&SellerId::from(caller))
        }
    }
}

/// Refuses a record that the caller may not read as absent, and one that lies beyond what the operation allows as
/// forbidden (API.md "Refusals").
pub(crate) fn check(authorized: &Authorized, record: &Record, knowledge: &Knowledge) -> api::Result<()> {
    let caller = authorized.caller.sub.as_str();
    let read = (Entity::Record, Privilege::Read);
    authorized.check(read, |scope| reaches(scope, caller, record, knowledge))
}
