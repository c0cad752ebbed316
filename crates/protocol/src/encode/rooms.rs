//! What is said about rooms: to ours, and to older clients, who are answered in frames of their own.
//!
//! Each function writes everything of a frame but its end, which all frames share.

use super::{error_fields, error_payload, put, raw_field, text_field, write_string};
use crate::id::InstanceId;
use crate::legacy;
use crate::message::{Failure, Reply, ReplyKind};

pub(super) fn event(out: &mut Vec<u8>, component: &str, room: &str, seq: u64, event: Option<&[u8]>) {
    begin_for_all(out, component, room);
    if let Some(event) = event {
        out.extend_from_slice(b"\"event\":");
        out.extend_from_slice(event);
        out.push(b',');
    }
    put(out, format_args!("\"seq\":{seq}}}"));
}

pub(super) fn missed(out: &mut Vec<u8>, component: &str, room: &str, count: u64) {
    begin_for_all(out, component, room);
    put(out, format_args!("\"missed\":{count}}}"));
}

pub(super) fn joined(out: &mut Vec<u8>, instance: InstanceId, room: &str, seq: u64, recovered: Option<bool>) {
    begin_for(out, "ROOM_JOINED", instance, room);
    put(out, format_args!(",\"payload\":{{\"seq\":{seq}"));
    if let Some(recovered) = recovered {
        put(out, format_args!(",\"recovered\":{recovered}"));
    }
    out.push(b'}');
}

pub(super) fn left(out: &mut Vec<u8>, instance: InstanceId, room: &str) {
    begin_for(out, "ROOM_LEFT", instance, room);
}

pub(super) fn legacy_event(out: &mut Vec<u8>, instance: InstanceId, room: &str, event: &str) {
    begin_for(out, "ROOM_EVENT", instance, room);
    let (name, content) = legacy::named(event);
    text_field(out, "event", Some(&name));
    raw_field(out, "data", Some(content.as_bytes()));
}

pub(super) fn legacy_state(out: &mut Vec<u8>, instance: InstanceId, room: &str, event: &str, data: &[u8]) {
    begin_for(out, "ROOM_STATE", instance, room);
    legacy_state_fields(out, room, event, data);
}

pub(super) fn legacy_system(
    out: &mut Vec<u8>,
    instance: InstanceId,
    room: &str,
    event: &str,
    subscriber: &str,
    count: usize,
) {
    begin_for(out, "ROOM_SYSTEM", instance, room);
    text_field(out, "event", Some(event));
    out.extend_from_slice(b",\"data\":{\"subscriberId\":");
    write_string(out, subscriber);
    put(out, format_args!(",\"count\":{count}}}"));
}

/// The answer to an older client that asked about `room`.
pub(super) fn legacy_reply(out: &mut Vec<u8>, reply: &Reply<'_>, room: &str) {
    let kind = match (&reply.outcome, reply.kind) {
        (Err(_), _) => "ERROR",
        (Ok(_), ReplyKind::JoinRoom) => "ROOM_JOINED",
        (Ok(_), ReplyKind::LeaveRoom) => "ROOM_LEFT",
        (Ok(_), ReplyKind::GetRoomState) => "ROOM_STATE",
        (Ok(_), kind) => kind.answer(),
    };
    put(out, format_args!("{{\"type\":\"{kind}\",\"originalType\":\"{}\"", reply.kind.original()));
    text_field(out, "componentId", reply.component_id);
    put(out, format_args!(",\"success\":{}", reply.outcome.is_ok()));
    text_field(out, "roomId", Some(room));
    match (&reply.outcome, reply.kind) {
        (Err(Failure { code, error, fields }), _) => {
            error_fields(out, *code, error);
            raw_field(out, "fields", *fields);
            error_payload(out, None, *code, error);
        }
        (Ok(state), ReplyKind::JoinRoom) => {
            let state = state.unwrap_or(b"{}");
            raw_field(out, "state", Some(state));
            out.extend_from_slice(b",\"data\":{\"state\":");
            out.extend_from_slice(state);
            out.push(b'}');
            state_payload(out, room, state);
        }
        (Ok(_), ReplyKind::LeaveRoom) => {
            out.extend_from_slice(b",\"payload\":{\"roomId\":");
            write_string(out, room);
            out.push(b'}');
        }
        (Ok(state), ReplyKind::GetRoomState) => {
            legacy_state_fields(out, room, legacy::STATE_GET, state.unwrap_or(b"{}"));
        }
        (Ok(result), _) => raw_field(out, "result", *result),
    }
}

/// The beginning of a frame that is the same for everybody in a room.
fn begin_for_all(out: &mut Vec<u8>, component: &str, room: &str) {
    out.extend_from_slice(br#"{"type":"ROOM_EVENT""#);
    text_field(out, "component", Some(component));
    text_field(out, "roomId", Some(room));
    out.extend_from_slice(b",\"payload\":{");
}

/// The beginning of a frame for one instance in a room.
fn begin_for(out: &mut Vec<u8>, kind: &str, instance: InstanceId, room: &str) {
    put(out, format_args!("{{\"type\":\"{kind}\",\"componentId\":\"{instance}\""));
    text_field(out, "roomId", Some(room));
}

fn legacy_state_fields(out: &mut Vec<u8>, room: &str, event: &str, state: &[u8]) {
    text_field(out, "event", Some(event));
    raw_field(out, "data", Some(state));
    state_payload(out, room, state);
}

fn state_payload(out: &mut Vec<u8>, room: &str, state: &[u8]) {
    out.extend_from_slice(b",\"payload\":{\"roomId\":");
    write_string(out, room);
    raw_field(out, "state", Some(state));
    out.push(b'}');
}
