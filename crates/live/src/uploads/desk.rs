//! What others ask for files.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::folder::Folder;
use super::ledger::Ledger;
use super::note::Note;
use super::part::{Part, failed};
use super::room::Room;
use super::slot::{Body, Slot, Unheard};
use super::{Accept, FileId, Sending, UploadedFile, Uploads};
use super::{blocking, content, finish, kinds, name, refused};
use crate::clock;
use crate::error::Error;
use crate::limits::Limits;

/// Bytes of what a client may say that a file is; what is longer is no type.
pub(super) const LONGEST_KIND: usize = 127;
/// How often is looked for what nobody wants.
const SWEEP: Duration = Duration::from_secs(60 * 60);

/// Where all files of a server come in.
pub(crate) struct Desk {
    /// None if it takes none.
    pub(super) room: Option<Room>,
    /// How many times something was begun that sweeps. Once is enough.
    sweeps: AtomicU64,
    /// How often a file was begun.
    turns: AtomicU64,
    pub(super) over: CancellationToken,
    /// Ends the sweeps with the desk.
    _guard: DropGuard,
}

/// Somebody who may has a file to send.
pub(crate) struct Opening {
    pub(crate) id: FileId,
    /// Which beginning of it this is: one that comes after a later one comes too late.
    pub(crate) turn: u64,
    /// Whose quota it counts against: a user, or an address.
    pub(crate) owner: Arc<str>,
    /// What the client calls it.
    pub(crate) name: String,
    /// What the client says that it is; may be empty.
    pub(crate) kind: String,
    pub(crate) size: u64,
    /// Whether what is there already is to be gone on with. Otherwise it is thrown away.
    pub(crate) is_resumed: bool,
    /// Whether it may go to the storage directly, past this server.
    pub(crate) is_direct: bool,
    /// What the field takes; empty for everything that is not active content.
    pub(crate) accept: Arc<[Accept]>,
    /// Told how many bytes are there: at most every 100 ms, when all are, and when the connection goes. On a thread that
    /// may block, and must not block for long.
    pub(crate) progress: Box<dyn Fn(u64) + Send + Sync>,
}

/// The way to send it.
pub(crate) struct Opened {
    pub(crate) sending: Arc<Sending>,
    /// How many of its bytes are there already.
    pub(crate) received: u64,
    /// Where it is to be sent instead, if it may go to the storage directly.
    pub(crate) direct: Option<Direct>,
}

/// A request that a client makes to the storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Direct {
    pub(crate) url: String,
    pub(crate) method: String,
    pub(crate) headers: Vec<(String, String)>,
}

/// What is there of a file, for an instance that comes back.
pub(crate) enum Claim {
    /// So many bytes; its client may go on. All of them, if it is being looked at, or is in somebody's hands.
    Part {
        received: u64,
    },
    Done(UploadedFile),
}

impl Desk {
    /// Makes the folder if need be, removes what is too old in it and counts the rest. Reads and writes files: call it
    /// before the server starts. Then, on a runtime, it sweeps once an hour.
    pub(crate) fn start(uploads: Uploads, limits: &Limits) -> io::Result<Arc<Self>> {
        let room = Room {
            folder: Folder::make(&uploads.folder)?,
            ledger: Ledger::new(limits),
            inspector: uploads.inspector,
            storage: uploads.storage,
            stored: Mutex::default(),
            addresses: Mutex::default(),
            age: limits.upload_age,
            serials: AtomicU64::new(0),
            slots: Mutex::new(HashMap::new()),
        };
        room.count()?;
        room.sweep()?;
        let desk = Arc::new(Self::new(Some(room)));
        desk.keep_sweeping();
        Ok(desk)
    }

