//! Roles. Answers are the store's definitions of [`Grant`]s; these describe them.

use std::borrow::Cow;

use utoipa::openapi::{RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::seller::role_words;

/// One privilege that a role holds.
#[derive(Debug, ToSchema)]
pub struct Grant {
    /// On what.
    pub entity: Entity,
    /// What may be done.
    pub privilege: Privilege,
    /// How far it reaches.
    pub level: Scope,
}

/// The words of an enum of `domain`, under its name.
macro_rules! words_of {
    ($($(#[$doc:meta])* $name:ident: $description:literal),+) => {
        $(
            $(#[$doc])*
            #[derive(Debug)]
            pub struct $name;

            impl PartialSchema for $name {
                fn schema() -> RefOr<Schema> {
                    let words = domain::privilege::$name::ALL.map(domain::privilege::$name::word);
                    super::described(super::words(&words.each_ref().map(String::as_str)), $description)
                }
            }

            impl ToSchema for $name {
                fn name() -> Cow<'static, str> {
                    stringify!($name).into()
                }
            }
        )+
    };
}

words_of!(
    /// What a privilege is held on.
    Entity: "What a privilege is held on.",
    /// What may be done with an entity.
    Privilege: "What may be done with an entity (SEC-01).",
    /// How far a privilege reaches.
    Scope: "How far a privilege reaches, from the narrowest."
);

/// What a role may do.
#[derive(Debug, ToSchema)]
#[schema(example = json!({
    "privileges": [
        {"entity": "record", "privilege": "read", "level": "businessUnit"},
        {"entity": "record", "privilege": "write", "level": "own"}
    ]
}))]
pub struct RoleBody {
    /// Everything it may do; each privilege on an entity once.
    pub privileges: Vec<Grant>,
}

/// A role.
#[derive(Debug, ToSchema)]
pub struct Role {
    /// Its name as tokens have it.
    #[schema(schema_with = name)]
    pub name: String,
    /// Everything it may do.
    pub privileges: Vec<Grant>,
    /// Counts the changes that clients made.
    pub version: u64,
}

fn name() -> RefOr<Schema> {
    super::words(&role_words())
}
