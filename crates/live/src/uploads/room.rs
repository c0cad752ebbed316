//! What a desk has when its server takes files: the folder, the ledger, and a slot for each file.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::FileId;
use super::direct::Stored;
use super::folder::{Folder, Piece};
use super::inspect;
use super::ledger::Ledger;
use super::slot::{Body, Slot};
use crate::clock;
use crate::storage::Storage;

/// A note that was being written when the server stopped is removed after that long.
const DRAFT: Duration = Duration::from_secs(60 * 60);

/// See the module.
pub(super) struct Room {
    pub(super) folder: Folder,
    pub(super) ledger: Arc<Ledger>,
    pub(super) inspector: Option<Arc<dyn inspect::Erased>>,
    /// Where files go that are kept.
    pub(super) storage: Option<Arc<dyn Storage>>,
    /// The files that are there already, because they came straight to it.
    pub(super) stored: Mutex<HashMap<FileId, Stored>>,
    /// The files that have an address there, and until when something may begin to come to it.
    pub(super) addresses: Mutex<HashMap<FileId, Instant>>,
    pub(super) age: Duration,
    pub(super) serials: AtomicU64,
    pub(super) slots: Mutex<HashMap<FileId, Arc<Slot>>>,
}

impl Room {
    pub(super) fn serial(&self) -> u64 {
        self.serials.fetch_add(1, Ordering::Relaxed)
    }

    /// The slot of a file, whether or not there is any of it.
    pub(super) fn slot(&self, id: FileId) -> Arc<Slot> {
        Arc::clone(self.slots().entry(id).or_insert_with(|| Arc::new(Slot::new(id))))
    }

    /// Forgets a slot in which there is nothing, unless somebody else has it.
    pub(super) fn forget(&self, slot: &Arc<Slot>) {
        let mut slots = self.slots();
        // One is in the table, and one is ours.
        let is_ours =
            slots.get(&slot.id).is_some_and(|it| Arc::ptr_eq(it, slot)) && Arc::strong_count(slot) <= 2;
        if is_ours && slot.is_empty() {
            slots.remove(&slot.id);
        }
    }

    fn slots(&self) -> MutexGuard<'_, HashMap<FileId, Arc<Slot>>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts what is on the disk already.
    pub(super) fn count(&self) -> io::Result<()> {
        for found in self.folder.pieces()? {
            if matches!(found.piece, Piece::Part | Piece::Done) {
                self.ledger.add_file(found.length);
            }
        }
        Ok(())
    }

    /// Removes what nobody has added to for too long, nobody sends and nobody has.
    pub(super) fn sweep(&self) -> io::Result<()> {
        let now = clock::now();
        let is_old = |written: u64, age: Duration| Duration::from_millis(now.saturating_sub(written)) >= age;
        for found in self.folder.pieces()? {
            let is_draft = matches!(found.piece, Piece::Draft | Piece::Verdict);
            let age = if is_draft { self.age.min(DRAFT) } else { self.age };
            if is_old(found.written, age) {
                let slot = self.slot(found.id);
                self.sweep_slot(&slot, |written| is_old(written, age));
                self.forget(&slot);
            }
        }
        // Those that were kept for somebody who is gone.
        let idle: Vec<Arc<Slot>> = self.slots().values().filter(|slot| slot.is_empty()).cloned().collect();
        idle.iter().for_each(|slot| self.forget(slot));
        Ok(())
    }

    fn sweep_slot(&self, slot: &Slot, is_old: impl Fn(u64) -> bool) {
        let mut body = slot.lock();
        if let Err(error) = slot.look(self, &mut body) {
            return tracing::warn!(id = %slot.id, %error, "what is there of an upload could not be seen");
        }
        let is_used = match &*body {
            Body::Part(part) => part.is_attached,
            Body::Checking(_) => true,
            Body::Done(_) => slot.is_held(),
            Body::Unseen | Body::Nothing => false,
        };
        // What belongs to it may be younger.
        if !is_used && self.folder.last_written(slot.id).is_some_and(is_old) {
            tracing::info!(id = %slot.id, "nobody wanted an upload for too long: it is removed");
            let _ = slot.erase(self, &mut body);
            self.discard_incoming(slot.id);
        }
    }

    /// Removes what nobody wants, unless somebody has it in their hands: then it goes when they let go of it.
    pub(super) fn erase_unwanted(&self, slot: &Arc<Slot>) {
        let answers = {
            let mut body = slot.lock();
            if !slot.is_unwanted() || slot.is_held() {
                return;
            }
            slot.erase(self, &mut body)
        };
        self.discard_incoming(slot.id);
        answers.into_iter().for_each(|answer| answer(Err(super::slot::gone())));
        self.forget(slot);
    }
}
