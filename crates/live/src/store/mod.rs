//! Where snapshots of instances rest: what is kept of one while nobody is there to look at it.
//!
//! The server puts a sealed snapshot in when an instance goes to rest and asks for it when its session comes
//! back. A store cannot read what it keeps and knows nothing of sessions, components or sockets: an id, a
//! version that only grows, a time after which nobody wants it, bytes. [`MemoryStore`] is gone with the
//! program; [`DiskStore`] is one file that is not.
//!
//! What must stay true: a put is answered exactly once, and only when the record is as safe as the store
//! promises; an older version never takes the place of a newer one; what has expired is not there, whether
//! or not it was swept away yet; whatever grows has a bound.

use std::error::Error;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use fluxstack_live_protocol::InstanceId;
use tokio::time::Instant;

#[cfg(feature = "disk")]
mod disk;
mod memory;
#[cfg(test)]
mod tests;

#[cfg(feature = "disk")]
pub use disk::DiskStore;
pub use memory::MemoryStore;

/// Bytes one record may have, 16 MiB. A snapshot is compressed and its state has a limit of 1 MiB, so this
/// is far from what a server puts in; it keeps one record from filling every queue and cache on its way.
pub const LARGEST_RECORD: usize = 16 << 20;

/// An answer on its way, for traits that are used behind a pointer. `T` comes from whoever awaits it.
pub type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is kept of one instance.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    /// Grows with every change of the instance. A store never lets a smaller one take the place of a larger.
    pub version: u64,
    /// From when on nobody wants it, in milliseconds since 1970 by the clock on the wall.
    pub expires: u64,
    /// The snapshot, sealed: a store cannot read it, and whoever changes it in the store is found out. At
    /// most [`LARGEST_RECORD`].
    pub bytes: Bytes,
}

impl fmt::Debug for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { version, expires, bytes } = self;
        write!(f, "Record {{ version: {version}, expires: {expires}, bytes: {} of them }}", bytes.len())
    }
}

/// A place where snapshots rest. Implement it to keep them elsewhere; the server uses it behind an `Arc`.
///
/// Its futures are awaited on a tokio runtime. One that is dropped before it is ready may or may not have
/// done what it was for.
///
/// ```
/// use std::sync::Arc;
/// use fluxstack_live::protocol::InstanceId;
/// use fluxstack_live::store::{MemoryStore, Record, Store, StoreError};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
/// let id = InstanceId::random();
/// let record = Record { version: 7, expires: u64::MAX, bytes: "sealed".into() };
/// store.put(id, record.clone()).await?;
/// assert_eq!(store.get(id).await?, Some(record));
///
/// let older = Record { version: 6, expires: u64::MAX, bytes: "sealed earlier".into() };
/// assert!(matches!(store.put(id, older).await, Err(StoreError::Newer { kept: 7 })));
///
/// store.remove(id).await?;
/// assert_eq!(store.get(id).await?, None);
///
/// assert!(!store.is_durable() && store.secret().is_some());
/// store.close().await;
/// assert!(matches!(store.get(id).await, Err(StoreError::Closed)));
/// # Ok(()) }
/// ```
pub trait Store: Send + Sync + 'static {
    /// Keeps `record` in the place of what was kept of this instance, unless that is a newer version; an
    /// equal one is replaced. When the future is ready the record will survive what this store promises to
    /// survive. It waits, for as long as it takes, while the store has too much to do.
    ///
    /// # Errors
    ///
    /// [`StoreError::Newer`] if a newer version is kept, which has not expired; [`StoreError::TooLarge`];
    /// [`StoreError::Closed`]. After any other error it is not known whether the record was kept.
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>>;

    /// What is kept of this instance. Records that have expired are not there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`], or whatever kept the store from looking.
    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>>;

    /// Forgets this instance, its version included; fine if there is none. As safe as a put when it is ready.
    ///
    /// # Errors
    ///
    /// [`StoreError::Closed`], or whatever kept the store from doing it.
    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>>;

    /// Whether what it keeps outlives this program.
    fn is_durable(&self) -> bool;

    /// A secret that is kept beside the records, made at random the first time, and lives as long as they do.
    /// `None` for a store that keeps none.
    fn secret(&self) -> Option<[u8; 32]>;

    /// Takes nothing more, and is ready when everything that was taken before is written. Called when the
    /// server stops; a second call is ready when the first is.
    fn close(&self) -> Boxed<'_, ()>;
}

impl<S: Store + ?Sized> Store for Arc<S> {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        S::put(self, id, record)
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        S::get(self, id)
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        S::remove(self, id)
    }

    fn is_durable(&self) -> bool {
        S::is_durable(self)
    }

    fn secret(&self) -> Option<[u8; 32]> {
        S::secret(self)
    }

    fn close(&self) -> Boxed<'_, ()> {
        S::close(self)
    }
}

/// Why a store did not do what it was asked. The text says all of it, causes included.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// A newer version of this instance is kept.
    #[error("version {kept} is kept, which is newer")]
    Newer {
        /// Which one.
        kept: u64,
    },
    /// The record is larger than this store takes.
    #[error("a record of {bytes} bytes is too large: {limit} is the limit")]
    TooLarge {
        /// How large it is.
        bytes: usize,
        /// How large it may be.
        limit: usize,
    },
    /// There is no room left on the disk. When there is again the store goes on by itself.
    #[error("there is no room left where snapshots are kept")]
    Full,
    /// The store was closed.
    #[error("the store is closed")]
    Closed,
    /// The file is open already: in another program, or a second time in this one.
    #[error("`{}` is in use: only one server at a time can keep its snapshots there", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// There is a file, but it is not one of ours, so it was left as it is.
    #[error("`{}` is not a store of this server ({why}): choose another path, or move that file away", path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
        /// How that was seen.
        why: String,
    },
    /// The file is one of ours and cannot be mended.
    #[error(
        "`{}` is damaged beyond repair ({cause}). Put a copy of it back, or move it away and start again: the \
         server then begins with an empty store, and what rested in it is lost",
        path.display()
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What was found in it.
        cause: Box<dyn Error + Send + Sync>,
    },
    /// Something below the store went wrong.
    #[error("the store failed: {0}")]
    Failed(Box<dyn Error + Send + Sync>),
}

/// The time of day, in milliseconds since 1970. Under tokio's paused clock, as tests have it, what was skipped
/// counts as passed, so that records expire by `tokio::time::advance`; otherwise it is the system's time.
fn now() -> u64 {
    let skipped = Instant::now().into_std().saturating_duration_since(std::time::Instant::now());
    let today = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from((today + skipped).as_millis()).unwrap_or(u64::MAX)
}

/// Refuses what no store takes.
fn fits(record: &Record, limit: usize) -> Result<(), StoreError> {
    let (bytes, limit) = (record.bytes.len(), limit.min(LARGEST_RECORD));
    if bytes > limit { Err(StoreError::TooLarge { bytes, limit }) } else { Ok(()) }
}

/// 32 bytes from the system's random numbers, by way of ids, which are made of them except for six bits in
/// their bytes 6 and 8; those two are left out.
fn random() -> [u8; 32] {
    let ids = std::array::from_fn::<_, 3, _>(|_| InstanceId::random().to_u128().to_be_bytes());
    let random = ids.iter().flat_map(|id| {
        id.iter().enumerate().filter(|(place, _)| !matches!(place, 6 | 8)).map(|(_, byte)| *byte)
    });
    let mut secret = [0; 32];
    for (to, from) in secret.iter_mut().zip(random) {
        *to = from;
    }
    secret
}
