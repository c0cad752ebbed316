//! What older clients see of a room: a small state they share, and who comes and goes.
//!
//! They are told by instance and not by connection, because each of their components listens by itself. The
//! state is theirs alone: no component reads it, and version 3 does not know it.

use std::collections::BTreeMap;

use bytes::Bytes;
use fluxstack_live_protocol::{Code, InstanceId, ServerMessage, legacy};
use serde_json::value::RawValue;

use super::room::{Inside, Room, RoomKey};
use crate::clock;
use crate::error::{Error, Result};

/// What each entry of a state weighs beside its key and its value.
const ENTRY: usize = 16;

/// The state of a room: an object of which whole fields are set.
#[derive(Debug, Default)]
pub(super) struct State {
    fields: BTreeMap<Box<str>, Box<RawValue>>,
    bytes: usize,
}

impl State {
    /// What a client sent as a state, or as a part of one.
    pub(super) fn read(json: &[u8]) -> Result<Self> {
        let fields: BTreeMap<Box<str>, Box<RawValue>> = serde_json::from_slice(json)
            .map_err(|_| Error::new(Code::BadPayload, "the state of a room is an object"))?;
        let bytes = fields.iter().map(|(key, value)| weight(key, value)).sum();
        Ok(Self { fields, bytes })
    }

    /// Sets what is in `patch`, unless that would be too much.
    pub(super) fn set(&mut self, patch: Self, most: usize) -> Result<()> {
        let replaced = patch.fields.keys().filter_map(|key| self.fields.get_key_value(key));
        let bytes = self.bytes + patch.bytes - replaced.map(|(key, old)| weight(key, old)).sum::<usize>();
        if bytes > most {
            let said = format!("the state of the room would be larger than {most} bytes");
            return Err(Error::new(Code::TooLarge, said));
        }
        self.bytes = bytes;
        self.fields.extend(patch.fields);
        Ok(())
    }

    pub(super) fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.fields).expect("what was read as JSON is JSON")
    }
}

fn weight(key: &str, value: &RawValue) -> usize {
    key.len() + value.get().len() + ENTRY
}

/// Somebody came: the others are told.
pub(super) fn came(inside: &Inside, room: &Room, instance: InstanceId) {
    tell_of(inside, room, instance, legacy::SUB_JOIN);
}

/// Somebody went, and is not there any more: the others are told.
pub(super) fn went(inside: &Inside, room: &Room, instance: InstanceId) {
    tell_of(inside, room, instance, legacy::SUB_LEAVE);
}

fn tell_of(inside: &Inside, room: &Room, who: InstanceId, event: &str) {
    if inside.legacy.is_empty() {
        return;
    }
    let (now, count, subscriber) = (clock::now(), inside.places, who.to_string());
    inside.tell_legacy(room, Some(who), |instance| {
        let mut frame = Vec::with_capacity(256);
        ServerMessage::LegacyRoomSystem {
            instance,
            room: &room.key.name,
            event,
            subscriber: &subscriber,
            count,
        }
        .write(now, &mut frame);
        frame.into()
    });
}

/// What one instance of an older client is told of an event.
pub(super) fn event_frame(key: &RoomKey, instance: InstanceId, event: &[u8], now: u64) -> Bytes {
    let event = std::str::from_utf8(event).unwrap_or("null");
    let mut frame = Vec::with_capacity(event.len() + 192);
    ServerMessage::LegacyRoomEvent { instance, room: &key.name, event }.write(now, &mut frame);
    frame.into()
}

impl Inside {
    /// The state a room begins with, if it has none yet.
    pub(super) fn begin_state(&mut self, state: State, most: usize) -> Result<()> {
        if self.state.is_none() {
            let mut empty = State::default();
            empty.set(state, most)?;
            self.state = Some(empty);
        }
        Ok(())
    }

    /// Sets a part of the state and tells the others.
    pub(super) fn set_state(
        &mut self,
        room: &Room,
        from: InstanceId,
        patch: &[u8],
        most: usize,
    ) -> Result<()> {
        let read = State::read(patch)?;
        match &mut self.state {
            Some(state) => state.set(read, most)?,
            None => self.begin_state(read, most)?,
        }
        let now = clock::now();
        self.tell_legacy(room, Some(from), |instance| {
            let mut frame = Vec::with_capacity(patch.len() * 2 + 192);
            ServerMessage::LegacyRoomState {
                instance,
                room: &room.key.name,
                event: legacy::STATE_UPDATE,
                content: patch,
            }
            .write(now, &mut frame);
            frame.into()
        });
        Ok(())
    }

    pub(super) fn state_json(&self) -> Vec<u8> {
        self.state.as_ref().map_or_else(|| b"{}".to_vec(), State::to_json)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(state: &mut State, patch: &str, most: usize, expected: Result<&str, Code>) {
        let set = State::read(patch.as_bytes()).and_then(|patch| state.set(patch, most));
        let shown = String::from_utf8(state.to_json()).unwrap();
        assert_eq!(set.map(|()| shown.as_str()).map_err(|error| error.code()), expected, "{patch}");
    }

    #[test]
    fn whole_fields_are_set_and_a_state_that_would_be_too_large_stays_as_it_was() {
        let state = &mut State::default();
        check(state, r#"{"a":{"b":1},"c":2}"#, 100, Ok(r#"{"a":{"b":1},"c":2}"#));
        check(state, r#"{"a":{"d":3}}"#, 100, Ok(r#"{"a":{"d":3},"c":2}"#));
        check(state, &format!(r#"{{"e":"{}"}}"#, "x".repeat(100)), 100, Err(Code::TooLarge));
        check(state, "[1]", 100, Err(Code::BadPayload));
        check(state, r#"{"c":null}"#, 100, Ok(r#"{"a":{"d":3},"c":null}"#));
        // What is replaced makes room.
        for _ in 0..100 {
            check(state, r#"{"c":"0123456789"}"#, 100, Ok(r#"{"a":{"d":3},"c":"0123456789"}"#));
        }
    }
}
