//! How much a seller may hold: the maximum that managers set, and how many new records a period may bring (CAP-06,
//! CAP-07, CAP-11). What a seller holds is counted elsewhere, with every change of an owner.

use jiff::civil::Weekday;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::draft::Draft;
use crate::fault::{Fault, Pointer};
use crate::seller::Seller;
use crate::settings::MOST;

/// What managers set for one seller. Nothing set: the organisation's default holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct MaximumCapacity {
    /// The most records the seller should hold at once; none = the organisation's default ([`Seller::maximum`]).
    pub maximum: Option<u32>,
    /// How long a period is.
    pub period: CapacityPeriod,
    /// The most automatic assignments in one period; there exactly when there are periods.
    pub period_maximum: Option<u32>,
}

/// A period of the organisation's zone in which automatic assignments are counted (CAP-11).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CapacityPeriod {
    /// They are not counted.
    #[default]
    None,
    /// From midnight to midnight.
    Day,
    /// From the organisation's first weekday on.
    Week,
    /// From the first of a month on.
    Month,
}

impl CapacityPeriod {
    /// Every period with its word.
    pub const WORDS: [(&'static str, Self); 4] =
        [("none", Self::None), ("day", Self::Day), ("week", Self::Week), ("month", Self::Month)];

    /// The lengths in which assignments are counted.
    pub(crate) const COUNTED: [Self; 3] = [Self::Day, Self::Week, Self::Month];
}

impl CapacityPeriod {
    /// The period that an instant lies in, as text that differs from every other period's; none without periods. Periods
    /// of one length are texts of one length, in the order of time.
    #[must_use]
    pub fn at(self, now: Timestamp, zone: &TimeZone, first_weekday: Weekday) -> Option<String> {
        let today = now.to_zoned(zone.clone()).date();
        match self {
            Self::None => None,
            Self::Day => Some(today.to_string()),
            Self::Week => {
                let behind = i64::from(first_weekday.until(today.weekday()));
                Some(format!("{}w", today.checked_sub(Span::new().days(behind)).unwrap_or(today)))
            }
            Self::Month => Some(today.first_of_month().to_string()[..7].to_owned()),
        }
    }
}

impl MaximumCapacity {
    /// True when nothing is set.
    #[must_use]
    pub fn is_unset(&self) -> bool {
        *self == Self::default()
    }
}

/// What a client proposes as a seller's capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CapacityDraft {
    capacity: MaximumCapacity,
    overrides: bool,
}

impl CapacityDraft {
    /// Believes a body of `PUT /v1/sellers/{id}/capacity`, which stands at `at`, or names everything that is wrong with
    /// it.
    pub fn parse(body: &Value, at: &Pointer) -> Result<Self, Vec<Fault>> {
        let mut draft = Draft::read(body, at);
        draft.ignore(&["consumed", "available", "periodAssigned"]);
        let maximum = draft.whole("maximum", 0..=MOST);
        let period = draft.word("period", &CapacityPeriod::WORDS).unwrap_or_default();
        let period_maximum = draft.whole("periodMaximum", 0..=MOST);
        if !draft.has_fault("period") && !draft.has_fault("periodMaximum") {
            match (period, period_maximum) {
                (CapacityPeriod::None, Some(_)) => {
                    draft.fault("periodMaximum", "notAllowed", "stands only with a period");
                }
                (CapacityPeriod::Day | CapacityPeriod::Week | CapacityPeriod::Month, None) => {
                    draft.required("periodMaximum");
                }
                _ => {}
            }
        }
        let overrides = draft.flag("override", false);
        draft.finish(Some(Self { capacity: MaximumCapacity { maximum, period, period_maximum }, overrides }))
    }

    /// The seller with this capacity; `None` when another maximum is set already and the client did not say that it
    /// may be overridden (CAP-06).
    #[must_use]
    pub fn applied_to(&self, seller: &Seller) -> Option<Seller> {
        let present = seller.capacity.maximum;
        let fits = self.overrides || present.is_none() || present == self.capacity.maximum;
        fits.then(|| Seller { capacity: self.capacity, ..seller.clone() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::record_type::RecordTypes;
    use crate::seller::SellerDraft;
    use crate::settings::Settings;

    fn parse(body: &Value) -> Result<CapacityDraft, Vec<(String, &'static str)>> {
        CapacityDraft::parse(body, &Pointer::root())
            .map_err(|faults| faults.into_iter().map(|fault| (fault.pointer.to_string(), fault.code)).collect())
    }

    fn seller() -> Seller {
        let known = RecordTypes::built_in();
        let body = json!({"name": "Susana", "email": "a@b.c", "roles": ["salesperson"]});
        let draft =
            SellerDraft::parse(&body, known.get(&"seller".into()).unwrap(), &std::collections::BTreeSet::new(), None)
                .unwrap();
        draft.into_seller("susana".into())
    }

    #[test]
    fn cap_11_a_period_and_its_maximum_stand_together() {
        let full = parse(&json!({"maximum": 5, "period": "week", "periodMaximum": 20})).unwrap();
        let expected = MaximumCapacity { maximum: Some(5), period: CapacityPeriod::Week, period_maximum: Some(20) };
        assert_eq!(full.capacity, expected);
        assert!(parse(&json!({"maximum": null})).unwrap().capacity.is_unset());
        let fault = |pointer: &str, code| vec![(pointer.to_owned(), code)];
        assert_eq!(parse(&json!({"periodMaximum": 3})).unwrap_err(), fault("/periodMaximum", "notAllowed"));
        assert_eq!(parse(&json!({"period": "day"})).unwrap_err(), fault("/periodMaximum", "required"));
    }

    #[test]
    fn cap_07_every_fault_of_a_capacity_is_named_at_once() {
        let body = json!({"maximum": -1, "period": "year", "periodMaximum": 1.5, "override": "yes", "max": 3});
        let expected = [
            ("/maximum", "outOfRange"),
            ("/period", "unknownWord"),
            ("/periodMaximum", "wrongType"),
            ("/override", "wrongType"),
            ("/max", "unknownMember"),
        ];
        assert_eq!(parse(&body).unwrap_err(), expected.map(|(pointer, code)| (pointer.to_owned(), code)));
    }

    #[test]
    fn cap_06_another_maximum_takes_an_override() {
        let of = |body: Value| parse(&body).unwrap();
        let five = of(json!({"maximum": 5})).applied_to(&seller()).unwrap();
        assert_eq!(of(json!({"maximum": 5})).applied_to(&five), Some(five.clone()), "the same is no other");
        assert_eq!(of(json!({"maximum": 6})).applied_to(&five), None);
        assert_eq!(of(json!({"maximum": null})).applied_to(&five), None);
        let six = of(json!({"maximum": 6, "override": true})).applied_to(&five).unwrap();
        assert_eq!(six.capacity.maximum, Some(6));
    }

    /// CAP-07, OQ-14.
    #[test]
    fn cap_07_a_seller_without_a_maximum_has_the_organisations() {
        let with = |own, default| {
            let settings = Settings { default_maximum_capacity: default, ..Settings::default() };
            let capacity = MaximumCapacity { maximum: own, ..MaximumCapacity::default() };
            Seller { capacity, ..seller() }.maximum(&settings)
        };
        assert_eq!(with(Some(0), Some(9)), Some(0));
        assert_eq!(with(None, Some(9)), Some(9));
        assert_eq!(with(None, None), None);
    }
}
