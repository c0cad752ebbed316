//! What an instance does with the files of an [`Upload`]: lets them begin, hears how far they are, looks for them again.

use std::sync::Arc;

use fluxstack_live_protocol::SessionId;

use super::file::{FileState, FileStatus};
use super::{Rules, Upload};
use crate::error::{Code, Error, Result};
use crate::uploads::{Accept, FileId, UploadedFile};

/// What an instance says of a file that begins.
pub(crate) struct Begun<'a> {
    pub(crate) id: FileId,
    /// Which beginning of it this is; later ones have larger numbers.
    pub(crate) turn: u64,
    pub(crate) owner: SessionId,
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) size: u64,
    /// Whether it goes on where it was.
    pub(crate) is_resumed: bool,
    /// Whether somebody sends that other file just now.
    pub(crate) is_sent: &'a dyn Fn(FileId) -> bool,
}

/// What the instance does with it.
impl Upload {
    /// What the desk has to look for in the content.
    pub(crate) fn accepted(&self) -> Arc<[Accept]> {
        Arc::clone(&self.rules.accept)
    }

    /// Whether clients may send to the storage.
    pub(crate) fn is_direct(&self) -> bool {
        self.rules.is_direct
    }

    /// Makes an entry for a file that begins, or goes on; whether there was none.
    ///
    /// # Errors
    /// Why it is not accepted.
    pub(crate) fn begin(&mut self, begun: &Begun<'_>) -> Result<bool> {
        let &Begun { id, turn, owner, name, kind, size, is_resumed, is_sent } = begun;
        let Rules { max_bytes, max_files, .. } = &*self.rules;
        if size > *max_bytes {
            let said = format!("a file may have {} here", in_words(*max_bytes));
            return Err(Error::new(Code::UploadTooLarge, said));
        }
        // One that failed makes way for others, and for itself.
        let is_other = |entry: &&FileState| !entry.is(id) && entry.status != FileStatus::Failed;
        let most = *max_files;
        while self.files.iter().filter(is_other).count() >= most {
            // One that its own sender has left lying there makes way too.
            let is_left = |entry: &FileState| {
                matches!(entry.status, FileStatus::Sending | FileStatus::Checking)
                    && entry.owner == Some(owner)
                    && entry.file_id().is_some_and(|other| other != id && !is_sent(other))
            };
            if let Some(left) = self.files.iter().position(is_left) {
                self.files.remove(left);
                continue;
            }
            let said = match most {
                1 => "there is a file already: remove it first".to_owned(),
                most => format!("there are {most} files already, and no more are taken: remove one first"),
            };
            return Err(Error::new(Code::UploadRefused, said));
        }
        if let Some(entry) = self.entry(id) {
            if !is_resumed || entry.status == FileStatus::Failed || entry.size != size {
                (entry.name, entry.kind) = (name.to_owned(), kind.to_owned());
                (entry.size, entry.received, entry.status) = (size, 0, FileStatus::Sending);
                (entry.code, entry.error, entry.url, entry.file) = (None, None, None, None);
            }
            (entry.owner, entry.turn) = (Some(owner), turn);
            return Ok(false);
        }
        self.make_room();
        self.files.push(FileState {
            id: id.to_string(),
            name: name.to_owned(),
            kind: kind.to_owned(),
            size,
            received: 0,
            status: FileStatus::Sending,
            code: None,
            error: None,
            url: None,
            owner: Some(owner),
            turn,
            file: None,
        });
        Ok(true)
    }

    /// Those that failed are shown for a while, but not any number of them.
    fn make_room(&mut self) {
        let most = self.rules.max_files;
        let failed = |entry: &FileState| entry.status == FileStatus::Failed;
        while self.files.iter().filter(|entry| failed(entry)).count() >= most.max(1) {
            let Some(oldest) = self.files.iter().position(failed) else { return };
            self.files.remove(oldest);
        }
    }

    /// Whether it has an entry for this file.
    pub(crate) fn has(&self, id: FileId) -> bool {
        self.files.iter().any(|entry| entry.is(id))
    }

