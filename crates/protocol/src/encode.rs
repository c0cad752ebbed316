//! [`ServerMessage`] to text, written by hand: the envelope is fixed, only user data goes through serde.
//!
//! `now` is always milliseconds since 1970; this crate has no clock.

use std::io::Write as _;

use crate::code::Code;
use crate::decode::{self, Refusal};
use crate::dialect::{CAPS, CHANNELS, Hello, UPLOAD};
use crate::id::CallId;
use crate::message::{Failure, Reply, ReplyKind, ServerMessage};
use crate::plain;
use crate::text::push_number;

mod answer;
mod last;
mod rooms;
mod upload;

pub use answer::write_answer;
use last::{push_id, push_time};

impl ServerMessage<'_> {
    /// Appends the frame to `out`.
    ///
    /// ```
    /// use fluxstack_live_protocol::ServerMessage;
    /// let mut out = Vec::new();
    /// ServerMessage::Pong { component_id: None, request_id: Some("7"), success: true }.write(5, &mut out);
    /// assert_eq!(out, br#"{"type":"COMPONENT_PONG","success":true,"requestId":7,"timestamp":5}"#);
    /// ```
    pub fn write(&self, now: u64, out: &mut Vec<u8>) {
        match self {
            Self::Hello(hello) => write_hello(hello, out),
            Self::Reply(reply) => {
                match reply.room {
                    Some(room) => rooms::legacy_reply(out, reply, room),
                    None if reply.kind.is_about_upload() => upload::reply(out, reply),
                    None => write_reply(reply, out),
                }
                raw_field(out, "requestId", reply.request_id.map(str::as_bytes));
            }
            Self::Pong { component_id, request_id, success } => {
                out.extend_from_slice(br#"{"type":"COMPONENT_PONG""#);
                text_field(out, "componentId", *component_id);
                put(out, format_args!(",\"success\":{success}"));
                raw_field(out, "requestId", request_id.map(str::as_bytes));
            }
            Self::Update { instance, state, version, digest } => {
                begin(out, b"{\"type\":\"STATE_UPDATE\",\"componentId\":\"", *instance);
                out.extend_from_slice(b"{\"state\":");
                out.extend_from_slice(state);
                out.extend_from_slice(b",\"version\":");
                push_number(out, *version);
                out.extend_from_slice(b",\"digest\":");
                push_number(out, (*digest).into());
                out.push(b'}');
            }
            // Nothing in the name of a call needs escaping.
            Self::Done { instance, calls } => {
                begin(out, b"{\"type\":\"CALL_DONE\",\"componentId\":\"", *instance);
                out.extend_from_slice(b"{\"callIds\":");
                write_calls(calls.iter(), out);
                out.push(b'}');
            }
            Self::Event { instance, seq, event } => {
                begin(out, b"{\"type\":\"COMPONENT_EVENT\",\"componentId\":\"", *instance);
                out.extend_from_slice(b"{\"event\":");
                out.extend_from_slice(event);
                out.extend_from_slice(b",\"seq\":");
                push_number(out, *seq);
                out.push(b'}');
            }
            // The text is base64url, so nothing in it needs escaping.
            Self::Snapshot { instance, version, snapshot } => {
                begin(out, b"{\"type\":\"STATE_SNAPSHOT\",\"componentId\":\"", *instance);
                out.extend_from_slice(b"{\"version\":");
                push_number(out, *version);
                out.extend_from_slice(b",\"snapshot\":\"");
                out.extend_from_slice(snapshot.as_bytes());
                out.extend_from_slice(b"\"}");
            }
            Self::Missed { instance, count } => {
                begin(out, b"{\"type\":\"COMPONENT_EVENT\",\"componentId\":\"", *instance);
                out.extend_from_slice(b"{\"missed\":");
                push_number(out, *count);
                out.push(b'}');
            }
            Self::Error { component_id, request_id, code, error, action } => {
                out.extend_from_slice(br#"{"type":"ERROR""#);
                raw_field(out, "requestId", request_id.map(str::as_bytes));
                text_field(out, "componentId", *component_id);
                out.extend_from_slice(b",\"success\":false");
                error_fields(out, *code, error);
                error_payload(out, *action, *code, error);
            }
            Self::RoomEvent { component, room, seq, event } => {
                rooms::event(out, component, room, *seq, *event);
            }
            Self::RoomMissed { component, room, count } => rooms::missed(out, component, room, *count),
            Self::RoomJoined { instance, room, seq, recovered } => {
                rooms::joined(out, *instance, room, *seq, *recovered);
            }
            Self::RoomLeft { instance, room } => rooms::left(out, *instance, room),
            Self::LegacyRoomEvent { instance, room, event } => {
                rooms::legacy_event(out, *instance, room, event);
            }
            Self::LegacyRoomState { instance, room, event, content } => {
                rooms::legacy_state(out, *instance, room, event, content);
            }
            Self::LegacyRoomSystem { instance, room, event, subscriber, count } => {
                rooms::legacy_system(out, *instance, room, event, subscriber, *count);
            }
        }
        end(out, now);
    }
}

/// The beginning of a frame that an instance says something with, up to the payload. `kind` is the frame up to the id.
fn begin(out: &mut Vec<u8>, kind: &[u8], instance: crate::InstanceId) {
    // Most frames of an instance are shorter than that together with what follows.
    out.reserve(192);
    out.extend_from_slice(kind);
    push_id(out, instance);
    out.extend_from_slice(b"\",\"payload\":");
}

/// The end of every frame.
fn end(out: &mut Vec<u8>, now: u64) {
    out.extend_from_slice(b",\"timestamp\":");
    push_time(out, now);
    out.push(b'}');
}

/// Appends a `STATE_DELTA` whose payload is written by `payload`, and answers where that stands in `out`.
///
/// ```
/// use fluxstack_live_protocol::{encode::write_delta, InstanceId};
/// let mut out = Vec::new();
/// let range = write_delta(InstanceId::from_u128(0), 1, &mut out, |out| out.extend_from_slice(b"{}"));
/// assert_eq!(&out[range], b"{}");
/// ```
pub fn write_delta(
    instance: crate::InstanceId,
    now: u64,
    out: &mut Vec<u8>,
    payload: impl FnOnce(&mut Vec<u8>),
) -> std::ops::Range<usize> {
    begin(out, b"{\"type\":\"STATE_DELTA\",\"componentId\":\"", instance);
    let start = out.len();
    payload(out);
    let stop = out.len();
    end(out, now);
    start..stop
}

/// An event as older clients know it: a broadcast named by its `type`.
///
/// ```
/// use fluxstack_live_protocol::{encode::write_broadcast, InstanceId};
/// let mut out = Vec::new();
/// write_broadcast(InstanceId::from_u128(0), r#"{"type":"rang","times":2}"#, 1, &mut out);
/// assert!(String::from_utf8(out).unwrap().contains(r#""payload":{"type":"rang","data":{"type":"rang","times":2}}"#));
/// ```
pub fn write_broadcast(instance: crate::InstanceId, event: &str, now: u64, out: &mut Vec<u8>) {
    #[derive(serde::Deserialize)]
    struct Named<'a> {
        #[serde(rename = "type", borrow)]
        name: Option<std::borrow::Cow<'a, str>>,
    }
    let name = serde_json::from_str::<Named<'_>>(event).ok().and_then(|named| named.name);
    put(out, format_args!("{{\"type\":\"BROADCAST\",\"componentId\":\"{instance}\",\"payload\":{{\"type\":"));
    write_string(out, name.as_deref().unwrap_or("event"));
    put(out, format_args!(",\"data\":{event}}},\"timestamp\":{now}}}"));
}

