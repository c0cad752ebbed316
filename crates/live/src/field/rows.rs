//! What is remembered of the rows of a [`List`](super::List) that were sent: of each its digest and its length, and
//! the digest of them all.
//!
//! The digest of an array is a sum: each row's digest times a power of one factor, the power being how many rows
//! stand behind it (see [`digest::array_step`]). So a row that is replaced adds a difference times that power,
//! however many others there are. Where rows come or go, those before the place get another power: what they come to
//! is found by reading whichever side of the place has fewer rows, once. The vector moves those behind it in any case.

use std::ops::Range;

use fluxstack_live_protocol::digest;

use super::edits::{Edits, Splice};

/// Up to so many places where rows come or go are seen to one by one; with more of them everything is written anew.
const FEW: usize = 8;
/// What a step multiplies everything before it by, and what undoes that.
const STEP: u32 = digest::array_step(1, 0);
const STEP_BACK: u32 = inverse(STEP);

/// One row that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) digest: u32,
    /// Bytes of JSON.
    pub(super) len: u32,
}

/// All rows that were sent.
#[derive(Debug)]
pub(super) struct Rows {
    rows: Vec<Row>,
    /// The array's digest without its end.
    steps: u32,
    bytes: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Self { rows: Vec::new(), steps: digest::ARRAY_START, bytes: 0 }
    }
}

impl Rows {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Bytes of JSON of all of them, without what stands between.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes of JSON of some of them.
    pub(super) fn bytes_of(&self, range: Range<usize>) -> usize {
        self.rows[range].iter().map(|row| row.len as usize).sum()
    }

    /// The digest of the array.
    pub(super) fn digest(&self) -> u32 {
        digest::array_end(self.steps, self.rows.len())
    }

    /// There are other rows now.
    pub(super) fn assign(&mut self, new: impl Iterator<Item = Row>) {
        self.rows.clear();
        self.rows.extend(new);
        self.rows.shrink_to(self.rows.len() * 2);
        self.sum();
    }

    /// In place of those at `range` there are the `new` ones.
    pub(super) fn splice(&mut self, range: Range<usize>, new: impl Iterator<Item = Row>) {
        let (start, removed, behind) = (range.start, range.len(), self.rows.len() - range.end);
        let gone = steps(0, &self.rows[range.clone()]);
        self.bytes -= self.bytes_of(range.clone());
        self.rows.splice(range, new);
        let end = self.rows.len() - behind;
        self.bytes += self.bytes_of(start..end);
        // What the rows before come to. Where as many come as go, it is the same in both and does not count.
        let before = if end - start == removed {
            0
        } else if start <= behind {
            steps(digest::ARRAY_START, &self.rows[..start])
        } else {
            let up_to_tail =
                self.steps.wrapping_sub(steps(0, &self.rows[end..])).wrapping_mul(power(STEP_BACK, behind));
            up_to_tail.wrapping_sub(gone).wrapping_mul(power(STEP_BACK, removed))
        };
        let old = before.wrapping_mul(power(STEP, removed)).wrapping_add(gone);
        let new = steps(before, &self.rows[start..end]);
        self.steps = self.steps.wrapping_add(new.wrapping_sub(old).wrapping_mul(power(STEP, behind)));
    }

    /// All splices of `edits`; `new` are the rows that they insert, in order.
    pub(super) fn edit(&mut self, edits: &Edits, mut new: impl Iterator<Item = Row>) {
        let mut shifts = 0;
        edits.splices(|splice| shifts += usize::from(splice.removed != splice.inserted));
        if shifts <= FEW {
            edits.splices(|Splice { index, removed, inserted, .. }| {
                self.splice(index..index + removed, new.by_ref().take(inserted));
            });
            return;
        }
        let old = std::mem::take(&mut self.rows);
        let mut rows = Vec::with_capacity(old.len());
        let mut at = 0;
        edits.splices(|Splice { base, removed, inserted, .. }| {
            rows.extend_from_slice(&old[at..base]);
            rows.extend(new.by_ref().take(inserted));
            at = base + removed;
        });
        rows.extend_from_slice(&old[at..]);
        self.rows = rows;
        self.sum();
    }

    fn sum(&mut self) {
        self.steps = steps(digest::ARRAY_START, &self.rows);
        self.bytes = self.bytes_of(0..self.rows.len());
    }
}

