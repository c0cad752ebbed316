//! Text frames: one message each, or an array of them where batches were negotiated.
//!
//! Works on text that nobody has looked at yet, so it counts before anything recurses.

use serde_json::value::RawValue;

use crate::code::Code;
use crate::decode::Refusal;

/// Messages in one frame, in order.
///
/// Splits without parsing what is inside; each part still has to go through [`crate::decode`].
///
/// # Errors
/// A [`Refusal`] with [`Code::BadJson`] if the text is no JSON, [`Code::BadMessage`] if it nests deeper
/// than `max_depth`, is neither object nor array, or is an array where `batch` is `None`;
/// [`Code::TooLarge`] if it holds more messages than `batch` allows.
///
/// ```
/// use fluxstack_live_protocol::frame::split;
/// assert_eq!(split(r#"[{"a":1},{"b":2}]"#, Some(8), 16).unwrap().len(), 2);
/// assert!(split(r#"[{"a":1}]"#, None, 16).is_err());
/// ```
pub fn split(text: &str, batch: Option<usize>, max_depth: usize) -> Result<Messages<'_>, Refusal> {
    if nests_deeper_than(text, max_depth) {
        return Err(Refusal::frame(Code::BadMessage, format!("nested deeper than {max_depth} levels")));
    }
    match text.trim_start().as_bytes().first() {
        Some(b'{') => Ok(Messages::One(text)),
        Some(b'[') => {
            let Some(most) = batch else {
                return Err(Refusal::frame(Code::BadMessage, "an array needs the capability `batch`"));
            };
            let parts: Vec<&RawValue> = serde_json::from_str(text)
                .map_err(|_| Refusal::frame(Code::BadJson, "Invalid JSON"))?;
            if parts.len() > most {
                let said = format!("{} messages in a batch, at most {most} are allowed", parts.len());
                return Err(Refusal::frame(Code::TooLarge, said));
            }
            Ok(Messages::Many(parts))
        }
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
    Many(Vec<&'a RawValue>),
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
    let (mut depth, mut in_string, mut escaped) = (0usize, false, false);
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
                if depth > max {
                    return true;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: Result<usize, Code>) {
        let found = split(text, Some(2), 4).map(|m| m.iter().count()).map_err(|refusal| refusal.code);
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn a_frame_is_an_object_or_a_short_array() {
        check(r#" {"type":"X"}"#, Ok(1));
        check(r#"[{"type":"X"},null]"#, Ok(2));
        check("[]", Ok(0));
        check("[1,2,3]", Err(Code::TooLarge));
        check("null", Err(Code::BadMessage));
        check("\"x\"", Err(Code::BadMessage));
        check("17", Err(Code::BadMessage));
        check("", Err(Code::BadJson));
        check("[1", Err(Code::BadJson));
        check("hello", Err(Code::BadJson));
    }

    #[test]
    fn depth_is_counted_outside_strings_only() {
        check(r#"{"a":"[[[[[[[[\"[[[["}"#, Ok(1));
        check(r#"{"a":[[[[1]]]]}"#, Err(Code::BadMessage));
        check(&"[".repeat(1_000_000), Err(Code::BadMessage));
    }
}
