//! What a tree reads: which changes can change its verdict, and what must be loaded before it is tested.

use std::collections::{BTreeMap, BTreeSet};

use super::{Condition, Node, Operand, Related, Row, Tested};

/// Columns, names and relations that conditions read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reads {
    /// Columns of the tested record itself, lookups that relations follow among them (SEG-52).
    pub columns: BTreeSet<String>,
    /// Lookup and owner columns of the tested record whose names are compared (COND-26).
    pub names: BTreeSet<String>,
    /// Relations, each with the lookup and owner columns of the related records whose names are compared.
    pub relations: BTreeMap<String, BTreeSet<String>>,
    /// Columns of the routed record that values are taken from (COND-09).
    pub routed: BTreeSet<String>,
    /// Seller attributes.
    pub attributes: BTreeSet<String>,
}

impl Condition {
    /// What the tree reads.
    #[must_use]
    pub fn reads(&self) -> Reads {
        let mut reads = Reads::default();
        reads.add(&self.root, None);
        reads
    }
}

impl Reads {
    /// Adds what another tree on the same type reads.
    pub fn join(&mut self, other: Self) {
        self.columns.extend(other.columns);
        self.names.extend(other.names);
        self.routed.extend(other.routed);
        self.attributes.extend(other.attributes);
        for (relation, names) in other.relations {
            self.relations.entry(relation).or_default().extend(names);
        }
    }

    fn add(&mut self, node: &Node, relation: Option<&str>) {
        match node {
            Node::All(parts) | Node::Any(parts) => parts.iter().for_each(|part| self.add(part, relation)),
            Node::Row(row) => self.add_row(row, relation),
            Node::Related(Related { relation, lookup_column, condition, .. }) => {
                self.columns.extend(lookup_column.clone());
                self.relations.entry(relation.clone()).or_default();
                if let Some(condition) = condition {
                    self.add(condition, Some(relation));
                }
            }
        }
    }

    fn add_row(&mut self, row: &Row, relation: Option<&str>) {
        if let Operand::From(column) = &row.operand {
            self.routed.insert(column.name.clone());
        }
        match (&row.tested, relation) {
            (Tested::Attribute(attribute), _) => {
                self.attributes.insert(attribute.clone());
            }
            (Tested::Field(column), None) => {
                self.columns.insert(column.name.clone());
                if row.tests_name() {
                    self.names.insert(column.name.clone());
                }
            }
            (Tested::Field(column), Some(relation)) if row.tests_name() => {
                self.relations.entry(relation.to_owned()).or_default().insert(column.name.clone());
            }
            (Tested::Field(_), Some(_)) => {}
        }
    }
}
