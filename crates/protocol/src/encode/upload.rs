//! What is answered about uploads. The older clients know these frames, so ours are told in the same ones.
//!
//! Everything of a frame is written here but its end, which all frames share.

use super::{error_fields, put, raw_field, text_field};
use crate::decode::Refusal;
use crate::message::{Failure, Reply};

pub(super) const ERROR: &str = "FILE_UPLOAD_ERROR";

pub(super) fn reply(out: &mut Vec<u8>, reply: &Reply<'_>) {
    let kind = if reply.outcome.is_ok() { reply.kind.answer() } else { ERROR };
    begin(out, kind, reply.component_id, reply.upload);
    match &reply.outcome {
        Ok(result) => {
            out.extend_from_slice(b",\"success\":true");
            members(out, *result);
        }
        Err(Failure { code, error, fields, extra }) => {
            out.extend_from_slice(b",\"success\":false");
            error_fields(out, *code, error);
            raw_field(out, "fields", *fields);
            members(out, *extra);
        }
    }
}

/// The same for a message that was not understood.
pub(super) fn refusal(out: &mut Vec<u8>, refusal: &Refusal) {
    begin(out, ERROR, refusal.component_id.as_deref(), refusal.upload_id.as_deref());
    out.extend_from_slice(b",\"success\":false");
    error_fields(out, refusal.code, &refusal.error);
}

fn begin(out: &mut Vec<u8>, kind: &str, component_id: Option<&str>, upload: Option<&str>) {
    put(out, format_args!("{{\"type\":\"{kind}\""));
    text_field(out, "componentId", component_id);
    text_field(out, "uploadId", upload);
}

/// The members of a JSON object, as fields of the frame itself.
fn members(out: &mut Vec<u8>, object: Option<&[u8]>) {
    let inside = object.map(<[u8]>::trim_ascii);
    let inside = inside.and_then(|text| text.strip_prefix(b"{")?.strip_suffix(b"}"));
    if let Some(inside) = inside.map(<[u8]>::trim_ascii).filter(|inside| !inside.is_empty()) {
        out.push(b',');
        out.extend_from_slice(inside);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::code::Code;
    use crate::dialect::Dialect;
    use crate::encode::tests::check;
    use crate::message::{ReplyKind, ServerMessage};

    const NASTY: &str = "\"\\\n\u{2028}é";

    #[track_caller]
    fn answered(kind: ReplyKind, outcome: Result<Option<&[u8]>, Failure<'_>>, expected: Value) {
        let reply = Reply {
            kind,
            component_id: Some("live-a"),
            request_id: Some("\"s\""),
            user: None,
            room: None,
            upload: Some("u"),
            held: false,
            outcome,
        };
        let mut expected = expected;
        expected["componentId"] = json!("live-a");
        expected["uploadId"] = json!("u");
        expected["requestId"] = json!("s");
        check(&ServerMessage::Reply(reply), expected);
    }

    #[test]
    fn what_was_done_is_told_beside_the_type() {
        answered(
            ReplyKind::UploadStart,
            Ok(Some(br#"{"file":"00ff","bytesUploaded":0}"#)),
            json!({"type": "FILE_UPLOAD_START_RESPONSE", "success": true, "file": "00ff", "bytesUploaded": 0}),
        );
        answered(
            ReplyKind::UploadChunk,
            Ok(Some(
                br#"{"chunkIndex":0,"totalChunks":2,"bytesUploaded":64,"totalBytes":100,"progress":64}"#,
            )),
            json!({"type": "FILE_UPLOAD_PROGRESS", "success": true, "chunkIndex": 0, "totalChunks": 2,
                   "bytesUploaded": 64, "totalBytes": 100, "progress": 64}),
        );
        answered(
            ReplyKind::UploadComplete,
            Ok(Some(br#" { "filename":"}{" } "#)),
            json!({"type": "FILE_UPLOAD_COMPLETE", "success": true, "filename": "}{"}),
        );
    }

    #[test]
    fn what_has_nothing_to_say_says_so() {
        let cancelled = json!({"type": "FILE_UPLOAD_CANCEL", "success": true});
        for nothing in [None, Some(b"{}".as_slice()), Some(b" { } "), Some(b"null"), Some(b"[1]"), Some(b"")]
        {
            answered(ReplyKind::UploadCancel, Ok(nothing), cancelled.clone());
        }
    }

    #[test]
    fn whatever_fails_is_the_same_error() {
        for kind in [
            ReplyKind::UploadStart,
            ReplyKind::UploadChunk,
            ReplyKind::UploadComplete,
            ReplyKind::UploadCancel,
        ] {
            answered(
                kind,
                Err(Failure {
                    code: Code::UploadGap,
                    error: NASTY,
                    fields: None,
                    extra: Some(br#"{"bytesUploaded":64}"#),
                }),
                json!({"type": "FILE_UPLOAD_ERROR", "success": false, "error": NASTY, "code": "UPLOAD_GAP", "bytesUploaded": 64}),
            );
            answered(
                kind,
                Err(Failure {
                    code: Code::UploadType,
                    error: NASTY,
                    fields: Some(br#"{"file":"no"}"#),
                    extra: None,
                }),
                json!({"type": "FILE_UPLOAD_ERROR", "success": false, "error": NASTY, "code": "UPLOAD_TYPE", "fields": {"file": "no"}}),
            );
        }
    }

    #[track_caller]
    fn refused(text: &str, expected: Value) {
        let refusal = crate::decode(text, Dialect::LEGACY).expect_err(text);
        let mut out = Vec::new();
        refusal.write(9, &mut out);
        let mut found: Value = serde_json::from_slice(&out).expect("a frame is JSON");
        assert!(found["error"].take().is_string(), "{found}");
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn so_is_what_is_not_understood() {
        let error = |code: &str| json!({"type": "FILE_UPLOAD_ERROR", "success": false, "error": null, "code": code, "timestamp": 9});
        let mut whole = error("BAD_CHUNK");
        whole["componentId"] = json!("live-a");
        whole["uploadId"] = json!("u");
        whole["requestId"] = json!("c9");
        let chunk = r#"{"type":"FILE_UPLOAD_CHUNK","componentId":"live-a","uploadId":"u","chunkIndex":0,"data":5,"requestId":"c9"}"#;
        refused(chunk, whole);
        let mut nameless = error("BAD_PAYLOAD");
        nameless["requestId"] = json!(1);
        refused(r#"{"type":"FILE_UPLOAD_START","requestId":1}"#, nameless);
        refused(r#"{"type":"FILE_UPLOAD_CANCEL"}"#, error("BAD_PAYLOAD"));
    }
}
