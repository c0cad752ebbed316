//! [`Map`] as a field: from its touched keys to a merge, and the digest kept up with them.
//!
//! An object's digest is a sum over its entries, so a changed entry's old part is taken out and its new
//! part put in, whatever else the map holds.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::digest;
use fluxstack_live_protocol::encode::write_string;

use super::list::Was;
use super::map::{Key, Live, Map, Slot, Touched};
use super::{Field, SLACK, Staged, Unsendable};
use crate::typescript::Types;
use crate::wire::{Wire, digest_of, entries, from_json, to_json, write_json};

/// How entries become JSON and come back, for a [`Map`] whose types do not say that they can.
pub(super) struct Codec<K, V> {
    pub(super) text: fn(&K) -> Box<str>,
    pub(super) write: fn(&V) -> Option<Box<[u8]>>,
    pub(super) restore: Restore<K, V>,
}

/// Puts the entry with that text back to that JSON, or takes it out. Says whether it could.
type Restore<K, V> = fn(&mut BTreeMap<K, V>, &str, Option<&[u8]>) -> bool;

impl<K: Key, V: Wire> Codec<K, V> {
    fn new() -> Self {
        Self {
            text: |key| key.text().into(),
            write: |value| to_json(value).ok().map(Vec::into_boxed_slice),
            restore: |entries, text, json| {
                let Some(key) = K::read(text) else { return false };
                match json.map(from_json) {
                    None => {
                        entries.remove(&key);
                        true
                    }
                    Some(Ok(value)) => {
                        entries.insert(key, value);
                        true
                    }
                    Some(Err(_)) => false,
                }
            },
        }
    }
}

/// What was last sent.
pub struct Sent<K, V> {
    slot: Option<Arc<Slot<K, V>>>,
    /// The sum of the entries' parts of the digest.
    sum: u32,
    count: usize,
    /// Bytes of keys, colons and values.
    bytes: usize,
}

impl<K, V> Default for Sent<K, V> {
    fn default() -> Self {
        Self { slot: None, sum: 0, count: 0, bytes: 0 }
    }
}

/// Bytes of an object with that many entries of that many bytes in all.
fn object_size(count: usize, bytes: usize) -> usize {
    2 + bytes + count.saturating_sub(1)
}

impl<K, V> Sent<K, V> {
    /// Whether what was committed was dropped since, and left behind.
    fn is_at_hand(&self) -> bool {
        let slot = self.slot.as_ref().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        slot.is_some_and(|slot| slot.is_some())
    }
}

/// Writes entries that were committed, in any order.
fn write_object<'a, V: Wire>(entries: impl Iterator<Item = (Cow<'a, str>, Was<'a, V>)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (at, (text, value)) in entries.enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write_string(out, &text);
        out.push(b':');
        value.write(out);
    }
    out.push(b'}');
}

/// What the entries of a map come to.
#[derive(Clone, Copy)]
struct Sum {
    sum: u32,
    count: usize,
    bytes: usize,
}

impl Sum {
    const NOTHING: Self = Self { sum: 0, count: 0, bytes: 0 };

    fn part(text: &str, json: &[u8]) -> Result<(u32, usize), Unsendable> {
        let quoted = to_json(text)?.len();
        Ok((digest::entry(digest::of_string(text), digest_of(json)?), quoted + 1 + json.len()))
    }

    fn add(&mut self, text: &str, json: &[u8]) -> Result<(), Unsendable> {
        let (part, bytes) = Self::part(text, json)?;
        *self = Self { sum: self.sum.wrapping_add(part), count: self.count + 1, bytes: self.bytes + bytes };
        Ok(())
    }

    fn subtract(&mut self, text: &str, json: &[u8]) -> Result<(), Unsendable> {
        let (part, bytes) = Self::part(text, json)?;
        *self = Self { sum: self.sum.wrapping_sub(part), count: self.count - 1, bytes: self.bytes - bytes };
        Ok(())
    }

    fn staged(self, range: Option<std::ops::Range<usize>>, whole: bool) -> Staged {
        let size = object_size(self.count, self.bytes);
        Staged { range, whole, digest: self.sum, count: self.count, ..Staged::same(size) }
    }
}

