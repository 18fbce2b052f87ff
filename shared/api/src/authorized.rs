//! The caller of an operation after the edge let it pass: who it is and how far it may go.

use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use crate::identity::Caller;
use crate::problem::Problem;
use domain::privilege::{Entity, Privilege, Scope, Task};
use domain::role_definition::Privileges;

/// Extractor: the caller, who holds everything that the operation's task needs, at some level.
///
/// Operations declared as [`crate::operation::Access::Organisation`] always come with [`Scope::Organisation`]. In one
/// declared as `Scoped` the handler asks whether what is touched is covered: with [`Authorized::check`],
/// [`Authorized::covers`] or, where it looks for what is covered, by `scope`. The edge fails a success of such an
/// operation in which nobody asked, so that no handler can forget to.
#[derive(Debug, Clone)]
pub struct Authorized {
    /// Who calls.
    pub caller: Caller,
    reach: Reach,
    limiting: (Entity, Privilege),
    privileges: Privileges,
    asked: Arc<AtomicBool>,
}

/// How far a caller may go.
#[derive(Debug, Clone, Copy)]
pub struct Reach {
    /// With this operation.
    pub scope: Scope,
}

/// `authorized.scope`; whoever reads it counts as having asked.
impl Deref for Authorized {
    type Target = Reach;

    fn deref(&self) -> &Reach {
        self.asked.store(true, Ordering::Relaxed);
        &self.reach
    }
}

impl Authorized {
    /// Lets a caller pass who holds what the task needs; otherwise the refusal names what is missing (SEC-03).
    pub(crate) fn pass(caller: Caller, privileges: Privileges, task: &Task) -> Result<Self, Problem> {
        match privileges.task(task) {
            Ok((scope, entity, privilege)) => Ok(Self {
                caller,
                reach: Reach { scope },
                limiting: (entity, privilege),
                privileges,
                asked: Arc::default(),
            }),
            Err((entity, privilege)) => Err(Problem::forbidden(entity, privilege)),
        }
    }

    /// Whether the caller's reach covers what is touched. `lies_within` tells whether that lies within a level; it isn't
    /// asked about the whole organisation, in which everything lies.
    pub fn covers(&self, lies_within: impl Fn(Scope) -> bool) -> bool {
        within(self.scope, lies_within)
    }

    /// Refuses what the caller's reach doesn't cover: as absent what the caller may not `read` either, as forbidden the
    /// rest (API.md "Refusals", SEC-79a).
    pub fn check(&self, read: (Entity, Privilege), lies_within: impl Fn(Scope) -> bool) -> Result<(), Problem> {
        if self.covers(&lies_within) {
            return Ok(());
        }
        let readable = self.scope_of(read.0, read.1).is_some_and(|scope| within(scope, lies_within));
        Err(if readable { self.refusal() } else { Problem::not_found() })
    }

    /// True when the caller reaches less than the whole organisation and nobody asked whether that is far enough.
    pub(crate) fn was_forgotten(&self) -> bool {
        self.reach.scope != Scope::Organisation && !self.asked.load(Ordering::Relaxed)
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

fn within(scope: Scope, lies_within: impl Fn(Scope) -> bool) -> bool {
    scope == Scope::Organisation || lies_within(scope)
}

impl<S: Send + Sync> FromRequestParts<S> for Authorized {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::internal("a handler of a public operation asks who calls"))
    }
}

#[cfg(test)]
mod tests {
    use domain::seller::Role;

    use super::*;
    use domain::privilege::CHANGE_RECORD;
    use domain::role_definition::RoleDefinitions;

    /// SEC-73: a salesperson changes own records and reads those of the business unit.
    fn salesperson() -> Authorized {
        let caller = Caller { sub: "susana".to_owned(), roles: vec![Role::Salesperson] };
        let privileges = RoleDefinitions::predefined().held_by(&caller.roles);
        Authorized::pass(caller, privileges, &CHANGE_RECORD).unwrap()
    }

    /// SEC-79a.
    #[test]
    fn what_is_beyond_reach_is_forbidden_where_it_is_readable_and_absent_otherwise() {
        let read = (Entity::Record, Privilege::Read);
        let check = |narrowest: Option<Scope>| {
            let outcome = salesperson().check(read, |scope| narrowest.is_some_and(|narrowest| narrowest <= scope));
            outcome.map_err(|problem| problem.status().as_u16())
        };
        assert_eq!(check(Some(Scope::Own)), Ok(()));
        assert_eq!(check(Some(Scope::BusinessUnit)), Err(403));
        assert_eq!(check(None), Err(404));
    }

    #[test]
    fn whoever_asks_has_not_forgotten() {
        assert!(salesperson().was_forgotten());
        let asks: [fn(&Authorized); 3] = [
            |authorized| assert_eq!(authorized.scope, Scope::Own),
            |authorized| assert!(!authorized.covers(|_| false)),
            |authorized| assert!(authorized.check((Entity::Record, Privilege::Read), |_| false).is_err()),
        ];
        for ask in asks {
            let authorized = salesperson();
            // The handler has a clone of what the edge looks at.
            ask(&authorized.clone());
            assert!(!authorized.was_forgotten());
        }
    }
}
