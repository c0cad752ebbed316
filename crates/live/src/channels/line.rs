//! One channel: a session, and what stands between it and the socket it shares with others.
//!
//! The session runs in a task of its own. It reads from an inbox with a bound in bytes, and writes when it is its
//! turn; a channel that is closed reads nothing more, and what it still says is heard by nobody.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fluxstack_live_protocol::channel::{self, ChannelId};
use fluxstack_live_protocol::{CloseCode, Code};
use futures_util::{Sink, Stream, stream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::{Instant, timeout};
use tokio_util::sync::PollSemaphore;

use super::patience::Patience;
use super::{Carrier, PATIENCE};
use crate::auth::Credentials;
use crate::server::{NoPlace, Place};
use crate::session::{Arrival, Incoming, Outgoing, join};

/// What a frame in the inbox is taken to weigh beside its bytes.
const FRAME: usize = 64;

/// A channel, as its socket sees it. Without it the session finds that its client is gone.
pub(super) struct Line {
    inbox: mpsc::Sender<(Incoming, Option<OwnedSemaphorePermit>)>,
    /// Bytes that still fit.
    room: Arc<Semaphore>,
    /// How many fit in all.
    most: usize,
    patience: Mutex<Patience>,
    notice: Mutex<Option<OwnedSemaphorePermit>>,
}

impl Line {
    /// Begins a channel in the socket's name.
    pub(super) fn begin(
        carrier: Arc<Carrier>,
        id: ChannelId,
        query: Bytes,
        place: Place,
        notice: Option<OwnedSemaphorePermit>,
    ) -> Arc<Self> {
        let most = carrier.live.limits().frame.saturating_add(FRAME).min(u32::MAX as usize >> 3);
        // Each weighs at least so much, so what has room in bytes has room here.
        let (inbox, mut frames) = mpsc::channel(most / FRAME);
        let line = Self {
            inbox,
            room: Arc::new(Semaphore::new(most)),
            most,
            patience: Mutex::new(Patience::new(PATIENCE)),
            notice: Mutex::new(notice),
        };
        let incoming = stream::poll_fn(move |cx| {
            // What it weighed may be taken by the next from now on.
            frames.poll_recv(cx).map(|taken: Option<(Incoming, _)>| Some(taken?.0))
        });
        tokio::spawn(async move {
            // Before the place, so that it is dropped after it.
            let left = Left { carrier: Arc::clone(&carrier), id };
            if let Err(code) = serve(&carrier, id, &query, place, incoming).await {
                carrier.close(id, Some(code));
            }
            drop(left);
        });
        Arc::new(line)
    }

    /// Hands a frame to the session, as soon as there is room for it; whether there was in time. The wait is at the
    /// expense of both the channel's patience and its socket's.
    pub(super) async fn give(&self, frame: Incoming, socket: &mut Patience) -> bool {
        let bytes = match &frame {
            Incoming::Text(frame) | Incoming::Binary(frame) => frame.len(),
            Incoming::Pong | Incoming::TooLarge => 0,
        };
        let weight = u32::try_from(bytes.saturating_add(FRAME).min(self.most)).unwrap_or(u32::MAX);
        let room = match Arc::clone(&self.room).try_acquire_many_owned(weight) {
            Ok(room) => room,
            Err(_) => {
                let left = self.patience().left().min(socket.left());
                let begun = Instant::now();
                let room = timeout(left, Arc::clone(&self.room).acquire_many_owned(weight)).await;
                let waited = begun.elapsed();
                self.patience().spend(waited);
                socket.spend(waited);
                let Ok(Ok(room)) = room else { return false };
                room
            }
        };
        // If the session has ended, the client is just being told.
        let _ = self.inbox.try_send((frame, Some(room)));
        true
    }

    fn patience(&self) -> MutexGuard<'_, Patience> {
        self.patience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same with what can be left out.
    pub(super) fn give_if_room(&self, frame: Incoming) {
        if let Ok(room) = Arc::clone(&self.room).try_acquire_many_owned(FRAME as u32) {
            let _ = self.inbox.try_send((frame, Some(room)));
        }
    }

    /// What the word that it is closed takes along.
    pub(super) fn take_notice(&self) -> Option<OwnedSemaphorePermit> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Tells the socket that the channel has ended, whatever ended it.
struct Left {
    carrier: Arc<Carrier>,
    id: ChannelId,
}

impl Drop for Left {
    fn drop(&mut self) {
        self.carrier.left(self.id);
    }
}

/// Finds out who asks for the channel, then serves it.
///
/// # Errors
/// Why there is no channel for them.
async fn serve(
    carrier: &Arc<Carrier>,
    id: ChannelId,
    query: &Bytes,
    mut place: Place,
    incoming: impl Stream<Item = Incoming> + Unpin,
) -> Result<(), CloseCode> {
    let (live, visitor) = (&carrier.live, &carrier.visitor);
    let query = std::str::from_utf8(query).unwrap_or_default();
    let headers = visitor.headers.iter().map(|(name, value)| (&**name, &**value));
    let mut arrival = Arrival { peer: visitor.peer, ..Arrival::from_query(query) };
    let credentials = Credentials::connecting(query, headers, visitor.peer);
    let identity = tokio::select! {
        biased;
        () = live.draining() => return Err(CloseCode::GoingAway),
        identity = live.admit(&credentials) => identity,
    };
    let identity = identity.map_err(|unknown| match unknown.error.code() {
        Code::AuthThrottled => CloseCode::Flood,
        Code::Busy | Code::Internal => CloseCode::NoPlace,
        _ => CloseCode::Refused,
    })?;
    if let Some(identity) = identity {
        place.belong_to(&identity).map_err(no_place)?;
        arrival.identity = Some(Arc::new(identity));
    }
    let mouth = Mouth {
        carrier: Arc::clone(carrier),
        id,
        turns: PollSemaphore::new(Arc::new(Semaphore::new(1))),
        turn: None,
    };
    live.serve(place, arrival, incoming, mouth).await;
    Ok(())
}

/// How a channel hears that there is no place.
pub(super) fn no_place(why: NoPlace) -> CloseCode {
    match why {
        NoPlace::Draining => CloseCode::GoingAway,
        NoPlace::Full | NoPlace::Address | NoPlace::User => CloseCode::NoPlace,
    }
}

/// Where the session writes. It has one turn, which is back when what it wrote has left.
struct Mouth {
    carrier: Arc<Carrier>,
    id: ChannelId,
    turns: PollSemaphore,
    turn: Option<OwnedSemaphorePermit>,
}

/// Nobody writes any more.
struct Gone;

impl Mouth {
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        if self.turn.is_none() {
            self.turn = ready!(self.turns.poll_acquire(cx));
        }
        Poll::Ready(Ok(()))
    }
}

impl Sink<Outgoing> for Mouth {
    type Error = Gone;

    fn poll_ready(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.poll_turn(cx)
    }

    fn start_send(mut self: Pin<&mut Self>, frame: Outgoing) -> Result<(), Gone> {
        let (id, turn) = (self.id, self.turn.take());
        let frame = match frame {
            Outgoing::Text(text) => Outgoing::Text(channel::frame(id, &text).into()),
            Outgoing::Texts(texts) => Outgoing::Text(channel::frame(id, &join(&texts)).into()),
            Outgoing::Ping => Outgoing::Ping,
            Outgoing::Close(Some(CloseCode::PeerSilent)) => {
                self.carrier.silent(id);
                return Ok(());
            }
            Outgoing::Close(code) => {
                self.carrier.close(id, code);
                return Ok(());
            }
        };
        if !self.carrier.board().lines.contains_key(&id) {
            // It is closed, and the client knows.
            return Err(Gone);
        }
        if self.carrier.say(frame, turn) { Ok(()) } else { Err(Gone) }
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        self.poll_turn(cx)
    }

    fn poll_close(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<Result<(), Gone>> {
        Poll::Ready(Ok(()))
    }
}
