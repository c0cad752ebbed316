//! What changed between two versions of a state.
//!
//! The server writes deltas with a [`Writer`] and never reads them back, except for a slow client whose
//! waiting deltas are merged ([`merge`]). Clients in Rust read them with [`Delta::parse`] and
//! [`Delta::apply`]; whoever does must check `base` first, as `apply` does.

use std::collections::BTreeMap;
use std::io::Write as _;

use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::encode::write_string;
use crate::text::push_number;

/// Collects the changes of one turn, then writes the payload of a `STATE_DELTA`. Made to be reused.
///
/// ```
/// use fluxstack_live_protocol::delta::Writer;
/// let mut writer = Writer::default();
/// writer.set("count", b"2");
/// writer.splice("items", br#"[[0,1]]"#);
/// let mut out = Vec::new();
/// writer.finish(4, 5, 77, &mut out);
/// assert_eq!(
///     String::from_utf8(out).unwrap(),
///     r#"{"base":4,"version":5,"digest":77,"delta":{"count":2},"splice":{"items":[[0,1]]}}"#
/// );
/// ```
#[derive(Debug, Default)]
pub struct Writer {
    set: Vec<u8>,
    splice: Vec<u8>,
    merge: Vec<u8>,
}

impl Writer {
    /// The field has this new value, a JSON text.
    pub fn set(&mut self, field: &str, json: &[u8]) {
        entry(&mut self.set, field, json);
    }

    /// The array changed by these edits, a JSON text `[[index, removed, ...inserted], …]`.
    pub fn splice(&mut self, field: &str, edits: &[u8]) {
        entry(&mut self.splice, field, edits);
    }

    /// The object changed by this, a JSON text `[{key: value, …}, [removed key, …]]`.
    pub fn merge(&mut self, field: &str, changes: &[u8]) {
        entry(&mut self.merge, field, changes);
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.set.is_empty() && self.splice.is_empty() && self.merge.is_empty()
    }

    /// Forgets everything but the memory it has.
    pub fn clear(&mut self) {
        self.set.clear();
        self.splice.clear();
        self.merge.clear();
    }

    /// Appends the payload to `out` and clears.
    pub fn finish(&mut self, base: u64, version: u64, digest: u32, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"base\":");
        push_number(out, base);
        out.extend_from_slice(b",\"version\":");
        push_number(out, version);
        out.extend_from_slice(b",\"digest\":");
        push_number(out, digest.into());
        let parts: [(&[u8], _); 3] =
            [(b",\"delta\":{", &self.set), (b",\"splice\":{", &self.splice), (b",\"merge\":{", &self.merge)];
        for (begin, fields) in parts {
            if !fields.is_empty() {
                out.extend_from_slice(begin);
                out.extend_from_slice(fields);
                out.push(b'}');
            }
        }
        out.push(b'}');
        self.clear();
    }
}

fn entry(out: &mut Vec<u8>, field: &str, json: &[u8]) {
    if !out.is_empty() {
        out.push(b',');
    }
    write_string(out, field);
    out.push(b':');
    out.extend_from_slice(json);
}

type Raw = Box<RawValue>;

/// One edit of an array: where, how many go, what comes.
#[derive(Debug, Clone)]
pub struct Edit {
    /// Where it begins.
    pub index: usize,
    /// How many items go.
    pub removed: usize,
    /// What comes instead.
    pub inserted: Vec<Raw>,
}

impl<'de> Deserialize<'de> for Edit {
    fn deserialize<D: serde::Deserializer<'de>>(input: D) -> Result<Self, D::Error> {
        use serde::de::Error;
        let parts: Vec<Raw> = Vec::deserialize(input)?;
        let mut parts = parts.into_iter();
        let mut number = || {
            let part = parts.next().ok_or_else(|| D::Error::custom("an edit needs an index and a count"))?;
            part.get()
                .parse::<usize>()
                .map_err(|_| D::Error::custom("an edit's index and count are whole numbers"))
        };
        let (index, removed) = (number()?, number()?);
        Ok(Self { index, removed, inserted: parts.collect() })
    }
}

/// The payload of a `STATE_DELTA`, read.
#[derive(Debug, Clone, Deserialize)]
pub struct Delta {
    /// The version it starts from.
    pub base: u64,
    /// The version it leads to.
    pub version: u64,
    /// The digest of the whole state after it.
    pub digest: u32,
    /// Fields with a new value.
    #[serde(default, rename = "delta")]
    pub set: BTreeMap<String, Raw>,
    /// Arrays and their edits.
    #[serde(default)]
    pub splice: BTreeMap<String, Vec<Edit>>,
    /// Objects: keys set, then keys removed.
    #[serde(default)]
    pub merge: BTreeMap<String, (BTreeMap<String, Raw>, Vec<String>)>,
}

/// Why a delta could not be applied. The cure is always to ask for the whole state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Mismatch {
    /// It starts from another version than the one at hand.
    #[error("the delta starts from version {base}, the state is at {at}: ask for a snapshot")]
    Gap {
        /// Where the delta starts.
        base: u64,
        /// Where the state is.
        at: u64,
    },
    /// It edits something that is not there, or of another type.
    #[error("the delta edits something the state does not have: ask for a snapshot")]
    Shape,
    /// The state it led to is not the one the sender has.
    #[error("the state after the delta is not the sender's: ask for a snapshot")]
    Digest,
}

