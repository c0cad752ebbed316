//! Chance that can be had again: what a load test decides at random comes from a seed that it prints.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A sequence of numbers that looks random (SplitMix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A seed nobody chose.
    pub(crate) fn seed() -> u64 {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(now.as_nanos() % 1_000_000_007).unwrap_or_default()
    }

    /// Dice of their own for whoever has this number, so that no two wait for each other.
    pub(crate) fn fork(&self, number: usize) -> Self {
        let mut fork = Self(self.0 ^ (number as u64 + 1).wrapping_mul(0xd134_2543_de82_ef95));
        fork.roll();
        fork
    }

    /// Less than `sides`, which is not 0.
    pub(crate) fn below(&mut self, sides: u64) -> u64 {
        self.roll() % sides
    }

    /// Any time shorter than this.
    pub(crate) fn within(&mut self, longest: Duration) -> Duration {
        let longest = u64::try_from(longest.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.below(longest.max(1)))
    }

    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut rolled = self.0;
        rolled = (rolled ^ (rolled >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        rolled = (rolled ^ (rolled >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        rolled ^ (rolled >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_rolls_the_same_again_and_forks_differ() {
        let roll = |mut dice: Dice| (0..4).map(|_| dice.below(1_000_000)).collect::<Vec<_>>();
        assert_eq!(roll(Dice::new(7)), roll(Dice::new(7)));
        assert_ne!(roll(Dice::new(7)), roll(Dice::new(8)));
        assert_ne!(roll(Dice::new(7).fork(0)), roll(Dice::new(7).fork(1)));
        assert!(Dice::new(1).within(Duration::from_millis(3)) < Duration::from_millis(3));
    }
}
