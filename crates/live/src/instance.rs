//! One mounted component, alone with its state.
//!
//! An instance is a task that owns a [`Component`] and reads a mailbox. Sessions send it calls, writes and
//! leaves; its timers and spawned work give it turns of their own. It answers through the outboxes of its
//! subscribers and knows nothing of sockets.
//!
//! ```text
//!   mount ─────ok──► running ──unmounted──────────────────────► gone
//!   rehydrate ─ok──►  │ ▲  │ ▲                                   ▲
//!     │               │ │  │ └──client is back──┐                │
//!     │            panic│  └──client is gone──► waiting ──grace──► resting
//!     │               ▼ │                                  │     ▲
//!     │             mending ───cannot be rebuilt───────────┼─────┘
//!     └─error──────────────────────────────────────────────┘ (a draining server lets all of them rest)
//! ```
//!
//! Turns run one at a time, in the order they came; an `async` action holds the instance until it returns.
//! Each turn ends with a flush: one delta, encoded once, then the events, then the reply. That is why there
//! is no lock here. A turn that panics, or leaves a state that cannot be sent, sends nothing: the component
//! is mounted anew and its `pub` fields are put back to what was last sent.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::{InstanceId, SessionId};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument as _;

use crate::action::Outcome;
use crate::auth::Caller;
use crate::component::{Component, Cx, Nameplate, PropsChange, Resumed, Source};
use crate::error::{Code, Error};
use crate::limits::Limits;
use crate::mailbox::{Inbox, Mail, Mailbox};
use crate::outbox::{Outbox, Ticket};
use crate::services::Services;
use crate::state::FlushError;
use crate::store::StoreError;
use crate::vault::{Snapshot, Vault};
use crate::wire;
use crate::work::Turn;

mod begin;
mod keep;
mod log;
mod mend;
mod resume;
mod seen;
mod send;

use keep::Keeping;
use log::Log;
use seen::Seen;

/// How an instance comes to be.
pub(crate) enum Begin {
    /// From its props.
    Mount,
    /// From what the store kept of it.
    Stored,
    /// From what its client kept of it.
    Carried(Box<Snapshot>),
}

/// Whose it is, and what lets it outlive its connection.
pub(crate) struct Ownership {
    pub(crate) session: SessionId,
    pub(crate) subject: Arc<str>,
    pub(crate) vault: Arc<Vault>,
    /// Whether the client can come back.
    pub(crate) may_come_back: bool,
}

/// All that is needed to begin.
pub(crate) struct Mount {
    pub(crate) nameplate: Nameplate,
    pub(crate) caller: Arc<Caller>,
    pub(crate) begin: Begin,
    pub(crate) owner: Ownership,
    /// Whether the client's page was made for an older version of the component.
    pub(crate) is_outdated: bool,
    pub(crate) props: Option<Bytes>,
    pub(crate) services: Arc<Services>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) subscriber: Arc<Outbox>,
    pub(crate) mailbox: Mailbox,
    pub(crate) inbox: Inbox,
    pub(crate) ticket: Ticket,
}

struct Instance<C: Component> {
    id: InstanceId,
    component: C,
    cx: Cx<C>,
    sent: C::Sent,
    version: u64,
    /// What to mount with if the component has to be rebuilt.
    props: Option<Bytes>,
    /// New ones that were taken in this turn; they count once the turn is kept.
    new_props: Option<Option<Bytes>>,
    subscribers: Vec<Arc<Outbox>>,
    limits: Arc<Limits>,
    mailbox: Mailbox,
    failures: u32,
    /// What only a return has a use for; apart, because most turns do not touch it.
    life: Box<Life>,
}

/// What makes an instance outlive its connection.
struct Life {
    owner: Ownership,
    /// Calls that were done.
    seen: Seen,
    /// The last frames that were sent.
    log: Log,
    /// Events emitted so far.
    events: u64,
    /// Raised by everything that a snapshot has to have, also where no client sees it. Tells which of two
    /// snapshots is the newer one.
    stamp: u64,
    /// The private fields that are kept, as of the last turn that went well.
    kept: Vec<u8>,
    /// Set while nobody is connected: until when somebody is waited for.
    until: Option<Instant>,
    /// How often the store has not taken the last snapshot.
    tries: u32,
    /// Not empty while the server is going away: dropping them says that this instance has come to rest.
    draining: Vec<mpsc::Sender<()>>,
    keeping: Keeping,
}

