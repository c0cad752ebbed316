//! A file that is whole, right and harmless, in the hands of somebody.

use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, MutexGuard, PoisonError};

use super::note::About;
use super::slot::{Body, Slot};
use super::{Desk, FileId, blocking};
use crate::error::{Error, Result};

/// A file that a client has sent: whole, what it says it is, and in nobody's place yet.
///
/// Dropped, it goes back to its field, which keeps it until its instance ends.
pub struct UploadedFile {
    pub(super) desk: Arc<Desk>,
    slot: Arc<Slot>,
    about: Arc<About>,
}

impl UploadedFile {
    /// While its slot is locked.
    pub(super) fn new(desk: Arc<Desk>, slot: Arc<Slot>, about: Arc<About>) -> Self {
        slot.holders.fetch_add(1, SeqCst);
        Self { desk, slot, about }
    }

    /// What its sender calls it: a name that can be shown, and not a path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The extension of its name in lower case, without the dot, if it has one. Nothing in the content speaks against it.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.about.verdict.extension.as_deref()
    }

    /// What it is, by its content where that can be seen, and by what its sender says otherwise.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.about.verdict.content_type
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.about.size
    }

    /// Its SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.about.verdict.sha256
    }

    /// Where it is until it is moved. The name of the file there says nothing.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.about.path
    }

    /// Opens it for reading. This may block, as everything does that has to do with files.
    ///
    /// # Errors
    /// [`Code::Internal`](crate::Code::Internal) if the system refuses.
    pub fn open(&self) -> Result<File> {
        Ok(File::open(self.path())?)
    }

    /// Moves it to `path`, also to another file system. What is there is replaced; the folder has to be there.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if it was moved already, and [`Code::Internal`](crate::Code::Internal) if
    /// the system refuses; the file is then where it was.
    pub async fn move_to(self, path: impl AsRef<Path>) -> Result<()> {
        let to = path.as_ref().to_owned();
        let moving = tokio::task::spawn_blocking(move || {
            match relocate(self.path(), &to) {
                Ok(()) => self.leave(),
                Err(_) if !self.path().exists() => {
                    return Err(Error::not_found("the file is not there any more"));
                }
                Err(error) => return Err(error.into()),
            }
            Ok(())
        });
        moving.await?
    }

    pub(crate) fn id(&self) -> FileId {
        self.slot.id
    }

    /// What can be said of it when it is in nobody's hands any more.
    pub(crate) fn trace(&self) -> Trace {
        *self.kept_at() = None;
        Trace(Arc::clone(&self.slot))
    }

    /// Where it is served, once it is.
    pub(super) fn kept_at(&self) -> MutexGuard<'_, Option<Box<str>>> {
        self.slot.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its bytes are somewhere else now: what is left of it here is removed.
    pub(crate) async fn let_go(self) {
        // That the runtime ends is nobody's loss: the sweep finds it.
        let _ = tokio::task::spawn_blocking(move || self.leave()).await;
    }

    /// Forgets it here. On a thread that may block.
    fn leave(&self) {
        let room = self.desk.room();
        let mut body = self.slot.lock();
        if !matches!(&*body, Body::Done(done) if Arc::ptr_eq(&done.about, &self.about)) {
            return;
        }
        *body = Body::Nothing;
        if let Err(error) = room.folder.erase(self.slot.id).result {
            tracing::warn!(id = %self.slot.id, %error, "what is left of an upload could not be removed");
        }
        room.ledger.give(self.about.size);
        room.ledger.remove_file();
    }
}

impl Drop for UploadedFile {
    fn drop(&mut self) {
        let is_last = self.slot.holders.fetch_sub(1, SeqCst) == 1;
        if is_last && self.slot.is_unwanted() {
            let (desk, slot) = (Arc::clone(&self.desk), Arc::clone(&self.slot));
            blocking(move || desk.room().erase_unwanted(&slot));
        }
    }
}

/// See [`UploadedFile::trace`].
pub(crate) struct Trace(Arc<Slot>);

impl Trace {
    /// Where the file is served, if it was kept.
    pub(crate) fn url(&self) -> Option<Box<str>> {
        self.0.kept.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl std::fmt::Debug for UploadedFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("UploadedFile")
            .field("name", &self.name())
            .field("content_type", &self.content_type())
            .field("size", &self.size())
            .finish_non_exhaustive()
    }
}

/// Renames, or copies where a rename cannot reach. Whoever looks at `to` sees all of the file or none of it.
fn relocate(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::CrossesDevices => {}
        moved => return moved,
    }
    let draft = draft(to)?;
    let copied = fs::copy(from, &draft)
        .and_then(|_| File::open(&draft)?.sync_all())
        .and_then(|()| fs::rename(&draft, to));
    if copied.is_err() {
        let _ = fs::remove_file(&draft);
        return copied;
    }
    fs::remove_file(from)
}

/// A name beside `to` that nobody has.
fn draft(to: &Path) -> io::Result<PathBuf> {
    let name = to.file_name().ok_or(ErrorKind::InvalidInput)?;
    let mut draft = std::ffi::OsString::from(".");
    draft.push(name);
    draft.push(format!(".{}", fluxstack_live_protocol::InstanceId::random()));
    Ok(to.with_file_name(draft))
}
