//! One connection, seen from our side of the socket.
//!
//! A session reads frames, finds the instance each message is about **in its own table**, and puts mail into
//! that instance's mailbox. It can name only what it mounted, or left behind on an earlier connection: there
//! is no lookup by id anywhere else, so somebody else's id is simply not there. Instances answer through the
//! session's outbox.
//!
//! When the connection is gone, what it mounted goes into the [`Roster`], where the same session finds it
//! when it is back.
//!
//! Reading and writing are two futures of one task. A client that does not read is not read from either
//! ([`Outbox::room`]), so what it can make us hold is bounded by what it may have open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::{
    ClientBody, ClientMessage, CloseCode, Code, ConnectionId, Dialect, Hello, InstanceId, Refusal,
    ServerMessage, SessionId, decode, dialect::client_id, frame,
};
use futures_util::{Sink, Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Caller, Erased, Identity};
use crate::clock;
use crate::limits::Limits;
use crate::mailbox::Mailbox;
use crate::outbox::Outbox;
use crate::quota::{Rate, Shares, Strikes};
use crate::registry::Registry;
use crate::rooms::Rooms;
use crate::roster::{Instances, Occupant, Roster};
use crate::services::Services;
use crate::shared::SharedInstances;
use crate::uploads::Desk;
use crate::vault::Vault;
use crate::watch::Watches;

mod batch;
mod come_back;
mod identify;
mod join;
mod route;
mod upload;
mod write;

pub(crate) use identify::{Standing, Unknown};
use upload::SendingFiles;
pub(crate) use upload::{longest_binary, longest_text};

/// What all sessions of a server share.
pub(crate) struct Host {
    pub(crate) registry: Registry,
    pub(crate) services: Arc<Services>,
    pub(crate) authenticator: Option<Box<dyn Erased>>,
    /// Whether whoever is nobody in particular may not connect.
    pub(crate) refuses_anonymous: bool,
    /// Who showed wrong credentials.
    pub(crate) failures: Strikes,
    /// What users and addresses have of this server.
    pub(crate) shares: Arc<Shares>,
    pub(crate) limits: Arc<Limits>,
    pub(crate) roster: Roster,
    pub(crate) rooms: Arc<Rooms>,
    pub(crate) shared: Arc<SharedInstances>,
    pub(crate) watches: Arc<Watches>,
    pub(crate) vault: Arc<Vault>,
    /// Where files come in.
    pub(crate) desk: Arc<Desk>,
    /// Every task there is: sessions and instances.
    pub(crate) tasks: TaskTracker,
    /// Sockets that have said their last word, until the peer has read it. Apart, because nothing but the end of the
    /// program has to wait for them.
    pub(crate) farewells: TaskTracker,
    /// The server goes away. For those who look at every turn: a token takes a lock, which would be everybody's.
    pub(crate) is_closing: AtomicBool,
    /// The same, for those who wait for it.
    pub(crate) closing: CancellationToken,
    pub(crate) connections: AtomicUsize,
    /// Instances that were ever begun.
    pub(crate) mounts: AtomicU64,
    /// Cancelled when a test kills the server in the middle of whatever it does.
    #[cfg(feature = "testing")]
    pub(crate) killed: CancellationToken,
}

impl Host {
    /// The server goes away, and every connection is told so.
    pub(crate) fn close(&self) {
        self.is_closing.store(true, Ordering::Release);
        self.closing.cancel();
        // Whoever listens is in the roster from before they look, and never out of it.
        self.roster.ring();
    }

    /// Whether the server goes away.
    pub(crate) fn is_closing(&self) -> bool {
        self.is_closing.load(Ordering::Acquire)
    }

