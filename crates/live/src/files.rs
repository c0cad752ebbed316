//! Files that are kept: who may read them, and the links to them.
//!
//! A component has [`Files`] from [`Cx::files`](crate::Cx::files), the application from
//! [`Live::files`](crate::Live::files). It reads and removes what the [`Storage`] keeps, and makes links that work for
//! whoever has them. The routes that serve files ask it whether they may.
//!
//! What must stay true: a file that is not public is read by its owner, by whom the application's rule lets, and by
//! whoever has a link that has not expired; by nobody else. A link is good for one file.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::{Bytes, BytesMut};
use futures_util::TryStreamExt as _;

use crate::auth::Identity;
use crate::clock;
use crate::error::{Code, Error, Result};
use crate::seal::{Keys, SIGNATURE};
use crate::services::Services;
use crate::storage::{Key, Object, Storage, StorageError};

/// A rule of the application: who else may read a file that is not public. See
/// [`Uploads::may_read`](crate::Uploads::may_read).
pub(crate) type MayRead = Arc<dyn Fn(&FileRequest<'_>, Option<&Identity>) -> bool + Send + Sync>;

/// A file that somebody asks for.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct FileRequest<'a> {
    /// Which: [`Key::is_of`] says whose it is, and [`Key::as_str`] is what [`KeptFile::key`](crate::KeptFile) was when
    /// it was kept.
    pub key: &'a Key,
}

/// The files that are kept. Cheap to clone.
#[derive(Clone)]
pub struct Files(Arc<Inner>);

struct Inner {
    storage: Arc<dyn Storage>,
    keys: Keys,
    may_read: Option<MayRead>,
}

impl Files {
    pub(crate) fn new(storage: Arc<dyn Storage>, keys: Keys, may_read: Option<MayRead>) -> Self {
        Self(Arc::new(Inner { storage, keys, may_read }))
    }

    /// Those of a server, which keeps them with what its application provides.
    ///
    /// # Errors
    /// An internal error if it has none.
    pub(crate) fn of(services: &Services) -> Result<Self> {
        let files = services.get::<Self>().map(|files| (*files).clone());
        files.ok_or_else(|| {
            Error::internal("this server keeps no files: add `.uploads(…)` to `Live::builder()`")
        })
    }

    /// A file's bytes, by its key or its address, if there are at most so many.
    ///
    /// # Errors
    /// [`Code::NotFound`] if there is no such file; [`Code::Invalid`] if it has more bytes.
    pub async fn read(&self, file: &str, most: u64) -> Result<Bytes> {
        let object = self.open(file).await?;
        if object.info.size > most {
            return Err(Error::new(Code::Invalid, "the file is larger than what is read of one here"));
        }
        let whole = object.pieces.try_fold(BytesMut::new(), async |mut whole, piece| {
            whole.extend_from_slice(&piece);
            Ok(whole)
        });
        Ok(whole.await.map_err(said)?.freeze())
    }

    /// A file, by its key or its address, to be read piece by piece.
    ///
    /// # Errors
    /// [`Code::NotFound`] if there is no such file.
    pub async fn open(&self, file: &str) -> Result<Object> {
        self.0.storage.get(&key(file)?, None).await.map_err(said)
    }

    /// Removes a file, by its key or its address; fine if there is none. Browsers that have a public one may go on to
    /// show it.
    ///
    /// # Errors
    /// [`Code::NotFound`] if that is not the key or the address of a file.
    pub async fn delete(&self, file: &str) -> Result<()> {
        self.0.storage.delete(&key(file)?).await.map_err(said)
    }

    /// An address of a file, by its key or its address, that works for whoever has it, for so long. It cannot be taken
    /// back.
    ///
    /// # Errors
    /// [`Code::NotFound`] if that is not the key or the address of a file.
    pub fn link(&self, file: &str, valid: Duration) -> Result<String> {
        let key = key(file)?;
        let valid = u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
        // Rounded up: never shorter than it was asked for.
        let until = clock::now().saturating_add(valid).div_ceil(1_000);
        let signature = URL_SAFE_NO_PAD.encode(self.0.keys.sign_link(&signed(&key, until)));
        Ok(format!("{}?until={until}&sig={signature}", key.url()))
    }

    /// Whether what follows the `?` in a file's address makes it a link that is good now.
    pub(crate) fn is_linked(&self, key: &Key, query: &str) -> bool {
        let value =
            |name| query.split('&').find_map(|pair| pair.split_once('=').filter(|(key, _)| *key == name));
        let Some(((_, until), (_, signature))) = value("until").zip(value("sig")) else { return false };
        // A number would also be read with a sign before it.
        let until = until.bytes().all(|digit| digit.is_ascii_digit()).then(|| until.parse::<u64>().ok());
        let signature = URL_SAFE_NO_PAD.decode(signature).ok();
        let signature = signature.and_then(|bytes| <[u8; SIGNATURE]>::try_from(bytes).ok());
        let Some((until, signature)) = until.flatten().zip(signature) else { return false };
        self.0.keys.has_signed_link(&signed(key, until), &signature) && clock::now() / 1_000 < until
    }

    /// Whether this user, or nobody in particular, may read it without a link.
    pub(crate) fn may_read(&self, key: &Key, user: Option<&Identity>) -> bool {
        if key.is_public() || user.is_some_and(|user| key.is_of(user.id())) {
            return true;
        }
        let Some(may_read) = &self.0.may_read else { return false };
        let asked = std::panic::catch_unwind(AssertUnwindSafe(|| may_read(&FileRequest { key }, user)));
        asked.unwrap_or_else(|_| {
            tracing::error!(%key, "the rule for who may read files panicked: nobody may");
            false
        })
    }

    /// Where they are.
    pub(crate) fn storage(&self) -> &dyn Storage {
        &*self.0.storage
    }
}

impl fmt::Debug for Files {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Files").finish_non_exhaustive()
    }
}

/// What a link says, as it is signed. A key has no zero in it, so this is said in one way only.
fn signed(key: &Key, until: u64) -> Vec<u8> {
    format!("file\0{key}\0{until}").into_bytes()
}

fn key(file: &str) -> Result<Key> {
    file.parse().map_err(|_| no_such())
}

fn no_such() -> Error {
    Error::not_found("there is no such file")
}

/// What a storage said, as whoever called is told.
fn said(error: StorageError) -> Error {
    match error {
        StorageError::NotFound => no_such(),
        other => Error::internal(other),
    }
}

#[cfg(all(test, feature = "files"))]
mod tests;
