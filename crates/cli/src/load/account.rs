//! Whether a server did each thing once, in order: what is written down of one component, and what is wrong with it.
//!
//! This is what makes a figure believable, so it is always on. It costs two comparisons for each answer.

use std::collections::VecDeque;

/// What is wrong with something a server said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// So many are missing before it.
    Skipped(u64),
    /// It was said before.
    Again,
    /// It came after one that should have come after it.
    Late,
    /// There was nothing it could be about.
    Unasked,
}

/// When a call was sent, and when it should have been; nanoseconds of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) sent: u64,
    pub(crate) due: u64,
}

/// Whether the component is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Place {
    /// It is not.
    #[default]
    Empty,
    /// It was asked for.
    Coming,
    /// It is.
    Taken,
    /// It was told to go.
    Leaving,
}

/// The account of one component of one connection.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) place: Place,
    /// When it was asked for or told to go.
    pub(crate) since: u64,
    /// Calls that were sent.
    pub(crate) called: u64,
    /// The highest of those that were answered.
    answered: u64,
    /// Calls the state counts.
    pub(crate) count: u64,
    /// Of those after `answered`.
    times: VecDeque<Times>,
    /// Before `answered`, and not answered.
    missing: Vec<u64>,
}

impl Account {
    /// Notes a call, and answers its number.
    pub(crate) fn call(&mut self, times: Times) -> u64 {
        self.called += 1;
        self.times.push_back(times);
        self.called
    }

    /// Notes an answer: when what it answers was sent, unless it answers nothing, and what is wrong with it.
    pub(crate) fn answer(&mut self, number: u64) -> (Option<Times>, Option<Fault>) {
        if number > self.called || number == 0 {
            return (None, Some(Fault::Unasked));
        }
        if number <= self.answered {
            let Some(at) = self.missing.iter().position(|missing| *missing == number) else {
                return (None, Some(Fault::Again));
            };
            self.missing.swap_remove(at);
            // Its time is forgotten; that it came late is what counts.
            return (None, Some(Fault::Late));
        }
        let skipped = number - self.answered - 1;
        for _ in 0..skipped {
            self.answered += 1;
            self.missing.push(self.answered);
            self.times.pop_front();
        }
        self.answered = number;
        (self.times.pop_front(), (skipped > 0).then_some(Fault::Skipped(skipped)))
    }

    /// Notes a change of the state to this count: by how much it went up, and what is wrong with it. `is_merged` if
    /// several may be one; `is_shared` if others call, too.
    pub(crate) fn change(&mut self, count: u64, is_merged: bool, is_shared: bool) -> (u64, Option<Fault>) {
        let Some(up) = count.checked_sub(self.count).filter(|up| *up > 0) else {
            return (0, Some(Fault::Again));
        };
        self.count = count;
        let fault = if count > self.called && !is_shared {
            Some(Fault::Unasked)
        } else if up > 1 && !is_merged {
            Some(Fault::Skipped(up - 1))
        } else {
            None
        };
        (up, fault)
    }

    /// Calls that are not answered.
    #[cfg(test)]
    fn open(&self) -> u64 {
        self.called - self.answered + self.missing.len() as u64
    }

    /// Begins anew with another component in the same place.
    pub(crate) fn clear(&mut self) {
        self.called = 0;
        self.answered = 0;
        self.count = 0;
        self.times.clear();
        self.missing.clear();
    }
}

/// Notes that this was told, after what was told before by the same, and says what is wrong with it.
pub(crate) fn tell(last: &mut u64, number: u64) -> Option<Fault> {
    match number.checked_sub(*last) {
        None | Some(0) => Some(Fault::Again),
        Some(up) => {
            *last = number;
            (up > 1).then_some(Fault::Skipped(up - 1))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: Times = Times { sent: 5, due: 3 };

    fn called(times: u64) -> Account {
        let mut account = Account::default();
        for _ in 0..times {
            account.call(AT);
        }
        account
    }

    #[track_caller]
    fn answers(numbers: &[u64], expected: &[Option<Fault>], open: u64) {
        let mut account = called(4);
        let faults: Vec<_> = numbers.iter().map(|number| account.answer(*number).1).collect();
        assert_eq!(faults, expected);
        assert_eq!(account.open(), open);
    }

    #[test]
    fn answers_come_once_and_in_order() {
        answers(&[1, 2, 3, 4], &[None; 4], 0);
        answers(&[1, 1], &[None, Some(Fault::Again)], 3);
        answers(&[1, 3, 4], &[None, Some(Fault::Skipped(1)), None], 1);
        answers(&[1, 3, 2, 2], &[None, Some(Fault::Skipped(1)), Some(Fault::Late), Some(Fault::Again)], 1);
        answers(&[5], &[Some(Fault::Unasked)], 4);
        answers(&[0], &[Some(Fault::Unasked)], 4);
    }

    #[test]
    fn an_answer_knows_when_its_call_was_sent() {
        let mut account = Account::default();
        for sent in [10, 20, 30] {
            account.call(Times { sent, due: sent });
        }
        assert_eq!(account.answer(2).0, Some(Times { sent: 20, due: 20 }));
        assert_eq!(account.answer(3).0, Some(Times { sent: 30, due: 30 }));
        assert_eq!(account.answer(1).0, None);
    }

    #[track_caller]
    fn changes(counts: &[u64], is_merged: bool, is_shared: bool, expected: &[Option<Fault>]) {
        let mut account = called(4);
        let faults: Vec<_> =
            counts.iter().map(|count| account.change(*count, is_merged, is_shared).1).collect();
        assert_eq!(faults, expected);
    }

    #[test]
    fn the_state_counts_each_call_once() {
        changes(&[1, 2, 3, 4], false, false, &[None; 4]);
        changes(&[1, 3], false, false, &[None, Some(Fault::Skipped(1))]);
        changes(&[1, 3], true, false, &[None; 2]);
        changes(&[1, 1], true, false, &[None, Some(Fault::Again)]);
        changes(&[2, 1], true, false, &[None, Some(Fault::Again)]);
        changes(&[5], true, false, &[Some(Fault::Unasked)]);
        changes(&[5], true, true, &[None]);
    }

    #[test]
    fn what_is_told_comes_once_and_in_order() {
        let mut last = 0;
        let faults = [1, 2, 2, 5, 4].map(|number| tell(&mut last, number));
        let again = Some(Fault::Again);
        assert_eq!(faults, [None, None, again, Some(Fault::Skipped(2)), again]);
    }
}
