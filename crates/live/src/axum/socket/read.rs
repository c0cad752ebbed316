//! What comes out of a socket.
//!
//! Pings and closes are answered here, through what waits to be written: a session does not know of them. Of several
//! pings only the newest is answered, once all that has come was read.

use std::cell::Cell;
use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use fluxstack_live_protocol::websocket::{Reader, Received, Violation};
use futures_util::Stream;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use tokio_util::io::poll_read_buf;

use super::lock;
use super::write::Waiting;
use crate::session::Incoming;

/// Bytes read at once. What came together may be kept together as long as any message of it is, so not too many.
const AT_ONCE: usize = 16 << 10;

/// Bytes that are read from a peer to which the last word was said.
const GIVEN_UP: usize = 8 << 20;

thread_local! {
    /// Where all sockets of a thread read to, one after the other. Nothing is in it between two polls.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The reading half. Ends when the peer is gone, has said goodbye, or has said what nobody may.
pub(super) struct Reading<'a, R, W> {
    io: R,
    /// What was read before, and not by us.
    come: Option<Box<Bytes>>,
    frames: Reader,
    waiting: &'a Mutex<Waiting<W>>,
    /// Something of ours waits to be written, and nobody else may be about to.
    has_answered: bool,
    is_over: bool,
}

impl<'a, R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Reading<'a, R, W> {
    /// `come` was read before. It is copied and given up, because it lies in all the room that hyper had for reading.
    pub(super) fn new(io: R, waiting: &'a Mutex<Waiting<W>>, come: Bytes, most: usize) -> Self {
        let come = (!come.is_empty()).then(|| Box::new(Bytes::copy_from_slice(&come)));
        Self { io, come, frames: Reader::new(most), waiting, has_answered: false, is_over: false }
    }

    /// Bytes that are kept.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.frames.kept()
    }

    /// What to hand out for what was read, if anything.
    fn take(&mut self, read: Result<Received, Violation>) -> Option<Incoming> {
        match read {
            Ok(Received::Text(text)) => return Some(Incoming::Text(text)),
            Ok(Received::Binary(frame)) => return Some(Incoming::Binary(frame)),
            Ok(Received::Pong) => return Some(Incoming::Pong),
            Ok(Received::Piece) => {}
            Ok(Received::Ping(payload)) => {
                lock(self.waiting).pong(payload);
                self.has_answered = true;
            }
            Ok(Received::Close(code)) => {
                lock(self.waiting).close(code, "");
                self.has_answered = true;
                self.is_over = true;
            }
            Err(Violation::TooLarge) => {
                // What that means is the session's business.
                self.is_over = true;
                return Some(Incoming::TooLarge);
            }
            Err(violation) => {
                tracing::debug!(%violation, "a connection is closed: this is no WebSocket");
                lock(self.waiting).close(Some(violation.code()), &violation.to_string());
                self.has_answered = true;
                self.is_over = true;
            }
        }
        None
    }

    /// Says what was answered, as far as the peer takes it.
    fn poll_answer(&mut self, cx: &mut Context<'_>) {
        if self.has_answered {
            match lock(self.waiting).poll_flush(cx) {
                Poll::Pending => {}
                Poll::Ready(written) => {
                    self.has_answered = false;
                    self.is_over |= written.is_err();
                }
            }
        }
    }

    /// Reads what there is; 0 is the end.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        if let Some(come) = &mut self.come {
            let now = come.split_to(come.len().min(AT_ONCE));
            if come.is_empty() {
                self.come = None;
            }
            self.frames.feed(&now);
            return Poll::Ready(Ok(now.len()));
        }
        if self.frames.len() >= AT_ONCE && self.frames.missing() > AT_ONCE {
            // What would not fit into the buffer goes to where it will stay; but not before some of it has come, or
            // whoever announces much would be given room for it.
            return poll_read_buf(Pin::new(&mut self.io), cx, &mut self.frames.room());
        }
        poll_read(&mut self.io, cx, |bytes| self.frames.feed(bytes))
    }
}

/// Reads what there is, through the buffer of the thread; 0 is the end.
fn poll_read(
    io: &mut (impl AsyncRead + Unpin),
    cx: &mut Context<'_>,
    take: impl FnOnce(&[u8]),
) -> Poll<io::Result<usize>> {
    let mut buffer = BUFFER.take();
    buffer.resize(AT_ONCE, 0);
    let mut read = ReadBuf::new(&mut buffer);
    let polled = Pin::new(io).poll_read(cx, &mut read);
    let read = polled.map_ok(|()| {
        let bytes = read.filled();
        if !bytes.is_empty() {
            take(bytes);
        }
        bytes.len()
    });
    BUFFER.set(buffer);
    read
}

/// Reads and gives up what comes, until the peer has closed its side or has had enough.
pub(super) async fn discard(io: &mut (impl AsyncRead + Unpin)) {
    let mut left = GIVEN_UP;
    while left > 0 {
        match poll_fn(|cx| poll_read(io, cx, |_| {})).await {
            Ok(read @ 1..) => left = left.saturating_sub(read),
            Ok(0) | Err(_) => return,
        }
    }
}

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Stream for Reading<'_, R, W> {
    type Item = Incoming;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Incoming>> {
        loop {
            // One turn for each frame: what has come at once may be thousands, and others wait.
            while !self.is_over && !self.frames.is_empty() {
                let turn = ready!(coop::poll_proceed(cx));
                let Some(read) = self.frames.next().transpose() else { break };
                turn.made_progress();
                if let Some(incoming) = self.take(read) {
                    return Poll::Ready(Some(incoming));
                }
            }
            self.poll_answer(cx);
            if self.is_over {
                return Poll::Ready(None);
            }
            match ready!(self.poll_fill(cx)) {
                Ok(1..) => {}
                Ok(0) | Err(_) => self.is_over = true,
            }
        }
    }
}