    /// Waits until the server goes away.
    #[cfg(any(feature = "axum", feature = "testing"))]
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }

    /// Does `task`, unless the server is killed before it is done.
    #[cfg(feature = "testing")]
    pub(crate) fn unless_killed<T: Future<Output = ()>>(&self, task: T) -> impl Future<Output = ()> + use<T> {
        let killed = self.killed.clone();
        async move {
            tokio::select! {
                biased;
                () = killed.cancelled() => {}
                () = task => {}
            }
        }
    }

    /// Does `task`. Only a test can kill a server without ending the program.
    #[cfg(not(feature = "testing"))]
    pub(crate) fn unless_killed<T: Future<Output = ()>>(&self, task: T) -> T {
        // An `async fn` would hold it twice, as its argument and as what it waits for: 5 KB a connection.
        task
    }
}

/// What a transport yields.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A text frame; valid UTF-8.
    Text(Bytes),
    /// A binary frame.
    Binary(Bytes),
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
    /// Several messages in one text frame, which the transport puts together: it has a buffer of its own.
    Texts(Vec<Bytes>),
    /// A ping, to be answered with a pong.
    Ping,
    /// The end.
    Close(Option<CloseCode>),
}

/// Several messages as one: what [`Outgoing::Texts`] is in a frame.
pub(crate) fn join(messages: &[Bytes]) -> Bytes {
    let len = messages.iter().map(|message| message.len() + 1).sum::<usize>() + 1;
    let mut out = Vec::with_capacity(len);
    for (index, message) in messages.iter().enumerate() {
        out.push(if index == 0 { b'[' } else { b',' });
        out.extend_from_slice(message);
    }
    out.push(b']');
    out.into()
}

/// Who is connecting.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) dialect: Dialect,
    /// The load of the page, if it said.
    pub(crate) client: Option<Arc<str>>,
    /// Who the user is, if it is known.
    pub(crate) identity: Option<Arc<Identity>>,
    /// When that was asked, in milliseconds since 1970.
    pub(crate) asked: u64,
    /// Where it comes from, if the transport knows.
    pub(crate) peer: Option<IpAddr>,
}

impl Arrival {
    /// What the query of the upgrade request says; from nobody in particular, and nowhere.
    pub(crate) fn from_query(query: &str) -> Self {
        Self {
            dialect: Dialect::from_query(query),
            client: client_id(query).map(Arc::from),
            identity: None,
            asked: clock::now(),
            peer: None,
        }
    }
}

struct Session {
    id: ConnectionId,
    host: Arc<Host>,
    arrival: Arrival,
    outbox: Arc<Outbox>,
    /// Which of a tab's stays this connection belongs to.
    session: SessionId,
    /// Whose it is; empty for nobody in particular. Stays when the identity has expired.
    subject: Arc<str>,
    caller: Arc<Caller>,
    /// The identity has expired, and what is mounted was told.
    is_over: bool,
    occupant: Arc<Occupant>,
    instances: Instances,
    /// The shared instances it has mounted. They do not wait in the roster: what waits for the session is its
    /// membership, in the instance.
    joined: HashMap<InstanceId, Joined>,
    rate: Rate,
    standing: Standing,
    refused: u32,
    /// The files that are on their way; most connections never send one.
    sending: Option<Box<SendingFiles>>,
}

/// A shared instance that a connection has mounted.
struct Joined {
    mailbox: Mailbox,
    /// How often.
    mounts: Arc<AtomicU32>,
}

/// Serves one connection until either side has enough, and keeps `place` for as long. The one future of a
/// connection's task: what is rare, and what comes at the end, takes room of its own when it comes, because thousands of
/// these wait for a click.
pub(crate) fn run<P>(
    host: Arc<Host>,
    arrival: Arrival,
    standing: Standing,
    mut incoming: impl Stream<Item = Incoming> + Unpin,
    mut outgoing: impl Sink<Outgoing> + Unpin,
    place: P,
) -> impl Future<Output = ()> {
    let id = ConnectionId::random();
    let outbox = Outbox::new(id, arrival.dialect, &host.limits);
    let mut session = Session::new(id, host, arrival, standing, outbox);
    // Not an `async fn`, which would have room for all of these twice: as arguments and as what is made of them.
    async move {
        let _place = &place;
        session.converse(&mut incoming, &mut outgoing).await;
        // Whoever still holds the outbox holds nothing in it.
        session.outbox.discard();
    }
}

