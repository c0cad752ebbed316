//! Files in whatever the crate `object_store` reaches.
//!
//! Only this file and its neighbours `disk.rs` and `s3.rs` name that crate. What must stay true: of a file that goes
//! in or out there is one piece in memory at a time.

#[cfg(feature = "s3")]
use std::collections::BTreeMap;
use std::error::Error as _;
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "s3")]
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use object_store::path::Path as Location;
#[cfg(feature = "s3")]
use object_store::signer::{HeaderValue, Method, SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, GetOptions, GetRange, GetResultPayload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMultipartOptions,
};
use tokio::task::spawn_blocking;

#[cfg(feature = "s3")]
use super::Direct;
use super::{Boxed, Key, Object, ObjectInfo, Pieces, Storage, StorageError};

/// Bytes that are read from a file at once.
const PIECE: usize = 64 << 10;

/// Bytes of a part of a file that goes in. Buckets want 5 MiB at least.
const PART: u64 = 5 << 20;

/// Parts a file may have. Buckets take 10,000; of a larger file each part is larger.
const PARTS: u64 = 9_000;

/// Files in a bucket, or in anything else the crate [`object_store`] reaches.
///
/// ```
/// use fluxstack_live::storage::{ObjectStorage, object_store::memory::InMemory};
/// let storage = ObjectStorage::new(InMemory::new());
/// ```
///
/// Parts of a file that was never finished, because the server was killed, are the bucket's to remove: give it a rule
/// for unfinished uploads, and one for what is older than a day below `incoming/` if clients send there by themselves.
pub struct ObjectStorage {
    store: Arc<dyn ObjectStore>,
    /// Whoever signs addresses in it; only buckets have one.
    #[cfg(feature = "s3")]
    signer: Option<Arc<dyn Signer>>,
    /// Whether the store keeps what is said of a file beside it.
    describes: bool,
}

impl ObjectStorage {
    /// Files in this store.
    #[must_use]
    pub fn new(store: impl ObjectStore) -> Self {
        Self {
            store: Arc::new(store),
            #[cfg(feature = "s3")]
            signer: None,
            describes: true,
        }
    }

    /// The same for a store that keeps nothing but bytes, as the local disk does.
    pub(super) fn plain(store: impl ObjectStore) -> Self {
        Self { describes: false, ..Self::new(store) }
    }

    /// Files in this store, which also signs addresses, so that clients may send files to it by themselves.
    #[cfg(feature = "s3")]
    #[must_use]
    pub fn signing<S: ObjectStore + Signer>(store: S) -> Self {
        let store = Arc::new(store);
        let signer: Arc<dyn Signer> = Arc::<S>::clone(&store);
        Self { store, signer: Some(signer), describes: true }
    }

    /// What the store should say of a file if it serves it itself, past this server.
    fn attributes(&self, key: &Key) -> Attributes {
        let mut attributes = Attributes::new();
        if self.describes {
            attributes.insert(Attribute::ContentType, key.content_type().into());
            if !key.is_shown() {
                attributes.insert(Attribute::ContentDisposition, "attachment".into());
            }
        }
        attributes
    }

    /// Sends a file in, part by part.
    pub(super) async fn send(&self, key: &Key, path: &Path) -> Result<(), StorageError> {
        let source = path.to_owned();
        let opened = blocking(move || {
            let file = File::open(source)?;
            let size = file.metadata()?.len();
            Ok((file, size))
        });
        let (mut file, size) = opened.await?;
        let part = PART.max(size.div_ceil(PARTS));
        let location = location(key);
        let attributes = self.attributes(key);
        if size <= part {
            let bytes = blocking(move || read(&mut file, part)).await?;
            return match self.store.put_opts(&location, bytes.into(), attributes.into()).await {
                Ok(_) => Ok(()),
                Err(error) => Err(failed(error)),
            };
        }
        let options = PutMultipartOptions { attributes, ..PutMultipartOptions::default() };
        let mut upload = self.store.put_multipart_opts(&location, options).await.map_err(failed)?;
        let sent = async {
            let mut left = size;
            while left > 0 {
                let (bytes, back) = blocking(move || Ok((read(&mut file, part)?, file))).await?;
                file = back;
                if bytes.is_empty() {
                    return Err(StorageError::Failed("the file became shorter while it was read".into()));
                }
                left = left.saturating_sub(bytes.len() as u64);
                upload.put_part(bytes.into()).await.map_err(failed)?;
            }
            upload.complete().await.map_err(failed)
        };
        let sent = sent.await;
        if sent.is_err()
            && let Err(why) = upload.abort().await
        {
            tracing::warn!(%key, %why, "parts of a file that could not be kept are left in the storage");
        }
        sent.map(drop)
    }
}

impl fmt::Debug for ObjectStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStorage").finish_non_exhaustive()
    }
}

