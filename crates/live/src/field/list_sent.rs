//! [`List`] as a field: from its edits to splices, and the digest kept up with them.
//!
//! Of every item sent it keeps eight bytes, digest and length of its JSON, summed up in [`Rows`]. So a push or a
//! change costs the same whatever else is in the list, and the size of the state is known without writing it.

use std::cell::Cell;
use std::io::Write as _;
use std::sync::{Arc, PoisonError};

use fluxstack_live_protocol::delta::Writer;

use super::edits::{Edits, Splice};
use super::list::{List, Live, Slot, Was};
use super::rows::{Row, Rows};
use super::{Field, KEPT, SLACK, Staged, Unsendable};
use crate::typescript::Types;
use crate::wire::{Wire, digest_of, from_json, to_json, write_json};

/// How items become JSON and come back, for a [`List`] whose type does not say that they can.
pub(super) struct Codec<T> {
    pub(super) write: fn(&T) -> Option<Box<[u8]>>,
    pub(super) read: fn(&[u8]) -> Option<T>,
}

impl<T: Wire> Codec<T> {
    fn new() -> Self {
        Self {
            write: |item| to_json(item).ok().map(Vec::into_boxed_slice),
            read: |json| from_json(json).ok(),
        }
    }
}

/// What was last sent.
pub struct Sent<T> {
    slot: Option<Arc<Slot<T>>>,
    rows: Rows,
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self { slot: None, rows: Rows::default() }
    }
}

/// Bytes of an array with that many items of that many bytes in all.
fn array_size(count: usize, bytes: usize) -> usize {
    2 + bytes + count.saturating_sub(1)
}

impl<T> Sent<T> {
    /// How many items there were.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Where the committed items go if the list leaves its field.
    pub(super) fn slot(&self) -> Option<&Arc<Slot<T>>> {
        self.slot.as_ref()
    }

    /// Whether what was committed was dropped since, and left behind.
    fn is_at_hand(&self) -> bool {
        let slot = self.slot.as_ref().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        slot.is_some_and(|slot| slot.is_some())
    }
}

impl<T: Wire> Was<'_, T> {
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Item(item) => {
                write_json(item, out).expect("a value that was committed has been written before");
            }
            Self::Json(json) => out.extend_from_slice(json),
        }
    }
}

/// Writes items that were committed.
fn write_array<'a, T: Wire>(items: impl Iterator<Item = Was<'a, T>>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, item) in items.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        item.write(out);
    }
    out.push(b']');
}

thread_local! {
    static NOTES: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What staging leaves for the commit: digest and length of every item in the delta, in this many bytes.
const NOTE: usize = 8;

fn note(notes: &mut Vec<u8>, digest: u32, len: usize) {
    let len = u32::try_from(len).unwrap_or(u32::MAX);
    notes.extend_from_slice(&digest.to_le_bytes());
    notes.extend_from_slice(&len.to_le_bytes());
}

fn noted(notes: &[u8]) -> impl Iterator<Item = Row> + '_ {
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0u32, |sum, byte| sum << 8 | u32::from(*byte));
    notes.chunks_exact(NOTE).map(move |pair| Row { digest: number(&pair[..4]), len: number(&pair[4..]) })
}

impl<T: Wire> List<T> {
    /// The edits since the last commit, if it was to this field.
    pub(super) fn edits(&self, sent: &Sent<T>) -> Option<&Edits> {
        let live = self.live.as_ref()?;
        sent.slot.as_ref().is_some_and(|slot| Arc::ptr_eq(slot, &live.slot)).then_some(&live.edits)
    }

    fn stage_whole(&self, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let start = scratch.len();
        let mut notes = NOTES.take();
        notes.clear();
        scratch.push(b'[');
        for item in &self.items {
            if scratch.len() > start + 1 {
                scratch.push(b',');
            }
            append(item, scratch, &mut notes)?;
        }
        scratch.push(b']');
        Ok(staged(start, scratch, notes, self.len(), true))
    }

