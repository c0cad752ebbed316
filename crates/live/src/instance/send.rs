//! The end of a turn: what changed goes out, encoded once for each dialect there is.
//!
//! One delta, then the events, to every member; the reply follows, because it is put into the same outbox
//! afterwards. However many members share an instance, they share the bytes, and where there are several and
//! more turns wait, they are told of them together ([`Hold`]). Who shows a turn already is told with the delta that
//! it is in there (`guesses.rs`).

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::encode::{write_broadcast, write_delta};
use fluxstack_live_protocol::{ConnectionId, Dialect, ServerMessage};

use super::hold::{Held, Hold};
use super::log::Entry;
use super::{Broken, Instance};
use crate::action::Outcome;
use crate::clock;
use crate::component::{Component, Effect};
use crate::error::Code;
use crate::frame;
use crate::outbox::{Done, Payload, StateFrame, Ticket};

thread_local! {
    /// Flushing never waits, so one writer for each thread is enough.
    static WRITER: std::cell::RefCell<Writer> = std::cell::RefCell::default();
}

impl<C: Component> Instance<C> {
    /// Sends, or holds, what changed and what was emitted.
    pub(super) fn flush(&mut self) -> std::result::Result<(), Broken> {
        self.take_files_back();
        WRITER.with_borrow_mut(|writer| {
            writer.clear();
            self.flush_fields(writer)?;
            if self.guesses.is_torn(!writer.is_empty(), self.pace.held(), self.pace.held_now()) {
                self.pace.everything();
                if self.flush_fields(writer).is_err() {
                    // That changed nothing, and what is written is good.
                    tracing::error!("what was fit to be sent is not any more; it is held back for longer");
                }
            }
            self.guesses.ended(!writer.is_empty(), self.pace.held(), self.pace.held_now());
            if !writer.is_empty() {
                self.change(writer);
            }
            Ok(())
        })?;
        self.failures = 0;
        self.let_files_go();
        self.changed();
        let effects = self.cx.take_effects();
        if self.holds() {
            self.hold.effects(self.cx.caller_arc(), effects);
        } else {
            effects.into_iter().for_each(|effect| self.affect(effect));
        }
        if C::KEEPS {
            // A private field may have changed without anything being sent.
            self.keep_kept();
            self.touch();
        }
        Ok(())
    }

    fn flush_fields(&mut self, writer: &mut Writer) -> std::result::Result<(), Broken> {
        // The author's `Serialize` runs in here.
        let flush = || self.component.flush(&mut self.sent, &mut self.pace, self.limits.state, writer);
        let flushed = std::panic::catch_unwind(AssertUnwindSafe(flush));
        flushed.map_err(|_| Broken::Panic)?.map_err(Broken::Flush)
    }

    /// Whether what turns do is put together before it is told.
    fn holds(&self) -> bool {
        self.is_shared()
    }

    /// Something the members see has changed.
    fn change(&mut self, writer: &mut Writer) {
        let base = self.version;
        self.version += 1;
        let digest = self.component.digest(&self.sent);
        if self.holds() {
            let mut payload = Vec::with_capacity(128);
            writer.finish(base, self.version, digest, &mut payload);
            self.hold.delta(base, payload);
        } else {
            let version = self.version;
            self.send_delta(base, digest, |out| writer.finish(base, version, digest, out));
        }
        self.touch();
    }

    /// Sends a delta that starts at `base`, encoded once for each dialect there is.
    fn send_delta(&mut self, base: u64, digest: u32, mut write: impl FnMut(&mut Vec<u8>)) {
        let (mut delta, mut whole, mut older) = (None, None, None);
        let mut encode = || {
            let (frame, payload) = frame::made(|out| write_delta(self.id, clock::now(), out, &mut write));
            StateFrame::Delta { payload: Payload::at(&payload, frame.len()), frame }
        };
        let mut told = self.guesses.take_ready();
        let is_logged = self.life.owner.may_come_back;
        let mut outboxes = self.members.outboxes().peekable();
        while let Some(outbox) = outboxes.next() {
            let dialect = outbox.dialect();
            let slot = match (dialect.delta, dialect.is_legacy()) {
                (true, _) => &mut delta,
                (false, true) => &mut older,
                (false, false) => &mut whole,
            };
            let frame = slot.get_or_insert_with(|| match dialect.delta {
                true => encode(),
                false => StateFrame::Whole(self.whole_frame(digest, dialect)),
            });
            // Whoever is the only one, or the last one, needs no reference beside theirs.
            let is_last = outboxes.peek().is_none() && !is_logged;
            let frame = if is_last { slot.take() } else { Some(frame.clone()) };
            let done = told.of(outbox.connection());
            if let Some(frame) = frame {
                outbox.push_state(self.id, frame, done, &self.mailbox);
            }
        }
        drop(outboxes);
        if is_logged {
            let frame = delta.unwrap_or_else(encode);
            self.log(Entry::Delta { base, frame });
        }
    }

