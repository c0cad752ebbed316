//! One mounted component, alone with its state.
//!
//! An instance is a task that owns a [`Component`] and reads a mailbox. Sessions send it calls, writes and
//! leaves; its timers and spawned work give it turns of their own. It answers through the outboxes of its
//! subscribers and knows nothing of sockets.
//!
//! ```text
//!   mount ─────ok──► running ──last member left───────────────► gone
//!   rehydrate ─ok──►  │ ▲  │ ▲                                   ▲
//!     │               │ │  │ └──client is back──┐                │
//!     │            panic│  └──nobody is there──► waiting ─grace──► resting
//!     │               ▼ │                                  │     ▲
//!     │             mending ───cannot be rebuilt───────────┼─────┘
//!     └─error──────────────────────────────────────────────┘ (a draining server lets all of them rest)
//! ```
//!
//! A private instance has one member, a shared one as many as mount it; they share its state, its turns and every
//! byte that is sent. What happens to members is in `sharing.rs`.
//!
//! Turns run one at a time, in the order they came; an `async` action holds the instance until it returns.
//! Each turn ends with a flush: one delta, encoded once, then the events, then the reply. That is why there
//! is no lock here. Where several are to be told and several turns wait, they are told of all of them at once. A turn that panics, or leaves a state that cannot be sent, sends nothing: the component
//! is mounted anew and its `pub` fields are put back to what was last sent.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fluxstack_live_protocol::{InstanceId, SessionId};
use futures_util::FutureExt as _;
use tokio::sync::mpsc;
use tokio::task::coop;
use tokio::time::{Instant, Sleep, sleep_until};
use tracing::Instrument as _;

use crate::auth::Caller;
use crate::component::{Component, Cx, Nameplate, Source};
use crate::error::{Code, Error};
use crate::limits::Limits;
use crate::mailbox::{Inbox, Mail, Mailbox, Was, Words};
use crate::outbox::{Outbox, Ticket};
use crate::rooms::Rooms;
use crate::services::Services;
use crate::state::{FlushError, Pace};
use crate::store::{Boxed, StoreError};
use crate::uploads::Desk;
use crate::vault::{Snapshot, Vault};
use crate::work::Turn;

mod batch;
mod begin;
mod guesses;
mod hold;
mod identity;
mod keep;
mod list;
mod log;
mod members;
mod mend;
mod resume;
mod rooms;
mod seen;
mod send;
mod sharing;
mod turn;
mod uploads;
mod watching;

use guesses::Guesses;
use hold::Hold;
use keep::Keeping;
use log::Log;
use members::Members;
use rooms::InRooms;
use seen::Seen;
use sharing::Left;
use uploads::Files;
use watching::Watched;

/// How an instance comes to be.
pub(crate) enum Begin {
    /// From its props.
    Mount,
    /// From what the store kept of it.
    Stored,
    /// From what its client kept of it.
    Carried(Box<Snapshot>),
    /// From what the store kept of a shared one; if that is nothing, from its props, unless whoever began it only
    /// wanted the one there was.
    Shared { only_stored: bool },
}

/// Whose it is, and what lets it outlive its connection.
pub(crate) struct Ownership {
    pub(crate) session: SessionId,
    pub(crate) subject: Arc<str>,
    pub(crate) vault: Arc<Vault>,
    /// Whether the client can come back.
    pub(crate) may_come_back: bool,
    /// What makes it one that is shared; then the session is nobody's.
    pub(crate) shared: Option<Shared>,
}

impl Ownership {
    /// Where the store keeps the instance that has this id.
    fn place(&self, id: InstanceId) -> InstanceId {
        self.shared.as_ref().map_or(id, |shared| shared.place)
    }
}

/// What a shared instance is known by.
#[derive(Clone)]
pub(crate) struct Shared {
    /// What its component calls it.
    pub(crate) key: Arc<str>,
    /// Where the store keeps it, whichever instance it is.
    pub(crate) place: InstanceId,
}

/// All that is needed to begin.
pub(crate) struct Mount {
    pub(crate) nameplate: Nameplate,
    pub(crate) begin: Begin,
    pub(crate) owner: Ownership,
    /// Whether the client's page was made for an older version of the component.
    pub(crate) is_outdated: bool,
    pub(crate) props: Option<Bytes>,
    pub(crate) services: Arc<Services>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) mailbox: Mailbox,
    pub(crate) inbox: Inbox,
    /// Who mounts a private one. Those who mount a shared one are in its mailbox.
    pub(crate) first: Option<First>,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) desk: Arc<Desk>,
}

