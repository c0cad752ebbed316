//! Frames that mean nothing, or something else than they seem to.

use fluxstack_live_cli::load::{write_frame, write_head};
use serde_json::{Value, json};

use crate::uploads::content::Dice;

/// A binary frame's payload as the protocol has it: a header, and bytes.
pub(super) fn binary(header: &Value, bytes: &[u8]) -> Vec<u8> {
    raw(header.to_string().as_bytes(), bytes)
}

fn raw(header: &[u8], bytes: &[u8]) -> Vec<u8> {
    [&(header.len() as u32).to_le_bytes(), header, bytes].concat()
}

/// The payload of a binary frame that no client sends. `chunk` is the header of one that would be all right.
pub(super) fn frame(chunk: &Value, dice: &mut Dice) -> Vec<u8> {
    let with = |name: &str, value: Value| {
        let mut chunk = chunk.clone();
        chunk[name] = value;
        binary(&chunk, b"x")
    };
    match dice.below(24) {
        0 => Vec::new(),
        1 => vec![7; 1 + dice.below(3) as usize],
        // A header that is longer than the frame, than is allowed, and than anything.
        2 => [&100_u32.to_le_bytes()[..], b"{}"].concat(),
        3 => raw(&vec![b' '; 70_000], b"x"),
        4 => [&u32::MAX.to_le_bytes()[..], b"{}"].concat(),
        5 => raw(b"", b"x"),
        6 => raw(b"\xff\xfe", b"x"),
        7 => raw(b"{", b"x"),
        8 => raw(b"[]", b"x"),
        9 => raw(b"null", b"x"),
        10 => raw("[".repeat(60_000).as_bytes(), b"x"),
        11 => with("type", json!("CALL_ACTION")),
        12 => with("type", json!("FILE_UPLOAD_START")),
        13 => with("uploadId", json!("../../escaped")),
        14 => with("uploadId", json!("u".repeat(129))),
        15 => with("uploadId", Value::Null),
        16 => with("componentId", json!("live-none")),
        17 => with("offset", json!(-1)),
        18 => with("offset", json!(0.5)),
        19 => with("offset", json!(1e300)),
        20 => with("offset", json!("0")),
        21 => with("offset", json!(u64::MAX)),
        22 => with("data", json!("eHh4")),
        _ => (0..dice.below(2_000)).map(|_| dice.below(256) as u8).collect(),
    }
}

/// Bytes on the wire after which a server may close the connection.
pub(super) fn breach(dice: &mut Dice) -> Vec<u8> {
    let mut bytes = Vec::new();
    match dice.below(5) {
        // Without a mask.
        0 => bytes.extend(b"\x82\x01x"),
        // An opcode that is none.
        1 => bytes.extend(b"\x83\x80\0\0\0\0"),
        // More than a frame may have.
        2 => write_head(0x2, 64 << 20, &mut bytes),
        3 => write_head(0x2, usize::MAX >> 1, &mut bytes),
        // A text that is none.
        _ => write_frame(0x1, b"\xff\xfe", &mut bytes),
    }
    bytes
}

/// What a file is called that should not be called so.
pub(super) fn name(outside: &str, dice: &mut Dice) -> String {
    match dice.below(14) {
        0 => "../escaped.bin".to_owned(),
        1 => "../../../../../../tmp/escaped.bin".to_owned(),
        2 => format!("{outside}.bin"),
        3 => "..\\..\\escaped.bin".to_owned(),
        4 => "C:\\escaped.bin".to_owned(),
        5 => "escaped\0.bin".to_owned(),
        6 => "....//....//escaped.bin".to_owned(),
        7 => "%2e%2e%2fescaped.bin".to_owned(),
        8 => "..".to_owned(),
        9 => "".to_owned(),
        10 => "e".repeat(5_000),
        11 => "CON.bin".to_owned(),
        12 => "\u{202e}nib.escaped".to_owned(),
        _ => "escaped.bin/".to_owned(),
    }
}
