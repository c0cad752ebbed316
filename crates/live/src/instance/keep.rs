//! The snapshots of an instance: when they are taken, where they go, and which answers wait for them.
//!
//! Two copies are kept, each for its own reason: one in the server's store, one with the client if the
//! server has keys that another server would know. An answer that promises durability waits here until the
//! store has what it speaks of. One write is under way at a time; what happens meanwhile is in the next one,
//! so an instance that is busy writes as often as the store can, not as often as it is called.

use std::task::{Context, Poll};
use std::time::Duration;

use fluxstack_live_protocol::ServerMessage;
use tokio::time::Instant;

use super::members::Member;
use super::{Goes, Instance, Left, Lost};
use crate::action::Outcome;
use crate::clock;
use crate::component::Component;
use crate::error::{Code, Error};
use crate::frame;
use crate::outbox::Ticket;
use crate::seal::{Claims, Kind};
use crate::store::{Boxed, StoreError};
use crate::vault::Durability;

/// How long an instance that the store did not take waits before it is put to rest again.
const TRY_AGAIN: Duration = Duration::from_secs(30);
/// How much smaller no body becomes by packing it.
const PACKED: usize = 64;
/// How long it takes until somebody looks whether a state has become small enough for its client to keep.
const LOOK_AGAIN: Duration = Duration::from_secs(60);
/// How often it is tried, before its state is given up.
const MOST_TRIES: u32 = 10;

/// See the module.
pub(super) struct Keeping {
    durability: Durability,
    /// Something has happened that the store does not have, and no write that is under way brings.
    is_unstored: bool,
    /// Something has happened that the client's copy does not have.
    is_uncarried: bool,
    /// Answers that wait for the next write.
    held: Vec<(Ticket, Outcome)>,
    writing: Option<Writing>,
    /// When the next copy may be taken.
    next_store: Option<Instant>,
    next_carry: Option<Instant>,
    /// When the copies are so old that they have to be taken again, before they expire.
    refresh: Option<Instant>,
    /// Until when a copy is not worth making, because the last one was too large for the client by far.
    next_try: Option<Instant>,
    /// Whether there may be copies elsewhere: given to the client, or what it began from. Only these could come back, so
    /// only then it is remembered which versions there were.
    has_copies: bool,
}

/// When a copy is to be taken; at once, if no time is said. Without asking for the time, because that is asked after
/// every turn.
#[derive(Clone, Copy)]
struct Due(Option<Instant>);

impl Due {
    fn has_come(self, now: Instant) -> bool {
        self.0.is_none_or(|at| at <= now)
    }
}

struct Writing {
    done: Boxed<'static, Result<(), StoreError>>,
    held: Vec<(Ticket, Outcome)>,
    stamp: u64,
}

impl Keeping {
    pub(super) fn new(durability: Durability, has_copies: bool) -> Self {
        Self {
            durability,
            is_unstored: false,
            is_uncarried: false,
            held: Vec::new(),
            writing: None,
            next_store: None,
            next_carry: None,
            refresh: None,
            next_try: None,
            has_copies,
        }
    }

    /// The write that is under way has ended; never, if there is none.
    pub(super) fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), StoreError>> {
        match &mut self.writing {
            Some(writing) => writing.done.as_mut().poll(cx),
            None => Poll::Pending,
        }
    }

    /// The same, as a future. Nothing is lost if it is dropped.
    async fn written(&mut self) -> Result<(), StoreError> {
        std::future::poll_fn(|cx| self.poll_written(cx)).await
    }

    /// The client may have lost what it was sent last.
    pub(super) fn carry_again(&mut self) {
        self.is_uncarried = true;
    }
}

impl<C: Component> Instance<C> {
    /// This version of the instance existed; what is older is not to come back, if there is anything that could.
    pub(super) fn remember(&self, version: u64) {
        if self.life.keeping.has_copies {
            self.life.owner.vault.remember(self.id, version);
        }
    }

    /// Something happened that a snapshot has to have.
    pub(super) fn touch(&mut self) {
        self.life.stamp += 1;
        self.life.keeping.is_unstored = true;
        self.life.keeping.is_uncarried = true;
    }