/// Who mounts a private instance.
pub(crate) struct First {
    pub(crate) caller: Arc<Caller>,
    pub(crate) outbox: Arc<Outbox>,
    /// What they have of it, if they had it before.
    pub(crate) was: Option<Was>,
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
    /// When what is sent at most so often was sent.
    pace: Pace,
    members: Members,
    /// What the members have not been told yet.
    hold: Hold,
    /// Calls that their clients show already.
    guesses: Guesses,
    limits: Arc<Limits>,
    mailbox: Mailbox,
    /// Wakes it; made when there is something to wake it for.
    timer: Option<Pin<Box<Sleep>>>,
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
    /// Set while there is nobody: until when somebody is waited for.
    until: Option<Instant>,
    /// How the last member of a shared instance left, if it has none.
    left: Left,
    /// The instances it was before it was rebuilt, as far as they are remembered.
    former: Vec<InstanceId>,
    /// How often the store has not taken the last snapshot.
    tries: u32,
    /// Not empty while the server is going away: dropping them says that this instance has come to rest.
    draining: Vec<mpsc::Sender<()>>,
    keeping: Keeping,
    rooms: InRooms,
    watched: Watched,
    files: Files,
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
    Away(Option<Box<Ticket>>),
    /// Its last member left some time ago, and nobody has come since.
    Deserted,
    /// Nobody came back, or the server is going away.
    ToRest,
}

/// Begins `C` and lives until it is unmounted or goes to rest. The one future of an instance's task.
pub(crate) fn run<C: Component>(mount: Mount) -> impl Future<Output = ()> + Send {
    let span = tracing::error_span!("live", component = C::NAME, instance = %mount.nameplate.instance);
    live::<C>(Box::new(mount)).instrument(span)
}

async fn live<C: Component>(mount: Box<Mount>) {
    let Some((mut instance, mut inbox)) = beginning::<C>(mount).await else { return };
    instance.look();
    instance.release();
    let mut prefers_mail = false;
    let ended = loop {
        instance.set_timer();
        let next = poll_fn(|cx| instance.poll_next(&mut inbox, prefers_mail, cx)).await;
        // Turn about, so that neither a flood of mail nor a fast timer starves the other; and not by chance,
        // so that the same events make the same history.
        prefers_mail = match next {
            Next::Mail(_) => false,
            Next::Turn(_) => true,
            Next::Written(_) | Next::Deadline => prefers_mail,
        };
        let mut goes = instance.take(next).await;
        // What many are told together waits for what has come meanwhile; one alone needs no second look.
        let waits = inbox.has_more() || (instance.is_shared() && !inbox.is_empty());
        if goes.is_ok() && (instance.hold.is_full() || !waits) {
            instance.release();
        }
        if matches!(goes, Ok(Goes::ToRest)) {
            // First what was asked before, which may be that somebody is back.
            if let Some(step) = inbox.take().map(|mail| instance.read(mail)) {
                goes = step.await;
            } else {
                // Whoever comes back while the store is still writing finds the instance, and whoever comes
                // later finds what was written.
                match Box::pin(instance.come_to_rest()).await {
                    Err(lost) => break Err(lost),
                    Ok(may_end) if may_end && inbox.close_if_empty() => break Ok(Goes::ToRest),
                    Ok(_) => {}
                }
            }
        }
        if matches!(goes, Ok(Goes::Deserted)) {
            // While it can still be reached: whoever begins another after it finds nothing of this one.
            Box::pin(instance.end()).await;
            if !inbox.close_if_empty() {
                // Somebody has come at the last moment, and it goes on.
                instance.touch();
                goes = match inbox.take().map(|mail| instance.read(mail)) {
                    Some(step) => step.await,
                    None => Ok(Goes::On),
                };
            }
        }
        if matches!(goes, Ok(Goes::On | Goes::ToRest)) && instance.keeps_now() {
            goes = Box::pin(instance.catch_up()).await.map(|()| Goes::On);
        }
        match goes {
            Ok(Goes::On | Goes::ToRest) => instance.keep(),
            ended => break ended,
        }
    };
    // Once in its life, so it takes room only then.
    Box::pin(finish(instance, inbox, ended)).await;
}

/// In a box of its own, which goes when it is done: who waits for the next click for hours should not carry around what
/// it began with. Made only when it is polled: of many that are mounted at once most wait for their turn. And made here, so
/// that the box of `mount` goes now and not with the instance.
fn beginning<C: Component>(mount: Box<Mount>) -> Boxed<'static, Option<(Instance<C>, Inbox)>> {
    Box::pin(begin::begin(*mount))
}

