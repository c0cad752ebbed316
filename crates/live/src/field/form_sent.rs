//! [`Form`] as a field: `{"values":…,"errors":{…},"tried":…}`, of which a change sends the parts that changed.
//!
//! A complaint that came or went does not send the values again. It is a merge of those three keys, as of a
//! [`Map`](super::Map): clients need not know what a form is to keep one.

use std::collections::BTreeMap;

use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::digest;
use serde::Deserialize;

use super::form::Form;
use super::{Field, FieldErrors, Staged, Unsendable, Validate, plain};
use crate::typescript::Types;
use crate::wire::{Wire, digest_of, from_json, write_json};

/// What was last sent.
#[derive(Debug, Default)]
pub struct Sent {
    values: plain::Sent,
    errors: plain::Sent,
    tried: bool,
    /// Which of the errors are the author's, for a recovery.
    failed: FieldErrors,
}

/// A form as it travels.
#[derive(Deserialize)]
#[serde(bound = "T: Wire")]
struct Whole<T> {
    values: T,
    #[serde(default)]
    errors: BTreeMap<String, String>,
    #[serde(default)]
    tried: bool,
}

const VALUES: &[u8] = b"\"values\":";
const ERRORS: &[u8] = b"\"errors\":";
const TRIED: &[u8] = b"\"tried\":";

fn word(tried: bool) -> &'static [u8] {
    if tried { b"true" } else { b"false" }
}

/// Bytes of a form with values and errors of that many.
fn size(values: usize, errors: usize, tried: bool) -> usize {
    VALUES.len() + values + ERRORS.len() + errors + TRIED.len() + word(tried).len() + "{,,}".len()
}

/// The digest of the errors, which are text and need not be read back for it.
fn digest_of_errors(errors: &FieldErrors) -> u32 {
    let entry = |(field, complaint)| digest::entry(digest::of_string(field), digest::of_string(complaint));
    digest::object_end(errors.iter().map(entry).fold(0, u32::wrapping_add), errors.len())
}

impl<T: Wire + Validate> Field for Form<T> {
    type Sent = Sent;

    // What is written is a merge, `[{…},[]]`, of the parts that changed; if all did, only what is in its braces counts.
    fn stage(&self, sent: &Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let is_new = sent.values.json.is_empty();
        let start = scratch.len();
        scratch.extend_from_slice(b"[{");

        let part = scratch.len();
        scratch.extend_from_slice(VALUES);
        write_json(&self.values, scratch)?;
        let values = &scratch[part + VALUES.len()..];
        let size_of_values = values.len();
        let has_values = values != sent.values.json;
        let digest = if has_values { digest_of(values)? } else { 0 };
        if !has_values {
            scratch.truncate(part);
        }

        let part = scratch.len();
        if has_values {
            scratch.push(b',');
        }
        scratch.extend_from_slice(ERRORS);
        let errors = scratch.len();
        write_json(&self.errors, scratch)?;
        let mut notes = errors..scratch.len();
        let size = size(size_of_values, notes.len(), self.tried);
        if scratch[notes.clone()] == sent.errors.json {
            scratch.truncate(part);
            notes = part..part;
        }

        let has_tried = is_new || self.tried != sent.tried;
        if !has_values && notes.is_empty() && !has_tried {
            scratch.truncate(start);
            return Ok(Staged::same(size));
        }
        if has_tried {
            if has_values || !notes.is_empty() {
                scratch.push(b',');
            }
            scratch.extend_from_slice(TRIED);
            scratch.extend_from_slice(word(self.tried));
        }
        scratch.push(b'}');
        let whole = has_values && !notes.is_empty() && has_tried;
        let range = if whole {
            start + 1..scratch.len()
        } else {
            scratch.extend_from_slice(b",[]]");
            start..scratch.len()
        };
        let count = if has_values { size_of_values } else { 0 };
        Ok(Staged { range: Some(range), size, whole, digest, count, notes })
    }

    fn commit(&mut self, name: &str, sent: &mut Sent, staged: &Staged, scratch: &[u8], out: &mut Writer) {
        // Also when nothing of it shows: two complaints about a field show as one.
        sent.failed.clone_from(&self.failed);
        let Some(range) = &staged.range else { return };
        let json = &scratch[range.clone()];
        if staged.whole {
            out.set(name, json)
        } else {
            out.merge(name, json)
        }
        if staged.count > 0 {
            let braces = if staged.whole { 1 } else { 2 };
            let values = &json[braces + VALUES.len()..];
            sent.values.remember(&values[..staged.count], staged.digest);
        }
        if !staged.notes.is_empty() {
            sent.errors.remember(&scratch[staged.notes.clone()], digest_of_errors(&self.errors));
        }
        sent.tried = self.tried;
    }

    fn digest(&self, sent: &Sent) -> u32 {
        let tried = digest::of_part(word(sent.tried)).unwrap_or_default();
        let parts = [
            ("values", plain::digest(&sent.values)),
            ("errors", plain::digest(&sent.errors)),
            ("tried", tried),
        ];
        let entry = |(name, part)| digest::entry(digest::of_string(name), part);
        digest::object_end(parts.map(entry).into_iter().fold(0, u32::wrapping_add), parts.len())
    }

    fn snapshot(&self, sent: &Sent, out: &mut Vec<u8>) {
        let parts = [(VALUES, &*sent.values.json), (ERRORS, &*sent.errors.json), (TRIED, word(sent.tried))];
        for (at, (name, json)) in parts.into_iter().enumerate() {
            out.push(if at == 0 { b'{' } else { b',' });
            out.extend_from_slice(name);
            out.extend_from_slice(json);
        }
        out.push(b'}');
    }

    // As it was sent, and not checked again: nothing of the author's runs here that may just have failed.
    fn recover(&mut self, sent: &Sent) -> Result<(), Unsendable> {
        self.values = plain::recover(&sent.values)?;
        self.errors = plain::recover::<BTreeMap<String, String>>(&sent.errors)?.into();
        self.failed.clone_from(&sent.failed);
        self.tried = sent.tried;
        Ok(())
    }

    // Checked again: what is stricter now than it was then shows at once. What was said and is not found again, by
    // the author or by a check that is gone, stays until its field changes; it does not hold up a submission.
    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        let Whole { values, errors, tried } = from_json(json).map_err(Unsendable)?;
        let mut new = Self::new(values);
        new.failed = errors.into();
        new.failed.retain(|field| new.errors.get(field).is_none());
        new.check();
        *self = Self { tried, ..new };
        Ok(())
    }

    fn typescript(types: &mut Types) -> String {
        types.import("Form");
        format!("Form<{}>", types.shows::<T>())
    }
}
