//! From an HTTP request to a socket: the handshake, and the stream that is left when HTTP is over.
//!
//! The bare TCP stream is taken back from hyper, which would otherwise keep a buffer of 8 KB for each connection, and
//! put two layers between us and the kernel. What is no TCP stream (TLS, a Unix socket, a test's pipe) stays as hyper
//! hands it out, and is spoken to in the same way.

use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use futures_util::{Sink, Stream};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::upgrade;
use sha1::{Digest as _, Sha1};
use tokio::net::TcpStream;
use tokio_util::task::TaskTracker;

use super::socket;
use crate::session::{Incoming, Outgoing};

/// What the standard appends to a key before it is digested.
const MAGIC: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// The one version there is.
const VERSION: &str = "13";
/// Bytes of a key.
const KEY: usize = 16;

/// A request that asks for a WebSocket, and may have one.
pub(super) struct Upgrade {
    accept: HeaderValue,
    upgraded: OnUpgrade,
}

/// What is done with a socket.
pub(super) trait Serve: Send + 'static {
    /// Until either side has enough.
    fn serve(
        self,
        incoming: impl Stream<Item = Incoming> + Unpin + Send,
        outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) -> impl Future<Output = ()> + Send;
}

impl<S: Send + Sync> FromRequestParts<S> for Upgrade {
    type Rejection = Response;

    async fn from_request_parts(request: &mut Parts, _state: &S) -> Result<Self, Response> {
        let refused = |status: StatusCode, said: &'static str| (status, said).into_response();
        let headers = &request.headers;
        if request.method != Method::GET {
            let allowed = [(header::ALLOW, "GET")];
            let said = "a WebSocket is asked for with GET";
            return Err((StatusCode::METHOD_NOT_ALLOWED, allowed, said).into_response());
        }
        if request.version > Version::HTTP_11 {
            // Not 426, which has to name what to upgrade to, and later versions know no such thing.
            return Err(refused(StatusCode::BAD_REQUEST, "a WebSocket is asked for with HTTP/1.1"));
        }
        if !names(headers, &header::CONNECTION, "upgrade") {
            return Err(refused(StatusCode::BAD_REQUEST, "`Connection` does not say `upgrade`"));
        }
        if !names(headers, &header::UPGRADE, "websocket") {
            return Err(refused(StatusCode::BAD_REQUEST, "`Upgrade` does not say `websocket`"));
        }
        if headers.get(header::SEC_WEBSOCKET_VERSION).is_none_or(|version| version != VERSION) {
            return Err(upgrade_required("`Sec-WebSocket-Version` is not 13"));
        }
        let Some(accept) = headers.get(header::SEC_WEBSOCKET_KEY).and_then(accept) else {
            return Err(refused(StatusCode::BAD_REQUEST, "`Sec-WebSocket-Key` is not 16 bytes in base64"));
        };
        let Some(upgraded) = request.extensions.remove() else {
            return Err(upgrade_required("this connection cannot become a WebSocket"));
        };
        Ok(Self { accept, upgraded })
    }
}

impl Upgrade {
    /// Says yes, and serves the socket once HTTP is over, for a server that counts its `farewells`; messages may have
    /// `most` bytes.
    pub(super) fn answer(self, most: usize, farewells: TaskTracker, serve: impl Serve) -> Response {
        let upgraded = self.upgraded;
        tokio::spawn(async move {
            // If there is no socket after all, there is nobody to tell.
            let Ok(upgraded) = upgraded.await else { return };
            match upgrade::downcast::<TokioIo<TcpStream>>(upgraded) {
                Ok(upgrade::Parts { io, read_buf, .. }) => {
                    let mut stream = io.into_inner();
                    let (read, write) = stream.split();
                    socket::serve(read, write, read_buf, most, farewells, serve).await;
                }
                Err(upgraded) => {
                    let (read, write) = tokio::io::split(TokioIo::new(upgraded));
                    // Of its own, or every connection would have the room for it.
                    Box::pin(socket::serve(read, write, Bytes::new(), most, farewells, serve)).await;
                }
            }
        });
        let headers = [
            (header::CONNECTION, HeaderValue::from_static("upgrade")),
            (header::UPGRADE, HeaderValue::from_static("websocket")),
            (header::SEC_WEBSOCKET_ACCEPT, self.accept),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
    }
}

/// The answer to whoever may ask again, and how: the standard wants it to say what to upgrade to.
fn upgrade_required(said: &'static str) -> Response {
    let headers = [
        (header::CONNECTION, "upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_VERSION, VERSION),
    ];
    (StatusCode::UPGRADE_REQUIRED, headers, said).into_response()
}

/// Whether a header that is a list has this word in it.
fn names(headers: &HeaderMap, header: &HeaderName, word: &str) -> bool {
    let lines = headers.get_all(header).iter().filter_map(|line| line.to_str().ok());
    lines.flat_map(|line| line.split(',')).any(|named| named.trim().eq_ignore_ascii_case(word))
}

/// What proves to a client that its key was understood as one.
fn accept(key: &HeaderValue) -> Option<HeaderValue> {
    let bytes = BASE64_STANDARD.decode(key).ok()?;
    if bytes.len() != KEY {
        return None;
    }
    let digest = Sha1::new().chain_update(key).chain_update(MAGIC).finalize();
    HeaderValue::try_from(BASE64_STANDARD.encode(digest)).ok()
}
