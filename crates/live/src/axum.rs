//! Live components in an axum application. The only file that names axum, and the one that knows it is a
//! WebSocket underneath.
//!
//! Before the upgrade the origin is checked and a place is taken; after it the socket is a stream and a
//! sink like any other transport.

use std::net::{IpAddr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocketUpgrade};
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _, future};
use tungstenite::error::{CapacityError, Error as SocketError};

use crate::server::Live;
use crate::session::{Arrival, Incoming, Outgoing};

/// The socket library's own buffers. By default it reserves 128 KiB for reading on each connection;
/// `cargo xtask memory` measures what a connection costs with these.
const BUFFER: usize = 4 << 10;

/// Who is at the other end, where the application serves with
/// `into_make_service_with_connect_info::<SocketAddr>()`. Behind a proxy it is the proxy.
type Peer = Extension<ConnectInfo<SocketAddr>>;

impl Live {
    /// The WebSocket, for any path of any router.
    ///
    /// ```
    /// use fluxstack_live::Live;
    /// let live = Live::builder().build().unwrap();
    /// let app: axum::Router = axum::Router::new().route("/live", live.route());
    /// ```
    pub fn route<S: Clone + Send + Sync + 'static>(&self) -> MethodRouter<S> {
        let live = self.clone();
        get(async move |uri: Uri, headers: HeaderMap, peer: Option<Peer>, upgrade: WebSocketUpgrade| {
            live.upgrade(&uri, &headers, peer.map(|Extension(ConnectInfo(peer))| peer.ip()), upgrade)
        })
    }

    /// The WebSocket at `/ws` and `GET /health`, to be nested where clients look for it:
    ///
    /// ```
    /// use fluxstack_live::Live;
    /// let live = Live::builder().build().unwrap();
    /// let app: axum::Router = axum::Router::new().nest("/api/live", live.router());
    /// ```
    pub fn router<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        let live = self.clone();
        let health = get(async move || {
            let (status, said) = if live.is_draining() {
                (StatusCode::SERVICE_UNAVAILABLE, "{\"status\":\"draining\"}")
            } else {
                (StatusCode::OK, "{\"status\":\"up\"}")
            };
            (status, [(header::CONTENT_TYPE, "application/json")], said)
        });
        Router::new().route("/ws", self.route()).route("/health", health)
    }

    fn upgrade(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        upgrade: WebSocketUpgrade,
    ) -> Response {
        if !self.may_connect(headers) {
            let said = "this origin may not connect: add it with `.allow_origin(…)` if it should";
            return (StatusCode::FORBIDDEN, said).into_response();
        }
        let Some(place) = self.place() else {
            let said = if self.is_draining() {
                "this server is going away: try another"
            } else {
                "too many connections: try again later"
            };
            return (StatusCode::SERVICE_UNAVAILABLE, said).into_response();
        };
        let arrival = Arrival { peer, ..Arrival::from_query(uri.query().unwrap_or_default()) };
        let live = self.clone();
        let most = self.limits().frame;
        upgrade
            .read_buffer_size(BUFFER)
            .write_buffer_size(BUFFER)
            // Has to hold the largest frame we write; how much may wait is the outbox's business.
            .max_write_buffer_size(self.limits().state.max(self.limits().outbox_hard).saturating_mul(2) + (1 << 20))
            .max_message_size(most)
            .max_frame_size(most)
            .on_upgrade(async move |socket| {
                let (sink, stream) = socket.split();
                let incoming = stream.filter_map(|message| future::ready(incoming(message)));
                let outgoing = sink.with(|frame| future::ready(Ok::<_, axum::Error>(outgoing(frame))));
                live.serve(place, arrival, incoming, outgoing).await;
            })
    }

    /// A page may connect if it is our own or was allowed. What sends no `Origin` is no browser, and has no
    /// cookies of anyone's to abuse.
    fn may_connect(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        let Ok(origin) = origin.to_str().map(str::to_ascii_lowercase) else { return false };
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
        let is_own =
            origin.split_once("://").is_some_and(|(_, of)| !of.is_empty() && of.eq_ignore_ascii_case(host));
        is_own || self.origins.contains(&origin)
    }
}

fn incoming(message: Result<Message, axum::Error>) -> Option<Incoming> {
    match message {
        Ok(Message::Text(text)) => Some(Incoming::Text(Bytes::from(text))),
        Ok(Message::Binary(_)) => Some(Incoming::Binary),
        Ok(Message::Pong(_)) => Some(Incoming::Pong),
        // The library answers pings and closes itself, and the stream ends after a close.
        Ok(Message::Ping(_) | Message::Close(_)) => None,
        Err(error) => match error.into_inner().downcast_ref::<SocketError>() {
            Some(SocketError::Capacity(CapacityError::MessageTooLong { .. })) => Some(Incoming::TooLarge),
            _ => None,
        },
    }
}

fn outgoing(frame: Outgoing) -> Message {
    match frame {
        Outgoing::Text(text) => {
            Message::Text(Utf8Bytes::try_from(text).expect("frames are made of strings and serde's JSON"))
        }
        Outgoing::Ping => Message::Ping(Bytes::new()),
        Outgoing::Close(None) => Message::Close(None),
        Outgoing::Close(Some(code)) => {
            Message::Close(Some(CloseFrame { code: code.number(), reason: code.reason().into() }))
        }
    }
}