    /// Of a server that takes no files.
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self::new(None))
    }

    fn new(room: Option<Room>) -> Self {
        let over = CancellationToken::new();
        let (sweeps, turns) = (AtomicU64::new(0), AtomicU64::new(0));
        Self { room, sweeps, turns, over: over.clone(), _guard: over.drop_guard() }
    }

    /// A number for a beginning: of two of one file, the later has the larger.
    pub(crate) fn next_turn(&self) -> u64 {
        self.turns.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Whether this server takes files.
    pub(crate) fn is_open(&self) -> bool {
        self.room.is_some()
    }

    /// What those have who got something from this desk.
    pub(super) fn room(&self) -> &Room {
        self.room.as_ref().expect("a closed desk hands out nothing")
    }

    /// The way to send a file. From now on whoever had it before sends in vain.
    pub(crate) async fn open(self: &Arc<Self>, ask: Opening) -> Result<Opened, Error> {
        if !self.is_open() {
            return Err(refused("this server takes no files"));
        }
        self.keep_sweeping();
        let desk = Arc::clone(self);
        let direct = ask.is_direct.then(|| (ask.id, kinds::said(&ask.kind).unwrap_or_default(), ask.size));
        let mut opened = tokio::task::spawn_blocking(move || desk.admit(ask)).await??;
        // What has begun to come here goes on to do so.
        if let Some((id, kind, size)) = direct.filter(|_| opened.received == 0) {
            opened.direct = self.address(id, &kind, size).await;
            if opened.direct.is_some() {
                opened.sending.has_address().await?;
            }
        }
        Ok(opened)
    }

    /// On a thread that may block.
    fn admit(self: &Arc<Self>, ask: Opening) -> Result<Opened, Error> {
        let note = Note {
            name: name::clean(&ask.name),
            kind: kinds::said(&ask.kind).unwrap_or_default(),
            size: ask.size,
            begun: clock::now(),
            done: None,
        };
        content::expect(&note.name, &note.kind, &ask.accept)?;
        let slot = self.room().slot(ask.id);
        let opened = self.begin(&slot, ask, note);
        if opened.is_err() {
            self.room().forget(&slot);
        }
        opened
    }

    fn begin(self: &Arc<Self>, slot: &Arc<Slot>, ask: Opening, note: Note) -> Result<Opened, Error> {
        let (room, size) = (self.room(), note.size);
        // Answered when the lock is gone, also where this comes to nothing.
        let mut told = Unheard::default();
        let mut body = slot.lock();
        slot.look(room, &mut body).map_err(|error| failed(error, 0))?;
        if !slot.is_latest(ask.turn) {
            return Err(super::slot::gone());
        }
        let is_same =
            ask.is_resumed && !slot.is_unwanted() && finish::is_same(room, slot, &body, &note, &ask.accept)?;
        let (turn, was_unwanted) = slot.take_turn();
        if was_unwanted || !is_same {
            if matches!(&*body, Body::Done(_)) && slot.is_held() {
                if was_unwanted {
                    slot.renounce();
                }
                return Err(refused("this file is done already: send it under another id"));
            }
            told.0 = slot.erase(room, &mut body);
            if matches!(&*body, Body::Unseen) {
                return Err(Error::internal("what is there of the upload cannot be removed"));
            }
        }
        if let Body::Nothing = &*body {
            let charge = room.ledger.begin(&ask.owner, size, 0)?;
            room.folder.write_note(slot.id, &note).map_err(|error| failed(error, 0))?;
            let file = room.folder.create(slot.id).map_err(|error| failed(error, 0))?;
            room.ledger.add_file(0);
            let mut part = Part::new(room.serial(), note, Some(file), 0);
            part.charge = Some(charge);
            *body = Body::Part(Box::new(part));
        }
        let received = match &mut *body {
            Body::Part(part) => {
                if part.charge.is_none() {
                    part.charge = Some(room.ledger.begin(&ask.owner, size, part.received())?);
                }
                part.accept = ask.accept;
                part.is_attached = true;
                part.received()
            }
            Body::Checking(checking) => {
                checking.part.is_attached = true;
                size
            }
            _ => size,
        };
        drop(body);
        drop(told);
        let sending = Sending::new(Arc::clone(self), Arc::clone(slot), turn, size, ask.progress);
        sending.catch_up();
        Ok(Opened { sending, received, direct: None })
    }

    /// What is there of a file. Looks at the disk, though not for long.
    pub(crate) fn claim(self: &Arc<Self>, id: FileId) -> Option<Claim> {
        let room = self.room.as_ref()?;
        let slot = room.slot(id);
        let claim = {
            let mut body = slot.lock();
            if let Err(error) = slot.look(room, &mut body) {
                tracing::warn!(%id, %error, "what is there of an upload could not be seen");
            }
            match &*body {
                _ if slot.is_unwanted() => None,
                Body::Part(part) => Some(Claim::Part { received: part.received() }),
                Body::Checking(checking) => Some(Claim::Part { received: checking.about.size }),
                // There is one of it.
                Body::Done(done) if slot.is_held() => Some(Claim::Part { received: done.about.size }),
                Body::Done(done) => {
                    let (desk, about) = (Arc::clone(self), Arc::clone(&done.about));
                    Some(Claim::Done(UploadedFile::new(desk, Arc::clone(&slot), about)))
                }
                Body::Unseen | Body::Nothing => None,
            }
        };
        room.forget(&slot);
        claim
    }

    /// A file that was in somebody's hands, if they have let go of it and not moved it anywhere.
    pub(crate) fn let_go_of(self: &Arc<Self>, id: FileId) -> Option<UploadedFile> {
        match self.claim(id) {
            Some(Claim::Done(file)) => Some(file),
            _ => None,
        }
    }

    /// Nobody wants it: it is removed, soon. One that somebody has in their hands goes when they let go of it.
    pub(crate) fn remove(self: &Arc<Self>, id: FileId) {
        let Some(room) = &self.room else { return };
        let slot = room.slot(id);
        slot.renounce();
        let desk = Arc::clone(self);
        blocking(move || desk.room().erase_unwanted(&slot));
    }

    /// Removes what nobody has added to for too long, nobody sends and nobody has. On a thread that may block.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        self.room.as_ref().map_or(Ok(()), Room::sweep)
    }

    /// Sweeps every hour, from the first moment on at which there is a runtime to do so.
    fn keep_sweeping(self: &Arc<Self>) {
        let Ok(runtime) = Handle::try_current() else { return };
        if !self.is_open() || self.sweeps.swap(1, Ordering::Relaxed) > 0 {
            return;
        }
        let (desk, over) = (Arc::downgrade(self), self.over.clone());
        runtime.spawn(async move {
            while over.run_until_cancelled(tokio::time::sleep(SWEEP)).await.is_some() {
                if let Ok(Err(error)) = tokio::task::spawn_blocking({
                    let desk = Weak::clone(&desk);
                    move || desk.upgrade().map_or(Ok(()), |desk| desk.sweep())
                })
                .await
                {
                    tracing::error!(%error, "uploads that nobody wants could not be looked for");
                }
                if let Some(desk) = desk.upgrade() {
                    desk.sweep_stored().await;
                }
            }
        });
    }
}
