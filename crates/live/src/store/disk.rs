//! Snapshots in one file on this machine: they are there again when the server is.
//!
//! The file is a redb database and belongs to one thread that writes (`disk/writer.rs`). Whoever puts waits in
//! a bounded queue; the thread takes everything that waits, writes it in one transaction (`disk/file.rs`) and
//! answers everybody when the disk has it, so a thousand puts cost a few syncs and not a thousand. Reading is
//! done beside it, on the runtime's threads for blocking work, and sees what was last committed.
//!
//! What must stay true: one sync stands between a put and its answer; an error of the file, a panic below us
//! and the end of the thread answer everybody who waits; nothing here blocks a thread of the runtime.

mod backing;
mod claim;
mod file;
mod tables;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::path::Path;
use std::sync::Arc;
#[cfg(test)]
use std::sync::atomic::Ordering;

use fluxstack_live_protocol::InstanceId;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};

use self::backing::Faults;
use self::file::{File, Opened};
use self::writer::{Desk, Life, Mail, Order};
use super::{Boxed, LARGEST_RECORD, Record, Store, StoreError, fits, now};

/// Orders that may wait for the thread; the next one waits for its turn to wait. They are small beside what
/// they carry, which [`ROOM`] bounds.
const QUEUE: usize = 4_096;
/// Bytes that may wait for the thread, 32 MiB: two of the largest records, or 900 snapshots of 35 kB.
const ROOM: usize = 2 * (LARGEST_RECORD + OVERHEAD);
/// Bytes an order counts for beside those of its record.
const OVERHEAD: usize = 256;
/// Reads at once. A sealed snapshot is small and mostly in memory; when ten thousand sessions come back
/// together, they must not take all the threads the application has for blocking work.
const READERS: usize = 4;

/// A [`Store`] in a file. What it has answered outlives the program.
///
/// * **A crash of the program**, `kill -9` included, loses nothing that was answered: a put is ready when the
///   system has the whole transaction.
/// * **A power cut** loses nothing that was answered either, as far as the disk keeps what it says it has
///   synced. Disks with a cache that lies, and a few network file systems, do not.
/// * What was put and not answered yet is kept or not, as a whole. The file is in order in each case; after a
///   crash the next start reads through it, some tenths of a second for 500 MB the system has in memory.
/// * An error while syncing ends the store: what the system has in memory and what the disk has may then
///   differ, and nobody can build on that. Any other error, a full disk above all, answers those who wait;
///   for a second everybody gets the same answer, and then the store tries again.
///
/// One server at a time has the file. It is made for the account of the server alone (mode 0600 on Unix)
/// because the secret is in it; one that is there keeps the mode it has. It grows as needed. Space that
/// is free again is used again, and given back only where it is at the end of the file.
///
/// Dropping a store without [`close`](Store::close) writes what was put, but waits for nothing: it may be a
/// moment before the file can be opened again.
///
/// In tests that pause tokio's clock, [`MemoryStore`](super::MemoryStore) is the better one: the disk takes
/// real time, and a runtime that only waits for it skips to its next timer.
pub struct DiskStore {
    desk: Arc<Desk>,
    queue: mpsc::Sender<Mail>,
    /// Goes with the thread.
    life: watch::Receiver<Life>,
    readers: Arc<Semaphore>,
}

impl DiskStore {
    /// Opens the file at `path`, or makes it, with the folders that lead there. Reads and writes it, so call
    /// it before the server starts, or from a thread that may block.
    ///
    /// ```no_run
    /// use fluxstack_live::DiskStore;
    /// let store = DiskStore::open("state/live.redb")?;
    /// # Ok::<_, fluxstack_live::store::StoreError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`StoreError::InUse`] if another server has it, [`StoreError::Foreign`] if the file is something else,
    /// [`StoreError::Damaged`] if it cannot be mended, [`StoreError::Full`], and [`StoreError::Failed`] if the
    /// system refuses.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        Self::start(path.as_ref(), ROOM, Faults::default())
    }

    fn start(path: &Path, room: usize, faults: Faults) -> Result<Self, StoreError> {
        let now = now();
        let Opened { file, secret, more } = File::open(path, now, &faults)?;
        let (queue, orders) = mpsc::channel(QUEUE);
        let (alive, life) = watch::channel(Life::Running);
        let desk = Arc::new(Desk::new(file, path, secret, room, faults));
        writer::start(Arc::clone(&desk), orders, alive, more, now)?;
        Ok(Self { desk, queue, life, readers: Arc::new(Semaphore::new(READERS)) })
    }

    /// Transactions so far, for tests that count them.
    #[cfg(test)]
    pub(crate) fn commits(&self) -> u64 {
        self.desk.commits.load(Ordering::Relaxed)
    }

    /// Gives the thread something to do and waits until it is done.
    async fn order(&self, id: InstanceId, record: Option<Record>) -> Result<(), StoreError> {
        let size = OVERHEAD + record.as_ref().map_or(0, |record| record.bytes.len());
        let permits = u32::try_from(size).expect("a record that fits is far below 4 GiB");
        let room = Arc::clone(&self.desk.room).acquire_many_owned(permits);
        let Ok(room) = room.await else { return Err(self.over()) };
        let (answer, answered) = oneshot::channel();
        let order = Order { id: id.to_u128(), record, now: now(), answer, size, _room: room };
        if self.queue.send(Mail::Order(order)).await.is_err() {
            return Err(self.over());
        }
        answered.await.unwrap_or_else(|_| Err(self.over()))
    }

    /// Why an order was not taken, or was dropped.
    fn over(&self) -> StoreError {
        match *self.life.borrow() {
            // It still writes what came before `close`.
            Life::Running => StoreError::Closed,
            life => life.error(),
        }
    }
}

impl fmt::Debug for DiskStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the secret.
        f.debug_struct("DiskStore").field("path", &self.desk.path).finish_non_exhaustive()
    }
}

impl Store for DiskStore {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            fits(&record, LARGEST_RECORD)?;
            self.order(id, Some(record)).await
        })
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move {
            let now = now();
            let turn = Arc::clone(&self.readers).acquire_owned();
            let turn = turn.await.expect("nobody closes this semaphore");
            let desk = Arc::clone(&self.desk);
            let reading = tokio::task::spawn_blocking(move || {
                // Until it is read, also if nobody waits for it any more.
                let _turn = turn;
                desk.file().as_ref().map(|file| file.read(id.to_u128(), now))
            });
            match reading.await {
                Ok(Some(record)) => record.map_err(file::failed),
                Ok(None) => Err(self.life.borrow().error()),
                // It panicked, or the runtime is going.
                Err(lost) => Err(StoreError::Failed(lost.into())),
            }
        })
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(self.order(id, None))
    }

    fn is_durable(&self) -> bool {
        true
    }

    fn secret(&self) -> Option<[u8; 32]> {
        Some(self.desk.secret)
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async move {
            // That it cannot be told means that it is over.
            let _ = self.queue.send(Mail::Close).await;
            let mut life = self.life.clone();
            while life.changed().await.is_ok() {}
        })
    }
}
