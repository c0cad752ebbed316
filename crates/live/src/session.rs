//! One connection, seen from our side of the socket.
//!
//! A session reads frames, finds the instance each message is about **in its own table**, and puts mail into
//! that instance's mailbox. It can name only what it mounted: there is no lookup by id anywhere else, so
//! somebody else's id is simply not there. Instances answer through the session's outbox.
//!
//! Reading and writing are two futures of one task. A client that does not read is not read from either
//! ([`Outbox::room`]), so what it can make us hold is bounded by what it may have open.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::{
    ClientMessage, CloseCode, Code, ConnectionId, Dialect, Hello, InstanceId, Refusal, ServerMessage, decode,
    frame,
};
use futures_util::{Sink, Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock;
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::outbox::Outbox;
use crate::rate::Rate;
use crate::registry::Registry;
use crate::services::Services;

mod route;
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
    let mut session = Session {
        id,
        host,
        arrival,
        outbox: Arc::clone(&outbox),
        instances: HashMap::new(),
        rate: Rate::new(),
        refused: 0,
    };
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
    // Whoever still holds the outbox holds nothing in it.
    outbox.close(None);
}

/// How long a connection that is being closed may take to write what was waiting.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Session {
    /// Reads until the peer is gone, or until it has to be closed with a code.
    async fn listen(
        &mut self,
        mut incoming: impl Stream<Item = Incoming> + Unpin,
        silence: &AtomicU32,
    ) -> Option<CloseCode> {
        self.greet().await;
        while let Some(frame) = incoming.next().await {
            silence.store(0, Ordering::Relaxed);
            match frame {
                Incoming::Text(text) if text.len() > self.host.limits.frame => {
                    return Some(CloseCode::FrameTooLarge);
                }
                Incoming::TooLarge => return Some(CloseCode::FrameTooLarge),
                Incoming::Text(text) => self.read(&text).await,
                Incoming::Binary => {
                    self.refuse(&Refusal::frame(
                        Code::BadMessage,
                        "binary frames carry uploads, and nothing is being uploaded",
                    ));
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

    async fn read(&mut self, frame: &Bytes) {
        let limits = Arc::clone(&self.host.limits);
        let Ok(text) = std::str::from_utf8(frame) else {
            return self.refuse(&Refusal::frame(Code::BadMessage, "a text frame is UTF-8"));
        };
        let messages = match frame::split(text, self.arrival.dialect.batch) {
            Ok(messages) => messages,
            Err(refusal) => {
                self.count();
                return self.refuse(&refusal);
            }
        };
        if messages.is_empty() {
            self.count();
        }
        let is_too_long = messages.len() > limits.batch;
        for text in messages.iter() {
            let is_allowed = self.count();
            let refuse = |message: &ClientMessage<'_>, code, error: String| Refusal {
                request_id: message.request_id.map(|id| id.get().into()),
                component_id: message.component_id.as_deref().map(Into::into),
                ..Refusal::frame(code, error)
            };
            // Every message of a frame is answered by itself, also those that are refused with it.
            match decode(text, self.arrival.dialect) {
                Ok(message) if !is_allowed => {
                    self.refuse(&refuse(
                        &message,
                        Code::RateLimited,
                        "Rate limit exceeded: slow down".to_owned(),
                    ));
                }
                Ok(message) if is_too_long => {
                    let said = format!(
                        "{} messages in a batch, at most {} are allowed",
                        messages.len(),
                        limits.batch
                    );
                    self.refuse(&refuse(&message, Code::TooLarge, said));
                }
                Ok(message) if frame::nests_deeper_than(text, limits.depth) => {
                    let said = format!("nested deeper than {} levels", limits.depth);
                    self.refuse(&refuse(&message, Code::BadMessage, said));
                }
                Ok(message) => self.take(frame, message),
                Err(refusal) => self.refuse(&refusal),
            }
            if self.refused > limits.refusals {
                return;
            }
            self.outbox.room().await;
        }
    }

    /// Counts one message against the rate.
    fn count(&mut self) -> bool {
        let limits = &self.host.limits;
        let is_allowed = self.rate.allows(limits.rate, limits.burst);
        self.refused = if is_allowed { self.refused.saturating_sub(1) } else { self.refused + 1 };
        is_allowed
    }

    fn refuse(&self, refusal: &Refusal) {
        let mut frame = Vec::new();
        refusal.write(clock::now(), &mut frame);
        self.outbox.push(frame);
    }
}

impl Drop for Session {
    /// The connection is over; so is what it mounted.
    fn drop(&mut self) {
        for (_, mailbox) in self.instances.drain() {
            mailbox.hang_up(self.id);
        }
    }
}
