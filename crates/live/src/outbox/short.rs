//! [`Short`]: what is nearly always a few bytes, kept where it stands.
//!
//! The name a client gives a request is a number of some digits. A reference to the frame it came in would keep the frame,
//! and cost two counts of references, for less than it takes itself.

use std::ops::Deref;

/// As much fits into what a reference would take.
const MOST: usize = 30;

/// See the module.
#[derive(Debug)]
pub(crate) enum Short {
    Here { len: u8, bytes: [u8; MOST] },
    There(Box<[u8]>),
}

impl From<&str> for Short {
    fn from(text: &str) -> Self {
        let mut bytes = [0; MOST];
        match (bytes.get_mut(..text.len()), u8::try_from(text.len())) {
            (Some(here), Ok(len)) => {
                here.copy_from_slice(text.as_bytes());
                Self::Here { len, bytes }
            }
            _ => Self::There(text.as_bytes().into()),
        }
    }
}

impl Deref for Short {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Here { len, bytes } => bytes.get(..usize::from(*len)).unwrap_or_default(),
            Self::There(bytes) => bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_what_it_was_made_of_however_long_that_is() {
        for len in [0, 1, MOST - 1, MOST, MOST + 1, 256] {
            let text = "é".repeat(len / 2) + &"x".repeat(len % 2);
            assert_eq!(*Short::from(&*text), *text.as_bytes());
        }
        assert_eq!(size_of::<Short>(), size_of::<bytes::Bytes>());
    }
}
