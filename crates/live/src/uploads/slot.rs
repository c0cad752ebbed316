//! What becomes of one file, whoever sends it.
//!
//! ```text
//!   Unseen ─ look ─► Nothing ─ begin ─► Part ─ all of it is there ─► Checking ─ harmless ─► Done ─► somebody's
//!                       ▲                 ▲ └── cannot be said ────────┘ │                    │
//!                       └──── erase ──────┴──────────────────────────────┴────────────────────┘
//! ```
//!
//! One connection at a time has its turn. Whoever comes later takes it, and then nothing more is written for the earlier
//! one, wherever its chunks wait. What a slot is, is behind its lock, and so is all that is done to its files, but for what
//! takes long and changes nothing.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::folder::{Erased, Piece};
use super::ledger::Charge;
use super::note::{About, Note};
use super::part::{Part, Written, failed};
use super::room::Room;
use super::{Answer, At, FileId, UploadedFile};
use crate::error::{Code, Error};

/// See the module.
pub(super) struct Slot {
    pub(super) id: FileId,
    /// Whose turn it is.
    turn: AtomicU64,
    /// The latest of those who asked for a turn.
    asked: AtomicU64,
    /// The turn that ended with nobody wanting the file any more.
    unwanted: AtomicU64,
    /// How many have it in their hands, done.
    pub(super) holders: AtomicUsize,
    /// Where it is served since it was kept.
    pub(super) kept: Mutex<Option<Box<str>>>,
    /// For whoever writes that it is done, which takes long: not while it is locked, and one after another.
    pub(super) settling: Mutex<()>,
    body: Mutex<Body>,
}

pub(super) enum Body {
    /// Nobody has looked whether there is any of it.
    Unseen,
    Nothing,
    Part(Box<Part>),
    Checking(Box<Checking>),
    Done(Done),
}

/// All of it is there. It is being looked at.
pub(super) struct Checking {
    pub(super) part: Part,
    pub(super) about: Arc<About>,
    pub(super) digest: [u8; 32],
    /// Who wants to know. They are of one connection after another.
    pub(super) answers: Vec<Answer<UploadedFile>>,
}

pub(super) struct Done {
    pub(super) about: Arc<About>,
    /// Counts for as long as the file is here.
    pub(super) _charge: Option<Charge>,
}

