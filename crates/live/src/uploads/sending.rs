//! One connection's way to a file.

use std::sync::Arc;

use bytes::Bytes;

use super::{UploadedFile, refused};
use crate::error::Error;

/// Called once, on any thread, and it must not block.
pub(crate) type Answer<T> = Box<dyn FnOnce(Result<T, Error>) + Send>;

/// Where a chunk belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum At {
    /// Behind so many bytes of the file.
    Offset(u64),
    /// Behind so many chunks, as older clients count. They say nothing of bytes.
    Index(u64),
}

/// See the module. Dropping it is [`Sending::detach`].
pub(crate) struct Sending {
    pub(super) desk: Arc<super::Desk>,
    pub(super) id: super::FileId,
    pub(super) turn: u64,
    pub(super) file: std::sync::Mutex<std::fs::File>,
    pub(super) progress: Box<dyn Fn(u64) + Send + Sync>,
}

impl Sending {
    fn write(&self, at: At, bytes: &Bytes) -> Result<u64, Error> {
        use crate::error::Code;
        let mut slots = self.desk.slots.lock().unwrap();
        let slot = slots.get_mut(&self.id).filter(|slot| slot.turn == self.turn);
        let Some(slot) = slot else { return Err(Error::new(Code::UploadGone, "gone")) };
        let skip = match at {
            At::Offset(offset) if offset > slot.received => {
                return Err(
                    Error::new(Code::UploadGap, "gap").and("bytesUploaded", slot.received.to_string())
                );
            }
            At::Offset(offset) => (slot.received - offset).min(bytes.len() as u64),
            At::Index(index) if index > slot.chunks => {
                return Err(
                    Error::new(Code::UploadGap, "gap").and("bytesUploaded", slot.received.to_string())
                );
            }
            At::Index(index) if index < slot.chunks => bytes.len() as u64,
            At::Index(_) => 0,
        };
        if matches!(at, At::Index(index) if index == slot.chunks) {
            slot.chunks += 1;
        }
        let bytes = &bytes[skip as usize..];
        if slot.received + bytes.len() as u64 > slot.size {
            return Err(Error::new(Code::UploadTooLarge, "large"));
        }
        std::io::Write::write_all(&mut *self.file.lock().unwrap(), bytes)?;
        slot.received += bytes.len() as u64;
        let received = slot.received;
        drop(slots);
        (self.progress)(received);
        Ok(received)
    }

    /// A chunk. Answered with how many bytes are there when it is written.
    pub(crate) fn put(self: &Arc<Self>, at: At, bytes: Bytes, answer: Answer<u64>) {
        let this = Arc::clone(self);
        let _ = &this;
        answer(this.write(at, &bytes));
    }

    /// That was all. Answered when the file is found to be whole, right and harmless, or not.
    pub(crate) fn complete(self: &Arc<Self>, hash: Option<[u8; 32]>, answer: Answer<UploadedFile>) {
        answer(self.check(hash));
    }

    fn check(&self, hash: Option<[u8; 32]>) -> Result<UploadedFile, Error> {
        use crate::error::Code;
        use sha2::Digest as _;
        let mut slots = self.desk.slots.lock().unwrap();
        let slot = slots.get_mut(&self.id).filter(|slot| slot.turn == self.turn);
        let Some(slot) = slot else { return Err(Error::new(Code::UploadGone, "gone")) };
        if let Some(about) = &slot.done {
            slot.in_hands = true;
            return Ok(UploadedFile { desk: Arc::clone(&self.desk), about: Arc::clone(about) });
        }
        let part = self.desk.folder.join(format!("{}.part", self.id));
        let bytes = std::fs::read(&part)?;
        let found: [u8; 32] = sha2::Sha256::digest(&bytes).into();
        if bytes.len() as u64 != slot.size || hash.is_some_and(|hash| hash != found) {
            return Err(Error::new(Code::UploadCorrupt, "corrupt"));
        }
        let path = self.desk.folder.join(format!("{}.done", self.id));
        std::fs::rename(&part, &path)?;
        let hex: String = found.iter().map(|byte| format!("{byte:02x}")).collect();
        let about = Arc::new(super::uploaded::About {
            id: self.id,
            path: path.into(),
            name: slot.name.as_str().into(),
            extension: None,
            content_type: slot.kind.as_str().into(),
            size: slot.size,
            sha256: hex.into(),
        });
        slot.done = Some(Arc::clone(&about));
        slot.in_hands = true;
        Ok(UploadedFile { desk: Arc::clone(&self.desk), about })
    }

    /// The client gives it up: what is there is removed.
    pub(crate) fn cancel(&self) {
        self.desk.remove(self.id);
    }

    /// The connection is gone; what is there stays.
    pub(crate) fn detach(&self) {}
}

impl Drop for UploadedFile {
    fn drop(&mut self) {
        let mut slots = self.desk.slots.lock().unwrap();
        let Some(slot) = slots.get_mut(&self.about.id) else { return };
        slot.in_hands = false;
        let is_gone = slot.is_gone;
        drop(slots);
        if is_gone {
            self.desk.remove(self.about.id);
        }
    }
}
