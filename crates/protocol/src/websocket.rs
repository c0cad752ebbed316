//! WebSocket frames (RFC 6455), as a server reads and writes them.
//!
//! Pure: bytes go in with [`Reader::feed`] however the network cut them, messages come out of [`Reader::next`]. A
//! transport puts a socket in front of it, a fuzzer random bytes. Extensions are not spoken, so the reserved bits
//! must be zero.
//!
//! What must stay true: nothing is allocated for bytes that have only been announced; what has been read of a frame
//! is judged at once, not when the rest is there; and after a violation or a close nothing is read any more.
//!
//! Lengths that are spelled longer than they need to be are taken, as most servers do: there is nothing to gain by a
//! second spelling. Control frames have only one.

use std::mem;

use bytes::buf::Limit;
use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};

mod head;

pub use head::{Head, LONGEST_HEAD, Opcode, unmask, write_close, write_head};

/// What a client has said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Received {
    /// A whole text message; it is UTF-8.
    Text(Bytes),
    /// A whole binary message.
    Binary(Bytes),
    /// To be answered with a pong that carries the same.
    Ping(Bytes),
    /// Proof of life.
    Pong,
    /// The last frame, and its code if it has one. To be answered in kind.
    Close(Option<u16>),
    /// A piece of a message, the end of which has not come. Ask again.
    Piece,
}

/// What no client may send. The connection is over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// It is not the protocol.
    #[error("{0}")]
    Protocol(&'static str),
    /// A text that is none.
    #[error("a text is UTF-8")]
    NotText,
    /// A message beyond the limit.
    #[error("a message is larger than the limit")]
    TooLarge,
}

impl Violation {
    /// The code to close with.
    #[must_use]
    pub const fn code(self) -> u16 {
        match self {
            Self::Protocol(_) => 1002,
            Self::NotText => 1007,
            Self::TooLarge => 1009,
        }
    }
}

/// Bytes of a payload that is given a block of its own: what came after it would keep all of it.
const LARGE: usize = 4 << 10;

/// Messages out of what a client sends. Holds nothing while nothing is on its way.
#[derive(Debug)]
pub struct Reader {
    /// What has come and has not been taken out.
    arrived: BytesMut,
    /// The block that `arrived` lies in has given frames away, which keep all of it.
    is_shared: bool,
    /// The pieces of a message, while it comes in more than one.
    pieces: Option<Box<Pieces>>,
    /// Bytes of the largest message.
    most: usize,
    is_over: bool,
}

#[derive(Debug)]
struct Pieces {
    is_text: bool,
    bytes: Vec<u8>,
}

