//! Keeping a file: from where an upload left it to where it is served.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::{Key, Storage, StorageError};

/// A file that is kept. Write down its `key` to find it again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeptFile {
    /// What it is called in the storage.
    pub key: String,
    /// Where it is served.
    pub url: String,
    /// What whoever sent it calls it.
    pub name: String,
    /// What is in it. It is served as what its key says, which is less for files in which a browser would run something.
    pub content_type: String,
    /// How many bytes it has.
    pub size: u64,
    /// Their SHA-256, in hexadecimal digits.
    pub sha256: String,
}

/// Where a file is that is to be kept.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Source<'a> {
    /// On this machine. It is gone from there afterwards.
    File(&'a Path),
    /// In the storage already, at a key nobody was told.
    Stored(&'a Key),
}

/// A file that is to be kept, and what is known of it, all of it checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keeping<'a> {
    pub(crate) source: Source<'a>,
    pub(crate) name: &'a str,
    pub(crate) content_type: &'a str,
    pub(crate) size: u64,
    pub(crate) sha256: &'a str,
}

/// Keeps a file: for this user, or for everybody.
///
/// # Errors
/// Those of the storage. The file is then still where it was.
pub(crate) async fn keep(
    storage: &dyn Storage,
    owner: Option<&str>,
    file: Keeping<'_>,
) -> Result<KeptFile, StorageError> {
    let Keeping { source, name, content_type, size, sha256 } = file;
    let key = match owner {
        Some(owner) => Key::private(owner, name, content_type),
        None => Key::public(name, content_type),
    };
    match source {
        Source::File(path) => storage.put(&key, path).await?,
        Source::Stored(from) => storage.rename(from, &key).await?,
    }
    Ok(KeptFile {
        url: key.url(),
        key: key.as_str().to_owned(),
        name: name.to_owned(),
        content_type: content_type.to_owned(),
        size,
        sha256: sha256.to_owned(),
    })
}

/// Takes an upload that went straight to the storage away from where its sender can still write, and says where it
/// is now. Only there may it be looked at: what is checked is then what is kept.
///
/// # Errors
/// [`StorageError::NotFound`], if nothing has come, or whatever kept the storage from it.
pub(crate) async fn claim_incoming(storage: &dyn Storage, id: u128) -> Result<Key, StorageError> {
    let hidden = Key::hidden();
    storage.rename(&Key::incoming(id), &hidden).await?;
    Ok(hidden)
}
