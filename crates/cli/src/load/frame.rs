//! The frames of a WebSocket, as a client writes and reads them.
//!
//! Only whole messages: a server that sends a message in several frames is one we do not measure, and is told so.

/// What a frame is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame<'a> {
    /// A message of text.
    Text(&'a [u8]),
    /// A message of bytes.
    Binary(&'a [u8]),
    /// Wants a pong with the same payload. The engine gives it; no [`Speech`](super::Speech) hears of it.
    Ping(&'a [u8]),
    /// The end, and why.
    Close(Option<u16>),
    /// Anything else, by its first byte.
    Other(u8),
}

/// Text.
pub(crate) const TEXT: u8 = 0x1;
/// Bytes.
pub(crate) const BINARY: u8 = 0x2;
/// The end.
pub(crate) const CLOSE: u8 = 0x8;
/// An answer to a ping.
pub(crate) const PONG: u8 = 0xA;

/// Adds a frame, masked as clients must, with a mask of zeroes, which is one that changes nothing.
pub fn write_frame(kind: u8, payload: &[u8], out: &mut Vec<u8>) {
    write_head(kind, payload.len(), out);
    out.extend(payload);
}

/// Adds what stands before a payload of this length, and leaves it to the caller to have it follow.
pub fn write_head(kind: u8, length: usize, out: &mut Vec<u8>) {
    out.push(0x80 | kind);
    match length {
        short @ 0..126 => out.push(0x80 | short as u8),
        long @ 126..0x1_0000 => {
            out.push(0x80 | 126);
            out.extend((long as u16).to_be_bytes());
        }
        long => {
            out.push(0x80 | 127);
            out.extend((long as u64).to_be_bytes());
        }
    }
    out.extend([0; 4]);
}

/// The first frame of what was read and its length in it, if all of it is there.
pub fn read_frame(read: &[u8]) -> Option<(Frame<'_>, usize)> {
    let (head, rest) = read.split_first_chunk::<2>()?;
    let (length, rest) = match head[1] {
        126 => rest.split_first_chunk().map(|(length, rest)| (u16::from_be_bytes(*length).into(), rest))?,
        127 => rest.split_first_chunk().map(|(length, rest)| (u64::from_be_bytes(*length), rest))?,
        short => (u64::from(short), rest),
    };
    let payload = rest.get(..usize::try_from(length).ok()?)?;
    let taken = read.len() - rest.len() + payload.len();
    let frame = match head[0] {
        0x81 => Frame::Text(payload),
        0x82 => Frame::Binary(payload),
        0x89 => Frame::Ping(payload),
        0x88 => Frame::Close(payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
        other => Frame::Other(other),
    };
    Some((frame, taken))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_read_once_all_of_it_is_there() {
        let read = b"\x81\x05hello\x89\x01p";
        assert_eq!(read_frame(&read[..6]), None);
        assert_eq!(read_frame(read), Some((Frame::Text(b"hello"), 7)));
        assert_eq!(read_frame(&read[7..]), Some((Frame::Ping(b"p"), 3)));
        assert_eq!(read_frame(b"\x82\x01b"), Some((Frame::Binary(b"b"), 3)));
        assert_eq!(read_frame(b"\x88\x02\x11\x4e"), Some((Frame::Close(Some(4430)), 4)));
    }

    #[test]
    fn longer_frames_carry_their_length_apart() {
        for length in [125, 126, 65_535, 65_536] {
            let mut frame = Vec::new();
            write_frame(0x1, &vec![b'x'; length], &mut frame);
            // As a server would send it: without the mask.
            frame[1] &= 0x7f;
            let at = frame.len() - length - 4;
            frame.drain(at..at + 4);
            assert_eq!(read_frame(&frame[..frame.len() - 1]), None);
            let Some((Frame::Text(text), taken)) = read_frame(&frame) else { panic!("no text") };
            assert_eq!((text.len(), taken), (length, frame.len()));
        }
    }
}