impl Delta {
    /// Reads a payload.
    ///
    /// # Errors
    /// When the text is not the payload of a `STATE_DELTA`.
    pub fn parse(payload: &[u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(payload)
    }

    /// Applies it to `state`, which is at version `at`, and proves the result by its digest. `state` is
    /// left half-changed on an error, and has to be replaced by a snapshot then anyway.
    ///
    /// # Errors
    /// [`Mismatch`], if this is not the delta that follows.
    ///
    /// ```
    /// use fluxstack_live_protocol::{digest, Delta};
    /// let mut state = serde_json::json!({ "count": 1 });
    /// let proof = digest::of_json(br#"{"count":2}"#).unwrap();
    /// let payload = format!(r#"{{"base":0,"version":1,"digest":{proof},"delta":{{"count":2}}}}"#);
    /// let delta = Delta::parse(payload.as_bytes()).unwrap();
    /// delta.apply(state.as_object_mut().unwrap(), 0).unwrap();
    /// assert_eq!(state, serde_json::json!({ "count": 2 }));
    /// ```
    pub fn apply(&self, state: &mut Map<String, Value>, at: u64) -> Result<(), Mismatch> {
        if self.base != at {
            return Err(Mismatch::Gap { base: self.base, at });
        }
        let value = |raw: &Raw| serde_json::from_str::<Value>(raw.get()).map_err(|_| Mismatch::Shape);
        for (field, new) in &self.set {
            state.insert(field.clone(), value(new)?);
        }
        for (field, edits) in &self.splice {
            let Some(Value::Array(items)) = state.get_mut(field) else { return Err(Mismatch::Shape) };
            for edit in edits {
                let inserted = edit.inserted.iter().map(value).collect::<Result<Vec<_>, _>>()?;
                splice(items, edit.index, edit.removed, inserted)?;
            }
        }
        for (field, (set, removed)) in &self.merge {
            let Some(Value::Object(entries)) = state.get_mut(field) else { return Err(Mismatch::Shape) };
            for (key, new) in set {
                entries.insert(key.clone(), value(new)?);
            }
            removed.iter().for_each(|key| drop(entries.remove(key)));
        }
        let text = serde_json::to_vec(&state).map_err(|_| Mismatch::Shape)?;
        if crate::digest::of_json(&text) != Some(self.digest) {
            return Err(Mismatch::Digest);
        }
        Ok(())
    }

    /// Takes in the delta that follows this one: what it does afterwards is what both did.
    ///
    /// # Errors
    /// [`Mismatch`] if `later` does not follow; this one is half-changed then.
    pub fn absorb(&mut self, later: Self) -> Result<(), Mismatch> {
        if later.base != self.version {
            return Err(Mismatch::Gap { base: later.base, at: self.version });
        }
        for (field, new) in later.set {
            self.splice.remove(&field);
            self.merge.remove(&field);
            self.set.insert(field, new);
        }
        for (field, edits) in later.splice {
            if let Some(whole) = self.set.get_mut(&field) {
                let mut items: Vec<Raw> = serde_json::from_str(whole.get()).map_err(|_| Mismatch::Shape)?;
                for edit in edits {
                    splice(&mut items, edit.index, edit.removed, edit.inserted)?;
                }
                *whole = raw(&items)?;
            } else {
                self.splice.entry(field).or_default().extend(edits);
            }
        }
        for (field, (set, removed)) in later.merge {
            if let Some(whole) = self.set.get_mut(&field) {
                let mut entries: BTreeMap<String, Raw> =
                    serde_json::from_str(whole.get()).map_err(|_| Mismatch::Shape)?;
                entries.extend(set);
                removed.iter().for_each(|key| drop(entries.remove(key)));
                *whole = raw(&entries)?;
                continue;
            }
            let (all_set, all_removed) = self.merge.entry(field).or_default();
            for (key, new) in set {
                all_removed.retain(|gone| *gone != key);
                all_set.insert(key, new);
            }
            for key in removed {
                all_set.remove(&key);
                if !all_removed.contains(&key) {
                    all_removed.push(key);
                }
            }
        }
        self.version = later.version;
        self.digest = later.digest;
        Ok(())
    }

    /// Appends the payload to `out`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut writer = Writer::default();
        let mut json = Vec::new();
        for (field, new) in &self.set {
            writer.set(field, new.get().as_bytes());
        }
        for (field, edits) in &self.splice {
            json.clear();
            json.push(b'[');
            for edit in edits {
                if json.len() > 1 {
                    json.push(b',');
                }
                write!(json, "[{},{}", edit.index, edit.removed).expect("a Vec takes every byte");
                for item in &edit.inserted {
                    json.push(b',');
                    json.extend_from_slice(item.get().as_bytes());
                }
                json.push(b']');
            }
            json.push(b']');
            writer.splice(field, &json);
        }
        for (field, changes) in &self.merge {
            json.clear();
            serde_json::to_writer(&mut json, changes).expect("raw values and strings are always JSON");
            writer.merge(field, &json);
        }
        writer.finish(self.base, self.version, self.digest, out);
    }
}

/// One payload that does what `first` and then `later` do, with the later version and digest.
///
/// # Errors
/// [`Mismatch`] if `later` does not follow `first`, or either is no payload of ours.
pub fn merge(first: &[u8], later: &[u8]) -> Result<Vec<u8>, Mismatch> {
    let mut delta = Delta::parse(first).map_err(|_| Mismatch::Shape)?;
    delta.absorb(Delta::parse(later).map_err(|_| Mismatch::Shape)?)?;
    let mut out = Vec::with_capacity(first.len() + later.len());
    delta.write(&mut out);
    Ok(out)
}

fn splice<T>(items: &mut Vec<T>, index: usize, removed: usize, inserted: Vec<T>) -> Result<(), Mismatch> {
    let end = index.checked_add(removed).filter(|end| *end <= items.len()).ok_or(Mismatch::Shape)?;
    items.splice(index..end, inserted);
    Ok(())
}

fn raw(value: &impl serde::Serialize) -> Result<Raw, Mismatch> {
    serde_json::value::to_raw_value(value).map_err(|_| Mismatch::Shape)
}
