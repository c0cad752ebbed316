//! The rooms an instance's members are in, and what its members and its author do there.
//!
//! What a turn does in rooms is done at its end, like everything it does to others. What a client asks for is a
//! turn of its own that changes nothing: the author only says whether it may.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::room::{EVERYBODY, is_name};
use fluxstack_live_protocol::{ConnectionId, SessionId};

use super::{Instance, bad_event, log};
use crate::action::Outcome;
use crate::auth::Caller;
use crate::component::{Component, Cx, Effect, RoomAct};
use crate::error::{Code, Error, Result};
use crate::mailbox::{Heard, Mailbox, RoomAsk};
use crate::outbox::{Outbox, Ticket};
use crate::rooms::{Joined, Origin, Rooms, Stays, Wanted, not_a_member};
use crate::wire;

/// The rooms of an instance.
pub(super) struct InRooms {
    stays: Stays,
    /// Whoever is about to be here, and what they say they heard in which rooms.
    arriving: Option<Box<(SessionId, Heard)>>,
}

impl InRooms {
    pub(super) fn new<C: Component>(rooms: Arc<Rooms>, cx: &Cx<C>, mailbox: &Mailbox) -> Self {
        let hears = C::HEARS_ROOMS.then(|| mailbox.clone());
        let stays = Stays::new(rooms, cx.instance_id(), C::NAME, C::ROOM_HISTORY, hears);
        Self { stays, arriving: None }
    }
}

impl<C: Component> Instance<C> {
    /// Somebody is about to have the instance mounted, or to be back.
    pub(super) fn expect_in_rooms(&mut self, session: SessionId, heard: Heard) {
        self.life.rooms.arriving = (!heard.is_empty()).then(|| Box::new((session, heard)));
    }

    /// Somebody has the instance mounted from this connection, and has been told so: what they missed in rooms
    /// follows, then what was waiting for them to be there. Whoever had been given up, and is a member anew, is taken
    /// back into the rooms they were in, if they may join them by themselves.
    pub(super) fn arrive_in_rooms(&mut self, session: SessionId, is_new: bool) {
        if let Some(outbox) = self.outbox_of(session) {
            self.life.rooms.stays.back(session, &outbox, self.heard_by(session));
        }
        self.affect_all();
        self.release();
        if let Some(outbox) = self.outbox_of(session) {
            if C::HEARS_ALL {
                self.take_in(Some(session), EVERYBODY);
            }
            if is_new {
                self.take_back(session);
            }
            self.life.rooms.stays.put_right(session, &outbox, self.heard_by(session));
        }
        self.life.rooms.arriving = None;
    }

    fn take_back(&mut self, session: SessionId) {
        let Some(caller) = self.members.get(session).map(|member| Arc::clone(&member.caller)) else { return };
        self.cx.set_caller(Some(caller));
        self.cx.set_call(None);
        let is_lost =
            |(name, _): &&(Box<str>, u64)| is_name(name) && !self.life.rooms.stays.is_in(session, name);
        let lost: Vec<_> =
            self.heard_by(session).iter().filter(is_lost).map(|(name, _)| name.clone()).collect();
        for room in lost {
            if self.allow(|component, cx| component.may_join(&room, cx)).is_ok() {
                self.take_in(Some(session), &room);
            }
        }
    }

    /// Does to others what has been asked for so far.
    pub(super) fn affect_all(&mut self) {
        for effect in self.cx.take_effects() {
            self.affect(effect);
        }
    }

    /// A member's connection is gone.
    pub(super) fn away_in_rooms(&self, session: SessionId, connection: ConnectionId) {
        self.life.rooms.stays.away(session, connection);
    }

    /// A member is none any more.
    pub(super) fn leave_rooms(&mut self, session: SessionId) {
        self.life.rooms.stays.leave_all(Some(session));
    }

    /// What a turn does in a room of this component, on behalf of whoever asked for it.
    pub(super) fn room_effect(&mut self, room: &str, act: RoomAct) {
        let session = self.caller_session();
        match act {
            RoomAct::Join => self.take_in(session, room),
            RoomAct::Leave => drop(self.life.rooms.stays.leave(session, room, true)),
            RoomAct::Emit { event, also_self } => {
                let origin = Origin { session, also_self, instance: self.id, is_client: false };
                self.life.rooms.stays.emit(room, event.into(), &origin);
            }
        }
    }

    /// What a turn tells everybody who has mounted a component.
    pub(super) fn all_effect(&mut self, component: &'static str, history: usize, event: Vec<u8>) {
        let origin = Origin { session: None, also_self: true, instance: self.id, is_client: false };
        self.life.rooms.stays.emit_all(component, history, event.into(), &origin);
    }

    fn take_in(&mut self, session: Option<SessionId>, room: &str) {
        // Who was refused, or has left meanwhile, is in no room.
        if session.is_some_and(|session| !self.members.has(session)) {
            return;
        }
        let outbox = session.and_then(|session| self.outbox_of(session));
        let heard = session.map_or(&[][..], |session| self.heard_by(session));
        let heard = heard.iter().find(|(name, _)| **name == *room).map(|(_, heard)| *heard);
        if let Err(error) = self.life.rooms.stays.take_in(session, outbox.as_ref(), room, heard) {
            tracing::warn!(component = C::NAME, room, "a room was not joined: {error}");
        }
    }

