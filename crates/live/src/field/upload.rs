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

use fluxstack_live_protocol::SessionId;
use fluxstack_live_protocol::delta::Writer;
use serde::{Deserialize, Serialize};

use super::{Field, Staged, Unsendable, plain};
use crate::error::{Code, Error, Result};
use crate::typescript::Types;
use crate::uploads::{Accept, FileId, UploadedFile};
use crate::wire::{digest_of, from_json, write_json};

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

/// One file of an [`Upload`], as clients see it.
#[derive(Serialize, Deserialize)]
#[non_exhaustive]
pub struct FileState {
    /// What it is called here. Clients learn it when they begin to send it.
    pub id: String,
    /// What its client calls it; nothing to make a path of.
    pub name: String,
    /// What its client says that it is, such as `image/png`. Until the file is done nobody has looked.
    #[serde(rename = "type")]
    pub kind: String,
    /// How many bytes it will have.
    pub size: u64,
    /// How many of them are here.
    pub received: u64,
    /// How it stands.
    pub status: FileStatus,
    /// Why it failed, for programs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// Why it failed, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where it can be looked at, if the author [says so](Upload::show_at).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// Who sends it; nobody knows after a restart, until they go on.
    #[serde(skip)]
    owner: Option<SessionId>,
    #[serde(skip)]
    file: Option<UploadedFile>,
}

/// How a file of an [`Upload`] stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum FileStatus {
    /// Some of it is still to come.
    Sending,
    /// All of it is here, and looked at.
    Checking,
    /// It can be taken.
    Done,
    /// It was not accepted, or could not be written; its client may send it again.
    Failed,
}

/// As it travels.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    accept: &'a [String],
    max_bytes: u64,
    max_files: usize,
    files: &'a [FileState],
}

/// What is read of that again: the rules are those of the server that reads.
#[derive(Deserialize)]
struct Written {
    files: Vec<FileState>,
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
    /// [`Code::NotFound`] if no file is finished.
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
    /// [`Code::NotFound`] if it is not here, or not finished.
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

impl FileState {
    fn is(&self, id: FileId) -> bool {
        self.file_id() == Some(id)
    }

    fn file_id(&self) -> Option<FileId> {
        FileId::parse(&self.id)
    }
}

impl fmt::Debug for FileState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name, kind, size, received, status, code, .. } = self;
        f.debug_struct("FileState")
            .field("id", id)
            .field("name", name)
            .field("type", kind)
            .field("size", size)
            .field("received", received)
            .field("status", status)
            .field("code", code)
            .finish_non_exhaustive()
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

