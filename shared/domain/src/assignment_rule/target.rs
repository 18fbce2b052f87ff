//! Whom a rule chooses from: sellers, teams or queues, all of them, some by name or those that match (RULE-30…36).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::condition::{AttributeValues, Condition, ConditionLimits, Schema};
use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::id::{MAX_ID_LENGTH, QueueId, RecordType, SellerId, TeamId};
use crate::record_type::{RecordTypeDefinition, RecordTypes};
use crate::settings::Limits;

/// Whom a rule chooses from: `{"kind": "sellers", "pick": ...}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub enum Target {
    /// One of several sellers.
    Sellers(SellerPick),
    /// One team, which then owns the record (RULE-33, RULE-34).
    Teams(GroupPick<TeamId>),
    /// One queue, from which any member may take the record (RULE-35, RULE-36).
    Queues(GroupPick<QueueId>),
}

/// Which sellers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pick", rename_all = "camelCase")]
pub enum SellerPick {
    /// Every eligible seller (RULE-30).
    Any,
    /// Those that a matcher fits (RULE-31).
    Matching {
        /// What the matcher tests.
        source: Source,
        /// The matcher, as the client wrote it.
        #[serde(rename = "match")]
        matcher: Value,
    },
    /// A chosen list, not empty and without repetitions (RULE-32).
    Specific {
        /// The sellers' ids. A seller deleted later stays in the list and is never chosen.
        ids: Vec<SellerId>,
    },
}

/// Which teams or queues. One must be left; several are settled by `if_several`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "pick", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum GroupPick<Id> {
    /// Those that a matcher on their fields fits.
    Matching {
        /// Always their fields.
        source: Source,
        /// The matcher, as the client wrote it.
        #[serde(rename = "match")]
        matcher: Value,
        /// What happens when it fits several (RULE-38).
        if_several: IfSeveral,
    },
    /// A chosen list, not empty and without repetitions (OQ-39).
    Specific {
        /// Their ids.
        ids: Vec<Id>,
        /// What happens when several of them can take the record (RULE-38).
        if_several: IfSeveral,
    },
}

impl<Id> GroupPick<Id> {
    /// What happens when several are found.
    #[must_use]
    pub fn if_several(&self) -> IfSeveral {
        match self {
            Self::Matching { if_several, .. } | Self::Specific { if_several, .. } => *if_several,
        }
    }
}

/// What a matcher tests; the two are never combined (RULE-45).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Source {
    /// Columns.
    Fields,
    /// Seller attributes.
    Attributes,
}

/// What happens when several teams or queues are found (RULE-38).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum IfSeveral {
    /// Any one of them gets the record, each as likely as the others (RULE-40).
    Random,
    /// None of them does.
    None,
}

/// What a rule's draft may name, as it is configured when the draft is believed.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// The type of the records that the rule handles.
    pub definition: &'a RecordTypeDefinition,
    /// Every type.
    pub record_types: &'a RecordTypes,
    /// The sellers.
    pub sellers: &'a BTreeSet<SellerId>,
    /// The teams.
    pub teams: &'a BTreeSet<TeamId>,
    /// The queues.
    pub queues: &'a BTreeSet<QueueId>,
    /// The seller attributes and their values.
    pub attributes: &'a AttributeValues,
}

/// What a target chooses from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Sellers,
    Teams,
    Queues,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pick {
    Any,
    Matching,
    Specific,
}

impl Target {
    /// The matcher and what it tests: sellers, teams or queues.
    #[must_use]
    pub fn matcher(&self) -> Option<(RecordType, &Value)> {
        let (kind, matcher) = match self {
            Self::Sellers(SellerPick::Matching { matcher, .. }) => (Kind::Sellers, matcher),
            Self::Teams(GroupPick::Matching { matcher, .. }) => (Kind::Teams, matcher),
            Self::Queues(GroupPick::Matching { matcher, .. }) => (Kind::Queues, matcher),
            _ => return None,
        };
        Some((candidates(kind), matcher))
    }

