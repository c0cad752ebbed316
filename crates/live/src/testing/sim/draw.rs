//! Random numbers that come from a seed alone: the same on every machine, with every version of everything.
//!
//! SplitMix64 (Sebastiano Vigna, public domain). A schedule is only worth its seed if the seed brings it back
//! years later, so this is not taken from a library that may change its mind.

/// Where a simulation takes its chances from.
///
/// ```
/// use fluxstack_live::testing::sim::Draw;
/// let (mut one, mut same) = (Draw::new(7), Draw::new(7));
/// assert_eq!(one.below(100), same.below(100));
/// ```
#[derive(Debug, Clone)]
pub struct Draw(u64);

impl Draw {
    /// Begins at a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        // A few steps, so that seeds that are neighbours have nothing in common.
        let mut draw = Self(seed ^ 0x6c69_7665);
        draw.next();
        draw
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0, below `end`; 0 if there is none.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Draw;
    /// assert!(Draw::new(1).below(6) < 6);
    /// ```
    pub fn below(&mut self, end: u64) -> u64 {
        // A little uneven, which does no harm to a choice between a few.
        self.next() % end.max(1)
    }

    /// A number from `least` to `most`, both included.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Draw;
    /// assert!((1..=6).contains(&Draw::new(1).between(1, 6)));
    /// ```
    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most.saturating_sub(least) + 1)
    }

    /// Whether something happens that happens `percent` times in a hundred.
    ///
    /// ```
    /// # use fluxstack_live::testing::sim::Draw;
    /// assert!(Draw::new(1).chance(100) && !Draw::new(1).chance(0));
    /// ```
    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// One place in something of this length.
    pub(super) fn place(&mut self, len: usize) -> usize {
        usize::try_from(self.below(len as u64)).unwrap_or(0)
    }

    /// Chances of its own for a part of the whole, so that what one part draws does not move the others.
    pub(super) fn fork(&mut self) -> Self {
        Self::new(self.next())
    }
}
