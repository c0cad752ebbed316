//! The end of a turn: what changed goes out, encoded once for each dialect there is.
//!
//! One delta, then the events, to every subscriber; the reply follows, because it is put into the same
//! outbox afterwards. However many subscribers share an instance, they share the bytes.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use fluxstack_live_protocol::delta::Writer;
use fluxstack_live_protocol::encode::{write_broadcast, write_delta};
use fluxstack_live_protocol::{ConnectionId, ServerMessage};

use super::log::Entry;
use super::{Broken, Instance};
use crate::clock;
use crate::component::{Component, Effect};
use crate::error::Code;
use crate::outbox::StateFrame;

thread_local! {
    /// Flushing never waits, so one writer for each thread is enough.
    static WRITER: std::cell::RefCell<Writer> = std::cell::RefCell::default();
}

impl<C: Component> Instance<C> {
    /// Sends what changed, encoded once for each dialect there is, then what was emitted.
    pub(super) fn flush(&mut self) -> std::result::Result<(), Broken> {
        WRITER.with_borrow_mut(|writer| {
            writer.clear();
            // The author's `Serialize` runs in here.
            let flush = || self.component.flush(&mut self.sent, self.limits.state, writer);
            let flushed = std::panic::catch_unwind(AssertUnwindSafe(flush));
            flushed.map_err(|_| Broken::Panic)?.map_err(Broken::Flush)?;
            if !writer.is_empty() {
                self.send_delta(writer);
            }
            Ok(())
        })?;
        self.failures = 0;
        self.send_events();
        if C::KEEPS {
            // A private field may have changed without anything being sent.
            self.keep_kept();
            self.touch();
        }
        Ok(())
    }

    fn send_delta(&mut self, writer: &mut Writer) {
        let base = self.version;
        self.version += 1;
        let digest = self.component.digest(&self.sent);
        let (mut delta, mut whole) = (None, None);
        let mut encode = || {
            let mut frame = Vec::with_capacity(256);
            let payload = write_delta(self.id, clock::now(), &mut frame, |out| {
                writer.finish(base, self.version, digest, out);
            });
            StateFrame::Delta { payload, frame: frame.into() }
        };
        for outbox in &self.subscribers {
            let frame = if outbox.dialect().delta {
                delta.get_or_insert_with(&mut encode)
            } else {
                whole.get_or_insert_with(|| StateFrame::Whole(self.whole_frame(digest)))
            };
            outbox.push_state(self.id, frame.clone(), &self.mailbox);
        }
        if self.life.owner.may_come_back {
            let frame = delta.unwrap_or_else(encode);
            self.log(Entry::Delta { base, frame });
        }
        self.touch();
    }

    pub(super) fn send_whole(&self, connection: ConnectionId) {
        let digest = self.component.digest(&self.sent);
        let frame = StateFrame::Whole(self.whole_frame(digest));
        for outbox in self.subscribers.iter().filter(|outbox| outbox.connection() == connection) {
            outbox.push_state(self.id, frame.clone(), &self.mailbox);
        }
    }

    pub(super) fn whole_frame(&self, digest: u32) -> Bytes {
        let mut state = Vec::new();
        self.component.snapshot(&self.sent, &mut state);
        let mut frame = Vec::with_capacity(state.len() + 160);
        ServerMessage::Update { instance: self.id, state: &state, version: self.version, digest }
            .write(clock::now(), &mut frame);
        frame.into()
    }

    pub(super) fn send_events(&mut self) {
        for effect in self.cx.take_effects() {
            let event = match effect {
                Effect::Emit(event) => event,
                Effect::Send { to, event } => {
                    if !to.post(event, self.id) {
                        tracing::warn!(
                            "an event for another component was not taken: it is gone or has too much to do"
                        );
                    }
                    continue;
                }
                Effect::All { .. } | Effect::Room { .. } => continue,
            };
            self.life.events += 1;
            let seq = self.life.events;
            let encode = || {
                let mut frame = Vec::with_capacity(event.len() + 128);
                ServerMessage::Event { instance: self.id, seq, event: &event }
                    .write(clock::now(), &mut frame);
                Bytes::from(frame)
            };
            let (mut native, mut legacy) = (None, None);
            for outbox in &self.subscribers {
                let frame: &Bytes = if outbox.dialect().is_legacy() {
                    legacy.get_or_insert_with(|| {
                        let mut frame = Vec::new();
                        let event = std::str::from_utf8(&event).unwrap_or("null");
                        write_broadcast(self.id, event, clock::now(), &mut frame);
                        frame.into()
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
        for outbox in &self.subscribers {
            outbox.push(frame.clone());
        }
    }
}
