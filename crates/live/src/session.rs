//! One connection, seen from our side of the socket.
//!
//! A session reads frames, finds the instance each message is about **in its own table**, and puts mail into
//! that instance's mailbox. It can name only what it mounted: there is no lookup by id anywhere else, so
//! somebody else's id is simply not there. Instances answer through the session's outbox.
//!
//! Reading and writing are two futures of one task. A client that does not read is not read from either
//! ([`Outbox::room`]), so what it can make us hold is bounded by what it may have open.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::{
    ClientBody, ClientMessage, CloseCode, Code, ConnectionId, Dialect, Hello, InstanceId, Refusal, ReplyKind,
    ServerMessage, decode, frame, legacy,
};
use futures_util::{Sink, Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::component::Identity;
use crate::error::Error;
use crate::instance::Mount;
use crate::limits::Limits;
use crate::mailbox::{Mail, Mailbox, Undelivered, mailbox};
use crate::outbox::{Outbox, Subject, Ticket, gone};
use crate::rate::Rate;
use crate::registry::Registry;
use crate::services::Services;

mod write;

/// What all sessions of a server share.
pub(crate) struct Host {
    pub(crate) registry: Registry,
    pub(crate) services: Arc<Services>,
    pub(crate) limits: Arc<Limits>,
    /// Every task there is: sessions and instances.
    pub(crate) tasks: TaskTracker,
    /// Cancelled when the server goes away.
    pub(crate) closing: CancellationToken,
    pub(crate) connections: AtomicUsize,
}

/// What a transport yields.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text frame; valid UTF-8.
    Text(Bytes),
    /// A binary frame.
    Binary,
    /// Proof of life.
    Pong,
    /// A frame that the transport would not take in.
    TooLarge,
}

/// What a transport takes.
#[derive(Debug)]
pub(crate) enum Outgoing {
    /// A text frame; valid UTF-8.
    Text(Bytes),
    /// A ping, to be answered with a pong.
    Ping,
    /// The end.
    Close(Option<CloseCode>),
}

/// Who is connecting.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    pub(crate) dialect: Dialect,
    pub(crate) client: Option<Arc<str>>,
}

struct Session {
    id: ConnectionId,
    host: Arc<Host>,
    arrival: Arrival,
    outbox: Arc<Outbox>,
    instances: HashMap<InstanceId, Mailbox>,
    rate: Rate,
    refused: u32,
}

/// Serves one connection until either side has enough. The one future of a connection's task.
pub(crate) async fn run(
    host: Arc<Host>,
    arrival: Arrival,
    incoming: impl Stream<Item = Incoming> + Unpin,
    outgoing: impl Sink<Outgoing> + Unpin,
) {
    let id = ConnectionId::random();
    let outbox = Outbox::new(id, arrival.dialect, &host.limits);
    let closing = host.closing.clone();
    // Pings since the peer was last heard.
    let silence = AtomicU32::new(0);
    let limits = Arc::clone(&host.limits);
    let mut session =
        Session { id, host, arrival, outbox: Arc::clone(&outbox), instances: HashMap::new(), rate: Rate::new(), refused: 0 };
    {
        let write = write::run(&outbox, &limits, &silence, outgoing);
        let read = session.listen(incoming, &silence);
        tokio::pin!(write);
        let code = tokio::select! {
            () = &mut write => None,
            code = read => Some(code),
            () = closing.cancelled() => Some(Some(CloseCode::GoingAway)),
        };
        if let Some(code) = code {
            outbox.close(code);
            // What is already waiting may still go out, but a dead peer is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, write).await;
        }
    }
    session.leave();
}

