//! Versions of everything that functions keep between invocations: one small item, read once per batch.
//!
//! Each counter grows in the very transaction that changes what it stands for, so who read a counter and then the thing
//! knows whether the thing is still current.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::Update;
use domain::id::RecordType;

use crate::error::{Error, Result};
use crate::item::{Item, number};
use crate::keys;
use crate::store::Store;

const RULEBOOK: &str = "rulebook:";

/// What has a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Changed {
    /// The organisation's settings.
    Settings,
    /// Any seller's static part, any seller attribute, team or queue.
    Roster,
    /// The definition of any role.
    Roles,
    /// The definition of any record type: conditions of one type may read columns of another.
    Definitions,
    /// Segments and rules of a record type.
    Rulebook(RecordType),
}

impl Changed {
    fn attribute(&self) -> String {
        match self {
            Self::Settings => "settings".to_owned(),
            Self::Roster => "roster".to_owned(),
            Self::Roles => "roles".to_owned(),
            Self::Definitions => "definitions".to_owned(),
            Self::Rulebook(record_type) => format!("{RULEBOOK}{record_type}"),
        }
    }

    /// The write that counts the change.
    pub(crate) fn update(&self, table: &str) -> Update {
        Update::builder()
            .table_name(table)
            .set_key(Some(keys::versions().attributes()))
            .update_expression("ADD #counter :one")
            .expression_attribute_names("#counter", self.attribute())
            .expression_attribute_values(":one", number(1))
            .build()
            .expect("table, key and expression are given")
    }
}

/// All versions at one instant. What was never changed has version 0.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions {
    /// Of the settings.
    pub settings: u64,
    /// Of the sellers' static part, the seller attributes, the teams and the queues.
    pub roster: u64,
    /// Of the role definitions; 0 as long as all are the predefined ones.
    pub roles: u64,
    /// Of the definitions of all record types.
    pub definitions: u64,
    rulebooks: BTreeMap<RecordType, u64>,
}

impl Versions {
    /// The version of a type's rulebook. It grows with its segments and rules and with the definition of any type.
    #[must_use]
    pub fn rulebook(&self, record_type: &RecordType) -> u64 {
        self.definitions + self.rulebooks.get(record_type).copied().unwrap_or(0)
    }

    fn of(item: &Item) -> Result<Self> {
        let mut versions = Self::default();
        for (name, value) in item.iter().filter(|(name, _)| !["pk", "sk"].contains(&name.as_str())) {
            let version = value.as_n().ok().and_then(|digits| digits.parse().ok());
            let version = version.ok_or_else(|| Error::Corrupt(format!("the version of {name} is no number")))?;
            match (name.as_str(), name.strip_prefix(RULEBOOK)) {
                ("settings", _) => versions.settings = version,
                ("roster", _) => versions.roster = version,
                ("roles", _) => versions.roles = version,
                ("definitions", _) => versions.definitions = version,
                (_, Some(record_type)) => {
                    versions.rulebooks.insert(RecordType::from(record_type), version);
                }
                _ => return Err(Error::Corrupt(format!("a version of {name}, which is unknown"))),
            }
        }
        Ok(versions)
    }
}

impl Store {
    /// The versions in force, read consistently: one small read.
    pub async fn versions(&self) -> Result<Versions> {
        let item = self.work_item(&keys::versions()).await?;
        item.as_ref().map_or_else(|| Ok(Versions::default()), Versions::of)
    }
}
