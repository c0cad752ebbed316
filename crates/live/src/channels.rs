//! One socket that carries several connections, its channels: what the tabs of a browser share.
//!
//! A channel is a connection like any other: it has a session, an outbox, a place and an identity of its own, and
//! its session does not know that there is a socket around it ([`line`]). Here is what the channels have in common:
//!
//! ```text
//!            ┌─► inbox ─► session ─► turn ─┐
//!   socket ──┼─► inbox ─► session ─► turn ─┼─► queue ──► socket
//!            └─► inbox ─► session ─► turn ─┘
//! ```
//!
//! * Reading: each frame goes into its channel's inbox, which has room for about one frame of the largest size. If
//!   it has no room, because the session waits for its client to read, the socket is not read until it has. How
//!   long that may be in all is bounded ([`patience`]), for each channel and for the socket; the channel that would
//!   have to be waited for beyond that is closed with 4430, and the others go on.
//! * Writing: a channel may have one write in the queue, so those that have something to write take turns.
//! * The socket's pongs are every channel's. One that finds the socket silent ends all of them.
//! * When the socket is gone, every channel is lost like a connection, and may come back on another socket.
//! * What is for no channel is passed over, because it may have been on its way when its channel was closed; it is
//!   counted, and too much of it closes the socket with 4429. What is no frame of a channel, or opens one with a
//!   number that was used before, closes it with 1002.
//! * Without a channel the socket counts as a connection, and is closed after a while.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use fluxstack_live_protocol::CloseCode;
use fluxstack_live_protocol::channel::{self, ChannelFrame, ChannelId};
use futures_util::{Sink, SinkExt as _, Stream, StreamExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use crate::quota::Rate;
use crate::server::{Live, Place};
use crate::session::{Incoming, Outgoing};

mod line;
mod patience;

use line::Line;
use patience::Patience;

/// How long one channel without room may keep the others from being read, in all.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long all of them may, also those that came in the place of closed ones. Clients take silence for a dead
/// socket after 1.3 s.
const PATIENCE_OF_ALL: Duration = Duration::from_secs(1);
/// Channels of a socket, however many the limits allow.
const MOST: usize = 1 << 16;
/// Channels opened a second, after some at once: each may ask the application who it is.
const OPENED_A_SECOND: u32 = 10;
/// Bytes of the query of a channel, as servers have it for addresses.
const LONGEST_QUERY: usize = 8 << 10;
/// How long a socket that is being closed may take to write what was waiting.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Who opened the socket: what every channel's identity is made of.
pub(crate) struct Visitor {
    /// Of the upgrade request.
    pub(crate) headers: Vec<(Box<str>, Box<str>)>,
    pub(crate) peer: Option<IpAddr>,
}

/// A frame for the socket, and what is given back when it is written.
struct Turn {
    frame: Outgoing,
    _held: Option<OwnedSemaphorePermit>,
}

/// What becomes of the socket.
#[derive(Debug, Clone, Copy)]
enum Fate {
    /// It has channels.
    Carries,
    /// It has none, since then.
    Idle(Instant),
    /// It is to be closed.
    Ends(CloseCode),
}

/// A socket, as its channels see it.
struct Carrier {
    live: Live,
    visitor: Visitor,
    queue: mpsc::Sender<Turn>,
    most: usize,
    fate: watch::Sender<Fate>,
    /// Each channel takes one along, and the word that it is closed brings it back: so many of those may wait.
    notices: Arc<Semaphore>,
    board: Mutex<Board>,
}

struct Board {
    lines: HashMap<ChannelId, Arc<Line>>,
    /// Channels there are, those included that have not quite ended.
    running: usize,
    /// The place of the socket, while it has no channel.
    spare: Option<Place>,
    /// When something came last.
    heard: Instant,
}

/// Serves a socket that carries channels until either side has enough.
pub(crate) async fn run(
    live: Live,
    place: Place,
    visitor: Visitor,
    incoming: impl Stream<Item = Incoming> + Unpin,
    outgoing: impl Sink<Outgoing> + Unpin,
) {
    let most = live.limits().channels.min(MOST);
    // A turn of each channel, all the notices there are, the greeting and the end: there is always room.
    let (queue, turns) = mpsc::channel(4 * most + 2);
    let notices = 2 * most;
    let now = Instant::now();
    let carrier = Arc::new(Carrier {
        visitor,
        queue,
        most,
        fate: watch::Sender::new(Fate::Idle(now)),
        notices: Arc::new(Semaphore::new(notices)),
        board: Mutex::new(Board { lines: HashMap::new(), running: 0, spare: Some(place), heard: now }),
        live: live.clone(),
    });
    carrier.greet(None);
    live.track(carry(&carrier, turns, incoming, outgoing)).await;
    // Also if it was cut short: what has no line any more ends.
    carrier.board().lines.clear();
}

async fn carry(
    carrier: &Arc<Carrier>,
    turns: mpsc::Receiver<Turn>,
    incoming: impl Stream<Item = Incoming> + Unpin,
    outgoing: impl Sink<Outgoing> + Unpin,
) {
    let write = write(carrier.live.limits().write, turns, outgoing);
    tokio::pin!(write);
    let code = tokio::select! {
        biased;
        () = &mut write => return,
        code = carrier.ended() => Some(code),
        code = read(carrier, incoming) => code,
    };
    carrier.board().lines.clear();
    // Without a code as well: the answer to a goodbye, or to what is no WebSocket, may still wait to be written.
    carrier.say(Outgoing::Close(code), None);
    let _ = timeout(LAST_WORDS, write).await;
}

/// Reads until the peer is gone, or until the socket has to be closed with a code.
async fn read(
    carrier: &Arc<Carrier>,
    mut incoming: impl Stream<Item = Incoming> + Unpin,
) -> Option<CloseCode> {
    let limits = carrier.live.limits();
    let most = u32::try_from(carrier.most).unwrap_or(u32::MAX);
    let (mut opened, mut control) = (Rate::new(), Rate::new());
    let mut patience = Patience::new(PATIENCE_OF_ALL);
    let mut newest: ChannelId = 0;
    loop {
        let frame = incoming.next().await?;
        carrier.board().heard = Instant::now();
        let text = match frame {
            Incoming::Text(text) => text,
            Incoming::Pong => {
                carrier.board().lines.values().for_each(|line| line.give_if_room(Incoming::Pong));
                continue;
            }
            Incoming::Binary(frame) => {
                let Some((id, rest)) = channel::read_binary(&frame) else {
                    return Some(CloseCode::Malformed);
                };
                let line = carrier.board().lines.get(&id).map(Arc::clone);
                let Some(line) = line else {
                    // As for text, it may have been on its way when its channel was closed.
                    if !control.allows(1, limits.rate, limits.burst) {
                        return Some(CloseCode::Flood);
                    }
                    continue;
                };
                if !line.give(Incoming::Binary(frame.slice_ref(rest)), &mut patience).await {
                    tracing::debug!(id, "a channel is closed: it has no room for what it is sent");
                    carrier.close(id, Some(CloseCode::TooSlow));
                }
                continue;
            }
            Incoming::TooLarge => return Some(CloseCode::FrameTooLarge),
        };
        let Some((id, frame)) = std::str::from_utf8(&text).ok().and_then(channel::read) else {
            return Some(CloseCode::Malformed);
        };
        let line = carrier.board().lines.get(&id).map(Arc::clone);
        match (frame, line) {
            (ChannelFrame::Text(frame), Some(line)) => {
                let frame = text.slice_ref(frame.as_bytes());
                if !line.give(Incoming::Text(frame), &mut patience).await {
                    tracing::debug!(id, "a channel is closed: it has no room for what it is sent");
                    carrier.close(id, Some(CloseCode::TooSlow));
                }
                continue;
            }
            (ChannelFrame::Text(_), None) if id == 0 => {
                let notice = Arc::clone(&carrier.notices).acquire_owned().await.ok();
                carrier.greet(notice);
            }
            (ChannelFrame::Text(_), None) => {}
            (ChannelFrame::Open(query), _) => {
                if id <= newest {
                    return Some(CloseCode::Malformed);
                }
                newest = id;
                let query = text.slice_ref(query.as_bytes());
                let is_allowed = opened.allows(1, OPENED_A_SECOND, most.saturating_mul(4));
                carrier.open(id, query, is_allowed).await;
            }
            (ChannelFrame::Close, _) => drop(carrier.board().lines.remove(&id)),
        }
        if !control.allows(1, limits.rate, limits.burst) {
            return Some(CloseCode::Flood);
        }
    }
}

/// Writes what the channels have to say until the socket is closed or gone: one flush for all that waits.
async fn write(patience: Duration, mut turns: mpsc::Receiver<Turn>, mut socket: impl Sink<Outgoing> + Unpin) {
    while let Some(turn) = turns.recv().await {
        let write = async {
            // Whoever has a turn among these gets another one afterwards.
            let mut written = Vec::new();
            let mut next = Some(turn);
            while let Some(Turn { frame, _held }) = next {
                let is_last = matches!(frame, Outgoing::Close(_));
                socket.feed(frame).await.ok()?;
                if is_last {
                    let _ = socket.close().await;
                    return None;
                }
                written.push(_held);
                next = turns.try_recv().ok();
            }
            socket.flush().await.ok()
        };
        if !matches!(timeout(patience, write).await, Ok(Some(()))) {
            return;
        }
    }
}

impl Carrier {
    /// Says that the server is there, and what the socket may carry.
    fn greet(&self, notice: Option<OwnedSemaphorePermit>) {
        self.say(Outgoing::Text(channel::greeting(self.most, self.live.limits().frame).into()), notice);
    }

    /// A channel for whoever asks for it, or the word that there is none.
    async fn open(self: &Arc<Self>, id: ChannelId, query: Bytes, is_allowed: bool) {
        // Waits where the client does not read that its channels are closed.
        let notice = Arc::clone(&self.notices).acquire_owned().await.ok();
        let refused = |code, notice| self.say_closed(id, Some(code), notice);
        if !is_allowed {
            return refused(CloseCode::Flood, notice);
        }
        if query.len() > LONGEST_QUERY {
            return refused(CloseCode::Refused, notice);
        }
        let mut board = self.board();
        if board.running >= self.most {
            return refused(CloseCode::NoPlace, notice);
        }
        let place = match board.spare.take().map_or_else(|| self.live.place(self.visitor.peer), Ok) {
            Ok(place) => place,
            Err(why) => return refused(line::no_place(why), notice),
        };
        self.fate.send_if_modified(Fate::carries);
        board.running += 1;
        // Under the lock, so that it is there before it can end.
        board.lines.insert(id, Line::begin(Arc::clone(self), id, query, place, notice));
    }

    /// The server closes a channel; nothing if it is closed already.
    fn close(&self, id: ChannelId, code: Option<CloseCode>) {
        let line = self.board().lines.remove(&id);
        if let Some(line) = line {
            self.say_closed(id, code, line.take_notice());
        }
    }

    /// A channel found the peer silent. If the socket is, that is the end of all.
    fn silent(&self, id: ChannelId) {
        let is_silent = self.board().heard.elapsed() >= self.live.limits().ping;
        if is_silent {
            self.fate.send_replace(Fate::Ends(CloseCode::PeerSilent));
        }
        self.close(id, Some(CloseCode::PeerSilent));
    }

    /// A channel has ended, and its place is free.
    fn left(&self, id: ChannelId) {
        self.close(id, None);
        let mut board = self.board();
        board.running -= 1;
        if board.running > 0 {
            return;
        }
        // Sockets without channels are counted too, or there could be any number of them.
        let fate = match self.live.place(self.visitor.peer) {
            Ok(place) => {
                board.spare = Some(place);
                Fate::Idle(Instant::now())
            }
            Err(why) => Fate::Ends(line::no_place(why)),
        };
        self.fate.send_if_modified(|before| before.becomes(fate));
    }

    /// Waits until the socket is to be closed, and says why.
    async fn ended(&self) -> CloseCode {
        let mut fate = self.fate.subscribe();
        let limits = self.live.limits();
        loop {
            let now = *fate.borrow_and_update();
            let is_draining = self.live.is_draining();
            let idle = match now {
                Fate::Ends(code) => return code,
                Fate::Idle(_) if is_draining => return CloseCode::GoingAway,
                Fate::Idle(since) => Some(since + limits.ping),
                Fate::Carries => None,
            };
            tokio::select! {
                biased;
                _ = fate.changed() => {}
                () = self.live.draining(), if !is_draining => {}
                () = sleep_until(idle.unwrap_or_else(Instant::now)), if idle.is_some() => return CloseCode::PeerSilent,
            }
        }
    }

    fn say_closed(&self, id: ChannelId, code: Option<CloseCode>, notice: Option<OwnedSemaphorePermit>) {
        let code = code.map_or(NO_CODE, CloseCode::number);
        self.say(Outgoing::Text(channel::closed(id, code).into()), notice);
    }

    /// Puts something into the queue; whether anybody will write it.
    fn say(&self, frame: Outgoing, held: Option<OwnedSemaphorePermit>) -> bool {
        self.queue.try_send(Turn { frame, _held: held }).is_ok()
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.board.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of a close without a reason.
const NO_CODE: u16 = 1005;

impl Fate {
    /// Takes on another, unless the end is decided. Whether it did.
    fn becomes(&mut self, next: Self) -> bool {
        let is_open = !matches!(self, Self::Ends(_));
        if is_open {
            *self = next;
        }
        is_open
    }

    fn carries(&mut self) -> bool {
        self.becomes(Self::Carries)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{sink, stream};

    use super::*;

    #[tokio::test]
    async fn what_waits_is_written_also_to_who_has_said_goodbye() {
        let live = Live::builder().build().expect("there is nothing to go wrong");
        let Ok(place) = live.place(None) else { panic!("there is a place") };
        let visitor = Visitor { headers: Vec::new(), peer: None };
        let (socket, mut written) = mpsc::channel(1);
        // Somebody slow, so that nothing more is taken at first.
        socket.send(Outgoing::Ping).await.expect("there is room");
        let outgoing = sink::unfold(socket, async |socket, frame| socket.send(frame).await.map(|()| socket));
        tokio::spawn(run(live.clone(), place, visitor, stream::empty(), Box::pin(outgoing)));
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(written.recv().await, Some(Outgoing::Ping)));
        assert!(matches!(written.recv().await, Some(Outgoing::Text(_))), "the greeting");
        assert!(matches!(written.recv().await, Some(Outgoing::Close(None))));
        assert!(written.recv().await.is_none());
    }
}
