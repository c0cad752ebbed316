//! The last events of a room, for late joiners and for those who come back.
//!
//! Bounded in number by the component and in bytes by the server. The events are the last ones without a
//! gap, so their numbers follow from the number of the newest.

use std::collections::VecDeque;

use bytes::Bytes;
use fluxstack_live_protocol::SessionId;

/// See the module.
#[derive(Default)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    bytes: usize,
}

/// One event.
pub(super) struct Entry {
    /// As JSON.
    pub(super) event: Bytes,
    /// As every member was told.
    pub(super) frame: Bytes,
    /// Who emitted it and did not want to hear it.
    pub(super) not_for: Option<SessionId>,
}

impl Entry {
    fn len(&self) -> usize {
        self.event.len() + self.frame.len()
    }
}

impl History {
    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds the newest event; keeps at most `most` and `bytes` of them.
    pub(super) fn push(&mut self, entry: Entry, most: usize, bytes: usize) {
        self.bytes += entry.len();
        self.entries.push_back(entry);
        while self.entries.len() > most || self.bytes > bytes {
            let Some(oldest) = self.entries.pop_front() else { break };
            self.bytes -= oldest.len();
        }
    }

    /// All that came after event `heard`, if all of it is kept. `seq` is the number of the newest.
    pub(super) fn since(&self, heard: u64, seq: u64) -> Option<impl Iterator<Item = (u64, &Entry)>> {
        let missing = usize::try_from(seq.checked_sub(heard)?).ok()?;
        (missing <= self.entries.len()).then(|| self.last(missing, seq))
    }

    /// The last `count` that are kept. `seq` is the number of the newest.
    pub(super) fn last(&self, count: usize, seq: u64) -> impl Iterator<Item = (u64, &Entry)> {
        let count = count.min(self.entries.len());
        let first = seq - count as u64 + 1;
        (first..).zip(self.entries.range(self.entries.len() - count..))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn history(events: u64, most: usize, bytes: usize) -> History {
        let mut history = History::default();
        for _ in 0..events {
            let text = Bytes::from_static(b"01234");
            history.push(Entry { event: text.clone(), frame: text, not_for: None }, most, bytes);
        }
        history
    }

    #[track_caller]
    fn check(history: &History, heard: u64, expected: Option<&[u64]>) {
        let since = history.since(heard, 10).map(|since| since.map(|(seq, _)| seq).collect::<Vec<_>>());
        assert_eq!(since.as_deref(), expected, "after {heard}");
    }

    #[test]
    fn all_that_was_missed_is_there_or_nothing_is() {
        let history = history(10, 3, 1_000);
        check(&history, 10, Some(&[]));
        check(&history, 8, Some(&[9, 10]));
        check(&history, 7, Some(&[8, 9, 10]));
        check(&history, 6, None);
        check(&history, 0, None);
        // Somebody who claims what never was.
        check(&history, 11, None);
    }

    #[test]
    fn the_bytes_are_bounded_as_well() {
        let history = history(10, 100, 35);
        assert_eq!(history.bytes, 30);
        let last = |count| history.last(count, 10).map(|(seq, _)| seq).collect::<Vec<_>>();
        assert_eq!((last(2), last(9), last(0)), (vec![9, 10], vec![8, 9, 10], vec![]));
    }
}
