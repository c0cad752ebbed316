//! [`Upload`]: files that clients send.
//!
//! What travels of it is what a page shows: which files are accepted, which are on their way, how far each is. The
//! bytes go past the instance, to the desk (`uploads`), and come here as an [`UploadedFile`] when they are all there.
//!
//! What must stay true: an entry that is shown as done has its file, and a file whose entry is gone is wanted by nobody.
//! Which entries went shows at the commit, because before that a turn may still be undone; the instance asks for them
//! then, and has the desk remove their files.

use std::fmt;
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::uploads::{Accept, FileId, UploadedFile};

mod entries;
mod file;
mod sent;

pub(crate) use entries::Begun;
pub use file::{FileState, FileStatus};

/// The size of a file that may come where the author says nothing: 50 MiB.
const MAX_BYTES: u64 = 50 << 20;

/// Files that clients send to a component: which of them it takes, how far they are, and the finished ones.
///
/// ```
/// use fluxstack_live::prelude::*;
///
/// #[derive(State)]
/// pub struct AvatarPicker {
///     pub url: Option<String>,
///     pub file: Upload, // how far it is travels like any other field
/// }
///
/// impl Component for AvatarPicker {
///     type Props = ();
///     type Event = ();
///
///     async fn mount((): (), _cx: &mut Cx<Self>) -> Result<Self> {
///         let file = Upload::accept(["image/png", "image/jpeg"]).max_bytes(2 << 20);
///         Ok(AvatarPicker { url: None, file })
///     }
/// }
///
/// #[actions]
/// impl AvatarPicker {
///     /// What is not taken is removed with the instance.
///     pub async fn save(&mut self) -> Result<()> {
///         let avatar = self.file.take()?.keep_public().await?;
///         self.url = Some(avatar.url);
///         Ok(())
///     }
/// }
/// ```
///
/// The rules are the server's: what a page is told of them is for people. A file counts as finished when it has the
/// size and the digest that the client said, its content is what its name and type say, and the server's
/// [inspection](crate::uploads::Inspect) has nothing against it. [`Component::on_upload`](crate::Component::on_upload)
/// hears of it then.
pub struct Upload {
    rules: Arc<Rules>,
    files: Vec<FileState>,
    /// What was taken in this turn, and where in the list it was: whether it is kept shows at the end of the turn.
    taken: Vec<(usize, FileState)>,
    /// Files whose entries are gone, since somebody asked.
    gone: Vec<FileId>,
    /// Files of a component that is being put back.
    rescued: Vec<(FileId, UploadedFile)>,
}

/// What is accepted.
#[derive(Debug, Clone)]
struct Rules {
    /// As the author wrote it.
    shown: Vec<String>,
    accept: Arc<[Accept]>,
    max_bytes: u64,
    max_files: usize,
    is_direct: bool,
}

impl Upload {
    /// Takes files of these kinds: media types such as `image/png`, all of a group as `image/*`, or extensions such as
    /// `.pdf`. A file is accepted if one of them fits.
    ///
    /// ```
    /// use fluxstack_live::prelude::*;
    /// let pictures = Upload::accept(["image/*", ".pdf"]).max_bytes(10 << 20).max_files(5);
    /// assert!(pictures.files().is_empty());
    /// ```
    ///
    /// # Panics
    /// If one of them is neither: then nobody knows what the author wants.
    #[must_use]
    pub fn accept<K: AsRef<str>>(kinds: impl IntoIterator<Item = K>) -> Self {
        let shown: Vec<String> = kinds.into_iter().map(|kind| kind.as_ref().to_owned()).collect();
        if shown.iter().any(|kind| kind == "*/*") {
            return Self::any();
        }
        let read = |kind: &String| {
            Accept::parse(kind).unwrap_or_else(|| {
                panic!("`{kind}` is no kind of file: write `image/png`, `image/*` or `.png`")
            })
        };
        let accept = shown.iter().map(read).collect();
        Self::of(shown, accept)
    }

