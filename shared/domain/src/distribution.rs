//! Choosing one of several sellers: the gates in their order, the availability bucket, the method (DIST-*).
//!
//! Order of DIST-15: eligible role, toggle, enabled, matcher; permission; capacity; availability; bucket; method. A gate that drops
//! everybody who is left names the reason.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};

use crate::assignment_rule::{Distribution, Method, SellerPick};
use crate::condition::Context;
use crate::lineup::Lineup;
use crate::reason::Reason;
use crate::roster::{Member, Roster};
use crate::rulebook::{Ready, Tested};
use crate::run::{Candidate, Trace, Verdict};
use crate::turn::Turn;

/// Hours of one bucket behind the first, which is "now" (DIST-11).
const BUCKET: SignedDuration = SignedDuration::from_hours(24);

/// What choosing among sellers needs besides the sellers.
pub(crate) struct Choice<'a> {
    pub(crate) lineup: &'a Lineup<'a>,
    /// The present, and the record that matchers take values from.
    pub(crate) context: Context<'a>,
    pub(crate) pick: &'a SellerPick,
    /// The matcher, exactly when sellers are matched.
    pub(crate) matcher: Option<&'a Ready>,
    pub(crate) distribution: Distribution,
    /// Until when somebody must be available, where the record has such an instant (DIST-14).
    pub(crate) due: Option<Timestamp>,
}

/// A seller who is considered.
#[derive(Debug, Clone, Copy)]
struct Standing<'r> {
    /// In the roster, which is in the order of ids.
    position: usize,
    member: &'r Member,
    turn: Option<Turn>,
    available: Option<i64>,
    bucket: Option<u8>,
}

/// Who was considered, and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Considered<'r> {
    /// Those who passed every gate; the first one is chosen.
    ranked: Vec<Standing<'r>>,
    /// How many of the ranked stand in their order; the others come behind them.
    ordered: usize,
    dropped: Vec<(Standing<'r>, Verdict)>,
}

impl<'r> Considered<'r> {
    /// The seller who gets the record.
    pub(crate) fn chosen(&self) -> Option<&'r Member> {
        self.ranked.first().map(|standing| standing.member)
    }

    /// Drops everybody for whom the gate gives a verdict.
    fn gate(&mut self, verdict: impl Fn(&mut Standing<'r>) -> Option<Verdict>) {
        let dropped = &mut self.dropped;
        self.ranked.retain_mut(|standing| match verdict(standing) {
            Some(verdict) => {
                dropped.push((*standing, verdict));
                false
            }
            None => true,
        });
    }

    /// Writes down who was considered: one by one, or from so many on the best and how many each gate dropped.
    pub(crate) fn record(&self, trace: &mut Trace, lineup: &Lineup<'_>) {
        let one_by_one = self.ranked.len() + self.dropped.len() <= Trace::ONE_BY_ONE;
        let candidate = |standing: &Standing<'_>, verdict, rank| Candidate {
            seller_id: standing.member.seller.id.clone(),
            verdict,
            available: standing.available,
            bucket: standing.bucket,
            last_assigned_at: standing.turn.map(Turn::instant),
            rank,
        };
        let shown = self.ranked.iter().take(self.ordered).zip(1..).map(|(standing, rank)| {
            candidate(standing, if rank == 1 { Verdict::Chosen } else { Verdict::Ranked }, Some(rank))
        });
        trace.candidates = shown.collect();
        if one_by_one {
            trace.candidates.extend(self.dropped.iter().map(|(standing, verdict)| {
                let turn = lineup.figures(standing.position, standing.member).turn;
                candidate(&Standing { turn, ..*standing }, *verdict, None)
            }));
            return;
        }
        for (_, verdict) in &self.dropped {
            *trace.gates.entry(verdict.gate().to_owned()).or_insert(0) += 1;
        }
    }
}

