//! The floor on the fastest socket library we found, with the settings its own measurements have: a read buffer of
//! 128 KiB, a write boundary of 64 KiB, no deflate, and one flush for all that was there.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::extract::RawQuery;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::get;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use yawc::{Frame, HttpStream, IncomingUpgrade, OpCode, Options, WebSocket, WebSocketError};

use super::batch::Batch;
use super::floor::{Floor, now};
use super::outbox::{Members, Outbox};

/// Bytes that are read at once.
const READ: usize = 128 << 10;
/// Bytes that are written before there is a flush.
const WRITE: usize = 64 << 10;

/// What is served, where the live server has its socket.
pub(crate) fn router() -> Router {
    let members = Arc::new(Members::default());
    let socket = get(async move |RawQuery(query): RawQuery, upgrade: IncomingUpgrade| {
        let options = Options::default()
            .without_compression()
            .with_read_buffer_capacity(READ)
            .with_backpressure_boundary(WRITE);
        let Ok((answer, socket)) = upgrade.upgrade(options) else {
            return StatusCode::BAD_REQUEST.into_response();
        };
        let floor = Floor::new(&query.unwrap_or_default());
        let mut line = Line {
            floor,
            outbox: Arc::default(),
            reply: Batch::new(0),
            told: Batch::new(0),
            is_member: false,
            members,
        };
        tokio::spawn(async move {
            if let Ok(socket) = socket.await {
                // Whichever way it ends, the connection is gone.
                let _ = line.serve(socket).await;
            }
            line.members.enter(line.floor.number(), &line.outbox, false);
        });
        answer.into_response()
    });
    Router::new().route("/api/live/ws", socket)
}

struct Line {
    floor: Floor,
    outbox: Arc<Outbox>,
    /// What is to be written next.
    reply: Batch,
    /// What everybody else in the room is to be sent.
    told: Batch,
    is_member: bool,
    members: Arc<Members<Outbox>>,
}

impl Line {
    async fn serve(&mut self, mut socket: WebSocket<HttpStream>) -> Result<(), WebSocketError> {
        let mut hello = Vec::new();
        self.floor.hello(&mut hello);
        socket.send(Frame::text(hello)).await?;
        loop {
            let (mut heard, waiting) = poll_fn(|cx| {
                let waiting = self.outbox.take(Some(cx));
                match socket.poll_next_unpin(cx) {
                    Poll::Ready(heard) => Poll::Ready((Some(heard), waiting)),
                    Poll::Pending if waiting.is_empty() => Poll::Pending,
                    Poll::Pending => Poll::Ready((None, waiting)),
                }
            })
            .await;
            if waiting.is_full {
                return Ok(());
            }
            for event in waiting.texts {
                socket.feed(Frame::text(event)).await?;
            }
            let now = now();
            while let Some(frame) = heard {
                let Some(frame) = frame else { return Ok(()) };
                // It answers pings and closes by itself.
                if frame.opcode() == OpCode::Text {
                    self.hear(frame.payload(), now);
                }
                if self.reply.is_full() {
                    socket.feed(Frame::text(self.reply.text())).await?;
                }
                // What is not there now wakes us above.
                heard = socket.next().now_or_never();
            }
            self.tell();
            if !self.reply.is_empty() {
                socket.feed(Frame::text(self.reply.text())).await?;
            }
            socket.flush().await?;
        }
    }

    /// Does what a frame asks for, and what everybody else in the room is to know of it.
    fn hear(&mut self, said: &[u8], now: u64) {
        self.floor.hear(said, now, &mut self.reply, &mut self.told);
        if self.told.is_full() {
            self.tell();
        }
    }

    /// Gives the room what it is to be told, and says so if this is one of its members now.
    fn tell(&mut self) {
        if self.floor.is_in_room() != self.is_member {
            self.is_member = !self.is_member;
            self.members.enter(self.floor.number(), &self.outbox, self.is_member);
        }
        if !self.told.is_empty() {
            let told = self.told.text();
            self.members.others(self.floor.number(), |outbox| outbox.push(&told));
        }
    }
}
