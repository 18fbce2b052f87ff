//! Why a record can't be decided at all: what stood in the way before anybody could be chosen.

use crate::reason::Reason;

/// Why a record can't be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// What people see.
    pub reason: Reason,
    /// The details; never a record's contents.
    pub details: String,
}

impl Obstacle {
    /// Something of ours is broken (MON-20).
    pub fn broken(details: impl Into<String>) -> Self {
        Self { reason: Reason::ServerError, details: details.into() }
    }

    /// The engine's own identity lacks a privilege, such as `dynamodb:GetItem on table/work` (SEC-48, MON-33).
    #[must_use]
    pub fn denied(lacking: &str) -> Self {
        let details = format!("the engine's own identity lacks a privilege: {lacking}");
        Self { reason: Reason::ServicePermission, details }
    }
}
