//! The floor on next to nothing: axum's upgrade, then the bare TCP stream and framing of our own over buffers that all
//! connections share.
//!
//! It stands on nothing of the live server's, so that it also tells what that one's sockets could cost. What must stay
//! true: it runs on one thread, which is what makes its buffers shared; a connection on which nothing waits owns no
//! memory but its task.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use bytes::Bytes;
use futures_util::task::AtomicWaker;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade::downcast;
use tokio::io::{AsyncRead as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tungstenite::handshake::derive_accept_key;

use super::batch::Batch;
use super::floor::{Floor, now};
use super::outbox::{MOST, Members, lock};

mod frames;

use frames::{HEAD, Opcode, next_frame, write_frame, write_head};

/// Bytes that are read at once.
const READ: usize = 64 << 10;

thread_local! {
    static BUFFERS: RefCell<Buffers> =
        RefCell::new(Buffers { read: vec![0; READ].into(), reply: Batch::new(HEAD), told: Batch::new(HEAD) });
}

struct Buffers {
    read: Box<[u8]>,
    /// What is to be written on the connection that is read.
    reply: Batch,
    /// What everybody else in the room is to be sent.
    told: Batch,
}

/// What is served, where the live server has its socket.
pub(crate) fn router() -> Router {
    let members = Arc::new(Members::default());
    Router::new().route("/api/live/ws", get(async move |request: Request| upgrade(request, members)))
}

fn upgrade(mut request: Request, members: Arc<Members<Line>>) -> Response {
    let Some(upgraded) = request.extensions_mut().remove::<OnUpgrade>() else {
        return StatusCode::UPGRADE_REQUIRED.into_response();
    };
    let Some(key) = request.headers().get(header::SEC_WEBSOCKET_KEY) else {
        return StatusCode::BAD_REQUEST.into_response();
    };
    let accept = derive_accept_key(key.as_bytes());
    let floor = Floor::new(request.uri().query().unwrap_or_default());
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        // Listeners of another kind have other streams, and we have none of them.
        let Ok(parts) = downcast::<TokioIo<TcpStream>>(upgraded) else { return };
        let (stream, early) = (parts.io.into_inner(), parts.read_buf);
        // Its own task, so that what the upgrade needed goes with this one.
        tokio::spawn(Connection::new(stream, &early, floor, members));
    });
    let headers = [
        (header::CONNECTION, HeaderValue::from_static("Upgrade")),
        (header::UPGRADE, HeaderValue::from_static("websocket")),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, [(header::SEC_WEBSOCKET_ACCEPT, accept)]).into_response()
}

/// The way to a client, for whoever has something for it.
struct Line {
    stream: OwnedWriteHalf,
    /// What the kernel would not take.
    waiting: Mutex<Vec<u8>>,
    waker: AtomicWaker,
}

impl Line {
    /// Writes at once what can be written.
    fn send(&self, bytes: &[u8]) {
        let mut waiting = lock(&self.waiting);
        let written = match waiting.is_empty() {
            // Whoever is gone finds out when it reads.
            true => self.stream.try_write(bytes).unwrap_or(0),
            false => 0,
        };
        if written < bytes.len() {
            waiting.extend_from_slice(&bytes[written..]);
            self.waker.wake();
        }
    }

