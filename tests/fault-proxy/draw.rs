//! Chance that repeats: every number follows from the seed, the request's number and the rule's place in the plan.

/// A stream of numbers for one request and one rule (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Draw(u64);

impl Draw {
    pub(crate) fn new(seed: u64, request: u64, rule: u64) -> Self {
        let mut draw = Self(seed);
        draw.0 ^= draw.next().wrapping_add(request);
        draw.0 ^= draw.next().wrapping_add(rule);
        draw
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, not including, 1.
    pub(crate) fn share(&mut self) -> f64 {
        let top = u32::try_from(self.next() >> 32).expect("32 bits are left");
        f64::from(top) / (f64::from(u32::MAX) + 1.0)
    }

    /// From 0 up to, not including, `end`; 0 when `end` is 0.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = end.max(1) as u64;
        usize::try_from(self.next() % end).expect("it is smaller than a usize")
    }

    pub(crate) fn coin(&mut self) -> bool {
        self.next() & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_and_number_draw_the_same() {
        assert_eq!(Draw::new(7, 3, 0).next(), Draw::new(7, 3, 0).next());
        assert_ne!(Draw::new(7, 3, 0).next(), Draw::new(7, 4, 0).next());
        assert_ne!(Draw::new(7, 3, 0).next(), Draw::new(7, 3, 1).next());
        assert_ne!(Draw::new(7, 3, 0).next(), Draw::new(8, 3, 0).next());
    }

    #[test]
    fn a_rate_of_a_tenth_hits_about_a_tenth() {
        let hits = (0..10_000).filter(|&n| Draw::new(42, n, 0).share() < 0.1).count();
        assert!((900..1_100).contains(&hits), "{hits}");
    }
}