/// How long a connection that is being closed may take to write what was waiting.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Session {
    /// Reads until the peer is gone, or until it has to be closed with a code.
    async fn listen(&mut self, mut incoming: impl Stream<Item = Incoming> + Unpin, silence: &AtomicU32) -> Option<CloseCode> {
        self.greet().await;
        while let Some(frame) = incoming.next().await {
            silence.store(0, Ordering::Relaxed);
            match frame {
                Incoming::Text(text) if text.len() > self.host.limits.frame => return Some(CloseCode::FrameTooLarge),
                Incoming::TooLarge => return Some(CloseCode::FrameTooLarge),
                Incoming::Text(text) => self.read(&text),
                Incoming::Binary => {
                    self.refuse(&Refusal::frame(Code::BadMessage, "binary frames carry uploads, and nothing is being uploaded"));
                }
                Incoming::Pong => {}
            }
            if self.refused > self.host.limits.refusals {
                return Some(CloseCode::Flood);
            }
            self.outbox.room().await;
        }
        None
    }

    async fn greet(&self) {
        let limits = &self.host.limits;
        if self.arrival.dialect.is_legacy() {
            // An older client may register its listener a moment after the upgrade.
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let hello = Hello {
            connection: self.id,
            dialect: self.arrival.dialect,
            frame: limits.frame,
            batch: limits.batch,
            calls: limits.calls,
            instances: limits.instances,
            rate: limits.rate,
            burst: limits.burst,
        };
        let mut frame = Vec::with_capacity(512);
        ServerMessage::Hello(&hello).write(clock::now(), &mut frame);
        self.outbox.push(frame);
    }

    fn read(&mut self, frame: &Bytes) {
        let limits = Arc::clone(&self.host.limits);
        let Ok(text) = std::str::from_utf8(frame) else {
            return self.refuse(&Refusal::frame(Code::BadMessage, "a text frame is UTF-8"));
        };
        let batch = self.arrival.dialect.batch.then_some(limits.batch);
        let messages = match frame::split(text, batch, limits.depth) {
            Ok(messages) => messages,
            Err(refusal) => {
                self.count();
                return self.refuse(&refusal);
            }
        };
        if messages.is_empty() {
            self.count();
        }
        for text in messages.iter() {
            let allowed = self.count();
            match decode(text, self.arrival.dialect) {
                Ok(message) if allowed => self.take(frame, message),
                Ok(message) => {
                    let mut refusal = Refusal::frame(Code::RateLimited, "Rate limit exceeded: slow down");
                    refusal.request_id = message.request_id.map(|id| id.get().into());
                    refusal.component_id = message.component_id.as_deref().map(Into::into);
                    self.refuse(&refusal);
                }
                Err(refusal) => self.refuse(&refusal),
            }
        }
    }

    /// Counts one message against the rate.
    fn count(&mut self) -> bool {
        let limits = &self.host.limits;
        let allowed = self.rate.allows(limits.rate, limits.burst);
        self.refused = if allowed { 0 } else { self.refused + 1 };
        allowed
    }

    fn refuse(&self, refusal: &Refusal) {
        let mut frame = Vec::new();
        refusal.write(clock::now(), &mut frame);
        self.outbox.push(frame);
    }

    fn take(&mut self, frame: &Bytes, message: ClientMessage<'_>) {
        let ClientMessage { request_id, expect_response, component_id, body } = message;
        let request_id = request_id.map(|raw| frame.slice_ref(raw.get().as_bytes()));
        if matches!(body, ClientBody::Ping) {
            return self.pong(component_id.as_deref(), request_id.as_deref());
        }
        let is_legacy = self.arrival.dialect.is_legacy();
        let kind = match &body {
            ClientBody::Mount { .. } => ReplyKind::Mount,
            ClientBody::Unmount => ReplyKind::Unmount,
            ClientBody::Call { .. } if is_legacy && !expect_response => ReplyKind::QuietCall,
            ClientBody::Call { .. } => ReplyKind::Call,
            ClientBody::Write { .. } => ReplyKind::Write,
            ClientBody::Props { .. } => ReplyKind::Props,
            ClientBody::Event { .. } => ReplyKind::Event,
            ClientBody::Resync | ClientBody::Ping => ReplyKind::Resync,
        };
        let action = match &body {
            ClientBody::Call { action, .. } if is_legacy => Some(piece(frame, action)),
            _ => None,
        };
        let id: Option<InstanceId> = component_id.as_deref().and_then(|id| id.parse().ok());
        let subject = match (&body, id) {
            (ClientBody::Mount { .. }, _) | (_, None) => {
                component_id.as_deref().map_or(Subject::None, |id| Subject::Named(id.into()))
            }
            (_, Some(instance)) => Subject::Instance(instance),
        };
        let open = self.outbox.open_calls();
        let ticket = Ticket::new(&self.outbox, kind, subject, request_id, action);
        if open >= self.host.limits.calls {
            let most = self.host.limits.calls;
            let said = format!("{most} requests are already waiting for their answer");
            return ticket.answer(Err(Error::new(Code::TooManyCalls, said)));
        }
        match body {
            ClientBody::Mount { component, props } => {
                let props = props.map(|raw| frame.slice_ref(raw.get().as_bytes()));
                self.mount(&component, component_id.as_deref().unwrap_or_default(), props, ticket);
            }
            ClientBody::Unmount => {
                // The same answer whether it was ours, is gone or never was: no oracle.
                let Some(mailbox) = id.and_then(|id| self.instances.remove(&id)) else { return ticket.answer(Ok(None)) };
                let mail = Mail::Leave { connection: self.id, ticket: Some(ticket) };
                if let Err(Undelivered::Closed(Mail::Leave { ticket: Some(ticket), .. })) = mailbox.insist(mail) {
                    ticket.answer(Ok(None));
                }
            }
            body => {
                let mailbox = id.and_then(|id| self.instances.get(&id));
                let Some(mailbox) = mailbox else {
                    return ticket.answer(Err(gone(component_id.as_deref().unwrap_or_default())));
                };
                deliver(mailbox, mail(frame, body, self.id, is_legacy, ticket));
            }
        }
    }

    fn pong(&self, component_id: Option<&str>, request_id: Option<&[u8]>) {
        let alive = |id: &str| {
            let mailbox = id.parse().ok().and_then(|id: InstanceId| self.instances.get(&id));
            mailbox.is_some_and(|mailbox| !mailbox.is_closed())
        };
        let request_id = request_id.and_then(|id| std::str::from_utf8(id).ok());
        let mut frame = Vec::with_capacity(96);
        ServerMessage::Pong { component_id, request_id, success: component_id.is_none_or(alive) }
            .write(clock::now(), &mut frame);
        self.outbox.push(frame);
    }

    fn mount(&mut self, name: &str, component_id: &str, props: Option<Bytes>, ticket: Ticket) {
        let is_legacy = self.arrival.dialect.is_legacy();
        let registry = &self.host.registry;
        let found = registry.get(name).or_else(|| {
            let mut spellings = is_legacy.then(|| legacy::spellings(name)).into_iter().flatten();
            spellings.find_map(|name| registry.get(&name))
        });
        let Some(registration) = found.copied() else {
            // Says nothing about what there is.
            let said = format!("Component '{name}' not found");
            return ticket.answer(Err(Error::new(Code::ComponentNotFound, said)));
        };
        let most = self.host.limits.instances;
        if self.instances.len() >= most {
            self.instances.retain(|_, mailbox| !mailbox.is_closed());
        }
        if self.instances.len() >= most {
            let said = format!("{most} components are already mounted on this connection: unmount some");
            return ticket.answer(Err(Error::new(Code::TooManyInstances, said)));
        }
        let (mailbox, inbox) = mailbox(self.host.limits.mailbox);
        let identity = Identity {
            instance: InstanceId::random(),
            component: registration.name,
            component_id: component_id.into(),
            connection: self.id,
            client: self.arrival.client.clone(),
        };
        self.instances.insert(identity.instance, mailbox.clone());
        self.host.tasks.spawn((registration.run)(Mount {
            identity,
            props,
            services: Arc::clone(&self.host.services),
            limits: Arc::clone(&self.host.limits),
            subscriber: Arc::clone(&self.outbox),
            mailbox,
            inbox,
            ticket,
        }));
    }

    /// The connection is over; so is what it mounted.
    fn leave(&mut self) {
        for (_, mailbox) in self.instances.drain() {
            drop(mailbox.insist(Mail::Leave { connection: self.id, ticket: None }));
        }
    }
}

