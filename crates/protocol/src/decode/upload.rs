//! `FILE_UPLOAD_*`: a file, its chunks, its end.
//!
//! Their fields stand beside the `type`, as older clients put them, and are read by a second look at the text, so that
//! no other message is slower for them. What older clients announce and do not keep to (`chunkSize`,
//! `totalChunks`) decides nothing.

use std::borrow::Cow;

use crate::raw::Raw;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;

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
    upload_id: Option<Raw<'a>>,
    #[serde(borrow)]
    filename: Option<Raw<'a>>,
    #[serde(borrow, rename = "fileType")]
    file_type: Option<Raw<'a>>,
    #[serde(borrow, rename = "fileSize")]
    file_size: Option<Raw<'a>>,
    #[serde(borrow)]
    resume: Option<Raw<'a>>,
    #[serde(borrow)]
    offset: Option<Raw<'a>>,
    #[serde(borrow, rename = "chunkIndex")]
    chunk_index: Option<Raw<'a>>,
    #[serde(borrow, rename = "totalChunks")]
    total_chunks: Option<Raw<'a>>,
    #[serde(borrow)]
    hash: Option<Raw<'a>>,
}

/// Whether a message is one of these.
pub(crate) fn is_one(kind: &str) -> bool {
    matches!(kind, "FILE_UPLOAD_START" | "FILE_UPLOAD_CHUNK" | "FILE_UPLOAD_COMPLETE" | "FILE_UPLOAD_CANCEL")
}

/// What the message calls the upload, if that can be read.
pub(super) fn id(text: &str) -> Option<Cow<'_, str>> {
    #[derive(Deserialize)]
    struct Id<'a> {
        #[serde(borrow, rename = "uploadId")]
        upload_id: Raw<'a>,
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
fn count(raw: Option<Raw<'_>>) -> Option<u64> {
    number(Some(raw?)).filter(|number| *number <= MAX_SIZE)
}