    /// Answers, as soon as what the answer speaks of is as durable as was promised.
    pub(super) fn reply(&mut self, ticket: Ticket, outcome: Outcome) {
        let keeping = &mut self.life.keeping;
        if keeping.durability < Durability::Acknowledged || !self.life.owner.may_come_back {
            return ticket.answer(outcome);
        }
        match &mut keeping.writing {
            _ if keeping.is_unstored => keeping.held.push((ticket, outcome)),
            Some(writing) => writing.held.push((ticket, outcome)),
            None => ticket.answer(outcome),
        }
    }

    /// After every turn: takes the copies that are due at once.
    pub(super) fn keep(&mut self) {
        if !self.life.owner.may_come_back {
            return;
        }
        let (store, carry) = (self.store_due(), self.carry_due());
        if store.is_none() && carry.is_none() {
            return;
        }
        let now = Instant::now();
        if store.is_some_and(|due| due.has_come(now)) {
            self.begin_write(now);
        }
        if carry.is_some_and(|due| due.has_come(now)) {
            self.carry(now);
        }
    }

    /// Whether a copy is taken after this turn, so that what is held back has to be sent before.
    pub(super) fn keeps_now(&self) -> bool {
        if self.pace.next().is_none() || !self.life.owner.may_come_back {
            return false;
        }
        let now = Instant::now();
        [self.store_due(), self.carry_due()].into_iter().flatten().any(|due| due.has_come(now))
    }

    /// When something has to be done that nobody asks for.
    pub(super) fn deadline(&mut self) -> Option<Instant> {
        if !self.life.draining.is_empty() {
            return Some(Instant::now());
        }
        let refresh = self.life.keeping.refresh;
        let overdue = if self.is_shared() { self.members.next_deadline() } else { None };
        let at = |due: Option<Due>| due.map(|due| due.0.unwrap_or_else(Instant::now));
        let (store, carry) = (at(self.store_due()), at(self.carry_due()));
        [self.life.until, refresh, store, carry, overdue, self.pace.next()].into_iter().flatten().min()
    }

    /// See to it.
    pub(super) async fn on_deadline(&mut self) -> std::result::Result<Goes, Lost> {
        let now = Instant::now();
        if !self.life.draining.is_empty() {
            return Ok(Goes::ToRest);
        }
        if self.pace.next().is_some_and(|due| due <= now) {
            self.end_quietly(Ok(())).await?;
        }
        if self.is_shared() {
            self.give_up_on_members(now).await?;
        }
        if self.life.until.is_some_and(|until| until <= now) {
            let is_over = self.is_shared() && self.life.left == Left::Gladly;
            return Ok(if is_over { Goes::Deserted } else { Goes::ToRest });
        }
        if self.life.keeping.refresh.is_some_and(|refresh| refresh <= now) {
            self.life.keeping.refresh = None;
            self.touch();
        }
        // The copies are taken after every turn, and this was one.
        Ok(Goes::On)
    }

    /// When the store's copy has to be taken, if it has to be.
    fn store_due(&self) -> Option<Due> {
        let keeping = &self.life.keeping;
        if !keeping.is_unstored
            || keeping.writing.is_some()
            || keeping.durability == Durability::Resting
            || !self.life.owner.may_come_back
        {
            return None;
        }
        // Somebody waits for it; otherwise it can wait its turn.
        Some(Due(keeping.next_store.filter(|_| keeping.held.is_empty())))
    }

    fn carry_due(&self) -> Option<Due> {
        let keeping = &self.life.keeping;
        let is_due = keeping.is_uncarried
            && self.life.owner.vault.carries
            // What is everybody's is nobody's to bring back.
            && !self.is_shared()
            && self.members.outboxes().any(|outbox| outbox.dialect().resume);
        is_due.then_some(Due(keeping.next_carry))
    }

