//! Choosing a team or a queue: those that can take the record, and what happens when there are several (RULE-33…40).

use crate::assignment_rule::{GroupPick, IfSeveral};
use crate::condition::Context;
use crate::id::RecordKey;
use crate::rulebook::{Ready, Tested};
use crate::subject::Subject;

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found<T> {
    /// Exactly one, or one of several by chance.
    One(T),
    /// None.
    Nobody,
    /// Those that are meant hold no role that may read records (SEC-47).
    NotPermitted,
    /// Several, and the rule gives the record to none of them (RULE-38).
    Several,
}

/// One team or queue that may be chosen.
pub(crate) struct Group<'a, Id> {
    pub(crate) id: &'a Id,
    /// None when a stored value is not of its column's type any more: no matcher fits it.
    pub(crate) subject: Option<&'a Subject>,
    /// Whether it may be given records (SEC-47).
    pub(crate) permitted: bool,
}

/// Finds the one that a rule means among `groups`, which can take the record; an error when the matcher can't be tested.
pub(crate) fn find<'a, Id: PartialEq>(
    pick: &GroupPick<Id>,
    matcher: Option<&Ready>,
    groups: impl Iterator<Item = Group<'a, Id>>,
    context: &Context<'_>,
    chance: &Chance<'_>,
) -> Result<Found<&'a Id>, String> {
    if let Some(Ready::Broken(why)) = matcher {
        return Err(why.clone());
    }
    let fits = |group: &Group<'_, Id>| match (pick, matcher) {
        (GroupPick::Specific { ids, .. }, _) => ids.contains(group.id),
        (GroupPick::Matching { .. }, Some(matcher)) => {
            group.subject.is_some_and(|subject| matcher.test(subject, context) == Tested::Holds)
        }
        (GroupPick::Matching { .. }, None) => false,
    };
    let (permitted, others): (Vec<_>, Vec<_>) = groups.filter(fits).partition(|group| group.permitted);
    let found: Vec<&Id> = permitted.iter().map(|group| group.id).collect();
    Ok(match (found.as_slice(), pick.if_several()) {
        ([], _) if !others.is_empty() => Found::NotPermitted,
        ([], _) => Found::Nobody,
        ([one], _) => Found::One(one),
        (several, IfSeveral::Random) => Found::One(several[chance.one_of(several.len())]),
        (_, IfSeveral::None) => Found::Several,
    })
}

/// What is left to chance follows from a number that was drawn for the batch and from the record (RULE-40).
pub(crate) struct Chance<'a> {
    pub(crate) drawn: u64,
    pub(crate) record: &'a RecordKey,
}

impl Chance<'_> {
    /// One of the first `count` numbers, each as likely as the others.
    fn one_of(&self, count: usize) -> usize {
        let text = self.record.to_string();
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64 ^ self.drawn, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        // SplitMix64 (Steele, Lea, Flood 2014) spreads the bits; the high half of the product is the number.
        let mut bits = hash.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^= bits >> 31;
        usize::try_from((u128::from(bits) * count as u128) >> 64).expect("less than count")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_40_chance_is_even_and_the_same_for_the_same_draw() {
        let mut hits = [0_u32; 3];
        for n in 0..3_000_u64 {
            let record = RecordKey::new("lead", format!("L-{n}").as_str());
            let chance = Chance { drawn: n * 7, record: &record };
            assert_eq!(chance.one_of(3), chance.one_of(3));
            hits[chance.one_of(3)] += 1;
        }
        assert!(hits.iter().all(|hits| (900..1_100).contains(hits)), "{hits:?}");
    }
}
