//! [`List`]: a vector that knows how it differs from what was last sent, and sends only that.
//!
//! A list belongs to a field once it was committed there: both then hold the same slot. A list that is
//! assigned, taken or swapped into a field has another slot or none, and is sent whole. A list that leaves
//! its field hands its committed items to the slot when it is dropped, which is where a recovery finds them.
//!
//! What must stay true: `items`, `edits` and `gone` change together, also when the author's closure
//! panics in between. So closures run before anything is noted, or under [`Mark`].

use std::fmt;
use std::ops::{Deref, Range};
use std::sync::{Arc, Mutex, PoisonError};

use super::edits::Edits;
use super::list_sent::Codec;

/// A list of which only the changes are sent.
///
/// Reads like a slice; changes go through its methods, so that it knows them.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// let mut list = List::from(vec![1, 2, 3]);
/// list.push(4);
/// list.retain(|item| item % 2 == 0);
/// list.update(0, |item| *item = 20);
/// assert_eq!(list, [20, 4]);
/// ```
pub struct List<T> {
    pub(super) items: Vec<T>,
    pub(super) live: Option<Box<Live<T>>>,
}

/// What a committed list remembers.
pub(super) struct Live<T> {
    pub(super) slot: Arc<Slot<T>>,
    pub(super) edits: Edits,
    /// Committed items that are no longer in the list, with their places.
    pub(super) gone: Vec<(usize, Gone<T>)>,
    pub(super) codec: Codec<T>,
}

/// Where the committed items go if the list leaves its field.
pub(super) type Slot<T> = Mutex<Option<Vec<T>>>;

/// A committed item that is no longer in the list.
pub(super) enum Gone<T> {
    Item(T),
    /// The author has it now, or changed it; this is what was sent.
    Json(Box<[u8]>),
}

