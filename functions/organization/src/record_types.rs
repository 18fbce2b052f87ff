//! Record types: load, decide, commit.

use std::sync::Arc;

use api::{Body, IfMatch, Page, Paging, Path, Problem, Versioned};
use axum::extract::State;
use domain::condition::{AttributeValues, Condition, Schema};
use domain::fault::Pointer;
use domain::id::{RecordType, id_fault};
use domain::record_type::{RecordTypeDefinition, RecordTypes};
use domain::rulebook::{RulebookSource, SegmentSource};
use serde_json::Value;

use crate::Organization;

/// `GET /v1/record-types`, by name.
pub(crate) async fn list(
    State(organization): State<Arc<Organization>>,
    paging: Paging,
) -> api::Result<Page<RecordTypeDefinition>> {
    let from: Option<RecordType> = paging.position()?;
    let known = organization.store.record_types().await?;
    let mut found: Vec<RecordTypeDefinition> = known.iter().map(|definition| definition.as_ref().clone()).collect();
    found.retain(|definition| from.as_ref().is_none_or(|from| definition.record_type > *from));
    let next = paging.cut(&mut found, |definition| definition.record_type.clone());
    Ok(paging.page(found, next.as_ref()))
}

/// `GET /v1/record-types/{type}`.
pub(crate) async fn read(
    State(organization): State<Arc<Organization>>,
    Path(record_type): Path<RecordType>,
) -> api::Result<Versioned<RecordTypeDefinition>> {
    let (definition, version) = organization.store.record_type(&record_type).await?.ok_or_else(Problem::not_found)?;
    Ok(Versioned { version, resource: definition })
}

/// `PUT /v1/record-types/{type}`; creates a custom type. What conditions and matchers read can't be taken
/// away.
pub(crate) async fn replace(
    State(organization): State<Arc<Organization>>,
    Path(record_type): Path<RecordType>,
    if_match: IfMatch,
    Body(body): Body,
) -> api::Result<Versioned<RecordTypeDefinition>> {
    if let Some(why) = id_fault(record_type.as_str()) {
        return Err(Problem::parameter("type", "badId", why));
    }
    let mut sources = vec![];
    for definition in organization.store.record_types().await?.iter().filter(|definition| definition.holds_records()) {
        sources.push(organization.store.rulebook_source(definition).await?);
    }
    let decide = |known: &RecordTypes, version: Option<u64>| {
        // What does not exist has the version 0, which no `If-Match` names.
        if_match.check(version.unwrap_or(0))?;
        let definition = RecordTypeDefinition::parse(&body, &record_type, known, &Pointer::root())?;
        let after = known.clone().with(definition.clone());
        match sources.iter().find_map(|source| broken_by(source, known, &after)) {
            Some(reader) => Err(Problem::conflict("columnInUse", format!("{reader} reads what would be missing"))),
            None => Ok(definition),
        }
    };
    let changed = organization.store.change_record_type::<Problem>(&record_type, decide).await?;
    Ok(Versioned { version: changed.1, resource: changed.0 })
}

/// Whose condition or matcher can be read with the definitions before a change but not with those after it: the first
/// segment or rule of a rulebook.
fn broken_by(source: &RulebookSource, before: &RecordTypes, after: &RecordTypes) -> Option<String> {
    let record_type = &source.definition.record_type;
    let reads = |tree: &Value, tested: &RecordType, known: &RecordTypes| {
        let Some((tested, routed)) = known.get(tested).zip(known.get(record_type)) else { return false };
        let attributes = AttributeValues::new();
        // As a matcher is read: it may say all that a condition may.
        let schema = Schema::new(tested, known).routing(routed).with_attributes(&attributes).of_stored();
        Condition::parse(tree, &Pointer::root(), &schema).is_ok()
    };
    let trees = source.segments.iter().flat_map(|SegmentSource { segment, rules }| {
        let of_rules = rules.iter().flat_map(|rule| {
            let matcher = rule.target.matcher();
            let trees = std::iter::once((record_type.clone(), &rule.condition)).chain(matcher);
            trees.map(|(tested, tree)| (format!("the rule {}", rule.id), tested, tree))
        });
        let of_segment = (format!("the segment {}", segment.id), record_type.clone(), &segment.condition);
        std::iter::once(of_segment).chain(of_rules)
    });
    let mut broken = trees.filter(|(_, tested, tree)| reads(tree, tested, before) && !reads(tree, tested, after));
    broken.next().map(|(name, ..)| name)
}
