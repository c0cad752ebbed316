//! [`Map`]: a map that sends the keys that changed.
//!
//! Like a [`List`](super::List) it belongs to a field through a slot both hold. What it remembers is the
//! JSON each touched key had when it was last sent: that tells what to take out of the digest, whether
//! anything changed at all, and what a recovery puts back.

use std::borrow::{Borrow, Cow};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::map_sent::Codec;
use crate::wire::Wire;

/// What may be a key of a [`Map`]: text, or something with one spelling as text.
///
/// The text has to be the one serde writes for the key of a map.
///
/// ```
/// use fluxstack_live::field::Key;
/// assert_eq!(7u32.text(), "7");
/// assert_eq!(u32::read("7"), Some(7));
/// assert_eq!(u32::read("seven"), None);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be the key of a `Map`",
    label = "keys are text on the wire",
    note = "use a `String`, an integer, a `char` or a `bool`, or implement `Key`"
)]
pub trait Key: Ord + Wire {
    /// The key as text.
    fn text(&self) -> Cow<'_, str>;

    /// The key with that text.
    fn read(text: &str) -> Option<Self>;
}

/// `Self` is the key of a map in `Owner`; as [`Carried`](crate::wire::Carried) for arguments.
#[doc(hidden)]
pub trait Keyed<Owner, const AT: usize>: Key {}

impl Key for String {
    fn text(&self) -> Cow<'_, str> {
        Cow::Borrowed(self)
    }

    fn read(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

macro_rules! keys {
    ($($ty:ty)*) => { $(impl Key for $ty {
        fn text(&self) -> Cow<'_, str> {
            Cow::Owned(self.to_string())
        }

        fn read(text: &str) -> Option<Self> {
            text.parse().ok()
        }
    })* };
}

keys! { bool char i8 i16 i32 i64 isize u8 u16 u32 u64 usize }

/// A map of which only the changed keys are sent.
///
/// Reads like a [`BTreeMap`]; changes go through its methods, so that it knows them.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// let mut scores = Map::new();
/// scores.insert("ann".to_owned(), 1);
/// scores.update("ann", |score| *score += 1);
/// assert_eq!(scores.get("ann"), Some(&2));
/// assert_eq!(scores.remove("ann"), Some(2));
/// ```
pub struct Map<K, V> {
    pub(super) entries: BTreeMap<K, V>,
    pub(super) live: Option<Box<Live<K, V>>>,
}

/// What a committed map remembers.
pub(super) struct Live<K, V> {
    pub(super) slot: Arc<Slot<K, V>>,
    pub(super) touched: Touched,
    pub(super) codec: Codec<K, V>,
}

/// The JSON that every touched key had when last sent; `None` if it was not there.
pub(super) type Touched = BTreeMap<Box<str>, Option<Box<[u8]>>>;

/// Where the committed entries go if the map leaves its field.
pub(super) type Slot<K, V> = Mutex<Option<BTreeMap<K, V>>>;

impl<K, V> Live<K, V> {
    /// The entry is about to change; only its first change in a turn is remembered.
    fn touch(&mut self, key: &K, value: Option<&V>) {
        let text = (self.codec.text)(key);
        if !self.touched.contains_key(&*text) {
            let json = value.and_then(self.codec.write);
            self.touched.insert(text, json);
        }
    }
}

impl<K, V> Map<K, V> {
    /// An empty map.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: BTreeMap::new(), live: None }
    }
}

impl<K: Ord, V> Map<K, V> {
    /// Puts `value` at `key` and hands back what was there.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        if let Some(live) = &mut self.live {
            live.touch(&key, self.entries.get(&key));
        }
        self.entries.insert(key, value)
    }

    /// Takes out what is at `key`.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        if let (Some(live), Some((key, value))) = (&mut self.live, self.entries.get_key_value(key)) {
            live.touch(key, Some(value));
        }
        self.entries.remove(key)
    }

    /// Changes what is at `key` in place; `None` if nothing is there.
    pub fn update<Q: Ord + ?Sized, R>(&mut self, key: &Q, change: impl FnOnce(&mut V) -> R) -> Option<R>
    where
        K: Borrow<Q>,
    {
        if let (Some(live), Some((key, value))) = (&mut self.live, self.entries.get_key_value(key)) {
            live.touch(key, Some(value));
        }
        self.entries.get_mut(key).map(change)
    }

    /// Changes what is at `key` in place, after putting `value()` there if nothing is.
    pub fn upsert<R>(&mut self, key: K, value: impl FnOnce() -> V, change: impl FnOnce(&mut V) -> R) -> R {
        if let Some(live) = &mut self.live {
            live.touch(&key, self.entries.get(&key));
        }
        change(self.entries.entry(key).or_insert_with(value))
    }

    /// Drops every entry for which `keep` says no.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &V) -> bool) {
        let live = &mut self.live;
        self.entries.retain(|key, value| {
            let stays = keep(key, value);
            if let (false, Some(live)) = (stays, &mut *live) {
                live.touch(key, Some(value));
            }
            stays
        });
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.retain(|_, _| false);
    }

    /// The entries themselves, no longer such a map.
    #[must_use]
    pub fn into_inner(mut self) -> BTreeMap<K, V> {
        if let Some(live) = &mut self.live {
            // A recovery may want them back.
            self.entries.iter().for_each(|(key, value)| live.touch(key, Some(value)));
        }
        std::mem::take(&mut self.entries)
    }
}

impl<K, V> Map<K, V> {
    /// Puts the entries back to what was committed. Says `false` if one does not read back; then nothing puts them
    /// back any more.
    pub(super) fn rewind(&mut self) -> bool {
        let Some(live) = &mut self.live else { return true };
        let touched = std::mem::take(&mut live.touched);
        let is_whole = touched.into_iter().fold(true, |good, (text, json)| {
            (live.codec.restore)(&mut self.entries, &text, json.as_deref()) && good
        });
        if !is_whole {
            self.live = None;
        }
        is_whole
    }

    /// Leaves the committed entries where a recovery of the field finds them.
    fn deposit(&mut self) {
        let wanted = self.live.as_ref().is_some_and(|live| Arc::strong_count(&live.slot) > 1);
        if !wanted {
            return;
        }
        // Runs in `drop`, perhaps of an unwinding thread, and the author's `Deserialize` may panic: a second
        // panic there would end the process.
        let rewound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.rewind()));
        if rewound.unwrap_or(false) {
            let entries = std::mem::take(&mut self.entries);
            if let Some(live) = self.live.take() {
                *live.slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(entries);
            }
        }
    }
}

impl<K, V> Drop for Map<K, V> {
    fn drop(&mut self) {
        self.deposit();
    }
}

impl<K, V> Deref for Map<K, V> {
    type Target = BTreeMap<K, V>;

    fn deref(&self) -> &BTreeMap<K, V> {
        &self.entries
    }
}

impl<K, V> Default for Map<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K, V> From<BTreeMap<K, V>> for Map<K, V> {
    fn from(entries: BTreeMap<K, V>) -> Self {
        Self { entries, live: None }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for Map<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        Self::from(BTreeMap::from_iter(entries))
    }
}

impl<K: Ord, V> Extend<(K, V)> for Map<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|(key, value)| drop(self.insert(key, value)));
    }
}

impl<'a, K, V> IntoIterator for &'a Map<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = std::collections::btree_map::Iter<'a, K, V>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.iter()
    }
}

impl<K: Clone, V: Clone> Clone for Map<K, V> {
    fn clone(&self) -> Self {
        Self::from(self.entries.clone())
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.entries.fmt(f)
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for Map<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.entries == other.entries
    }
}