/// The end of an instance, for this reason.
async fn finish<C: Component>(
    mut instance: Instance<C>,
    inbox: Inbox,
    ended: std::result::Result<Goes, Lost>,
) {
    if ended.is_err() && instance.is_shared() {
        // While it can still be reached, for the same reason.
        instance.end().await;
    }
    // From here on nobody can reach it; what waits is answered as gone.
    drop(inbox);
    if ended.is_ok() {
        instance.release();
    }
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
        Ok(Goes::Deserted) => instance.unmount().await,
        Err(Lost) => {
            instance.unmount().await;
            if !instance.is_shared() {
                instance.end().await;
            }
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

/// What became of one thing that an instance had to do: a future that is done already, for most of them. What takes
/// longer is in a box, so that an instance that waits for the next click has no room reserved for it.
enum Step<'a> {
    Done(std::result::Result<Goes, Lost>),
    Later(Pin<Box<dyn Future<Output = std::result::Result<Goes, Lost>> + Send + 'a>>),
    Over,
}

impl<'a> Step<'a> {
    fn later(rest: impl Future<Output = std::result::Result<Goes, Lost>> + Send + 'a) -> Self {
        Self::Later(Box::pin(rest))
    }
}

impl Future for Step<'_> {
    type Output = std::result::Result<Goes, Lost>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Self::Later(rest) = &mut *self {
            return rest.as_mut().poll(cx);
        }
        match std::mem::replace(&mut *self, Step::Over) {
            Self::Done(goes) => Poll::Ready(goes),
            Self::Later(_) | Self::Over => unreachable!("nobody asks again what was said"),
        }
    }
}

impl<C: Component> Instance<C> {
    /// Wakes the instance when something has to be done that nobody asks for; not at all, most of the time.
    fn set_timer(&mut self) {
        let Some(deadline) = self.deadline() else {
            self.timer = None;
            return;
        };
        match &mut self.timer {
            Some(timer) if timer.deadline() == deadline => {}
            Some(timer) => timer.as_mut().reset(deadline),
            none => *none = Some(Box::pin(sleep_until(deadline))),
        }
    }

    fn poll_next(&mut self, inbox: &mut Inbox, prefers_mail: bool, cx: &mut Context<'_>) -> Poll<Next<C>> {
        // Others have their turn now and then, whatever waits here: who writes to itself would never be done.
        let turn = ready!(coop::poll_proceed(cx));
        let next = self.poll_any(inbox, prefers_mail, cx);
        if next.is_ready() {
            turn.made_progress();
        }
        next
    }

    fn poll_any(&mut self, inbox: &mut Inbox, prefers_mail: bool, cx: &mut Context<'_>) -> Poll<Next<C>> {
        if let Poll::Ready(written) = self.life.keeping.poll_written(cx) {
            return Poll::Ready(Next::Written(written));
        }
        if self.timer.as_mut().is_some_and(|timer| timer.as_mut().poll(cx).is_ready()) {
            return Poll::Ready(Next::Deadline);
        }
        if prefers_mail && let Poll::Ready(mail) = inbox.poll_next(cx) {
            return Poll::Ready(Next::Mail(mail));
        }
        if let Some(work) = self.cx.work_mut()
            && let Poll::Ready(turn) = work.poll_next(cx)
        {
            return Poll::Ready(Next::Turn(turn));
        }
        if prefers_mail { Poll::Pending } else { inbox.poll_next(cx).map(Next::Mail) }
    }

