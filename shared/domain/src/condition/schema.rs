//! What a tree may speak of at its place: columns, relations, attributes, the routed record, the current user.

use std::collections::BTreeMap;

use crate::record_type::{RecordTypeDefinition, RecordTypes};

/// The seller attributes of the organisation, each with its closed list of values (ENT-05).
pub type AttributeValues = BTreeMap<String, Vec<String>>;

/// What a condition may ask at the place where it stands.
#[derive(Debug, Clone, Copy)]
pub struct Schema<'a> {
    /// What is tested.
    pub(super) subject: &'a RecordTypeDefinition,
    /// What relations lead to.
    pub(super) record_types: &'a RecordTypes,
    /// The record whose values `valueFrom` may take.
    pub(super) routed: Option<&'a RecordTypeDefinition>,
    pub(super) attributes: Option<&'a AttributeValues>,
    pub(super) current_user: bool,
    pub(super) stored: bool,
}

impl<'a> Schema<'a> {
    /// The schema of a segment's or rule's condition: columns and relations of the tested type.
    #[must_use]
    pub fn new(subject: &'a RecordTypeDefinition, record_types: &'a RecordTypes) -> Self {
        Self { subject, record_types, routed: None, attributes: None, current_user: false, stored: false }
    }

    /// Of a matcher: rows may take values from the routed record (COND-09).
    #[must_use]
    pub fn routing(self, routed: &'a RecordTypeDefinition) -> Self {
        Self { routed: Some(routed), ..self }
    }

    /// Of a matcher by seller attributes: rows may test these.
    #[must_use]
    pub fn with_attributes(self, attributes: &'a AttributeValues) -> Self {
        Self { attributes: Some(attributes), ..self }
    }

    /// Of a filter that somebody looks through: rows may ask for the current user (COND-32).
    #[must_use]
    pub fn with_current_user(self) -> Self {
        Self { current_user: true, ..self }
    }

    /// For a tree that was believed before: an option or attribute value that has been removed since is no fault, it
    /// just matches nothing.
    #[must_use]
    pub fn of_stored(self) -> Self {
        Self { stored: true, ..self }
    }
}