impl<'a> Choice<'a> {
    /// Considers the sellers of a roster. Everybody considered, and the reason where nobody was left; an error when the
    /// matcher can't be tested.
    pub(crate) fn among(&self, roster: &'a Roster) -> Result<(Considered<'a>, Option<Reason>), String> {
        let members = roster.members();
        let standing = |(position, member)| Standing { position, member, turn: None, available: None, bucket: None };
        let ranked = match self.pick {
            SellerPick::Any | SellerPick::Matching { .. } => members.iter().enumerate().map(standing).collect(),
            SellerPick::Specific { ids } => {
                let positions: BTreeSet<usize> = ids.iter().filter_map(|id| roster.position(id)).collect();
                positions.into_iter().map(|position| standing((position, &members[position]))).collect()
            }
        };
        let mut considered = Considered { ranked, ..Considered::default() };
        considered.gate(|standing| self.lineup.ineligible(standing.position, standing.member));
        if let Some(matcher) = self.matcher {
            if let Ready::Broken(why) = matcher {
                return Err(why.clone());
            }
            considered.gate(|standing| (!self.fits(matcher, standing.member)).then_some(Verdict::NotMatched));
        }
        if considered.ranked.is_empty() {
            return Ok((considered, Some(Reason::NoSellerMatches)));
        }
        considered.gate(|standing| {
            (!self.lineup.permitted(standing.position, standing.member)).then_some(Verdict::NoPermission)
        });
        if considered.ranked.is_empty() {
            return Ok((considered, Some(Reason::SellerLacksPermission)));
        }
        considered.gate(|standing| {
            let figures = self.lineup.figures(standing.position, standing.member);
            (standing.turn, standing.available) = (figures.turn, figures.available);
            (self.distribution.respect_capacity && !figures.has_room).then_some(Verdict::NoCapacity)
        });
        if considered.ranked.is_empty() {
            return Ok((considered, Some(Reason::NoCapacity)));
        }
        if let Some(hours) = self.distribution.available_within_hours {
            let now = self.context.moment.now();
            let window = SignedDuration::from_hours(i64::from(hours));
            let window = self.due.map_or(window, |due| window.min(due.duration_since(now)));
            considered.gate(|standing| {
                let earliest = self.lineup.earliest(standing.position, standing.member);
                let ahead = earliest.map(|earliest| earliest.duration_since(now)).filter(|ahead| *ahead <= window);
                standing.bucket = ahead.map(bucket);
                standing.bucket.is_none().then_some(Verdict::NotAvailable)
            });
            let Some(first) = considered.ranked.iter().filter_map(|standing| standing.bucket).min() else {
                return Ok((considered, Some(Reason::NoAvailability)));
            };
            considered.gate(|standing| (standing.bucket != Some(first)).then_some(Verdict::LaterBucket));
        }
        self.rank(&mut considered);
        Ok((considered, None))
    }

    fn fits(&self, matcher: &Ready, member: &Member) -> bool {
        let subject = member.subject.as_deref();
        subject.is_some_and(|subject| matcher.test(subject, &self.context) == Tested::Holds)
    }

    /// Puts those who are left in order, or of many the best ones and no more: the rest is never looked at.
    fn rank(&self, considered: &mut Considered<'_>) {
        let later = considered.ranked.first().and_then(|standing| standing.bucket).is_some_and(|bucket| bucket > 0);
        let method = if later { Method::RoundRobin } else { self.distribution.method };
        let order = |a: &Standing<'_>, b: &Standing<'_>| match method {
            Method::RoundRobin => waited_longest(a, b),
            // Without a maximum comes first (CAP-07).
            Method::LoadBalancing => {
                let room = |standing: &Standing<'_>| Reverse(standing.available.unwrap_or(i64::MAX));
                room(a).cmp(&room(b)).then_with(|| waited_longest(a, b))
            }
        };
        let ranked = &mut considered.ranked;
        let many = ranked.len() + considered.dropped.len() > Trace::ONE_BY_ONE && ranked.len() > Trace::BEST;
        considered.ordered = if many { Trace::BEST } else { ranked.len() };
        if many {
            ranked.select_nth_unstable_by(Trace::BEST, order);
        }
        ranked[..considered.ordered].sort_by(order);
    }
}

/// Round robin: never assigned comes first, ties go by seller id (DIST-01, DIST-05).
fn waited_longest(a: &Standing<'_>, b: &Standing<'_>) -> Ordering {
    a.turn.cmp(&b.turn).then_with(|| a.position.cmp(&b.position))
}

/// Bucket 0 is now; bucket k > 0 is the half-open range (24(k-1), 24k] hours (DIST-13).
fn bucket(ahead: SignedDuration) -> u8 {
    let (seconds, of_one) = (ahead.as_nanos(), BUCKET.as_nanos());
    u8::try_from(seconds.div_euclid(of_one) + i128::from(seconds.rem_euclid(of_one) > 0)).unwrap_or(u8::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dist_11_dist_13_a_bucket_ends_with_its_last_hour() {
        let cases = [(0, 0), (1, 1), (24, 1), (25, 2), (48, 2), (72, 3), (96, 4), (97, 5), (120, 5)];
        for (hours, expected) in cases {
            assert_eq!(bucket(SignedDuration::from_hours(hours)), expected, "{hours}");
        }
        assert_eq!(bucket(SignedDuration::from_secs(1)), 1);
        assert_eq!(bucket(SignedDuration::from_hours(24) + SignedDuration::from_secs(1)), 2);
    }
}
