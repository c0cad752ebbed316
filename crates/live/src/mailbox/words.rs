//! [`Words`]: what a call says, in one piece of the frame it came in.

use std::ops::Range;

use bytes::Bytes;

/// Larger frames than this are not kept alive for a small part of them.
pub(crate) const LARGE: usize = 4 << 10;

/// The name of an action, and its arguments: one reference to what both stand in, where that is worth it.
pub(crate) struct Words {
    bytes: Bytes,
    action: Range<usize>,
    args: Range<usize>,
}

impl Words {
    /// These, which are parts of the frame unless something in them had to be unescaped.
    pub(crate) fn of(frame: &Bytes, action: &str, args: &str) -> Self {
        Self::kept(frame, action, args).unwrap_or_else(|| {
            let both = [action.as_bytes(), args.as_bytes()].concat();
            Self { action: 0..action.len(), args: action.len()..both.len(), bytes: both.into() }
        })
    }

    /// Without a copy.
    fn kept(frame: &Bytes, action: &str, args: &str) -> Option<Self> {
        let action = place(frame, action)?;
        let args = if args.is_empty() { action.end..action.end } else { place(frame, args)? };
        // What stands between them is kept along, and counted by nobody: so what is wanted decides.
        if frame.len() > LARGE && action.len() + args.len() <= frame.len() / 4 {
            return None;
        }
        let (begin, end) = (action.start.min(args.start), action.end.max(args.end));
        let of = |range: Range<usize>| range.start - begin..range.end - begin;
        Some(Self { bytes: frame.slice(begin..end), action: of(action), args: of(args) })
    }

    /// What is called; nothing is called like what is no text.
    pub(crate) fn action(&self) -> &str {
        let name = self.bytes.get(self.action.clone()).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }

    /// JSON, or nothing.
    pub(crate) fn args(&self) -> &[u8] {
        self.bytes.get(self.args.clone()).unwrap_or_default()
    }
}

/// Where a text stands in the frame, if it does.
fn place(frame: &Bytes, text: &str) -> Option<Range<usize>> {
    let begin = text.as_ptr().addr().checked_sub(frame.as_ptr().addr())?;
    let end = begin.checked_add(text.len())?;
    (end <= frame.len()).then_some(begin..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(frame: &Bytes, action: &str, args: &str, is_kept: bool) {
        let words = Words::of(frame, action, args);
        assert_eq!((words.action(), words.args()), (action, args.as_bytes()));
        let lies = frame.as_ptr_range();
        assert_eq!(lies.contains(&words.bytes.as_ptr()), is_kept);
    }

    #[test]
    fn they_are_a_part_of_the_frame_where_that_is_worth_it() {
        let frame = Bytes::from(r#"{"action":"add","payload":{"by":1}}"#);
        let text = std::str::from_utf8(&frame).unwrap();
        let (action, args) = (&text[11..14], &text[26..34]);
        check(&frame, action, args, true);
        check(&frame, args, action, true);
        check(&frame, action, "", true);
        check(&frame, action, text, true);
        check(&frame, "add", args, false);
        check(&frame, action, "{\"by\":1}", false);
        check(&frame, "", "", false);
        let long = Bytes::from("x".repeat(2 * LARGE));
        let text = std::str::from_utf8(&long).unwrap();
        check(&long, &text[..3], &text[5..9], false);
        check(&long, &text[..3], &text[LARGE..], true);
        // Not for what lies between them.
        check(&long, &text[..3], &text[2 * LARGE - 2..], false);
    }
}
