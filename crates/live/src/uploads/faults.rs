//! Disks that are full, or fail. Only tests have them; elsewhere this is what it is around.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
#[cfg(test)]
use std::sync::Mutex;
#[cfg(test)]
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// See the module.
#[cfg(not(test))]
#[derive(Default)]
pub(super) struct Faults(());

#[cfg(not(test))]
impl Faults {
    pub(super) fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        file.write_all(bytes)
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        file.sync_all()
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        super::folder::remove(path)
    }
}

/// See the module.
#[cfg(test)]
pub(super) struct Faults {
    /// How many bytes the disk still takes.
    room: AtomicU64,
    fails_to_sync: AtomicBool,
    /// What is called so cannot be removed.
    stuck: Mutex<&'static str>,
    /// Called before anything is synced.
    watch: Mutex<Option<Box<dyn Fn() + Send>>>,
}

#[cfg(test)]
impl Default for Faults {
    fn default() -> Self {
        Self {
            room: AtomicU64::new(u64::MAX),
            fails_to_sync: AtomicBool::new(false),
            stuck: Mutex::new("nothing"),
            watch: Mutex::default(),
        }
    }
}

#[cfg(test)]
impl Faults {
    /// From now on the disk takes so many bytes.
    pub(super) fn leave(&self, room: u64) {
        self.room.store(room, Ordering::SeqCst);
    }

    pub(super) fn fail_to_sync(&self, fails: bool) {
        self.fails_to_sync.store(fails, Ordering::SeqCst);
    }

    /// From now on this is called before anything is synced.
    pub(super) fn watch(&self, watch: impl Fn() + Send + 'static) {
        *self.watch.lock().unwrap() = Some(Box::new(watch));
    }

    /// From now on, what has this ending cannot be removed.
    pub(super) fn stick(&self, ending: &'static str) {
        *self.stuck.lock().unwrap() = ending;
    }

    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        let is_stuck = path.extension().is_some_and(|ending| ending == *self.stuck.lock().unwrap());
        if is_stuck { Err(io::Error::other("it is stuck")) } else { super::folder::remove(path) }
    }

    pub(super) fn write(&self, file: &mut File, bytes: &[u8]) -> io::Result<()> {
        let room = self.room.load(Ordering::SeqCst);
        let fit = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        file.write_all(&bytes[..fit])?;
        if room != u64::MAX {
            self.leave(room - fit as u64);
        }
        if fit < bytes.len() { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    pub(super) fn sync(&self, file: &File) -> io::Result<()> {
        if let Some(watch) = &*self.watch.lock().unwrap() {
            watch();
        }
        if self.fails_to_sync.load(Ordering::SeqCst) {
            return Err(io::Error::other("the disk is gone"));
        }
        // Tests have thousands of files, and none of them has to outlive a power failure.
        let _ = file;
        Ok(())
    }
}