    fn take(&mut self, next: Next<C>) -> Step<'_> {
        match next {
            Next::Mail(mail) => self.read(mail),
            Next::Turn(turn) => self.take_turn(turn),
            Next::Written(written) => {
                self.was_written(written);
                Step::Done(Ok(Goes::On))
            }
            Next::Deadline => Step::later(self.on_deadline()),
        }
    }

    fn read(&mut self, mail: Mail) -> Step<'_> {
        match mail {
            Mail::Call { words, caller, ticket } => {
                let Some(ticket) = self.admit(caller, ticket) else { return Step::Done(Ok(Goes::On)) };
                self.call(words, ticket)
            }
            Mail::Batch { calls, caller } => {
                Step::later(async move { self.call_all(calls, caller).await.map(|()| Goes::On) })
            }
            Mail::Write { property, value, caller, ticket } => {
                let Some(ticket) = self.admit(caller, ticket) else { return Step::Done(Ok(Goes::On)) };
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.write(&property, &value)));
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket)
            }
            Mail::Props { props, caller, ticket } => {
                let Some(ticket) = self.admit(caller, ticket) else { return Step::Done(Ok(Goes::On)) };
                Step::later(async move {
                    let outcome = AssertUnwindSafe(self.change_props(props)).catch_unwind().await;
                    self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await
                })
            }
            Mail::Event { event, caller, ticket } => {
                let Some(ticket) = self.admit(caller, ticket) else { return Step::Done(Ok(Goes::On)) };
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    if !C::TAKES_EVENTS {
                        return Err(Error::forbidden());
                    }
                    self.hear(&event, &Source::Client).map(|()| None)
                }));
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket)
            }
            Mail::Sent { event, from } => self.overhear(&event, &Source::Component(from)),
            Mail::Heard { room, event } => self.overhear(&event, &Source::Room(room.name.clone())),
            Mail::ReadList { property, from, count, caller, ticket } => {
                self.read_list(&property, from, count, &caller, ticket);
                Step::Done(Ok(Goes::On))
            }
            Mail::Room { ask, caller, ticket } => {
                self.read_room(*ask, caller, ticket);
                Step::Done(Ok(Goes::On))
            }
            Mail::Upload(mail) => {
                Step::later(async move { self.read_upload(*mail).await.map(|()| Goes::On) })
            }
            Mail::Look => {
                self.look();
                Step::Done(Ok(Goes::On))
            }
            Mail::Resync { connection, ticket, owed } => {
                self.release();
                self.send_whole(connection);
                drop(owed);
                if let Some(ticket) = ticket {
                    ticket.answer(Ok(None));
                }
                Step::Done(Ok(Goes::On))
            }
            Mail::Join(join) => Step::later(async move { self.join(*join).await.map(|()| Goes::On) }),
            Mail::Resume { outbox, caller, was, is_outdated, ticket } => {
                Step::later(self.resume(outbox, caller, was, is_outdated, ticket))
            }
            Mail::Away { session, connection } => {
                self.detach(session, connection);
                self.away_in_rooms(session, connection);
                Step::Done(Ok(Goes::On))
            }
            Mail::Identified { caller, subject } => Step::later(self.identified(caller, subject)),
            Mail::SignedOut { subject, ended } => {
                Step::later(async move { self.signed_out(&subject, &ended).await.map(|()| Goes::On) })
            }
            Mail::Rest { done } => {
                self.life.draining.push(done);
                Step::Done(Ok(Goes::ToRest))
            }
            Mail::Leave { session, ticket } => Step::later(self.leave(session, Left::Gladly, ticket)),
        }
    }

    /// Runs an action. One that is no `async fn` is done when it was asked once, and needs no room to wait in.
    fn call(&mut self, words: Words, ticket: Ticket) -> Step<'_> {
        let action = words.action();
        if C::waits(action) {
            // Nobody who was served waits for as long.
            self.release();
            return Step::later(async move {
                let turn =
                    async { self.component.dispatch(words.action(), words.args(), &mut self.cx).await };
                let outcome = AssertUnwindSafe(turn).catch_unwind().await;
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await
            });
        }
        let turn = || self.component.dispatch(action, words.args(), &mut self.cx).now_or_never();
        let outcome = match std::panic::catch_unwind(AssertUnwindSafe(turn)) {
            Ok(Some(outcome)) => Ok(outcome),
            Ok(None) => {
                tracing::error!(component = C::NAME, action, "`Actions::waits` does not say that it waits");
                Err(Broken::Panic)
            }
            Err(_) => Err(Broken::Panic),
        };
        self.end_turn(outcome, ticket)
    }

    /// Sends what is held back, and then the last snapshot; answers whether the instance may end.
    async fn come_to_rest(&mut self) -> std::result::Result<bool, Lost> {
        self.catch_up().await?;
        Ok(self.rest().await)
    }

    /// Whoever left has come back with another connection.
    async fn resume(
        &mut self,
        outbox: Arc<Outbox>,
        caller: Arc<Caller>,
        was: Box<Was>,
        is_outdated: bool,
        ticket: Ticket,
    ) -> std::result::Result<Goes, Lost> {
        self.release();
        if caller.is_gone() {
            return Ok(Goes::On);
        }
        if let Err(error) = self.demand_of(&caller) {
            ticket.answer(Err(error));
            return self.leave(caller.session_id(), Left::Gladly, None).await;
        }
        let session = caller.session_id();
        let Was { have, heard, rooms, doubt, .. } = *was;
        self.expect_in_rooms(session, rooms);
        self.end_doubt(&doubt).await?;
        let frames = self.attach(caller, outbox, have, heard);
        self.come_back(frames, is_outdated, &doubt, ticket).await?;
        self.arrive_in_rooms(session, false);
        Ok(Goes::On)
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
