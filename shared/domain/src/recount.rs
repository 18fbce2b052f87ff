//! Recounting what sellers hold (CAP-09): what must agree before a counter is put right, and how a round through all
//! sellers goes on where it was left.
//!
//! A look sets what is kept of a seller against a count of the records. Records move meanwhile and indexes are late, so
//! a look alone proves nothing. Two looks prove a drift if they are far enough apart and found the same with no
//! transaction on the seller in between: then the records were the same for both, and any index had caught up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::id::{RecordType, SellerId};
use crate::roster::SellerState;
use crate::seller::Seller;
use crate::tally::Held;

/// Two looks this far apart may prove a drift.
const APART: SignedDuration = SignedDuration::from_mins(1);

/// So many sellers are looked at before the progress is written down.
pub const PAGE: usize = 100;

/// A look at a seller of whom something else is kept than was counted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// Whom.
    pub seller: SellerId,
    /// When it began.
    pub at: Timestamp,
    /// The seller's change number as it was then ([`SellerState::changes`]).
    pub changes: u64,
    /// What differs; not empty.
    pub differences: BTreeMap<RecordType, Difference>,
}

/// How many active records of one type a seller holds, as kept and as counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Difference {
    /// As kept; none = nothing is kept, which stands for zero.
    pub kept: Option<i64>,
    /// As counted.
    pub counted: i64,
}

impl Difference {
    /// What must be added to what is kept.
    #[must_use]
    pub fn missing(&self) -> i64 {
        self.counted - self.kept.unwrap_or(0)
    }
}

impl Look {
    /// What a look found; none when everything is kept as it was counted. What neither knows is zero.
    #[must_use]
    pub fn differing(seller: &SellerId, at: Timestamp, kept: &SellerState, counted: &Held) -> Option<Self> {
        let types: BTreeSet<&RecordType> = kept.held.keys().chain(counted.keys()).collect();
        let difference = |record_type: &RecordType| {
            let kept = kept.held.get(record_type).copied();
            let difference = Difference { kept, counted: counted.get(record_type).copied().unwrap_or(0) };
            (difference.missing() != 0).then(|| (record_type.clone(), difference))
        };
        let differences: BTreeMap<_, _> = types.into_iter().filter_map(difference).collect();
        let found = Self { seller: seller.clone(), at, changes: kept.changes, differences };
        (!found.differences.is_empty()).then_some(found)
    }

    /// Whether a state that was read after the count is still the one the look began with; if not, the count mixed what
    /// was and what is, and the look is void.
    #[must_use]
    pub fn stands(&self, state: &SellerState) -> bool {
        let as_seen =
            |(record_type, seen): (&RecordType, &Difference)| state.held.get(record_type) == seen.kept.as_ref();
        self.changes == state.changes && self.differences.iter().all(as_seen)
    }

    /// Whether a state is what a repair of this look makes of the one it saw.
    #[must_use]
    pub fn is_repaired(&self, state: &SellerState) -> bool {
        let as_counted =
            |(record_type, seen): (&RecordType, &Difference)| state.held.get(record_type) == Some(&seen.counted);
        self.changes + 1 == state.changes && self.differences.iter().all(as_counted)
    }

    /// Whether an earlier look found the very same, with nothing done to the seller in between.
    #[must_use]
    pub fn repeats(&self, earlier: &Self) -> bool {
        (&self.seller, self.changes, &self.differences) == (&earlier.seller, earlier.changes, &earlier.differences)
    }

    /// Whether enough time has passed for another look to prove something.
    #[must_use]
    pub fn is_due_again(&self, now: Timestamp) -> bool {
        now.duration_since(self.at) >= APART
    }

    /// Whether this look and an earlier one prove a drift.
    #[must_use]
    pub fn proves(&self, earlier: &Self) -> bool {
        self.repeats(earlier) && earlier.is_due_again(self.at)
    }
}

/// What a round did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Figures {
    /// Sellers that were looked at.
    pub looks: u64,
    /// Looks that proved nothing, because the seller was changed while they lasted, and repairs that were refused.
    pub void: u64,
    /// Looks that found a difference and wait for another to prove it.
    pub suspected: u64,
    /// Sellers whose counters were put right.
    pub repaired: u64,
    /// Sellers for whom a period was opened (CAP-11).
    pub opened: u64,
}

