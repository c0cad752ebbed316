//! How long a great many things took: tens of millions of them, so they are counted and not kept.

use std::time::Duration;

/// Two times that differ by less are taken for the same.
const STEP: Duration = Duration::from_micros(10);
/// Steps that are told apart: ten seconds. What takes longer counts as that long, except in `max`.
const STEPS: usize = 1_000_000;

pub(crate) struct Times {
    counts: Vec<u32>,
    pub(crate) count: u64,
    pub(crate) max: Duration,
}

impl Default for Times {
    fn default() -> Self {
        Self { counts: vec![0; STEPS], count: 0, max: Duration::ZERO }
    }
}

impl Times {
    pub(crate) fn add(&mut self, time: Duration) {
        let step = (time.as_nanos() / STEP.as_nanos()) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.count += 1;
        self.max = self.max.max(time);
    }

    /// Adds those of another round.
    pub(crate) fn merge(&mut self, others: &Self) {
        self.counts.iter_mut().zip(&others.counts).for_each(|(count, other)| *count += other);
        self.count += others.count;
        self.max = self.max.max(others.max);
    }

    /// What so many of a hundred stayed under.
    pub(crate) fn percentile(&self, of_hundred: u64) -> Duration {
        let rank = (self.count * of_hundred).div_ceil(100);
        let mut below = 0;
        for (step, count) in self.counts.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank && below > 0 {
                return (STEP * (step as u32 + 1)).min(self.max);
            }
        }
        Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_those_of_the_sorted_times_to_a_step() {
        let mut times = Times::default();
        (1..=200).rev().for_each(|time| times.add(Duration::from_millis(time)));
        assert_eq!(times.percentile(50), Duration::from_millis(100) + STEP);
        assert_eq!(times.percentile(99), Duration::from_millis(198) + STEP);
        assert_eq!(times.percentile(100), Duration::from_millis(200));
        assert_eq!(times.max, Duration::from_millis(200));
        assert_eq!(Times::default().percentile(99), Duration::ZERO);
    }
}
