//! The writing half of a session: takes frames out of the outbox, writes them, flushes once.
//!
//! One write for all that waits, because each flush is a call into the kernel. Also keeps the heartbeat,
//! because only the writer can send a ping.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;

use fluxstack_live_protocol::CloseCode;
use futures_util::future::poll_immediate;
use futures_util::{Sink, SinkExt as _};
use tokio::time::{Instant, sleep, timeout};

use super::Outgoing;
use crate::limits::Limits;
use crate::outbox::{Next, Outbox};
use crate::roster::Occupant;

/// Bytes taken from the outbox for one write. What is taken can no longer be merged, so not too much.
const AT_ONCE: usize = 32 << 10;

/// What there is to do.
enum Due {
    /// Somebody wants to know whether the peer is still there; its pong will tell.
    Sign,
    /// It is time to ask the peer.
    Ping,
    Write(Next),
}

/// Writes until the outbox is closed or the peer is gone.
pub(super) async fn run(
    outbox: &Arc<Outbox>,
    limits: &Limits,
    silence: &AtomicU32,
    occupant: &Occupant,
    mut socket: impl Sink<Outgoing> + Unpin,
) {
    // Made once, not each time something is written: to wait for it anew means to take a lock and a place among the
    // timers.
    let mut ping = pin!(sleep(limits.ping));
    let batch = outbox.dialect().batch;
    loop {
        let due = poll_fn(|cx| {
            outbox.bell().listen(cx);
            if occupant.take_asked() {
                Poll::Ready(Due::Sign)
            } else if ping.as_mut().poll(cx).is_ready() {
                Poll::Ready(Due::Ping)
            } else {
                outbox.take(AT_ONCE).map_or(Poll::Pending, |next| Poll::Ready(Due::Write(next)))
            }
        });
        let next = match due.await {
            Due::Write(next) => next,
            Due::Sign => {
                if written(limits, socket.send(Outgoing::Ping)).await {
                    continue;
                }
                return;
            }
            Due::Ping => {
                ping.as_mut().reset(Instant::now() + limits.ping);
                if silence.fetch_add(1, Ordering::Relaxed) >= 2 {
                    Next::Close(Some(CloseCode::PeerSilent))
                } else if written(limits, socket.send(Outgoing::Ping)).await {
                    continue;
                } else {
                    return;
                }
            }
        };
        match next {
            Next::Frames(frames) => {
                let write = async {
                    if batch && frames.len() > 1 {
                        return socket.send(Outgoing::Texts(frames)).await;
                    }
                    for frame in frames {
                        socket.feed(Outgoing::Text(frame)).await?;
                    }
                    socket.flush().await
                };
                if !written(limits, write).await {
                    return;
                }
                if outbox.is_paused() {
                    // Its pongs are not read while it catches up; that it reads is proof enough.
                    silence.store(0, Ordering::Relaxed);
                }
            }
            Next::Close(code) => {
                let _ = written(limits, socket.send(Outgoing::Close(code))).await;
                let _ = written(limits, socket.close()).await;
                return;
            }
        }
    }
}

async fn written<E>(limits: &Limits, write: impl Future<Output = Result<(), E>>) -> bool {
    let mut write = pin!(write);
    // Nearly always the kernel takes it at once, and nobody has to look at the clock.
    match poll_immediate(write.as_mut()).await {
        Some(written) => written.is_ok(),
        None => matches!(timeout(limits.write, write).await, Ok(Ok(()))),
    }
}
