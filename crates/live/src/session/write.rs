//! The writing half of a session: takes frames out of the outbox, writes them, flushes once.
//!
//! One write for all that waits, because each flush is a call into the kernel. Also keeps the heartbeat,
//! because only the writer can send a ping.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use fluxstack_live_protocol::CloseCode;
use futures_util::{Sink, SinkExt as _};
use tokio::time::{Instant, sleep, timeout};

use super::Outgoing;
use crate::limits::Limits;
use crate::outbox::{Next, Outbox};
use crate::roster::Occupant;

/// Bytes taken from the outbox for one write. What is taken can no longer be merged, so not too much.
const AT_ONCE: usize = 32 << 10;

/// Writes until the outbox is closed or the peer is gone.
pub(super) async fn run(
    outbox: &Arc<Outbox>,
    limits: &Limits,
    silence: &AtomicU32,
    occupant: &Occupant,
    mut socket: impl Sink<Outgoing> + Unpin,
) {
    // Made once, not each time something is written: to wait for them anew means to take locks and a place
    // among the timers.
    let ping = sleep(limits.ping);
    let asked = occupant.ask.notified();
    tokio::pin!(ping, asked);
    let batch = outbox.dialect().batch;
    loop {
        let next = tokio::select! {
            biased;
            () = &mut asked => {
                asked.set(occupant.ask.notified());
                // Somebody wants to know whether the peer is still there; its pong will tell.
                if written(limits, socket.send(Outgoing::Ping)).await {
                    continue;
                }
                return;
            }
            () = &mut ping => {
                ping.as_mut().reset(Instant::now() + limits.ping);
                if silence.fetch_add(1, Ordering::Relaxed) >= 2 {
                    Next::Close(Some(CloseCode::PeerSilent))
                } else if written(limits, socket.send(Outgoing::Ping)).await {
                    continue;
                } else {
                    return;
                }
            }
            next = outbox.next(AT_ONCE) => next,
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
    matches!(timeout(limits.write, write).await, Ok(Ok(())))
}