/// Why a connection is over.
enum Ended {
    /// Nothing can be written any more.
    Gone,
    /// It is to be closed, for this reason.
    Closing(Option<CloseCode>),
    /// The server is going away.
    Draining,
}

/// Where in a frame something has to be waited for.
struct Rest {
    /// The message that is next.
    at: usize,
    /// Whether it was counted by then.
    is_counted: bool,
}

/// What became of a message.
enum Heard<'a> {
    Done,
    /// It may be done, and that takes its time.
    Slow(ClientMessage<'a>),
    /// The peer has been refused so much that nothing more is read.
    Enough,
}

/// How long a connection that is being closed may take to write what was waiting.
const LAST_WORDS: Duration = Duration::from_secs(5);

impl Session {
    /// Until either side has enough.
    async fn converse(
        &mut self,
        incoming: &mut (impl Stream<Item = Incoming> + Unpin),
        outgoing: &mut (impl Sink<Outgoing> + Unpin),
    ) {
        let (outbox, occupant) = (Arc::clone(&self.outbox), Arc::clone(&self.occupant));
        let host = Arc::clone(&self.host);
        // Pings since the peer was last heard.
        let silence = AtomicU32::new(0);
        let write = write::run(&outbox, &host.limits, &silence, &occupant, outgoing);
        tokio::pin!(write);
        let ended = {
            let read = self.listen(incoming, &silence);
            let told = outbox.bell().until(|| match occupant.why() {
                _ if host.is_closing() => Some(Ended::Draining),
                why => why.map(|why| Ended::Closing(Some(why))),
            });
            tokio::select! {
                biased;
                ended = told => ended,
                () = &mut write => Ended::Gone,
                code = read => Ended::Closing(code),
            }
        };
        Box::pin(self.part(ended, write)).await;
    }

    /// The end: what was mounted is left to wait, and the peer is told why.
    async fn part(&mut self, ended: Ended, mut write: impl Future<Output = ()> + Unpin) {
        let code = match ended {
            Ended::Gone => None,
            Ended::Closing(code) => Some(code),
            Ended::Draining => {
                // What it mounted comes to rest first, and says so to the client.
                tokio::select! {
                    biased;
                    () = self.drain() => Some(Some(CloseCode::GoingAway)),
                    // The peer is gone in the meantime, and there is nobody to say anything to.
                    () = &mut write => None,
                }
            }
        };
        // Before the last words: whoever takes over does not wait for a dead peer.
        self.leave();
        if let Some(code) = code {
            self.outbox.close(code);
            // What is already waiting may still go out, but a dead peer is not waited for.
            let _ = tokio::time::timeout(LAST_WORDS, write).await;
        }
    }

    fn new(
        id: ConnectionId,
        host: Arc<Host>,
        mut arrival: Arrival,
        standing: Standing,
        outbox: Arc<Outbox>,
    ) -> Self {
        let session = SessionId::random();
        let identity = arrival.identity.take();
        let subject = identity.as_ref().map_or_else(|| Arc::from(""), |identity| identity.subject());
        let caller = Caller::new(session, id, arrival.client.clone(), arrival.peer, identity);
        let occupant = Occupant::new(arrival.client.clone(), Arc::clone(outbox.bell()));
        host.roster.enter(session, Arc::clone(&subject), Arc::clone(&occupant));
        let (instances, joined, rate) = (Instances::new(), HashMap::new(), Rate::new());
        let asked = arrival.asked;
        let session = Self {
            id,
            host,
            arrival,
            outbox,
            session,
            subject,
            caller,
            is_over: false,
            occupant,
            instances,
            joined,
            rate,
            standing,
            refused: 0,
            sending: None,
        };
        // If not, it is told to leave, and that is all.
        drop(session.unless_void(asked));
        session
    }

