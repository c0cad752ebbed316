//! What an instance is told of files, and the way that their bytes take past it.
//!
//! An instance says whether a file may come and hears how far it is; the bytes go from the session straight to the
//! desk, so that no action waits behind them. What both share is a [`Passage`]: the instance has it opened, the session
//! puts chunks through it and shuts it when its connection is gone.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytes::Bytes;
use tokio_util::task::TaskTracker;

use super::{Mail, Mailbox};
use crate::auth::Caller;
use crate::error::Error;
use crate::outbox::Ticket;
use crate::uploads::{FileId, Sending, UploadedFile};

/// What an instance can be told of a file.
pub(crate) enum UploadMail {
    /// A client wants to send it, or to go on with it.
    Start(Start),
    /// More of it is here.
    Progress(Arc<Progress>),
    /// All of it is here, and it is good. Nobody waits for the word where it was found.
    Done { id: FileId, file: UploadedFile, asked: Option<(Arc<Caller>, Ticket)> },
    /// It is not coming, or not good. `turn` says which beginning of it, where one failed.
    Failed { id: FileId, turn: Option<u64>, error: Error, is_unbegun: bool, ticket: Ticket },
    /// Its client does not want to send it any more.
    Cancel { id: FileId, former: Option<FileId>, caller: Arc<Caller>, ticket: Ticket },
}

/// A file that a client wants to send.
pub(crate) struct Start {
    pub(crate) id: FileId,
    /// What it was known by if it was begun before its sender signed in.
    pub(crate) former: Option<FileId>,
    /// For which field; an older client does not say.
    pub(crate) property: Option<Box<str>>,
    pub(crate) name: Box<str>,
    pub(crate) kind: Box<str>,
    pub(crate) size: u64,
    pub(crate) is_resumed: bool,
    /// Whose quota it counts against.
    pub(crate) payer: Arc<str>,
    pub(crate) door: Door,
    /// The server's, which waits for them when it goes away.
    pub(crate) tasks: TaskTracker,
    pub(crate) caller: Arc<Caller>,
    pub(crate) ticket: Ticket,
}

/// How far a file is. There is at most one mail about it: an instance that is busy hears of the last news only.
pub(crate) struct Progress {
    pub(crate) id: FileId,
    received: AtomicU64,
    is_told: AtomicBool,
    mailbox: Mailbox,
}

impl Progress {
    pub(crate) fn new(id: FileId, mailbox: Mailbox) -> Arc<Self> {
        Arc::new(Self { id, received: AtomicU64::new(0), is_told: AtomicBool::new(false), mailbox })
    }

    /// So many bytes are here.
    pub(crate) fn tell(self: &Arc<Self>, received: u64) {
        self.received.store(received, Ordering::Release);
        if !self.is_told.swap(true, Ordering::AcqRel) {
            drop(self.mailbox.insist(Mail::Upload(Box::new(UploadMail::Progress(Arc::clone(self))))));
        }
    }

    /// What the mail says, now that it is read.
    pub(crate) fn read(&self) -> u64 {
        self.is_told.store(false, Ordering::Release);
        self.received.load(Ordering::Acquire)
    }
}

/// The way of one file from one connection to the desk.
pub(crate) struct Passage {
    size: u64,
    /// Bytes of chunks that were not answered yet.
    unanswered: AtomicUsize,
    /// The same of all files of the connection, also of those that were begun again since.
    of_all: Arc<AtomicUsize>,
    /// Whether the bytes go to the storage, where nobody sees them here.
    is_direct: AtomicBool,
    state: Mutex<State>,
}

enum State {
    /// The instance and the desk are being asked.
    Opening,
    Open(Arc<Sending>),
    /// All of it had arrived before; its SHA-256, and what was answered to that.
    Finished(Box<str>, Bytes),
    /// Nothing comes through any more.
    Shut,
}

/// The right to open a passage. One that is not opened is shut, and does not count as a file on its way.
pub(crate) struct Door(Arc<Passage>);