impl<K: Key, V: Wire> Map<K, V> {
    /// The memory of the last commit, if it was to this field.
    fn memory(&self, sent: &Sent<K, V>) -> Option<&Live<K, V>> {
        let live = self.live.as_deref()?;
        sent.slot.as_ref().is_some_and(|slot| Arc::ptr_eq(slot, &live.slot)).then_some(live)
    }

    /// Whether the last commit was to this field.
    pub(super) fn is_of(&self, sent: &Sent<K, V>) -> bool {
        self.memory(sent).is_some()
    }

    fn stage_whole(&self, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let start = scratch.len();
        let mut sum = Sum::NOTHING;
        scratch.push(b'{');
        for (key, value) in &self.entries {
            if scratch.len() > start + 1 {
                scratch.push(b',');
            }
            let text = key.text();
            write_string(scratch, &text);
            scratch.push(b':');
            let json = scratch.len();
            write_json(value, scratch)?;
            sum.add(&text, &scratch[json..])?;
        }
        scratch.push(b'}');
        Ok(sum.staged(Some(start..scratch.len()), true))
    }

    /// A map that was assigned: by keys, if what was there before was dropped and so is at hand.
    fn stage_assigned(&self, sent: &Sent<K, V>, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let slot = sent.slot.as_ref().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
        let Some(old) = slot.as_deref().and_then(Option::as_ref) else { return self.stage_whole(scratch) };
        let mut touched: Touched = self.entries.keys().map(|key| (key.text().into(), None)).collect();
        for (key, value) in old {
            touched.insert(key.text().into(), Some(to_json(value)?.into()));
        }
        self.stage_merge(&touched, sent, scratch)
    }

    fn stage_merge(
        &self,
        touched: &Touched,
        sent: &Sent<K, V>,
        scratch: &mut Vec<u8>,
    ) -> Result<Staged, Unsendable> {
        let start = scratch.len();
        let mut sum = Sum { sum: sent.sum, count: sent.count, bytes: sent.bytes };
        let mut removed = Vec::new();
        scratch.extend_from_slice(b"[{");
        for (text, before) in touched {
            let key =
                K::read(text).ok_or_else(|| Unsendable(format!("the key `{text}` does not read back")))?;
            let Some(value) = self.entries.get(&key) else {
                if let Some(before) = before {
                    sum.subtract(text, before)?;
                    removed.push(&**text);
                }
                continue;
            };
            let entry = scratch.len();
            if entry > start + 2 {
                scratch.push(b',');
            }
            write_string(scratch, text);
            scratch.push(b':');
            let json = scratch.len();
            write_json(value, scratch)?;
            if before.as_deref() == Some(&scratch[json..]) {
                scratch.truncate(entry);
                continue;
            }
            if let Some(before) = before {
                sum.subtract(text, before)?;
            }
            sum.add(text, &scratch[json..])?;
        }
        if removed.is_empty() && scratch.len() == start + 2 {
            scratch.truncate(start);
            return Ok(sum.staged(None, false));
        }
        scratch.extend_from_slice(b"},[");
        for (at, text) in removed.iter().enumerate() {
            if at > 0 {
                scratch.push(b',');
            }
            write_string(scratch, text);
        }
        scratch.extend_from_slice(b"]]");
        if scratch.len() - start > object_size(sum.count, sum.bytes) + SLACK {
            scratch.truncate(start);
            return self.stage_whole(scratch);
        }
        Ok(sum.staged(Some(start..scratch.len()), false))
    }
}

impl<K: Key, V: Wire> Field for Map<K, V> {
    type Sent = Sent<K, V>;

    fn stage(&self, sent: &Self::Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        match self.memory(sent) {
            None => self.stage_assigned(sent, scratch),
            Some(live) if live.touched.is_empty() => {
                Ok(Sum { sum: sent.sum, count: sent.count, bytes: sent.bytes }.staged(None, false))
            }
            Some(live) => self.stage_merge(&live.touched, sent, scratch),
        }
    }

