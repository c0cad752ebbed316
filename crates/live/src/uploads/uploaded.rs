//! A file that is whole, right and harmless, in the hands of somebody.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use super::{Desk, FileId};
use crate::error::Result;

/// A file that a client has sent: whole, what it says it is, and in nobody's place yet.
///
/// Dropped, it goes back to its field, which keeps it until its instance ends.
pub struct UploadedFile {
    pub(super) desk: Arc<Desk>,
    pub(super) about: Arc<About>,
}

/// What is known of it.
pub(super) struct About {
    pub(super) id: FileId,
    pub(super) path: Box<Path>,
    pub(super) name: Box<str>,
    pub(super) extension: Option<Box<str>>,
    pub(super) content_type: Box<str>,
    pub(super) size: u64,
    pub(super) sha256: Box<str>,
}

impl UploadedFile {
    /// What its sender calls it: a name that can be shown, and not a path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.about.name
    }

    /// The extension of its name in lower case, without the dot, if it has one and it says what the content is.
    #[must_use]
    pub fn extension(&self) -> Option<&str> {
        self.about.extension.as_deref()
    }

    /// What it is, by its content where that can be seen, and by what its sender says otherwise.
    #[must_use]
    pub fn content_type(&self) -> &str {
        &self.about.content_type
    }

    /// Its bytes.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.about.size
    }

    /// Its SHA-256, in hexadecimal digits.
    #[must_use]
    pub fn sha256(&self) -> &str {
        &self.about.sha256
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
    /// [`Code::Internal`](crate::Code::Internal) if the system refuses; the file is then where it was, in its field.
    pub async fn move_to(self, path: impl AsRef<Path>) -> Result<()> {
        std::fs::rename(self.path(), path)?;
        self.desk.slots.lock().unwrap().remove(&self.about.id);
        Ok(())
    }

    pub(crate) fn id(&self) -> FileId {
        self.about.id
    }

    /// Its bytes are somewhere else now: what is left of it here is removed.
    pub(crate) async fn let_go(self) {}
}
