//! The last frames an instance sent, for a client that comes back and missed some.
//!
//! Deltas and events in the order they were made, bounded in bytes. Deltas are contiguous, because each
//! starts where the one before it ended and the oldest go first; so whoever shows a version at which a
//! delta here begins can be brought up to date with what follows it. Whoever is further behind gets the
//! whole state instead, and is told how many events are gone.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::outbox::StateFrame;

/// See the module.
#[derive(Default)]
pub(super) struct Log {
    entries: VecDeque<Entry>,
    bytes: usize,
}

pub(super) enum Entry {
    Delta { base: u64, frame: StateFrame },
    Event { seq: u64, frame: Bytes },
}

impl Entry {
    fn len(&self) -> usize {
        match self {
            Self::Delta { frame, .. } => frame.len(),
            Self::Event { frame, .. } => frame.len(),
        }
    }
}

/// What somebody missed.
#[derive(Default)]
pub(super) struct Missed<'a> {
    /// Whether the deltas that would be needed are gone, so that only a whole state will do.
    pub(super) whole: bool,
    /// Events that are gone.
    pub(super) lost: u64,
    /// The rest, in order.
    pub(super) frames: Vec<&'a Entry>,
}

impl Log {
    /// Adds what was just sent; keeps at most `bound` bytes.
    pub(super) fn push(&mut self, entry: Entry, bound: usize) {
        self.bytes += entry.len();
        self.entries.push_back(entry);
        while self.bytes > bound {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.len();
        }
        if self.entries.is_empty() && self.entries.capacity() > 16 {
            self.entries = VecDeque::new();
        }
    }

    /// What is missing to somebody who shows version `have`, or nothing, and heard events up to `heard`,
    /// while the instance is at `version` and has emitted `seq` events.
    pub(super) fn since(&self, have: Option<u64>, version: u64, heard: u64, seq: u64) -> Missed<'_> {
        let is_there = |have| {
            self.entries.iter().any(|entry| matches!(entry, Entry::Delta { base, .. } if *base == have))
        };
        let whole = have != Some(version) && !have.is_some_and(is_there);
        let frames: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| match entry {
                Entry::Delta { base, .. } => !whole && have.is_some_and(|have| *base >= have),
                Entry::Event { seq, .. } => *seq > heard,
            })
            .collect();
        let kept = frames.iter().filter(|entry| matches!(entry, Entry::Event { .. })).count() as u64;
        Missed { whole, lost: seq.saturating_sub(heard).saturating_sub(kept), frames }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outbox::Payload;

    fn log(entries: &[(char, u64)], bound: usize) -> Log {
        let mut log = Log::default();
        for (kind, number) in entries {
            let frame = Bytes::from_static(b"0123456789");
            log.push(
                match kind {
                    'd' => {
                        let payload = Payload::at(&(1..2), frame.len());
                        Entry::Delta { base: *number, frame: StateFrame::Delta { frame, payload } }
                    }
                    _ => Entry::Event { seq: *number, frame },
                },
                bound,
            );
        }
        log
    }

    #[track_caller]
    fn check(log: &Log, have: Option<u64>, heard: u64, whole: bool, lost: u64, expected: &[(char, u64)]) {
        let missed = log.since(have, 3, heard, 2);
        let frames: Vec<_> = missed
            .frames
            .iter()
            .map(|entry| match entry {
                Entry::Delta { base, .. } => ('d', *base),
                Entry::Event { seq, .. } => ('e', *seq),
            })
            .collect();
        assert_eq!(
            (missed.whole, missed.lost, frames.as_slice()),
            (whole, lost, expected),
            "{have:?} {heard}"
        );
    }

    #[test]
    fn whoever_comes_back_gets_what_came_after_what_they_have() {
        let log = log(&[('d', 0), ('e', 1), ('d', 1), ('e', 2), ('d', 2)], 1_000);
        check(&log, Some(3), 2, false, 0, &[]);
        check(&log, Some(1), 1, false, 0, &[('d', 1), ('e', 2), ('d', 2)]);
        check(&log, Some(0), 0, false, 0, &[('d', 0), ('e', 1), ('d', 1), ('e', 2), ('d', 2)]);
        check(&log, None, 2, true, 0, &[]);
        // Somebody who claims what never was is told how it is.
        check(&log, Some(9), 7, true, 0, &[]);
    }

    #[test]
    fn what_is_no_longer_kept_is_a_whole_state_and_a_count() {
        let log = log(&[('d', 0), ('e', 1), ('d', 1), ('e', 2), ('d', 2)], 25);
        assert_eq!(log.bytes, 20);
        check(&log, Some(0), 0, true, 1, &[('e', 2)]);
        check(&log, Some(2), 0, false, 1, &[('e', 2), ('d', 2)]);
        check(&log, Some(3), 1, false, 0, &[('e', 2)]);
    }
}
