//! How much of a file may be under way: the rule of our client in TypeScript (`packages/client/src/upload/lane.ts`),
//! which says why it is so.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The smallest window, and what frames are made of.
pub(super) const STEP: u64 = 16 << 10;
/// The largest window.
pub(super) const LARGEST: u64 = 1 << 20;
/// The window at first.
const FIRST: u64 = 4 * STEP;
/// Frames in a window.
const FRAMES: u64 = 4;
/// How much longer than necessary an answer may take.
const TARGET: Duration = Duration::from_millis(50);
/// The same at least, while there are actions.
const LEAST_TARGET: Duration = Duration::from_millis(4);
/// How long an empty line is taken to be as it was; up to twice as long.
const BASE: Duration = Duration::from_secs(15);
/// Answers of which the fastest counts.
const RECENT: usize = 4;

/// See the module.
pub(super) struct Window {
    bytes: f64,
    least: f64,
    most: f64,
    /// Whether actions are made on the connection.
    pub(super) is_asking: bool,
    /// Nothing was ever too slow on this connection.
    is_starting: bool,
    /// How long the fastest answers took, of late and before.
    low: Duration,
    low_before: Duration,
    low_since: Instant,
    recent: VecDeque<Duration>,
}

impl Window {
    pub(super) fn new() -> Self {
        Self::between(STEP, LARGEST, FIRST)
    }

    /// One that stays as it is.
    pub(super) fn fixed(bytes: u64) -> Self {
        Self::between(bytes, bytes, bytes)
    }

    fn between(least: u64, most: u64, first: u64) -> Self {
        Self {
            bytes: first as f64,
            least: least as f64,
            most: most as f64,
            is_asking: false,
            is_starting: true,
            low: Duration::MAX,
            low_before: Duration::MAX,
            low_since: Instant::now(),
            recent: VecDeque::new(),
        }
    }

    /// Bytes that may be under way.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Bytes of a frame.
    pub(super) fn frame(&self) -> u64 {
        (self.bytes() / FRAMES).max(STEP) / STEP * STEP
    }

    /// Another connection: another line, perhaps.
    pub(super) fn renew(&mut self) {
        self.bytes = (self.bytes / 2.0).clamp(self.least, self.most);
        (self.low, self.low_before, self.is_starting) = (Duration::MAX, Duration::MAX, true);
        self.recent.clear();
    }

    /// An answer took so long, to a frame of so many bytes, after which there was no room for another one or there was.
    pub(super) fn measure(&mut self, took: Duration, length: u64, is_full: bool) {
        if self.low_since.elapsed() > BASE {
            (self.low_before, self.low, self.low_since) = (self.low, Duration::MAX, Instant::now());
        }
        self.low = self.low.min(took);
        let empty = self.low.min(self.low_before);
        if self.recent.len() == RECENT {
            self.recent.pop_front();
        }
        self.recent.push_back(took);
        let target = if self.is_asking { LEAST_TARGET.max(empty.min(TARGET / 2)) } else { TARGET };
        let target = target.as_secs_f64();
        let fastest = self.recent.iter().min().copied().unwrap_or(took);
        let off = ((target - fastest.saturating_sub(empty).as_secs_f64()) / target).max(-1.0);
        let length = length as f64;
        let change = if off < 0.0 {
            self.is_starting = false;
            off * length / 2.0
        } else if is_full {
            off * length * if self.is_starting { 1.0 } else { STEP as f64 / self.bytes }
        } else {
            0.0
        };
        self.bytes = (self.bytes + change).clamp(self.least, self.most);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_grows_while_answers_are_quick_and_shrinks_while_they_are_not() {
        let mut window = Window::new();
        (0..200).for_each(|_| window.measure(Duration::from_millis(1), window.frame(), true));
        assert_eq!((window.bytes(), window.frame()), (LARGEST, LARGEST / FRAMES));
        (0..200).for_each(|_| window.measure(Duration::from_millis(200), window.frame(), true));
        assert_eq!((window.bytes(), window.frame()), (STEP, STEP));
    }

    #[test]
    fn beside_actions_a_few_milliseconds_are_too_much() {
        for (is_asking, expected) in [(false, LARGEST), (true, STEP)] {
            let mut window = Window::new();
            window.is_asking = is_asking;
            window.measure(Duration::from_millis(1), STEP, true);
            (0..400).for_each(|_| window.measure(Duration::from_millis(12), window.frame(), true));
            assert_eq!(window.bytes(), expected, "asking: {is_asking}");
        }
    }
}