/// What an instance says of a file that begins.
pub(crate) struct Begun<'a> {
    pub(crate) id: FileId,
    pub(crate) owner: SessionId,
    pub(crate) name: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) size: u64,
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
        let &Begun { id, owner, name, kind, size } = begun;
        let Rules { max_bytes, max_files, .. } = &*self.rules;
        if size > *max_bytes {
            let said = format!("a file may have {} here", in_words(*max_bytes));
            return Err(Error::new(Code::UploadTooLarge, said));
        }
        // One that failed makes way for others, and for itself.
        let is_other = |entry: &&FileState| !entry.is(id) && entry.status != FileStatus::Failed;
        if self.files.iter().filter(is_other).count() >= *max_files {
            let said = match *max_files {
                1 => "there is a file already: remove it first".to_owned(),
                most => format!("there are {most} files already, and no more are taken: remove one first"),
            };
            return Err(Error::new(Code::UploadRefused, said));
        }
        if let Some(entry) = self.entry(id) {
            let size_before = std::mem::replace(&mut entry.size, size);
            if entry.status == FileStatus::Failed || size_before != size {
                (entry.status, entry.received) = (FileStatus::Sending, 0);
                (entry.code, entry.error, entry.url, entry.file) = (None, None, None, None);
            }
            entry.owner = Some(owner);
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

/// What was last sent.
#[derive(Default)]
pub struct Sent {
    shown: plain::Sent,
    rules: Option<Arc<Rules>>,
    /// Whose each file is.
    owners: Vec<(FileId, Option<SessionId>)>,
}

impl Field for Upload {
    type Sent = Sent;

    const IS_UPLOAD: bool = true;

    fn stage(&self, sent: &Sent, scratch: &mut Vec<u8>) -> Result<Staged, Unsendable> {
        let Rules { shown: accept, max_bytes, max_files, .. } = &*self.rules;
        let (max_bytes, max_files) = (*max_bytes, *max_files);
        let shown = Shown { accept, max_bytes, max_files, files: &self.files };
        let start = scratch.len();
        write_json(&shown, scratch)?;
        let new = &scratch[start..];
        let size = new.len();
        if new == sent.shown.json {
            scratch.truncate(start);
            return Ok(Staged::same(size));
        }
        let digest = digest_of(new)?;
        Ok(Staged { range: Some(start..scratch.len()), whole: true, digest, ..Staged::same(size) })
    }

    fn commit(&mut self, name: &str, sent: &mut Sent, staged: &Staged, scratch: &[u8], out: &mut Writer) {
        if sent.rules.as_ref().is_none_or(|rules| !Arc::ptr_eq(rules, &self.rules)) {
            sent.rules = Some(Arc::clone(&self.rules));
        }
        if staged.range.is_some() {
            let gone = sent.owners.iter().map(|(id, _)| *id).filter(|id| !self.has(*id));
            let gone: Vec<FileId> = gone.collect();
            self.gone.extend(gone);
        }
        let owners = self.files.iter().filter_map(|entry| Some((entry.file_id()?, entry.owner)));
        if !owners.clone().eq(sent.owners.iter().copied()) {
            sent.owners.clear();
            sent.owners.extend(owners);
        }
        plain::commit::<Self>(name, &mut sent.shown, staged, scratch, out);
    }

    fn digest(&self, sent: &Sent) -> u32 {
        plain::digest(&sent.shown)
    }

    fn snapshot(&self, sent: &Sent, out: &mut Vec<u8>) {
        out.extend_from_slice(&sent.shown.json);
    }

    fn salvage(&mut self, broken: &mut Self, _: &Sent) {
        self.rescued = broken.let_go();
        self.gone.append(&mut broken.gone);
    }

    fn evict(&mut self, _: &Sent) {
        self.rescued = self.let_go();
    }

    fn recover(&mut self, sent: &Sent) -> Result<(), Unsendable> {
        let rescued = std::mem::take(&mut self.rescued);
        self.restore(&sent.shown.json)?;
        if let Some(rules) = &sent.rules {
            self.rules = Arc::clone(rules);
        }
        for (id, owner) in &sent.owners {
            if let Some(entry) = self.entry(*id) {
                entry.owner = *owner;
            }
        }
        for (id, file) in rescued {
            if let Some(entry) = self.entry(id).filter(|entry| entry.status == FileStatus::Done) {
                entry.file = Some(file);
            }
        }
        Ok(())
    }

    // Whoever restores it looks for the files.
    fn restore(&mut self, json: &[u8]) -> Result<(), Unsendable> {
        self.files = from_json::<Written>(json).map_err(Unsendable)?.files;
        self.taken.clear();
        Ok(())
    }

    fn departed(&mut self, session: SessionId) {
        self.files.retain(|entry| entry.owner != Some(session));
    }

    fn upload_mut(&mut self) -> Option<&mut Upload> {
        Some(self)
    }

    fn typescript(types: &mut Types) -> String {
        types.import("UploadState");
        "UploadState".to_owned()
    }
}

impl Upload {
    /// The finished files.
    fn let_go(&mut self) -> Vec<(FileId, UploadedFile)> {
        self.files.iter_mut().filter_map(|entry| Some((entry.file_id()?, entry.file.take()?))).collect()
    }
}

#[cfg(test)]
mod tests;