fn mail(frame: &Bytes, body: ClientBody<'_>, connection: ConnectionId, is_legacy: bool, ticket: Ticket) -> Mail {
    let raw = |raw: &serde_json::value::RawValue| frame.slice_ref(raw.get().as_bytes());
    match body {
        ClientBody::Call { action, args } if is_legacy && action == legacy::SET_VALUE => {
            match args.and_then(|args| legacy::set_value(args.get())) {
                Some((key, value)) => {
                    Mail::Write { property: piece(frame, &key), value: frame.slice_ref(value.as_bytes()), ticket }
                }
                None => Mail::Write { property: Bytes::new(), value: Bytes::from_static(b"null"), ticket },
            }
        }
        ClientBody::Call { action, args } => {
            Mail::Call { action: piece(frame, &action), args: args.map(raw).unwrap_or_default(), ticket }
        }
        ClientBody::Write { property, value } => {
            let value = value.map_or_else(|| Bytes::from_static(b"null"), raw);
            Mail::Write { property: piece(frame, &property), value, ticket }
        }
        ClientBody::Props { props } => Mail::Props { props: props.map(raw), ticket },
        ClientBody::Event { event } => Mail::Event { event: raw(event), ticket },
        ClientBody::Resync => Mail::Resync { connection, ticket: Some(ticket) },
        ClientBody::Mount { .. } | ClientBody::Unmount | ClientBody::Ping => {
            unreachable!("answered by the session itself")
        }
    }
}

fn deliver(mailbox: &Mailbox, mail: Mail) {
    match mailbox.send(mail) {
        Ok(()) => {}
        Err(Undelivered::Full(
            Mail::Call { ticket, .. }
            | Mail::Write { ticket, .. }
            | Mail::Props { ticket, .. }
            | Mail::Event { ticket, .. }
            | Mail::Resync { ticket: Some(ticket), .. },
        )) => ticket.answer(Err(Error::new(Code::Busy, "the component has too much to do: try again"))),
        // A dropped ticket answers that the instance is gone.
        Err(Undelivered::Full(_) | Undelivered::Closed(_)) => {}
    }
}

/// A part of the frame without a copy, unless it had to be unescaped.
fn piece(frame: &Bytes, text: &Cow<'_, str>) -> Bytes {
    match text {
        Cow::Borrowed(text) => frame.slice_ref(text.as_bytes()),
        Cow::Owned(text) => Bytes::copy_from_slice(text.as_bytes()),
    }
}
