//! Several connections over one socket: which of them a frame is for.
//!
//! ```text
//! 7+v=3&caps=delta    open channel 7 with this query
//! 7 {"type":…}        a frame of channel 7, in both directions
//! 7-                  close it
//! 7-4430              the server has closed it, with this code
//! 0 {"channels":32,…} the server is there, and carries so many: first of all, and whenever it is asked
//! 0                   is it?
//! ```
//!
//! A binary frame has the number in front of it, in 32 bits, little endian. Only clients send any.
//!
//! A number is written as JSON would write it and never used twice on a socket, so that what is still on its way
//! for a channel that is gone is not taken for another's.

/// Which channel of a socket, from 1; 0 is the socket itself.
pub type ChannelId = u32;

/// Bytes that the name of a channel adds to a frame, at most.
pub const OVERHEAD: usize = 11;

/// What a client says on a socket that carries channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChannelFrame<'a> {
    /// There is to be a channel, with this query as it would stand in the address of a socket.
    Open(&'a str),
    /// What the channel would have been sent if it were a socket.
    Text(&'a str),
    /// It is over.
    Close,
}

/// Whose frame it is, and what is in it; nothing if it is not one.
///
/// ```
/// use fluxstack_live_protocol::channel::{ChannelFrame, read};
/// assert_eq!(read("7 {}"), Some((7, ChannelFrame::Text("{}"))));
/// assert_eq!(read("7+v=3"), Some((7, ChannelFrame::Open("v=3"))));
/// assert_eq!(read("7-"), Some((7, ChannelFrame::Close)));
/// assert_eq!(read("{}"), None);
/// ```
#[must_use]
pub fn read(text: &str) -> Option<(ChannelId, ChannelFrame<'_>)> {
    let digits = text.bytes().take(OVERHEAD).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at(digits);
    if number.starts_with('0') && (number != "0" || !rest.starts_with(' ')) {
        return None;
    }
    let id = number.parse().ok()?;
    let frame = match rest.as_bytes().first()? {
        b'+' => ChannelFrame::Open(&rest[1..]),
        b' ' => ChannelFrame::Text(&rest[1..]),
        b'-' if rest.len() == 1 => ChannelFrame::Close,
        _ => return None,
    };
    Some((id, frame))
}

/// The same for a binary frame; nothing if it is not one, or is for no channel.
///
/// ```
/// use fluxstack_live_protocol::channel::{binary, read_binary};
/// assert_eq!(read_binary(&binary(7, b"bytes")), Some((7, b"bytes".as_slice())));
/// assert_eq!(read_binary(&binary(0, b"bytes")), None);
/// assert_eq!(read_binary(&[1, 2, 3]), None);
/// ```
#[must_use]
pub fn read_binary(frame: &[u8]) -> Option<(ChannelId, &[u8])> {
    let (id, rest) = frame.split_first_chunk()?;
    let id = ChannelId::from_le_bytes(*id);
    (id != 0).then_some((id, rest))
}

/// What a client sends so that [`read_binary`] finds `frame` for that channel.
#[must_use]
pub fn binary(id: ChannelId, frame: &[u8]) -> Vec<u8> {
    [id.to_le_bytes().as_slice(), frame].concat()
}

/// What the server says of the socket itself: how many channels it may have, and bytes in a frame of one.
///
/// ```
/// use fluxstack_live_protocol::channel::greeting;
/// assert_eq!(greeting(32, 1000), br#"0 {"channels":32,"frame":1000}"#);
/// ```
#[must_use]
pub fn greeting(channels: usize, frame: usize) -> Vec<u8> {
    format!("0 {{\"channels\":{channels},\"frame\":{frame}}}").into_bytes()
}

/// A frame for a channel.
///
/// ```
/// assert_eq!(fluxstack_live_protocol::channel::frame(7, b"{}"), b"7 {}");
/// ```
#[must_use]
pub fn frame(id: ChannelId, frame: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(OVERHEAD + frame.len());
    text.extend_from_slice(id.to_string().as_bytes());
    text.push(b' ');
    text.extend_from_slice(frame);
    text
}

/// What a client is told when its channel is closed. A close without a reason is 1005, as it is for sockets.
///
/// ```
/// assert_eq!(fluxstack_live_protocol::channel::closed(7, 4430), b"7-4430");
/// ```
#[must_use]
pub fn closed(id: ChannelId, code: u16) -> Vec<u8> {
    format!("{id}-{code}").into_bytes()
}

/// Whether the query of the upgrade request asks for a socket that carries channels.
///
/// ```
/// use fluxstack_live_protocol::channel::are_asked_for;
/// assert!(are_asked_for("channels=1"));
/// assert!(!are_asked_for("v=3&channels=2"));
/// ```
#[must_use]
pub fn are_asked_for(query: &str) -> bool {
    query.split('&').any(|pair| pair == "channels=1")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_frame_of_a_channel_is_none() {
        for text in [
            "",
            " ",
            "7",
            "+",
            "-",
            " {}",
            "0",
            "0+v=3",
            "0-",
            "0\t{}",
            "00 {}",
            "07 {}",
            "-7 {}",
            "+7 {}",
            "7\t{}",
            "7--",
            "7-1000",
            "7.5 {}",
            "1e3 {}",
            "4294967296 {}",
            "99999999999999999999 {}",
            "٧ {}",
            "7é",
            "{}",
            "[7 {}]",
        ] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_in_it_is_not_looked_at() {
        assert_eq!(read("1 "), Some((1, ChannelFrame::Text(""))));
        assert_eq!(read("1  é-"), Some((1, ChannelFrame::Text(" é-"))));
        assert_eq!(read("0 "), Some((0, ChannelFrame::Text(""))));
        assert_eq!(read("1+"), Some((1, ChannelFrame::Open(""))));
        assert_eq!(read("4294967295 0-"), Some((u32::MAX, ChannelFrame::Text("0-"))));
    }
}
