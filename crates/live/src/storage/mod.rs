//! Where files rest that somebody kept.
//!
//! An upload that is taken and kept is moved in here, and gets a [`Key`]. The server reads it back when somebody asks
//! for its address. A storage knows nothing of users, uploads or sockets: keys, bytes, how many there are and since
//! when. `Disk` is a folder, `ObjectStorage` whatever the crate `object_store` reaches, a bucket for instance
//! (features `files` and `s3`).
//!
//! What must stay true: what is at a key never changes, it is there or not; nothing is at a key before all of it is; a
//! file goes in and out in pieces, however large it is; what names a file is a [`Key`], never text from outside.

use std::collections::BTreeMap;
use std::error::Error;
use std::ops::Range;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;

#[cfg(feature = "files")]
mod disk;
mod keep;
mod key;
mod kinds;
#[cfg(feature = "files")]
mod objects;
#[cfg(feature = "s3")]
mod s3;
#[cfg(all(test, feature = "files"))]
mod tests;

#[cfg(feature = "files")]
pub use disk::Disk;
pub use keep::KeptFile;
pub(crate) use keep::{Keeping, Source, claim_incoming, keep};
pub use key::{Key, NotAKey};
/// The crate itself, for stores that are set up with it.
#[cfg(feature = "files")]
pub use object_store;
#[cfg(feature = "files")]
pub use objects::ObjectStorage;
#[cfg(feature = "s3")]
pub use s3::S3;

/// An answer on its way, for a trait that is used behind a pointer.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = Result<T, StorageError>> + Send + 'a>>;

/// The bytes of a file as they are read, in pieces of at most a few hundred KiB.
pub type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, StorageError>> + Send>>;

/// What is known of a kept file without reading it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectInfo {
    /// How many bytes it has.
    pub size: u64,
    /// Since when it is there.
    pub modified: SystemTime,
    /// What tells it from another at the same place, as in the HTTP header: `"…"`. Only if the storage has one.
    pub etag: Option<String>,
}

/// A kept file that is being read.
pub struct Object {
    /// What is known of the whole file, also when only a part of it is read.
    pub info: ObjectInfo,
    /// The bytes that were asked for. Whatever it holds open it lets go when it is dropped.
    pub pieces: Pieces,
}

/// How a client sends a file straight to the storage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Direct {
    /// Where to. Whoever has it can write there until it expires.
    pub url: String,
    /// How: `PUT`.
    pub method: &'static str,
    /// What the request must say, to the letter, because it is signed.
    pub headers: BTreeMap<String, String>,
}

/// A place where files rest. Implement it to keep them elsewhere; the server uses it behind an `Arc`.
///
/// Its futures are awaited on a tokio runtime. One that is dropped before it is ready may or may not have done what it
/// was for, but never the half of it.
pub trait Storage: Send + Sync + 'static {
    /// Moves a file of this machine in. When it is ready the file is at `key`, as safe as this storage makes it, and
    /// gone from where it was. After an error it is still there.
    ///
    /// # Errors
    /// [`StorageError::Full`], or whatever kept the storage from it.
    fn put<'a>(&'a self, key: &'a Key, file: &'a Path) -> Boxed<'a, ()>;

    /// Reads a file: all of it, or the bytes in `range`, which ends where the file does or before, and is not empty.
    ///
    /// # Errors
    /// [`StorageError::NotFound`], or whatever kept the storage from it.
    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> Boxed<'a, Object>;

    /// What is known of a file.
    ///
    /// # Errors
    /// As [`Storage::get`].
    fn head<'a>(&'a self, key: &'a Key) -> Boxed<'a, ObjectInfo>;

    /// Removes a file; fine if there is none.
    ///
    /// # Errors
    /// Whatever kept the storage from it.
    fn delete<'a>(&'a self, key: &'a Key) -> Boxed<'a, ()>;

    /// Moves a file within the storage.
    ///
    /// # Errors
    /// As [`Storage::get`].
    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key) -> Boxed<'a, ()>;

    /// How a client can send a file of this type to `key` by itself, for so long. `None` if that is not possible here.
    ///
    /// # Errors
    /// Whatever kept the storage from it.
    fn signed_put<'a>(
        &'a self,
        key: &'a Key,
        content_type: &'a str,
        valid: Duration,
    ) -> Boxed<'a, Option<Direct>> {
        let _ = (key, content_type, valid);
        Box::pin(async { Ok(None) })
    }
}

impl<S: Storage + ?Sized> Storage for Arc<S> {
    fn put<'a>(&'a self, key: &'a Key, file: &'a Path) -> Boxed<'a, ()> {
        S::put(self, key, file)
    }

    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> Boxed<'a, Object> {
        S::get(self, key, range)
    }

    fn head<'a>(&'a self, key: &'a Key) -> Boxed<'a, ObjectInfo> {
        S::head(self, key)
    }

    fn delete<'a>(&'a self, key: &'a Key) -> Boxed<'a, ()> {
        S::delete(self, key)
    }

    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key) -> Boxed<'a, ()> {
        S::rename(self, from, to)
    }

    fn signed_put<'a>(
        &'a self,
        key: &'a Key,
        content_type: &'a str,
        valid: Duration,
    ) -> Boxed<'a, Option<Direct>> {
        S::signed_put(self, key, content_type, valid)
    }
}

/// Why a storage did not do what it was asked. The text is for the log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StorageError {
    /// There is no such file.
    #[error("there is no such file in the storage")]
    NotFound,
    /// There is no room left.
    #[error("there is no room left where files are kept")]
    Full,
    /// The folder, or the bucket, cannot be used at all.
    #[error("files cannot be kept in `{place}` ({cause}): make it one that this program may write to")]
    Unusable {
        /// Which.
        place: String,
        /// How that was seen.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// Something below the storage went wrong.
    #[error("the storage failed: {0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

impl StorageError {
    /// What a file operation of this machine said.
    pub(crate) fn of_io(error: std::io::Error) -> Self {
        use std::io::ErrorKind;
        match error.kind() {
            ErrorKind::NotFound | ErrorKind::NotADirectory => Self::NotFound,
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            _ => Self::Failed(Box::new(error)),
        }
    }
}
