//! Which rooms the members of one instance are in, as the instance keeps it.
//!
//! Nobody else puts them into a room or takes them out, so there is nothing to agree on. Dropping it takes all
//! of them out: whatever becomes of an instance, it leaves nobody behind.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::{Code, ConnectionId, InstanceId, SessionId, room::EVERYBODY};

use super::legacy::State;
use super::room::{Guest, Inside, Joined, Room, Wanted, left_frame};
use super::{Origin, Rooms};
use crate::error::{Error, Result};
use crate::mailbox::Mailbox;
use crate::outbox::Outbox;

/// See the module.
pub(crate) struct Stays {
    rooms: Arc<Rooms>,
    instance: InstanceId,
    component: &'static str,
    /// Events that each room of the component keeps.
    history: usize,
    /// The instance's mailbox, if it hears.
    hears: Option<Mailbox>,
    /// By member; nobody is the instance itself.
    by_member: HashMap<Option<SessionId>, Vec<Arc<Room>>>,
}

impl Stays {
    pub(crate) fn new(
        rooms: Arc<Rooms>,
        instance: InstanceId,
        component: &'static str,
        history: usize,
        hears: Option<Mailbox>,
    ) -> Self {
        Self { rooms, instance, component, history, hears, by_member: HashMap::new() }
    }

    /// A client takes itself in, or asks again. `answer` is called before anything is told that happens
    /// afterwards.
    ///
    /// # Errors
    /// [`Code::TooManyRooms`] if it is in too many or the room is full; [`Code::TooLarge`] or
    /// [`Code::BadPayload`] if the state it brings cannot be one.
    pub(crate) fn join(
        &mut self,
        session: SessionId,
        outbox: Option<&Arc<Outbox>>,
        name: &str,
        wanted: Wanted,
        state: Option<&[u8]>,
        answer: impl FnOnce(Joined, Vec<u8>),
    ) -> Result<()> {
        let state = state.map(State::read).transpose()?;
        self.enter(Some(session), outbox, name, |_, inside, most, _| {
            if let Some(state) = state {
                inside.begin_state(state, most)?;
            }
            answer(inside.joined(Some(session), wanted), inside.state_json());
            Ok(())
        })
    }

    /// The server takes somebody in, who is told, and gets what came after what they `heard` if all of it is
    /// kept; without a session the instance itself, if it hears.
    ///
    /// # Errors
    /// As [`Stays::join`].
    pub(crate) fn take_in(
        &mut self,
        session: Option<SessionId>,
        outbox: Option<&Arc<Outbox>>,
        name: &str,
        heard: Option<u64>,
    ) -> Result<()> {
        if session.is_none() && self.hears.is_none() {
            let said = "nobody asked for this turn, and the component does not hear rooms itself";
            return Err(Error::new(Code::NotAMember, said));
        }
        let instance = self.instance;
        let is_legacy = outbox.is_some_and(|outbox| outbox.dialect().is_legacy());
        let seated = outbox.filter(|_| is_legacy);
        self.enter(session, seated, name, |room, inside, _, is_new| {
            if let (Some(session), Some(outbox), true) = (session, outbox, is_new && !is_legacy) {
                inside.back(room, session, instance, outbox, heard);
            }
            Ok(())
        })
    }

    fn enter(
        &mut self,
        session: Option<SessionId>,
        outbox: Option<&Arc<Outbox>>,
        name: &str,
        then: impl FnOnce(&Room, &mut Inside, usize, bool) -> Result<()>,
    ) -> Result<()> {
        let limits = Arc::clone(&self.rooms.limits);
        let there = self.by_member.get(&session).map_or(&[][..], Vec::as_slice);
        if let Some(room) = there.iter().find(|room| *room.key.name == *name) {
            return then(room, &mut room.inside(), limits.room_state, false);
        }
        // Everybody is in the room of all, which they did not ask for.
        if name != EVERYBODY && there.len() >= limits.rooms {
            let said =
                format!("at most {} rooms can be joined through one component: leave some", limits.rooms);
            return Err(Error::new(Code::TooManyRooms, said));
        }
        let guest = Guest { session, outbox, instance: self.instance, hears: self.hears.as_ref() };
        let entered = self.rooms.there_or_new(self.component, name, |room, inside| {
            inside.join(room, &guest, limits.room_members)?;
            // What was asked for may be refused; then it is as if nobody had come.
            then(room, inside, limits.room_state, true)
                .inspect_err(|_| inside.leave(room, &guest))
                .map(|()| Arc::clone(room))
        })??;
        self.by_member.entry(session).or_default().push(entered);
        Ok(())
    }