    fn begin_write(&mut self, now: Instant) {
        let keeping = &mut self.life.keeping;
        keeping.next_store = Some(now + self.limits.snapshot_every);
        keeping.is_unstored = false;
        keeping.refresh = now.checked_add(self.life.owner.vault.max_age / 2);
        let held = std::mem::take(&mut keeping.held);
        let Some((claims, body)) = self.picture(true) else {
            self.life.keeping.is_unstored = true;
            return settle(held, false);
        };
        let (vault, stamp) = (&self.life.owner.vault, claims.version);
        let done = vault.put(self.life.owner.place(self.id), stamp, vault.keys.seal(&claims, &body));
        self.life.keeping.writing = Some(Writing { done, held, stamp });
    }

    /// A write has ended: whoever waited for it is answered.
    pub(super) fn was_written(&mut self, written: Result<(), StoreError>) {
        let Some(writing) = self.life.keeping.writing.take() else { return };
        match &written {
            Ok(()) if self.is_shared() => {}
            Ok(()) => self.remember(writing.stamp),
            Err(why) => {
                tracing::error!(%why, "the store did not take a snapshot");
                self.life.keeping.is_unstored = true;
            }
        }
        settle(writing.held, written.is_ok());
    }

    /// Gives the client a copy to keep.
    fn carry(&mut self, now: Instant) {
        let keeping = &mut self.life.keeping;
        keeping.next_carry = Some(now + self.limits.snapshot_every);
        keeping.is_uncarried = false;
        keeping.refresh = now.checked_add(self.life.owner.vault.max_age / 2);
        if keeping.next_try.is_some_and(|next| next > now) {
            // What the client has from before is old, all the same.
            keeping.has_copies = true;
            return self.remember(self.life.stamp);
        }
        // What is private may leave the server only where nobody can read it.
        let keys = &self.life.owner.vault.keys;
        let Some((claims, body)) = self.picture(keys.encrypts()) else { return };
        if body.len() > self.limits.carried.saturating_mul(PACKED) {
            self.life.keeping.next_try = now.checked_add(LOOK_AGAIN);
        }
        let snapshot = keys.seal_text(&claims, &body);
        self.life.keeping.has_copies = true;
        self.remember(claims.version);
        if snapshot.len() > self.limits.carried {
            tracing::debug!(bytes = snapshot.len(), "too large for the client to keep; the store has it");
            return;
        }
        let message =
            ServerMessage::Snapshot { instance: self.id, version: self.version, snapshot: &snapshot };
        let frame = frame::written(|out| message.write(clock::now(), out));
        for outbox in self.members.outboxes().filter(|outbox| outbox.dialect().resume) {
            outbox.push_snapshot(self.id, frame.clone());
        }
    }

    /// A snapshot as it is now; `with_kept` also of the private fields whose author wants them kept.
    fn picture(&self, with_kept: bool) -> Option<(Claims, Vec<u8>)> {
        let owner = &self.life.owner;
        let nameplate = self.cx.nameplate();
        let claims = Claims {
            kind: Kind::Snapshot,
            component: nameplate.component.into(),
            instance: self.id,
            session: owner.session,
            subject: (&*owner.subject).into(),
            version: self.life.stamp,
            schema: C::VERSION,
            issued: clock::now(),
        };
        let mut body = Vec::with_capacity(256);
        body.extend_from_slice(format!("{{\"version\":{},\"props\":", self.version).as_bytes());
        body.extend_from_slice(self.props.as_deref().unwrap_or(b"null"));
        body.extend_from_slice(b",\"state\":");
        self.component.whole(&self.sent, &mut body);
        if C::KEEPS && with_kept && !self.life.kept.is_empty() {
            body.extend_from_slice(b",\"kept\":");
            body.extend_from_slice(&self.life.kept);
        }
        body.extend_from_slice(b",\"seen\":");
        body.extend_from_slice(&self.life.seen.to_json());
        body.extend_from_slice(format!(",\"events\":{}", self.life.events).as_bytes());
        if self.is_shared() {
            self.write_members(&mut body);
        }
        body.push(b'}');
        if body.len() > owner.vault.most {
            // It could be written, and never be read again.
            tracing::error!(
                bytes = body.len(),
                most = owner.vault.most,
                "too large to be kept; keep less in it"
            );
            return None;
        }
        Some((claims, body))
    }

