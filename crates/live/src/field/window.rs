//! [`Window`]: a [`List`] of which clients read only the rows they are about to show.
//!
//! In the state, and in deltas, such a field is how long it is, its revision, and the last edits by their places
//! alone: `{"length":n,"rev":r,"edits":[[rev,index,removed,inserted],…]}`. A client that holds some rows shifts them
//! with the edits and reads what it misses. How the list came from the one before is what the list records anyway;
//! everything else that a field does (recovering, restoring, counting against the limit) is the list's own.
//!
//! What must stay true: a revision is explained whole or not at all, and no two lists of one instance ever had the
//! same one, also not before and after it was rebuilt from a snapshot that was not its last.

use std::collections::VecDeque;
use std::io::Write as _;
use std::ops::Range;
use std::sync::PoisonError;

use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::digest;

use super::edits::Splice;
use super::list::{List, Was};
use super::list_sent::Sent;
use super::{Field, Staged};
use crate::typescript::Types;
use crate::wire::Wire;

/// Edits that are told. One turn never needs more: what it did far apart is told as if all between had changed.
const MOST: usize = 16;

/// One edit by its places: where, how many rows go, how many come instead. What is said after it counts on it.
type Move = [usize; 3];

/// A kind of field that clients can read in part: a [`List`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be read in part",
    label = "`#[state(window)]` is for a `List`",
    note = "make the field a `List<…>`, or drop the `window` and send it whole"
)]
pub trait Listed: Field {
    /// How many rows were committed.
    #[doc(hidden)]
    fn committed_len(sent: &Self::Sent) -> usize;

    /// What [`Field::stage`] found, as edits that lead from the committed rows to the present ones.
    #[doc(hidden)]
    fn moves(&self, sent: &Self::Sent, staged: &Staged) -> Vec<Move>;

    /// Appends committed rows as JSON, with commas between: those of `range`, which is within the list, or fewer where
    /// they would take more than `bytes`, but at least one.
    #[doc(hidden)]
    fn read(&self, sent: &Self::Sent, range: Range<usize>, bytes: usize, out: &mut Vec<u8>);

    /// The TypeScript type of a row.
    #[doc(hidden)]
    fn row(types: &mut Types) -> String;
}

/// `Owner` shows `Self` in a window; as [`Shown`](super::Shown) for other fields.
#[doc(hidden)]
pub trait InWindow<Owner, const AT: usize>: Listed {}

/// Which rows a client asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// The place of the first.
    pub from: usize,
    /// How many at most.
    pub count: usize,
    /// How many bytes they may take together; one row is always told.
    pub bytes: usize,
}

/// What is remembered of a list that is read in part.
#[doc(hidden)]
pub struct Window<L: Listed> {
    rows: L::Sent,
    /// Which list it is: one more with each change.
    rev: u64,
    /// The last edits, each with the revision it led to.
    edits: VecDeque<(u64, Move)>,
    /// What was last sent. Nothing yet, as long as it is empty.
    json: Vec<u8>,
    digest: u32,
}

impl<L: Listed> Default for Window<L> {
    fn default() -> Self {
        let edits = VecDeque::new();
        Self { rows: L::Sent::default(), rev: 0, edits, json: Vec::new(), digest: 0 }
    }
}

impl<L: Listed> Window<L> {
    /// What the list itself remembers.
    #[must_use]
    pub fn rows(&self) -> &L::Sent {
        &self.rows
    }

    /// Before the first commit: the list begins with this revision, because an instance it goes on from had others.
    pub fn begin_at(&mut self, rev: u64) {
        self.rev = rev;
    }

    /// As [`Field::commit`].
    pub fn commit(&mut self, name: &str, list: &mut L, staged: &Staged, scratch: &[u8], out: &mut Writer) {
        let is_changed = staged.range.is_some();
        if is_changed && !self.json.is_empty() {
            self.rev += 1;
            self.edits.extend(list.moves(&self.rows, staged).into_iter().map(|edit| (self.rev, edit)));
            while self.edits.len() > MOST {
                let oldest = self.edits.front().map(|(rev, _)| *rev);
                self.edits.retain(|(rev, _)| Some(*rev) != oldest);
            }
        }
        // Rows travel only to those who ask for them.
        list.commit(name, &mut self.rows, staged, scratch, &mut Writer::default());
        if is_changed || self.json.is_empty() {
            self.write();
            out.set(name, &self.json);
        }
    }

    fn write(&mut self) {
        let (length, rev, json) = (L::committed_len(&self.rows), self.rev, &mut self.json);
        json.clear();
        write!(json, "{{\"length\":{length},\"rev\":{rev},\"edits\":[").expect("a Vec takes every byte");
        for (at, (rev, [index, removed, inserted])) in self.edits.iter().enumerate() {
            let comma = if at > 0 { "," } else { "" };
            write!(json, "{comma}[{rev},{index},{removed},{inserted}]").expect("a Vec takes every byte");
        }
        json.extend_from_slice(b"]}");
        self.digest = digest::of_part(json).expect("what was just written is JSON");
    }

    /// As [`Field::digest`].
    #[must_use]
    pub fn digest(&self) -> u32 {
        self.digest
    }