impl Refusal {
    /// Appends the frame that says so: the answer of the request where there was one, else an `ERROR`.
    pub fn write(&self, now: u64, out: &mut Vec<u8>) {
        // Malformed frames and exceeded rates are the connection's errors; the rest answers the request.
        let answers = !matches!(self.code, Code::BadMessage | Code::BadJson | Code::RateLimited);
        if answers && self.original.as_deref().is_some_and(decode::is_about_upload) {
            upload::refusal(out, self);
            raw_field(out, "requestId", self.request_id.as_deref().map(str::as_bytes));
            return end(out, now);
        }
        let Some(original) = self.original.as_deref().filter(|_| answers && self.request_id.is_some()) else {
            return ServerMessage::Error {
                component_id: self.component_id.as_deref(),
                request_id: self.request_id.as_deref(),
                code: self.code,
                error: &self.error,
                action: None,
            }
            .write(now, out);
        };
        let answer = if original == "CALL_ACTION" { "ACTION_RESPONSE" } else { "MESSAGE_RESPONSE" };
        put(out, format_args!("{{\"type\":\"{answer}\",\"originalType\":"));
        write_string(out, original);
        text_field(out, "componentId", self.component_id.as_deref());
        out.extend_from_slice(b",\"success\":false");
        error_fields(out, self.code, &self.error);
        raw_field(out, "requestId", self.request_id.as_deref().map(str::as_bytes));
        end(out, now);
    }
}