impl std::ops::AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.looks += other.looks;
        self.void += other.void;
        self.suspected += other.suspected;
        self.repaired += other.repaired;
        self.opened += other.opened;
    }
}

/// One way through all sellers, in the order of their ids: it opens the periods that have begun and takes a look at each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Round {
    /// When it began.
    pub started_at: Timestamp,
    /// The hour of the organisation's clocks then.
    pub hour: DateTime,
    /// The last seller it has come to; none before the first page.
    pub behind: Option<SellerId>,
    /// When it came to the end; none while sellers are left.
    pub finished_at: Option<Timestamp>,
    /// What it did.
    pub figures: Figures,
}

impl Round {
    /// A round that begins now.
    #[must_use]
    pub fn begin(now: Timestamp, zone: &TimeZone) -> Self {
        Self { started_at: now, hour: hour(now, zone), behind: None, finished_at: None, figures: Figures::default() }
    }

    /// Whether another one is to begin in place of this: somebody asked since it began, its day is over, for another
    /// period may have begun, or it has come to its end and its hour is over.
    #[must_use]
    pub fn is_over(&self, asked_at: Option<Timestamp>, now: Timestamp, zone: &TimeZone) -> bool {
        let (asked, hour) = (asked_at.is_some_and(|asked_at| asked_at > self.started_at), hour(now, zone));
        asked || self.hour.date() != hour.date() || (self.finished_at.is_some() && self.hour != hour)
    }

    /// The sellers that come next, of all sellers in the order of their ids; none when it has come to its end.
    #[must_use]
    pub fn page<'a>(&self, sellers: &'a [Arc<Seller>]) -> &'a [Arc<Seller>] {
        if self.finished_at.is_some() {
            return &[];
        }
        let done = self.behind.as_ref().map_or(0, |last| sellers.partition_point(|seller| seller.id <= *last));
        let left = &sellers[done..];
        &left[..left.len().min(PAGE)]
    }

    /// The round after a page of it, which ends it when it was not full.
    #[must_use]
    pub fn after(mut self, page: &[Arc<Seller>], figures: Figures, now: Timestamp) -> Self {
        if let Some(last) = page.last() {
            self.behind = Some(last.id.clone());
        }
        if page.len() < PAGE {
            self.finished_at = Some(now);
        }
        self.figures += figures;
        self
    }
}

