//! What is said about rooms: to ours, and to older clients, who are answered in frames of their own.
//!
//! Each function writes everything of a frame but its end, which all frames share.

use super::{error_fields, error_payload, put, raw_field, text_field, write_string};
use crate::id::InstanceId;
use crate::legacy;
use crate::message::{Failure, Reply, ReplyKind};
use crate::text::push_number;

pub(super) fn event(out: &mut Vec<u8>, component: &str, room: &str, seq: u64, event: Option<&[u8]>) {
    begin_for_all(out, component, room);
    if let Some(event) = event {
        out.extend_from_slice(b"\"event\":");
        out.extend_from_slice(event);
        out.push(b',');
    }
    out.extend_from_slice(b"\"seq\":");
    push_number(out, seq);
    out.push(b'}');
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

pub(super) fn legacy_state(out: &mut Vec<u8>, instance: InstanceId, room: &str, event: &str, content: &[u8]) {
    begin_for(out, "ROOM_STATE", instance, room);
    legacy_state_fields(out, room, event, content);
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
        (Err(Failure { code, error, fields, .. }), _) => {
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::code::Code;
    use crate::encode::tests::check;
    use crate::message::ServerMessage;

    const NASTY: &str = "\"\\\n\u{2028}é";

    #[test]
    fn what_is_said_in_a_room_names_no_instance() {
        let (component, room) = ("Chat", "lobby");
        check(
            &ServerMessage::RoomEvent { component, room, seq: 42, event: Some(b"{\"type\":\"typing\"}") },
            json!({"type": "ROOM_EVENT", "component": "Chat", "roomId": "lobby",
                   "payload": {"event": {"type": "typing"}, "seq": 42}}),
        );
        check(
            &ServerMessage::RoomEvent { component, room, seq: 43, event: None },
            json!({"type": "ROOM_EVENT", "component": "Chat", "roomId": "lobby", "payload": {"seq": 43}}),
        );
        check(
            &ServerMessage::RoomMissed { component: NASTY, room: NASTY, count: 4 },
            json!({"type": "ROOM_EVENT", "component": NASTY, "roomId": NASTY, "payload": {"missed": 4}}),
        );
    }

    #[test]
    fn who_is_taken_into_a_room_is_told_from_where_it_hears() {
        let instance = InstanceId::from_u128(1);
        let (id, room) = (instance.to_string(), "lobby");
        for (recovered, payload) in [
            (None, json!({"seq": 40})),
            (Some(true), json!({"seq": 40, "recovered": true})),
            (Some(false), json!({"seq": 40, "recovered": false})),
        ] {
            check(
                &ServerMessage::RoomJoined { instance, room, seq: 40, recovered },
                json!({"type": "ROOM_JOINED", "componentId": id, "roomId": "lobby", "payload": payload}),
            );
        }
        check(
            &ServerMessage::RoomLeft { instance, room },
            json!({"type": "ROOM_LEFT", "componentId": id, "roomId": "lobby"}),
        );
    }

    #[test]
    fn older_clients_hear_of_rooms_in_their_own_words() {
        let instance = InstanceId::from_u128(1);
        let (id, room) = (instance.to_string(), "chat:1");
        for (event, name, content) in [
            (r#"{"type":"msg","text":"hello"}"#, "msg", json!({"text": "hello"})),
            (r#"{"type":"msg"}"#, "msg", json!({})),
            ("5", "event", json!(5)),
        ] {
            check(
                &ServerMessage::LegacyRoomEvent { instance, room, event },
                json!({"type": "ROOM_EVENT", "componentId": id, "roomId": "chat:1", "event": name, "data": content}),
            );
        }
        check(
            &ServerMessage::LegacyRoomState {
                instance,
                room,
                event: legacy::STATE_UPDATE,
                content: b"{\"topic\":1}",
            },
            json!({"type": "ROOM_STATE", "componentId": id, "roomId": "chat:1", "event": "$state:update",
                   "data": {"topic": 1}, "payload": {"roomId": "chat:1", "state": {"topic": 1}}}),
        );
        for (event, count) in [(legacy::SUB_JOIN, 2), (legacy::SUB_LEAVE, 1)] {
            check(
                &ServerMessage::LegacyRoomSystem { instance, room, event, subscriber: NASTY, count },
                json!({"type": "ROOM_SYSTEM", "componentId": id, "roomId": "chat:1", "event": event,
                       "data": {"subscriberId": NASTY, "count": count}}),
            );
        }
    }

    #[track_caller]
    fn answered(kind: ReplyKind, outcome: Result<Option<&[u8]>, Failure<'_>>, expected: Value) {
        let reply = Reply {
            held: false,
            kind,
            component_id: Some("live-a"),
            request_id: Some("\"q\""),
            user: None,
            upload: None,
            room: Some("chat:1"),
            outcome,
        };
        let mut expected = expected;
        expected["originalType"] = json!(kind.original());
        expected["componentId"] = json!("live-a");
        expected["roomId"] = json!("chat:1");
        expected["requestId"] = json!("q");
        check(&ServerMessage::Reply(reply), expected);
    }

    #[test]
    fn older_clients_are_answered_about_rooms_in_frames_of_their_own() {
        let state = json!({"topic": "hi"});
        let text: &[u8] = br#"{"topic":"hi"}"#;
        answered(
            ReplyKind::JoinRoom,
            Ok(Some(text)),
            json!({"type": "ROOM_JOINED", "success": true, "state": state, "data": {"state": state},
                   "payload": {"roomId": "chat:1", "state": state}}),
        );
        answered(
            ReplyKind::JoinRoom,
            Ok(None),
            json!({"type": "ROOM_JOINED", "success": true, "state": {}, "data": {"state": {}},
                   "payload": {"roomId": "chat:1", "state": {}}}),
        );
        answered(
            ReplyKind::LeaveRoom,
            Ok(None),
            json!({"type": "ROOM_LEFT", "success": true, "payload": {"roomId": "chat:1"}}),
        );
        answered(
            ReplyKind::GetRoomState,
            Ok(Some(text)),
            json!({"type": "ROOM_STATE", "success": true, "event": "$state:get", "data": state,
                   "payload": {"roomId": "chat:1", "state": state}}),
        );
        answered(
            ReplyKind::EmitRoom,
            Ok(Some(b"{\"seq\":1}")),
            json!({"type": "MESSAGE_RESPONSE", "success": true, "result": {"seq": 1}}),
        );
        answered(ReplyKind::SetRoomState, Ok(None), json!({"type": "MESSAGE_RESPONSE", "success": true}));
        for kind in [
            ReplyKind::JoinRoom,
            ReplyKind::LeaveRoom,
            ReplyKind::EmitRoom,
            ReplyKind::SetRoomState,
            ReplyKind::GetRoomState,
        ] {
            answered(
                kind,
                Err(Failure { code: Code::NotAMember, error: NASTY, fields: None, extra: None }),
                json!({"type": "ERROR", "success": false, "error": NASTY, "code": "NOT_A_MEMBER",
                       "payload": {"error": NASTY, "code": "NOT_A_MEMBER"}}),
            );
        }
    }
}
