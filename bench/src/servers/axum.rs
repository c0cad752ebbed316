//! The floor on our socket library: what `axum`'s WebSocket costs by itself.
//!
//! It has the live server's buffers, and does what was found to matter most: it reads all that is there, and writes
//! once.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;

use axum::Router;
use axum::extract::RawQuery;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};

use super::batch::Batch;
use super::floor::{Floor, now};
use super::outbox::{Members, Outbox, Waiting};
use crate::bare::BUFFER;

/// What is served, where the live server has its socket, with so many messages in a
/// frame at most: two for an action, one for an event.
pub(crate) fn router(most: u32) -> Router {
    let members = Arc::new(Members::default());
    let socket = get(async move |RawQuery(query): RawQuery, upgrade: WebSocketUpgrade| {
        let floor = Floor::new(&query.unwrap_or_default());
        upgrade.read_buffer_size(BUFFER).write_buffer_size(BUFFER).on_upgrade(async move |socket| {
            let mut line = Line {
                floor,
                outbox: Arc::default(),
                reply: Batch::new(0).with_most(most),
                told: Batch::new(0).with_most(most.div_ceil(2)),
                is_member: false,
                members,
            };
            // Whichever way it ends, the connection is gone.
            let _ = line.serve(socket).await;
            line.members.enter(line.floor.number(), &line.outbox, false);
        })
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
    async fn serve(&mut self, mut socket: WebSocket) -> Result<(), axum::Error> {
        let mut hello = Vec::new();
        self.floor.hello(&mut hello);
        socket.send(text(hello.into())?).await?;
        loop {
            let (heard, waiting) = poll_fn(|cx| {
                let waiting = self.outbox.take(Some(cx));
                match socket.poll_next_unpin(cx) {
                    Poll::Ready(heard) => Poll::Ready((Some(heard), waiting)),
                    Poll::Pending if waiting.is_empty() => Poll::Pending,
                    Poll::Pending => Poll::Ready((None, waiting)),
                }
            })
            .await;
            feed(&mut socket, waiting).await?;
            let (mut heard, now) = (heard, now());
            while let Some(message) = heard {
                let Some(message) = message else { return Ok(()) };
                if let Message::Text(said) = message? {
                    self.hear(said.as_bytes(), now);
                }
                if self.reply.is_full() {
                    socket.feed(text(self.reply.text())?).await?;
                }
                // What is not there now wakes us above.
                heard = socket.next().now_or_never();
            }
            self.tell();
            if !self.reply.is_empty() {
                socket.feed(text(self.reply.text())?).await?;
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

async fn feed(socket: &mut WebSocket, waiting: Waiting) -> Result<(), axum::Error> {
    if waiting.is_full {
        return Err(axum::Error::new("too much waits for it"));
    }
    for event in waiting.texts {
        socket.feed(text(event)?).await?;
    }
    Ok(())
}

fn text(bytes: Bytes) -> Result<Message, axum::Error> {
    Utf8Bytes::try_from(bytes).map(Message::Text).map_err(axum::Error::new)
}