fn hour(now: Timestamp, zone: &TimeZone) -> DateTime {
    let local = now.to_zoned(zone.clone()).datetime();
    local.date().at(local.hour(), 0, 0, 0)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn held(counts: &[(&str, i64)]) -> Held {
        counts.iter().map(|(record_type, count)| (RecordType::from(*record_type), *count)).collect()
    }

    fn kept(changes: u64, counts: &[(&str, i64)]) -> SellerState {
        SellerState { changes, held: held(counts), ..SellerState::default() }
    }

    fn look(instant: &str, state: &SellerState, counted: &[(&str, i64)]) -> Option<Look> {
        Look::differing(&"susana".into(), at(instant), state, &held(counted))
    }

    #[test]
    fn cap_09_nothing_kept_and_nothing_counted_is_no_difference() {
        let at = "2026-03-02T10:00:00Z";
        assert_eq!(look(at, &kept(1, &[("lead", 0), ("opportunity", 2)]), &[("opportunity", 2), ("contact", 0)]), None);
        let found = look(at, &kept(1, &[("lead", 3)]), &[("lead", 1), ("account", 2)]).unwrap();
        let missing: Vec<i64> = found.differences.values().map(Difference::missing).collect();
        assert_eq!(missing, [2, -2], "accounts, leads");
    }

    #[test]
    fn cap_09_two_looks_prove_a_drift_only_a_minute_apart_and_with_nothing_in_between() {
        let first = look("2026-03-02T10:00:00Z", &kept(7, &[("lead", 3)]), &[("lead", 1)]).unwrap();
        let again = |instant, state: &SellerState, counted: i64| look(instant, state, &[("lead", counted)]).unwrap();
        let same = kept(7, &[("lead", 3)]);
        assert!(!again("2026-03-02T10:00:59Z", &same, 1).proves(&first), "too early");
        assert!(again("2026-03-02T10:01:00Z", &same, 1).proves(&first));
        assert!(!again("2026-03-02T10:01:00Z", &same, 2).proves(&first), "another count");
        assert!(!again("2026-03-02T10:01:00Z", &kept(9, &[("lead", 3)]), 1).proves(&first), "touched in between");
        let of_another = Look { seller: "miriam".into(), ..again("2026-03-02T10:01:00Z", &same, 1) };
        assert!(!of_another.proves(&first));
    }

    #[test]
    fn cap_09_a_look_is_void_when_the_seller_was_changed_meanwhile() {
        let found = look("2026-03-02T10:00:00Z", &kept(7, &[("lead", 3)]), &[("lead", 1)]).unwrap();
        assert!(found.stands(&kept(7, &[("lead", 3)])));
        assert!(!found.stands(&kept(8, &[("lead", 3)])), "closed and reopened: the count is the same again");
        assert!(!found.stands(&kept(7, &[("lead", 2)])), "written past the change number");
    }

    fn sellers(count: usize) -> Vec<Arc<Seller>> {
        let seller = |n: usize| {
            let body = json!({"id": format!("s-{n:04}"), "name": "S", "email": "s@example.com", "roles": [],
                "enabled": true, "timeZone": null, "fields": {}, "teamIds": [], "assignRecords": true, "version": 1});
            Arc::new(serde_json::from_value::<Seller>(body).unwrap())
        };
        (0..count).map(seller).collect()
    }

    #[test]
    fn cap_09_a_round_comes_to_every_seller_once_and_to_those_that_are_added_ahead_of_it() {
        let mut all = sellers(2 * PAGE + 1);
        let added = all.remove(2 * PAGE - 1);
        let removed = all[PAGE - 1].clone();
        let (now, mut met) = (at("2026-03-02T10:00:00Z"), vec![]);
        let mut round = Round::begin(now, &TimeZone::UTC);
        while round.finished_at.is_none() {
            let page = round.page(&all).to_vec();
            met.extend(page.iter().map(|seller| seller.id.clone()));
            round = round.after(&page, Figures { looks: page.len() as u64, ..Figures::default() }, now);
            if met.len() == PAGE {
                // The very seller it goes on behind is deleted, and another one is created ahead.
                all.retain(|seller| seller.id != removed.id);
                all.push(Arc::clone(&added));
                all.sort_by(|a, b| a.id.cmp(&b.id));
            }
        }
        let expected: Vec<SellerId> = sellers(2 * PAGE + 1).iter().map(|seller| seller.id.clone()).collect();
        assert_eq!(met, expected);
        assert_eq!(round.figures.looks, 2 * PAGE as u64 + 1);
        assert!(round.page(&all).is_empty(), "it has come to its end");
    }

    #[test]
    fn cap_09_cap_11_a_round_begins_each_hour_on_demand_and_when_the_organisations_day_begins() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap();
        // Half an hour before midnight, in the night in which the clocks go back three hours later.
        let mut round = Round::begin(at("2026-10-24T21:30:00Z"), &berlin);
        let over = |round: &Round, asked: Option<&str>, now: &str| round.is_over(asked.map(at), at(now), &berlin);
        assert!(!over(&round, None, "2026-10-24T21:59:59Z"));
        assert!(over(&round, None, "2026-10-24T22:00:00Z"), "midnight in Berlin, though it has not come to its end");
        assert!(over(&round, Some("2026-10-24T21:40:00Z"), "2026-10-24T21:41:00Z"));
        assert!(!over(&round, Some("2026-10-24T21:20:00Z"), "2026-10-24T21:41:00Z"), "asked before it began");
        round = Round::begin(at("2026-10-25T00:30:00Z"), &berlin);
        assert!(!over(&round, None, "2026-10-25T02:45:00Z"), "it goes on, however long it takes");
        round.finished_at = Some(at("2026-10-25T00:31:00Z"));
        assert!(!over(&round, None, "2026-10-25T01:59:00Z"), "the hour that is there twice is one");
        assert!(over(&round, None, "2026-10-25T02:00:00Z"));
    }
}
