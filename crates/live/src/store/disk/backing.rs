//! What is under the database: redb's own file, with a memory of whether a sync ever failed.
//!
//! After a failed sync the system may count pages as written that the disk never got, and a database that is
//! opened again reads them as if all were well. So `disk/writer.rs` asks here before it goes on.
//! Tests make errors here.

use std::io::Error;
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::backends::FileBackend;
use redb::{BackendError, StorageBackend};

/// See the module.
#[derive(Debug)]
pub(super) struct Backing {
    file: FileBackend,
    /// A sync failed.
    spoiled: Arc<AtomicBool>,
    #[cfg_attr(not(test), expect(dead_code, reason = "there are none outside of tests"))]
    faults: Faults,
}

impl Backing {
    /// `file` on the disk; `spoiled` is set when a sync of it fails.
    pub(super) fn new(file: FileBackend, spoiled: Arc<AtomicBool>, faults: Faults) -> Self {
        Self { file, spoiled, faults }
    }
}

impl StorageBackend for Backing {
    fn len(&self) -> Result<u64, Error> {
        self.file.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), Error> {
        self.file.read(offset, out)
    }

    fn set_len(&self, len: u64) -> Result<(), Error> {
        self.file.set_len(len)
    }

    fn sync_data(&self) -> Result<(), Error> {
        #[cfg(test)]
        let result = self.faults.sync().and_then(|()| self.file.sync_data());
        #[cfg(not(test))]
        let result = self.file.sync_data();
        if result.is_err() {
            self.spoiled.store(true, Ordering::Release);
        }
        result
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        #[cfg(test)]
        self.faults.write()?;
        self.file.write(offset, bytes)
    }

    fn close(&self) -> Result<(), Error> {
        self.file.close()
    }

    fn try_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_range(start, end)
    }

    fn try_lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.try_lock_shared_range(start, end)
    }

    fn lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_range(start, end)
    }

    fn lock_shared_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.lock_shared_range(start, end)
    }

    fn unlock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<(), BackendError> {
        self.file.unlock_range(start, end)
    }

    fn query_lock_range(&self, start: Bound<u64>, end: Bound<u64>) -> Result<bool, BackendError> {
        self.file.query_lock_range(start, end)
    }
}

/// What a test lets go wrong. Nothing, outside of tests.
#[derive(Debug, Clone, Default)]
pub(super) struct Faults {
    #[cfg(test)]
    pub(super) switches: Arc<Switches>,
}

/// See [`Faults`].
#[cfg(test)]
#[derive(Debug, Default)]
pub(super) struct Switches {
    /// Every write says that the disk is full.
    pub(super) full: AtomicBool,
    /// Every sync fails.
    pub(super) unsynced: AtomicBool,
    /// Every write panics.
    pub(super) panics: AtomicBool,
    /// Syncs that were begun.
    pub(super) syncs: std::sync::atomic::AtomicU64,
    shut: std::sync::Mutex<bool>,
    opened: std::sync::Condvar,
}

#[cfg(test)]
impl Switches {
    /// Keeps everybody in the middle of their next sync until what this returns is dropped.
    pub(super) fn shut(&self) -> Shut<'_> {
        *self.shut.lock().unwrap() = true;
        Shut(self)
    }
}

/// See [`Switches::shut`].
#[cfg(test)]
pub(super) struct Shut<'a>(&'a Switches);

#[cfg(test)]
impl Drop for Shut<'_> {
    fn drop(&mut self) {
        *self.0.shut.lock().unwrap() = false;
        self.0.opened.notify_all();
    }
}

#[cfg(test)]
impl Faults {
    fn write(&self) -> Result<(), Error> {
        assert!(!self.switches.panics.load(Ordering::Acquire), "a test wanted this panic");
        if self.switches.full.load(Ordering::Acquire) {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), Error> {
        self.switches.syncs.fetch_add(1, Ordering::AcqRel);
        let shut = self.switches.shut.lock().unwrap();
        drop(self.switches.opened.wait_while(shut, |shut| *shut).unwrap());
        if self.switches.unsynced.load(Ordering::Acquire) {
            return Err(Error::other("a test wanted this sync to fail"));
        }
        Ok(())
    }
}
