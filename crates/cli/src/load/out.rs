//! What a connection is about to say: frames, one after the other in one buffer, so that they are one write.

use super::frame::{BINARY, CLOSE, PONG, TEXT, write_frame};

/// Frames on their way out. Whoever writes into it says what, and it says how long that was.
#[derive(Debug, Default)]
pub struct Out {
    bytes: Vec<u8>,
}

/// Bytes before a payload of 126 to 65,535.
const HEAD: usize = 8;
/// Of those, what a shorter payload has no need of.
const SPARE: usize = 2;

impl Out {
    /// Adds a frame of text, which is what `write` adds to the bytes it is given.
    pub fn text(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.frame(TEXT, write);
    }

    /// Adds a frame of bytes, which are what `write` adds to those it is given.
    pub fn binary(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        self.frame(BINARY, write);
    }

    /// Answers a ping.
    pub(crate) fn pong(&mut self, payload: &[u8]) {
        write_frame(PONG, payload, &mut self.bytes);
    }

    /// Says goodbye.
    pub(crate) fn close(&mut self) {
        write_frame(CLOSE, &1000_u16.to_be_bytes(), &mut self.bytes);
    }

    /// Takes what another has to say behind what this one has.
    pub(crate) fn append(&mut self, other: &mut Self) {
        self.bytes.append(&mut other.bytes);
    }

    fn frame(&mut self, kind: u8, write: impl FnOnce(&mut Vec<u8>)) {
        let bytes = &mut self.bytes;
        let begin = bytes.len();
        // The length is known when the payload is there. Most payloads are of the middle size, and stay where they are.
        bytes.extend([0x80 | kind, 0x80 | 126, 0, 0, 0, 0, 0, 0]);
        write(bytes);
        let length = bytes.len() - begin - HEAD;
        if let Ok(long) = u16::try_from(length) {
            if length >= 126 {
                bytes[begin + 2..begin + 4].copy_from_slice(&long.to_be_bytes());
            } else {
                bytes.copy_within(begin + HEAD.., begin + HEAD - SPARE);
                bytes.truncate(bytes.len() - SPARE);
                bytes[begin + 1] = 0x80 | long as u8;
                bytes[begin + 2..begin + HEAD - SPARE].fill(0);
            }
        } else {
            let payload = bytes.split_off(begin + HEAD);
            bytes.truncate(begin);
            write_frame(kind, &payload, bytes);
        }
    }

    /// The frames as they go onto the wire.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Forgets the first so many bytes: they are on the wire.
    pub fn sent(&mut self, bytes: usize) {
        if bytes == self.bytes.len() {
            self.bytes.clear();
        } else {
            self.bytes.drain(..bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_those_of_which_the_length_was_known_before() {
        let mut out = Out::default();
        let mut expected = Vec::new();
        for length in [0, 1, 125, 126, 127, 65_535, 65_536] {
            let payload: Vec<u8> = (0..length).map(|at: u32| at as u8 | 1).collect();
            out.text(|bytes| bytes.extend(&payload));
            write_frame(TEXT, &payload, &mut expected);
            out.binary(|bytes| bytes.extend(&payload));
            write_frame(BINARY, &payload, &mut expected);
        }
        assert!(out.bytes() == expected);
        out.sent(3);
        assert!(out.bytes() == &expected[3..]);
        out.sent(expected.len() - 3);
        assert!(out.is_empty());
    }
}