    /// A list that was assigned: as one splice between what both begin and end with, if what was there
    /// before was dropped and so is at hand.
    fn stage_assigned(&self, sent: &Sent<T>, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let slot = sent.slot.as_ref().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(old) = slot.as_deref().and_then(Option::as_deref) else { return self.stage_whole(scratch) };
        let (mut left, mut right) = (Vec::new(), Vec::new());
        let mut same = |(old, new): &(&T, &T)| {
            left.clear();
            right.clear();
            write_json(*old, &mut left).is_ok() && write_json(*new, &mut right).is_ok() && left == right
        };
        let head = old.iter().zip(&self.items).take_while(&mut same).count();
        let tails = old[head..].iter().rev().zip(self.items[head..].iter().rev());
        let tail = tails.take_while(&mut same).count();
        let mut edits = Edits::default();
        edits.reset(old.len());
        edits.remove(head..old.len() - tail);
        edits.insert(head, self.len() - head - tail);
        match self.stage_splices(&edits, sent, scratch)? {
            Some(staged) => Ok(Staged { count: head, ..staged }),
            None => self.stage_whole(scratch),
        }
    }

    /// The splices, or `None` if the whole list is clearly shorter.
    fn stage_splices(
        &self,
        edits: &Edits,
        sent: &Sent<T>,
        scratch: &mut Vec<u8>,
    ) -> Result<Option<Staged>, Unsendable> {
        let start = scratch.len();
        let mut notes = NOTES.take();
        notes.clear();
        let mut bytes = sent.rows.bytes();
        let mut outcome = Ok(());
        scratch.push(b'[');
        let possible = edits.splices(|Splice { index, base, removed, inserted }| {
            if outcome.is_err() {
                return;
            }
            if scratch.len() > start + 1 {
                scratch.push(b',');
            }
            write!(scratch, "[{index},{removed}").expect("a Vec takes every byte");
            bytes -= sent.rows.bytes_of(base..base + removed);
            for item in &self.items[index..index + inserted] {
                scratch.push(b',');
                let before = scratch.len();
                outcome = append(item, scratch, &mut notes);
                if outcome.is_err() {
                    return;
                }
                bytes += scratch.len() - before;
            }
            scratch.push(b']');
        });
        outcome?;
        scratch.push(b']');
        let size = array_size(self.len(), bytes);
        let nothing = possible && scratch.len() - start == 2;
        if nothing {
            scratch.truncate(start);
            return Ok(Some(Staged::same(size)));
        }
        if !possible || scratch.len() - start > size + SLACK {
            scratch.truncate(start);
            return Ok(None);
        }
        Ok(Some(Staged { size, ..staged(start, scratch, notes, self.len(), false) }))
    }
}

fn append<T: Wire>(item: &T, scratch: &mut Vec<u8>, notes: &mut Vec<u8>) -> Result<(), Unsendable> {
    let start = scratch.len();
    write_json(item, scratch)?;
    let json = &scratch[start..];
    note(notes, digest_of(json)?, json.len());
    Ok(())
}

impl Staged {
    /// How many items are in the delta.
    pub(super) fn noted(&self) -> usize {
        self.notes.len() / NOTE
    }
}

fn staged(start: usize, scratch: &mut Vec<u8>, notes: Vec<u8>, count: usize, whole: bool) -> Staged {
    let end = scratch.len();
    scratch.extend_from_slice(&notes);
    if notes.capacity() <= KEPT {
        NOTES.set(notes);
    }
    Staged { range: Some(start..end), size: end - start, whole, digest: 0, count, notes: end..scratch.len() }
}

impl<T: Wire> Field for List<T> {
    type Sent = Sent<T>;

