//! What goes into a socket.
//!
//! Frames are put together in a buffer and written with one call when they are flushed. The buffer is the thread's
//! and only lent, so a connection that has written has none. What is large is not copied but written from where it
//! lies, because a thousand members of a room may be sent the same.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io::{self, IoSlice};
use std::mem;
use std::pin::Pin;
use std::sync::Mutex;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use fluxstack_live_protocol::websocket::{Opcode, write_close, write_head};
use futures_util::Sink;
use tokio::io::AsyncWrite;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::lock;
use crate::session::Outgoing;

/// What is at least so large is written from where it lies. Below, copying it costs less than a piece of its own.
const LARGE: usize = 4 << 10;
/// If so much waits, it is written before more is taken.
const ENOUGH: usize = 64 << 10;
/// Pieces written with one call.
const PIECES: usize = 32;

thread_local! {
    /// The buffer that frames are put together in. Whoever finds it lent to another makes a new one.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// What waits to be written, and where to.
pub(super) struct Waiting<W> {
    io: W,
    /// Those of the server, of which this is one at the end.
    farewells: TaskTracker,
    /// Pieces that were not copied, and what came before them.
    large: VecDeque<Bytes>,
    /// What comes after those: whole frames, but for `written` bytes of the first.
    small: Vec<u8>,
    written: usize,
    /// The answer to the newest ping. It goes when nothing else does, and never keeps company with another.
    pong: Option<Bytes>,
    /// The last frame is among what waits, or was.
    is_closed: bool,
    /// All of it was written, and the peer knows that nothing more will be. From then on this is one of the
    /// farewells, before the session that wrote it is gone.
    shut: Option<TaskTrackerToken>,
}

impl<W: AsyncWrite + Unpin> Waiting<W> {
    pub(super) fn new(io: W, farewells: TaskTracker) -> Self {
        Self {
            io,
            farewells,
            large: VecDeque::new(),
            small: Vec::new(),
            written: 0,
            pong: None,
            is_closed: false,
            shut: None,
        }
    }

    /// Takes the answer to a ping, in the place of an older one.
    pub(super) fn pong(&mut self, payload: Bytes) {
        self.pong = Some(payload);
    }

    /// Takes the last frame, unless there was one.
    pub(super) fn close(&mut self, code: Option<u16>, reason: &str) {
        if !mem::replace(&mut self.is_closed, true) {
            write_close(code, reason, self.buffer());
        }
    }

    /// Takes a frame. After the last one nothing is taken, and nobody is to blame for that.
    fn push(&mut self, frame: Outgoing) {
        match frame {
            Outgoing::Close(code) => {
                self.close(code.map(|code| code.number()), code.map_or("", |code| code.reason()));
            }
            _ if self.is_closed => {}
            Outgoing::Text(text) => {
                write_head(Opcode::Text, text.len(), self.buffer());
                self.append(text);
            }
            Outgoing::Texts(texts) => {
                let len = texts.iter().map(|text| text.len() + 1).sum::<usize>() + 1;
                write_head(Opcode::Text, len, self.buffer());
                for (index, text) in texts.into_iter().enumerate() {
                    self.buffer().push(if index == 0 { b'[' } else { b',' });
                    self.append(text);
                }
                self.buffer().push(b']');
            }
            Outgoing::Ping => write_head(Opcode::Ping, 0, self.buffer()),
        }
    }

    fn append(&mut self, bytes: Bytes) {
        if bytes.len() < LARGE {
            return self.buffer().extend_from_slice(&bytes);
        }
        let waiting = &self.small[self.written..];
        let before = if waiting.len() < LARGE.max(self.small.capacity() / 2) {
            // The buffer may be much larger than what is in it, and stays with whoever it is lent to.
            let before = Bytes::copy_from_slice(waiting);
            self.small.clear();
            before
        } else {
            let mut before = Bytes::from(mem::take(&mut self.small));
            before.advance(self.written);
            before
        };
        self.written = 0;
        self.large.extend([before, bytes]);
    }

    fn buffer(&mut self) -> &mut Vec<u8> {
        if self.small.capacity() == 0 {
            self.small = BUFFER.take();
        }
        &mut self.small
    }

    /// Bytes that are kept, but for those of others.
    #[cfg(test)]
    pub(super) fn kept(&self) -> usize {
        self.small.capacity() + self.large.capacity() * size_of::<Bytes>()
    }

    fn is_enough(&self) -> bool {
        let large = self.large.iter().map(Bytes::len).sum::<usize>();
        large + self.small.len() - self.written > ENOUGH
    }

    /// Writes all that waits.
    pub(super) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        loop {
            let small = &self.small[self.written..];
            let io = Pin::new(&mut self.io);
            let written = if !self.large.is_empty() {
                let mut pieces = [IoSlice::new(&[]); PIECES];
                let waiting = self.large.iter().map(|bytes| &**bytes).chain([small]);
                let count =
                    pieces.iter_mut().zip(waiting).map(|(piece, bytes)| *piece = IoSlice::new(bytes)).count();
                io.poll_write_vectored(cx, &pieces[..count])
            } else if !small.is_empty() {
                io.poll_write(cx, small)
            } else if let Some(pong) = self.pong.take_if(|_| !self.is_closed) {
                write_head(Opcode::Pong, pong.len(), self.buffer());
                self.buffer().extend_from_slice(&pong);
                continue;
            } else {
                break;
            };
            match written {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                Poll::Ready(written) => self.advance(written?),
                Poll::Pending => {
                    self.shrink();
                    return Poll::Pending;
                }
            }
        }
        self.give_back();
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_close(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        let shut = ready!(Pin::new(&mut self.io).poll_shutdown(cx));
        self.shut = shut.is_ok().then(|| self.farewells.token());
        Poll::Ready(shut)
    }

    /// What counts as a task as long as it is there; nothing unless the peer knows that it has heard all.
    pub(super) fn take_shut(&mut self) -> Option<TaskTrackerToken> {
        self.shut.take()
    }

    /// So many bytes were written.
    fn advance(&mut self, mut written: usize) {
        while let Some(first) = self.large.front_mut() {
            if first.len() > written {
                return first.advance(written);
            }
            written -= first.len();
            self.large.pop_front();
        }
        self.written += written;
    }

    /// Keeps what waits, and no more room than that: it may wait for long.
    fn shrink(&mut self) {
        let waiting = &self.small[self.written..];
        if self.small.capacity() / 2 > waiting.len() {
            let waiting = waiting.to_vec();
            self.give_back();
            self.small = waiting;
        }
    }

    /// Gives the buffer back to the thread.
    fn give_back(&mut self) {
        let mut buffer = mem::take(&mut self.small);
        self.written = 0;
        if (1..=ENOUGH).contains(&buffer.capacity()) {
            buffer.clear();
            // The larger one stays, if it was lent to two.
            let other = BUFFER.take();
            BUFFER.set(if other.capacity() > buffer.capacity() { other } else { buffer });
        }
        if self.large.is_empty() {
            self.large = VecDeque::new();
        }
    }
}

/// The writing half.
pub(super) struct Writing<'a, W> {
    waiting: &'a Mutex<Waiting<W>>,
}

impl<'a, W: AsyncWrite + Unpin> Writing<'a, W> {
    pub(super) fn new(waiting: &'a Mutex<Waiting<W>>) -> Self {
        Self { waiting }
    }
}

impl<W: AsyncWrite + Unpin> Sink<Outgoing> for Writing<'_, W> {
    type Error = io::Error;

    fn poll_ready(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut waiting = lock(self.waiting);
        if waiting.is_enough() { waiting.poll_flush(cx) } else { Poll::Ready(Ok(())) }
    }

    fn start_send(self: Pin<&mut Self>, frame: Outgoing) -> io::Result<()> {
        lock(self.waiting).push(frame);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(self.waiting).poll_flush(cx)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        lock(self.waiting).poll_close(cx)
    }
}
