//! What is written beside a file, so that a server that starts again knows what it is.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::kinds::UNKNOWN;

/// Bytes a note may have. The longest we write has some 2 kB.
pub(super) const LONGEST: u64 = 8 << 10;

/// See the module. How much of the file is there is not in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    /// A name that can be shown.
    pub(super) name: String,
    /// What its sender says that it is.
    pub(super) kind: String,
    pub(super) size: u64,
    /// When it was begun, in milliseconds since 1970.
    pub(super) begun: u64,
    /// What it was found to be when all of it was there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) done: Option<Verdict>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Verdict {
    pub(super) content_type: String,
    pub(super) extension: Option<String>,
    /// In hexadecimal digits.
    pub(super) sha256: String,
}

impl Note {
    /// Whether both are of the same file, as far as can be said before it is there.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        (&self.name, &self.kind, self.size) == (&other.name, &other.kind, other.size)
    }

    /// Reads what [`Note::write`] wrote. What is anything else is not there.
    pub(super) fn read(text: &[u8]) -> Option<Self> {
        let note: Self = serde_json::from_slice(text).ok()?;
        let is_digest =
            |text: &str| text.len() == 64 && text.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f'));
        let is_extension = |text: &str| super::name::extension(&format!("x.{text}")).as_deref() == Some(text);
        let is_sound = note.name == super::name::clean(&note.name)
            && note.kind.len() <= super::desk::LONGEST_KIND
            && note.done.as_ref().is_none_or(|done| {
                let kind = super::kinds::said(&done.content_type);
                let is_kind =
                    kind.is_some_and(|kind| kind == done.content_type) || done.content_type == UNKNOWN;
                is_digest(&done.sha256) && done.extension.as_deref().is_none_or(is_extension) && is_kind
            });
        is_sound.then_some(note)
    }

    pub(super) fn write(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("texts and numbers are always JSON")
    }
}

/// What is known of a file that is done.
#[derive(Debug)]
pub(super) struct About {
    pub(super) path: Box<Path>,
    pub(super) name: Box<str>,
    pub(super) size: u64,
    pub(super) verdict: Verdict,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note() -> Note {
        let done = Verdict {
            content_type: "image/png".into(),
            extension: Some("png".into()),
            sha256: "0a".repeat(32),
        };
        Note { name: "photo.png".into(), kind: "image/png".into(), size: 7, begun: 1, done: Some(done) }
    }

    #[test]
    fn a_note_is_read_as_it_was_written() {
        let note = note();
        assert_eq!(Note::read(&note.write()), Some(note.clone()));
        let open = Note { done: None, ..note };
        assert_eq!(Note::read(&open.write()), Some(open));
    }

    #[test]
    fn what_we_would_not_have_written_is_not_there() {
        let text = String::from_utf8(note().write()).unwrap();
        for (from, to) in [
            ("photo.png", "../photo.png"),
            ("photo.png", "a\\u0000b"),
            ("photo.png", ""),
            ("\"size\":7", "\"size\":-7"),
            ("\"size\":7", "\"size\":7.5"),
            ("\"size\":7", "\"size\":\"7\""),
            ("\"begun\"", "\"began\""),
            ("0a0a", "0A0A"),
            ("0a0a", "0a"),
            ("\"png\"", "\"../png\""),
            ("\"png\"", "\"\""),
            ("\"content_type\":\"image/png", "\"content_type\":\"image/\\r\\npng"),
            ("{", ""),
            ("}", ""),
            ("{", "["),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            assert_eq!(Note::read(changed.as_bytes()), None, "{changed}");
        }
        for garbage in [&b""[..], b"null", b"{}", b"\xff\xfe", b"[[[[[[", &[0; 100]] {
            assert_eq!(Note::read(garbage), None);
        }
    }
}
