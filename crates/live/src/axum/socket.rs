//! One WebSocket over whatever carries bytes: a stream of what comes, and a sink for what goes.
//!
//! The frames themselves are [`fluxstack_live_protocol::websocket`]; here is when to read and when to write. A
//! connection on which nothing happens has no buffer: what is read goes through one buffer of the thread, and only the
//! beginning of a frame is kept; what is written is put together in another, and only what the kernel would not take
//! is kept. So what a connection costs is what it is waiting for.
//!
//! What must stay true: both halves are polled by one task, because one of them may wait for what the other one
//! does; a future of either may be dropped at any time, and nothing is lost; and what is written is whole frames, in
//! order.

use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};

use super::upgrade::Serve;

mod read;
mod write;

use read::Reading;
use write::{Waiting, Writing};

/// Serves a socket, of which something may have been read already.
pub(super) async fn serve<R, W>(read: R, write: W, come: Bytes, most: usize, serve: impl Serve)
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let waiting = Mutex::new(Waiting::new(write));
    let reading = Reading::new(read, &waiting, come, most);
    serve.serve(reading, Writing::new(&waiting)).await;
}

/// The lock is for the compiler: both halves are of one task, so it is always free.
fn lock<W>(waiting: &Mutex<Waiting<W>>) -> MutexGuard<'_, Waiting<W>> {
    // Nothing panics while it is held, so a poisoned one is still whole.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
