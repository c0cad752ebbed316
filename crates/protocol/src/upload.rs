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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::message::ClientBody;

    fn framed(length: u32, rest: &[u8]) -> Vec<u8> {
        [length.to_le_bytes().as_slice(), rest].concat()
    }

    fn with_header(header: &[u8], bytes: &[u8]) -> Vec<u8> {
        framed(u32::try_from(header.len()).expect("a short header"), &[header, bytes].concat())
    }

    #[track_caller]
    fn refused(frame: &[u8], request_id: Option<&str>) {
        let refusal = read_frame(frame).expect_err("a refusal");
        assert_eq!(
            (refusal.code, refusal.request_id.as_deref()),
            (Code::BadChunk, request_id),
            "{refusal:?}"
        );
        let mut out = Vec::new();
        refusal.write(9, &mut out);
        let found: Value = serde_json::from_slice(&out).expect("a frame is JSON");
        assert_eq!(found["code"], json!("BAD_CHUNK"));
    }

    #[test]
    fn a_chunk_of_an_older_client_is_read_as_it_comes() {
        let header = br#"{"type":"FILE_UPLOAD_CHUNK","componentId":"live-a","uploadId":"upload-1-x","chunkIndex":3,"totalChunks":9,"requestId":"c3"}"#;
        let frame = with_header(header, &[0, 255, b'{']);
        let (message, begin) = read_frame(&frame).expect("a chunk");
        assert_eq!(message.component_id.as_deref(), Some("live-a"));
        assert_eq!(message.request_id.map(crate::Raw::get), Some("\"c3\""));
        assert_eq!(&frame[begin..], [0, 255, b'{']);
        let ClientBody::UploadChunk(chunk) = message.body else { panic!("{:?}", message.body) };
        assert_eq!((chunk.at, chunk.total), (At::Index(3), Some(9)));
        // Not a copy.
        assert_eq!(chunk.bytes.as_ptr(), frame[begin..].as_ptr());
    }

    #[test]
    fn a_chunk_needs_no_request_and_may_be_empty() {
        let frame = with_header(br#"{"type":"FILE_UPLOAD_CHUNK","uploadId":"u","offset":0,"data":5}"#, b"");
        let (message, begin) = read_frame(&frame).expect("a chunk");
        assert_eq!((message.request_id.is_none(), begin), (true, frame.len()));
        assert!(matches!(message.body, ClientBody::UploadChunk(chunk) if chunk.bytes.is_empty()));
    }

    #[test]
    fn the_length_is_held_against_the_frame() {
        for frame in [
            [].as_slice(),
            &[0],
            &[0, 0, 0],
            &framed(0, b""),
            &framed(0, b"{}"),
            &framed(1, b""),
            &framed(3, b"{}"),
            &framed(u32::MAX, b"{}"),
            &framed(u32::MAX - 3, &[b' '; 70_000]),
        ] {
            refused(frame, None);
        }
    }

    #[test]
    fn a_header_has_a_limit() {
        let header = |length: usize| {
            let json = br#"{"type":"FILE_UPLOAD_CHUNK","uploadId":"u","offset":0}"#;
            with_header(&[json.as_slice(), &b" ".repeat(length - json.len())].concat(), b"bytes")
        };
        assert!(read_frame(&header(MAX_HEADER)).is_ok());
        refused(&header(MAX_HEADER + 1), None);
    }

    #[test]
    fn only_chunks_come_in_binary_frames() {
        for wrong in [
            b"null".as_slice(),
            b"[]",
            b"{",
            b"\xff",
            b"{}x",
            br#"{"type":5}"#,
            br#"{"offset":0,"offset":0}"#,
        ] {
            refused(&with_header(wrong, b"bytes"), None);
        }
        for kind in ["CALL_ACTION", "COMPONENT_PING", "FILE_UPLOAD_START", "FILE_UPLOAD_COMPLETE", "NOPE"] {
            let header = format!(r#"{{"type":"{kind}","action":"a","uploadId":"u","requestId":7}}"#);
            refused(&with_header(header.as_bytes(), b"bytes"), Some("7"));
        }
        for wrong in [
            r#""offset":0"#,
            r#""uploadId":"u""#,
            r#""uploadId":"u","offset":-1"#,
            r#""uploadId":"/","offset":1"#,
        ] {
            let header = format!(r#"{{"type":"FILE_UPLOAD_CHUNK",{wrong},"requestId":7}}"#);
            refused(&with_header(header.as_bytes(), b"bytes"), Some("7"));
        }
        let deep = format!(r#"{{"x":{}{}}}"#, "[".repeat(30_000), "]".repeat(30_000));
        refused(&with_header(deep.as_bytes(), b""), None);
    }
}