fn write_hello(hello: &Hello, out: &mut Vec<u8>) {
    let Hello {
        connection,
        user,
        session,
        dialect,
        frame,
        batch,
        calls,
        instances,
        rate,
        burst,
        channels,
        uploads,
    } = hello;
    put(out, format_args!("{{\"type\":\"CONNECTION_ESTABLISHED\",\"connectionId\":\"{connection}\""));
    put(out, format_args!(",\"authenticated\":{}", user.is_some()));
    text_field(out, "userId", user.as_deref());
    put(
        out,
        format_args!(
            ",\"protocol\":{{\"version\":{},\"max\":{}}},\
             \"features\":{{\"delta\":{},\"batch\":{},\"compression\":false,\"encryption\":false,\
             \"offlineQueue\":false,\"loadBalancing\":false}},\
             \"limits\":{{\"frame\":{frame},\"batch\":{batch},\"calls\":{calls},\"instances\":{instances},\
             \"rate\":{rate},\"burst\":{burst}}}",
            dialect.version,
            crate::VERSION,
            dialect.delta,
            dialect.batch
        ),
    );
    if !dialect.is_legacy() {
        out.extend_from_slice(b",\"caps\":[");
        let has = |cap: &&&str| (**cap != CHANNELS || *channels) && (**cap != UPLOAD || *uploads);
        for (at, cap) in CAPS.iter().filter(has).enumerate() {
            put(out, format_args!("{}\"{cap}\"", if at == 0 { "" } else { "," }));
        }
        out.push(b']');
    }
    if let Some((token, grace)) = session {
        put(out, format_args!(",\"session\":{{\"token\":\"{token}\",\"grace\":{grace}}}"));
    }
}

fn begin_reply(kind: ReplyKind, out: &mut Vec<u8>) {
    let parts = ["{\"type\":\"", kind.answer(), "\",\"originalType\":\"", kind.original(), "\""];
    parts.into_iter().for_each(|part| out.extend_from_slice(part.as_bytes()));
}

fn write_reply(reply: &Reply<'_>, out: &mut Vec<u8>) {
    begin_reply(reply.kind, out);
    text_field(out, "componentId", reply.component_id);
    match &reply.outcome {
        Ok(result) => {
            out.extend_from_slice(b",\"success\":true");
            if reply.kind == ReplyKind::Auth {
                put(out, format_args!(",\"authenticated\":{},\"payload\":{{", reply.user.is_some()));
                if let Some(user) = reply.user {
                    out.extend_from_slice(b"\"userId\":");
                    write_string(out, user);
                }
                out.push(b'}');
            }
            raw_field(out, "result", *result);
        }
        Err(Failure { code, error, fields, .. }) => {
            out.extend_from_slice(b",\"success\":false");
            if reply.kind == ReplyKind::Auth {
                put(out, format_args!(",\"authenticated\":{}", reply.user.is_some()));
            }
            error_fields(out, *code, error);
            raw_field(out, "fields", *fields);
            if reply.kind == ReplyKind::Auth {
                out.extend_from_slice(b",\"payload\":{\"error\":");
                write_string(out, error);
                out.push(b'}');
            }
        }
    }
    held_field(out, reply.held);
}

/// Appends what one call of a batch came to, as a JSON object; `held` as in [`Reply::held`].
///
/// ```
/// use fluxstack_live_protocol::encode::write_outcome;
/// let mut out = Vec::new();
/// write_outcome(&Ok(Some(b"7")), false, &mut out);
/// assert_eq!(out, br#"{"success":true,"result":7}"#);
/// ```
pub fn write_outcome(outcome: &Result<Option<&[u8]>, Failure<'_>>, held: bool, out: &mut Vec<u8>) {
    match outcome {
        Ok(result) => {
            out.extend_from_slice(b"{\"success\":true");
            raw_field(out, "result", *result);
        }
        Err(Failure { code, error, fields, .. }) => {
            out.extend_from_slice(b"{\"success\":false");
            error_fields(out, *code, error);
            raw_field(out, "fields", *fields);
        }
    }
    held_field(out, held);
    out.push(b'}');
}

/// Appends the names of calls as a JSON array.
///
/// ```
/// use fluxstack_live_protocol::encode::write_calls;
/// let mut out = Vec::new();
/// write_calls(&["k3f9-1".parse().unwrap(), "k3f9-2".parse().unwrap()], &mut out);
/// assert_eq!(out, br#"["k3f9-1","k3f9-2"]"#);
/// ```
pub fn write_calls<'a>(calls: impl IntoIterator<Item = &'a CallId>, out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, call) in calls.into_iter().enumerate() {
        put(out, format_args!("{}\"{call}\"", if at == 0 { "" } else { "," }));
    }
    out.push(b']');
}