/// Why a turn left no state that could be kept.
enum Broken {
    Panic,
    Flush(FlushError),
}

/// The instance cannot go on.
struct Lost;

/// Whether the instance lives after a turn.
enum Goes {
    On,
    /// Its owner unmounted it.
    Away(Option<Ticket>),
    /// Nobody came back, or the server is going away.
    ToRest,
}

/// Begins `C` and lives until it is unmounted or goes to rest. The one future of an instance's task.
pub(crate) fn run<C: Component>(mount: Mount) -> impl Future<Output = ()> + Send {
    let span = tracing::error_span!("live", component = C::NAME, instance = %mount.nameplate.instance);
    // In a box of its own, which goes when it is done: who waits for the next click for hours should not
    // carry around what it began with.
    live::<C>(Box::pin(begin::begin(mount))).instrument(span)
}

async fn live<C: Component>(beginning: Pin<Box<impl Future<Output = Option<(Instance<C>, Inbox)>> + Send>>) {
    let Some((mut instance, mut inbox)) = beginning.await else { return };
    instance.send_events();
    let mut prefers_mail = true;
    let ended = loop {
        let deadline = instance.deadline();
        // Turn about, so that neither a flood of mail nor a fast timer starves the other; and not by chance,
        // so that the same events make the same history.
        prefers_mail = !prefers_mail;
        let Instance { cx, life, .. } = &mut instance;
        let next = async {
            if prefers_mail {
                tokio::select! { biased;
                    mail = inbox.next() => Next::Mail(mail),
                    turn = next_turn(cx) => Next::Turn(turn),
                }
            } else {
                tokio::select! { biased;
                    turn = next_turn(cx) => Next::Turn(turn),
                    mail = inbox.next() => Next::Mail(mail),
                }
            }
        };
        let next = tokio::select! { biased;
            written = life.keeping.written() => Next::Written(written),
            () = until(deadline) => Next::Deadline,
            next = next => next,
        };
        let mut goes = match next {
            Next::Mail(mail) => instance.read(mail).await,
            Next::Turn(turn) => instance.take_turn(turn).await,
            Next::Written(written) => {
                instance.was_written(written);
                Ok(Goes::On)
            }
            Next::Deadline => Ok(instance.on_deadline()),
        };
        if matches!(goes, Ok(Goes::ToRest)) {
            // First what was asked before, which may be that somebody is back.
            if let Some(mail) = inbox.take() {
                // Rare, so it takes room only when it happens.
                goes = Box::pin(instance.read(mail)).await;
            } else {
                // Whoever comes back while the store is still writing finds the instance, and whoever comes
                // later finds what was written.
                let may_end = instance.rest().await;
                if may_end && inbox.close_if_empty() {
                    break Ok(Goes::ToRest);
                }
            }
        }
        match goes {
            Ok(Goes::On | Goes::ToRest) => instance.keep(),
            ended => break ended,
        }
    };
    // From here on nobody can reach it; what waits is answered as gone.
    drop(inbox);
    match ended {
        Ok(Goes::ToRest | Goes::On) => {
            // Whoever waits for the server to drain has what they came for; the rest is the author's.
            instance.life.draining.clear();
            instance.unmount().await;
        }
        Ok(Goes::Away(ticket)) => {
            instance.unmount().await;
            instance.end().await;
            if let Some(ticket) = ticket {
                ticket.answer(Ok(None));
            }
        }
        Err(Lost) => {
            instance.unmount().await;
            instance.end().await;
            instance.give_up();
        }
    }
}

/// What an instance does next.
enum Next<C: Component> {
    Mail(Mail),
    Turn(Turn<C>),
    Written(Result<(), StoreError>),
    Deadline,
}

