//! Names of things: one newtype per kind of id, and who can own a record.
//!
//! What an id looks like is checked where a client's choice is believed; an id read from the store is taken as it is.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Words that stand in routes and therefore can't be ids.
pub const RESERVED_WORDS: [&str; 6] = ["batch", "import", "search", "bulk", "simulate", "order"];

/// The longest id, in characters.
pub const MAX_ID_LENGTH: usize = 64;

/// Why a client's choice of id is refused; `None` when it may be used.
///
/// API.md section 1: `^[A-Za-z0-9_-]{1,64}$` and none of the words used in routes.
#[must_use]
pub fn id_fault(text: &str) -> Option<&'static str> {
    let fits = (1..=MAX_ID_LENGTH).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !fits {
        Some("must be 1 to 64 letters, digits, '_' or '-'")
    } else if RESERVED_WORDS.contains(&text) {
        Some("is a word used in routes")
    } else {
        None
    }
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(#[serde(with = "crate::shared_text")] Arc<str>);

        impl $name {
            /// Takes the text as it is.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into().into())
            }

            /// The id as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.into())
            }
        }
    )*};
}

id_types! {
    /// The name of a record type: `lead`, `opportunity`, `account`, `contact` or a custom one.
    RecordType;
    /// A record's id, unique within its type.
    RecordId;
    /// A segment's id: `{type}-{suffix}`, so the id says which rulebook holds it.
    SegmentId;
    /// An assignment rule's id: `{segment id}-{n}`, so the id says which segment holds it.
    RuleId;
    /// The id of a segment's run.
    SegmentRunId;
    /// A seller's id.
    SellerId;
    /// A team's id.
    TeamId;
    /// A queue's id.
    QueueId;
    /// The id of a seller attribute.
    SellerAttributeId;
    /// The id of an entry in a seller's calendar.
    CalendarEntryId;
    /// A business unit's id.
    BusinessUnitId;
    /// A routing run's id. Opaque to clients; it says which item of the store holds the run.
    RunId;
}

/// A record among all types.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The record's type.
    #[serde(rename = "type")]
    pub record_type: RecordType,
    /// Its id within the type.
    pub id: RecordId,
}

impl RecordKey {
    /// The key of a record.
    pub fn new(record_type: impl Into<RecordType>, id: impl Into<RecordId>) -> Self {
        Self { record_type: record_type.into(), id: id.into() }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}", self.record_type, self.id)
    }
}

/// Who can own a record: `{"kind": "seller|team|queue", "id": ...}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "id", rename_all = "camelCase")]
pub enum Owner {
    /// One seller.
    Seller(SellerId),
    /// A team; any member may take the record.
    Team(TeamId),
    /// A queue; any member may pick the record.
    Queue(QueueId),
}

impl Owner {
    /// The word for the kind, as in JSON.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Seller(_) => "seller",
            Self::Team(_) => "team",
            Self::Queue(_) => "queue",
        }
    }

    /// The id, whatever the kind.
    #[must_use]
    pub fn id(&self) -> &str {
        match self {
            Self::Seller(id) => id.as_str(),
            Self::Team(id) => id.as_str(),
            Self::Queue(id) => id.as_str(),
        }
    }

    /// The seller, if it is one. Only sellers have capacity (CAP-05).
    #[must_use]
    pub fn seller(&self) -> Option<&SellerId> {
        match self {
            Self::Seller(id) => Some(id),
            Self::Team(_) | Self::Queue(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_refused_for_its_form_or_as_a_word_used_in_routes() {
        assert_eq!(id_fault("L-17_x"), None);
        for bad in ["", "a b", "ä", "a#b", &"x".repeat(65)] {
            assert!(id_fault(bad).is_some(), "{bad}");
        }
        for word in RESERVED_WORDS {
            assert!(id_fault(word).is_some(), "{word}");
        }
    }

    #[test]
    fn an_owner_reads_and_writes_kind_and_id() {
        let owner = Owner::Seller("susana".into());
        let json = serde_json::to_string(&owner).unwrap();
        assert_eq!(json, r#"{"kind":"seller","id":"susana"}"#);
        assert_eq!(serde_json::from_str::<Owner>(&json).unwrap(), owner);
    }
}
