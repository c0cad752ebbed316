//! Files that go straight to the storage, past this server.
//!
//! Their sender is given an address that is signed, and says when all of it is there. Then the file is moved to where
//! its sender can no longer write, and read from there into a part file like any other, chunk by chunk: so size,
//! digest, content and inspector are those of every file, and what was checked is what is kept. What is in the storage
//! stays there until the file is kept, which is then a matter between storage and storage, or until nobody wants it.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use sha2::{Digest as _, Sha256};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::desk::Direct;
use super::room::Room;
use super::sending::Route;
use super::slot::{Body, gone};
use super::{Answer, At, Desk, FileId, Sending, UploadedFile, hex};
use crate::error::{Code, Error};
use crate::storage::{Key, Storage, StorageError, claim_incoming};

/// How long an address is good. It is enough that a file begins within that time.
const VALID: Duration = Duration::from_secs(15 * 60);
/// Addresses that are remembered. Beyond, files come over the connection.
const ADDRESSES: usize = 65_536;
/// Bytes of the largest file that buckets take in one request.
const LARGEST: u64 = 5 << 30;
/// What a file is called of which nothing is said.
const BYTES: &str = "application/octet-stream";

impl Desk {
    /// Where a file may be sent instead of here, if the storage can say.
    pub(super) async fn address(&self, id: FileId, kind: &str, size: u64) -> Option<Direct> {
        let storage = self.room().storage.clone()?;
        let kind = if kind.is_empty() { BYTES } else { kind };
        let has_room = {
            let addresses = self.room().addresses();
            addresses.len() < ADDRESSES || addresses.contains_key(&id)
        };
        if size > LARGEST || !has_room {
            return None;
        }
        // Before there is one: what it is remembered for is to be removed in any case.
        self.room().addresses().insert(id, Instant::now() + VALID);
        match storage.signed_put(&Key::incoming(id.to_u128()), kind, VALID).await {
            Ok(direct) => direct.map(|direct| Direct {
                url: direct.url,
                method: direct.method.to_owned(),
                headers: direct.headers.into_iter().collect(),
            }),
            Err(why) => {
                // It may come here all the same.
                tracing::warn!(%why, "a file cannot be sent straight to the storage");
                None
            }
        }
    }

    /// Removes from the storage what came straight to it and is not wanted any more.
    pub(super) async fn sweep_stored(self: &Arc<Self>) {
        let Some(storage) = self.room.as_ref().and_then(|room| room.storage.clone()) else { return };
        let desk = Arc::clone(self);
        let unwanted = spawn_blocking(move || {
            let mut unwanted = desk.room().unwanted_stored();
            unwanted.extend(desk.room().left_incoming());
            unwanted
        });
        for key in unwanted.await.unwrap_or_default() {
            discard(&*storage, &key).await;
        }
    }
}

impl Sending {
    /// Its sender is given an address, and may send there whatever it likes: that counts, whatever becomes of the file.
    pub(super) async fn has_address(self: &Arc<Self>) -> Result<(), Error> {
        self.take_route(Route::Storage);
        let sending = Arc::clone(self);
        let counted = spawn_blocking(move || {
            if let Body::Part(part) = &mut *sending.slot.lock()
                && let Some(charge) = &mut part.charge
            {
                charge.keep();
            }
        });
        Ok(counted.await?)
    }

    /// All of it is said to be in the storage: gets it from there, and completes it.
    pub(super) fn complete_stored(
        self: &Arc<Self>,
        storage: Arc<dyn Storage>,
        hash: Option<[u8; 32]>,
        answer: Answer<UploadedFile>,
    ) {
        let sending = Arc::clone(self);
        tokio::spawn(async move {
            let fetched = sending.fetch(&*storage).await;
            let is_still_there = matches!(fetched, Err(Fetched::Failed(_)));
            sending.take_route(if is_still_there { Route::Storage } else { Route::Here });
            match fetched {
                Ok(stored) => {
                    let answer =
                        remember(Arc::clone(&sending.desk), sending.slot.id, stored, storage, answer);
                    sending.complete_here(hash, answer);
                }
                // Whoever says that it is there is told how much is here.
                Err(Fetched::Nothing) => sending.complete_here(hash, answer),
                Err(Fetched::Wrong(error)) => answer(Err(error)),
                Err(Fetched::Failed(error)) => answer(Err(Error::internal(error))),
            }
        });
    }

    /// Gets it here, and says where it is now in the storage, and what.
    async fn fetch(self: &Arc<Self>, storage: &dyn Storage) -> Result<Stored, Fetched> {
        let key = claim_incoming(storage, self.slot.id.to_u128()).await?;
        let got = self.get(storage, &key).await;
        if got.is_err() {
            discard(storage, &key).await;
        }
        got.map(|sha256| Stored { key, sha256 })
    }

