//! Any [`Wire`] type: sent whole when its bytes changed.
//!
//! Comparing the bytes costs some tens of nanoseconds for an ordinary field and is never wrong: no setter
//! to forget, no delta for a value that was set to what it was. What was last sent is kept, and is the
//! snapshot, the proof and the value to recover, all at once.

use fluxstack_live_protocol::delta::Writer;

use super::{Field, Staged, Unsendable};
use crate::typescript::Types;
use crate::wire::{Wire, digest_of, from_json, write_json};

/// What was last sent. Nothing yet, as long as the JSON is empty.
#[derive(Debug, Default)]
pub struct Sent {
    pub(super) json: Vec<u8>,
    digest: u32,
}

impl Sent {
    /// This was sent.
    pub(super) fn remember(&mut self, json: &[u8], digest: u32) {
        if self.json.capacity() / 4 > json.len() {
            self.json = Vec::new();
        }
        self.json.clear();
        self.json.extend_from_slice(json);
        self.digest = digest;
    }
}

pub(super) fn stage<T: Wire>(value: &T, sent: &Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
    let start = scratch.len();
    write_json(value, scratch)?;
    let new = &scratch[start..];
    let size = new.len();
    if new == sent.json {
        scratch.truncate(start);
        return Ok(Staged::same(size));
    }
    let digest = digest_of(new)?;
    Ok(Staged { range: Some(start..scratch.len()), whole: true, digest, ..Staged::same(size) })
}

pub(super) fn commit<T>(name: &str, sent: &mut Sent, staged: &Staged, scratch: &[u8], out: &mut Writer) {
    let Some(range) = &staged.range else { return };
    let json = &scratch[range.clone()];
    if cfg!(debug_assertions) && json.len() > LARGE {
        warn_of_size::<T>(name, json.len());
    }
    out.set(name, json);
    sent.remember(json, staged.digest);
}

pub(super) fn recover<T: Wire>(sent: &Sent) -> Result<T, Unsendable> {
    from_json(&sent.json).map_err(|why| Unsendable(format!("what was last sent does not read back: {why}")))
}

pub(super) fn digest(sent: &Sent) -> u32 {
    sent.digest
}

#[diagnostic::do_not_recommend]
impl<T: Wire> Field for T {
    type Sent = Sent;

    fn stage(&self, sent: &Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        stage(self, sent, scratch)
    }

    fn commit(&mut self, name: &str, sent: &mut Sent, staged: &Staged, scratch: &[u8], out: &mut Writer) {
        commit::<T>(name, sent, staged, scratch, out);
    }

    fn digest(&self, sent: &Sent) -> u32 {
        digest(sent)
    }

    fn snapshot(&self, sent: &Sent, out: &mut Vec<u8>) {
        out.extend_from_slice(&sent.json);
    }

    fn recover(&mut self, sent: &Sent) -> Result<(), Unsendable> {
        *self = recover(sent)?;
        Ok(())
    }

    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        *self = from_json(json).map_err(Unsendable)?;
        Ok(())
    }

    fn typescript(types: &mut Types) -> String {
        types.shows::<T>()
    }
}

/// From here on a field that is sent whole costs more than a `List` would.
const LARGE: usize = 16 * 1024;

/// Says once for each field that it is too large for its kind.
#[cold]
fn warn_of_size<T>(name: &str, bytes: usize) {
    use std::collections::BTreeSet;
    use std::sync::{Mutex, PoisonError};

    static WARNED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let ty = std::any::type_name::<T>();
    let first = WARNED.lock().unwrap_or_else(PoisonError::into_inner).insert(format!("{name}: {ty}"));
    if first {
        tracing::warn!(
            field = name,
            bytes,
            "`{name}: {ty}` is sent whole at every change: use `List` or `Map`, which send what changed"
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::warnings::Count;
    use super::*;

    #[test]
    fn a_field_too_large_for_its_kind_is_named_once() {
        static WARNINGS: AtomicUsize = AtomicUsize::new(0);
        tracing::subscriber::with_default(Count(&WARNINGS), || {
            let mut sent = Sent::default();
            for (name, letter) in [("first", "a"), ("first", "b"), ("second", "c")] {
                let mut field = letter.repeat(LARGE);
                let mut scratch = Vec::new();
                let staged = field.stage(&sent, &mut scratch).unwrap();
                Field::commit(&mut field, name, &mut sent, &staged, &scratch, &mut Writer::default());
            }
        });
        let expected = if cfg!(debug_assertions) { 2 } else { 0 };
        assert_eq!(WARNINGS.load(Ordering::Relaxed), expected);
    }
}
