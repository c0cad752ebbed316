//! A file that is on its way: what has come of it, and what comes next.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::folder::{Folder, is_full, read_at};
use super::ledger::{Charge, Ledger};
use super::note::Note;
use super::{Accept, At, FileId};
use crate::error::{Code, Error};

/// How much of a file is read at once to hash it.
pub(super) const BLOCK: usize = 64 << 10;

/// See the module. What has come is in the file from its beginning, without a gap.
pub(super) struct Part {
    /// Tells this beginning of the file from others.
    pub(super) serial: u64,
    pub(super) note: Note,
    pub(super) accept: Arc<[Accept]>,
    /// None if it was begun before the program was.
    pub(super) charge: Option<Charge>,
    /// Whether somebody sends it.
    pub(super) is_attached: bool,
    /// Open while somebody does.
    file: Option<File>,
    received: u64,
    counts: Counts,
    hash: Sha256,
    /// How much of it is in `hash`. What came is hashed when it was answered, and what was there before when nothing comes.
    hashed: u64,
}

/// How its sender says where a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Counts {
    Unknown,
    Bytes,
    /// So many chunks were there.
    Chunks(u64),
}

/// What became of a chunk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Bytes there are now.
    pub(super) received: u64,
    /// How many bytes of the chunk were there before.
    pub(super) known: usize,
    /// Where in the file the others are.
    pub(super) from: u64,
}

impl Part {
    pub(super) fn new(serial: u64, note: Note, file: Option<File>, received: u64) -> Self {
        let counts = if received == 0 { Counts::Unknown } else { Counts::Bytes };
        Self {
            serial,
            note,
            accept: Arc::default(),
            charge: None,
            is_attached: false,
            file,
            received,
            counts,
            hash: Sha256::new(),
            hashed: 0,
        }
    }

    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// Where a chunk belongs, if it does: behind how many of its bytes new ones begin.
    pub(super) fn place(&self, at: At, length: usize) -> Result<usize, Error> {
        let Self { received, note: Note { size, .. }, .. } = *self;
        let begin = match (at, self.counts) {
            (At::Offset(offset), Counts::Unknown | Counts::Bytes) => offset,
            (At::Index(index), Counts::Chunks(next)) if index < next => return Ok(length),
            (At::Index(index), Counts::Chunks(next)) if index == next => received,
            (At::Index(0), Counts::Unknown) => received,
            (At::Index(_), Counts::Unknown | Counts::Chunks(_)) => return Err(gap(received)),
            (At::Offset(_), Counts::Chunks(_)) | (At::Index(_), Counts::Bytes) => {
                let why = "the chunks of a file say all where they belong in bytes, or all in chunks";
                return Err(Error::new(Code::BadChunk, why));
            }
        };
        if begin.checked_add(length as u64).is_none_or(|end| end > size) {
            return Err(Error::new(Code::UploadTooLarge, "more bytes came than the file was said to have"));
        }
        let known = received.checked_sub(begin).ok_or_else(|| gap(received))?;
        Ok(usize::try_from(known).unwrap_or(usize::MAX).min(length))
    }

    /// Writes what of a chunk is not there. If that fails, what there was before is there still, and nothing else.
    pub(super) fn write(
        &mut self,
        id: FileId,
        at: At,
        bytes: &[u8],
        folder: &Folder,
        ledger: &Ledger,
    ) -> Result<Written, Error> {
        let known = self.place(at, bytes.len())?;
        let (from, new) = (self.received, &bytes[known..]);
        let length = new.len() as u64;
        if length > 0 {
            ledger.take(length).map_err(|error| with_received(error, from))?;
            if let Err(error) = self.append(id, new, folder) {
                ledger.give(length);
                return Err(failed(error, from));
            }
        }
        self.received += length;
        self.counts = match (at, self.counts) {
            (At::Offset(_), _) => Counts::Bytes,
            (At::Index(index), Counts::Chunks(next)) => Counts::Chunks(next.max(index.saturating_add(1))),
            (At::Index(index), _) => Counts::Chunks(index.saturating_add(1)),
        };
        Ok(Written { received: self.received, known, from })
    }

