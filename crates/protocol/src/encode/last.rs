//! What was written last, for whoever writes it again: an id, and a time.

use std::cell::Cell;

use crate::id::{InstanceId, Text};
use crate::text::Digits;

thread_local! {
    /// The last id that was written: a change and the answer after it are of one instance, and so are several of those.
    static LAST: Cell<Option<(InstanceId, Text)>> = const { Cell::new(None) };
}

/// Appends an id. Nothing in it needs escaping.
pub(super) fn push_id(out: &mut Vec<u8>, instance: InstanceId) {
    let last = LAST.try_with(Cell::get).ok().flatten().filter(|(last, _)| *last == instance);
    let text = last.map_or_else(
        || {
            let text = instance.text();
            let _ = LAST.try_with(|last| last.set(Some((instance, text))));
            text
        },
        |(_, text)| text,
    );
    out.extend_from_slice(text.as_bytes());
}

thread_local! {
    /// The last time that was written, and its digits: within a millisecond there are hundreds of frames.
    static TIME: Cell<(u64, Digits)> = const { Cell::new((0, Digits::ZERO)) };
}

pub(super) fn push_time(out: &mut Vec<u8>, now: u64) {
    let (at, digits) = TIME.try_with(Cell::get).unwrap_or((0, Digits::ZERO));
    if at == now {
        return digits.push(out);
    }
    let digits = Digits::of(now);
    let _ = TIME.try_with(|time| time.set((now, digits)));
    digits.push(out);
}
