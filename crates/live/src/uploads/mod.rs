//! Files on their way in: from the first byte of one until somebody takes it.
//!
//! A server has one [`Desk`] for them. Whoever may send a file has been found out before (a session and an instance
//! ask [`Desk::open`]); what comes back is a [`Sending`], to which the session hands every chunk, past all mailboxes.
//! What is written is answered, what is answered is there after the server was killed, and what is whole, right and
//! harmless becomes an [`UploadedFile`].
//!
//! On disk a file is `parts/<id>.part` while it comes and `parts/<id>.done` then, beside `<id>.json`, which says what it
//! is. The length of the part file is the only record of how far it is.
//!
//! What must stay true: no name of a client is ever a path; nothing is called done unless its size and its SHA-256 are
//! those of the file that was sent; memory does not grow with a file; whatever waits has a bound; what nobody takes is
//! removed; nothing outside the folder is touched.

mod accept;
mod active;
mod content;
mod desk;
mod direct;
mod faults;
mod finish;
mod folder;
mod id;
mod inspect;
mod keep;
mod kinds;
mod ledger;
mod name;
mod note;
mod part;
mod room;
mod sending;
mod slot;
mod sniff;
#[cfg(test)]
mod tests;
mod uploaded;

use std::path::PathBuf;
use std::sync::Arc;

pub(crate) use accept::Accept;
pub(crate) use desk::{Claim, Desk, Direct, Opened, Opening};
pub(crate) use finish::{corrupt, hex};
pub(crate) use id::FileId;
pub use inspect::{Inspect, Inspected, Unsafe};
pub(crate) use sending::{Answer, At, Sending};
pub use uploaded::UploadedFile;

use crate::error::Error;
use crate::files::MayRead;
use crate::storage::Storage;

/// Where a server puts the files that clients send, and who looks at them.
///
/// ```no_run
/// use fluxstack_live::Uploads;
/// let uploads = Uploads::at("var/uploads");
/// ```
///
/// The folder belongs to one server at a time.
#[must_use]
pub struct Uploads {
    folder: PathBuf,
    inspector: Option<Arc<dyn inspect::Erased>>,
    storage: Option<Arc<dyn Storage>>,
    may_read: Option<MayRead>,
}

impl Uploads {
    /// Files are put in this folder, which is made if it is not there.
    pub fn at(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), inspector: None, storage: None, may_read: None }
    }

    /// Has every file looked at before it is called done, by a virus scanner for one.
    pub fn inspect(mut self, inspector: impl Inspect) -> Self {
        self.inspector = Some(Arc::new(inspector));
        self
    }
}

/// What the server says who takes no files, or no such.
pub(crate) fn refused(why: &'static str) -> Error {
    Error::new(crate::error::Code::UploadRefused, why)
}

/// Does what may block, where there are threads for that; where there is no runtime, here.
fn blocking(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}