impl Door {
    pub(crate) fn of(passage: &Arc<Passage>) -> Self {
        Self(Arc::clone(passage))
    }

    /// Opens it, unless the connection is gone by now.
    pub(crate) fn open(self, sending: Arc<Sending>, is_direct: bool) {
        self.0.is_direct.store(is_direct, Ordering::Relaxed);
        self.0.open(sending);
    }

    /// For asking later whether anything comes through.
    pub(crate) fn line(&self) -> Weak<Passage> {
        Arc::downgrade(&self.0)
    }

    /// The file had arrived before; that was answered then.
    pub(crate) fn finish(self, hash: &str, answer: Bytes) {
        self.0.settle(State::Finished(hash.into(), answer));
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.0.settle(State::Shut);
    }
}

/// What a passage leads to.
pub(crate) enum Leads {
    To(Arc<Sending>),
    /// The file had arrived; this is its SHA-256, and what was answered to that.
    Back(Box<str>, Bytes),
    Nowhere,
}

impl Passage {
    /// For a file of so many bytes. `of_all` are the unanswered ones of the connection.
    pub(crate) fn new(size: u64, of_all: &Arc<AtomicUsize>) -> Arc<Self> {
        let state = Mutex::new(State::Opening);
        let (unanswered, is_direct) = (AtomicUsize::new(0), AtomicBool::new(false));
        Arc::new(Self { size, unanswered, of_all: Arc::clone(of_all), is_direct, state })
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    fn open(&self, sending: Arc<Sending>) {
        let mut state = self.state();
        match *state {
            State::Opening => *state = State::Open(sending),
            _ => {
                drop(state);
                sending.detach();
            }
        }
    }

    /// Becomes something else, if nobody has decided what.
    fn settle(&self, next: State) {
        let mut state = self.state();
        if matches!(*state, State::Opening) {
            *state = next;
        }
    }

    pub(crate) fn leads(&self) -> Leads {
        match &*self.state() {
            State::Open(sending) => Leads::To(Arc::clone(sending)),
            State::Finished(hash, answer) => Leads::Back(hash.clone(), answer.clone()),
            State::Opening | State::Shut => Leads::Nowhere,
        }
    }

    /// Nothing comes through any more. What it led to, if it was open.
    pub(crate) fn shut(&self) -> Option<Arc<Sending>> {
        match std::mem::replace(&mut *self.state(), State::Shut) {
            State::Open(sending) => Some(sending),
            _ => None,
        }
    }

    /// Whether the file had arrived before.
    pub(crate) fn is_finished(&self) -> bool {
        matches!(*self.state(), State::Finished(..))
    }

    /// Whether it is open, and nothing of it waits for an answer.
    pub(crate) fn is_quiet(&self) -> bool {
        matches!(*self.state(), State::Open(_))
            && self.unanswered.load(Ordering::Relaxed) == 0
            && !self.is_direct.load(Ordering::Relaxed)
    }

    pub(crate) fn is_shut(&self) -> bool {
        matches!(*self.state(), State::Shut)
    }

    /// A chunk of so many bytes is on its way to the desk, unless more than `most` are, or `most_of_all` with those of
    /// other files.
    pub(crate) fn enter(&self, bytes: usize, most: usize, most_of_all: usize) -> bool {
        let before = self.unanswered.fetch_add(bytes, Ordering::Relaxed);
        let of_all = self.of_all.fetch_add(bytes, Ordering::Relaxed);
        let has_room = before.saturating_add(bytes) <= most && of_all.saturating_add(bytes) <= most_of_all;
        if !has_room {
            self.left(bytes);
        }
        has_room
    }

    /// It was answered.
    pub(crate) fn left(&self, bytes: usize) {
        self.unanswered.fetch_sub(bytes, Ordering::Relaxed);
        self.of_all.fetch_sub(bytes, Ordering::Relaxed);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
