//! A byte that changes on its way, and what became of it.
//!
//! | class | what happened |
//! |---|---|
//! | `unreadable` | not UTF-8, not JSON, or not a message: the tab lets go of the socket and comes back |
//! | `digest` | it was read, and the state it led to was not proved: the tab asks for the whole state |
//! | `base` | it does not follow what is shown: likewise |
//! | `astray` | it is about an instance, a request or a field nobody here has: as `unreadable` |
//! | `sealed` | a token or a snapshot: the server will find out when it is presented |
//! | `harmless` | what was read is what was said, apart from `timestamp` |
//! | `unproved` | something that neither a digest nor a signature covers: a result, an event, a version |
//! | `undetected` | a state is shown that the server did not send: a failure |
//!
//! The first four were found out by the tab. `harmless` needs no finding out. `unproved` is what TLS is for; what it
//! touched is exempt from the promises about calls, never from those about state.

use bytes::Bytes;
use serde_json::Value;

use super::draw::Draw;

/// What became of a frame that was changed on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Corruption {
    /// Not UTF-8, not JSON, or not a message.
    Unreadable,
    /// The digest was another one.
    Digest,
    /// The version it starts from was another one.
    Base,
    /// It was about something that is not there.
    Astray,
    /// What is sealed was changed: the server will find out.
    Sealed,
    /// It says what it said before.
    Harmless,
    /// Neither a digest nor a signature covers what was changed.
    Unproved,
    /// A state is shown that the server did not send.
    Undetected,
}

impl Corruption {
    /// Every class, in the order of the table.
    pub const ALL: [Self; 8] = [
        Self::Unreadable,
        Self::Digest,
        Self::Base,
        Self::Astray,
        Self::Sealed,
        Self::Harmless,
        Self::Unproved,
        Self::Undetected,
    ];

    /// Its name in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::Digest => "digest",
            Self::Base => "base",
            Self::Astray => "astray",
            Self::Sealed => "sealed",
            Self::Harmless => "harmless",
            Self::Unproved => "unproved",
            Self::Undetected => "undetected",
        }
    }
}

/// What a byte is replaced with. Within a row any is as good as any other to a reader that meets it inside an id,
/// a signature or a time, which are not the same twice; so what happens is decided by the seed alone. (That is why
/// there is no backslash: what it does depends on what follows.)
const ROWS: [&[u8]; 5] =
    [b"0123456789", b"ghijklmnopqrstuvwxyz", b"GHIJKLMNOPQRSTUVWXYZ", b"\"{}[]:,", b"\x00\x1f\x80\xff"];

/// The frame with one byte replaced by another.
pub(super) fn change(frame: &[u8], draw: &mut Draw) -> Bytes {
    let mut frame = frame.to_vec();
    let at = draw.place(frame.len());
    let row = ROWS[draw.place(ROWS.len())];
    let place = draw.place(row.len());
    if let Some(byte) = frame.get_mut(at) {
        let new = row[place];
        *byte = if *byte == new { row[(place + 1) % row.len()] } else { new };
    }
    frame.into()
}

/// How a frame that could be read differs from what it was.
pub(super) fn compare(now: &[u8], before: &[u8]) -> Corruption {
    let (Some(mut now), Some(mut before)) = (read(now), read(before)) else { return Corruption::Unreadable };
    if now == before {
        return Corruption::Harmless;
    }
    unseal(&mut now);
    unseal(&mut before);
    if now == before { Corruption::Sealed } else { Corruption::Unproved }
}

fn read(frame: &[u8]) -> Option<Vec<Value>> {
    let mut messages = match serde_json::from_slice(frame).ok()? {
        Value::Array(messages) => messages,
        message => vec![message],
    };
    for message in &mut messages {
        if let Value::Object(fields) = message {
            fields.remove("timestamp");
        }
    }
    Some(messages)
}

/// Takes out what the server has signed.
fn unseal(messages: &mut [Value]) {
    for message in messages {
        for (part, sealed) in [("session", "token"), ("result", "token"), ("payload", "snapshot")] {
            if let Some(Value::Object(fields)) = message.get_mut(part) {
                fields.remove(sealed);
            }
        }
    }
}

/// A state as a frame carries it: of which instance, at which version, with which digest.
pub(super) type Carried = (String, u64, u32);

/// The states a frame carries.
pub(super) fn states(frame: &[u8]) -> Vec<Carried> {
    let Some(messages) = read(frame) else { return Vec::new() };
    let carried = |message: &Value| {
        // A mount and a rehydration carry theirs in the result, with the instance's id beside it.
        let part = if message["payload"].is_object() { &message["payload"] } else { &message["result"] };
        let id = part["componentId"].as_str().or_else(|| message["componentId"].as_str())?;
        let digest = u32::try_from(part["digest"].as_u64()?).ok()?;
        Some((id.to_owned(), part["version"].as_u64()?, digest))
    };
    messages.iter().filter_map(carried).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_frame_differs_in_one_byte() {
        let frame = br#"{"type":"STATE_DELTA","timestamp":1700000000000}"#;
        let mut draw = Draw::new(1);
        for _ in 0..1_000 {
            let changed = change(frame, &mut draw);
            assert_eq!(changed.iter().zip(frame).filter(|(new, old)| new != old).count(), 1);
        }
    }

    #[test]
    fn what_differs_is_told_apart() {
        #[track_caller]
        fn check(now: &str, before: &str, class: Corruption) {
            assert_eq!(compare(now.as_bytes(), before.as_bytes()), class, "{now} {before}");
        }
        check(r#"{"a":1,"timestamp":5}"#, r#"{"timestamp":6,"a":1}"#, Corruption::Harmless);
        check(r#"[{"a":1,"timestamp":5}]"#, r#"[{"a":1,"timestamp":7}]"#, Corruption::Harmless);
        check(r#"{"a":1}"#, r#"{"a":2}"#, Corruption::Unproved);
        check(r#"{"a":1"#, r#"{"a":1"#, Corruption::Unreadable);
        check(r#"{"payload":{"snapshot":"x"}}"#, r#"{"payload":{"snapshot":"y"}}"#, Corruption::Sealed);
        check(r#"[{"session":{"token":"x"}}]"#, r#"[{"session":{"token":"y"}}]"#, Corruption::Sealed);
        check(r#"{"payload":{"token":"x"}}"#, r#"{"payload":{"token":"y"}}"#, Corruption::Unproved);
    }
}