    /// Takes a member out of a room; tells it, if it was the server that did it. Answers whether it was in it.
    pub(crate) fn leave(&mut self, session: Option<SessionId>, name: &str, is_told: bool) -> bool {
        let Some(there) = self.by_member.get_mut(&session) else { return false };
        let Some(at) = there.iter().position(|room| *room.key.name == *name) else { return false };
        let room = there.swap_remove(at);
        if there.is_empty() {
            self.by_member.remove(&session);
        }
        self.part(session, &room, is_told);
        true
    }

    /// Takes a member out of all rooms: it is no member any more.
    pub(crate) fn leave_all(&mut self, session: Option<SessionId>) {
        for room in self.by_member.remove(&session).unwrap_or_default() {
            self.part(session, &room, false);
        }
    }

    fn part(&self, session: Option<SessionId>, room: &Arc<Room>, is_told: bool) {
        let guest = Guest { session, outbox: None, instance: self.instance, hears: self.hears.as_ref() };
        let mut inside = room.inside();
        let seat = session.filter(|_| is_told).and_then(|session| inside.seat(session));
        if let Some(outbox) = seat.and_then(|seat| seat.outbox.as_ref())
            && !outbox.dialect().is_legacy()
        {
            outbox.push(left_frame(&room.key.name, self.instance));
        }
        inside.leave(room, &guest);
        self.rooms.look_after(room, inside);
    }

    /// A member's connection is gone; its seats stay.
    pub(crate) fn away(&self, session: SessionId, connection: ConnectionId) {
        for room in self.of(session) {
            room.inside().away(session, connection);
        }
    }

    /// A member has a connection. It is told which rooms it is in, and what it missed after what it `heard`
    /// in each.
    pub(crate) fn back(&self, session: SessionId, outbox: &Arc<Outbox>, heard: &[(Box<str>, u64)]) {
        for room in self.of(session) {
            let heard = heard.iter().find(|(name, _)| *name == room.key.name).map(|(_, heard)| *heard);
            room.inside().back(room, session, self.instance, outbox, heard);
        }
    }

    /// A member speaks of rooms, and is told which of them it is not in.
    pub(crate) fn put_right(&self, session: SessionId, outbox: &Outbox, heard: &[(Box<str>, u64)]) {
        for (name, _) in heard.iter().filter(|(name, _)| !self.is_in(session, name)) {
            outbox.push(left_frame(name, self.instance));
        }
    }

    /// Tells everybody in a room of this component; see [`Rooms::emit`].
    pub(crate) fn emit(&self, name: &str, event: Bytes, origin: &Origin) -> Option<u64> {
        self.rooms.emit(self.component, name, self.history, event, origin)
    }

    /// Tells everybody who has mounted a component; see [`Rooms::emit`].
    pub(crate) fn emit_all(&self, component: &'static str, history: usize, event: Bytes, origin: &Origin) {
        self.rooms.emit(component, EVERYBODY, history, event, origin);
    }

    /// Sets a part of a room's state, for an older client that is in it.
    ///
    /// # Errors
    /// [`Code::NotAMember`] if it is not; [`Code::TooLarge`] or [`Code::BadPayload`] if that cannot be set.
    pub(crate) fn set_state(&self, session: SessionId, name: &str, patch: &[u8]) -> Result<()> {
        let room = self.room(session, name).ok_or_else(not_a_member)?;
        room.inside().set_state(room, self.instance, patch, self.rooms.limits.room_state)
    }

    /// A room's state as JSON, for an older client that is in it.
    ///
    /// # Errors
    /// [`Code::NotAMember`] if it is not.
    pub(crate) fn state(&self, session: SessionId, name: &str) -> Result<Vec<u8>> {
        let room = self.room(session, name).ok_or_else(not_a_member)?;
        Ok(room.inside().state_json())
    }

    /// Whether a member is in a room through this instance.
    pub(crate) fn is_in(&self, session: SessionId, name: &str) -> bool {
        self.room(session, name).is_some()
    }

    fn room(&self, session: SessionId, name: &str) -> Option<&Arc<Room>> {
        self.of(session).iter().find(|room| *room.key.name == *name)
    }

    fn of(&self, session: SessionId) -> &[Arc<Room>] {
        self.by_member.get(&Some(session)).map_or(&[][..], Vec::as_slice)
    }
}

impl Drop for Stays {
    fn drop(&mut self) {
        let members: Vec<_> = self.by_member.keys().copied().collect();
        for session in members {
            self.leave_all(session);
        }
    }
}

/// The answer to whoever asks for something in a room it is not in.
#[cold]
pub(crate) fn not_a_member() -> Error {
    Error::new(Code::NotAMember, "join the room first")
}
