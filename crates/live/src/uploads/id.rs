//! What a file is called on disk and in the state: never what a client calls it.

use std::fmt;

use sha2::{Digest as _, Sha256};

/// Which file, for everybody who holds the session, and for nobody else. It is what the file is called on disk.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId([u8; 16]);

impl FileId {
    /// The id of what this session, as this user, calls `upload`. The same after a reload and after a restart.
    pub(crate) fn new(session: &str, subject: &str, upload: &str) -> Self {
        let mut hash = Sha256::new();
        for part in ["upload", session, subject] {
            hash.update(part.as_bytes());
            hash.update([0]);
        }
        hash.update(upload.as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        Self(id)
    }

    /// Its 128 bits.
    pub(super) fn to_u128(self) -> u128 {
        u128::from_be_bytes(self.0)
    }

    /// Reads what [`fmt::Display`] wrote: 32 digits, in lower case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 {
            return None;
        }
        let mut id = [0; 16];
        for (byte, pair) in id.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = digit(pair[0])? << 4 | digit(pair[1])?;
        }
        Some(Self(id))
    }
}

fn digit(sign: u8) -> Option<u8> {
    match sign {
        b'0'..=b'9' => Some(sign - b'0'),
        b'a'..=b'f' => Some(sign - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileId({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_read_as_it_was_written_and_in_no_other_way() {
        let id = FileId::new("session", "ada", "upload-1");
        let text = id.to_string();
        assert_eq!(FileId::parse(&text), Some(id));
        for other in
            ["", &text[1..], &text.to_uppercase(), &format!("{text}0"), "../../../../../../etc/passwd/////"]
        {
            assert_eq!(FileId::parse(other), None, "{other}");
        }
    }

    #[test]
    fn what_belongs_to_others_has_another_id() {
        let ids = [
            ("s", "a", "u"),
            ("t", "a", "u"),
            ("s", "b", "u"),
            ("s", "a", "v"),
            ("sa", "", "u"),
            ("", "sa", "u"),
        ]
        .map(|(session, subject, upload)| FileId::new(session, subject, upload));
        for (place, id) in ids.iter().enumerate() {
            assert!(!ids[..place].contains(id));
        }
    }
}