impl Storage for ObjectStorage {
    fn put<'a>(&'a self, key: &'a Key, file: &'a Path) -> Boxed<'a, ()> {
        Box::pin(async move {
            self.send(key, file).await?;
            let file = file.to_owned();
            if let Err(why) = blocking(move || std::fs::remove_file(file)).await {
                tracing::warn!(%key, %why, "a file was kept, and what it was kept from is still there");
            }
            Ok(())
        })
    }

    fn get<'a>(&'a self, key: &'a Key, range: Option<Range<u64>>) -> Boxed<'a, Object> {
        Box::pin(async move {
            let options = GetOptions { range: range.map(GetRange::Bounded), ..GetOptions::default() };
            let found = self.store.get_opts(&location(key), options).await.map_err(failed)?;
            let info = known(found.meta);
            let pieces: Pieces = match found.payload {
                GetResultPayload::File(file, _) => pieces(file, found.range),
                GetResultPayload::Stream(stream) => Box::pin(stream.map_err(failed)),
            };
            Ok(Object { info, pieces })
        })
    }

    fn head<'a>(&'a self, key: &'a Key) -> Boxed<'a, ObjectInfo> {
        Box::pin(async move { Ok(known(self.store.head(&location(key)).await.map_err(failed)?)) })
    }

    fn delete<'a>(&'a self, key: &'a Key) -> Boxed<'a, ()> {
        Box::pin(async move {
            match self.store.delete(&location(key)).await.map_err(failed) {
                Ok(()) | Err(StorageError::NotFound) => Ok(()),
                Err(error) => Err(error),
            }
        })
    }

    fn rename<'a>(&'a self, from: &'a Key, to: &'a Key) -> Boxed<'a, ()> {
        Box::pin(async move { self.store.rename(&location(from), &location(to)).await.map_err(failed) })
    }

    #[cfg(feature = "s3")]
    fn signed_put<'a>(
        &'a self,
        key: &'a Key,
        content_type: &'a str,
        valid: Duration,
    ) -> Boxed<'a, Option<Direct>> {
        Box::pin(async move {
            let Some(signer) = &self.signer else { return Ok(None) };
            let said =
                HeaderValue::from_str(content_type).map_err(|error| StorageError::Failed(error.into()))?;
            let options =
                SignedUrlOptions::default().with_signed_header("content-type".parse().expect("a name"), said);
            let url =
                signer.signed_url_opts(Method::PUT, &location(key), valid, &options).await.map_err(failed)?;
            let headers = BTreeMap::from([("content-type".to_owned(), content_type.to_owned())]);
            Ok(Some(Direct { url: url.into(), method: "PUT", headers }))
        })
    }
}

/// A key has nothing in it that this would have to change.
pub(super) fn location(key: &Key) -> Location {
    Location::from(key.as_str())
}

fn known(meta: ObjectMeta) -> ObjectInfo {
    ObjectInfo { size: meta.size, modified: meta.last_modified.into(), etag: meta.e_tag }
}

/// A file of this machine, piece by piece.
fn pieces(mut file: File, range: Range<u64>) -> Pieces {
    let left = range.end.saturating_sub(range.start);
    let begun = stream::once(blocking(move || {
        file.seek(SeekFrom::Start(range.start))?;
        Ok(file)
    }));
    let pieces = begun.map_ok(move |file| {
        stream::try_unfold((file, left), async |(mut file, left)| {
            if left == 0 {
                return Ok(None);
            }
            let most = left.min(PIECE as u64);
            let (bytes, file) = blocking(move || Ok((read(&mut file, most)?, file))).await?;
            if bytes.is_empty() {
                return Err(StorageError::Failed("the file became shorter while it was read".into()));
            }
            let left = left.saturating_sub(bytes.len() as u64);
            Ok(Some((bytes, (file, left))))
        })
    });
    pieces.try_flatten().boxed()
}

/// The next bytes of a file, so many unless it ends.
fn read(file: &mut File, most: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(usize::try_from(most).unwrap_or(PIECE));
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes.into())
}

/// Does what would hold up a thread on one that is there for that.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> Result<T, StorageError> {
    match spawn_blocking(work).await {
        Ok(done) => done.map_err(StorageError::of_io),
        Err(error) => Err(StorageError::Failed(Box::new(error))),
    }
}

/// What the store said.
pub(super) fn failed(error: object_store::Error) -> StorageError {
    if matches!(error, object_store::Error::NotFound { .. }) {
        return StorageError::NotFound;
    }
    let mut cause = error.source();
    while let Some(why) = cause {
        let kind = why.downcast_ref::<io::Error>().map(io::Error::kind);
        if matches!(kind, Some(io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)) {
            return StorageError::Full;
        }
        cause = why.source();
    }
    StorageError::Failed(Box::new(error))
}
