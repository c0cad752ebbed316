//! One mounted component, alone with its state.
//!
//! An instance is a task that owns a [`Component`] and reads a mailbox. Sessions send it calls, writes and
//! leaves; its timers and spawned work give it turns of their own. It answers through the outboxes of its
//! subscribers and knows nothing of sockets.
//!
//! ```text
//!   mount ──ok──► running ──last leave──► unmounting ──► gone
//!     │             │  ▲                                  ▲
//!     │          panic  │ rebuilt from the last good state │
//!     │             ▼  │                                  │
//!     └─error─►   mending ───────────cannot be rebuilt────┘
//! ```
//!
//! Turns run one at a time, in the order they came; an `async` action holds the instance until it returns.
//! Each turn ends with a flush: one delta, encoded once, then the events, then the reply. That is why there
//! is no lock here. A turn that panics, or leaves a state that cannot be sent, sends nothing: the component
//! is mounted anew and its `pub` fields are put back to what was last sent.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use bytes::Bytes;
use fluxstack_live_protocol::InstanceId;
use fluxstack_live_protocol::delta::Writer;
use futures_util::FutureExt as _;
use tracing::Instrument as _;

use crate::action::Outcome;
use crate::component::{Component, Cx, Identity, PropsChange};
use crate::error::{Code, Error, Result};
use crate::limits::Limits;
use crate::mailbox::{Inbox, Mail, Mailbox};
use crate::outbox::{Outbox, Ticket};
use crate::services::Services;
use crate::state::FlushError;
use crate::wire;
use crate::work::Turn;

mod send;

/// Turns in a row that may fail before the instance is given up.
const MOST_FAILURES: u32 = 16;

/// All that is needed to begin.
pub(crate) struct Mount {
    pub(crate) identity: Identity,
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
}

/// Why a turn left no state that could be kept.
enum Broken {
    Panic,
    Flush(FlushError),
}

/// The instance cannot go on.
struct Lost;

/// Mounts `C` and lives until its last subscriber leaves. The one future of an instance's task.
pub(crate) async fn run<C: Component>(mount: Mount) {
    let span = tracing::error_span!("live", component = C::NAME, instance = %mount.identity.instance);
    live::<C>(mount).instrument(span).await;
}

async fn live<C: Component>(mount: Mount) {
    let Mount { identity, props, services, limits, subscriber, mailbox, mut inbox, ticket } = mount;
    let id = identity.instance;
    let mut cx = Cx::new(identity, services);
    let component = match mount_component::<C>(props.as_ref(), &mut cx).await {
        Ok(component) => component,
        Err(error) => return ticket.answer(Err(error)),
    };
    let mut instance = Instance {
        id,
        component,
        cx,
        sent: C::Sent::default(),
        version: 0,
        props,
        new_props: None,
        subscribers: vec![subscriber],
        limits,
        mailbox,
        failures: 0,
    };
    match std::panic::catch_unwind(AssertUnwindSafe(|| instance.first_picture())) {
        Ok(Ok(result)) => ticket.answer(Ok(Some(result))),
        Ok(Err(why)) => {
            tracing::error!(%why, "the state cannot be sent; nothing was mounted");
            instance.unmount().await;
            return ticket.answer(Err(refused(&why)));
        }
        Err(_) => {
            instance.unmount().await;
            return ticket.answer(Err(Error::new(
                Code::ActionFailed,
                "this failed on the server; nothing was mounted",
            )));
        }
    }
    instance.send_events();
    loop {
        // Unbiased on purpose: neither a flood of mail nor a fast timer may starve the other.
        let ended = tokio::select! {
            mail = inbox.next() => instance.read(mail).await,
            turn = next_turn(&mut instance.cx) => instance.take_turn(turn).await,
        };
        match ended {
            Ok(Goes::On) => {}
            Ok(Goes::Away(ticket)) => {
                // From here on nobody can reach it; what waits is answered as gone.
                drop(inbox);
                instance.unmount().await;
                if let Some(ticket) = ticket {
                    ticket.answer(Ok(None));
                }
                return;
            }
            Err(Lost) => {
                drop(inbox);
                instance.unmount().await;
                return instance.give_up();
            }
        }
    }
}

/// Whether the instance lives after a turn.
enum Goes {
    On,
    Away(Option<Ticket>),
}

impl<C: Component> Instance<C> {
    /// The first flush: fills `sent`, and is the result of the mount.
    fn first_picture(&mut self) -> std::result::Result<Vec<u8>, FlushError> {
        let mut nobody = Writer::default();
        self.component.flush(&mut self.sent, self.limits.state, &mut nobody)?;
        let digest = self.component.digest(&self.sent);
        let mut result = format!("{{\"componentId\":\"{}\",\"initialState\":", self.id).into_bytes();
        self.component.snapshot(&self.sent, &mut result);
        result.extend_from_slice(format!(",\"version\":0,\"digest\":{digest}}}").as_bytes());
        Ok(result)
    }

