//! The turn: the strictly increasing mark of a seller's last assignment, which is the order of round robin.
//!
//! A hybrid clock (DESIGN.md "Order of round robin"): the later of the present millisecond and the largest turn seen,
//! plus one step of a counter. So it grows within a batch, across clocks that disagree, and in spite of a clock that
//! is set back. Layout of the number: milliseconds since 1970 × 2¹⁸ + counter × 2⁸ + the writer's byte, which keeps two
//! writers that never saw each other from giving the same turn.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

const MILLISECOND: u64 = 1 << 18;
const STEP: u64 = 1 << 8;

/// A mark of one assignment. Later assignments have larger marks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Turn(u64);

impl Turn {
    /// The turn that follows everything seen: the largest turn known (`None` when there is none) and the present.
    #[must_use]
    pub fn after(largest_seen: Option<Turn>, now: Timestamp, writer: u8) -> Turn {
        let present = u64::try_from(now.as_millisecond()).unwrap_or(0) * MILLISECOND;
        let least = largest_seen.map_or(present, |seen| present.max((seen.0 / STEP + 1) * STEP));
        Turn(least + u64::from(writer))
    }

    /// The number as it is stored.
    #[must_use]
    pub fn number(self) -> u64 {
        self.0
    }

    /// A turn as it was stored.
    #[must_use]
    pub fn from_number(number: u64) -> Turn {
        Turn(number)
    }

    /// The instant of the assignment, to the millisecond.
    #[must_use]
    pub fn instant(self) -> Timestamp {
        let millisecond = i64::try_from(self.0 / MILLISECOND).expect("a 64-bit number shifted right fits");
        Timestamp::from_millisecond(millisecond).unwrap_or(Timestamp::MAX)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn at(millisecond: i64) -> Timestamp {
        Timestamp::from_millisecond(millisecond).unwrap()
    }

    proptest! {
        #[test]
        fn a_turn_is_later_than_all_it_has_seen(seen in 0_u64..1 << 60, now in 0_i64..1 << 41, writer: u8) {
            let seen = Turn::from_number(seen);
            prop_assert!(Turn::after(Some(seen), at(now), writer) > seen);
        }

        #[test]
        fn two_writers_never_give_the_same_turn(seen in 0_u64..1 << 60, now in 0_i64..1 << 41, a: u8, b: u8) {
            prop_assume!(a != b);
            let seen = Some(Turn::from_number(seen));
            prop_assert_ne!(Turn::after(seen, at(now), a), Turn::after(seen, at(now), b));
        }
    }

    #[test]
    fn a_turn_tells_the_instant_of_the_assignment() {
        assert_eq!(Turn::after(None, at(1_764_000_000_123), 7).instant(), at(1_764_000_000_123));
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_set_the_order_back() {
        let first = Turn::after(None, at(2_000), 0);
        let second = Turn::after(Some(first), at(1_000), 0);
        assert!(second > first);
        assert_eq!(second.instant(), at(2_000));
    }
}
