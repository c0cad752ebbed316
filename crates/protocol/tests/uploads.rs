//! What must hold for any binary frame, and for chunks however they come.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};
use fluxstack_live_protocol::upload::{At, Header, UploadChunk, read_frame, write_frame};
use fluxstack_live_protocol::{ClientBody, ClientMessage, Code, Dialect, decode};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use serde_json::{Value, json};

fn any_place() -> impl Strategy<Value = At> {
    let number = || 0u64..1 << 53;
    prop_oneof![number().prop_map(At::Offset), number().prop_map(At::Index)]
}

/// What stands in a header; the component is called anything, because who it is for is not the protocol's affair.
fn any_header() -> impl Strategy<Value = (String, String, At, Option<u64>, Option<Value>)> {
    let request = prop_oneof![any::<i64>().prop_map(Value::from), ".{0,8}".prop_map(Value::from)];
    ("\\PC{0,40}", "[A-Za-z0-9_.:-]{1,128}", any_place(), option::of(0u64..1 << 53), option::of(request))
}

fn chunk<'a>(message: ClientMessage<'a>) -> UploadChunk<'a> {
    let ClientMessage { body: ClientBody::UploadChunk(chunk), .. } = message else { panic!("{message:?}") };
    chunk
}

/// Something that is nearly a header.
fn nearly_a_header() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        Just(json!("FILE_UPLOAD_CHUNK")),
        Just(json!("u-1")),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
        Just(json!([{}])),
        Just(Value::Null),
    ];
    let key = "(type|componentId|uploadId|requestId|offset|chunkIndex|totalChunks|data|callId|x)";
    let object = proptest::collection::btree_map(key, value, 0..8)
        .prop_map(|map| Value::Object(map.into_iter().collect()).to_string().into_bytes());
    prop_oneof![3 => object, 1 => vec(any::<u8>(), 0..64)]
}

/// Reads a frame that may be anything. What is read lies in the frame, what is refused can be answered.
fn survives(frame: &[u8]) -> Result<(), TestCaseError> {
    match read_frame(frame) {
        Ok((message, begin)) => prop_assert_eq!(&*chunk(message).bytes, &frame[begin..]),
        Err(refusal) => {
            prop_assert_eq!(refusal.code, Code::BadChunk);
            let mut out = Vec::new();
            refusal.write(1, &mut out);
            prop_assert!(serde_json::from_slice::<Value>(&out).is_ok(), "{refusal:?}");
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes_are_a_chunk_or_are_refused(frame in vec(any::<u8>(), 0..200)) {
        survives(&frame)?;
    }

    #[test]
    fn so_is_what_looks_like_one(
        header in nearly_a_header(),
        off in prop_oneof![4 => Just(0i64), 1 => -3i64..4, 1 => any::<u32>().prop_map(i64::from)],
        bytes in vec(any::<u8>(), 0..32),
    ) {
        let length = (header.len() as i64).saturating_add(off).max(0) as u32;
        survives(&[length.to_le_bytes().as_slice(), &header, &bytes].concat())?;
    }

    #[test]
    fn what_is_written_is_read(
        (component_id, upload, at, total, request) in any_header(),
        bytes in vec(any::<u8>(), 0..200),
        cut in any::<prop::sample::Index>(),
    ) {
        let request_id = request.map(|id| id.to_string());
        let header = Header { component_id: &component_id, upload: &upload, at, total, request_id: request_id.as_deref() };
        // Behind something else, which stays.
        let mut out = b"before".to_vec();
        write_frame(&header, &bytes, &mut out);
        prop_assert_eq!(&out[..6], b"before");
        let frame = &out[6..];
        let (message, begin) = read_frame(frame).unwrap();
        prop_assert_eq!(&frame[begin..], &bytes);
        prop_assert_eq!(message.component_id.as_deref(), Some(component_id.as_str()));
        prop_assert_eq!(message.request_id.map(|id| id.get()), request_id.as_deref());
        let expected = UploadChunk { upload: upload.as_str().into(), at, total, bytes: bytes.as_slice().into() };
        prop_assert_eq!(chunk(message), expected);

        // Of a frame that was cut off, either nothing is read, or fewer of its bytes.
        let shorter = &frame[..cut.index(frame.len())];
        match read_frame(shorter) {
            Ok((message, again)) => {
                prop_assert_eq!(again, begin);
                prop_assert_eq!(&*chunk(message).bytes, &bytes[..shorter.len() - begin]);
            }
            Err(refusal) => prop_assert!(shorter.len() < begin, "{refusal:?}"),
        }
    }

    #[test]
    fn a_chunk_is_the_same_in_a_text_frame(
        (component_id, upload, at, total, request) in any_header(),
        bytes in vec(any::<u8>(), 0..200),
        padded: bool,
    ) {
        let request_id = request.as_ref().map(ToString::to_string);
        let header = Header { component_id: &component_id, upload: &upload, at, total, request_id: request_id.as_deref() };
        let mut frame = Vec::new();
        write_frame(&header, &bytes, &mut frame);
        let base64 = if padded { STANDARD.encode(&bytes) } else { STANDARD_NO_PAD.encode(&bytes) };
        let mut text = json!({
            "type": "FILE_UPLOAD_CHUNK", "componentId": component_id, "uploadId": upload, "totalChunks": total,
            "requestId": request, "data": base64, "expectResponse": true,
        });
        match at {
            At::Offset(offset) => text["offset"] = json!(offset),
            At::Index(index) => text["chunkIndex"] = json!(index),
        }
        let text = text.to_string();
        for dialect in [Dialect::NATIVE, Dialect::LEGACY] {
            let (binary, _) = read_frame(&frame).unwrap();
            prop_assert_eq!(chunk(decode(&text, dialect).unwrap()), chunk(binary));
        }
    }
}