    fn commit(
        &mut self,
        name: &str,
        sent: &mut Self::Sent,
        staged: &Staged,
        scratch: &[u8],
        out: &mut Writer,
    ) {
        if let Some(range) = &staged.range {
            let json = &scratch[range.clone()];
            if staged.whole { out.set(name, json) } else { out.merge(name, json) }
        }
        sent.sum = staged.digest;
        sent.count = staged.count;
        sent.bytes = staged.size - object_size(staged.count, 0);
        match (&mut self.live, &sent.slot) {
            (Some(live), Some(slot)) if Arc::ptr_eq(slot, &live.slot) => live.touched.clear(),
            _ => {
                let slot = Arc::new(Slot::default());
                sent.slot = Some(Arc::clone(&slot));
                // Nobody recovers to where this map was before.
                self.live = Some(Box::new(Live { slot, touched: BTreeMap::new(), codec: Codec::new() }));
            }
        }
    }

    fn digest(&self, sent: &Self::Sent) -> u32 {
        digest::object_end(sent.sum, sent.count)
    }

    fn can_wait(&self, sent: &Self::Sent) -> bool {
        self.memory(sent).is_some() || sent.is_at_hand()
    }

    fn snapshot(&self, sent: &Self::Sent, out: &mut Vec<u8>) {
        let now = |entries: &BTreeMap<K, V>, out: &mut Vec<u8>| {
            write_object(entries.iter().map(|(key, value)| (key.text(), Was::Item(value))), out);
        };
        match self.memory(sent) {
            Some(live) if live.touched.is_empty() => now(&self.entries, out),
            Some(live) => {
                // What is held back: as it was before.
                let same = self.entries.iter().map(|(key, value)| (key.text(), Was::Item(value)));
                let same = same.filter(|(text, _)| !live.touched.contains_key(&**text));
                let before = live.touched.iter().filter_map(|(text, json)| Some((text, json.as_ref()?)));
                let before = before.map(|(text, json)| (Cow::Borrowed(&**text), Was::Json(json)));
                write_object(same.chain(before), out);
            }
            None => {
                let slot = sent.slot.as_ref().map(|slot| slot.lock().unwrap_or_else(PoisonError::into_inner));
                let old = slot.as_deref().and_then(Option::as_ref);
                now(old.unwrap_or(&self.entries), out);
            }
        }
    }

    fn salvage(&mut self, broken: &mut Self, sent: &Self::Sent) {
        // Any other map leaves what it has in its slot when the broken instance is dropped.
        if broken.memory(sent).is_some() {
            std::mem::swap(self, broken);
        }
    }

    fn evict(&mut self, sent: &Self::Sent) {
        if self.memory(sent).is_none() {
            *self = Self::new();
        }
    }

    fn recover(&mut self, sent: &Self::Sent) -> Result<(), Unsendable> {
        let lost = || Unsendable("the committed entries are gone".into());
        let Some(slot) = &sent.slot else { return Ok(()) };
        if self.memory(sent).is_some() {
            return if self.rewind() { Ok(()) } else { Err(lost()) };
        }
        let entries = slot.lock().unwrap_or_else(PoisonError::into_inner).take().ok_or_else(lost)?;
        let live = Live { slot: Arc::clone(slot), touched: BTreeMap::new(), codec: Codec::new() };
        *self = Self { entries, live: Some(Box::new(live)) };
        Ok(())
    }

    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        let mut read = BTreeMap::new();
        for (text, value) in entries(json).map_err(Unsendable)? {
            // What the text of a key means is the key's to say, not serde's.
            let key = K::read(&text)
                .ok_or_else(|| Unsendable(format!("a key is no `{}`", std::any::type_name::<K>())))?;
            read.insert(key, from_json(value.get().as_bytes()).map_err(Unsendable)?);
        }
        // Like any map that is assigned: it belongs to the field from the first commit on.
        *self = Self::from(read);
        Ok(())
    }

    fn typescript(types: &mut Types) -> String {
        let (key, value) = (types.shows::<K>(), types.shows::<V>());
        // A key is text, also where its type has only two words.
        let key = if key == "boolean" { "string" } else { &key };
        format!("Record<{key}, {value}>")
    }
}
