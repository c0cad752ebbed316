//! Live components in an axum application. Only this file and those in its folder name axum, and only they know that
//! it is a WebSocket underneath: `axum/upgrade.rs` is the handshake, `axum/socket.rs` what is read and written after
//! it. `axum/files.rs` serves what was kept, `axum/static_files.rs` what the application is made of.
//!
//! Before the upgrade the origin is checked, a place is taken, and it is found out who connects; after it the
//! socket is a stream and a sink like any other transport. A request from a foreign page is refused before anybody
//! looks at its cookies.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, get};
use axum::{Extension, Router};
use fluxstack_live_protocol::channel;
use futures_util::{Sink, Stream};

use crate::auth::Credentials;
use crate::channels::{self, Visitor};
use crate::error::Code;
use crate::server::{Live, NoPlace, Place, forwarded};
use crate::session::{Arrival, Incoming, Outgoing, Unknown};

mod conditions;
mod files;
mod socket;
#[cfg(feature = "files")]
mod static_files;
mod upgrade;

#[cfg(feature = "files")]
pub use static_files::static_files;
use upgrade::{Serve, Upgrade};

/// Where proxies write down whom they saw.
const FORWARDED_FOR: &str = "x-forwarded-for";

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
        get(async move |uri: Uri, headers: HeaderMap, peer: Option<Peer>, upgrade: Upgrade| {
            let peer = peer.map(|Extension(ConnectInfo(peer))| peer.ip());
            live.upgrade(&uri, &headers, peer, upgrade).await
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

    async fn upgrade(
        &self,
        uri: &Uri,
        headers: &HeaderMap,
        peer: Option<IpAddr>,
        upgrade: Upgrade,
    ) -> Response {
        if !self.may_connect(headers) {
            let said = "this origin may not connect: add it with `.allow_origin(…)` if it should";
            return (StatusCode::FORBIDDEN, said).into_response();
        }
        let peer = self.seen_by_proxies(headers).or(peer);
        let mut place = match self.place(peer) {
            Ok(place) => place,
            Err(why) => return no_place(why, headers),
        };
        let query = uri.query().unwrap_or_default();
        if self.limits().channels > 0 && channel::are_asked_for(query) {
            return self.carry(place, headers, peer, upgrade);
        }
        let mut arrival = Arrival { peer, ..Arrival::from_query(query) };
        let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let identity = match self.admit(&Credentials::connecting(query, texts, peer)).await {
            Ok(identity) => identity,
            Err(unknown) => return refusal(&unknown),
        };
        if let Some(identity) = identity {
            if let Err(why) = place.belong_to(&identity) {
                return no_place(why, headers);
            }
            arrival.identity = Some(Arc::new(identity));
        }
        upgrade.answer(self.longest_frame(), self.farewells(), One { live: self.clone(), place, arrival })
    }

    /// A socket that carries channels. Who is there each of them finds out for itself.
    fn carry(&self, place: Place, headers: &HeaderMap, peer: Option<IpAddr>, upgrade: Upgrade) -> Response {
        let texts = headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        let headers = texts.map(|(name, value)| (name.into(), value.into())).collect();
        let most = self.longest_frame().saturating_add(channel::OVERHEAD);
        upgrade.answer(
            most,
            self.farewells(),
            Many { live: self.clone(), place, visitor: Visitor { headers, peer } },
        )
    }

    /// Where the request comes from, if it comes through proxies of ours.
    fn seen_by_proxies(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let lines: Vec<&str> =
            headers.get_all(FORWARDED_FOR).iter().filter_map(|line| line.to_str().ok()).collect();
        forwarded(lines.into_iter(), self.proxies)
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

/// The answer to one connection too many.
fn no_place(why: NoPlace, headers: &HeaderMap) -> Response {
    let (status, said) = match why {
        NoPlace::Draining => (StatusCode::SERVICE_UNAVAILABLE, "this server is going away: try another"),
        NoPlace::Full => (StatusCode::SERVICE_UNAVAILABLE, "too many connections: try again later"),
        NoPlace::Address => (StatusCode::TOO_MANY_REQUESTS, "too many connections from this address"),
        NoPlace::User => (StatusCode::TOO_MANY_REQUESTS, "too many connections of this user: close some"),
    };
    if why == NoPlace::Address && headers.contains_key(FORWARDED_FOR) {
        tracing::warn!(
            "an address has too many connections; if it is a proxy of yours, say so with `.behind_proxies(1)`"
        );
    }
    (status, said).into_response()
}

/// The answer to whoever is not known.
fn refusal(Unknown { error, wait }: &Unknown) -> Response {
    let status = match error.code() {
        Code::AuthThrottled => StatusCode::TOO_MANY_REQUESTS,
        Code::Busy => StatusCode::SERVICE_UNAVAILABLE,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        _ => StatusCode::UNAUTHORIZED,
    };
    let mut response = (status, error.message().to_owned()).into_response();
    if status == StatusCode::UNAUTHORIZED {
        // The standard wants one with every 401. This one makes no browser ask for a password.
        response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    if let Some(wait) = wait {
        // Rounded up, so that nobody comes a moment too early.
        let seconds = (*wait + Duration::from_millis(999)).as_secs();
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

/// A socket that is one connection.
struct One {
    live: Live,
    place: Place,
    arrival: Arrival,
}

impl Serve for One {
    async fn serve(
        self,
        incoming: impl Stream<Item = Incoming> + Unpin + Send,
        outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) {
        let Self { live, place, arrival } = self;
        live.serve(place, arrival, incoming, outgoing).await;
    }
}

/// A socket that carries channels.
struct Many {
    live: Live,
    place: Place,
    visitor: Visitor,
}

impl Serve for Many {
    async fn serve(
        self,
        incoming: impl Stream<Item = Incoming> + Unpin + Send,
        outgoing: impl Sink<Outgoing, Error: Send> + Unpin + Send,
    ) {
        channels::run(self.live, self.place, self.visitor, incoming, outgoing).await;
    }
}