    /// Who is there, and which instances this one was: what a shared one has to know that is rebuilt from it.
    fn write_members(&self, out: &mut Vec<u8>) {
        let identity = |member: &Member| member.caller.identity().map(|identity| identity.id().to_owned());
        let members: Vec<(String, String)> = self
            .members
            .iter()
            .map(|(session, member)| (session.to_string(), identity(member).unwrap_or_default()))
            .collect();
        let former: Vec<String> = self.life.former.iter().map(ToString::to_string).collect();
        out.extend_from_slice(b",\"members\":");
        out.extend_from_slice(&serde_json::to_vec(&members).unwrap_or_else(|_| b"[]".to_vec()));
        out.extend_from_slice(b",\"former\":");
        out.extend_from_slice(&serde_json::to_vec(&former).unwrap_or_else(|_| b"[]".to_vec()));
    }

    /// Notes the private fields that are kept, after a turn that went well. The author's `Serialize` runs in
    /// here.
    pub(super) fn keep_kept(&mut self) {
        if !C::KEEPS {
            return;
        }
        let mut kept = Vec::with_capacity(self.life.kept.len() + 16);
        let written = std::panic::AssertUnwindSafe(|| self.component.kept(&mut kept));
        match std::panic::catch_unwind(written) {
            Ok(Ok(())) => self.life.kept = kept,
            Ok(Err(why)) => {
                tracing::error!(%why, "a private field cannot be kept; the last good value stays")
            }
            Err(_) => tracing::error!("writing a private field panicked; the last good value stays"),
        }
    }

    /// Puts them back into a component that was mounted anew.
    pub(super) fn restore_kept(&mut self) {
        if !C::KEEPS || self.life.kept.is_empty() {
            return;
        }
        let kept = &self.life.kept;
        let restored = std::panic::AssertUnwindSafe(|| self.component.restore_kept(C::VERSION, kept));
        match std::panic::catch_unwind(restored) {
            Ok(Ok(())) => {}
            Ok(Err(why)) => {
                tracing::error!(%why, "a kept field does not read back; it is that of a new mount")
            }
            Err(_) => tracing::error!("reading a kept field panicked; it is that of a new mount"),
        }
    }

    /// The last snapshot: to the store, and to whoever is still connected. Answers whether the instance may
    /// end: not while the store is out of order and there is time to try again.
    pub(super) async fn rest(&mut self) -> bool {
        if !self.life.owner.may_come_back {
            return true;
        }
        if self.life.keeping.writing.is_some() {
            let written = self.life.keeping.written().await;
            self.was_written(written);
        }
        // Always, because what was written long ago expires before what is written now.
        let now = Instant::now();
        self.begin_write(now);
        if self.life.keeping.writing.is_some() {
            let written = self.life.keeping.written().await;
            self.was_written(written);
        }
        if self.carry_due().is_some() {
            self.carry(now);
        }
        let is_kept = !self.life.keeping.is_unstored;
        if is_kept || !self.life.draining.is_empty() || self.life.tries >= MOST_TRIES {
            return true;
        }
        self.life.tries += 1;
        self.wait(TRY_AGAIN);
        false
    }

    /// Its owner does not want it any more: nothing of it is kept.
    pub(super) async fn end(&mut self) {
        self.remove_files();
        if !self.life.owner.may_come_back {
            return;
        }
        if self.life.keeping.writing.is_some() {
            let written = self.life.keeping.written().await;
            self.was_written(written);
        }
        settle(std::mem::take(&mut self.life.keeping.held), false);
        let owner = &self.life.owner;
        owner.vault.remove(owner.place(self.id), self.life.keeping.has_copies).await;
    }
}

/// Answers those that waited for a write.
fn settle(held: Vec<(Ticket, Outcome)>, is_stored: bool) {
    for (ticket, outcome) in held {
        ticket.answer(match outcome {
            Ok(_) if !is_stored => {
                let said = "this was done, but could not be stored: it may be lost if the server stops";
                Err(Error::new(Code::NotStored, said))
            }
            outcome => outcome,
        });
    }
}
