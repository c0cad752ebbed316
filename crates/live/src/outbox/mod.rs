//! The way out to one client: bounded, in order, and newer rather than longer when the client is slow.
//!
//! Instances and the session put frames in; the session's writer takes them out. What happens when the
//! writer cannot keep up is decided here and nowhere else:
//!
//! * below the soft limit everything waits in the order it was made;
//! * above it, the deltas of one instance are merged into the first of them ([`queue`]). Newer state may
//!   arrive earlier, never later, so a reply still finds the state it caused already sent;
//! * a merged delta that grows too large becomes a promise of a snapshot, which the instance is asked for
//!   when the client reads again; until it comes, the instance's deltas are dropped, and its events and
//!   replies wait behind it, while other instances' frames pass;
//! * events keep their order, those of rooms as well; past their limits, in number or in bytes, the oldest
//!   are counted instead of kept;
//! * replies are never dropped. Their number is bounded by the calls a connection may have open, and past
//!   the hard limit the connection is closed;
//! * which calls a state brings that the client shows already ([`Done`]) is written directly before that state,
//!   whatever was merged into it or takes its place;
//! * a client nobody looks at is written to when it is answered, or when it says that somebody looks again; until
//!   then state and events wait, as far as a slow client's may.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use fluxstack_live_protocol::{CloseCode, ConnectionId, Dialect, InstanceId, ReplyKind};
use tokio::sync::Notify;

use crate::bell::Bell;
use crate::limits::Limits;
use crate::mailbox::{Mail, Mailbox};
use crate::rooms::RoomKey;

mod done;
mod item;
mod queue;
mod short;
mod ticket;
mod together;

pub(crate) use done::Done;
use item::{Item, Of};
pub(crate) use item::{Payload, StateFrame};
use queue::{Queue, Wanted};
pub(crate) use ticket::{Subject, Ticket, gone};
pub(crate) use together::Together;

/// What waits for one client.
pub(crate) struct Outbox {
    connection: ConnectionId,
    dialect: Dialect,
    queue: Mutex<Queue>,
    /// The connection's task listens here.
    bell: Arc<Bell>,
    /// The session waits here while the client does not read.
    drained: Notify,
    open_calls: AtomicUsize,
    /// Bytes of requests that have not been answered.
    open_bytes: AtomicUsize,
    most_open_bytes: usize,
    /// Whether the session waits for the client to read.
    is_paused: AtomicBool,
    /// What the queue last said of itself: whether more waits than the soft limit. Here so that whoever reads on after
    /// each message need not take the lock for it.
    is_over_soft: AtomicBool,
}

/// A snapshot that was asked for. Whatever becomes of the mail it travels in, nothing waits for it for ever.
pub(crate) struct Owed {
    outbox: Arc<Outbox>,
    instance: InstanceId,
    turn: u64,
}

impl Drop for Owed {
    fn drop(&mut self) {
        let Self { outbox, instance, turn } = self;
        outbox.put(|queue| queue.forget(*instance, *turn));
    }
}

/// What the writer is to do next.
#[derive(Debug)]
pub(crate) enum Next {
    /// Write these, then flush once.
    Frames(Vec<Bytes>),
    /// Say why and stop.
    Close(Option<CloseCode>),
}

