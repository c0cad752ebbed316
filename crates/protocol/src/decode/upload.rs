//! `FILE_UPLOAD_*`: a file, its chunks, its end.
//!
//! Their fields stand beside the `type`, as older clients put them, and are read by a second look at the text, so that
//! no other message is slower for them. What older clients announce and do not keep to (`chunkSize`,
//! `totalChunks`) decides nothing.

use std::borrow::Cow;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Envelope, Fault, bad, flag, name, number, string};
use crate::code::Code;
use crate::dialect::Dialect;
use crate::message::ClientBody;
use crate::upload::{At, MAX_FILE_NAME, MAX_SIZE, UploadChunk, UploadStart, is_id};

/// With the padding at the end or without it.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
struct Fields<'a> {
    #[serde(borrow, rename = "uploadId")]
    upload_id: Option<&'a RawValue>,
    #[serde(borrow)]
    filename: Option<&'a RawValue>,
    #[serde(borrow, rename = "fileType")]
    file_type: Option<&'a RawValue>,
    #[serde(borrow, rename = "fileSize")]
    file_size: Option<&'a RawValue>,
    #[serde(borrow)]
    resume: Option<&'a RawValue>,
    #[serde(borrow)]
    offset: Option<&'a RawValue>,
    #[serde(borrow, rename = "chunkIndex")]
    chunk_index: Option<&'a RawValue>,
    #[serde(borrow, rename = "totalChunks")]
    total_chunks: Option<&'a RawValue>,
    #[serde(borrow)]
    hash: Option<&'a RawValue>,
}

/// Whether a message is one of these.
pub(super) fn is_one(kind: &str) -> bool {
    matches!(kind, "FILE_UPLOAD_START" | "FILE_UPLOAD_CHUNK" | "FILE_UPLOAD_COMPLETE" | "FILE_UPLOAD_CANCEL")
}

/// What the message calls the upload, if that can be read.
pub(super) fn id(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, rename = "uploadId")]
        upload_id: &'a RawValue,
    }
    let Id { upload_id } = serde_json::from_str(text).ok()?;
    string(upload_id).filter(|id| is_id(id))
}

/// Reads one of them. `chunk` is what came behind the message, where something did: then it has no `data`.
pub(super) fn read<'a>(
    kind: &str,
    text: &'a str,
    chunk: Option<&'a [u8]>,
    envelope: &Envelope<'a>,
    dialect: Dialect,
) -> Result<ClientBody<'a>, Fault> {
    let fields: Fields<'a> =
        serde_json::from_str(text).map_err(|_| bad("a field of the message is there twice"))?;
    let upload = fields.upload_id.and_then(string).filter(|id| is_id(id));
    let upload = upload.ok_or(bad("`uploadId` must be 1 to 128 of A-Z a-z 0-9 _ . : -"))?;
    Ok(match kind {
        "FILE_UPLOAD_START" => {
            let filename = fields.filename.and_then(string).filter(|name| name.len() <= MAX_FILE_NAME);
            // Older clients do not know the word, whatever it means to them.
            let resume = fields.resume.filter(|_| !dialect.is_legacy());
            ClientBody::UploadStart(Box::new(UploadStart {
                upload,
                property: envelope
                    .property
                    .map(|raw| name(Some(raw)).ok_or(bad("`property` must be a short string")))
                    .transpose()?,
                name: filename.ok_or(bad("`filename` must be a string of at most 1024 bytes"))?,
                kind: kind_of_file(fields.file_type).ok_or(bad("`fileType` must be a short string"))?,
                size: count(fields.file_size).ok_or(bad("`fileSize` must be a number of bytes"))?,
                is_resumed: flag(resume).ok_or(bad("`resume` must be true or false"))?,
            }))
        }
        "FILE_UPLOAD_CHUNK" => {
            let at = match (fields.offset, fields.chunk_index) {
                (Some(offset), _) => {
                    At::Offset(count(Some(offset)).ok_or(bad("`offset` must be a number of bytes"))?)
                }
                (None, index) => {
                    At::Index(count(index).ok_or(bad("`offset` or `chunkIndex` must be a number from 0"))?)
                }
            };
            let bytes = match chunk {
                Some(chunk) => Cow::Borrowed(chunk),
                None => Cow::Owned(decoded(envelope.content)?),
            };
            ClientBody::UploadChunk(UploadChunk { upload, at, total: count(fields.total_chunks), bytes })
        }
        "FILE_UPLOAD_COMPLETE" => {
            let hash = fields.hash.map(|raw| digest(raw).ok_or(bad("`hash` must be a SHA-256 in hex")));
            ClientBody::UploadComplete { upload, hash: hash.transpose()? }
        }
        _ => ClientBody::UploadCancel { upload },
    })
}

/// A whole number that JavaScript can count to.
fn count(raw: Option<&RawValue>) -> Option<u64> {
    number(Some(raw?)).filter(|number| *number <= MAX_SIZE)
}

/// `text/plain` of ` Text/Plain; charset=utf-8`. A browser that does not know says nothing, or the empty text.
fn kind_of_file(raw: Option<&RawValue>) -> Option<Cow<'_, str>> {
    let Some(raw) = raw else { return Some(Cow::Borrowed("")) };
    let bare = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match name(Some(raw))? {
        Cow::Borrowed(text) if bare(text) == text => Cow::Borrowed(text),
        text => Cow::Owned(bare(&text)),
    })
}

fn decoded(raw: Option<&RawValue>) -> Result<Vec<u8>, Fault> {
    let text = raw.and_then(string).ok_or((Code::BadChunk, "`data` must be a string"))?;
    BASE64.decode(text.as_bytes()).map_err(|_| (Code::BadChunk, "`data` must be base64"))
}

fn digest(raw: &RawValue) -> Option<[u8; 32]> {
    let text = string(raw).filter(|text| text.len() == 64)?;
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut hash = [0; 32];
    for (place, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *place = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(hash)
}
