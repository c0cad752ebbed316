//! Text frames: one message each, or an array of them where batches were negotiated.
//!
//! Works on text that nobody has looked at yet, so nothing here recurses.

use serde_json::value::RawValue;

use crate::code::Code;
use crate::decode::{Refusal, scan};
use crate::raw::Raw;

/// Messages in one frame, in order, however many there are.
///
/// Splits without parsing what is inside; each part still has to go through [`crate::decode`]. Nothing here
/// recurses, so nesting does no harm yet; whoever parses a part asks [`nests_deeper_than`] first.
///
/// # Errors
/// A [`Refusal`] with [`Code::BadJson`] if the text is no JSON, [`Code::BadMessage`] if it is neither object
/// nor array, or is an array where `batch` says that there are none.
///
/// ```
/// use fluxstack_live_protocol::frame::split;
/// assert_eq!(split(r#"[{"a":1},{"b":2}]"#, true).unwrap().len(), 2);
/// assert!(split(r#"[{"a":1}]"#, false).is_err());
/// ```
pub fn split(text: &str, batch: bool) -> Result<Messages<'_>, Refusal> {
    match text.trim_start().as_bytes().first() {
        Some(b'{') => Ok(Messages::One(text)),
        Some(b'[') if !batch => {
            Err(Refusal::frame(Code::BadMessage, "an array needs the capability `batch`"))
        }
        Some(b'[') => scan::items(text)
            .map_or_else(|| serde_json::from_str(text), Ok)
            .map(Messages::Many)
            .map_err(|_| Refusal::frame(Code::BadJson, "Invalid JSON")),
        _ => match serde_json::from_str::<&RawValue>(text) {
            Ok(_) => Err(Refusal::frame(Code::BadMessage, "a message is a JSON object")),
            Err(_) => Err(Refusal::frame(Code::BadJson, "Invalid JSON")),
        },
    }
}

/// What [`split`] found.
#[derive(Debug)]
pub enum Messages<'a> {
    /// A single object.
    One(&'a str),
    /// An array.
    Many(Vec<Raw<'a>>),
}

impl<'a> Messages<'a> {
    /// How many messages there are.
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::One(_) => 1,
            Self::Many(parts) => parts.len(),
        }
    }

    /// Whether the frame was an empty array.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The messages in order.
    pub fn iter(&self) -> impl Iterator<Item = &'a str> + '_ {
        let (one, many) = match self {
            Self::One(text) => (Some(*text), [].as_slice()),
            Self::Many(parts) => (None, parts.as_slice()),
        };
        one.into_iter().chain(many.iter().map(|part| part.get()))
    }
}

/// Whether brackets outside strings ever open more than `max` levels. One pass, no recursion.
#[must_use]
pub fn nests_deeper_than(text: &str, max: usize) -> bool {
    levels(text) > max
}

/// On how many levels brackets outside strings are ever open. One pass, no recursion.
pub(crate) fn levels(text: &str) -> usize {
    let (mut deepest, mut depth, mut in_string, mut escaped) = (0usize, 0usize, false, false);
    for byte in text.bytes() {
        if in_string {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = true,
                b'"' => in_string = false,
                _ => {}
            }
            continue;
        }
        match byte {
            b'"' => in_string = true,
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<usize, Code>) {
        let found = split(text, true).map(|m| m.iter().count()).map_err(|refusal| refusal.code);
        assert_eq!(found, expected, "{text:.80}");
    }

    #[test]
    fn a_frame_is_an_object_or_an_array() {
        check(r#" {"type":"X"}"#, Ok(1));
        check(r#"[{"type":"X"},null]"#, Ok(2));
        check("[]", Ok(0));
        check("[1,2,3]", Ok(3));
        check("null", Err(Code::BadMessage));
        check("\"x\"", Err(Code::BadMessage));
        check("17", Err(Code::BadMessage));
        check("", Err(Code::BadJson));
        check("[1", Err(Code::BadJson));
        check("hello", Err(Code::BadJson));
        assert!(split("[]", false).is_err());
    }

    #[test]
    fn splitting_does_not_care_how_deep_it_is() {
        let deep = format!("{}1{}", "[".repeat(500_000), "]".repeat(500_000));
        check(&deep, Ok(1));
        check(&"[".repeat(500_000), Err(Code::BadJson));
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        assert!(!nests_deeper_than(r#"{"a":"[[[[[[[[\"[[[["}"#, 1));
        assert!(nests_deeper_than(r#"{"a":[[[[1]]]]}"#, 4));
        assert!(!nests_deeper_than(r#"{"a":[[[[1]]]]}"#, 5));
    }
}