/// A committed item or value, as it is at hand now.
pub(super) enum Was<'a, T> {
    Item(&'a T),
    Json(&'a [u8]),
}

impl<T> Live<T> {
    /// The item at `index` is about to leave the list for the author.
    fn lend(&mut self, index: usize, item: &T) {
        if let Some(base) = self.edits.origin(index) {
            let json = (self.codec.write)(item).unwrap_or_default();
            self.gone.push((base, Gone::Json(json)));
        }
    }

    /// The item that was at `index` has left the list.
    fn keep(&mut self, index: usize, item: T) {
        if let Some(base) = self.edits.origin(index) {
            self.gone.push((base, Gone::Item(item)));
        }
    }
}

impl<T> List<T> {
    /// An empty list.
    #[must_use]
    pub const fn new() -> Self {
        Self { items: Vec::new(), live: None }
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: T) {
        self.insert(self.items.len(), item);
    }

    /// Adds an item at `index`.
    ///
    /// # Panics
    /// If `index` is beyond the end.
    pub fn insert(&mut self, index: usize, item: T) {
        self.items.insert(index, item);
        if let Some(live) = &mut self.live {
            live.edits.insert(index, 1);
        }
    }

    /// Replaces the item at `index` and drops the old one. Nothing is sent if they are the same.
    ///
    /// # Panics
    /// If there is no item at `index`.
    pub fn set(&mut self, index: usize, item: T) {
        let committed = self.live.as_deref().filter(|live| live.edits.origin(index).is_some());
        let same = committed.is_some_and(|live| {
            let before = (live.codec.write)(&self.items[index]);
            before.is_some() && before == (live.codec.write)(&item)
        });
        let old = std::mem::replace(&mut self.items[index], item);
        if let (false, Some(live)) = (same, &mut self.live) {
            live.keep(index, old);
            live.edits.replace(index);
        }
    }

    /// Changes the item at `index` in place. Nothing is sent if it is the same afterwards.
    ///
    /// # Panics
    /// If there is no item at `index`.
    pub fn update<R>(&mut self, index: usize, change: impl FnOnce(&mut T) -> R) -> R {
        let item = &self.items[index];
        let before = match &self.live {
            Some(live) if live.edits.origin(index).is_some() => (live.codec.write)(item),
            _ => None,
        };
        let mark = Mark { list: self, index, before };
        let result = change(&mut mark.list.items[index]);
        mark.settle();
        result
    }

    /// Takes out the item at `index`.
    ///
    /// # Panics
    /// If there is no item at `index`.
    pub fn remove(&mut self, index: usize) -> T {
        let item = self.items.remove(index);
        if let Some(live) = &mut self.live {
            live.lend(index, &item);
            live.edits.remove(index..index + 1);
        }
        item
    }

    /// Takes out the last item.
    pub fn pop(&mut self) -> Option<T> {
        let last = self.items.len().checked_sub(1)?;
        Some(self.remove(last))
    }

    /// Drops everything from `len` on.
    pub fn truncate(&mut self, len: usize) {
        let old = self.items.len();
        if len >= old {
            return;
        }
        let Some(live) = &mut self.live else { return self.items.truncate(len) };
        for (at, item) in self.items.drain(len..).enumerate() {
            live.keep(len + at, item);
        }
        live.edits.remove(len..old);
    }

    /// Drops all items.
    pub fn clear(&mut self) {
        self.truncate(0);
    }

    /// Drops every item for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        if self.live.is_none() {
            return self.items.retain(keep);
        }
        let stays: Vec<bool> = self.items.iter().map(&mut keep).collect();
        if stays.iter().all(|stays| *stays) {
            return;
        }
        let Some(live) = &mut self.live else { return };
        let old = std::mem::take(&mut self.items);
        for (at, item) in old.into_iter().enumerate() {
            // As long as nothing is removed from the edits, places are those of the old list.
            if stays[at] { self.items.push(item) } else { live.keep(at, item) }
        }
        live.edits.retain(&stays);
    }

    /// Exchanges two items.
    ///
    /// # Panics
    /// If there is no item at one of them.
    pub fn swap(&mut self, left: usize, right: usize) {
        let len = self.items.len();
        assert!(left < len && right < len, "swap {left} and {right} in a list of {len}");
        if left == right {
            return;
        }
        self.items.swap(left, right);
        if let Some(live) = &mut self.live {
            live.edits.swap(left, right);
        }
    }

    /// Sorts the items; equal ones keep their order.
    pub fn sort_by(&mut self, mut compare: impl FnMut(&T, &T) -> std::cmp::Ordering) {
        if self.live.is_none() {
            return self.items.sort_by(compare);
        }
        let mut order: Vec<usize> = (0..self.items.len()).collect();
        order.sort_by(|left, right| compare(&self.items[*left], &self.items[*right]));
        self.reorder(order);
    }

    /// Sorts the items by a key; equal ones keep their order.
    pub fn sort_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.sort_by(|left, right| key(left).cmp(&key(right)));
    }

    /// The items themselves, no longer a list.
    #[must_use]
    pub fn into_vec(mut self) -> Vec<T> {
        let len = self.items.len();
        if let Some(live) = &mut self.live {
            // A recovery may want them back.
            for (at, item) in self.items.iter().enumerate() {
                live.lend(at, item);
            }
            live.edits.remove(0..len);
        }
        std::mem::take(&mut self.items)
    }

    fn reorder(&mut self, order: Vec<usize>) {
        if order.iter().enumerate().all(|(at, from)| at == *from) {
            return;
        }
        let mut old: Vec<Option<T>> = std::mem::take(&mut self.items).into_iter().map(Some).collect();
        self.items.extend(order.iter().filter_map(|from| old[*from].take()));
        if let Some(live) = &mut self.live {
            live.edits.permute(&order);
        }
    }

    /// How many items were committed.
    pub(super) fn committed_len(&self) -> usize {
        self.live.as_ref().map_or(0, |live| live.edits.base())
    }

    /// The items that were committed, in the order of then: those that stood at `range`.
    pub(super) fn committed(&self, range: Range<usize>) -> impl Iterator<Item = Was<'_, T>> {
        let mut old: Vec<Option<Was<'_, T>>> = Vec::new();
        if let Some(live) = &self.live {
            old.resize_with(range.len(), || None);
            let mut at = 0;
            live.edits.origins(|from, len| {
                if let Some(from) = from {
                    for base in from.max(range.start)..(from + len).min(range.end) {
                        old[base - range.start] = Some(Was::Item(&self.items[at + base - from]));
                    }
                }
                at += len;
            });
            for (at, gone) in live.gone.iter().filter(|(at, _)| range.contains(at)) {
                old[at - range.start] = Some(match gone {
                    Gone::Item(item) => Was::Item(item),
                    Gone::Json(json) => Was::Json(json),
                });
            }
        }
        old.into_iter().flatten()
    }

    /// Puts the items back to what was committed. Says `false` if one does not read back; then nothing puts them
    /// back any more.
    pub(super) fn rewind(&mut self) -> bool {
        let Some(live) = &mut self.live else { return true };
        if live.edits.is_clean() {
            return true;
        }
        let mut old: Vec<Option<T>> = std::iter::repeat_with(|| None).take(live.edits.base()).collect();
        let mut items = std::mem::take(&mut self.items).into_iter();
        live.edits.origins(|from, len| {
            for at in 0..len {
                let item = items.next();
                if let Some(from) = from {
                    old[from + at] = item;
                }
            }
        });
        for (at, gone) in live.gone.drain(..) {
            old[at] = match gone {
                Gone::Item(item) => Some(item),
                Gone::Json(json) => (live.codec.read)(&json),
            };
        }
        let len = old.len();
        self.items = old.into_iter().flatten().collect();
        live.edits.reset(len);
        let is_whole = self.items.len() == len;
        if !is_whole {
            self.live = None;
        }
        is_whole
    }

    /// Leaves the committed items where a recovery of the field finds them.
    fn deposit(&mut self) {
        let wanted = self.live.as_ref().is_some_and(|live| Arc::strong_count(&live.slot) > 1);
        if !wanted {
            return;
        }
        // Runs in `drop`, perhaps of an unwinding thread, and the author's `Deserialize` may panic: a second
        // panic there would end the process.
        let rewound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.rewind()));
        if rewound.unwrap_or(false) {
            let items = std::mem::take(&mut self.items);
            if let Some(live) = self.live.take() {
                *live.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(items);
            }
        }
    }
}