impl<C: Component> Instance<C> {
    async fn read(&mut self, mail: Mail) -> std::result::Result<Goes, Lost> {
        match mail {
            Mail::Call { action, args, ticket } => {
                let Some(ticket) = self.unless_done(ticket) else { return Ok(Goes::On) };
                let action = std::str::from_utf8(&action).unwrap_or_default();
                let turn = async { self.component.dispatch(action, &args, &mut self.cx).await };
                let outcome = AssertUnwindSafe(turn).catch_unwind().await;
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await?;
            }
            Mail::Write { property, value, ticket } => {
                let Some(ticket) = self.unless_done(ticket) else { return Ok(Goes::On) };
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.write(&property, &value)));
                self.end_turn(outcome.unwrap_or(Err(Broken::Panic)), ticket).await?;
            }
            Mail::Props { props, ticket } => {
                let Some(ticket) = self.unless_done(ticket) else { return Ok(Goes::On) };
                let outcome = AssertUnwindSafe(self.change_props(props)).catch_unwind().await;
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await?;
            }
            Mail::Event { event, ticket } => {
                let Some(ticket) = self.unless_done(ticket) else { return Ok(Goes::On) };
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    if !C::TAKES_EVENTS {
                        return Err(Error::forbidden());
                    }
                    let event: C::Event = wire::from_json(&event).map_err(|why| bad_event(&why))?;
                    self.component.on_event(event, &Source::Client, &mut self.cx)?;
                    Ok(None)
                }));
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await?;
            }
            Mail::Sent { event, from } => {
                let ran = std::panic::catch_unwind(AssertUnwindSafe(|| match wire::from_json(&event) {
                    Ok(event) => self.component.on_event(event, &Source::Component(from), &mut self.cx),
                    Err(why) => Err(bad_event(&why)),
                }));
                if let Ok(Err(error)) = &ran {
                    log(error);
                }
                if let Err(broken) = ran.map_err(|_| Broken::Panic).and_then(|_| self.flush()) {
                    self.mend(&broken).await?;
                }
            }
            Mail::Resync { connection, ticket, owed } => {
                self.send_whole(connection);
                drop(owed);
                if let Some(ticket) = ticket {
                    ticket.answer(Ok(None));
                }
            }
            Mail::Resume { outbox, caller, have, heard, is_outdated, ticket } => {
                self.cx.set_caller(Some(caller));
                let frames = self.attach(outbox, have, heard);
                let resumed = if frames == 0 { Resumed::InStep } else { Resumed::Replayed(frames) };
                let turn = async { self.component.on_resume(resumed, &mut self.cx).await };
                let ran = AssertUnwindSafe(turn).catch_unwind().await;
                if let Err(broken) = ran.map_err(|_| Broken::Panic).and_then(|()| self.flush()) {
                    let mended = self.mend(&broken).await;
                    if mended.is_err() {
                        let said = "the instance failed and could not be put back";
                        ticket.answer(Err(Error::new(Code::InstanceLost, said)));
                        return mended.map(|()| Goes::On);
                    }
                }
                let result = self.resumed(resumed, is_outdated);
                // At once, like the state it speaks of. If it waited for the store, the state would go on meanwhile, and
                // what the answer says of it would be old.
                ticket.answer(Ok(Some(result)));
            }
            Mail::Away { connection } => return Ok(self.detach(connection)),
            Mail::Rest { done } => {
                self.life.draining.push(done);
                return Ok(Goes::ToRest);
            }
            Mail::Leave { connection, ticket } => {
                self.subscribers.retain(|outbox| outbox.connection() != connection);
                if self.subscribers.is_empty() {
                    // At once, so that no copy of it comes in before it is gone.
                    self.life.owner.vault.remember(self.id, u64::MAX);
                    return Ok(Goes::Away(ticket));
                }
                if let Some(ticket) = ticket {
                    ticket.answer(Ok(None));
                }
            }
        }
        Ok(Goes::On)
    }

    /// Runs a timer's or spawned work's turn. Nobody waits for a reply.
    async fn take_turn(&mut self, turn: Turn<C>) -> std::result::Result<Goes, Lost> {
        let ran = std::panic::catch_unwind(AssertUnwindSafe(|| match turn {
            Turn::Once(job) => job(&mut self.component, &mut self.cx),
            Turn::Tick { timer, due, period, mut tick } => {
                tick(&mut self.component, &mut self.cx);
                if let Some(work) = self.cx.work_mut() {
                    work.again(timer, due, period, tick);
                }
            }
        }));
        if let Err(broken) = ran.map_err(|_| Broken::Panic).and_then(|()| self.flush()) {
            self.mend(&broken).await?;
        }
        Ok(Goes::On)
    }

    /// The ticket back, unless the call was done before: then it is answered as it was then. The component
    /// learns the call's name.
    fn unless_done(&mut self, ticket: Ticket) -> Option<Ticket> {
        let Some((call, acked)) = ticket.call() else {
            self.cx.set_call(None);
            return Some(ticket);
        };
        if let Some(outcome) = self.life.seen.answer(call, acked) {
            self.reply(ticket, outcome);
            return None;
        }
        self.cx.set_call(Some(call.clone()));
        Some(ticket)
    }

    /// The request was done, well or not: remembers that, and answers.
    fn done(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(call) = self.cx.take_call() {
            self.life.seen.record(&call, &outcome);
            self.touch();
        }
        self.reply(ticket, outcome);
    }

    /// State, then events, then the reply.
    async fn end_turn(
        &mut self,
        outcome: std::result::Result<Outcome, Broken>,
        ticket: Ticket,
    ) -> std::result::Result<(), Lost> {
        let flushed = outcome.and_then(|outcome| self.flush().map(|()| outcome));
        match flushed {
            Ok(outcome) => {
                if let Some(props) = self.new_props.take() {
                    self.props = props;
                }
                if let Err(error) = &outcome {
                    log(error);
                }
                self.done(ticket, outcome);
                Ok(())
            }
            Err(broken) => {
                let mended = self.mend(&broken).await;
                match (&mended, &broken) {
                    (Err(Lost), _) => {
                        let said = "the instance failed and could not be put back";
                        ticket.answer(Err(Error::new(Code::InstanceLost, said)));
                    }
                    (Ok(()), Broken::Panic) => {
                        let said = "this failed on the server; nothing was changed";
                        self.done(ticket, Err(Error::new(Code::ActionFailed, said)));
                    }
                    (Ok(()), Broken::Flush(why)) => self.done(ticket, Err(refused(why))),
                }
                mended
            }
        }
    }

    fn write(&mut self, property: &[u8], value: &[u8]) -> std::result::Result<Outcome, Broken> {
        let property = std::str::from_utf8(property).unwrap_or_default();
        let written = self.component.write(property, value);
        let outcome = written.and_then(|field| self.component.written(field, &mut self.cx));
        if outcome.is_err() {
            // Not only what `write` refused: what the author will not have must not stay.
            self.component.revert(property, &self.sent).map_err(Broken::Flush)?;
        }
        Ok(outcome.map(|()| None))
    }

    async fn change_props(&mut self, json: Option<Bytes>) -> Outcome {
        let props: C::Props = wire::props_from_json(json.as_deref())?;
        match self.component.props_changed(props, &mut self.cx).await? {
            PropsChange::Taken => {
                self.new_props = Some(json);
                Ok(Some(b"{\"remount\":false}".to_vec()))
            }
            PropsChange::Remount => Ok(Some(b"{\"remount\":true}".to_vec())),
        }
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}

async fn next_turn<C: Component>(cx: &mut Cx<C>) -> Turn<C> {
    match cx.work_mut() {
        Some(work) if work.is_waiting() => work.next().await,
        _ => std::future::pending().await,
    }
}

#[cold]
fn bad_event(why: &str) -> Error {
    Error::new(Code::BadPayload, format!("the event does not fit: {why}"))
}

/// What the client may know of a state that cannot be sent. The log has said which field.
fn refused(why: &FlushError) -> Error {
    match why {
        FlushError::TooLarge { .. } => Error::new(
            Code::TooLarge,
            "the state would be larger than this server allows; nothing was changed",
        ),
        FlushError::Unsendable { .. } => Error::internal(why.clone()),
    }
}

/// The cause of an internal error goes here and nowhere else.
fn log(error: &Error) {
    if error.code() == Code::Internal {
        tracing::error!(cause = error.cause().map(tracing::field::display), "{error}");
    } else {
        tracing::debug!(code = %error.code(), "{error}");
    }
}
