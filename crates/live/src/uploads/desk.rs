//! What others ask for files.

use std::io;
use std::sync::Arc;

use super::{Accept, FileId, Sending, UploadedFile, Uploads, refused};
use crate::error::Error;
use crate::limits::Limits;

/// Where all files of a server come in.
pub(crate) struct Desk {
    is_open: bool,
    pub(super) folder: std::path::PathBuf,
    pub(super) slots: std::sync::Mutex<std::collections::HashMap<FileId, TempSlot>>,
}

#[derive(Default)]
pub(super) struct TempSlot {
    pub(super) turn: u64,
    pub(super) received: u64,
    pub(super) chunks: u64,
    pub(super) size: u64,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) done: Option<Arc<super::uploaded::About>>,
    pub(super) in_hands: bool,
    pub(super) is_gone: bool,
}

/// Somebody who may has a file to send.
pub(crate) struct Opening {
    pub(crate) id: FileId,
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
    /// So many bytes; its client may go on.
    Part {
        received: u64,
    },
    Done(UploadedFile),
}

impl Desk {
    /// Makes the folder if need be, removes what is too old in it and counts the rest. Reads and writes files: call it
    /// before the server starts. Then, on a runtime, it sweeps once an hour.
    pub(crate) fn start(uploads: Uploads, limits: &Limits) -> io::Result<Arc<Self>> {
        let _ = limits;
        std::fs::create_dir_all(&uploads.folder)?;
        Ok(Arc::new(Self { is_open: true, folder: uploads.folder, slots: Default::default() }))
    }

    /// Of a server that takes no files.
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self { is_open: false, folder: Default::default(), slots: Default::default() })
    }

    /// Whether this server takes files.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// The way to send a file. From now on whoever had it before sends in vain.
    pub(crate) async fn open(self: &Arc<Self>, ask: Opening) -> Result<Opened, Error> {
        if !self.is_open {
            return Err(refused("this server takes no files"));
        }
        if !ask.accept.is_empty() && !ask.accept.contains(&Accept::Type(ask.kind.as_str().into())) {
            return Err(Error::new(crate::error::Code::UploadType, "no such"));
        }
        let mut slots = self.slots.lock().unwrap();
        let path = self.folder.join(format!("{}.part", ask.id));
        if !ask.is_resumed {
            let _ = std::fs::remove_file(&path);
        }
        let file = std::fs::OpenOptions::new().append(true).create(true).open(&path)?;
        let slot = slots.entry(ask.id).or_default();
        slot.turn += 1;
        slot.received = match &slot.done {
            Some(done) if ask.is_resumed => done.size,
            _ => {
                slot.done = None;
                file.metadata()?.len()
            }
        };
        (slot.chunks, slot.size, slot.name, slot.kind, slot.is_gone) =
            (0, ask.size, ask.name, ask.kind, false);
        let sending = Sending {
            desk: Arc::clone(self),
            id: ask.id,
            turn: slot.turn,
            file: file.into(),
            progress: ask.progress,
        };
        Ok(Opened { received: slot.received, sending: Arc::new(sending), direct: None })
    }

    /// What is there of a file. Looks at the disk, though not for long.
    pub(crate) fn claim(self: &Arc<Self>, id: FileId) -> Option<Claim> {
        let mut slots = self.slots.lock().unwrap();
        let Some(slot) = slots.get_mut(&id) else {
            let meta = std::fs::metadata(self.folder.join(format!("{id}.part"))).ok()?;
            return Some(Claim::Part { received: meta.len() });
        };
        match &slot.done {
            Some(_) if slot.in_hands => None,
            Some(about) => {
                slot.in_hands = true;
                Some(Claim::Done(UploadedFile { desk: Arc::clone(self), about: Arc::clone(about) }))
            }
            None => Some(Claim::Part { received: slot.received }),
        }
    }

    /// Nobody wants it: it is removed, soon. One that somebody has in their hands goes when they let go of it.
    pub(crate) fn remove(self: &Arc<Self>, id: FileId) {
        let mut slots = self.slots.lock().unwrap();
        let Some(slot) = slots.get_mut(&id) else { return };
        slot.is_gone = true;
        slot.turn += 1;
        if !slot.in_hands {
            slots.remove(&id);
            let _ = std::fs::remove_file(self.folder.join(format!("{id}.part")));
            let _ = std::fs::remove_file(self.folder.join(format!("{id}.done")));
        }
    }
}
