//! An instance whose client goes and comes back.
//!
//! While nobody is connected it goes on as before: timers tick, spawned work returns, what changes is
//! logged. Whoever comes back is sent what they missed, then everything as it happens.

use std::sync::Arc;
use std::time::Duration;

use fluxstack_live_protocol::encode::write_calls;
use fluxstack_live_protocol::{CallId, ConnectionId, SessionId};
use tokio::time::Instant;

use super::log::Entry;
use super::{Instance, Lost};
use crate::auth::Caller;
use crate::component::{Component, Resumed};
use crate::outbox::{Done, Outbox};

/// How much more is logged while nobody is connected.
const LONGER: usize = 16;
/// What a grace period without an end comes to.
const VERY_LONG: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// So much after now; what is beyond all clocks is a long time.
fn later(now: Instant, time: Duration) -> Instant {
    now.checked_add(time).unwrap_or_else(|| now + VERY_LONG)
}

impl<C: Component> Instance<C> {
    /// The connection of a member is gone, and the member is waited for.
    pub(super) fn detach(&mut self, session: SessionId, connection: ConnectionId) {
        let until = later(Instant::now(), C::GRACE.unwrap_or(self.limits.grace));
        if self.members.away(session, connection, until) && !self.is_shared() {
            self.life.until = Some(until);
        }
    }

    /// Waits for somebody for so long.
    pub(super) fn wait(&mut self, time: Duration) {
        self.life.until = Some(later(Instant::now(), time));
    }

    /// Somebody is back. Sends what they missed, and answers how many messages that was.
    pub(super) fn attach(
        &mut self,
        caller: Arc<Caller>,
        outbox: Arc<Outbox>,
        have: Option<u64>,
        heard: u64,
    ) -> usize {
        let id = self.id;
        let missed = self.life.log.since(have, self.version, heard, self.life.events);
        let dialect = outbox.dialect();
        let reads_deltas = dialect.delta;
        let has_delta = missed.frames.iter().any(|entry| matches!(entry, Entry::Delta { .. }));
        let whole = missed.whole || (has_delta && !reads_deltas);
        let mut count = 0;
        if whole {
            let digest = self.component.digest(&self.sent);
            outbox.push_whole(id, self.whole_frame(digest, dialect));
            count += 1;
        }
        if missed.lost > 0 {
            outbox.push_missed(id, missed.lost);
            count += 1;
        }
        for entry in missed.frames {
            match entry {
                Entry::Delta { .. } if whole => continue,
                Entry::Delta { frame, .. } => {
                    outbox.push_state(id, frame.clone(), Done::default(), &self.mailbox)
                }
                Entry::Event { frame, .. } => outbox.push_event(id, frame.clone()),
            }
            count += 1;
        }
        self.cx.set_caller(Some(Arc::clone(&caller)));
        self.put(caller, outbox);
        self.life.keeping.carry_again();
        count
    }

    /// The answer to whoever came back.
    pub(super) fn resumed(&self, resumed: Resumed, is_outdated: bool, doubt: &[CallId]) -> Vec<u8> {
        let outcome = match resumed {
            Resumed::InStep => "\"resumed\"".to_owned(),
            Resumed::Replayed(frames) => format!("\"replayed\",\"frames\":{frames}"),
        };
        let (version, digest, seq) = (self.version, self.component.digest(&self.sent), self.life.events);
        let outdated = if is_outdated { ",\"outdated\":true" } else { "" };
        let mut result = format!(
            "{{\"outcome\":{outcome},\"version\":{version},\"digest\":{digest},\"seq\":{seq}{outdated}"
        )
        .into_bytes();
        self.write_done(doubt, &mut result);
        result.push(b'}');
        result
    }

    /// Somebody who is back shows calls already that they had no answer to. What they are told of those is that they are
    /// in the state, so nothing of it may be held back.
    pub(super) async fn end_doubt(&mut self, doubt: &[CallId]) -> std::result::Result<(), Lost> {
        if doubt.is_empty() { Ok(()) } else { self.catch_up().await }
    }

    /// Says which of these calls the caller's state has.
    pub(super) fn write_done(&self, doubt: &[CallId], out: &mut Vec<u8>) {
        if !doubt.is_empty() {
            let of = self.member();
            out.extend_from_slice(b",\"done\":");
            write_calls(doubt.iter().filter(|call| self.life.seen.has(call, of)), out);
        }
    }

    /// Keeps a frame for whoever comes back.
    pub(super) fn log(&mut self, entry: Entry) {
        if self.life.owner.may_come_back {
            // Of a shared one, somebody is often away.
            let longer = if self.life.until.is_some() || self.is_shared() { LONGER } else { 1 };
            self.life.log.push(entry, self.limits.replay.saturating_mul(longer));
        }
    }
}
