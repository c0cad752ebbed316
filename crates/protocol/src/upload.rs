//! Files on their way to the server: the binary frame that carries a chunk, and what a client says about a file.
//!
//! A binary frame is the length of a header (32 bits, little endian), the header (JSON, as a chunk in a text frame
//! but without its `data`), and the bytes as they are. Nothing in it is believed: the length is held against the
//! frame, and a file is known by an id that is no path.

use std::borrow::Cow;

use crate::code::Code;
use crate::decode::{self, Refusal};
use crate::encode::write_string;
use crate::message::ClientMessage;

/// The longest header of a binary frame in bytes.
pub const MAX_HEADER: usize = 64 << 10;

/// The longest id of an upload in bytes.
pub const MAX_ID: usize = 128;

/// The longest name of a file in bytes. Whoever keeps it under that name cuts it to what a disk can hold.
pub const MAX_FILE_NAME: usize = 1_024;

/// The largest file that can be named, in bytes: what JavaScript can count.
pub const MAX_SIZE: u64 = (1 << 53) - 1;

/// The `type` of the only message that a binary frame can carry.
const CHUNK: &str = "FILE_UPLOAD_CHUNK";

/// Bytes of the length in front of the header.
const LENGTH: usize = 4;

/// A file that a client wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadStart<'a> {
    /// What the client calls it, which [`is_id`].
    pub upload: Cow<'a, str>,
    /// The field it is for. Older clients do not say.
    pub property: Option<Cow<'a, str>>,
    /// What it is called where it comes from. Not a path, whatever it looks like.
    pub name: Cow<'a, str>,
    /// What it is said to be: in lower case, without parameters; empty if nobody knows.
    pub kind: Cow<'a, str>,
    /// Its bytes.
    pub size: u64,
    /// Whether a part of it may be there already.
    pub is_resumed: bool,
}

/// A part of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadChunk<'a> {
    /// Of which file.
    pub upload: Cow<'a, str>,
    /// Where it belongs.
    pub at: At,
    /// How many chunks an older client thinks there will be. It is often wrong.
    pub total: Option<u64>,
    /// What is in it.
    pub bytes: Cow<'a, [u8]>,
}

/// Where a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// So many bytes from the beginning of the file.
    Offset(u64),
    /// Behind so many chunks, as older clients count.
    Index(u64),
}

/// Whether a client may call an upload so: 1 to 128 of `A-Z a-z 0-9 _ . : -`.
///
/// ```
/// use fluxstack_live_protocol::upload::is_id;
/// assert!(is_id("upload-1-x"));
/// assert!(!is_id("../x"));
/// ```
#[must_use]
pub fn is_id(text: &str) -> bool {
    let plausible = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:-".contains(&byte);
    !text.is_empty() && text.len() <= MAX_ID && text.bytes().all(plausible)
}

/// Reads a binary frame. Beside the message, whose bytes are borrowed, it answers where they begin in the frame.
///
/// # Errors
/// A [`Refusal`] to be sent back as it is, with [`Code::BadChunk`] if the frame is none that carries a chunk.
///
/// ```
/// use fluxstack_live_protocol::ClientBody;
/// use fluxstack_live_protocol::upload::{At, Header, read_frame, write_frame};
/// let header = Header {
///     component_id: "live-1", upload: "u", at: At::Offset(4), total: None, request_id: Some("7"),
/// };
/// let mut frame = Vec::new();
/// write_frame(&header, b"bytes", &mut frame);
/// let (message, begin) = read_frame(&frame).unwrap();
/// assert_eq!(&frame[begin..], b"bytes");
/// assert!(matches!(message.body, ClientBody::UploadChunk(chunk) if chunk.at == At::Offset(4)));
/// ```
pub fn read_frame(frame: &[u8]) -> Result<(ClientMessage<'_>, usize), Refusal> {
    let bad = |error: &'static str| Refusal::frame(Code::BadChunk, error);
    let (length, rest) = frame.split_first_chunk::<LENGTH>().ok_or(bad("a binary frame has a header"))?;
    let length = usize::try_from(u32::from_le_bytes(*length)).unwrap_or(usize::MAX);
    if length > MAX_HEADER {
        return Err(bad("the header of a binary frame has at most 65536 bytes"));
    }
    let (header, bytes) =
        rest.split_at_checked(length).ok_or(bad("the header of a binary frame is longer than the frame"))?;
    let header = std::str::from_utf8(header).map_err(|_| bad("the header of a binary frame is UTF-8"))?;
    match decode::chunk(header, bytes) {
        Ok(message) => Ok((message, LENGTH + length)),
        // Who sends binary frames looks for one code, whatever is wrong with the header.
        Err(refusal) => Err(Refusal { code: Code::BadChunk, ..refusal }),
    }
}

/// The header of a binary frame, before it is written.
#[derive(Debug, Clone, Copy)]
pub struct Header<'a> {
    /// Whose file it is.
    pub component_id: &'a str,
    /// Of which file.
    pub upload: &'a str,
    /// Where the bytes belong.
    pub at: At,
    /// How many chunks there will be, from who counts in chunks.
    pub total: Option<u64>,
    /// The request's id as JSON text.
    pub request_id: Option<&'a str>,
}

/// Appends a binary frame to `out`: what [`read_frame`] reads. For tests, and for clients in Rust.
pub fn write_frame(header: &Header<'_>, bytes: &[u8], out: &mut Vec<u8>) {
    let Header { component_id, upload, at, total, request_id } = header;
    let start = out.len();
    out.extend_from_slice(&[0; LENGTH]);
    out.extend_from_slice(format!("{{\"type\":\"{CHUNK}\",\"componentId\":").as_bytes());
    write_string(out, component_id);
    out.extend_from_slice(b",\"uploadId\":");
    write_string(out, upload);
    let place = match at {
        At::Offset(offset) => format!(",\"offset\":{offset}"),
        At::Index(index) => format!(",\"chunkIndex\":{index}"),
    };
    out.extend_from_slice(place.as_bytes());
    if let Some(total) = total {
        out.extend_from_slice(format!(",\"totalChunks\":{total}").as_bytes());
    }
    if let Some(request_id) = request_id {
        out.extend_from_slice(format!(",\"requestId\":{request_id}").as_bytes());
    }
    out.push(b'}');
    // A header that does not fit is refused by whoever reads it, as is a length that does not.
    let length = u32::try_from(out.len() - start - LENGTH).unwrap_or(u32::MAX);
    out[start..start + LENGTH].copy_from_slice(&length.to_le_bytes());
    out.extend_from_slice(bytes);
}
