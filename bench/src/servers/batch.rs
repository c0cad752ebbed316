//! Messages that are written together: one frame, as the live server makes one of all that waits for a connection.

/// Bytes from which on a frame is full, as in the live server.
const FULL: usize = 32 << 10;

/// A frame that is being written. A single message stands alone, several are an array.
pub(super) struct Batch {
    /// What is left free in front, for whoever makes frames of its own, then a bracket, then messages.
    bytes: Vec<u8>,
    room: usize,
    messages: u32,
    most: u32,
    /// How long the last one was that was taken away: the next is likely to be as long.
    last: usize,
}

impl Batch {
    /// Leaves so many bytes free in front of the text.
    pub(super) fn new(room: usize) -> Self {
        Self { bytes: Vec::new(), room, messages: 0, most: u32::MAX, last: 0 }
    }

    /// Is full after so many messages.
    pub(super) fn with_most(self, most: u32) -> Self {
        Self { most, ..self }
    }

    /// Where the next message is to be written.
    pub(super) fn next(&mut self) -> &mut Vec<u8> {
        if self.messages == 0 {
            self.bytes.clear();
            self.bytes.reserve(self.last);
            self.bytes.resize(self.room, 0);
        }
        self.bytes.push(if self.messages == 0 { b'[' } else { b',' });
        self.messages += 1;
        &mut self.bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.messages == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.messages >= self.most || self.bytes.len() >= FULL
    }

    /// Where the text is in the bytes. What is written next begins anew.
    pub(super) fn end(&mut self) -> (usize, &mut Vec<u8>) {
        let at = match std::mem::take(&mut self.messages) {
            // A bracket too many.
            1 => self.room + 1,
            _ => {
                self.bytes.push(b']');
                self.room
            }
        };
        (at, &mut self.bytes)
    }

    /// The text, in memory of its own.
    pub(super) fn text(&mut self) -> bytes::Bytes {
        let (at, bytes) = self.end();
        let mut text = bytes::Bytes::from(std::mem::take(bytes));
        self.last = text.len();
        text.split_off(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_message_stands_alone_and_several_are_an_array() {
        let mut batch = Batch::new(3);
        for (messages, expected) in [(&["{}"][..], "{}"), (&["{}", "1", "2"], "[{},1,2]"), (&["7"], "7")] {
            for message in messages {
                batch.next().extend_from_slice(message.as_bytes());
            }
            assert!(!batch.is_empty());
            assert_eq!(batch.text(), expected);
            assert!(batch.is_empty());
        }
    }
}
