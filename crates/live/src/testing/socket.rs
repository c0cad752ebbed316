//! A socket that carries channels, from the browser's side: each channel is a [`Client`], and the socket can say
//! what no browser would.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use fluxstack_live_protocol::channel::{self, ChannelId};
use fluxstack_live_protocol::{CloseCode, Dialect};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::client::Client;
use crate::session::{Incoming, Outgoing, join};

/// Frames that fit between socket and channel before the socket is not read any more.
const IN_FLIGHT: usize = 16;

/// See the module. Made by [`Harness::socket`](super::Harness::socket).
pub struct Socket {
    to_server: mpsc::Sender<Incoming>,
    seen: Arc<Seen>,
    newest: ChannelId,
    /// Cancelled with the socket.
    torn: CancellationToken,
}

/// What came, and for whom it is.
#[derive(Default)]
struct Seen {
    channels: Mutex<HashMap<ChannelId, mpsc::Sender<Outgoing>>>,
    /// Frames in the order in which they came.
    log: Mutex<Vec<String>>,
    /// Whether pings are answered.
    is_dead: AtomicBool,
    /// Cancelled where nothing more is read.
    deaf: CancellationToken,
    closed: Mutex<Option<Option<CloseCode>>>,
    over: CancellationToken,
}

impl Socket {
    pub(super) fn new(to_server: mpsc::Sender<Incoming>, mut from_server: mpsc::Receiver<Outgoing>) -> Self {
        let (seen, torn) = (Arc::new(Seen::default()), CancellationToken::new());
        let (to, heard, gone) = (to_server.clone(), Arc::clone(&seen), torn.clone());
        tokio::spawn(async move {
            loop {
                let frame = tokio::select! {
                    biased;
                    () = gone.cancelled() => break,
                    () = heard.deaf.cancelled() => {
                        gone.cancelled().await;
                        break;
                    }
                    frame = from_server.recv() => frame,
                };
                match frame {
                    Some(Outgoing::Text(text)) => heard.take(&text).await,
                    Some(Outgoing::Texts(texts)) => heard.take(&join(&texts)).await,
                    Some(Outgoing::Ping) if heard.is_dead.load(Ordering::Relaxed) => {}
                    Some(Outgoing::Ping) => drop(to.try_send(Incoming::Pong)),
                    Some(Outgoing::Close(code)) => *lock(&heard.closed) = Some(code),
                    None => break,
                }
            }
            lock(&heard.channels).clear();
            heard.over.cancel();
        });
        Self { to_server, seen, newest: 0, torn }
    }

    /// A channel that announces this, when it has read the hello; nothing if the server closed it instead.
    pub async fn open(&mut self, query: &str) -> Option<Client> {
        let mut client = self.ask(query).await;
        client.greet().await;
        client.close_code().is_none().then_some(client)
    }

    /// A channel that was asked for, whatever becomes of it.
    pub async fn ask(&mut self, query: &str) -> Client {
        self.newest += 1;
        let id = self.newest;
        let (to_channel, from_channel) = mpsc::channel(IN_FLIGHT);
        lock(&self.seen.channels).insert(id, to_channel);
        let (to_socket, mut frames) = mpsc::channel::<Incoming>(IN_FLIGHT);
        let (to_server, seen) = (self.to_server.clone(), Arc::clone(&self.seen));
        self.send(format!("{id}+{query}")).await;
        tokio::spawn(async move {
            while let Some(frame) = frames.recv().await {
                let frame = match frame {
                    Incoming::Text(text) => Incoming::Text(channel::frame(id, &text).into()),
                    Incoming::Binary(frame) => Incoming::Binary(channel::binary(id, &frame).into()),
                    other => other,
                };
                if to_server.send(frame).await.is_err() {
                    return;
                }
            }
            lock(&seen.channels).remove(&id);
            let _ = to_server.send(Incoming::Text(format!("{id}-").into())).await;
        });
        Client::new(to_socket, from_channel, Dialect::from_query(query))
    }

    /// Sends any text at all; waits while the server does not read.
    pub async fn send(&self, text: impl Into<String>) {
        let _ = self.to_server.send(Incoming::Text(Bytes::from(text.into()))).await;
    }

    /// Sends any text at all, unless the server does not read.
    #[must_use]
    pub fn send_if_read(&self, text: &str) -> bool {
        self.to_server.try_send(Incoming::Text(Bytes::copy_from_slice(text.as_bytes()))).is_ok()
    }

    /// Sends a binary frame; any bytes at all.
    pub async fn send_binary(&self, frame: impl Into<Bytes>) {
        let _ = self.to_server.send(Incoming::Binary(frame.into())).await;
    }

    /// Answers no pings from now on.
    pub fn play_dead(&self) {
        self.seen.is_dead.store(true, Ordering::Relaxed);
    }

    /// Reads nothing from now on.
    pub fn stop_reading(&self) {
        self.seen.deaf.cancel();
    }

    /// Everything the server has said on the socket so far, in order.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        lock(&self.seen.log).clone()
    }

    /// Waits until the server has closed the socket, and says why.
    pub async fn closed(&self) -> Option<CloseCode> {
        self.seen.over.cancelled().await;
        lock(&self.seen.closed).flatten()
    }
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.torn.cancel();
    }
}

impl Seen {
    async fn take(&self, text: &[u8]) {
        let text = std::str::from_utf8(text).expect("the server sends text");
        lock(&self.log).push(text.to_owned());
        let end = text.find(|letter: char| !letter.is_ascii_digit()).expect("a frame names its channel");
        let id = text[..end].parse().expect("a channel has a number");
        let Some(channel) = lock(&self.channels).get(&id).cloned() else { return };
        let frame = match text[end..].split_at(1) {
            (" ", frame) => Outgoing::Text(Bytes::copy_from_slice(frame.as_bytes())),
            ("-", code) => Outgoing::Close(close_code(code)),
            _ => panic!("no frame of a channel: {text}"),
        };
        let is_over = matches!(frame, Outgoing::Close(_));
        // A channel that is not read stops the socket, as a browser that does not read would.
        let _ = channel.send(frame).await;
        if is_over {
            lock(&self.channels).remove(&id);
        }
    }
}

fn close_code(number: &str) -> Option<CloseCode> {
    let number: u16 = number.parse().expect("a close has a code");
    let code = CloseCode::ALL.iter().find(|code| code.number() == number).copied();
    assert!(code.is_some() || number == 1005, "an unknown code: {number}");
    code
}

fn lock<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where a socket comes from, as an upgrade request would say.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// Headers, cookies among them.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// Where it comes from.
    pub peer: Option<IpAddr>,
}