    pub(super) fn parse(mut draft: Draft<'_>, known: &Known<'_>, limits: &Limits) -> Result<Self, Vec<Fault>> {
        let kinds = [("sellers", Kind::Sellers), ("teams", Kind::Teams), ("queues", Kind::Queues)];
        let kind = required_word(&mut draft, "kind", &kinds);
        let of_sellers = [("any", Pick::Any), ("matching", Pick::Matching), ("specific", Pick::Specific)];
        let picks = if matches!(kind, None | Some(Kind::Sellers)) { &of_sellers[..] } else { &of_sellers[1..] };
        let pick = required_word(&mut draft, "pick", picks);
        let (Some(kind), Some(pick)) = (kind, pick) else {
            // What the other members mean depends on these two.
            draft.ignore(&["source", "match", "ids", "ifSeveral"]);
            return draft.finish(None);
        };
        for (member, belongs) in [
            ("source", pick == Pick::Matching),
            ("match", pick == Pick::Matching),
            ("ids", pick == Pick::Specific),
            ("ifSeveral", kind != Kind::Sellers),
        ] {
            if draft.value(member).is_some() && !belongs {
                draft.fault(member, "notAllowed", place_of(member));
            }
        }
        let words = [("random", IfSeveral::Random), ("none", IfSeveral::None)];
        let if_several = match kind {
            Kind::Sellers => IfSeveral::None,
            Kind::Teams | Kind::Queues => draft.word("ifSeveral", &words).unwrap_or(IfSeveral::None),
        };
        if kind == Kind::Queues && !known.definition.enabled_for_queues {
            let message = format!("{} is not enabled for queues", known.definition.record_type);
            draft.fault("kind", "notEnabledForQueues", message);
        }
        let target = match (kind, pick) {
            (_, Pick::Any) => Some(Self::Sellers(SellerPick::Any)),
            (Kind::Sellers, Pick::Specific) => {
                let ids = chosen(&mut draft, "seller", SellerId::new, known.sellers);
                Some(Self::Sellers(SellerPick::Specific { ids }))
            }
            (Kind::Teams, Pick::Specific) => {
                let ids = chosen(&mut draft, "team", TeamId::new, known.teams);
                Some(Self::Teams(GroupPick::Specific { ids, if_several }))
            }
            (Kind::Queues, Pick::Specific) => {
                let ids = chosen(&mut draft, "queue", QueueId::new, known.queues);
                Some(Self::Queues(GroupPick::Specific { ids, if_several }))
            }
            (_, Pick::Matching) => matching(&mut draft, kind, known, limits).map(|(source, matcher)| match kind {
                Kind::Sellers => Self::Sellers(SellerPick::Matching { source, matcher }),
                Kind::Teams => Self::Teams(GroupPick::Matching { source, matcher, if_several }),
                Kind::Queues => Self::Queues(GroupPick::Matching { source, matcher, if_several }),
            }),
        };
        draft.finish(target)
    }
}

fn place_of(member: &str) -> &'static str {
    match member {
        "source" | "match" => "stands only with pick: matching",
        "ids" => "stands only with pick: specific",
        _ => "stands only with teams and queues",
    }
}

pub(super) fn required_word<T: Copy>(
    draft: &mut Draft<'_>,
    member: &'static str,
    words: &[(&'static str, T)],
) -> Option<T> {
    let found = draft.word(member, words);
    if found.is_none() && !draft.has_fault(member) {
        draft.required(member);
    }
    found
}

/// The ids of a chosen list, each of which must be known.
fn chosen<Id: Ord + std::fmt::Display>(
    draft: &mut Draft<'_>,
    what: &'static str,
    id: impl Fn(String) -> Id,
    known: &BTreeSet<Id>,
) -> Vec<Id> {
    let ids: Vec<Id> = draft.texts("ids", MAX_ID_LENGTH).unwrap_or_default().into_iter().map(id).collect();
    if ids.is_empty() && !draft.has_fault("ids") {
        draft.required("ids");
    }
    let at = draft.place("ids");
    let code = match what {
        "seller" => "unknownSeller",
        "team" => "unknownTeam",
        _ => "unknownQueue",
    };
    let unknown = ids.iter().enumerate().filter(|(_, id)| !known.contains(*id));
    let unknown = unknown.map(|(index, id)| Fault::new(&at.join(index), code, format!("there is no {what} {id}")));
    draft.faults(unknown.collect::<Vec<_>>());
    ids
}

/// The source of a matcher and the matcher itself.
fn matching(draft: &mut Draft<'_>, kind: Kind, known: &Known<'_>, limits: &Limits) -> Option<(Source, Value)> {
    let sources = [("fields", Source::Fields), ("attributes", Source::Attributes)];
    let source = match kind {
        Kind::Sellers => required_word(draft, "source", &sources),
        // Only sellers have attributes.
        Kind::Teams | Kind::Queues if draft.value("source").is_none() => Some(Source::Fields),
        Kind::Teams | Kind::Queues => draft.word("source", &sources[..1]),
    };
    let Some(json) = draft.value("match") else {
        draft.required("match");
        return None;
    };
    let source = source?;
    let at = draft.place("match");
    let matcher = draft.part(believe_matcher(json, &at, source, &candidates(kind), known, limits));
    matcher.map(|matcher| (source, matcher))
}

fn candidates(kind: Kind) -> RecordType {
    RecordType::from(match kind {
        Kind::Sellers => "seller",
        Kind::Teams => "team",
        Kind::Queues => "queue",
    })
}

fn believe_matcher(
    json: &Value,
    at: &Pointer,
    source: Source,
    candidates: &RecordType,
    known: &Known<'_>,
    limits: &Limits,
) -> Result<Value, Vec<Fault>> {
    let subject = known.record_types.get(candidates).expect("sellers, teams and queues are described from the start");
    let schema = Schema::new(subject, known.record_types).routing(known.definition);
    let schema = match source {
        Source::Fields => schema,
        Source::Attributes => schema.with_attributes(known.attributes),
    };
    let condition = Condition::parse(json, at, &schema)?;
    let reads = condition.reads();
    let mut faults = vec![];
    if source == Source::Attributes && !(reads.columns.is_empty() && reads.relations.is_empty()) {
        faults.push(Fault::new(at, "notAllowed", "a matcher by attributes tests attributes alone"));
    }
    faults.extend(condition.limit_faults(
        json,
        &ConditionLimits {
            rows: limits.max_matcher_conditions,
            related: Some(limits.max_matcher_related),
            characters: limits.max_condition_characters,
        },
        at,
    ));
    if faults.is_empty() { Ok(json.clone()) } else { Err(faults) }
}
