//! The way into an instance: a bounded queue with one reader.
//!
//! A tokio channel would do, but reserves a block of 32 slots of mail for every instance; this
//! one allocates only while something waits. When it is full the sender is told, and the client gets
//! `BUSY`: nobody waits on a full mailbox, so nobody can block another.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use fluxstack_live_protocol::{CallId, ConnectionId, InstanceId, SessionId};
use tokio::sync::mpsc;

use crate::auth::Caller;
use crate::component::Post;
use crate::outbox::{Outbox, Owed, Ticket};
use crate::rooms::{RoomKey, Wanted};
use crate::spare::Spare;

mod upload;
mod words;

pub(crate) use upload::{Door, Leads, Passage, Progress, Start, UploadMail};
pub(crate) use words::{LARGE, Words};

/// What an instance can be told. All of it is listed here.
pub(crate) enum Mail {
    /// Somebody mounts a shared instance, or takes it up again.
    Join(Box<Join>),
    /// Run an action.
    Call { words: Words, caller: Arc<Caller>, ticket: Ticket },
    /// Run several actions, all or none.
    Batch { calls: Vec<BatchedCall>, caller: Arc<Caller> },
    /// Write a field for the client.
    Write { property: Bytes, value: Bytes, caller: Arc<Caller>, ticket: Ticket },
    /// The client's props changed.
    Props { props: Option<Bytes>, caller: Arc<Caller>, ticket: Ticket },
    /// The client sent an event.
    Event { event: Bytes, caller: Arc<Caller>, ticket: Ticket },
    /// Send the whole state to this connection, then answer if asked.
    Resync { connection: ConnectionId, ticket: Option<Ticket>, owed: Option<Owed> },
    /// The client asks for something in a room.
    Room { ask: Box<RoomAsk>, caller: Arc<Caller>, ticket: Ticket },
    /// Answer with a part of a list that is read in part.
    ReadList { property: Bytes, from: usize, count: usize, caller: Arc<Caller>, ticket: Ticket },
    /// Something about a file that a client sends.
    Upload(Box<UploadMail>),
    /// Whoever left has come back with another connection.
    Resume { outbox: Arc<Outbox>, caller: Arc<Caller>, was: Box<Was>, is_outdated: bool, ticket: Ticket },
    /// Its client signed in, was refreshed, or is nobody any more; what it keeps is this user's from now on.
    Identified { caller: Arc<Caller>, subject: Arc<str> },
    /// This user was signed out everywhere; `ended` is told which sessions that made leave a shared instance.
    SignedOut { subject: Arc<str>, ended: mpsc::Sender<SessionId> },
    /// Another component sent an event.
    Sent { event: Bytes, from: InstanceId },
    /// Something was said in a room this instance hears.
    Heard { room: Arc<RoomKey>, event: Bytes },
    /// Somebody has come to watch it.
    Look,
    /// This connection of the session is gone, and the session may come back.
    Away { session: SessionId, connection: ConnectionId },
    /// The server is going away: do what waits, keep what there is, and end. Dropping `done` says so.
    Rest { done: mpsc::Sender<()> },
    /// The session does not want it any more.
    Leave { session: SessionId, ticket: Option<Ticket> },
}

/// Beyond this each of its moves is a call, and between the frame and its turn there are six.
const _: () = assert!(size_of::<Mail>() <= 128);

/// What a client asks for in a room, whose name is one.
pub(crate) enum RoomAsk {
    /// To be in it; an older client brings the state it begins with.
    Join { room: Box<str>, wanted: Wanted, state: Option<Bytes> },
    /// To be in it no more.
    Leave { room: Box<str> },
    /// That everybody hears an event.
    Emit { room: Box<str>, event: Bytes, also_self: bool },
    /// To set a part of its state. From older clients only.
    SetState { room: Box<str>, patch: Bytes },
    /// What its state is. From older clients only.
    State { room: Box<str> },
}

/// Rooms somebody knows of, each with the number of the last event they heard there.
pub(crate) type Heard = Vec<(Box<str>, u64)>;

/// One of several actions.
pub(crate) struct BatchedCall {
    pub(crate) words: Words,
    pub(crate) ticket: Ticket,
}

/// Somebody who mounts a shared instance.
pub(crate) struct Join {
    pub(crate) caller: Arc<Caller>,
    pub(crate) outbox: Arc<Outbox>,
    /// What of it they had before.
    pub(crate) was: Option<Was>,
    pub(crate) is_outdated: bool,
    /// How often the session has it mounted; this time is taken back if it is refused.
    pub(crate) mounts: Option<Mounts>,
    pub(crate) ticket: Ticket,
}