    /// Writes what waits; whether the connection can go on. Nothing is written before the kernel says that it can be.
    fn poll_write(&self, cx: &mut Context<'_>) -> io::Result<()> {
        let mut waiting = lock(&self.waiting);
        while !waiting.is_empty() {
            let Poll::Ready(is_writable) = self.stream.as_ref().poll_write_ready(cx) else { break };
            is_writable?;
            match self.stream.try_write(&waiting) {
                Ok(written) if written == waiting.len() => *waiting = Vec::new(),
                Ok(written) => drop(waiting.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        if waiting.len() > MOST { Err(io::ErrorKind::OutOfMemory.into()) } else { Ok(()) }
    }
}

struct Connection {
    stream: OwnedReadHalf,
    line: Arc<Line>,
    /// What was read of a frame that is not all there.
    rest: Vec<u8>,
    floor: Floor,
    is_member: bool,
    members: Arc<Members<Line>>,
}

impl Connection {
    fn new(stream: TcpStream, early: &Bytes, floor: Floor, members: Arc<Members<Line>>) -> Self {
        let (stream, write) = stream.into_split();
        let line = Arc::new(Line { stream: write, waiting: Mutex::default(), waker: AtomicWaker::new() });
        let mut hello = Batch::new(HEAD);
        floor.hello(hello.next());
        line.send(framed(&mut hello));
        Self { stream, line, rest: early.to_vec(), floor, is_member: false, members }
    }

    /// Reads what is there and answers it. Ready when the connection is over.
    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        BUFFERS.with_borrow_mut(|buffers| {
            loop {
                let held = self.rest.len();
                if held >= buffers.read.len() {
                    return Poll::Ready(Err(io::ErrorKind::OutOfMemory.into()));
                }
                let mut into = ReadBuf::new(&mut buffers.read);
                into.put_slice(&self.rest);
                ready!(Pin::new(&mut self.stream).poll_read(cx, &mut into))?;
                let read = into.filled().len();
                if read == held {
                    return Poll::Ready(Ok(()));
                }
                let Some(taken) = self.answer(read, buffers) else { return Poll::Ready(Ok(())) };
                self.rest = buffers.read[taken..read].to_vec();
            }
        })
    }

    /// Answers all whole frames of what was read, in one write; how long they are, if the connection goes on.
    fn answer(&mut self, read: usize, buffers: &mut Buffers) -> Option<usize> {
        let Buffers { read: buffer, reply, told } = buffers;
        let (mut taken, now, mut goes_on) = (0, now(), true);
        while goes_on && let Some((opcode, payload, length)) = next_frame(&mut buffer[taken..read]) {
            taken += length;
            match opcode {
                Opcode::Text => self.floor.hear(payload, now, reply, told),
                Opcode::Ping | Opcode::Close => {
                    let echo = if opcode == Opcode::Ping { Opcode::Pong } else { Opcode::Close };
                    let mut out = Vec::new();
                    write_frame(echo, payload, &mut out);
                    self.write(reply);
                    self.line.send(&out);
                    goes_on = opcode == Opcode::Ping;
                }
                Opcode::Pong => {}
                // Bytes and fragments are nothing that a floor understands.
                Opcode::Other => goes_on = false,
            }
            if reply.is_full() {
                self.write(reply);
            }
            if told.is_full() {
                self.tell(told);
            }
        }
        if self.floor.is_in_room() != self.is_member {
            self.is_member = !self.is_member;
            self.members.enter(self.floor.number(), &self.line, self.is_member);
        }
        self.write(reply);
        self.tell(told);
        goes_on.then_some(taken)
    }

    fn write(&self, reply: &mut Batch) {
        if !reply.is_empty() {
            self.line.send(framed(reply));
        }
    }

    fn tell(&self, told: &mut Batch) {
        if !told.is_empty() {
            let told = framed(told);
            self.members.others(self.floor.number(), |line| line.send(told));
        }
    }
}

/// A batch as a frame, where it stands.
fn framed(batch: &mut Batch) -> &[u8] {
    let (at, bytes) = batch.end();
    let at = write_head(Opcode::Text, at, bytes);
    &bytes[at..]
}

impl Future for Connection {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.line.waker.register(cx.waker());
        if this.line.poll_write(cx).is_err() {
            return Poll::Ready(());
        }
        let ended = this.poll_read(cx);
        // What could not be written just now has to be waited for, and our own waker was taken by it.
        if ended.is_pending() && this.line.poll_write(cx).is_err() {
            return Poll::Ready(());
        }
        ended.map(|_| ())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.members.enter(self.floor.number(), &self.line, false);
    }
}
