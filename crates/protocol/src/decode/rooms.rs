//! `ROOM_*`, as ours say it and as older clients do, and the rooms of a `COMPONENT_RESUME`.
//!
//! A name that no room can have is refused here, so that whoever looks a room up need not.

use std::borrow::Cow;

use crate::raw::Raw;
use serde::Deserialize;

use super::{Envelope, Fault, MAX_ROOMS, bad, flag, name, number, object, string};
use crate::code::Code;
use crate::legacy;
use crate::message::ClientBody;
use crate::pieces::entries;
use crate::room;

const UNKNOWN: Fault = (Code::UnknownType, "Unknown message type");

#[derive(Deserialize, Default)]
struct Payload<'a> {
    #[serde(borrow)]
    since: Option<Raw<'a>>,
    #[serde(borrow)]
    history: Option<Raw<'a>>,
    #[serde(borrow)]
    event: Option<Raw<'a>>,
    #[serde(borrow, rename = "self")]
    also_self: Option<Raw<'a>>,
}

/// What older clients may put there, of the same and of more.
#[derive(Deserialize, Default)]
struct LegacyPayload<'a> {
    #[serde(borrow, rename = "roomId")]
    room_id: Option<Raw<'a>>,
    #[serde(borrow)]
    event: Option<Raw<'a>>,
    #[serde(borrow, rename = "data")]
    content: Option<Raw<'a>>,
    #[serde(borrow)]
    state: Option<Raw<'a>>,
    #[serde(borrow, rename = "initialState")]
    initial_state: Option<Raw<'a>>,
}

pub(super) fn read<'a>(kind: &str, envelope: &Envelope<'a>) -> Result<ClientBody<'a>, Fault> {
    if !matches!(kind, "ROOM_JOIN" | "ROOM_LEAVE" | "ROOM_EMIT") {
        return Err(UNKNOWN);
    }
    let room = room_name(envelope.room_id)?;
    if kind == "ROOM_LEAVE" {
        return Ok(ClientBody::LeaveRoom { room });
    }
    let payload: Payload<'_> = object(envelope.payload)?;
    if kind == "ROOM_EMIT" {
        let event = payload.event.ok_or(bad("`payload.event` is missing"))?.get().into();
        let also_self = flag(payload.also_self).ok_or(bad("`payload.self` must be true or false"))?;
        return Ok(ClientBody::EmitRoom { room, event, also_self });
    }
    let since =
        payload.since.map(|raw| number(Some(raw)).ok_or(bad("`payload.since` must be a number from 0")));
    let history = number(payload.history).ok_or(bad("`payload.history` must be a number from 0"))?;
    Ok(ClientBody::JoinRoom {
        room,
        since: since.transpose()?,
        history: usize::try_from(history).unwrap_or(usize::MAX),
        initial: None,
    })
}

/// Older clients put most of it beside the payload; what is not there is looked for in it.
pub(super) fn read_legacy<'a>(kind: &str, envelope: &Envelope<'a>) -> Result<ClientBody<'a>, Fault> {
    const KINDS: [&str; 5] = ["ROOM_JOIN", "ROOM_LEAVE", "ROOM_EMIT", "ROOM_STATE_SET", "ROOM_STATE_GET"];
    if !KINDS.contains(&kind) {
        return Err(UNKNOWN);
    }
    let payload: LegacyPayload<'_> = object(envelope.payload)?;
    let room = room_name(envelope.room_id.or(payload.room_id))?;
    let content = envelope.content.or(payload.content);
    Ok(match kind {
        "ROOM_JOIN" => {
            let beside = || content.filter(|raw| raw.get().starts_with('{'));
            let initial = match payload.initial_state {
                Some(initial) => Some(initial),
                None => object::<LegacyPayload<'_>>(beside()).map_err(|_| bad(TWICE))?.initial_state,
            };
            let initial = initial.map(room_state).transpose()?;
            ClientBody::JoinRoom { room, since: None, history: 0, initial }
        }
        "ROOM_LEAVE" => ClientBody::LeaveRoom { room },
        "ROOM_EMIT" => {
            let event =
                name(envelope.event.or(payload.event)).ok_or(bad("`event` must be a short string"))?;
            let event = legacy::event(&event, content.map(Raw::get))
                .ok_or(bad("`data` has a key that is not text"))?;
            ClientBody::EmitRoom { room, event: event.into(), also_self: false }
        }
        "ROOM_STATE_SET" => {
            let patch = payload.state.or(content).ok_or(bad("`data` is missing"))?;
            ClientBody::SetRoomState { room, patch: room_state(patch)? }
        }
        _ => ClientBody::GetRoomState { room },
    })
}