/// What somebody who comes back has of an instance.
pub(crate) struct Was {
    /// Which it was.
    pub(crate) instance: InstanceId,
    /// The version that is shown.
    pub(crate) have: Option<u64>,
    /// The number of the last event that was told.
    pub(crate) heard: u64,
    pub(crate) rooms: Heard,
    /// Calls that are shown already, and were not answered.
    pub(crate) doubt: Vec<CallId>,
}

/// How often a session has mounted one shared instance. The session counts up and down; a mount that comes to
/// nothing takes itself back.
pub(crate) struct Mounts(Option<Arc<AtomicU32>>);

impl Mounts {
    /// One more.
    pub(crate) fn one_more(count: &Arc<AtomicU32>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Some(Arc::clone(count)))
    }

    /// It came to something. Answers with the count, so that whoever is made to leave has mounted it no more.
    pub(crate) fn keep(mut self) -> Option<Arc<AtomicU32>> {
        self.0.take()
    }
}

impl Drop for Mounts {
    fn drop(&mut self) {
        if let Some(count) = &self.0 {
            // It may have been set to none meanwhile.
            let one_less = |count: u32| count.checked_sub(1);
            let _ = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        }
    }
}

/// The sending side; any number of them.
#[derive(Clone)]
pub(crate) struct Mailbox(Arc<Shared>);

/// The instance's side. Dropping it closes the mailbox.
pub(crate) struct Inbox {
    shared: Arc<Shared>,
    /// More waited when something was taken last.
    has_more: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    bound: usize,
    /// Mailboxes are told things in the order in which they were made, so that the same events make the same
    /// history: an id is random, and so is the order of a table.
    number: u64,
}

struct Queue {
    mail: VecDeque<Mail>,
    /// The instance, while it waits for some.
    reader: Option<Waker>,
    open: bool,
}

thread_local! {
    static SPARE: Spare<Mail> = const { Spare::new() };
}

impl Queue {
    /// Room for one more.
    fn room(&mut self) -> &mut VecDeque<Mail> {
        // Where the thread is ending there is none to spare.
        let _ = SPARE.try_with(|spare| spare.lend(&mut self.mail));
        &mut self.mail
    }

    fn pop(&mut self) -> Option<Mail> {
        let mail = self.mail.pop_front()?;
        if self.mail.is_empty() {
            let _ = SPARE.try_with(|spare| spare.take_back(&mut self.mail));
        }
        Some(mail)
    }
}

/// Something has come: wakes whoever reads, with the lock given back.
fn wake(mut queue: MutexGuard<'_, Queue>) {
    let reader = queue.reader.take();
    drop(queue);
    if let Some(reader) = reader {
        reader.wake();
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Nothing below panics while it holds the lock, so a poisoned queue is still a whole one.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, mail: Mail, bound: usize) -> Result<(), Undelivered> {
        let mut queue = self.queue();
        if !queue.open {
            return Err(Undelivered::Closed(Box::new(mail)));
        }
        if queue.mail.len() >= bound {
            return Err(Undelivered::Full(Box::new(mail)));
        }
        queue.room().push_back(mail);
        wake(queue);
        Ok(())
    }
}

/// Why mail was not taken.
pub(crate) enum Undelivered {
    /// There is no room; it comes back.
    Full(Box<Mail>),
    /// Nobody will ever read it; it comes back, and if it is dropped its ticket says so.
    Closed(Box<Mail>),
}

/// A mailbox, the `number`th of its server, for so much mail.
pub(crate) fn mailbox(number: u64, bound: usize) -> (Mailbox, Inbox) {
    let queue = Mutex::new(Queue { mail: VecDeque::new(), reader: None, open: true });
    let shared = Arc::new(Shared { queue, bound, number });
    (Mailbox(Arc::clone(&shared)), Inbox { shared, has_more: false })
}

