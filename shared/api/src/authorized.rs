//! The caller of an operation after the edge let it pass: who it is and how far it may go.

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::identity::Caller;
use crate::privilege::{Entity, Privilege, Scope, Task};
use crate::problem::Problem;
use crate::roles::Privileges;

/// Extractor: the caller, who holds everything that the operation's task needs, at `scope` or wider.
///
/// Operations declared as [`crate::operation::Access::Organisation`] always come with [`Scope::Organisation`]. In one
/// declared as `Scoped` the handler compares `scope` with what is touched, and for the difference between 404 and 403
/// asks [`Authorized::scope_of`] how far the caller may read (API.md "Refusals").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Authorized {
    /// Who calls.
    pub caller: Caller,
    /// How far the caller may go with this operation.
    pub scope: Scope,
    limiting: (Entity, Privilege),
    privileges: Privileges,
}

impl Authorized {
    /// Lets a caller pass who holds what the task needs; otherwise the refusal names what is missing (SEC-03).
    pub(crate) fn pass(caller: Caller, privileges: Privileges, task: &Task) -> Result<Self, Problem> {
        match privileges.task(task) {
            Ok((scope, entity, privilege)) => Ok(Self { caller, scope, limiting: (entity, privilege), privileges }),
            Err((entity, privilege)) => Err(Problem::forbidden(entity, privilege)),
        }
    }

    /// How far the caller holds a privilege; `None` when not at all.
    #[must_use]
    pub fn scope_of(&self, entity: Entity, privilege: Privilege) -> Option<Scope> {
        self.privileges.scope(entity, privilege)
    }

    /// Demands a further task throughout the organisation.
    pub fn demand(&self, task: &Task) -> Result<(), Problem> {
        match self.privileges.task(task) {
            Ok((Scope::Organisation, ..)) => Ok(()),
            Ok((_, entity, privilege)) | Err((entity, privilege)) => Err(Problem::forbidden(entity, privilege)),
        }
    }

    /// The refusal for something readable that lies beyond `scope`; names the privilege that reaches least far.
    #[must_use]
    pub fn refusal(&self) -> Problem {
        let (entity, privilege) = self.limiting;
        Problem::forbidden(entity, privilege)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Authorized {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::internal("a handler of a public operation asks who calls"))
    }
}