impl Slot {
    pub(super) fn new(id: FileId) -> Self {
        let (turn, unwanted) = (AtomicU64::new(0), AtomicU64::new(u64::MAX));
        let (holders, kept, body) = (AtomicUsize::new(0), Mutex::default(), Mutex::new(Body::Unseen));
        Self { id, turn, asked: AtomicU64::new(0), unwanted, holders, kept, settling: Mutex::default(), body }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Body> {
        // A write that panicked left what was written before.
        self.body.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[cfg(test)]
    pub(super) fn is_locked(&self) -> bool {
        self.body.try_lock().is_err()
    }

    /// Whether nothing is known of it, so that it need not be kept.
    pub(super) fn is_empty(&self) -> bool {
        self.body.try_lock().is_ok_and(|body| matches!(*body, Body::Unseen | Body::Nothing))
    }

    pub(super) fn is_turn(&self, turn: u64) -> bool {
        self.turn.load(SeqCst) == turn
    }

    /// Whether nobody who asked later has come first.
    pub(super) fn is_latest(&self, asked: u64) -> bool {
        self.asked.fetch_max(asked, SeqCst) <= asked
    }

    /// Takes the turn from whoever has it. Answers whether nobody wanted the file until now.
    pub(super) fn take_turn(&self) -> (u64, bool) {
        let before = self.turn.fetch_add(1, SeqCst);
        (before + 1, self.unwanted.load(SeqCst) == before)
    }

    /// Ends this turn, if it has not ended, and with it the wish for the file.
    pub(super) fn give_up(&self, turn: u64) -> bool {
        let is_mine = self.turn.compare_exchange(turn, turn + 1, SeqCst, SeqCst).is_ok();
        if is_mine {
            // Whoever took the turn meanwhile wants it, and is not disturbed by this.
            self.unwanted.store(turn + 1, SeqCst);
        }
        is_mine
    }

    /// Ends whatever turn there is, and the wish for the file.
    pub(super) fn renounce(&self) {
        let turn = self.turn.fetch_add(1, SeqCst) + 1;
        self.unwanted.store(turn, SeqCst);
    }

    pub(super) fn is_unwanted(&self) -> bool {
        self.unwanted.load(SeqCst) == self.turn.load(SeqCst)
    }

    pub(super) fn is_held(&self) -> bool {
        self.holders.load(SeqCst) > 0
    }

    /// Finds out what there is on the disk.
    pub(super) fn look(&self, room: &Room, body: &mut Body) -> std::io::Result<()> {
        if !matches!(body, Body::Unseen) {
            return Ok(());
        }
        let id = self.id;
        let note = room.folder.read_note(id)?;
        let part = room.folder.length(id, Piece::Part)?;
        let done = room.folder.length(id, Piece::Done)?;
        *body = match (note, part, done) {
            (Some(Note { name, size, done: Some(verdict), .. }), None, Some(length)) if length == size => {
                let path = room.folder.path(id, Piece::Done).into();
                let about = Arc::new(About { path, name: name.into(), size, verdict });
                Body::Done(Done { about, _charge: None })
            }
            (Some(note), Some(length), None) if length <= note.size => {
                Body::Part(Box::new(Part::new(room.serial(), Note { done: None, ..note }, None, length)))
            }
            (note, part, done) => {
                if note.is_some() || part.is_some() || done.is_some() {
                    tracing::warn!(%id, "what is left of an upload makes no sense, and is removed");
                }
                let Erased { bytes, files, result } = room.folder.erase(id);
                room.ledger.give(bytes);
                (0..files).for_each(|_| room.ledger.remove_file());
                result?;
                Body::Nothing
            }
        };
        Ok(())
    }

    /// Removes all there is of it. Who waits for it is answered when the lock is gone.
    #[must_use]
    pub(super) fn erase(&self, room: &Room, body: &mut Body) -> Vec<Answer<UploadedFile>> {
        if let Err(error) = self.look(room, body) {
            tracing::warn!(id = %self.id, %error, "what is there of an upload could not be seen");
            return Vec::new();
        }
        let (is_there, answers) = match std::mem::replace(body, Body::Nothing) {
            Body::Unseen | Body::Nothing => (false, Vec::new()),
            // Closes the file, so that it can be removed on every system.
            Body::Part(_) | Body::Done(_) => (true, Vec::new()),
            Body::Checking(checking) => (true, checking.answers),
        };
        if is_there {
            let Erased { bytes, files, result } = room.folder.erase(self.id);
            room.ledger.give(bytes);
            match result {
                Ok(()) => room.ledger.remove_file(),
                Err(error) => {
                    // What is left counts for as long as it is there, and is counted by whoever looks next.
                    (0..files).for_each(|_| room.ledger.remove_file());
                    tracing::error!(id = %self.id, %error, "an upload could not be removed");
                    *body = Body::Unseen;
                }
            }
        }
        answers
    }

    /// Writes a chunk, if it is this one's turn.
    pub(super) fn put(&self, room: &Room, turn: u64, at: At, bytes: &[u8]) -> Result<Written, Error> {
        let mut body = self.lock();
        if !self.is_turn(turn) {
            return Err(gone());
        }
        let result = match &mut *body {
            Body::Part(part) => part.write(self.id, at, bytes, &room.folder, &room.ledger),
            // All of it is there.
            Body::Checking(checking) => repeated(checking.about.size, at, bytes.len()),
            Body::Done(done) => repeated(done.about.size, at, bytes.len()),
            Body::Unseen | Body::Nothing => Err(gone()),
        };
        if result.as_ref().is_err_and(|error| error.code() == Code::UploadTooLarge)
            && matches!(*body, Body::Part(_))
        {
            // What is more than it says to be is not what it says to be.
            self.renounce();
            let _ = self.erase(room, &mut body);
        }
        result
    }

    /// Throws away what came, so that all of it can come another way.
    pub(super) fn empty(&self, room: &Room, turn: u64) -> Result<(), Error> {
        let mut body = self.lock();
        match (self.is_turn(turn), &mut *body) {
            (true, Body::Part(part)) if part.received() > 0 => {
                let emptied = part.restart(self.id, &room.folder, &room.ledger);
                emptied.map_err(|error| failed(error, part.received()))
            }
            (true, _) => Ok(()),
            (false, _) => Err(gone()),
        }
    }

    /// Hashes what [`Slot::put`] wrote.
    pub(super) fn hash(&self, turn: u64, from: u64, bytes: &[u8]) {
        let mut body = self.lock();
        if let (true, Body::Part(part)) = (self.is_turn(turn), &mut *body) {
            part.hash(from, bytes);
        }
    }

    /// Hashes a block of what was there before. Answers whether there was any.
    pub(super) fn catch_up(&self, room: &Room, turn: u64, buffer: &mut Vec<u8>) -> Result<bool, Error> {
        let mut body = self.lock();
        match (self.is_turn(turn), &mut *body) {
            (true, Body::Part(part)) => {
                part.catch_up(self.id, &room.folder, buffer).map_err(|error| failed(error, part.received()))
            }
            _ => Ok(false),
        }
    }

    /// The connection whose turn it is is gone. Answers how much is there, if it was its turn.
    pub(super) fn rest(&self, turn: u64) -> Option<u64> {
        let mut body = self.lock();
        if !self.is_turn(turn) {
            return None;
        }
        match &mut *body {
            Body::Part(part) => {
                part.rest();
                Some(part.received())
            }
            // All of it was told. It is a part again if the inspector cannot say.
            Body::Checking(checking) => {
                checking.part.rest();
                None
            }
            Body::Unseen | Body::Nothing | Body::Done(_) => None,
        }
    }
}

/// Who waits to hear of a file that is not there any more. They hear it when this is dropped, which is not to be while
/// its slot is locked.
#[derive(Default)]
pub(super) struct Unheard(pub(super) Vec<Answer<UploadedFile>>);

impl Drop for Unheard {
    fn drop(&mut self) {
        self.0.drain(..).for_each(|answer| answer(Err(gone())));
    }
}

/// What is answered to a chunk of a file that is there.
fn repeated(size: u64, at: At, length: usize) -> Result<Written, Error> {
    let end = match at {
        At::Offset(offset) => offset.checked_add(length as u64),
        At::Index(_) => Some(size),
    };
    if end.is_some_and(|end| end <= size) {
        return Ok(Written { received: size, known: length, from: size });
    }
    Err(Error::new(Code::UploadTooLarge, "more bytes came than the file was said to have"))
}

#[cold]
pub(super) fn gone() -> Error {
    Error::new(
        Code::UploadGone,
        "this upload is not under way on this connection: start it again, with `resume`",
    )
}