impl Mailbox {
    /// These in the order in which they were made.
    pub(crate) fn in_order<'a>(mailboxes: impl Iterator<Item = &'a Self>) -> Vec<&'a Self> {
        let mut mailboxes: Vec<&Self> = mailboxes.collect();
        mailboxes.sort_unstable_by_key(|mailbox| mailbox.number());
        mailboxes
    }

    /// Which of its server's mailboxes it is.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    /// The way in for other components.
    pub(crate) fn post(&self) -> Arc<dyn Post> {
        Arc::<Shared>::clone(&self.0)
    }

    /// Puts mail in, if there is room.
    pub(crate) fn send(&self, mail: Mail) -> Result<(), Undelivered> {
        self.push(mail, self.0.bound)
    }

    /// Puts mail in even if the mailbox is full. Only for what a connection sends at most once at a time:
    /// that it unmounts, comes back, is somebody else, needs a snapshot, or must make an end.
    pub(crate) fn insist(&self, mail: Mail) -> Result<(), Undelivered> {
        self.push(mail, usize::MAX)
    }

    /// Tells it who is signed in on a connection, unless it has yet to read that for this one: it looks at who it is
    /// when it reads it.
    pub(crate) fn identify(&self, caller: &Arc<Caller>, subject: &Arc<str>) {
        let mut queue = self.0.queue();
        let is_same = |mail: &Mail| matches!(mail, Mail::Identified { caller: other, .. } if Arc::ptr_eq(other, caller));
        if !queue.open {
            return;
        }
        let (caller, subject) = (Arc::clone(caller), Arc::clone(subject));
        match queue.mail.iter_mut().find(|mail| is_same(mail)) {
            Some(there) => *there = Mail::Identified { caller, subject },
            None => queue.room().push_back(Mail::Identified { caller, subject }),
        }
        wake(queue);
    }

    /// The connection is over: that is read before everything that waits. Nobody waits for the rest, unless
    /// somebody may come back.
    pub(crate) fn hang_up(&self, session: SessionId, connection: ConnectionId, may_come_back: bool) {
        let mut queue = self.0.queue();
        if queue.open {
            queue.room().push_front(if may_come_back {
                Mail::Away { session, connection }
            } else {
                Mail::Leave { session, ticket: None }
            });
            wake(queue);
        }
    }

    pub(crate) fn is_closed(&self) -> bool {
        !self.0.queue().open
    }

    fn push(&self, mail: Mail, bound: usize) -> Result<(), Undelivered> {
        self.0.push(mail, bound)
    }
}

impl Post for Shared {
    fn post(&self, event: Vec<u8>, from: InstanceId) -> bool {
        self.push(Mail::Sent { event: event.into(), from }, self.bound).is_ok()
    }

    fn look(&self) -> bool {
        // Even if it is full: it is asked once, until it has looked.
        self.push(Mail::Look, usize::MAX).is_ok()
    }
}

impl Inbox {
    /// Takes no more mail, unless some waits already. Answers whether it is closed.
    pub(crate) fn close_if_empty(&mut self) -> bool {
        let mut queue = self.shared.queue();
        queue.open = !queue.mail.is_empty();
        self.has_more = queue.open;
        !queue.open
    }

    /// Puts back what was taken, before everything that waits.
    pub(crate) fn put_back(&mut self, mail: Vec<Mail>) {
        let mut queue = self.shared.queue();
        mail.into_iter().rev().for_each(|mail| queue.room().push_front(mail));
        self.has_more = !queue.mail.is_empty();
    }

    /// Whether more waited when something was taken last: what has come since is not looked for, which would be
    /// a lock after each turn.
    pub(crate) fn has_more(&self) -> bool {
        self.has_more
    }

    /// Whether nothing waits at this moment.
    pub(crate) fn is_empty(&self) -> bool {
        self.shared.queue().mail.is_empty()
    }

    /// Mail that waits already.
    pub(crate) fn take(&mut self) -> Option<Mail> {
        let mut queue = self.shared.queue();
        let mail = queue.pop();
        self.has_more = !queue.mail.is_empty();
        mail
    }

    /// The next mail, once there is some. One task reads: who polled last is woken.
    pub(crate) fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Mail> {
        let mut queue = self.shared.queue();
        let mail = queue.pop();
        self.has_more = !queue.mail.is_empty();
        if let Some(mail) = mail {
            return Poll::Ready(mail);
        }
        if queue.reader.as_ref().is_none_or(|reader| !reader.will_wake(cx.waker())) {
            queue.reader = Some(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The same, as a future. Nothing is lost if it is dropped.
    pub(crate) async fn next(&mut self) -> Mail {
        std::future::poll_fn(|cx| self.poll_next(cx)).await
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        let left = {
            let mut queue = self.shared.queue();
            queue.open = false;
            // The task is over, and whoever can still send holds on to nothing of it.
            (std::mem::take(&mut queue.mail), queue.reader.take())
        };
        // Outside the lock: each ticket answers its client as it goes.
        drop(left);
    }
}
