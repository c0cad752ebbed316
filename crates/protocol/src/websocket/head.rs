//! What stands before the payload of a frame, and the payloads that have a form of their own.

use super::Violation;

/// Bytes of the longest head: two, a length of eight, a mask of four.
pub const LONGEST_HEAD: usize = 14;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Opcode {
    /// More of the message that has begun.
    Continuation,
    /// The beginning of a text, or all of it.
    Text,
    /// The beginning of a binary message, or all of it.
    Binary,
    /// The last frame.
    Close,
    /// To be answered with a pong.
    Ping,
    /// The answer to a ping.
    Pong,
}

impl Opcode {
    /// Whether it is about the connection, and may come between the pieces of a message.
    #[must_use]
    pub const fn is_control(self) -> bool {
        matches!(self, Self::Close | Self::Ping | Self::Pong)
    }

    const fn number(self) -> u8 {
        match self {
            Self::Continuation => 0x0,
            Self::Text => 0x1,
            Self::Binary => 0x2,
            Self::Close => 0x8,
            Self::Ping => 0x9,
            Self::Pong => 0xa,
        }
    }

    const fn of(number: u8) -> Option<Self> {
        Some(match number {
            0x0 => Self::Continuation,
            0x1 => Self::Text,
            0x2 => Self::Binary,
            0x8 => Self::Close,
            0x9 => Self::Ping,
            0xa => Self::Pong,
            _ => return None,
        })
    }
}

const LAST: u8 = 0x80;
const RESERVED: u8 = 0x70;
const MASKED: u8 = 0x80;
/// The longest payload whose length stands in the second byte.
const SHORT: u8 = 125;
const IN_TWO_BYTES: u8 = 126;

/// The head of a frame that a client has sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    /// What it is.
    pub opcode: Opcode,
    /// Whether it ends its message.
    pub is_last: bool,
    /// What its payload is hidden under.
    pub mask: [u8; 4],
    /// Bytes of the payload, as the client says.
    pub len: u64,
    /// Bytes of the head itself.
    pub size: usize,
}

impl Head {
    /// Reads one, if all of it is there.
    ///
    /// # Errors
    ///
    /// No client may send this, whatever follows.
    pub fn read(bytes: &[u8]) -> Result<Option<Self>, Violation> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        if first & RESERVED != 0 {
            return Err(Violation::Protocol("a reserved bit is set"));
        }
        let Some(opcode) = Opcode::of(first & 0x0f) else {
            return Err(Violation::Protocol("there is no such opcode"));
        };
        if second & MASKED == 0 {
            return Err(Violation::Protocol("a client masks its frames"));
        }
        let is_last = first & LAST != 0;
        let short = second & !MASKED;
        if opcode.is_control() && (short > SHORT || !is_last) {
            return Err(Violation::Protocol("a control frame is short and whole"));
        }
        let (len, rest) = if short <= SHORT {
            (u64::from(short), rest)
        } else if short == IN_TWO_BYTES {
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (u64::from(u16::from_be_bytes(*len)), rest)
        } else {
            let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
            let len = u64::from_be_bytes(*len);
            if len >> 63 != 0 {
                return Err(Violation::Protocol("a length has 63 bits"));
            }
            (len, rest)
        };
        let Some((&mask, payload)) = rest.split_first_chunk() else { return Ok(None) };
        Ok(Some(Self { opcode, is_last, mask, len, size: bytes.len() - payload.len() }))
    }
}

/// Takes the mask off a payload, or puts it on.
pub fn unmask(payload: &mut [u8], mask: [u8; 4]) {
    let [a, b, c, d] = mask;
    let twice = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    if twice == 0 {
        return;
    }
    let (words, rest) = payload.as_chunks_mut();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ twice).to_ne_bytes();
    }
    for (byte, mask) in rest.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= mask;
    }
}

/// Writes the head of a frame that a server sends: whole, and not masked.
pub fn write_head(opcode: Opcode, len: usize, out: &mut Vec<u8>) {
    let first = LAST | opcode.number();
    match (u8::try_from(len), u16::try_from(len)) {
        (Ok(short @ ..=SHORT), _) => out.extend_from_slice(&[first, short]),
        (_, Ok(len)) => {
            let [high, low] = len.to_be_bytes();
            out.extend_from_slice(&[first, IN_TWO_BYTES, high, low]);
        }
        _ => {
            out.extend_from_slice(&[first, IN_TWO_BYTES + 1]);
            out.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Writes the last frame. Of a reason, only what fits.
pub fn write_close(code: Option<u16>, reason: &str, out: &mut Vec<u8>) {
    let Some(code) = code else { return write_head(Opcode::Close, 0, out) };
    let fits = |end: &usize| *end + size_of_val(&code) <= usize::from(SHORT) && reason.is_char_boundary(*end);
    let reason = &reason[..(0..=reason.len()).rev().find(fits).unwrap_or_default()];
    write_head(Opcode::Close, size_of_val(&code) + reason.len(), out);
    out.extend_from_slice(&code.to_be_bytes());
    out.extend_from_slice(reason.as_bytes());
}

/// The code of a client's last frame.
pub(super) fn read_close(payload: &[u8]) -> Result<Option<u16>, Violation> {
    let Some((code, reason)) = payload.split_first_chunk() else {
        return if payload.is_empty() { Ok(None) } else { Err(Violation::Protocol("a code has two bytes")) };
    };
    if str::from_utf8(reason).is_err() {
        return Err(Violation::NotText);
    }
    let code = u16::from_be_bytes(*code);
    // The others are for what happens without a frame, or for nothing yet.
    if !matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999) {
        return Err(Violation::Protocol("there is no such code"));
    }
    Ok(Some(code))
}