    /// As [`Field::snapshot`], for clients.
    pub fn snapshot(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.json);
    }

    /// Appends `{"from":…,"length":…,"rev":…,"rows":[…]}`: a part of the list as last sent. Asked between turns only.
    pub fn read(&self, list: &L, part: Part, out: &mut Vec<u8>) {
        let (length, rev) = (L::committed_len(&self.rows), self.rev);
        let from = part.from.min(length);
        let end = from.saturating_add(part.count).min(length);
        write!(out, "{{\"from\":{from},\"length\":{length},\"rev\":{rev},\"rows\":[")
            .expect("a Vec takes every byte");
        list.read(&self.rows, from..end, part.bytes, out);
        out.extend_from_slice(b"]}");
    }
}

/// The TypeScript type of a field that is read in part.
#[doc(hidden)]
pub fn window_type<L: Listed>(types: &mut Types) -> String {
    types.import("Windowed");
    format!("Windowed<{}>", L::row(types))
}

impl<T: Wire> Listed for List<T> {
    fn committed_len(sent: &Sent<T>) -> usize {
        sent.len()
    }

    fn moves(&self, sent: &Sent<T>, staged: &Staged) -> Vec<Move> {
        let everything = vec![[0, sent.len(), self.len()]];
        let Some(edits) = self.edits(sent) else {
            // Assigned: one splice between what both begin and end with, if that could be found out.
            let inserted = staged.noted();
            let removed = sent.len() + inserted - self.len();
            return if staged.whole { everything } else { vec![[staged.count, removed, inserted]] };
        };
        let mut moves = Vec::new();
        let is_told = edits.splices(|Splice { index, removed, inserted, .. }| {
            moves.push([index, removed, inserted]);
        });
        if is_told { coarse(moves) } else { everything }
    }

    fn read(&self, sent: &Sent<T>, range: Range<usize>, bytes: usize, out: &mut Vec<u8>) {
        let start = out.len();
        let has_room = |row: Was<'_, T>, out: &mut Vec<u8>| {
            let before = out.len();
            if before > start {
                out.push(b',');
            }
            row.write(out);
            let fits = out.len() - start <= bytes || before == start;
            if !fits {
                out.truncate(before);
            }
            fits
        };
        match self.edits(sent) {
            Some(edits) if edits.is_clean() => {
                let _ = self.items[range].iter().all(|row| has_room(Was::Item(row), out));
            }
            // What is held back: as it was before.
            Some(_) => {
                let _ = self.committed(range).all(|row| has_room(row, out));
            }
            None => {
                let slot = sent.slot().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
                let old = slot.as_deref().and_then(Option::as_ref).unwrap_or(&self.items);
                let rows = old.get(range).unwrap_or_default();
                let _ = rows.iter().all(|row| has_room(Was::Item(row), out));
            }
        }
    }

    fn row(types: &mut Types) -> String {
        types.shows::<T>()
    }
}

/// The same edits, told as no more than [`MOST`]: those that are near each other as one, as if all between had changed
/// as well.
fn coarse(moves: Vec<Move>) -> Vec<Move> {
    if moves.len() <= MOST {
        return moves;
    }
    // Rows that stay between an edit and the next.
    let gap = |pair: &[Move]| pair[1][0] - pair[0][0] - pair[0][2];
    let mut gaps: Vec<(usize, usize)> = moves.windows(2).map(gap).zip(1..).collect();
    gaps.sort_unstable_by(|left, right| right.cmp(left));
    let mut starts: Vec<usize> = gaps[..MOST - 1].iter().map(|(_, at)| *at).chain([0]).collect();
    starts.sort_unstable();
    let ends = starts[1..].iter().copied().chain([moves.len()]);
    let together = |(start, end): (usize, usize)| {
        let (first, last) = (moves[start], moves[end - 1]);
        let inserted = last[0] + last[2] - first[0];
        // What both counts differ by is what the edits differ by.
        let (gone, come) = moves[start..end]
            .iter()
            .fold((0, 0), |(gone, come), [_, removed, inserted]| (gone + removed, come + inserted));
        [first[0], inserted + gone - come, inserted]
    };
    starts.iter().copied().zip(ends).map(together).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_edits_are_told_as_few_that_lead_to_the_same_list() {
        // Of 100 rows every third is another one, and behind each of the last ten one is new.
        let mut moves: Vec<Move> = (0..90).step_by(3).map(|at| [at, 1, 1]).collect();
        moves.extend((0..5).map(|at| [91 + 3 * at, 0, 1]));
        let few = coarse(moves.clone());
        assert_eq!(few.len(), MOST);
        let play = |moves: &[Move]| {
            let mut rows: Vec<Option<usize>> = (0..100).map(Some).collect();
            for [index, removed, inserted] in moves {
                rows.splice(index..&(index + removed), std::iter::repeat_n(None, *inserted));
            }
            rows
        };
        let (fine, coarse) = (play(&moves), play(&few));
        assert_eq!(fine.len(), coarse.len());
        for (fine, coarse) in fine.iter().zip(&coarse) {
            assert!(coarse.is_none() || coarse == fine, "{coarse:?} stands where {fine:?} belongs");
        }
        assert!(coarse.iter().flatten().count() > 5, "some rows are still known");
    }

    #[test]
    fn few_edits_are_told_as_they_are() {
        let moves: Vec<Move> = (0..MOST).map(|at| [at * 2, 1, 1]).collect();
        assert_eq!(coarse(moves.clone()), moves);
    }
}
