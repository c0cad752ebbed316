//! A whole server in memory.

use std::sync::Arc;

use futures_util::stream;
use tokio::sync::mpsc;
use tokio_util::sync::PollSender;

use super::client::Client;
use super::socket::{Request, Socket};
use crate::auth::Identity;
use crate::channels::{self, Visitor};
use crate::server::Live;
use crate::session::Arrival;

/// Frames that fit between server and client before the server's writes wait, as in a socket's buffer.
const IN_FLIGHT: usize = 16;

/// A server to connect test clients to.
///
/// ```
/// use fluxstack_live::prelude::*;
/// use fluxstack_live::testing::Harness;
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() {
/// let harness = Harness::new(Live::builder().build().unwrap());
/// let mut client = harness.connect().await;
/// client.send_text("null");
/// assert_eq!(client.next().await.unwrap()["code"], "BAD_MESSAGE");
/// # }
/// ```
pub struct Harness {
    live: Live,
}

impl Harness {
    /// Serves `live` in memory.
    #[must_use]
    pub fn new(live: Live) -> Self {
        Self { live }
    }

    /// The server.
    #[must_use]
    pub fn live(&self) -> &Live {
        &self.live
    }

    /// Stops the server where it is, as `kill -9` would: nothing is said, and nothing more is kept than the store
    /// has by now.
    pub fn kill(&self) {
        self.live.kill();
    }

    /// Frames of events in rooms that the server has written so far: one for each event, however many hear it, and
    /// one more for a sender that does not.
    #[must_use]
    pub fn room_frames(&self) -> u64 {
        self.live.room_frames()
    }

    /// A client that speaks version 3; it has read the hello.
    ///
    /// # Panics
    /// If the server has no place for another connection.
    pub async fn connect(&self) -> Client {
        self.connect_with("v=3&caps=delta,batch")
            .await
            .expect("the server has a place for another connection")
    }

    /// A client that announces this in its URL, or `None` if the server has no place.
    pub async fn connect_with(&self, query: &str) -> Option<Client> {
        self.connect_as(query, "").await
    }

    /// The same as a certain user without any rights, as an authenticator would say; nobody if it is empty.
    pub async fn connect_as(&self, query: &str, user: &str) -> Option<Client> {
        self.connect_identified(query, (!user.is_empty()).then(|| Identity::new(user))).await
    }

    /// A socket that carries channels, or `None` if the server has no place for it.
    pub fn socket(&self, from: Request) -> Option<Socket> {
        let Request { headers, peer } = from;
        let place = self.live.place(peer).ok()?;
        let (to_server, mut from_client) = mpsc::channel(IN_FLIGHT);
        let (to_client, from_server) = mpsc::channel(IN_FLIGHT);
        let live = self.live.clone();
        tokio::spawn(async move {
            let incoming = stream::poll_fn(move |cx| from_client.poll_recv(cx));
            let visitor = Visitor { headers, peer };
            channels::run(live, place, visitor, incoming, PollSender::new(to_client)).await;
        });
        Some(Socket::new(to_server, from_server))
    }

    /// The same as whoever an authenticator would say.
    pub async fn connect_identified(&self, query: &str, identity: Option<Identity>) -> Option<Client> {
        let user = identity.as_ref().map_or("", Identity::id);
        // An address of its own for each user, so that one's wrong signatures are not another's.
        let peer = user.bytes().fold(1, |sum: u8, byte| sum.wrapping_add(byte));
        let peer = Some(std::net::Ipv4Addr::new(127, 0, 0, peer).into());
        let mut place = self.live.place(peer).ok()?;
        if let Some(identity) = &identity {
            place.belong_to(identity).ok()?;
        }
        let identity = identity.map(Arc::new);
        let arrival = Arrival { identity, peer, ..Arrival::from_query(query) };
        let (to_server, mut from_client) = mpsc::channel(IN_FLIGHT);
        let (to_client, from_server) = mpsc::channel(IN_FLIGHT);
        let live = self.live.clone();
        let dialect = arrival.dialect;
        tokio::spawn(async move {
            let incoming = stream::poll_fn(move |cx| from_client.poll_recv(cx));
            live.serve(place, arrival, incoming, PollSender::new(to_client)).await;
        });
        let mut client = Client::new(to_server, from_server, dialect);
        client.greet().await;
        Some(client)
    }
}
