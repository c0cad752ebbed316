//! What can be had from the same socket library: a server that sends every text it is sent to everybody.
//!
//! Buffers are those of the live server, and it writes as the live server does: all that waits for a
//! connection, then one flush. So what the live server takes longer is what it does beside sending.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;

/// The socket library's buffers, as in the live server.
pub(crate) const BUFFER: usize = 4 << 10;
/// Messages that may wait for one connection; more than are ever under way.
const WAITING: usize = 4_096;

#[derive(Clone, Default)]
struct Everybody(Arc<Mutex<Vec<mpsc::Sender<Utf8Bytes>>>>);

impl Everybody {
    fn enter(&self) -> mpsc::Receiver<Utf8Bytes> {
        let (sender, receiver) = mpsc::channel(WAITING);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(sender);
        receiver
    }

    fn tell(&self, text: &Utf8Bytes) {
        // Whoever is full misses it, which the clients would see.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| !matches!(one.try_send(text.clone()), Err(mpsc::error::TrySendError::Closed(_))));
    }
}

/// What is served, where the live server has its socket.
pub(crate) fn router() -> Router {
    let everybody = Everybody::default();
    let socket = get(async move |upgrade: WebSocketUpgrade| {
        upgrade
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            .on_upgrade(async move |socket| serve(socket, &everybody).await)
    });
    Router::new().route("/api/live/ws", socket)
}

async fn serve(socket: WebSocket, everybody: &Everybody) {
    let mut waiting = everybody.enter();
    let (mut sink, mut stream) = socket.split();
    let read = async {
        while let Some(Ok(message)) = stream.next().await {
            if let Message::Text(text) = message {
                everybody.tell(&text);
            }
        }
    };
    let write = async {
        while let Some(text) = waiting.recv().await {
            let mut next = Some(text);
            while let Some(text) = next {
                if sink.feed(Message::Text(text)).await.is_err() {
                    return;
                }
                next = waiting.try_recv().ok();
            }
            if sink.flush().await.is_err() {
                return;
            }
        }
    };
    tokio::select! { () = read => {}, () = write => {} }
}
