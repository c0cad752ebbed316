//! The store of a simulation: the author's, with the time a disk takes, and with a way to lose what it has.
//!
//! It stands between the server and the store that the author's builder was given. A record lands somewhere
//! within the time a write takes; a server that is killed before has not written it, one that is killed
//! afterwards has, and did not live to know.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use fluxstack_live_protocol::InstanceId;

use super::draw::Draw;
use crate::store::{Boxed, Record, Store, StoreError};

/// What outlives the servers of a simulation.
pub(super) struct Shelf(Mutex<Inner>);

struct Inner {
    draw: Draw,
    /// Milliseconds a write takes at most.
    slowest: u64,
    /// Everything that was ever put, so that it can be lost.
    known: BTreeSet<InstanceId>,
}

impl Shelf {
    pub(super) fn new(draw: Draw) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Inner { draw, slowest: 0, known: BTreeSet::new() })))
    }

    pub(super) fn set_slowest(&self, slowest: Duration) {
        self.lock().slowest = u64::try_from(slowest.as_millis()).unwrap_or(u64::MAX);
    }

    /// What there is to be lost; afterwards there is nothing.
    pub(super) fn take_known(&self) -> BTreeSet<InstanceId> {
        std::mem::take(&mut self.lock().known)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A server's handle of the store.
pub(super) struct Slow {
    pub(super) inner: Arc<dyn Store>,
    pub(super) shelf: Arc<Shelf>,
}

impl Slow {
    /// How long until a write lands, and how long until whoever waits for it knows.
    fn times(&self, id: InstanceId) -> (Duration, Duration) {
        let mut inner = self.shelf.lock();
        inner.known.insert(id);
        let slowest = inner.slowest;
        if slowest == 0 {
            return (Duration::ZERO, Duration::ZERO);
        }
        let mut time = || Duration::from_millis(inner.draw.between(0, slowest));
        (time(), time())
    }
}

async fn pass(time: Duration) {
    if !time.is_zero() {
        tokio::time::sleep(time).await;
    }
}

impl Store for Slow {
    fn put(&self, id: InstanceId, record: Record) -> Boxed<'_, Result<(), StoreError>> {
        let (before, after) = self.times(id);
        Box::pin(async move {
            pass(before).await;
            let kept = self.inner.put(id, record).await;
            pass(after).await;
            kept
        })
    }

    fn get(&self, id: InstanceId) -> Boxed<'_, Result<Option<Record>, StoreError>> {
        let (before, _) = self.times(id);
        Box::pin(async move {
            pass(before).await;
            self.inner.get(id).await
        })
    }

    fn remove(&self, id: InstanceId) -> Boxed<'_, Result<(), StoreError>> {
        let (before, after) = self.times(id);
        Box::pin(async move {
            pass(before).await;
            let removed = self.inner.remove(id).await;
            pass(after).await;
            removed
        })
    }

    fn is_durable(&self) -> bool {
        self.inner.is_durable()
    }

    fn secret(&self) -> Option<[u8; 32]> {
        self.inner.secret()
    }

    fn close(&self) -> Boxed<'_, ()> {
        self.inner.close()
    }
}