    /// Whether it has begun anew since this beginning.
    pub(crate) fn is_later(&self, id: FileId, turn: u64) -> bool {
        self.files.iter().any(|entry| entry.is(id) && entry.turn > turn)
    }

    /// So many bytes are here.
    pub(crate) fn receive(&mut self, id: FileId, received: u64) {
        let Some(entry) = self.entry(id) else { return };
        if matches!(entry.status, FileStatus::Sending | FileStatus::Checking) {
            entry.received = received.min(entry.size);
            let is_whole = entry.received == entry.size;
            entry.status = if is_whole { FileStatus::Checking } else { FileStatus::Sending };
        }
    }

    /// The file is here and good; back if it has no entry any more.
    pub(crate) fn finish(&mut self, id: FileId, file: UploadedFile) -> Option<UploadedFile> {
        let Some(entry) = self.entry(id) else { return Some(file) };
        (entry.status, entry.received) = (FileStatus::Done, entry.size);
        entry.kind = file.content_type().to_owned();
        (entry.code, entry.error, entry.file) = (None, None, Some(file));
        None
    }

    /// The file is not coming, or not good; whether it had an entry.
    pub(crate) fn fail(&mut self, id: FileId, why: &Error) -> bool {
        let Some(entry) = self.entry(id) else { return false };
        entry.status = FileStatus::Failed;
        (entry.code, entry.error) = (Some(why.code().as_str().to_owned()), Some(why.message().to_owned()));
        // Nobody can take it any more.
        entry.file = None;
        true
    }

    /// Entries made by a session that is not known any more are this one's.
    pub(crate) fn belongs_to(&mut self, owner: SessionId) {
        self.files.iter_mut().for_each(|entry| entry.owner = entry.owner.or(Some(owner)));
    }

    /// Entries whose session is not known are gone.
    pub(crate) fn disown(&mut self) {
        self.files.retain(|entry| entry.owner.is_some());
    }

    /// Files that are not here although they are, or may be, at the desk: what was restored, or put back.
    pub(crate) fn missing(&self) -> Vec<FileId> {
        let missing = |entry: &&FileState| entry.file.is_none() && entry.status != FileStatus::Failed;
        self.files.iter().filter(missing).filter_map(FileState::file_id).collect()
    }

    /// What is known of this file, if it is here.
    pub(crate) fn finished(&self, id: FileId) -> Option<&UploadedFile> {
        self.files.iter().find(|entry| entry.is(id))?.file.as_ref()
    }

    /// What was taken in this turn is asked for at the desk: what `claim` finds there was not kept, and is here again.
    pub(crate) fn take_back(&mut self, mut claim: impl FnMut(FileId) -> Option<UploadedFile>) {
        while let Some((at, mut entry)) = self.taken.pop() {
            entry.file = entry.file_id().and_then(&mut claim);
            if entry.file.is_some() {
                self.files.insert(at.min(self.files.len()), entry);
            }
        }
    }

    /// Takes this entry away; nobody wants its file.
    pub(crate) fn forget(&mut self, id: FileId) {
        self.files.retain(|entry| !entry.is(id));
    }

    /// Whether this file is shown as finished.
    pub(crate) fn is_done(&self, id: FileId) -> bool {
        self.files.iter().any(|entry| entry.is(id) && entry.status == FileStatus::Done)
    }

    /// Files whose entries are gone since this was asked last, so that nobody wants them any more.
    pub(crate) fn take_gone(&mut self) -> Vec<FileId> {
        std::mem::take(&mut self.gone)
    }

    /// The instance ends: nobody wants any of them.
    pub(crate) fn take_everything(&mut self) -> Vec<FileId> {
        let mut all = std::mem::take(&mut self.gone);
        all.extend(self.files.drain(..).filter_map(|entry| entry.file_id()));
        all
    }
}

/// A number of bytes, for people.
fn in_words(bytes: u64) -> String {
    match bytes {
        ..1024 => format!("at most {bytes} bytes"),
        1024..0x10_0000 => format!("at most {} KiB", bytes >> 10),
        _ => format!("at most {} MiB", bytes >> 20),
    }
}