    /// Reads until the peer is gone, or until it has to be closed with a code.
    async fn listen(
        &mut self,
        mut incoming: impl Stream<Item = Incoming> + Unpin,
        silence: &AtomicU32,
    ) -> Option<CloseCode> {
        self.greet().await;
        loop {
            let frame = tokio::select! {
                biased;
                () = over(self.caller.remaining().filter(|_| !self.is_over)) => {
                    // The clock on the wall has the last word.
                    self.is_over = self.caller.identity().is_none();
                    if self.is_over {
                        self.tell_all();
                    }
                    continue;
                }
                frame = incoming.next() => frame,
            };
            silence.store(0, Ordering::Relaxed);
            match frame? {
                Incoming::Text(text) if text.len() > self.host.limits.frame => {
                    if !self.read_long(&text) {
                        return Some(CloseCode::FrameTooLarge);
                    }
                }
                Incoming::TooLarge => return Some(CloseCode::FrameTooLarge),
                Incoming::Text(text) => {
                    if let Err(rest) = self.read(&text) {
                        // Rare, so it takes room only when it happens.
                        Box::pin(self.read_rest(&text, rest)).await;
                    }
                }
                Incoming::Binary(frame) => {
                    if !self.read_binary(&frame) {
                        return Some(CloseCode::FrameTooLarge);
                    }
                }
                Incoming::Pong => self.occupant.answered(),
            }
            if self.refused > self.host.limits.refusals {
                return Some(CloseCode::Flood);
            }
            self.outbox.room().await;
        }
    }

    async fn greet(&self) {
        let limits = &self.host.limits;
        if self.arrival.dialect.is_legacy() {
            // An older client may register its listener a moment after the upgrade.
            Box::pin(tokio::time::sleep(Duration::from_millis(5))).await;
        }
        let hello = Hello {
            connection: self.id,
            user: self.user().map(|user| (&*user).into()),
            session: self.arrival.dialect.resume.then(|| {
                let grace = u64::try_from(limits.grace.as_millis()).unwrap_or(u64::MAX);
                (self.token().into(), grace)
            }),
            dialect: self.arrival.dialect,
            frame: limits.frame,
            batch: limits.batch,
            calls: limits.calls,
            instances: limits.instances,
            rate: limits.rate,
            burst: limits.burst,
            channels: limits.channels > 0,
            uploads: self.host.desk.is_open(),
        };
        let mut frame = Vec::with_capacity(512);
        ServerMessage::Hello(&hello).write(clock::now(), &mut frame);
        self.outbox.push(frame);
    }

    /// Reads what is in a frame, as far as nothing of it has to be waited for.
    ///
    /// # Errors
    /// Where that is so.
    fn read(&mut self, frame: &Bytes) -> Result<(), Rest> {
        let Some(messages) = self.split(frame) else { return Ok(()) };
        for (at, text) in messages.iter().enumerate() {
            match self.hear(frame, text, messages.len(), false) {
                Heard::Done if self.outbox.has_room() => {}
                Heard::Done => return Err(Rest { at: at + 1, is_counted: false }),
                Heard::Slow(_) => return Err(Rest { at, is_counted: true }),
                Heard::Enough => break,
            }
        }
        Ok(())
    }

    /// Reads on, and waits where it has to.
    async fn read_rest(&mut self, frame: &Bytes, rest: Rest) {
        let Some(messages) = self.split(frame) else { return };
        for (at, text) in messages.iter().enumerate().skip(rest.at) {
            self.outbox.room().await;
            match self.hear(frame, text, messages.len(), at == rest.at && rest.is_counted) {
                Heard::Done => {}
                Heard::Slow(mut message) => self.take_time(frame, &mut message).await,
                Heard::Enough => break,
            }
        }
    }