fn held_field(out: &mut Vec<u8>, held: bool) {
    if held {
        out.extend_from_slice(b",\"held\":true");
    }
}

fn error_fields(out: &mut Vec<u8>, code: Code, error: &str) {
    out.extend_from_slice(b",\"error\":");
    write_string(out, error);
    put(out, format_args!(",\"code\":\"{code}\""));
}

/// What older clients read of an error.
fn error_payload(out: &mut Vec<u8>, action: Option<&str>, code: Code, error: &str) {
    out.extend_from_slice(b",\"payload\":{");
    if let Some(action) = action {
        out.extend_from_slice(b"\"action\":");
        write_string(out, action);
        out.push(b',');
    }
    out.extend_from_slice(b"\"error\":");
    write_string(out, error);
    put(out, format_args!(",\"code\":\"{code}\"}}"));
}

fn text_field(out: &mut Vec<u8>, name: &str, value: Option<&str>) {
    if let Some(value) = value {
        field(out, name);
        write_string(out, value);
    }
}

fn field(out: &mut Vec<u8>, name: &str) {
    for part in [",\"", name, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn raw_field(out: &mut Vec<u8>, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        field(out, name);
        out.extend_from_slice(value);
    }
}

/// Appends `text` as a JSON string.
pub fn write_string(out: &mut Vec<u8>, text: &str) {
    if plain::end(text.as_bytes(), 0) == text.len() {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        return out.push(b'"');
    }
    serde_json::to_writer(out, text).expect("a string is always JSON and a Vec takes every byte");
}

fn put(out: &mut Vec<u8>, arguments: std::fmt::Arguments<'_>) {
    out.write_fmt(arguments).expect("a Vec takes every byte");
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::dialect::Dialect;
    use crate::id::{ConnectionId, InstanceId};
    use crate::message::ReplyKind;

    #[track_caller]
    pub(super) fn check(message: &ServerMessage<'_>, expected: Value) {
        let mut out = Vec::new();
        message.write(9, &mut out);
        let mut found: Value = serde_json::from_slice(&out).expect("a frame is JSON");
        assert_eq!(found.as_object_mut().and_then(|frame| frame.remove("timestamp")), Some(json!(9)));
        assert_eq!(found, expected);
    }

    #[test]
    fn every_frame_is_json_whatever_is_put_into_it() {
        let instance = InstanceId::from_u128(1);
        let id = instance.to_string();
        let nasty = "\"\\\n\u{2028}é";
        check(
            &ServerMessage::Update { instance, state: b"{\"a\":1}", version: 2, digest: 3 },
            json!({"type": "STATE_UPDATE", "componentId": id, "payload": {"state": {"a": 1}, "version": 2, "digest": 3}}),
        );
        check(
            &ServerMessage::Event { instance, seq: 3, event: b"{}" },
            json!({"type": "COMPONENT_EVENT", "componentId": id, "payload": {"event": {}, "seq": 3}}),
        );
        check(
            &ServerMessage::Snapshot { instance, version: 4, snapshot: "AbC_-" },
            json!({"type": "STATE_SNAPSHOT", "componentId": id, "payload": {"version": 4, "snapshot": "AbC_-"}}),
        );
        check(
            &ServerMessage::Missed { instance, count: 4 },
            json!({"type": "COMPONENT_EVENT", "componentId": id, "payload": {"missed": 4}}),
        );
        check(
            &ServerMessage::Error {
                component_id: Some(nasty),
                request_id: Some("1"),
                code: Code::Busy,
                error: nasty,
                action: Some(nasty),
            },
            json!({"type": "ERROR", "componentId": nasty, "requestId": 1, "success": false, "error": nasty, "code": "BUSY",
                   "payload": {"action": nasty, "error": nasty, "code": "BUSY"}}),
        );
        let calls = ["a-1", "b:c.d_e-9007199254740991"].map(|call| call.parse().expect("a call id"));
        check(
            &ServerMessage::Done { instance, calls: &calls },
            json!({"type": "CALL_DONE", "componentId": id, "payload": {"callIds": ["a-1", "b:c.d_e-9007199254740991"]}}),
        );
        let failure =
            Failure { code: Code::Invalid, error: nasty, fields: Some(b"{\"step\":\"no\"}"), extra: None };
        check(
            &ServerMessage::Reply(Reply {
                kind: ReplyKind::Call,
                component_id: Some("c"),
                request_id: Some("\"r\""),
                user: None,
                room: None,
                upload: None,
                held: true,
                outcome: Err(failure),
            }),
            json!({"type": "ACTION_RESPONSE", "originalType": "CALL_ACTION", "componentId": "c", "success": false,
                   "error": nasty, "code": "INVALID", "fields": {"step": "no"}, "held": true, "requestId": "r"}),
        );
    }

    #[test]
    fn the_hello_says_what_this_connection_may_do() {
        let connection = ConnectionId::from_u128(7);
        let mut hello = Hello {
            connection,
            user: None,
            session: None,
            dialect: Dialect::NATIVE,
            frame: 1,
            batch: 2,
            calls: 3,
            instances: 4,
            rate: 5,
            burst: 6,
            channels: true,
            uploads: true,
        };
        check(
            &ServerMessage::Hello(&hello),
            json!({"type": "CONNECTION_ESTABLISHED", "connectionId": connection.to_string(), "authenticated": false,
                   "protocol": {"version": 3, "max": 3},
                   "features": {"delta": true, "batch": true, "compression": false, "encryption": false,
                                "offlineQueue": false, "loadBalancing": false},
                   "limits": {"frame": 1, "batch": 2, "calls": 3, "instances": 4, "rate": 5, "burst": 6},
                   "caps": ["optimistic", "quiet", "window", "channels", "upload"]}),
        );
        hello.session = Some(("token".into(), 60_000));
        hello.user = Some("a\"da".into());
        let mut out = Vec::new();
        ServerMessage::Hello(&hello).write(9, &mut out);
        let found: Value = serde_json::from_slice(&out).expect("a frame is JSON");
        assert_eq!(found["session"], json!({"token": "token", "grace": 60_000}));
        assert_eq!((&found["authenticated"], &found["userId"]), (&json!(true), &json!("a\"da")));
        assert_eq!(found["caps"], json!(["optimistic", "quiet", "window", "channels", "upload"]));
        hello.channels = false;
        hello.uploads = false;
        out.clear();
        ServerMessage::Hello(&hello).write(9, &mut out);
        let found: Value = serde_json::from_slice(&out).expect("a frame is JSON");
        assert_eq!(found["caps"], json!(["optimistic", "quiet", "window"]));
        // Who does not know the word is not told.
        hello.dialect = Dialect::LEGACY;
        out.clear();
        ServerMessage::Hello(&hello).write(9, &mut out);
        let found: Value = serde_json::from_slice(&out).expect("a frame is JSON");
        assert_eq!(found.get("caps"), None);
    }

    #[test]
    fn whoever_presents_credentials_is_told_who_is_signed_in() {
        let reply = |user, outcome| {
            ServerMessage::Reply(Reply {
                kind: ReplyKind::Auth,
                component_id: None,
                request_id: Some("1"),
                user,
                room: None,
                upload: None,
                held: false,
                outcome,
            })
        };
        let result: &[u8] = br#"{"userId":"a\"da","changed":false}"#;
        check(
            &reply(Some("a\"da"), Ok(Some(result))),
            json!({"type": "AUTH_RESPONSE", "originalType": "AUTH", "success": true, "authenticated": true,
                   "payload": {"userId": "a\"da"}, "result": {"userId": "a\"da", "changed": false}, "requestId": 1}),
        );
        check(
            &reply(None, Ok(Some(b"{\"changed\":true}"))),
            json!({"type": "AUTH_RESPONSE", "originalType": "AUTH", "success": true, "authenticated": false,
                   "payload": {}, "result": {"changed": true}, "requestId": 1}),
        );
        for user in [None, Some("ada")] {
            let failure = Failure { code: Code::AuthFailed, error: "no\"", fields: None, extra: None };
            check(
                &reply(user, Err(failure)),
                json!({"type": "AUTH_RESPONSE", "originalType": "AUTH", "success": false,
                       "authenticated": user.is_some(), "error": "no\"", "code": "AUTH_FAILED",
                       "payload": {"error": "no\""}, "requestId": 1}),
            );
        }
    }

    #[test]
    fn a_refused_request_is_answered_as_a_request() {
        let mut refusal = Refusal::frame(Code::UnknownType, "Unknown message type");
        refusal.original = Some("NOPE".into());
        refusal.request_id = Some("1".into());
        let mut out = Vec::new();
        refusal.write(9, &mut out);
        let found: Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(
            found,
            json!({"type": "MESSAGE_RESPONSE", "originalType": "NOPE", "success": false, "error": "Unknown message type",
                   "code": "UNKNOWN_TYPE", "requestId": 1, "timestamp": 9})
        );
    }
}
