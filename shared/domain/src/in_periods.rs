//! How many automatic assignments the days, weeks and months have brought a seller (CAP-11).
//!
//! Each assignment counts in the present period of every length, whatever the length of the seller's own, so that a
//! maximum which is set, or made one of another length, in the middle of a period knows what that one has brought.

use std::collections::BTreeMap;

/// The counts, by the period as text ([`crate::capacity::CapacityPeriod::at`]).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct InPeriods(BTreeMap<String, u32>);

impl InPeriods {
    /// How many a period has brought.
    #[must_use]
    pub fn of(&self, period: &str) -> u32 {
        self.0.get(period).copied().unwrap_or(0)
    }

    /// Every known period with its count.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(period, assigned)| (period.as_str(), *assigned))
    }

    /// These with one more in each of these periods.
    #[must_use]
    pub fn with_one_more<'a>(&self, present: impl IntoIterator<Item = &'a str>) -> Self {
        present.into_iter().fold(self.clone(), |known, period| known.with(period, 1))
    }

    /// These with a period that has begun and brought nothing yet; none where it is known, or a later one of its length,
    /// as after a change of the zone or on a clock that is behind.
    #[must_use]
    pub fn opened(&self, present: &str) -> Option<Self> {
        let begun = self.like(present).all(|known| known < present);
        begun.then(|| self.with(present, 0))
    }

    /// Besides a period, the latest other one of its length stays: a zone that is changed in the middle of a day may be
    /// changed back.
    fn with(&self, period: &str, more: u32) -> Self {
        let latest = self.like(period).filter(|known| *known != period).max();
        let stays = |known: &str| known.len() != period.len() || known == period || Some(known) == latest;
        let mut counts: BTreeMap<_, _> =
            self.0.iter().filter(|(known, _)| stays(known)).map(|(known, count)| (known.clone(), *count)).collect();
        *counts.entry(period.to_owned()).or_insert(0) += more;
        Self(counts)
    }

    /// The known periods of the length of one. Periods of one length are texts of one length, in the order of time.
    fn like(&self, period: &str) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str).filter(move |known| known.len() == period.len())
    }
}

impl FromIterator<(String, u32)> for InPeriods {
    fn from_iter<T: IntoIterator<Item = (String, u32)>>(counts: T) -> Self {
        Self(counts.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(counts: &[(&str, u32)]) -> InPeriods {
        counts.iter().map(|(period, count)| ((*period).to_owned(), *count)).collect()
    }

    #[test]
    fn cap_11_an_assignment_counts_in_the_day_the_week_and_the_month() {
        let friday = InPeriods::default().with_one_more(["2026-03-06", "2026-03-02w", "2026-03"]);
        assert_eq!(friday, known(&[("2026-03-06", 1), ("2026-03-02w", 1), ("2026-03", 1)]));
        let monday = friday.with_one_more(["2026-03-09", "2026-03-09w", "2026-03"]);
        assert_eq!(["2026-03-09", "2026-03-09w", "2026-03"].map(|period| monday.of(period)), [1, 1, 2]);
        assert_eq!(monday.of("2026-04"), 0);
    }

    #[test]
    fn cap_11_one_other_period_of_a_length_is_remembered_the_latest() {
        let days = known(&[("2026-03-01", 1), ("2026-03-02", 2), ("2026-03", 9)]);
        let third = known(&[("2026-03-02", 2), ("2026-03-03", 1), ("2026-03", 9)]);
        assert_eq!(days.with_one_more(["2026-03-03"]), third);
        let back = known(&[("2026-03-02", 3), ("2026-03-03", 1), ("2026-03", 9)]);
        assert_eq!(third.with_one_more(["2026-03-02"]), back, "the zone was changed back");
        let behind = known(&[("2026-02-28", 1), ("2026-03-03", 1), ("2026-03", 9)]);
        assert_eq!(third.with_one_more(["2026-02-28"]), behind, "on a clock that is behind");
    }

    #[test]
    fn cap_11_a_period_is_opened_once_and_never_backwards() {
        let days = known(&[("2026-03-02", 2), ("2026-03", 9)]);
        assert_eq!(days.opened("2026-03-03"), Some(known(&[("2026-03-02", 2), ("2026-03-03", 0), ("2026-03", 9)])));
        assert_eq!(days.opened("2026-03-02"), None);
        assert_eq!(days.opened("2026-03-01"), None);
        assert_eq!(days.opened("2026-03"), None);
        assert_eq!(InPeriods::default().opened("2026-03"), Some(known(&[("2026-03", 0)])));
    }
}
