//! Snapshots in memory: for tests, and for servers that may forget everything when they stop.
//!
//! Every clone is a handle of the same store with an end of its own. A server closes its handle; whoever kept
//! another starts the next server with it and finds everything there.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use fluxstack_live_protocol::InstanceId;

use super::{Boxed, Record, Store, StoreError, fits, now, random};

/// Bytes a store takes unless told otherwise, 64 MiB: some 60,000 resting instances of 1 kB.
const LIMIT: usize = 64 << 20;
/// Bytes a record costs beside its own: its places in the two tables.
const OVERHEAD: usize = 128;

/// A [`Store`] in memory. It is gone with the program and bounded in bytes: when it is full, the records that
/// expire soonest go first, so what it kept may be lost before its time.
///
/// A clone shares what is kept and the secret, and is open even if the handle it was made from is closed: it
/// is to this store what opening the file again is to one on disk.
///
/// ```
/// use fluxstack_live::store::{MemoryStore, Record, Store, StoreError};
/// # use fluxstack_live::protocol::InstanceId;
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), StoreError> {
/// let (before, after) = { let store = MemoryStore::new(); (store.clone(), store) };
/// let id = InstanceId::random();
/// before.put(id, Record { version: 1, expires: u64::MAX, bytes: "sealed".into() }).await?;
/// before.close().await; // a server stops, and the next one starts
/// assert!(after.get(id).await?.is_some());
/// # Ok(()) }
/// ```
pub struct MemoryStore {
    shared: Arc<Shared>,
    closed: AtomicBool,
}

struct Shared {
    shelf: Mutex<Shelf>,
    secret: [u8; 32],
}

struct Shelf {
    records: HashMap<InstanceId, Record>,
    /// When each of them expires, the soonest first.
    soonest: BTreeSet<(u64, InstanceId)>,
    /// What the records cost.
    bytes: usize,
    /// What they may cost, at least as much as an empty one does.
    limit: usize,
}

impl MemoryStore {
    /// An empty store of 64 MiB.
    ///
    /// ```
    /// let store = fluxstack_live::MemoryStore::new();
    /// ```
    #[must_use]
    pub fn new() -> Self {
        Self::with_limit(LIMIT)
    }

    /// An empty store of so many bytes: of the snapshots, and 128 more for each. One that alone is larger is
    /// refused with [`StoreError::TooLarge`].
    ///
    /// ```
    /// let store = fluxstack_live::MemoryStore::with_limit(1 << 20);
    /// ```
    #[must_use]
    pub fn with_limit(bytes: usize) -> Self {
        let limit = bytes.max(OVERHEAD);
        let shelf = Shelf { records: HashMap::new(), soonest: BTreeSet::new(), bytes: 0, limit };
        let shared = Shared { shelf: Mutex::new(shelf), secret: random() };
        Self { shared: Arc::new(shared), closed: AtomicBool::new(false) }
    }

    /// What is kept, without what has expired, and the time.
    fn shelf(&self) -> Result<(MutexGuard<'_, Shelf>, u64), StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Closed);
        }
        // Nothing below panics while it holds the lock, so a poisoned shelf is still a whole one.
        let mut shelf = self.shared.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        let now = now();
        while shelf.soonest.first().is_some_and(|(expires, _)| *expires <= now) {
            shelf.drop_soonest();
        }
        Ok((shelf, now))
    }
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self::new()
    }
}

impl Clone for MemoryStore {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), closed: AtomicBool::new(false) }
    }
}

impl Shelf {
    fn put(&mut self, id: InstanceId, record: Record, now: u64) -> Result<(), StoreError> {
        fits(&record, self.limit - OVERHEAD)?;
        if let Some(kept) = self.records.get(&id).map(|kept| kept.version)
            && kept > record.version
        {
            return Err(StoreError::Newer { kept });
        }
        self.remove(id);
        if record.expires <= now {
            // It must not push out anything that somebody still wants.
            return Ok(());
        }
        let cost = cost(&record);
        while self.bytes + cost > self.limit {
            self.drop_soonest();
        }
        self.bytes += cost;
        self.soonest.insert((record.expires, id));
        self.records.insert(id, record);
        Ok(())
    }

    fn remove(&mut self, id: InstanceId) {
        if let Some(record) = self.records.remove(&id) {
            self.bytes -= cost(&record);
            self.soonest.remove(&(record.expires, id));
        }
    }

    fn drop_soonest(&mut self) {
        if let Some((_, id)) = self.soonest.pop_first()
            && let Some(record) = self.records.remove(&id)
        {
            self.bytes -= cost(&record);
        }
    }
}

fn cost(record: &Record) -> usize {
    record.bytes.len() + OVERHEAD
}

impl Store for MemoryStore {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            let (mut shelf, now) = self.shelf()?;
            shelf.put(id, record, now)
        })
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async move { Ok(self.shelf()?.0.records.get(&id).cloned()) })
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async move {
            self.shelf()?.0.remove(id);
            Ok(())
        })
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn secret(&self) -> Option<[u8; 32]> {
        Some(self.shared.secret)
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async move { self.closed.store(true, Ordering::Release) })
    }
}