    fn split<'a>(&mut self, frame: &'a Bytes) -> Option<frame::Messages<'a>> {
        let Ok(text) = std::str::from_utf8(frame) else {
            self.refuse(&Refusal::frame(Code::BadMessage, "a text frame is UTF-8"));
            return None;
        };
        match frame::split(text, self.arrival.dialect.batch) {
            Ok(messages) => {
                if messages.is_empty() {
                    self.count(1);
                }
                Some(messages)
            }
            Err(refusal) => {
                self.count(1);
                self.refuse(&refusal);
                None
            }
        }
    }

    /// Does, or refuses, one of the messages of a frame, which has `count` of them.
    fn hear<'a>(&mut self, frame: &Bytes, text: &'a str, count: usize, is_counted: bool) -> Heard<'a> {
        let limits = &self.host.limits;
        let (batch, depth, refusals) = (limits.batch, limits.depth, limits.refusals);
        let decoded = decode(text, self.arrival.dialect);
        let is_allowed = is_counted
            || match &decoded {
                Ok(message) => self.is_free(&message.body) || self.count(route::calls(&message.body)),
                Err(_) => self.count(1),
            };
        let refuse = |message: &ClientMessage<'_>, code, error: String| Refusal {
            request_id: message.request_id.map(|id| id.get().into()),
            component_id: message.component_id.as_deref().map(Into::into),
            ..Refusal::frame(code, error)
        };
        // Every message of a frame is answered by itself, also those that are refused with it.
        match decoded {
            Ok(message) if !is_allowed => {
                let said = "Rate limit exceeded: slow down".to_owned();
                self.refuse(&refuse(&message, Code::RateLimited, said));
            }
            Ok(message) if count > batch => {
                let said = format!("{count} messages in a batch, at most {batch} are allowed");
                self.refuse(&refuse(&message, Code::TooLarge, said));
            }
            Ok(message) if message.levels > depth => {
                let said = format!("nested deeper than {depth} levels");
                self.refuse(&refuse(&message, Code::BadMessage, said));
            }
            Ok(message) => match message.body {
                ClientBody::ResumeSession { .. } | ClientBody::Auth { .. } => return Heard::Slow(message),
                _ => self.take(frame, message),
            },
            Err(refusal) => self.refuse(&refusal),
        }
        if self.refused > refusals { Heard::Enough } else { Heard::Done }
    }

    /// Does what has to be waited for.
    async fn take_time(&mut self, frame: &Bytes, message: &mut ClientMessage<'_>) {
        let ticket = self.ticket(frame, message);
        match &message.body {
            ClientBody::ResumeSession { token } => self.resume(token, ticket).await,
            ClientBody::Auth { credentials } => self.authenticate(*credentials, ticket).await,
            _ => drop(ticket),
        }
    }

    /// Counts so many messages against the rate. Those of a batch that is too large count as one that is not.
    fn count(&mut self, messages: usize) -> bool {
        let limits = &self.host.limits;
        let messages = u32::try_from(messages.clamp(1, limits.batch.max(1))).unwrap_or(u32::MAX);
        let is_allowed = self.rate.allows(messages, limits.rate, limits.burst);
        self.refused = if is_allowed {
            self.refused.saturating_sub(messages)
        } else {
            self.refused.saturating_add(messages)
        };
        // What others of the same user or address say is not held against this one.
        let Standing { address, user } = &self.standing;
        is_allowed
            && user.allows(messages, limits.rate_per_user)
            && address.allows(messages, limits.rate_per_address)
    }

    fn refuse(&self, refusal: &Refusal) {
        let mut frame = Vec::new();
        refusal.write(clock::now(), &mut frame);
        self.outbox.push(frame);
    }
}

/// Somebody was signed in for long enough.
async fn over(remaining: Option<Duration>) {
    match remaining {
        // Most sign in for longer than they stay connected, or not at all.
        Some(remaining) => Box::pin(tokio::time::sleep(remaining)).await,
        None => std::future::pending().await,
    }
}

impl Drop for Session {
    /// Also where the future was dropped before it came to its end.
    fn drop(&mut self) {
        self.leave();
    }
}
