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