    fn stage(&self, sent: &Sent<T>, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let Some(edits) = self.edits(sent) else { return self.stage_assigned(sent, scratch) };
        if edits.is_clean() {
            return Ok(Staged::same(array_size(self.len(), sent.rows.bytes())));
        }
        match self.stage_splices(edits, sent, scratch)? {
            Some(staged) => Ok(staged),
            None => self.stage_whole(scratch),
        }
    }

    fn commit(&mut self, name: &str, sent: &mut Sent<T>, staged: &Staged, scratch: &[u8], out: &mut Writer) {
        let new = noted(&scratch[staged.notes.clone()]);
        match (&staged.range, self.edits(sent)) {
            (Some(range), _) if staged.whole => {
                out.set(name, &scratch[range.clone()]);
                sent.rows.assign(new);
            }
            (Some(range), None) => {
                out.splice(name, &scratch[range.clone()]);
                let (first, inserted) = (staged.count, staged.noted());
                let removed = sent.len() + inserted - self.len();
                sent.rows.splice(first..first + removed, new);
            }
            (Some(range), Some(edits)) => {
                out.splice(name, &scratch[range.clone()]);
                sent.rows.edit(edits, new);
            }
            _ => {}
        }
        let len = self.len();
        match (&mut self.live, &sent.slot) {
            (Some(live), Some(slot)) if Arc::ptr_eq(slot, &live.slot) => {
                if !live.edits.is_clean() {
                    live.edits.reset(len);
                    live.gone = Vec::new();
                }
            }
            _ => {
                let slot = Arc::new(Slot::default());
                sent.slot = Some(Arc::clone(&slot));
                // Nobody recovers to where this list was before.
                self.live = Some(Box::new(live(slot, len)));
            }
        }
    }

    fn digest(&self, sent: &Sent<T>) -> u32 {
        sent.rows.digest()
    }

    fn can_wait(&self, sent: &Sent<T>) -> bool {
        self.edits(sent).is_some() || sent.is_at_hand()
    }

    fn snapshot(&self, sent: &Sent<T>, out: &mut Vec<u8>) {
        match self.edits(sent) {
            Some(edits) if edits.is_clean() => write_array(self.items.iter().map(Was::Item), out),
            // What is held back: as it was before.
            Some(_) => write_array(self.committed(0..self.committed_len()), out),
            None => {
                let slot = sent.slot.as_ref().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
                let old = slot.as_deref().and_then(Option::as_ref);
                write_array(old.unwrap_or(&self.items).iter().map(Was::Item), out);
            }
        }
    }

    fn salvage(&mut self, broken: &mut Self, sent: &Sent<T>) {
        // Any other list leaves what it has in its slot when the broken instance is dropped.
        if broken.edits(sent).is_some() {
            std::mem::swap(self, broken);
        }
    }

    fn evict(&mut self, sent: &Sent<T>) {
        if self.edits(sent).is_none() {
            *self = Self::new();
        }
    }

    fn recover(&mut self, sent: &Sent<T>) -> Result<(), Unsendable> {
        let lost = || Unsendable("the committed items are gone".into());
        let Some(slot) = &sent.slot else { return Ok(()) };
        if self.edits(sent).is_some() {
            return if self.rewind() { Ok(()) } else { Err(lost()) };
        }
        let items = slot.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(lost)?;
        let len = items.len();
        *self = Self { items, live: Some(Box::new(live(Arc::clone(slot), len))) };
        Ok(())
    }

    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        let items: Vec<T> = from_json(json).map_err(Unsendable)?;
        // Like any list that is assigned: it belongs to the field from the first commit on.
        *self = Self::from(items);
        Ok(())
    }

    fn typescript(types: &mut Types) -> String {
        types.shows::<Vec<T>>()
    }
}

/// The memory of a list that has just been committed.
fn live<T: Wire>(slot: Arc<Slot<T>>, len: usize) -> Live<T> {
    let mut edits = Edits::default();
    edits.reset(len);
    Live { slot, edits, gone: Vec::new(), codec: Codec::new() }
}