/// The rooms a client that comes back is in. It may be in the one that nobody can join by name.
pub(super) fn heard(raw: Raw<'_>) -> Result<Vec<(Cow<'_, str>, u64)>, Fault> {
    let rooms = entries(raw.get(), MAX_ROOMS).ok_or(bad("`payload.rooms` must be an object"))?;
    if rooms.total > MAX_ROOMS {
        return Err((Code::BadMessage, "`payload.rooms` names at most 64 rooms"));
    }
    let mut heard = Vec::with_capacity(rooms.first.len());
    for (room, seq) in rooms.first {
        let seq = number(Some(seq)).ok_or(bad("each of `payload.rooms` must be the number of an event"))?;
        if room != room::EVERYBODY && !room::is_name(&room) {
            return Err(bad(BAD_NAME));
        }
        if heard.iter().any(|(other, _)| *other == room) {
            return Err(bad("a room of `payload.rooms` is there twice"));
        }
        heard.push((room, seq));
    }
    Ok(heard)
}

const TWICE: &str = "`data` must have no field twice";

const BAD_NAME: &str = "the name of a room must be 1 to 64 of A-Z a-z 0-9 _ . : -";

fn room_name(raw: Option<Raw<'_>>) -> Result<Cow<'_, str>, Fault> {
    let room = raw.and_then(string).ok_or(bad("`roomId` must be a string"))?;
    if room::is_name(&room) { Ok(room) } else { Err(bad(BAD_NAME)) }
}

fn room_state(raw: Raw<'_>) -> Result<Raw<'_>, Fault> {
    if raw.get().starts_with('{') { Ok(raw) } else { Err(bad("the state of a room must be an object")) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{Dialect, decode};

    /// What was understood, as JSON that a test can spell.
    fn told(body: &ClientBody<'_>) -> Value {
        let parsed = |raw: &str| serde_json::from_str::<Value>(raw).expect("JSON");
        match body {
            ClientBody::JoinRoom { room, since, history, initial } => {
                json!(["join", room, since, history, initial.map(|raw| parsed(raw.get()))])
            }
            ClientBody::LeaveRoom { room } => json!(["leave", room]),
            ClientBody::EmitRoom { room, event, also_self } => {
                json!(["emit", room, parsed(event), also_self])
            }
            ClientBody::SetRoomState { room, patch } => json!(["set", room, parsed(patch.get())]),
            ClientBody::GetRoomState { room } => json!(["get", room]),
            ClientBody::Resume(resume) => json!(["resume", resume.rooms]),
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn check(dialect: Dialect, kind: &str, fields: &str, expected: Result<Value, Code>) {
        let text = format!(r#"{{"type":"{kind}",{fields},"componentId":"live-1","requestId":1}}"#);
        let found = match decode(&text, dialect) {
            Ok(message) => Ok(told(&message.body)),
            Err(refusal) => {
                assert_eq!(refusal.request_id.as_deref(), Some("1"), "{text:.120}");
                Err(refusal.code)
            }
        };
        assert_eq!(found, expected, "{text:.120}");
    }

    #[track_caller]
    fn native(kind: &str, fields: &str, expected: Result<Value, Code>) {
        check(Dialect::NATIVE, kind, fields, expected);
    }

    #[track_caller]
    fn legacy(kind: &str, fields: &str, expected: Result<Value, Code>) {
        check(Dialect::LEGACY, kind, fields, expected);
    }

    const BAD: Result<Value, Code> = Err(Code::BadPayload);

    #[test]
    fn a_room_is_joined_from_where_one_stands() {
        native("ROOM_JOIN", r#""roomId":"a""#, Ok(json!(["join", "a", null, 0, null])));
        native("ROOM_JOIN", r#""roomId":"a","payload":null"#, Ok(json!(["join", "a", null, 0, null])));
        native(
            "ROOM_JOIN",
            r#""roomId":"\u0061","payload":{"since":0,"history":2,"initialState":{}}"#,
            Ok(json!(["join", "a", 0, 2, null])),
        );
        for wrong in [
            "5",
            "[]",
            r#"{"since":-1}"#,
            r#"{"since":"1"}"#,
            r#"{"history":1.5}"#,
            r#"{"since":1,"since":1}"#,
        ] {
            native("ROOM_JOIN", &format!(r#""roomId":"a","payload":{wrong}"#), BAD);
        }
    }

    #[test]
    fn a_room_is_left_and_spoken_in() {
        native("ROOM_LEAVE", r#""roomId":"a","payload":5"#, Ok(json!(["leave", "a"])));
        native(
            "ROOM_EMIT",
            r#""roomId":"a","payload":{"event":{"type":"b","deep":[1]}}"#,
            Ok(json!(["emit", "a", {"type": "b", "deep": [1]}, false])),
        );
        native(
            "ROOM_EMIT",
            r#""roomId":"a","payload":{"event":5,"self":true}"#,
            Ok(json!(["emit", "a", 5, true])),
        );
        for wrong in
            ["null", "{}", r#"{"event":null}"#, r#"{"event":1,"self":1}"#, r#"{"event":1,"self":"true"}"#]
        {
            native("ROOM_EMIT", &format!(r#""roomId":"a","payload":{wrong}"#), BAD);
        }
        // What older clients say beside the payload is nothing that ours say.
        native("ROOM_EMIT", r#""roomId":"a","event":"b","data":1"#, BAD);
    }

    #[test]
    fn a_name_that_no_room_has_is_refused() {
        let long = "x".repeat(65);
        for wrong in [
            "null",
            "5",
            "[]",
            r#""""#,
            r#""*""#,
            r#""a b""#,
            r#""\ud800""#,
            r#""a\u0000""#,
            &format!("\"{long}\""),
        ] {
            for kind in ["ROOM_JOIN", "ROOM_LEAVE", "ROOM_EMIT"] {
                native(kind, &format!(r#""roomId":{wrong},"payload":{{"event":1}}"#), BAD);
            }
            for kind in ["ROOM_JOIN", "ROOM_LEAVE", "ROOM_EMIT", "ROOM_STATE_SET", "ROOM_STATE_GET"] {
                legacy(kind, &format!(r#""roomId":{wrong},"event":"b","data":{{}}"#), BAD);
                legacy(kind, &format!(r#""payload":{{"roomId":{wrong}}},"event":"b","data":{{}}"#), BAD);
            }
        }
        native("ROOM_LEAVE", r#""payload":{"roomId":"a"}"#, BAD);
    }

    #[test]
    fn the_state_of_a_room_is_for_older_clients() {
        for kind in ["ROOM_STATE_SET", "ROOM_STATE_GET", "ROOM_STATE", "ROOM_"] {
            native(kind, r#""roomId":"a","data":{}"#, Err(Code::UnknownType));
        }
        legacy("ROOM_STATE", r#""roomId":"a","data":{}"#, Err(Code::UnknownType));
        legacy("ROOM_STATE_GET", r#""roomId":"a""#, Ok(json!(["get", "a"])));
        legacy("ROOM_STATE_SET", r#""roomId":"a","data":{"b":1}"#, Ok(json!(["set", "a", {"b": 1}])));
        legacy(
            "ROOM_STATE_SET",
            r#""payload":{"roomId":"a","data":{"b":1}}"#,
            Ok(json!(["set", "a", {"b": 1}])),
        );
        legacy(
            "ROOM_STATE_SET",
            r#""roomId":"a","data":{"b":1},"payload":{"state":{"c":1}}"#,
            Ok(json!(["set", "a", {"c": 1}])),
        );
        for wrong in
            [r#""x":1"#, r#""data":null"#, r#""data":[]"#, r#""data":"{}""#, r#""payload":{"state":5}"#]
        {
            legacy("ROOM_STATE_SET", &format!(r#""roomId":"a",{wrong}"#), BAD);
        }
    }

    #[test]
    fn an_older_client_may_put_everything_in_either_place() {
        let joined = |initial: Value| Ok(json!(["join", "a", null, 0, initial]));
        legacy("ROOM_JOIN", r#""roomId":"a","data":{"initialState":{"b":1}}"#, joined(json!({"b": 1})));
        legacy("ROOM_JOIN", r#""payload":{"roomId":"a","initialState":{"b":1}}"#, joined(json!({"b": 1})));
        legacy(
            "ROOM_JOIN",
            r#""payload":{"roomId":"a","data":{"initialState":{"b":1}}}"#,
            joined(json!({"b": 1})),
        );
        legacy(
            "ROOM_JOIN",
            r#""roomId":"a","data":{"initialState":{"b":1}},"payload":{"roomId":"c","initialState":{"d":1}}"#,
            joined(json!({"d": 1})),
        );
        legacy(
            "ROOM_JOIN",
            r#""roomId":null,"data":[],"payload":{"roomId":"a","since":1}"#,
            joined(Value::Null),
        );
        legacy("ROOM_JOIN", r#""roomId":"a","data":{"initialState":5}"#, BAD);
        legacy("ROOM_JOIN", r#""roomId":"a","data":{"initialState":{},"initialState":{}}"#, BAD);
        legacy("ROOM_LEAVE", r#""payload":{"roomId":"a"}"#, Ok(json!(["leave", "a"])));

        let emitted = |event: Value| Ok(json!(["emit", "a", event, false]));
        legacy(
            "ROOM_EMIT",
            r#""roomId":"a","event":"b","data":{"c":1}"#,
            emitted(json!({"type": "b", "c": 1})),
        );
        legacy(
            "ROOM_EMIT",
            r#""payload":{"roomId":"a","event":"b","data":[1],"self":true}"#,
            emitted(json!({"type": "b", "data": [1]})),
        );
        legacy("ROOM_EMIT", r#""roomId":"a","event":"\"b""#, emitted(json!({"type": "\"b"})));
        let long = format!("\"{}\"", "x".repeat(super::super::MAX_NAME + 1));
        for wrong in ["null", "5", "{}", r#""\ud800""#, &long] {
            legacy("ROOM_EMIT", &format!(r#""roomId":"a","event":{wrong}"#), BAD);
        }
        legacy("ROOM_EMIT", r#""roomId":"a","event":"b","data":{"\ud800":1}"#, BAD);
    }

    #[test]
    fn who_comes_back_says_where_it_stands_in_each_room() {
        let resume = |rooms: &str| format!(r#""payload":{{"component":"C","name":"C:a","rooms":{rooms}}}"#);
        native("COMPONENT_RESUME", &resume("null"), Ok(json!(["resume", []])));
        native("COMPONENT_RESUME", &resume("{}"), Ok(json!(["resume", []])));
        native(
            "COMPONENT_RESUME",
            &resume(r#"{"a":40,"*":0}"#),
            Ok(json!(["resume", [["a", 40], ["*", 0]]])),
        );
        for wrong in [
            "5",
            "[]",
            r#"{"a":null}"#,
            r#"{"a":-1}"#,
            r#"{"a":"1"}"#,
            r#"{"a b":1}"#,
            r#"{"":1}"#,
            r#"{"a":1,"a":2}"#,
        ] {
            native("COMPONENT_RESUME", &resume(wrong), BAD);
        }
        let many = |count: usize| {
            let rooms: Vec<_> = (0..count).map(|n| format!("\"r{n}\":{n}")).collect();
            resume(&format!("{{{}}}", rooms.join(",")))
        };
        let all: Vec<_> = (0..MAX_ROOMS).map(|n| json!([format!("r{n}"), n])).collect();
        native("COMPONENT_RESUME", &many(MAX_ROOMS), Ok(json!(["resume", all])));
        native("COMPONENT_RESUME", &many(MAX_ROOMS + 1), Err(Code::BadMessage));
        native("COMPONENT_RESUME", &many(100_000), Err(Code::BadMessage));
    }
}