/// The steps of `rows` after those `before` them.
fn steps(before: u32, rows: &[Row]) -> u32 {
    rows.iter().fold(before, |steps, row| digest::array_step(steps, row.digest))
}

/// `factor`, so many times.
const fn power(mut factor: u32, mut times: usize) -> u32 {
    let mut power: u32 = 1;
    while times > 0 {
        if times % 2 == 1 {
            power = power.wrapping_mul(factor);
        }
        factor = factor.wrapping_mul(factor);
        times /= 2;
    }
    power
}

/// What brings an `odd` number back to one: each round doubles how many of its last bits are right, from three on.
const fn inverse(odd: u32) -> u32 {
    let mut inverse = odd;
    let mut right = 3;
    while right < u32::BITS {
        inverse = inverse.wrapping_mul(2u32.wrapping_sub(odd.wrapping_mul(inverse)));
        right *= 2;
    }
    inverse
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn rows(digests: &[u32]) -> Vec<Row> {
        digests.iter().map(|digest| Row { digest: *digest, len: digest % 100 }).collect()
    }

    /// The same rows, put together anew.
    fn plain(rows: &[Row]) -> (u32, usize) {
        let steps = rows.iter().fold(digest::ARRAY_START, |steps, row| digest::array_step(steps, row.digest));
        (digest::array_end(steps, rows.len()), rows.iter().map(|row| row.len as usize).sum())
    }

    fn check(found: &Rows, expected: &[Row]) {
        assert_eq!(found.rows, expected);
        assert_eq!((found.digest(), found.bytes()), plain(expected), "{expected:?}");
    }

    #[test]
    fn the_digest_is_that_of_the_array() {
        let row = |json: &[u8]| Row { digest: digest::of_json(json).unwrap(), len: json.len() as u32 };
        let mut rows = Rows::default();
        assert_eq!(Some(rows.digest()), digest::of_json(b"[]"));
        rows.assign([row(b"1"), row(br#""two""#), row(b"[3]")].into_iter());
        assert_eq!(Some(rows.digest()), digest::of_json(br#"[1,"two",[3]]"#));
        assert_eq!((rows.len(), rows.bytes(), rows.bytes_of(1..2)), (3, 9, 5));
        rows.splice(1..2, [row(b"null")].into_iter());
        assert_eq!(Some(rows.digest()), digest::of_json(b"[1,null,[3]]"));
    }

    #[test]
    fn a_step_and_a_step_back_are_none() {
        for many in [0, 1, 2, 255, 256, 100_000, usize::MAX] {
            assert_eq!(power(STEP, many).wrapping_mul(power(STEP_BACK, many)), 1, "{many}");
        }
        assert_eq!(power(3, 5), 243);
    }

    #[test]
    fn rows_that_come_and_go_at_many_places_are_seen_to_in_one_pass() {
        for places in [FEW, FEW + 1, 5 * FEW] {
            let mut expected = rows(&(0..20 * places as u32).collect::<Vec<_>>());
            let mut found = Rows::default();
            found.assign(expected.iter().copied());
            let mut edits = Edits::default();
            edits.reset(expected.len());
            for place in (0..places).rev() {
                edits.remove(20 * place..20 * place + 3);
                edits.replace(20 * place + 5);
                expected.drain(20 * place..20 * place + 3);
                expected[20 * place + 5] = Row { digest: place as u32 ^ 0xdead_beef, len: 7 };
            }
            let new = (0..places as u32).map(|place| Row { digest: place ^ 0xdead_beef, len: 7 });
            found.edit(&edits, new);
            check(&found, &expected);
        }
    }

    proptest! {
        #[test]
        fn after_any_splices_all_is_as_if_put_together_anew(
            first in vec(any::<u32>(), 0..40),
            splices in vec((any::<(prop::sample::Index, prop::sample::Index)>(), vec(any::<u32>(), 0..6)), 1..12),
        ) {
            let mut expected = rows(&first);
            let mut found = Rows::default();
            found.assign(expected.iter().copied());
            for ((one, other), new) in splices {
                let (one, other) = (one.index(expected.len() + 1), other.index(expected.len() + 1));
                let (range, new) = (one.min(other)..one.max(other), rows(&new));
                found.splice(range.clone(), new.iter().copied());
                expected.splice(range, new);
                check(&found, &expected);
            }
        }
    }
}
