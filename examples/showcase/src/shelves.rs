//! Two stores for measurements: one that keeps nothing, and one that counts what another is asked for.
//!
//! Also the shortest example of a [`Store`] of one's own.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use fluxstack_live::protocol::InstanceId;
use fluxstack_live::store::{Boxed, Record, Store, StoreError};

/// Takes everything and keeps nothing, so that what a server weighs is the server alone.
pub(crate) struct Forgetful;

impl Store for Forgetful {
    fn put(&self, _: InstanceId, _: Record) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn get(&self, _: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        Box::pin(async { Ok(None) })
    }

    fn remove(&self, _: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        Box::pin(async { Ok(()) })
    }

    fn is_durable(&self) -> bool {
        false
    }

    fn secret(&self) -> Option<[u8; 32]> {
        None
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }
}

/// A store, and how often it was asked for what. As text it is a line for people and for load tests.
pub(crate) struct Counted {
    store: Arc<dyn Store>,
    reads: AtomicU64,
    writes: AtomicU64,
    removals: AtomicU64,
}

impl Counted {
    pub(crate) fn new(store: Arc<dyn Store>) -> Self {
        Self { store, reads: AtomicU64::new(0), writes: AtomicU64::new(0), removals: AtomicU64::new(0) }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [reads, writes, removals] =
            [&self.reads, &self.writes, &self.removals].map(|count| count.load(Ordering::Relaxed));
        write!(f, "store reads={reads} writes={writes} removals={removals}")
    }
}

impl Store for Counted {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        self.store.put(id, record)
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.store.get(id)
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        self.removals.fetch_add(1, Ordering::Relaxed);
        self.store.remove(id)
    }

    fn is_durable(&self) -> bool {
        self.store.is_durable()
    }

    fn secret(&self) -> Option<[u8; 32]> {
        self.store.secret()
    }

    fn close(&self) -> Boxed<'_, ()> {
        self.store.close()
    }
}

#[cfg(test)]
mod tests {
    use fluxstack_live::MemoryStore;

    use super::*;

    #[tokio::test]
    async fn what_is_asked_of_a_store_is_counted_and_done() {
        let counted = Counted::new(Arc::new(MemoryStore::new()));
        let (id, record) =
            (InstanceId::from_u128(1), Record { version: 1, expires: u64::MAX, bytes: "a".into() });
        counted.put(id, record.clone()).await.unwrap();
        assert!(counted.get(id).await.unwrap().is_some());
        counted.remove(id).await.unwrap();
        assert!(counted.get(id).await.unwrap().is_none());
        assert_eq!(counted.to_string(), "store reads=2 writes=1 removals=1");
        Forgetful.put(id, record).await.unwrap();
        assert!(Forgetful.get(id).await.unwrap().is_none());
    }
}