    /// Answers, after everything that is told before it.
    pub(super) fn answer(&mut self, ticket: Ticket, outcome: Outcome) {
        if self.holds() {
            self.hold.reply(ticket, outcome);
        } else {
            self.reply(ticket, outcome);
        }
    }

    /// Tells the members what has been put together: the state, what was emitted, the replies.
    pub(super) fn release(&mut self) {
        if let Some(held) = self.tell_state() {
            for (caller, effect) in held.effects {
                let now = self.cx.caller_arc().cloned();
                self.cx.set_caller(caller);
                self.affect(effect);
                self.cx.set_caller(now);
            }
            held.replies.into_iter().for_each(|(ticket, outcome)| self.reply(ticket, outcome));
        }
        self.tell_lost();
        self.show();
    }

    /// Tells them of the state only, and keeps the rest for those who are about to be there as well.
    pub(super) fn tell(&mut self) {
        if let Some(held) = self.tell_state() {
            self.hold = Hold::of(held);
        }
    }

    fn tell_state(&mut self) -> Option<Box<Held>> {
        let mut held = self.hold.take()?;
        if let Some(delta) = held.delta.take() {
            let digest = self.component.digest(&self.sent);
            self.send_delta(delta.base(), digest, |out| delta.write(out));
        }
        Some(held)
    }

    pub(super) fn send_whole(&self, connection: ConnectionId) {
        let digest = self.component.digest(&self.sent);
        if let Some(outbox) = self.members.connected(connection) {
            let frame = StateFrame::Whole(self.whole_frame(digest, outbox.dialect()));
            outbox.push_state(self.id, frame, Done::default(), &self.mailbox);
        }
    }

    pub(super) fn whole_frame(&self, digest: u32, dialect: Dialect) -> Bytes {
        let mut state = Vec::new();
        self.write_state(dialect, &mut state);
        let (instance, version) = (self.id, self.version);
        let update = ServerMessage::Update { instance, state: &state, version, digest };
        frame::written(|out| update.write(clock::now(), out))
    }

    /// Appends the state as last sent, as a client of this dialect is told it: an older one reads no lists in part, and
    /// gets them whole.
    pub(super) fn write_state(&self, dialect: Dialect, out: &mut Vec<u8>) {
        if dialect.is_legacy() {
            self.component.whole(&self.sent, out);
        } else {
            self.component.snapshot(&self.sent, out);
        }
    }

    /// Does one thing to others.
    pub(super) fn affect(&mut self, effect: Effect) {
        match effect {
            Effect::Emit(event) => self.send_event(&event),
            Effect::Send { to, event } => {
                if !to.post(event, self.id) {
                    tracing::warn!(
                        "an event for another component was lost: it is gone, or has too much to do"
                    );
                }
            }
            Effect::All { component, history, event } => self.all_effect(component, history, event),
            Effect::Room { room, act } => self.room_effect(&room, act),
        }
    }

    /// Tells the clients of an event, encoded once for each dialect there is.
    fn send_event(&mut self, event: &[u8]) {
        self.life.events += 1;
        let seq = self.life.events;
        let encode = || {
            let event = ServerMessage::Event { instance: self.id, seq, event };
            frame::written(|out| event.write(clock::now(), out))
        };
        let (mut native, mut legacy) = (None, None);
        for outbox in self.members.outboxes() {
            let frame: &Bytes = if outbox.dialect().is_legacy() {
                legacy.get_or_insert_with(|| {
                    let event = std::str::from_utf8(event).unwrap_or("null");
                    frame::written(|out| write_broadcast(self.id, event, clock::now(), out))
                })
            } else {
                native.get_or_insert_with(encode)
            };
            outbox.push_event(self.id, frame.clone());
        }
        if self.life.owner.may_come_back {
            let frame = native.unwrap_or_else(encode);
            self.log(Entry::Event { seq, frame });
        }
        self.touch();
    }

    /// Tells everyone that the instance is gone.
    pub(super) fn give_up(self) {
        let id = self.id.to_string();
        let mut frame = Vec::new();
        ServerMessage::Error {
            component_id: Some(&id),
            request_id: None,
            code: Code::InstanceLost,
            error: "the instance failed and could not be put back: mount it again",
            action: None,
        }
        .write(clock::now(), &mut frame);
        for outbox in self.members.outboxes() {
            outbox.push(frame.clone());
        }
    }
}