    async fn read(&mut self, mail: Mail) -> std::result::Result<Goes, Lost> {
        match mail {
            Mail::Call { action, args, ticket } => {
                let action = std::str::from_utf8(&action).unwrap_or_default();
                let turn = async { self.component.dispatch(action, &args, &mut self.cx).await };
                let outcome = AssertUnwindSafe(turn).catch_unwind().await;
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await?;
            }
            Mail::Write { property, value, ticket } => {
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| self.write(&property, &value)));
                self.end_turn(outcome.unwrap_or(Err(Broken::Panic)), ticket).await?;
            }
            Mail::Props { props, ticket } => {
                let outcome = AssertUnwindSafe(self.change_props(props)).catch_unwind().await;
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await?;
            }
            Mail::Event { event, ticket } => {
                let outcome = std::panic::catch_unwind(AssertUnwindSafe(|| {
                    let event: C::Event = wire::from_json(&event).map_err(|why| bad_event(&why))?;
                    self.component.on_event(event, &mut self.cx)?;
                    Ok(None)
                }));
                self.end_turn(outcome.map_err(|_| Broken::Panic), ticket).await?;
            }
            Mail::Resync { connection, ticket, owed } => {
                self.send_whole(connection);
                drop(owed);
                if let Some(ticket) = ticket {
                    ticket.answer(Ok(None));
                }
            }
            Mail::Leave { connection, ticket } => {
                self.subscribers.retain(|outbox| outbox.connection() != connection);
                if self.subscribers.is_empty() {
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
                ticket.answer(outcome);
                Ok(())
            }
            Err(broken) => {
                let mended = self.mend(&broken).await;
                ticket.answer(Err(match (&mended, &broken) {
                    (Err(Lost), _) => {
                        Error::new(Code::InstanceLost, "the instance failed and could not be put back")
                    }
                    (Ok(()), Broken::Panic) => {
                        Error::new(Code::ActionFailed, "this failed on the server; nothing was changed")
                    }
                    (Ok(()), Broken::Flush(why)) => refused(why),
                }));
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

    /// Puts the instance back to what was last sent.
    async fn mend(&mut self, broken: &Broken) -> std::result::Result<(), Lost> {
        self.failures += 1;
        match broken {
            Broken::Panic => {
                tracing::error!(failures = self.failures, "a turn panicked; putting the instance back")
            }
            Broken::Flush(why) => {
                tracing::error!(%why, "the state cannot be sent; putting the instance back")
            }
        }
        drop(self.cx.take_events());
        self.new_props = None;
        self.stop_work();
        if self.failures > MOST_FAILURES {
            tracing::error!("{MOST_FAILURES} turns failed in a row; giving the instance up");
            return Err(Lost);
        }
        let mounted = mount_component::<C>(self.props.as_ref(), &mut self.cx).await;
        // What a second mount emits was emitted by the first.
        drop(self.cx.take_events());
        let fresh = match mounted {
            Ok(fresh) => fresh,
            Err(error) => {
                tracing::error!(?error, "the instance cannot be mounted again; giving it up");
                return Err(Lost);
            }
        };
        let broken = std::mem::replace(&mut self.component, fresh);
        // The broken component is dropped in here, and the author's `Drop` may panic as well.
        let recovered =
            std::panic::catch_unwind(AssertUnwindSafe(|| self.component.recover(broken, &self.sent)));
        match recovered {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(why)) => {
                tracing::error!(%why, "the last good state does not read back; giving the instance up")
            }
            Err(_) => tracing::error!("dropping the broken component panicked; giving the instance up"),
        }
        Err(Lost)
    }

    /// Drops timers and spawned work. What the author put into them may panic as it goes.
    fn stop_work(&mut self) {
        if std::panic::catch_unwind(AssertUnwindSafe(|| self.cx.stop_work())).is_err() {
            tracing::error!("dropping a timer or spawned work panicked; it is stopped all the same");
        }
    }

    async fn unmount(&mut self) {
        self.stop_work();
        let turn = async { self.component.unmount(&mut self.cx).await };
        let ran = AssertUnwindSafe(turn).catch_unwind().await;
        if ran.is_err() {
            tracing::error!("unmount panicked; the instance is gone all the same");
        }
    }
}

async fn mount_component<C: Component>(props: Option<&Bytes>, cx: &mut Cx<C>) -> Result<C> {
    let props: C::Props = wire::props_from_json(props.map(AsRef::as_ref))?;
    // Inside an async block, so that a `mount` that is no `async fn` is caught as well.
    match AssertUnwindSafe(async { C::mount(props, cx).await }).catch_unwind().await {
        Ok(Ok(component)) => Ok(component),
        Ok(Err(error)) => {
            log(&error);
            Err(error)
        }
        Err(_) => {
            tracing::error!("mount panicked");
            Err(Error::new(Code::ActionFailed, "this failed on the server; nothing was mounted"))
        }
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