    /// Answers the SHA-256 of what is in the storage.
    async fn get(self: &Arc<Self>, storage: &dyn Storage, key: &Key) -> Result<Box<str>, Fetched> {
        let object = storage.get(key, None).await?;
        if object.info.size != self.size {
            let said = "what arrived is not as long as what was sent: send the file again from the beginning";
            return Err(Fetched::Wrong(Error::new(Code::UploadCorrupt, said).and("bytesUploaded", "0")));
        }
        // What is left of a fetch that failed is of another object.
        let sending = Arc::clone(self);
        let emptied = spawn_blocking(move || sending.slot.empty(sending.desk.room(), sending.turn)).await;
        emptied.unwrap_or_else(|_| Err(gone())).map_err(Fetched::Wrong)?;
        let (mut pieces, mut received, mut hash) = (object.pieces, 0, Sha256::new());
        while let Some(piece) = pieces.next().await {
            let (answer, answered) = oneshot::channel();
            let written = Box::new(move |written| drop(answer.send(written)));
            let piece = piece?;
            hash.update(&piece);
            self.put_fetched(At::Offset(received), piece, written);
            received = answered.await.unwrap_or_else(|_| Err(gone())).map_err(Fetched::Wrong)?;
        }
        Ok(hex(&hash.finalize().into()).into())
    }
}

/// The same answer, and if it is a file, where in the storage the same bytes are; else they are removed from there.
fn remember(
    desk: Arc<Desk>,
    id: FileId,
    stored: Stored,
    storage: Arc<dyn Storage>,
    answer: Answer<UploadedFile>,
) -> Answer<UploadedFile> {
    let runtime = Handle::current();
    Box::new(move |file| {
        let unwanted = match &file {
            Ok(file) if *stored.sha256 == *file.sha256() => {
                desk.room().stored().insert(id, stored).map(|before| before.key)
            }
            _ => Some(stored.key),
        };
        if let Some(key) = unwanted {
            runtime.spawn(async move { discard(&*storage, &key).await });
        }
        answer(file);
    })
}

async fn discard(storage: &dyn Storage, key: &Key) {
    if let Err(why) = storage.delete(key).await {
        tracing::warn!(%key, %why, "what came of a file is left in the storage");
    }
}

/// A file that came straight to the storage, and what it was when it was read from there.
pub(super) struct Stored {
    key: Key,
    sha256: Box<str>,
}

/// Why a file was not got from the storage.
enum Fetched {
    /// There is none.
    Nothing,
    /// It is not what was announced, or cannot be written here.
    Wrong(Error),
    /// It cannot be read now.
    Failed(StorageError),
}

impl From<StorageError> for Fetched {
    fn from(error: StorageError) -> Self {
        match error {
            StorageError::NotFound => Self::Nothing,
            other => Self::Failed(other),
        }
    }
}

impl Room {
    /// Where in the storage this file is, if it came straight to it. Nobody else is told so from now on.
    pub(super) fn take_stored(&self, id: FileId, sha256: &str) -> Option<Key> {
        let mut stored = self.stored();
        // What came later under the same id is another file.
        let is_it = stored.get(&id).is_some_and(|stored| *stored.sha256 == *sha256);
        if is_it { stored.remove(&id).map(|stored| stored.key) } else { None }
    }

    /// It is still there.
    pub(super) fn put_stored_back(&self, id: FileId, key: Key, sha256: &str) {
        self.stored().insert(id, Stored { key, sha256: sha256.into() });
    }

    /// Removes from the storage what came to the address of a file that nobody wants. What comes later is removed when
    /// nothing more can come. Not for a file that is begun anew: it has the same address.
    pub(super) fn discard_incoming(&self, id: FileId) {
        let (Some(storage), Ok(runtime)) = (self.storage.clone(), Handle::try_current()) else { return };
        if self.addresses().contains_key(&id) {
            runtime.spawn(async move { discard(&*storage, &Key::incoming(id.to_u128())).await });
        }
    }

    /// Forgets addresses that are good no more, and says where they lead. Those of files that are on their way are for
    /// them.
    fn left_incoming(&self) -> Vec<Key> {
        let now = Instant::now();
        let over: Vec<FileId> =
            self.addresses().iter().filter(|(_, until)| **until <= now).map(|(id, _)| *id).collect();
        let is_left = |id: &FileId| {
            let slot = self.slot(*id);
            let is_coming = matches!(&*slot.lock(), Body::Part(_));
            self.forget(&slot);
            !is_coming
        };
        let left: Vec<FileId> = over.into_iter().filter(is_left).collect();
        let mut addresses = self.addresses();
        // Unless it was given a new one just now.
        let over = left.into_iter().filter(|id| addresses.get(id).is_some_and(|until| *until <= now));
        let over: Vec<FileId> = over.collect();
        for id in &over {
            addresses.remove(id);
        }
        over.into_iter().map(|id| Key::incoming(id.to_u128())).collect()
    }

    fn addresses(&self) -> MutexGuard<'_, HashMap<FileId, Instant>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.addresses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stored(&self) -> MutexGuard<'_, HashMap<FileId, Stored>> {
        // Nothing panics while it is held, so a poisoned one is still whole.
        self.stored.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets those that are here no more, and says where in the storage they are.
    fn unwanted_stored(&self) -> Vec<Key> {
        let ids: Vec<FileId> = self.stored().keys().copied().collect();
        let is_here = |id: &FileId| !matches!(&*self.slot(*id).lock(), Body::Nothing | Body::Unseen);
        let gone: Vec<FileId> = ids.into_iter().filter(|id| !is_here(id)).collect();
        gone.iter().for_each(|id| self.forget(&self.slot(*id)));
        let mut stored = self.stored();
        gone.iter().filter_map(|id| stored.remove(id)).map(|stored| stored.key).collect()
    }
}

#[cfg(all(test, feature = "files"))]
mod tests;
