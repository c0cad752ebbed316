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
pub(crate) struct Sending {}

impl Sending {
    /// A chunk. Answered with how many bytes are there when it is written.
    pub(crate) fn put(self: &Arc<Self>, at: At, bytes: Bytes, answer: Answer<u64>) {
        let _ = (at, bytes);
        answer(Err(refused("this server takes no files")));
    }

    /// That was all. Answered when the file is found to be whole, right and harmless, or not.
    pub(crate) fn complete(self: &Arc<Self>, hash: Option<[u8; 32]>, answer: Answer<UploadedFile>) {
        let _ = hash;
        answer(Err(refused("this server takes no files")));
    }

    /// The client gives it up: what is there is removed.
    pub(crate) fn cancel(&self) {}

    /// The connection is gone; what is there stays.
    pub(crate) fn detach(&self) {}
}
