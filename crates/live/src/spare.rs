//! Empty queues, for whoever has something to put into one.
//!
//! An idle connection and an idle instance have nothing waiting most of the time, and room for four things that might
//! wait is hundreds of bytes. So a queue that was emptied gives its room away, to the next that needs one on the same
//! thread: nothing is kept while nothing waits, and nothing is allocated while something does.

use std::cell::RefCell;
use std::collections::VecDeque;

/// How many a thread keeps. More are only needed where more wait at once.
const MOST: usize = 1_024;
/// What had room for more than this had a burst, and is given back to the allocator.
const LARGE: usize = 16;

/// The empty queues of one thread.
pub(crate) struct Spare<T>(RefCell<Vec<VecDeque<T>>>);

impl<T> Spare<T> {
    /// None yet.
    pub(crate) const fn new() -> Self {
        Self(RefCell::new(Vec::new()))
    }

    /// Gives `queue` room, if it has none.
    pub(crate) fn lend(&self, queue: &mut VecDeque<T>) {
        if queue.capacity() == 0
            && let Some(spare) = self.0.borrow_mut().pop()
        {
            *queue = spare;
        }
    }

    /// Takes the room of `queue`, if nothing is in it.
    pub(crate) fn take_back(&self, queue: &mut VecDeque<T>) {
        if !queue.is_empty() || queue.capacity() == 0 {
            return;
        }
        let empty = std::mem::take(queue);
        let mut spare = self.0.borrow_mut();
        if spare.len() < MOST && empty.capacity() <= LARGE {
            spare.push(empty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_emptied_is_room_for_the_next() {
        let spare = Spare::new();
        let (mut first, mut second) = (VecDeque::from([1, 2]), VecDeque::new());
        spare.take_back(&mut first);
        assert_eq!(first, [1, 2], "what is in it stays");
        first.clear();
        spare.take_back(&mut first);
        assert_eq!(first.capacity(), 0);
        spare.lend(&mut second);
        assert!(second.capacity() >= 2 && second.is_empty());
        spare.lend(&mut first);
        assert_eq!(first.capacity(), 0, "there was one");
    }

    #[test]
    fn a_burst_leaves_nothing_behind() {
        let spare = Spare::new();
        let mut large: VecDeque<u8> = VecDeque::with_capacity(LARGE + 1);
        spare.take_back(&mut large);
        for _ in 0..2 * MOST {
            spare.take_back(&mut VecDeque::with_capacity(1));
        }
        let kept = spare.0.borrow();
        assert!(kept.len() == MOST && kept.iter().all(|queue| queue.capacity() <= LARGE));
    }
}
