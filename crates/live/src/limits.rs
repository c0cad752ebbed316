//! How much one connection, one user, one instance and one server may use. Every queue here has a bound.

use std::time::Duration;

/// The bounds of a server. Change them with [`Builder::limits`](crate::Builder::limits):
///
/// ```
/// use fluxstack_live::Live;
/// let live = Live::builder().limits(|limits| limits.calls = 32).build().unwrap();
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Limits {
    /// Connections at once; one more is refused with HTTP 503. Default 10,000.
    pub connections: usize,
    /// Connections at once of one user; one more is refused with HTTP 429. Default 20: that many tabs.
    pub connections_per_user: usize,
    /// Connections at once from one address (of IPv6: from one /64); one more is refused with HTTP 429. Default
    /// 1,000, because behind an address may be a school. Behind a proxy everybody has the proxy's address, unless you
    /// say so with [`Builder::behind_proxies`](crate::Builder::behind_proxies).
    pub connections_per_address: usize,
    /// Channels at once on one socket that carries channels; one more is closed with 4503. Each is a connection of its
    /// own, and counts as one. 0 for none: such sockets are then plain ones. Default 32.
    pub channels: usize,
    /// Bytes in a frame from a client; a larger one closes the connection with 1009. Default 1 MiB.
    pub frame: usize,
    /// Messages in one frame, and calls in one message. Default 64.
    pub batch: usize,
    /// Levels of nesting in a message. Default 64, at most 110: the JSON reader stops at 128.
    pub depth: usize,
    /// Messages a second from one connection, 0 for no limit. Default 200: more than anybody clicks.
    pub rate: u32,
    /// Messages a second from all connections of one user, 0 for no limit; 5 seconds' worth may come at once.
    /// Default 1,000.
    pub rate_per_user: u32,
    /// The same for one address. Default 10,000.
    pub rate_per_address: u32,
    /// Messages at once, before `rate` counts. Default 1,000.
    pub burst: u32,
    /// Messages refused for their rate, less those allowed since, before the connection is closed with 4429.
    /// Default 1,000.
    pub refusals: u32,
    /// Requests of one connection that may wait for their answer to be written. Default 256.
    pub calls: usize,
    /// Bytes of one connection's unanswered requests before it is no longer read from. Default 4 MiB.
    pub backlog: usize,
    /// Mounted instances of one connection. Default 1,000.
    pub instances: usize,
    /// Tasks of the whole server, one for each connection and each instance, those still finishing an
    /// action of a client that is gone included. Default 1,000,000.
    pub tasks: usize,
    /// Bytes of JSON in the props of one instance, which are kept for as long as it lives. Default 64 KiB.
    pub props: usize,
    /// Mail one instance may have waiting; more is answered with `BUSY`. Default 1,024.
    pub mailbox: usize,
    /// Bytes of JSON in the visible state of one instance, all rows of its lists included. Default 1 MiB.
    pub state: usize,
    /// Rows that are answered to one read of a list that is read in part; fewer where they would take more than
    /// `outbox_soft`. Default 512.
    pub window: usize,
    /// Bytes that may wait to be read by a client before its deltas are merged and it is no longer read
    /// from. Default 64 KiB.
    pub outbox_soft: usize,
    /// Bytes that may wait behind the first frame before the connection is closed with 4430. Default 4 MiB.
    pub outbox_hard: usize,
    /// Events that may wait for a slow client before the oldest are counted instead of kept. Default 256.
    pub events: usize,
    /// Bytes of them, at least one event. Default 128 KiB.
    pub event_bytes: usize,
    /// Rooms that one client may be in through one instance. Default 64.
    pub rooms: usize,
    /// Rooms of the whole server; those nobody is in make way. Default 100,000.
    pub rooms_total: usize,
    /// Sessions in one room. Default 100,000.
    pub room_members: usize,
    /// Bytes of events that one room keeps, however many its component wants kept. Default 256 KiB.
    pub room_history: usize,
    /// Bytes of the state that older clients keep in one room. Default 256 KiB.
    pub room_state: usize,
    /// How long an instance waits for its client to come back, unless its component says otherwise; then it
    /// goes to rest. Default 60 s.
    pub grace: Duration,
    /// Instances that may wait for their clients at once; further ones go to rest without waiting, and come
    /// back from the store. Default 100,000.
    pub waiting: usize,
    /// Bytes of frames an instance keeps for a client that comes back, while there is one; sixteen times as
    /// much while it waits for one. Default 4 KiB.
    pub replay: usize,
    /// How often at most a snapshot is taken of an instance that keeps changing, for the client and for a
    /// store that need not have it before the answer. Default 1 s.
    pub snapshot_every: Duration,
    /// How old a snapshot or a session may be and still come back. Default 24 h.
    pub snapshot_age: Duration,
    /// Bytes of a snapshot that a client is given to keep; of larger ones there is only the store's copy.
    /// Default 64 KiB.
    pub carried: usize,
    /// How long a draining server waits for running actions and for the store before it closes connections.
    /// Default 5 s.
    pub drain: Duration,
    /// How long it may take to find out who somebody is. Default 10 s.
    pub auth_time: Duration,
    /// Wrong credentials in a row, from one address or for one account, before further ones are refused without a
    /// look, for 30 s at first and up to 10 min; 0 for no limit. Default 8.
    pub auth_failures: u32,
    /// Uploads at once on one connection; one more is refused. Default 8.
    pub uploads: usize,
    /// Bytes of uploads a second from one connection, 0 for no limit. Default 0: they make way for calls anyway.
    pub upload_share: u64,
    /// Bytes of files that one user, or one address where nobody is signed in, may begin to send within 24 hours. What is
    /// cancelled or refused does not count. Default 4 GiB.
    pub upload_quota: u64,
    /// Bytes of the files of all users that are unfinished, or that nobody has taken yet. Default 16 GiB.
    pub upload_disk: u64,
    /// How long after its last byte an upload is kept that nobody finishes or takes. Default 24 h.
    pub upload_age: Duration,
    /// How often the server pings; two unanswered pings close the connection with 4408. Default 30 s.
    pub ping: Duration,
    /// How long one write may take before the peer counts as gone. Default 30 s.
    pub write: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_user: 20,
            connections_per_address: 1_000,
            channels: 32,
            frame: 1 << 20,
            batch: 64,
            depth: 64,
            rate: 200,
            rate_per_user: 1_000,
            rate_per_address: 10_000,
            burst: 1_000,
            refusals: 1_000,
            calls: 256,
            backlog: 4 << 20,
            instances: 1_000,
            tasks: 1_000_000,
            props: 64 << 10,
            mailbox: 1_024,
            state: 1 << 20,
            window: 512,
            outbox_soft: 64 << 10,
            outbox_hard: 4 << 20,
            events: 256,
            event_bytes: 128 << 10,
            rooms: 64,
            rooms_total: 100_000,
            room_members: 100_000,
            room_history: 256 << 10,
            room_state: 256 << 10,
            grace: Duration::from_secs(60),
            waiting: 100_000,
            replay: 4 << 10,
            snapshot_every: Duration::from_secs(1),
            snapshot_age: Duration::from_secs(24 * 60 * 60),
            carried: 64 << 10,
            drain: Duration::from_secs(5),
            auth_time: Duration::from_secs(10),
            auth_failures: 8,
            uploads: 8,
            upload_share: 0,
            upload_quota: 4 << 30,
            upload_disk: 16 << 30,
            upload_age: Duration::from_secs(24 * 60 * 60),
            ping: Duration::from_secs(30),
            write: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// Lifts what would stand in the way of a load test: connections, rate, calls in flight, instances.
    pub fn unlimited(&mut self) {
        self.connections = usize::MAX;
        self.connections_per_user = usize::MAX;
        self.connections_per_address = usize::MAX;
        self.rate = 0;
        self.rate_per_user = 0;
        self.rate_per_address = 0;
        self.calls = 1 << 20;
        self.instances = 1 << 20;
        self.tasks = usize::MAX;
        self.waiting = usize::MAX;
    }
}