/// An item that is being changed: noted as changed even if the change panics half way.
struct Mark<'a, T> {
    list: &'a mut List<T>,
    index: usize,
    /// What it was, if it was committed.
    before: Option<Box<[u8]>>,
}

impl<T> Mark<'_, T> {
    fn settle(mut self) {
        if let (Some(before), Some(live)) = (&self.before, &self.list.live)
            && (live.codec.write)(&self.list.items[self.index]).as_ref() == Some(before)
        {
            self.before = None;
        }
    }
}

impl<T> Drop for Mark<'_, T> {
    fn drop(&mut self) {
        if let (Some(before), Some(live)) = (self.before.take(), &mut self.list.live)
            && let Some(base) = live.edits.origin(self.index)
        {
            live.gone.push((base, Gone::Json(before)));
            live.edits.replace(self.index);
        }
    }
}

impl<T> Drop for List<T> {
    fn drop(&mut self) {
        self.deposit();
    }
}

impl<T> Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> From<Vec<T>> for List<T> {
    fn from(items: Vec<T>) -> Self {
        Self { items, live: None }
    }
}

impl<T> From<List<T>> for Vec<T> {
    fn from(list: List<T>) -> Self {
        list.into_vec()
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        Self::from(Vec::from_iter(items))
    }
}

impl<T> Extend<T> for List<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        items.into_iter().for_each(|item| self.push(item));
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.items.iter()
    }
}

impl<T> IntoIterator for List<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.into_vec().into_iter()
    }
}

impl<T: Clone> Clone for List<T> {
    fn clone(&self) -> Self {
        Self::from(self.items.clone())
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.fmt(f)
    }
}

impl<T: PartialEq, R: AsRef<[T]> + ?Sized> PartialEq<R> for List<T> {
    fn eq(&self, other: &R) -> bool {
        self.items.as_slice() == other.as_ref()
    }
}

impl<T> AsRef<[T]> for List<T> {
    fn as_ref(&self) -> &[T] {
        &self.items
    }
}