impl Outbox {
    pub(crate) fn new(connection: ConnectionId, dialect: Dialect, limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            connection,
            dialect,
            queue: Mutex::new(Queue::new(limits)),
            bell: Arc::default(),
            drained: Notify::new(),
            open_calls: AtomicUsize::new(0),
            open_bytes: AtomicUsize::new(0),
            most_open_bytes: limits.backlog,
            is_paused: AtomicBool::new(false),
            is_over_soft: AtomicBool::new(false),
        })
    }

    pub(crate) fn connection(&self) -> ConnectionId {
        self.connection
    }

    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// What rings when there is something to take.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.bell
    }

    /// Requests whose answers have not been written yet.
    pub(crate) fn open_calls(&self) -> usize {
        self.open_calls.load(Ordering::Relaxed)
    }

    /// A frame that answers nothing and belongs to no instance's state or events.
    pub(crate) fn push(&self, frame: Vec<u8>) {
        self.put(|queue| queue.push(Item::Plain(frame.into())));
    }

    /// Proof of life.
    pub(crate) fn push_pong(&self, frame: Vec<u8>) {
        self.put(|queue| queue.push(Item::Pong(frame.into())));
    }

    /// Nobody looks at the client, or somebody does again: then what waited goes at once.
    pub(crate) fn set_quiet(&self, on: bool) {
        self.put(|queue| queue.set_quiet(on));
    }

    /// The answer to a request that was counted as open.
    fn push_reply(&self, kind: ReplyKind, subject: Subject, frame: Bytes) {
        let item = match (kind, subject.instance(), subject) {
            (_, _, Subject::Several { instances, calls }) => Item::Together { instances, calls, frame },
            (ReplyKind::Mount | ReplyKind::Resume, instance, _) => Item::Mounted { instance, frame },
            (_, instance, _) => Item::Reply { instance, frame },
        };
        self.put(|queue| queue.push(item));
    }

    /// A state frame of an instance, the same bytes for every subscriber; and which calls of this one it brings.
    pub(crate) fn push_state(&self, instance: InstanceId, frame: StateFrame, done: Done, mailbox: &Mailbox) {
        self.put(|queue| queue.push_state(instance, frame, done, mailbox));
    }

    /// The whole state, for whoever has come back and cannot be brought up to date with less.
    pub(crate) fn push_whole(&self, instance: InstanceId, frame: Bytes) {
        self.put(|queue| queue.push(Item::CaughtUp { instance, frame }));
    }

    /// An event of an instance, the same bytes for every subscriber.
    pub(crate) fn push_event(&self, instance: InstanceId, frame: Bytes) {
        self.put(|queue| queue.push_event(Of::Instance(instance), frame));
    }

    /// An event of a room, the same bytes for everybody in it.
    pub(crate) fn push_room(&self, room: &Arc<RoomKey>, frame: Bytes) {
        self.put(|queue| queue.push_event(Of::Room(Arc::clone(room)), frame));
    }

    /// So many events of an instance are gone.
    pub(crate) fn push_missed(&self, instance: InstanceId, count: u64) {
        self.put(|queue| queue.push(Item::Missed { of: Of::Instance(instance), count }));
    }

    /// A snapshot for the client to keep; takes the place of an older one that still waits.
    pub(crate) fn push_snapshot(&self, instance: InstanceId, frame: Bytes) {
        self.put(|queue| queue.push_snapshot(instance, frame));
    }

    /// Whether no more frames are taken.
    pub(crate) fn is_closed(&self) -> bool {
        self.queue().is_closed()
    }

    /// No more frames are taken; what waits is still written, then the close frame.
    pub(crate) fn close(&self, code: Option<CloseCode>) {
        let mut queue = self.queue();
        queue.close(code);
        self.note(&mut queue);
        drop(queue);
        self.bell.ring();
        self.drained.notify_one();
    }

    /// No more frames are taken, and what waits is written by nobody: it goes at once, and not with the last request
    /// that has yet to be answered.
    pub(crate) fn discard(&self) {
        let mut queue = self.queue();
        let waiting = queue.discard();
        self.note(&mut queue);
        drop(queue);
        // Outside the lock: what knows of an instance may be the last to know of it.
        drop(waiting);
        self.bell.hush();
    }

    /// What to write next, about `most` bytes at once. Nothing is lost if the future is dropped.
    #[cfg(test)]
    pub(crate) async fn next(self: &Arc<Self>, most: usize) -> Next {
        self.bell.until(|| self.take(most)).await
    }

    /// What to write next, about `most` bytes at once. If it is nothing, the bell rings when that may have changed.
    pub(crate) fn take(self: &Arc<Self>, most: usize) -> Option<Next> {
        let (taken, wanted) = {
            let mut queue = self.queue();
            // Whoever looks may have been woken by something else.
            if queue.is_seen() {
                return None;
            }
            let taken = queue.take(most);
            self.note(&mut queue);
            (taken, queue.wanted())
        };
        self.let_in();
        for Wanted { instance, mailbox, turn } in wanted {
            tracing::debug!(connection = %self.connection, %instance, "a slow client gets a snapshot");
            let owed = Owed { outbox: Arc::clone(self), instance, turn };
            // If the instance is gone the mail is dropped, and with it what was owed.
            drop(mailbox.insist(Mail::Resync {
                connection: self.connection,
                ticket: None,
                owed: Some(owed),
            }));
        }
        match taken {
            queue::Taken::Frames { frames, replies } => {
                self.open_calls.fetch_sub(replies, Ordering::Relaxed);
                Some(Next::Frames(frames))
            }
            queue::Taken::Closed(code) => Some(Next::Close(code)),
            queue::Taken::Nothing => None,
        }
    }

    /// Waits until the client has read enough, and the instances have answered enough, for it to be
    /// listened to again.
    pub(crate) async fn room(&self) {
        if self.has_room() {
            return;
        }
        loop {
            // Before it looks again, so that whoever makes room after that sees it: both in one order for all.
            self.is_paused.store(true, Ordering::SeqCst);
            if self.has_room() {
                self.is_paused.store(false, Ordering::SeqCst);
                return;
            }
            self.drained.notified().await;
        }
    }

    /// Whether it may be listened to at once.
    pub(crate) fn has_room(&self) -> bool {
        self.open_bytes.load(Ordering::SeqCst) <= self.most_open_bytes
            && !self.is_over_soft.load(Ordering::SeqCst)
    }

    /// There may be room: for the session, if it waits for that.
    fn let_in(&self) {
        if self.is_paused.load(Ordering::SeqCst) {
            self.drained.notify_one();
        }
    }

    /// Whether nothing of the client is read at present, so that a pong would not be seen.
    pub(crate) fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Relaxed)
    }

    fn begin_calls(&self, calls: usize, bytes: usize) {
        self.open_calls.fetch_add(calls, Ordering::Relaxed);
        if bytes > 0 {
            self.open_bytes.fetch_add(bytes, Ordering::Relaxed);
        }
    }

    fn settle(&self, bytes: usize) {
        if bytes > 0 {
            self.open_bytes.fetch_sub(bytes, Ordering::SeqCst);
            self.let_in();
        }
    }

    fn close_calls(&self, calls: usize) {
        self.open_calls.fetch_sub(calls, Ordering::Relaxed);
    }

    fn put(&self, change: impl FnOnce(&mut Queue)) {
        let mut queue = self.queue();
        change(&mut queue);
        let is_resting = queue.is_resting();
        // One word is enough for all that waits until somebody looks.
        let is_news = !is_resting && queue.is_news();
        self.note(&mut queue);
        drop(queue);
        if is_resting {
            // Nothing is to be written, but what was dropped may have been what the session waited for.
            self.let_in();
        } else if is_news {
            self.bell.ring();
        }
    }

    /// Notes whether more waits than the soft limit, under the lock under which that changed.
    fn note(&self, queue: &mut Queue) {
        if let Some(is_over) = queue.has_turned() {
            self.is_over_soft.store(is_over, Ordering::SeqCst);
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing in `queue.rs` panics half-way, so a poisoned queue is still a whole one.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