    /// Takes files of any kind, except those that a browser would run.
    #[must_use]
    pub fn any() -> Self {
        Self::of(Vec::new(), Arc::new([]))
    }

    fn of(shown: Vec<String>, accept: Arc<[Accept]>) -> Self {
        let rules = Rules { shown, accept, max_bytes: MAX_BYTES, max_files: 1, is_direct: false };
        let (files, taken, gone, rescued) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { rules: Arc::new(rules), files, taken, gone, rescued }
    }

    /// A file may have so many bytes. Default 50 MiB.
    #[must_use]
    pub fn max_bytes(mut self, bytes: u64) -> Self {
        self.change_rules(|rules| rules.max_bytes = bytes);
        self
    }

    /// So many files may be on their way or finished at once. Default 1.
    #[must_use]
    pub fn max_files(mut self, files: usize) -> Self {
        self.change_rules(|rules| rules.max_files = files);
        self
    }

    /// Clients send the bytes to the storage themselves where it can sign an address for them, and otherwise as ever.
    #[must_use]
    pub fn direct(mut self) -> Self {
        self.change_rules(|rules| rules.is_direct = true);
        self
    }

    fn change_rules(&mut self, change: impl FnOnce(&mut Rules)) {
        let mut rules = Rules::clone(&self.rules);
        change(&mut rules);
        self.rules = Arc::new(rules);
    }

    /// All files, finished or not, in the order in which they were begun.
    #[must_use]
    pub fn files(&self) -> &[FileState] {
        &self.files
    }

    /// Moves the first finished file out of here. One that is dropped in the same turn, because it could not be kept for
    /// one, is here again; to be rid of it, [remove](Upload::remove) it.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if no file is finished.
    pub fn take(&mut self) -> Result<UploadedFile> {
        let found = self.files.iter().position(|entry| entry.file.is_some());
        found.and_then(|at| self.take_at(at)).ok_or_else(|| match self.files.first() {
            Some(_) => Error::not_found("the file is not here yet: wait until it is done"),
            None => Error::not_found("there is no file: upload one first"),
        })
    }

    /// The same for the file with this id.
    ///
    /// # Errors
    /// [`Code::NotFound`](crate::Code::NotFound) if it is not here, or not finished.
    pub fn take_one(&mut self, id: &str) -> Result<UploadedFile> {
        let found = self.files.iter().position(|entry| entry.id == id);
        let taken = found.and_then(|at| self.take_at(at));
        taken.ok_or_else(|| Error::not_found("this file is not here, or not done yet"))
    }

    /// The same for all finished files, in the order in which they were begun.
    #[must_use = "what is dropped in this turn is here again"]
    pub fn take_all(&mut self) -> Vec<UploadedFile> {
        std::iter::from_fn(|| self.take().ok()).collect()
    }

    fn take_at(&mut self, at: usize) -> Option<UploadedFile> {
        let file = self.files[at].file.take()?;
        self.taken.push((at, self.files.remove(at)));
        Some(file)
    }

    /// Removes the file with this id, finished or not; whoever sends it is told. Answers whether it was here.
    pub fn remove(&mut self, id: &str) -> bool {
        let before = self.files.len();
        self.files.retain(|entry| entry.id != id);
        self.files.len() < before
    }

    /// Shows clients where a file can be looked at that is still here.
    pub fn show_at(&mut self, id: &str, url: impl Into<String>) {
        if let Some(entry) = self.files.iter_mut().find(|entry| entry.id == id) {
            entry.url = Some(url.into());
        }
    }

    fn entry(&mut self, id: FileId) -> Option<&mut FileState> {
        self.files.iter_mut().find(|entry| entry.is(id))
    }
}

impl Default for Upload {
    fn default() -> Self {
        Self::any()
    }
}

impl fmt::Debug for Upload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Upload")
            .field("rules", &self.rules)
            .field("files", &self.files)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
