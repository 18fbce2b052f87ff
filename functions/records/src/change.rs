//! Records, changed: patched, deleted, assigned by hand, closed, reopened. Each is a decision of `domain` on the record
//! as it is at the moment of the write.

use std::sync::Arc;

use api::shapes::record::Record;
use api::{Authorized, Body, Deleted, IfMatch, Path, Problem, Seed, Versioned};
use axum::extract::State;
use domain::fault::Pointer;
use domain::id::{RecordId, RecordKey, RecordType};
use domain::record::State as RecordState;
use domain::record_draft::{parse_outcome, parse_owner, parse_patch};
use domain::record_type::too_long;
use domain::route::manual;
use jiff::Timestamp;
use store::knowledge::Knowledge;
use store::record_item::Stored;
use store::records::Change;

use crate::Records;
use crate::scope::{check, definition, shown};

type Key = (String, String);

fn key((record_type, id): Key) -> RecordKey {
    RecordKey { record_type: RecordType::new(record_type), id: RecordId::new(id) }
}

/// What each of these operations does around its decision: who may, on which version, and the answer.
async fn change(
    records: &Records,
    key: &RecordKey,
    authorized: &Authorized,
    knowledge: &Knowledge,
    if_match: &IfMatch,
    decide: impl Fn(&Stored, Timestamp) -> api::Result<Change>,
) -> api::Result<Versioned<Record>> {
    change_unless(records, key, authorized, knowledge, if_match, |_| false, decide).await
}

/// The same for an action by POST. One that this very request carried out before, whose answer was lost, is done.
async fn act(
    records: &Records,
    key: &RecordKey,
    authorized: &Authorized,
    knowledge: &Knowledge,
    if_match: &IfMatch,
    seed: &Seed,
    decide: impl Fn(&Stored, Timestamp) -> api::Result<Change>,
) -> api::Result<Versioned<Record>> {
    let tag = seed.tag();
    let done = |stored: &Stored| stored.record.tag.as_ref() == Some(&tag);
    let decide = |stored: &Stored, now| Ok(decide(stored, now)?.by(&tag));
    change_unless(records, key, authorized, knowledge, if_match, done, decide).await
}

async fn change_unless(
    records: &Records,
    key: &RecordKey,
    authorized: &Authorized,
    knowledge: &Knowledge,
    if_match: &IfMatch,
    done: impl Fn(&Stored) -> bool,
    decide: impl Fn(&Stored, Timestamp) -> api::Result<Change>,
) -> api::Result<Versioned<Record>> {
    let now = records.clock.now();
    let decide = |stored: &Stored| {
        check(authorized, &stored.record, knowledge)?;
        if done(stored) {
            return Ok(Change::Nothing);
        }
        if_match.check(stored.record.version)?;
        decide(stored, now)
    };
    let record = records.store.change_record::<Problem>(key, now, decide).await?;
    Ok(Versioned { version: record.version, resource: shown(record, knowledge) })
}

/// `PATCH /v1/records/{type}/{id}`.
pub(crate) async fn patch(
    State(records): State<Arc<Records>>,
    Path(path): Path<Key>,
    authorized: Authorized,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<Record>> {
    let key = key(path);
    let knowledge = records.knowledge().await?;
    let changes = parse_patch(&body, definition(&knowledge, &key.record_type)?)?;
    let rulebook = knowledge.organisation.rulebooks.get(&key.record_type).ok_or_else(Problem::not_found)?;
    change(&records, &key, &authorized, &knowledge, &if_match, |stored, now| {
        let patched = stored.record.clone().patched(&changes, rulebook.used_columns(), now);
        match too_long(&patched.fields, &Pointer::root().join("fields")) {
            Some(fault) => Err(vec![fault].into()),
            None => Ok(into_or_nothing(stored, patched)),
        }
    })
    .await
}

/// `DELETE /v1/records/{type}/{id}`.
pub(crate) async fn delete(
    State(records): State<Arc<Records>>,
    Path(path): Path<Key>,
    authorized: Authorized,
    if_match: IfMatch,
) -> api::Result<Deleted> {
    let (key, knowledge) = (key(path), records.knowledge().await?);
    definition(&knowledge, &key.record_type)?;
    change(&records, &key, &authorized, &knowledge, &if_match, |_, _| Ok(Change::Deleted)).await?;
    Ok(Deleted)
}

/// `POST /v1/records/{type}/{id}/assign`.
pub(crate) async fn assign(
    State(records): State<Arc<Records>>,
    Path(path): Path<Key>,
    authorized: Authorized,
    if_match: IfMatch,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Versioned<Record>> {
    let (key, knowledge) = (key(path), records.knowledge().await?);
    definition(&knowledge, &key.record_type)?;
    let owner = parse_owner(&body, |owner| knowledge.has(owner))?;
    if !knowledge.may_receive(&owner) {
        return Err(Problem::owner_lacks_permission());
    }
    let version = knowledge.organisation.rulebooks.get(&key.record_type).map_or(0, |rulebook| rulebook.version);
    let unit = owner.seller().and_then(|seller| knowledge.unit_of(seller));
    act(&records, &key, &authorized, &knowledge, &if_match, &seed, |stored, now| {
        active(stored)?;
        let run = Box::new(manual(&stored.record, owner.clone(), version, now));
        Ok(Change::Assigned { run, business_unit: unit.map(ToOwned::to_owned), tag: None })
    })
    .await
}

/// `POST /v1/records/{type}/{id}/close`.
pub(crate) async fn close(
    State(records): State<Arc<Records>>,
    Path(path): Path<Key>,
    authorized: Authorized,
    if_match: IfMatch,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Versioned<Record>> {
    let (key, knowledge) = (key(path), records.knowledge().await?);
    definition(&knowledge, &key.record_type)?;
    let outcome = parse_outcome(&body, &key.record_type)?;
    act(&records, &key, &authorized, &knowledge, &if_match, &seed, |stored, now| {
        active(stored)?;
        Ok(Change::Into(Box::new(stored.record.clone().closed(outcome, now))))
    })
    .await
}

/// `POST /v1/records/{type}/{id}/reopen`.
pub(crate) async fn reopen(
    State(records): State<Arc<Records>>,
    Path(path): Path<Key>,
    authorized: Authorized,
    if_match: IfMatch,
    seed: Seed,
) -> api::Result<Versioned<Record>> {
    let (key, knowledge) = (key(path), records.knowledge().await?);
    definition(&knowledge, &key.record_type)?;
    act(&records, &key, &authorized, &knowledge, &if_match, &seed, |stored, now| {
        if stored.record.state == RecordState::Active {
            return Err(Problem::conflict("recordActive", "the record is active"));
        }
        Ok(Change::Into(Box::new(stored.record.clone().reopened(now))))
    })
    .await
}

/// Refuses a record that has left the process.
pub(crate) fn active(stored: &Stored) -> api::Result<()> {
    match stored.record.state {
        RecordState::Active => Ok(()),
        RecordState::Inactive => Err(Problem::conflict("recordInactive", "the record is inactive")),
    }
}

fn into_or_nothing(stored: &Stored, after: domain::record::Record) -> Change {
    if after == stored.record { Change::Nothing } else { Change::Into(Box::new(after)) }
}