    /// What a client asks for in a room. Answers it.
    pub(super) fn read_room(&mut self, ask: RoomAsk, caller: Arc<Caller>, ticket: Ticket) {
        let session = caller.session_id();
        if !self.members.has(session) {
            // Dropped, a ticket says that the caller has no such instance.
            return;
        }
        // What earlier turns did in rooms comes first.
        self.release();
        if let Err(error) = self.demand_of(&caller) {
            return ticket.answer(Err(error));
        }
        self.cx.set_call(None);
        let stays = &mut self.life.rooms.stays;
        let outcome = match ask {
            RoomAsk::Join { room, wanted, state } => {
                return self.join_room(session, &room, wanted, state.as_deref(), ticket);
            }
            RoomAsk::Leave { room } if stays.leave(Some(session), &room, false) => Ok(None),
            RoomAsk::Leave { .. } => Err(not_a_member()),
            RoomAsk::Emit { room, event, also_self } => self.emit_in_room(session, &room, &event, also_self),
            RoomAsk::SetState { room, patch } => stays.set_state(session, &room, &patch).map(|()| None),
            RoomAsk::State { room } => stays.state(session, &room).map(Some),
        };
        if let Err(error) = &outcome {
            log(error);
        }
        ticket.answer(outcome);
    }

    fn join_room(
        &mut self,
        session: SessionId,
        room: &str,
        wanted: Wanted,
        state: Option<&[u8]>,
        ticket: Ticket,
    ) {
        let outbox = self.outbox_of(session);
        let is_legacy = outbox.as_ref().is_some_and(|outbox| outbox.dialect().is_legacy());
        let mut ticket = Some(ticket);
        let joined = self.allow(|component, cx| component.may_join(room, cx)).and_then(|()| {
            self.life.rooms.stays.join(session, outbox.as_ref(), room, wanted, state, |joined, state| {
                if let Some(ticket) = ticket.take() {
                    ticket.answer(Ok(Some(if is_legacy { state } else { joined_json(&joined, wanted) })));
                }
            })
        });
        if let (Err(error), Some(ticket)) = (joined, ticket) {
            log(&error);
            ticket.answer(Err(error));
        }
    }

    fn emit_in_room(&mut self, session: SessionId, room: &str, event: &[u8], also_self: bool) -> Outcome {
        if !self.life.rooms.stays.is_in(session, room) {
            return Err(not_a_member());
        }
        let mut checked = Vec::new();
        self.allow(|component, cx| {
            let event: C::Event = wire::from_json(event).map_err(|why| bad_event(&why))?;
            component.may_emit(room, &event, cx)?;
            // As it was understood, so that nothing reaches others that the component knows nothing of.
            checked = wire::to_json(&event).map_err(Error::internal)?;
            Ok(())
        })?;
        let origin = Origin { session: Some(session), also_self, instance: self.id, is_client: true };
        let seq = self.life.rooms.stays.emit(room, Bytes::from(checked), &origin);
        Ok(seq.map(|seq| format!("{{\"seq\":{seq}}}").into_bytes()))
    }

    /// Asks the author, whatever they do. They cannot change anything, so there is nothing to put back.
    fn allow(&self, ask: impl FnOnce(&C, &Cx<C>) -> Result<()>) -> Result<()> {
        let asked = std::panic::catch_unwind(AssertUnwindSafe(|| ask(&self.component, &self.cx)));
        asked.unwrap_or_else(|_| {
            tracing::error!(component = C::NAME, "asking whether this is allowed panicked");
            Err(Error::new(Code::ActionFailed, "this failed on the server; nothing was changed"))
        })
    }

    fn caller_session(&self) -> Option<SessionId> {
        self.cx.caller_arc().map(|caller| caller.session_id())
    }

    fn outbox_of(&self, session: SessionId) -> Option<Arc<Outbox>> {
        self.members.get(session).and_then(|member| member.outbox.clone())
    }

    fn heard_by(&self, session: SessionId) -> &[(Box<str>, u64)] {
        match self.life.rooms.arriving.as_deref() {
            Some((arriving, heard)) if *arriving == session => heard,
            _ => &[],
        }
    }
}

/// What a client learns that has joined a room.
fn joined_json(joined: &Joined, wanted: Wanted) -> Vec<u8> {
    let Joined { seq, recovered, events } = joined;
    let mut out = format!("{{\"seq\":{seq}").into_bytes();
    if let Some(recovered) = recovered {
        out.extend_from_slice(format!(",\"recovered\":{recovered}").as_bytes());
    }
    if *recovered == Some(true) || (recovered.is_none() && wanted.history > 0) {
        out.extend_from_slice(b",\"events\":[");
        for (index, (seq, event)) in events.iter().enumerate() {
            out.extend_from_slice(if index == 0 { b"[" } else { b",[" });
            out.extend_from_slice(seq.to_string().as_bytes());
            out.push(b',');
            out.extend_from_slice(event);
            out.push(b']');
        }
        out.push(b']');
    }
    out.push(b'}');
    out
}

/// What a mount did in rooms, without what it told others: of one that goes on, that was told by the first.
pub(super) fn only_stays(effects: Vec<Effect>) -> Vec<Effect> {
    let is_stay =
        |effect: &Effect| matches!(effect, Effect::Room { act: RoomAct::Join | RoomAct::Leave, .. });
    effects.into_iter().filter(is_stay).collect()
}
