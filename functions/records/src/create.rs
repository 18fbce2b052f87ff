//! New records: one, or up to a thousand of which those that fail don't stop the others.

use std::collections::HashSet;
use std::sync::Arc;

use api::shapes::record::{BatchResult, BatchResults, Record};
use api::{Authorized, Body, Created, Path, Scope, Seed};
use axum::Json;
use axum::extract::State;
use domain::draft::Draft;
use domain::fault::Pointer;
use domain::id::{Owner, RecordId, RecordKey, RecordType};
use domain::record::NewRecord;
use domain::record_draft::RecordDraft;
use domain::record_type::RecordTypeDefinition;
use serde_json::Value;
use store::knowledge::Knowledge;

use crate::Records;
use crate::scope::{definition, shown};

/// The most records of one batch.
const MOST: usize = 1_000;

/// `POST /v1/records/{type}`.
pub(crate) async fn one(
    State(records): State<Arc<Records>>,
    Path(record_type): Path<String>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Created<Record>> {
    let record_type = RecordType::new(record_type);
    let knowledge = records.knowledge().await?;
    let definition = definition(&knowledge, &record_type)?;
    // Who may not give an owner does not learn whether there is one.
    let known = |owner: &Owner| !may_give(&authorized, owner) || knowledge.has(owner);
    let draft = RecordDraft::parse(&body, &Pointer::root(), definition, known)?;
    own_only(&authorized, &draft)?;
    let new = Maker::new(&record_type, &authorized, &knowledge, &seed).record(draft, 0, false)?;
    let record = records.store.create_record(new, records.clock.now()).await?;
    let location = format!("/v1/records/{record_type}/{}", record.key.id);
    Ok(Created { location, version: record.version, resource: shown(record, &knowledge) })
}

/// `POST /v1/records/{type}/batch`.
pub(crate) async fn many(
    State(records): State<Arc<Records>>,
    Path(record_type): Path<String>,
    authorized: Authorized,
    seed: Seed,
    Body(body): Body,
) -> api::Result<Json<BatchResults>> {
    let record_type = RecordType::new(record_type);
    let knowledge = records.knowledge().await?;
    let definition = definition(&knowledge, &record_type)?;
    let mut draft = Draft::read(&body, &Pointer::root());
    let elements = draft.list("records");
    if elements.is_none() && !draft.has_fault("records") {
        draft.required("records");
    }
    if elements.as_ref().is_some_and(|elements| !(1..=MOST).contains(&elements.len())) {
        draft.fault("records", "outOfRange", format!("must hold 1 to {MOST} records"));
    }
    let elements = draft.finish(elements)?;
    let mut maker = Maker::new(&record_type, &authorized, &knowledge, &seed);
    let mut results = Vec::with_capacity(elements.len());
    let (mut places, mut new) = (Vec::new(), Vec::new());
    for ((index, (place, element)), number) in elements.into_iter().enumerate().zip(0..) {
        let believed = believe(element, &place, definition, &knowledge);
        match believed.and_then(|draft| maker.record(draft, number, false)) {
            Err(problem) => results.push(BatchResult::failed(index, asked_id(element), problem)),
            Ok(record) => {
                places.push(index);
                new.push(record);
            }
        }
    }
    let ids: Vec<RecordId> = new.iter().map(|new| new.key.id.clone()).collect();
    let created = records.store.create_records(new, records.clock.now()).await;
    results.extend(places.into_iter().zip(ids).zip(created).map(|((index, id), created)| match created {
        Ok(record) => BatchResult::ok(index, record.key.id),
        Err(error) => BatchResult::failed(index, Some(id), error.into()),
    }));
    results.sort_by_key(|result| result.index);
    Ok(Json(BatchResults { results }))
}

pub(crate) fn believe(
    element: &Value,
    place: &Pointer,
    definition: &RecordTypeDefinition,
    knowledge: &Knowledge,
) -> api::Result<RecordDraft> {
    Ok(RecordDraft::parse(element, place, definition, |owner| knowledge.has(owner))?)
}

/// The id that a refused element asked for, so that a client can tell which one it was.
fn asked_id(element: &Value) -> Option<RecordId> {
    element.get("id").and_then(Value::as_str).map(RecordId::new)
}

/// SEC-73: who may create only own records may give only themselves as owner.
fn may_give(authorized: &Authorized, owner: &Owner) -> bool {
    authorized.scope == Scope::Organisation || *owner == Owner::Seller(authorized.caller.sub.as_str().into())
}

/// SEC-73: who may create only own records may give only themselves as owner, and no instant of creation.
fn own_only(authorized: &Authorized, draft: &RecordDraft) -> api::Result<()> {
    let dated = draft.created_on.is_some() && authorized.scope != Scope::Organisation;
    let beyond = dated || draft.owner.as_ref().is_some_and(|owner| !may_give(authorized, owner));
    if beyond { Err(authorized.refusal()) } else { Ok(()) }
}

/// What new records of one request have in common.
pub(crate) struct Maker<'a> {
    record_type: &'a RecordType,
    authorized: &'a Authorized,
    knowledge: &'a Knowledge,
    seed: &'a Seed,
    made: HashSet<RecordId>,
}

impl<'a> Maker<'a> {
    pub(crate) fn new(
        record_type: &'a RecordType,
        authorized: &'a Authorized,
        knowledge: &'a Knowledge,
        seed: &'a Seed,
    ) -> Self {
        Self { record_type, authorized, knowledge, seed, made: HashSet::new() }
    }

    /// The `number`-th new record of the request. An id that the request has used before is taken: the store alone would
    /// take the second one for a repetition of the first.
    pub(crate) fn record(&mut self, draft: RecordDraft, number: u32, imported: bool) -> api::Result<NewRecord> {
        let id = draft.id.unwrap_or_else(|| RecordId::new(self.seed.id(number)));
        if !self.made.insert(id.clone()) {
            return Err(store::Error::Exists.into());
        }
        let unit = draft.owner.as_ref().and_then(Owner::seller).and_then(|seller| self.knowledge.unit_of(seller));
        Ok(NewRecord {
            key: RecordKey { record_type: self.record_type.clone(), id },
            fields: draft.fields,
            business_unit: unit.map(ToOwned::to_owned),
            owner: draft.owner,
            created_on: draft.created_on,
            route: draft.route,
            imported,
            created_by: self.authorized.caller.sub.clone(),
            tag: Some(self.seed.tag()),
        })
    }
}