/// `text/plain` of ` Text/Plain; charset=utf-8`. A browser that does not know says nothing, or the empty text.
fn kind_of_file(raw: Option<Raw<'_>>) -> Option<Cow<'_, str>> {
    let Some(raw) = raw else { return Some(Cow::Borrowed("")) };
    let bare = |text: &str| text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    Some(match name(Some(raw))? {
        Cow::Borrowed(text) if bare(text) == text => Cow::Borrowed(text),
        text => Cow::Owned(bare(&text)),
    })
}

fn decoded(raw: Option<Raw<'_>>) -> Result<Vec<u8>, Fault> {
    let text = raw.and_then(string).ok_or((Code::BadChunk, "`data` must be a string"))?;
    BASE64.decode(text.as_bytes()).map_err(|_| (Code::BadChunk, "`data` must be base64"))
}

fn digest(raw: Raw<'_>) -> Option<[u8; 32]> {
    let text = string(raw).filter(|text| text.len() == 64)?;
    let nibble = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    let mut hash = [0; 32];
    for (place, pair) in hash.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *place = nibble(pair[0])? << 4 | nibble(pair[1])?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::decode;

    /// What was understood, as JSON that a test can spell.
    fn told(body: &ClientBody<'_>) -> Value {
        match body {
            ClientBody::UploadStart(start) => {
                let UploadStart { upload, property, name, kind, size, is_resumed } = &**start;
                json!(["start", upload, property, name, kind, size, is_resumed])
            }
            ClientBody::UploadChunk(UploadChunk { upload, at, total, bytes }) => {
                json!(["chunk", upload, format!("{at:?}"), total, bytes])
            }
            ClientBody::UploadComplete { upload, hash } => json!(["complete", upload, hash]),
            ClientBody::UploadCancel { upload } => json!(["cancel", upload]),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check_as(dialect: Dialect, kind: &str, fields: &str, expected: &Result<Value, Code>) {
        let text =
            format!(r#"{{"type":"FILE_UPLOAD_{kind}",{fields},"componentId":"live-1","requestId":1}}"#);
        let found = match decode(&text, dialect) {
            Ok(message) => Ok(told(&message.body)),
            Err(refusal) => {
                assert_eq!(refusal.request_id.as_deref(), Some("1"), "{text:.120}");
                Err(refusal.code)
            }
        };
        assert_eq!(&found, expected, "{text:.120}");
    }

    /// Both dialects say it alike.
    #[track_caller]
    fn check(kind: &str, fields: &str, expected: Result<Value, Code>) {
        check_as(Dialect::NATIVE, kind, fields, &expected);
        check_as(Dialect::LEGACY, kind, fields, &expected);
    }

    const BAD: Result<Value, Code> = Err(Code::BadPayload);
    const FILE: &str = r#""uploadId":"u-1","filename":"a.png","fileType":"image/png","fileSize":100"#;

    #[test]
    fn a_file_is_announced_as_older_clients_do() {
        let plain = Ok(json!(["start", "u-1", null, "a.png", "image/png", 100, false]));
        check("START", FILE, plain.clone());
        // What they announce and do not keep to is not even looked at.
        for hint in ["65536", "-1", "0.5", "1e400", "null", "\"x\"", "{}"] {
            check("START", &format!(r#"{FILE},"chunkSize":{hint},"totalChunks":{hint}"#), plain.clone());
        }
        let nameless = r#""uploadId":"u","filename":"","fileSize":0"#;
        check("START", nameless, Ok(json!(["start", "u", null, "", "", 0, false])));
    }

    #[test]
    fn a_file_is_of_one_kind_however_that_is_spelled() {
        for (spelled, kind) in [
            ("text/plain;charset=utf-8", "text/plain"),
            (" Text/PLAIN ; charset=\\\"utf-8\\\"", "text/plain"),
            ("", ""),
            (";", ""),
            ("Ä/ä", "Ä/ä"),
        ] {
            let fields = format!(r#""uploadId":"u","filename":"a","fileType":"{spelled}","fileSize":1"#);
            check("START", &fields, Ok(json!(["start", "u", null, "a", kind, 1, false])));
        }
        let unknown = r#""uploadId":"u","filename":"a","fileType":null,"fileSize":1"#;
        check("START", unknown, Ok(json!(["start", "u", null, "a", "", 1, false])));
    }

    #[test]
    fn ours_say_for_which_field_it_is_and_whether_it_goes_on() {
        let fields = format!(r#"{FILE},"property":"file","resume":true"#);
        let start = |resume: bool| Ok(json!(["start", "u-1", "file", "a.png", "image/png", 100, resume]));
        check_as(Dialect::NATIVE, "START", &fields, &start(true));
        check_as(Dialect::LEGACY, "START", &fields, &start(false));
        check_as(Dialect::NATIVE, "START", &fields.replace("true", "1"), &BAD);
        check("START", &format!(r#"{FILE},"property":5"#), BAD);
    }

    #[test]
    fn a_size_is_a_number_of_bytes() {
        let sized = |size: &str| FILE.replace("100", size);
        let most = "9007199254740991";
        let all = json!(["start", "u-1", null, "a.png", "image/png", 9_007_199_254_740_991u64, false]);
        check("START", &sized(most), Ok(all));
        for wrong in [
            "-1",
            "-0",
            "0.5",
            "100.0",
            "1e2",
            "9007199254740992",
            "18446744073709551616",
            "1e400",
            "null",
            "\"1\"",
            "[]",
            "true",
        ] {
            check("START", &sized(wrong), BAD);
            check("CHUNK", &format!(r#""uploadId":"u","chunkIndex":{wrong},"data":"""#), BAD);
        }
    }

    #[test]
    fn an_upload_has_a_short_plain_name() {
        let long = "x".repeat(129);
        for wrong in [
            "null",
            "5",
            "\"\"",
            "\"a b\"",
            "\"../a\"",
            "\"a/b\"",
            "\"a\\u0000\"",
            "\"\\ud800\"",
            &format!("\"{long}\""),
        ] {
            for kind in ["START", "CHUNK", "COMPLETE", "CANCEL"] {
                let rest = r#""filename":"a","fileSize":1,"chunkIndex":0,"data":"""#;
                check(kind, &format!(r#""uploadId":{wrong},{rest}"#), BAD);
                check(kind, rest, BAD);
            }
        }
        check("CANCEL", r#""uploadId":"\u0075:_.-9""#, Ok(json!(["cancel", "u:_.-9"])));
        check("CANCEL", r#""uploadId":"u","uploadId":"u""#, BAD);
        check("START", r#""uploadId":"u","filename":"a","fileSize":1,"fileSize":2"#, BAD);
        check("START", r#""uploadId":"u","fileSize":1"#, BAD);
        check("START", &format!(r#""uploadId":"u","filename":"{}","fileSize":1"#, "x".repeat(1_025)), BAD);
    }

    #[test]
    fn a_chunk_has_a_place_and_bytes() {
        let chunk = |fields: &str, at: &str, total: Option<u64>, bytes: &[u8]| {
            check(
                "CHUNK",
                &format!(r#""uploadId":"u",{fields}"#),
                Ok(json!(["chunk", "u", at, total, bytes])),
            );
        };
        chunk(r#""chunkIndex":0,"totalChunks":2,"data":"YWI=""#, "Index(0)", Some(2), b"ab");
        chunk(r#""offset":64,"data":"YWI=""#, "Offset(64)", None, b"ab");
        chunk(r#""offset":0,"chunkIndex":7,"data":"""#, "Offset(0)", None, b"");
        chunk(r#""offset":null,"chunkIndex":7,"data":"YWI""#, "Index(7)", None, b"ab");
        // Who escapes what need not be escaped says the same.
        chunk(r#""chunkIndex":1,"data":"\/\/8""#, "Index(1)", None, &[255, 255]);
        for hint in ["-1", "2.5", "null", "\"2\"", "{}"] {
            chunk(&format!(r#""chunkIndex":1,"totalChunks":{hint},"data":"YQ""#), "Index(1)", None, b"a");
        }
        for wrong in
            [r#""data":"YQ""#, r#""offset":"0","data":"YQ""#, r#""offset":-1,"chunkIndex":0,"data":"YQ""#]
        {
            check("CHUNK", &format!(r#""uploadId":"u",{wrong}"#), BAD);
        }
    }

    #[test]
    fn what_is_not_base64_is_no_chunk() {
        for wrong in [
            "null",
            "5",
            "[97]",
            "\"a\"",
            "\"Y W I\"",
            "\"YQ=\\n\"",
            "\"YQ===\"",
            "\"YR\"",
            "\"__8\"",
            "\"data:text/plain;base64,YQ==\"",
            "\"\\ud800\"",
        ] {
            let fields = format!(r#""uploadId":"u","chunkIndex":0,"data":{wrong}"#);
            check("CHUNK", &fields, Err(Code::BadChunk));
        }
        check("CHUNK", r#""uploadId":"u","chunkIndex":0"#, Err(Code::BadChunk));
    }

    #[test]
    fn a_file_ends_with_its_digest_or_without_one() {
        let hash = "00ff".repeat(16);
        let bytes = [0u8, 255].repeat(16);
        let done = Ok(json!(["complete", "u", bytes]));
        check("COMPLETE", &format!(r#""uploadId":"u","hash":"{hash}""#), done.clone());
        check("COMPLETE", &format!(r#""uploadId":"u","hash":"{}""#, hash.to_uppercase()), done);
        check("COMPLETE", r#""uploadId":"u""#, Ok(json!(["complete", "u", null])));
        check("COMPLETE", r#""uploadId":"u","hash":null"#, Ok(json!(["complete", "u", null])));
        let plus = format!("+f{}", &hash[2..]);
        let wide = format!("é{}", &hash[2..]);
        for wrong in ["", &hash[1..], &format!("{hash}0"), &hash.replace('f', "g"), &plus, &wide] {
            check("COMPLETE", &format!(r#""uploadId":"u","hash":"{wrong}""#), BAD);
        }
        check("COMPLETE", r#""uploadId":"u","hash":5"#, BAD);
    }

    #[test]
    fn a_refusal_says_which_upload_it_is_about() {
        let refused = |text: &str| decode(text, Dialect::LEGACY).expect_err(text).upload_id;
        let start = r#"{"type":"FILE_UPLOAD_START","uploadId":"u","fileSize":-1}"#;
        assert_eq!(refused(start).as_deref(), Some("u"));
        assert_eq!(refused(&start.replace("\"u\"", "\"../u\"")), None);
        assert_eq!(refused(&start.replace("FILE_UPLOAD_START", "CALL_ACTION")), None);
        assert_eq!(refused(r#"{"type":"FILE_UPLOAD_NOPE","uploadId":"u"}"#), None);
    }
}