impl Reader {
    /// Takes messages of at most so many bytes.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { arrived: BytesMut::new(), is_shared: false, pieces: None, most, is_over: false }
    }

    /// Whether everything that has come was taken out.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arrived.is_empty()
    }

    /// Bytes that have come and were not taken out.
    #[must_use]
    pub fn len(&self) -> usize {
        self.arrived.len()
    }

    /// How many bytes it holds.
    #[must_use]
    pub fn kept(&self) -> usize {
        self.arrived.capacity() + self.pieces.as_ref().map_or(0, |pieces| pieces.bytes.capacity())
    }

    /// Takes what has come. Not too much at once: messages that came together may be kept together.
    pub fn feed(&mut self, bytes: &[u8]) {
        if self.is_over {
            return;
        }
        if self.arrived.is_empty() {
            // Exactly as large as what it holds, which is what waiting messages will keep.
            self.arrived = BytesMut::from(bytes);
            self.is_shared = false;
        } else {
            self.arrived.extend_from_slice(bytes);
        }
    }

    /// How much of a frame is still to come, once its head is there.
    #[must_use]
    pub fn missing(&self) -> usize {
        match Head::read(&self.arrived) {
            Ok(Some(head)) => {
                let len = usize::try_from(head.len).unwrap_or(usize::MAX);
                head.size.saturating_add(len).saturating_sub(self.arrived.len())
            }
            _ => 0,
        }
    }

    /// Room for what is [`missing`](Self::missing), or for a part of it: it grows with what has come, so that a length
    /// alone makes nobody allocate it. What is put there needs no [`feed`](Self::feed).
    pub fn room(&mut self) -> Limit<&mut BytesMut> {
        let room = self.missing().min(self.arrived.len().saturating_mul(2));
        self.arrived.reserve(room);
        (&mut self.arrived).limit(room)
    }

    /// The next message, if it has come as a whole.
    ///
    /// # Errors
    ///
    /// What has come is not allowed. Nothing is read after that.
    #[expect(clippy::should_implement_trait, reason = "it may have none now and one later")]
    pub fn next(&mut self) -> Result<Option<Received>, Violation> {
        if self.is_over {
            return Ok(None);
        }
        let read = self.read();
        match &read {
            Ok(None) if self.is_shared => {
                // The beginning of a frame may wait for long, and its block is as large as all that came with it.
                self.arrived = BytesMut::from(&*self.arrived);
                self.is_shared = false;
            }
            Ok(Some(Received::Close(_))) | Err(_) => {
                self.is_over = true;
                self.arrived = BytesMut::new();
                self.pieces = None;
            }
            Ok(_) => {}
        }
        read
    }

    fn read(&mut self) -> Result<Option<Received>, Violation> {
        let Some(head) = Head::read(&self.arrived)? else { return Ok(None) };
        let before = match (head.opcode, &self.pieces) {
            (Opcode::Continuation, None) => {
                return Err(Violation::Protocol("there is no message to go on with"));
            }
            (Opcode::Text | Opcode::Binary, Some(_)) => {
                return Err(Violation::Protocol("a message begins inside another"));
            }
            (Opcode::Continuation, Some(pieces)) => pieces.bytes.len(),
            _ => 0,
        };
        let len = usize::try_from(head.len).map_err(|_| Violation::TooLarge)?;
        if !head.opcode.is_control() && len > self.most.saturating_sub(before) {
            return Err(Violation::TooLarge);
        }
        if self.arrived.len() - head.size < len {
            return Ok(None);
        }
        self.arrived.advance(head.size);
        let mut payload = if self.arrived.len() == len {
            mem::take(&mut self.arrived)
        } else {
            let payload = self.arrived.split_to(len);
            self.is_shared = len <= LARGE;
            if !self.is_shared {
                self.arrived = BytesMut::from(&*self.arrived);
            }
            payload
        };
        unmask(&mut payload, head.mask);
        let payload = payload.freeze();
        match head.opcode {
            // It may wait for long to be answered, and what came with it is not to wait along.
            Opcode::Ping => Ok(Some(Received::Ping(Bytes::copy_from_slice(&payload)))),
            Opcode::Pong => Ok(Some(Received::Pong)),
            Opcode::Close => head::read_close(&payload).map(|code| Some(Received::Close(code))),
            Opcode::Text | Opcode::Binary if head.is_last => whole(head.opcode == Opcode::Text, payload),
            Opcode::Text | Opcode::Binary => {
                let is_text = head.opcode == Opcode::Text;
                self.pieces = Some(Box::new(Pieces { is_text, bytes: payload.to_vec() }));
                Ok(Some(Received::Piece))
            }
            Opcode::Continuation => {
                if let Some(pieces) = &mut self.pieces {
                    pieces.bytes.extend_from_slice(&payload);
                }
                match self.pieces.take_if(|_| head.is_last) {
                    Some(pieces) => whole(pieces.is_text, pieces.bytes.into()),
                    None => Ok(Some(Received::Piece)),
                }
            }
        }
    }
}

fn whole(is_text: bool, bytes: Bytes) -> Result<Option<Received>, Violation> {
    if !is_text {
        return Ok(Some(Received::Binary(bytes)));
    }
    if str::from_utf8(&bytes).is_err() {
        return Err(Violation::NotText);
    }
    Ok(Some(Received::Text(bytes)))
}

#[cfg(test)]
mod tests;
