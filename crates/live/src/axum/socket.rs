//! One WebSocket over whatever carries bytes: a stream of what comes, and a sink for what goes.
//!
//! The frames themselves are [`fluxstack_live_protocol::websocket`]; here is when to read and when to write. A
//! connection on which nothing happens has no buffer: what is read goes through one buffer of the thread, and only the
//! beginning of a frame is kept; what is written is put together in another, and only what the kernel would not take
//! is kept. So what a connection costs is what it is waiting for.
//!
//! At the end, what the peer still sends is read and given up for a while: if it were left unread, the kernel would
//! tear the connection down, and our last words with it. The end of a program does that as well, so a server that goes
//! away waits for this too.
//!
//! What must stay true: both halves are polled by one task, because one of them may wait for what the other one
//! does; a future of either may be dropped at any time, and nothing is lost; and what is written is whole frames, in
//! order.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;
use tokio_util::task::TaskTracker;

use super::upgrade::Serve;

mod read;
mod write;

use read::Reading;
use write::{Waiting, Writing};

/// How long the peer has for closing its side when we have closed ours.
const GOODBYE: Duration = Duration::from_secs(1);

/// Serves a socket, of which something may have been read already; who waits for its end is told by `farewells`.
pub(super) async fn serve<R, W>(
    mut read: R,
    write: W,
    come: Bytes,
    most: usize,
    farewells: TaskTracker,
    serve: impl Serve,
) where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send,
{
    let waiting = Mutex::new(Waiting::new(write, farewells));
    let reading = Reading::new(&mut read, &waiting, come, most);
    serve.serve(reading, Writing::new(&waiting)).await;
    let shut = lock(&waiting).take_shut();
    if let Some(_task) = shut {
        // Of its own, or every connection would have the room for it.
        let _ = Box::pin(timeout(GOODBYE, read::discard(&mut read))).await;
    }
}

/// The lock is for the compiler: both halves are of one task, so it is always free.
fn lock<W>(waiting: &Mutex<Waiting<W>>) -> MutexGuard<'_, Waiting<W>> {
    // Nothing panics while it is held, so a poisoned one is still whole.
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