    fn append(&mut self, id: FileId, bytes: &[u8], folder: &Folder) -> io::Result<()> {
        let received = self.received;
        let file = self.file(id, folder)?;
        file.seek(SeekFrom::Start(received))?;
        folder.faults.write(file, bytes).inspect_err(|_| {
            // What stays if this fails as well is overwritten by what comes next, or found by the digest.
            if let Err(error) = file.set_len(received) {
                tracing::warn!(%id, %error, "a part file could not be cut to what is known to be right");
            }
        })
    }

    /// Hashes a chunk that was just written.
    pub(super) fn hash(&mut self, from: u64, bytes: &[u8]) {
        if from == self.hashed {
            self.hash.update(bytes);
            self.hashed += bytes.len() as u64;
        }
    }

    /// Hashes a block of what is there and was not hashed. Answers whether there was any.
    pub(super) fn catch_up(&mut self, id: FileId, folder: &Folder, buffer: &mut Vec<u8>) -> io::Result<bool> {
        let left = self.received - self.hashed;
        if left == 0 {
            return Ok(false);
        }
        buffer.resize(BLOCK, 0);
        let wanted = usize::try_from(left).unwrap_or(BLOCK).min(BLOCK);
        let hashed = self.hashed;
        if read_at(self.file(id, folder)?, hashed, &mut buffer[..wanted])? < wanted {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.hash.update(&buffer[..wanted]);
        self.hashed += wanted as u64;
        Ok(true)
    }

    /// The SHA-256 of what is there, if all of it is hashed.
    pub(super) fn digest(&self) -> Option<[u8; 32]> {
        (self.hashed == self.received).then(|| self.hash.clone().finalize().into())
    }

    /// The first bytes.
    pub(super) fn head(&mut self, id: FileId, folder: &Folder, head: &mut Vec<u8>) -> io::Result<()> {
        head.resize(super::sniff::HEAD, 0);
        let read = read_at(self.file(id, folder)?, 0, head)?;
        head.truncate(read);
        Ok(())
    }

    /// Throws away what came: it is sent again from the beginning.
    pub(super) fn restart(&mut self, id: FileId, folder: &Folder, ledger: &Ledger) -> io::Result<()> {
        self.file(id, folder)?.set_len(0)?;
        ledger.give(self.received);
        (self.received, self.hashed, self.counts) = (0, 0, Counts::Unknown);
        self.hash = Sha256::new();
        Ok(())
    }

    /// One more of the open file, to have it written to the disk.
    pub(super) fn handle(&mut self, id: FileId, folder: &Folder) -> io::Result<File> {
        self.file(id, folder)?.try_clone()
    }

    /// Nobody sends it any more for now.
    pub(super) fn rest(&mut self) {
        self.is_attached = false;
        self.file = None;
    }

    fn file(&mut self, id: FileId, folder: &Folder) -> io::Result<&mut File> {
        let file = match self.file.take() {
            Some(file) => file,
            None => folder.open(id)?,
        };
        Ok(self.file.insert(file))
    }
}

#[cold]
pub(super) fn gap(received: u64) -> Error {
    with_received(
        Error::new(Code::UploadGap, "bytes before these are missing: go on from those that are there"),
        received,
    )
}

/// An error that says how much is there.
pub(super) fn with_received(error: Error, received: u64) -> Error {
    error.and("bytesUploaded", received.to_string())
}

/// What a disk said, for whoever sends.
#[cold]
pub(super) fn failed(error: io::Error, received: u64) -> Error {
    if is_full(&error) {
        tracing::error!(%error, "the disk has no room for an upload");
        let why = "the server has no room for this file at present: try again later";
        return with_received(Error::new(Code::UploadNoSpace, why), received);
    }
    tracing::error!(%error, "an upload could not be written or read");
    with_received(Error::internal(error), received)
}
